"""What the gateway shows over HTTP: the right numbers, to this machine's own pages only, and never a change."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from lamplighter.gateway.adapters import http

EVIL = "<img src=x onerror=alert(1)>"


class FakeWindow:
    """A gateway with one running task, one finished one with an ugly name, and two devices."""

    def __init__(self) -> None:
        self.broker_up = True
        self.done = 3
        self.turned_away = 0
        self.damage: dict[str, str] = {}

    def damaged(self) -> dict[str, str]:
        return self.damage

    def turn_away(self) -> None:
        self.turned_away += 1

    def health(self) -> dict[str, Any]:
        return {"site": "demo", "version": "1", "boot": 1, "net": "00", "broker": "mqtt://127.0.0.1:1",
                "broker_up": self.broker_up, "tasks_open": 1, "tasks": 2, "nodes": 2, "nodes_online": 1,
                "spare_permille": 650, "leases_open": 4, "jobs_since_start": self.done, "epoch": 2, "pending": 0,
                "settled": 42, "bounds": {"devices": {"now": 2, "most": 9}}}

    def tasks(self) -> list[dict[str, Any]]:
        common = {"kind": "traffic.signals", "round": 0, "jobs_total": 9, "jobs_per_s": 5, "waits_for": "",
                  "copies": 7, "recomputed": 1, "eta_s": 2, "devices": {}}
        return [{"task": EVIL, "state": "done", "jobs_done": 9, "submitted_at_ms": 2, **common},
                {"task": "t1", "state": "running", "jobs_done": self.done, "submitted_at_ms": 1, **common}]

    def task(self, task: str) -> dict[str, Any] | None:
        return next((own for own in self.tasks() if own["task"] == task), None)

    def result(self, task: str) -> dict[str, Any] | None:
        return {"summary": "calm"} if task == EVIL else None

    async def files(self, task: str) -> dict[str, bytes] | None:
        if task == "slow":
            raise http.NoFiles("too_slow")
        return {"plan.svg": b"<svg/>", "plan.add.xml": b"<additional/>", "x.zip": b"PK"} if task == "t1" else None

    def nodes(self) -> list[dict[str, Any]]:
        return [{"node": "aa", "state": "ready"}, {"node": "bb", "state": "lost"}]

    def node(self, node: str) -> dict[str, Any] | None:
        return next((own for own in self.nodes() if own["node"] == node), None)

    def epochs(self) -> list[dict[str, Any]]:
        return [{"epoch": number, "receipts": 3, "credits": 30, "bundle": "ab"} for number in range(20)]

    def counters(self) -> dict[str, int]:
        return {"refused_busy": 2, "lies": 1}


Visit = Callable[[ClientSession, FakeWindow], Awaitable[None]]


def visit(tmp_path: Path, work: Visit) -> None:
    """Serve a FakeWindow on a free port and run ``work`` with a client of it."""
    async def go() -> None:
        window = FakeWindow()
        runner, url = await http.start(window, "127.0.0.1", 0, tmp_path / "public")
        try:
            async with asyncio.timeout(300), ClientSession(url) as client:
                await work(client, window)
        finally:
            await runner.cleanup()
    asyncio.run(go())


@pytest.mark.parametrize(("path", "key"), [
    ("health", None), ("tasks", None), ("nodes", None), ("epochs", None), ("counters", None),
    ("tasks/t1", "t1"), ("tasks/%3Cimg%20src=x%20onerror=alert(1)%3E", EVIL), ("nodes/bb", "bb"),
])
def test_api(tmp_path: Path, path: str, key: str | None) -> None:
    """Every route of the API answers with what the window says, as JSON that no browser takes for a page."""
    async def work(client: ClientSession, window: FakeWindow) -> None:
        async with client.get("/api/" + path) as response:
            assert response.status == 200 and response.content_type == "application/json"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            shown = getattr(window, path.split("/", maxsplit=1)[0])
            assert await response.json() == (shown() if key is None else getattr(window, path[:4])(key))
    visit(tmp_path, work)


@pytest.mark.parametrize(("path", "status", "code"), [
    ("/api/tasks/none", 404, "unknown_task"), ("/api/nodes/none", 404, "unknown_node"),
    ("/api/tasks/t1/result", 404, "unknown_result"), ("/nothing", 404, "not_found"),
])
def test_unknown(tmp_path: Path, path: str, status: int, code: str) -> None:
    """What is not there is answered with a code in JSON."""
    async def work(client: ClientSession, _window: FakeWindow) -> None:
        async with client.get(path) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (status, code)
    visit(tmp_path, work)


def test_result(tmp_path: Path) -> None:
    """The city's answer is served as it is."""
    async def work(client: ClientSession, window: FakeWindow) -> None:
        async with client.get("/api/tasks/%3Cimg%20src=x%20onerror=alert(1)%3E/result") as response:
            assert await response.json() == window.result(EVIL)
    visit(tmp_path, work)


def test_files_of_an_answer(tmp_path: Path) -> None:
    """They are listed, and each is a download of its type: nothing of them runs as a page of ours."""
    async def work(client: ClientSession, _window: FakeWindow) -> None:
        async with client.get("/api/tasks/t1/files") as response:
            assert await response.json() == [
                {"name": "plan.svg", "bytes": 6, "type": "image/svg+xml"},
                {"name": "plan.add.xml", "bytes": 13, "type": "application/xml"},
                {"name": "x.zip", "bytes": 2, "type": "application/octet-stream"}]
        async with client.get("/api/tasks/t1/files/plan.svg") as response:
            assert (await response.read(), response.content_type) == (b"<svg/>", "image/svg+xml")
            assert response.headers["Content-Disposition"] == 'attachment; filename="plan.svg"'
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        for path, status, code in (("t1/files/none.svg", 404, "not_found"),
                                   ("t1/files/..%2Fplan.svg", 404, "not_found"),
                                   ("t2/files", 404, "not_found"), ("slow/files", 503, "too_slow"),
                                   ("slow/files/plan.svg", 503, "too_slow")):
            async with client.get("/api/tasks/" + path) as response:
                assert (response.status, (await response.json())["error"]["code"]) == (status, code)
    visit(tmp_path, work)


def test_health_follows_the_broker(tmp_path: Path) -> None:
    """/healthz is 200 while the broker is connected and 503 when it is not."""
    async def work(client: ClientSession, window: FakeWindow) -> None:
        for up, status in ((True, 200), (False, 503)):
            window.broker_up = up
            async with client.get("/healthz") as response:
                assert response.status == status
    visit(tmp_path, work)


def test_public_files(tmp_path: Path) -> None:
    """The public folder is served byte for byte, and a symbolic link does not lead out of it."""
    public = tmp_path / "public"
    (public / "tile").mkdir(parents=True)
    (public / "tile" / "000").write_bytes(bytes(range(256)))
    (tmp_path / "secret").write_text("secret")
    (public / "way-out").symlink_to(tmp_path / "secret")

    async def work(client: ClientSession, _window: FakeWindow) -> None:
        async with client.get("/public/tile/000") as response:
            assert await response.read() == bytes(range(256))
        async with client.get("/public/way-out") as response:
            assert response.status in (403, 404)
    visit(tmp_path, work)


@pytest.mark.parametrize("path", ["tile/000", "tile//000", "%74ile/000", "tile/./000", "link"])
def test_a_damaged_file_is_not_served(tmp_path: Path, path: str) -> None:
    """Whoever asks for it, by whatever name, is told what is wrong with it; others are served."""
    public = tmp_path / "public"
    (public / "tile").mkdir(parents=True)
    (public / "tile" / "000").write_bytes(b"damaged")
    (public / "tile" / "001").write_bytes(b"good")
    (public / "link").symlink_to("tile/000")

    async def work(client: ClientSession, window: FakeWindow) -> None:
        window.damage = {"tile/000": "tile/000 is damaged: put back a copy."}
        base = client._base_url
        assert base is not None
        reader, writer = await asyncio.open_connection(base.host, base.port)
        writer.write(f"GET /public/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        response = await reader.read()
        writer.close()
        assert response.split()[1] == b"500" and b"tile/000 is damaged: put back a copy." in response
        async with client.get("/public/tile/001") as good:
            assert await good.read() == b"good"
    visit(tmp_path, work)


@pytest.mark.parametrize("path", ["../secret", "%2e%2e/secret", "..%2fsecret", "tile/../../secret", "/../secret"])
def test_public_folder_has_walls(tmp_path: Path, path: str) -> None:
    """No spelling of a parent directory, sent as it stands, reads a file beside the public folder."""
    (tmp_path / "secret").write_text("hidden words")

    async def work(client: ClientSession, _window: FakeWindow) -> None:
        base = client._base_url
        assert base is not None
        reader, writer = await asyncio.open_connection(base.host, base.port)
        writer.write(f"GET /public/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        response = await reader.read()
        writer.close()
        assert response.split()[1] in (b"403", b"404") and b"hidden words" not in response
    visit(tmp_path, work)


@pytest.mark.parametrize(("host", "allowed"), [
    ("127.0.0.1:80", True), ("localhost", True), ("LOCALHOST:8480", True), ("[::1]:8480", True),
    ("192.168.1.7", True), (socket.gethostname(), True), ("evil.example", False), ("evil.example:8480", False),
    ("127.0.0.1.evil.example", False), ("localhost.evil.example", False), ("", False),
])
def test_host_header(tmp_path: Path, host: str, allowed: bool) -> None:
    """A name that somebody else may point at this machine is refused: no foreign page reads the gateway."""
    async def work(client: ClientSession, _window: FakeWindow) -> None:
        async with client.get("/api/nodes", headers={"Host": host}) as response:
            assert (response.status == 200) is allowed
    visit(tmp_path, work)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_get(tmp_path: Path, method: str) -> None:
    """No route takes a method that could change something, and none invites another origin."""
    async def work(client: ClientSession, _window: FakeWindow) -> None:
        for path in ("/", "/api/tasks", "/api/tasks/t1", "/events", "/metrics", "/public/x"):
            async with client.request(method, path) as response:
                assert response.status == 405
                assert not [name for name in response.headers if name.startswith("Access-Control")]
    visit(tmp_path, work)


def test_a_document_is_not_for_the_page(tmp_path: Path) -> None:
    """One that is sent to it, whatever its size, is refused before it is read."""
    async def work(client: ClientSession, _window: FakeWindow) -> None:
        async with client.post("/api/tasks", data=b"x" * 1_000_000) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (413, "request_entity_too_large")
    visit(tmp_path, work)


async def chunked(client: ClientSession, chunks: int) -> bytes:
    """Sends so many chunks of a kilobyte, without saying their length, until there is a response: its first line."""
    base = client._base_url
    assert base is not None
    reader, writer = await asyncio.open_connection(base.host, base.port)
    writer.write(b"GET /api/tasks HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    answered = asyncio.ensure_future(reader.readline())
    while chunks and not answered.done():
        writer.write(b"400\r\n" + b"x" * 1_024 + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0)
        chunks -= 1
    writer.write(b"0\r\n\r\n")
    line = await answered
    writer.close()
    return line


def test_a_document_that_does_not_say_its_length_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is too long is refused as soon as that is known, one that does not end is given up; a short one is
    let by."""
    async def work(client: ClientSession, _window: FakeWindow) -> None:
        assert (await chunked(client, 1)).split()[1] == b"200"
        assert (await chunked(client, 64)).split()[1] == b"200"
        assert (await chunked(client, 65)).split()[1] == b"413"
        assert (await chunked(client, -1)).split()[1] == b"413"   # it would go on for ever
        monkeypatch.setattr(http, "BODY_S", 0.01)
        async with client.get("/api/tasks", data=endless()) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (408, "request_timeout")

    async def endless() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()
    visit(tmp_path, work)


def test_page_is_self_contained(tmp_path: Path) -> None:
    """The page and all that it names come from here, with a policy that allows nothing else and no inline code."""
    class Links(HTMLParser):
        found: list[str] = []  # noqa: RUF012 - one parser

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            names = {name for name, _ in attrs}
            assert not any(name.startswith("on") or name == "style" for name in names)
            assert tag != "style" and (tag != "script" or "src" in names)
            self.found += [value or "" for name, value in attrs if name in ("src", "href")]

    async def work(client: ClientSession, _window: FakeWindow) -> None:
        async with client.get("/") as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
            page = await response.text()
        links = Links()
        links.feed(page)
        assert {"app.js", "style.css", "icon.svg"} <= set(links.found)
        for link in set(links.found):
            async with client.get("/" + link) as response:
                assert response.status == 200, link
    visit(tmp_path, work)


def test_script_sets_text_only() -> None:
    """The page's script has no way to make markup of a string, and finds every element that it names."""
    script = (http.WEB / "app.js").read_text()
    assert not re.search(r"(inner|outer)HTML|insertAdjacentHTML|document\.write|eval\(|Function\(", script)
    page = (http.WEB / "index.html").read_text()
    named = set(re.findall(r'\$\("([a-z-]+)"\)', script))
    assert len(named) > 10
    assert named <= set(re.findall(r'id="([a-z-]+)"', page))


def test_the_page_shows_what_was_refused_or_damaged() -> None:
    """Bounds, who asked for too much, kept requests, damage and the broker's openness; it reads nothing of
    ``health`` that is not there."""
    read = set(re.findall(r"health\.(\w+)", (http.WEB / "app.js").read_text()))
    assert {"bounds", "asked_too_much", "retained_requests", "log_damage", "broker_probe"} <= read
    assert read <= set(re.findall(r"\w+", http.Window.health.__doc__ or ""))


async def update(stream: Any) -> dict[str, Any]:
    """The next event with data."""
    while True:
        line = await stream.content.readline()
        assert line, "the stream ended"
        if line.startswith(b"data: "):
            found: dict[str, Any] = json.loads(line[6:])
            return found


def test_live_updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener gets the state at once and again when it has changed: unfinished tasks and newest epochs first."""
    monkeypatch.setattr(http, "REFRESH_S", 0.01)

    async def work(client: ClientSession, window: FakeWindow) -> None:
        async with client.get("/events") as stream:
            assert stream.content_type == "text/event-stream"
            first = await update(stream)
            assert [task["task"] for task in first["tasks"]] == ["t1", EVIL]
            assert [epoch["epoch"] for epoch in first["epochs"]] == list(range(19, 19 - http.EPOCHS_SHOWN, -1))
            assert (first["jobs_per_s"], first["health"]["settled"]) == (10, 42)
            window.done = 8
            assert (await update(stream))["tasks"][0]["jobs_done"] == 8
    visit(tmp_path, work)


def test_listeners_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One live page too many is turned away; when another one closes there is room again."""
    monkeypatch.setattr(http, "MAX_LISTENERS", 1)
    monkeypatch.setattr(http, "REFRESH_S", 0.01)

    async def work(client: ClientSession, window: FakeWindow) -> None:
        async with client.get("/events") as stream:
            await update(stream)
            async with client.get("/events") as other:
                assert other.status == 503 and window.turned_away == 1
            stream.close()
        while True:
            async with client.get("/events") as stream:
                if stream.status == 200:
                    await update(stream)
                    return
    visit(tmp_path, work)


def test_stops_with_a_listener(tmp_path: Path) -> None:
    """Cleaning up ends the open streams instead of waiting for their readers."""
    async def go() -> None:
        runner, url = await http.start(FakeWindow(), "127.0.0.1", 0, tmp_path)
        async with ClientSession() as client, client.get(url + "events") as stream:
            await update(stream)
            await asyncio.wait_for(runner.cleanup(), 300)
            assert b"data" not in await stream.content.read()
    asyncio.run(go())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1"])
def test_beyond_loopback_only_when_told(tmp_path: Path, host: str) -> None:
    """The page asks nobody for a password, so an address alone does not open it to the network."""
    async def go() -> None:
        with pytest.raises(http.HttpError, match="--allow-open-page"):
            await http.start(FakeWindow(), host, 0, tmp_path)
        if host == "0.0.0.0":
            runner, _ = await http.start(FakeWindow(), host, 0, tmp_path, True)
            await runner.cleanup()
    asyncio.run(go())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_loopback_needs_no_flag(tmp_path: Path, host: str) -> None:
    """By address or by name."""
    async def go() -> None:
        runner, _ = await http.start(FakeWindow(), host, 0, tmp_path)
        await runner.cleanup()
    asyncio.run(go())


@pytest.mark.parametrize(("host", "says"), [("127.0.0.1", "in use by another program"),
                                            ("192.0.2.1", "cannot listen on 192.0.2.1")])
def test_cannot_listen(tmp_path: Path, host: str, says: str) -> None:
    """A taken port and an address that is not ours each give one sentence with the next step."""
    async def go() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            with pytest.raises(http.HttpError, match=says) as caught:
                await http.start(FakeWindow(), host, taken.getsockname()[1], tmp_path, True)
            assert "--http-" in str(caught.value)
    asyncio.run(go())
