# Slices of kernels, by an injected clock.
from firmware.runner import SLICE_US, Job


class Clock:
    # Microseconds that pass only when a kernel says so.
    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


def kernel(clock, steps):
    def run(data, contexts):
        for us in steps:
            clock.now += us
            yield
        return data + b"".join(contexts)

    return run


def slices(steps):
    # (us of each slice, the job).
    clock = Clock()
    job = Job(kernel(clock, steps), b"in", (b"put",), clock)
    lengths = []
    done = False
    while not done:
        start = clock.now
        done = job.slice()
        lengths.append(clock.now - start)
    return lengths, job


def numbers(seed):
    # Lehmer's generator: the same numbers on both interpreters.
    while True:
        seed = seed * 48271 % 2147483647
        yield seed


def test_an_answer_and_its_time_come_back():
    lengths, job = slices([1000] * 100)
    assert job.answer == b"input"
    assert job.busy_us == sum(lengths) == 100000


def test_short_steps_fill_a_slice_and_no_more():
    lengths, _ = slices([1000] * 100)
    assert max(lengths) <= SLICE_US
    assert len(lengths) <= 7


def test_no_slice_is_over_50_ms_whatever_steps_of_up_to_30_ms_do():
    for seed in range(1, 200):
        source = numbers(seed)
        scale = (100, 1000, 20000, 30000)[seed % 4]
        lengths, _ = slices([next(source) % scale + 1 for _ in range(100)])
        assert max(lengths) <= 50000, seed


def test_a_kernel_of_long_steps_runs_one_a_slice():
    lengths, _ = slices([30000] * 5)
    assert lengths == [30000] * 5 + [0]


def test_the_answer_is_bytes_and_what_a_kernel_raises_comes_through():
    def answers_an_array(data, contexts):
        yield
        return bytearray(b"ab")

    def fails(data, contexts):
        yield
        raise ValueError("bad input")

    job = Job(answers_an_array, b"", (), Clock())
    assert job.slice() and job.answer == b"ab" and isinstance(job.answer, bytes)
    try:
        Job(fails, b"", (), Clock()).slice()
        raise AssertionError("no error")
    except ValueError:
        pass
