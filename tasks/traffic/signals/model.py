"""What an operator may ask of ``traffic.signals``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lamplighter.tasks.readers.allow import ACCEPT, Finding
from lamplighter.tasks.readers.listed import Listed

MAX_XML_CHARS = 4_000_000

Name = Annotated[str, Field(min_length=1, max_length=100)]
_SECONDS = Annotated[float, Field(ge=0, le=10_000_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Entry(_Strict):
    """Where a detector counts vehicles that enter the network."""

    detector: Name = Field(description="refDevice, refRoadSegment, name or id of the observations")
    road: Name = Field(description="id of the SUMO edge on which the counted vehicles are")


class Turn(_Strict):
    """Which share of a road's vehicles goes on by which road."""

    from_road: Name = Field(description="id of a SUMO edge")
    to_road: Name = Field(description="id of an edge that it leads to")
    share: float = Field(ge=0, le=1, description="share of the vehicles, 0 to 1; those of one road add up to 1")


class Counts(_Strict):
    """Counted demand: how many vehicles enter where, and how they turn."""

    entities: Listed = Field(min_length=1, max_length=20_000, description="FIWARE TrafficFlowObserved, NGSI-LD "
                               "normalised or key-values: intensity (vehicles in the period), dateObservedFrom and "
                               "dateObservedTo; times of the task count from the first dateObservedFrom")
    entries: list[Entry] = Field(min_length=1, max_length=1000, description="detectors on roads into the network")
    turns: list[Turn] = Field(default=[], max_length=5000, description="turn shares; where a road has none, every "
                              "way but back is as likely")


class Sumo(_Strict):
    """A SUMO network and its demand."""

    network_xml: str = Field(min_length=1, max_length=MAX_XML_CHARS, description="text of the .net.xml file")
    routes_xml: str | None = Field(default=None, min_length=1, max_length=MAX_XML_CHARS, description="text of the "
                                   ".rou.xml or .trips.xml file: vehicles, trips or flows")
    counts: Counts | None = Field(default=None, description="or counts of detectors with turn shares")


class Phase(_Strict):
    """One phase of a programme."""

    duration_s: float = Field(ge=1, le=255, description="length, s")
    signals: str = Field(min_length=1, max_length=255, pattern="^[GgyrsuoO]+$",
                         description="one letter per signal as in SUMO: G green, g permissive, y yellow, r red; "
                         "signals that no movement uses are taken for those of people on foot: their green is never "
                         "shortened, nor the time after it")
    shortest_s: float = Field(default=0, ge=0, le=255, description="no plan makes the phase shorter, s")
    longest_s: float | None = Field(default=None, ge=1, le=255, description="no plan makes the phase longer, s")


class Movement(_Strict):
    """Where vehicles cross a junction from one approach to one exit."""

    id: Name = Field(description="unique in the whole network")
    turn: Literal["straight", "right", "left"] = Field(description="gives the headway where none is named")
    lanes: list[Name] = Field(min_length=1, max_length=8, description="approach lanes it may use, shared by name")
    signal: int = Field(ge=0, le=254, description="position of its letter in the phases' signals")
    headway_s: float | None = Field(default=None, ge=0.5, le=12, description="time between two vehicles that leave a "
                                    "queue by the same lane, s; default 2.0 straight, 2.3 right, 2.6 left")
    gives_way_to: list[Name] = Field(default=[], max_length=64, description="ids of movements of the junction that "
                                     "go first when this one has permissive green")


class Junction(_Strict):
    """A junction with its programme as shipped."""

    id: Name = Field(description="name of the junction, for the answer")
    offset_s: float = Field(default=0, ge=0, le=3600, description="when its cycle begins, s")
    phases: list[Phase] = Field(min_length=1, max_length=255, description="the programme, in order")
    movements: list[Movement] = Field(min_length=1, max_length=64, description="ways across the junction")
    lane_room_vehicles: dict[Name, Annotated[int, Field(ge=1, le=254)]] = Field(
        default={}, max_length=64, description="vehicles that a lane has room for before those behind block its "
        "neighbours; a lane that is not named has room for any number")


class Leg(_Strict):
    """The way to the next stop line, and the movement there."""

    travel_s: float = Field(ge=0, le=3600, description="free travel time from departure or the last stop line, s")
    movement: Name = Field(description="id of the movement")


class Route(_Strict):
    """Vehicles on one way through the network: their departures, how many an hour, or which detector counts them."""

    legs: list[Leg] = Field(min_length=1, max_length=100, description="signals passed, in order")
    departures_s: list[_SECONDS] | None = Field(default=None, max_length=20_000, description="departures, s")
    vehicles_per_hour: float | None = Field(default=None, ge=0, le=4000,
                                            description="Poisson arrivals over the period; needs the period's end")
    detector: Name | None = Field(default=None, description="refDevice, refRoadSegment, name or id of entities")
    share: float = Field(default=1, ge=0, le=1, description="share of the detector's vehicles that take this way")


class Plain(_Strict):
    """Junctions and demand in plain fields, for cities without a SUMO model."""

    junctions: list[Junction] = Field(max_length=64, description="all junctions with signals")
    routes: list[Route] = Field(max_length=2000, description="all ways that vehicles take")
    entities: Listed = Field(default=[], max_length=20_000, description="FIWARE TrafficFlowObserved for routes "
                               "that name a detector, NGSI-LD normalised or key-values")


class Search(_Strict):
    """How long to search. The defaults try at most 1,600 plans."""

    cycles_s: list[Annotated[int, Field(ge=20, le=180)]] | None = Field(
        default=None, min_length=1, max_length=8, description="cycles to try, s; without it five about what the "
        "busiest junction needs; junctions may also run at half of one; the better half goes on after each fifth of "
        "the generations")
    parents: int = Field(default=8, ge=1, le=32, description="plans of a cycle that breed")
    children: int = Field(default=32, ge=1, le=128, description="new plans per cycle and generation")
    generations: int = Field(default=20, ge=1, le=60, description="rounds of breeding")
    replicas: int = Field(default=3, ge=1, le=8, description="copies of the demand with jittered departures")
    jitter_s: int = Field(default=60, ge=0, le=600, description="a departure moves by up to this much either way, s")
    minimum_green_s: int = Field(default=5, ge=3, le=30, description="no green is made shorter, s")
    window_s: int = Field(default=300, ge=60, le=900, description="departures that one job looks at, s")
    seed: int = Field(default=1, ge=0, le=1_000_000, description="the same seed gives the same answer")


class SignalsInput(_Strict):
    """Cycle, splits and offsets of fixed-time signals: for which junctions and what demand."""

    sumo: Sumo | None = Field(default=None, description="a SUMO network with routes or counts")
    plain: Plain | None = Field(default=None, description="or junctions and demand in plain fields")
    period_start_s: float | None = Field(default=None, ge=0, le=10_000_000,
                                         description="vehicles that depart earlier are left out, s")
    period_end_s: float | None = Field(default=None, ge=0, le=10_000_000,
                                       description="vehicles that depart at this time or later are left out, s")
    only: list[Name] | None = Field(default=None, min_length=1, max_length=1000, description="ids of the junctions "
                                    "that may be changed; without it all may")
    search: Search = Field(default=Search(), description="how long to search")
    accept: list[Finding] = Field(default=[], max_length=20, description=ACCEPT)
