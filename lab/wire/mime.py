"""Where everything in a message is: an index of byte offsets over its octets (RFC 5322, RFC 2045–2049).

The rule: nothing is ever re-serialised. One pass over the octets gives a tree of parts, each with where its
header and its body begin and end; ENVELOPE, BODYSTRUCTURE and BODY[n]<o.n> are slices and views of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A node of the part tree. Offsets into the message's octets, ends exclusive; the header's end is after its
    blank line. `number` is IMAP's ("1.2"; "" for the message itself). `encoding` and types in lower case;
    `lines` counts the body's line ends. A message/rfc822 has its message as its one child."""

    number: str
    header_start: int
    header_end: int
    body_end: int
    type: str
    subtype: str
    params: tuple[tuple[str, str], ...] = ()
    encoding: str = "7bit"
    disposition: str = ""
    disposition_params: tuple[tuple[str, str], ...] = ()
    content_id: str = ""
    description: str = ""
    language: tuple[str, ...] = ()
    location: str = ""
    md5: str = ""
    lines: int = 0
    children: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageIndex:
    """A message's part tree and size in octets."""

    size: int
    root: Part
