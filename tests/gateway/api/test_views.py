"""What people may see of the state."""

import json

from lamplighter.gateway.api.views import health, node_view, task_view


def test_everything_that_is_shown_is_json(pair):
    """Each view of a working gateway can be written as JSON, and none of them holds a key or a nonce."""
    pair.task(jobs=2)
    pair.answer(pair.leases()[0])
    shown = [health(pair.state), *(node_view(pair.state, node) for node in pair.state.nodes.values()),
             *(task_view(task) for task in pair.state.tasks.values())]
    text = json.dumps(shown)
    assert not any(lease.nonce.hex() in text for lease in pair.state.leases.values())


def test_health_counts_what_moves(pair):
    """Open tasks, connected devices, leases that are out, jobs done, the epoch."""
    pair.task(jobs=3)
    pair.enrol("away-1")
    while not pair.of().done_jobs:
        pair.answer(pair.leases()[0])
    told = health(pair.state)
    assert (told["tasks_open"], told["tasks"], told["nodes"], told["nodes_online"]) == (1, 1, 3, 2)
    assert (told["leases_open"], told["jobs_since_start"], told["epoch"], told["spare_permille"]) == (2, 1, 0, 500)


def test_an_empty_gateway_is_healthy(city):
    """Without devices and tasks all numbers are zero."""
    assert set(health(city.state).values()) == {0}


def test_a_device_is_shown_with_its_standing(pair):
    """State, owner, spare share, open leases, standing, credits and how long ago it was heard."""
    pair.task(jobs=1)
    pair.agreed("anna-1")
    pair.now += 700
    pair.wait()
    shown = node_view(pair.state, pair.node("ben-1"))
    assert (shown["node"], shown["owner"], shown["state"], shown["open"]) == ("ben-1", "ben", "ready", 1)
    assert (shown["spare"], shown["score"], shown["quarantined"], shown["last_seen_ms_ago"]) == (500, 0, False, 700)
    assert (shown["why"], shown["restarted"]) == ("", "")


def test_a_device_that_was_never_heard_says_so(city):
    """An enrolled device is unseen until it speaks."""
    city.enrol("anna-1")
    shown = node_view(city.state, city.node("anna-1"))
    assert (shown["state"], shown["last_seen_ms_ago"]) == ("unseen", None)


def test_a_task_is_shown_with_its_devices(pair):
    """Who took part, and how many results each gave."""
    pair.task(jobs=2)
    pair.work()
    assert task_view(pair.of())["devices"] == {"anna-1": 2, "ben-1": 2}
