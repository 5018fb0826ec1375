import asyncio
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.clock import LabClock, VirtualTime
from lab.errors import WrongUse
from lab.events import Event
from lab.fabric.base import Host
from lab.fabric.disk import Disk, MemoryDisk
from lab.fabric.folder_disk import FolderDisk
from lab.mail.account import MailAccount
from lab.mail.maildir import Maildir, Place, delivery_key
from lab.mail.people import Person
from lab.mail.reading import answers
from lab.mail.store import Store
from lab.names import DomainName, EmailAddress
from lab.topology.plan import MailboxPlan, MailPlan

MAIL = DomainName("mail.belgiannews.com")
ED, ZOE = EmailAddress("ed@belgiannews.com"), EmailAddress("ed@shop.be")
PLAN = MailPlan(
    local_domains=(DomainName("belgiannews.com"), DomainName("shop.be")),
    mailboxes=(MailboxPlan(ED), MailboxPlan(ZOE)),
)
TEXT = b"Return-Path: <ann@unige.ch>\r\nFrom: Ann <ann@unige.ch>\r\nSubject: hi\r\n\r\nFrom me\r\n"


class Account:
    """The part of a host that a store needs."""

    name = MAIL

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or MemoryDisk()
        self.time = VirtualTime()
        self.clock = LabClock(self.time)
        self.log: Callable[[Event], None] = [].append

    def store(self) -> Store:
        return Store(cast(Host, self), PLAN)

    def maildir(self, disk: Disk | None = None) -> Maildir:
        """INBOX, as a process finds it that begins now."""
        return MailAccount(
            Place(disk or self.disk, MAIL, self.clock.now, self.log), "home/ed/Maildir", ED, lambda: 0
        ).inbox

    def texts(self) -> dict[int, bytes]:
        inbox = self.maildir()
        return {entry.uid: inbox.octets(entry.uid) for entry in inbox.entries()}


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def test_message_is_found_in_new_octet_for_octet() -> None:
    account = Account()
    assert run(account.store().deliver(ED, TEXT, "Q1R00000000")) == 1
    [name] = account.disk.list("home/ed/Maildir/new")
    assert name == "1767600000.Q1R00000000.mail.belgiannews.com"
    assert account.disk.read(f"home/ed/Maildir/new/{name}") == TEXT
    assert account.disk.list("home/ed/Maildir/tmp") == []


def test_list_tells_who_what_when_and_how_large() -> None:
    account = Account()
    store = account.store()
    run(store.deliver(ED, TEXT, "Q1R00000000"))
    account.time.leap(60)
    run(store.deliver(ED, b"\r\n", "Q2R00000000"))
    rows = [(m.uid, m.author, m.subject, m.size, m.received.isoformat(), m.flags) for m in store.messages(ED)]
    assert rows == [
        (1, "Ann <ann@unige.ch>", "hi", len(TEXT), "2026-01-05T08:00:00+00:00", ()),
        (2, "", "", 2, "2026-01-05T08:01:00+00:00", ()),
    ]


def test_same_name_in_two_domains_is_two_mailboxes() -> None:
    account = Account()
    store = account.store()
    run(store.deliver(ED, TEXT, "Q1R00000000"))
    run(store.deliver(ZOE, b"x\r\n", "Q1R00000001"))
    assert [len(store.messages(box)) for box in (ED, ZOE)] == [1, 1]
    assert account.disk.list("home") == ["ed", "ed@shop.be"]


def test_delivery_repeated_after_a_crash_finds_the_first() -> None:
    account = Account()
    uids = [run(account.store().deliver(ED, TEXT, "Q1R00000000")) for _ in range(3)]
    assert uids == [1, 1, 1]
    assert len(account.store().messages(ED)) == 1


def test_delivery_repeated_after_the_owner_read_it_finds_the_first() -> None:
    account = Account()
    run(account.store().deliver(ED, TEXT, "Q1R00000000"))
    [name] = account.disk.list("home/ed/Maildir/new")
    account.disk.rename(f"home/ed/Maildir/new/{name}", f"home/ed/Maildir/cur/{name}:2,RS")
    store = account.store()
    assert run(store.deliver(ED, TEXT, "Q1R00000000")) == 1
    assert [message.flags for message in store.messages(ED)] == [("answered", "seen")]


def test_one_message_to_two_mailboxes_has_two_keys() -> None:
    assert delivery_key("90bc", ED) != delivery_key("90bc", ZOE)
    assert delivery_key("90bc", ED) == delivery_key("90bc", EmailAddress("ED@belgiannews.com"))


def test_message_dropped_into_new_by_hand_is_found() -> None:
    account = Account()
    store = account.store()
    run(store.deliver(ED, TEXT, "Q1R00000000"))
    account.disk.write("home/ed/Maildir/new/by-hand", b"Subject: hand\n\nx\n")
    assert [(m.uid, m.subject) for m in store.messages(ED)] == [(1, "hi"), (2, "hand")]
    assert store.read(ED, 2) == b"Subject: hand\n\nx\n"


def test_number_of_a_removed_message_is_never_used_again() -> None:
    account = Account()
    store = account.store()
    run(store.deliver(ED, TEXT, "Q1R00000000"))
    [message] = store.messages(ED)
    account.disk.remove(message.file)
    assert store.messages(ED) == []
    assert run(account.store().deliver(ED, TEXT, "Q2R00000000")) == 2


def test_uidvalidity_outlives_a_restart() -> None:
    account = Account()
    first = account.maildir().uidvalidity
    account.time.leap(3600)
    assert account.maildir().uidvalidity == first == 1767600000


def test_torn_line_of_uids_is_passed_over() -> None:
    account = Account()
    run(account.store().deliver(ED, TEXT, "Q1R00000000"))
    account.disk.append("home/ed/Maildir/uids", b"2 17676")
    store = account.store()
    assert run(store.deliver(ED, TEXT, "Q2R00000000")) == 2
    assert [message.uid for message in account.store().messages(ED)] == [1, 2]


def test_unknown_mailbox_and_message_are_told_in_words() -> None:
    store = Account().store()
    with pytest.raises(WrongUse, match=r"mail\.belgiannews\.com has no mailbox no@belgiannews\.com"):
        store.messages(EmailAddress("no@belgiannews.com"))
    with pytest.raises(WrongUse, match="no message 7"):
        store.read(ED, 7)


def test_mailbox_may_be_opened_while_the_host_runs() -> None:
    store = Account().store()
    new = EmailAddress("new@belgiannews.com")
    run(store.people.add(new, Person()))
    assert new in store
    assert run(store.deliver(new, TEXT, "Q1R00000000")) == 1


@pytest.mark.parametrize(
    ("address", "user"),
    [
        ("ed@belgiannews.com", "ed"),
        ("first.last@belgiannews.com", "first.last"),
        ("ed@shop.be", "ed@shop.be"),
        ('"../../etc"@belgiannews.com', "%22..%2f..%2fetc%22"),
        ("a/b@belgiannews.com", "a%2fb"),
    ],
)
def test_account_name_stays_in_its_folder(address: str, user: str) -> None:
    assert Account().store().user_of(EmailAddress(address)) == user


def test_text_view_is_there_where_a_person_can_come_by(tmp_path: Path) -> None:
    account = Account(FolderDisk(tmp_path))
    store = account.store()
    view = tmp_path / "var/mail/ed"

    async def story() -> None:
        for number in range(2):
            await store.deliver(ED, TEXT, f"Q{number}R00000000")
            assert view.read_bytes() == store.mbox(ED)
        (tmp_path / "home/ed/Maildir/new/by-hand").write_bytes(b"Subject: hand\n\nx\n")
        await store.deliver(ED, TEXT, "Q1R00000000")
        await store.deliver(ED, TEXT, "Q2R00000000")

    run(story())
    assert store.mbox(ED) == view.read_bytes()
    assert view.read_text().count("\nFrom ann@unige.ch Mon Jan  5 08:00:00 2026\n") == 2
    assert view.read_text().count("\n>From me\n") == 3
    assert (tmp_path / "home/ed/Maildir/cur").is_dir()


def test_keeper_sees_mailbox_message_and_text() -> None:
    account = Account()
    store = account.store()
    run(store.deliver(ED, TEXT, "Q1R00000000"))
    ask = answers(store)
    listed = run(ask["mailbox"]({"address": "Ed@BelgianNews.com"}))
    assert listed == {
        "address": "ed@belgiannews.com",
        "folder": "INBOX",
        "folders": ["INBOX"],
        "messages": [
            {
                "uid": 1,
                "from": "Ann <ann@unige.ch>",
                "subject": "hi",
                "size": len(TEXT),
                "received": "2026-01-05T08:00:00+00:00",
                "flags": [],
            }
        ],
    }
    assert run(ask["message"]({"address": ED, "uid": 1}))["octets"].encode("latin-1") == TEXT
    assert run(ask["mbox"]({"address": ED}))["text"].startswith("From ann@unige.ch Mon Jan  5")


@given(st.integers(), st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(0, 12))
def test_power_cut_loses_no_acknowledged_mail_and_doubles_none(seed: int, keys: list[int], cut: int) -> None:
    """Deliver, cut the power in the middle of one delivery, and deliver again what was not acknowledged."""
    account = Account(MemoryDisk())
    chance, acknowledged = Random(seed), dict[int, int]()

    async def deliver(key: int, syncs: int) -> None:
        disk = _Unplugged(account.disk, syncs)
        maildir = account.maildir(cast(Disk, disk))
        try:
            acknowledged[key] = await maildir.deliver(b"%d\r\n" % key, f"Q{key}R00000000")
        except _PowerCut:
            cast(MemoryDisk, account.disk).power_cut(chance)

    for number, key in enumerate(keys):
        run(deliver(key, chance.randint(0, 1) if number == cut else 2))
    found = account.texts()
    assert all(found.get(uid) == b"%d\r\n" % key for key, uid in acknowledged.items())
    for key in keys:
        run(account.maildir().deliver(b"%d\r\n" % key, f"Q{key}R00000000"))
    assert sorted(account.texts().values()) == [b"%d\r\n" % key for key in sorted(set(keys))]


class _PowerCut(Exception):
    pass


class _Unplugged:
    """A disk whose power goes at its n-th sync, before anything of it is done."""

    def __init__(self, disk: Disk, syncs: int) -> None:
        self._disk, self._left = disk, syncs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._disk, name)

    async def sync(self, *paths: str, names: Iterable[str] = (), contents: Iterable[str] = ()) -> None:
        if self._left == 0:
            raise _PowerCut
        self._left -= 1
        await self._disk.sync(*paths, names=names, contents=contents)
