"""What devices say of themselves: birth, bid, status, refusals. Hints for placement, never for pay."""

from __future__ import annotations

from lamplighter.gateway.core.board import Board
from lamplighter.gateway.core.effects import CompileKernels, SendChunk
from lamplighter.gateway.core.events import (
    BlobWanted,
    KernelsCompiled,
    LeaseAccepted,
    LeaseRefused,
    NodeBid,
    NodeBorn,
    NodeEnrolled,
    NodeRevoked,
    NodeStatusChanged,
)
from lamplighter.gateway.core.lifecycle import Ended, NodeState, Where
from lamplighter.gateway.core.placement import lost, may_have_room
from lamplighter.gateway.core.state import Node
from lamplighter.gateway.protocol.verdicts import REFUSALS, Refusal

BACKOFF_MS = {Refusal.BUSY: 200, Refusal.TOO_SLOW: 2_000, Refusal.NO_KERNEL: 5_000, Refusal.BAD_MAC: 10_000,
              Refusal.TOO_HOT: 10_000, Refusal.ON_BATTERY: 10_000, Refusal.FAILED: 1_000}
"""How long a node gets nothing after it declined, by its reason; its next bid may still say room 0."""


def on_enrolled(board: Board, event: NodeEnrolled) -> None:
    node = board.nodes.get(event.node)
    if node is None:
        if len(board.nodes) < board.policy.max_nodes:
            board.nodes[event.node] = Node(event.node, event.device, event.owner)
        return
    node.owner, node.revoked = event.owner, False


def on_revoked(board: Board, event: NodeRevoked) -> None:
    node = board.nodes.get(event.node)
    if node is not None:
        node.revoked = True
        lose_all(board, node)
        may_have_room(board, node)


def on_born(board: Board, event: NodeBorn) -> None:
    node = board.nodes.get(event.node)
    if node is None:
        board.counters["misbehaved_unknown_node"] += 1
        return
    if event.boot != node.boot:
        node.bid = False          # it rebooted: what it held is gone, and its next bid says what it wants
        lose_all(board, node)
        node.pace.clear()
        node.no_heap.clear()
    node.board, node.arch, node.firmware = event.board, event.arch, event.firmware
    node.heap, node.speed, node.boot, node.message = event.heap, event.speed, event.boot, event.message
    node.seen_at = board.now_ms
    if event.arch not in board.kernels and event.arch not in board.compiling and len(board.compiling) < 16:
        board.compiling.add(event.arch)
        board.turn.emit(CompileKernels(event.arch))


def on_kernels(board: Board, event: KernelsCompiled) -> None:
    board.compiling.discard(event.arch)
    board.kernels[event.arch] = event.blobs
    for arch in board.kernels.keys() - {node.arch for node in board.nodes.values()}:
        del board.kernels[arch]   # what a device may claim to be has no bound
    for node in board.nodes.values():
        may_have_room(board, node)


def on_bid(board: Board, event: NodeBid) -> None:
    node = board.nodes.get(event.node)
    if node is None:
        board.counters["misbehaved_unknown_node"] += 1
        return
    node.bid = True
    node.spare, node.heap, node.room = event.spare, event.heap, event.room
    node.power, node.temp = event.power, event.temp
    node.seen_at = board.now_ms
    may_have_room(board, node)


def on_status(board: Board, event: NodeStatusChanged) -> None:
    """``lost`` and ``sleeping`` end the node's leases at once; a will of an older boot is ignored."""
    node = board.nodes.get(event.node)
    if node is None:
        board.counters["misbehaved_unknown_node"] += 1
        return
    if event.boot < node.boot:
        board.counters["wills_ignored"] += 1
        return
    node.move(NodeState(event.state))
    online = node.state is NodeState.READY
    board.workers[node.kind] += online - node.online
    node.online = online
    node.seen_at = board.now_ms
    if not node.online:
        node.bid = False
        board.hungry.pop(node.name, None)
        lose_all(board, node)
    may_have_room(board, node)


def lose_all(board: Board, node: Node) -> None:
    """Every open lease of a node ends now, and its jobs go to others in the same call."""
    board.hungry.pop(node.name, None)
    for lease in list(node.open.values()):
        lost(board, lease, Ended.EXPIRED)


def on_refused(board: Board, event: LeaseRefused) -> None:
    lease = board.leases.get(event.nonce)
    if lease is None or lease.node != event.node or lease.where is Where.OVER:
        board.counters["refusals_stale"] += 1
        return
    node = board.nodes[event.node]
    reason = REFUSALS[event.code]
    board.counters["refused_" + reason] += 1
    kind = lease.job.task.kind
    if reason is Refusal.NO_HEAP:
        least, until = node.no_heap.get(kind, (0, 0))
        least = lease.job.spec.heap_bytes if board.now_ms >= until else min(least, lease.job.spec.heap_bytes)
        node.no_heap[kind] = (max(least, 1), board.now_ms + board.policy.declined_ms)
    node.backoff_until = board.now_ms + BACKOFF_MS.get(reason, 0)
    lost(board, lease, Ended.FAILED if reason is Refusal.FAILED else Ended.REJECTED)


def on_accepted(board: Board, event: LeaseAccepted) -> None:
    lease = board.leases.get(event.nonce)
    if lease is not None and lease.node == event.node and lease.where is Where.SENT:
        lease.move(Where.RUNNING, board.turn.moment)


def on_wanted(board: Board, event: BlobWanted) -> None:
    """A blob is sent only to a node that holds a lease naming it: nobody can make the gateway talk."""
    node = board.nodes.get(event.node)
    if node is not None and not node.revoked:
        for lease in node.open.values():
            kernel = board.kernels.get(node.arch, {}).get(lease.job.task.kind)
            if event.name == kernel or event.name in lease.job.spec.contexts:
                board.turn.emit(SendChunk(node.name, event.name, event.offset))
                return
    board.counters["wants_ignored"] += 1
