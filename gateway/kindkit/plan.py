"""The plan of files: the same roles in every kind, so that who knows one kind knows where to look in all."""

from __future__ import annotations

import inspect
from pathlib import Path

from lamplighter.tasks.api import Kind

ROLES = {
    "__init__": "KIND, and nothing else",
    "model": "what an operator may ask: the validated input",
    "spec": "what everything else works on",
    "prepare": "model -> spec: reads, checks, refuses",
    "jobs": "spec -> bytes of jobs and contexts, and what answers say",
    "kernel": "the program of the devices",
    "solve": "the generator: rounds of jobs, merged",
    "result": "the city's answer as data and in words",
    "show": "the published answer as text and files",
    "picture": "the published answer drawn",
    "reference": "the same question answered by a method that is trusted",
    "demo": "a small input",
}
"""What each file is for, in the order in which data passes through them."""
NEEDED = ("__init__", "model", "kernel", "solve")
"""A small kind has no more files than these; what a role is for then stands in ``solve``."""
METHOD = "method"
"""The one folder for modules without a role: subjects of their own, with whatever names."""
KERNEL = "kernel"
"""The one role that may be a folder, too."""


def folder_of(kind: Kind) -> Path:
    """Where the files of ``kind`` are: beside the module of its model."""
    return Path(inspect.getfile(kind.Model)).parent


def strays(kind: Kind) -> list[str]:
    """Every breach of the plan, a sentence each that says what to do. A kind may run another kind's kernel."""
    folder = folder_of(kind)
    there = {path.stem for path in folder.glob("*.py")} | {path.name for path in folder.glob(KERNEL)}
    lent = {"kernel"} if kind.kernel.parent.resolve() != folder.resolve() else set()
    found = [f"{role}.py is missing: {ROLES[role]}" for role in NEEDED if role not in there | lent]
    unused = ", ".join(role for role in ROLES if role not in there)
    found += [f"{name}.py has no role: name it after one (not here: {unused}) or move it to {METHOD}/"
              for name in sorted(there - set(ROLES))]
    inner = {path.relative_to(folder).parts[0] for path in folder.rglob("*.py") if path.parent != folder}
    found += [f"{name}/ holds modules: {METHOD}/ is the folder for them" for name in sorted(inner - {METHOD, KERNEL})]
    return found
