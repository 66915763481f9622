"""Units are converted where that is exact, and refused by name elsewhere."""

from __future__ import annotations

import pytest

from lamplighter.tasks.api import TaskError
from lamplighter.tasks.readers.allow import Left
from lamplighter.tasks.readers.units import factors


@pytest.mark.parametrize(("units", "asked", "wanted", "first"), [
    (["mg/m³", ""], "µg/m³", "µg/m³", 1000.0), (["µg/m³"], "mg/m3", "mg/m3", 0.001),
    (["ug/m3"], "μg/m3", "μg/m3", 1.0),
    (["ppb"], "", "ppb", 1.0), ([""], "ppb", "ppb", 1.0),
])
def test_masses_are_converted_to_the_unit_asked_for(units: list[str], asked: str, wanted: str, first: float) -> None:
    """However that is spelt; a reading without a unit is in it."""
    found, unit = factors([(one, "/x") for one in units], asked, Left())
    assert (unit, found[units[0]]) == (wanted, first)


@pytest.mark.parametrize(("units", "asked"), [
    (["ppb"], "µg/m³"), (["ZZZ"], "µg/m³"), (["µg/m³", "mg/m³"], ""), (["µg/m³"], "index"),
])
def test_what_cannot_be_converted_is_refused_with_both_names(units: list[str], asked: str) -> None:
    """What a ppb weighs depends on the gas and the air; two units without one that is wanted are a question."""
    with pytest.raises(TaskError) as caught:
        factors([(one, f"/{number}") for number, one in enumerate(units)], asked, Left())
    assert (caught.value.code, caught.value.path) == ("mixed_units", f"/{len(units) - 1}")
    assert all(repr(name) in caught.value.message for name in [*units, asked] if name)


def test_a_conversion_and_an_unknown_unit_are_told() -> None:
    """Nothing is scaled, or taken at its word, in silence."""
    left = Left()
    factors([("mg/m³", "/0")], "µg/m³", left)
    factors([("ZZZ", "/0")], "", left)
    assert left.notes() == ["readings in mg/m³ were converted to µg/m³",
                            "the unit 'ZZZ' is not known here: readings were taken as they are"]
