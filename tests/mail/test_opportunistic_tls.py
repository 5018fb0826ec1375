"""Mail between hosts in TLS, where the file says `tls: may` and the other host offers it."""

from collections import defaultdict
from dataclasses import replace

import pytest

from lab.events import ConnectionFailed, MailAccepted, MailDelivered, MailRelayed
from lab.names import DomainName, EmailAddress
from lab.topology.plan import MailboxPlan, MailPlan
from tests.mail.world import HOME, UNIGE, Place, World, play

NEWS = MailPlan((DomainName("b.com"),), (MailboxPlan(EmailAddress("ed@b.com")),))


def two_hosts(sends: str, takes: str) -> World:
    """Ann's host with a setting of `tls`, and ed's with one of `starttls`."""

    def prepare(world: World) -> None:
        world.host("mail.b.com", "198.18.2.25", replace(NEWS, settings={"starttls": takes}))
        world.mx("b.com", (5, "mail.b.com"))
        world.fabric.hosts[HOME].plan = replace(
            world.fabric.hosts[HOME].plan, mail=replace(UNIGE, settings={"tls": sends})
        )

    met = []

    async def story(world: World) -> None:
        met.append(world)
        await world.send("ed@b.com")
        await world.send("ed@b.com")
        await world.wait(minutes=1)
        assert len(world.events(MailDelivered)) == 2

    play(story, prepare)
    return met[0]


@pytest.mark.parametrize(
    ("sends", "takes", "protocol"),
    [("may", "yes", "ESMTPS"), ("none", "yes", "ESMTP"), ("may", "no", "ESMTP")],
)
def test_mail_travels_in_tls_where_both_hosts_may(sends: str, takes: str, protocol: str) -> None:
    world = two_hosts(sends, takes)
    assert {event.protocol for event in world.events(MailAccepted)} == {protocol}


@pytest.mark.parametrize("refusal", [b"454 4.7.0 not now\r\n", b"220 go\r\n"])
def test_a_host_whose_tls_fails_does_not_keep_the_mail_from_its_backup(refusal: bytes) -> None:
    def prepare(world: World) -> None:
        world.mx("b.com", (5, "mx1.b.com"), (10, "mx2.b.com"))
        first = Place(ehlo=b"250-mx1\r\n250 STARTTLS\r\n", star=refusal)
        first.script = defaultdict(lambda: [b""], first.script)  # it hangs up on what it takes for a command
        world.place("mx1.b.com", "198.18.2.25", first)
        world.place("mx2.b.com", "198.18.4.25", Place())
        world.fabric.hosts[HOME].plan = replace(
            world.fabric.hosts[HOME].plan, mail=replace(UNIGE, settings={"tls": "may"})
        )

    async def story(world: World) -> None:
        await world.send("ed@b.com")
        await world.wait(minutes=10)
        [relayed] = world.events(MailRelayed)
        clear = refusal.startswith(b"454")
        assert relayed.exchanger == ("mx1.b.com" if clear else "mx2.b.com")
        assert [event.stage.value for event in world.events(ConnectionFailed)] == ([] if clear else ["starttls"])

    play(story, prepare)
