"""RDATA on the wire, in both directions: ten types taken apart, the rest opaque.

The rule: names inside RDATA are compressed in the types of RFC 1035 only (RFC 3597 §4; RFC 2782 for SRV,
RFC 6672 §2.5 for DNAME), and RDATA is filled exactly, or it is no record.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lab.names import Address, DomainName
from lab.wire.dns.codes import type_name, type_number
from lab.wire.dns.names import Writer, name_wire, read_name
from lab.wire.records import AAAA, CNAME, DNAME, MX, NS, PTR, SOA, SRV, TXT, A, Opaque, Rdata

_SOA_TIMES = struct.Struct("!IIIII")


def _whole_name(octets: bytes, at: int, end: int) -> DomainName:
    name, after = read_name(octets, at)
    if after != end:
        raise ValueError("the name does not fill its RDATA")
    return name


def _read_a(octets: bytes, at: int, end: int) -> Rdata:
    first, second, third, fourth = octets[at:end]
    return A(Address(f"{first}.{second}.{third}.{fourth}"))


def _read_aaaa(octets: bytes, at: int, end: int) -> Rdata:
    return AAAA(Address(str(ipaddress.IPv6Address(octets[at:end]))))


def _read_mx(octets: bytes, at: int, end: int) -> Rdata:
    return MX(octets[at] << 8 | octets[at + 1], _whole_name(octets, at + 2, end))


def _read_srv(octets: bytes, at: int, end: int) -> Rdata:
    priority, weight, port = struct.unpack_from("!HHH", octets, at)
    return SRV(priority, weight, port, _whole_name(octets, at + 6, end))


def _read_soa(octets: bytes, at: int, end: int) -> Rdata:
    mname, at = read_name(octets, at)
    rname, at = read_name(octets, at)
    if at + 20 != end:
        raise ValueError("the SOA has a wrong length")
    return SOA(mname, rname, *_SOA_TIMES.unpack_from(octets, at))


def _read_txt(octets: bytes, at: int, end: int) -> Rdata:
    strings = []
    while at < end:
        after = at + 1 + octets[at]
        strings.append(octets[at + 1 : after])
        at = after
    if at != end or not strings:
        raise ValueError("the strings of the TXT do not fill its RDATA")
    return TXT(tuple(strings))


_READ: dict[int, Callable[[bytes, int, int], Rdata]] = {
    1: _read_a,
    2: lambda octets, at, end: NS(_whole_name(octets, at, end)),
    5: lambda octets, at, end: CNAME(_whole_name(octets, at, end)),
    6: _read_soa,
    12: lambda octets, at, end: PTR(_whole_name(octets, at, end)),
    15: _read_mx,
    16: _read_txt,
    28: _read_aaaa,
    33: _read_srv,
    39: lambda octets, at, end: DNAME(_whole_name(octets, at, end)),
}


def rdata(number: int, octets: bytes, at: int, end: int) -> Rdata:
    read = _READ.get(number)
    return read(octets, at, end) if read else Opaque(type_name(number), octets[at:end])


def read_rdata(type: str, octets: bytes) -> Rdata:
    """RDATA by itself, as `TYPEnnn \\# n hex` gives it in a zone file (RFC 3597 §5). ValueError if it is none."""
    try:
        return rdata(type_number(type), octets, 0, len(octets))
    except (IndexError, struct.error) as error:
        raise ValueError(f"these octets are no {type} record") from error


@lru_cache(maxsize=8192)
def _address(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def _write_opaque(to: Writer, data: Rdata) -> None:
    if not isinstance(data, Opaque):
        raise TypeError(f"no way to write {data!r}")
    to.octets += data.octets


def _write_address(to: Writer, data: A | AAAA) -> None:
    to.octets += _address(data.address)


def _write_target(to: Writer, data: NS | CNAME | PTR) -> None:
    to.name(data.target)


def _write_dname(to: Writer, data: DNAME) -> None:
    to.octets += name_wire(data.target)  # RFC 6672 §2.5: never compressed


def _write_mx(to: Writer, data: MX) -> None:
    to.octets += data.preference.to_bytes(2, "big")
    to.name(data.exchange)


def _write_srv(to: Writer, data: SRV) -> None:
    to.octets += struct.pack("!HHH", data.priority, data.weight, data.port) + name_wire(data.target)


def _write_soa(to: Writer, data: SOA) -> None:
    to.name(data.mname)
    to.name(data.rname)
    to.octets += _SOA_TIMES.pack(data.serial, data.refresh, data.retry, data.expire, data.minimum)


def _write_txt(to: Writer, data: TXT) -> None:
    to.octets += b"".join([bytes((len(string),)) + string for string in data.strings])


_WRITE: dict[str, Callable[[Writer, Any], None]] = {
    "A": _write_address,
    "AAAA": _write_address,
    "NS": _write_target,
    "CNAME": _write_target,
    "PTR": _write_target,
    "DNAME": _write_dname,
    "MX": _write_mx,
    "SRV": _write_srv,
    "SOA": _write_soa,
    "TXT": _write_txt,
}


def write_rdata(to: Writer, data: Rdata) -> None:
    _WRITE.get(data.type, _write_opaque)(to, data)
