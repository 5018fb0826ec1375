r"""Lists of addresses in headers, as IMAP's ENVELOPE takes them apart (RFC 5322 §3.4, RFC 9051 §7.5.2).

The rule: every text gives a list. Names and local parts lose their quotes and nothing else; encoded words stay.
What is missing of an address is named as Dovecot names it, for NIL there would mean a group.

>>> addresses(b'"Vogel, Ann" <ann@unige.ch>, Editors: ed@belgiannews.com (Ed);')[0]
Address(name=b'Vogel, Ann', adl=None, mailbox=b'ann', host=b'unige.ch')
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field

from lab.values import dataclass

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.?)*"?|\[[^\]]*\]?|\(|[<>@,;:]|[ \t\r\n]+|[^"\[(<>@,;:\s]+|.', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_COMMENT_SIGN = re.compile(rb"\\.|[()]", re.DOTALL)

MISSING_MAILBOX, MISSING_DOMAIN = b"MISSING_MAILBOX", b"MISSING_DOMAIN"


@dataclass(frozen=True, slots=True)
class Address:
    """One address structure, None for NIL. A group begins with its name as `mailbox` and no host, and ends with
    four times nothing. `adl` is the source route that nobody writes any more."""

    name: bytes | None = None
    adl: bytes | None = None
    mailbox: bytes | None = None
    host: bytes | None = None


GROUP_ENDS = Address()


@dataclass(slots=True)
class _Item:
    """What stands between two commas. `angle` what is within < >, None where there is no <; `in_route`: within a
    source route, where commas and the first colon are its own; `spec` whether an @ stood outside of < >."""

    words: list[bytes] = field(default_factory=list)
    angle: list[bytes] | None = None
    closed: bool = False
    in_route: bool = False
    spec: bool = False
    comment: bytes = b""

    def take(self, token: bytes) -> None:
        if self.angle is None:
            self._take_outside(token)
        elif token == b">":
            self.closed, self.in_route = True, False
        elif not self.closed:
            if token == b"@" and not _solid(self.angle[:2]):
                self.in_route = True
            elif token == b":":
                self.in_route = False
            self.angle.append(token)

    def _take_outside(self, token: bytes) -> None:
        if token == b"<":
            self.angle = []
        else:
            self.words.append(token)
            self.spec = self.spec or token == b"@"


def addresses(value: bytes) -> tuple[Address, ...]:
    """Everything in a header's value, unfolded or not."""
    found: list[Address] = []
    item, in_group = _Item(), False
    for token, comment in _tokens(value):
        if comment:
            item.comment = token
        elif token in (b",", b";") and not item.in_route:
            found += _mailbox(item)
            found += [GROUP_ENDS] if token == b";" and in_group else []
            item, in_group = _Item(), in_group and token != b";"
        elif token == b":" and item.angle is None and not in_group and not item.spec:
            found.append(Address(mailbox=_phrase(item.words)))
            item, in_group = _Item(), True
        else:
            item.take(token)
    return (*found, *_mailbox(item), *([GROUP_ENDS] if in_group else []))


def _tokens(value: bytes) -> Iterator[tuple[bytes, bool]]:
    """Tokens, and whether each is a comment's text; white space is one space."""
    position = 0
    while found := _TOKEN.match(value, position):
        token, position = found[0], found.end()
        if token == b"(":
            end = _comment_end(value, position)
            yield value[position : end - 1] if value[end - 1 : end] == b")" else value[position:end], True
            position = end
        else:
            yield b" " if token.isspace() else token, False


def _comment_end(value: bytes, start: int) -> int:
    depth = 1
    for sign in _COMMENT_SIGN.finditer(value, start):
        depth += {b"(": 1, b")": -1}.get(sign[0], 0)
        if not depth:
            return sign.end()
    return len(value)


def _mailbox(item: _Item) -> list[Address]:
    if item.angle is None:
        words = _solid(item.words)
        return [_address(words, item.comment or None, None)] if words else []
    adl, spec = _route(_solid(item.angle))
    return [_address(spec, _phrase(item.words) or None, adl)]


def _address(spec: list[bytes], name: bytes | None, adl: bytes | None) -> Address:
    at = len(spec) - 1 - spec[::-1].index(b"@") if b"@" in spec else len(spec)
    mailbox = b"".join(_bare(word) for word in spec[:at])
    host = b"".join(spec[at + 1 :])
    return Address(name, adl, mailbox or MISSING_MAILBOX, host or MISSING_DOMAIN)


def _route(angle: list[bytes]) -> tuple[bytes | None, list[bytes]]:
    """`@one,@two:` before the address proper (RFC 5322 §4.4)."""
    if angle[:1] != [b"@"] or b":" not in angle:
        return None, angle
    colon = angle.index(b":")
    return b"".join(angle[:colon]), angle[colon + 1 :]


def _solid(words: list[bytes]) -> list[bytes]:
    return [word for word in words if word != b" "]


def _phrase(words: list[bytes]) -> bytes:
    return b"".join(_bare(word) for word in words).strip()


def _bare(word: bytes) -> bytes:
    """Without its quotes, if it has some."""
    if not word.startswith(b'"'):
        return word
    inner = word[1:-1] if len(word) > 1 and word.endswith(b'"') else word[1:]
    return _QUOTED_PAIR.sub(rb"\1", inner)
