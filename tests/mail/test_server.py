import asyncio
import errno
import random
import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest

from lab.clock import LabClock, VirtualTime
from lab.errors import WrongUse
from lab.events import CommandRefused, Event, LoopDetected, MailAccepted, ProgramCrashed, Stage
from lab.fabric import base
from lab.fabric.disk import MemoryDisk
from lab.fabric.faults import Down, Fault, HostFaults, Reply
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.mail import limits
from lab.mail.envelope import Envelope
from lab.mail.server import Connection, Reception
from lab.mail.store import Store
from lab.names import ROOT, Address, DomainName, EmailAddress
from lab.topology.plan import HostPlan, MailboxPlan, MailPlan
from lab.wire.records import MX, Answer, Record

MAIL, CLIENT = DomainName("mail.belgiannews.com"), DomainName("pc.unige.ch")
PLAN = MailPlan(
    local_domains=(DomainName("belgiannews.com"),),
    mailboxes=(MailboxPlan(EmailAddress("ed@belgiannews.com")), MailboxPlan(EmailAddress("eve@belgiannews.com"))),
    size_limit=50_000,
)
HELLO = b"EHLO pc.unige.ch\r\n"
OPENING = b"MAIL FROM:<ann@unige.ch>\r\nRCPT TO:<ed@belgiannews.com>\r\nDATA\r\n"
TEXT = b"Subject: hi\r\nMessage-ID: <1@unige.ch>\r\n\r\n..dot\r\n.\r\n"


class Taken:
    """A queue that takes everything, or fails as it is told."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Envelope, bytes]] = []
        self.error: Exception | None = None
        self.seconds = 0.0
        self._reserved = 0

    def reserve(self) -> str:
        self._reserved += 1
        return f"{self._reserved:04x}"

    async def put(self, queue_id: str, envelope: Envelope, octets: bytes) -> None:
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        self.messages.append((queue_id, envelope, octets))


class Caller:
    """A client that says octets and waits until the server has nothing more to say."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, octets: bytes = b"") -> bytes:
        if octets:
            self.writer.write(octets)
        heard = b""
        while True:
            try:
                more = await asyncio.wait_for(self.reader.read(65_536), 1.0)
            except (TimeoutError, ConnectionError):
                return heard
            heard += more
            if not more:
                return heard


class World:
    def __init__(self, fabric: SimFabric, queue: Taken) -> None:
        self.fabric, self.queue = fabric, queue
        self.receptions: list[Reception] = []
        self.callers: list[Caller] = []

    async def call(self) -> Caller:
        self.callers.append(Caller(*await asyncio.open_connection("198.18.2.25", 25)))
        return self.callers[-1]

    def events(self, kind: type[Event]) -> list[Event]:
        return [entry.event for entry in self.fabric.log if isinstance(entry.event, kind)]


@asynccontextmanager
async def world(plan: MailPlan) -> AsyncIterator[World]:
    queue = Taken()

    async def boot(host: base.Host) -> None:
        if host.plan.mail:
            reception = Reception(host, host.plan.mail, queue, Store(host, host.plan.mail))
            here.receptions.append(reception)
            await asyncio.get_running_loop().create_server(reception.connect, port=25)

    here = World(SimFabric(("198.18.0.0/15",), boot), queue)
    here.fabric.add(HostPlan(MAIL, (Address("198.18.2.25"),), mail=plan))
    here.fabric.add(HostPlan(CLIENT, (Address("198.18.3.25"),)))
    await here.fabric.up()
    try:
        yield here
    finally:
        for caller in here.callers:
            caller.writer.close()
        await asyncio.sleep(1)
        await here.fabric.down()


def play(story: Callable[[World], Awaitable[None]], plan: MailPlan = PLAN, *, crashes: int = 0) -> World:
    """Run a story on the client's host, in virtual time."""

    async def scene() -> World:
        async with world(plan) as here:
            client = here.fabric.hosts[CLIENT]
            await client.spawn(story(here))  # type: ignore[arg-type]
            assert len(here.fabric.crashes) == crashes
        return here

    with asyncio.Runner(loop_factory=LabLoop) as runner:
        return runner.run(scene())


def codes(octets: bytes) -> list[int]:
    """The codes of whole replies."""
    return [int(line[:3]) for line in octets.split(b"\r\n") if line[3:4] == b" "]


def test_a_message_is_accepted_line_by_line() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        said = [await ann.say(), await ann.say(HELLO)]
        for line in OPENING.splitlines(keepends=True):
            said.append(await ann.say(line))
        said += [await ann.say(TEXT), await ann.say(b"QUIT\r\n")]
        assert [codes(reply) for reply in said] == [[220], [250], [250], [250], [354], [250], [221]]
        assert said[5] == b"250 2.0.0 queued as 0001\r\n"

    here = play(story)
    [(queue_id, envelope, octets)] = here.queue.messages
    assert (queue_id, envelope.sender) == ("0001", "ann@unige.ch")
    assert [to.address for to in envelope.recipients] == ["ed@belgiannews.com"]
    assert octets == (
        b"Received: from pc.unige.ch ([198.18.3.25])\r\n\tby mail.belgiannews.com with ESMTP id 0001\r\n"
        b"\tfor <ed@belgiannews.com>;\r\n\tMon, 05 Jan 2026 08:00:05 +0000\r\n"
        b"Subject: hi\r\nMessage-ID: <1@unige.ch>\r\n\r\n.dot\r\n"
    )
    [accepted] = here.events(MailAccepted)
    assert isinstance(accepted, MailAccepted)
    assert (accepted.message_id, accepted.subject, accepted.peer) == ("<1@unige.ch>", "hi", "198.18.3.25")
    assert (accepted.helo, accepted.protocol, accepted.size) == ("pc.unige.ch", "ESMTP", 47)


def test_everything_may_come_in_one_piece() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        said = await ann.say(HELLO + OPENING + TEXT + OPENING + TEXT + b"QUIT\r\nNOOP\r\n")
        assert codes(said) == [220, 250, 250, 250, 354, 250, 250, 250, 354, 250, 221]

    assert len(play(story).queue.messages) == 2


def test_everything_may_come_octet_by_octet() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        for octet in HELLO + OPENING + TEXT + b"QUIT\r\n":
            ann.writer.write(bytes([octet]))
            await asyncio.sleep(0.001)
        assert codes(await ann.say()) == [220, 250, 250, 250, 354, 250, 221]

    assert len(play(story).queue.messages) == 1


def test_client_that_half_closes_is_still_answered() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        ann.writer.write(HELLO + OPENING + TEXT)
        ann.writer.write_eof()
        assert codes(await ann.say()) == [220, 250, 250, 250, 354, 250]

    assert len(play(story).queue.messages) == 1


def test_client_that_goes_away_after_its_dot_is_served() -> None:
    async def story(here: World) -> None:
        here.queue.seconds = 5.0
        ann = await here.call()
        await ann.say(HELLO + OPENING + TEXT)
        ann.writer.transport.abort()
        await asyncio.sleep(10)

    here = play(story)
    assert len(here.queue.messages) == len(here.events(MailAccepted)) == 1


def test_client_that_goes_away_has_only_its_finished_message_taken() -> None:
    async def story(here: World) -> None:
        here.queue.seconds = 5.0
        ann = await here.call()
        await ann.say(HELLO + OPENING + TEXT + OPENING + TEXT)
        ann.writer.transport.abort()
        await asyncio.sleep(20)

    assert len(play(story).queue.messages) == 1


def test_what_comes_while_a_message_is_stored_waits_and_is_answered() -> None:
    async def story(here: World) -> None:
        here.queue.seconds = 5.0
        ann = await here.call()
        long = TEXT.removesuffix(b".\r\n") + (b"x" * 70 + b"\r\n") * 50 + b".\r\n"
        said = await ann.say(HELLO + (OPENING + long) * 1_000)
        assert codes(said) == [220, 250, 250, 250, 354]
        assert ann.writer.transport.get_write_buffer_size() > 0  # the server has stopped reading
        here.queue.seconds = 0.0
        await asyncio.sleep(5)
        assert codes(await ann.say(b"QUIT\r\n")) == [250, *[250, 250, 354, 250] * 999, 221]

    play(story)


def test_client_that_does_not_read_has_to_wait_and_loses_no_reply() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        long = OPENING.replace(b"ann@", b"ann+" + b"n" * 60 + b"@" + b"unige." * 30)  # a reply says it again
        ann.writer.write(HELLO + (long + TEXT) * 10_000 + b"QUIT\r\n")
        await asyncio.sleep(60)
        assert ann.writer.transport.get_write_buffer_size() > 0
        assert codes(await ann.say()) == [220, 250, *[250, 250, 354, 250] * 10_000, 221]

    play(story)


def test_client_that_goes_away_before_its_dot_leaves_nothing() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        await ann.say(HELLO + OPENING + b"Subject: half\r\n")
        ann.writer.transport.abort()
        await asyncio.sleep(10)
        assert not here.receptions[0].callers

    assert not play(story).queue.messages


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r"])
def test_smuggled_second_message_is_refused_with_the_first(end: bytes) -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        smuggled = b"Subject: a\r\n\r\nx" + end + OPENING + b"Subject: b\r\n\r\ny\r\n.\r\n"
        said = await ann.say(HELLO + OPENING + smuggled + b"QUIT\r\n")
        assert codes(said) == [220, 250, 250, 250, 354, 550, 221]
        assert b"550 5.6.11" in said

    here = play(story)
    assert not here.queue.messages
    [refused] = here.events(CommandRefused)
    assert isinstance(refused, CommandRefused)
    assert (refused.stage, refused.code, refused.queue_id) == (Stage.EOM, 550, "0001")


def test_bare_lf_command_is_told_so() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        assert b"500 5.5.2 a line ends in CR LF" in await ann.say(b"EHLO x.org\n")

    play(story)


def test_endless_line_is_cut_and_the_next_one_heard() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        said = await ann.say(b"NOOP " + b"x" * 100 * limits.LONGEST_COMMAND + b"\r\nNOOP\r\n")
        assert codes(said) == [220, 500, 250]

    play(story)


def test_message_over_the_size_limit_is_refused_after_its_end() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        said = await ann.say(HELLO + OPENING + (b"x" * 70 + b"\r\n") * 3_000 + b".\r\nNOOP\r\n")
        assert codes(said) == [220, 250, 250, 250, 354, 552, 250]

    assert not play(story).queue.messages


def test_long_text_line_is_refused_or_taken_as_the_plan_says() -> None:
    text = b"Subject: long\r\n\r\n" + b"x" * 999 + b"\r\n.\r\n"

    async def story(here: World) -> None:
        ann = await here.call()
        await ann.say(HELLO + OPENING + text)

    assert not play(story).queue.messages
    lenient = MailPlan(PLAN.local_domains, PLAN.mailboxes, settings={"long_lines": "accept"})
    assert len(play(story, lenient).queue.messages) == 1


@pytest.mark.parametrize(("hops", "code"), [(30, 250), (31, 554)])
def test_message_that_came_by_too_often_is_in_a_loop(hops: int, code: int) -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        said = await ann.say(HELLO + OPENING + b"Received: from a by b\r\n" * hops + TEXT)
        assert codes(said)[-1] == code

    here = play(story)
    assert here.events(LoopDetected) == ([LoopDetected("0001", 31)] if hops > 30 else [])


def test_hop_limit_is_the_hosts_choice() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        said = await ann.say(HELLO + OPENING + b"Received: from a by b\r\n" * 6 + TEXT)
        assert codes(said)[-1] == 554

    play(story, MailPlan(PLAN.local_domains, PLAN.mailboxes, settings={"hop_limit": "5"}))


def test_setting_that_makes_no_sense_is_told() -> None:
    async def story(here: World) -> None:
        plan = MailPlan(PLAN.local_domains, settings={"hop_limit": "many"})
        with pytest.raises(WrongUse, match="hop_limit is a number, not 'many'"):
            _ = Reception(here.fabric.hosts[CLIENT], plan, here.queue, here.receptions[0].store).terms

    play(story)


@pytest.mark.parametrize(
    ("error", "reply", "defects"),
    [
        (OSError(errno.ENOSPC, "full"), b"452 4.3.1", 0),
        (OSError(errno.EIO, "broken"), b"451 4.3.0", 1),
        (ValueError("secret path"), b"451 4.3.0", 1),
    ],
)
def test_failure_to_store_is_temporary_and_tells_no_secret(error: Exception, reply: bytes, defects: int) -> None:
    async def story(here: World) -> None:
        here.queue.error = error
        ann = await here.call()
        said = await ann.say(HELLO + OPENING + TEXT + b"NOOP\r\n")
        assert reply in said
        assert b"secret" not in said
        assert codes(said)[-1] == 250

    assert len(play(story).events(ProgramCrashed)) == defects


def test_ordered_reply_at_the_end_of_data_keeps_the_message_out() -> None:
    async def story(here: World) -> None:
        fault: Fault = Reply(Stage.EOM, 451, "4.7.1 greylisted", times=1)
        await here.fabric.fail(MAIL, fault)
        ann = await here.call()
        said = await ann.say(HELLO + OPENING + TEXT + OPENING + TEXT)
        assert codes(said) == [220, 250, 250, 250, 354, 451, 250, 250, 354, 250]

    assert len(play(story).queue.messages) == 1


def test_silent_client_is_hung_up_on_after_five_minutes_and_not_before() -> None:
    async def story(here: World) -> None:
        ann = await here.call()
        await ann.say(HELLO)
        await asyncio.sleep(290)
        assert codes(await ann.say(b"NOOP\r\n")) == [250]
        await here.fabric.advance(timedelta(minutes=10))
        assert codes(await ann.say()) == [421]

    play(story)


@pytest.mark.parametrize(("sender", "code"), [("ann@unige.ch", 250), ("no@noreply.org", 550), ("", 250)])
def test_sender_whose_domain_takes_no_mail_is_refused_where_the_plan_says_so(sender: str, code: int) -> None:
    async def resolve(name: DomainName, type: str, queue_id: str = "") -> Answer:
        null = Record(name, 300, MX(0, ROOT))
        return Answer(name, type, "NOERROR", (null,) if name == "noreply.org" else ())

    async def story(here: World) -> None:
        here.receptions[0].resolve = resolve
        ann = await here.call()
        said = await ann.say(HELLO + f"MAIL FROM:<{sender}>\r\nRSET\r\n".encode())
        assert codes(said) == [220, 250, code, 250]

    play(story, MailPlan(PLAN.local_domains, PLAN.mailboxes, settings={"refuse_null_mx_senders": "yes"}))


def test_host_that_crashes_while_it_stores_promises_nothing() -> None:
    async def story(here: World) -> None:
        here.queue.seconds = 5.0
        ann = await here.call()
        await ann.say(HELLO + OPENING + TEXT)
        await here.fabric.fail(MAIL, Down())
        assert b"queued as" not in await ann.say()
        await asyncio.sleep(10)

    here = play(story)
    assert not here.queue.messages
    assert not here.events(MailAccepted)


def test_random_octets_never_crash_the_server() -> None:
    chance = random.Random(7)
    words = [
        HELLO,
        OPENING,
        TEXT,
        b"\r\n",
        b"\n",
        b"\r",
        b".\r\n",
        b"\x00\xff",
        b"RSET\r\n",
        b"MAIL FROM:<",
        b"x" * 3_000,
    ]

    async def story(here: World) -> None:
        for _ in range(60):
            ann = await here.call()
            ann.writer.write(b"".join(chance.choices(words, k=12)))
            ann.writer.write_eof()
            assert min(codes(await ann.say()), default=0) >= 220

    assert not play(story).events(ProgramCrashed)


async def test_the_standard_librarys_client_is_served_over_a_real_socket() -> None:
    class Account:
        name, addresses = MAIL, (Address("198.18.2.25"),)
        disk, faults, clock = MemoryDisk(), HostFaults(), LabClock(VirtualTime())

        def log(self, event: Event) -> None:
            assert isinstance(event, MailAccepted)

        def spawn(self, work: Coroutine[Any, Any, None], name: str = "") -> asyncio.Task[None]:
            return asyncio.get_running_loop().create_task(work, name=name)

    def send(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, "pc.unige.ch", timeout=10) as client:
            client.sendmail("ann@unige.ch", ["ed@belgiannews.com"], TEXT, rcpt_options=["NOTIFY=SUCCESS"])

    queue, host = Taken(), cast(base.Host, Account())
    reception = Reception(host, PLAN, queue, Store(host, PLAN))
    server = await asyncio.get_running_loop().create_server(lambda: Connection(reception), "127.0.0.1", 0)
    await asyncio.to_thread(send, server.sockets[0].getsockname()[1])
    server.close()
    [(_, envelope, octets)] = queue.messages
    assert envelope.recipients[0].notify == {"success"}
    assert octets.endswith(b"\r\n\r\n..dot\r\n.\r\n")
