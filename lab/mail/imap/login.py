"""Who an IMAP client is: CAPABILITY, ID, STARTTLS, LOGIN, AUTHENTICATE, ENABLE (RFC 9051 §6.1–6.3.1).

The rule: what CAPABILITY names works, all of it; clients believe it. Passwords are the porter's, who makes
guessing slow; here they come by and are forgotten.
"""

from __future__ import annotations

from lab.mail.imap.session import Done, Refused, Session
from lab.mail.porter import PATIENCE
from lab.wire.imap.commands import Authenticate, Bare, Enable, Identify, Login
from lab.wire.sasl import MECHANISMS, Challenge, Denied, Exchange, Granted, Outcome, unline

_ALWAYS = (
    "IMAP4rev1",
    "IMAP4rev2",
    "LITERAL+",
    "SASL-IR",
    "ID",
    "ENABLE",
    "IDLE",
    "NAMESPACE",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "CHILDREN",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "STATUS=SIZE",
    "ESEARCH",
    "SEARCHRES",
    "CONDSTORE",
    "QUOTA",
    "QUOTA=RES-STORAGE",
)


def capabilities(session: Session) -> str:
    if session.account is not None:
        return " ".join(_ALWAYS)
    tls = () if session.secure or not session.shared.offers_tls else ("STARTTLS",)
    return " ".join((*_ALWAYS, *tls, *(f"AUTH={name}" for name in MECHANISMS)))


async def capability(session: Session, command: Bare) -> Done:
    await session.emit(f"* CAPABILITY {capabilities(session)}\r\n".encode())
    return Done("that is what this server can")


async def identify(session: Session, command: Identify) -> Done:
    await session.emit(b'* ID ("name" "mini-Internet lab" "vendor" "mini-Internet lab")\r\n')
    return Done("pleased to meet you")


async def login(session: Session, command: Login) -> Done:
    """PLAIN's own comparison, so that there is one place where passwords are compared."""
    exchange = Exchange("PLAIN", session.shared.porter.terms)
    exchange.begin()
    if "\0" in command.user + command.password:
        return await _ended(session, Denied(command.user))
    return await _ended(session, exchange.answer(f"\0{command.user}\0{command.password}".encode()))


async def authenticate(session: Session, command: Authenticate) -> Done:
    if command.mechanism not in MECHANISMS:
        raise Refused(f"the mechanisms here are {', '.join(MECHANISMS)}")
    exchange = Exchange(command.mechanism, session.shared.porter.terms)
    initial = None if command.initial is None else unline(command.initial)
    if command.initial is not None and initial is None:
        raise Refused("the initial response is not base64", condition="BAD")
    outcome = exchange.begin(initial)
    while isinstance(outcome, Challenge):
        await session.emit(b"+ %b\r\n" % outcome.line)
        outcome = exchange.answer_line(await session.line())
    return await _ended(session, outcome)


async def _ended(session: Session, outcome: Outcome) -> Done:
    if isinstance(outcome, Granted):
        session.account = session.shared.porter.admit(outcome.login, session.peer)
        return Done("logged in", code=f"CAPABILITY {capabilities(session)}")
    assert isinstance(outcome, Denied)
    if outcome.flaw:
        raise Refused(outcome.flaw, condition="BAD")
    session.failures += 1
    await session.shared.porter.refuse(outcome.login, "IMAP", session.peer)
    if session.failures >= PATIENCE:
        session.bye = "that were too many wrong passwords"
    raise Refused("user or password are wrong", "AUTHENTICATIONFAILED")


async def enable(session: Session, command: Enable) -> Done:
    """RFC 5161: what is unknown is passed over."""
    enabled = [name for name in command.names if name in ("CONDSTORE", "IMAP4REV2")]
    session.rev2 = session.automaton.utf8 = session.rev2 or "IMAP4REV2" in enabled
    if "CONDSTORE" in enabled:
        await session.use_condstore()
    words = " ".join(["ENABLED", *dict.fromkeys(enabled)]).replace("IMAP4REV2", "IMAP4rev2")
    await session.emit(f"* {words}\r\n".encode())
    return Done("enabled")
