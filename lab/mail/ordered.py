"""What a fault orders a mail server to do in the place of its own reply: SMTP's, POP3's or IMAP's.

The rule: a server asks at every stage, and only here; what it is told to do counts as done. A reply is said as if
it were the server's own, with an enhanced code where the stage has them (RFC 2034 §4); that there is none is an
exception, for whatever the server was about to do has not happened.
"""

from __future__ import annotations

import re

from lab import faults
from lab.events import Stage
from lab.fabric.base import Host
from lab.fabric.faults import HostFaults
from lab.faults import How, Moment
from lab.mail.conversation import Conversation
from lab.wire.smtp_reply import Reply

WORDS = "as the keeper of this lab ordered"
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}( |$)")


class Held(Exception):
    """No reply comes: `fault`, a stall or a reset, takes its place."""

    def __init__(self, fault: faults.AtStage) -> None:
        super().__init__(str(fault))
        self.fault = fault


def ordered(wrong: HostFaults, stage: Stage, *addresses: str) -> Reply | None:
    """The reply ordered at this stage of a dialogue that names these addresses; Held where none is to come."""
    fault = wrong.at(stage, *addresses) if wrong.now else None
    if fault is None:
        return None
    if isinstance(fault, faults.Reply):
        return Reply(fault.code, _text(fault.code, fault.text, stage))
    raise Held(fault)


def _text(code: int, text: str, stage: Stage) -> str:
    words = text or WORDS
    if stage in (Stage.GREETING, Stage.HELO) or _STATUS.match(words):
        return words
    return f"{code // 100}.{'3.2' if code == 421 else '3.0'} {words}"


async def heed(host: Host, client: Conversation, service: str, moment: Moment, address: str = "") -> str:
    """Let a POP3 or IMAP client wait or lose its connection, where a fault wants it so; ConnectionResetError when
    it is gone. The words of a refusal, "" where there is none."""
    fault = host.faults.at_mailbox(service, moment, address) if host.is_faulty else None
    if fault is None:
        return ""
    if fault.how is How.REFUSE:
        return fault.text or WORDS
    if fault.how is How.RESET:
        await client.reset()
    await client.outlast(host.faults.lifted(fault))
    return ""
