"""The console's answers of a mail host whose software is not the lab's: submit, queue, retry, mailbox, message,
mbox, account. Shapes: `lab.mail.host`, `lab.mail.reading`, `lab.mail.accounting`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from lab.errors import WrongUse
from lab.events import SubmissionRefused
from lab.foreign import processes
from lab.foreign.config.files import MAKERS
from lab.foreign.desks import queues
from lab.foreign.desks.boxes import Boxes, mbox, row
from lab.foreign.desks.keeper import Keeper
from lab.foreign.desks.letters import hand_in
from lab.mail.accounting import account
from lab.mail.envelope import Envelope, Recipient
from lab.mail.people import People
from lab.mail.submission import Submitted, completed
from lab.names import EmailAddress
from lab.values import dataclass

Form = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Tools:
    """How a mail server's queue is seen and hurried."""

    listing: tuple[str, ...]
    read: Callable[[str, float], Iterator[queues.Waiting]]
    hurry: tuple[str, ...]
    renew: tuple[str, ...] = ()
    """After a change of people; the others read their files at each message."""
    group: str | None = None
    """Whose rights its tools have by their file; where nobody gains privileges root has to be of it."""


TOOLS: Mapping[str, Tools] = MappingProxyType(
    {
        "postfix": Tools(("postqueue", "-j"), queues.from_postqueue, ("postqueue", "-f")),
        "exim": Tools(("exim4", "-bp"), queues.from_exim, ("exim4", "-qff")),
        "opensmtpd": Tools(
            ("smtpctl", "show", "queue"),
            queues.from_smtpctl,
            ("smtpctl", "schedule", "all"),
            ("smtpctl", "update", "table", "people"),
            "opensmtpq",
        ),
    }
)


class MailDesk:
    questions: ClassVar[Mapping[str, str]] = {
        "submit": "submit",
        "queue": "queue",
        "retry": "retry",
        "mailbox": "mailbox",
        "message": "message",
        "mbox": "mbox",
        "account": "account",
    }

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._software = next(name for name in keeper.host.plan.software if name in TOOLS)
        self._boxes = Boxes()
        scene = keeper.scene
        self._people = People(keeper.host.disk, scene.mail, scene.domains[0])
        keeper.scene = replace(scene, people=self._people.persons, aliases=dict(self._people.aliases))

    # -- the queue -------------------------------------------------------------------------------------------

    async def submit(self, request: Form) -> Form:
        host = self._keeper.host
        sender, recipients = str(request["sender"]), [str(one) for one in request["recipients"]]
        octets = _completed(sender, recipients, str(request["message"]).encode("latin-1"), self._keeper)
        taken = await hand_in(host.name, host.addresses[0], sender, recipients, octets)
        if taken.refused:
            host.log(SubmissionRefused(sender, tuple(recipients), taken.refused))
            return {"refused": taken.refused}
        return {"queue_id": taken.queue_id}

    async def queue(self, request: Form) -> Form:
        tools = TOOLS[self._software]
        now = self._keeper.host.clock.now().timestamp()
        _, text = await processes.run(tools.listing, group=tools.group)
        return {"queue": [self._row(waiting) for waiting in tools.read(text, now)]}

    async def retry(self, request: Form) -> Form:
        before = len((await self.queue({}))["queue"])
        tools = TOOLS[self._software]
        self._keeper.host.spawn(processes.run(tools.hurry, group=tools.group), "queue run")
        return {"retried": before}

    def _row(self, waiting: queues.Waiting) -> Form:
        clock = self._keeper.host.clock
        last = self._keeper.deferral(waiting.id, waiting.recipient)
        now, elapsed = clock.now(), clock.elapsed()
        due = max(last.next_try, elapsed) if last is not None else elapsed
        arrived = now - timedelta(seconds=now.timestamp() - waiting.arrived)
        return {
            "host": self._keeper.host.name,
            "id": waiting.id,
            "from": waiting.sender,
            "to": waiting.recipient,
            "destination": waiting.recipient.rpartition("@")[2],
            "state": "trying" if waiting.active else "deferred",
            "attempts": last.attempt if last is not None else 0,
            "next_try": (now + timedelta(seconds=due - elapsed)).isoformat(timespec="seconds"),
            "next_try_s": round(due, 3),
            "arrived": arrived.isoformat(timespec="seconds"),
            "size": waiting.size,
            "last_reply": waiting.reason or (last.reason if last is not None else ""),
        }

    # -- mailboxes -------------------------------------------------------------------------------------------

    async def mailbox(self, request: Form) -> Form:
        address, folder = self._whose(request), str(request.get("folder") or "INBOX")
        rows = [row(letter) for letter in self._boxes.letters(address, folder)]
        return {"address": address, "folder": folder, "messages": rows, "folders": self._boxes.folders(address)}

    async def message(self, request: Form) -> Form:
        address, folder, uid = self._whose(request), str(request.get("folder") or "INBOX"), int(request["uid"])
        found = next((one for one in self._boxes.letters(address, folder) if one.uid == uid), None)
        if found is None:
            raise WrongUse(f"{address} has no message {uid} in {folder}")
        return {"octets": found.octets.decode("latin-1")}

    async def mbox(self, request: Form) -> Form:
        address, folder = self._whose(request), str(request.get("folder") or "INBOX")
        return {"text": mbox(self._boxes.letters(address, folder)).decode("utf-8", "replace")}

    def _whose(self, request: Form) -> EmailAddress:
        address = EmailAddress.parse(str(request["address"])).folded
        if address not in self._people.persons:
            raise WrongUse(f"{self._keeper.host.name} has no mailbox {address}")
        return address

    # -- people ----------------------------------------------------------------------------------------------

    @property
    def people(self) -> People:
        return self._people

    def usage(self, address: EmailAddress) -> tuple[int, int]:
        return self._boxes.usage(address)

    def place_of(self, address: EmailAddress) -> str:
        return str(self._boxes.place(address))

    async def remove(self, address: EmailAddress, *, mail: bool) -> None:
        await self._people.remove(address)
        if mail:
            shutil.rmtree(self._boxes.place(address).parent, ignore_errors=True)

    async def account(self, request: Form) -> Form:
        form = await account(self, request)
        if request.get("do") != "list":
            await self._rewrite()
        return form

    async def _rewrite(self) -> None:
        """The files that say who there is, anew."""
        keeper = self._keeper
        keeper.scene = replace(keeper.scene, people=self._people.persons, aliases=dict(self._people.aliases))
        for name in keeper.host.plan.software:
            keeper.write(MAKERS[name](keeper.scene))
        tools = TOOLS[self._software]
        if tools.renew:
            await processes.run(tools.renew, group=tools.group)


def _completed(sender: str, recipients: list[str], octets: bytes, keeper: Keeper) -> bytes:
    """With what every message has, by the rules of the lab's own hosts."""
    envelope = Envelope(
        EmailAddress(sender) if sender else None, tuple(Recipient(EmailAddress(one)) for one in recipients)
    )
    host = keeper.host
    number = f"{host.rng('message ids').getrandbits(48):012x}"
    return completed(Submitted(envelope, octets), host=host.name, queue_id=number, now=host.clock.now())
