"""A mail host: SMTP server, queue, transfer agent and mailboxes, put together from its plan.

The rule: a host that nobody writes to is nothing but its listeners (`services`). Queue and agent come into being
at the first message, or at once where the disk holds mail from an earlier life.

Console answers:

    submit {sender, recipients, message}  → {queue_id} | {refused}     octets of the message as Latin-1 text
    queue  {}                             → {queue: [{host, id, to, state, attempts, next_try, last_reply …}]}
    retry  {}                             → {retried}                  everything that waits is due now
    mailbox, message, mbox                  see `reading`
    account                                 see `accounting`
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from lab.events import SubmissionRefused
from lab.fabric.base import Host
from lab.mail import submission
from lab.mail.accounting import account
from lab.mail.agent import TransferAgent
from lab.mail.envelope import Envelope, Resolve
from lab.mail.ledger import submitted
from lab.mail.local import LocalDelivery
from lab.mail.policies import named_policy
from lab.mail.policy import with_settings
from lab.mail.queue import Queue
from lab.mail.reading import answers
from lab.mail.relay import as_local
from lab.mail.retry import named_schedule
from lab.mail.server import Reception
from lab.mail.spool import Spool
from lab.mail.store import Store
from lab.mail.waiting import LOCAL, Delivery
from lab.names import EmailAddress
from lab.topology.plan import MailPlan
from lab.wire.received import read_heading


class MailHost:
    """What runs on a mail host. WrongUse when its plan names a policy or schedule that there is none of, or a
    setting that makes no sense."""

    __slots__ = ("_queue", "host", "local", "plan", "reception", "resolve")
    questions: ClassVar[Mapping[str, str]] = {
        "submit": "submit",
        "queue": "show_queue",
        "retry": "retry",
        "mailbox": "mailbox",
        "message": "message",
        "mbox": "mbox",
        "account": "account",
    }

    def __init__(self, host: Host, plan: MailPlan, resolve: Resolve) -> None:
        self.host = host
        self.plan = plan
        self.resolve = resolve
        self.local = LocalDelivery(host, plan, Store(host, plan))
        self.reception = Reception(host, plan, self, self.local.store, resolve)
        self._queue: Queue | None = None
        if plan.settings:
            _ = self.reception.terms  # what is wrong in them is told now, not to the first client
        with_settings(named_policy(plan.policy), plan.settings)
        named_schedule(plan.schedule, plan.settings)
        host.console.staff(self)
        if host.disk.list("spool"):
            _ = self.queue

    # -- the queue, once it is needed -------------------------------------------------------------------------

    @property
    def queue(self) -> Queue:
        if self._queue is None:
            plan, host = self.plan, self.host
            schedule = named_schedule(plan.schedule, plan.settings)
            policy = with_settings(named_policy(plan.policy), plan.settings)
            self._queue = queue = Queue(
                host, Spool(host.disk), schedule, self._destination_of, policy.most_recipients
            )
            queue.agent = TransferAgent(host, queue, self.resolve, policy, self.local, plan.smarthost)
            queue.recover()
        return self._queue

    def reserve(self) -> str:
        return self.queue.reserve()

    async def put(self, queue_id: str, envelope: Envelope, octets: bytes) -> str:
        return await self.queue.put(queue_id, envelope, octets)

    def _destination_of(self, address: EmailAddress) -> str:
        if as_local(address, self.local.place) is not None:
            return LOCAL
        if self.plan.smarthost is not None:
            return self.plan.smarthost
        return f"[{address.literal}]" if address.literal is not None else address.domain

    # -- what the lab's keeper may ask ------------------------------------------------------------------------

    async def submit(self, request: dict[str, Any]) -> dict[str, Any]:
        """A message from one of this host's people."""
        sender, recipients = str(request["sender"]), [str(one) for one in request["recipients"]]
        try:
            message = submission.accept(
                sender,
                recipients,
                str(request["message"]).encode("latin-1"),
                place=self.local.place,
                mailboxes=self.local.store,
                size_limit=self.plan.size_limit,
            )
            return {"queue_id": await self._take(message)}
        except submission.Refusal as refusal:
            reason = refusal.sentence
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            reason = f"the disk of {self.host.name} is full: 452 4.3.1"
        self.host.log(SubmissionRefused(sender, tuple(recipients), reason))
        return {"refused": reason}

    async def _take(self, message: submission.Submitted) -> str:
        queue_id = self.queue.reserve()
        octets = submission.completed(message, host=self.host.name, queue_id=queue_id, now=self.host.clock.now())
        await self.queue.put(queue_id, message.envelope, octets)
        heading = read_heading(octets)
        self.host.log(submitted(queue_id, message.envelope, len(octets), heading.message_id, heading.subject))
        return queue_id

    async def show_queue(self, request: dict[str, Any]) -> dict[str, Any]:
        """Every recipient that waits, with what it waits for."""
        if self._queue is None:
            return {"queue": []}
        return {"queue": [row for delivery in self._queue.deliveries() for row in self._rows(delivery)]}

    async def retry(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"retried": self._queue.flush() if self._queue is not None else 0}

    async def mailbox(self, request: dict[str, Any]) -> dict[str, Any]:
        return await answers(self.local.store)["mailbox"](request)

    async def message(self, request: dict[str, Any]) -> dict[str, Any]:
        return await answers(self.local.store)["message"](request)

    async def account(self, request: dict[str, Any]) -> dict[str, Any]:
        return await account(self.local.store, request)

    async def mbox(self, request: dict[str, Any]) -> dict[str, Any]:
        return await answers(self.local.store)["mbox"](request)

    def _rows(self, delivery: Delivery) -> list[dict[str, Any]]:
        due = delivery.destination.until if delivery.due is None else delivery.due
        return [
            {
                "host": self.host.name,
                "id": delivery.message.id,
                "from": delivery.message.envelope.sender or "",
                "to": address,
                "destination": delivery.destination.name,
                "state": delivery.state,
                "attempts": delivery.attempts,
                "next_try": self._moment(due),
                "next_try_s": round(max(due, 0.0), 3),
                "arrived": self._moment(delivery.message.arrived - self.host.clock.ahead),
                "size": delivery.message.size,
                "last_reply": delivery.reason.text if delivery.reason is not None else "",
            }
            for address in delivery.addresses
        ]

    def _moment(self, seconds: float) -> str:
        """Lab seconds as the host's clock shows them; what is due already is due now."""
        clock = self.host.clock
        ahead = timedelta(seconds=max(seconds, 0.0) - clock.elapsed())
        return (clock.now() + (ahead if seconds else timedelta())).isoformat(timespec="seconds")
