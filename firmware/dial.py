# Signs in to the broker. Built, it is in the heap only until that is done.
import binascii
import hashlib

from . import ports
from .mqtt import KEEP_S, headed, read_packet, text
from .wire import NODE_DOWN, WireError


def client_id(password):
    # Nobody else can guess it: whoever signs in with the client id of another takes its connection away.
    return binascii.hexlify(hashlib.sha256(password).digest()[:8])


async def dial(link, buf, name, password, head, last):
    # Signs in over `link`, and says which topics it wishes to hear. buf: for read_packet; name: the user; head: of
    # our topics; last: our status when we are lost; all as bytes. Raises OSError, EOFError, WireError.
    # Clean session, login, and the will: a retained message at QoS 1.
    await send(link, 0x10, [b"\0\4MQTT\4\xee\0", bytes((KEEP_S,)), text(client_id(password)),
                            text(head + b"status"), text(last), text(name), text(password)])
    if await read_packet(link, buf, 2) != (0x20, b"\0\0", True):
        raise WireError("refused")
    parts = [b"\0\1"]
    for leaf in NODE_DOWN:
        parts.append(text(head + leaf.encode()))
        parts.append(b"\0")  # QoS 0: frames have clocks of their own, and some brokers pay dearly for more
    await send(link, 0x82, parts)


async def send(link, head, parts):
    # Piece by piece: a heap may have no room for a packet and its parts.
    for part in headed(head, parts):
        at = 0
        while at < len(part):
            at += link.write(part, at, len(part)) or 0
            if at < len(part):
                await ports.writable(link)
