"""gstat in R, called for kriging and for data of R packages; what it answered is kept in the cache."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from benchmarks.quality.workshop import ToolError, Workshop

SCRIPT = Path(__file__).with_suffix(".R")
PACKAGES = ("r-base-core", "r-cran-gstat", "r-cran-spacetime", "r-cran-fields", "r-cran-randomfields",
            "r-cran-spdata", "r-cran-spam", "r-cran-sf")
LIBRARIES = "library(gstat); library(spacetime); library(fields); library(RandomFields); library(spData); library(sf)"
INSTALL_S, RUN_S = 900, 900

Table = list[dict[str, float]]
Variogram = tuple[str, float, float, float]
"""Model as gstat names it (Exp, Sph), nugget, partial sill, range in metres."""


class Gstat:
    """Raises ToolError where R or its packages are missing and cannot be installed."""

    def __init__(self, workshop: Workshop) -> None:
        self._kept = workshop.cache / "gstat"
        self._kept.mkdir(exist_ok=True)
        if shutil.which("Rscript") is None or self._asked(LIBRARIES).returncode:
            self._install(workshop)
        self.version = self._asked("cat(as.character(packageVersion('gstat')))").stdout

    def data(self, name: str) -> Table:
        """A table with columns x, y in metres and z, perhaps more."""
        return self._run("data", name)

    def krige(self, train: Table, targets: Table, variogram: Variogram, nearest: int = 12,
              angle_deg: float = 0.0, ratio: float = 1.0) -> Table:
        """``value`` and ``variance`` at each target."""
        return self._run("krige", train, targets, None, *variogram, nearest, angle_deg, ratio)

    def leave_one_out(self, train: Table, variogram: Variogram, nearest: int = 12,
                      angle_deg: float = 0.0, ratio: float = 1.0) -> Table:
        """The same at each row of ``train``, predicted from the others of its day, ordered by day."""
        return self._run("leave", train, None, *variogram, nearest, angle_deg, ratio)

    def fitted(self, train: Table) -> Variogram:
        """gstat's own automatic variogram: ``fit.variogram`` of the sample variogram, the better of Exp and Sph."""
        (row,) = csv.DictReader(io.StringIO(self._text("fit", train, None)))
        return row["model"], float(row["nugget"]), float(row["psill"]), float(row["range"])

    def _run(self, *words: object) -> Table:
        return [{key: float(value) for key, value in row.items()}
                for row in csv.DictReader(io.StringIO(self._text(*words)))]

    def _text(self, *words: object) -> str:
        """Tables go as files, None is where the answer goes; a command and its tables name what is kept."""
        if None not in words:
            words = (*words, None)
        tables = [written(word) if isinstance(word, list) else str(word) for word in words]
        name = hashlib.sha256("\n".join([SCRIPT.read_text(), self.version, *tables]).encode()).hexdigest()[:24]
        kept = self._kept / f"{name}.csv"
        if not kept.exists():
            with tempfile.TemporaryDirectory() as folder:
                given = []
                for number, (word, text) in enumerate(zip(words, tables, strict=True)):
                    path = Path(folder) / f"{number}.csv"
                    if isinstance(word, list):
                        path.write_text(text)
                    given.append(str(path) if isinstance(word, list) or word is None else text)
                done = subprocess.run(["Rscript", str(SCRIPT), *given], capture_output=True, text=True,
                                      timeout=RUN_S, check=False)
                if done.returncode:
                    raise ToolError(f"gstat: {done.stderr.strip()[-500:]}")
                shutil.move(Path(folder) / f"{words.index(None)}.csv", kept)
        return kept.read_text()

    def _asked(self, expression: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["Rscript", "-e", expression], capture_output=True, text=True, timeout=60, check=False)

    def _install(self, workshop: Workshop) -> None:
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES]
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise ToolError(f"R with gstat is missing; as root: {' '.join(command)}")
        workshop.say(f"installing {', '.join(PACKAGES)}")
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        try:
            subprocess.run(["apt-get", "update", "-qq"], check=False, timeout=INSTALL_S, capture_output=True)
            subprocess.run(command, check=True, timeout=INSTALL_S, capture_output=True, env=environment)
        except subprocess.SubprocessError as error:
            raise ToolError(f"R with gstat cannot be installed: {error}") from None


def written(table: Table) -> str:
    """A table as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()
