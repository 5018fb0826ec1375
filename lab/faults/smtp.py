"""What a mail server can do wrong in a dialogue, at a stage of RFC 5321.

The rule: a fault at a stage takes the place of the reply that would come there. Greeting: of the 220; eom: of the
250 after the dot. With an address it strikes only when MAIL or RCPT names it or, from DATA on, when the message
is from it or for it. After the dot the message is stored already when a connection stalls or is reset: the lost
250 of RFC 1047, after which the sender comes again and the message is there twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.events import Stage
from lab.faults.base import AtServer, often
from lab.values import dataclass

KEYWORDS = (
    "PIPELINING",
    "SIZE",
    "8BITMIME",
    "SMTPUTF8",
    "ENHANCEDSTATUSCODES",
    "DSN",
    "STARTTLS",
    "AUTH",
    "HELP",
)
"""What the lab's server may offer in its reply to EHLO."""


@dataclass(frozen=True, slots=True)
class AtStage(AtServer):
    """What is done at a stage in the place of the reply."""

    stage: Stage

    def fits(self, stage: Stage, addresses: Sequence[str]) -> bool:
        """Whether it strikes at this stage, of a dialogue that names these addresses there."""
        wanted = self.whom.lower()
        return self.stage is stage and (not wanted or wanted in (address.lower() for address in addresses))

    @property
    def whom(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Reply(AtStage):
    """The server answers `code` (400 to 599) at `stage`."""

    code: int
    text: str = ""
    address: str = ""

    @property
    def whom(self) -> str:
        return self.address

    def __str__(self) -> str:
        said = f" saying {self.text}" if self.text else ""
        return f"reply {self.code} at {self.stage}{_for(self.address)}{often(self.times)}{said}"


@dataclass(frozen=True, slots=True)
class Stall(AtStage):
    """No reply comes at `stage`, and the connection stays open: the sender's time limit for it runs out (RFC 5321
    §4.5.3.2). Healed meanwhile, the server goes on where it stood."""

    address: str = ""

    @property
    def whom(self) -> str:
        return self.address

    def __str__(self) -> str:
        return f"stall at {self.stage}{_for(self.address)}{often(self.times)}"


@dataclass(frozen=True, slots=True)
class Reset(AtStage):
    """In the place of a reply at `stage` the connection is reset (TCP RST)."""

    address: str = ""

    @property
    def whom(self) -> str:
        return self.address

    def __str__(self) -> str:
        return f"reset at {self.stage}{_for(self.address)}{often(self.times)}"


@dataclass(frozen=True, slots=True)
class Hide(AtServer):
    """The reply to EHLO leaves this keyword out, and the command of that name is unknown (500): as behind a box on
    the way that strips STARTTLS."""

    keyword: str

    def __str__(self) -> str:
        return f"hide {self.keyword}{often(self.times)}"


def _for(address: str) -> str:
    return f" for {address}" if address else ""
