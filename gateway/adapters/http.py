"""The gateway over HTTP: health, metrics, a JSON API, the public log as plain files, and the live status page.

It only shows: every route is a GET and changes nothing. Names that devices and operators chose reach the
browser as JSON and are set as text there; the Content-Security-Policy forbids everything but our own files.
A request must name this machine in its Host header, or a foreign page could read it by DNS rebinding.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from lamplighter.gateway.adapters import metrics

WEB = Path(__file__).parent.parent / "web"
MOST_BODY = 65_536
"""Bytes that a request to the page may bring; it takes no documents, those go to the broker."""
BODY_S = 10.0
"""Within which a body of unknown length has to end."""
MAX_LISTENERS = 32
"""Open live pages; a further one is told to come back."""
REFRESH_S = 1.0
TASKS_SHOWN, NODES_SHOWN, EPOCHS_SHOWN = 50, 200, 12
"""What one live update carries at most; the API lists everything."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
                               " img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Server": "lamplighter",
}


class HttpError(OSError):
    """The page cannot be served. The text is one sentence on why and the next step."""


class NoFiles(Exception):
    """The files of an answer cannot be made; the text is the code that says why."""


class Window(Protocol):
    """What the gateway shows: JSON-able values, built when asked for, on the event loop."""

    def health(self) -> dict[str, Any]:
        """site, version, boot, net (hex), broker (URL without password), broker_up (bool), tasks_open, tasks,
        nodes, nodes_online, spare_permille (mean of the connected devices), leases_open, jobs_since_start, epoch,
        pending, settled (credits of all devices, see nodes), bounds (name -> ``now`` and ``most``), recomputes_as
        (machine code, CPython), broker_probe (closed, open, not probed), retained_requests (each: topic, clear, a
        command), asked_too_much (operator -> how often it was refused), log_damage (sentences), not_in_registry
        (devices that only the log knows)."""

    def tasks(self) -> list[dict[str, Any]]:
        """Each: task, kind, state (preparing, running, done, failed, cancelled), round, jobs_done, jobs_total,
        jobs_per_s, waits_for (words, empty while it moves), copies, recomputed, here, here_why (words), where,
        submitted_at_ms (wall clock), by, eta_s (None when unknown), devices (node -> leases)."""

    def task(self, task: str) -> dict[str, Any] | None:
        """One of ``tasks()``, None when unknown."""

    def result(self, task: str) -> dict[str, Any] | None:
        """The city's answer, None while there is none."""

    async def files(self, task: str) -> Mapping[str, bytes] | None:
        """The files of its answer by name, made now; None while there is no answer. Raises NoFiles."""

    def nodes(self) -> list[dict[str, Any]]:
        """Each: node, owner, next_owner ('' or whose it is from the end of the epoch on), state (ready,
        sleeping, updating, lost, unseen, revoked), board, arch, firmware, heap (bytes), speed (credits/s), spare
        (permille of its time), room, open (leases), power, temp (degrees or None), score, lies, quarantined
        (bool), pending, settled (credits), last_seen_ms_ago (None when never), why_not (a word, or None when nothing
        keeps it from the work that waits)."""

    def node(self, node: str) -> dict[str, Any] | None:
        """One of ``nodes()``, None when unknown."""

    def epochs(self) -> list[dict[str, Any]]:
        """Sealed ones, oldest first, each: epoch, receipts, credits, bundle (hex digest)."""

    def damaged(self) -> dict[str, str]:
        """Files of the public log that are damaged, by their names in its folder: one sentence on each."""

    def turn_away(self) -> None:
        """A live page more than ``MAX_LISTENERS`` was asked for: it is counted."""

    def counters(self) -> dict[str, int]:
        """Whatever is counted since the start, by name: refused_*, misbehaved_*, verdicts_*, ..."""


async def start(window: Window, host: str, port: int, public: Path, open_page: bool = False,
                ) -> tuple[web.AppRunner, str]:
    """Serves ``window`` and the files under ``public``; returns what to ``cleanup()`` and the page's address.

    Port 0 takes a free one; beyond loopback it listens with ``open_page`` only. Raises HttpError.
    """
    if not (open_page or await _is_loopback(host)):
        raise HttpError(f"The status page has no logins, so it does not listen on {host}, beyond this computer; "
                        "leave --http-host out and use an SSH tunnel, or say --allow-open-page.")
    runner = web.AppRunner(_Site(window, host).application(public), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise HttpError(_why(error, host, port)) from error
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return runner, f"http://{f'[{shown}]' if ':' in shown else shown}:{runner.addresses[0][1]}/"


async def _is_loopback(host: str) -> bool:
    """Whether all that the name stands for is this computer alone; nothing else is known of one that is unknown."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host or "0.0.0.0", None)  # noqa: S104 - compared
    except OSError:
        return True   # it cannot be listened on, which is told as such
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback for *_, address in found)


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program; choose another --http-port (0 takes a free one)."
    if error.errno == errno.EACCES:
        return f"Port {port} may not be opened by this user; choose an --http-port above 1023."
    return f"The status page cannot listen on {host}, port {port} ({error.strerror}); choose another --http-host."


class _Site:
    """The routes, and who listens to the live page."""

    def __init__(self, window: Window, host: str) -> None:
        self._window = window
        self._metrics = metrics.Metrics(window)
        own = socket.gethostname().lower()
        self._names = {"localhost", host.lower(), own, own + ".local"}
        self._listeners = 0
        self._closing = asyncio.Event()
        self._update = b""
        self._update_at = -REFRESH_S
        self._public = ""

    def application(self, public: Path) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        window = self._window
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._scraped)
        app.router.add_get("/events", self._events)
        for path, listed in (("health", window.health), ("tasks", window.tasks), ("nodes", window.nodes),
                             ("epochs", window.epochs), ("counters", window.counters)):
            app.router.add_get("/api/" + path, _listing(listed))
        for path, found, what in (("tasks/{id}", window.task, "task"), ("tasks/{id}/result", window.result, "result"),
                                  ("nodes/{id}", window.node, "node")):
            app.router.add_get("/api/" + path, _lookup(found, what))
        app.router.add_get("/api/tasks/{id}/files", self._files)
        app.router.add_get("/api/tasks/{id}/files/{name}", self._file)
        for path, name in (("/", "index.html"), ("/app.js", "app.js"), ("/style.css", "style.css"),
                           ("/icon.svg", "icon.svg")):
            app.router.add_get(path, _file(WEB / name))
        public.mkdir(parents=True, exist_ok=True)
        self._public = os.path.realpath(public)
        app.router.add_static("/public/", public)
        app.on_shutdown.append(self._close)
        return app

    @web.middleware
    async def _guard(self, request: web.Request,
                     handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        """Refuses foreign names, gives errors the API's form, and puts our headers on every response."""
        try:
            if not self._is_own(request.headers.get("Host", "")):
                raise web.HTTPMisdirectedRequest()
            await _pass_over(request)
            damage = self._damage(request.match_info.get("filename"))
            response = _error(500, "damaged", damage) if damage else await handler(request)
        except web.HTTPException as error:
            response = _error(error.status, error.reason.lower().replace(" ", "_"), error.reason)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        if not response.prepared:
            for name, value in _HEADERS.items():
                response.headers[name] = value
        return response

    def _damage(self, name: str | None) -> str | None:
        """What is wrong with a file of the public log, however its name is spelt."""
        damaged = self._window.damaged()
        if name is None or not damaged:
            return None
        return damaged.get(os.path.relpath(os.path.realpath(f"{self._public}/{name}"), self._public))

    def _is_own(self, host: str) -> bool:
        """An address, or a name of this machine: a name of somebody else's choice may point anywhere."""
        name = host.lower().rsplit(":", 1)[0] if host.rsplit(":", 1)[-1].isdigit() else host.lower()
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name in self._names
        return True

    async def _healthz(self, _request: web.Request) -> web.Response:
        """200 while work can flow, else 503, for load balancers and service managers."""
        up = bool(self._window.health()["broker_up"])
        return _json({"status": "ok" if up else "broker_lost"}, 200 if up else 503)

    async def _scraped(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def _files(self, request: web.Request) -> web.Response:
        made = await self._made(request)
        return _json([{"name": name, "bytes": len(data), "type": _type_of(name)} for name, data in made.items()])

    async def _file(self, request: web.Request) -> web.Response:
        """As a download: what a kind has made of what an operator sent is never shown as a page of ours."""
        made, name = await self._made(request), request.match_info["name"]
        if name not in made:
            raise web.HTTPNotFound()
        return web.Response(body=made[name], headers={
            "Content-Type": _type_of(name), "Content-Disposition": f'attachment; filename="{name}"'})

    async def _made(self, request: web.Request) -> Mapping[str, bytes]:
        """Raises HTTPNotFound, HTTPServiceUnavailable."""
        try:
            made = await self._window.files(request.match_info["id"])
        except NoFiles as error:
            raise web.HTTPServiceUnavailable(reason=str(error)) from None
        if made is None:
            raise web.HTTPNotFound()
        return made

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events (HTML standard §9.2): the state once a second, when it has changed.

        A slow reader skips states: there is no queue, and writing waits for that reader alone.
        """
        if self._listeners >= MAX_LISTENERS:
            self._window.turn_away()
            return _error(503, "too_many_listeners", f"{MAX_LISTENERS} live pages are open")
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        self._listeners += 1
        try:
            await response.prepare(request)
            sent = b""
            while not self._closing.is_set():
                state = self._state()
                await response.write(b": same\n\n" if state == sent else b"data: " + state + b"\n\n")
                sent = state
                try:
                    await asyncio.wait_for(self._closing.wait(), REFRESH_S)
                except TimeoutError:
                    pass
        except ConnectionResetError:
            pass   # the reader has gone
        finally:
            self._listeners -= 1
        return response

    def _state(self) -> bytes:
        """One update as JSON; built once for all listeners."""
        now = asyncio.get_running_loop().time()
        if now - self._update_at >= REFRESH_S / 2:
            window = self._window
            tasks, nodes = sorted(window.tasks(), key=_unfinished_and_newest), window.nodes()
            self._update_at = now
            self._update = json.dumps({
                "health": window.health(), "counters": window.counters(), "tasks": tasks[:TASKS_SHOWN],
                "nodes": nodes[:NODES_SHOWN], "epochs": window.epochs()[:-EPOCHS_SHOWN - 1:-1],
                "jobs_per_s": sum(task["jobs_per_s"] for task in tasks),
            }).encode()
        return self._update

    async def _close(self, _app: web.Application) -> None:
        self._closing.set()


async def _pass_over(request: web.Request) -> None:
    """Lets a short body by. One whose length is not said is counted as it comes, and none of it kept.

    Raises HTTPRequestEntityTooLarge, HTTPRequestTimeout.
    """
    size = request.content_length or 0
    if request.content_length is None and request.can_read_body:
        try:
            async with asyncio.timeout(BODY_S):
                while size <= MOST_BODY and (part := await request.content.readany()):
                    size += len(part)
        except TimeoutError:
            raise web.HTTPRequestTimeout() from None
    if size > MOST_BODY:
        raise web.HTTPRequestEntityTooLarge(MOST_BODY, size)


def _unfinished_and_newest(task: dict[str, Any]) -> tuple[bool, int]:
    return task["state"] in ("done", "failed", "cancelled"), -task["submitted_at_ms"]


_TYPES = {"csv": "text/csv", "geojson": "application/geo+json", "json": "application/json", "png": "image/png",
          "svg": "image/svg+xml", "tif": "image/tiff", "txt": "text/plain; charset=utf-8", "xml": "application/xml"}


def _type_of(name: str) -> str:
    return _TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def _json(data: Any, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(data).encode(), status=status, content_type="application/json")


def _error(status: int, code: str, message: str) -> web.Response:
    return _json({"error": {"code": code, "message": message}}, status)


def _listing(listed: Callable[[], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(_request: web.Request) -> web.Response:
        return _json(listed())
    return handler


def _lookup(found: Callable[[str], dict[str, Any] | None],
            what: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        name = request.match_info["id"]
        item = found(name)
        return _json(item) if item is not None else _error(404, "unknown_" + what, f"no {what} {name!r}")
    return handler


def _file(path: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(path)
    return handler
