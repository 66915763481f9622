"""The networks on which promises of ``traffic.signals`` are calibrated and judged."""

from __future__ import annotations

from benchmarks.quality.tools.signal_networks import CALIBRATED_ON, CITIES, JUDGED_ON, Made


def test_what_judges_has_not_chosen() -> None:
    """No network is on both lists, by number or by what is drawn; each list has twenty and more."""
    chosen, judged = ({repr(Made.drawn(number)) for number in numbers} for numbers in (CALIBRATED_ON, JUDGED_ON))
    assert not set(CALIBRATED_ON) & set(JUDGED_ON) and not chosen & judged
    assert len(chosen) == len(CALIBRATED_ON) >= 20 and len(judged) == len(JUDGED_ON) >= 20


def test_a_number_draws_one_network() -> None:
    """The same every time, with its own seed, so that a calibration can be made again."""
    assert Made.drawn(7) == Made.drawn(7) != Made.drawn(8)
    assert Made.drawn(7).seed == 7 and "--seed" in Made.drawn(7).shape


def test_cities_are_planned_for_within_their_demand() -> None:
    """Each has a name and demand of its own that lasts for as long as it is planned for, and a seed to draw it by."""
    assert len({city.name for city in CITIES}) == len({city.shape for city in CITIES}) == len(CITIES) >= 3
    for city in CITIES:
        trips = dict(zip(city.trips[::2], city.trips[1::2], strict=True))
        assert city.planned_s <= int(trips.get("-e", "3600")) and "--seed" in trips
