"""What a fault orders an SMTP server to do in the place of its own reply.

The rule: a server asks at every stage, and only here; what it is told to do counts as done. A reply is said as if
it were the server's own, with an enhanced code where the stage has them (RFC 2034 §4); that there is none is an
exception, for whatever the server was about to do has not happened.
"""

from __future__ import annotations

import re

from lab import faults
from lab.events import Stage
from lab.fabric.faults import HostFaults
from lab.wire.smtp_reply import Reply

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
    words = text or "as the keeper of this lab ordered"
    if stage in (Stage.GREETING, Stage.HELO) or _STATUS.match(words):
        return words
    return f"{code // 100}.{'3.2' if code == 421 else '3.0'} {words}"
