"""How commands run and end: by themselves, by Ctrl-C, by the system, with their terminal."""

import signal
import subprocess
import sys

import pytest

WORK = """
import asyncio, sys
from lamplighter.gateway.commands.common import run

async def work():
    try:
        print("up", flush=True)
        while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
            print(line, end="", flush=True)
        await asyncio.Event().wait()
    finally:
        print("closed in order", flush=True)

run(work(), 7)
"""


@pytest.fixture
def start(without_nohup):
    """start(prefix) runs a command that repeats lines and never ends by itself."""
    started = []

    def run(*prefix):
        process = subprocess.Popen([*prefix, sys.executable, "-c", WORK], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "up\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_being_stopped_closes_everything_in_order(start, number):
    """Ctrl-C, the system, a closed terminal: the exit code is the one that the command asked for."""
    process = start()
    process.send_signal(number)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out, err) == (7, "closed in order\n", "")


def test_nohup_keeps_it_when_the_terminal_is_closed(start):
    """A command that was started to outlive its terminal does; it can still be stopped."""
    process = start("nohup")
    process.send_signal(signal.SIGHUP)
    print("still here", file=process.stdin, flush=True)
    assert process.stdout.readline() == "still here\n"
    process.terminate()
    out, _ = process.communicate(timeout=300)
    assert (process.returncode, out) == (7, "closed in order\n")
