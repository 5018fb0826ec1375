"""The SMTP server of a mail host, on port 25: the one door to aiosmtpd.

The rule: 250 after the dot is a promise. It is said when `Accepting.put` has returned, which is when the message
is on stable storage; whatever goes wrong before is 451 or 452, in the protocol's words, never a traceback.
A client that goes away after its dot takes nothing back: the message is accepted and logged all the same.

aiosmtpd gives the connection its life: stream, session, STARTTLS and AUTH to come. Its own command loop is not
used, for it answers without enhanced codes, takes no DSN parameters, reads a message line by line and spends a
third of a short connection on `inspect`. Ours reads in bulk, hands lines to `dialogue`, and answers a pipelined
group of commands in one write (RFC 2920 §3.2).

Time limits: RFC 5321 §4.5.3.2.7, five minutes of silence at least. They are the server's patience, not lab time,
where the loop knows the difference: `lab clock +4h` hangs up on nobody.
"""

from __future__ import annotations

import asyncio
import errno
from typing import Protocol

from aiosmtpd.smtp import SMTP

from lab.events import CommandRefused, LoopDetected, MailAccepted, ProgramCrashed, Stage
from lab.fabric.base import Host
from lab.mail.dialogue import Dialogue, Phase, Terms, Turn
from lab.mail.envelope import Envelope
from lab.mail.relay import place_of
from lab.mail.store import Store
from lab.names import Address
from lab.topology.plan import MailPlan
from lab.wire.received import Heading, read_heading, received_line
from lab.wire.smtp_reply import Reply, format_reply
from lab.wire.smtp_text import TextReader, has_bare_ends, has_long_line

CHUNK = 65_536
"""Octets asked of the stream at once; the stream holds at most twice as many."""
LONGEST_COMMAND = 2_048
"""Octets. RFC 5321 §4.5.3.1.4 grants 512; SIZE, DSN and SMTPUTF8 add up to about 1,000 more."""
PATIENCE = 300.0
"""Seconds of silence after which the server may hang up; it does so after one to two times as many."""


class Accepting(Protocol):
    """Who takes responsibility for a message: the queue."""

    def reserve(self) -> str:
        """A queue_id for a message that may come; nothing is owed for it yet."""

    async def put(self, queue_id: str, envelope: Envelope, octets: bytes) -> object:
        """Returns once the message is on stable storage. OSError (ENOSPC) when the disk cannot take it."""


class Reception:
    """A host's SMTP service: what its connections share, and those that are open."""

    __slots__ = ("_terms", "host", "open", "plan", "queue", "server", "store")

    def __init__(self, host: Host, plan: MailPlan, queue: Accepting, store: Store) -> None:
        self.host = host
        self.plan = plan
        self.queue = queue
        self.store = store
        self.open: dict[Connection, None] = {}
        self.server: asyncio.Server | None = None
        self._terms: Terms | None = None

    @property
    def terms(self) -> Terms:
        """Made at the first connection: a host that nobody calls stays small."""
        if self._terms is None:
            self._terms = terms_of(self.host, self.plan, self.store)
        return self._terms

    def close(self) -> None:
        """Take no more connections, and tell every open one that this host is closing (RFC 5321 §3.8)."""
        if self.server is not None:
            self.server.close()
        for connection in tuple(self.open):
            connection.dismiss(421, f"4.3.2 {self.host.name} is closing down")


async def start_server(host: Host, plan: MailPlan, queue: Accepting, store: Store, port: int = 25) -> Reception:
    """Listen on the ambient host's addresses."""
    reception = Reception(host, plan, queue, store)
    loop = asyncio.get_running_loop()
    reception.server = await loop.create_server(lambda: Connection(reception), port=port)
    return reception


def terms_of(host: Host, plan: MailPlan, store: Store) -> Terms:
    """The plan's settings `hop_limit`, `recipient_limit`, `long_lines` and `accept_unknown`, read once."""
    settings = plan.settings
    return Terms(
        place_of(host.name, host.addresses, plan),
        store,
        host.faults,
        plan.size_limit,
        max(100, int(settings.get("recipient_limit", 1_000))),
        int(settings.get("hop_limit", 30)),
        settings.get("long_lines", "refuse") == "accept",
    )


class Connection(SMTP):
    """One client; `_handle_client` is its task, as in aiosmtpd."""

    def __init__(self, reception: Reception) -> None:
        # not SMTP.__init__: it inspects its own class and the handler's for every connection
        self.loop = asyncio.get_running_loop()
        stream = asyncio.StreamReader(CHUNK, self.loop)
        asyncio.StreamReaderProtocol.__init__(self, stream, self._cb_client_connected, self.loop)
        self._timeout_handle: asyncio.TimerHandle | None = None
        self._reception = reception
        self._dialogue: Dialogue
        self._input = bytearray()
        self._output = bytearray()
        self._stirred = False

    # -- the life of a connection ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # not SMTP.connection_made: the task has to be the host's, so that it ends when the host goes down
        peer = transport.get_extra_info("peername")
        self.transport = transport
        self.session = self._create_session()
        self.session.peer = peer
        self._dialogue = Dialogue(self._reception.terms, Address(peer[0]) if peer else None)
        self._reception.open[self] = None
        asyncio.StreamReaderProtocol.connection_made(self, transport)
        self._reset_timeout()
        self._handler_coroutine = self._reception.host.spawn(self._handle_client(), "smtp server")

    def connection_lost(self, error: Exception | None) -> None:
        # not SMTP.connection_lost: it would cancel the task, and with it a message that is being stored
        self._reception.open.pop(self, None)
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None

    def eof_received(self) -> bool:
        """A client that has said all it wants to say is still answered."""
        asyncio.StreamReaderProtocol.eof_received(self)
        return True

    def dismiss(self, code: int, text: str) -> None:
        """Say a last word from outside of the dialogue."""
        if self.transport is not None:
            self._writer.write(format_reply(code, text))
            self._writer.close()

    def _reset_timeout(self, duration: float | None = None) -> None:
        """One timer a connection; what is said meanwhile only leaves its mark."""
        wait = getattr(self.loop, "call_patiently", self.loop.call_later)
        self._stirred = False
        self._timeout_handle = wait(PATIENCE, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self._stirred:
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
            self._writer.close()

    async def _converse(self) -> None:
        self._say(self._dialogue.greet())
        while self._dialogue.phase is not Phase.OVER:
            line = await self._line()
            if line is None:
                break
            self._say(self._answer(line))
            if self._dialogue.phase is Phase.TEXT:
                await self._flush()
                self._say(await self._text())
        await self._flush()

    def _answer(self, line: bytes) -> Turn:
        try:
            if flaw := _line_flaw(line):
                return Turn(flaw)
            return self._dialogue.take(line)
        except Exception as error:
            return Turn(self._crashed(error))

    def _say(self, turn: Turn) -> None:
        reply = turn.reply
        if reply.code >= 400 and turn.stage is not None:
            self._tell_refusal(turn.stage, turn.about, reply)
        self._output += _octets(reply)

    async def _flush(self) -> None:
        if self._output:
            self._writer.write(bytes(self._output))
            self._output.clear()
            await self._writer.drain()

    async def _line(self) -> bytes | None:
        """The next line, its LF included; None when the client will send no more. A line without end is cut to
        one octet more than allowed."""
        kept = b""
        while (end := self._input.find(b"\n")) < 0:
            if len(self._input) + len(kept) > LONGEST_COMMAND:
                kept = kept or bytes(self._input[: LONGEST_COMMAND + 1])
                self._input.clear()
            if not await self._hear():
                return None
        line = kept or bytes(self._input[: end + 1])
        del self._input[: end + 1]
        return line

    async def _hear(self) -> bool:
        """Send what is to be said, then take in what comes; whether anything came."""
        await self._flush()
        octets = await self._reader.read(CHUNK)
        self._stirred = True
        self._input += octets
        return bool(octets)

    async def _text(self) -> Turn:
        """DATA was granted: read the text to its end, and answer it."""
        text = TextReader(self._dialogue.terms.size_limit)
        while not text.feed(self._input):
            self._input.clear()
            if not await self._hear():
                raise ConnectionResetError
        self._input[:] = text.rest
        queue_id = ""
        try:
            queue_id = self._reception.queue.reserve()
            reply = self._flaw(text) or await self._accept(queue_id, text.octets)
        except OSError as error:
            reply = self._disk_says_no(error)
        except Exception as error:
            reply = self._crashed(error)
        if reply.code >= 400:
            self._tell_refusal(Stage.EOM, "", reply, queue_id)
        self._dialogue.end(reply)
        return Turn(reply)

    def _flaw(self, text: TextReader) -> Reply | None:
        """What is wrong with a text, whoever it is for."""
        terms = self._dialogue.terms
        if text.too_big:
            return Reply(552, f"5.3.4 larger than {terms.size_limit} octets, the most this host takes")
        if has_bare_ends(text.octets):
            return Reply(550, "5.6.11 bare CR or LF in the text; lines end in CR LF (RFC 5321 section 2.3.8)")
        if has_long_line(text.octets) and not terms.long_lines:
            return Reply(554, "5.6.0 a line of the text has more than 1,000 octets (RFC 5321 section 4.5.3.1.6)")
        return self._dialogue.fault(Stage.EOM)

    async def _accept(self, queue_id: str, octets: bytes) -> Reply:
        dialogue = self._dialogue
        heading = read_heading(octets)
        if heading.hops > dialogue.terms.hop_limit:
            self._reception.host.log(LoopDetected(queue_id, heading.hops))
            return Reply(554, f"5.4.6 mail loop: this message has {heading.hops} Received lines")
        assert dialogue.transaction is not None
        envelope = dialogue.transaction.envelope()
        await self._reception.queue.put(queue_id, envelope, self._trace(queue_id, envelope) + octets)
        self._tell_accepted(queue_id, envelope, heading, len(octets))
        return Reply(250, f"2.0.0 queued as {queue_id}")

    def _trace(self, queue_id: str, envelope: Envelope) -> bytes:
        host, dialogue = self._reception.host, self._dialogue
        return received_line(
            helo=dialogue.helo,
            peer=dialogue.client or "",
            host=host.name,
            protocol=dialogue.protocol,
            queue_id=queue_id,
            recipient=envelope.recipients[0].address if len(envelope.recipients) == 1 else "",
            at=host.clock.now(),
        )

    # -- what the log is told --------------------------------------------------------------------------------

    def _tell_accepted(self, queue_id: str, envelope: Envelope, heading: Heading, size: int) -> None:
        dialogue = self._dialogue
        self._reception.host.log(
            MailAccepted(
                queue_id,
                heading.message_id,
                envelope.sender or "",
                tuple(recipient.address for recipient in envelope.recipients),
                size,
                dialogue.client or "",
                dialogue.helo,
                dialogue.protocol,
                heading.subject,
            )
        )

    def _tell_refusal(self, stage: Stage, about: str, reply: Reply, queue_id: str = "") -> None:
        given = self._dialogue.transaction
        sender = given.mail.sender or "" if given else ""
        peer = self._dialogue.client or ""
        self._reception.host.log(CommandRefused(peer, stage, about, reply.code, reply.text, sender, queue_id))

    def _disk_says_no(self, error: OSError) -> Reply:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return Reply(452, "4.3.1 the disk of this host is full")
        return self._crashed(error)

    def _crashed(self, error: Exception) -> Reply:
        """A defect of ours: the log hears what, the client only that it should come back."""
        self._reception.host.log(ProgramCrashed("smtp server", f"{type(error).__name__}: {error}"))
        return Reply(451, "4.3.0 something went wrong here, try again later")


def _line_flaw(line: bytes) -> Reply | None:
    if len(line) > LONGEST_COMMAND:
        return Reply(500, "5.5.2 line too long")
    if not line.endswith(b"\r\n"):
        return Reply(
            500, "5.5.2 a line ends in CR LF, this one in a bare LF (RFC 5321 section 2.3.8); nc -C sends both"
        )
    return None


def _octets(reply: Reply) -> bytes:
    """Replies are ASCII, whatever the client's address was (RFC 5321 §4.2)."""
    text = reply.text if reply.text.isascii() else reply.text.encode("ascii", "backslashreplace").decode()
    return format_reply(reply.code, *text.split("\n"))
