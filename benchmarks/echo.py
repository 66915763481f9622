"""The echo rate of a broker with a C client, ``echo.c``; programs like it are compiled when first asked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lamplighter.tasks.fetch import cache_folder

BYTES = 192
"""Payload of an echo: between a lease (95 bytes) and a result with its receipt (166) plus headers."""
SPAN_MS = 1_500


def compiled(name: str) -> Path:
    """A compiled client; compiled again when its source is newer. Raises OSError without gcc."""
    source, made = Path(__file__).with_name(f"{name}.c"), cache_folder() / name
    if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["gcc", "-O2", "-o", str(made), str(source)], check=True)
    return made


def echo(port: int, peers: int, window: int, login: tuple[str, str] | None = None) -> tuple[float, float]:
    """(echoes per second, longest pause in ms) with ``window`` requests open at each of ``peers`` peers."""
    extra = {"ECHO_USER": login[0], "ECHO_PASSWORD": login[1]} if login else {}
    ran = subprocess.run([str(compiled("echo")), str(port), str(peers), str(window), str(BYTES), str(SPAN_MS)],
                         check=True, capture_output=True, text=True, timeout=30, env={**os.environ, **extra})
    rate, pause = ran.stdout.split()
    return float(rate), float(pause)
