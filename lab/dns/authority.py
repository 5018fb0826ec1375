"""An authoritative server: a query's octets in, the reply's octets out.

The rule: the answer is `Zones.answer`; this file puts it into a message and keeps the header clean. A reply is
remembered by the octets of its query (all but the ID and the case of the name, which are put back), so that a
question asked before costs a look into a dictionary: 2 µs.

Law: RFC 8906 §3, §8 and RFC 9619 (A21: what is dropped, FORMERR, NOTIMP, BADVERS), RFC 6891 §6 (A18, A19),
RFC 9715 §3 (1232 to 1400 octets), RFC 8482 §4.1 (A12: one RRset for ANY over UDP).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from lab.dns.keeper import Keeper
from lab.dns.response import Likeness, likeness, objection, response_to, room_for, said_again
from lab.dns.server import Asker, Reply
from lab.dns.shelf import Shelf
from lab.dns.zone import Zone
from lab.dns.zones import Chosen, Zones
from lab.fabric.base import Host
from lab.names import DomainName
from lab.topology.plan import ZonePlan
from lab.values import dataclass
from lab.wire.dns import ExtendedError, Malformed, Message, Unwritable, decode, ede, encode, rrsets

REMEMBERED = 4096


class Authority:
    """What a host answers for the zones it has."""

    __slots__ = ("_remembered", "zones")

    def __init__(self, zones: Zones, said: dict[Likeness, bytes] | None = None) -> None:
        """`said`: what others have answered for the very same zones, and will."""
        self.zones = zones
        self._remembered: dict[Likeness, bytes] = {} if said is None else said

    def respond(self, octets: bytes, asker: Asker, reply: Reply) -> None:
        """A `server.Responder`."""
        answer = self.reply_to(octets, asker.stream)
        if answer is not None:
            reply(answer)

    def reply_to(self, octets: bytes, stream: bool = False) -> bytes | None:
        """The reply to a datagram or, with `stream`, to a message of a TCP connection; None: silence."""
        key = likeness(octets, stream)
        known = self._remembered.get(key)
        if known is not None:
            return said_again(known, octets)
        try:
            query = decode(octets)
        except Malformed as malformed:
            return malformed.reply
        if query.response:
            return None
        answer = self._reply(query, stream)
        if query.question is not None:
            self._remember(key, answer)
        return answer

    def _remember(self, key: Likeness, answer: bytes) -> None:
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = answer

    def put(self, zone: Zone) -> None:
        """Serve another version of a zone from now on."""
        self.zones.put(zone)
        self._remembered = {}  # and not what others say of the zone as it was planned

    def _reply(self, query: Message, stream: bool) -> bytes:
        question, rcode = query.question, objection(query)
        if question is None or rcode:
            return encode(response_to(query, rcode))
        said = self.zones.answer(question.name, question.type)
        if question.type == "ANY" and not stream:
            said = replace(said, answer=next(rrsets(said.answer), ()), additional=())
        why = ExtendedError(ede.NOT_AUTHORITATIVE, said.reasons[-1]) if said.rcode == "REFUSED" else None
        more = said.glue + said.additional
        reply = response_to(query, said.rcode, said.aa, said.answer, said.authority, more, why=why)
        try:
            return encode(reply, room_for(query, stream), must=len(said.glue))
        except Unwritable as error:
            return encode(response_to(query, "SERVFAIL", why=ExtendedError(ede.OTHER, str(error))))


@dataclass(frozen=True, slots=True, eq=False)
class _Plans:
    """The zones of one plan, which are the same as no other's."""

    zones: Mapping[DomainName, ZonePlan]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Plans) and self.zones is other.zones

    def __hash__(self) -> int:
        return id(self.zones)


@lru_cache(maxsize=16)
def said_as_planned(plans: _Plans, origins: tuple[DomainName, ...]) -> dict[Likeness, bytes]:
    """What servers of these zones answer while nobody edits one: in every world that is made of the plan, and
    futures are a thousand of them."""
    return {}


def host_authority(host: Host, zones: Mapping[DomainName, ZonePlan]) -> Authority:
    """A host's zones, and the keeper's way to them."""
    own = Chosen(zones, host.plan.zones)
    shelf = Shelf(host)
    said = said_as_planned(_Plans(zones), host.plan.zones) if shelf.is_empty else None
    authority = Authority(Zones(own, shelf.read), said)
    if own:
        keeper = Keeper(host, authority.zones, shelf, authority.put)
        host.console.update({"zone": keeper.show, "edit-zone": keeper.edit, "decide": keeper.decide})
    return authority
