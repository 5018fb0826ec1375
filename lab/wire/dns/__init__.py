"""The DNS on the wire: messages, names and RDATA as pure functions. The one door to dnslib (in `codes`)."""

from lab.wire.dns.codes import brief, present, type_name, type_number
from lab.wire.dns.ede import ExtendedError, extended_errors
from lab.wire.dns.encode import Unwritable, encode, query, rrsets
from lab.wire.dns.message import USUAL_EDNS, Edns, Malformed, Message, Question, decode
from lab.wire.dns.names import name_wire, read_name
from lab.wire.dns.rdata import read_rdata

__all__ = [
    "USUAL_EDNS",
    "Edns",
    "ExtendedError",
    "Malformed",
    "Message",
    "Question",
    "Unwritable",
    "brief",
    "decode",
    "encode",
    "extended_errors",
    "name_wire",
    "present",
    "query",
    "read_name",
    "read_rdata",
    "rrsets",
    "type_name",
    "type_number",
]
