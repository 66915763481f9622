"""Pictures as SVG."""

from __future__ import annotations

from xml.etree import ElementTree

from lamplighter.tasks.drawing.svg import document, label


def test_words_are_escaped_in_a_document_of_whole_pixels() -> None:
    """What an operator wrote is text, never markup."""
    root = ElementTree.fromstring(document(99.6, 50, [label(1, 2.04, "<b> & c", 'fill="red"')], font_size=9))
    assert (root.get("viewBox"), root.get("width"), root.get("font-size")) == ("0 0 100 50", "100", "9")
    assert (root[0].text, root[0].attrib) == ("<b> & c", {"x": "1.0", "y": "2.0", "fill": "red"})
