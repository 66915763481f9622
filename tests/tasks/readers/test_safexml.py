"""XML from strangers."""

from __future__ import annotations

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers import safexml
from lamplighter.tasks.readers.safexml import parse

LAUGHS = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]>
<net><edge id="&lol2;"/></net>"""


def _refused(text: str) -> TaskError:
    with pytest.raises(TaskError) as caught:
        parse(text, "net", frozenset({"edge"}), "/sumo/network_xml")
    assert (caught.value.code, caught.value.path) == ("bad_xml", "/sumo/network_xml")
    return caught.value


def test_keeps_the_tree_of_the_tags_asked_for() -> None:
    """Unknown tags vanish with their children's place kept out of the tree; attributes and lines are kept."""
    root = parse('<?xml version="1.0" encoding="ISO-8859-1"?>\n<net a="1"><x><y/></x>\n<edge id="é"/></net>', "net",
                 frozenset({"edge"}), "")
    assert (root.tag, root.attributes) == ("net", {"a": "1"})
    assert [(e.tag, e.attributes, e.line) for e in root.children] == [("edge", {"id": "é"}, 3)]


@pytest.mark.parametrize("text", [
    LAUGHS,
    '<!DOCTYPE net SYSTEM "http://127.0.0.1/x.dtd"><net/>',
    '<!DOCTYPE net [<!ENTITY x SYSTEM "file:///etc/passwd">]><net><edge id="&x;"/></net>',
])
def test_document_types_and_entities_are_refused(text: str) -> None:
    """Billion laughs and external files end at the first declaration."""
    assert "document type" in _refused(text).message


@pytest.mark.parametrize("text", ["", "no xml", "<net>", "<net></edge>", "<net>&unknown;</net>", "<net/><net/>",
                                  "<net a='1' a='2'/>", "<net>\x00</net>", "<net>\ud800</net>"])
def test_what_is_not_well_formed_is_refused(text: str) -> None:
    """Anything that expat does not take is one clear error."""
    _refused(text)


def test_another_root_is_refused() -> None:
    """Swapped files are recognised."""
    assert "<net>" in _refused("<routes/>").message


def test_depth_and_number_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand levels, or more elements than any city district has, are refused."""
    _refused("<net>" + "<a>" * 10_000 + "</a>" * 10_000 + "</net>")
    monkeypatch.setattr(safexml, "MAX_ELEMENTS", 50)
    _refused("<net>" + "<edge/>" * 60 + "</net>")
