# The node's worker: whatever happens to a job, the agent hears of its end and the next one is run.
import asyncio

from lamplighter.firmware import wire
from lamplighter.firmware.mac import Mac
from lamplighter.firmware.node import Node
from lamplighter.firmware.ports import ticks_diff, ticks_us
from lamplighter.firmware.receipts import begin
from lamplighter.firmware.runner import SLICE_US


class Agent:
    # Jobs (kernel, input, contexts) to be run one after the other; `over` is what the worker says of each.
    def __init__(self, jobs):
        self.jobs = jobs
        self.running = None
        self.out = []
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
        self.on_up = self.on_message = None


def worked(jobs, failing=0):
    # What the worker says of `jobs`.
    agent = Agent(jobs)
    agent.failing = failing
    node = Node(agent, Client(), b"", (), None)
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


class Unsure:
    # An agent that has lost its numbers.
    def __init__(self):
        self.chain = begin(b"", "")
        self.up = Mac(b"k" * 32)
        self.out = []
        self.greetings = []

    def connected(self, greeting, now):
        self.greetings.append(greeting)

    def next(self, now):
        return None


class Off:
    # A client without a connection.
    def __init__(self):
        self.up = False

    def tick(self, now):
        pass


def test_a_device_without_its_numbers_says_only_its_birth_and_again_until_it_has_them():
    agent = Unsure()
    node = Node(agent, Off(), b"", ("board", 1, 1, 1), None)
    for _ in range(400):
        node._tick(True)
    asked = len(agent.greetings)
    assert 2 < asked < 100 and agent.greetings[0][0][0] == "birth" and len(agent.greetings[0]) == 1
    agent.chain.state = ""
    for _ in range(400):
        node._tick(True)
    assert len(agent.greetings) == asked


def test_no_memory_between_slices_ends_the_job_and_not_the_worker():
    assert worked([(slow, b"a", ()), (slow, b"b", ())], 1) == [(None, wire.NO_HEAP), (b"b", 0)]
