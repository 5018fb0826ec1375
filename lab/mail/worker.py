"""A worker: serves one destination until nothing waits there, over one session for as long as it lasts.

The rule: it carries out and never decides. It walks where the `Walk` leads, sends what it took from the queue,
and hands every outcome to the ledger before it takes the next. A session that turns out to have been closed
between two messages is nobody's fault: the same address is tried once more, in a new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from lab.events import ExchangersFound, Failure, Stage
from lab.mail.envelope import Envelope, Recipient
from lab.mail.ledger import Fate
from lab.mail.line import Line
from lab.mail.local import Failed
from lab.mail.policy import OWN_NAME
from lab.mail.routing import Verdict
from lab.mail.session import Session, connect
from lab.mail.waiting import LOCAL, Delivery, Destination
from lab.mail.walk import Ask, Attempt, Deferred, GivenUp, Reason, Walk
from lab.mail.warm import KEPT
from lab.wire.smtp_client import Fate as Sent
from lab.wire.smtp_client import Outgoing, To, Unwilling
from lab.wire.smtp_reply import Reply

if TYPE_CHECKING:
    from lab.mail.agent import TransferAgent

MESSAGES_PER_SESSION = 100
"""After so many the way is looked up anew, so that mail returns to a better exchanger that came back."""


class Worker:
    """At work for `destination`."""

    __slots__ = ("agent", "destination", "host", "line")

    def __init__(self, agent: TransferAgent, destination: Destination) -> None:
        self.agent = agent
        self.host = agent.host
        self.destination = destination
        self.line: Line | None = None

    async def run(self) -> None:
        work = self._deliver if self.destination.name == LOCAL else self._send
        while (delivery := self.agent.queue.take(self.destination)) is not None:
            try:
                await work(delivery)
            except Exception:
                self.agent.queue.defer(delivery, Reason("this host could not go on with it", "4.3.0"))
                raise

    def leave(self) -> None:
        """Nothing more to do here: the session ends, or is kept warm."""
        line = self.line
        warm = self.agent.policy.sessions in KEPT and line is not None and not line.detour
        if warm and line is not None and self.agent.warm.keep(self.destination.name, line):
            self.line = None
        self.close()

    def close(self) -> None:
        if self.line is not None:
            self.line.close()
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
        walk, told = self._walk(delivery)
        while (step := walk.next()) is not None:
            if isinstance(step, Ask):
                walk.learn(await self.agent.resolve(step.name, step.type, delivery.message.id))
                continue
            if told != len(walk.left_out):
                told = self._tell_route(walk, delivery)
            await self._attempt(walk, step, delivery)
        if told != len(walk.left_out):
            self._tell_route(walk, delivery)
        await self._settle(delivery, dict(walk.outcomes), walk)

    def _walk(self, delivery: Delivery) -> tuple[Walk, int]:
        """From the start, or from where the open session stands; and how much of the route was told before."""
        agent, name = self.agent, self.destination.name
        if agent.policy.sessions == "each":
            self.close()
        elif self.line is None and agent.policy.sessions in KEPT:
            self.line = agent.warm.take(name)
        line = self.line
        if line is not None and _has_room(line.session):
            line.queue_id = delivery.message.id
            line.walk = line.walk.again(line.attempt, delivery.recipients)
            return line.walk, -1
        self.close()
        start = agent.start(self.destination)
        return Walk(start, delivery.recipients, agent.me, agent.policy, self._chance), -1

    def _chance(self) -> Random:
        return self.host.rng("exchangers")

    def _tell_route(self, walk: Walk, delivery: Delivery) -> int:
        route = walk.verdict() if walk.route is None or walk.met_nobody else walk.route
        found = () if isinstance(route, Verdict) else tuple(str(one) for one in walk.in_order)
        queue_id = delivery.message.id
        self.host.log(ExchangersFound(self.destination.name, found, route.rule, walk.left_out, queue_id))
        return len(walk.left_out)

    async def _attempt(self, walk: Walk, attempt: Attempt, delivery: Delivery) -> None:
        """One message to one address: in the open session if it leads there, else in a new one."""
        line = self.line if self.line is not None and self.line.attempt == attempt else None
        if line is None:
            self.close()
            line = self.line = await self._open(walk, attempt, delivery)
        if line is None or line.session is None:
            return
        used = line.session.messages > 0
        octets = self.agent.queue.spool.octets(delivery.message.id)
        fates = await line.session.send(_outgoing(delivery, walk, octets))
        if used and _went_stale(fates):
            self.close()
        else:
            self._conclude(walk, line, line.session, fates, delivery)

    def _conclude(
        self, walk: Walk, line: Line, session: Session, fates: Sequence[Sent], delivery: Delivery
    ) -> None:
        for fate in fates:
            if isinstance(fate.outcome, Failure):
                line.failed(fate.stage, fate.outcome)
                break  # one connection, one failure, however many recipients
        taken = [(number, fate.outcome) for number, fate in zip(walk.left, fates, strict=True) if fate.accepted]
        walk.concluded(fates, deaf="DSN" not in session.extensions)
        if taken:
            recipients = delivery.message.envelope.recipients
            reply = taken[0][1]
            assert isinstance(reply, Reply)
            line.relayed([recipients[number].address for number, _ in taken], reply)
        if not session.ready:
            self.close()

    async def _open(self, walk: Walk, attempt: Attempt, delivery: Delivery) -> Line | None:
        """A session that said hello; None when the attempt came to nothing, which the walk then knows."""
        number, queue_id = self.agent.next_session(), delivery.message.id
        line = Line(self.host, number, walk, attempt, self.destination.name, queue_id, walk.reached)
        limit = self.agent.connect_limit
        opened = await connect(
            attempt.address, attempt.port, self.host.name, line.opened, line.saw, limit, self.agent.tls
        )
        if isinstance(opened, Failure):
            line.failed(Stage.CONNECT, opened)
            walk.failed(Stage.CONNECT, opened)
            return None
        line.session = opened
        return line if await self._greeted(line, opened) else None

    async def _greeted(self, line: Line, session: Session) -> bool:
        hello = await session.hello()
        if isinstance(hello, Unwilling):
            if isinstance(hello.outcome, Failure):
                line.failed(hello.stage, hello.outcome)
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
        queue = self.agent.queue
        trouble = [fate.reason for fate in fates.values() if isinstance(fate, Deferred)]
        if queue.is_expired(delivery.message):
            fates = {number: self._or_in_vain(fate) for number, fate in fates.items()}
        waits = await self.agent.ledger.settle(delivery.message, fates)
        if walk is not None and walk.reached:
            queue.succeeded(self.destination)
        elif walk is not None and trouble:
            queue.back_off(delivery, waits or trouble[-1])
            return
        if waits is None:
            queue.finish(delivery)
        else:
            queue.defer(delivery, waits)
        if self.line is not None and self.line.detour:
            self.close()

    def _or_in_vain(self, fate: Fate) -> Fate:
        return GivenUp(self.agent.ledger.in_vain(fate.reason)) if isinstance(fate, Deferred) else fate


def _has_room(session: Session | None) -> bool:
    return session is not None and session.ready and session.messages < MESSAGES_PER_SESSION


def _refused(failed: Failed) -> Fate:
    reason = Reason(failed.text, failed.status, "local")
    return Deferred(reason) if failed.status.startswith("4") else GivenUp(reason)


def _went_stale(fates: Sequence[Sent]) -> bool:
    """The server had left before it heard of the message, or says so now with 421."""
    outcome = fates[0].outcome
    gone = outcome.is_final if isinstance(outcome, Reply) else outcome in (Failure.CLOSED, Failure.RESET)
    return fates[0].stage is Stage.MAIL and gone


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
