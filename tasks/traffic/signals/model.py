"""What an operator may ask of ``traffic.signals``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_XML_CHARS = 4_000_000

Name = Annotated[str, Field(min_length=1, max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Sumo(_Strict):
    """A SUMO network and its demand, as the text of the two files."""

    network_xml: str = Field(min_length=1, max_length=MAX_XML_CHARS, description="text of the .net.xml file")
    routes_xml: str = Field(min_length=1, max_length=MAX_XML_CHARS,
                            description="text of the .rou.xml or .trips.xml file: vehicles, trips or flows")


class Phase(_Strict):
    """One phase of a programme."""

    duration_s: float = Field(ge=1, le=255)
    signals: str = Field(min_length=1, max_length=255, pattern="^[GgyrsuoO]+$",
                         description="one letter per signal as in SUMO: G green, g permissive, y yellow, r red")


class Movement(_Strict):
    """Where vehicles cross a junction from one approach to one exit."""

    id: Name
    turn: Literal["straight", "right", "left"]
    lanes: list[Name] = Field(min_length=1, max_length=8, description="approach lanes it may use, shared by name")
    signal: int = Field(ge=0, le=254, description="position of its letter in the phases' signals")
    headway_s: float | None = Field(default=None, ge=0.5, le=12, description="time between two vehicles that leave a "
                                    "queue by the same lane, s; default 2.0 straight, 2.3 right, 2.6 left")
    gives_way_to: list[Name] = Field(default=[], max_length=64, description="ids of movements of the junction")


class Junction(_Strict):
    """A junction with its programme as shipped."""

    id: Name
    offset_s: float = Field(default=0, ge=0, le=3600)
    phases: list[Phase] = Field(min_length=1, max_length=32)
    movements: list[Movement] = Field(min_length=1, max_length=64)
    lane_room_vehicles: dict[Name, Annotated[int, Field(ge=1, le=254)]] = Field(
        default={}, max_length=64, description="vehicles that a lane has room for before those behind block its "
        "neighbours; a lane that is not named has room for any number")


class Leg(_Strict):
    """The way to the next stop line, and the movement there."""

    travel_s: float = Field(ge=0, le=3600, description="free travel time from departure or the last stop line")
    movement: Name


class Route(_Strict):
    """Vehicles on one way through the network: either their departures or how many an hour."""

    legs: list[Leg] = Field(min_length=1, max_length=100)
    departures_s: list[Annotated[float, Field(ge=0, le=10_000_000)]] | None = Field(default=None, max_length=20_000)
    vehicles_per_hour: float | None = Field(default=None, ge=0, le=4000,
                                            description="Poisson arrivals over the period; needs the period's end")


class Plain(_Strict):
    """Junctions and demand in plain fields, for cities without a SUMO model."""

    junctions: list[Junction] = Field(max_length=64)
    routes: list[Route] = Field(max_length=2000)


class Search(_Strict):
    """How long to search. The defaults try 2,560 plans."""

    cycles_s: list[Annotated[int, Field(ge=20, le=180)]] = Field(default=[50, 60, 75, 90], min_length=1, max_length=8)
    parents: int = Field(default=8, ge=1, le=32)
    children: int = Field(default=32, ge=1, le=128)
    generations: int = Field(default=20, ge=1, le=60)
    replicas: int = Field(default=3, ge=1, le=8, description="copies of the demand with jittered departures")
    jitter_s: int = Field(default=60, ge=0, le=600, description="a departure moves by up to this much either way")
    minimum_green_s: int = Field(default=5, ge=3, le=30)
    window_s: int = Field(default=300, ge=60, le=900, description="departures that one job looks at")
    seed: int = Field(default=1, ge=0, le=1_000_000)


class SignalsInput(_Strict):
    """Cycle, splits and offsets of fixed-time signals: for which junctions and what demand."""

    sumo: Sumo | None = None
    plain: Plain | None = None
    period_start_s: float | None = Field(default=None, ge=0, le=10_000_000,
                                         description="vehicles that depart earlier are left out")
    period_end_s: float | None = Field(default=None, ge=0, le=10_000_000,
                                       description="vehicles that depart at this time or later are left out")
    search: Search = Search()
