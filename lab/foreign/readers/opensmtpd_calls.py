"""OpenSMTPD's calls to other hosts, by its trace (`smtpd -v -T mta`): which session is for whom, and how far.

The rule: the log proper names a session, the trace a pointer; both write from one process, a line each, in order.
So a session's first state comes right behind the line that says whom it connects to, and the relay for which a
pointer was made was said before. What is taken from the queue for a relay is under way until its fate is logged.

    debug: mta: 0x55…: spawned for relay [relay:unige.ch,smtp,…]
    84a888e5… mta connecting address=smtp://198.18.3.25:25 host=mail.unige.ch
    mta: 0x55…: MTA_INIT -> MTA_INIT
    mta: 0x55…: >>> RCPT TO:<ann@unige.ch>
    mta: 0x55…: <<< 451 4.3.0 not now
"""

from __future__ import annotations

import re
from types import MappingProxyType

from lab.events import Stage
from lab.foreign.readers.reader import reply_in
from lab.values import dataclass
from lab.wire.smtp_reply import Reply

_SPAWNED = re.compile(r"debug: mta: (?P<call>0x\w+): spawned for relay \[relay:(?P<relay>[^,\]]+)")
_RECEIVED = re.compile(r"debug: mta: received evp:(?P<envelope>[0-9a-f]{16}) for <(?P<to>[^>]*)>")
_DRAINING = re.compile(r"debug: mta: draining \[relay:(?P<relay>[^,\]]+)")
_STATE = re.compile(r"mta: (?P<call>0x\w+): MTA_\w+ -> MTA_(?P<state>\w+)")
_SAID = re.compile(r"mta: (?P<call>0x\w+): >>> (?P<command>.*)")
_HEARD = re.compile(r"mta: (?P<call>0x\w+): <<< (?P<reply>\d{3}.*)")

_STAGES = MappingProxyType(
    {
        "INIT": Stage.CONNECT,
        "BANNER": Stage.GREETING,
        "EHLO": Stage.HELO,
        "HELO": Stage.HELO,
        "STARTTLS": Stage.STARTTLS,
        "AUTH": Stage.AUTH,
        "MAIL": Stage.MAIL,
        "RCPT": Stage.RCPT,
        "DATA": Stage.DATA,
        "BODY": Stage.EOM,
        "EOM": Stage.EOM,
    }
)


@dataclass(slots=True)
class Call:
    """A session with another host. `command` is the last that was said ("" before any), `reply` what came then."""

    relay: str
    address: str = ""
    exchanger: str = ""
    stage: Stage = Stage.CONNECT
    command: str = ""
    reply: Reply | None = None

    @property
    def refusal(self) -> Reply | None:
        """The last reply, where it was a no."""
        return self.reply if self.reply is not None and self.reply.code >= 400 else None


class Calls:
    """All of a host's."""

    def __init__(self) -> None:
        self._calls: dict[str, Call] = {}
        """By pointer, which is used again."""
        self._sessions: dict[str, Call] = {}
        self._connecting: tuple[str, str, str] | None = None
        self._received: list[tuple[str, str]] = []
        self._under_way: dict[str, dict[str, str]] = {}
        """By relay: the envelopes that are to go there, and whom each is for."""

    def hear(self, line: str) -> None:
        """A line of the trace; any other tells nothing here."""
        if (made := _SPAWNED.match(line)) is not None:
            self._calls[made["call"]] = Call(made["relay"])
        elif (received := _RECEIVED.match(line)) is not None:
            self._received.append((received["envelope"], received["to"]))
        elif (draining := _DRAINING.match(line)) is not None:
            self._under_way.setdefault(draining["relay"], {}).update(self._received)
            self._received.clear()
        elif (state := _STATE.match(line)) is not None:
            self._moved(state["call"], state["state"])
        elif (said := _SAID.match(line)) is not None and not said["command"].startswith("[..."):
            call = self._calls.setdefault(said["call"], Call(""))
            call.command, call.reply = said["command"], None
        elif (heard := _HEARD.match(line)) is not None:
            self._calls.setdefault(heard["call"], Call("")).reply = reply_in(heard["reply"])

    def _moved(self, pointer: str, state: str) -> None:
        call = self._calls.setdefault(pointer, Call(""))
        if self._connecting is not None and state == "INIT":
            session, call.address, call.exchanger = self._connecting
            self._sessions[session], self._connecting = call, None
        call.stage = _STAGES.get(state, call.stage)

    def connects(self, session: str, address: str, exchanger: str) -> None:
        self._connecting = (session, address, exchanger)

    def of(self, session: str) -> Call | None:
        return self._sessions.get(session)

    def over(self, session: str) -> Call | None:
        return self._sessions.pop(session, None)

    def waiting_for(self, call: Call) -> dict[str, str]:
        """The envelopes that this call was made for, and whom each is for."""
        return dict(self._under_way.get(call.relay, {}))

    def settled(self, envelope: str) -> None:
        """Its fate is known, or it is back in the queue."""
        for relay, envelopes in tuple(self._under_way.items()):
            envelopes.pop(envelope, None)
            if not envelopes:
                del self._under_way[relay]
