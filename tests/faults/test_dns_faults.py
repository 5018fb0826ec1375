"""What a name server or a resolver does wrong on purpose: what dig, a resolver and a mail make of it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from lab.errors import WrongUse
from lab.events import FaultStruck, HopAnswered, NameResolved
from lab.scenario import Net
from tests.faults.world import UNIGE, ZONE, outcomes, play, resolved, struck, told

ANN, ED = "ann@unige.ch", "ed@belgiannews.com"
SERVER, PARENT = "ns.belgiannews.com", "ns.com"
RESOLVERS = ("dns.unige.ch", "dns.eunet.be")


async def ask(net: Net, server: str = SERVER, name: str = ZONE, type: str = "MX") -> dict[str, object]:
    """What dig shows of one server."""
    await net.catch_up()
    return await net.internet.dig(name, type, server=server)


@pytest.mark.parametrize(
    ("words", "rcode", "outcome"),
    [
        ("servfail", "SERVFAIL", "servfail"),
        ("refused", "REFUSED", "refused"),
        ("timeout", "TIMEOUT", "timeout"),
        ("lame", "NOERROR", "lame"),
    ],
)
def test_a_name_server_that_fails_is_seen_by_dig_and_by_the_resolver(words: str, rcode: str, outcome: str) -> None:
    async def story(net: Net) -> None:
        await net.fail(SERVER, f"{words} for {ZONE}")
        form = await ask(net)
        assert (form["rcode"], form["aa"], form["answers"]) == (rcode, False, [])
        assert await resolved(net) == "SERVFAIL"
        assert outcomes(net) == [outcome]
        assert set(struck(net)) == {f"{words} for {ZONE} ({ZONE})"}

    play(story)


@pytest.mark.parametrize("words", ["servfail", "refused", "timeout", "lame", "slow 20s"])
def test_a_mail_waits_while_its_domains_name_server_fails_and_goes_when_it_is_healed(words: str) -> None:
    async def story(net: Net) -> None:
        await net.fail(SERVER, words)
        mail = await net.send(ANN, ED, subject="hello")
        await mail.queued()
        assert told(net, NameResolved, UNIGE)[-1].rcode == "SERVFAIL"
        net.heal(SERVER)
        await mail.delivered(within="1d")

    play(story)


def test_a_lame_server_refers_to_the_zones_servers_without_authority() -> None:
    async def story(net: Net) -> None:
        await net.fail(SERVER, "lame")
        form = await ask(net)
        assert [(one["name"], one["type"]) for one in form["authority"]] == [(f"{ZONE}.", "NS")]  # type: ignore[attr-defined]
        assert form["additional"]
        assert [e.detail for e in told(net, HopAnswered) if e.zone == ZONE] == []
        await resolved(net)
        (detail, *_) = [event.detail for event in told(net, HopAnswered) if event.zone == ZONE]
        assert detail.startswith("it refers to itself, to belgiannews.com.")

    play(story)


def test_a_fault_for_a_name_leaves_the_others_alone() -> None:
    async def story(net: Net) -> None:
        await net.fail(SERVER, f"servfail for mail.{ZONE}")
        assert (await ask(net))["rcode"] == "NOERROR"
        assert (await ask(net, name=f"mail.{ZONE}", type="A"))["rcode"] == "SERVFAIL"
        assert (await ask(net, name=f"x.mail.{ZONE}", type="A"))["rcode"] == "SERVFAIL"
        assert (await ask(net, name=f"otmail.{ZONE}", type="A"))["rcode"] == "NXDOMAIN"

    play(story)


def test_a_fault_strikes_as_often_as_it_was_told_to() -> None:
    async def story(net: Net) -> None:
        await net.fail(SERVER, "servfail twice")
        assert [(await ask(net))["rcode"] for _ in range(3)] == ["SERVFAIL", "SERVFAIL", "NOERROR"]
        net.heal(SERVER)
        await net.fail(SERVER, "servfail twice")
        assert (await ask(net))["rcode"] == "SERVFAIL"

    play(story)


def test_what_a_host_remembers_does_not_stand_in_for_a_fault() -> None:
    """An authority remembers replies by the octets of their queries."""

    async def story(net: Net) -> None:
        assert (await ask(net))["rcode"] == "NOERROR"
        await net.fail(SERVER, "servfail")
        assert (await ask(net))["rcode"] == "SERVFAIL"
        await net.heal(SERVER)
        assert (await ask(net))["rcode"] == "NOERROR"

    play(story)


def test_wrong_glue_leads_the_resolver_to_an_address_that_nobody_has() -> None:
    async def story(net: Net) -> None:
        right = net.internet.host(SERVER).addresses[0]
        await net.fail(PARENT, f"wrong-glue for {ZONE}")
        form = await ask(net, PARENT)
        (glue,) = form["additional"]  # type: ignore[misc]
        assert glue["name"] == f"{SERVER}."  # type: ignore[index]
        wrong = glue["data"]  # type: ignore[index]
        assert ip_address(wrong) != ip_address(right)
        assert wrong not in {address for host in net.plan.hosts for address in host.addresses}
        assert await resolved(net) == "SERVFAIL"
        assert {e.address for e in told(net, HopAnswered) if e.zone == ZONE} == {wrong}
        assert outcomes(net) == ["unreachable"]
        net.heal(PARENT)
        assert await resolved(net) == "NOERROR"

    play(story)


def test_wrong_glue_may_lead_to_a_server_that_does_not_have_the_zone() -> None:
    async def story(net: Net) -> None:
        other = net.internet.host("ns.unige.ch").addresses[0]
        await net.fail(PARENT, f"wrong-glue {other} for {ZONE}")
        assert await resolved(net) == "SERVFAIL"
        assert outcomes(net) == ["refused"]

    play(story)


def test_wrong_glue_is_in_referrals_only() -> None:
    async def story(net: Net) -> None:
        await net.fail(PARENT, "wrong-glue")
        form = await ask(net, PARENT, PARENT, "A")
        assert [one["data"] for one in form["answers"]] == [net.internet.host(PARENT).addresses[0]]  # type: ignore[attr-defined]
        assert struck(net) == []

    play(story)


def test_a_truncated_answer_is_fetched_over_tcp() -> None:
    async def story(net: Net) -> None:
        await net.fail(SERVER, "truncated")
        assert (await net.dig(ZONE, "MX", server=SERVER)).lines == ["5 mail.belgiannews.com", "10 relay.eunet.be"]
        assert await resolved(net) == "NOERROR"
        assert len(told(net, FaultStruck, SERVER)) == 2

    play(story)


def test_truncated_and_without_tcp_there_is_no_answer() -> None:
    async def story(net: Net) -> None:
        await net.fail(SERVER, "truncated")
        await net.fail(SERVER, "no-tcp")
        form = await ask(net)
        assert "tc" in form["flags"]  # type: ignore[operator]
        assert form["why"] == ["the answer does not fit into a datagram (TC), and none comes over TCP"]
        assert await resolved(net) == "SERVFAIL"
        (detail, *_) = [event.detail for event in told(net, HopAnswered) if event.outcome == "truncated"]
        assert detail == "over UDP there is no room, and over TCP: connection refused (RFC 7766 §5)"
        net.heal(SERVER)
        assert await resolved(net) == "NOERROR"

    play(story)


def test_a_mail_waits_where_a_resolvers_answer_is_cut_off() -> None:
    """No MX in what came is not the same as no MX (RFC 5321 §5.1)."""

    async def story(net: Net) -> None:
        for resolver in RESOLVERS:
            await net.fail(resolver, "truncated")
            await net.fail(resolver, "no-tcp")
        mail = await net.send(ANN, ED, subject="hello")
        await mail.queued()
        net.heal()
        await mail.delivered(within="1d")

    play(story)


@pytest.mark.parametrize(
    ("words", "rcode"), [("servfail", "SERVFAIL"), ("refused", "REFUSED"), ("timeout", "TIMEOUT")]
)
def test_a_mail_waits_while_its_hosts_resolver_fails(words: str, rcode: str) -> None:
    async def story(net: Net) -> None:
        await net.fail(RESOLVERS[0], words)
        form = await ask(net, RESOLVERS[0])
        assert (form["rcode"], "ra" in form["flags"]) == (rcode, rcode != "TIMEOUT")  # type: ignore[operator]
        mail = await net.send(ANN, ED, subject="hello")
        await mail.queued()
        assert told(net, NameResolved, UNIGE)[-1].rcode == rcode
        net.heal()
        await mail.delivered(within="1d")

    play(story)


def test_a_slow_answer_comes_late() -> None:
    async def story(net: Net) -> None:
        await net.fail(RESOLVERS[0], f"slow 3s for {ZONE}")
        for name, seconds in ((ZONE, 3.0), ("unige.ch", 0.0)):
            begun = net.elapsed
            assert (await ask(net, RESOLVERS[0], name))["rcode"] == "NOERROR"
            assert net.elapsed - begun == pytest.approx(seconds, abs=0.5)

    play(story)


def test_slow_and_wrong_it_is_wrong_late() -> None:
    async def story(net: Net) -> None:
        await net.fail(SERVER, "slow 2s")
        await net.fail(SERVER, "servfail")
        begun = net.elapsed
        assert (await ask(net))["rcode"] == "SERVFAIL"
        assert net.elapsed - begun == pytest.approx(2.0, abs=0.5)

    play(story)


def test_a_host_that_crashes_and_comes_back_without_tcp_still_has_none() -> None:
    async def story(net: Net) -> None:
        await net.fail(SERVER, "no-tcp")
        await net.fail(SERVER, "truncated")
        for _ in range(2):
            assert "tc" in (await ask(net))["flags"]  # type: ignore[operator]
            await net.fail(SERVER, "down")
            await net.heal(SERVER)
            assert "tc" not in (await ask(net))["flags"]  # type: ignore[operator]
            await net.fail(SERVER, "no-tcp")
            await net.fail(SERVER, "truncated")

    play(story)


def test_a_fault_that_a_host_cannot_have_is_refused() -> None:
    async def story(net: Net) -> None:
        for host, words in (("student", "servfail"), (SERVER, "stall at data"), (RESOLVERS[0], "lame")):
            with pytest.raises(WrongUse, match="cannot have the fault"):
                net.fail(host, words)

    play(story)
