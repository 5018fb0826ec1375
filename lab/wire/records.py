"""Resource records as values (RFC 1035 §3, RFC 3597): what zones hold and answers carry.

The rule: a record's data is typed, and its `text()` is the master-file form without a final-dot guess: names
inside are absolute and printed with their dot. Reading master-file text is `wire.zonefile`'s work, bytes are
`wire.dns`'s.
"""

from __future__ import annotations

from typing import ClassVar

from lab.names import Address, DomainName
from lab.values import dataclass, made_often


@dataclass(frozen=True, slots=True)
class Rdata:
    type: ClassVar[str]

    def text(self) -> str:
        raise NotImplementedError


@made_often
@dataclass(frozen=True, slots=True)
class A(Rdata):
    type: ClassVar[str] = "A"
    address: Address

    def text(self) -> str:
        return self.address


@dataclass(frozen=True, slots=True)
class AAAA(Rdata):
    type: ClassVar[str] = "AAAA"
    address: Address

    def text(self) -> str:
        return self.address


@made_often
@dataclass(frozen=True, slots=True)
class NS(Rdata):
    type: ClassVar[str] = "NS"
    target: DomainName

    def text(self) -> str:
        return self.target.fqdn


@dataclass(frozen=True, slots=True)
class CNAME(Rdata):
    type: ClassVar[str] = "CNAME"
    target: DomainName

    def text(self) -> str:
        return self.target.fqdn


@dataclass(frozen=True, slots=True)
class DNAME(Rdata):
    type: ClassVar[str] = "DNAME"
    target: DomainName

    def text(self) -> str:
        return self.target.fqdn


@dataclass(frozen=True, slots=True)
class PTR(Rdata):
    type: ClassVar[str] = "PTR"
    target: DomainName

    def text(self) -> str:
        return self.target.fqdn


@made_often
@dataclass(frozen=True, slots=True)
class MX(Rdata):
    """`exchange` "." with preference 0 and alone is a null MX (RFC 7505 §3)."""

    type: ClassVar[str] = "MX"
    preference: int
    exchange: DomainName

    def text(self) -> str:
        return f"{self.preference} {self.exchange.fqdn}"


@made_often
@dataclass(frozen=True, slots=True)
class SOA(Rdata):
    """Times in seconds; `minimum` is the negative-caching TTL (RFC 2308 §4)."""

    type: ClassVar[str] = "SOA"
    mname: DomainName
    rname: DomainName
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int

    def text(self) -> str:
        times = f"{self.serial} {self.refresh} {self.retry} {self.expire} {self.minimum}"
        return f"{self.mname.fqdn} {self.rname.fqdn} {times}"


@dataclass(frozen=True, slots=True)
class TXT(Rdata):
    """Strings of at most 255 octets each."""

    type: ClassVar[str] = "TXT"
    strings: tuple[bytes, ...]

    def text(self) -> str:
        return " ".join(f'"{_quoted(string)}"' for string in self.strings)


@made_often
@dataclass(frozen=True, slots=True)
class SRV(Rdata):
    type: ClassVar[str] = "SRV"
    priority: int
    weight: int
    port: int
    target: DomainName

    def text(self) -> str:
        return f"{self.priority} {self.weight} {self.port} {self.target.fqdn}"


@dataclass(frozen=True, slots=True)
class Opaque(Rdata):
    """A type that the lab does not take apart, as bytes (RFC 3597 §5); `type` is its mnemonic or TYPEnnn."""

    type: str  # type: ignore[misc]
    octets: bytes

    def text(self) -> str:
        return f"\\# {len(self.octets)} {self.octets.hex()}".rstrip()


def _quoted(string: bytes) -> str:
    return "".join(
        f"\\{chr(octet)}" if octet in b'"\\' else chr(octet) if 32 <= octet < 127 else f"\\{octet:03d}"
        for octet in string
    )


@made_often
@dataclass(frozen=True, slots=True)
class Record:
    """One resource record of class IN. `ttl` in seconds, 31 bits (RFC 2181 §8)."""

    name: DomainName
    ttl: int
    data: Rdata

    def __hash__(self) -> int:
        return hash((self.name, self.ttl))

    @property
    def type(self) -> str:
        return self.data.type

    def text(self) -> str:
        return f"{self.name.fqdn} {self.ttl} IN {self.type} {self.data.text()}"


@made_often
@dataclass(frozen=True, slots=True)
class Answer:
    """What a host learned when it asked for (name, type). `rcode` NOERROR, NXDOMAIN, SERVFAIL, REFUSED … or
    TIMEOUT when nobody answered; `records` those of the type asked for, CNAMEs followed; `canonical` the name
    at the end of the CNAME chain (the name itself where there is none). NOERROR without records is NODATA."""

    name: DomainName
    type: str
    rcode: str
    records: tuple[Record, ...] = ()
    canonical: DomainName | None = None
