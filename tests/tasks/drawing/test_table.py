"""Tables as CSV."""

from __future__ import annotations

import csv

from lamplighter.tasks.drawing.table import table


def test_what_is_written_can_be_read() -> None:
    """Commas, quotes and line ends stay inside their cell; None is an empty one."""
    made = table(["name", "µg"], ([name, 1.5] for name in ("a,b", 'c"d', "e\nf")))
    assert made.startswith("name,µg\n".encode()) and b"\r" not in made
    rows = list(csv.reader(made.decode().splitlines(keepends=True)))
    assert rows[1:] == [["a,b", "1.5"], ['c"d', "1.5"], ["e\nf", "1.5"]] and table(["x"], [[None]]) == b'x\n""\n'
