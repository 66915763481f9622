"""No event and no effect is changed after it was made, whatever happens to a gateway."""

from __future__ import annotations

from tests.facts import unchanging
from tests.simulation.run import failure

SEEDS = range(12)


def test_facts_do_not_change() -> None:
    """Types say so; here each refuses it."""
    with unchanging():
        assert not [told for told in map(failure, SEEDS) if told]
