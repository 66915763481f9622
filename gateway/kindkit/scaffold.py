"""Writes the package of a new kind: small, whole, and passing its own tests."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

TEMPLATE = Path(__file__).with_name("template")
_NAME = re.compile(r"[a-z][a-z0-9]{1,30}\.[a-z][a-z0-9]{1,30}")


class ScaffoldError(ValueError):
    """The package cannot be written; the text says why and what would do."""


def write(name: str, folder: Path) -> Path:
    """Writes ``lamplighter-<family>-<kind>/`` below ``folder`` and returns it. Raises ScaffoldError, OSError."""
    if not _NAME.fullmatch(name):
        raise ScaffoldError(f"{name!r} is no name of a kind; family and kind in lower case, as noise.levels")
    family, _, short = name.partition(".")
    target = folder / f"lamplighter-{family}-{short}"
    if target.exists():
        raise ScaffoldError(f"{target} exists; choose another name or --folder")
    words = {"name": name, "package": f"lamplighter_{family}_{short}", "project": target.name,
             "model": short.capitalize() + "Input"}
    for source in sorted(TEMPLATE.rglob("*.txt")):
        place = target / Template(source.relative_to(TEMPLATE).with_suffix("").as_posix()).substitute(words)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(Template(source.read_text("utf-8")).substitute(words), "utf-8")
    return target
