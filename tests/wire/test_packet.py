"""Packets: their octets, held against those that others published, and against what reads them back."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.wire import packet
from lab.wire.packet import Flag, NoPacket, Protocol, Segment, checksum, completed, read, tcp, udp, unreachable

A, B = ("198.18.0.1", 40000), ("198.18.0.2", 25)
A6, B6 = ("2001:db8::1", 40000), ("2001:db8::2", 53)


def words(octets: bytes) -> int:
    """The sum of RFC 1071 as its §4.1 writes it down, word by word."""
    total = 0
    for at in range(0, len(octets), 2):
        total += int.from_bytes(octets[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


@given(st.binary(max_size=300))
def test_the_checksum_is_that_of_the_rfc(octets: bytes) -> None:
    assert checksum(octets) == words(octets)


def test_zeros_and_ones_sum_up_to_themselves() -> None:
    assert (checksum(bytes(4)), checksum(b"\xff" * 4), checksum(b"")) == (0xFFFF, 0, 0xFFFF)


def test_a_syn_has_these_octets() -> None:
    syn = tcp(A, B, Segment(Flag.SYN, 7, options=packet.mss_options(six=False, shift=7)))
    assert syn.hex(" ", -4) == (
        "45000030 00004000 4006aea0 c6120001 c6120002"  # IPv4, 48 octets, DF, TTL 64, TCP
        " 9c400019 00000007 00000000 7002ffff 5b900000"  # 40000 → 25, 7, SYN, a header of 28
        " 020405b4 01030307"  # 1460 octets a segment; NOP; a window in units of 128
    )


def test_a_datagram_over_ipv6_has_these_octets() -> None:
    assert udp(A6, B6, b"hi").hex(" ", -4) == (
        "60000000 000a1140 20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002"
        " 9c400035 000a9f86 6869"
    )


def sums_up(octets: bytes) -> bool:
    """Whether a receiver takes it: a sum over a field that holds its complement is 0 (RFC 1071 §1)."""
    found = read(octets)
    body = octets[40:] if ":" in found.source[0] else octets[20:]
    if found.protocol == Protocol.ICMP:
        return checksum(body) == 0
    ends = octets[8:40] if ":" in found.source[0] else octets[12:20]
    pseudo = ends + len(body).to_bytes(4, "big") + found.protocol.to_bytes(4, "big")
    return checksum(pseudo + body) == 0 and (":" in found.source[0] or checksum(octets[:20]) == 0)


PAYLOADS = st.binary(max_size=1500)


@given(PAYLOADS, st.sampled_from([(A, B), (A6, B6), (B, A)]))
def test_every_packet_sums_up(payload: bytes, ends: tuple[packet.End, packet.End]) -> None:
    segment = tcp(*ends, Segment(Flag.ACK | Flag.PSH, 1, 2, payload=payload))
    datagram = udp(*ends, payload)
    for made in (
        segment,
        datagram,
        unreachable(datagram, ends[1][0]),
        unreachable(segment, ends[1][0], port=True),
    ):
        assert sums_up(made)


@given(PAYLOADS, st.sampled_from([(A, B), (A6, B6)]), st.integers(0, 2**33))
def test_what_was_built_is_what_is_read(payload: bytes, ends: tuple[packet.End, packet.End], number: int) -> None:
    found = read(tcp(*ends, Segment(Flag.PSH | Flag.ACK, number, number + 9, payload=payload)))
    assert (found.source, found.target, found.payload, found.flags) == (*ends, payload, Flag.PSH | Flag.ACK)
    assert (found.sequence, found.acknowledged) == (number % 2**32, (number + 9) % 2**32)
    found = read(udp(*ends, payload))
    assert (found.protocol, found.source, found.target, found.payload) == (Protocol.UDP, *ends, payload)


def test_a_checksum_of_zero_is_sent_as_ones() -> None:
    """RFC 768: 0 says that there is no checksum."""
    plain = udp(A, B, b"\0\0")
    payload = int.from_bytes(plain[26:28], "big").to_bytes(2, "big")  # what is left to sum up
    assert udp(A, B, payload)[26:28] == b"\xff\xff"


def test_an_unreachable_one_goes_home_with_what_it_was() -> None:
    lost = udp(A, B, b"hello")
    told = read(unreachable(lost, B[0], port=True))
    assert (told.source[0], told.target[0], told.protocol) == (B[0], A[0], Protocol.ICMP)
    assert told.payload[:2] == b"\x03\x03"
    assert told.payload[8:] == lost
    assert read(unreachable(lost, B[0])).payload[:2] == b"\x03\x01"
    assert read(unreachable(udp(A6, B6, b""), B6[0], port=True)).payload[:2] == b"\x01\x04"
    assert read(unreachable(udp(A6, B6, b""), B6[0])).payload[:2] == b"\x01\x03"


@pytest.mark.parametrize(("ends", "most"), [((A, B), 576), ((A6, B6), 1280)])
def test_an_icmp_error_is_never_long(ends: tuple[packet.End, packet.End], most: int) -> None:
    assert len(unreachable(udp(*ends, bytes(4000)), ends[1][0])) == most


@pytest.mark.parametrize("ends", [(A, B), (A6, B6)])
def test_a_packet_has_an_end(ends: tuple[packet.End, packet.End]) -> None:
    most = 0xFFFF - 8 - (0 if ":" in ends[0][0] else 20)
    assert len(read(udp(*ends, bytes(most))).payload) == most
    with pytest.raises(ValueError, match="do not fit"):
        udp(*ends, bytes(most + 1))


@given(PAYLOADS, st.sampled_from([(A, B), (A6, B6)]))
def test_a_checksum_that_was_left_to_the_card_is_filled_in(
    payload: bytes, ends: tuple[packet.End, packet.End]
) -> None:
    for whole, at in ((tcp(*ends, Segment(Flag.ACK, payload=payload)), 16), (udp(*ends, payload), 6)):
        at += 40 if ":" in ends[0][0] else 20
        assert completed(whole[:at] + b"\xab\xcd" + whole[at + 2 :]) == whole
        assert completed(whole) == whole


def test_what_is_no_tcp_and_no_udp_is_left_as_it_is() -> None:
    for octets in (
        unreachable(udp(A, B, b"x"), B[0]),
        b"",
        b"\x45",
        b"nonsense",
        tcp(A, B, Segment(Flag.SYN))[:30],
    ):
        assert completed(octets) == octets


@given(st.binary(max_size=80))
def test_octets_of_any_kind_are_a_packet_or_none(octets: bytes) -> None:
    with suppress(NoPacket):
        read(octets)


def test_a_later_fragment_has_no_ports() -> None:
    whole = udp(A, B, b"hello")
    later = whole[:6] + (0x2001).to_bytes(2, "big") + whole[8:]
    assert read(later).source == (A[0], 0)
