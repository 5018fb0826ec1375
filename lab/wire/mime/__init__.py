"""Where everything in a message is: an index of byte offsets over its octets (RFC 5322, RFC 2045–2049).

The rule: nothing is ever re-serialised. One pass over the octets gives a tree of parts, each with where its
header and its body begin and end; ENVELOPE, BODYSTRUCTURE and BODY[n]<o.n> are slices and views of it.

    index(octets)               the tree, whatever the octets are
    section(index, octets, …)   BODY[2.1], BODY[HEADER.FIELDS (DATE FROM)]: octets as stored
    envelope(octets, message)   date, subject, addresses: the header's words, taken apart
    decoded(octets, part)       the body, its transfer encoding undone;  text: in its charset
    readable(value)             a header's text for a person;  parameter, file_name, subject
"""

from __future__ import annotations

from lab.wire.mime.addresses import Address, addresses
from lab.wire.mime.body import can_decode, decoded, file_name, report_fields, stored, subject, text
from lab.wire.mime.charsets import Text, in_charset
from lab.wire.mime.envelope import Envelope, envelope
from lab.wire.mime.parameters import parameter
from lab.wire.mime.scan import DEPTH, PARTS, index
from lab.wire.mime.section import Section, header_fields, part_at, read_section, section
from lab.wire.mime.tree import MessageIndex, Part, by_name
from lab.wire.mime.words import readable

__all__ = [
    "DEPTH",
    "PARTS",
    "Address",
    "Envelope",
    "MessageIndex",
    "Part",
    "Section",
    "Text",
    "addresses",
    "by_name",
    "can_decode",
    "decoded",
    "envelope",
    "file_name",
    "header_fields",
    "in_charset",
    "index",
    "parameter",
    "part_at",
    "read_section",
    "readable",
    "report_fields",
    "section",
    "stored",
    "subject",
    "text",
]
