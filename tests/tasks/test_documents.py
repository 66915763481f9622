"""No reader's work grows faster than its document: lines of Python are counted, not seconds."""

import sys

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.registry import load_kinds, prepare
from tests.tasks.documents import DOCUMENTS

KINDS = load_kinds()


def lines_of(kind, given):
    """How many lines run from the input to its spec, or to its refusal."""
    count = 0

    def trace(frame, event, arg):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        prepare(KINDS, kind, given)
    except TaskError:
        pass
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", DOCUMENTS)
def test_work_grows_with_the_document(name):
    """Four times the length takes about four times the lines, never sixteen times."""
    kind, given = DOCUMENTS[name](60)
    lines_of(kind, given)   # what is imported and built once
    small, large = (lines_of(*DOCUMENTS[name](n)) for n in (60, 240))
    assert large <= 6 * small
