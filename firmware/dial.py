# Opens a connection to the broker and signs in. Built, it is in the heap only until that is done.
from . import ports
from .mqtt import KEEP_S, packet, read_packet, text
from .wire import NODE_DOWN, WireError


async def dial(host, port, tls, name, password, head, agent):
    # The link, once the wish to hear our topics has been sent. name: client id and user; head: of our topics; as
    # bytes; agent: whose will is our status when we are lost. Raises OSError, EOFError, WireError.
    from .hello import will

    last = text(will(agent))
    link = await ports.connect(host, port, tls)
    try:
        # Clean session, login, and the will: a retained message at QoS 1.
        parts = (b"\0\4MQTT\4\xee\0", bytes((KEEP_S,)), text(name), text(head + b"status"), last, text(name),
                 text(password))
        await ports.send(link, packet(0x10, parts))
        if await read_packet(link, 2) != (0x20, b"\0\0", True):
            raise WireError("refused")
        parts = [b"\0\1"]
        for leaf in NODE_DOWN:
            parts.append(text(head + leaf.encode()))
            parts.append(b"\1")
        await ports.send(link, packet(0x82, parts))
        return link
    except BaseException:
        ports.hang_up(link)
        raise
