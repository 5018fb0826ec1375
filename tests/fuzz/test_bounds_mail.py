"""No client makes a mail host work, wait or remember out of proportion: floods, trickles, what is never read."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lab.mail import conversation, limits, server
from lab.mail.imap.server import PATIENCE as IMAP_PATIENCE
from lab.wire import mime
from lab.wire.imap import keys
from tests.fuzz.post_office import ED, HOME, OFFICE, STRANGER, PostOffice
from tests.fuzz.work import peak

SMTP, POP3, IMAP = 25, 110, 143
LETTER = b"Subject: x\r\n\r\n" + b"y" * 60_000 + b"\r\n"


class Caller(asyncio.Protocol):
    """A client by hand: it may stop reading, and counts what it hears."""

    def __init__(self) -> None:
        self.heard = 0
        self.last = b""
        self.closed = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, octets: bytes) -> None:
        self.heard += len(octets)
        self.last = (self.last + octets)[-200:]

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True


class Scene:
    """A post office, and what happens at it, step by step of the loop."""

    def __init__(self, letters: tuple[bytes, ...] = ()) -> None:
        self.office = PostOffice(letters)
        self.run = self.office._runner.run

    def call(self, port: int, octets: bytes = b"", *, reads: bool = True) -> Caller:
        async def connected() -> Caller:
            stranger = self.office.fabric.hosts[STRANGER]
            loop = asyncio.get_running_loop()
            _, caller = await stranger.spawn(loop.create_connection(Caller, OFFICE, port))
            if not reads:
                caller.transport.pause_reading()
            caller.transport.write(octets)
            return caller

        caller: Caller = self.run(connected())
        return caller

    def wait(self, seconds: float) -> None:
        self.run(self.office.fabric.advance(timedelta(seconds=seconds)))

    def turns(self, until: Callable[[], bool], most: int = 100_000) -> int:
        """How many turns others have before something has happened."""

        async def counted() -> int:
            for turn in range(most):
                if until():
                    return turn
                await asyncio.sleep(0)
            raise AssertionError("it never happens")

        return self.run(counted())


@pytest.fixture
def scene() -> Any:
    scene = Scene()
    yield scene
    assert not scene.office.fabric.crashes
    scene.office.close()


# -- floods of commands -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "command", "reply", "at_once"),
    [
        (POP3, b"CAPA\r\n", b"\r\n.\r\n", conversation.AT_ONCE),
        (IMAP, b"a NOOP\r\n", b"a OK nothing was to do\r\n", conversation.AT_ONCE),
    ],
    ids=["capa", "imap"],
)
def test_ten_thousand_pipelined_commands_leave_others_their_turn(
    scene: Scene, port: int, command: bytes, reply: bytes, at_once: int
) -> None:
    caller = scene.call(port, command * 10_000 + b"QUIT\r\n" if port != IMAP else command * 10_000)
    assert scene.turns(_answered(caller)) >= 10_000 / at_once
    assert caller.heard > 10_000 * len(reply)


def test_ten_thousand_recipients_leave_others_their_turn(scene: Scene) -> None:
    """A thousand are taken, the same one each time, and as many are told that it is enough before it is."""
    opening, command = b"EHLO x\r\nMAIL FROM:<>\r\n", b"RCPT TO:<ed@belgiannews.com>\r\n"
    caller = scene.call(SMTP, opening + command * 10_000)
    assert scene.turns(_answered(caller)) >= 2_000 / server.AT_ONCE
    assert caller.closed
    assert caller.heard > 1_000 * len(b"250 2.1.5 <ed@belgiannews.com> recipient ok\r\n")


@pytest.mark.parametrize("command", [b"NOOP\r\n", b"EHLO x\r\n", b"HELP\r\n"], ids=["noop", "ehlo", "help"])
def test_commands_without_end_and_without_mail_end_the_connection(scene: Scene, command: bytes) -> None:
    caller = scene.call(SMTP, command * 10_000)
    scene.turns(_answered(caller))
    assert caller.closed
    assert caller.heard < 100_000


def _answered(caller: Caller) -> Callable[[], bool]:
    """Whether all is said; on the way there, no more than a piece at a time is."""
    heard = [0]

    def settled() -> bool:
        heard.append(caller.heard)
        assert heard[-1] - heard[-2] < 100_000, "answers came in one lump"
        return caller.closed or len(heard) > 3_000

    return settled


def test_what_is_never_read_is_not_written_either(scene: Scene) -> None:
    """25,000 TOPs of a letter of 60 kB would be 1.5 GB."""
    scene.run(_filed(scene.office, LETTER))

    def flooded() -> None:
        scene.call(POP3, b"USER ed\r\nPASS secret\r\n" + b"TOP 1 9\r\n" * 25_000, reads=False)
        scene.wait(1)

    assert peak(flooded) < 4_000_000


async def _filed(office: PostOffice, *letters: bytes) -> None:
    inbox = office.mail.local.store.account(ED).open("INBOX")
    for letter in letters:
        await office.fabric.hosts[HOME].spawn(inbox.append(letter))


@pytest.mark.parametrize(
    "refused",
    [
        b"RCPT TO:<guess@belgiannews.com>\r\n",
        b"RSET\r\nMAIL FROM:<> SIZE=99999\r\n",
        b"RCPT TO:<ed@belgiannews.com>\r\nDATA\r\nbare\n\r\n.\r\nMAIL FROM:<>\r\n",
    ],
    ids=["recipients", "sizes", "texts"],
)
def test_what_is_refused_over_and_over_has_an_end(scene: Scene, refused: bytes) -> None:
    caller = scene.call(SMTP, b"EHLO x\r\nMAIL FROM:<>\r\n" + refused * 5_000)
    scene.wait(1)
    assert re.search(rb"421 4.7.0 mail.belgiannews.com(: 100 commands and no mail| too many errors)", caller.last)
    assert len(scene.office.fabric.log) < limits.MOST_REFUSED + 20


def test_ten_thousand_recipients_are_no_more_than_a_thousand(scene: Scene) -> None:
    text = b"DATA\r\nSubject: x\r\n\r\n.\r\n"
    caller = scene.call(SMTP, b"HELO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<ed@belgiannews.com>\r\n" * 900 + text)
    scene.wait(1)
    assert b"250 2.0.0 queued as" in caller.last
    assert scene.office.accepted == 1


# -- octets without end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("port", [SMTP, POP3, IMAP, 587, 80])
@pytest.mark.parametrize("end", [b"", b"\r\n"], ids=["no end", "an end"])
def test_a_line_of_a_hundred_megabytes_is_not_kept(scene: Scene, port: int, end: bytes) -> None:
    before = b"a1 LOGIN ed secret\r\na2 LOGIN " if port == IMAP else b""

    def flooded() -> None:
        caller = scene.call(port, before)
        piece = b"x" * 1_000_000
        for _ in range(100):
            caller.transport.write(piece)
            scene.turns(lambda: not caller.transport.get_write_buffer_size())
        caller.transport.write(end)
        scene.wait(1)

    assert peak(flooded) < 6_000_000


@pytest.mark.parametrize(
    "words",
    [
        b"a APPEND INBOX {4294967295}\r\n",
        b"a APPEND INBOX {4294967295+}\r\n",
        b"a LOGIN {99999999999999999999+}\r\n",
        b"a LOGIN {8000+}\r\n",
        b"a SEARCH " + b"TEXT {0+}\r\n " * 5_000,
    ],
)
def test_a_literal_of_four_gigabytes_is_passed_over(scene: Scene, words: bytes) -> None:
    def flooded() -> None:
        caller = scene.call(IMAP, b"l LOGIN ed secret\r\ns SELECT INBOX\r\n" + words)
        for _ in range(20):
            caller.transport.write(b"x" * 1_000_000)
            scene.turns(lambda: not caller.transport.get_write_buffer_size())
        caller.transport.abort()

    assert peak(flooded) < 6_000_000


def test_a_text_of_a_hundred_megabytes_is_refused_without_being_kept(scene: Scene) -> None:
    said = b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<ed@belgiannews.com>\r\nDATA\r\n"

    def flooded() -> bytes:
        caller = scene.call(SMTP, said)
        for _ in range(100):
            caller.transport.write(b"X: y\r\n" * 170_000)
            scene.turns(lambda: not caller.transport.get_write_buffer_size())
        caller.transport.write(b"\r\n.\r\n")
        scene.wait(1)
        assert caller.last.endswith(b"552 5.3.4 larger than 20000 octets, the most this host takes\r\n")
        return caller.last

    assert peak(flooded) < 8_000_000


# -- slow and silent clients ------------------------------------------------------------------------------------


def _trickles(scene: Scene, caller: Caller, octets: bytes, every: float) -> None:
    for at in range(len(octets)):
        if caller.closed:
            return
        caller.transport.write(octets[at : at + 1])
        scene.wait(every)


@pytest.mark.parametrize(
    ("port", "before", "patience"),
    [
        (SMTP, b"", limits.PATIENCE),
        (SMTP, b"EHLO x\r\n", limits.PATIENCE),
        (SMTP, b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<ed@belgiannews.com>\r\nDATA\r\n", limits.PATIENCE),
        (POP3, b"", 600.0),
        (IMAP, b"a LOGIN {2}\r\n", IMAP_PATIENCE),
        (80, b"", 30.0),
    ],
)
def test_an_octet_a_minute_is_not_waited_for_longer_than_silence(
    scene: Scene, port: int, before: bytes, patience: float
) -> None:
    caller = scene.call(port, before)
    _trickles(scene, caller, b"n" * (int(2 * patience / 60) + 2), 60.0)
    assert caller.closed


def test_a_slow_line_is_waited_for_as_long_as_it_gets_on(scene: Scene) -> None:
    caller = scene.call(SMTP, b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<ed@belgiannews.com>\r\nDATA\r\n")
    for _ in range(60):
        caller.transport.write(
            b"ninety octets a minute and more is a line of 1962, and it gets there all the same....\r\n" * 2
        )
        scene.wait(60)
    caller.transport.write(b".\r\n")
    scene.wait(1)
    assert b"250 2.0.0 queued as" in caller.last


@pytest.mark.parametrize(
    ("port", "command"), [(SMTP, b"EHLO x\r\n"), (POP3, b"CAPA\r\n"), (IMAP, b"a CAPABILITY\r\n")]
)
def test_who_reads_nothing_is_cut_off(scene: Scene, port: int, command: bytes) -> None:
    caller = scene.call(port, command * 20_000, reads=False)
    scene.wait(2 * IMAP_PATIENCE + 60)
    assert not scene.office.mail.reception.callers if port == SMTP else True  # type: ignore[union-attr]
    caller.transport.resume_reading()
    scene.wait(1)
    assert caller.closed


# -- a large mailbox --------------------------------------------------------------------------------------------


def test_a_search_for_many_texts_reads_each_message_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    text = mime.text
    monkeypatch.setattr(mime, "text", lambda octets, part: read.append(part) or text(octets, part))
    scene.run(_filed(scene.office, LETTER, LETTER))
    asked = b"OR BODY q " * 90 + b"BODY y"
    caller = scene.call(IMAP, b"l LOGIN ed secret\r\ns SELECT INBOX\r\na SEARCH " + asked + b"\r\n")
    scene.wait(1)
    assert b"* SEARCH 1 2\r\na OK" in caller.last
    assert len(read) == 2
    caller.transport.write(b"b SEARCH " + b"TEXT x " * keys.MOST_TEXTS + b"TEXT x\r\n")
    scene.wait(1)
    assert b"b BAD a search looks for at most" in caller.last


@pytest.mark.parametrize(
    "keys",
    [
        b"NOT " * 10_000 + b"ALL",
        b"(" * 20_000 + b"ALL" + b")" * 20_000,
        b"OR ALL " * 5_000 + b"ALL",
        b"ALL " * 5_000,
    ],
    ids=["not", "parentheses", "or", "many"],
)
def test_a_search_has_no_more_keys_than_can_be_kept(scene: Scene, keys: bytes) -> None:
    caller = scene.call(IMAP, b"l LOGIN ed secret\r\ns SELECT INBOX\r\na SEARCH " + keys + b"\r\nz NOOP\r\n")
    scene.wait(1)
    assert b"a BAD a search has at most" in caller.last
    assert b"z OK" in caller.last


def test_a_list_of_many_folders_leaves_others_their_turn(scene: Scene) -> None:
    made = b"".join(b"c CREATE " + b"a" * 200 + b"%d\r\n" % number for number in range(40))
    caller = scene.call(IMAP, b"l LOGIN ed secret\r\n" + made)
    scene.wait(1)
    caller.transport.write(b'z LIST "" "' + b"*a" * 500 + b'b"\r\n')
    assert scene.turns(lambda: b"z OK" in caller.last) >= 40


@pytest.mark.parametrize(
    "command",
    [b"STORE 1:4294967295 +FLAGS (\\Seen)", b"STORE 1:* +FLAGS (\\Deleted)\r\nb EXPUNGE", b"SEARCH NOT NOT SEEN"],
)
def test_a_command_on_thousands_of_messages_leaves_others_their_turn(scene: Scene, command: bytes) -> None:
    scene.run(_filed(scene.office, *[b"Subject: x\r\n\r\nhi\r\n"] * 2_000))
    caller = scene.call(IMAP, b"l LOGIN ed secret\r\ns SELECT INBOX\r\n")
    scene.wait(1)
    caller.transport.write(b"a UID " + command + b"\r\nz NOOP\r\n")
    assert scene.turns(lambda: b"z OK" in caller.last) >= 5
