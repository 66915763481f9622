# Reads a device's configuration. Built, it is in the heap only until that is done.
import binascii
import json
import sys

from . import ports, wire
from .mac import Mac, derive
from .ports import ticks_diff, ticks_ms, ticks_us
from .receipts import begin


def settings(path):
    # What the configuration at `path` says: (arguments of the agent, arguments of the client, arguments of
    # hello.greeting, thermometer, whether there is a serial line, permille of synthetic duty).
    # Only values: nothing that lives on may hold this module, or stand in the heap behind it.
    from .ending import last_word

    config = json.loads(ports.read_file(path))
    key = binascii.unhexlify(config["key"])
    device, name = wire.device_of(key)
    state = config.get("state") or "lamplighter.state"
    chain = begin(ports.read_file(state), state)
    speed = measure_speed()
    heap = ports.free_heap()
    # A span is worth more the more it holds; where memory is short it is better kept for kernels.
    message = max(512, min(wire.MAX_MESSAGE, heap // (10 if heap > 100000 else 32)))
    room = config.get("room")
    if room is None:
        room = max(1, min(8, heap // 12288))
    about = (config.get("board") or sys.platform, heap, speed, message, last_word())
    agent = ((binascii.unhexlify(config["net"]), device), Mac(derive(key, b"up")), Mac(derive(key, b"down")), chain,
             heap // 2, room, message, config.get("bid_ms") or 1000, speed, config.get("power") or "mains")
    head = wire.node_topic(config["site"], name, "").encode()
    line = config.get("line")
    if line is None:
        password = binascii.hexlify(derive(key, b"mqtt")[:16])
        ca = config.get("ca")
        tls = tls_context(ca) if ca else None
        client = (config["broker"], config["port"], tls, name.encode(), password, head, message + 64)
    else:
        client = (line, config.get("baud") or 115200, device, message + 64)
    return agent, client, about, ports.thermometer(), line is not None, config.get("duty") or 0


def tls_context(ca):
    # Trusts the authority whose certificate is in the file `ca`, PEM or DER, and nothing else.
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    data = ports.read_file(ca)
    if b"-----BEGIN" in data:
        data = binascii.a2b_base64(data.split(b"-----")[2])  # boards have no PEM reader
    context.load_verify_locations(cadata=data)
    return context


def measure_speed():
    # Simple statements per millisecond (= kop/s): one normalised operation is one such statement of bytecode.
    # The best of many short rounds: whatever interrupts a round must not make the board look slow.
    best = 1
    began = ticks_ms()
    while ticks_diff(ticks_ms(), began) < 40:
        start = ticks_us()
        x = 1
        for i in range(250):
            x = x * 5 + i
            x &= 0xFFFF
            y = x >> 3
            x ^= y
        best = max(best, 1000000 // max(1, ticks_diff(ticks_us(), start)))
    return best
