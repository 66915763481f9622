"""The fixed names that others script against: the commands, where they write, and their exit codes."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lamplighter.tasks.energy.evhosting.demo import feeder33
from tests.conftest import ROOT, environment

LAMPLIGHTER = str(Path(sys.executable).with_name("lamplighter"))
FEEDER = {"id": "feeder", "kind": "energy.evhosting", "where": "fleet",
          "input": {"feeder": feeder33(), "scenarios_per_level": 5, "policies": ["on_arrival"],
                    "voltage_min_pu": 0.9, "voltage_max_pu": 1.1}}
CHAIN = {"id": "chain", "kind": "toy.chain", "where": "fleet", "input": {"jobs": 10, "steps": 5_000}}


@pytest.fixture(scope="module")
def gateway(start_gateway):
    """One for all."""
    made = start_gateway()
    yield made
    made.end()


async def lamplighter(*arguments, folder):
    """Runs the installed command: (exit code, standard output)."""
    process = await asyncio.create_subprocess_exec(LAMPLIGHTER, *arguments, cwd=folder, env=environment(),
                                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, errors = await process.communicate()
    assert b"Traceback" not in errors, errors.decode()
    return process.returncode, out.decode()


@asynccontextmanager
async def simulated(*arguments, folder):
    """``lamplighter sim`` until the end of the block, then Ctrl-C: it ends with 0."""
    process = await asyncio.create_subprocess_exec(LAMPLIGHTER, "sim", *arguments, cwd=folder, env=environment(),
                                                   stdout=subprocess.PIPE)
    try:
        said = (await process.stdout.readline()).decode()
        assert "devices of" in said
        assert "MicroPython" in said or "CPython" in said
        yield
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def submitted(document, *arguments, folder):
    """``lamplighter task submit FILE --watch --json``: its result."""
    (folder / f"{document['id']}.json").write_text(json.dumps(document))
    code, out = await lamplighter("task", "submit", f"{document['id']}.json", "--watch", "--json",
                                  "--out", "answers", *arguments, folder=folder)
    assert code == 0, out
    return json.loads(out)


async def test_the_main_job_by_its_commands(gateway, tmp_path, expected):
    """Two kinds are submitted, watched and written; the epoch is sealed; the log verifies, and not when changed."""
    data = ("--data", str(gateway.data))
    async with simulated("--devices", "4", "--owners", "3", *data, folder=tmp_path):
        chain, feeder = await asyncio.gather(submitted(CHAIN, *data, folder=tmp_path),
                                             submitted(FEEDER, *data, folder=tmp_path))
        assert chain["result"]["data"] == {"state": expected(10, steps=5_000)}
        assert feeder["ok"]
        assert (tmp_path / "answers" / "chain-state.txt").read_text() == f"{expected(10, steps=5_000)}\n"
        assert {path.suffix for path in (tmp_path / "answers").glob("feeder*")} >= {".json", ".csv"}
        assert (await lamplighter("epoch", "seal", *data, folder=tmp_path))[0] == 0
        code, out = await lamplighter("node", "list", "--json", *data, folder=tmp_path)
        assert (code, len(json.loads(out))) == (0, 4)
    public = tmp_path / "copy"
    shutil.copytree(gateway.public, public)
    assert (await lamplighter("audit", "verify", str(public), folder=tmp_path))[0] == 0
    bundle = next(path for path in (public / "bundle").rglob("*") if path.is_file())
    whole = bundle.read_bytes()
    bundle.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    assert (await lamplighter("audit", "verify", str(public), folder=tmp_path))[0] == 1


async def test_any_broker_will_do(start_gateway, start_mosquitto, tmp_path, expected):
    """``up --broker``, ``sim`` and ``task submit --broker`` meet on a Mosquitto; on an open one only on request."""
    broker = start_mosquitto()
    gateway = start_gateway("--broker", broker, "--allow-open-broker")
    async with simulated("--devices", "2", "--data", str(gateway.data), folder=tmp_path):
        told = await submitted(CHAIN, "--broker", broker, folder=tmp_path)
    assert told["result"]["data"] == {"state": expected(10, steps=5_000)}
    gateway.end()


@pytest.fixture
def tls(tmp_path):
    """A folder with an authority and what it signed for this machine."""
    subprocess.run([ROOT / "deploy/mosquitto/make-certificates", tmp_path / "tls", "127.0.0.1"], check=True)
    return tmp_path / "tls"


async def test_devices_have_a_listener_of_their_own(start_gateway, start_mosquitto, tmp_path, free_port, tls):
    """Gateway and operators on a plain one; devices come over TLS, as `deploy/` has it."""
    broker = start_mosquitto(
        f"allow_anonymous true\nlistener {free_port} 127.0.0.1\ncafile {tls / 'ca.pem'}\n"
        f"certfile {tls / 'broker.pem'}\nkeyfile {tls / 'broker.key'}\n")
    gateway = start_gateway("--broker", broker, "--allow-open-broker")
    process = await asyncio.create_subprocess_exec(
        LAMPLIGHTER, "sim", "--devices", "2", "--data", str(gateway.data), "--json", "--join",
        f"mqtts://127.0.0.1:{free_port}?ca=tls/ca.pem", cwd=tmp_path, env=environment(), stdout=subprocess.PIPE)
    try:
        assert len(json.loads(await process.stdout.readline())["devices"]) == 2
        told = {}
        while told.get("connected") != 2:   # a slow machine says first what keeps them
            told = json.loads(await process.stdout.readline())
    finally:
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    gateway.end()


@pytest.mark.parametrize(("document", "said"), [
    (b"{", "not JSON"), (b'{"id": "x", "kind": "toy.chian", "input": {}}', "toy.chain")])
async def test_a_refused_task_ends_the_command_with_1(gateway, tmp_path, document, said):
    """What is wrong and how to put it right is told on standard error."""
    (tmp_path / "task.json").write_bytes(document)
    process = await asyncio.create_subprocess_exec(
        LAMPLIGHTER, "task", "submit", "task.json", "--data", str(gateway.data), cwd=tmp_path, env=environment(),
        stderr=subprocess.PIPE)
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert said in errors.decode()
