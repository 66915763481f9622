# Several jobs under one lease: the kernel's answers to them, one after the other. Built, it is in the heap only once
# there is one.


def each(work, contexts):
    # A kernel for a span. work: (the kernel's run, how many inputs there are, the length of each, then all of them).
    run, data = work
    at = 1 + 2 * data[0]
    answers = bytearray()
    for i in range(1, at, 2):
        end = at + (data[i] << 8 | data[i + 1])
        answers += yield from run(data[at:end], contexts)
        at = end
        yield
    return answers
