"""What a server does wrong is the same in memory, on sockets, and where hosts live in other processes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.events import FaultApplied, FaultLifted, FaultStruck
from lab.fabric.distant.orders import Fail, from_line, to_line
from lab.faults import WORDS, fault_of
from lab.internet import Internet
from lab.names import DomainName
from lab.scenario import Net
from lab.topology import loads
from tests.fabric.distant import stage
from tests.faults.world import (
    BELGIUM,
    NEWS,
    RELAY,
    ZONE,
    Story,
    failures,
    on_sockets,
    outcomes,
    play,
    resolved,
    told,
)

ANN, ED = "ann@unige.ch", "ed@belgiannews.com"
Stage = Callable[[Story], None]
SERVER, PARENT = "ns.belgiannews.com", "ns.com"


def on_processes(story: Story) -> None:
    """Four hosts to a process."""

    async def inside(internet: Internet, _: object) -> None:
        await story(Net(internet))

    stage.play(inside, loads(BELGIUM, "faults.yaml"), share=4)


fabrics = pytest.mark.parametrize(
    "on",
    [
        pytest.param(play, id="sim"),
        pytest.param(on_sockets, id="local", marks=pytest.mark.namespace),
        pytest.param(on_processes, id="processes", marks=pytest.mark.namespace),
    ],
)


@fabrics
def test_a_mail_server_resets_and_stalls(on: Stage) -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, "reset at dot once")
        await net.fail(NEWS, "stall at data once")
        await (await net.send(ANN, ED, subject="hello")).delivered(within="6h")
        await net.clock.advance("6h")
        assert failures(net, "") == [f"{NEWS} data timed out", f"{NEWS} eom reset"]
        (await net.mailbox(ED)).holds("hello", "hello")
        assert [event.fault for event in told(net, FaultStruck, NEWS)] == [
            "stall at data once",
            "reset at eom once",
        ]

    on(story)


@fabrics
def test_a_stalled_server_goes_on_when_it_is_healed(on: Stage) -> None:
    async def story(net: Net) -> None:
        await net.fail(NEWS, "stall at rcpt")
        mail = await net.send(ANN, ED, subject="hello")
        await net.clock.advance("2m")
        net.heal(NEWS)
        await mail.delivered(within="1m")
        assert failures(net, "") == []

    on(story)


@fabrics
def test_a_full_disk_takes_nothing_in(on: Stage) -> None:
    async def story(net: Net) -> None:
        net.fail(NEWS, "disk-full")
        mail = await net.send(ANN, ED, subject="hello")
        await mail.held_at(RELAY)
        mail.took(f"{NEWS} 452")
        net.heal(NEWS)
        await mail.delivered(within="1d")
        (await net.mailbox(ED)).holds("hello")

    on(story)


@fabrics
def test_name_servers_fail(on: Stage) -> None:
    async def story(net: Net) -> None:
        for words in ("servfail", "lame", "timeout"):
            await net.fail(SERVER, words)
            assert await resolved(net) == "SERVFAIL"
            await net.heal(SERVER)
        await net.fail(PARENT, f"wrong-glue for {ZONE}")
        assert await resolved(net) == "SERVFAIL"
        await net.heal(PARENT)
        await net.fail(SERVER, "truncated")
        assert await resolved(net) == "NOERROR"
        await net.fail(SERVER, "no-tcp")
        assert await resolved(net) == "SERVFAIL"
        await net.heal(SERVER)
        assert await resolved(net) == "NOERROR"
        assert outcomes(net) == ["servfail", "lame", "timeout", "unreachable", "answer", "truncated"]
        applied = [event.fault for event in told(net, FaultApplied)]
        assert applied == ["servfail", "lame", "timeout", f"wrong-glue for {ZONE}", "truncated", "no-tcp"]
        assert [event.fault for event in told(net, FaultLifted)] == applied

    on(story)


@pytest.mark.parametrize("example", WORDS.values())
def test_a_fault_travels_as_it_is(example: str) -> None:
    order = Fail(7, DomainName(SERVER), fault_of(example.replace("NAME", ZONE)))
    assert from_line(to_line(order)) == order
