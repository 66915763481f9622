"""Tasks, jobs, leases and nodes: they move as their tables say, and what names a job."""

import pytest

from lamplighter.gateway.core.entities import TOLD, Job, Lease, Node, Task
from lamplighter.gateway.core.events import JobSpec
from lamplighter.gateway.core.lifecycle import (
    ENDED_MOVES,
    JOB_MOVES,
    LEASE_MOVES,
    NODE_MOVES,
    TASK_MOVES,
    Ended,
    NodeState,
    Phase,
    TaskState,
    Where,
)
from lamplighter.gateway.protocol.verdicts import VERDICT_MOVES, Verdict
from lamplighter.gateway.protocol.words import IllegalMove, named

NOW = " at 5 by NodeBid, "


def new_task(name="t"):
    return Task(name, "toy.sum", b"", 0, 1_000, 0, 0)


@pytest.fixture
def new_job(city):
    """new_job(task="t", round_=0, index=0, spec=...) makes a job that no machine knows."""
    def make(task="t", round_=0, index=0, spec=None):
        return Job(new_task(task), round_, index, spec or city.job())
    return make


@pytest.fixture
def new_lease(new_job):
    """new_lease() makes a lease of task rush, round 1, job 5."""
    return lambda: Lease(7, new_job("rush", 1, 5), "anna-1", "anna", 2, b"n" * 16)


def moves_as_the_table_says(thing, attribute, move, moves, start, end):
    setattr(thing, attribute, start)
    if end in moves[start]:
        move(end)
        assert getattr(thing, attribute) is end
    else:
        with pytest.raises(IllegalMove, match=f"{named(start)} -> {named(end)}"):
            move(end)
        assert getattr(thing, attribute) is start


@pytest.mark.parametrize("start", list(Where))
@pytest.mark.parametrize("end", list(Where))
def test_leases_move_as_the_table_says(new_lease, start, end):
    """Any other move raises and leaves the lease where it was."""
    lease = new_lease()
    moves_as_the_table_says(lease, "where", lambda to: lease.move(to, NOW), LEASE_MOVES, start, end)


@pytest.mark.parametrize("start", list(Ended))
@pytest.mark.parametrize("end", list(Ended))
def test_leases_end_as_the_table_says(new_lease, start, end):
    """A lease ends once, and only what ended without a result may come late."""
    lease = new_lease()
    lease.where = Where.OVER if start else Where.SENT
    moves_as_the_table_says(lease, "ended", lambda to: lease.end(to, NOW), ENDED_MOVES, start, end)


@pytest.mark.parametrize("where", [where for where in Where if Where.OVER not in LEASE_MOVES[where]])
def test_what_is_not_out_does_not_end(new_lease, where):
    """A lease that was not sent, or is over, is not ended by anything."""
    lease = new_lease()
    lease.where = where
    with pytest.raises(IllegalMove, match=f"{where} -> over"):
        lease.end(Ended.DONE, NOW)
    assert lease.ended is Ended.OPEN


@pytest.mark.parametrize("start", list(Verdict))
@pytest.mark.parametrize("end", list(Verdict))
def test_leases_are_judged_as_the_table_says(new_lease, start, end):
    """Any other verdict raises and leaves the one that was."""
    lease = new_lease()
    moves_as_the_table_says(lease, "verdict", lambda to: lease.judge(to, NOW), VERDICT_MOVES, start, end)


@pytest.mark.parametrize("start", list(Phase))
@pytest.mark.parametrize("end", list(Phase))
def test_jobs_move_as_the_table_says(new_job, start, end):
    """Any other move raises and leaves the job where it was."""
    job = new_job("rush", 3, 4)
    moves_as_the_table_says(job, "phase", lambda to: job.move(to, NOW), JOB_MOVES, start, end)


@pytest.mark.parametrize("start", list(TaskState))
@pytest.mark.parametrize("end", list(TaskState))
def test_tasks_move_as_the_table_says(start, end):
    """Any other move raises and leaves the task as it was; what nothing can become of is over."""
    task = new_task()
    moves_as_the_table_says(task, "state", task.move, TASK_MOVES, start, end)
    assert task.over == (task.state not in (TaskState.PREPARING, TaskState.RUNNING))


@pytest.mark.parametrize("start", list(NodeState))
@pytest.mark.parametrize("end", list(NodeState))
def test_nodes_move_as_the_table_says(start, end):
    """What a node says follows anything; what was heard of once is never unseen again."""
    node = Node("anna-1", b"d" * 16, "anna")
    moves_as_the_table_says(node, "state", node.move, NODE_MOVES, start, end)


def test_what_a_node_holds_is_added_up(new_job):
    """What its open leases take and are worth, as each comes and goes; one that it does not hold cannot go."""
    node, held = Node("anna-1", b"", "anna"), []
    for number, (kop, takes_ms) in enumerate(((10, 3), (200, 50), (10, 4))):
        held.append(Lease(number, new_job(spec=JobSpec(b"", (), 1, kop, 1)), node.name, node.owner, 1, b""))
        held[-1].takes_ms = takes_ms
        node.hold(held[-1])
    assert (list(node.open.values()), node.ahead_ms, node.ahead_kop) == (held, 57, 220)
    node.drop(held.pop(1))
    assert (list(node.open.values()), node.ahead_ms, node.ahead_kop) == (held, 7, 20)
    with pytest.raises(KeyError):
        node.drop(Lease(9, new_job(), node.name, node.owner, 1, b""))


def test_an_illegal_move_of_a_lease_tells_its_story(new_lease):
    """Which attempt at what it was, and all that became of it in order: when, and by which event."""
    lease = new_lease()
    lease.move(Where.SENT, " at 1000 by Task, ")
    lease.move(Where.RUNNING, " at 1200 by Job, ")
    lease.end(Ended.EXPIRED, " at 9000 by Node, ")
    with pytest.raises(IllegalMove) as raised:
        lease.move(Where.RUNNING, " at 9001 by Job, ")
    assert str(raised.value) == (
        "lease 7 (fence 2 on anna-1: ended expired, judged pending) of task rush round 1 job 5 (ready): "
        "over -> running; its story: sent at 1000 by Task, running at 1200 by Job, over at 9000 by Node, "
        "expired at 9000 by Node")


def test_an_illegal_move_of_a_job_tells_its_story(new_job):
    """As does a job; one that nothing has become of yet says that."""
    job = new_job("rush", 3, 4)
    with pytest.raises(IllegalMove, match=r"^task rush round 3 job 4 \(ready\): ready -> ready; its story: none$"):
        job.move(Phase.READY, NOW)
    job.move(Phase.OUT, " at 7 by Task, ")
    with pytest.raises(IllegalMove, match=r"\(out\): out -> out; its story: out at 7 by Task$"):
        job.move(Phase.OUT, NOW)


def test_a_job_remembers_its_last_moves_only(new_job):
    """However often devices decline it, its story is of one size and ends with what came last."""
    job = new_job()
    for at in range(1_000_000, 1_000_100, 2):
        job.move(Phase.OUT, f" at {at} by Task, ")
        job.move(Phase.READY, f" at {at + 1} by Lease, ")
    assert len(job.story) == TOLD
    assert job.story.endswith("out at 1000098 by Task, ready at 1000099 by Lease, ")


def test_a_job_is_named_by_place_and_content(new_job, city):
    """Any difference in task, round, index, contexts or input gives another name; the same gives the same."""
    names = {new_job().name, new_job("u").name, new_job("t", 1).name, new_job("t", 0, 1).name,
             new_job(spec=city.job(1)).name, new_job(spec=city.job(0, contexts=(b"c" * 16,))).name}
    assert len(names) == 6 and {len(name) for name in names} == {16}
    assert new_job().name == new_job(spec=city.job(0, price=99, heap=1)).name
