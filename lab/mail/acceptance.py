"""What comes after the dot: a message is judged, marked with its trace line, and handed to the queue.

The rule: 250 is a promise. It is said when `Accepting.put` has returned, which is when the message is on stable
storage; whatever goes wrong before is 451 or 452, in the protocol's words, never a traceback (RFC 5321 §4.2.5,
§6.1). A text that is refused is refused whole: nothing of it is repaired. Where people submit their mail, what
every message must have is added (RFC 6409 §8); elsewhere nothing but the trace line.
"""

from __future__ import annotations

import errno
from typing import Protocol

from lab.events import CommandRefused, LoopDetected, MailAccepted, ProgramCrashed, Stage
from lab.fabric.base import Host
from lab.mail.dialogue import Dialogue
from lab.mail.envelope import Envelope
from lab.mail.submission import Submitted, completed
from lab.wire.received import Heading, read_heading, received_line
from lab.wire.smtp_reply import Reply
from lab.wire.smtp_text import TextReader, has_bare_ends, has_long_line


class Accepting(Protocol):
    """Who takes responsibility for a message: the queue."""

    def reserve(self) -> str:
        """A queue_id for a message that may come; nothing is owed for it yet."""

    async def put(self, queue_id: str, envelope: Envelope, octets: bytes) -> object:
        """Returns once the message is on stable storage. OSError (ENOSPC) when the disk cannot take it."""


async def answer_text(
    host: Host, queue: Accepting, dialogue: Dialogue, text: TextReader, ordered: Reply | None = None
) -> Reply:
    """The reply to a complete text, `ordered` where there is such a fault; what came of it is in the log."""
    queue_id = ""
    try:
        queue_id = queue.reserve()
        reply = _flaw(dialogue, text) or ordered or await _accept(host, queue, dialogue, queue_id, text.octets)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reply = Reply(452, "4.3.1 the disk of this host is full") if full else crashed(host, error)
    except Exception as error:
        reply = crashed(host, error)
    if reply.code >= 400:
        log_refusal(host, dialogue, Stage.EOM, "", reply, queue_id)
    return reply


def crashed(host: Host, error: Exception) -> Reply:
    """A defect of ours: the log hears what, the client only that it should come back."""
    host.log(ProgramCrashed("smtp server", f"{type(error).__name__}: {error}"))
    return Reply(451, "4.3.0 something went wrong here, try again later")


def log_refusal(
    host: Host, dialogue: Dialogue, stage: Stage, about: str, reply: Reply, queue_id: str = ""
) -> None:
    given = dialogue.transaction
    sender = given.mail.sender or "" if given else ""
    host.log(CommandRefused(dialogue.client or "", stage, about, reply.code, reply.text, sender, queue_id))


def _flaw(dialogue: Dialogue, text: TextReader) -> Reply | None:
    """What is wrong with a text, whoever it is for."""
    terms = dialogue.terms
    if text.too_big:
        return Reply(552, f"5.3.4 larger than {terms.size_limit} octets, the most this host takes")
    if has_bare_ends(text.octets):
        return Reply(550, "5.6.11 bare CR or LF in the text; lines end in CR LF (RFC 5321 section 2.3.8)")
    if has_long_line(text.octets) and not terms.long_lines:
        return Reply(554, "5.6.0 a line of the text has more than 1,000 octets (RFC 5321 section 4.5.3.1.6)")
    return None


async def _accept(host: Host, queue: Accepting, dialogue: Dialogue, queue_id: str, octets: bytes) -> Reply:
    heading = read_heading(octets)
    if heading.hops > dialogue.terms.hop_limit:
        host.log(LoopDetected(queue_id, heading.hops))
        return Reply(554, f"5.4.6 mail loop: this message has {heading.hops} Received lines")
    assert dialogue.transaction is not None
    envelope = dialogue.transaction.envelope()
    if dialogue.is_submission:
        octets = completed(Submitted(envelope, octets), host=host.name, queue_id=queue_id, now=host.clock.now())
        heading = read_heading(octets)
    await queue.put(queue_id, envelope, _trace(host, dialogue, queue_id, envelope) + octets)
    _log_acceptance(host, dialogue, queue_id, envelope, heading, len(octets))
    return Reply(250, f"2.0.0 queued as {queue_id}")


def _trace(host: Host, dialogue: Dialogue, queue_id: str, envelope: Envelope) -> bytes:
    return received_line(
        helo=dialogue.helo,
        peer=dialogue.client or "",
        host=host.name,
        protocol=dialogue.protocol,
        queue_id=queue_id,
        recipient=envelope.recipients[0].address if len(envelope.recipients) == 1 else "",
        at=host.clock.now(),
    )


def _log_acceptance(
    host: Host, dialogue: Dialogue, queue_id: str, envelope: Envelope, heading: Heading, size: int
) -> None:
    host.log(
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
