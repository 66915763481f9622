"""The one writer of the log."""

import asyncio
from dataclasses import replace

from lamplighter.firmware.wire import device_of
from lamplighter.gateway.adapters.registry import Device
from lamplighter.gateway.core.events import EpochSealed
from lamplighter.gateway.protocol.verdicts import Verdict
from lamplighter.gateway.publiclog import auditor
from lamplighter.gateway.runtime.sealing import Sealed, Sealing, Settlement


class Journal:
    """Epochs that have ended, each with its rows."""

    def __init__(self, **epochs):
        self.epochs = {int(name[1:]): rows for name, rows in epochs.items()}
        self.forgot = []

    def unsealed(self):
        return sorted(self.epochs)

    def epoch(self):
        return max([*self.epochs, *self.forgot, -1]) + 1

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
    sealing = Sealing(journal, log, lambda epoch: [])
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
    assert asyncio.run(Sealing(journal, log, lambda epoch: []).seal_overdue()).seals == [Sealed(0, 1, 100)]
    assert journal.forgot == [0] and len(log.epochs()) == 1


def test_what_settlement_says_is_told(open_log, prove):
    """All that each device has earned, and which receipts do not pay although they were judged so."""
    log = open_log()
    log.register(b"A" * 16, "anna")
    first, again = (prove(log.net, b"A" * 16, 1, nonce=nonce * 16) for nonce in (b"n", b"o"))
    sealing = Sealing(Journal(e0=[(again, 7, "ok"), (first, 100, "ok")]), log, lambda epoch: [])
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

        registered = frozenset()

        def register_all(self, pairs):
            """What changes hands: nothing."""

        def enter(self, facts):
            inside.append("in")
            assert inside.count("in") - inside.count("out") == 1
            inside.append("out")

    async def main():
        sealing = Sealing(Journal(), Slow(), lambda epoch: [])
        await asyncio.gather(*(sealing.register([]) for _ in range(8)), sealing.seal_overdue())
    asyncio.run(asyncio.wait_for(main(), 300))
    assert inside == ["in", "out"] * 8 and log.size == 1


def test_a_device_changes_hands_between_two_seals(open_log, prove):
    """Though both epochs are overdue, what was judged in the one in which that was asked pays the owner before."""
    log = open_log()
    log.register(b"A" * 16, "anna")
    rows = {f"e{n}": [(prove(log.net, b"A" * 16, n + 1), 10 ** n, "ok")] for n in range(3)}
    journal = Journal(**rows)
    sealing = Sealing(journal, log, lambda epoch: [(b"A" * 16, "ben")] if epoch > 1 else [])
    asyncio.run(sealing.seal_overdue())
    told = auditor.verify(log.folder).data
    assert told["owners"] == {"anna": 11, "ben": 100} and sealing.says(b"A" * 16) == ("ben", False)


def test_a_device_changes_hands_at_a_start_too(open_log):
    """A crash after the seal is completed, though nothing is overdue; its epoch has to be over for that."""
    log, journal = open_log(), Journal()
    log.register(b"A" * 16, "anna")
    sealing = Sealing(journal, log, lambda epoch: [(b"A" * 16, "ben")] if epoch > 0 else [])
    asyncio.run(sealing.seal_overdue())
    assert sealing.says(b"A" * 16) == ("anna", False)
    journal.forgot = [0]
    asyncio.run(sealing.seal_overdue())
    assert sealing.says(b"A" * 16) == ("ben", False)


def test_the_log_learns_what_it_does_not_know(open_log):
    """Owners of new devices, who is revoked and who is restored; who owns a known device it does not take from it."""
    log = open_log()
    sealing = Sealing(Journal(), log, lambda epoch: [])
    key = bytes(32)
    new = Device(device_of(key)[1], key, "anna", 0)

    def said(**change):
        size = log.size
        asyncio.run(sealing.register([replace(new, **change)]))
        return sealing.says(new.name), log.size - size
    assert sealing.says(new.name) == ("", False)
    assert said() == (("anna", False), 1) and said(owner="ben") == (("anna", False), 0)
    assert said(revoked=True) == (("anna", True), 1) and said(revoked=True) == (("anna", True), 0)
    assert said() == (("anna", True), 0)   # an old copy of the registry lets nobody in
    assert said(revoked=True, restore=True) == (("anna", False), 1)
    assert said(revoked=True, restore=True) == (("anna", False), 0)


def test_devices_that_only_the_log_knows_are_told_once(open_log, caplog):
    """An old copy of the registry does not have them: they could not connect, and nobody would know why."""
    log = open_log()
    sealing = Sealing(Journal(), log, lambda epoch: [])
    anna, ben = (Device(device_of(key)[1], key, owner, 0) for key, owner in ((b"A" * 32, "anna"), (b"B" * 32, "ben")))
    asyncio.run(sealing.register([anna, ben]))
    assert sealing.view()["not_in_registry"] == [] and not caplog.messages
    for _ in range(2):
        asyncio.run(sealing.register([anna]))
        assert sealing.view()["not_in_registry"] == [ben.name.hex()[:16]]
    assert len(caplog.messages) == 1 and ben.name.hex()[:16] in caplog.text and "with its key" in caplog.text
    asyncio.run(sealing.register([anna, ben]))
    assert sealing.view()["not_in_registry"] == []


def test_what_is_damaged_is_told_once(small_log, caplog):
    """Each file in the log and for ``health``, up to sixteen; all of them are known to who serves them."""
    sealing = Sealing(Journal(), small_log, lambda epoch: [])
    asyncio.run(sealing.look_over())
    assert sealing.damaged == {} and not caplog.messages
    assert sealing.view() == {"log_damage": [], "not_in_registry": []}
    for path in (small_log.folder / "bundle").iterdir():
        path.write_bytes(b"junk")
    asyncio.run(sealing.look_over())
    told = sealing.view()["log_damage"]
    assert told == list(sealing.damaged.values()) == caplog.messages and len(told) == 3
    sealing.damaged.update({str(number): f"{number} is damaged." for number in range(20)})
    assert len(sealing.view()["log_damage"]) == 17 and sealing.view()["log_damage"][-1].startswith("7 more files")
