"""The one writer of the log."""

import asyncio

from lamplighter.gateway.runtime.sealing import Sealed, Sealing


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
    assert asyncio.run(sealing.seal_overdue()) == [Sealed(1, 2, 100), Sealed(2, 1, 5)]
    assert journal.forgot == [0, 1, 2] and [seal.epoch for seal in log.epochs()] == [1, 2]
    assert asyncio.run(sealing.seal_overdue()) == []


def test_a_crash_before_the_journal_forgot_is_no_second_seal(open_log, prove):
    """What is in the log already is found there, and only then forgotten."""
    log = open_log()
    log.register(b"A" * 16, "anna")
    rows = [(prove(log.net, b"A" * 16, 1), 100, "ok")]
    log.seal(0, rows)
    journal = Journal(e0=rows)
    assert asyncio.run(Sealing(journal, log).seal_overdue()) == [Sealed(0, 1, 100)]
    assert journal.forgot == [0] and len(log.epochs()) == 1


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
