"""A small Internet in process: a transport that asks authorities, and can be told to fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from lab.clock import LabClock, VirtualTime
from lab.dns.authority import Authority
from lab.dns.resolver import Outcome, Resolver
from lab.dns.zones import Zones
from lab.events import Event, HopAnswered
from lab.names import Address, DomainName
from lab.topology.plan import ZonePlan
from lab.wire import zonefile
from lab.wire.dns import Edns, Message, Question, decode, encode

ROOT_TEXT = """
$TTL 3600
@ SOA a.root. hostmaster.root. 1 3600 900 604800 60
@ NS a.root.
a.root. A 198.18.0.1
com. NS ns.com.
ns.com. A 198.18.0.2
be. NS ns.be.
ns.be. A 198.18.0.3
"""
COM_TEXT = """
$TTL 3600
@ SOA ns hostmaster 1 3600 900 604800 60
@ NS ns
ns A 198.18.0.2
belgiannews NS ns.belgiannews
ns.belgiannews A 198.18.2.53
"""
BE_TEXT = """
$TTL 3600
@ SOA ns hostmaster 1 3600 900 604800 60
@ NS ns
ns A 198.18.0.3
eunet NS ns.belgiannews.com.
"""
NEWS_TEXT = """
$TTL 300
@ SOA ns hostmaster 7 3600 900 604800 60
@ NS ns
@ MX 5 mail
@ MX 10 relay.eunet.be.
ns A 198.18.2.53
mail A 198.18.2.25
www CNAME relay.eunet.be.
brief 0 A 198.18.2.26
"""
EUNET_TEXT = """
$TTL 300
@ SOA ns.belgiannews.com. hostmaster 7 3600 900 604800 60
@ NS ns.belgiannews.com.
relay A 198.18.4.25
"""
WORLD = {
    "198.18.0.1": {".": ROOT_TEXT},
    "198.18.0.2": {"com": COM_TEXT},
    "198.18.0.3": {"be": BE_TEXT},
    "198.18.2.53": {"belgiannews.com": NEWS_TEXT, "eunet.be": EUNET_TEXT},
}
HINTS = ((DomainName("a.root"), (Address("198.18.0.1"),)),)

Fault = Callable[[Message, bool], Message]
"""What a server does to its reply; may raise what a transport raises."""


def plan(origin: str, text: str) -> ZonePlan:
    name = DomainName.parse(origin)
    parsed = zonefile.read(text, name)
    assert not parsed.problems, parsed.problems
    return ZonePlan(name, parsed.records, ())


def authority(texts: dict[str, str]) -> Authority:
    plans = [plan(origin, text) for origin, text in texts.items()]
    return Authority(Zones({each.origin: each for each in plans}))


@dataclass
class Internet:
    """Servers by address. `asked` is every question that left, `faults` what becomes of an address's replies."""

    servers: dict[str, Authority]
    time: VirtualTime = field(default_factory=VirtualTime)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    hops: list[HopAnswered] = field(default_factory=list)
    trip: float = 0.01

    async def ask(
        self, address: Address, question: Question, timeout: float, *, rd: bool, edns: bool, tcp: bool
    ) -> Message:
        self.asked.append((address, question.name, question.type))
        if address not in self.servers:
            self.time.seconds += timeout
            raise TimeoutError
        self.time.seconds += self.trip
        query = Message(1, rd=rd, question=question, edns=Edns() if edns else None)
        octets = self.servers[address].reply_to(encode(query), stream=tcp)
        assert octets is not None
        fault = self.faults.get(address)
        return fault(decode(octets), tcp) if fault else decode(octets)

    def resolver(self, seed: int = 1, **options: object) -> Resolver:
        return Resolver(
            self,
            LabClock(self.time),
            Random(seed),
            HINTS,
            sink=self._saw,
            **options,  # type: ignore[arg-type]
        )

    def _saw(self, event: Event) -> None:
        assert isinstance(event, HopAnswered)
        self.hops.append(event)

    def outcomes(self) -> list[tuple[str, str]]:
        return [(hop.zone, hop.outcome) for hop in self.hops]


def internet(**more: dict[str, str]) -> Internet:
    """The Belgian Internet, and more servers by address (`_` for each dot)."""
    extra = {address.replace("_", "."): texts for address, texts in more.items()}
    return Internet({address: authority(texts) for address, texts in {**WORLD, **extra}.items()})


def name(text: str) -> DomainName:
    return DomainName.parse(text)


def data(outcome: Outcome) -> list[str]:
    return [f"{record.type} {record.data.text()}" for record in outcome.answer]


def broken(rcode: str) -> Fault:
    return lambda reply, tcp: replace(reply, rcode=rcode, answer=(), authority=(), additional=())
