"""The parts of the main job that can go wrong; tests/system runs the whole."""

from __future__ import annotations

import asyncio
import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from lamplighter.gateway.simulate import demo
from lamplighter.tasks.api import DemoInput, TaskError

ANSWER = {"v": 1, "task": "toy-one", "kind": "toy.one", "ok": True, "result": {"summary": "Well.", "data": {"n": 1}},
          "provenance": {"jobs": 2, "copies": 4, "recomputed": 0, "epoch": 0, "devices": {"a": 4}}}
FAILED = {**ANSWER, "ok": False, "error": {"code": "deadline", "message": "too late"}}


@pytest.fixture
def console():
    """A terminal that remembers."""
    return Console(file=io.StringIO(), width=200, highlight=False)


@pytest.fixture
def told():
    """What programs are told: documents."""
    return []


@pytest.fixture
def show(console, told, tmp_path, monkeypatch):
    """show(answers, ok=True) prints them as the demo does and returns (verdict, what was printed)."""
    def go(answers, ok=True, prepare=lambda kinds, name, given: "spec"):
        def reference(spec, result):
            assert (spec, result.summary, result.data) == ("spec", "Well.", {"n": 1})
            return {"ok": ok, "text": "within 2 %"}
        kind = SimpleNamespace(name="toy.one", title="Toy", reference=reference)
        monkeypatch.setattr(demo, "prepare", prepare)
        good = demo._show({"toy.one": kind}, {"toy.one": DemoInput({}, "made up", False)}, answers, tmp_path, console,
                          lambda **about: told.append(about))
        return good, console.file.getvalue()
    return go


def test_a_fresh_folder_is_made(tmp_path):
    """Also below folders that are not there yet."""
    demo._fresh(tmp_path / "a" / "b")
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "b"]


def test_the_last_demos_output_goes(tmp_path):
    """A folder that a demo has written is emptied."""
    (tmp_path / "data").mkdir()
    (tmp_path / "gateway.log").touch()
    demo._fresh(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("theirs", ["thesis.tex", "data/measurements.csv"])
def test_other_peoples_files_stay(tmp_path, theirs):
    """A folder that no demo has written is refused in a sentence, even if it has one called data."""
    (tmp_path / theirs).parent.mkdir(exist_ok=True)
    (tmp_path / theirs).touch()
    with pytest.raises(SystemExit, match="choose another folder with --out"):
        demo._fresh(tmp_path)
    assert (tmp_path / theirs).exists()


def test_answers_are_printed_beside_their_reference(show, told, tmp_path):
    """Summary, files, comparison: all good; programs are told the same."""
    good, shown = show({"toy-one": ANSWER})
    assert told == [{"answer": ANSWER, "files": [str(tmp_path / "toy-one.json")],
                     "reference": {"ok": True, "text": "within 2 %"}}]
    assert good and "Well." in shown and "Reference: within 2 %" in shown and "toy-one.json" in shown


@pytest.mark.parametrize("answers", [{}, {"toy-one": FAILED}])
def test_a_missing_or_failed_answer_is_not_good(show, answers):
    """The demo does not pretend."""
    good, shown = show(answers)
    assert not good and ("failed: too late" in shown) == bool(answers)


def test_an_answer_off_its_reference_is_not_good(show):
    """However well it looks."""
    assert show({"toy-one": ANSWER}, ok=False)[0] is False


def test_a_reference_that_cannot_be_had_is_not_good(show):
    """Nothing is called correct that was not compared."""
    def prepare(kinds, name, given):
        raise TaskError("no_tool", "the reference needs a tool")
    good, shown = show({"toy-one": ANSWER}, prepare=prepare)
    assert not good and "no comparison: the reference needs a tool" in shown


def test_the_demo_ends_with_the_audit_of_its_log(small_log, console, tmp_path, told):
    """From the public files alone; a log that does not verify is not good."""
    (tmp_path / "out").mkdir()
    small_log.folder.rename(tmp_path / "out" / "public")
    assert demo._audit(tmp_path / "out", console, lambda **about: told.append(about))
    (tmp_path / "out" / "public" / "checkpoint").unlink()
    assert told[0]["audit"]["code"] == 0
    assert not demo._audit(tmp_path / "out", console, lambda **_: None)
    assert "exit 0" in console.file.getvalue() and "exit 2" in console.file.getvalue()


def test_a_gateway_that_does_not_start_is_one_sentence(tmp_path):
    """With what it said: here its data folder is a file."""
    (tmp_path / "data").touch()

    async def main():
        with pytest.raises(SystemExit, match="lamplighter: the gateway did not start: Error: "):
            async with demo.AsyncExitStack() as stack:
                await demo._gateway(stack, tmp_path)
    asyncio.run(asyncio.wait_for(main(), 300))
