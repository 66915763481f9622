"""What a person sees of a task in a terminal: a bar while it runs, then the answer and its files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bars

from lamplighter.tasks.registry import load_kinds


class Progress:
    """Bars on standard error, one per task; in a pipe only the transitions, a line each."""

    def __init__(self, tasks: Sequence[str], quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet)
        self._bars = Bars(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[note]}"),
            console=self._console, disable=not self._console.is_terminal)
        self._told: set[str] = set()
        self._rows = {task: self._bars.add_task(task, total=None, note="waiting") for task in tasks}

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._bars.stop()

    def show(self, task: str, leaf: str, document: dict[str, Any]) -> None:
        """One published document of a task."""
        if task not in self._rows:
            return
        if leaf == "status":
            note = document["waits_for"] and f"waits for {document['waits_for']}"
            at_it = f"{document['state']}, {document['jobs_done']} jobs, {document['jobs_per_s']} jobs/s"
            self._bars.update(self._rows[task], completed=document["progress"], total=1_000, note=note or at_it)
        elif leaf == "event" and not self._console.is_terminal:
            detail = {key: value for key, value in document.items() if key not in ("v", "seq", "what")}
            self._console.print(f"{task}: {document['what']} {json.dumps(detail) if detail else ''}".rstrip(),
                                highlight=False)

    def street(self, health: dict[str, Any]) -> None:
        """How many devices are there, how much of their time is spare, and how fast work is done."""
        for sentence in health["log_damage"]:
            if sentence not in self._told:
                self._told.add(sentence)
                self.say(sentence)
        note = f"devices, {health['spare_permille'] / 10:.0f} % of their time spare, {health['leases_open']} leases"
        if not self._console.is_terminal:
            done = f"{health['jobs_since_start']} jobs done since the gateway's start"
            self.say(f"{health['nodes_online']} of {health['nodes']} {note}, {done}")
            return
        if "" not in self._rows:
            self._rows[""] = self._bars.add_task("street", total=health["nodes"], note="")
        self._bars.update(self._rows[""], completed=health["nodes_online"], note=note)

    def say(self, text: str) -> None:
        """A line above the bars."""
        self._console.print(text, highlight=False, markup=False)


def answer_text(told: dict[str, Any]) -> str:
    """The answer of a finished task for a terminal: summary, then the kind's own table or map, then provenance."""
    kind = load_kinds().get(told["kind"])
    about = told["provenance"]
    body = kind.text(told["result"]["data"]) if kind else json.dumps(told["result"]["data"])[:2_000]
    partial = told["result"].get("partial")
    here = about.get("here", 0)   # an answer of before knows nothing of it
    head = f"PARTIAL ANSWER, the deadline came first: {partial}\n\n" if partial else ""
    return (f"{head}{told['result']['summary']}\n\n{body}\n\n{about['jobs']} jobs in {about['copies']} leases on "
            f"{len(about['devices'])} devices, {about['recomputed'] - here} recomputed by the gateway"
            + (f", {here} computed by it alone: {about['here_why']}." if here else "."))


def write_files(told: dict[str, Any], folder: Path) -> list[Path]:
    """Writes the answer's files below ``folder`` and returns their paths."""
    kind = load_kinds().get(told["kind"])
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{told['task']}.json"]
    written[0].write_text(json.dumps(told, indent=1))
    for name, content in (kind.files(told["result"]["data"]) if kind else {}).items():
        path = folder / f"{told['task']}-{name}"
        path.write_bytes(content)
        written.append(path)
    return written
