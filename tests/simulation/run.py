"""Runs seeds and tells what went wrong in a form that can be replayed."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from tests.simulation.world import World


@contextmanager
def quiet() -> Iterator[None]:
    """Without the gateway's log: kinds that raise and disks that fail are part of the game."""
    log = logging.getLogger("lamplighter")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def run_seed(seed: int, world: World | None = None) -> tuple[World, str]:
    """The world at its end, and what was broken ('' when nothing was). A traceback is broken too."""
    world = world or World(seed)
    try:
        with quiet():
            world.run()
    except Exception as error:
        where = traceback.format_exception(error)[-3:] if type(error).__name__ != "Broken" else []
        return world, "".join([*where, f"{type(error).__name__}: {error}"])
    finally:
        world.close()
    return world, ""


def failure(seed: int) -> str:
    """What a seed that fails prints, '' when it does not."""
    world, broken = run_seed(seed)
    return report(world, broken) if broken else ""


def digest(seed: int) -> str:
    """The hash of all that is said and done in a seed. Raises Broken."""
    world = World(seed, hashing=True)
    try:
        with quiet():
            world.run()
    finally:
        world.close()
    return world.digest()


def report(world: World, broken: str, tail: int = 40) -> str:
    """What a failing seed prints."""
    replay = f"python -m tests.simulation --seed {world.seed}"
    return f"seed {world.seed} at {world.clock.now} ms: {broken}\nreplay: {replay}\n{tail_of(world, tail)}"


def tail_of(world: World, count: int) -> str:
    """The last steps of the trace, one line per event and per effect."""
    lines = []
    for at, what, about in list(world.tail)[-count:] if count else []:
        lines.append(f"{at:>8} {what}")
        lines += [f"{'':>12}{effect}" for effect in about] if isinstance(about, list) else [f"{'':>12}{about}"]
    return "\n".join(line if len(line) < 300 else line[:300] + "..." for line in lines)
