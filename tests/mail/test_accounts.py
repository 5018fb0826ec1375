"""Accounts that come, change and go while the host runs: asked of its console, as `lab account` does."""

from typing import Any, cast

import pytest

from lab.errors import WrongUse
from lab.events import MailDeferred, MailDelivered, MailForwarded
from lab.fabric.disk import MemoryDisk
from lab.fabric.faults import Down
from lab.log import EventLog
from lab.mail.folders import Account, Accounts, FolderError
from lab.mail.people import People, Person
from lab.mail.store import Store
from lab.names import DomainName, EmailAddress
from lab.topology.plan import MailboxPlan, MailPlan
from tests.mail.world import HOME, World, play

ANN, ZOE = EmailAddress("ann@unige.ch"), EmailAddress("zoe@unige.ch")


async def do(world: World, what: str, address: str = "", **more: Any) -> dict[str, Any]:
    return await world.fabric.ask(HOME, "account", {"do": what, "address": address, **more})


def store(world: World) -> Store:
    return world.mail[HOME].local.store


def test_new_account_gets_mail_at_once() -> None:
    async def story(world: World) -> None:
        assert "nobody" in await world.send("ann@unige.ch", sender=ZOE)
        await do(world, "add", ZOE, password="open sesame", quota=5_000, name="Zoë")
        await world.send(ZOE)
        await world.wait(seconds=1)
        assert [event.mailbox for event in world.events(MailDelivered)] == [ZOE]
        listed = {one["address"]: one for one in (await do(world, "list"))["accounts"]}
        assert (listed[ZOE]["messages"], listed[ZOE]["quota"], listed[ZOE]["name"]) == (1, 5_000, "Zoë")
        assert (listed[ANN]["messages"], listed[ANN]["octets"]) == (0, 0)

    play(story)


def test_accounts_outlive_a_power_cut() -> None:
    async def story(world: World) -> None:
        await do(world, "add", ZOE, password="a:b%c\nd", name="Zoë")
        await do(world, "alias", "info@unige.ch", to=[ANN, ZOE])
        await do(world, "quota", ANN, quota=77)
        await world.fabric.fail(HOME, Down())
        await world.fabric.heal(HOME)
        people = store(world).people
        assert people.person(ZOE) == Person("a:b%c\nd", 0, "Zoë")
        assert people.person(ANN).quota == 77
        assert people.aliases == {"info@unige.ch": (ANN, ZOE)}

    play(story)


def test_forward_goes_elsewhere_and_keeps_a_copy_where_it_names_itself() -> None:
    async def story(world: World) -> None:
        await do(world, "add", ZOE)
        await do(world, "forward", ANN, to=[ZOE])
        await world.send(ANN)
        await do(world, "forward", ANN, to=[ZOE, ANN])
        await world.send(ANN)
        await do(world, "forward", ANN, to=[])
        await world.send(ANN)
        await world.wait(seconds=1)
        assert [event.mailbox for event in world.events(MailDelivered)] == [ZOE, ZOE, ANN, ANN]
        assert [event.to for event in world.events(MailForwarded)] == [(ZOE,), (ZOE, ANN)]

    play(story)


def test_forwards_in_a_circle_end_in_the_mailbox_where_it_closes() -> None:
    async def story(world: World) -> None:
        await do(world, "add", ZOE)
        await do(world, "forward", ANN, to=[ZOE])
        await do(world, "forward", ZOE, to=[ANN])
        await world.send(ANN)
        await world.wait(minutes=1)
        assert [event.mailbox for event in world.events(MailDelivered)] == [ANN]

    play(story)


def test_who_left_is_unknown_and_the_mailbox_waits_for_a_return() -> None:
    async def story(world: World) -> None:
        await do(world, "add", ZOE)
        await world.send(ZOE)
        await world.wait(seconds=1)
        assert await do(world, "rm", ZOE) == {"removed": ZOE, "kept": True}
        assert ZOE not in store(world)
        await do(world, "add", ZOE)
        assert len(store(world).messages(ZOE)) == 1
        await do(world, "rm", ZOE, mail=True)
        await do(world, "add", ZOE)
        assert store(world).messages(ZOE) == []

    play(story)


def test_who_is_still_logged_in_when_the_account_goes_has_nothing_to_read_or_write() -> None:
    async def story(world: World) -> None:
        await world.send(ANN)
        await world.wait(seconds=1)
        account = store(world).account(ANN)
        inbox = account.open("INBOX")
        await do(world, "rm", ANN)
        assert not inbox.entries()
        for attempt in (inbox.append(b"x\r\n"), account.create("Archive")):
            with pytest.raises(FolderError, match="any more"):
                await attempt
        await do(world, "add", ANN)
        assert [message.uid for message in store(world).messages(ANN)] == [1]

    play(story)


def test_over_quota_mail_waits_and_comes_when_there_is_room() -> None:
    async def story(world: World) -> None:
        await do(world, "quota", ANN, quota=1)
        await world.send(ANN)
        await world.wait(seconds=1)
        [deferred] = world.events(MailDeferred)
        assert "the mailbox of ann@unige.ch is full: 0 of 1 octets are taken" in deferred.reason
        await do(world, "quota", ANN, quota=0)
        await world.wait(hours=2)
        assert [event.mailbox for event in world.events(MailDelivered)] == [ANN]

    play(story)


@pytest.mark.parametrize(
    ("what", "address", "more", "words"),
    [
        ("add", ANN, {}, "has a mailbox already"),
        ("add", "ann@elsewhere.ch", {}, "keeps no mail for elsewhere.ch"),
        ("alias", ANN, {"to": [ZOE]}, "has a mailbox"),
        ("rm", ZOE, {}, "has no mailbox here"),
        ("passwd", ZOE, {"password": "x"}, "has no mailbox here"),
        ("rm", "postmaster@unige.ch", {}, "every mail host has a postmaster"),
        ("dance", ANN, {}, "not 'dance'"),
    ],
)
def test_what_cannot_be_done_is_told_in_words(what: str, address: str, more: dict[str, Any], words: str) -> None:
    async def story(world: World) -> None:
        with pytest.raises(WrongUse) as told:
            await do(world, what, address, **more)
        assert words in str(told.value)

    play(story)


def test_no_password_is_in_an_answer_or_in_the_log() -> None:
    async def story(world: World) -> None:
        answers = [
            await do(world, "add", ZOE, password="xyzzy1"),
            await do(world, "passwd", ZOE, password="xyzzy2"),
            await do(world, "list"),
        ]
        await world.send(ZOE)
        assert "xyzzy" not in str(answers) + str(list(cast(EventLog, world.fabric.log)))
        assert store(world).password(ZOE) == "xyzzy2"

    play(story)


def test_login_is_the_address_or_its_local_part_in_the_first_domain() -> None:
    plan = MailPlan(
        (DomainName("unige.ch"), DomainName("cui.ch")),
        (MailboxPlan(ANN, "secret"), MailboxPlan(EmailAddress("bob@cui.ch"))),
    )
    people = People(MemoryDisk(), plan, DomainName("unige.ch"))
    assert people.find("ann") == people.find("Ann@UniGE.ch") == ANN
    assert people.find("bob@cui.ch") == "bob@cui.ch"
    assert [people.find(login) for login in ("bob", "", "@", "a b", "nobody")] == [None] * 5


def test_store_is_what_pop3_and_imap_ask() -> None:
    async def story(world: World) -> None:
        accounts: Accounts = store(world)
        account: Account = accounts.account(ANN)
        assert account.open("INBOX") is account.open("inbox")
        assert accounts.password(EmailAddress("postmaster@unige.ch")) is None

    play(story)
