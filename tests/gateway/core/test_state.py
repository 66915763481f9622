"""The tables of allowed moves, and what names a job."""

import pytest

from lamplighter.gateway.core.state import JOB_MOVES, LEASE_MOVES, IllegalMove, Job, Lease, Phase, Task, Where


@pytest.fixture
def new_job(city):
    """new_job(task="t", round_=0, index=0, spec=...) makes a job that no machine knows."""
    def make(task="t", round_=0, index=0, spec=None):
        return Job(Task(task, "toy.sum", b"", 0, 1_000, 0, 0), round_, index, spec or city.job())
    return make


@pytest.mark.parametrize("start", list(Where))
@pytest.mark.parametrize("end", list(Where))
def test_leases_move_as_the_table_says(new_job, start, end):
    """Any other move raises and leaves the lease where it was."""
    lease = Lease(7, new_job(), "anna-1", "anna", 2, b"n" * 16)
    lease.where = start
    if end in LEASE_MOVES[start]:
        lease.move(end)
        assert lease.where is end
    else:
        with pytest.raises(IllegalMove, match=f"lease 7: {start.value} -> {end.value}"):
            lease.move(end)
        assert lease.where is start


@pytest.mark.parametrize("start", list(Phase))
@pytest.mark.parametrize("end", list(Phase))
def test_jobs_move_as_the_table_says(new_job, start, end):
    """Any other move raises and leaves the job where it was."""
    job = new_job("rush", 3, 4)
    job.phase = start
    if end in JOB_MOVES[start]:
        job.move(end)
        assert job.phase is end
    else:
        with pytest.raises(IllegalMove, match=f"task rush round 3 job 4: {start.value} -> {end.value}"):
            job.move(end)
        assert job.phase is start


def test_an_illegal_move_tells_the_story(new_job):
    """The exception says which task, round, job and attempt it was, where, and how it had ended."""
    lease = Lease(7, new_job("rush", 1, 5), "anna-1", "anna", 2, b"n" * 16)
    lease.move(Where.SENT)
    lease.end("expired")
    with pytest.raises(IllegalMove) as raised:
        lease.move(Where.RUNNING)
    story = "task rush round 1 job 5 (ready) fence 2 on anna-1: ended expired, judged -"
    assert str(raised.value) == f"lease 7: over -> running; {story}"


def test_a_job_is_named_by_place_and_content(new_job, city):
    """Any difference in task, round, index, contexts or input gives another name; the same gives the same."""
    names = {new_job().name, new_job("u").name, new_job("t", 1).name, new_job("t", 0, 1).name,
             new_job(spec=city.job(1)).name, new_job(spec=city.job(0, contexts=(b"c" * 16,))).name}
    assert len(names) == 6 and {len(name) for name in names} == {16}
    assert new_job().name == new_job(spec=city.job(0, price=99, heap=1)).name
