"""The published answer for people and for SUMO: a table, a signal-plan diagram, an additional file, a CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

PROGRAMME_ID = "lamplighter"
_COLOURS = {"G": "#2e9e5b", "O": "#2e9e5b", "g": "#9ad1ae", "o": "#9ad1ae", "s": "#9ad1ae",
            "y": "#f0c040", "Y": "#f0c040", "u": "#f0a040"}
_RED = "#c9433a"
_ROW, _GAP, _LEFT, _WIDTH = 12, 4, 150, 600


def text(data: dict[str, Any]) -> str:
    """A table for a terminal, at most 100 columns wide."""
    lines = [f"{'junction':24} {'vehicles':>8} {'delay now':>10} {'proposed':>9}  {'cycle':>11} {'offset':>11}"]
    for junction in data["junctions"]:
        old, new = junction["shipped"], junction["proposed"]
        before, after = junction["delay_before_s_per_vehicle"], junction["delay_after_s_per_vehicle"]
        lines.append(f"{_short(junction['id'], 24):24} {junction['vehicles']:8d} {before:8.1f} s {after:7.1f} s  "
                     f"{old['cycle_s']:3.0f} -> {new['cycle_s']:3.0f} s "
                     f"{old['offset_s']:3.0f} -> {new['offset_s']:3.0f} s")
        lines.append(f"  greens {_greens(junction, old)} -> {_greens(junction, new)} s")
    lines.append(f"{'all':24} {data['vehicles']:8d} {data['delay_before_s_per_vehicle']:8.1f} s "
                 f"{data['delay_after_s_per_vehicle']:7.1f} s  {data['plans_tried']} plans tried")
    return "\n".join(lines)


def _short(name: str, width: int) -> str:
    return name if len(name) <= width else name[:width - 1] + "…"


def _greens(junction: dict[str, Any], timing: dict[str, Any]) -> str:
    phases = zip(junction["signals"], timing["durations_s"], strict=True)
    return "/".join(f"{duration:g}" for signals, duration in phases
                    if set(signals) & set("Gg") and not set(signals) & set("yYu"))


def files(data: dict[str, Any]) -> dict[str, bytes]:
    """``signals.add.xml`` (a SUMO additional file), ``signals.json``, ``signals.svg`` and ``signals.csv``."""
    return {"signals.add.xml": additional(data).encode(), "signals.svg": diagram(data).encode(),
            "signals.json": (json.dumps(data, indent=1) + "\n").encode(), "signals.csv": _table(data).encode()}


def additional(data: dict[str, Any]) -> str:
    """The proposed programmes; ``sumo --additional-files`` runs them instead of the network's own."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>', "<additional>"]
    for junction in data["junctions"]:
        timing = junction["proposed"]
        out.append(f'    <tlLogic id={quoteattr(junction["id"])} type="static" programID="{PROGRAMME_ID}" '
                   f'offset="{timing["offset_s"]:g}">')
        out += [f'        <phase duration="{duration:g}" state={quoteattr(signals)}/>'
                for duration, signals in zip(timing["durations_s"], junction["signals"], strict=True)]
        out.append("    </tlLogic>")
    return "\n".join([*out, "</additional>", ""])


def _table(data: dict[str, Any]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["junction", "programme", "cycle_s", "offset_s", "phase", "signals", "duration_s",
                     "delay_s_per_vehicle"])
    for junction in data["junctions"]:
        for when, delay in (("shipped", "before"), ("proposed", "after")):
            timing = junction[when]
            for i, (signals, duration) in enumerate(zip(junction["signals"], timing["durations_s"], strict=True)):
                writer.writerow([junction["id"], when, timing["cycle_s"], timing["offset_s"], i, signals, duration,
                                 junction[f"delay_{delay}_s_per_vehicle"]])
    return out.getvalue()


def diagram(data: dict[str, Any]) -> str:
    """A signal-plan diagram as SVG: per junction the bars of each signal group, now above proposed."""
    body: list[str] = []
    y = 34
    longest = max(junction[when]["cycle_s"] for junction in data["junctions"] for when in ("shipped", "proposed"))
    scale = _WIDTH / longest
    for junction in data["junctions"]:
        body.append(f'<text x="8" y="{y}" class="h">{escape(_short(junction["id"], 60))}</text>')
        y += 8
        for when, title, delay in (("shipped", "now", "before"), ("proposed", "proposed", "after")):
            timing = junction[when]
            y += 14
            body.append(f'<text x="8" y="{y}">{title}: cycle {timing["cycle_s"]:g} s, offset '
                        f'{timing["offset_s"]:g} s, delay '
                        f'{junction[f"delay_{delay}_s_per_vehicle"]:.1f} s per vehicle</text>')
            y += 6
            for members, letters in _groups(junction["signals"]):
                body.append(f'<text x="8" y="{y + 10}">signals {_short(members, 18)}</text>')
                body += _bars(letters, timing["durations_s"], y, scale)
                y += _ROW + _GAP
        y += 24
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 20} {y}" '
            'font-family="sans-serif" font-size="11"><style>.h{font-weight:bold;font-size:13px}</style>'
            f'<rect width="100%" height="100%" fill="#fff"/><text x="8" y="16">Signal plans, {longest:g} s '
            "wide: green, permissive green (light), yellow, red</text>")
    return head + "".join(body) + "</svg>\n"


def _groups(states: list[str]) -> list[tuple[str, str]]:
    """Signals that always show the same, as one row: their numbers, and their letter per phase."""
    rows: dict[str, list[str]] = {}
    for i in range(len(states[0])):
        rows.setdefault("".join(state[i] for state in states), []).append(str(i))
    return [(",".join(members), letters) for letters, members in rows.items()]


def _bars(letters: str, durations: list[float], y: int, scale: float) -> list[str]:
    bars = []
    x = float(_LEFT)
    for letter, duration in zip(letters, durations, strict=True):
        width = duration * scale
        bars.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW}" '
                    f'fill="{_COLOURS.get(letter, _RED)}"><title>{duration:g} s {letter}</title></rect>')
        x += width
    return bars
