# The node's worker: whatever happens to a job, the agent hears of its end and the next one is run.
import asyncio

from lamplighter.firmware import wire
from lamplighter.firmware.node import Node
from lamplighter.firmware.ports import ticks_diff, ticks_us
from lamplighter.firmware.runner import SLICE_US


class Agent:
    # Jobs (kernel, input, contexts) to be run one after the other; `over` is what the worker says of each.
    def __init__(self, jobs):
        self.jobs = jobs
        self.running = None
        self.say = None
        self.over = []
        self.failing = 0  # how often there is no memory for a look at the clock

    def next(self, now):
        if not self.jobs:
            return None
        self.running = object()
        return self.jobs.pop(0)

    def stopped(self, entry, now):
        if self.failing:
            self.failing -= 1
            raise MemoryError
        return False

    def done(self, entry, answer, code, busy, now):
        assert entry is self.running
        self.running = None
        self.over.append((answer, code))


class Client:
    # Never connected.
    def __init__(self):
        self.starved = False

    def flush(self):
        pass


def worked(jobs, failing=0):
    # What the worker says of `jobs`.
    agent = Agent(jobs)
    agent.failing = failing
    node = Node(agent, Client(), (), None)
    asyncio.run(node._work(agent.next(0)))
    assert node._worker is None
    return agent.over


def good(data, contexts):
    yield
    return data + b"".join(contexts)


def slow(data, contexts):
    # Longer than a slice.
    start = ticks_us()
    while ticks_diff(ticks_us(), start) <= SLICE_US:
        pass
    yield
    return data


def greedy(data, contexts):
    yield
    raise MemoryError


def broken(data, contexts):
    yield
    raise ValueError("broken")


def test_jobs_are_run_one_after_the_other():
    assert worked([(good, b"a", (b"b",)), (good, b"c", ())]) == [(b"ab", 0), (b"c", 0)]


def test_a_kernel_that_fails_is_told_by_its_code():
    assert worked([(greedy, b"", ()), (broken, b"", ()), (good, b"a", ())]) == [
        (None, wire.NO_HEAP), (None, wire.FAILED), (b"a", 0)]


def test_no_memory_between_slices_ends_the_job_and_not_the_worker():
    assert worked([(slow, b"a", ()), (slow, b"b", ())], 1) == [(None, wire.NO_HEAP), (b"b", 0)]
