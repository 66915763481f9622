"""What effects start, and what happens when it fails."""

import asyncio

import pytest

from lamplighter.gateway.runtime.errands import Errands


def test_the_first_failure_ends_it():
    """Whoever waits hears of the first error, not of a later one."""
    async def main():
        errands = Errands()

        async def breaks(words):
            raise OSError(words)
        errands.send(breaks("first"))
        errands.send(breaks("second"))
        with pytest.raises(OSError, match="first"):
            await asyncio.wait_for(errands.failed, 300)
        errands.close()
    asyncio.run(main())


def test_what_goes_well_is_forgotten():
    """No list grows, and nobody is told."""
    async def main():
        errands, done = Errands(), asyncio.Event()

        async def works():
            done.set()
        errands.send(works())
        await done.wait()
        await asyncio.sleep(0)
        assert not errands._open and not errands.failed.done()
        errands.close()
    asyncio.run(main())


def test_closing_calls_everything_off():
    """An errand that is cancelled is no failure."""
    async def main():
        errands, begun = Errands(), asyncio.Event()
        seen = []

        async def waits():
            begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise
        errands.send(waits())
        await begun.wait()
        errands.close()
        while errands._open:   # noqa: ASYNC110 - it ends in its next turn
            await asyncio.sleep(0)
        assert seen == ["cancelled"] and errands.failed.cancelled()
    asyncio.run(main())
