# The node's worker: whatever happens to a job, the agent hears of its end and the next one is run.
import asyncio

from lamplighter.firmware import ending, ports, wire
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


class Unsure:
    # An agent that has lost its numbers.
    def __init__(self):
        self.chain = begin(b"", "")
        self.up = Mac(b"k" * 32)
        self.say = None
        self.greetings = []

    def tick(self, now, jitter):
        pass

    def connected(self, greeting, now):
        self.greetings.append(greeting)

    def next(self, now):
        return None


class On:
    # A client with a connection.
    def __init__(self):
        self.up = True

    def tick(self, now):
        pass

    def flush(self):
        pass


def ticked(node):
    # One tick that measures; to collect all garbage each time would take minutes in a large process.
    real = ports.free_heap
    ports.free_heap = lambda: 90000
    try:
        node._tick(True)
    finally:
        ports.free_heap = real


def test_a_device_says_who_it_is_again_and_often_while_it_lacks_its_numbers():
    agent = Unsure()
    node = Node(agent, On(), ("board", 1, 1, 1, None), None)
    for state, least, most in (("lost", 30, 300), ("", 0, 30)):
        agent.chain.state = state
        agent.greetings = []
        for _ in range(1600):
            ticked(node)
        assert least <= len(agent.greetings) <= most, len(agent.greetings)
        for greeting in agent.greetings:
            assert [said[0] for said in greeting] == (["birth"] if state else ["status", "birth"])


def test_no_memory_between_slices_ends_the_job_and_not_the_worker():
    assert worked([(slow, b"a", ()), (slow, b"b", ())], 1) == [(None, wire.NO_HEAP), (b"b", 0)]


class Idle(Client):
    # Connected to nothing, and for ever without memory if it is `poor`; only the clock goes on.
    def __init__(self, poor, turns):
        super().__init__()
        self.up = False
        self.poor = poor
        self.turns = turns

    async def run(self):
        while self.turns > 0:  # noqa: ASYNC110
            await asyncio.sleep(0)

    def tick(self, now):
        self.turns -= 1
        self.starved = self.poor


def ended(poor):
    # Whether a device without work ends for want of memory, within ten minutes of its own clock.
    real = ports.ticks_ms, ports.ticks_diff
    now = [0]

    def later():
        now[0] += 10000
        return now[0]

    ports.ticks_ms, ports.ticks_diff = later, lambda late, early: late - early
    agent = Agent([])
    agent.why = lambda: None
    try:
        asyncio.run(Node(agent, Idle(poor, 10), (), None).run())
    except MemoryError:
        return True
    finally:
        ports.ticks_ms, ports.ticks_diff = real
    return False


def test_a_device_that_stays_without_memory_ends_itself_and_no_other_does():
    assert ended(True)
    assert not ended(False)


def test_why_a_device_ended_itself_is_told_once():
    assert ending.last_word() is None
    try:
        ending.restart(b"heap")
        raise AssertionError("it goes on")
    except SystemExit:
        pass
    assert ending.last_word() == "heap"
    assert ending.last_word() is None
