"""Domain names, addresses and mail addresses, parsed once at the door and never plain strings again.

The one rule: a `DomainName` in hand is valid, absolute and lower-case, so equality, hashing and dictionary
look-ups are those of the DNS (RFC 4343 §3: case is ignored, ASCII only) at the speed of `str`.
The final dot is left off, as people write names; the root is ".".

Sizes: RFC 1035 §2.3.4 (a label ≤ 63 octets, a name ≤ 255 octets on the wire).
Mail addresses: RFC 5321 §4.1.2 and §4.5.3.1 (local part ≤ 64 octets), RFC 6531 for UTF-8.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NewType

from lab.errors import WrongUse

Address = NewType("Address", str)
"""The canonical text of an IPv4 or IPv6 address: `198.18.2.25`, `2001:db8::25`."""


class BadName(WrongUse):
    """A text that is no name or address, with the reason."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, code="W016")


def parse_address(text: str) -> Address:
    """The canonical form of an IP address, or BadName."""
    try:
        return Address(str(ipaddress.ip_address(text)))
    except ValueError:
        raise BadName(f"'{text}' is not an IP address") from None


_SURELY_SHORT = 252
"""Letters of two names without escapes that are, one below the other, no longer than a name may be."""
_LDH = re.compile(r"(?=.{1,63}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$")
_ESCAPE = re.compile(r"\\(\d{3}|.)", re.DOTALL)


class DomainName(str):
    """A domain name.

    >>> DomainName.parse("Mail.BelgianNews.com.")
    DomainName('mail.belgiannews.com')
    >>> _.parent, _.is_within(DomainName.parse("com"))
    (DomainName('belgiannews.com'), True)
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str, origin: DomainName | None = None) -> DomainName:
        """Read a name in presentation form; a name without a final dot is below `origin` where one is given."""
        if text == "@" and origin is not None:
            return origin
        if text == ".":
            return ROOT
        if not text:
            raise BadName("a domain name cannot be empty")
        absolute = text.endswith(".") and not text.endswith("\\.")
        name = cls.from_labels(_split(text[:-1] if absolute else text))
        return name if absolute or origin is None else name.below(origin)

    @classmethod
    def from_labels(cls, labels: Iterable[bytes]) -> DomainName:
        """From wire labels, the root label left out. Any octet is allowed in a label (RFC 2181 §11)."""
        labels = tuple(labels)
        text = b".".join(labels)
        if _is_plain(text, labels):
            return cls(text.decode("ascii"))
        octets = 1
        parts = []
        for label in labels:
            if not label:
                raise BadName("a label of the name is empty (two dots in a row?)")
            if len(label) > 63:
                raise BadName(f"a label has {len(label)} octets; 63 is the most (RFC 1035 §2.3.4)")
            octets += len(label) + 1
            parts.append(_present(label))
        if octets > 255:
            raise BadName(f"the name has {octets} octets; 255 is the most (RFC 1035 §2.3.4)")
        return cls(".".join(parts)) if parts else ROOT

    @property
    def labels(self) -> tuple[bytes, ...]:
        """Wire labels, leftmost first, without the root label; lower-case."""
        if self == ".":
            return ()
        if "\\" not in self:
            return tuple(self.encode("ascii").split(b"."))
        return tuple(_split(self))

    @property
    def parent(self) -> DomainName:
        """The name one label up; the root is its own parent."""
        if "\\" in self:
            return DomainName.from_labels(self.labels[1:])
        _, dot, rest = self.partition(".")
        return DomainName(rest) if dot and rest else ROOT

    @property
    def is_root(self) -> bool:
        return self == "."

    @property
    def fqdn(self) -> str:
        """With its final dot, as zone files and dig write it."""
        return "." if self == "." else self + "."

    @property
    def is_host_name(self) -> bool:
        """Letters, digits, hyphens (and underscores) only: what RFC 1123 §2.1 lets a host be called."""
        return all(_LDH.match(label) for label in self.split("."))

    def is_within(self, zone: DomainName) -> bool:
        """At or below `zone`."""
        return zone == "." or self == zone or (self.endswith("." + zone) and not self.endswith("\\." + zone))

    def below(self, origin: DomainName) -> DomainName:
        """This name with `origin` appended."""
        if self == ".":
            return origin
        if origin == ".":
            return self
        if len(self) + len(origin) <= _SURELY_SHORT and "\\" not in self and "\\" not in origin:
            return DomainName(f"{self}.{origin}")
        return DomainName.from_labels((*self.labels, *origin.labels))

    def child(self, label: str) -> DomainName:
        return DomainName.parse(label).below(self)

    def ancestors(self) -> tuple[DomainName, ...]:
        """Itself, its parent, … and the root last."""
        return _lineage(self)

    def __repr__(self) -> str:
        return f"DomainName({str.__repr__(self)})"


ROOT = DomainName(".")


@lru_cache(maxsize=8192)
def _lineage(name: DomainName) -> tuple[DomainName, ...]:
    return (name,) if name == "." else (name, *_lineage(name.parent))


def _is_plain(text: bytes, labels: tuple[bytes, ...]) -> bool:
    """Whether the labels, with dots between them, are a name as it stands: nearly every one is."""
    return (
        len(text) <= _SURELY_SHORT
        and not text.translate(None, _PLAIN)
        and text.count(b".") == len(labels) - 1
        and len(max(labels, key=len)) <= 63
        and all(labels)
    )


_PLAIN = b"abcdefghijklmnopqrstuvwxyz0123456789-_."


def _split(text: str) -> list[bytes]:
    if "\\" not in text:
        try:
            return [label.encode("ascii").lower() for label in text.split(".")]
        except UnicodeEncodeError:
            return [_idna(label) for label in text.split(".")]
    labels, current, rest = [], bytearray(), text
    while rest:
        if rest[0] == "\\":
            match = _ESCAPE.match(rest)
            if match is None:
                raise BadName("a name ends in a lone backslash")
            body = match[1]
            octet = int(body) if body.isdigit() and len(body) == 3 else ord(body)
            if octet > 255:
                raise BadName(f"\\{body} is no octet: \\DDD goes up to \\255 (RFC 1035 §5.1)")
            current.append(octet)
            rest = rest[match.end() :]
        elif rest[0] == ".":
            labels.append(bytes(current).lower())
            current.clear()
            rest = rest[1:]
        else:
            current += rest[0].encode("utf-8")
            rest = rest[1:]
    return [*labels, bytes(current).lower()]


def _idna(label: str) -> bytes:
    try:
        return label.encode("idna").lower()
    except UnicodeError as error:
        raise BadName(f"'{label}' cannot stand in a domain name: {error}") from None


def _present(label: bytes) -> str:
    """RFC 1035 §5.1 master-file form of one label, lower-case (RFC 4343: only A–Z fold)."""
    text = label.lower()
    if text.isalnum() or not any(octet in b'.\\"();@$' or octet <= 32 or octet >= 127 for octet in text):
        return text.decode("ascii") if text.isascii() else _escape(text)
    return _escape(text)


def _escape(label: bytes) -> str:
    return "".join(
        f"\\{chr(octet)}" if octet in b'.\\"();@$' else chr(octet) if 32 < octet < 127 else f"\\{octet:03d}"
        for octet in label
    )


_ATEXT = re.compile(r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+(\.[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+)*')
_QUOTED = re.compile(r'"([^\x00-\x1f"\\\x7f]|\\[\x20-\x7e])*"')
"""By what they leave out: with all of Unicode named in them they take 3 ms to compile."""


class EmailAddress(str):
    """A mailbox, `local@domain` or `local@[198.18.2.25]`.

    The local part keeps its case on the way (RFC 5321 §2.4) but two addresses are the same mailbox here when
    they differ in case only: that is what every host of the lab does at delivery (`folded`).

    >>> EmailAddress.parse("Ed@BelgianNews.com").folded
    EmailAddress('ed@belgiannews.com')
    """

    __slots__ = ()

    @staticmethod
    @lru_cache(maxsize=8192)
    def parse(text: str) -> EmailAddress:
        """Read an address; BadName with the reason when it is none."""
        local, at, domain = text.rpartition("@")
        if not at or not local or not domain:
            raise BadName(f"'{text}' is not a mail address: it needs a name, an @ and a domain")
        if len(local.encode()) > 64:
            raise BadName("the part before the @ is longer than 64 octets (RFC 5321 §4.5.3.1.1)")
        if not (_ATEXT.fullmatch(local) or _QUOTED.fullmatch(local)):
            raise BadName(f"'{local}' cannot stand before the @ (RFC 5321 §4.1.2)")
        if domain.startswith("[") and domain.endswith("]"):
            inner = domain[1:-1]
            literal = parse_address(inner[5:] if inner.lower().startswith("ipv6:") else inner)
            return EmailAddress(f"{local}@[{'IPv6:' if ':' in literal else ''}{literal}]")
        name = DomainName.parse(domain)
        if name.is_root or not name.is_host_name:
            raise BadName(f"'{domain}' cannot stand behind the @ (RFC 5321 §4.1.2)")
        return EmailAddress(f"{local}@{name}")

    @property
    def local(self) -> str:
        return self.rpartition("@")[0]

    @property
    def literal(self) -> Address | None:
        """The address of an address literal, else None (RFC 5321 §4.1.3)."""
        domain = self.rpartition("@")[2]
        if not domain.startswith("["):
            return None
        return Address(domain[1:-1].removeprefix("IPv6:"))

    @property
    def domain(self) -> DomainName:
        """The domain. Of an address literal: ValueError, ask `literal` first."""
        domain = self.rpartition("@")[2]
        if domain.startswith("["):
            raise ValueError(f"{self} has an address literal, not a domain")
        return DomainName(domain)

    @property
    def folded(self) -> EmailAddress:
        return EmailAddress(self.lower())

    def __repr__(self) -> str:
        return f"EmailAddress({str.__repr__(self)})"
