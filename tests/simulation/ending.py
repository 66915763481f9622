"""What must be true once the faults have stopped and the work is over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lamplighter.gateway.adapters.store import StoreError
from lamplighter.gateway.publiclog import auditor
from tests.simulation import kind
from tests.simulation.devices import Device
from tests.simulation.network import KEPT, MAX_BACKLOG
from tests.simulation.witness import Broken

if TYPE_CHECKING:
    from tests.simulation.world import World


def settled(world: World) -> bool:
    """Whether every task has its result and every device its acknowledgements."""
    over = world.clock.now > world.mix.faults_ms and world.gateway.up and len(world.results) == len(world.bodies)
    over = over and not any(method == "task.submit" for method, _ in world.requests.values())
    over = over and all(_is_heard(world, device) and not _keeps(world, device) for device in world.devices)
    over = over and not world.gateway.machine.state.live and not world.cancelling   # an id may begin anew
    return over and not world.owners.restoring


def judge(world: World) -> None:
    """Raises Broken unless all ended, all right, all judged, all acknowledged, all paid, and nothing piled up."""
    for name in world.bodies:
        if name not in world.results:
            raise Broken(f"liveness: {name} has not ended: {_why(world, name)}")
        _judge_result(world, name)
    for record in world.journal.leases.values():
        if record.ended == "" or (record.proof and not record.verdict):
            raise Broken(f"liveness: lease {record.kept} is '{record.ended}', judged '{record.verdict}'")
    for device in world.devices:
        if _keeps(world, device):
            raise Broken(f"liveness: {device.node} keeps {list(device.outbox)} unacknowledged")
    for device in world.devices:
        if not _is_heard(world, device):
            raise Broken(f"liveness: {device.node} is in its start {device.boot} ({device.state}) and not heard")
    if let_in := sorted(world.out & world.broker.accounts):
        raise Broken(f"invariant 16: {let_in} are revoked and may still sign in")
    if KEPT in world.journal.tasks:
        raise Broken(f"invariant 16: {KEPT}, which the broker had kept from before the first start, was begun")
    _judge_credit(world)
    _judge_bounds(world)
    try:
        world.gateway.stores.journal.verify(int)
    except StoreError as error:
        raise Broken(f"invariant 12: {error}") from None


def _keeps(world: World, device: Device) -> bool:
    """Whether a device that still counts has a result that nobody acknowledged."""
    return device.on and bool(device.outbox) and device.node not in world.revoked


def _is_heard(world: World, device: Device) -> bool:
    """Whether a device that still counts knows its numbers, and the gateway the same."""
    node = world.gateway.machine.state.nodes.get(device.node)
    heard = node is not None and node.boot == device.boot and node.arch >= 0 and not device.state
    return heard or not device.on or device.node in world.revoked


def _judge_result(world: World, name: str) -> None:
    record = world.journal.tasks[name]
    given = json.loads(world.results[name])
    if record.state == "cancelled" and name in world.cancel_asked:
        return
    if record.state == "failed":
        code = given["error"]["code"]
        wanted = {kind.BROKEN: "kernel_failed", kind.FAULTY: "kind_failed"}.get(record.kept.kind, "deadline")
        if code != wanted or (wanted == "deadline" and record.kept.deadline_ms > world.clock.now):
            raise Broken(f"liveness: {name} of {record.kept.kind} failed with {code}")
        return
    release = world.auditor.ended_under[name]
    here, about = world.auditor.here[name], given["provenance"]
    setbacks = record.run - record.kept.life   # what was void after one was computed, too
    if about["here"] < here or (about["here"] > here and not setbacks):
        raise Broken(f"figures: the gateway computed {here} jobs of {name} itself, and says {about}")
    if given["provenance"]["kind_version"] != release.version:
        raise Broken(f"invariant 19: {name} is of version {release.version}, and says {given['provenance']}")
    right, jobs = kind.truth_of(record.kept.body, release)
    if record.state != "done" or (given["result"] != right and not world.auditor.wrong_accepted):
        raise Broken(f"invariant 7: {name} is {record.state} with {given}, right is {right}")
    if given["result"] == right and given["provenance"]["jobs"] != jobs:
        raise Broken(f"figures: {name} took {jobs} jobs, and says {given['provenance']}")


def _judge_credit(world: World) -> None:
    """Seals all that is left: the log pays the sum of the prices of all that was judged ok, and proves it."""
    journal, last = world.journal, world.journal.epoch
    world.insist("epoch.seal")
    while last not in journal.sealed or not world.gateway.up:
        world.step()
    owed = sum(r.kept.price_kop for r in journal.leases.values() if r.verdict == "ok")
    paid = sum(seal.credits for seal in world.gateway.stores.public.epochs())
    if owed != paid or any(epoch not in journal.sealed for epoch in range(last + 1)):
        raise Broken(f"invariant 3: {owed} kop are owed, {paid} were paid in {len(journal.sealed)} epochs")
    outcome = auditor.verify(world.disk.public)
    if outcome.code:
        raise Broken(f"invariant 4: the auditor finds {outcome}")
    world.owners.judge(outcome)
    while any(method == "epoch.seal" for method, _ in world.requests.values()):
        world.step()
    found = {(row["owner"], row["device"]): row["credits"] for row in outcome.data["devices"] if row["credits"]}
    shown = world.gateway.machine.state.settled
    if shown != found:
        raise Broken(f"invariant 15: {shown} is shown as settled, the auditor finds {found}")


def _judge_bounds(world: World) -> None:
    """What the machine still holds when all work is over stays within the bounds of the policy."""
    state, policy = world.gateway.machine.state, world.policy
    for name, held, bound in (
        ("leases", len(state.leases), policy.remembered_leases),
        ("ended", len(state.ended), policy.remembered_leases),
        ("tasks", len(state.tasks), policy.max_finished),
        ("live", len(state.live), 0),
        ("here", len(state.here) + state.asked_here, 0),
        ("hungry", len(state.hungry), len(state.nodes)),
        ("kernels", len(state.kernels), len(state.nodes)),
        ("open", sum(len(node.open) for node in state.nodes.values()), 0),
        ("ahead", sum(abs(node.ahead_ms) + abs(node.ahead_kop) for node in state.nodes.values()), 0),
        ("backlog", len(world.broker.backlog), MAX_BACKLOG),
    ):
        if held > bound:
            raise Broken(f"invariant 11: {name} holds {held}, bound {bound}")


def _why(world: World, name: str) -> str:
    task = world.gateway.machine.state.tasks.get(name)
    jobs = [(job.index, job.phase.value, len(job.copies)) for job in task.round.jobs] if task else []
    return f"state {task and task.state}, round {task and task.round.number}, jobs {jobs}"
