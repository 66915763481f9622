# What a device says of itself. Built, it is in the heap only while it is said.
import sys

from . import __version__, wire

# sys.implementation._mpy of this interpreter: which .mpy it takes. 0: it takes source only.
ARCH = getattr(sys.implementation, "_mpy", 0)
_CAN = ("floor", "span")  # what a gateway may send us beside leases and what belongs to them


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
