"""The one writer of the log."""

import asyncio

from lamplighter.gateway.core.events import EpochSealed
from lamplighter.gateway.protocol.verdicts import Verdict
from lamplighter.gateway.runtime.sealing import Sealed, Sealing, Settlement


class Journal:
    """Epochs that have ended, each with its rows."""

    def __init__(self, **epochs):
        self.epochs = {int(name[1:]): rows for name, rows in epochs.items()}
        self.forgot = []

    def unsealed(self):
        return sorted(self.epochs)

    def judged(self, epoch):
        return iter(self.epochs[epoch])

    def forget_epoch(self, epoch):
        self.forgot.append(epoch)
        del self.epochs[epoch]


def test_overdue_epochs_are_sealed_oldest_first(open_log, prove):
    """Each is in the log before the journal lets it go; one without receipts leaves no trace there."""
    log = open_log()
    log.register(b"A" * 16, "anna")
    first, second, third = (prove(log.net, b"A" * 16, seq) for seq in (1, 2, 3))
    journal = Journal(e0=[], e1=[(first, 100, "ok"), (second, 7, "late")], e2=[(third, 5, "ok")])
    sealing = Sealing(journal, log)
    assert asyncio.run(sealing.seal_overdue()) == Settlement((0, 1, 2), [Sealed(1, 2, 100), Sealed(2, 1, 5)], [])
    assert journal.forgot == [0, 1, 2] and [seal.epoch for seal in log.epochs()] == [1, 2]
    assert asyncio.run(sealing.seal_overdue()) == Settlement((), [], [])


def test_a_crash_before_the_journal_forgot_is_no_second_seal(open_log, prove):
    """What is in the log already is found there, and only then forgotten."""
    log = open_log()
    log.register(b"A" * 16, "anna")
    rows = [(prove(log.net, b"A" * 16, 1), 100, "ok")]
    log.seal(0, rows)
    journal = Journal(e0=rows)
    assert asyncio.run(Sealing(journal, log).seal_overdue()).seals == [Sealed(0, 1, 100)]
    assert journal.forgot == [0] and len(log.epochs()) == 1


def test_what_settlement_says_is_told(open_log, prove):
    """All that each device has earned, and which receipts do not pay although they were judged so."""
    log = open_log()
    log.register(b"A" * 16, "anna")
    first, again = (prove(log.net, b"A" * 16, 1, nonce=nonce * 16) for nonce in (b"n", b"o"))
    sealing = Sealing(Journal(e0=[(again, 7, "ok"), (first, 100, "ok")]), log)
    said = sealing.sealed(asyncio.run(sealing.seal_overdue()))
    assert said == EpochSealed((0,), {("anna", "41" * 8): 100}, ((b"o" * 16, Verdict.DUPLICATE),))
    read = sealing.log_read()
    assert read.settled == said.settled and not read.numbers.use(b"A" * 16, 1 << 32 | 1)


def test_registering_and_sealing_take_turns(open_log, prove):
    """The log is for one writer: whoever comes meanwhile waits."""
    log = open_log()
    inside = []

    class Slow:
        """A log that would notice two at once."""

        def register_all(self, pairs):
            inside.append("in")
            assert inside.count("in") - inside.count("out") == 1
            inside.append("out")

    async def main():
        sealing = Sealing(Journal(), Slow())
        await asyncio.gather(*(sealing.register([]) for _ in range(8)), sealing.seal_overdue())
    asyncio.run(asyncio.wait_for(main(), 300))
    assert inside == ["in", "out"] * 8 and log.size == 1
