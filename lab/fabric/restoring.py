"""Hosts whose process or container is gone, brought back several at a time.

The rule: where one does not come back, those of its engine whose turn has not come are not tried: the engine is to
blame, or the machine. The hosts of other engines come back all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from lab.errors import MachineSaidNo
from lab.fabric.base import Fabric
from lab.names import DomainName

_AT_ONCE = 6


async def bring_back(fabric: Fabric, names: Iterable[DomainName]) -> None:
    """All of them; MachineSaidNo of the first that did not come."""
    lost: dict[str, MachineSaidNo] = {}
    turns = asyncio.Semaphore(_AT_ONCE)

    async def bring(name: DomainName) -> None:
        engine = fabric.where(name)
        async with turns:
            if engine not in lost:
                try:
                    await fabric.restore(name)
                except MachineSaidNo as error:
                    lost.setdefault(engine, error)

    await asyncio.gather(*map(bring, names))
    if lost:
        raise next(iter(lost.values()))
