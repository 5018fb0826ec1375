"""The transfer agent: sets workers on what waits, and knows what they all need to know.

The rule: a destination of which nothing is known, or that could not be had, gets one worker; one that answers
well gets more; a host has only so many at once. What happens in a worker's hands is in `worker`, what follows
is the policy's, when is the schedule's, what survives is the queue's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.fabric.base import Host
from lab.mail import routing
from lab.mail.envelope import Resolve
from lab.mail.ledger import Ledger
from lab.mail.local import LocalDelivery
from lab.mail.policy import Policy
from lab.mail.queue import Queue
from lab.mail.routing import Exchangers, Identity
from lab.mail.tls import opportunist
from lab.mail.waiting import Destination, Message
from lab.mail.warm import WarmSessions
from lab.mail.worker import Worker
from lab.names import Address, DomainName

if TYPE_CHECKING:
    import ssl

WORKERS_PER_DESTINATION = 5
WORKERS_PER_HOST = 100


class TransferAgent:
    """The workers of one host."""

    __slots__ = (
        "_in_line",
        "_sessions",
        "_tls",
        "_workers",
        "connect_limit",
        "host",
        "ledger",
        "local",
        "me",
        "policy",
        "queue",
        "resolve",
        "smarthost",
        "warm",
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
        self.connect_limit = policy.connect_limit
        self._tls: ssl.SSLContext | None = None
        self._workers = 0
        self._in_line: dict[Destination, None] = {}
        """Destinations that wait for a worker, the first one first."""
        self.warm = WarmSessions(host, policy.sessions)
        self._sessions = int(host.clock.elapsed()) * 16

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What to begin TLS with, where the policy wants it."""
        if self._tls is None and self.policy.tls == "may":
            self._tls = opportunist()
        return self._tls

    def next_session(self) -> int:
        """Numbers go on after a restart: nobody opens sixteen sessions a second for as long as the lab is up."""
        self._sessions += 1
        return self._sessions

    def work(self, destination: Destination) -> None:
        """Something waits there: set a worker on it, if it may have another."""
        most = WORKERS_PER_DESTINATION if destination.alive else 1
        while destination.workers < min(most, len(destination.waiting)):
            if self._workers >= WORKERS_PER_HOST:
                self._in_line[destination] = None
                return
            destination.workers += 1
            self._workers += 1
            self.host.spawn(self._serve(destination), f"mail to {destination.name}")

    async def _serve(self, destination: Destination) -> None:
        worker = Worker(self, destination)
        try:
            await worker.run()
        except Exception:
            self._leave(worker)
            raise
        # When the task is cancelled its host has gone down, and nobody goes on there.
        self._leave(worker)

    def _leave(self, worker: Worker) -> None:
        worker.leave()
        worker.destination.workers -= 1
        self._workers -= 1
        self._go_on(worker.destination)

    def _go_on(self, destination: Destination) -> None:
        """A worker is free: for a destination that had to wait for one, or the rest of its own line."""
        self.queue.idle(destination)
        if self._in_line:
            first = next(iter(self._in_line))
            del self._in_line[first]
            if first.is_due:
                self.work(first)
        if destination.is_due:
            self.work(destination)

    def notify(self, expired: Sequence[Message], overdue: Sequence[Message]) -> None:
        """Give up on some messages, and warn the senders of others."""
        self.host.spawn(self._notify(expired, overdue), "mail that takes too long")

    async def _notify(self, expired: Sequence[Message], overdue: Sequence[Message]) -> None:
        await self.ledger.expire(expired)
        await self.ledger.warn(overdue)

    def start(self, destination: Destination) -> DomainName | Exchangers:
        """Where the walk to a destination begins: a question, or exchangers that need none."""
        if self.smarthost is not None:
            return routing.smarthost(self.smarthost)
        if destination.name.startswith("["):
            return routing.literal(Address(destination.name[1:-1]))
        return DomainName(destination.name)
