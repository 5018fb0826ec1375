"""One SMTP session as the event log sees it: every step is told with the message it serves and the policy row.

The rule: a line tells, it does not act. `session` numbers it on this host; a session that carries several
messages carries them one after the other, and `queue_id` is the one it serves just now.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.events import ConnectionFailed, ConnectionOpened, Failure, MailRelayed, ReplyReceived, Stage
from lab.fabric.base import Host
from lab.mail.policy import OWN_NAME, came
from lab.mail.session import Session
from lab.mail.walk import Attempt, Ruling, Walk
from lab.values import dataclass
from lab.wire.smtp_client import Replied
from lab.wire.smtp_reply import Reply


@dataclass(slots=True)
class Line:
    """A session, its number, and where on which message's walk it stands."""

    host: Host
    number: int
    walk: Walk
    attempt: Attempt
    destination: str
    queue_id: str
    detour: bool = False
    """A better exchanger said hello to this message, but did not take it: the next message begins there again."""
    session: Session | None = None

    def opened(self, local_port: int) -> None:
        a = self.attempt
        self.host.log(
            ConnectionOpened(
                self.number,
                self.destination,
                a.exchanger,
                a.address,
                a.port,
                a.preference,
                self.queue_id,
                local_port,
            )
        )

    def saw(self, replied: Replied) -> None:
        """A command and its reply, with what follows where that is decided by it."""
        ruling, reply = self._ruling(replied), replied.reply
        follows, row = (ruling.follows.value, ruling.row) if ruling else ("", "")
        self.host.log(
            ReplyReceived(
                self.number, replied.stage, replied.command, reply.code, reply.text, follows, row, self.queue_id
            )
        )

    def _ruling(self, replied: Replied) -> Ruling | None:
        reply, stage = replied.reply, replied.stage
        if stage is Stage.GREETING and reply.code < 400:
            mirrored = self.walk.knows_itself_by(reply.text)
            return self.walk.ruling(stage, OWN_NAME) if mirrored else None
        if reply.code < 400 or not replied.decides or stage is Stage.QUIT:
            return None
        return self.walk.ruling(stage, came(reply))

    def failed(self, stage: Stage, failure: Failure) -> None:
        """The connection did not come about (CONNECT) or broke later."""
        a, ruling = self.attempt, self.walk.ruling(stage, failure)
        self.host.log(
            ConnectionFailed(
                self.number,
                self.destination,
                a.exchanger,
                a.address,
                a.port,
                a.preference,
                stage,
                failure,
                ruling.follows.value,
                ruling.row,
                self.queue_id,
            )
        )

    def relayed(self, recipients: Sequence[str], reply: Reply) -> None:
        a = self.attempt
        self.host.log(
            MailRelayed(self.queue_id, tuple(recipients), a.exchanger, a.address, str(reply), self.number)
        )

    def close(self) -> None:
        """The session says goodbye by itself, and tells this line of it."""
        session, self.session = self.session, None
        if session is not None:
            session.quit()
