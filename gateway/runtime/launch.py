"""Becomes another program, held to limits of memory and gone when the gateway has gone.

``child`` runs this file by its path, with nothing of ours or of Python's loaded that it does not need: kernels are
started often.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys

MEMORY_MB = 256
"""Of a program that runs a kernel."""
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9


def limit_memory(megabytes: int) -> None:
    """In the child: what it holds, and that it leaves nothing behind when it ends for want of more."""
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with(parent: int) -> None:
    """In the child: a killed gateway leaves nothing running."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        if os.getppid() != parent:
            sys.exit()   # it was killed before we said so


def first_to_go() -> None:
    """In the child: where the system wants memory back it takes this process, not the gateway."""
    try:
        with open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123 - pathlib takes longer than all of this
            score.write("1000")
    except OSError:
        pass


def main(parent: str, *command: str) -> None:
    """In the child: becomes that program. What it prints goes where errors go."""
    die_with(int(parent))
    first_to_go()
    limit_memory(MEMORY_MB)
    os.dup2(2, 1)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(*sys.argv[1:])
