"""What a person sees of a task."""

from __future__ import annotations

import json

import pytest

from lamplighter.gateway.commands.progress import Progress, answer_text, write_files

RESULT = {"v": 1, "task": "rush", "kind": "toy", "ok": True, "result": {"summary": "All is well.", "data": {"n": 1}},
          "provenance": {"jobs": 2, "copies": 4, "recomputed": 1, "epoch": 0, "devices": {"a": 2, "b": 2}}}
STATUS = {"state": "running", "progress": 250, "jobs_done": 1, "jobs_total": 4, "jobs_per_s": 2, "waits_for": ""}


class Toy:
    """A kind's way to show its data."""

    @staticmethod
    def text(data):
        return f"a table of {data['n']} row"

    @staticmethod
    def files(data):
        return {"map.svg": b"<svg/>", "table.csv": b"n\n1\n"}


@pytest.fixture
def toy(monkeypatch):
    """The kind ``toy`` is installed."""
    monkeypatch.setattr("lamplighter.gateway.commands.progress.load_kinds", lambda: {"toy": Toy})


def test_an_answer_is_summary_body_and_provenance(toy):
    """First what it says, then the kind's own view, then who computed it."""
    text = answer_text(RESULT)
    assert text.split("\n\n") == ["All is well.", "a table of 1 row",
                                  "2 jobs in 4 leases on 2 devices, 1 recomputed by the gateway."]


def test_what_the_gateway_computed_itself_is_told_with_its_reason(toy):
    """Apart from what it recomputed for others."""
    about = {**RESULT["provenance"], "recomputed": 3, "here": 2, "here_why": "its task says so"}
    assert answer_text({**RESULT, "provenance": about}).endswith(
        "on 2 devices, 1 recomputed by the gateway, 2 computed by it alone: its task says so.")


def test_an_answer_of_a_kind_that_is_not_here_is_shown_as_data():
    """An operator's machine need not have the kind."""
    assert '{"n": 1}' in answer_text({**RESULT, "kind": "none.such"})


def test_files_are_written_under_the_tasks_name(toy, tmp_path):
    """The whole document as JSON, and what the kind makes of it; the folder is made."""
    paths = write_files(RESULT, tmp_path / "a" / "b")
    assert [path.name for path in paths] == ["rush.json", "rush-map.svg", "rush-table.csv"]
    assert json.loads(paths[0].read_text()) == RESULT and paths[1].read_bytes() == b"<svg/>"


def test_files_of_a_kind_that_is_not_here_are_the_document(tmp_path):
    """Nothing is lost."""
    assert [path.name for path in write_files({**RESULT, "kind": "none.such"}, tmp_path)] == ["rush.json"]


def test_in_a_pipe_transitions_are_lines(capsys):
    """On standard error, one each, without bars; other tasks and statuses are not mentioned."""
    with Progress(["rush"]) as progress:
        progress.show("rush", "event", {"v": 1, "seq": 1, "what": "submitted", "kind": "toy"})
        progress.show("rush", "status", STATUS)
        progress.show("other", "event", {"what": "submitted"})
        progress.show("rush", "event", {"v": 1, "seq": 2, "what": "done"})
        progress.say("[bold]two devices lose power")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == 'rush: submitted {"kind": "toy"}\nrush: done\n[bold]two devices lose power\n'


def test_in_a_terminal_there_is_a_bar(capsys, monkeypatch):
    """With how far it is, jobs, their rate, or what the task waits for."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with Progress(["rush"]) as progress:
        progress.show("rush", "status", STATUS)
        progress._bars.refresh()
        running = capsys.readouterr().err
        progress.show("rush", "status", {**STATUS, "waits_for": "devices: none is connected"})
        progress._bars.refresh()
        waiting = capsys.readouterr().err
    assert "25%" in running and "running, 1 jobs, 2 jobs/s" in running
    assert "waits for devices: none is connected" in waiting


def test_quiet_is_silent(capsys):
    """For programs that read the answer as JSON."""
    with Progress(["rush"], quiet=True) as progress:
        progress.show("rush", "event", {"what": "done"})
        progress.say("something")
    assert capsys.readouterr() == ("", "")


def test_damage_to_the_log_is_said_once(capsys):
    """However often the health of the gateway is shown."""
    health = {"nodes": 2, "nodes_online": 1, "spare_permille": 500, "leases_open": 0, "jobs_since_start": 3,
              "log_damage": ["tile/0/000 is damaged."]}
    with Progress([]) as progress:
        progress.street(health)
        progress.street(health)
    said = capsys.readouterr().err
    assert said.count("tile/0/000 is damaged.") == 1 and said.count("1 of 2 devices") == 2
