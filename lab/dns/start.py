"""Port 53 of a host: bound at once; who answers there is made, and its code read, at the first query.

The rule: whoever answers stands behind the host's faults (`ordered`); that TCP is closed is the port's own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lab.dns.server import Asker, Listening, Reply, Responder, listen, listen_for_streams
from lab.fabric.late import Late, Sleeper
from lab.faults import NoTcp

if TYPE_CHECKING:
    from lab.fabric.base import Host
    from lab.names import DomainName
    from lab.topology.plan import ZonePlan

_OF_ZONES = ("zone", "edit-zone", "decide")
_OF_MEMORY = ("cache", "flush")


async def start_authority(host: Host, zones: Mapping[DomainName, ZonePlan]) -> Listening:
    """Serve those of `zones` that the host's plan names."""

    def make() -> Responder:
        from lab.dns.authority import host_authority
        from lab.dns.ordered import Ordered

        authority = host_authority(host, zones)
        return Ordered(host, authority.respond, authority.zones).respond

    return await _serve(host, make, _OF_ZONES)


async def start_resolver(host: Host, zones: Mapping[DomainName, ZonePlan] | None = None) -> Listening:
    """Serve the host's resolver; on a host that is an authority too, with its zones, on the same port."""

    def make() -> Responder:
        from lab.dns.ordered import Ordered
        from lab.dns.recursor import host_recursor

        recursor = host_recursor(host, zones or {})
        return Ordered(host, recursor.respond, recursor.authority.zones, recursive=True).respond

    return await _serve(host, make, (*_OF_MEMORY, *(_OF_ZONES if host.plan.zones else ())))


async def _serve(host: Host, make: Callable[[], Responder], questions: tuple[str, ...]) -> Listening:
    late = Late(make)

    def respond(octets: bytes, asker: Asker, reply: Reply) -> None:
        late()(octets, asker, reply)

    host.console.staff(Sleeper(host, late, questions))
    listening = await listen(respond)
    door = _Door(host, respond, listening)
    host.faults.watch(door.heed)
    door.heed()
    return listening


class _Door:
    """TCP port 53: closed while a fault wants it so."""

    __slots__ = ("_closed", "_host", "_listening", "_respond")

    def __init__(self, host: Host, respond: Responder, listening: Listening) -> None:
        self._host = host
        self._respond = respond
        self._listening = listening
        self._closed = False

    def heed(self) -> None:
        closed = NoTcp() in self._host.faults.now
        if closed and not self._closed:
            self._listening.streams.close()
        elif self._closed and not closed:
            self._host.spawn(self._open(), "dns over tcp")
        self._closed = closed

    async def _open(self) -> None:
        self._listening.streams = await listen_for_streams(self._respond)
        if self._closed:
            self._listening.streams.close()
