"""Outside of hosts the loop reaches loopback and nothing else: no lab address is dialled from the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from lab.clock import VirtualTime, WarpedTime
from lab.fabric.loop import LabLoop

DIALS: dict[str, Callable[[LabLoop], Awaitable[object]]] = {
    "a connection": lambda loop: loop.create_connection(asyncio.Protocol, "198.18.2.25", 25),
    "a name": lambda loop: loop.create_connection(asyncio.Protocol, "mail.belgiannews.com", 25),
    "a datagram": lambda loop: loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("198.18.3.53", 53)
    ),
    "a socket for any datagram": lambda loop: loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("0.0.0.0", 0)
    ),
    "a server for everyone": lambda loop: loop.create_server(asyncio.Protocol, None, 0),
}


def run(source: VirtualTime | WarpedTime, dial: Callable[[LabLoop], Awaitable[object]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LabLoop)
        await dial(loop)

    with asyncio.Runner(loop_factory=lambda: LabLoop(source)) as runner:
        runner.run(main())


@pytest.mark.parametrize("source", [VirtualTime, WarpedTime])
@pytest.mark.parametrize("dial", DIALS)
def test_nothing_but_loopback_is_dialled_outside_of_hosts(
    dial: str, source: type[VirtualTime] | type[WarpedTime]
) -> None:
    with pytest.raises(OSError, match="not on loopback"):
        run(source(), DIALS[dial])


def test_loopback_is_open_to_the_lab_itself() -> None:
    async def serve(loop: LabLoop) -> None:
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
        transport.abort()
        server.close()

    run(WarpedTime(), serve)
