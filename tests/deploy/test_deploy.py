"""What deploy/ ships fits the program and keeps its promises."""

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from lamplighter.gateway.commands.cli import main
from lamplighter.gateway.runtime.settings import PACKET_ROOM

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT = (DEPLOY / "systemd" / "lamplighter.service").read_text()
README = (DEPLOY / "README.md").read_text()


def test_the_unit_starts_the_gateway_with_flags_that_exist():
    """Each option in ExecStart is one of `lamplighter up`."""
    words = re.search(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)[1].split()
    assert words[0] == "/opt/lamplighter/bin/lamplighter" and words[1] == "up"
    known = {flag for option in main.commands["up"].params for flag in option.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_one_bound_of_a_request_holds_for_gateway_and_broker():
    """The unit tells the gateway what Mosquitto's file allows; room is left to say that something is too large."""
    told = int(re.search(r"--max-request (\d+)", UNIT)[1])
    rules = (DEPLOY / "mosquitto" / "lamplighter.conf").read_text()
    allowed = re.search(r"^max_packet_size (\d+)$", rules, re.MULTILINE)
    assert int(allowed[1]) == told + PACKET_ROOM


def test_the_unit_is_closed():
    """systemd rates the exposure of the service at most 1.5 of 10."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    rated = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15",
                            DEPLOY / "systemd" / "lamplighter.service"], capture_output=True, text=True)
    assert rated.returncode == 0, rated.stdout[-200:] + rated.stderr


def test_the_workers_fit_the_unit():
    """Both at their bound leave the gateway a half; its filter lets by the call that sets the bound."""
    most = int(re.search(r"^MemoryMax=(\d+)M$", UNIT, re.MULTILINE)[1])
    assert 2 * int(re.search(r"--worker-mb (\d+)", UNIT)[1]) <= most // 2 and "OOMPolicy=continue" in UNIT
    if shutil.which("systemd-analyze"):
        listed = subprocess.run(["systemd-analyze", "syscall-filter", "@default"], capture_output=True, text=True)
        assert "prlimit64" in listed.stdout.split()


def test_every_file_that_the_guide_installs_is_there_and_every_file_is_installed():
    """The guide and the folder name the same files, and its commands are those of the program."""
    named = {path for pattern in re.findall(r"deploy/[\w./*-]+", README) for path in DEPLOY.parent.glob(pattern)}
    shipped = {path for path in DEPLOY.rglob("*") if path.is_file() and path.parent.name in ("mosquitto", "systemd")}
    assert named == shipped
    for line in re.findall(r"bin/lamplighter ([a-z ]+)", README):
        command = main
        for word in line.split():
            command = getattr(command, "commands", {}).get(word, command)
        assert not isinstance(command, click.Group), line


def test_scripts_are_valid_shell():
    """The shell that runs them can parse them."""
    for script in ("take-accounts", "make-certificates"):
        path = DEPLOY / "mosquitto" / script
        assert path.stat().st_mode & 0o111
        subprocess.run(["sh", "-n", path], check=True)
