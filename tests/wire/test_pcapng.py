"""Capture files: block by block, as the draft lays them out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.wire import pcapng
from lab.wire.pcapng import Block, Captured, NoCapture, blocks, read_interface, read_names, read_packet

NOON = 1_767_614_400_123_456_789


def only(octets: bytes) -> tuple[int, bytes]:
    (found,) = blocks(octets)
    return found


def test_a_section_has_these_octets() -> None:
    assert pcapng.section().hex(" ", -4) == (
        "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffff ffffffff 1c000000"  # version 1.0, of any length
    )


def test_an_interface_has_these_octets() -> None:
    assert pcapng.interface("a.test").hex(" ", -4) == (
        "01000000 2c000000 65000000 00000000"  # link type 101, no limit
        " 02000600 612e7465 73740000"  # if_name, 6 octets and two more
        " 09000100 09000000 00000000 2c000000"  # if_tsresol 9, the end
    )


def test_names_have_these_octets() -> None:
    assert pcapng.names([("198.18.0.1", "a.test")]).hex(" ", -4) == (
        "04000000 20000000 01000b00 c6120001 612e7465 73740000 00000000 20000000"
    )


def test_a_packet_has_these_octets() -> None:
    assert pcapng.packet(1, NOON, b"\x45\x00\x00", "J-0001", outbound=True).hex(" ", -4) == (
        "06000000 3c000000 01000000 eed38718 154d3983 03000000 03000000 45000000"  # high half of the time first
        " 01000600 4a2d3030 30310000 02000400 02000000 00000000 3c000000"
    )


def test_times_go_beyond_2106() -> None:
    """Nanoseconds in 64 bits last until 2554."""
    late = 4_102_444_799_999_999_999
    assert read_packet(only(pcapng.packet(0, late, b""))[1]).when == late


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@given(
    st.integers(0, 9), st.integers(0, 2**63), st.binary(max_size=99), TEXT, st.sampled_from([None, True, False])
)
def test_a_packet_is_read_as_it_was_written(
    number: int, when: int, octets: bytes, comment: str, outbound: bool | None
) -> None:
    kind, body = only(pcapng.packet(number, when, octets, comment, outbound))
    assert kind == Block.PACKET
    assert read_packet(body) == Captured(number, when, octets, comment, outbound)


@given(TEXT, TEXT)
def test_an_interface_is_read_as_it_was_written(name: str, description: str) -> None:
    assert read_interface(only(pcapng.interface(name, description))[1]) == (name, description)


def test_names_of_both_families_are_read_as_they_were_written() -> None:
    hosts = [("198.18.0.1", "a.test"), ("2001:db8::1", "a.test"), ("198.18.0.2", "mail.münchen.example")]
    assert read_names(only(pcapng.names(hosts))[1]) == hosts


def test_many_names_are_several_blocks() -> None:
    hosts = [(f"10.0.{number // 250}.{number % 250}", f"h{number}.test") for number in range(2500)]
    found = [read_names(body) for _, body in blocks(pcapng.names(hosts))]
    assert list(map(len, found)) == [1000, 1000, 500]
    assert [pair for some in found for pair in some] == hosts
    assert pcapng.names([]) == b""


def test_a_comment_that_is_too_long_is_cut_between_two_characters() -> None:
    comment = read_packet(only(pcapng.packet(0, 0, b"", "é" * 40_000))[1]).comment
    assert comment == "é" * 32_767


@pytest.mark.parametrize("size", range(1, 28))
def test_a_block_that_is_cut_short_is_told(size: int) -> None:
    with pytest.raises(NoCapture):
        list(blocks(pcapng.section()[:size]))


def test_every_block_is_a_multiple_of_four() -> None:
    parts = (
        pcapng.section("é", "lab"),
        pcapng.interface("abc", "d"),
        pcapng.names([("198.18.0.1", "x")]),
        pcapng.packet(0, 1, b"\x45", "comment"),
        pcapng.statistics(0, 1, 2),
    )
    assert [len(part) % 4 for part in parts] == [0] * len(parts)
    assert [kind for kind, _ in blocks(b"".join(parts))] == [
        Block.SECTION, Block.INTERFACE, Block.NAMES, Block.PACKET, Block.STATISTICS,
    ]  # fmt: skip
