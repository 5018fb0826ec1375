"""A connection to port 53 whose client does not keep up."""

from __future__ import annotations

import asyncio

from lab.dns.server import Asker, Reply, Stream, framed


class Narrow(asyncio.Transport):
    """Takes one answer, and says so."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.stream, self.sent, self.reads, self.end = stream, 0, True, ""

    def write(self, data: object) -> None:
        self.sent += 1
        self.stream.pause_writing()

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_closing(self) -> bool:
        return bool(self.end)

    def close(self) -> None:
        self.end = "closed"

    def abort(self) -> None:
        self.end = "aborted"


def talk(octets: bytes, asker: Asker, reply: Reply) -> None:
    reply(octets * 1000)


async def connected() -> tuple[Stream, Narrow]:
    stream = Stream(talk)
    wire = Narrow(stream)
    stream.connection_made(wire)
    return stream, wire


async def test_who_does_not_read_the_answers_is_not_heard_any_further() -> None:
    stream, wire = await connected()
    stream.data_received(framed(b"query") * 1000)
    assert (wire.sent, wire.reads) == (1, False)
    stream.resume_writing()
    assert (wire.sent, wire.reads) == (2, False)
    stream.connection_lost(None)


async def test_who_never_reads_is_hung_up_on_without_waiting() -> None:
    stream, wire = await connected()
    stream.data_received(framed(b"query"))
    stream._idle()
    assert wire.end == "aborted"
    stream.connection_lost(None)
