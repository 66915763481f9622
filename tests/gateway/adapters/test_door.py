"""A socket in a folder, through which who may use the folder asks for anything."""

import asyncio
import json
import socket
import stat
import threading

import pytest

from lamplighter.gateway.adapters.door import MAX_LINE, SOCKET, Closed, ask, open_door


def answered(folder, *lines, serve=None):
    """What comes back for each of these requests, given to ``ask`` as (method, params) or sent as they are."""
    def echo(method, payload, back):
        back(json.dumps({"method": method, "payload": payload.decode()}).encode())

    def send(line):
        if isinstance(line, tuple):
            return ask(folder, line[0], **line[1])
        with socket.socket(socket.AF_UNIX) as plain, plain.makefile("rb") as back:
            plain.connect(str(folder / SOCKET))
            try:
                plain.sendall(line)
                plain.shutdown(socket.SHUT_WR)
                return back.readline()
            except (BrokenPipeError, ConnectionResetError):
                return b""

    async def main():
        server = await open_door(folder, serve or echo)
        try:
            return [await asyncio.to_thread(send, line) for line in lines]
        finally:
            server.close()
    return asyncio.run(asyncio.wait_for(main(), 300))


def test_a_request_is_answered(tmp_path):
    """The method apart, as in a topic; the rest is the request."""
    (told,) = answered(tmp_path, ("node.restore", {"node": "a"}))
    assert told == {"method": "node.restore", "payload": '{"node": "a"}'}


def test_only_the_folders_user_may_come_in(tmp_path):
    """Whoever else is on that computer cannot open it."""
    answered(tmp_path)
    assert stat.S_IMODE((tmp_path / SOCKET).stat().st_mode) == 0o600


def test_where_no_gateway_runs_it_is_closed(tmp_path):
    """Never opened, or left behind by one that was killed; the next one opens it again."""
    with pytest.raises(Closed):
        ask(tmp_path, "health.check")
    answered(tmp_path)
    assert (tmp_path / SOCKET).exists()
    with pytest.raises(Closed):
        ask(tmp_path, "health.check")
    assert answered(tmp_path, ("a", {}), ("b", {}))[1]["method"] == "b"


def test_folders_may_lie_deep(tmp_path):
    """An address may have about a hundred letters, a path may have more."""
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 6)
    deep.mkdir(parents=True)
    assert answered(deep, ("a", {}))[0]["method"] == "a"


@pytest.mark.parametrize("line", [b"", b"\n", b"noise\n", b"[1]\n", b'{"node": "a"}\n', b"[" * 100_000 + b"\n",
                                  b'{"method": [1]}\n', b'{"method": "a"'])
def test_noise_is_a_request_without_a_method(tmp_path, line):
    """Who refuses requests refuses it, and others are served after it."""
    noise, after = answered(tmp_path, line, ("a", {}))
    assert json.loads(noise)["method"] in ("", "[1]") and after["method"] == "a"


def test_a_line_without_an_end_is_cut_off(tmp_path):
    """No request takes more memory than the longest may."""
    assert answered(tmp_path, b"x" * (2 * MAX_LINE), ("a", {})) == [b"", {"method": "a", "payload": "{}"}]


def test_a_gateway_that_goes_is_noticed(tmp_path, caplog):
    """Who asked does not wait for ever; ending in the middle of a request is no error."""
    asked, failed = asyncio.Event(), []

    def wait():
        try:
            ask(tmp_path, "a")
        except OSError as error:
            failed.append(error)

    async def main():
        await open_door(tmp_path, lambda *about: asked.set())
        thread.start()
        await asked.wait()
    thread = threading.Thread(target=wait)
    asyncio.run(main())
    thread.join(300)
    assert "went away" in str(failed[0]) and not caplog.records
