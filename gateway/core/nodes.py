"""What devices say of themselves: birth, bid, status, refusals. Hints for placement, never for pay."""

from __future__ import annotations

from lamplighter.gateway.core.effects import CompileKernels, SendChunk, SendFloor
from lamplighter.gateway.core.entities import UNBORN, Node
from lamplighter.gateway.core.events import (
    At,
    BlobWanted,
    BrokerFound,
    BrokerLost,
    KernelsCompiled,
    LeaseAccepted,
    LeaseRefused,
    NodeBid,
    NodeBorn,
    NodeEnrolled,
    NodeMuted,
    NodeRevoked,
    NodeStatusChanged,
)
from lamplighter.gateway.core.lifecycle import Ended, NodeState, Where
from lamplighter.gateway.core.placement import lost, may_have_room, runs, send_again, wait_for
from lamplighter.gateway.core.snapshot import StandingRow
from lamplighter.gateway.core.state import State
from lamplighter.gateway.core.whynot import bid_pace
from lamplighter.gateway.protocol.verdicts import REFUSALS, Refusal

BACKOFF_MS = {Refusal.BUSY: 200, Refusal.TOO_SLOW: 2_000, Refusal.NO_KERNEL: 5_000, Refusal.BAD_MAC: 10_000,
              Refusal.TOO_HOT: 10_000, Refusal.ON_BATTERY: 10_000, Refusal.FAILED: 1_000}
"""How long a node gets nothing after it declined, by its reason; its next bid may still say room 0."""
NEVER = At(0, 0, 0)
SILENT_MS = 60_000
"""A device that is there bids far more often."""


def on_enrolled(state: State, event: NodeEnrolled) -> None:
    node = state.nodes.get(event.node)
    if node is None:
        node = state.nodes[event.node] = Node(event.node, event.device, event.owner)
        node.next_owner = event.next_owner
        state.recall(node, state.strangers.pop(event.node, StandingRow(event.node, 0, 0, 0, 0)))
        return
    node.owner, node.next_owner, node.revoked = event.owner, event.next_owner, False


def on_revoked(state: State, event: NodeRevoked) -> None:
    node = state.nodes.get(event.node)
    if node is not None:
        node.revoked = True
        lose_all(state, node)
        _say(state, node, NodeState.LOST)   # what it or the broker says from now on is not heard


def on_born(state: State, event: NodeBorn) -> None:
    node = state.nodes.get(event.node)
    if node is None:
        state.counters["misbehaved_unknown_node"] += 1
        return
    if _is_below(state, node, event) or not _is_news(state, node, "birth", event.at, event.once):
        return
    node.board, node.firmware = event.board, event.firmware
    node.arch = node.claimed = event.arch
    node.heap, node.speed, node.message = event.heap, event.speed, event.message
    node.can, node.restarted = event.can, event.why
    _want_kernels(state, node)
    may_have_room(state, node)


def _want_kernels(state: State, node: Node) -> None:
    """Has the kernels for a node's instruction set compiled, if it was born with one that is new: few at a time, and
    for one node seldom, because it may claim to be anything."""
    if node.arch < 0 or node.arch in state.kernels or node.arch in state.compiling:
        return
    if node.compiled_at and state.now_ms < node.compiled_at + state.policy.compile_ms:
        state.set_timer(node.compiled_at + state.policy.compile_ms, node)
    elif len(state.compiling) < state.policy.max_compiling:   # else when one of these is done
        node.compiled_at = state.now_ms
        state.compiling.add(node.arch)
        state.turn.emit(CompileKernels(node.arch))


def on_kernels(state: State, event: KernelsCompiled) -> None:
    state.compiling.discard(event.arch)
    state.kernels[event.arch] = event.blobs
    for arch in state.kernels.keys() - {node.claimed for node in state.nodes.values()}:
        del state.kernels[arch]   # what a device may claim to be has no bound
    for node in state.nodes.values():
        send_again(state, node)
        may_have_room(state, node)
        _want_kernels(state, node)


def on_clock(state: State, node: Node) -> None:
    """A timer fired: what kept a node from work may have passed."""
    if node.mends_at and state.now_ms >= node.mends_at:
        _mend(state, node)
    _want_kernels(state, node)
    may_have_room(state, node)


def _mend(state: State, node: Node) -> None:
    """A lease that was lost taught a pace that may keep a node from every job. Nothing teaches another one while it
    has none, so it is halved from time to time until the node's own word counts again."""
    node.mends_at = 0
    for kind, pace in node.pace.items():
        if pace > bid_pace(node):
            node.mends_at = state.now_ms + state.policy.declined_ms
            node.pace[kind] = pace if node.open else pace // 2
    if node.mends_at:
        state.set_timer(node.mends_at, node)


def on_bid(state: State, event: NodeBid) -> None:
    node = state.nodes.get(event.node)
    if node is None:
        state.counters["misbehaved_unknown_node"] += 1
        return
    news = _is_news(state, node, "bid", event.at)
    if node.below is not None and event.at.boot <= node.boot and (node.arch == UNBORN or not news):
        _send_floor(state, node, node.below)   # the first may have been lost
    if not news:
        return
    node.bid = True
    node.spare, node.heap, node.room = event.spare, event.heap, event.room
    node.power, node.temp, node.why = event.power, event.temp, event.why
    send_again(state, node)
    may_have_room(state, node)


def on_status(state: State, event: NodeStatusChanged) -> None:
    """Whatever is not ``ready`` ends the node's leases at once."""
    node = state.nodes.get(event.node)
    if node is None:
        state.counters["misbehaved_unknown_node"] += 1
        return
    if not _is_news(state, node, "status", event.at):
        return
    _say(state, node, NodeState(event.state))


def _say(state: State, node: Node, word: NodeState) -> None:
    """This is what it is now; one that is away holds no leases."""
    node.move(word)
    online = node.state is NodeState.READY
    state.workers[node.kind] += online - node.online
    node.online = online
    if not node.online:
        node.bid = False
        state.hungry.pop(node.name, None)
        lose_all(state, node, state.first_lease)
    may_have_room(state, node)


def on_muted(state: State, event: NodeMuted) -> None:
    """It gets nothing while nobody listens to it; what it holds ends by its clocks."""
    node = state.nodes[event.node]
    state.counters["nodes_muted"] += state.now_ms >= node.muted_until
    node.muted_until = state.now_ms + event.for_ms
    state.set_timer(node.muted_until, node)
    may_have_room(state, node)


def _is_below(state: State, node: Node, event: NodeBorn) -> bool:
    """Whether a device counts numbers again that it has used, or says itself that it does not know which: its file of
    them was lost, or is older. It is told which are known. Until it goes on above them nothing it says is news; a
    birth of an older start changes nothing more, for it may be a replay.
    """
    other = node.once != event.once if node.once != UNBORN else event.at.conn < node.conn
    again = event.at.boot == node.boot and other and not event.state
    if not event.state and event.at.boot >= node.boot and not again and not _is_shut_out(state, node, event):
        return False
    state.counters["births_below"] += 1
    if "floor" in event.can:
        node.below = event.once
        _send_floor(state, node, event.once)
    if again:
        node.arch = UNBORN   # two starts have this number: neither gets a lease
        may_have_room(state, node)
    return True


def _is_shut_out(state: State, node: Node, event: NodeBorn) -> bool:
    """Whether a device speaks from a connection of its start that is older than one which nothing is heard from: that
    was of an earlier start with the same number, and somebody has said again what came from it."""
    older = event.at.boot == node.boot and event.at.conn < node.conn
    return older and state.now_ms - node.seen_at > SILENT_MS


def _send_floor(state: State, node: Node, once: int) -> None:
    highest = state.numbers.highest(node.device)
    state.turn.emit(SendFloor(node.name, once, max(node.boot, highest >> 32), highest & 0xFFFFFFFF))


def _is_news(state: State, node: Node, leaf: str, at: At, once: int = UNBORN) -> bool:
    """Whether this is newer than all that was heard of the node. What is not is a repetition of the broker's, or a
    replay: it is counted and changes nothing. Which connection was the newest outlives the process: what was
    recorded before a restart is a replay after it.
    """
    if at[:2] < (node.boot, node.conn) or at <= node.newest.get(leaf, NEVER):
        state.counters["stale_" + leaf] += 1
        return False
    known = node.boot, node.conn, node.once
    if at.boot > node.boot:   # it started again: what it held is gone, and its birth and bid say what it is now
        node.bid = False
        node.arch = UNBORN
        node.below = None
        lose_all(state, node)
        node.pace.clear()
        node.no_heap.clear()
        node.start(at.boot)
    node.newest[leaf] = at
    node.seen_at = state.now_ms
    node.start(at.boot, at.conn, node.once if once == UNBORN else once)
    if known != (node.boot, node.conn, node.once):
        state.keep_standing(node)
    return True


def lose_all(state: State, node: Node, first: int = 0) -> None:
    """Every open lease of a node from number ``first`` on ends now, and its jobs go to others in the same call.

    No will ends what an earlier life of the gateway leased: that life knew which connection was the newest.
    """
    state.hungry.pop(node.name, None)
    for lease in list(node.open.values()):
        if lease.number >= first:
            lost(state, lease, Ended.EXPIRED)


def on_refused(state: State, event: LeaseRefused) -> None:
    lease = state.leases.get(event.nonce)
    if lease is None or lease.node != event.node or lease.where is Where.OVER:
        state.counters["refusals_stale"] += 1
        return
    node = state.nodes[event.node]
    reason = REFUSALS[event.code]
    state.counters["refused_" + reason] += 1
    kind = lease.job.task.kind
    if reason is Refusal.NO_HEAP:
        least, until = node.no_heap.get(kind, (0, 0))
        least = lease.job.spec.heap_bytes if state.now_ms >= until else min(least, lease.job.spec.heap_bytes)
        node.no_heap[kind] = (max(least, 1), state.now_ms + state.policy.declined_ms)
    node.backoff_until = state.now_ms + BACKOFF_MS.get(reason, 0)
    state.set_timer(node.backoff_until, node)
    lost(state, lease, Ended.FAILED if reason is Refusal.FAILED else Ended.REJECTED)


def on_accepted(state: State, event: LeaseAccepted) -> None:
    lease = state.leases.get(event.nonce)
    if lease is not None and lease.node == event.node and lease.where is not Where.OVER:
        runs(state, lease)


def on_wanted(state: State, event: BlobWanted) -> None:
    """A blob is sent only to a node that holds a lease naming it: nobody can make the gateway talk."""
    node = state.nodes.get(event.node)
    if node is not None and not node.revoked:
        for lease in node.open.values():
            kernel = state.kernels.get(node.arch, {}).get(lease.job.task.kind)
            if event.name == kernel or event.name in lease.job.spec.contexts:
                state.turn.emit(SendChunk(node.name, event.name, event.offset))
                return
    state.counters["wants_ignored"] += 1


def on_broker_lost(state: State, _event: BrokerLost) -> None:
    state.deaf = True


def on_broker_found(state: State, _event: BrokerFound) -> None:
    """What devices and gateway said to each other meanwhile may be lost: they get the time to say it again."""
    state.deaf = False
    for node in state.nodes.values():
        for lease in node.open.values():
            wait_for(state, lease)
            if lease.where is Where.SENT:
                runs(state, lease)
                lease.again = True
        send_again(state, node)
