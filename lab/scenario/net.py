"""`net`: a mini-Internet, in the verbs of a scenario.

The rule: what is done, is done in the order in which it is written. Breaking and mending need no `await`: they
are noted down at once, a wrong host name included, and carried out before the next thing that is awaited.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Any, Unpack

from lab.fabric.breakage import Breakage, Cut, OnHost, OnLine
from lab.faults import Fault, PowerCut, fault_of, share_of
from lab.internet import Internet
from lab.journey import Journeys, build
from lab.names import DomainName, EmailAddress
from lab.scenario.dialogue import Dialogue, dialogue
from lab.scenario.expect import Mail
from lab.scenario.futures.acts import Send, Taken, offer
from lab.scenario.futures.judging import judge, noted, unmet
from lab.scenario.imap import Imap, reading
from lab.scenario.letter import Letter
from lab.scenario.pop3 import Pop, session
from lab.scenario.submission import hand_in, log_in
from lab.scenario.unmet import Unmet
from lab.scenario.words import When, addresses, link, message, span, timed
from lab.timing import NOW
from lab.topology.fitting import require_fit
from lab.topology.plan import HostPlan, Plan
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Soon:
    """Something noted down. Awaiting it does it now, and all that was noted before it."""

    net: Net

    def __await__(self) -> Generator[Any, None, None]:
        return self.net.catch_up().__await__()


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What is in a mailbox, oldest first."""

    address: str
    messages: tuple[dict[str, Any], ...]

    @property
    def subjects(self) -> list[str]:
        return [str(one["subject"]) for one in self.messages]

    def holds(self, *subjects: str) -> None:
        """These messages, in this order, and no other."""
        if self.subjects != list(subjects):
            raise Unmet(f"{_listed(subjects)} in {self.address}'s mailbox", _listed(self.subjects))


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the DNS answered. `lines`: "5 mail.belgiannews.com", without name, TTL and type."""

    question: str
    rcode: str
    answers: tuple[dict[str, Any], ...]
    authoritative: bool

    @property
    def lines(self) -> list[str]:
        return [_undotted(str(one["data"])) for one in self.answers]

    def says(self, *lines: str) -> None:
        """These answers, in any order, and no other."""
        if sorted(self.lines) != sorted(lines):
            raise Unmet(
                f"{self.question} to be {_listed(lines)}", _listed(self.lines) if self.lines else self.rcode
            )


class Clock:
    """Lab time, as a scenario reads and drives it."""

    def __init__(self, net: Net) -> None:
        self._net = net

    @property
    def now(self) -> datetime:
        return self._net.internet.fabric.clock.now()

    async def advance(self, by: str | timedelta) -> None:
        """Let so much lab time pass, and all that falls due in it happen."""
        await self._net.catch_up()
        await self._net.internet.advance(span(by))


class Net:
    """A running mini-Internet. Host names and addresses are strings, as one types them."""

    def __init__(self, internet: Internet) -> None:
        self.internet = internet
        self.clock = Clock(self)
        self.journeys: Journeys = build(internet.log)
        self.notes: list[str] = []
        self.taken: list[Taken] = []
        """What was offered and taken."""
        self._due: list[Callable[[], Awaitable[object]]] = []
        internet.log.subscribe(self.journeys.feed)

    @property
    def plan(self) -> Plan:
        return self.internet.plan

    @property
    def elapsed(self) -> float:
        """Seconds of lab time since the lab came up."""
        return self.internet.fabric.clock.elapsed()

    # -- mail ---------------------------------------------------------------------------------------------

    async def send(
        self,
        sender: str,
        to: str | list[str],
        *,
        subject: str = "",
        body: str = "",
        octets: bytes = b"",
        via: str = "",
    ) -> Mail:
        """Hand a message in at the sender's own mail host, or at `via`, and follow it. `octets`: a whole message,
        instead of one of a subject and a body."""
        await self.catch_up()
        recipients = addresses(to)
        octets = octets or message(sender, recipients, subject, body or f"{subject}\n")
        who = EmailAddress.parse(sender) if sender else None
        taken = await self.internet.send(who, recipients, octets, via=via)
        found = self.journeys.of(taken.host, taken.queue_id) if taken.queue_id else list(self.journeys)[-1]
        assert found is not None, "a message that was taken is in the log"
        return Mail(self, found)

    async def offer(
        self,
        sender: str,
        to: str | list[str],
        *,
        subject: str = "",
        size: int = 0,
        octets: bytes = b"",
        via: str = "",
    ) -> bool:
        """Hand a message in, and go on whether it is taken or not (its host may be down, or full): for scenarios
        in which things break at any moment. Whether it was taken; `accounted_for` remembers."""
        await self.catch_up()
        sent = Send(sender, tuple(addresses(to)), subject, size, octets, via)
        taken = await offer(self.internet, sent)
        self.taken += [taken] if taken is not None else []
        return taken is not None

    async def accounted_for(self, after: str | timedelta = "11d") -> None:
        """Heal everything, let so much time pass, and find every message that was accepted: in its mailboxes, or
        its sender told that it failed; nothing waits any more, and nothing is there twice, save by a lost 250 (RFC
        1047), which is noted."""
        await self.catch_up()
        judged = await judge(self.internet, self.taken, span(after))
        if judged.broken:
            raise unmet(judged, self.journeys, self.elapsed)
        for line in noted(judged):
            self.note(line)

    @property
    def mails(self) -> list[Mail]:
        """Every message so far, a stranger's too, in the order in which they were handed in."""
        return [Mail(self, name) for name in self.journeys]

    async def mailbox(self, address: str, folder: str = "INBOX") -> Mailbox:
        await self.catch_up()
        reply = await self.internet.mailbox(EmailAddress.parse(address), folder)
        return Mailbox(address, tuple(reply["messages"]))

    async def mail_file(self, address: str) -> str:
        """The mailbox as `cat /var/mail/ed` shows it to a Unix user."""
        await self.catch_up()
        return await self.internet.mbox(EmailAddress.parse(address))

    async def account(
        self, do: str, address: str, *to: str, password: str = "secret", quota: int = 0, mail: bool = False
    ) -> dict[str, Any]:
        """What `lab account` does: add, passwd, quota (in octets), rm, alias and forward (to these addresses)."""
        await self.catch_up()
        more: dict[str, dict[str, Any]] = {
            "add": {"password": password, "quota": quota},
            "passwd": {"password": password},
            "quota": {"quota": quota},
            "rm": {"mail": mail},
        }
        whose, targets = EmailAddress.parse(address), {"to": addresses(list(to))}
        return await self.internet.account(do, whose, **more.get(do, targets))

    async def letter(self, address: str, uid: int = 0) -> Letter:
        """A message in a mailbox, the newest if none is named, to be read part by part."""
        if not uid:
            messages = (await self.mailbox(address)).messages
            if not messages:
                raise Unmet(f"a message in {address}'s mailbox", "none")
            uid = int(messages[-1]["uid"])
        return Letter(await self.internet.message(EmailAddress.parse(address), uid))

    async def queue(self, host: str = "") -> list[dict[str, Any]]:
        """What waits, of one host or of all: a row each."""
        await self.catch_up()
        return await self.internet.queue(host)

    async def retry(self, host: str = "") -> None:
        """Make everything that waits due now."""
        await self.catch_up()
        await self.internet.retry(host)

    @asynccontextmanager
    async def dialogue(self, host: str, *, from_host: str = "student", port: int = 25) -> AsyncIterator[Dialogue]:
        """Type SMTP at a host by hand."""
        await self.catch_up()
        caller = self.internet.fabric.hosts[self.internet.host(from_host).name]
        target = self.internet.host(host)
        async with dialogue(caller, target.addresses[0], target.name, port) as typed:
            yield typed

    @asynccontextmanager
    async def pop3(
        self, address: str, password: str = "", *, tls: bool = False, from_host: str = "student"
    ) -> AsyncIterator[Pop]:
        """Fetch somebody's mail by POP3, with the topology's password if none is given; `tls`: at port 995."""
        await self.catch_up()
        home, port = self.internet.home(EmailAddress.parse(address)), 995 if tls else 110
        caller = self.internet.fabric.hosts[self.internet.host(from_host).name]
        secure = caller.trust if tls else None
        async with dialogue(caller, home.addresses[0], home.name, port, secure) as typed:
            pop = Pop(home.name, typed.reader, typed.writer, typed.said)
            async with session(pop, address, password or _password(home, address)):
                yield pop

    @asynccontextmanager
    async def imap(
        self, address: str, password: str = "", *, tls: bool = False, from_host: str = "student"
    ) -> AsyncIterator[Imap]:
        """Read somebody's mail by IMAP, with the topology's password if none is given; `tls`: at port 993."""
        await self.catch_up()
        home, port = self.internet.home(EmailAddress.parse(address)), 993 if tls else 143
        caller = self.internet.fabric.hosts[self.internet.host(from_host).name]
        secure = caller.trust if tls else None
        async with dialogue(caller, home.addresses[0], home.name, port, secure) as typed:
            imap = Imap(home.name, typed.reader, typed.writer, typed.said)
            async with reading(imap, address, password or _password(home, address)):
                yield imap

    @asynccontextmanager
    async def submission(
        self, address: str, password: str = "", *, from_host: str = "student"
    ) -> AsyncIterator[Dialogue]:
        """Type at the port where somebody's mail is handed in, logged in already, in TLS."""
        await self.catch_up()
        home = self.internet.home(EmailAddress.parse(address))
        caller = self.internet.fabric.hosts[self.internet.host(from_host).name]
        async with dialogue(caller, home.addresses[0], home.name, 587) as smtp:
            secret = password or _password(home, address)
            await log_in(smtp, address, secret, caller.trust, caller.rng("submission"))
            yield smtp

    async def submit(
        self, sender: str, to: str | list[str], *, subject: str = "", body: str = "", octets: bytes = b""
    ) -> Mail:
        """Hand a message in as a mail program does, with a login; and follow it."""
        recipients = addresses(to)
        async with self.submission(sender) as smtp:
            text = octets or message(sender, recipients, subject, body or f"{subject}\n")
            queue_id = await hand_in(smtp, sender, recipients, text)
            await smtp.says("QUIT", "221")
        found = self.journeys.of(DomainName(smtp.host), queue_id)
        assert found is not None, "a message that was taken is in the log"
        return Mail(self, found)

    # -- names --------------------------------------------------------------------------------------------

    async def dig(self, name: str, type: str = "A", *, server: str = "", at: str = "") -> Lookup:
        """Ask for a record: the student's resolver, or that of host `at`, or one server directly."""
        await self.catch_up()
        reply = await self.internet.dig(name, type, server=server, at=at)
        answers = tuple(one for one in reply["answers"] if one["type"] == type.upper())
        return Lookup(f"{name} {type.upper()}", str(reply["rcode"]), answers, bool(reply.get("aa")))

    def edit_zone(self, origin: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> Soon:
        """Change records of a zone; lines as in a master file."""
        self.internet.authority(origin)
        return self._soon(lambda: self.internet.edit_zone(origin, add=add, remove=remove))

    def flush(self, host: str = "") -> Soon:
        """Empty the cache of a resolver, or of all."""
        return self._soon(lambda: self.internet.flush(host))

    # -- faults -------------------------------------------------------------------------------------------

    def fail(self, host: str, as_: str = "down", **when: Unpack[When]) -> Soon:
        """Break a host, in the words of `lab fail`: "silent", "stall at data twice", "chance 20% servfail"; at its
        time, if one is said: `start="10:40"`, `after="5m"`, `lasting="20m"`, `every="1h"`."""
        return self._break(host, fault_of(as_), when)

    def reply(
        self,
        host: str,
        code: int,
        *,
        at: str = "rcpt",
        times: int = 0,
        to: str = "",
        text: str = "",
        **when: Unpack[When],
    ) -> Soon:
        """Let its mail server answer `code` at a stage (greeting, helo, mail, rcpt, data, dot, quit …), at its
        time as with `fail`."""
        words = f"reply {code} at {at}{f' for {to}' if to else ''}{f' {times} times' if times else ''}"
        return self._break(host, fault_of(f"{words} saying {text}" if text else words), when)

    def power_cut(self, host: str) -> Soon:
        """Take the power from a host: down, and what its disk had not written yet is gone or torn. On sim."""
        return self._break(host, PowerCut(), {})

    def slow_disks(self) -> Soon:
        """Let every trip to a disk take its time from now on, so that a crash can catch it. On sim."""
        return self._soon(lambda: _at_once(self.internet.slow_disks))

    def heal(self, host: str = "") -> Soon:
        """Mend a host, or everything."""
        name = self.internet.host(host).name if host else ""
        return self._soon(lambda: self.internet.heal(name))

    def link(
        self,
        a: str,
        b: str = "*",
        *,
        latency: str = "0s",
        jitter: str = "0s",
        loss: str = "0",
        bandwidth: str = "",
        **when: Unpack[When],
    ) -> Soon:
        """Make the line between two places slow, lossy or narrow, at its time as with `fail`."""
        left, right = self.internet.places((a, b))
        return self._break_down(OnLine(left, right, link(latency, jitter, loss, bandwidth)), when)

    def cut(
        self,
        a: Sequence[str],
        b: Sequence[str],
        *,
        one_way: bool = False,
        chance: str = "100%",
        **when: Unpack[When],
    ) -> Soon:
        """Let nothing through between two groups of hosts or organisations, at its time as with `fail`;
        `one_way`: nothing from `a` to `b` only; `chance="20%"`: one connection or datagram in five is lost."""
        return self._break_down(self._cut(a, b, one_way, chance), when)

    def lift(self, host: str, as_: str = "down") -> Soon:
        """Undo this one fault of a host, and forget when it was to come."""
        return self._mend_one(OnHost(self.internet.host(host).name, fault_of(as_)))

    def join(self, a: Sequence[str], b: Sequence[str], *, one_way: bool = False, chance: str = "100%") -> Soon:
        """Undo this one cut, and forget when it was to come."""
        return self._mend_one(self._cut(a, b, one_way, chance))

    def mend(self) -> Soon:
        return self._soon(self.internet.mend_lines)

    @contextmanager
    def failing(self, host: str, as_: str = "down") -> Iterator[None]:
        """The host has this fault inside the block, and is rid of it behind it."""
        with self._broken(OnHost(self.internet.host(host).name, fault_of(as_))):
            yield

    @contextmanager
    def partition(self, a: Sequence[str], b: Sequence[str], *, one_way: bool = False) -> Iterator[None]:
        """The two groups cannot reach each other inside this block; `one_way`: `a` cannot reach `b`."""
        with self._broken(self._cut(a, b, one_way)):
            yield

    # -- lab time -----------------------------------------------------------------------------------------

    async def until(self, done: Callable[[], bool], within: str | timedelta) -> bool:
        """Let lab time run until `done()`, at most `within`; whether it came to be."""
        await self.catch_up()
        return done() or await self.internet.fabric.settle(done, span(within))

    def note(self, text: str) -> None:
        """Tell something below the scenario's verdict: what was counted or seen."""
        self.notes.append(text)

    async def catch_up(self) -> None:
        """Do what was noted down."""
        while self._due:
            await self._due.pop(0)()

    # -- below --------------------------------------------------------------------------------------------

    def _break(self, host: str, how: Fault, when: When) -> Soon:
        plan = self.internet.host(host)
        require_fit(plan, how)
        return self._break_down(OnHost(plan.name, how), when)

    def _break_down(self, what: Breakage, when: When) -> Soon:
        moment = timed(when)
        return self._soon(lambda: self.internet.break_down(what, moment))

    @contextmanager
    def _broken(self, what: Breakage) -> Iterator[None]:
        """It is mended behind the block however that is left, and nothing else is."""
        self._soon(lambda: self.internet.break_down(what, NOW))
        try:
            yield
        finally:
            self._mend_one(what)

    def _mend_one(self, what: Breakage) -> Soon:
        return self._soon(lambda: self.internet.mend_one(what))

    def _cut(self, a: Sequence[str], b: Sequence[str], one_way: bool, chance: str = "100%") -> Cut:
        return Cut(self.internet.places(a), self.internet.places(b), one_way, share_of(chance))

    def _soon(self, work: Callable[[], Awaitable[object]]) -> Soon:
        self._due.append(work)
        return Soon(self)


def _password(home: HostPlan, address: str) -> str:
    """What the topology says that somebody's password is."""
    boxes = home.mail.mailboxes if home.mail else ()
    found = next((box.password for box in boxes if box.address == address.lower()), "")
    if not found:
        raise Unmet(f"a password of {address} in the topology", "none; name one")
    return found


async def _at_once(work: Callable[[], None]) -> None:
    work()


def _undotted(data: str) -> str:
    """Names as people write them, without the final dot; the root keeps its own."""
    return data if data == "." or data.endswith(" .") else data.removesuffix(".")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words) or "nothing"
