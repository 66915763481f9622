"""The rules between rooms, read from the source: who imports whom, what may stand where."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamplighter.gateway.api.bounds import BOUNDS
from lamplighter.gateway.core.policy import Policy
from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.gateway.kindkit.plan import METHOD, ROLES
from lamplighter.gateway.kindkit.rules import problems
from lamplighter.gateway.runtime.settings import Settings
from lamplighter.tasks.registry import load_kinds

ROOT = Path(__file__).parents[1]
CORE_USES = {"__future__", "array", "bisect", "collections", "collections.abc", "dataclasses", "enum", "functools",
             "hashlib", "heapq", "itertools", "json", "struct", "typing"}
"""What a pure module may have of the standard library: no I/O, no clock, no randomness."""
LEDGER_USES = CORE_USES | {"base64", "binascii", "copy", "cryptography", "re"}
MICROPYTHON_HAS = {"array", "asyncio", "binascii", "collections", "errno", "gc", "hashlib", "io", "json",
                   "micropython", "os", "random", "select", "socket", "ssl", "struct", "sys", "time"}
BOARDS_HAVE = {"machine", "network", "esp", "esp32", "rp2", "pyb", "stm", "nrf", "mimxrt", "bluetooth", "espnow"}
OURS = {"benchmarks", "firmware", "gateway", "tasks", "tests"}


def files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found, folders
    return found


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(node: ast.AST, probed: bool = False) -> Iterator[tuple[str, bool]]:
    """(module, whether its absence is provided for) of every import below ``node``, wherever it stands.

    Ours are called as the folders are, without the ``lamplighter`` before them; relative ones are the firmware's.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name.removeprefix("lamplighter."), probed) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level < 2, "only the firmware imports relatively, and it is flat"
            whole = ".".join(filter(None, ["firmware" if child.level else "", child.module]))
            module = whole.removeprefix("lamplighter.")
            below = [f"{module}.{alias.name}" for alias in child.names]
            modules = [name for name in below if (ROOT / (name.replace(".", "/") + ".py")).exists()]
            yield from ((name, probed) for name in (modules or [module]))
        elif isinstance(child, ast.Try):
            caught = {word.id for handler in child.handlers for word in ast.walk(handler.type or handler)
                      if isinstance(word, ast.Name)}
            provided = probed or "ImportError" in caught
            yield from imports(ast.Module([*child.body, *child.handlers], []), provided)
            yield from imports(ast.Module([*child.orelse, *child.finalbody], []), probed)
        else:
            yield from imports(child, probed)


def imported(path: Path) -> set[str]:
    return {name for name, _ in imports(tree(path))}


def is_below(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def strings(path: Path) -> Iterator[str]:
    """Text and bytes literals that are no docstrings."""
    module = tree(path)
    prose = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and id(node) not in prose and isinstance(node.value, str | bytes):
            yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def formats(path: Path) -> set[str]:
    """Literals that can only be layouts of big-endian structs."""
    return {text for text in strings(path) if re.fullmatch(r">(\d*[xcbB?hHiIlLqQs])+", text)}


def test_the_reader_sees_every_import() -> None:
    """Also in functions and branches; one is probed if its absence or its equal's is caught where it stands."""
    code = """
        import a.b
        from lamplighter.gateway.core import events, machine
        try:
            import c
        except (ImportError, OSError):
            import d
        try:
            import e
        except ValueError:
            pass
        def f():
            if g: from h import i
    """
    found = set(imports(ast.parse(textwrap.dedent(code))))
    assert found == {("a.b", False), ("gateway.core.events", False), ("gateway.core.machine", False), ("c", True),
                     ("d", True), ("e", False), ("h", False)}


@pytest.mark.parametrize(("room", "allowed"), [("protocol", CORE_USES | {"binascii"}), ("core", CORE_USES),
                                               ("ledger", LEDGER_USES)])
def test_the_core_and_the_ledger_are_pure(room: str, allowed: set[str]) -> None:
    """They import nothing of ours but themselves and the wire, of which the MAC is a part, and nothing that acts."""
    for path in files(f"gateway/{room}"):
        for name in imported(path):
            ours = is_below(name, "gateway.protocol", f"gateway.{room}", "firmware.wire", "firmware.mac")
            theirs = name in allowed or name.split(".")[0] in allowed - {"collections"}
            assert ours or (theirs and name.split(".")[0] not in OURS), f"{name_of(path)} imports {name}"


def test_the_core_and_the_ledger_do_not_know_each_other() -> None:
    """What both must know stands in the protocol."""
    for one, other in (("core", "ledger"), ("ledger", "core")):
        assert not [path for path in files(f"gateway/{one}") for name in imported(path)
                    if is_below(name, f"gateway.{other}")]


def test_imports_say_whose_they_are() -> None:
    """Everything of ours is below ``lamplighter``: bare names collide with those of other distributions. Within the
    firmware imports are relative, since on a board the folder has another name."""
    for path in files("gateway", "tasks", "firmware"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ImportFrom):
                assert bool(node.level) == (path.parent.name == "firmware") or not is_below(
                    node.module or "", "firmware", "lamplighter.firmware"), f"{name_of(path)}:{node.lineno}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                bare = not getattr(node, "level", 0) and any(name.split(".")[0] in OURS - {"tests"} for name in names)
                assert not bare, f"{name_of(path)}:{node.lineno} imports {names}"


def test_no_module_is_loaded_twice() -> None:
    """One file under two names would make two of each class, and an ``except WireError`` that does not catch."""
    code = ("import pkgutil, sys, lamplighter; "
            "from lamplighter.gateway.commands.cli import main; "
            "found = [m.name for m in pkgutil.walk_packages(lamplighter.__path__, 'lamplighter.', lambda name: None) "
            "if 'template' not in m.name and not m.name.endswith(('__main__', 'kernel', 'kernel_worker'))]; "
            "[__import__(name) for name in found]; "
            "files = [m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)]; "
            "real = sorted(__import__('os').path.realpath(f) for f in files); "
            "print(len(found), [f for f in set(real) if real.count(f) > 1 and 'lamplighter' in f])")
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    count, _, twice = done.stdout.strip().partition(" ")
    assert int(count) > 100 and twice == "[]", done.stdout


@pytest.mark.parametrize("room", ["gateway/core", "gateway/ledger"])
def test_pure_modules_do_not_open_print_or_ask(room: str) -> None:
    """No builtin is a way out."""
    ways_out = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint", "id", "hash"}
    for path in files(room):
        called = {node.func.id for node in ast.walk(tree(path))
                  if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        assert not called & ways_out, f"{name_of(path)} calls {called & ways_out}"


def test_importing_the_core_loads_nothing_that_acts() -> None:
    """Nor does anything that it imports: asked of a fresh interpreter."""
    acts = {"asyncio", "socket", "sqlite3", "logging", "random", "subprocess", "paho", "aiohttp", "pydantic"}
    code = ("import sys; before = set(sys.modules); "
            "import lamplighter.gateway.core.machine, lamplighter.gateway.core.intake; "
            f"print(sorted({{name.split('.')[0] for name in set(sys.modules) - before}} & {acts}))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


SOCKETS = ("door", "http", "mqtt", "broker", "serial", "systemd", "metrics")
"""Adapters that reach out of the process."""


def test_the_shell_knows_no_sockets() -> None:
    """``shell`` and ``pump`` alone know the machine; what they are made of runs the same in the simulator, so nothing
    of it but ``app`` and ``brokers`` knows an adapter that reaches out of the process."""
    knows = {name_of(path): imported(path) for path in files("gateway")}
    machine = {name for name, of in knows.items() if "gateway.core.machine" in of}
    assert machine == {"gateway.runtime.shell", "gateway.runtime.pump"}
    outside = {f"gateway.adapters.{name}" for name in SOCKETS}
    reach = {name for name, of in knows.items() if is_below(name, "gateway.runtime") and of & outside}
    assert reach == {"gateway.runtime.app", "gateway.runtime.brokers"}


def test_the_composition_root_only_wires() -> None:
    """It is short enough to be read at a glance, and has no class with a life of its own."""
    path = ROOT / "gateway/runtime/app.py"
    assert len(path.read_text().splitlines()) <= 150
    classes = [node for node in tree(path).body if isinstance(node, ast.ClassDef)]
    assert not [part for node in classes for part in node.body if isinstance(part, ast.FunctionDef)]


def test_adapters_know_the_core_as_data_only() -> None:
    """Events, effects, snapshots, the policy's numbers and frames cross the border; state does not."""
    data = ("gateway.core.events", "gateway.core.effects", "gateway.core.policy", "gateway.core.snapshot")
    for path in files("gateway/adapters"):
        known = {name for name in imported(path) if is_below(name, "gateway.core")}
        assert known <= set(data), f"{name_of(path)} imports {known - set(data)}"


def test_adapters_do_not_know_what_is_built_on_them() -> None:
    """An adapter imports core data, the ledger, firmware files and other adapters."""
    for path in files("gateway/adapters"):
        ours = {name for name in imported(path) if name.split(".")[0] in OURS}
        known = ("gateway.core", "gateway.protocol", "gateway.ledger", "gateway.adapters", "firmware")
        above = {name for name in ours if not is_below(name, *known) and name != "gateway"}
        assert not above, f"{name_of(path)} imports {above}"


def test_the_core_and_the_firmware_know_no_family() -> None:
    """Families are handed in: nothing but a kind's own folder, the tests and the installer names one."""
    families = [f"tasks.{path.name}" for path in (ROOT / "tasks").iterdir() if (path / "__init__.py").exists()]
    for path in files("gateway", "firmware"):
        assert not [name for name in imported(path) if is_below(name, *families)], name_of(path)


def test_the_firmware_imports_itself_and_micropython() -> None:
    """What MicroPython lacks is imported only where its absence is provided for; boards have a rule of their own."""
    for path in files("firmware"):
        for name, probed in imports(tree(path)):
            top = name.split(".")[0]
            assert top in {"firmware", *MICROPYTHON_HAS, *BOARDS_HAVE} or probed, f"{name_of(path)} imports {name}"
            assert top not in OURS - {"firmware"}, f"{name_of(path)} imports {name}"


def test_only_ports_know_boards() -> None:
    """``machine``, ``network`` and their like are imported by ``ports``, and by its parts that are in the heap only
    where needed: ``lineport`` for serial lines, ``ending`` for restarts. Probed, or in a function that is asked for.
    """
    for path in files("firmware"):
        inner = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        outer = ast.Module([part for part in tree(path).body if not isinstance(part, inner)], [])
        always = {name for name, probed in imports(outer) if not probed}
        for name in imported(path):
            if name.split(".")[0] in BOARDS_HAVE:
                assert name_of(path).removeprefix("firmware.") in ("ports", "lineport", "ending"), f"{path}: {name}"
                assert name not in always, f"{name_of(path)} cannot be imported without {name}"


KINDS = {f"{path.parents[1].name}.{path.parent.name}": path.parent for path in (ROOT / "tasks").glob("*/*/model.py")}


@pytest.mark.parametrize("name", KINDS)
def test_our_kinds_have_every_role(name: str) -> None:
    """Each has all files of the plan, one kind the kernel of another; tests are named after what they test."""
    found = {path.stem for path in KINDS[name].glob("*.py")}
    kernel = load_kinds()[name].kernel
    assert found | {kernel.stem} == set(ROLES) and kernel.exists()
    known = found | {kernel.stem} | {path.stem for path in (KINDS[name] / METHOD).glob("*.py")}
    for path in (ROOT / "tests/tasks" / KINDS[name].relative_to(ROOT / "tasks")).glob("test_*.py"):
        tested = path.stem.removeprefix("test_")
        assert tested in known or tested.rpartition("_")[0] in known, f"no module {tested} in {name}"


def test_readers_and_drawing_know_no_kind() -> None:
    """What reads a format or draws is for all kinds; each has its tests where it stands."""
    families = {f"tasks.{path.parent.name}" for path in KINDS.values()}
    for room in ("readers", "drawing"):
        for path in files(f"tasks/{room}"):
            assert not [name for name in imported(path) if is_below(name, *families)], name_of(path)
        sources = {path.stem for path in files(f"tasks/{room}")}
        assert {path.stem.removeprefix("test_") for path in files(f"tests/tasks/{room}")} <= sources


KERNELS = sorted([*(ROOT / "tasks").rglob("kernel.py"), *(ROOT / "tasks").rglob("kernel/")])


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.parent.name)
def test_kernels_keep_their_rules(path: Path) -> None:
    """Integers only, in slices: the same rules that third parties' kernels are tested by."""
    assert not problems(kernel_source(path).decode())


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.parent.name)
def test_kernels_import_nothing_but_their_tools(path: Path) -> None:
    """``array`` and ``struct``, and ``micropython`` where it exists."""
    for name, probed in imports(ast.parse(kernel_source(path))):
        assert name in ("array", "struct") or (name == "micropython" and probed), name


def test_topics_are_named_once() -> None:
    """The root of all topics stands in ``firmware/wire.py`` and nowhere else."""
    found = {name_of(path) for path in files("firmware", "gateway", "tasks") for text in strings(path)
             if "lamplighter/v" in text}
    assert found == {"firmware.wire"}


def test_message_layouts_are_the_wires() -> None:
    """The gateway's half uses the device's layouts, and no other file has one with version and kind of a message."""
    wire, half = formats(ROOT / "firmware/wire.py"), formats(ROOT / "gateway/protocol/frames.py")
    assert len(wire) > 5 and half and half <= wire
    messages = {layout for layout in wire if layout.startswith(">BB")}
    for path in files("firmware", "gateway"):
        if name_of(path) not in ("firmware.wire", "gateway.protocol.frames"):
            assert not formats(path) & messages, name_of(path)


FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCK = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def depth(node: ast.AST) -> int:
    """How many blocks stand in each other below ``node``, functions apart; ``elif`` is no deeper than ``if``."""
    found = [0]
    for part in ast.iter_child_nodes(node):
        if not isinstance(part, (*FUNCTION, ast.ClassDef)):
            chained = isinstance(node, ast.If) and isinstance(part, ast.If) and node.orelse == [part]
            found.append(depth(part) + (isinstance(part, BLOCK) and not chained))
    return max(found)


def test_depth_is_that_of_blocks() -> None:
    """An ``elif`` and a function within add nothing, a handler and an ``else`` are as deep as what they belong to."""
    code = """
        if a:
            pass
        elif b:
            pass
        elif c:
            try:
                pass
            except d:
                for e in f: pass
            else:
                with g: pass
        else:
            def h():
                while i:
                    while j:
                        while k:
                            while l: pass
    """
    assert depth(ast.parse(textwrap.dedent(code))) == 3
    assert depth(ast.parse("if a:\n    pass\nelse:\n    if b:\n        pass\n    c")) == 2


@pytest.mark.parametrize("folder", ["firmware", "tasks", "gateway", "tests", "benchmarks"])
def test_functions_are_short(folder: str) -> None:
    """None is longer than 70 lines or nested deeper than four blocks, and nine in ten are shorter than 30 lines."""
    found = {f"{name_of(path)}:{node.lineno} {node.name}": ((node.end_lineno or 0) - node.lineno + 1, depth(node))
             for path in files(folder) for node in ast.walk(tree(path)) if isinstance(node, FUNCTION)}
    assert not {name: size for name, size in found.items() if size[0] > 70 or size[1] > 4}
    assert sum(lines < 30 for lines, _ in found.values()) >= 0.9 * len(found)


CONTAINERS = {"dict", "list", "set", "deque", "Counter", "OrderedDict", "defaultdict", "bytearray", "Queue"}
HELD = {
    "core.entities.Job": {
        "copies": "as many as the policy wants, one more for each that was in vain: `max_expired`",
        "refused": "devices, at most `max_nodes`", "tries": "ways in which a lease ends, words of ours"},
    "core.entities.Round": {
        "fresh": "its jobs", "jobs": "of one round: what a worker of `worker_mb` can send", "order": "its jobs",
        "second": "its jobs, by owners of devices: at most `max_nodes`"},
    "core.entities.Task": {
        "devices": "at most `max_nodes`", "here": "words of ours", "suspects": "its jobs"},
    "core.entities.Node": {
        "newest": "topics of ours", "no_heap": "kinds that are installed", "pace": "kinds that are installed",
        "open": "`leases_of_a_device`", "pending": "epochs that are not sealed"},
    "core.machine.Machine": {"_handlers": "events of ours", "_unseen": "`max_tasks`"},
    "core.state.Turn": {"effects": "of one event"},
    "core.state.State": {
        "_moments": "events of ours", "compiling": "`max_compiling`",
        "counters": "words of ours", "ended": "`leases_remembered`",
        "here": "`max_tasks`", "hungry": "at most `max_nodes`",
        "kernels": "instruction sets that enrolled devices claim: `max_nodes`",
        "leases": "of each device `leases_of_a_device`", "leftover": "of rounds that are over; fewer at each tick",
        "live": "`max_tasks`", "nodes": "`devices`",
        "settled": "owners that the log has for a device: they change on the gateway's computer only",
        "standings": "at most `max_nodes`", "strangers": "`strangers`", "tasks": "`tasks` and `tasks_finished`",
        "touched": "at most `max_nodes`", "workers": "kinds that are installed"},
    "core.timers.Timers": {
        "_at": "of leases, jobs and devices; gone when due, within `report_ceiling_ms`", "_dues": "those of `_at`"},
    "core.turns.Turns": {"_kinds": "kinds of tasks that are open", "_levels": "priorities of tasks that are open"},
    "core.turns._Queue": {"tasks": "`max_tasks`"},
    "runtime.blobs.Blobs": {"_kernels": "those of the core: `max_nodes`"},
    "runtime.carriers.Carriers": {"_table": "effects of ours"},
    "runtime.enrolment.Enrolment": {"_known": "`devices`", "keys": "`devices`"},
    "runtime.errands.Errands": {"_open": "effects of `requests`, `compiling`, tasks that recompute or look back"},
    "runtime.files.Files": {"_shown": "`TASKS` of `MOST` names",
                            "_waiting": "`TASKS` results, and ids of tasks that are cleared meanwhile"},
    "runtime.gate.Gate": {"_accounts": "`devices`; strangers share one"},
    "runtime.inbox.Inbox": {
        "_held": "`request_bytes_at_start`", "_kept": "`MAX_KEPT`", "_loud": "topics of devices that are muted",
        "_waiting": "`request_bytes_at_start`"},
    "runtime.kinds.KindInfo": {"example": "of a kind that is installed", "schema": "the same"},
    "runtime.outbox.Outbox": {"_acks": "of one batch of events: `MAX_BATCH`", "_leases": "of one batch: `MAX_BATCH`"},
    "runtime.pump.Pump": {"_queue": "`messages_in`, and one for each errand and timer of ours"},
    "runtime.recompute.Recomputer": {"_children": "kernels of kinds that are installed; a minute each"},
    "runtime.recompute._Child": {"_kept": "`KEPT`"},
    "runtime.rounds.Contexts": {
        "_order": "of one task: what a worker of `worker_mb` has sent", "data": "of one task, as above"},
    "runtime.sealing.Sealing": {"damaged": "files of the gateway's own", "missing": "devices of the log"},
    "runtime.shell.Shell": {"counters": "words of ours, codes of refusals"},
    "runtime.solvers.Solvers": {
        "_asking": "`requests`", "_asks": "answers that wait for their check: of each device `leases_of_a_device`",
        "_places": "`tasks`", "_waiting": "`tasks`"},
    "runtime.workshop.Running": {"contexts": "within `worker_mb`", "sent": "within `worker_mb`"},
    "runtime.workshop.Workshop": {
        "_described": "kinds that are installed", "_running": "`tasks`", "_table": "questions of ours"},
    "adapters.accounts.PasswordFiles": {"_accounts": "`devices` and operators of the registry"},
    "adapters.broker.EmbeddedBroker": {"_accounts": "`devices` and operators of the registry"},
    "adapters.http._Site": {"_names": "names of this machine"},
    "adapters.mqtt.MqttLink": {"_subscriptions": "topics of ours"},
    "adapters.mqtt_wire.Paho": {"_held": "`messages_out`"},
    "adapters.mqtt_wire.Wire": {
        "let_go": "topics of devices that are muted, within a turn",
        "more": "what came while the loop was busy: reading stops with `messages_in`",
        "unsent": "`messages_out`, until the loop is free"},
    "adapters.serial.Bridge": {"_pending": "what one device has not taken: `messages_in`"},
    "adapters.fold.Count": {"used": "receipts of one fold"},
    "adapters.fold.Tail": {
        "_commits": "those of `Store.tail_bytes` and one more", "_leases": "those that began with these commits"},
    "adapters.sums.Sums": {"_changes": "rows that one fold changes"},
    "api.budget.Budgets": {"_accounts": "`MAX_USERS`"},
    "api.client.Client": {
        "_heard": "an operator's own program, which hears its site", "_waiting": "an operator's own questions"},
    "api.guard.Guard": {"kept": "`MAX_NAMED`"},
    "api.requests.Request": {"params": "`max_request` bytes"},
    "api.rpc.RpcServer": {"about": "words of ours", "waiting": "`requests`"},
    "api.window.Window": {"_about": "words of ours"},
}
"""What lives as long as a gateway, a task or a device and may grow, and what bounds it. Names in backticks are bounds
that ``health`` shows, settings, or constants of the module."""


def is_container(value: ast.expr | None, annotation: ast.expr | None = None) -> bool:
    """Whether something may grow that is made or annotated so."""
    if annotation is not None:
        return is_container(annotation) or is_container(value)
    shown = value
    if isinstance(shown, ast.IfExp):
        return is_container(shown.body) or is_container(shown.orelse)
    while isinstance(shown, ast.Call | ast.Subscript):
        shown = shown.func if isinstance(shown, ast.Call) else shown.value
    name = shown.attr if isinstance(shown, ast.Attribute) else shown.id if isinstance(shown, ast.Name) else ""
    displays = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
    return name in CONTAINERS or isinstance(shown, displays)


def assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None, ast.expr | None]]:
    """(target, value, annotation) of what a statement assigns, one by one."""
    if isinstance(node, ast.AnnAssign):
        yield node.target, node.value, node.annotation
    for target in node.targets if isinstance(node, ast.Assign) else ():
        value = node.value if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            yield from ((one, given, None) for one, given in zip(target.elts, value.elts, strict=True))
        else:
            yield target, value, None


def containers(owner: ast.ClassDef) -> set[str]:
    """Attributes of a class, not of a named tuple, that may grow."""
    if any(isinstance(base, ast.Name) and base.id in ("NamedTuple", "Protocol") for base in owner.bases):
        return set()
    fields = {target.id for part in owner.body for target, value, annotation in assigned(part)
              if isinstance(target, ast.Name) and is_container(value, annotation)}
    return fields | {target.attr for part in ast.walk(owner) for target, value, annotation in assigned(part)
                     if isinstance(target, ast.Attribute) and is_container(value, annotation)
                     and isinstance(target.value, ast.Name) and target.value.id == "self"}


def test_whatever_may_grow_has_a_bound() -> None:
    """Every container of core, runtime, adapters and api is listed with what bounds it, which exists; what is only
    carried from one to another is data."""
    data = ("gateway.core.effects", "gateway.core.events", "gateway.core.snapshot")
    found = {f"{name_of(path).removeprefix('gateway.')}.{owner.name}.{attribute}"
             for room in ("core", "runtime", "adapters", "api") for path in files(f"gateway/{room}")
             if name_of(path) not in data for owner in ast.walk(tree(path)) if isinstance(owner, ast.ClassDef)
             for attribute in containers(owner)}
    listed = {f"{owner}.{attribute}" for owner, own in HELD.items() for attribute in own}
    assert not found - listed, sorted(found - listed)
    assert not listed - found, sorted(listed - found)
    known = {*BOUNDS, *Policy.__dataclass_fields__, *Settings.__dataclass_fields__}
    for owner, own in HELD.items():
        path = ROOT / "gateway" / (owner.rpartition(".")[0].replace(".", "/") + ".py")
        for bound in re.findall(r"`(\w+)`", " ".join(own.values())):
            assert bound in known or re.search(rf"\b{bound}\b", path.read_text()), f"{owner}: {bound}"


def test_a_new_container_is_noticed() -> None:
    """However it is made, in whatever method; a number or a tuple is none."""
    code = """
        class New:
            most: int = 3
            kept: dict[str, int] = field(default_factory=dict)

            def __init__(self):
                self.a, self.b = Counter(), 1
                self.c: deque[int] = deque()
                self.d = given if given else {}
                self.e = self.f = [0] * 3, ()
                given.h = []
                self.i: Alias = defaultdict(int)

            def later(self):
                if self.b:
                    self.g = asyncio.Queue()
    """
    (new,) = ast.parse(textwrap.dedent(code)).body
    assert isinstance(new, ast.ClassDef) and containers(new) == {"kept", "a", "c", "d", "g", "i"}


def test_only_commands_print() -> None:
    """The gateway logs, the commands echo; nothing else writes to the terminal."""
    for path in files("gateway"):
        calls = [node.lineno for node in ast.walk(tree(path))
                 if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"]
        assert not calls, f"{name_of(path)}:{calls}"


def test_every_test_says_what_it_asserts() -> None:
    """Each test has a docstring that is a sentence; device tests, which run on MicroPython too, have comments."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                said = ast.get_docstring(node) or ""
                assert said.endswith((".", "!", "?")) and len(said) > 9, f"{path.relative_to(ROOT)}: {node.name}"


def test_tests_stand_where_their_module_stands() -> None:
    """A test module of core, ledger or adapters is named after the module that it tests."""
    for room in (path.name for path in (ROOT / "tests/gateway").iterdir() if path.is_dir()):
        sources = {path.stem for path in (ROOT / "gateway" / room).glob("*.py")}
        tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests/gateway" / room).glob("test_*.py")}
        assert tests <= sources, tests - sources


def test_every_module_of_core_and_ledger_has_tests() -> None:
    """Effects, events and snapshots are data without behaviour; everything else has a module of tests."""
    for room, data in (("core", {"effects", "events", "snapshot"}), ("ledger", set()), ("protocol", set())):
        sources = {path.stem for path in (ROOT / "gateway" / room).glob("*.py")} - {"__init__"} - data
        tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests/gateway" / room).glob("test_*.py")}
        assert sources <= tests, sources - tests
