"""The SMTP server of a mail host, on port 25, and for its own people on 587 and 465: the one door to aiosmtpd.

The rule: a connection serves its client and no more. What is said is `dialogue`'s, what is promised is
`acceptance`'s; a client that goes away after its dot takes nothing back, its message is accepted all the same.

aiosmtpd gives the connection its life: protocol, flow control and session. Its own command loop is not used, for
it answers without enhanced codes, takes no DSN parameters, reads a message line by line and spends a third of a
short connection on `inspect`. Ours takes octets as they come, hands lines to `dialogue`, and answers a pipelined
group of commands in one write (RFC 2920 §3.2). Streams between, and a task that wakes for every line, were a third
of a message's cost.

Time limits: RFC 5321 §4.5.3.2.7, five minutes for a command at least, however its octets trickle in; a text may
take longer, as long as it gets on. They are the server's patience, not lab time, where the loop knows the
difference: `lab clock +4h` hangs up on nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

from aiosmtpd.smtp import SMTP

from lab.errors import WrongUse
from lab.events import Stage
from lab.fabric.base import Host
from lab.faults import Fault, Reset
from lab.mail.acceptance import Accepting, answer_text, crashed, log_refusal
from lab.mail.dialogue import Dialogue, Phase, Terms, Turn
from lab.mail.envelope import Resolve
from lab.mail.limits import CONNECTIONS, LONGEST_COMMAND, PATIENCE, RECIPIENTS, TRICKLE
from lab.mail.ordered import Held
from lab.mail.policies import named_policy
from lab.mail.porter import Porter
from lab.mail.relay import place_of
from lab.mail.services import offers_tls
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
AT_ONCE = 100
"""Pipelined commands that are answered before others have their turn."""

Errand = Callable[[], Awaitable[Turn | None]]


class Reception:
    """A host's SMTP service: what its connections share, and how many of them each client has."""

    __slots__ = ("_terms", "callers", "host", "plan", "porter", "queue", "resolve", "store")

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
        self.porter = porter
        self._terms: Terms | None = None
        self.callers: dict[str, int] = {}
        """How many connections each client has."""

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

    def enter(self, client: str) -> bool:
        """A connection more; whether its client has no more of them than it may have."""
        self.callers[client] = count = self.callers.get(client, 0) + 1
        return not 0 < self.terms.connection_limit < count

    def leave(self, client: str) -> None:
        """A connection less."""
        self.callers[client] -= 1
        if not self.callers[client]:
            del self.callers[client]


def terms_of(host: Host, plan: MailPlan, store: Store, porter: Porter | None = None) -> Terms:
    """The plan's settings `hop_limit`, `recipient_limit`, `connection_limit`, `long_lines`, `accept_unknown` and
    `any_sender`, read once. WrongUse when one of them makes no sense."""
    return Terms(
        place_of(host.name, host.addresses, plan, store.people.aliases),
        store,
        host.faults,
        plan.size_limit,
        max(100, _count(plan, "recipient_limit", RECIPIENTS)),
        _count(plan, "hop_limit", named_policy(plan.policy).hops),
        plan.settings.get("long_lines", "refuse") == "accept",
        offers_tls(plan),
        porter,
        plan.settings.get("any_sender") == "yes",
        _count(plan, "connection_limit", CONNECTIONS),
    )


def _count(plan: MailPlan, setting: str, otherwise: int) -> int:
    text = plan.settings.get(setting, str(otherwise))
    if not (text.isascii() and text.isdigit()):
        raise WrongUse(f"the mail setting {setting} is a number, not '{text}'")
    return int(text)


class Connection(SMTP):
    """One client. What takes no time is answered as it comes; what does is an errand, a task of the host. Nothing
    else is answered meanwhile."""

    transport: asyncio.Transport | None
    _paused: bool  # asyncio's flow control, unknown to its stubs: the client does not keep up

    def __init__(self, reception: Reception, secure: bool = False) -> None:
        # not SMTP.__init__: it inspects its own class and the handler's for every connection
        self.loop = asyncio.get_running_loop()
        asyncio.StreamReaderProtocol.__init__(self, None, None, self.loop)  # type: ignore[arg-type]
        self._timeout_handle: asyncio.TimerHandle | None = None
        self._reception = reception
        self._secure = secure
        self._dialogue: Dialogue
        self._text: TextReader | None = None
        self._input = bytearray()
        self._output = bytearray()
        self._busy = self._ended = self._full = self._stirred = False
        self._gone: asyncio.Future[None] | None = None
        """Is told of the client's end while it is kept waiting on purpose."""
        self._gained = 0
        """Octets of text since the timer struck last."""
        self._turn: asyncio.Handle | None = None
        """The next one, while more commands have come than others should wait for."""

    # -- the life of a connection ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # not SMTP.connection_made: it would begin a task for every client, and most have nothing to wait for
        assert isinstance(transport, asyncio.Transport)
        peer = transport.get_extra_info("peername")
        self.transport = transport
        self.session = self._create_session()
        self.session.peer = peer
        self._dialogue = dialogue = Dialogue(
            self._reception.terms, Address(peer[0]) if peer else None, self._secure
        )
        is_welcome = self._reception.enter(dialogue.client or "")
        self._reset_timeout()
        try:
            self._say(dialogue.greet() if is_welcome else dialogue.turn_away())
        except Held as held:
            self._begin(partial(self._greet, held))
        self._go_on()

    def connection_lost(self, error: Exception | None) -> None:
        # not SMTP.connection_lost: it would cancel the task, and with it a message that is being stored
        self._reception.leave(self._dialogue.client or "")
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        self._stop_turn()
        asyncio.StreamReaderProtocol.connection_lost(self, None)  # whatever the error: nobody waits to hear of it
        self.transport = None
        self._leave()
        self._go_on()

    def _leave(self) -> None:
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def data_received(self, octets: bytes) -> None:
        self._input += octets
        self._go_on()
        if len(self._input) > HIGH_WATER:
            self._hold_back(True)

    def eof_received(self) -> bool:
        """A client that has said all it wants to say is still answered; TLS ends for both at once."""
        self._ended = True
        self._leave()
        self._go_on()
        return not self._dialogue.secure

    def _hold_back(self, full: bool) -> None:
        """What the client sends waits in its network while there is much unread here."""
        self._full = full
        if self.transport is not None:
            (self.transport.pause_reading if full else self.transport.resume_reading)()

    def resume_writing(self) -> None:
        asyncio.StreamReaderProtocol.resume_writing(self)
        self._go_on()

    def dismiss(self, code: int, text: str) -> None:
        """Say a last word from outside of the dialogue."""
        if self.transport is not None:
            self.transport.write(format_reply(code, text))
            self.transport.close()

    def _reset_timeout(self, duration: float | None = None) -> None:
        """One timer a connection; what is said meanwhile only leaves its mark."""
        wait = getattr(self.loop, "call_patiently", self.loop.call_later)
        self._stirred, self._gained = False, 0
        self._timeout_handle = wait(PATIENCE, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self.transport is not None and (self.transport.is_closing() or self._paused):
            self.transport.abort()  # what was said last is read by nobody
        elif self._stirred or self._gained >= TRICKLE or self._busy:
            self._reset_timeout()
        else:
            self.dismiss(421, f"4.4.2 {self._reception.host.name} has waited five minutes for you, goodbye")
            self._reset_timeout()

    # -- what takes time -------------------------------------------------------------------------------------

    def _begin(self, errand: Errand) -> Literal[False]:
        """It is nobody's turn until it is over. Its task is the host's, and ends when that goes down."""
        self._busy = True
        self._reception.host.spawn(self._run(errand), "smtp server")
        return False

    async def _run(self, errand: Errand) -> None:
        try:
            turn = await errand()
            self._busy = False
        except ConnectionError:
            return  # the client is gone; what it left unfinished counts for nothing (RFC 5321 §4.1.1.4)
        finally:
            if self._busy:
                self._hang_up()
        if turn is not None:
            self._say(turn)
        self._go_on()

    async def _greet(self, held: Held) -> None:
        """The client is kept waiting for the greeting."""
        while True:
            await self._hold(held)
            try:
                return self._say(self._dialogue.greet())
            except Held as again:
                held = again

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()

    async def _accept(self) -> Turn:
        """The text is complete: what becomes of the message."""
        text, self._text = self._text, None
        assert text is not None
        dialogue, ordered, held = self._dialogue, None, None
        try:
            ordered = dialogue.fault(Stage.EOM, *dialogue.named)
        except Held as fault:
            held = fault  # the message is stored, and its sender does not hear of it (RFC 1047)
        reply = await answer_text(self._reception.host, self._reception.queue, dialogue, text, ordered)
        dialogue.end(reply)
        if held:
            await self._hold(held)
        return Turn(reply)

    async def _hold(self, held: Held, line: bytes = b"") -> None:
        """Say nothing until the fault is lifted, then take the line again; or reset the connection."""
        if self.transport is not None and isinstance(held.fault, Reset):
            self.transport.abort()
        if self.transport is None or isinstance(held.fault, Reset) or not await self._outlasts(held.fault):
            raise ConnectionResetError
        self._input[:0] = line

    async def _outlasts(self, fault: Fault) -> bool:
        """Whether the client is still there when the fault is lifted."""
        self._gone = self.loop.create_future()
        lifted = self._reception.host.spawn(self._reception.host.faults.lifted(fault), "smtp server stalls")
        try:
            await asyncio.wait((lifted, self._gone), return_when=asyncio.FIRST_COMPLETED)
            return not self._gone.done()
        finally:
            lifted.cancel()
            self._gone = None

    async def _checked(self, turn: Turn) -> Turn:
        """What others have to say to it: the porter to a login, the DNS to a sender."""
        if turn.stage is Stage.AUTH:
            await self._tell_porter(turn)
            return turn
        return await self._looked_up(turn)

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
        """The go-ahead has been said."""
        if self.transport is None:
            raise ConnectionResetError
        self._input.clear()  # what was sent in the clear behind STARTTLS is not part of it (RFC 3207 §4.2)
        try:
            self.transport = await turn_to_tls(self._reception.host, self.transport, self)
        except OSError as error:
            raise ConnectionResetError from error
        self._dialogue.secured()

    # -- what takes none -------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Answer what has come, in one write, up to what takes time."""
        if self._turn is not None:
            self._stop_turn()
        if self._busy:
            return
        steps = 0
        while self._input and not (self._is_over or self._paused) and self._step():
            steps += 1
            if steps >= AT_ONCE:
                self._turn = self.loop.call_soon(self._go_on)
                break
        self._send()
        if self._turn is not None:
            return
        if not self._busy and (self._is_over or (self._ended and not self._paused)):
            self._hang_up()
        elif self._full and len(self._input) <= HIGH_WATER:
            self._hold_back(False)

    def _stop_turn(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    @property
    def _is_over(self) -> bool:
        return self.transport is None or self._dialogue.phase is Phase.OVER

    def _step(self) -> bool:
        """Take a line, or a piece of the text; whether the next one's turn has come."""
        if self._text is not None:
            return self._take_text(self._text)
        line = self._line()
        if line is None:
            return False
        self._stirred = True
        try:
            turn = self._answer(line)
        except Held as held:
            return self._begin(partial(self._hold, held, line))
        stage = turn.stage
        if stage is Stage.AUTH or (stage is Stage.MAIL and self._reception.resolve is not None):
            return self._begin(partial(self._checked, turn))
        self._say(turn)
        if stage is Stage.STARTTLS and turn.reply.code == 220:
            return self._begin(self._turn_to_tls)
        if self._dialogue.phase is Phase.TEXT:
            self._text = TextReader(self._dialogue.terms.size_limit)
        return True

    def _take_text(self, text: TextReader) -> bool:
        self._gained += len(self._input)
        if text.feed(self._input):
            self._input[:] = text.rest
            return self._begin(self._accept)
        self._input.clear()
        return False

    def _answer(self, line: bytes) -> Turn:
        try:
            flaw = _line_flaw(line, self._longest)
            return self._dialogue.refuse(flaw) if flaw else self._dialogue.take(line)
        except Held:
            raise
        except Exception as error:
            return Turn(crashed(self._reception.host, error))

    def _say(self, turn: Turn) -> None:
        reply = turn.reply
        if reply.code >= 400 and turn.stage is not None:
            log_refusal(self._reception.host, self._dialogue, turn.stage, turn.about, reply)
        self._output += _octets(reply)

    def _send(self) -> None:
        if self._output and self.transport is not None:
            self.transport.write(bytes(self._output))
            self._output.clear()

    def _line(self) -> bytes | None:
        """The next line, its LF included; None: it is not whole yet. Of one that is too long the beginning."""
        end = self._input.find(b"\n")
        if end < 0:
            del self._input[self._longest + 1 :]
            return None
        line = bytes(self._input[: end + 1])
        del self._input[: end + 1]
        return line

    @property
    def _longest(self) -> int:
        return sasl.LONGEST_LINE if self._dialogue.phase is Phase.CHALLENGED else LONGEST_COMMAND


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
