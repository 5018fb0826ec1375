"""What a host's POP3 or IMAP server can do wrong to those who fetch their mail.

The rule: four moments are common to both: connect (the greeting), login (of who knows the password), fetch (RETR
and TOP; FETCH), quit (QUIT; LOGOUT). A refusal, silence or a reset takes the place of the reply; a goodbye is not
refused. At quit what was to be removed is removed before its reply is lost (POP3's UPDATE, RFC 1939 §6).
"""

from __future__ import annotations

from enum import StrEnum

from lab.faults.base import AtServer, often
from lab.values import dataclass

SERVICES = ("pop3", "imap")


class Moment(StrEnum):
    CONNECT = "connect"
    LOGIN = "login"
    FETCH = "fetch"
    QUIT = "quit"


class How(StrEnum):
    REFUSE = "refuse"
    STALL = "stall"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class AtMailbox(AtServer):
    """`how` a service behaves at a moment; `address`: to the owner of that mailbox only, `text`: a refusal's."""

    how: How
    service: str
    moment: Moment
    address: str = ""
    text: str = ""

    def fits(self, service: str, moment: Moment, address: str) -> bool:
        wanted = self.address.lower()
        return (self.service, self.moment) == (service, moment) and wanted in ("", address.lower())

    def __str__(self) -> str:
        whom = f" for {self.address}" if self.address else ""
        said = f" saying {self.text}" if self.text else ""
        return f"{self.how} {self.service} at {self.moment}{whom}{often(self.times)}{said}"
