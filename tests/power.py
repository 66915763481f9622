"""A folder whose power can be cut: what was not synced is gone."""
# ruff: noqa: PTH103, PTH115, PTH116, PTH123 - strings: the simulator cuts the power of thousands of folders

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from stat import S_ISDIR

_fsync = os.fsync
_ON: list[Power] = []


def _seen(descriptor: int) -> None:
    """In place of ``os.fsync`` as long as there is any ``Power`` on."""
    path = os.readlink(f"/proc/self/fd/{descriptor}")
    for power in _ON:
        if f"{path}/".startswith(f"{power.folder}/"):
            power.fsync(Path(path))


class Power:
    """Sees each ``os.fsync`` of this process in ``folder``, from ``on`` to ``off``; what is there at first is synced.

    A file has kept its content of its last fsync, or nothing. A folder has kept the names of its last fsync; or those
    of now, where the file system was quick (``eager``). ``before`` is called before each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.before: Callable[[], None] = lambda: None
        self._open: dict[int, int] = {}
        """Descriptors by number of the file: as long as it is open no other gets that number."""
        self._content: dict[int, bytes] = {}
        self._names: dict[int, list[tuple[str, int, bool]]] = {}

    def on(self) -> Power:
        for folder, _, names in os.walk(self.folder):
            for path in (folder, *(f"{folder}/{name}" for name in names)):
                self._sync(path)
        _ON.append(self)
        os.fsync = _seen
        return self

    def off(self) -> None:
        _ON.remove(self)
        if not _ON:
            os.fsync = _fsync
        for number in list(self._open):
            self._let_go(number)

    def __enter__(self) -> Power:
        return self.on()

    def __exit__(self, *about: object) -> None:
        self.off()

    def fsync(self, path: Path) -> None:
        """Content or names are to reach the disk."""
        self.before()
        self._sync(str(path))

    def _sync(self, path: str) -> None:
        about = os.stat(path)
        self._hold(path, about.st_ino)
        if not S_ISDIR(about.st_mode):
            with open(path, "rb") as file:
                self._content[about.st_ino] = file.read()
            return
        before = self._names.get(about.st_ino, [])
        self._names[about.st_ino] = _listed(path)
        for name, number, _ in self._names[about.st_ino]:
            self._hold(f"{path}/{name}", number)
        for _, number, _ in before:
            if number in self._open and not os.fstat(self._open[number]).st_nlink:
                self._let_go(number)

    def _hold(self, path: str, number: int) -> None:
        if number not in self._open:
            self._open[number] = os.open(path, os.O_PATH)

    def _let_go(self, number: int) -> None:
        os.close(self._open.pop(number))
        self._content.pop(number, None)
        self._names.pop(number, None)

    def whole(self) -> bool:
        """Whether a power cut now would change nothing."""
        return self._is_whole(str(self.folder), self.folder.stat().st_ino)

    def _is_whole(self, path: str, number: int) -> bool:
        there = _listed(path)
        if there != self._names.get(number):
            return False
        for name, inner, is_folder in there:
            if is_folder:
                if not self._is_whole(f"{path}/{name}", inner):
                    return False
            else:
                with open(f"{path}/{name}", "rb") as file:
                    if file.read() != self._content.get(inner, b""):
                        return False
        return True

    def image(self, to: Path, eager: bool) -> Path:
        """The folder after a power cut now, written to ``to``."""
        self._write(str(self.folder), self.folder.stat().st_ino, str(to), eager)
        return to

    def _write(self, real: str, number: int, to: str, eager: bool) -> None:
        os.makedirs(to, exist_ok=True)
        for name, inner, is_folder in _listed(real) if eager else self._names.get(number, []):
            if is_folder:
                self._write(f"{real}/{name}", inner, f"{to}/{name}", eager)
            else:
                with open(f"{to}/{name}", "wb") as file:
                    file.write(self._content.get(inner, b""))


def _listed(folder: str) -> list[tuple[str, int, bool]]:
    with os.scandir(folder) as entries:
        return [(entry.name, entry.inode(), entry.is_dir(follow_symlinks=False)) for entry in entries]
