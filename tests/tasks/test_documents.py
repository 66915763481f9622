"""No reader's work grows faster than its document: lines of Python are counted, not seconds."""

import json
import sys

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.registry import load_kinds, prepare
from tests.tasks.documents import DOCUMENTS

KINDS = load_kinds()
SETTLED = 50_000
"""Lines that any document may take: a ratio of fewer says nothing."""
REFUSED = {"pandapower": "empty_data", "simbench switches": "empty_data", "simbench wide": "bad_simbench",
           "sumo deep": "bad_xml", "sumo phases": "nothing_to_adjust", "plain phases": "nothing_to_adjust",
           "sensors entities": "too_few_stations", "sumo one table": "too_large", "traffic entities": "too_short",
           "sumo shared ways": "too_large", "nonsense": "bad_value", "simbench values": "bad_simbench",
           "air features": "unknown_property", "senml names": "unknown_property", "senml parts": "bad_value",
           "cbor shared label": "bad_value", "cbor nested label": "unknown_property",
           "cbor numbers": "unknown_property", "cbor depth": "unknown_property"}
"""What becomes of documents of that length that are not accepted: others reach every part of their reader."""


def lines_of(kind, given):
    """(how many lines run from the input to its spec or to its refusal, the code of that)."""
    count, code = 0, ""

    def line(frame, event, arg):
        nonlocal count
        count += 1
        return line

    before = sys.gettrace()
    sys.settrace(lambda frame, event, arg: line)
    try:
        prepare(KINDS, kind, given)
    except TaskError as error:
        code = error.code
    finally:
        sys.settrace(before)
    return count, code


@pytest.mark.parametrize("name", DOCUMENTS)
def test_work_grows_with_the_document(name):
    """Three times the length takes about three times the lines, never nine times."""
    kind, given = DOCUMENTS[name](60)
    lines_of(kind, given)   # what is imported and built once
    small, large = (DOCUMENTS[name](n) for n in (250, 750))
    (fewer, _), (more, code) = lines_of(*small), lines_of(*large)
    longer = len(json.dumps(large)) / len(json.dumps(small))
    assert more <= max(SETTLED, 1.4 * max(3.0, longer) * fewer)
    assert code == REFUSED.get(name, "")
