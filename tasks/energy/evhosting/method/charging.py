"""How cars charge: the built-in statistics, and the tables that go to the devices.

A device draws a number from 0 to 255 and looks up the quarter-hour of arrival and the time of charging in eighths
of a quarter-hour, so a table is a distribution in 256 equally likely steps.
"""

from __future__ import annotations

import math
import struct

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.energy.evhosting.model import Policy, Statistics
from lamplighter.tasks.readers.feeder import SLOTS_PER_DAY

STEPS = 256
TARIFF_FROM, TARIFF_UNTIL, TARIFF_START = 60, 87, 88
"""The 22:00 tariff: who arrives from 15:00 to 21:59 starts at 22:00."""


def builtin() -> Statistics:
    """Synthetic home charging: nobody's measurements, and named so in every result.

    Arrivals: a bell round 18:00 (standard deviation 2.5 h) for 85 % of the cars, the rest spread evenly over
    the day. Energy: the quantiles of a log-normal with median 9 kWh and factor 2 per standard deviation,
    rounded to 0.1 kWh and held between 1 and 60 kWh (mean about 12 kWh, some 65 km).
    """
    bell = [math.exp(-(((slot + 0.5) / 4 - 18) ** 2) / (2 * 2.5**2)) for slot in range(SLOTS_PER_DAY)]
    share = 0.85 / sum(bell)
    arrivals = [round(100_000 * (share * weight + 0.15 / SLOTS_PER_DAY)) for weight in bell]
    return Statistics(arrivals_per_slot=[float(weight) for weight in arrivals], energy_kwh=list(_ENERGY_KWH),
                      source="synthetic home charging built into this kind (arrivals round 18:00, median 9 kWh)")


_ENERGY_KWH = (1.0, 2.9, 3.7, 4.4, 5.0, 5.6, 6.3, 6.9, 7.6, 8.2, 9.0, 9.8, 10.7, 11.8, 12.9, 14.4, 16.1, 18.5, 21.9,
               28.1, 60.0)
"""Every 5 %: 9 x 2^z kWh, where z is the normal quantile."""


def arrival_table(statistics: Statistics, policy: Policy) -> bytes:
    """256 slots of arrival, ascending; a policy moves them. Raises TaskError ``empty_data`` if all weights are 0."""
    total = sum(statistics.arrivals_per_slot)
    if total <= 0:
        raise TaskError("empty_data", "no car ever arrives: all arrival weights are zero",
                        "give at least one positive weight", "/statistics/arrivals_per_slot")
    table = bytearray()
    slot, below = 0, statistics.arrivals_per_slot[0]
    for step in range(STEPS):
        while below < total * (2 * step + 1) / (2 * STEPS) and slot < SLOTS_PER_DAY - 1:
            slot += 1
            below += statistics.arrivals_per_slot[slot]
        moved = policy == "tariff_22" and TARIFF_FROM <= slot <= TARIFF_UNTIL
        table.append(TARIFF_START if moved else slot)
    return bytes(table)


def lengths(statistics: Statistics, charge_kw: float) -> list[int]:
    """256 charging times in eighths of a quarter-hour, ascending, from one to a day.

    Raises TaskError ``bad_value`` if the quantiles fall somewhere.
    """
    energy = statistics.energy_kwh
    for place in range(1, len(energy)):
        if energy[place] < energy[place - 1]:
            raise TaskError("bad_value", "energy_kwh must not fall", "sort the quantiles ascending",
                            f"/statistics/energy_kwh/{place}")
    table: list[int] = []
    for step in range(STEPS):
        where = (2 * step + 1) * (len(energy) - 1) / (2 * STEPS)
        low = int(where)
        kwh = energy[low] + (energy[low + 1] - energy[low]) * (where - low)
        table.append(min(8 * SLOTS_PER_DAY, max(1, round(kwh * 32 / charge_kw))))
    return table


def length_table(statistics: Statistics, charge_kw: float) -> bytes:
    """``lengths`` as the kernel reads them, 16 bits each. Raises TaskError as they do."""
    return struct.pack(f"<{STEPS}H", *lengths(statistics, charge_kw))
