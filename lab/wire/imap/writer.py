r"""What an IMAP server says, as octets: strings, flags, envelopes, body structures (RFC 9051 §7, §9).

The rule: a string is quoted where it can be and a literal where it must be; what was in the message goes out as it
was, undecoded and unrepaired.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from lab.wire.mime import Address, Envelope, Part

EnvelopeOf = Callable[[Part], bytes]
"""The ENVELOPE of a message that is part of another."""

NIL = b"NIL"
_UNQUOTABLE = re.compile(rb"[\r\n\x00\x80-\xff]")
_SPECIAL = re.compile(rb'["\\]')
_ATOM = re.compile(rb'[^\x00-\x20(){%*"\\\]\x7f-\xff]+$')


def literal(octets: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(octets), octets)


def literal8(octets: bytes) -> bytes:
    """For octets with a NUL among them, which only BINARY may bring (RFC 9051 §4.3.1)."""
    return b"~" + literal(octets)


def string(octets: bytes) -> bytes:
    r"""
    >>> string(b'say "hi"'), string(b"a\r\nb")
    (b'"say \\"hi\\""', b'{4}\r\na\r\nb')
    """
    if _UNQUOTABLE.search(octets) or len(octets) > 1_000:
        return literal(octets.replace(b"\0", b"\x80"))  # no NUL in a string: RFC 9051 §4.3
    return b'"%b"' % _SPECIAL.sub(rb"\\\g<0>", octets)


def nstring(octets: bytes | None) -> bytes:
    return NIL if octets is None else string(octets)


def text(words: str) -> bytes:
    """A string, or NIL for an empty one: what a header did not say."""
    return word(words) if words else NIL


def word(words: str) -> bytes:
    """A header's text, whose characters are the header's octets."""
    return string(words.encode("latin-1", "replace"))


def quoted_name(octets: bytes, utf8: bool = False) -> bytes:
    """A mailbox's name: an atom where it can be, INBOX and Archive/2026."""
    if _ATOM.match(octets) and octets.upper() != b"NIL":
        return octets
    if utf8 and not re.search(rb"[\r\n\x00]", octets):
        return b'"%b"' % _SPECIAL.sub(rb"\\\g<0>", octets)
    return string(octets)


def flag_list(flags: Iterable[str]) -> bytes:
    """Sorted, the system's flags first.

    >>> flag_list({"work", "\\\\Seen"})
    b'(\\\\Seen work)'
    """
    ordered = sorted(flags, key=lambda flag: (flag[:1] != "\\", flag))
    return b"(%b)" % " ".join(ordered).encode("utf-8", "surrogateescape")


# -- ENVELOPE --------------------------------------------------------------------------------------------------


def envelope(said: Envelope) -> bytes:
    """RFC 9051 §7.5.2: ten fields, NIL for what the header did not say."""
    people = (said.author, said.sender, said.reply_to, said.to, said.cc, said.bcc)
    fields = [
        nstring(said.date),
        nstring(said.subject),
        *map(_addresses, people),
        nstring(said.in_reply_to),
        nstring(said.message_id),
    ]
    return b"(%b)" % b" ".join(fields)


def _addresses(addresses: Sequence[Address]) -> bytes:
    return b"(%b)" % b"".join(map(_address, addresses)) if addresses else NIL


def _address(one: Address) -> bytes:
    return b"(%b)" % b" ".join(map(nstring, (one.name, one.adl, one.mailbox, one.host)))


# -- BODYSTRUCTURE -----------------------------------------------------------------------------------------------


def structure(part: Part, envelope_of: EnvelopeOf, extended: bool) -> bytes:
    """BODYSTRUCTURE, or BODY where not `extended` (RFC 9051 §7.5.2)."""
    if part.is_multipart:
        return _multipart(part, envelope_of, extended)
    fields = [
        word(part.type),
        word(part.subtype),
        _params(part.params or ((("charset", "us-ascii"),) if part.type == "text" else ())),
        text(part.content_id),
        text(part.description),
        word(part.encoding),
        b"%d" % (part.size),
    ]
    if part.is_message and part.children:
        message = part.children[0]
        fields += [envelope_of(message), structure(message, envelope_of, extended), b"%d" % part.lines]
    elif part.type == "text":
        fields.append(b"%d" % part.lines)
    if extended:
        fields += [text(part.md5), *_extension(part)]
    return b"(%b)" % b" ".join(fields)


def _multipart(part: Part, envelope_of: EnvelopeOf, extended: bool) -> bytes:
    children = b"".join(structure(child, envelope_of, extended) for child in part.children)
    fields = [children or _EMPTY, word(part.subtype)]
    if extended:
        fields += [_params(part.params), *_extension(part)]
    return b"(%b)" % b" ".join(fields)


_EMPTY = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)'
"""A multipart without parts is shown with an empty one: the grammar wants at least one."""


def _extension(part: Part) -> list[bytes]:
    return [_disposition(part), _languages(part), text(part.location)]


def _disposition(part: Part) -> bytes:
    if not part.disposition:
        return NIL
    return b"(%b %b)" % (text(part.disposition), _params(part.disposition_params))


def _languages(part: Part) -> bytes:
    if not part.language:
        return NIL
    return b"(%b)" % b" ".join(text(one) for one in part.language)


def _params(params: tuple[tuple[str, str], ...]) -> bytes:
    if not params:
        return NIL
    return b"(%b)" % b" ".join(word(one) for pair in params for one in pair)
