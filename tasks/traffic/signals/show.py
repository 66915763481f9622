"""The published answer for people and for SUMO: a table, a signal-plan diagram, an additional file, a CSV."""

from __future__ import annotations

import json
import textwrap
from typing import Any
from xml.sax.saxutils import quoteattr

from lamplighter.tasks.drawing.table import table
from lamplighter.tasks.traffic.signals.picture import diagram, groups, runs, seconds, short

PROGRAMME_ID = "lamplighter"
_BLOCKS = {"G": "█", "O": "█", "g": "▓", "o": "▓", "s": "▓", "y": "▒", "Y": "▒", "u": "▒"}
_PICTURES = 12
_SECONDS_PER_BLOCK = 2


def text(data: dict[str, Any]) -> str:
    """A table for a terminal, at most 100 columns wide."""
    lines = [f"{'junction':24} {'vehicles':>8} {'delay now':>10} {'proposed':>9}  {'cycle':>11} {'offset':>11}"]
    for junction in data["junctions"]:
        old, new = junction["shipped"], junction["proposed"]
        before, after = junction["delay_before_s_per_vehicle"], junction["delay_after_s_per_vehicle"]
        lines.append(f"{short(junction['id'], 24):24} {junction['vehicles']:8d} {seconds(before):>8} s "
                     f"{after:7.1f} s  "
                     f"{old['cycle_s']:3.0f} -> {new['cycle_s']:3.0f} s "
                     f"{old['offset_s']:3.0f} -> {new['offset_s']:3.0f} s")
        lines.append(f"  greens {_greens(junction, old)} -> {_greens(junction, new)} s")
    lines.append(f"{'all':24} {data['vehicles']:8d} {seconds(data['delay_before_s_per_vehicle']):>8} s "
                 f"{data['delay_after_s_per_vehicle']:7.1f} s  {data['plans_tried']} plans tried")
    return "\n".join([*lines, *wrapped(data.get("notes", [])), *_pictures(data["junctions"])])


def wrapped(notes: list[str]) -> list[str]:
    """The notes as lines of a terminal."""
    return [line for note in notes for line in textwrap.wrap(note, 98, initial_indent="- ", subsequent_indent="  ")]


def _pictures(junctions: list[dict[str, Any]]) -> list[str]:
    """The proposed programmes as rows of blocks, for as many junctions as a person looks at in a terminal."""
    lines = ["", f"proposed, {_SECONDS_PER_BLOCK} s each: █ green  ▓ green that gives way  ▒ yellow  · red"]
    for junction in junctions[:_PICTURES]:
        timing = junction["proposed"]
        lines.append(f"{short(junction['id'], 24)}, begins at {timing['offset_s']:g} s of {timing['cycle_s']:g} s")
        for members, letters in groups(junction["signals"]):
            blocks = ""
            for letter, _, end in runs(letters, timing["durations_s"]):
                blocks += _BLOCKS.get(letter, "·") * (round(end / _SECONDS_PER_BLOCK) - len(blocks))
            lines.append(f"  {short(members, 14):14} {blocks[:80]}")
    return lines if len(junctions) <= _PICTURES else [*lines, f"... and {len(junctions) - _PICTURES} more junctions"]


def _greens(junction: dict[str, Any], timing: dict[str, Any]) -> str:
    phases = zip(junction["signals"], timing["durations_s"], strict=True)
    return "/".join(f"{duration:g}" for signals, duration in phases
                    if set(signals) & set("Gg") and not set(signals) & set("yYu"))


def files(data: dict[str, Any]) -> dict[str, bytes]:
    """``signals.add.xml`` (a SUMO additional file), ``signals.json``, ``signals.svg`` and ``signals.csv``."""
    return {"signals.add.xml": additional(data).encode(), "signals.svg": diagram(data).encode(),
            "signals.json": (json.dumps(data, indent=1) + "\n").encode(), "signals.csv": _csv(data)}


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


def _csv(data: dict[str, Any]) -> bytes:
    rows = []
    for junction in data["junctions"]:
        for when, delay in (("shipped", "before"), ("proposed", "after")):
            timing = junction[when]
            rows += [[junction["id"], when, timing["cycle_s"], timing["offset_s"], i, signals, duration,
                      junction[f"delay_{delay}_s_per_vehicle"]] for i, (signals, duration) in enumerate(
                          zip(junction["signals"], timing["durations_s"], strict=True))]
    return table(["junction", "programme", "cycle_s", "offset_s", "phase", "signals", "duration_s",
                  "delay_s_per_vehicle"], rows)
