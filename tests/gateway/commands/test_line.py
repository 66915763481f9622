"""``lamplighter line`` as a program: what it says when something is missing, and how it ends."""

import json
import os
import pty
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from lamplighter.gateway.commands.cli import main


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "lamplighter.json"
    path.write_text(json.dumps({"line": "usb", "site": "demo", "net": "00" * 8, "key": "11" * 32}))
    return path


def test_what_is_missing_is_said_in_one_sentence(tmp_path, config):
    """No configuration, no gateway, a broker address that is none: exit 1; no port: wrong use."""
    def said(*options):
        done = CliRunner().invoke(main, ["line", "--data", str(tmp_path / "none"), *options])
        return done.exit_code, done.output

    code, text = said("--port", "x", "--config", str(tmp_path / "absent.json"))
    assert code == 1 and "lamplighter node enrol" in text
    code, text = said("--port", "x", "--config", str(config))
    assert code == 1 and "no gateway has run" in text
    code, text = said("--port", "x", "--config", str(config), "--broker", "http://x")
    assert code == 1 and "broker address" in text
    assert said("--config", str(config))[0] == 2


@pytest.mark.parametrize("there", [False, True], ids=["absent", "open"])
def test_ctrl_c_ends_it_in_order(tmp_path, config, there):
    """Whether the port is there or waited for: exit 0, the last line says what it was doing, no traceback."""
    master, slave = pty.openpty()
    port = os.ttyname(slave) if there else str(tmp_path / "absent")
    command = [sys.executable, "-m", "lamplighter.gateway", "line", "--port", port, "--config", str(config)]
    process = subprocess.Popen([*command, "--broker", "mqtt://127.0.0.1:1"], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    first = process.stdout.readline().decode()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=300)
    os.close(master)
    os.close(slave)
    assert first == (f"{port} is open; waiting for the board to say hello\n" if there else
                     f"{port} cannot be opened (there is no such port); waiting for it\n")
    assert (process.returncode, rest) == (0, b"")
