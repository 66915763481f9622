"""What of a published log is damaged: asked of every file after a start, which itself reads few of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lamplighter.gateway.ledger import tiles
from lamplighter.gateway.publiclog.reader import PublishedLog, UntrueError


def survey(folder: Path, called_off: Callable[[], bool] = lambda: False) -> dict[str, str]:
    """One sentence for each file that is not what the checkpoint says, by its name under ``folder``.

    A log that grew meanwhile is looked at again where something seemed wrong. Bundles have any size: this is for a
    thread, and ends soon after ``called_off`` says so.
    """
    while True:
        before, found = _checkpoint(folder), _found(folder, called_off)
        if not found or called_off() or _checkpoint(folder) == before:
            return {file: f"{folder / str(failed)}: put back a copy of this file and start the gateway again; "
                          f"`lamplighter audit verify {folder}` says whether all is true." for file, failed
                    in found.items()}


def _found(folder: Path, called_off: Callable[[], bool]) -> dict[str, UntrueError]:
    """What fails, by file: that alone without which nothing can be said of the others, if such is among it."""
    found: dict[str, UntrueError] = {}
    try:
        for _ in PublishedLog(folder, lambda failed: found.setdefault(failed.file, failed)).check_bundles():
            if called_off():
                break
    except UntrueError as failed:
        return {failed.file: failed}
    return found


def _checkpoint(folder: Path) -> bytes:
    try:
        return (folder / tiles.CHECKPOINT).read_bytes()
    except OSError:
        return b""
