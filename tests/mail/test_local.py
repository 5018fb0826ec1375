import asyncio
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.clock import LabClock, VirtualTime
from lab.events import Event, MailDelivered, MailForwarded
from lab.fabric.base import Host
from lab.fabric.disk import MemoryDisk
from lab.mail.envelope import Envelope, Recipient
from lab.mail.local import Aim, Delivered, Failed, Forwarded, LocalDelivery, Outcome, aim_of
from lab.mail.relay import place_of
from lab.names import Address, DomainName, EmailAddress
from lab.topology.plan import MailboxPlan, MailPlan

DOMAIN = DomainName("belgiannews.com")
ED, EVE, ANN = (EmailAddress(text) for text in ("ed@belgiannews.com", "eve@belgiannews.com", "ann@unige.ch"))
TEXT = b"Subject: hi\r\n\r\nhello\r\n"


def at(name: str) -> EmailAddress:
    return EmailAddress(name if "@" in name else f"{name}@belgiannews.com")


class Account:
    """The part of a host that local delivery needs."""

    name = DomainName("mail.belgiannews.com")
    addresses = (Address("198.18.2.25"),)

    def __init__(self, aliases: dict[str, str] | None = None) -> None:
        self.disk = MemoryDisk()
        self.clock = LabClock(VirtualTime())
        self.events: list[Event] = []
        self.log = self.events.append
        plan = MailPlan(
            local_domains=(DOMAIN, DomainName("shop.be")),
            mailboxes=(MailboxPlan(ED), MailboxPlan(EVE)),
            aliases={at(alias): tuple(map(at, to.split())) for alias, to in (aliases or {}).items()},
        )
        self.delivery = LocalDelivery(cast(Host, self), plan)

    def deliver(self, to: str, sender: EmailAddress | None = ANN, queue_id: str = "90bc") -> Outcome:
        envelope = Envelope(sender, (Recipient(at(to)),))
        return asyncio.run(self.delivery.deliver(at(to), TEXT, envelope, queue_id))

    def counts(self) -> dict[str, int]:
        """How many messages each mailbox holds, empty ones left out."""
        store = self.delivery.store
        return {box.local: held for box in store if (held := len(store.messages(box)))}


def test_mail_is_filed_with_return_path_and_recipient_on_top() -> None:
    account = Account()
    assert account.deliver("ed") == Delivered(ED, 1)
    assert account.delivery.store.read(ED, 1) == (
        b"Return-Path: <ann@unige.ch>\r\nDelivered-To: ed@belgiannews.com\r\n" + TEXT
    )
    assert account.events == [MailDelivered("90bc", ED, ED, 1)]


def test_bounce_is_filed_with_the_null_return_path() -> None:
    account = Account()
    account.deliver("ed", sender=None)
    assert account.delivery.store.read(ED, 1).startswith(b"Return-Path: <>\r\n")


def test_repeated_delivery_is_filed_once() -> None:
    account = Account()
    assert account.deliver("ed") == account.deliver("Ed") == Delivered(ED, 1)
    assert account.counts() == {"ed": 1}


def test_unknown_user_fails_for_good() -> None:
    outcome = Account().deliver("nobody")
    assert isinstance(outcome, Failed)
    assert outcome.status == "5.1.1"


def test_full_disk_fails_for_now() -> None:
    account = Account()
    account.disk.full = True
    outcome = account.deliver("ed")
    assert isinstance(outcome, Failed)
    assert outcome.status == "4.3.1"
    account.disk.full = False
    assert account.deliver("ed") == Delivered(ED, 1)


def test_alias_to_one_mailbox_is_that_mailbox() -> None:
    account = Account({"info": "ed"})
    assert account.deliver("info") == Delivered(ED, 1)
    assert account.events == [MailForwarded("90bc", at("info"), (ED,)), MailDelivered("90bc", at("info"), ED, 1)]


def test_alias_elsewhere_is_left_to_the_queue() -> None:
    account = Account({"info": "ann@unige.ch"})
    assert account.deliver("info") == Forwarded((ANN,))
    assert account.events == [MailForwarded("90bc", at("info"), (ANN,))]


def test_alias_of_both_kinds_is_delivered_here_and_left_to_the_queue() -> None:
    account = Account({"all": "ed staff ann@unige.ch", "staff": "eve ed"})
    assert account.deliver("all") == Forwarded((ANN,))
    assert account.counts() == {"ed": 1, "eve": 1}


def test_recipient_reached_twice_gets_one_copy() -> None:
    account = Account({"info": "ed"})
    account.deliver("ed")
    account.deliver("info")
    assert account.counts() == {"ed": 1}


def test_alias_that_names_itself_keeps_a_copy() -> None:
    account = Account({"ed": "ed ann@unige.ch"})
    assert account.deliver("ed") == Forwarded((ANN,))
    assert account.counts() == {"ed": 1}


def test_circle_of_aliases_fails_for_good() -> None:
    outcome = Account({"a": "b", "b": "c", "c": "a"}).deliver("b")
    assert isinstance(outcome, Failed)
    assert outcome.status == "5.4.6"


def test_member_that_nobody_has_is_left_to_the_queue_to_bounce() -> None:
    account = Account({"all": "ed gone"})
    assert account.deliver("all") == Forwarded((at("gone"),))


@pytest.mark.parametrize(
    "to",
    [
        "postmaster",
        "PostMaster",
        "abuse",
        "postmaster@shop.be",
        "abuse@shop.be",
        "postmaster@mail.belgiannews.com",
    ],
)
def test_offices_are_read_by_the_hosts_postmaster(to: str) -> None:
    account = Account()
    assert account.deliver(to) == Delivered(at("postmaster"), 1)


def test_postmaster_may_be_an_alias() -> None:
    account = Account({"postmaster": "eve"})
    assert account.deliver("abuse@shop.be") == Delivered(EVE, 1)


def test_offices_that_send_each_other_their_mail_end() -> None:
    assert Account({"postmaster": "abuse"}).deliver("abuse") == Delivered(at("postmaster"), 1)


def test_address_literal_of_the_host_is_its_first_domain() -> None:
    assert Account().deliver("ed@[198.18.2.25]") == Delivered(ED, 1)


NAMES = st.sampled_from(["a", "b", "c", "ed", "postmaster", "abuse", "gone", "ann@unige.ch"])


@given(st.dictionaries(NAMES, st.lists(NAMES, min_size=1, max_size=3), max_size=5), NAMES)
def test_every_web_of_aliases_has_an_end_and_names_nobody_twice(web: dict[str, list[str]], start: str) -> None:
    plan = MailPlan(local_domains=(DOMAIN,), aliases={at(name): tuple(map(at, to)) for name, to in web.items()})
    place = place_of(Account.name, Account.addresses, plan)
    aim = aim_of(at(start), place, {ED, at("postmaster")})
    if aim is not None:
        assert isinstance(aim, Aim)
        assert len(set(aim.all)) == len(aim.all)
        assert set(aim.mailboxes) <= {ED, at("postmaster")}
