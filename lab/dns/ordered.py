"""What a fault orders a name server or a resolver to do in the place of its own answer.

The rule: a host's name service stands behind this; while nothing is wrong with the host a question passes through,
and what a fault does not concern passes through always. The faults are asked in the order in which a server meets
them: is there an answer at all, and when; what does it say; does it fit into a datagram.

Law: RFC 8906 §3 (what a failure looks like: question copied, AA and data left out), RFC 4697 §2.1 and RFC 1912
§2.8 (lame), RFC 2181 §9 (TC: the client has to ask again), RFC 7766 §5 (TCP is no option).
"""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import replace

from lab.dns.response import response_to, room_for
from lab.dns.server import Asker, Reply, Responder
from lab.dns.verdict import targets
from lab.dns.zones import Zones
from lab.fabric.base import Host
from lab.faults import Lame, NoAnswer, OfNames, Refused, ServFail, Slow, Truncated, WrongGlue, bare
from lab.names import Address, DomainName
from lab.values import dataclass
from lab.wire.dns import Malformed, Message, decode, encode
from lab.wire.records import AAAA, A, Record


@dataclass(frozen=True, slots=True)
class Ordered:
    """Between a host's network and its `responder`. `zones` are those that it has; `recursive`: a resolver."""

    host: Host
    responder: Responder
    zones: Zones
    recursive: bool = False

    def respond(self, octets: bytes, asker: Asker, reply: Reply) -> None:
        """A `server.Responder`."""
        if not self.host.is_faulty:
            self.responder(octets, asker, reply)
            return
        try:
            query = decode(octets)
        except Malformed:
            query = Message()
        if query.question is None or query.response:
            self.responder(octets, asker, reply)
            return
        name = query.question.name
        if self._strikes(NoAnswer, name):
            return
        slow = self._strikes(Slow, name)
        if isinstance(slow, Slow):
            self.host.spawn(self._later(slow.seconds, query, octets, asker, reply), f"answer {name} late")
        else:
            self._answer(query, octets, asker, reply)

    async def _later(self, seconds: float, query: Message, octets: bytes, asker: Asker, reply: Reply) -> None:
        await asyncio.sleep(seconds)
        self._answer(query, octets, asker, reply)

    def _answer(self, query: Message, octets: bytes, asker: Asker, reply: Reply) -> None:
        assert query.question is not None
        name = query.question.name
        said = self._refusal(query, name) or self._hearsay(query, name)
        if said is None and not asker.stream and self._strikes(Truncated, name):
            said = replace(response_to(query, recursive=self.recursive), tc=True)
        if said is not None:
            reply(encode(said, room_for(query, asker.stream), must=len(said.additional)))
        else:
            self.responder(octets, asker, lambda answer: reply(self._astray(query, answer, asker)))

    def _refusal(self, query: Message, name: DomainName) -> Message | None:
        for kind, rcode in ((ServFail, "SERVFAIL"), (Refused, "REFUSED")):
            if self._strikes(kind, name):
                return response_to(query, rcode, recursive=self.recursive)
        return None

    def _hearsay(self, query: Message, name: DomainName) -> Message | None:
        """A zone's own servers as one knows them who does not have it."""
        assert query.question is not None
        origin = self.zones.origin_of(name, query.question.type)
        if origin is None or not self._strikes(Lame, name):
            return None
        known = self.zones.zone(origin).lookup(origin, "NS")
        return response_to(query, authority=known.answer, additional=known.additional)

    def _astray(self, query: Message, octets: bytes, asker: Asker) -> bytes:
        """The same answer, its glue wrong where that is ordered."""
        assert query.question is not None
        name = query.question.name
        plain = map(bare, self.host.faults.now)
        if not any(isinstance(fault, WrongGlue) and fault.fits(name) for fault in plain):
            return octets
        answer = decode(octets)
        servers = targets(answer.authority) if not (answer.aa or answer.answer) else ()
        if not any(record.name in servers for record in answer.additional):
            return octets
        fault = self._strikes(WrongGlue, name)
        if not isinstance(fault, WrongGlue):
            return octets
        wrong = tuple(_wrong(record, servers, fault.address) for record in answer.additional)
        return encode(replace(answer, additional=wrong), room_for(query, asker.stream), must=len(wrong))

    def _strikes(self, kind: type[OfNames], name: DomainName) -> OfNames | None:
        return self.host.faults.of(kind, name)


def _wrong(record: Record, servers: tuple[DomainName, ...], address: Address | None) -> Record:
    if record.name not in servers or not isinstance(record.data, A | AAAA):
        return record
    address = address or mirrored(record.data.address)
    return replace(record, data=(AAAA if ":" in address else A)(address))


def mirrored(address: Address) -> Address:
    """The address at the other end of its network: nobody's, in a lab that has not filled half of its range.

    >>> mirrored(Address("198.18.0.5"))
    '198.19.255.250'
    """
    parsed = ipaddress.ip_address(address)
    return Address(str(type(parsed)(int(parsed) ^ ((1 << (17 if parsed.version == 4 else 64)) - 1))))
