"""A mail host's POP3 service, on ports 110 and 995: it plays `wire.pop3` with the accounts of the store.

The rule: a maildrop is one client's at a time (RFC 1939 §4); who comes second is told [IN-USE]. Other programs
may still read and file mail there: the snapshot stays as it was, and a message that is gone is said to be gone.
What was retrieved is marked as seen at QUIT, and not before, for the same reason that deletions wait.
"""

from __future__ import annotations

import re

from lab.events import MailRead
from lab.fabric.base import Host
from lab.faults import Moment
from lab.mail.conversation import Conversation
from lab.mail.folders import SEEN, Folder, FolderError, Mode
from lab.mail.ordered import heed
from lab.mail.porter import Porter
from lab.names import EmailAddress
from lab.wire import pop3, sasl
from lab.wire.pop3 import Maildrop, Message, Session, State

_FETCHES = re.compile(rb"(?:RETR|TOP)\b", re.IGNORECASE)
PATIENCE = 600.0
"""Seconds of silence. RFC 1939 §3 asks for at least ten minutes."""


class Pop3Service:
    """What the connections of one host share. Small while nobody calls."""

    __slots__ = ("_offers_tls", "_open", "host", "porter")

    def __init__(self, host: Host, porter: Porter, offers_tls: bool = True) -> None:
        self.host = host
        self.porter = porter
        self._offers_tls = offers_tls
        self._open: dict[EmailAddress, Visit] | None = None
        """Maildrops that a client has."""

    def connect(self) -> Conversation:
        return Conversation(self.host, self._serve, PATIENCE)

    def connect_sealed(self) -> Conversation:
        """The same in TLS from the first octet on."""
        return Conversation(self.host, self._serve_sealed, PATIENCE)

    async def _serve(self, client: Conversation) -> None:
        await self._play(client, Session(self._terms()))

    async def _serve_sealed(self, client: Conversation) -> None:
        await self._play(client, Session(self._terms(), secure=True))

    async def _play(self, client: Conversation, session: Session) -> None:
        visit = Visit(self, client, session)
        try:
            await visit.play()
        finally:
            self.release(visit)

    def _terms(self) -> pop3.Terms:
        chance = self.host.rng("pop3")
        stamp = f"<{chance.getrandbits(64):x}.{int(self.host.clock.elapsed())}@{self.host.name}>"
        return pop3.Terms(self.host.name, self.porter.terms, stamp, self._offers_tls)

    # -- maildrops -------------------------------------------------------------------------------------------

    def seize(self, visit: Visit, address: EmailAddress) -> bool:
        """Whether the visit has the maildrop now, until `release`."""
        if self._open is None:
            self._open = {}
        return self._open.setdefault(address, visit) is visit

    def release(self, visit: Visit) -> None:
        for address in [address for address, holder in (self._open or {}).items() if holder is visit]:
            del (self._open or {})[address]


class Visit:
    """One client, from greeting to goodbye."""

    __slots__ = ("_client", "_folder", "_service", "_session", "_who")

    def __init__(self, service: Pop3Service, client: Conversation, session: Session) -> None:
        self._service = service
        self._client = client
        self._session = session
        self._who: EmailAddress | None = None
        self._folder: Folder | None = None

    async def play(self) -> None:
        client, session = self._client, self._session
        if refusal := await self._heed(Moment.CONNECT):
            client.say(_refused(refusal).octets)
            return
        client.say(session.greet().octets)
        while session.state is not State.OVER:
            longest = sasl.LONGEST_LINE if session.state is State.CHALLENGED else pop3.LONGEST_COMMAND
            line = await client.line(longest)
            if line is None:
                return
            if len(line) > longest:
                await self._do(session.refuse("line too long"))
            elif (
                session.state is State.TRANSACTION
                and _FETCHES.match(line)
                and (refusal := await self._heed(Moment.FETCH))
            ):
                await self._do(_refused(refusal))
            else:
                await self._do(session.take(line))
            await client.breathe()

    async def _heed(self, moment: Moment, login: str = "") -> str:
        """What a fault wants; see `ordered.heed`."""
        return await heed(self._service.host, self._client, "pop3", moment, login or self._who or "")

    async def _do(self, turn: pop3.Turn) -> None:
        match turn:
            case pop3.Granted(login):
                turn = await self._admit(login)
            case pop3.Update(deleted, seen):
                whole = await self._update(deleted, seen)
                await self._heed(Moment.QUIT)
                turn = self._session.updated(whole)
            case pop3.Refused(_, login):
                await self._service.porter.refuse(login, "POP3", self._client.peer)
        self._client.say(turn.octets)
        match turn:
            case pop3.Secure():
                await self._client.turn_to_tls()
                self._session.secured()
            case pop3.Retrieved(octets, uid):
                self._service.host.log(MailRead(self._who or "", uid, "POP3", len(octets)))
                await self._client.flush()

    async def _admit(self, login: str) -> pop3.Say:
        """Open the maildrop to who has proved that it is theirs."""
        service, session = self._service, self._session
        if refusal := await self._heed(Moment.LOGIN, service.porter.address(login)):
            return session.turn_away(_coded(refusal))
        account = service.porter.admit(login, self._client.peer)
        if not service.seize(self, account.address):
            return session.turn_away("[IN-USE] another client has this maildrop open")
        try:
            self._folder = folder = account.open("INBOX")
            folder.look()
            messages = tuple(Message(entry.uid, entry.size) for entry in folder.entries())
        except (FolderError, OSError) as error:
            service.release(self)
            return session.turn_away(f"[SYS/TEMP] the maildrop cannot be opened: {_why(error)}")
        self._who = account.address
        return session.admit(Maildrop(folder.uidvalidity, messages, folder.octets))

    async def _update(self, deleted: list[int], seen: list[int]) -> bool:
        """Whether all that was to go is gone."""
        assert self._folder is not None
        try:
            if deleted:
                await self._folder.expunge(deleted)
            if seen:
                await self._folder.store(seen, Mode.ADD, (SEEN,))
        except (FolderError, OSError):
            return not {entry.uid for entry in self._folder.entries()} & set(deleted)
        return True


def _refused(words: str) -> pop3.Say:
    return pop3.Say(f"-ERR {_coded(words)}\r\n".encode())


def _coded(words: str) -> str:
    """A refusal with its code (RFC 3206 §4): it may pass."""
    return words if words.startswith("[") else f"[SYS/TEMP] {words}"


def _why(error: FolderError | OSError) -> str:
    return error.sentence if isinstance(error, FolderError) else (error.strerror or "the disk failed")
