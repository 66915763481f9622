"""The docs name everything that users can name, and what they show works."""

from __future__ import annotations

import copy
import dataclasses
import importlib.util
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from urllib.parse import unquote

import click
import pytest

from lamplighter.firmware import wire
from lamplighter.gateway.adapters import http
from lamplighter.gateway.adapters.metrics import Metrics
from lamplighter.gateway.adapters.mqtt import BrokerUrl, MqttLink
from lamplighter.gateway.api import bounds
from lamplighter.gateway.api.requests import METHODS, loads
from lamplighter.gateway.commands.cli import main
from lamplighter.gateway.core import lifecycle
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.core.state import State
from lamplighter.gateway.protocol import topics, verdicts, words
from lamplighter.gateway.publiclog import auditor
from lamplighter.gateway.runtime import files as answer_files
from lamplighter.gateway.runtime import gate, inbox
from lamplighter.gateway.runtime.settings import Settings
from lamplighter.tasks.registry import load_kinds, prepare

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(set(ROOT.glob("*.md")) - {ROOT / "README.md"}),
         *sorted((ROOT / "docs").glob("*.md")), ROOT / "deploy" / "README.md", ROOT / "examples" / "README.md"]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
STATES = (ROOT / "docs" / "states.md").read_text()
TEXT = "\n".join(page.read_text() for page in PAGES)


def is_named(word: str, text: str = REFERENCE) -> bool:
    """Whether ``word`` stands in backticks: alone, or as a word of its own in an example."""
    whole = re.compile(rf"(?<![\w.-]){re.escape(word)}(?![\w-])")
    return any(whole.search(code) for code in re.findall(r"`([^`\n]+)`", text))


def section(title: str) -> str:
    """The part of the reference below the heading ``title``."""
    return REFERENCE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def commands(command: click.Command, path: str = "lamplighter") -> Iterator[tuple[str, click.Command]]:
    """(whole name, command) of everything below ``command`` that does something."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, f"{path} {name}")
    else:
        yield path, command


COMMANDS = dict(commands(main))
FLAGS = sorted({(name, flag) for name, command in COMMANDS.items() for option in command.params
                for flag in option.opts if flag.startswith("--")})


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def shown() -> list[Any]:
    """Every line of a shell block that starts with ``lamplighter``, in all pages, by page."""
    found = [(page, line.strip()) for page in PAGES for line in "\n".join(blocks(page, "sh")).splitlines()
             if re.match(r"\s*(\S*/)?lamplighter ", line)]
    assert found
    return [pytest.param(line, id=f"{page.parent.name}/{page.name}: {line[:40]}") for page, line in found]


def named_only(option: click.Parameter) -> click.Parameter:
    """The same for a file that need not be there, as those of examples."""
    if not isinstance(option.type, click.File):
        return option
    option = copy.copy(option)
    option.type = click.Path()
    return option


def parse(words: list[str]) -> None:
    """Parses a command line as click would, without running it; raises click.UsageError."""
    command, context = main, click.Context(main, info_name="lamplighter")
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=context)
    command = copy.copy(command)
    command.params = [named_only(option) for option in command.params]
    command.make_parser(context).parse_args(list(words))
    command.make_context(context.info_name, list(words), parent=context.parent)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented(name: str) -> None:
    """Each has its line in the table of commands."""
    assert f"`{name}`" in section("Commands")


@pytest.mark.parametrize(("name", "flag"), FLAGS)
def test_every_flag_is_documented(name: str, flag: str) -> None:
    """In the line of its command, or, where several commands share it, above the table."""
    above, _, table = section("Commands").partition("| command |")
    (line,) = [line for line in table.splitlines() if f"`{name}`" in line]
    assert is_named(flag, line) or is_named(flag, above)


def test_every_documented_flag_exists() -> None:
    """The table of commands names no flag that a command does not take."""
    for line in section("Commands").splitlines():
        for name in re.findall(r"^\| `(lamplighter [a-z ]+)`", line):
            known = {flag for option in COMMANDS[name].params for flag in option.opts}
            assert set(re.findall(r"`(--[a-z-]+)`", line)) <= known, line


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_is_documented(method: str) -> None:
    """With each of its own keys, in the same line."""
    (line,) = [line for line in section("Requests").splitlines() if is_named(method, line.split(" | ")[0])]
    keys = METHODS[method] - {"cid", "reply_to", "v"}
    assert "as `task.submit`" in line or all(is_named(key, line) for key in keys)
    assert all(is_named(key, section("Requests")) for key in METHODS[method])


@pytest.mark.parametrize("topic", [
    *(wire.node_topic("{site}", "{node}", leaf) for leaf in (*wire.NODE_UP, *wire.NODE_DOWN)),
    *(topics.gateway_topic("{site}", "{gateway}", leaf) for leaf in ("status", "info")),
    *(topics.task_topic("{site}", "{task}", leaf) for leaf in ("status", "event", "result", "files")),
    topics.file_topic("{site}", "{task}", "{name}"),
    topics.rpc_topic("{site}", "{user}", "{method}"), topics.reply_topic("{site}", "{user}"),
    topics.epoch_topic("{site}", "{n}"),   # type: ignore[arg-type]
])
def test_every_topic_is_documented(topic: str) -> None:
    """As it is built, with its root written ``{R}``."""
    assert f"`{wire.root('{site}')}`" in section("Topics")
    assert f"| `{topic.replace(wire.root('{site}'), '{R}')}` |" in section("Topics")


def test_every_documented_topic_exists() -> None:
    """No topic is promised that nobody publishes on."""
    builders = {"gw", "node", "rpc", "reply", "task", "epoch"}
    topics = re.findall(r"^\| `\{R\}/([a-z]+)/[^`]*`", section("Topics"), re.MULTILINE)
    assert set(topics) == builders and len(topics) == 18


class Street:
    """A gateway with one of everything, as the metrics read it."""

    def health(self) -> dict[str, Any]:
        return {"broker_up": True, "epoch": 1, "leases_open": 1, "spare_permille": 500, "pending": 1, "settled": 1,
                "bounds": {"devices": {"now": 1, "most": 9}}}

    def tasks(self) -> list[dict[str, Any]]:
        return [{"state": "running", "jobs_per_s": 1}]

    def nodes(self) -> list[dict[str, Any]]:
        return [{"state": "ready"}]

    def counters(self) -> dict[str, int]:
        return {"jobs": 1}


def test_every_metric_is_documented_and_exists() -> None:
    """The names that Prometheus scrapes are those of the table."""
    names = set(re.findall(r"^(lamplighter_\w+)", Metrics(Street()).text().decode(), re.MULTILINE))
    assert names == set(re.findall(r"^\| `(lamplighter_\w+)`", section("HTTP"), re.MULTILINE))


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_documented(field: dataclasses.Field[Any]) -> None:
    """With its flag, which exists; the policy's numbers have a table of their own."""
    lines = section("Settings of a gateway").splitlines()
    (line,) = [line for line in lines if is_named(field.name, line.split(" | ")[0])]
    flag = "--" + field.name.replace("_", "-")
    assert field.name == "policy" or (is_named(flag, line) and ("lamplighter up", flag) in FLAGS)


@pytest.mark.parametrize("field", dataclasses.fields(Policy), ids=lambda field: field.name)
def test_every_number_of_the_policy_is_documented(field: dataclasses.Field[Any]) -> None:
    """With its default, in the order of the names."""
    (line,) = [line for line in section("Settings of a gateway").splitlines() if is_named(field.name, line)]
    names, defaults = re.findall(r"`(\w+)`", line.split("|")[1]), line.split("|")[2].split(", ")
    assert defaults[names.index(field.name)].strip() == f"{field.default:,}"


@pytest.mark.parametrize(("title", "table"), lifecycle.tables().items())
def test_the_tables_of_states_are_those_of_the_code(title: str, table: str) -> None:
    """Word for word as ``lifecycle.tables()`` prints them."""
    assert f"\n\n{table}" in STATES, f"print lifecycle.tables()[{title!r}] into docs/states.md"


def test_no_other_table_of_states_is_shown() -> None:
    """What the docs say may become of something, the code says too."""
    assert STATES.count("| may become |") == len(lifecycle.tables())


def test_every_reason_against_a_device_is_documented() -> None:
    """Each word of ``why_not`` with its meaning, as the code prints them."""
    assert f"\n\n{words.meanings('why not', lifecycle.Why)}" in STATES


def test_where_a_task_is_computed_is_documented() -> None:
    """What may be asked for, and each reason of the gateway to compute a job itself, as the code prints them."""
    assert f"\n\n{words.meanings('where', lifecycle.Place)}" in STATES
    assert f"\n\n{words.meanings('here', lifecycle.Here)}" in STATES


def test_every_bound_is_documented_and_exists() -> None:
    """With its number and what becomes of one more, as the code prints them."""
    link = MqttLink(BrokerUrl("127.0.0.1", 1), "me", on_message=print)
    held = {"file_bytes": (0, answer_files.TOTAL), "request_bytes_at_start": (0, inbox.MAX_AT_START), **link.holds()}
    state = State(Policy(), b"", lambda task, job, answer: True, 1, b"")
    assert f"\n\n{bounds.table(bounds.bounds(state, Counter(), held))}" in section("Bounds")
    assert f"{http.MAX_LISTENERS} live pages" in section("Bounds")
    numbers = (gate.SHARE_BYTES, gate.BURST_BYTES, gate.LEASE_BYTES, gate.MESSAGE_BYTES, gate.HINT_BYTES,
               gate.VAIN_BYTES, gate.DEBT_BYTES // gate.SHARE_BYTES)
    (budget,) = [line for line in section("Bounds").splitlines() if "within a budget" in line]
    assert re.findall(r"\b[\d,]*\d\b", budget) == [f"{number:,}" for number in numbers]


def test_every_verdict_is_documented_and_exists() -> None:
    """With its meaning, in the order of their codes, as the code prints them; the auditor has a reason for each."""
    assert f"\n\n{words.table('verdict', verdicts.VERDICT_MOVES)}" in section("Why a receipt was paid or not")
    assert tuple(auditor.REASONS) == verdicts.VERDICTS[1:]


def test_every_refusal_is_documented_and_exists() -> None:
    """Each word with which a device declines a lease, with its meaning."""
    said = "; ".join(f"`{refusal}` {refusal.meaning}" for refusal in verdicts.REFUSALS[1:])
    assert f"\n{said}.\n" in section("Why a device declined a lease")


@pytest.mark.parametrize("kind", sorted(load_kinds()))
def test_every_kind_and_its_input_is_documented(kind: str) -> None:
    """Each kind has a section that names every field of its input, and the README leads there."""
    part = (ROOT / "docs" / "kinds.md").read_text().split(f"## {kind}\n", 1)[1].split("\n## ", 1)[0]
    missing = [field for field in load_kinds()[kind].Model.model_fields if not is_named(field, part)]
    assert not missing
    assert f"](docs/kinds.md#{kind.replace('.', '')})" in PAGES[0].read_text()


def test_every_http_path_is_documented(tmp_path: Path) -> None:
    """What the page serves is in the reference; its own files go without saying."""
    router = http._Site(Mock(), "127.0.0.1").application(tmp_path).router
    served = {resource.canonical.removesuffix("public") for resource in router.resources()}
    served -= {"/app.js", "/style.css", "/icon.svg"}
    missing = [path for path in served if f"`{path}`" not in section("HTTP") and f"`{path}/`" not in section("HTTP")]
    assert len(served) > 10 and not missing


@pytest.mark.parametrize("line", shown())
def test_shown_commands_parse(line: str) -> None:
    """Every ``lamplighter`` line of the docs names a command and flags that exist."""
    words = shlex.split(line, comments=True)
    for stop in ("&", "|", ">", "&&"):
        words = words[:words.index(stop)] if stop in words else words
    parse(words[1:])


def test_the_shown_task_is_valid() -> None:
    """The JSON document of the README is a request that its kind accepts."""
    (text,) = blocks(ROOT / "README.md", "json")
    document = loads(text.encode())
    assert set(document) <= METHODS["task.submit"]
    assert prepare(load_kinds(), document["kind"], document["input"]) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link is a file, and its anchor a heading in there."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = unquote(target).partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, target


def test_named_modules_exist() -> None:
    """Each ``python -m`` of the docs is a module of today, and each folder of the README's tree is there."""
    named = set(re.findall(r"python -m ([\w.]+)", TEXT)) - {"gateway", "pip", "venv"}
    assert named and all(importlib.util.find_spec(module) for module in named)
    tree = PAGES[0].read_text().split("## The tree")[1]
    folders = {name for line in tree.splitlines() if line.startswith("| `") for name in
               re.findall(r"`([\w/]+)/`", line.split("|")[1])}
    assert all((ROOT / name).is_dir() for name in folders)
    rooms = {path.name for path in (ROOT / "gateway").iterdir() if (path / "__init__.py").exists()} | {"web"}
    assert {name.partition("/")[2] for name in folders if name.startswith("gateway/")} == rooms


def test_the_golden_vectors_are_where_the_docs_say() -> None:
    """They can be read, and there is one for every message."""
    assert len(json.loads((ROOT / "tests" / "vectors" / "wire.json").read_text())) > 5
