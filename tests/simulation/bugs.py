"""Bugs to plant into the core, its stores or its shell: each patches a part."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lamplighter.firmware import mac
from lamplighter.gateway.adapters import opening, store
from lamplighter.gateway.adapters.fold import Tail
from lamplighter.gateway.adapters.registry import Registry
from lamplighter.gateway.adapters.store import Store
from lamplighter.gateway.adapters.sums import Sums
from lamplighter.gateway.core import effects as f
from lamplighter.gateway.core import here, judging, nodes, placement, replay, spans, state, tasks, whynot
from lamplighter.gateway.core.events import RoundRecalled
from lamplighter.gateway.core.lifecycle import Ended, Phase
from lamplighter.gateway.core.snapshot import UNMADE, LeaseRow, Snapshot
from lamplighter.gateway.protocol.numbers import Numbers
from lamplighter.gateway.protocol.verdicts import Verdict
from lamplighter.gateway.publiclog.writer import PublicLog
from lamplighter.gateway.runtime import gate, shell
from lamplighter.gateway.runtime.gate import Gate
from lamplighter.gateway.runtime.inbox import Inbox
from lamplighter.gateway.runtime.pump import Batch, Pump
from lamplighter.gateway.runtime.sealing import Sealed, Sealing
from lamplighter.gateway.runtime.shell import Shell
from lamplighter.gateway.runtime.solvers import Solvers
from tests.power import Power
from tests.simulation import gateway
from tests.simulation.gateway import POLICY, Computer
from tests.simulation.network import Broker

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]


class Bug(NamedTuple):
    """``broken``, a regular expression, is what it must be caught as, ``faults`` what of a mix it takes to show."""

    broken: str
    plant: Plant
    faults: dict[str, Any]


BUGS: list[Bug] = []
HANDLERS: dict[str, Callable[[Any, Any], object]] = {}
"""Handlers to put in place of the machine's own, by the name of their event."""


def plant(broken: str, **faults: Any) -> Callable[[Plant], Plant]:
    def keep(bug: Plant) -> Plant:
        BUGS.append(Bug(broken, bug, faults))
        return bug
    return keep


def carry_out_first(patch: Patch, kind: type) -> None:
    """Lets effects of a kind leave before the commit of their batch."""
    write = Pump._write

    def early(self: Pump, batch: Batch) -> Future[None]:
        first = [effect for effect in batch.outward if type(effect) is kind]
        batch.outward[:] = [effect for effect in batch.outward if type(effect) is not kind]
        self._release(first)
        return write(self, batch)
    patch.setattr(Pump, "_write", early)


def leave_unsynced(patch: Patch, which: Callable[[Path], bool]) -> None:
    """Lets nobody sync some files or folders."""
    fsync = Power.fsync
    patch.setattr(Power, "fsync", lambda self, path: which(path) or fsync(self, path))


@plant("invariant 1")
def acknowledges_before_commit(patch: Patch) -> None:
    carry_out_first(patch, f.SendAck)


@plant("invariant 1")
def loses_receipts_at_commit(patch: Patch) -> None:
    write = Pump._write

    def forgetful(self: Pump, batch: Batch) -> Future[None]:
        kept = [effect for effect in batch.durable if type(effect) is not f.KeepReceipt]
        return write(self, batch._replace(durable=kept))
    patch.setattr(Pump, "_write", forgetful)


@plant("invariant 1")
def lets_leave_what_waits_behind_a_commit(patch: Patch) -> None:
    go_on = Pump._go_on

    def eager(self: Pump) -> None:
        if self._writing is not None:
            first = self._held.outward[:]
            self._held.outward.clear()
            self._release(first)
        go_on(self)
    patch.setattr(Pump, "_go_on", eager)


@plant("invariant 15|invariant 14|invariant 1:|damaged")
def forgets_what_becomes_of_leases_in_tables(patch: Patch) -> None:
    append = Tail.append

    def forgetful(self: Tail, number: int, hash_: bytes, size: int, rows: Iterable[Any]) -> None:
        append(self, number, hash_, size, rows)
        self._commits[-1].later.clear()
    patch.setattr(Tail, "append", forgetful)


@plant("invariant 6")
def gives_one_owner_both_copies(patch: Patch) -> None:
    why_not_this = whynot.why_not_this

    def blind(b: Any, node: Any, job: Any) -> Any:
        copies, job.copies = job.copies, []
        try:
            return why_not_this(b, node, job)
        finally:
            job.copies = copies
    patch.setattr(whynot, "why_not_this", blind)
    patch.setattr(placement, "why_not_this", blind)


@plant("invariant 5")
def leases_with_the_same_fence(patch: Patch) -> None:
    lease = placement._lease

    def level(b: Any, node: Any, job: Any) -> None:
        job.fence = 0
        lease(b, node, job)
    patch.setattr(placement, "_lease", level)


@plant("invariant 5")
def forgets_fences_at_restart(patch: Patch) -> None:
    recall = Store.recall

    def short(self: Store, *about: Any) -> RoundRecalled | None:
        known = recall(self, *about)
        return known and replace(known, leases=tuple(row for row in known.leases if row.ended in ("", "done")))
    patch.setattr(Store, "recall", short)


@plant("invariant 15|seals epoch", epochs=20, crash=0.03, tasks=4, jobs=12, faults_ms=40_000)
def seals_again_what_a_crash_interrupted(patch: Patch) -> None:
    patch.setattr(PublicLog, "last", None)


@plant("invariant 3|is not the oldest", epochs=20)
def never_seals_what_a_crash_interrupted(patch: Patch) -> None:
    unsealed, begin = Store.unsealed, Shell.begin

    async def blind(self: Shell) -> None:
        with pytest.MonkeyPatch.context() as at_first:
            at_first.setattr(Store, "unsealed", lambda store: [])
            await begin(self)
    patch.setattr(Shell, "begin", blind)
    patch.setattr(Store, "unsealed", lambda self: unsealed(self)[-1:])


@plant("invariant 3", transfers=0, crash=0.15)
def forgets_epochs_before_they_are_in_the_log(patch: Patch) -> None:
    def eager(self: Sealing) -> list[Sealed]:
        for epoch in self._store.unsealed():
            rows = list(self._store.judged(epoch))
            self._store.forget_epoch(epoch)
            self._public.seal(epoch, rows)
        return []
    patch.setattr(Sealing, "_seal_all", eager)


@plant("invariant|LedgerError|RegistryError")
def does_not_sync_files(patch: Patch) -> None:
    leave_unsynced(patch, lambda path: not path.is_dir())


@plant("invariant|liveness|LedgerError|RegistryError", crash=0.03, epochs=20, tasks=3, jobs=12)
def does_not_sync_folders(patch: Patch) -> None:
    leave_unsynced(patch, Path.is_dir)


@plant("invariant 4: |LedgerError: .*bundle", crash=0.03, epochs=20, tasks=3, jobs=12)
def does_not_sync_bundles(patch: Patch) -> None:
    leave_unsynced(patch, lambda path: path.name == ".draft")


@plant("invariant 15")
def does_not_register_devices(patch: Patch) -> None:
    async def forget(self: Sealing, devices: Any) -> None:
        pass
    patch.setattr(Sealing, "register", forget)


@plant("invariant 16", revoked=6, restore=False, crash=0.0)
def leaves_the_revoked_their_account(patch: Patch) -> None:
    change = Broker.change_accounts
    patch.setattr(Broker, "change_accounts", lambda self, add=(), remove=(): change(self, add))


@plant("invariant 1?6", revoked=12, restore=False, upgrades=16, crash=0.0, loss=0.0, devices=9, tasks=3, jobs=12)
def takes_an_old_copy_of_the_registry_for_the_truth(patch: Patch) -> None:
    patch.setattr(Sealing, "says", lambda self, device: (self._public.owner(device) or "", False))


@plant("invariant 1[56]")
def hands_devices_over_before_their_epoch_is_sealed(patch: Patch) -> None:
    moves = Registry.moves
    patch.setattr(Registry, "moves", lambda self, epoch: moves(self, epoch + 1))


@plant("invariant 1[56]")
def forgets_who_was_to_be_handed_over(patch: Patch) -> None:
    seal_all = Sealing._seal_all

    def after(self: Sealing) -> list[Sealed]:
        moves, self._moves = self._moves, lambda epoch: []
        done = seal_all(self)
        self._moves = moves
        return done
    patch.setattr(Sealing, "_seal_all", after)


@plant("invariant 6", transfers=12, liars=0.0)
def takes_two_owners_of_one_device_for_two(patch: Patch) -> None:
    patch.setattr(whynot, "same_owner", lambda state, copy, node: copy.owner == node.owner)


@plant("liveness")
def drops_what_a_start_must_do(patch: Patch) -> None:
    async def silent(self: Pump, events: Any, snapshot: Snapshot) -> None:
        for event in events:
            self._machine.handle(event, self._now_ms())
        self._machine.restore(snapshot, self._now_ms())
    patch.setattr(Pump, "restore", silent)


@plant("invariant 10|liveness")
def starts_its_clock_anew(patch: Patch) -> None:
    patch.setattr(Store, "ahead_ms", lambda self, machine, monotonic_ms: -monotonic_ms)


@plant("invariant 7")
def accepts_the_minority(patch: Patch) -> None:
    audit = judging.audit

    def trusting(b: Any, job: Any) -> None:
        if job.phase is Phase.OUT and job.copies:
            judging._accept(b, job, job.copies[-1].answer, audited=False)
        else:
            audit(b, job)
    patch.setattr(judging, "audit", trusting)


@plant("invariant")
def accepts_a_single_copy(patch: Patch) -> None:
    patch.setattr(gateway, "POLICY", replace(POLICY, copies=1))


@plant("invariant 5")
def leases_both_copies_at_once(patch: Patch) -> None:
    lease = placement._lease

    def twice(b: Any, node: Any, job: Any) -> None:
        lease(b, node, job)
        for other in b.nodes.values():
            if job.fence == 1 and other.owner != node.owner and not placement.why_no_work(b, other):
                job.phase = Phase.READY
                lease(b, other, job)
    patch.setattr(placement, "_lease", twice)


@plant("invariant 2")
def pays_late_results(patch: Patch) -> None:
    judge = judging.judge

    def kind(b: Any, lease: Any, verdict: Verdict) -> None:
        judge(b, lease, Verdict.OK if verdict == "late" else verdict)
    patch.setattr(judging, "judge", kind)


@plant("invariant 7")
def pays_liars(patch: Patch) -> None:
    judge = judging.judge

    def kind(b: Any, lease: Any, verdict: Verdict) -> None:
        judge(b, lease, Verdict.OK if verdict == "minority" else verdict)
    patch.setattr(judging, "judge", kind)


@plant("invariant 2|IllegalMove", double=0.6, second_tries=20)
def records_duplicates_again(patch: Patch) -> None:
    on_result = judging.on_result

    def eager(b: Any, event: Any) -> None:
        lease = b.leases.get(event.receipt.nonce)
        if lease is not None and lease.seq:
            lease.seq, lease.ended, b.numbers = 0, Ended.EXPIRED, Numbers()
        on_result(b, event)
    patch.setitem(HANDLERS, "ResultArrived", eager)


@plant("liveness")
def does_not_acknowledge_duplicates(patch: Patch) -> None:
    on_result = judging.on_result

    def silent(b: Any, event: Any) -> None:
        lease = b.leases.get(event.receipt.nonce)
        if lease is None or not lease.seq:
            on_result(b, event)
    patch.setitem(HANDLERS, "ResultArrived", silent)


@plant("invariant 1")
def calls_open_leases_unknown(patch: Patch) -> None:
    watch = placement.watch

    def absent(b: Any, node: Any, lease: Any, report_ms: int) -> None:
        watch(b, node, lease, report_ms)
        if lease.number % 5 == 0:
            del b.leases[lease.nonce]
    patch.setattr(placement, "watch", absent)


@plant("invariant 16")
def obeys_what_the_broker_has_kept(patch: Patch) -> None:
    take = Inbox.take
    patch.setattr(Inbox, "take", lambda self, message: take(self, replace(message, retain=False)))


@plant("invariant 8", hostile=300)
def believes_any_mac(patch: Patch) -> None:
    patch.setattr(mac.Mac, "matches", lambda self, data, tag: True)


@plant("invariant 6", revoked=8, restore=False, crash=0.02)
def leases_to_the_revoked(patch: Patch) -> None:
    patch.setitem(HANDLERS, "NodeRevoked", lambda state, event: None)


@plant("invariant 6")
def waits_for_the_lost(patch: Patch) -> None:
    patch.setattr(nodes, "lose_all", lambda b, node, first=0: None)


@plant("invariant 6")
def leases_to_liars_in_quarantine(patch: Patch) -> None:
    patch.setattr(judging, "quarantine_ms", lambda b, node: 0)


@plant("invariant [68]")
def forgets_standing_at_restart(patch: Patch) -> None:
    load = Store.load
    patch.setattr(Store, "load", lambda self, remember: replace(load(self, remember), standing=[]))


@plant("invariant [256]")
def loses_answers_at_restart(patch: Patch) -> None:
    recall = Store.recall

    def short(self: Store, task: str, round_: int, jobs: int, leases: bool) -> RoundRecalled | None:
        known = recall(self, task, round_, jobs, True)
        return known and replace(known, answers=())
    patch.setattr(Store, "recall", short)


@plant("invariant [56]")
def loses_copies_at_restart(patch: Patch) -> None:
    load, recall = Store.load, Store.recall

    def fewer(rows: Iterable[LeaseRow]) -> list[LeaseRow]:
        return [row for row in rows if row.verdict or row.ended != "done"]

    def short(self: Store, *about: Any) -> RoundRecalled | None:
        known = recall(self, *about)
        return known and replace(known, leases=tuple(fewer(known.leases)))

    def shorter(self: Store, remember: int) -> Snapshot:
        whole = load(self, remember)
        return replace(whole, leases=fewer(whole.leases))
    patch.setattr(Store, "load", shorter)
    patch.setattr(Store, "recall", short)


@plant("invariant 7")
def merges_in_order_of_arrival(patch: Patch) -> None:
    finish = judging.finish_round

    def shuffled(b: Any, task: Any) -> None:
        task.round.jobs.sort(key=lambda job: (job.answer is None, max((c.number for c in job.copies), default=0)))
        finish(b, task)
    patch.setattr(judging, "finish_round", shuffled)


@plant("liveness", slow=3, vanish=3, crash=0.0)
def never_expires_a_lease(patch: Patch) -> None:
    on_clock = placement.on_clock

    def asleep(b: Any, what: Any) -> None:
        if not hasattr(what, "nonce"):
            on_clock(b, what)
    patch.setattr(placement, "on_clock", asleep)


@plant("liveness")
def never_recomputes_for_want_of_owners(patch: Patch) -> None:
    async def asleep(self: Computer, *about: Any) -> None:
        await asyncio.Event().wait()
    patch.setattr(Computer, "run", asleep)


@plant("invariant 11")
def ignores_the_room_of_a_bid(patch: Patch) -> None:
    on_bid = nodes.on_bid

    def greedy(b: Any, event: Any) -> None:
        on_bid(b, replace(event, room=64))
    patch.setitem(HANDLERS, "NodeBid", greedy)
    patch.setattr(whynot, "expected_ms", lambda node, job: 1)
    patch.setattr(placement, "expected_ms", lambda node, job: 1)


@plant("invariant 11", jobs=20, tasks=4, crash=0.0)
def remembers_every_lease(patch: Patch) -> None:
    def hoard(self: Any, lease: Any) -> None:
        self.leases[lease.nonce] = lease
        self.ended[lease.nonce] = None
    patch.setattr(state.State, "remember", hoard)


@plant("liveness")
def leaves_copies_of_cancelled_tasks_unjudged(patch: Patch) -> None:
    judge = judging.judge
    patch.setattr(judging, "judge", lambda b, lease, verdict: verdict == "cancelled" or judge(b, lease, verdict))


@plant("invariant 2.*a run that its id has had")
def begins_an_id_anew_as_if_it_were_new(patch: Patch) -> None:
    forget = tasks._forget
    patch.setattr(tasks, "_forget", lambda b, task: forget(b, task) * 0)


@plant("invariant 1")
def publishes_before_commit(patch: Patch) -> None:
    carry_out_first(patch, f.PublishResult)


@plant("liveness", crash=0.0, upgrades=0, worker_ends=0.3)
def forgets_what_a_worker_took_with_it(patch: Patch) -> None:
    patch.setitem(HANDLERS, "SolverLost", lambda b, event: None)


@plant("invariant 7")
def accepts_before_its_kind_has_said_a_word(patch: Patch) -> None:
    def hasty(b: Any, job: Any) -> None:
        judging._accept(b, job, job.copies[0].answer, audited=False)
    patch.setattr(judging, "_compare", hasty)


@plant("invariant 9")
def sends_the_kernel_of_another_class(patch: Patch) -> None:
    on_kernels = nodes.on_kernels

    def mixed(b: Any, event: Any) -> None:
        on_kernels(b, event)
        first = min(b.kernels)
        b.kernels = dict.fromkeys(b.kernels, b.kernels[first])
    patch.setitem(HANDLERS, "KernelsCompiled", mixed)


@plant("invariant 17", refuse=0.3, crash=0.0)
def leaves_decliners_to_their_next_bid(patch: Patch) -> None:
    patch.setattr(nodes, "on_clock", lambda b, node: None)
    patch.setattr(placement, "wake", lambda b: None)


@plant("invariant 17")
def loses_sight_of_those_for_whom_nothing_fits(patch: Patch) -> None:
    fill = placement.fill

    def once(b: Any, node: Any) -> None:
        fill(b, node)
        b.hungry.pop(node.name, None)
    patch.setattr(placement, "fill", once)
    patch.setattr(placement, "may_have_room", lambda b, node: b.hungry.pop(node.name, None))


@plant("invariant 17", refuse=0.5, crash=0.0)
def never_ends_a_back_off(patch: Patch) -> None:
    patch.setattr(nodes, "BACKOFF_MS", dict.fromkeys(nodes.BACKOFF_MS, 1 << 40))


@plant("invariant 17", floods=6, liars=0.5, crash=0.0)
def mutes_for_good(patch: Patch) -> None:
    on_muted = nodes.on_muted
    patch.setitem(HANDLERS, "NodeMuted", lambda b, event: on_muted(b, replace(event, for_ms=1 << 40)))


@plant("invariant 17")
def mutes_who_works(patch: Patch) -> None:
    patch.setattr(gate, "BURST_BYTES", 2_000)
    patch.setattr(Gate, "lease", lambda self, node: None)


@plant("invariant (8|14)")
def forgets_boots_at_restart(patch: Patch) -> None:
    load = Store.load

    def unborn(self: Store, remember: int) -> Snapshot:
        whole = load(self, remember)
        return replace(whole, standing=[row._replace(boot=-1, conn=0) for row in whole.standing])
    patch.setattr(Store, "load", unborn)


@plant("invariant 14", crash=0.05, session_kept=False, upgrades=0, replays=0, liars=0.0, reboots=0)
def gives_nobody_time_to_come_back(patch: Patch) -> None:
    patch.setattr(placement, "wait_for", lambda b, lease: None)
    patch.setattr(nodes, "wait_for", lambda b, lease: None)


@plant("invariant 15", crash=0.0, liars=0.0, renumbers=3)
def takes_a_number_twice(patch: Patch) -> None:
    patch.setattr(Numbers, "use", lambda self, device, number: True)


@plant("invariant 15")
def shows_as_settled_what_is_pending(patch: Patch) -> None:
    sealed = Sealing.sealed
    patch.setattr(Sealing, "sealed", lambda self, done: sealed(self, done._replace(epochs=())))


@plant("invariant 8", replays=150, crash=0.0)
def believes_replays(patch: Patch) -> None:
    def anything(b: Any, node: Any, leaf: str, at: Any, once: int = -1) -> bool:
        node.boot, node.conn, node.newest[leaf] = at.boot, at.conn, at
        return True
    patch.setattr(nodes, "_is_news", anything)


@plant("invariant 8", replays=120, crash=0.05)
def forgets_connections_at_restart(patch: Patch) -> None:
    load = Store.load

    def unheard(self: Store, remember: int) -> Snapshot:
        whole = load(self, remember)
        return replace(whole, standing=[row._replace(conn=0, once=-1) for row in whole.standing])
    patch.setattr(Store, "load", unheard)


@plant("invariant 8")
def lets_wills_end_what_an_earlier_life_leased(patch: Patch) -> None:
    lose_all = nodes.lose_all
    patch.setattr(nodes, "lose_all", lambda b, node, first=0: lose_all(b, node))


@plant("liveness")
def leaves_devices_without_their_numbers(patch: Patch) -> None:
    patch.setattr(nodes, "_send_floor", lambda b, node, once: None)


@plant("liveness|invariant 15")
def tells_devices_numbers_that_are_too_low(patch: Patch) -> None:
    patch.setattr(nodes, "_send_floor", lambda b, node, once: b.turn.emit(f.SendFloor(node.name, once, 0, 0)))


@plant("invariant 12: .* is damaged")
def answers_are_not_summed(patch: Patch) -> None:
    note = Sums.note

    def deaf(self: Sums, key: tuple[str, int], change: int) -> None:
        if not key[0].startswith("answer"):
            note(self, key, change)
    patch.setattr(Sums, "note", deaf)


@plant("invariant 12: .* is damaged")
def folds_again_what_it_has_folded(patch: Patch) -> None:
    patch.setattr(store, "CUT_TAIL", "SELECT ?")


@plant("invariant 19")
def feeds_a_kind_what_another_version_was_answered(patch: Patch) -> None:
    on_recalled = replay.on_recalled

    def trusting(b: Any, event: RoundRecalled) -> None:
        task = b.tasks.get(event.task)
        on_recalled(b, replace(event, made=task.round.made) if task else event)
    patch.setitem(HANDLERS, "RoundRecalled", trusting)


@plant("invariant 15.*waits for a seal", older=3, epochs=0)
def loses_what_is_pending_when_it_migrates(patch: Patch) -> None:
    patch.setattr(opening, "FROM_3", opening.FROM_3.replace("sum(pending)", "0"))


@plant("invariant 15.*number that was used", older=3, second_tries=24, renumbers=3, cancels=0, epochs=0)
def loses_numbers_when_it_migrates(patch: Patch) -> None:
    patch.setattr(opening, "FROM_3", opening.FROM_3.replace("ranges(boot, seq)", "x''"))


@plant("invariant (5|7|19)|IndexError|KeyError", older=3, upgrades=0)
def takes_rounds_of_an_older_version_for_its_own(patch: Patch) -> None:
    on_recalled = replay.on_recalled

    def trusting(b: Any, event: RoundRecalled) -> None:
        task = b.tasks.get(event.task)
        on_recalled(b, replace(event, made=task.round.made) if task and event.made == UNMADE else event)
    patch.setitem(HANDLERS, "RoundRecalled", trusting)


@plant("invariant (7|19)", upgrades=20, worker_ends=0.3, crash=0.0, reboots=0, liars=0.0)
def works_with_workers_of_another_version(patch: Patch) -> None:
    patch.setattr(Solvers, "_begun", lambda self, said: True)


@plant("invariant 19")
def takes_no_notice_of_another_kernel(patch: Patch) -> None:
    kind_of = state.State.kind_of
    patch.setattr(state.State, "kind_of", lambda self, task: kind_of(self, task)._replace(kernel=b""))


@plant(r"another job after a restart|IndexError|invariant|KeyError", plain=0)
def cuts_a_round_anew_when_it_comes_again(patch: Patch) -> None:
    patch.setattr(replay, "cut", lambda round_, _cuts: spans.cut(round_, b""))


@plant("invariant 7.*goes on with", plain=0)
def tells_answers_in_the_order_of_leases(patch: Patch) -> None:
    cut = spans.cut

    def in_order(round_: Any, cuts: bytes) -> None:
        cut(round_, cuts)
        round_.order = list(range(len(round_.order)))
    patch.setattr(judging, "cut", in_order)


@plant("invariant 7", plain=0)
def recomputes_the_first_job_of_a_span_only(patch: Patch) -> None:
    patch.setattr(shell, "items_of", lambda span: spans.items_of(span)[:1])


@plant("invariant 21.*task for devices")
def computes_what_is_for_devices(patch: Patch) -> None:
    patch.setattr(judging, "plan", lambda b, task, jobs: here.Plan("cost", b"", 0))


@plant("invariant 21.*what the gateway computes itself", where=("here",), upgrades=0)
def leases_what_it_had_begun_to_compute(patch: Patch) -> None:
    on_recalled = replay.on_recalled
    patch.setitem(HANDLERS, "RoundRecalled", lambda b, event: on_recalled(b, replace(event, here="")))


@plant("invariant 18.*too much at once", where=("here",))
def computes_a_round_at_once(patch: Patch) -> None:
    work = here.work

    def greedy(b: Any) -> None:
        b.asked_here = -1_000
        work(b)
    patch.setattr(here, "work", greedy)


@plant("invariant 21", where=("auto",), partitions=6, crash=0.0)
def waits_for_no_device_that_is_away(patch: Patch) -> None:
    may_be_held = here.may_be_held
    patch.setattr(here, "may_be_held", lambda b, job: may_be_held(b, job) and any(
        node.online and node.heap >= job.spec.heap_bytes for node in b.nodes.values()))


@plant("invariant 21", where=("here",), upgrades=0)
def forgets_where_a_task_is_computed(patch: Patch) -> None:
    load = Store.load

    def anywhere(self: Store, remember: int) -> Snapshot:
        whole = load(self, remember)
        return replace(whole, tasks=[row._replace(where="fleet") for row in whole.tasks])
    patch.setattr(Store, "load", anywhere)


@plant("figures: the gateway computed", where=("here",), upgrades=0, cartel=False, liars=0.0)
def counts_what_it_computed_from_a_restart_on(patch: Patch) -> None:
    patch.setattr(here, "recalled", lambda row: {})
