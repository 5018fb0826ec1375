"""What a name server or a resolver can do wrong, for all questions or for those about one name and below it.

The rule: each looks like what real servers do (RFC 8906, RFC 4697, RFC 8914), and the rest of the server is as
well as before: another name is answered as ever.
"""

from __future__ import annotations

from typing import ClassVar

from lab.faults.base import AtServer, Fault, often
from lab.names import Address, DomainName
from lab.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OfNames(AtServer):
    """`name`: only questions for it and below; None: all."""

    word: ClassVar[str]
    name: DomainName | None = None

    def fits(self, name: DomainName) -> bool:
        return self.name is None or name.is_within(self.name)

    def __str__(self) -> str:
        return f"{self.word}{self._which}"

    @property
    def _which(self) -> str:
        return (f" for {self.name}" if self.name is not None else "") + often(self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServFail(OfNames):
    """The answer is SERVFAIL (RFC 1035 §4.1.1), as from a server whose zone could not be loaded."""

    word = "servfail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(OfNames):
    """The answer is REFUSED, as for a client that a policy shuts out."""

    word = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer(OfNames):
    """No answer comes, over UDP or TCP; the host itself is there."""

    word = "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lame(OfNames):
    """The server was delegated a zone that it does not have. What it knows of the zone is hearsay: a referral to
    the zone's servers, itself among them, without authority (RFC 1912 §2.8, RFC 4697 §2.1)."""

    word = "lame"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongGlue(OfNames):
    """Referrals below `name` carry a wrong address for the servers of the zone delegated: `address` or, where none
    is named, one that nobody has."""

    word = "wrong-glue"
    address: Address | None = None

    def __str__(self) -> str:
        return f"{self.word}{f' {self.address}' if self.address else ''}{self._which}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncated(OfNames):
    """Over UDP the answer is empty and says TC=1: ask again over TCP (RFC 2181 §9, RFC 7766 §5)."""

    word = "truncated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(OfNames):
    """The answer comes after so many seconds."""

    word = "slow"
    seconds: float

    def __str__(self) -> str:
        return f"{self.word} {self.seconds:g}s{self._which}"


@dataclass(frozen=True, slots=True)
class NoTcp(Fault):
    """Nobody listens on TCP port 53 (RFC 7766 §5 demands it): a connection is refused."""

    def __str__(self) -> str:
        return "no-tcp"
