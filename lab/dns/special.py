"""Names that a resolver answers by itself (RFC 6761): localhost, its reverse, and `invalid`.

The rule: nothing else. The empty reverse zones of RFC 6303 (10.in-addr.arpa and the like) are left out on
purpose: in a lab private addresses are served by the lab's own reverse zones.
"""

from __future__ import annotations

from lab.dns.verdict import Answered, Nothing
from lab.names import Address, DomainName
from lab.wire.records import AAAA, PTR, SOA, A, Record

_LOCALHOST = DomainName("localhost")
_INVALID = DomainName("invalid")
_LOOPBACK = DomainName("127.in-addr.arpa")
_LOOPBACK_SIX = DomainName("1" + ".0" * 31 + ".ip6.arpa")
_TOPS = ("localhost", "arpa", "invalid")
_TTL = 10_800
_HERE = {
    "A": A(Address("127.0.0.1")),
    "AAAA": AAAA(Address("::1")),
}


def special(name: DomainName, type: str) -> Answered | Nothing | None:
    """The answer to a special name, None for every other."""
    if name.rpartition(".")[2] not in _TOPS:
        return None  # which is nearly every name
    if name.is_within(_LOCALHOST):
        data = _HERE.get(type)
        return Answered((Record(name, _TTL, data),)) if data else _no("NOERROR", _LOCALHOST)
    if name.is_within(_LOOPBACK) or name == _LOOPBACK_SIX:
        found = type == "PTR" and name in ("1.0.0.127.in-addr.arpa", _LOOPBACK_SIX)
        zone = _LOOPBACK if name.is_within(_LOOPBACK) else name
        return Answered((Record(name, _TTL, PTR(_LOCALHOST)),)) if found else _no("NXDOMAIN", zone)
    return _no("NXDOMAIN", _INVALID) if name.is_within(_INVALID) else None


def _no(rcode: str, zone: DomainName) -> Nothing:
    data = SOA(_LOCALHOST, DomainName("nobody.invalid"), 1, 3600, 1200, 604_800, _TTL)
    return Nothing(rcode, (Record(zone, _TTL, data),))
