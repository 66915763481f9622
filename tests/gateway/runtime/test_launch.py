"""What becomes of a process that is to run a kernel."""

import json
import os
import subprocess
import sys

from lamplighter.gateway.runtime import launch

SAY = """
import json, resource, sys
print(json.dumps([resource.getrlimit(resource.RLIMIT_DATA)[0], resource.getrlimit(resource.RLIMIT_CORE)[0],
                  open("/proc/self/oom_score_adj").read().strip(), sys.argv[1:]]))
"""


def launched(parent, *command):
    return subprocess.run([sys.executable, "-I", "-S", launch.__file__, str(parent), *command], input=b"",
                          capture_output=True, timeout=300)


def test_it_becomes_the_program_within_its_limits():
    """Memory, no core, first to go; arguments as given, and what it prints goes where errors go."""
    done = launched(os.getpid(), sys.executable, "-c", SAY, "a b", "")
    assert (done.returncode, done.stdout) == (0, b"")
    assert json.loads(done.stderr) == [launch.MEMORY_MB << 20, 0, "1000", ["a b", ""]]


def test_a_child_whose_parent_has_gone_ends():
    """Its parent may die before it has asked to be told so."""
    done = launched(1, "/bin/echo", "ran")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_it_loads_nothing_of_ours():
    """Nor what takes long: it is run for each kernel anew."""
    ask = f"import runpy, sys; runpy.run_path({launch.__file__!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", ask], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not {"lamplighter", "json", "subprocess", "asyncio"} & loaded
