"""The SMTP server of a mail host, on port 25, and for its own people on 587 and 465: the one door to aiosmtpd.

The rule: a connection serves its client and no more. What is said is `dialogue`'s, what is promised is
`acceptance`'s; a client that goes away after its dot takes nothing back, its message is accepted all the same.

aiosmtpd gives the connection its life: protocol, flow control and session. Its own command loop is not used, for
it answers without enhanced codes, takes no DSN parameters, reads a message line by line and spends a third of a
short connection on `inspect`. Ours takes octets as they come (StreamReader and StreamWriter between were a tenth
of a message's cost), hands lines to `dialogue`, and answers a pipelined group of commands in one write
(RFC 2920 §3.2).

Time limits: RFC 5321 §4.5.3.2.7, five minutes of silence at least. They are the server's patience, not lab time,
where the loop knows the difference: `lab clock +4h` hangs up on nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiosmtpd.smtp import SMTP

from lab.errors import WrongUse
from lab.events import Stage
from lab.fabric.base import Host
from lab.mail.acceptance import Accepting, answer_text, crashed, log_refusal
from lab.mail.dialogue import Dialogue, Phase, Terms, Turn
from lab.mail.envelope import Resolve
from lab.mail.porter import Porter
from lab.mail.relay import place_of
from lab.mail.store import Store
from lab.mail.tls import turn_to_tls
from lab.names import ROOT, Address
from lab.topology.plan import MailPlan
from lab.wire import sasl
from lab.wire.records import MX, Answer
from lab.wire.smtp_reply import Reply, format_reply
from lab.wire.smtp_text import TextReader

HIGH_WATER = 131_072
"""Octets unread, above which the client has to wait."""
LONGEST_COMMAND = 2_048
"""Octets. RFC 5321 §4.5.3.1.4 grants 512; SIZE, DSN and SMTPUTF8 add up to about 1,000 more."""
PATIENCE = 300.0
"""Seconds of silence after which the server may hang up; it does so after one to two times as many."""


class Reception:
    """A host's SMTP service: what its connections share, and those that are open."""

    __slots__ = ("_terms", "host", "open", "plan", "porter", "queue", "resolve", "server", "store")

    def __init__(
        self,
        host: Host,
        plan: MailPlan,
        queue: Accepting,
        store: Store,
        resolve: Resolve | None = None,
        porter: Porter | None = None,
    ) -> None:
        """With a porter mail is submitted here, by who can log in (RFC 6409); without, it is relayed here."""
        self.host = host
        self.plan = plan
        self.queue = queue
        self.store = store
        self.resolve = resolve if plan.settings.get("refuse_null_mx_senders") == "yes" else None
        self.open: dict[Connection, None] = {}
        self.porter = porter
        self.server: asyncio.AbstractServer | None = None
        self._terms: Terms | None = None

    @property
    def terms(self) -> Terms:
        """Made at the first connection: a host that nobody calls stays small."""
        if self._terms is None:
            self._terms = terms_of(self.host, self.plan, self.store, self.porter)
        return self._terms

    def connect(self) -> Connection:
        return Connection(self)

    def connect_sealed(self) -> Connection:
        """The same in TLS from the first octet on (RFC 8314 §3.3)."""
        return Connection(self, secure=True)

    def close(self) -> None:
        """Take no more connections, and tell every open one that this host is closing (RFC 5321 §3.8)."""
        if self.server is not None:
            self.server.close()
        for connection in tuple(self.open):
            connection.dismiss(421, f"4.3.2 {self.host.name} is closing down")


async def start_server(
    host: Host, plan: MailPlan, queue: Accepting, store: Store, resolve: Resolve | None = None, port: int = 25
) -> Reception:
    """Listen on the ambient host's addresses. `resolve` serves the setting `refuse_null_mx_senders` only."""
    reception = Reception(host, plan, queue, store, resolve)
    if plan.settings:
        _ = reception.terms  # what is wrong in them is told now, not to the first client
    loop = asyncio.get_running_loop()
    reception.server = await loop.create_server(reception.connect, port=port)
    return reception


def offers_tls(plan: MailPlan) -> bool:
    """The setting `starttls: no` has a host's services do without TLS, all of them."""
    return plan.settings.get("starttls", "yes") != "no"


def terms_of(host: Host, plan: MailPlan, store: Store, porter: Porter | None = None) -> Terms:
    """The plan's settings `hop_limit`, `recipient_limit`, `long_lines`, `accept_unknown` and `any_sender`, read
    once. WrongUse when one of them makes no sense."""
    return Terms(
        place_of(host.name, host.addresses, replace(plan, aliases=store.people.aliases)),
        store,
        host.faults,
        plan.size_limit,
        max(100, _count(plan, "recipient_limit", 1_000)),
        _count(plan, "hop_limit", 30),
        plan.settings.get("long_lines", "refuse") == "accept",
        offers_tls(plan),
        porter,
        plan.settings.get("any_sender") == "yes",
    )


def _count(plan: MailPlan, setting: str, otherwise: int) -> int:
    text = plan.settings.get(setting, str(otherwise))
    if not (text.isascii() and text.isdigit()):
        raise WrongUse(f"the mail setting {setting} is a number, not '{text}'")
    return int(text)


class Connection(SMTP):
    """One client; `_handle_client` is its task, as in aiosmtpd."""

    transport: asyncio.Transport | None
    # Of asyncio's flow control, unknown to its stubs.
    _paused: bool
    _drain_helper: Callable[[], Awaitable[None]]

    def __init__(self, reception: Reception, secure: bool = False) -> None:
        # not SMTP.__init__: it inspects its own class and the handler's for every connection
        self.loop = asyncio.get_running_loop()
        asyncio.StreamReaderProtocol.__init__(self, None, None, self.loop)  # type: ignore[arg-type]
        self._timeout_handle: asyncio.TimerHandle | None = None
        self._reception = reception
        self._secure = secure
        self._dialogue: Dialogue
        self._input = bytearray()
        self._output = bytearray()
        self._heard: asyncio.Future[None] | None = None
        self._ended = self._full = self._listening = self._stirred = False

    # -- the life of a connection ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # not SMTP.connection_made: the task has to be the host's, so that it ends when the host goes down
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")
        self.transport = transport
        self.session = self._create_session()
        self.session.peer = peer
        self._dialogue = Dialogue(self._reception.terms, Address(peer[0]) if peer else None, self._secure)
        self._reception.open[self] = None
        self._reset_timeout()
        self._reception.host.spawn(self._handle_client(), "smtp server")

    def connection_lost(self, error: Exception | None) -> None:
        # not SMTP.connection_lost: it would cancel the task, and with it a message that is being stored
        self._reception.open.pop(self, None)
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, None)  # an error ends the task like any end
        self.transport = None
        self._wake(ended=True)

    def data_received(self, octets: bytes) -> None:
        self._input += octets
        self._stirred = True
        if len(self._input) > HIGH_WATER:
            self._hold_back(True)
        self._wake()

    def eof_received(self) -> bool:
        """A client that has said all it wants to say is still answered; TLS ends for both at once."""
        self._wake(ended=True)
        return not self._dialogue.secure

    def _hold_back(self, full: bool) -> None:
        """What the client sends waits in its network while there is much unread here."""
        self._full = full
        if self.transport is not None:
            (self.transport.pause_reading if full else self.transport.resume_reading)()

    def _wake(self, ended: bool = False) -> None:
        self._ended = self._ended or ended
        if self._heard is not None and not self._heard.done():
            self._heard.set_result(None)

    def dismiss(self, code: int, text: str) -> None:
        """Say a last word from outside of the dialogue."""
        if self.transport is not None:
            self.transport.write(format_reply(code, text))
            self.transport.close()

    def _reset_timeout(self, duration: float | None = None) -> None:
        """One timer a connection; what is said meanwhile only leaves its mark."""
        wait = getattr(self.loop, "call_patiently", self.loop.call_later)
        self._stirred = False
        self._timeout_handle = wait(PATIENCE, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self._stirred or not self._listening:
            self._reset_timeout()
        else:
            self.dismiss(421, f"4.4.2 {self._reception.host.name} heard nothing for five minutes, goodbye")

    # -- the dialogue ----------------------------------------------------------------------------------------

    async def _handle_client(self) -> None:
        try:
            await self._converse()
        except ConnectionError:
            pass  # the client is gone; what it left unfinished counts for nothing (RFC 5321 §4.1.1.4)
        finally:
            if self.transport is not None:
                self.transport.close()

    async def _converse(self) -> None:
        self._say(self._dialogue.greet())
        while self._dialogue.phase is not Phase.OVER:
            line = await self._line()
            if line is None:
                break
            turn = self._answer(line)
            if turn.stage is Stage.AUTH or turn.stage is Stage.MAIL:
                turn = await self._checked(turn)
            self._say(turn)
            if turn.stage is Stage.STARTTLS and turn.reply.code == 220:
                await self._turn_to_tls()
            elif self._dialogue.phase is Phase.TEXT:
                await self._flush()
                self._say(await self._text())
        await self._flush()

    def _answer(self, line: bytes) -> Turn:
        try:
            flaw = _line_flaw(line, self._longest)
            return self._dialogue.refuse(flaw) if flaw else self._dialogue.take(line)
        except Exception as error:
            return Turn(crashed(self._reception.host, error))

    async def _checked(self, turn: Turn) -> Turn:
        """What others have to say to it: the porter to a login, the DNS to a sender."""
        if turn.stage is Stage.AUTH:
            await self._tell_porter(turn)
        return await self._looked_up(turn) if turn.stage is Stage.MAIL else turn

    async def _looked_up(self, turn: Turn) -> Turn:
        """What the DNS says against a sender that the dialogue has taken, where the plan wants it asked."""
        resolve, given = self._reception.resolve, self._dialogue.transaction
        if resolve is None or given is None or turn.reply.code != 250:
            return turn
        sender = given.mail.sender
        if sender is None or sender.literal is not None or not is_null_mx(await resolve(sender.domain, "MX")):
            return turn
        self._dialogue.end(
            refusal := Reply(550, f"5.7.27 {sender.domain} takes no mail, so none is taken from it")
        )
        return Turn(refusal, Stage.MAIL, sender)

    async def _tell_porter(self, turn: Turn) -> None:
        """Who named a wrong password waits for the no."""
        porter, peer = self._reception.porter, self._dialogue.client or ""
        if porter is not None and turn.reply.code == 235:
            porter.welcome(peer)
        elif porter is not None and turn.reply.code in (421, 535):
            await porter.refuse(turn.about, "SMTP", peer)

    async def _turn_to_tls(self) -> None:
        await self._flush()
        if self.transport is None:
            raise ConnectionResetError
        self._input.clear()  # what was sent in the clear behind STARTTLS is not part of it (RFC 3207 §4.2)
        try:
            self.transport = await turn_to_tls(self._reception.host, self.transport, self)
        except OSError as error:
            raise ConnectionResetError from error
        self._dialogue.secured()

    def _say(self, turn: Turn) -> None:
        reply = turn.reply
        if reply.code >= 400 and turn.stage is not None:
            log_refusal(self._reception.host, self._dialogue, turn.stage, turn.about, reply)
        self._output += _octets(reply)

    async def _flush(self) -> None:
        """Send what is to be said, and wait while the client does not keep up. ConnectionResetError: it left."""
        if self._output:
            if self.transport is None:
                raise ConnectionResetError
            self.transport.write(bytes(self._output))
            self._output.clear()
            if self._paused:
                await self._drain_helper()

    async def _line(self) -> bytes | None:
        """The next line, its LF included; None when the client will send no more. A line without end is cut to
        one octet more than allowed."""
        kept = b""
        while (end := self._input.find(b"\n")) < 0:
            longest = self._longest
            if len(self._input) + len(kept) > longest:
                kept = kept or bytes(self._input[: longest + 1])
                self._input.clear()
            if not await self._hear():
                return None
        line = kept or bytes(self._input[: end + 1])
        del self._input[: end + 1]
        return line

    @property
    def _longest(self) -> int:
        return sasl.LONGEST_LINE if self._dialogue.phase is Phase.CHALLENGED else LONGEST_COMMAND

    async def _hear(self) -> bool:
        """Send what is to be said, then take in what comes; whether anything came."""
        before = len(self._input)
        self._listening = True
        await self._flush()
        if len(self._input) == before and not self._ended:
            await self._more()
        self._listening = False
        return len(self._input) > before

    async def _more(self) -> None:
        if self._full:
            self._hold_back(False)
        self._heard = self.loop.create_future()
        await self._heard
        self._heard = None

    async def _text(self) -> Turn:
        """DATA was granted: read the text to its end, and answer it."""
        text = TextReader(self._dialogue.terms.size_limit)
        while not text.feed(self._input):
            self._input.clear()
            if not await self._hear():
                raise ConnectionResetError
        self._input[:] = text.rest
        reply = await answer_text(self._reception.host, self._reception.queue, self._dialogue, text)
        self._dialogue.end(reply)
        return Turn(reply)


def is_null_mx(answer: Answer) -> bool:
    """RFC 7505 §3: a single MX of preference 0, and its exchange is the root."""
    return [record.data for record in answer.records] == [MX(0, ROOT)]


def _line_flaw(line: bytes, longest: int) -> Reply | None:
    if len(line) > longest:
        return Reply(500, "5.5.2 line too long")
    if not line.endswith(b"\r\n"):
        return Reply(
            500, "5.5.2 a line ends in CR LF, this one in a bare LF (RFC 5321 section 2.3.8); nc -C sends both"
        )
    return None


def _octets(reply: Reply) -> bytes:
    """Replies are ASCII, whatever the client's address was (RFC 5321 §4.2)."""
    text = reply.text.encode("ascii", "backslashreplace")
    if b"\n" not in text:
        return b"%d %b\r\n" % (reply.code, text)
    return format_reply(reply.code, *text.decode().split("\n"))
