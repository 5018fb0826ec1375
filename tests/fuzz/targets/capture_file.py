"""A capture file read again: its blocks and what is in them, or NoCapture; what was written is read the same."""

from __future__ import annotations

from lab.wire import pcapng
from lab.wire.pcapng import Block, NoCapture
from tests.fuzz.target import Choices, Target

_TEXTS = ("", "mail.unige.ch", "é", "x" * 70_000, "J-0001")


def _block(choices: Choices) -> bytes:
    note = choices.one_of(_TEXTS)
    match choices.below(6):
        case 0:
            return pcapng.packet(choices.below(4), choices.below(65_536) << 40, choices.octets(60), note, True)
        case 1:
            return pcapng.interface(note, choices.one_of(_TEXTS))
        case 2:
            return pcapng.names([("198.18.0.1", note[:255] or "a"), ("2001:db8::1", "b")])
        case 3:
            return pcapng.statistics(1, 2, 3)
        case 4:
            body = choices.octets(80)
            return pcapng._block(choices.one_of(tuple(Block)), body + bytes(-len(body) % 4))
    return pcapng.section(note)


def capture(choices: Choices) -> bytes:
    return pcapng.section("c") + b"".join(_block(choices) for _ in range(choices.below(6)))


_READERS = {
    Block.PACKET: pcapng.read_packet,
    Block.NAMES: pcapng.read_names,
    Block.INTERFACE: pcapng.read_interface,
}


def run(octets: bytes) -> None:
    try:
        found = list(pcapng.blocks(octets))
    except NoCapture:
        return
    for kind, body in found:
        reader = _READERS.get(kind)  # type: ignore[call-overload]
        try:
            read = reader(body) if reader else None
        except NoCapture:
            continue
        if isinstance(read, pcapng.Captured) and "\ufffd" not in read.comment:
            again = pcapng.packet(read.interface, read.when, read.octets, read.comment, read.outbound)
            [(_, same)] = pcapng.blocks(again)
            assert pcapng.read_packet(same) == read


TARGET = Target(run, capture, (pcapng.section() + pcapng.packet(0, 1, b"\x45", "J-0001"),))
