"""docs/protocol.md says what the code does: its tables are read here as somebody would who has nothing else."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import hmac
import json
import queue
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from lamplighter.firmware import cobs, wire
from lamplighter.firmware.dial import client_id
from lamplighter.firmware.mac import derive
from lamplighter.gateway.adapters.mqtt import BrokerUrl
from lamplighter.gateway.adapters.registry import Registry
from lamplighter.gateway.api.requests import MAX_REQUEST, METHODS
from lamplighter.gateway.core.state import Task
from lamplighter.gateway.core.tasks import status
from lamplighter.gateway.protocol import frames, verdicts

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "protocol.md").read_text()
VECTORS = json.loads((ROOT / "tests" / "vectors" / "wire.json").read_text())
TYPES = {"u8": "B", "u16": "H", "u32": "I"}


def part(title: str) -> str:
    """The text below a heading, up to the next."""
    return re.split(r"\n#+ ", re.split(rf"\n#+ {re.escape(title)}\n", PAGE, maxsplit=1)[1], maxsplit=1)[0]


def tables(title: str) -> list[list[list[str]]]:
    """The tables below a heading: rows of cells, without head."""
    found = re.findall(r"^\|.*\n\|[-|]+\n((?:\|.*\n?)*)", part(title), re.MULTILINE)
    return [[[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()] for table in found]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def layout(title: str, which: int = 0) -> tuple[str, list[str]]:
    """(struct format, field names) of a table of fields, whose offsets must add up."""
    layout, names = ">", []
    for at, name, kind, _ in tables(title)[which]:
        assert int(at) == struct.calcsize(layout), f"{title}: {name}"
        layout += TYPES.get(kind) or f"{re.fullmatch(r'bytes.([0-9]+).', kind)[1]}s"   # type: ignore[index]
        names.append(name)
    return layout, names


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_layout_of_the_wire_is_a_table() -> None:
    """And no table describes one that the wire has not."""
    told = {layout(title)[0] for title in ("Lease", "Receipt", "Refusal", "Want", "Floor", "Chunk")}
    told.add(layout("Ack", 1)[0])
    source = ast.parse((ROOT / "firmware" / "wire.py").read_text())
    used = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant)
            and isinstance(node.value, str) and re.fullmatch(r">(\d*[BHIs])+", node.value)}
    assert told == used
    assert layout("Lease")[1][2:] == [*wire.Lease._fields[:-3], "contexts"]
    assert layout("Receipt")[1][2:] == list(frames.Receipt._fields)


@pytest.mark.parametrize(("title", "vector"), [
    ("Lease", "lease"), ("Lease", "span"),
    ("Receipt", "receipt"), ("Refusal", "refusal"), ("Ack", "ack"), ("Want", "want"),
    ("Floor", "floor"), ("Chunk", "chunk"), ("Cancel and accept", "cancel"), ("Cancel and accept", "accept")])
def test_the_golden_vectors_are_read_by_the_page(title: str, vector: str) -> None:
    """Fields, lengths, kinds and MACs, with nothing of our code."""
    form, names = layout(title)
    frame, size = bytes.fromhex(VECTORS[vector]), struct.calcsize(form)
    read = dict(zip(names, struct.unpack(form, frame[:size]), strict=True))
    (row,) = [row for row in tables("Frames")[0] if row[1] == vector]
    assert (read["version"], read["kind"]) == (1, int(row[0]))
    least, *most = map(number, re.findall(r"[\d,]+", row[4]))
    assert len(frame) >= least and (most or len(frame) == least)
    for name in read.keys() & {"net", "device", "nonce", "job", "kernel"}:
        assert read[name].hex() == VECTORS[name]
    if "key" in row[3]:
        whole = bytes.fromhex(VECTORS["result"])[:least + 16] if vector == "receipt" else frame
        key = bytes.fromhex(VECTORS["key_up" if row[3] == "up key" else "key_down"])
        assert whole[-16:] == hmac.digest(key, whole[:-16], "sha256")[:16]


def test_the_rest_of_a_frame_is_where_the_page_says() -> None:
    """Names and input of a lease, entries of an ack, the seal of a receipt, the frames of a batch."""
    lease, (form, names) = bytes.fromhex(VECTORS["lease"]), layout("Lease")
    count = dict(zip(names, struct.unpack(form, lease[:71]), strict=True))["contexts"]
    assert lease[71:71 + 16 * count] == b"c" * 16 + b"d" * 16 and lease[71 + 16 * count:-16] == b"input"
    span = bytes.fromhex(VECTORS["span"])[71 + 16 * count:-16]
    lengths = struct.unpack(f">{span[0]}H", span[1:1 + 2 * span[0]])
    assert lengths == (3, 0, 2) and span[1 + 2 * span[0]:] == b"onein" and sum(lengths) == 5
    ack, entry = bytes.fromhex(VECTORS["ack"]), struct.calcsize(layout("Ack", 1)[0])
    assert len(ack) == 3 + ack[2] * entry + 16
    result, (form, names) = bytes.fromhex(VECTORS["result"]), layout("Receipt")
    read = dict(zip(names, struct.unpack(form, result[:142]), strict=True))
    inner = hashlib.sha256(result[158:]).digest()
    assert read["seal"] == hashlib.sha256(b"lamp/result/1\0" + read["device"] + read["nonce"] + inner).digest()
    batch, parts = bytes.fromhex(VECTORS["batch"]), []
    rest = batch[2:]
    while rest:
        size = int.from_bytes(rest[:2], "big")
        parts.append(rest[2:2 + size])
        rest = rest[2 + size:]
    assert batch[1] == 5 and len(parts) > 1 and parts == list(wire.frames_of(batch))


def test_every_kind_of_frame_is_listed() -> None:
    """With the number that it has on the wire."""
    told = {row[1]: int(row[0]) for row in tables("Frames")[0]}
    assert told == {name.lower(): getattr(wire, name) for name in (
        "LEASE", "RECEIPT", "REFUSAL", "ACK", "BATCH", "CHUNK", "WANT", "CANCEL", "ACCEPT",
        "FLOOR", "SPAN")}


def test_codes_are_those_of_the_code() -> None:
    """Of refusals and of verdicts, each with its word."""
    assert {int(code): words(word)[0] for code, word, _ in tables("Refusal")[1]} == dict(
        list(enumerate(verdicts.REFUSALS))[1:])
    cells = [cell for row in tables("Ack")[2] for cell in row]
    assert {int(code): words(word)[0] for code, word in zip(cells[::2], cells[1::2], strict=True)} == dict(
        enumerate(verdicts.VERDICTS))


def test_the_example_of_a_key_is_right() -> None:
    """Each value that follows from it."""
    key = bytes(range(32))
    told = {row[0]: words(row[2])[0] for row in tables("Who is who")[0]}
    device, node = wire.device_of(key)
    assert told == {"device": device.hex(), "node": node, "password": derive(key, b"mqtt")[:16].hex(),
                    "client id": client_id(derive(key, b"mqtt")[:16].hex().encode()).decode(),
                    "up key": derive(key, b"up").hex(), "down key": derive(key, b"down").hex()}
    assert derive(key, b"up") == hmac.digest(key, b"lamp/up/1\0", "sha256")


def test_limits_are_those_of_the_wire() -> None:
    """All of them, with their numbers."""
    told = {words(name)[0]: number(value) for name, value, _ in tables("Limits")[0]}
    assert told == {name: getattr(wire, name) for name in dir(wire) if name.startswith("MAX_")}
    assert f"{MAX_REQUEST:,} bytes" in PAGE


def test_the_json_of_devices_has_these_keys() -> None:
    """As the gateway takes them, in this order."""
    told: dict[str, list[str]] = {}
    for document, key, _ in tables("A device's JSON")[0]:
        told.setdefault(document, []).append(words(key)[0])
    assert told == {leaf: list(shape) for leaf, shape in frames._SHAPES.items()}


@pytest.mark.parametrize("leaf", ["status", "birth", "bid"])
def test_the_golden_documents_are_read_by_the_page(leaf: str) -> None:
    """Where the MAC stands, over what it is, and which member comes first, with nothing of our code."""
    document = bytes.fromhex(VECTORS[leaf])
    text, _, tail = document.rpartition(b', "mac": "')
    tag = hmac.digest(bytes.fromhex(VECTORS["key_up"]), text, "sha256")[:16]
    assert tail == tag.hex().encode() + b'"}' and text.startswith(b'{"' + leaf.encode() + b'": ')
    told = [words(key)[0] for of, key, _ in tables("A device's JSON")[0] if of == leaf]
    assert sorted(json.loads(document)) == sorted({*told, "v", "mac"} - {"why"})   # which is said seldom
    assert f"{wire.LAST:,}" in part("A device's JSON")


def test_every_method_is_told_with_its_keys() -> None:
    """And no other."""
    common = {"cid", "reply_to", "v"}
    told = {words(method)[0]: set(words(keys)) - {'{"key", "owner"}'} for method, keys, _ in
            tables("Requests of operators")[0]}
    assert told == {method: set(keys - common) for method, keys in METHODS.items()}


def test_every_code_of_a_refused_request_is_told() -> None:
    """Those that the gateway writes; kinds have their own."""
    used = set()
    for path in (*sorted((ROOT / "gateway").rglob("*.py")), ROOT / "tasks" / "registry.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and isinstance(
                    given := node.args[0] if node.args else None, ast.Constant) and node.func.id in (
                    "RequestError", "TaskError", "EnrolmentError"):
                used.add(given.value)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reply":
                used |= {error.elts[0].value for error in node.args[2:] if isinstance(error, ast.Tuple)
                         and isinstance(error.elts[0], ast.Constant)}
    told = [word for row in tables("Requests of operators")[1] for word in words(row[0])]
    assert sorted(told) == sorted(used)


def test_the_status_of_a_task_has_these_keys() -> None:
    """All that are published."""
    told = [key for row in tables("What a gateway publishes")[0] for key in words(row[0])]
    assert sorted(told) == sorted(status(Task("t", "k", b"", 0, 1, 1, 1)))


def test_the_line_is_told_as_it_is() -> None:
    """The hello's head, the codes of frames, the order of the topics."""
    text = part("Over a serial line")
    assert layout("Over a serial line")[0] == ">BH16s"
    assert (cobs.HELLO, cobs.ACK, cobs.QOS, cobs.RETAIN) == (14, 15, 1 << 4, 1 << 5)
    order = words(text.split("a topic's place in")[1].split(", counted")[0])
    assert tuple(order) == wire.NODE_UP + wire.NODE_DOWN
    assert f"up to {cobs._PART} bytes" in text


@contextmanager
def listening(url: str, topic: str) -> Iterator[queue.Queue[Any]]:
    """Messages on ``topic`` as a plain client gets them, once it is subscribed."""
    at, heard, ready = BrokerUrl.parse(url), queue.Queue[Any](), queue.Queue[Any]()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "listener")
    client.username_pw_set(at.user, at.password)
    client.on_message = lambda _client, _data, message: heard.put(message)
    client.on_connect = lambda *_: client.subscribe(topic, 1)
    client.on_subscribe = lambda *_: ready.put(None)
    client.connect(at.host, at.port)
    client.loop_start()
    try:
        ready.get(timeout=300)
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def until(heard: queue.Queue[Any], last: str) -> Iterator[Any]:
    """Messages up to the first on a topic that matches ``last``."""
    while True:
        message = heard.get(timeout=300)
        yield message
        if re.fullmatch(last, message.topic):
            return


async def work(gateway: Any, client: Any, devices: Any, heard: queue.Queue[Any], root: str) -> list[Any]:
    """All that travels while a task is answered and an epoch sealed."""
    grid = {"quantity": "PM10", "unit": "µg/m³", "grid": {"cell_m": 200}, "stations": [
        {"x_m": x, "y_m": y, "value": 20 + x // 90 + y // 200} for x in (0, 400, 900) for y in (0, 300, 800)]}
    async with client, devices:
        await client.call("task.submit", id="dust", kind="environment.airmap", input=grid, where="fleet")
        seen = await asyncio.to_thread(list, until(heard, f"{root}/task/dust/files"))   # comes last
        await client.call("epoch.seal")
        return seen + await asyncio.to_thread(list, until(heard, f"{root}/epoch/.*"))


def test_what_travels_is_what_the_page_says(start_gateway: Callable[..., Any], operator: Callable[..., Any],
                                            street: Callable[..., Any]) -> None:
    """Each topic of the table carries a message of its QoS, no other topic does, and what is retained is."""
    gateway = start_gateway("--name", "gw")
    registry = Registry.open(gateway.data)
    account = registry.accounts("gw")[0]
    registry.close()
    root = wire.root("demo")
    url = f"mqtt://{account.user}:{account.password}@{gateway.url.split('@')[1]}"
    with listening(url, root + "/#") as heard:
        seen = asyncio.run(asyncio.wait_for(
            work(gateway, operator(gateway), street(gateway, 2, 2), heard, root), 150))
    told = {re.sub(r"\{\w+\}", "[^/]+", words(topic)[0].replace("{R}", root)): (int(qos), keeps == "yes")
            for topic, _, qos, keeps, _ in tables("Topics")[0]}
    expected = {message.topic for message in seen for topic, (_, keeps) in told.items()
                if keeps and re.fullmatch(topic, message.topic)}
    kept = set()
    with listening(url, root + "/#") as again:
        while not expected <= kept:
            message = again.get(timeout=300)
            kept |= {message.topic} if message.retain else set()
    for topic, (qos, keeps) in told.items():
        found = [message for message in seen if re.fullmatch(topic, message.topic)]
        if topic.endswith("/mark"):   # only at a start, before anybody could listen here
            continue
        assert {message.qos for message in found} == {qos}, topic
        assert {message.topic in kept for message in found} == {keeps}, topic
        seen = [message for message in seen if not re.fullmatch(topic, message.topic)]   # equal is what has one id
    assert not seen
