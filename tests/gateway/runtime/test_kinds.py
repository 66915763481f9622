"""What a gateway knows of kinds."""

import json

import pytest

from lamplighter.gateway.runtime.kinds import as_dict, from_dict, info_of
from lamplighter.tasks.registry import load_kinds

KINDS = load_kinds()


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_told_as_json(name):
    """Name, version, title, kernel, whether it checks, and the schema of its input."""
    info = from_dict(json.loads(json.dumps(as_dict(info_of(KINDS[name])))))
    assert info == info_of(KINDS[name])
    assert info.kernel == KINDS[name].kernel and info.checks == (KINDS[name].check is not None)


@pytest.mark.parametrize("change", [{"version": "1"}, {"more": 1}, {"schema": []}, {"kernel": None}])
def test_what_describes_no_kind_is_refused(change):
    """A worker that talks nonsense is no worker of ours."""
    good = as_dict(info_of(next(iter(KINDS.values()))))
    with pytest.raises(ValueError):
        from_dict({**good, **change})
    with pytest.raises(ValueError):
        from_dict({})
