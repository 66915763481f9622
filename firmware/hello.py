# What a device says of itself, and the gateway's answer. Built, it is in the heap only while it is said.
import random

from . import __version__, wire
from .ports import ARCH

_CAN = ("floor",)  # what a gateway may send us beside leases and what belongs to them


def will(agent):
    # The status that the broker publishes when the connection that is now being opened breaks.
    agent.chain.conn += 1
    return wire.encode_status((wire.LAST, agent.chain.conn, agent.chain.boot), "lost", agent.up)


def greeting(agent, board, heap, speed, message, why):
    # Messages to publish at every connection. heap: bytes free at start; speed: kop/s; message: bytes it takes in
    # one; why: it restarted itself. Without its numbers a device is not ready: it asks for them.
    chain = agent.chain
    status = [] if chain.state else [("status", [wire.encode_status(chain.at(), "ready", agent.up)], 1, 1)]
    birth = wire.encode_birth(chain.at(), board, ARCH, __version__, heap, speed, message, chain.once, _CAN,
                              chain.state, agent.up, why)
    return status + [("birth", [birth], 1, 1)]


def rise(chain, frame, mac):
    # A floor: numbers of ours that the gateway knows. Where ours are not above them, we go on above them, with room
    # for results that are still on their way to it, from a new connection: the will of this one names a boot that is
    # no more. Raises OSError then, WireError.
    once, boot, seq = wire.decode_floor(frame, mac)
    if once == chain.once and (chain.state or boot >= chain.boot):
        chain.rise(boot, seq + 64)
        chain.once = random.getrandbits(30)  # a second answer, or a replay of it, moves nothing
        raise OSError
