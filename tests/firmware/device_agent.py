# The agent's decisions: events in, messages out.
from lamplighter.firmware import fetch, loader, reserve, wire
from lamplighter.firmware.agent import Agent
from lamplighter.firmware.mac import Mac, derive
from lamplighter.firmware.receipts import begin
from lamplighter.gateway.protocol import frames

KEY = bytes(range(32))
UP = Mac(derive(KEY, b"up"))
DOWN = Mac(derive(KEY, b"down"))
DEVICE = wire.device_of(KEY)[0]
KERNEL = b"a kernel"
CONTEXT = b"a context"
NAME = wire.blob_name(KERNEL)
MOST = 2048  # bytes of a message that is published
GREETING = [("status", [b"ready"], 1, 1), ("birth", [b"born"], 1, 1)]
REAL = loader.load, reserve.write, fetch.create
ENCODERS = wire.batch, wire.encode_result, wire.encode_refusal, wire.encode_nonce, wire.encode_bid


def after():
    # After each test.
    loader.load, reserve.write, fetch.create = REAL
    wire.batch, wire.encode_result, wire.encode_refusal, wire.encode_nonce, wire.encode_bid = ENCODERS


def run(data, contexts):
    yield


class Flash:
    # In place of loader.load and fetch.create. `files`: kernels in flash.
    def __init__(self):
        self.files = {}
        self.fails = None   # what importing a kernel raises

    def load(self, name, path, blobs):
        if self.fails:
            raise self.fails
        data = self.files.get(path)
        if not data or wire.blob_name(data) != name:
            return False
        blobs.held.append((name, run, len(data)))
        return True

    def create(self, path):
        self.path = path
        self.files[path] = b""
        return self

    def write(self, data):
        self.files[self.path] += bytes(data)

    def close(self):
        pass


def agent(room=4, message=2048, speed=1000, flash=None, known=True):
    # known: the gateway has answered that it knows no numbers of this device.
    flash = flash or Flash()
    loader.load, reserve.write, fetch.create = flash.load, lambda path, data: None, flash.create
    chain = begin(b"", "state")
    if known:
        reserve.rise(chain, 0, 0)
    made = Agent((b"N" * 8, DEVICE), UP, DOWN, chain, 65536, room, message, 1000, speed, "mains")
    made.heard = []
    made.connected(list(GREETING), 0)
    said(made)
    return made


def said(a, leaf=None):
    # What the agent has published since the last call: payloads on `leaf`, or (leaf, payload) of all.
    while True:
        message = a.say(MOST)
        if not message:
            break
        a.heard.append((message[0], b"".join(message[1])))
    out = a.heard
    a.heard = [m for m in out if leaf and m[0] != leaf]
    return [m[1] for m in out if m[0] == leaf] if leaf else out


def lease(n, contexts=(), ack_by=10000, report_by=60000, budget=1):
    nonce = bytes([n]) * 16
    return wire.Lease(n, nonce, nonce, NAME, 7, ack_by, report_by, budget, contexts, b"input", False)


def spanned(n, *inputs):
    data = bytes((len(inputs),)) + b"".join([bytes((0, len(one))) for one in inputs]) + b"".join(inputs)
    one = list(lease(n))
    one[-2:] = [data, True]
    return wire.Lease(*one)


def send(a, *leases):
    a.message("lease", wire.encode_batch([frames.encode_lease(one, DOWN) for one in leases]), 0)


def serve(a):
    # Answers every want.
    blobs = {wire.blob_name(data): data for data in (KERNEL, CONTEXT)}
    wants = said(a, "want")
    while wants:
        name, offset = frames.decode_want(wants.pop(), UP)
        data = blobs[name]
        a.message("blob", frames.encode_chunk(name, len(data), offset, data[offset:offset + 5]), 0)
        wants += said(a, "want")


def work(a, answer=b"answer", now=0):
    # Runs everything that is ready.
    while a.next(now):
        a.done(a.running, answer, 0, 123, now)


def heard(a):
    # ({nonce: answer}, {nonce: refusal code}, [nonces accepted]) of the results said.
    answers, refusals, accepts = {}, {}, []
    for message in said(a, "result"):
        for frame in wire.frames_of(message):
            kind = wire.kind_of(frame)
            if kind == wire.RECEIPT:
                receipt, _, answer = frames.decode_result(frame, UP)
                assert receipt.seal == wire.seal_of(DEVICE, receipt.nonce, answer)
                answers[receipt.nonce[0]] = answer
            elif kind == wire.REFUSAL:
                nonce, code = frames.decode_refusal(frame, UP)
                refusals[nonce[0]] = code
            else:
                accepts.append(wire.decode_nonce(wire.ACCEPT, frame, UP)[0])
    return answers, refusals, accepts


def refusal(a):
    return heard(a)[1]


def test_a_connection_is_greeted_with_status_birth_and_bid():
    a = agent()
    a.connected(list(GREETING), 0)
    out = said(a)
    assert out[:2] == [("status", b"ready"), ("birth", b"born")]
    bid = frames.decode_json("bid", out[2][1], UP)[0]
    assert (bid["room"], bid["spare"], bid["power"]) == (4, 1000, "mains")


def test_a_lease_fetches_what_it_needs_runs_and_is_answered():
    a = agent()
    send(a, lease(1, (wire.blob_name(CONTEXT),)))
    assert a.next(0) is None
    serve(a)
    assert a.next(0) == (run, b"input", [CONTEXT])
    a.done(a.running, b"answer", 0, 123, 0)
    assert heard(a) == ({1: b"answer"}, {}, [])


def test_a_span_runs_its_kernel_on_each_of_its_inputs():
    a = agent()
    send(a, spanned(1, b"one", b"", b"in"))
    serve(a)
    each, work_, contexts = a.next(0)
    assert work_[0] is run and contexts == []
    assert finished(each((echo, work_[1]), contexts)) == b"one..in."
    a.done(a.running, b"one..in.", 0, 123, 0)
    assert heard(a)[0] == {1: b"one..in."}


def echo(data, contexts):
    yield
    return data + b"."


def finished(steps):
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value


def test_small_answers_share_a_message_within_its_limit():
    a = agent(8, 600)
    send(a, *[lease(n) for n in range(8)])
    serve(a)
    work(a)
    messages = said(a, "result")
    assert [len(wire.frames_of(m)) for m in messages] == [3, 3, 2]
    assert max(map(len, messages)) <= 600


def test_a_lease_is_taken_once():
    a = agent()
    serve(a)
    send(a, lease(1), lease(1))
    serve(a)
    work(a)
    send(a, lease(1))
    assert a.next(0) is None
    assert a.bad == 2


def test_a_lease_is_taken_once_however_many_came_after_it():
    a = agent(4)
    for _ in range(2):
        for n in range(16 + 2 * 4):
            send(a, lease(n))
            a.message("lease", wire.encode_nonce(wire.CANCEL, lease(n).nonce, DOWN), 0)
    # The second time each is a replay, and so is its cancel of something unknown.
    assert a.bad == 2 * 24 and not a._held


def test_forged_torn_and_foreign_frames_change_nothing():
    a = agent()
    good = frames.encode_lease(lease(1), DOWN)
    for frame in (good[:-1], good[:50] + b"x" + good[51:], frames.encode_lease(lease(1), UP), b"", b"\1", b"\1\5\0"):
        a.message("lease", frame, 0)
    a.message("ack", b"\1\4\0" + bytes(16), 0)
    a.message("blob", b"\1\6", 0)  # nobody waits for one
    assert a.bad == 7
    assert a.next(0) is None and not said(a)
    send(a, lease(1))
    a.message("blob", b"\1\6", 0)
    assert a.bad == 8


def test_a_bad_frame_does_not_spoil_its_batch():
    a = agent()
    a.message("lease", wire.encode_batch([b"\1\1bad", frames.encode_lease(lease(1), DOWN)]), 0)
    serve(a)
    assert a.next(0)


def test_more_than_its_room_is_refused_as_busy():
    a = agent(2)
    send(a, lease(1), lease(2), lease(3))
    a.tick(0, 0)
    assert refusal(a) == {3: wire.BUSY}


def test_without_heap_nothing_is_taken_and_the_bid_says_so():
    a = agent()
    a.heap = 1000
    send(a, lease(1))
    a.tick(300, 0)
    bid = frames.decode_json("bid", said(a, "bid")[-1], UP)[0]
    assert (bid["room"], bid["why"]) == (0, "heap")
    assert refusal(a) == {1: wire.NO_HEAP}


def test_what_cannot_be_done_in_time_is_refused_by_speed_and_spare_share():
    a = agent(4, 2048, 100)  # 100 kop/s
    send(a, lease(1, (), 1000, 2000, 150))
    a.spare = 500
    send(a, lease(2, (), 1000, 2000, 150))
    a.tick(0, 0)
    assert refusal(a) == {2: wire.TOO_SLOW}


def test_a_lease_that_waited_too_long_is_refused_as_expired():
    a = agent()
    send(a, lease(1, (), 1000, 2000))
    a.tick(1999, 0)
    assert refusal(a) == {}
    a.tick(2001, 0)
    assert refusal(a) == {1: wire.EXPIRED}
    send(a, lease(2, (), 1000, 2000))
    serve(a)
    assert a.next(2001) is None
    a.tick(2001, 0)
    assert refusal(a) == {2: wire.EXPIRED}


def test_a_running_job_is_stopped_by_its_clock_or_by_a_cancel():
    a = agent()
    send(a, lease(1, (), 1000, 2000), lease(2))
    serve(a)
    a.next(0)
    first = a.running
    assert not a.stopped(first, 2000)
    assert a.stopped(first, 2001)
    a.done(first, None, wire.EXPIRED, 9, 2001)
    a.next(2001)
    second = a.running
    a.message("lease", wire.encode_nonce(wire.CANCEL, lease(2).nonce, DOWN), 2001)
    assert a.stopped(second, 2001)
    a.done(second, b"late", 0, 9, 2001)
    a.tick(2001, 0)
    assert heard(a) == ({}, {1: wire.EXPIRED}, [])


def test_a_waiting_lease_can_be_cancelled_and_an_unknown_one_is_counted():
    a = agent()
    send(a, lease(1))
    for _ in range(2):
        a.message("lease", wire.encode_nonce(wire.CANCEL, lease(1).nonce, DOWN), 0)
    serve(a)
    assert a.next(0) is None
    assert a.bad == 1


def test_an_accept_is_sent_once_and_only_for_leases_that_take_long():
    a = agent()
    send(a, lease(1, (), 1000))
    a.tick(400, 0)
    assert heard(a) == ({}, {}, [])
    a.tick(600, 0)
    assert heard(a)[2] == [1]
    a.tick(800, 0)
    assert heard(a)[2] == []


def test_a_kernel_that_fails_is_refused_with_its_code():
    a = agent()
    send(a, lease(1), lease(2))
    serve(a)
    a.next(0)
    a.done(a.running, None, wire.FAILED, 0, 0)
    a.next(0)
    a.done(a.running, bytes(wire.MAX_ANSWER + 1), 0, 0, 0)
    assert refusal(a) == {1: wire.FAILED, 2: wire.FAILED}


def test_a_kernel_that_cannot_be_had_refuses_the_leases_that_need_it():
    a = agent()
    send(a, lease(1), lease(2))
    wants = 0
    for now in range(0, 20000, 200):
        a.tick(now, 0)
        wants += len(said(a, "want"))
    assert refusal(a) == {1: wire.NO_KERNEL, 2: wire.NO_KERNEL}
    assert wants == 4


def test_a_kernel_in_flash_is_not_fetched():
    flash = Flash()
    send(agent(4, 2048, 1000, flash), lease(1))
    a = agent(4, 2048, 1000, flash)  # another boot, before anything came
    send(a, lease(1))
    serve(a)
    a = agent(4, 2048, 1000, flash)
    send(a, lease(1))
    assert a.next(0) == (run, b"input", []) and not said(a, "want")


def test_a_wrong_whole_is_never_used_and_asked_for_again_a_few_times():
    for contexts in ((), (wire.blob_name(CONTEXT),)):
        a = agent()
        send(a, lease(1, contexts))
        if contexts:
            a.message("blob", frames.encode_chunk(NAME, len(KERNEL), 0, KERNEL), 0)
        fakes = 0
        wants = said(a, "want")
        while wants:
            name = frames.decode_want(wants[-1], UP)[0]
            a.message("blob", frames.encode_chunk(name, 4, 0, b"fake"), 0)
            wants = said(a, "want")
            fakes += 1
        assert fakes == 4
        a.tick(100, 0)
        assert refusal(a) == {1: wire.NO_KERNEL} and not a.next(0)


def test_a_kernel_that_does_not_import_is_given_up_at_once():
    flash = Flash()
    flash.fails = SyntaxError("broken")
    a = agent(4, 2048, 1000, flash)
    send(a, lease(1))
    a.tick(100, 0)
    assert refusal(a) == {1: wire.NO_KERNEL} and not said(a, "want")


def test_without_heap_for_a_kernel_its_leases_are_refused_at_the_next_tick():
    flash = Flash()
    flash.fails = MemoryError()
    a = agent(4, 2048, 1000, flash)
    send(a, lease(1))
    assert refusal(a) == {}
    a.tick(200, 0)
    a.tick(400, 0)
    assert refusal(a) == {1: wire.NO_HEAP}


def test_a_blob_nobody_needs_any_more_does_not_hold_up_others():
    a = agent()
    send(a, wire.Lease(1, b"1" * 16, b"1" * 16, b"nowhere" + bytes(9), 7, 1000, 5000, 1, (), b"", False), lease(2))
    a.message("lease", wire.encode_nonce(wire.CANCEL, b"1" * 16, DOWN), 0)
    assert frames.decode_want(said(a, "want")[-1], UP)[0] == NAME


def test_results_are_kept_until_acknowledged_and_sent_again():
    a = agent()
    send(a, lease(1), lease(2))
    serve(a)
    work(a)
    assert len(heard(a)[0]) == 2
    a.message("ack", frames.encode_ack([(1, 1)], DOWN), 0)
    a.tick(4999, 0)
    assert heard(a)[0] == {}
    a.tick(5001, 0)
    assert heard(a)[0] == {2: b"answer"}
    a.tick(10002, 0)
    assert heard(a)[0] == {}
    a.tick(15002, 0)
    assert heard(a)[0] == {2: b"answer"}
    a.connected(list(GREETING), 16000)
    assert heard(a)[0] == {2: b"answer"}
    a.message("ack", frames.encode_ack([(2, 1)], DOWN), 16000)
    a.connected(list(GREETING), 17000)
    a.tick(99000, 0)
    assert heard(a)[0] == {}


def test_a_gateway_that_acknowledges_nothing_gets_no_more_work_done():
    a = agent(2)
    for n in range(1, 10):
        send(a, lease(n))
        serve(a)
        work(a)
    a.tick(300, 0)
    answers, refusals, _ = heard(a)
    assert sorted(answers) == [1, 2, 3, 4]
    assert sorted(refusals) == [5, 6, 7, 8, 9]


def test_bids_come_at_their_interval_with_jitter():
    a = agent()
    a.tick(0, 0)
    said(a)
    times = []
    for now in range(0, 10000, 10):
        a.tick(now, now % 256)
        if said(a, "bid"):
            times.append(now)
    gaps = [times[i + 1] - times[i] for i in range(len(times) - 1)]
    assert 8 <= len(times) <= 12
    assert min(gaps) >= 850 and max(gaps) <= 1150
    assert min(gaps) < max(gaps)


def test_while_it_has_work_it_bids_seldom():
    a = agent()
    a.tick(0, 128)
    send(a, lease(1), lease(2))
    serve(a)
    said(a)
    times = []
    for now in range(0, 9000, 10):
        a.tick(now, 128)
        if said(a, "bid"):
            times.append(now)
    assert times == [4000, 8000]
    a.done(a._held[0], b"answer", 0, 123, 9000)
    a.tick(9010, 128)
    assert not said(a, "bid")   # it has more to do
    a.done(a._held[0], b"answer", 0, 123, 9020)
    a.tick(9030, 128)
    assert said(a, "bid")       # nothing else has come


def test_a_wish_for_a_blob_survives_a_reconnect():
    a = agent()
    send(a, lease(1))
    first = said(a, "want")
    a.connected(list(GREETING), 100)
    assert said(a, "want") == first


def test_memory_of_past_leases_is_bounded():
    a = agent(2)
    for n in range(256):
        send(a, lease(n))
        a.message("lease", wire.encode_nonce(wire.CANCEL, lease(n).nonce, DOWN), 0)
    assert len(a._seen) <= 20


def floor(chain, boot, seq, once=None):
    return frames.encode_floor(chain.once if once is None else once, boot, seq, DOWN)


def anew(a, frame):
    # True when the agent wants another connection after a frame.
    try:
        a.message("lease", frame, 0)
    except OSError:
        return True
    return False


def test_without_its_numbers_it_takes_no_work_and_bids_nothing():
    a = agent(4, 2048, 1000, None, False)
    send(a, lease(1))
    a.tick(5000, 0)
    assert refusal(a) == {1: wire.BUSY} and not said(a) and not a.chain.seq


def test_lost_numbers_go_on_above_what_the_gateway_knows():
    a = agent(4, 2048, 1000, None, False)
    for frame in (floor(a.chain, 7, 70, a.chain.once ^ 1), wire.signed(floor(a.chain, 7, 70)[:-16], UP)):
        assert not anew(a, frame) and a.chain.state == "lost"  # an answer to another birth, and a forged one
    assert a.bad == 1
    told = floor(a.chain, 7, 70)
    assert anew(a, told)
    assert (a.chain.boot, a.chain.seq, a.chain.state) == (8, 134, "")
    a.connected(list(GREETING), 0)
    assert frames.decode_json("bid", said(a, "bid")[0], UP)[0]["boot"] == 8
    assert not anew(a, told) and not anew(a, floor(a.chain, 7, 70)) and a.chain.boot == 8


def test_numbers_that_are_older_than_the_gateway_knows_rise():
    a = agent()
    a.chain.boot = 5
    assert not anew(a, floor(a.chain, 4, 900)) and a.chain.seq == 0
    assert anew(a, floor(a.chain, 5, 900))
    assert (a.chain.boot, a.chain.seq) == (6, 964)


def test_frames_of_a_newer_gateway_are_counted_and_change_nothing():
    a = agent()
    a.message("lease", wire.encode_batch([wire.signed(b"\1\x63more", DOWN), frames.encode_lease(lease(1), DOWN)]), 0)
    serve(a)
    assert a.bad == 1 and a.next(0)
class Scarce:
    # A heap that fails the calls number `first` to `last` of what makes something to be sent.
    def __init__(self, first, last):
        self.first = first
        self.last = last
        self.calls = 0
        made = [self.scarce(encode) for encode in ENCODERS]
        wire.batch, wire.encode_result, wire.encode_refusal, wire.encode_nonce, wire.encode_bid = made

    def scarce(self, encode):
        def call(*values):
            self.calls += 1
            if self.first <= self.calls <= self.last:
                raise MemoryError
            return encode(*values)

        return call


def lived(a, now):
    # A moment of a device: what node.py does, which goes on where there was no memory.
    out = []
    for step in (lambda: a.tick(now, 0), lambda: work(a, b"answer", now), lambda: out.extend(said(a, "result"))):
        try:
            step()
        except MemoryError:
            pass
    return out


def over(a):
    # The nonces that a device answers or refuses within eight seconds; its results are acknowledged.
    found = set()
    for now in range(0, 8000, 200):
        for message in lived(a, now):
            for frame in wire.frames_of(message):
                if wire.kind_of(frame) == wire.RECEIPT:
                    receipt = frames.decode_result(frame, UP)[0]
                    found.add(receipt.nonce)
                    a.message("ack", frames.encode_ack([(receipt.seq, 1)], DOWN), now)
                elif wire.kind_of(frame) == wire.REFUSAL:
                    found.add(frames.decode_refusal(frame, UP)[0])
    return found


def test_whatever_finds_no_memory_every_lease_is_answered_or_refused():
    leases = [lease(n, (), 1000) for n in range(6)]  # two more than there is room for
    for first in range(1, 30):
        for more in (0, 5):
            a = agent(4)
            send(a, lease(9))
            serve(a)  # the kernel is there
            work(a)
            a.message("ack", frames.encode_ack([(1, 1)], DOWN), 0)
            said(a)
            scarce = Scarce(first, first + more)
            for one in leases:
                a.message("lease", frames.encode_lease(one, DOWN), 0)
            assert over(a) == {one.nonce for one in leases}, (first, more)
            assert not a.why() and a.next(8000) is None
            assert scarce.calls > 30
            after()


def test_without_memory_for_a_batch_results_leave_one_by_one():
    a = agent(8)
    send(a, *[lease(n) for n in range(8)])
    serve(a)
    work(a)
    Scarce(1, 100)
    wire.encode_bid = ENCODERS[-1]
    messages = said(a, "result")
    assert [len(wire.frames_of(message)) for message in messages] == [1] * 8


def test_a_full_outbox_is_named_and_acknowledged_empty():
    a = agent(2)
    send(a, lease(1), lease(2))
    serve(a)
    work(a)
    send(a, lease(3), lease(4))
    work(a)
    assert (a.room(), a.why()) == (0, "outbox")
    a.message("ack", frames.encode_ack([(n, 1) for n in range(1, 5)], DOWN), 0)
    assert (a.room(), a.why()) == (2, None)


def test_without_heap_what_nobody_needs_makes_room():
    a = agent()
    send(a, lease(1))
    serve(a)
    work(a)
    assert a._blobs.held
    a.heap = 0
    a.tick(300, 0)
    assert not a._blobs.held


def test_what_nobody_needs_goes_when_a_job_had_no_room():
    # Or it would be in the way of every other job like it, for ever.
    a = agent()
    send(a, lease(1, (wire.blob_name(CONTEXT),)))
    serve(a)
    serve(a)
    a._blobs.held.append((b"o" * 16, b"of a task that is over", 22))
    assert a.next(0)
    send(a, lease(2))
    a.done(a.running, None, wire.NO_HEAP, 10, 0)
    assert refusal(a) == {1: wire.NO_HEAP}
    assert [held[0] for held in a._blobs.held] == [NAME]  # the other lease needs it
