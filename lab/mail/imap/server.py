"""A mail host's IMAP service, on ports 143 and 993: it plays `wire.imap` with the accounts of the store.

The rule: every command gets one tagged answer, whatever happens to it. IDLE waits for the store to tell of changes
and for nothing else: nobody polls (RFC 2177).

The old course's slides say port 145; IMAP never had it. 143: RFC 9051 §2.1; 993: RFC 8314 §7.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from lab.events import ProgramCrashed
from lab.fabric.base import Host
from lab.faults import Moment
from lab.mail.conversation import HIGH_WATER, Conversation
from lab.mail.folders import FolderError
from lab.mail.imap import change, fetch, folders, listing, login, search
from lab.mail.imap.session import Done, Refused, Session, Shared
from lab.mail.ordered import heed
from lab.mail.porter import Porter
from lab.wire.imap.commands import Command, Search
from lab.wire.imap.reader import GoOn
from lab.wire.imap.server import ImapServer, Refusal, Request, State

PATIENCE = 1_800.0
"""Seconds of silence: thirty minutes at least (RFC 9051 §5.4)."""
FAREWELL = b"* BYE nothing was heard for half an hour\r\n"

Execute = Callable[[Session, Any], Awaitable[Done]]

EXECUTE: Mapping[str, Execute] = MappingProxyType(
    {
        "CAPABILITY": login.capability,
        "ID": login.identify,
        "LOGIN": login.login,
        "AUTHENTICATE": login.authenticate,
        "ENABLE": login.enable,
        "SELECT": folders.select,
        "EXAMINE": folders.select,
        "CREATE": folders.create,
        "DELETE": folders.delete,
        "RENAME": folders.rename,
        "SUBSCRIBE": folders.subscribe,
        "UNSUBSCRIBE": folders.subscribe,
        "LIST": listing.list_folders,
        "LSUB": listing.list_folders,
        "NAMESPACE": folders.namespace,
        "STATUS": folders.status,
        "GETQUOTA": folders.quota,
        "GETQUOTAROOT": folders.quota,
        "SETQUOTA": folders.quota,
        "APPEND": change.append,
        "CLOSE": folders.close,
        "UNSELECT": folders.close,
        "EXPUNGE": change.expunge,
        "FETCH": fetch.fetch,
        "STORE": change.store,
        "COPY": change.copy,
        "MOVE": change.copy,
        "UID EXPUNGE": change.expunge,
        "UID FETCH": fetch.fetch,
        "UID STORE": change.store,
        "UID COPY": change.copy,
        "UID MOVE": change.copy,
    }
)
"""Verb → who does it; SEARCH and what is about the connection itself stand below."""


_MOMENTS: Mapping[str, Moment] = MappingProxyType(
    {
        "LOGIN": Moment.LOGIN,
        "AUTHENTICATE": Moment.LOGIN,
        "FETCH": Moment.FETCH,
        "UID FETCH": Moment.FETCH,
        "LOGOUT": Moment.QUIT,
    }
)
"""When a fault can strike."""


class ImapService:
    """What the connections of one host share. Small while nobody calls."""

    __slots__ = ("_host", "_offers_tls", "_porter", "_shared", "_size_limit")

    def __init__(self, host: Host, porter: Porter, size_limit: int, offers_tls: bool = True) -> None:
        self._host = host
        self._porter = porter
        self._size_limit = size_limit
        self._offers_tls = offers_tls
        self._shared: Shared | None = None

    @property
    def shared(self) -> Shared:
        if self._shared is None:
            self._shared = Shared(self._host, self._porter, self._size_limit, self._offers_tls)
        return self._shared

    def connect(self) -> Conversation:
        return Conversation(self._host, self._serve, PATIENCE, FAREWELL)

    def connect_sealed(self) -> Conversation:
        """The same in TLS from the first octet on."""
        return Conversation(self._host, self._serve_sealed, PATIENCE, FAREWELL)

    async def _serve(self, client: Conversation) -> None:
        await Visit(self.shared, client, secure=False).play()

    async def _serve_sealed(self, client: Conversation) -> None:
        await Visit(self.shared, client, secure=True).play()


class Visit:
    """One client, from greeting to goodbye."""

    __slots__ = ("_automaton", "_client", "_idling", "_said", "_session")

    def __init__(self, shared: Shared, client: Conversation, secure: bool) -> None:
        self._client = client
        self._automaton = ImapServer(shared.size_limit)
        self._idling = False
        self._said = 0
        """Octets since the client's side was last seen to keep up."""
        self._session = Session(
            shared, client.peer, self._emit, self._line, self._stir, self._automaton, secure=secure
        )

    async def play(self) -> None:
        session, automaton = self._session, self._automaton
        if refusal := await self._heed(Moment.CONNECT):
            self._client.say(f"* BYE {refusal}\r\n".encode("ascii", "backslashreplace"))
            return
        self._client.say(f"* OK [CAPABILITY {login.capabilities(session)}] {_greeting(session)}\r\n".encode())
        try:
            while automaton.state is not State.LOGOUT and not session.bye:
                heard = automaton.next()
                if heard is not None:
                    await self._answer(heard)
                    await self._client.breathe()
                elif not await self._hear():
                    return
            if session.bye:
                self._client.say(f"* BYE {session.bye}\r\n".encode())
        finally:
            session.leave()

    # -- what a session needs --------------------------------------------------------------------------------

    async def _emit(self, octets: bytes) -> None:
        """Large answers leave in pieces, and others have their turn between them."""
        for start in range(0, len(octets), HIGH_WATER):
            piece = octets[start : start + HIGH_WATER] if len(octets) > HIGH_WATER else octets
            self._client.say(piece)
            self._said += len(piece)
            if self._said >= HIGH_WATER:
                self._said = 0
                await self._client.flush()
                await asyncio.sleep(0)

    async def _line(self) -> bytes:
        while (line := self._automaton.line()) is None:
            if not await self._hear():
                raise ConnectionResetError
        return line

    async def _hear(self) -> bool:
        """Take in what the client sends; whether there was any."""
        octets = await self._client.octets()
        self._automaton.feed(octets or b"")
        return octets is not None

    def _stir(self) -> None:
        if self._idling:
            self._client.wake()

    # -- commands --------------------------------------------------------------------------------------------

    async def _answer(self, heard: Request | Refusal | GoOn) -> None:
        match heard:
            case GoOn():
                self._client.say(b"+ go on\r\n")
            case Refusal(tag, condition, text):
                self._client.say(Done(text, condition).line(tag))
            case Request(tag, verb, _):
                done = await self._done(heard)
                self._automaton.done(verb, done.condition == "OK")
                if done.condition != "OK" and verb in ("SELECT", "EXAMINE"):
                    self._session.leave()
                await self._session.tell(self._session.telling(verb))
                self._client.say(done.line(tag))
                if verb == "STARTTLS" and done.condition == "OK":
                    await self._turn_to_tls()

    async def _done(self, request: Request) -> Done:
        try:
            return await self._do(request)
        except Refused as refused:
            return refused.done
        except FolderError as error:
            return Done(error.sentence, "NO", error.code)
        except ConnectionError:
            raise
        except OSError as error:
            return Done(f"the disk of this host refused: {error.strerror}", "NO", "UNAVAILABLE")
        except Exception as error:
            defect = f"{type(error).__name__}: {error}"
            self._session.host.log(ProgramCrashed("imap server", defect))
            return Done("something went wrong here, a defect of the lab", "NO", "SERVERBUG")

    async def _heed(self, moment: Moment) -> str:
        """What a fault wants; see `ordered.heed`."""
        account = self._session.account
        return await heed(self._session.host, self._client, "imap", moment, account.address if account else "")

    async def _do(self, request: Request) -> Done:
        """A command, and what a fault has against it: against a login when it is known whose it is."""
        moment = _MOMENTS.get(request.verb)
        done = await self._execute(request) if moment is Moment.LOGIN else None
        if moment is not None and (refusal := await self._heed(moment)):
            if done is not None:
                self._session.account = None
            raise Refused(refusal, "" if refusal.startswith("[") else "UNAVAILABLE")
        return done or await self._execute(request)

    async def _execute(self, request: Request) -> Done:
        verb, command = request.verb, request.command
        if isinstance(command, Search):
            return await search.search(self._session, command, request.tag)
        if verb in EXECUTE:
            return await EXECUTE[verb](self._session, command)
        return await _OWN[verb](self, command)

    async def _look(self, command: Command) -> Done:
        """NOOP, CHECK: a moment to hear what is new."""
        if self._session.view is not None:
            self._session.view.folder.look()
        return Done("nothing was to do")

    async def _logout(self, command: Command) -> Done:
        self._client.say(b"* BYE see you\r\n")
        self._session.leave()
        return Done("logged out")

    async def _starttls(self, command: Command) -> Done:
        if self._session.secure or not self._session.shared.offers_tls:
            raise Refused("there is no TLS to begin here", condition="BAD")
        return Done("begin TLS now")

    async def _turn_to_tls(self) -> None:
        await self._client.turn_to_tls()
        self._automaton.forget()
        self._session.secure = True

    async def _idle(self, command: Command) -> Done:
        """News as they come, until the client says DONE."""
        session = self._session
        if session.view is not None:
            session.view.folder.look()
        self._client.say(b"+ idling\r\n")
        self._idling = True
        try:
            while (line := self._automaton.line()) is None:
                await session.tell(session.telling("IDLE"))
                if not await self._hear():
                    raise ConnectionResetError
        finally:
            self._idling = False
        if line.strip().upper() != b"DONE":
            raise Refused("IDLE ends with DONE", condition="BAD")
        return Done("no longer idle")


_OWN: Mapping[str, Callable[[Visit, Command], Awaitable[Done]]] = MappingProxyType(
    {
        "NOOP": Visit._look,
        "CHECK": Visit._look,
        "LOGOUT": Visit._logout,
        "STARTTLS": Visit._starttls,
        "IDLE": Visit._idle,
    }
)


def _greeting(session: Session) -> str:
    return f"{session.host.name} IMAP server ready"
