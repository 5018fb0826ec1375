"""The part tree: what a message is made of, and where each piece of it lies.

The rule: a part holds offsets and what its header says, never octets. Texts are the header's octets, unfolded,
each octet one Latin-1 character, so that they can be given out again byte for byte (RFC 3501 §7.4.2); `readable`
and `parameter` turn them into what a person reads.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A node of the part tree. Offsets into the message's octets, ends exclusive; the header's end is after its
    blank line. `number` is IMAP's ("1.2"; "" for the message itself). `encoding` and types in lower case;
    `lines` counts the body's line ends. A message/rfc822 that is part 2 has its message as its one child, which is
    2 as well: 2.HEADER is that message's header, and 2.1 its body or the first part of it.

    Names of parameters are in lower case. One in RFC 2231's extended form keeps it, its pieces joined:
    ("filename*", "utf-8''na%C3%AFve.txt"). What the header does not say is empty; a type that it does not say, or
    that cannot be read, is text/plain, and message/rfc822 in a digest (RFC 2046 §5.1.5)."""

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

    @property
    def size(self) -> int:
        """Octets of the body, as stored: what BODYSTRUCTURE tells."""
        return self.body_end - self.header_end

    @property
    def is_multipart(self) -> bool:
        return self.type == "multipart"

    @property
    def is_message(self) -> bool:
        """Whether its body is a message: message/rfc822, or message/global (RFC 6532 §3.7)."""
        return self.type == "message" and self.subtype in ("rfc822", "global")

    def walk(self) -> Iterator[Part]:
        """Itself and everything below, in the order of the octets."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.children))


@dataclass(frozen=True, slots=True)
class MessageIndex:
    """A message's part tree and size in octets."""

    size: int
    root: Part


def by_name(root: Part) -> Iterator[tuple[Part, str, int]]:
    """(part, name, depth) of every part, in the order of the octets. The name is that of the section which is the
    part's body: "2.1", or "2.TEXT" for the multipart that is the whole body of a message."""
    waiting = [(root, _in_message(root), 0)]
    while waiting:
        part, name, depth = waiting.pop()
        yield part, name, depth
        waiting.extend(
            (child, _in_message(child) if part.is_message else child.number, depth + 1)
            for child in reversed(part.children)
        )


def _in_message(message: Part) -> str:
    """The name of a message's body: the parts of a multipart together are its TEXT, all else is its part 1."""
    return f"{message.number}.{'TEXT' if message.is_multipart else '1'}".removeprefix(".")
