"""The transfer agent: takes what is due from the queue, finds the way, hands it over, and says what happened.

The rule: it carries out and never decides. The way is `walk`'s, what follows is the policy's, when is the
schedule's, what survives is the queue's; here are only the network, the tasks, and the events.

A worker serves one destination. Its session carries many messages (a warm connection is the cheapest one), and a
destination that answers well gets more workers; a host has only so many at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.events import ConnectionFailed, ConnectionOpened, ExchangersFound, MailRelayed, ReplyReceived, Stage
from lab.events import Failure as Broken
from lab.fabric.base import Host
from lab.mail import routing
from lab.mail.envelope import Envelope, Recipient, Resolve
from lab.mail.ledger import Fate, Ledger
from lab.mail.local import Failed, LocalDelivery
from lab.mail.policy import OWN_NAME, Policy, came
from lab.mail.queue import LOCAL, Delivery, Destination, Message, Queue
from lab.mail.routing import Exchangers, Identity, Verdict
from lab.mail.session import CONNECT_LIMIT, Session, connect
from lab.mail.walk import Ask, Attempt, Deferred, GivenUp, Reason, Taken, Walk
from lab.names import Address, DomainName
from lab.wire.smtp_client import Fate as Sent
from lab.wire.smtp_client import Outgoing, Replied, To, Unwilling
from lab.wire.smtp_reply import Reply

SESSIONS_PER_DESTINATION = 5
WORKERS_PER_HOST = 100
MESSAGES_PER_SESSION = 100
"""After so many the way is looked up anew, so that mail returns to a better exchanger that came back."""


@dataclass(slots=True)
class Line:
    """A session under way: what its events need to be joined to their message."""

    number: int
    walk: Walk
    attempt: Attempt
    destination: str
    queue_id: str
    detour: bool = False
    """A better exchanger said hello to this message, but did not take it: the next message begins there again."""
    session: Session | None = None


class TransferAgent:
    """The workers of one host."""

    __slots__ = (
        "connect_limit",
        "host",
        "ledger",
        "local",
        "me",
        "policy",
        "queue",
        "resolve",
        "sessions",
        "smarthost",
        "workers",
    )

    def __init__(
        self,
        host: Host,
        queue: Queue,
        resolve: Resolve,
        policy: Policy,
        local: LocalDelivery,
        smarthost: DomainName | None = None,
    ) -> None:
        self.host = host
        self.queue = queue
        self.ledger = Ledger(host, queue)
        self.resolve = resolve
        self.policy = policy
        self.local = local
        self.smarthost = smarthost
        self.me = Identity(host.name, host.addresses)
        self.connect_limit = CONNECT_LIMIT
        self.workers = 0
        self.sessions = int(host.clock.elapsed()) * 16
        """The last session's number. They go on after a restart: nobody opens sixteen a second for so long."""

    # -- workers --------------------------------------------------------------------------------------------

    def work(self, destination: Destination) -> None:
        """Something waits there: set a worker on it, if it may have another."""
        most = SESSIONS_PER_DESTINATION if destination.alive else 1
        while destination.workers < min(most, len(destination.waiting)) and self.workers < WORKERS_PER_HOST:
            destination.workers += 1
            self.workers += 1
            self.host.spawn(self._serve(destination), f"mail to {destination.name}")

    def notify(self, expired: Sequence[Message], overdue: Sequence[Message]) -> None:
        self.host.spawn(self._notify(expired, overdue), "mail that takes too long")

    async def _notify(self, expired: Sequence[Message], overdue: Sequence[Message]) -> None:
        await self.ledger.expire(expired)
        await self.ledger.warn(overdue)

    async def _serve(self, destination: Destination) -> None:
        worker = _Worker(self, destination)
        try:
            await worker.run()
        finally:
            worker.close()
            destination.workers -= 1
            self.workers -= 1
            self.queue.idle(destination)
            self._next_in_line()

    def _next_in_line(self) -> None:
        """A worker is free: a destination that had to wait for one may go on."""
        if self.workers == WORKERS_PER_HOST - 1:
            for destination in tuple(self.queue.destinations.values()):
                if destination.waiting and not destination.until:
                    self.work(destination)

    # -- where mail goes ------------------------------------------------------------------------------------

    def start(self, destination: Destination) -> DomainName | Exchangers:
        """Where the walk to a destination begins: a question, or exchangers that need none."""
        if self.smarthost is not None:
            return routing.smarthost(self.smarthost)
        if destination.name.startswith("["):
            return routing.literal(Address(destination.name[1:-1]))
        return DomainName(destination.name)


class _Worker:
    """Serves one destination until nothing waits there, over one session for as long as it lasts."""

    __slots__ = ("agent", "destination", "host", "line")

    def __init__(self, agent: TransferAgent, destination: Destination) -> None:
        self.agent = agent
        self.host = agent.host
        self.destination = destination
        self.line: Line | None = None

    async def run(self) -> None:
        while (delivery := self.agent.queue.take(self.destination)) is not None:
            try:
                if self.destination.name == LOCAL:
                    await self._deliver(delivery)
                else:
                    await self._send(delivery)
            except Exception:
                self.agent.queue.defer(delivery, Reason("this host could not go on", "4.3.0"))
                raise

    def close(self) -> None:
        if self.line is not None and self.line.session is not None:
            self.line.session.quit()
        self.line = None

    # -- into this host's mailboxes -------------------------------------------------------------------------

    async def _deliver(self, delivery: Delivery) -> None:
        message = delivery.message
        octets = self.agent.queue.spool.octets(message.id)
        fates: dict[int, Fate] = {}
        for number in delivery.recipients:
            address = message.envelope.recipients[number].address
            outcome = await self.agent.local.deliver(address, octets, message.envelope, message.id)
            fates[number] = _refused(outcome) if isinstance(outcome, Failed) else outcome
        await self._settle(delivery, fates)

    # -- to another host ------------------------------------------------------------------------------------

    async def _send(self, delivery: Delivery) -> None:
        walk = self._walk(delivery)
        told = -1
        while (step := walk.next()) is not None:
            if isinstance(step, Ask):
                walk.learn(await self.agent.resolve(step.name, step.type, delivery.message.id))
                continue
            if told != len(walk.left_out):
                self._tell_route(walk, delivery)
                told = len(walk.left_out)
            await self._attempt(walk, step, delivery)
        if told < 0 and self.line is None:
            self._tell_route(walk, delivery)
        await self._settle(delivery, dict(walk.outcomes), walk)

    def _walk(self, delivery: Delivery) -> Walk:
        """From the start, or from where the open session stands."""
        line = self.line
        if line is not None and line.session is not None:
            if line.session.ready and line.session.messages < MESSAGES_PER_SESSION:
                line.queue_id = delivery.message.id
                line.walk = line.walk.again(line.attempt, delivery.recipients)
                return line.walk
            self.close()
        agent = self.agent
        start = agent.start(self.destination)
        return Walk(start, delivery.recipients, agent.me, agent.policy, self.host.rng("exchangers"))

    def _tell_route(self, walk: Walk, delivery: Delivery) -> None:
        route = walk.verdict() if walk.route is None or walk.met_nobody else walk.route
        found = () if isinstance(route, Verdict) else tuple(str(one) for one in walk.in_order)
        self.host.log(
            ExchangersFound(self.destination.name, found, route.rule, walk.left_out, delivery.message.id)
        )

    async def _attempt(self, walk: Walk, attempt: Attempt, delivery: Delivery) -> None:
        """One message to one address: in the open session if it is that, else in a new one."""
        line = self.line if self.line is not None and self.line.attempt == attempt else None
        if line is None:
            self.close()
            line = self.line = await self._open(walk, attempt, delivery)
        if line is None or line.session is None:
            return
        session = line.session
        used = session.messages > 0
        fates = await session.send(_outgoing(delivery, walk, self.agent.queue.spool.octets(delivery.message.id)))
        if used and _went_stale(fates):
            self.line = None  # it was closed between two messages: nobody's fault, the same address once more
            return
        self._conclude(walk, line, fates, delivery)

    def _conclude(self, walk: Walk, line: Line, fates: Sequence[Sent], delivery: Delivery) -> None:
        broken = next((fate for fate in fates if isinstance(fate.outcome, Broken)), None)
        if broken is not None and isinstance(broken.outcome, Broken):
            self._tell_failure(line, broken.stage, broken.outcome)
        taken = tuple(number for number, fate in zip(walk.left, fates, strict=True) if fate.accepted)
        session = line.session
        walk.concluded(fates, deaf=session is None or "DSN" not in session.extensions)
        if taken:
            self._tell_relayed(walk, line, taken, delivery)
        if session is None or not session.ready:
            self.close()

    async def _open(self, walk: Walk, attempt: Attempt, delivery: Delivery) -> Line | None:
        """A session that said hello; None when the attempt came to nothing, which the walk then knows."""
        self.agent.sessions += 1
        line = Line(self.agent.sessions, walk, attempt, self.destination.name, delivery.message.id, walk.reached)
        opened = await connect(
            attempt.address,
            attempt.port,
            self.host.name,
            lambda: self._tell_opened(line),
            lambda replied: self._saw(line, replied),
            self.agent.connect_limit,
        )
        if isinstance(opened, Broken):
            self._tell_failure(line, Stage.CONNECT, opened)
            walk.failed(Stage.CONNECT, opened)
            return None
        line.session = opened
        return line if await self._greeted(line, opened) else None

    async def _greeted(self, line: Line, session: Session) -> bool:
        hello = await session.hello()
        if isinstance(hello, Unwilling):
            if isinstance(hello.outcome, Broken):
                self._tell_failure(line, hello.stage, hello.outcome)
            line.walk.failed(hello.stage, hello.outcome)
            return False
        if line.walk.knows_itself_by(session.greeting):
            session.quit()
            line.walk.failed(Stage.GREETING, Reply(220, session.greeting), OWN_NAME)
            return False
        return True

    # -- what became of it ----------------------------------------------------------------------------------

    async def _settle(self, delivery: Delivery, fates: dict[int, Fate], walk: Walk | None = None) -> None:
        """Into the ledger with it, and what is deferred back into the queue."""
        queue, message = self.agent.queue, delivery.message
        if queue.is_expired(message):
            fates = {number: self._or_in_vain(fate) for number, fate in fates.items()}
        await self.agent.ledger.settle(message, fates)
        if walk is not None and walk.reached:
            queue.succeeded(self.destination)
        waits = [fate.reason for fate in fates.values() if isinstance(fate, Deferred)]
        if not waits:
            queue.finish(delivery)
        elif walk is None or walk.reached:
            queue.defer(delivery, waits[-1])
        else:
            queue.back_off(delivery, waits[-1])
        if self.line is not None and self.line.detour:
            self.close()

    def _or_in_vain(self, fate: Fate) -> Fate:
        return GivenUp(self.agent.ledger.in_vain(fate.reason)) if isinstance(fate, Deferred) else fate

    # -- events ---------------------------------------------------------------------------------------------

    def _saw(self, line: Line, replied: Replied) -> None:
        reply, ruling = replied.reply, None
        if replied.stage is Stage.GREETING and reply.code < 400:
            if line.walk.knows_itself_by(reply.text):
                ruling = line.walk.ruling(Stage.GREETING, OWN_NAME)
        elif reply.code >= 400 and replied.decides and replied.stage is not Stage.QUIT:
            ruling = line.walk.ruling(replied.stage, came(reply))
        follows, row = (ruling.follows.value, ruling.row) if ruling else ("", "")
        self.host.log(
            ReplyReceived(
                line.number, replied.stage, replied.command, reply.code, reply.text, follows, row, line.queue_id
            )
        )

    def _tell_opened(self, line: Line) -> None:
        a = line.attempt
        self.host.log(
            ConnectionOpened(
                line.number, line.destination, a.exchanger, a.address, a.port, a.preference, line.queue_id
            )
        )

    def _tell_failure(self, line: Line, stage: Stage, failure: Broken) -> None:
        a, ruling = line.attempt, line.walk.ruling(stage, failure)
        self.host.log(
            ConnectionFailed(
                line.number,
                line.destination,
                a.exchanger,
                a.address,
                a.port,
                a.preference,
                stage,
                failure,
                ruling.follows.value,
                ruling.row,
                line.queue_id,
            )
        )

    def _tell_relayed(self, walk: Walk, line: Line, taken: Sequence[int], delivery: Delivery) -> None:
        recipients = delivery.message.envelope.recipients
        outcome = walk.outcomes[taken[0]]
        assert isinstance(outcome, Taken)
        self.host.log(
            MailRelayed(
                delivery.message.id,
                tuple(recipients[number].address for number in taken),
                line.attempt.exchanger,
                line.attempt.address,
                str(outcome.reply),
                line.number,
            )
        )


def _refused(failed: Failed) -> Fate:
    reason = Reason(failed.text, failed.status, "local")
    return Deferred(reason) if failed.status.startswith("4") else GivenUp(reason)


def _went_stale(fates: Sequence[Sent]) -> bool:
    """The server had left before it heard of the message (or says so now, with 421)."""
    first = fates[0]
    gone = (
        first.outcome in (Broken.CLOSED, Broken.RESET)
        if isinstance(first.outcome, Broken)
        else (first.outcome.is_final)
    )
    return first.stage is Stage.MAIL and gone


def _outgoing(delivery: Delivery, walk: Walk, octets: bytes) -> Outgoing:
    envelope = delivery.message.envelope
    recipients = tuple(_to(envelope.recipients[number]) for number in walk.left)
    return Outgoing(envelope.sender or "", recipients, octets, envelope.ret, envelope.envid, _needs_utf8(envelope))


def _to(recipient: Recipient) -> To:
    return To(recipient.address, recipient.notify, recipient.original)


def _needs_utf8(envelope: Envelope) -> bool:
    """An address that ASCII cannot write; SMTPUTF8 said without need would only bar hosts that lack it."""
    return envelope.smtputf8 and not all(
        one.isascii() for one in (envelope.sender or "", *(to.address for to in envelope.recipients))
    )
