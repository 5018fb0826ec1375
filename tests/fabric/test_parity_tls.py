"""TLS on a host's connections, as clients and servers start it."""

from __future__ import annotations

import asyncio
import gc
import ssl
import warnings

import pytest

from lab.fabric.faults import Down
from tests.fabric.parity import BOB, Ear, Net, case


def anonymous(side: int) -> ssl.SSLContext:
    """TLS without certificates: enough to see whether the octets find their way."""
    context = ssl.SSLContext(side)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH:@SECLEVEL=0")
    return context


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


@case
async def test_a_connection_may_be_tls_from_the_start(net: Net) -> None:
    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(BOB, 993, ssl=anonymous(ssl.PROTOCOL_TLS_CLIENT))
        assert writer.get_extra_info("peername")[:2] == (BOB, 993)
        assert writer.get_extra_info("cipher")
        writer.write(b"secret\n" * 10_000)
        reply = b"".join([await reader.readline() for _ in range(10_000)])
        writer.close()
        return reply

    await net.on("bob", asyncio.start_server(shout, port=993, ssl=anonymous(ssl.PROTOCOL_TLS_SERVER)))
    assert await net.on("ann", ask()) == b"SECRET\n" * 10_000


@case
async def test_a_connection_may_turn_to_tls(net: Net) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readline() == b"STARTTLS\n"
        writer.write(b"go ahead\n")
        await writer.start_tls(anonymous(ssl.PROTOCOL_TLS_SERVER))
        await shout(reader, writer)

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection(BOB, 25)
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"go ahead\n"
        await writer.start_tls(anonymous(ssl.PROTOCOL_TLS_CLIENT), server_hostname="bob.test")
        writer.write(b"secret\n")
        reply = await reader.readline()
        writer.close()
        return reply

    await net.on("bob", asyncio.start_server(serve, port=25))
    assert await net.on("ann", ask()) == b"SECRET\n"


@case
async def test_tls_to_a_server_that_speaks_none_fails(net: Net) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 no TLS here\r\n")
        await reader.read(1)
        writer.close()

    async def ask() -> None:
        await asyncio.open_connection(BOB, 25, ssl=anonymous(ssl.PROTOCOL_TLS_CLIENT))

    await net.on("bob", asyncio.start_server(greet, port=25))
    with pytest.raises(ssl.SSLError):
        await net.on("ann", ask())


@case
async def test_tls_that_is_not_answered_times_out(net: Net) -> None:
    async def ask() -> None:
        async with asyncio.timeout(30):
            await asyncio.open_connection(BOB, 25, ssl=anonymous(ssl.PROTOCOL_TLS_CLIENT))

    await net.serve("bob", 25, Ear)
    with pytest.raises(TimeoutError):
        await net.on("ann", ask())


@case
async def test_hosts_that_go_down_leave_no_tls_unclosed(net: Net) -> None:
    async def call() -> None:
        context = anonymous(ssl.PROTOCOL_TLS_CLIENT)
        transport, _ = await asyncio.get_running_loop().create_connection(Ear, BOB, 993, ssl=context)
        transport.write(b"secret\n")

    ears: list[Ear] = []

    async def serve() -> None:
        def made() -> Ear:
            ears.append(Ear())
            return ears[-1]

        await asyncio.get_running_loop().create_server(made, port=993, ssl=anonymous(ssl.PROTOCOL_TLS_SERVER))

    await net.on("bob", serve())
    await net.on("ann", call())
    await ears[0].until(lambda ear: bool(ear.heard))
    ears.clear()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for host in ("ann", "bob"):
            await net.fail(host, Down())
        gc.collect()
    assert [str(one.message) for one in told] == []
