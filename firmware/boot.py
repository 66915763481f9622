# Makes a device's agent and client from its configuration. In the heap only until that is done.
import binascii
import json

import firmware
from firmware import ports, wire
from firmware.agent import Agent
from firmware.mac import derive
from firmware.ports import ticks_diff, ticks_ms, ticks_us
from firmware.receipts import Chain


def make(path):
    # (agent, client, head of the device's topics, permille of synthetic duty) of the configuration at `path`.
    config = json.loads(ports.read_file(path))
    if "line" in config:
        from firmware.line import Line
    else:
        from firmware.mqtt import Client
    key = binascii.unhexlify(config["key"])
    name = wire.device_of(key)[1]
    state = config.get("state", "lamplighter.state")
    chain = Chain(ports.read_file(state), ports.writer(state))  # nothing that lives on may hold this module
    speed = measure_speed()
    heap = ports.free_heap()
    message = max(512, min(wire.MAX_MESSAGE, heap // 32))
    room = config.get("room", max(1, min(8, heap // 12288)))
    board = config.get("board", ports.BOARD)
    birth = wire.encode_birth(board, ports.ARCH, firmware.__version__, heap, speed, chain.boot, message)
    greeting = [("status", wire.encode_status("ready", chain.boot), 1, 1), ("birth", birth, 1, 1)]
    net = binascii.unhexlify(config["net"])
    agent = Agent(key, net, chain, ports.load_kernel, greeting, heap // 2, room, message, config.get("bid_ms", 1000),
                  speed, config.get("power", "mains"))
    agent.heap = heap
    head = wire.node_topic(config["site"], name, "").encode()
    lost = wire.encode_status("lost", chain.boot)
    if "line" in config:
        client = Line(config["line"], config.get("baud", 115200), wire.device_of(key)[0], head, lost, message + 64)
    else:
        login = (name.encode(), binascii.hexlify(derive(key, b"mqtt")[:16]))
        tls = tls_context(config["ca"]) if "ca" in config else None
        client = Client(config["broker"], config["port"], login, (head + b"status", lost),
                        [head + leaf.encode() for leaf in wire.NODE_DOWN], message + 64, tls)
    return agent, client, head, config.get("duty", 0)


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
