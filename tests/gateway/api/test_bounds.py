"""What is held of what is bounded."""

from collections import Counter

from lamplighter.gateway.adapters.mqtt import BrokerUrl, MqttLink
from lamplighter.gateway.api.bounds import BOUNDS, bounds, table
from lamplighter.gateway.core import events as e


def test_every_bound_is_shown_with_what_is_held(pair):
    """As many as there are now, and at most; those of the broker's connection as it says itself."""
    pair.task(jobs=2)
    pair.submit("u")
    shown = bounds(pair.state, Counter({"anna": 2, "ben": 1}), {
        "file_bytes": (7, 8), "request_bytes_at_start": (5, 6), "messages_in": (1, 2), "messages_out": (3, 4)})
    assert list(shown) == list(BOUNDS)
    assert {name: bound["now"] for name, bound in shown.items()} == {
        "devices": 2, "tasks": 2, "tasks_finished": 0, "requests": 3,
        "requests_of_an_operator": 2, "strangers": 0, "leases_of_a_device": 1, "leases_remembered": 0,
        "compiling": 0, "file_bytes": 7, "request_bytes_at_start": 5, "messages_in": 1, "messages_out": 3}
    assert shown["messages_in"]["most"] == 2 and shown["devices"]["most"] == pair.policy.max_nodes


def test_a_street_without_devices_has_bounds_too(city):
    """Nothing is held, and a connection says its own."""
    link = MqttLink(BrokerUrl("127.0.0.1", 1), "me", on_message=print)
    shown = bounds(city.state, Counter(), {"file_bytes": (0, 1), "request_bytes_at_start": (0, 1), **link.holds()})
    assert {bound["now"] for bound in shown.values()} == {0} and all(bound["most"] for bound in shown.values())
    assert table(shown).count("\n") == 2 + len(BOUNDS)


def test_what_is_cleared_and_forgotten_is_counted(make_city):
    """Under the names of the table."""
    city = make_city(max_finished=1, remembered_leases=2)
    city.device("anna-1")
    for name in "abc":
        city.task(name)
        city.tell(e.TaskCancelled(name))
    counters = city.state.counters
    assert counters[BOUNDS["tasks_finished"].counted] == 2 and counters[BOUNDS["leases_remembered"].counted] == 1
