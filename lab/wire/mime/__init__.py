"""Where everything in a message is: an index of byte offsets over its octets (RFC 5322, RFC 2045–2049).

The rule: nothing is ever re-serialised. One pass over the octets gives a tree of parts, each with where its
header and its body begin and end; ENVELOPE, BODYSTRUCTURE and BODY[n]<o.n> are slices and views of it.

    index(octets)             the tree, whatever the octets are
    section(index, octets, …) BODY[2.1], BODY[HEADER.FIELDS (DATE FROM)]: octets as stored
"""

from __future__ import annotations

from lab.wire.mime.parameters import parameter
from lab.wire.mime.scan import DEPTH, PARTS, index
from lab.wire.mime.section import Section, header_fields, part_at, section
from lab.wire.mime.tree import MessageIndex, Part
from lab.wire.mime.words import readable

__all__ = [
    "DEPTH",
    "PARTS",
    "MessageIndex",
    "Part",
    "Section",
    "header_fields",
    "index",
    "parameter",
    "part_at",
    "readable",
    "section",
]
