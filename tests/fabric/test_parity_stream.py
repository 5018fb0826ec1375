"""Octets on an open connection, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fabric.parity import ANN, BOB, Ear, Net, case, until

MEGABYTE = 1 << 20


@case
async def test_octets_arrive_in_order(net: Net) -> None:
    ann, bob = await net.pair()
    for number in range(1000):
        ann.transport.write(b"%d\n" % number)
    await bob.until(lambda ear: ear.heard.endswith(b"999\n"))
    assert bob.heard == b"".join(b"%d\n" % number for number in range(1000))


@case
async def test_both_ends_may_speak_at_once(net: Net) -> None:
    ann, bob = await net.pair()
    ann.transport.write(b"ping")
    bob.transport.write(b"pong")
    await bob.until(lambda ear: ear.heard == b"ping")
    await ann.until(lambda ear: ear.heard == b"pong")


@case
async def test_a_big_write_arrives_whole(net: Net) -> None:
    ann, bob = await net.pair()
    octets = bytes(range(256)) * (8 * MEGABYTE // 256)
    ann.transport.write(octets)
    await bob.until(lambda ear: len(ear.heard) >= len(octets))
    assert bob.heard == octets


@case
async def test_what_is_written_may_change_afterwards(net: Net) -> None:
    ann, bob = await net.pair()
    page = bytearray(b"first")
    ann.transport.write(page)
    page[:] = b"other"
    ann.transport.write(memoryview(page))
    await bob.until(lambda ear: len(ear.heard) == 10)
    assert bob.heard == b"firstother"


@case
async def test_lines_written_together_arrive_together(net: Net) -> None:
    ann, bob = await net.pair()
    ann.transport.writelines([b"one ", b"two ", b"three"])
    await bob.until(lambda ear: ear.heard == b"one two three")


@case
async def test_text_cannot_be_written(net: Net) -> None:
    ann, _ = await net.pair()
    with pytest.raises(TypeError):
        ann.transport.write("text")  # type: ignore[arg-type]


@case
async def test_close_says_goodbye(net: Net) -> None:
    ann, bob = await net.pair()
    ann.transport.close()
    assert ann.transport.is_closing()
    assert await bob.lost is None
    assert bob.eof
    assert await ann.lost is None
    assert not ann.eof


@case
async def test_close_sends_what_was_written_before(net: Net) -> None:
    ann, bob = await net.pair()
    ann.transport.write(b"x" * 4 * MEGABYTE)
    ann.transport.close()
    await bob.lost
    assert len(bob.heard) == 4 * MEGABYTE


@case
async def test_close_twice_is_close_once(net: Net) -> None:
    ann, _ = await net.pair()
    ann.transport.close()
    ann.transport.close()
    assert await ann.lost is None


@case
async def test_nothing_is_heard_after_close(net: Net) -> None:
    ann, bob = await net.pair()
    ann.transport.close()
    bob.transport.write(b"too late")
    await ann.lost
    await bob.lost
    assert ann.heard == b""


@case
async def test_abort_resets_the_peer(net: Net) -> None:
    ann, bob = await net.pair()
    ann.transport.abort()
    assert isinstance(await bob.lost, ConnectionResetError)
    assert not bob.eof
    assert await ann.lost is None


@case
async def test_abort_drops_what_was_not_sent(net: Net) -> None:
    ann, bob = await net.pair()
    bob.transport.pause_reading()
    ann.transport.write(b"x" * 64 * MEGABYTE)
    ann.transport.abort()
    bob.transport.resume_reading()
    await bob.lost
    assert len(bob.heard) < 64 * MEGABYTE


@case
async def test_octets_before_a_reset_are_still_read(net: Net) -> None:
    ann, bob = await net.pair()
    ann.transport.write(b"last words")
    await asyncio.sleep(0.1)
    ann.transport.abort()
    assert isinstance(await bob.lost, ConnectionResetError)
    assert bob.heard == b"last words"


@case
async def test_close_with_unread_input_resets(net: Net) -> None:
    # RFC 2525 §2.17: what was not read is told by a reset.
    ann, bob = await net.pair()
    bob.transport.pause_reading()
    ann.transport.write(b"listen!")
    await asyncio.sleep(0.1)
    bob.transport.close()
    assert isinstance(await ann.lost, ConnectionResetError)


@case
async def test_half_closed_the_other_half_still_speaks(net: Net) -> None:
    ann, bob = await net.pair(keeps_open=True)
    ann.transport.write(b"all I have to say")
    ann.transport.write_eof()
    await bob.until(lambda ear: ear.eof)
    assert bob.heard == b"all I have to say"
    bob.transport.write(b"my answer")
    await ann.until(lambda ear: ear.heard == b"my answer")
    bob.transport.close()
    await ann.until(lambda ear: ear.eof)
    ann.transport.close()
    assert await ann.lost is None
    assert await bob.lost is None


@case
async def test_after_write_eof_nothing_can_be_written(net: Net) -> None:
    ann, _ = await net.pair(keeps_open=True)
    assert ann.transport.can_write_eof()
    ann.transport.write_eof()
    with pytest.raises(RuntimeError):
        ann.transport.write(b"one more thing")


@case
async def test_eof_follows_all_that_was_written(net: Net) -> None:
    ann, bob = await net.pair(keeps_open=True)
    ann.transport.write(b"x" * 4 * MEGABYTE)
    ann.transport.write_eof()
    await bob.until(lambda ear: ear.eof)
    assert len(bob.heard) == 4 * MEGABYTE


@case
async def test_an_ear_that_does_not_keep_open_closes_at_eof(net: Net) -> None:
    ann, bob = await net.pair()
    ann.keeps_open = True
    ann.transport.write_eof()
    assert await bob.lost is None
    await ann.until(lambda ear: ear.eof)


@case
async def test_who_writes_to_a_closed_end_breaks_the_pipe(net: Net) -> None:
    ann, bob = await net.pair(keeps_open=True)
    bob.transport.close()
    await ann.until(lambda ear: ear.eof)
    ann.transport.write(b"are you there?")
    await asyncio.sleep(0.1)
    ann.transport.write(b"hello?")
    assert isinstance(await ann.lost, BrokenPipeError)


@case
async def test_writing_after_the_end_is_no_error(net: Net) -> None:
    ann, _ = await net.pair()
    ann.transport.abort()
    await ann.lost
    ann.transport.write(b"into the void")


@case
async def test_a_paused_reader_holds_the_writer_back(net: Net) -> None:
    ann, bob = await net.pair()
    bob.transport.pause_reading()
    assert not bob.transport.is_reading()
    for _ in range(64):
        ann.transport.write(b"x" * MEGABYTE)
    assert ann.writing_paused
    assert ann.transport.get_write_buffer_size() > 32 * MEGABYTE
    bob.transport.resume_reading()
    await bob.until(lambda ear: len(ear.heard) == 64 * MEGABYTE)
    await ann.until(lambda ear: not ear.writing_paused)
    assert ann.pauses == 1


@case
async def test_a_paused_reader_hears_nothing_until_it_resumes(net: Net) -> None:
    ann, bob = await net.pair()
    bob.transport.pause_reading()
    ann.transport.write(b"patience")
    await asyncio.sleep(0.1)
    assert bob.heard == b""
    bob.transport.resume_reading()
    await bob.until(lambda ear: ear.heard == b"patience")


@case
async def test_water_marks_decide_when_writing_pauses(net: Net) -> None:
    ann, bob = await net.pair()
    assert ann.transport.get_write_buffer_limits() == (16384, 65536)
    ann.transport.set_write_buffer_limits(high=32 * MEGABYTE)
    bob.transport.pause_reading()
    ann.transport.write(b"x" * 16 * MEGABYTE)
    assert not ann.writing_paused
    ann.transport.write(b"x" * 32 * MEGABYTE)
    assert ann.writing_paused


@case
async def test_drain_waits_for_the_reader(net: Net) -> None:
    gate = asyncio.Event()
    total: list[int] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        total.append(len(await reader.read()))
        writer.close()

    async def pour() -> float:
        _, writer = await asyncio.open_connection(BOB, 9)
        writer.write(b"x" * 32 * MEGABYTE)
        asyncio.get_running_loop().call_later(5, gate.set)
        await writer.drain()
        took = net.now
        writer.close()
        await writer.wait_closed()
        return took

    await net.on("bob", asyncio.start_server(swallow, port=9, limit=1024))
    began = net.now
    assert await net.on("ann", pour()) - began >= 5
    await until(lambda: bool(total))
    assert total == [32 * MEGABYTE]


@case
async def test_a_protocol_may_bring_its_own_buffer(net: Net) -> None:
    ears: list[Trough] = []

    def accept() -> Trough:
        ears.append(Trough())
        return ears[-1]

    await net.serve("bob", 25, accept)
    ann = await net.dial("ann", BOB, 25)
    ann.transport.write(b"spoon by spoon")
    ann.transport.close()
    await ann.lost
    await ears[0].ended
    assert ears[0].eaten == b"spoon by spoon"


@case
async def test_protocols_can_be_exchanged(net: Net) -> None:
    ann, bob = await net.pair()
    other = Ear()
    bob.transport.set_protocol(other)
    assert bob.transport.get_protocol() is other
    ann.transport.write(b"for the other")
    await other.until(lambda ear: ear.heard == b"for the other")


@case
async def test_protocol_callbacks_run_on_their_host(net: Net) -> None:
    served: list[str] = []

    class Caller(Ear):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            served.append(transport.get_extra_info("sockname")[0])

        def data_received(self, data: bytes) -> None:
            # Bob calls ann back: the connection leaves from bob.
            task = asyncio.ensure_future(asyncio.get_running_loop().create_connection(Caller, ANN, 26))
            task.add_done_callback(lambda task: task.result())

    await net.serve("bob", 25, Ear)
    await net.serve("ann", 26, Ear)
    await net.serve("bob", 27, Caller)
    ann = await net.dial("ann", BOB, 27)
    ann.transport.write(b"call me back")
    await until(lambda: len(served) == 2)
    assert served == [BOB, BOB]


class Trough(asyncio.BufferedProtocol):
    """Reads five octets at a time."""

    def __init__(self) -> None:
        self.page = bytearray(5)
        self.eaten = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.page

    def buffer_updated(self, nbytes: int) -> None:
        self.eaten += self.page[:nbytes]

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set_result(None)
