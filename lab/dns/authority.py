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

from lab.dns.keeper import Keeper
from lab.dns.server import Asker, Listening, Reply, listen
from lab.dns.shelf import Shelf
from lab.dns.zone import RRset, Zone
from lab.dns.zones import Chosen, Zones
from lab.fabric.base import Host
from lab.names import DomainName
from lab.topology.plan import ZonePlan
from lab.wire.dns import Edns, ExtendedError, Malformed, Message, Unwritable, decode, ede, encode, rrsets

PAYLOAD = 1232
"""The largest UDP answer: fits everywhere without fragments (RFC 9715 §3.2)."""

_REMEMBERED = 4096
_TRANSFERS = ("AXFR", "IXFR")
_METATYPES = ("TKEY", "TSIG", "MAILA", "MAILB", "TYPE253", "TYPE254")


class Authority:
    """What a host answers for the zones it has."""

    __slots__ = ("_remembered", "zones")

    def __init__(self, zones: Zones) -> None:
        self.zones = zones
        self._remembered: dict[tuple[bytes, bytes, bytes, bool], bytes] = {}

    def respond(self, octets: bytes, asker: Asker, reply: Reply) -> None:
        """A `server.Responder`."""
        answer = self.reply_to(octets, asker.stream)
        if answer is not None:
            reply(answer)

    def reply_to(self, octets: bytes, stream: bool = False) -> bytes | None:
        """The reply to a datagram or, with `stream`, to a message of a TCP connection; None: silence."""
        end = octets.find(0, 12)
        key = (octets[2:12], octets[12:end].lower(), octets[end:], stream)
        known = self._remembered.get(key)
        if known is not None:
            return b"".join((octets[:2], known[:10], octets[12:end], known[end - 2 :]))
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

    def _remember(self, key: tuple[bytes, bytes, bytes, bool], answer: bytes) -> None:
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = answer[2:]

    def put(self, zone: Zone) -> None:
        """Serve another version of a zone from now on."""
        self.zones.put(zone)
        self._remembered.clear()

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


def objection(query: Message) -> str:
    """The rcode for what is wrong with a query before anyone looks for its name (A19, A21); "" for nothing."""
    if query.opcode != "QUERY":
        return "NOTIMP"
    if query.edns is not None and query.edns.version > 0:
        return "BADVERS"
    if query.question is None or query.question.type == "OPT":
        return "FORMERR"
    if query.question.type in _METATYPES:
        return "NOTIMP"
    return "REFUSED" if query.question.rclass != "IN" or query.question.type in _TRANSFERS else ""


def response_to(
    query: Message,
    rcode: str = "NOERROR",
    aa: bool = False,
    answer: RRset = (),
    authority: RRset = (),
    additional: RRset = (),
    recursive: bool = False,
    why: ExtendedError | None = None,
) -> Message:
    """A response: ID, opcode, question and RD copied, OPT if there was one, everything else cleared (A21); from a
    recursive server with RA, and CD copied (RFC 4035 §3.2.2). `why` goes along where there is an OPT."""
    options = (why.option(),) if why else ()
    return Message(
        query.id,
        response=True,
        opcode=query.opcode,
        aa=aa,
        rd=query.rd,
        ra=recursive,
        cd=recursive and query.cd,
        rcode=rcode,
        question=query.question,
        answer=answer,
        authority=authority,
        additional=additional,
        edns=None if query.edns is None else Edns(PAYLOAD, do=query.edns.do, options=options),
    )


def room_for(query: Message, stream: bool) -> int:
    """How many octets a reply may have (A18)."""
    if stream:
        return 65535
    return 512 if query.edns is None else max(512, min(query.edns.payload, PAYLOAD))


async def start_authority(host: Host, zones: Mapping[DomainName, ZonePlan]) -> Listening:
    """Serve those of `zones` that the host's plan names."""
    return await listen(host_authority(host, zones).respond)


def host_authority(host: Host, zones: Mapping[DomainName, ZonePlan]) -> Authority:
    """A host's zones, and the keeper's way to them."""
    own = Chosen(zones, host.plan.zones)
    shelf = Shelf(host)
    authority = Authority(Zones(own, shelf.read))
    if own:
        keeper = Keeper(host, authority.zones, shelf, authority.put)
        host.console.update({"zone": keeper.show, "edit-zone": keeper.edit, "decide": keeper.decide})
    return authority
