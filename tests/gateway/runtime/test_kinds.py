"""What a gateway knows of kinds."""

import json
from dataclasses import replace

import pytest

from lamplighter.gateway.devicebuild.kernels import kernel_source
from lamplighter.gateway.runtime.kinds import HASH_BYTES, as_dict, changed, from_dict, info_of
from lamplighter.tasks.registry import load_kinds

KINDS = load_kinds()


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_told_as_json(name):
    """Name, version, title, kernel, whether it checks, the schema of its input, and an example where there is one."""
    info = from_dict(json.loads(json.dumps(as_dict(info_of(KINDS[name])))))
    assert info == info_of(KINDS[name])
    assert info.kernel.encode() == kernel_source(KINDS[name].kernel)
    assert info.example["kind"] == name and info_of(replace(KINDS[name], example=None)).example == {}
    assert info.checks == (KINDS[name].check is not None)


@pytest.mark.parametrize("change", [{"version": "1"}, {"more": 1}, {"schema": []}, {"kernel": None}])
def test_what_describes_no_kind_is_refused(change):
    """A worker that talks nonsense is no worker of ours."""
    good = as_dict(info_of(next(iter(KINDS.values()))))
    with pytest.raises(ValueError):
        from_dict({**good, **change})
    with pytest.raises(ValueError):
        from_dict({})


def test_a_kind_that_is_another_now_is_named():
    """Its version, its kernel, its input, or that there is none; one that came to it does not matter."""
    known = {name: info_of(KINDS[name]) for name in ("energy.battery", "traffic.signals")}
    assert changed(known, {**known, "new": known["energy.battery"]}) == []
    for change in ({"version": 9}, {"kernel": "pass"}, {"checks": False}, {"schema": {}}):
        assert changed(known, {**known, "traffic.signals": replace(known["traffic.signals"], **change)}) == [
            "traffic.signals"]
    assert changed(known, {}) == ["energy.battery", "traffic.signals"]


def test_the_core_hears_of_a_kernel_by_its_hash():
    """Another source is another kernel, whatever its version says."""
    info = info_of(KINDS["energy.battery"])
    facts = info.facts
    assert (facts.version, facts.checks, len(facts.kernel)) == (info.version, info.checks, HASH_BYTES)
    assert facts.kernel != replace(info, kernel=info.kernel + "\n").facts.kernel
