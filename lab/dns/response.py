"""The header of a response, and how long it may be: what name servers and resolvers share.

The rule: what a query says is copied, everything else is cleared (A21). Queries that differ in ID and spelling
only get the same reply, so that it can be said again without thinking.

Law: RFC 8906 §3, §8 and RFC 9619 (FORMERR, NOTIMP, BADVERS), RFC 6891 §6 (OPT), RFC 9715 §3 (1232 to 1400 octets).
"""

from __future__ import annotations

from lab.dns.zone import RRset
from lab.recall import known_again
from lab.wire.dns import USUAL_EDNS, Edns, ExtendedError, Message, decode

PAYLOAD = USUAL_EDNS.payload
"""The largest UDP answer: fits everywhere without fragments (RFC 9715 §3.2)."""

_TRANSFERS = ("AXFR", "IXFR")
_METATYPES = ("TKEY", "TSIG", "MAILA", "MAILB", "TYPE253", "TYPE254")


Likeness = tuple[bytes, bytes, bytes, bool]


def likeness(octets: bytes, stream: bool) -> Likeness:
    """What two queries share that get the same reply: all but the ID and the case of the name."""
    end = octets.find(0, 12)
    if end < 0:
        end = len(octets)  # a header alone
    return octets[2:12], octets[12:end].lower(), octets[end:], stream


def said_again(reply: bytes, octets: bytes) -> bytes:
    """A reply to a query that is like the one it was made for: with the ID and the spelling of this one."""
    end = octets.find(0, 12)
    if end < 0:
        return octets[:2] + reply[2:]
    return b"".join((octets[:2], reply[2:12], octets[12:end], reply[end:]))


@known_again(most=1000)
def read_alike(like: Likeness) -> Message:
    """The message that all octets of this likeness are, with ID 0 and its question in small letters. Malformed
    when they are none; its `reply` has no ID then."""
    head, name, rest, _ = like
    return decode(b"".join((b"\0\0", head, name, rest)))


def is_truncated(reply: bytes) -> bool:
    """Whether TC is set: something is missing that had no room."""
    return reply[2] & 2 != 0


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
        edns=None if query.edns is None else _edns(query.edns.do, why),
    )


def _edns(do: bool, why: ExtendedError | None) -> Edns:
    return Edns(PAYLOAD, do=do, options=(why.option(),) if why else ()) if do or why else USUAL_EDNS


def room_for(query: Message, stream: bool) -> int:
    """How many octets a reply may have (A18)."""
    if stream:
        return 65535
    return 512 if query.edns is None else max(512, min(query.edns.payload, PAYLOAD))
