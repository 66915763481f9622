# What the device decides, without I/O: events in, messages to publish out. Time (ticks_ms) is an argument.
# A lease is held until it is answered, refused or cancelled; one runs at a time, the others wait in order.
# What is to be said stays where it is until it is on its way, and is never put together in one piece: memory comes
# back when results leave, so their way out must not need any that grows with them.
import binascii

from . import wire
from .blobs import Blobs
from .ports import ticks_diff

_RESEND_MS = 5000    # a result without Ack is sent again after this, doubling up to
_RESEND_MAX = 60000
_GATHER_MS = 50      # how long a result may wait for others to share its message
_SOON_MS = 250       # least time between two bids
_BUSY = 4            # times the interval between bids, while leases are held
_BROKEN = 4          # then a blob is given up


class Agent:
    # who: (8 bytes of the network, 16 of the device); up, down: Macs of what we send and hear; chain: receipts.Chain;
    # cache: bytes of blobs held; room: leases held at once; message:
    # bytes in one message; bid_ms: between bids while it has nothing to do; speed: kop/s.
    def __init__(self, who, up, down, chain, cache, room, message, bid_ms, speed, power):
        self._who = who
        self.up = up
        self._down = down
        self.chain = chain
        self._room = room
        self._message = message
        self._bid_ms = bid_ms
        self._speed = speed
        self._power = power
        self._held = []       # [lease, ticks_ms of arrival, accept sent or not needed]
        self._blobs = Blobs(cache, self._held)
        self._fetch = None    # what is on its way here
        self._broken = 0      # wholes that came and were not it
        self.running = None   # the entry of _held that runs
        self._seen = []       # 30 bits of the nonces of the last leases
        self._outbox = []     # (seq, result frame) without Ack, oldest first
        self._next = 0        # place of the first of them that is to be said
        self._resend = _RESEND_MS
        self._sent = 0        # ticks_ms when the outbox was last sent or acknowledged
        self._since = 0       # ticks_ms since which results have waited to be said
        self._ripe = False    # they have waited long enough
        self._out = []        # other messages to be said: (leaf, parts, qos, retain)
        self._last_bid = 0    # ticks_ms
        self._wait = 0        # ms until the next, if nothing is held then
        self._offered = room  # room in the last bid
        self.spare = 1000     # permille, set by the caller before `connected` and `tick`
        self.heap = 2 * cache  # bytes free, likewise
        self.temp = None
        self.bad = 0          # frames that were malformed, forged, or about something unknown

    # Events.

    def connected(self, greeting, now):
        # Says everything again, after `greeting`: the broker or the gateway may have forgotten us.
        self._out = greeting + [message for message in self._out if message[0] == "result"]
        self._again(now)
        if self._fetch:
            self._want(now)
        self._bid(now)

    def message(self, leaf, payload, now):
        # A message on our topic `leaf`: lease, ack or blob. Raises OSError when the connection must begin anew.
        try:
            frames = (payload,)
            if leaf != "blob":
                frames = wire.frames_of(payload)
        except wire.WireError:
            self.bad += 1
            return
        for frame in frames:
            try:
                if leaf == "blob":
                    self._chunk(frame, now)
                elif leaf == "ack":
                    self._acked(wire.decode_ack(frame, self._down), now)
                elif wire.kind_of(frame) == wire.CANCEL:
                    nonce = wire.decode_nonce(wire.CANCEL, frame, self._down)
                    self._cancel(nonce)
                elif wire.kind_of(frame) == wire.FLOOR:
                    from .reserve import heed

                    heed(self.chain, frame, self._down)
                else:
                    self._lease(frame, now)
            except wire.WireError:
                self.bad += 1
            except MemoryError:
                pass  # what it was is sent or leased again; the next frame may be an Ack, which gives memory back
        self._fetch_next(now, False)

    def next(self, now):
        # What to run now: (run, input, contexts), or None. The lease is then `running`.
        for entry in list(self._held):
            lease = entry[0]
            if ticks_diff(now, entry[1]) > lease.report_by_ms:
                self._refuse(entry, wire.EXPIRED)
                continue
            run = self._blobs.get(lease.kernel)
            contexts = list(map(self._blobs.get, lease.contexts))
            if run and None not in contexts:
                work = lease.input
                if lease.span:
                    from .span import each  # in the heap of a board only once there is one

                    run, work = each, (run, work)
                self.running = entry
                return run, work, contexts
        return None

    def stopped(self, entry, now):
        # True when the lease in `entry` need not run on: cancelled, or its report clock ran out.
        return self.running is not entry or ticks_diff(now, entry[1]) > entry[0].report_by_ms

    def done(self, entry, answer, code, busy_us, now):
        # The running job ended: with an answer, or with None and a refusal code.
        self.running = None
        if entry not in self._held:
            return  # cancelled while it ran
        try:
            if answer is None or len(answer) > wire.MAX_ANSWER:
                self._refuse(entry, code or wire.FAILED)
            else:
                receipt = self.chain.receipt(self._who, entry[0], answer, busy_us)
                frame = wire.encode_result(receipt, answer, self.up)
                self._outbox.append((self.chain.seq, frame))
                self._held.remove(entry)
                if len(self._outbox) == 1:
                    self._sent = now
                if len(self._outbox) - self._next == 1:
                    self._since = now
        except MemoryError:
            self._refuse(entry, wire.NO_HEAP)
        if not self._held or ticks_diff(now, self._since) > _GATHER_MS:
            self._ripe = True

    def tick(self, now, jitter):
        # A few times a second. jitter: 0..255, random.
        for entry in list(self._held):
            age = ticks_diff(now, entry[1])
            if age > entry[0].report_by_ms and entry is not self.running:
                self._refuse(entry, wire.EXPIRED)
            elif not entry[2] and age > entry[0].ack_by_ms // 2:
                self._note(wire.encode_nonce(wire.ACCEPT, entry[0].nonce, self.up))
                entry[2] = True
        if self._fetch and self._fetch.overdue(now):
            self._want(now)
        if self._outbox and ticks_diff(now, self._sent) > self._resend:
            self._resend = min(2 * self._resend, _RESEND_MAX)
            self._again(now)
        self._ripe = True
        if self.why() == "heap":
            self._blobs.clear()
        self._fetch_next(now, True)
        since = ticks_diff(now, self._last_bid)
        # One that has work asks for none, nor does one that is given some as soon as that is done.
        if (self._offered != self.room() and since > _SOON_MS) or since >= self._wait * (_BUSY if self._held else 1):
            self._bid(now)
            self._wait = self._bid_ms * (896 + jitter) // 1024

    def why(self):
        # Why it takes no leases now, None where it does.
        if self.heap < self._message:
            return "heap"
        return "outbox" if len(self._outbox) >= 2 * self._room else None

    def room(self):
        # Leases it is willing to hold at once.
        return 0 if self.chain.state or self.why() else self._room

    # Leases.

    def _lease(self, frame, now):
        try:
            lease = wire.decode_lease(frame, self._down)
        except MemoryError:  # it will not be held: say so, if there is as much memory as that
            nonce = bytes(wire.opened(frame, self._down)[6:22])
            self._blobs.clear()
            self._note(wire.encode_refusal(nonce, wire.NO_HEAP, self.up))
        else:
            self._leased(lease, now)

    def _leased(self, lease, now):
        nonce = int.from_bytes(lease.nonce[:4], "big") >> 2  # a small integer: no heap
        if nonce in self._seen:
            self.bad += 1
            return
        self._seen.append(nonce)
        if len(self._seen) > 16 + 2 * self._room:
            self._seen.pop(0)
        entry = [lease, now, False]
        self._held.append(entry)
        ops = 0
        for held in self._held:
            ops += held[0].budget_kop
        if len(self._held) > self.room():
            self._refuse(entry, wire.NO_HEAP if self.why() == "heap" else wire.BUSY)
        elif ops * 1000 // self._speed * 1000 // max(50, self.spare) > lease.report_by_ms:
            self._refuse(entry, wire.TOO_SLOW)

    def _cancel(self, nonce):
        for entry in self._held:
            if entry[0].nonce == nonce:
                self._held.remove(entry)
                if entry is self.running:
                    self.running = None
                break
        else:
            self.bad += 1

    def _refuse(self, entry, code):
        self._note(wire.encode_refusal(entry[0].nonce, code, self.up))
        self._held.remove(entry)  # after it: where there is no memory for a refusal yet, it is to be refused later
        if code == wire.NO_HEAP:
            self._blobs.clear()  # or it would be refused again for ever, with what nobody needs in the way

    def _acked(self, pairs, now):
        for seq, _ in pairs:
            for at in range(len(self._outbox)):
                if self._outbox[at][0] == seq:
                    self._outbox.pop(at)
                    if at < self._next:
                        self._next -= 1
                    break
        self._resend = _RESEND_MS
        self._sent = now

    # Blobs.

    def _fetch_next(self, now, sure):
        # Has the first blob come that a held lease misses, one at a time; kernels may still be in flash. What fails
        # for want of heap is tried once more when nothing of a message is in the way: then it is `sure`.
        for entry in self._held:
            for name in (entry[0].kernel,) + entry[0].contexts:
                if self._blobs.get(name):
                    continue
                if self._fetch and self._fetch.name == name:
                    return
                path = "kernel-" + binascii.hexlify(name).decode() if name == entry[0].kernel else None
                self._fetch = None
                try:
                    from .fetch import Fetch  # in the heap of a board only while they are used
                    from .loader import load

                    if path and load(name, path, self._blobs):
                        self._broken = 0
                        continue
                    if self._broken < _BROKEN:
                        self._fetch = Fetch(name, path, self._blobs)
                        self._want(now)
                        return
                    code = wire.NO_KERNEL
                except MemoryError:
                    if not sure:
                        return
                    code = wire.NO_HEAP
                except Exception:
                    code = wire.NO_KERNEL  # whole, but of no use here
                self._give_up(name, code)
                return
        self._fetch = None
        self._broken = 0

    def _chunk(self, frame, now):
        fetch = self._fetch
        if not fetch:
            return  # late: nobody waits for it any more
        try:
            if fetch.chunk(frame):
                if fetch.done:
                    self._fetch = None
                    # A kernel is judged when it is loaded.
                    self._broken = 0 if self._blobs.get(fetch.name) else self._broken + 1
                else:
                    self._want(now)
        except MemoryError:
            self._give_up(fetch.name, wire.NO_HEAP)
        except OSError:
            self._give_up(fetch.name, wire.NO_KERNEL)

    def _want(self, now):
        # Asks for the rest, or gives the blob up.
        want = self._fetch.want(now, self.up)
        if want:
            self._post("want", want, 1)
        else:
            self._give_up(self._fetch.name, wire.NO_KERNEL)

    def _give_up(self, name, code):
        # Refuses every lease that needs the blob.
        self._fetch = None
        self._broken = 0
        for entry in list(self._held):
            if name == entry[0].kernel or name in entry[0].contexts:
                self._refuse(entry, code)

    # Messages.

    def say(self, most):
        # What to publish next: (leaf, [parts of the payload], qos, retain); None when there is nothing. Results share
        # a message of up to `most` bytes, as far as there is memory for a list of them.
        if self._out:
            return self._out.pop(0)
        frames = []
        try:
            most = min(most, self._message)
            for at in range(self._next, len(self._outbox) if self._ripe else 0):
                frame = self._outbox[at][1]
                most -= len(frame) + 2
                if (frames and most < 2) or len(frames) == wire.MAX_BATCH:
                    break
                frames.append(frame)
            parts = wire.batch(frames)
        except MemoryError:
            frames = parts = frames[:1]
        message = "result", parts, 1, 0
        self._ripe = bool(frames)
        self._next += len(frames)
        return message if frames else None

    def _bid(self, now):
        self._last_bid = now
        self._offered = self.room()
        if not self.chain.state:
            self._post("bid", wire.encode_bid(self.chain.at(), self.spare, self.heap, self._offered,
                                              self._blobs.prefixes(), self._power, self.temp, self.up, self.why()), 0)

    def _post(self, leaf, payload, qos):
        # A message of which the newest counts.
        for message in self._out:
            if message[0] == leaf:
                self._out.remove(message)
                break
        self._out.append((leaf, [payload], qos, 0))

    def _note(self, frame):
        self._out.append(("result", [frame], 1, 0))

    def _again(self, now):
        # Every result without Ack is to be said, once.
        self._sent = now
        self._next = 0
        self._ripe = True
