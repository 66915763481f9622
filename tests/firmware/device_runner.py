# Slices of kernels, by an injected clock.
from lamplighter.firmware.runner import SLICE_US, slices


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


def sliced(steps):
    # (us of each slice, the answer).
    clock = Clock()
    work = slices(kernel(clock, steps)(b"in", (b"put",)), clock)
    lengths = []
    while True:
        start = clock.now
        try:
            next(work)
        except StopIteration as end:
            lengths.append(clock.now - start)
            return lengths, end.value
        lengths.append(clock.now - start)


def numbers(seed):
    # Lehmer's generator: the same numbers on both interpreters.
    while True:
        seed = seed * 48271 % 2147483647
        yield seed


def test_an_answer_comes_back_after_every_step():
    lengths, answer = sliced([1000] * 100)
    assert answer == b"input"
    assert sum(lengths) == 100000


def test_short_steps_fill_a_slice_and_no_more():
    lengths, _ = sliced([1000] * 100)
    assert max(lengths) <= SLICE_US
    assert len(lengths) <= 7


def test_no_slice_is_over_50_ms_whatever_steps_of_up_to_30_ms_do():
    for seed in range(1, 200):
        source = numbers(seed)
        scale = (100, 1000, 20000, 30000)[seed % 4]
        lengths, _ = sliced([next(source) % scale + 1 for _ in range(100)])
        assert max(lengths) <= 50000, seed


def test_a_kernel_of_long_steps_runs_one_a_slice():
    lengths, _ = sliced([30000] * 5)
    assert lengths == [30000] * 5 + [0]


def test_the_answer_is_bytes_and_what_a_kernel_raises_comes_through():
    def answers_an_array(data, contexts):
        yield
        return bytearray(b"ab")

    def fails(data, contexts):
        yield
        raise ValueError("bad input")

    try:
        next(slices(answers_an_array(b"", ()), Clock()))
        raise AssertionError("not done")
    except StopIteration as end:
        assert end.value == b"ab" and isinstance(end.value, bytes)
    try:
        next(slices(fails(b"", ()), Clock()))
        raise AssertionError("no error")
    except ValueError:
        pass
