"""The ``lamplighter`` command: help, wrong use, one sentence for what can go wrong, exit codes."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import asynccontextmanager

import click
import pytest
from click.testing import CliRunner

from lamplighter.gateway.adapters.door import open_door
from lamplighter.gateway.adapters.mqtt import LinkError
from lamplighter.gateway.adapters.registry import Registry
from lamplighter.gateway.api.client import Refused
from lamplighter.gateway.commands.cli import main
from lamplighter.gateway.runtime.app import Address

A = (b"A" * 16).hex()


def leaves(command, path=()):
    if isinstance(command, click.Group):
        return [found for name, below in command.commands.items() for found in leaves(below, (*path, name))]
    return [path]


def run(*words, **options):
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="lamplighter", **options)


@pytest.fixture
def gateway(monkeypatch):
    """Stands in for a gateway: ``answers`` by method, ``heard`` requests, ``told`` publications; no broker."""
    class Gateway:
        def __init__(self):
            self.answers, self.heard, self.told, self.reached = {}, [], [], None

        async def call(self, method, **params):
            self.heard.append((method, params))
            answer = self.answers[method]
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def next(self):
            return self.told.pop(0)

    made = Gateway()

    @asynccontextmanager
    async def client(url, site):
        made.reached = (url, site)
        yield made

    monkeypatch.setattr("lamplighter.gateway.api.client.Client", client)
    return made


@pytest.mark.parametrize("words", leaves(main), ids=" ".join)
def test_every_help_has_a_sentence_and_an_example(words):
    """-h and --help say what the command does and show a line that works as it stands."""
    shown = run(*words, "-h")
    assert shown.exit_code == 0 and shown.output == run(*words, "--help").output
    assert "lamplighter " + " ".join(words) in shown.output.split("Example", 1)[1]
    assert ". " in shown.output.split("Options:")[0].replace(".\n", ". ")


@pytest.mark.parametrize("words", [(), ("task",), ("node",), ("audit",), ("epoch",)])
def test_groups_list_their_commands(words):
    """Each with the first words of its help."""
    shown = run(*words, "--help")
    command = main
    for word in words:
        command = command.commands[word]
    assert shown.exit_code == 0 and all(name in shown.output for name in command.commands)


def test_version_is_the_packages():
    """What is installed says so."""
    assert run("--version").output.startswith("lamplighter, version ")


@pytest.mark.parametrize("words", [
    ("nonsense",), ("up", "--nonsense"), ("task", "submit"), ("task", "submit", "no-such-file.json"),
    ("task", "watch"), ("node", "enrol"), ("node", "revoke"), ("node", "transfer", "a"), ("node", "restore"),
    ("audit", "verify"), ("audit", "statement", "x"), ("audit", "explain", "x"),
    ("up", "--site", "Not An Identifier"), ("up", "--name", "a/b"), ("up", "--http-port", "65536"),
    ("up", "--epoch-s", "0"), ("sim", "--devices", "0"), ("sim", "--devices", "x"), ("sim", "--duty", "x"),
    ("sim", "--duty", "600,300"), ("sim", "--duty", "1001"), ("sim", "--heap-kb", "-1"), ("demo", "--devices", "0"),
], ids=" ".join)
def test_wrong_use_exits_2(words):
    """Before anything is started, and with a word on what is wrong."""
    done = run(*words)
    assert done.exit_code == 2 and "Error: " in done.output and "Traceback" not in done.output


CLIENTS = [("task", "list"), ("task", "cancel", "rush"), ("task", "watch", "rush"), ("node", "list"),
           ("node", "revoke", "a"), ("node", "enrol", "--owner", "anna"), ("epoch", "seal"), ("sim",)]


@pytest.mark.parametrize("words", CLIENTS, ids=" ".join)
def test_without_a_gateway_they_say_how_to_start_one(words, tmp_path):
    """A folder in which none has run is one sentence with the next step, and exit 1."""
    done = run(*words, "--data", tmp_path)
    assert done.exit_code == 1 and done.output.count("\n") == 1
    assert "lamplighter up" in done.output and "--broker" in done.output


@pytest.mark.parametrize("words", CLIENTS[:-1], ids=" ".join)
def test_the_gateway_of_the_folder_is_found(words, tmp_path, gateway):
    """Broker and site come from the folder unless they are given."""
    (tmp_path / "address.json").write_text('{"broker": "mqtt://o:p@127.0.0.1:9", "site": "north", "page": ""}')
    methods = ("task.list", "task.cancel", "task.get", "node.list", "node.revoke", "node.enrol", "epoch.seal")
    gateway.answers = dict.fromkeys(methods, LinkError("Nobody is there."))
    done = run(*words, "--data", tmp_path)
    assert gateway.reached == ("mqtt://o:p@127.0.0.1:9", "north")
    assert (done.exit_code, done.output) == (1, "lamplighter: Nobody is there.\n")
    run(*words, "--data", tmp_path, "--broker", "mqtt://other", "--site", "south")
    assert gateway.reached == ("mqtt://other", "south")


def test_the_broker_can_stand_in_the_environment(gateway):
    """LAMPLIGHTER_BROKER is taken where --broker is not given."""
    gateway.answers["task.list"] = {"tasks": []}
    assert run("task", "list", env={"LAMPLIGHTER_BROKER": "mqtt://there"}).exit_code == 0
    assert gateway.reached == ("mqtt://there", "demo")


def test_a_refusal_is_shown_with_its_hint(gateway):
    """Message, place, code and hint on standard error, and exit 1."""
    gateway.answers["task.cancel"] = Refused(
        {"code": "unknown_task", "message": "no task 'x'", "hint": "see task.list", "path": "/task"})
    done = run("task", "cancel", "x", "--broker", "mqtt://there")
    assert done.exit_code == 1
    assert done.stderr == "refused: no task 'x' (at /task) [unknown_task]\nhint: see task.list\n"


@pytest.fixture
def document(tmp_path):
    """document(text) is the path of a task file."""
    def write(text):
        path = tmp_path / "task.json"
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return path
    return write


GOOD = {"id": "rush", "kind": "toy", "input": {"n": 1}, "cid": "7", "reply_to": "someone-else", "v": 1}


@pytest.mark.parametrize(("text", "said"), [
    ("", "not JSON"), ("[]", "not a JSON object"), ('{"id": NaN}', "NaN is not a JSON number"), ("\x00", "not JSON"),
    ('{"id": "a", "id": "b"}', "'id' comes twice"), ('{"imput": 1}', "did you mean 'input'?"),
    ('{"method": 1}', "unknown field 'method'"), ('{"timeout_s": 1}', "unknown field 'timeout_s'"),
])
@pytest.mark.parametrize("command", ["submit", "price"])
def test_a_bad_file_is_one_sentence(command, text, said, document, gateway):
    """Name of the file, what is wrong, and on the next line what to do; nothing is sent."""
    done = run("task", command, document(text), "--broker", "mqtt://there")
    assert done.exit_code == 1 and done.output.count("\n") == 2 and "Traceback" not in done.output
    assert "task.json: " in done.output and said in done.output and gateway.heard == []


@pytest.mark.parametrize(("words", "exit_code", "error"), [
    (("task", "list", "--data", "nowhere"), 1, "failed"), (("task", "submit", "no-such-file.json"), 2, "wrong_use"),
    (("nonsense",), 2, "wrong_use"), (("up", "--epoch-s", "0"), 2, "wrong_use"), (("line",), 2, "wrong_use"),
    (("task", "list", "--broker", "mqtt://127.0.0.1:9"), 1, "no_answer"),
    (("kind", "schema", "toy"), 1, "failed"), (("kind", "example", "toy"), 1, "failed"),
    (("kind", "convert", "openak", __file__), 1, "unknown_format"), (("kind", "new", "x"), 1, "failed"),
    (("journal", "verify", "--data", "nowhere"), 1, "failed"),
], ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else str(value))
def test_errors_are_json_where_answers_are(words, exit_code, error, tmp_path, monkeypatch):
    """With --json there is one document on standard output, whatever happens, and nothing else."""
    monkeypatch.chdir(tmp_path)
    done = run(*words, "--json")
    assert done.exit_code == exit_code and done.stderr == ""
    told = json.loads(done.stdout)
    assert told["ok"] is False and told["error"]["code"] == error and told["error"]["message"]
    assert set(told["error"]) == {"code", "message", "hint", "path", "retryable"}


def test_a_refused_document_is_json_too(document, gateway):
    """As a gateway would have said it."""
    done = run("task", "submit", document('{"imput": 1}'), "--json", "--broker", "mqtt://there")
    assert json.loads(done.stdout)["error"] | {"message": ""} == {
        "code": "unknown_field", "message": "", "hint": "did you mean 'input'?", "path": "/imput", "retryable": False}


def test_submit_publishes_the_file(document, gateway):
    """As it stands, but for whom to answer; the next step is shown."""
    gateway.answers["task.submit"] = {"task": "rush", "kind": "toy", "state": "preparing"}
    done = run("task", "submit", document(GOOD), "--broker", "mqtt://there")
    sent = {"id": "rush", "kind": "toy", "input": {"n": 1}, "v": 1}
    assert gateway.heard == [("task.submit", sent)]
    assert done.output == "task rush is preparing; follow it with: lamplighter task watch rush\n"


def test_submit_reads_standard_input(gateway):
    """- stands for it."""
    gateway.answers["task.submit"] = {"task": "rush", "kind": "toy", "state": "preparing"}
    done = run("task", "submit", "-", "--json", "--broker", "mqtt://there", input=json.dumps(GOOD))
    assert json.loads(done.output)["task"] == "rush"


RESULT = {"v": 1, "task": "rush", "kind": "none.such", "ok": True,
          "result": {"summary": "All is well.", "data": {"n": 1}}, "provenance": {
              "jobs": 2, "copies": 4, "recomputed": 1, "epoch": 0, "devices": {"a": 2, "b": 2}}}


@pytest.mark.parametrize("words", [("submit", "FILE", "--watch"), ("watch", "rush")])
def test_following_ends_with_the_answer(words, document, gateway, tmp_path):
    """Other tasks' news is passed over; the answer is printed and its files are written."""
    gateway.answers = {"task.submit": {"task": "rush"}, "task.get": {}}
    gateway.told = [("other", "result", RESULT), ("rush", "event", {"v": 1, "seq": 1, "what": "submitted"}),
                    ("rush", "result", RESULT)]
    words = [document(GOOD) if word == "FILE" else word for word in words]
    done = run("task", *words, "--out", tmp_path / "out", "--broker", "mqtt://there")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("All is well.\n")
    assert "2 jobs in 4 leases on 2 devices, 1 recomputed" in done.stdout
    assert json.loads((tmp_path / "out" / "rush.json").read_text()) == RESULT
    assert "rush: submitted" in done.stderr and "wrote " in done.stderr


def test_a_failed_task_exits_1(gateway):
    """With its error; as JSON the document is whole and nothing else is printed."""
    error = {"code": "deadline", "message": "too late"}
    failed = {"v": 1, "task": "rush", "kind": "toy", "ok": False, "error": error}
    gateway.answers["task.get"] = {}
    gateway.told = [("rush", "result", failed)] * 2
    done = run("task", "watch", "rush", "--broker", "mqtt://there")
    assert (done.exit_code, done.stderr) == (1, "task rush failed: too late [deadline]\n")
    done = run("task", "watch", "rush", "--json", "--broker", "mqtt://there")
    assert done.exit_code == 1 and json.loads(done.output) == failed


@pytest.mark.parametrize(("words", "method", "told", "shown"), [
    (("task", "cancel", "rush"), "task.cancel", {"task": "rush", "state": "cancelled"}, "state: cancelled"),
    (("node", "revoke", "a"), "node.revoke", {"node": "a", "state": "revoked"}, "state: revoked"),
    (("epoch", "seal"), "epoch.seal", {"epoch": 3, "sealed": []}, "sealed: []"),
    (("task", "list"), "task.list", {"tasks": [{"task": "rush", "state": "running"}]}, "rush"),
    (("node", "list"), "node.list", {"nodes": [{"node": "a", "board": "[/red]x"}]}, "[/red]x"),
])
def test_answers_are_shown_for_people_and_for_programs(words, method, told, shown, gateway):
    """Lines or a table; with --json the data itself."""
    gateway.answers[method] = told
    done = run(*words, "--broker", "mqtt://there")
    assert done.exit_code == 0 and shown in done.output
    data = json.loads(run(*words, "--json", "--broker", "mqtt://there").output)
    assert data == told or data in told.values()


def test_enrolling_prints_the_devices_configuration(gateway):
    """On standard output nothing but what is to be flashed, so that it can be redirected; each key is new."""
    gateway.answers["node.enrol"] = {"site": "north", "net": "00ff", "nodes": ["0a1b"]}
    first, second = (run("node", "enrol", "--owner", "anna", "--broker", "mqtt://o:p@there:1884") for _ in range(2))
    config = json.loads(first.stdout)
    assert {key: config[key] for key in ("broker", "port", "site", "net")} == {
        "broker": "there", "port": 1884, "site": "north", "net": "00ff"}
    assert len(bytes.fromhex(config["key"])) == 32 and config["key"] != json.loads(second.stdout)["key"]
    assert "0a1b" in first.stderr and "secret" in first.stderr
    assert gateway.heard[0] == ("node.enrol", {"nodes": [{"key": config["key"], "owner": "anna"}]})


def test_where_no_gateway_runs_the_registry_keeps_what_is_asked(tmp_path):
    """For the next one that starts; what cannot be is refused with its hint, a folder without a registry named."""
    missing = run("node", "restore", "a", "--data", tmp_path / "none")
    assert missing.exit_code == 1 and "--data" in missing.output and not (tmp_path / "none").exists()
    registry = Registry.open(tmp_path)
    (device,) = registry.enrol([(bytes(32), "anna")], 0)
    registry.revoke(device.node)
    done = run("node", "transfer", device.node, "--owner", "ben", "--data", tmp_path, "--json")
    assert done.exit_code == 0 and "next that starts" in json.loads(done.output)["note"]
    told = json.loads(done.output)   # as a running gateway would say it: whose it is, and whose it will be
    assert (told["owner"], told["next_owner"], told["epoch"], told["revoked"]) == ("anna", "ben", None, True)
    assert run("node", "restore", device.node, "--data", tmp_path).exit_code == 0
    (device,) = registry.devices()
    assert (device.owner, device.next_owner, device.restore) == ("anna", "ben", True)
    refused = run("node", "transfer", device.node, "--owner", "chloe", "--data", tmp_path)
    assert refused.exit_code == 1 and "[moving]" in refused.output and "hint: " in refused.output
    (tmp_path / "registry.json").write_text("{")
    assert "registry.previous.json" in run("node", "restore", device.node, "--data", tmp_path).output


@pytest.mark.parametrize(("answer", "code", "shown"), [
    ({"ok": True, "data": {"node": "a", "next_owner": "ben"}}, 0, "next_owner: ben"),
    ({"ok": False, "error": {"code": "moving", "message": "no", "hint": "wait"}}, 1, "hint: wait"),
])
def test_a_gateway_of_the_folder_is_asked_at_its_door(answer, code, shown, tmp_path):
    """Its answer is shown, its refusal with the hint; the registry is left to it."""
    heard = []

    def serve(method, payload, back):
        heard.append((method, json.loads(payload)))
        back(json.dumps(answer).encode())

    async def main():
        server = await open_door(tmp_path, serve)
        try:
            return await asyncio.to_thread(run, "node", "transfer", "a", "--owner", "ben", "--data", tmp_path)
        finally:
            server.close()
    done = asyncio.run(asyncio.wait_for(main(), 300))
    assert done.exit_code == code and shown in done.output
    assert heard == [("node.transfer", {"node": "a", "owner": "ben"})] and not (tmp_path / "registry.json").exists()


def test_a_gateway_that_goes_away_is_one_sentence(tmp_path, monkeypatch):
    """What was asked may have been done or not."""
    def gone(*about, **params):
        raise ConnectionResetError("the gateway went away")
    monkeypatch.setattr("lamplighter.gateway.adapters.door.ask", gone)
    done = run("node", "restore", "a", "--data", tmp_path)
    assert done.exit_code == 1 and "ask again" in done.output and "Traceback" not in done.output


def test_what_runs_until_it_is_stopped_tells_programs_where_it_is(monkeypatch, tmp_path):
    """``--json``: one document on a line, and nothing else."""
    async def serve(settings, ready):
        settings.data.mkdir()
        ready(Address("mqtt://b", "mqtt://o:p@b", "http://page/", "machine code"))

    class Street:
        nodes, owners, runtime = ["a", "b"], ["anna"], "paper"

        def __init__(self, *about):
            pass

        async def enrol(self, *about):
            pass

        async def start(self):
            pass

        async def arrive(self, tell):
            tell(1, "The broker refuses them.")
            tell(2, "")
            signal.raise_signal(signal.SIGTERM)

        async def stop(self):
            pass

    async def the_demo(devices, out, stay, kinds, tell):
        if tell:
            tell(ok=True)
        return 0

    monkeypatch.setattr("lamplighter.gateway.runtime.app.serve", serve)
    monkeypatch.setattr("lamplighter.gateway.simulate.street.Street", Street)
    monkeypatch.setattr("lamplighter.gateway.simulate.demo.run", the_demo)
    told = json.loads(run("up", "--json", "--data", tmp_path / "data").stdout)
    assert told == {"broker": "mqtt://o:p@b", "page": "http://page/", "site": "demo", "name": "gw1",
                    "data": str(tmp_path / "data")}
    done = run("sim", "--json", "--data", tmp_path / "data")
    assert done.exit_code == 0, done.output
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"devices": ["a", "b"], "owners": ["anna"], "runtime": "paper"},
        {"connected": 1, "problem": "The broker refuses them."}, {"connected": 2}]
    done = run("sim", "--devices", "2", "--data", tmp_path / "data")
    assert done.stderr == "1 of 2 devices are not connected. The broker refuses them.\n"
    assert done.stdout.splitlines()[1:] == ["2 devices are connected."]
    assert (run("demo", "--json").stdout, run("demo").stdout) == ('{"ok": true}\n', "")


def test_audit_codes_are_exit_codes(small_log, tmp_path):
    """A true log exits 0, one that misses a file 2, one with another history 3, a changed one 1."""
    folder = small_log.folder
    kept = tmp_path / "kept"
    kept.write_text((folder / "checkpoint").read_text())
    assert run("audit", "verify", folder).exit_code == 0
    assert run("audit", "verify", folder, "--since", kept).exit_code == 0
    assert run("audit", "verify", tmp_path / "none").exit_code == 2
    small_log.register(b"C" * 16, "carla")
    later = tmp_path / "later"
    later.write_text(small_log.checkpoint)
    (folder / "checkpoint").write_text(kept.read_text())
    assert run("audit", "verify", folder, "--since", later).exit_code == 3
    (folder / "checkpoint").write_text(kept.read_text().replace("\n6\n", "\n7\n", 1))
    assert run("audit", "verify", folder).exit_code == 1


def test_audit_explains_and_states(small_log):
    """A receipt's verdict and an owner's sum, for people and as JSON; what is not there exits 2."""
    folder = small_log.folder
    assert "paid 100 credits to anna" in run("audit", "explain", folder, f"{A}:1:1").output
    assert json.loads(run("audit", "statement", folder, "--owner", "ben", "--json").output)["credits"] == 30
    assert run("audit", "explain", folder, f"{A}:1:9").exit_code == 2
    assert run("audit", "statement", folder, "--owner", "nobody").exit_code == 2
