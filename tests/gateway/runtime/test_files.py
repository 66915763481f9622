"""Files of answers: made in a worker, retained within bounds, cleared with their task."""

import asyncio
import json
from collections import Counter
from types import SimpleNamespace

import pytest

from lamplighter.gateway.runtime import files
from lamplighter.gateway.runtime.files import CACHED, MOST, TASKS, Files
from lamplighter.gateway.runtime.solvers import KindBroke
from lamplighter.tasks.api import TaskError

ROOT = "lamplighter/v1/demo/task/"


@pytest.fixture
def bench():
    """``tell(task, result)`` says what was published; a result is the JSON of its files. ``kept`` is what the broker
    has: by topic below ``task/``."""
    made = SimpleNamespace(kept={}, makings=0, counters=Counter())

    async def make(result):
        made.makings += 1
        if result == b"broken":
            raise KindBroke("ValueError: no picture")
        if result == b"slow":
            raise TaskError("too_slow", "its kind worked on it for more than 30 s")
        return {name: b"x" * size for name, size in json.loads(result).items()}

    def publish(topic, payload, qos, retain):
        assert (qos, retain) == (1, True)
        topic = topic.removeprefix(ROOT)
        if payload:
            made.kept[topic] = payload
        else:
            del made.kept[topic]

    work = []
    made.files = Files("demo", make, publish, 1_000, work.append, made.counters)

    def tell(task, result):
        made.files.result(task, result if isinstance(result, bytes) else json.dumps(result).encode())

    def run():
        while work:
            asyncio.run(work.pop())
    made.tell, made.run, made.of = tell, run, lambda result: asyncio.run(made.files.of(result))
    return made


def test_files_are_kept_by_the_broker_and_listed(bench):
    """Each on a topic of its own, with a list that says where the larger ones are."""
    bench.tell("rush", {"a.svg": 9, "b.tif": 1_001})
    bench.run()
    assert bench.kept.pop("rush/file/a.svg") == b"x" * 9
    listed = json.loads(bench.kept.pop("rush/files"))
    assert listed == {"v": 1, "files": [
        {"name": "a.svg", "bytes": 9, "retained": True, "http": "/api/tasks/rush/files/a.svg"},
        {"name": "b.tif", "bytes": 1_001, "retained": False, "http": "/api/tasks/rush/files/b.tif"}]}
    assert bench.kept == {} and bench.files.holds() == {"file_bytes": (9, files.TOTAL)}


def test_they_go_with_their_result(bench):
    """A result that is cleared takes them along, also before they were made."""
    bench.tell("rush", {"a.svg": 9})
    bench.run()
    bench.tell("jam", {"a.svg": 9})
    bench.tell("rush", b"")
    bench.tell("jam", b"")
    bench.run()
    assert bench.kept == {} and bench.files.holds()["file_bytes"][0] == 0


def test_they_are_bounded(bench, monkeypatch):
    """In number for each task, in tasks, and in bytes; the oldest go first. Of many at once the newest are made."""
    monkeypatch.setattr(files, "TOTAL", 3_000)
    bench.tell("many", {f"f{number}": 1 for number in range(MOST + 5)})
    bench.run()
    assert sum(topic.startswith("many/file/") for topic in bench.kept) == MOST
    for task in ("a", "b", "c"):
        bench.tell(task, {"f": 999})
    bench.run()
    assert set(bench.kept) == {"b/files", "b/file/f", "c/files", "c/file/f", "a/files", "a/file/f"}
    bench.tell("whole", {f"f{number}": 1_000 for number in range(4)})
    bench.run()
    assert {topic for topic in bench.kept if "/file/" in topic} == {"whole/file/f0", "whole/file/f1", "whole/file/f2"}
    assert bench.counters["files_cleared"] == 4
    bench.makings = 0
    for number in range(2 * TASKS):
        bench.tell(f"t{number}", {"f": number})
    bench.run()
    assert bench.makings == TASKS and f"t{TASKS}/file/f" in bench.kept and "t0/file/f" not in bench.kept


def test_names_are_names(bench):
    """What could lead out of a topic or a folder, or is long, is no file."""
    bad = ("../x", "a/b", "+", "#", "", ".x", "é", "a" * 65, "a\n")
    bench.tell("rush", {**dict.fromkeys(bad, 1), "ok.csv": 1})
    bench.run()
    assert set(bench.kept) == {"rush/files", "rush/file/ok.csv"}


@pytest.mark.parametrize(("result", "error"), [(b"broken", KindBroke), (b"slow", TaskError)])
def test_a_kind_that_fails_harms_nobody(bench, result, error):
    """The next answer has its files; whoever asks for these is told why there are none."""
    bench.tell("bad", result)
    bench.tell("rush", {"a": 1})
    bench.tell("none", {})
    bench.run()
    assert set(bench.kept) == {"rush/files", "rush/file/a"} and bench.counters == {"files_failed": 1}
    with pytest.raises(error):
        bench.of(result)


def test_what_was_made_last_is_kept_if_it_is_small(bench):
    """Whoever reads one after the other has them made once."""
    small, large = b'{"a": 1, "b": 2}', json.dumps({"a": CACHED + 1}).encode()
    assert bench.of(small) == bench.of(small) and bench.makings == 1
    assert len(bench.of(large)["a"]) == CACHED + 1 and bench.of(large) and bench.makings == 3
    assert bench.of(small) and bench.makings == 3
