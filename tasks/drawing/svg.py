"""SVG 1.1: no script, no font beyond the viewer's own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def document(width: float, height: float, body: Sequence[str], font_size: int = 12) -> str:
    """The elements ``body`` as a picture of so many pixels."""
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
                      f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="{font_size}">',
                      *body, "</svg>\n"])


def label(x: float, y: float, words: str, more: str = "") -> str:
    """Words at a place; ``more`` are further attributes."""
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(words)}</text>'
