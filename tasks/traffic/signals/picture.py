"""The signal-plan diagram: delay per junction, and every programme as it is beside the one proposed, as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

_GREEN, _PERMISSIVE, _YELLOW, _RED = "#1f8f4e", "#9fd8b4", "#e9b949", "#c9433a"
_COLOURS = {"G": _GREEN, "O": _GREEN, "g": _PERMISSIVE, "o": _PERMISSIVE, "s": _PERMISSIVE, "y": _YELLOW,
            "Y": _YELLOW, "u": _YELLOW}
_LEGEND = ((_GREEN, "green"), (_PERMISSIVE, "green that gives way"), (_YELLOW, "yellow"), (_RED, "red"))
_LEFT, _COLUMN, _BETWEEN, _WIDE = 130, 420, 30, 1020
_BAR, _ROW = 11, 16
_STYLE = (".t{font-size:18px;font-weight:bold}.h{font-size:13px;font-weight:bold}.q{fill:#666}"
          ".a{fill:#888;font-size:9px}.e{text-anchor:end}")


def diagram(data: dict[str, Any]) -> str:
    """The picture of a published answer."""
    body = [_text(16, 30, "Signal plans: now and proposed", "t"), _text(16, 50, _headline(data), "q")]
    y = _delays(body, data["junctions"], 76)
    x = _LEFT
    for colour, meaning in _LEGEND:
        body.append(_box(x, y, 22, _BAR if colour != _RED else 3, colour, dy=0 if colour != _RED else 4))
        body.append(_text(x + 28, y + 10, meaning, "q"))
        x += 60 + 7 * len(meaning)
    y += 40
    longest = max(junction[when]["cycle_s"] for junction in data["junctions"] for when in ("shipped", "proposed"))
    for junction in data["junctions"]:
        y = _junction(body, junction, y, _COLUMN / longest)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {y}" width="{_WIDE}" height="{y}" '
            f'font-family="Helvetica,Arial,sans-serif" font-size="11" fill="#222"><style>{_STYLE}</style>'
            f'<rect width="100%" height="100%" fill="#fff"/>{"".join(body)}</svg>\n')


def groups(states: list[str]) -> list[tuple[str, str]]:
    """Signals that always show the same, as one row: their numbers, and their letter per phase."""
    rows: dict[str, list[str]] = {}
    for i in range(len(states[0])):
        rows.setdefault("".join(state[i] for state in states), []).append(str(i))
    return [(",".join(members), letters) for letters, members in rows.items()]


def runs(letters: str, durations: list[float]) -> Iterator[tuple[str, float, float]]:
    """Letter, begin and end in seconds; phases in a row that show the same are one."""
    begin = at = 0.0
    for i, (letter, duration) in enumerate(zip(letters, durations, strict=True)):
        at += duration
        if i + 1 == len(letters) or letters[i + 1] != letter:
            yield letter, begin, at
            begin = at


def _headline(data: dict[str, Any]) -> str:
    if data["saved_share"] is None:
        return (f"{data['vehicles']} vehicles, predicted mean delay {data['delay_after_s_per_vehicle']:.1f} s with "
                "these fixed times; signals that detectors switch today were not simulated")
    low, high = data["saved_share_low"], data["saved_share_high"]
    spread = (" (not known: more may queue than was simulated)" if low is None else
              f" ({low:.0%} to {high:.0%} of all time lost)")
    return (f"{data['vehicles']} vehicles, predicted mean delay {data['delay_before_s_per_vehicle']:.1f} s now, "
            f"{data['delay_after_s_per_vehicle']:.1f} s proposed: {data['saved_share']:.0%} less{spread}")


def _delays(body: list[str], junctions: list[dict[str, Any]], y: int) -> int:
    """Two bars per junction; returns where the next part begins."""
    body.append(_text(16, y, "Predicted delay per junction, s per vehicle: now (grey) and proposed (blue)", "h"))
    most = max(1.0, *(max(_delay(junction, when) for when in ("before", "after")) for junction in junctions))
    y += 12
    for junction in junctions:
        body.append(_text(_LEFT + 110, y + 14, short(junction["id"], 34), "e"))
        for i, (when, colour) in enumerate((("before", "#b9bec7"), ("after", "#2f6fb5"))):
            width = 600 * _delay(junction, when) / most
            body.append(_box(_LEFT + 120, y + 10 * i, width, 8, colour))
            body.append(_text(_LEFT + 126 + width, y + 8 + 10 * i,
                              seconds(junction[f"delay_{when}_s_per_vehicle"]), "a"))
        y += 26
    return y + 16


def _delay(junction: dict[str, Any], when: str) -> float:
    return float(junction[f"delay_{when}_s_per_vehicle"] or 0.0)


def seconds(delay: float | None) -> str:
    """A delay; a question mark where it is not known, because detectors decide."""
    return "?" if delay is None else f"{delay:.1f}"


def _junction(body: list[str], junction: dict[str, Any], y: int, scale: float) -> int:
    """Both programmes side by side, a row per signal group, over an axis of seconds."""
    body.append(_text(16, y, f"{short(junction['id'], 80)}, {junction['vehicles']} vehicles", "h"))
    rows = groups(junction["signals"])
    bottom = y + 28 + _ROW * len(rows)
    for column, (when, title, delay) in enumerate((("shipped", "now", "before"), ("proposed", "proposed", "after"))):
        left, timing = _LEFT + column * (_COLUMN + _BETWEEN), junction[when]
        said = f"cycle {timing['cycle_s']:g} s, begins at {timing['offset_s']:g} s"
        found = seconds(junction[f"delay_{delay}_s_per_vehicle"])
        body.append(_text(left, y + 18, f"{title}: {said}, delay {found} s", "q"))
        for second in range(0, int(timing["cycle_s"]) + 1, 10):
            x = left + second * scale
            body.append(f'<path d="M{x:.1f} {y + 26}V{bottom}" stroke="#e4e6ea"/>')
            body.append(_text(x, bottom + 10, str(second), "a"))
        for i, (members, letters) in enumerate(rows):
            top = y + 28 + _ROW * i
            if column == 0:
                body.append(_text(_LEFT - 8, top + 9, f"signals {short(members, 13)}", "e"))
            for letter, begin, end in runs(letters, timing["durations_s"]):
                colour = _COLOURS.get(letter, _RED)
                thin = colour == _RED
                body.append(_box(left + begin * scale, top, (end - begin) * scale, 3 if thin else _BAR, colour,
                                 dy=4 if thin else 0, title=f"{end - begin:g} s {letter}"))
    return bottom + 40


def short(name: str, width: int) -> str:
    """The name, cut where it is too long."""
    return name if len(name) <= width else name[:width - 1] + "…"


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" class="{style}">{escape(text)}</text>'


def _box(x: float, y: float, width: float, height: int, colour: str, dy: int = 0, title: str = "") -> str:
    inner = f"<title>{escape(title)}</title></rect>" if title else "</rect>"
    return f'<rect x="{x:.1f}" y="{y + dy}" width="{max(0.0, width):.1f}" height="{height}" fill="{colour}">{inner}'
