"""The console's answers about the memory of a resolver that is not the lab's: cache, flush."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from lab.foreign import processes
from lab.foreign.desks.keeper import Keeper

_FLUSH_ALL: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "unbound": (("unbound-control", "flush_zone", "."), ("unbound-control", "flush_infra", "all")),
        "bind": (("rndc", "flush"),),
    }
)
_FLUSH_NAME = {"unbound": ("unbound-control", "flush"), "bind": ("rndc", "flushname")}
_RECORD = re.compile(r"(\S+)\s+(\d+)\s+IN\s+([A-Z0-9]+)\s+(.*)")


class CacheDesk:
    questions: ClassVar[Mapping[str, str]] = {"cache": "cache", "flush": "flush"}

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._software = next(name for name in keeper.host.plan.software if name in _FLUSH_ALL)

    async def cache(self, request: dict[str, Any]) -> dict[str, Any]:
        """Every record that it remembers; BIND writes them into a file only, and is not asked."""
        if self._software != "unbound":
            return {"entries": []}
        _, text = await processes.run(("unbound-control", "dump_cache"))
        return {"entries": list(entries(text))}

    async def flush(self, request: dict[str, Any]) -> dict[str, Any]:
        name = str(request.get("name") or "")
        before = len((await self.cache({}))["entries"])
        commands = ((*_FLUSH_NAME[self._software], name),) if name else _FLUSH_ALL[self._software]
        for words in commands:
            await processes.run(words)
        return {"flushed": max(0, before - len((await self.cache({}))["entries"]))}


def entries(text: str) -> Iterator[dict[str, Any]]:
    """The records of `unbound-control dump_cache`, as rows; its second part (messages) names them again."""
    for line in text.partition("START_MSG_CACHE")[0].splitlines():
        found = _RECORD.match(line)
        if found is not None:
            yield {
                "name": found[1],
                "ttl": int(found[2]),
                "type": found[3],
                "data": found[4],
                "rank": "answer",
            }
