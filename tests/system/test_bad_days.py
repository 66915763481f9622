"""What an operator sees on a bad day: one sentence with the cause and the next step, and nothing lost."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress

import pytest

from tests.conftest import environment, runs
from tests.system.device import Device, honest


@pytest.fixture(scope="module")
def neighbour(start_gateway):
    """A gateway that is in the way and must not be disturbed."""
    made = start_gateway()
    yield made
    made.end()


def run(*arguments, folder):
    """``lamplighter …`` to its end: (exit code, standard error)."""
    done = subprocess.run([sys.executable, "-m", "lamplighter.gateway", *arguments], cwd=folder, env=environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stderr


def assert_sentence(outcome, cause, step):
    """One line that names the cause and the next step."""
    code, said = outcome
    assert code == 1, said
    lines = said.strip().splitlines()
    assert len(lines) == 1, said
    assert cause in said, said
    assert step in said, said


@contextmanager
def mounted(folder, options):
    """A file system of its own, where we may mount one."""
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True,
                           check=False)
    if mount.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_no_broker(tmp_path, free_port):
    """Nobody listens at the address given."""
    outcome = run("up", "--data", "data", "--http-port", "0", "--broker", f"mqtt://127.0.0.1:{free_port}",
                  folder=tmp_path)
    assert_sentence(outcome, f"No broker answers at mqtt://127.0.0.1:{free_port}", "start one")


def test_an_address_that_is_none(tmp_path):
    """A broker address that cannot be read says how one looks."""
    assert_sentence(run("up", "--data", "data", "--broker", "http://somewhere", folder=tmp_path),
                    "A broker address is mqtt://", "[user:password@]host[:port]")


@pytest.mark.parametrize(("option", "step"), [("--http-port", "choose another --http-port"),
                                              ("--mqtt-port", "stop what listens there")])
def test_a_port_that_is_taken(neighbour, tmp_path, option, step):
    """Another program has the port of the page, or of the broker."""
    port = (neighbour.page if option == "--http-port" else neighbour.url).rpartition(":")[2].strip("/")
    other = ["--http-port", "0"] if option == "--mqtt-port" else []
    assert_sentence(run("up", "--data", "data", option, port, *other, folder=tmp_path), f"Port {port}", step)


def test_a_second_gateway_on_the_same_folder(neighbour, tmp_path):
    """The first goes on as if nothing had been."""
    outcome = run("up", "--data", str(neighbour.data), "--http-port", "0", folder=tmp_path)
    assert_sentence(outcome, str(neighbour.data), "choose another")
    assert neighbour.ask("health")["broker_up"]


def test_a_folder_that_cannot_be_written(tmp_path):
    """Read-only for everybody, root too where we may mount."""
    if os.getuid():
        (tmp_path / "ro").mkdir(mode=0o500)
        assert_sentence(run("up", "--data", "ro/data", "--http-port", "0", folder=tmp_path), "ro/data", "another")
        return
    with mounted(tmp_path / "ro", "ro") as folder:
        assert_sentence(run("up", "--data", str(folder / "data"), "--http-port", "0", folder=tmp_path),
                        str(folder), "another")


def test_a_folder_that_has_become_read_only(tmp_path, start_gateway):
    """The same with everything in place already."""
    with mounted(tmp_path / "disk", "size=64m") as folder:
        start_gateway(data=folder / "data").end()
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        assert_sentence(run("up", "--data", str(folder / "data"), "--http-port", "0", folder=tmp_path),
                        str(folder / "data"), "another")


def test_a_disk_that_is_full_from_the_start(tmp_path):
    """There is no room for the first files."""
    with mounted(tmp_path / "disk", "size=64k") as folder:
        outcome = run("up", "--data", str(folder / "data"), "--http-port", "0", folder=tmp_path)
        assert_sentence(outcome, str(folder / "data"), "room")


def fill(path):
    """Writes until the disk is full."""
    with path.open("wb") as filler, suppress(OSError):
        while True:
            filler.write(bytes(1 << 16))


async def test_a_disk_that_fills_up_while_a_task_runs(tmp_path, start_gateway, operator, submit, result_of, expected):
    """The gateway says so and ends; with room again the next start finishes the task."""
    with mounted(tmp_path / "disk", "size=64m") as folder:
        gateway = start_gateway(data=folder / "data")
        async with operator(gateway) as client, Device(client, gateway.url, "anna", honest):
            fill(folder / "filler")
            await submit_in_vain(submit, client, gateway)
            assert_sentence((gateway.end(0), gateway.errors), str(folder / "data"), "free some space")
            (folder / "filler").unlink()
            await asyncio.to_thread(gateway.start)
            await submit(client, "full", jobs=2)
            assert (await result_of(client, "full"))["result"]["data"] == {"state": expected(2)}
        gateway.end()


async def test_a_journal_that_may_not_grow(gateway, operator, submit, result_of, expected):
    """The same by a quota, which needs no rights."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna", honest):
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        await submit_in_vain(submit, client, gateway)
        assert_sentence((gateway.end(0), gateway.errors), str(gateway.data), "then start again")
        await asyncio.to_thread(gateway.start)
        await submit(client, "quota", jobs=2)
        assert (await result_of(client, "quota"))["result"]["data"] == {"state": expected(2)}


async def submit_in_vain(submit, client, gateway):
    """A submission that the journal cannot take is not answered; the gateway ends."""
    attempt = asyncio.create_task(submit(client, "vain", jobs=1))
    await asyncio.to_thread(gateway.process.wait, 300)
    assert not attempt.done()
    attempt.cancel()
    await asyncio.wait({attempt})


async def test_ctrl_c_in_the_middle_of_a_task(gateway, operator, street, submit, result_of, expected, counted):
    """It ends with 0, leaves no broker and no other child, and the next start finishes the task."""
    async with operator(gateway) as client, street(gateway, 3, owners=3):
        await submit(client, "paused", jobs=100, rounds=2, steps=20_000)
        answer = asyncio.create_task(result_of(client, "paused"))
        await counted(gateway, lambda now: now["results"] >= 30)
        assert not answer.done()
        children = gateway.children()
        assert gateway.broker_pid in children
        assert await asyncio.to_thread(gateway.end, signal.SIGINT) == 0
        assert gateway.errors == ""
        assert not any(map(runs, children))
        await asyncio.to_thread(gateway.start)
        told = await answer
        assert told["result"]["data"] == {"state": expected(100, 2, 20_000)}


@pytest.mark.usefixtures("without_nohup")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_stopping_while_it_recomputes(gateway, operator, submit, counted, number):
    """Neither the job that runs in its child nor those that wait for it keep it, or stay behind."""
    async with operator(gateway) as client, Device(client, gateway.url, "anna", honest, room=8):
        await submit(client, "drawn", jobs=8, steps=10_000_000)
        await counted(gateway, lambda now: now["audits"] == 8)
        while len(children := gateway.children()) < 2:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0)
        assert await asyncio.to_thread(gateway.end, number) == 0
        assert gateway.errors == ""
        assert not any(map(runs, children))


async def test_a_log_whose_older_files_are_damaged(tmp_path, start_gateway):
    """The gateway serves, says in its log and in ``health`` what to do, and gives the file to nobody."""
    gateway = start_gateway()
    gateway.end()
    tile = gateway.data / "public" / "tile" / "0" / "000.p" / "1"
    tile.write_bytes(bytes(32))
    gateway.start()
    while not (told := (await asyncio.to_thread(gateway.ask, "health"))["log_damage"]):
        pass
    assert len(told) == 1 and str(tile) in told[0] and "put back a copy" in told[0] and told[0] in gateway.errors
    with pytest.raises(urllib.error.HTTPError) as refused:
        await asyncio.to_thread(urllib.request.urlopen, f"{gateway.page}public/tile/0/000.p/1", timeout=300)
    assert refused.value.code == 500 and told[0] in refused.value.read().decode()
    gateway.end()


@pytest.mark.parametrize("command", [["task", "list"], ["node", "list"], ["sim", "--devices", "2"]])
def test_a_client_without_a_gateway(tmp_path, command):
    """Nothing has ever run in this folder."""
    assert_sentence(run(*command, folder=tmp_path), "no gateway has run in", "lamplighter up")


def test_a_client_whose_gateway_has_ended(gateway, tmp_path):
    """The folder names an address where nobody listens any more."""
    gateway.end()
    assert_sentence(run("task", "list", "--data", str(gateway.data), folder=tmp_path), "No broker answers at",
                    "start")
