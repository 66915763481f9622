"""The search, end to end on a small street."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from lamplighter.tasks import registry
from lamplighter.tasks.api import DeadlinePassed, Result
from lamplighter.tasks.local import run_job, run_local
from lamplighter.tasks.traffic.signals import KIND
from lamplighter.tasks.traffic.signals.demo import generated_street
from lamplighter.tasks.traffic.signals.jobs import Cost, check, programme_cycle_ds, shipped_plan
from lamplighter.tasks.traffic.signals.method.promise import ERRORS_PERMILLE
from lamplighter.tasks.traffic.signals.result import Finding, Progress, assemble, programmes
from lamplighter.tasks.traffic.signals.solve import evaluate, solve
from lamplighter.tasks.traffic.signals.spec import Plan, Spec

KINDS = {KIND.name: KIND}
SMALL = {"generations": 2, "children": 6, "cycles_s": [60, 74], "replicas": 2}


@pytest.fixture(scope="module")
def solved() -> tuple[Spec, Result]:
    """A street of two junctions, solved once."""
    spec = registry.prepare(KINDS, KIND.name, {**generated_street(2), "search": SMALL})
    return spec, run_local(KIND, spec)


def test_a_badly_timed_street_gets_better(solved: tuple[Spec, Result]) -> None:
    """Equal greens without coordination lose to a short search, on demand the search had not seen."""
    data = solved[1].data
    assert data["delay_after_s_per_vehicle"] < 0.9 * data["delay_before_s_per_vehicle"]
    assert not data["kept_shipped"] and data["plans_tried"] > 15
    assert [junction["id"] for junction in data["junctions"]] == ["J0", "J1"]


def test_plans_keep_to_the_rules(solved: tuple[Spec, Result]) -> None:
    """Yellow and all-red are untouched, greens at least the minimum, cycles among those asked for."""
    for junction in solved[1].data["junctions"]:
        assert junction["proposed"]["cycle_s"] in (60.0, 74.0)
        assert sum(junction["proposed"]["durations_s"]) == junction["proposed"]["cycle_s"]
        pairs = zip(junction["signals"], junction["shipped"]["durations_s"], junction["proposed"]["durations_s"],
                    strict=True)
        assert all(new >= 5 if "G" in signals else new == old for signals, old, new in pairs)


def test_the_summary_counts_what_may_change(solved: tuple[Spec, Result]) -> None:
    """Junctions that the operator leaves out are not among those retimed."""
    assert "the signals of 2 junctions" in solved[1].summary
    given = {**generated_street(2), "search": SMALL, "only": ["J1"]}
    assert "the signals of 1 of 2 junctions" in run_local(KIND, registry.prepare(KINDS, KIND.name, given)).summary


def _assembled(spec: Spec, plan: Plan, before: tuple[int, ...], after: tuple[int, ...], missing: int = 0) -> Result:
    costs = [Cost((sum(of),) * len(spec.network.junctions), of) for of in (before, after)]
    progress = Progress(1, 2, 8, 8, missing)
    return assemble(Finding(spec.network, spec.demand, plan, *costs, 100, 9, 2, [1.0], progress, ()))


def test_a_saving_that_may_be_chance_is_called_so(solved: tuple[Spec, Result]) -> None:
    """An interval that reaches below nothing is no figure to be shown as a range of the saving."""
    spec = solved[0]
    plan = shipped_plan(spec.network)
    plan = ((plan[0][0] + 10, *plan[0][1:]), *plan[1:])
    sure = _assembled(spec, plan, (100_000, 100_000), (50_000, 51_000), 1)
    low, high = sure.data["saved_share_low"], sure.data["saved_share_high"]
    assert f"{low:.0%} to {high:.0%} saved" in sure.summary and "it lies between" in sure.partial
    unsure = _assembled(spec, plan, (100_000, 100_000), (10_000, 90_000), 1)
    assert unsure.data["saved_share_low"] < 0 < low and "it may be nothing" in unsure.summary


def test_nothing_is_promised_where_queues_are_longer_than_streets(solved: tuple[Spec, Result]) -> None:
    """The junctions are named, and there is no range: neither in the figures nor in words, table and picture."""
    spec = solved[0]
    lanes = Counter(approach for approach, _ in spec.network.lanes)
    streets = tuple(10 * lanes[approach] for approach in range(len(spec.network.streets)))
    spec = replace(spec, network=replace(spec.network, streets=streets))
    plan = shipped_plan(spec.network)
    plan = ((plan[0][0] + 10, *plan[0][1:]), *plan[1:])
    period = 2 * (spec.demand.end_ds - spec.demand.begin_ds)
    costs = [Cost((1000, int(share * period * 60)), (500, 500)) for share in (0.09, 0.07)]
    near = assemble(Finding(spec.network, spec.demand, plan, *costs, 100, 9, 2, [1.0], Progress(1, 2, 8, 8, 1), ()))
    assert near.data["saved_share_low"] is None is near.data["saved_share_high"]
    assert near.data["full_junctions"] == ["J1"] and "before 1 junctions (J1)" in near.data["notes"][-1]
    assert "closed loop before you switch it on" in near.summary and "not known" in near.partial
    assert "what is saved is not known" in " ".join(KIND.text(near.data).split())
    assert b"more may queue than was simulated" in KIND.files(near.data)["signals.svg"]


def test_an_offset_is_less_than_its_cycle(solved: tuple[Spec, Result]) -> None:
    """A junction that runs at half of the others' cycle begins within its own."""
    network = solved[0].network
    plan = shipped_plan(network)
    cycle = programme_cycle_ds(network.junctions[0], plan[0])
    found = programmes(network, ((cycle + 250, *plan[0][1:]), *plan[1:]))
    assert found[0]["offset_s"] == 25.0 and found[0]["cycle_s"] == cycle / 10


def test_the_search_is_repeatable(solved: tuple[Spec, Result]) -> None:
    """The same task gives the same answer, as a replay after a crash needs."""
    assert run_local(KIND, solved[0]).data == solved[1].data


def test_answers_beyond_any_plan_are_impossible(solved: tuple[Spec, Result]) -> None:
    """True answers pass the cheap check; one that says all vehicles waited for hours does not."""
    spec = solved[0]
    job = next(solve(spec))[0]
    answer = run_job(KIND, job)
    assert check(spec, job, answer)
    assert not check(spec, job, b"\xff" * len(answer))
    assert not check(spec, job, answer[:-1])


def test_no_plan_beats_a_good_one(crossing: dict[str, Any]) -> None:
    """One vehicle that meets green needs nothing: the shipped programme is kept and the summary says so."""
    crossing["routes"][0]["departures_s"] = [30.0]
    given = {"plain": crossing, "search": {**SMALL, "jitter_s": 0}}
    result = run_local(KIND, registry.prepare(KINDS, KIND.name, given))
    assert result.data["kept_shipped"] and result.data["delay_after_s_per_vehicle"] == 0
    assert "Keep" in result.summary


def test_sumo_input_runs(network_xml: str, routes_xml: str) -> None:
    """Network and routes as XML text in the task give an answer, too."""
    given = {"sumo": {"network_xml": network_xml, "routes_xml": routes_xml}, "search": SMALL}
    data = run_local(KIND, registry.prepare(KINDS, KIND.name, given)).data
    assert (data["vehicles"], data["junctions"][0]["id"]) == (7, "C")


def test_a_round_covers_every_window(solved: tuple[Spec, Result]) -> None:
    """No plans, no round; one plan, one job per window."""
    spec = solved[0]
    assert list(evaluate(spec, spec.training, [], {})) == []
    base = tuple((0, *(300 for phase in junction.phases if phase.adjustable)) for junction in spec.network.junctions)
    assert len(next(evaluate(spec, spec.training, [base], {}))) == len(spec.training)
    assert programme_cycle_ds(spec.network.junctions[0], base[0]) == 720


def test_the_saving_has_its_spread(solved: tuple[Spec, Result]) -> None:
    """A whole answer says between which shares the saving lies, and that it was judged on unseen demand."""
    data = solved[1].data
    assert data["saved_share_low"] < data["saved_share_in_all"] < data["saved_share_high"]
    assert 0 < data["saved_share_in_all"] < data["saved_share"]
    errors = [one / 1000 for one in (ERRORS_PERMILLE[0], ERRORS_PERMILLE[-1])]
    assert data["saved_share_high"] - data["saved_share_low"] >= errors[1] - errors[0] - 1e-3
    assert (data["jobs_missing"], data["generations_done"], data["judged_on_unseen_demand"]) == (0, 2, True)
    assert solved[1].partial == "" and "a closed loop should find" in solved[1].summary
    assert "copies of the demand differ" in data["method"] and data["full_junctions"] == []


def test_a_deadline_in_the_search_leaves_the_best_plan_so_far(solved: tuple[Spec, Result]) -> None:
    """Cut short in the second generation, the answer says so, counts what is missing and calls its figures seen."""
    spec = solved[0]
    first = len(next(solve(spec)))
    result = run_local(KIND, spec, deadline_after_jobs=first + 1)
    assert "generation 2 of 2" in result.partial and "flatters" in result.partial
    assert "it lies between" in result.partial
    assert result.data["generations_done"] == 1 and result.data["jobs_missing"] > 0
    assert not result.data["judged_on_unseen_demand"] and not result.data["kept_shipped"]
    assert result.data["delay_after_s_per_vehicle"] < result.data["delay_before_s_per_vehicle"]


def test_a_deadline_in_the_check_counts_the_finalists(solved: tuple[Spec, Result]) -> None:
    """Cut short in the last round, the answer is the best finalist that was checked; none checked: of the search."""
    spec = solved[0]
    rounds: list[int] = []
    run_local(KIND, spec, on_round=rounds.append)
    most = run_local(KIND, spec, deadline_after_jobs=sum(rounds) - 1)
    assert most.data["judged_on_unseen_demand"] == (rounds[-1] > len(spec.unseen))
    none = run_local(KIND, spec, deadline_after_jobs=sum(rounds[:-1]))
    assert not none.data["judged_on_unseen_demand"] and "0 were" in none.partial
    assert none.data["generations_done"] == 2


def test_a_deadline_before_anything_is_known_fails(solved: tuple[Spec, Result]) -> None:
    """With nothing to compare there is nothing to say."""
    with pytest.raises(DeadlinePassed):
        run_local(KIND, solved[0], deadline_after_jobs=1)


@pytest.mark.parametrize("junctions", [1, 16])
def test_one_junction_and_many_get_an_answer(junctions: int) -> None:
    """A single crossing, and as many as a device holds, each get their programme."""
    search = {"generations": 1, "children": 3, "cycles_s": [60], "replicas": 1}
    given = {**generated_street(junctions), "search": search, "period_end_s": 300}
    result = run_local(KIND, registry.prepare(KINDS, KIND.name, given))
    assert len(result.data["junctions"]) == junctions
    assert result.data["saved_share_low"] <= result.data["saved_share_in_all"] <= result.data["saved_share_high"]


def test_a_sumo_network_with_counts_runs(network_xml: str) -> None:
    """Counts and turn shares in place of routes give an answer, too."""
    entity = {"id": "w", "type": "TrafficFlowObserved", "intensity": 60, "dateObserved":
              "2026-03-02T07:00:00Z/2026-03-02T07:05:00Z"}
    counts = {"entities": [entity], "entries": [{"detector": "w", "road": "w_in"}]}
    given = {"sumo": {"network_xml": network_xml, "counts": counts}, "search": SMALL}
    assert run_local(KIND, registry.prepare(KINDS, KIND.name, given)).data["vehicles"] == 60


def test_no_saving_is_claimed_against_detectors(network_xml: str, routes_xml: str) -> None:
    """An actuated programme is not simulated: the plan stands alone, in figures, words, table and pictures."""
    actuated = network_xml.replace('type="static"', 'type="actuated"').replace(
        'duration="30"', 'duration="30" minDur="5" maxDur="50"').replace(
        'duration="22"', 'duration="22" minDur="5" maxDur="50"')
    spec = registry.prepare(KINDS, KIND.name, {"sumo": {"network_xml": actuated, "routes_xml": routes_xml},
                                               "search": SMALL})
    result = run_local(KIND, spec)
    junction = result.data["junctions"][0]
    told = ("delay_before_s_per_vehicle", "saved_share", "saved_share_in_all", "saved_share_low",
            "saved_share_high", "saved_vehicle_hours")
    assert {result.data[name] for name in told} == {None} == {junction["delay_before_s_per_vehicle"]}
    assert result.data["delay_after_s_per_vehicle"] >= 0 and "Detectors switch" in result.summary
    assert "no saving against them is claimed" in result.data["notes"][0]
    assert "? s" in KIND.text(result.data) and "no saving" in KIND.text(result.data)
    assert b"delay ? s" in KIND.files(result.data)["signals.svg"]
    assert KIND.reference(spec, result)["difference_share"] < 0.2
    late = run_local(KIND, spec, deadline_after_jobs=len(next(solve(spec))) + 1)
    assert "between" not in late.partial and "The delay is on demand" in late.partial


def test_where_nothing_may_change_the_plan_is_kept(network_xml: str, routes_xml: str) -> None:
    """No cycle asked for leaves what the signals need: the present one is kept; a note says how short it may be."""
    bound = network_xml.replace('duration="30"', 'duration="30" minDur="30"').replace(
        'duration="22"', 'duration="22" minDur="22"')
    given = {"sumo": {"network_xml": bound, "routes_xml": routes_xml}, "search": {**SMALL, "cycles_s": [30]}}
    data = run_local(KIND, registry.prepare(KINDS, KIND.name, given)).data
    assert data["kept_shipped"] and data["plans_tried"] == 1 and data["judged_on_unseen_demand"]
    assert "the shortest is 60 s" in data["notes"][0]


def test_a_recorded_plan_of_many_intervals_is_improved_or_left_alone(network_xml: str) -> None:
    """45 intervals of one second and more: greens keep their minimum as signals, and the plan gets no worse."""
    text = network_xml.replace('<phase duration="30" state="rGGg"/>', '<phase duration="1" state="rGGg"/>' * 20
                               + '<phase duration="10" state="rGGg"/>')
    text = text.replace('<phase duration="22" state="Grrr"/>', '<phase duration="1" state="Grrr"/>' * 22)
    flows = "".join(f'<flow id="{a}" begin="0" end="600" vehsPerHour="{rate}" from="{a}" to="{b}"/>'
                    for a, b, rate in (("s_in", "n_out", 700), ("e_in", "w_out", 200), ("w_in", "e_out", 200)))
    given = {"sumo": {"network_xml": text, "routes_xml": f"<routes>{flows}</routes>"}, "search": SMALL}
    data = run_local(KIND, registry.prepare(KINDS, KIND.name, given)).data
    assert len(data["junctions"][0]["signals"]) == 45
    assert data["kept_shipped"] or data["delay_after_s_per_vehicle"] < data["delay_before_s_per_vehicle"]


def test_a_programme_beyond_its_own_limits_is_left_alone(network_xml: str, routes_xml: str) -> None:
    """Greens longer than their maxDur, and no cycle that they could follow: kept, not a search among nothing."""
    bound = network_xml.replace('duration="30"', 'duration="30" minDur="20" maxDur="25"').replace(
        'duration="22"', 'duration="22" minDur="22" maxDur="22"')
    given = {"sumo": {"network_xml": bound, "routes_xml": routes_xml}, "search": {**SMALL, "cycles_s": [110]}}
    data = run_local(KIND, registry.prepare(KINDS, KIND.name, given)).data
    assert data["kept_shipped"] and data["junctions"][0]["proposed"]["durations_s"] == [30, 4, 22, 4]
