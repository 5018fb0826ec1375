"""Work under way once, also when its first asker goes away."""

from __future__ import annotations

import asyncio

import pytest

from lab.dns.once import Once


async def test_who_asks_meanwhile_shares_the_result() -> None:
    once: Once[str, int] = Once()
    begun: list[int] = []

    async def work() -> int:
        begun.append(1)
        await asyncio.sleep(0)
        return len(begun)

    assert await asyncio.gather(*(once.do("a", work) for _ in range(5))) == [1] * 5
    assert await once.do("a", work) == 2


async def test_the_next_takes_over_when_the_first_is_cancelled() -> None:
    once: Once[str, int] = Once()
    gate = asyncio.Event()

    async def work() -> int:
        await gate.wait()
        return 7

    first = asyncio.ensure_future(once.do("a", work))
    second = asyncio.ensure_future(once.do("a", work))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert await second == 7


async def test_a_failure_is_its_own_askers() -> None:
    once: Once[str, int] = Once()

    async def fails() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await once.do("a", fails)

    async def works() -> int:
        return 1

    assert await once.do("a", works) == 1
