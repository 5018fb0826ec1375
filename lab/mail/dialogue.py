"""The receiving side of an SMTP dialogue, without its wire: command lines in, replies out.

The rule: which command is heard when is a table (`NEXT`), read beside RFC 5321 §4.1.4; what a command does is one
function; a refusal leaves the phase as it was. Nothing here waits: the text of a message and its way into the
queue are the server's.

        ┌── 554 ── BARRED                         ┌───────────────────────────── RSET, EHLO ──┐
    connect ────── CALLED ── HELO, EHLO ── READY ─┴─ MAIL ── SENDER ── RCPT ── RECIPIENTS ── DATA ── TEXT
                                             └──────────────────── the text has its reply ───────────┘

NOOP, HELP, VRFY and EXPN are heard at any time, QUIT always; READY also hears STARTTLS (RFC 3207), which leads
back to CALLED, and where mail is submitted AUTH (RFC 4954), whose responses are heard in CHALLENGED. Enhanced
codes (RFC 2034 §4) stand on every reply but those to HELO and EHLO.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import field
from enum import StrEnum
from typing import Protocol

from lab.events import Stage
from lab.fabric.faults import HostFaults
from lab.mail import relay
from lab.mail.envelope import Envelope, Recipient
from lab.mail.limits import LOGINS, MOST_IDLE_WORDS, MOST_REFUSED, PATIENCE_WITH_ERRORS, RECIPIENTS
from lab.mail.ordered import ordered
from lab.names import Address, EmailAddress
from lab.values import dataclass, made_often
from lab.wire import sasl
from lab.wire import smtp_grammar as grammar
from lab.wire.smtp_grammar import BadCommand, MailFrom
from lab.wire.smtp_reply import Reply


class Phase(StrEnum):
    BARRED = "barred"
    CALLED = "called"
    READY = "ready"
    SENDER = "sender given"
    RECIPIENTS = "recipients given"
    CHALLENGED = "challenged"
    """Within AUTH: the next line is a response, not a command."""
    TEXT = "text"
    OVER = "over"


NEXT: dict[Phase, dict[str, Phase]] = {
    Phase.BARRED: {"QUIT": Phase.OVER},
    Phase.CALLED: {
        "HELO": Phase.READY,
        "EHLO": Phase.READY,
        "RSET": Phase.CALLED,
        "QUIT": Phase.OVER,
    },
    Phase.READY: {
        "HELO": Phase.READY,
        "EHLO": Phase.READY,
        "STARTTLS": Phase.CALLED,
        "AUTH": Phase.READY,
        "MAIL": Phase.SENDER,
        "RSET": Phase.READY,
        "QUIT": Phase.OVER,
    },
    Phase.SENDER: {
        "HELO": Phase.READY,
        "EHLO": Phase.READY,
        "RCPT": Phase.RECIPIENTS,
        "RSET": Phase.READY,
        "QUIT": Phase.OVER,
    },
    Phase.RECIPIENTS: {
        "HELO": Phase.READY,
        "EHLO": Phase.READY,
        "RCPT": Phase.RECIPIENTS,
        "DATA": Phase.TEXT,
        "RSET": Phase.READY,
        "QUIT": Phase.OVER,
    },
}
"""phase → command → the phase after it, if it is granted. What is missing is 503, or `ANY_TIME`."""

ANY_TIME = ("NOOP", "HELP", "VRFY", "EXPN")

OUT_OF_ORDER: dict[tuple[Phase, str], str] = {
    (Phase.READY, "RCPT"): "5.5.1 MAIL comes first",
    (Phase.READY, "DATA"): "5.5.1 MAIL and RCPT come first",
    (Phase.SENDER, "AUTH"): "5.5.1 AUTH comes before MAIL (RFC 4954 section 4)",
    (Phase.RECIPIENTS, "AUTH"): "5.5.1 AUTH comes before MAIL (RFC 4954 section 4)",
    (Phase.SENDER, "DATA"): "5.5.1 RCPT comes first",
    (Phase.SENDER, "MAIL"): "5.5.1 a sender is given already; RSET begins anew",
    (Phase.RECIPIENTS, "MAIL"): "5.5.1 a sender is given already; RSET begins anew",
}

STAGES: dict[str, Stage] = {
    "HELO": Stage.HELO,
    "EHLO": Stage.HELO,
    "STARTTLS": Stage.STARTTLS,
    "AUTH": Stage.AUTH,
    "MAIL": Stage.MAIL,
    "RCPT": Stage.RCPT,
    "DATA": Stage.DATA,
    "QUIT": Stage.QUIT,
}

_IDLE_WORDS = frozenset({"HELO", "EHLO", "RSET", "NOOP", "HELP", "VRFY"})
_ERRORS = (500, 501, 502, 503, 504, 555)


class Logins(Protocol):
    """Who may log in: `porter.Porter`."""

    @property
    def terms(self) -> sasl.Terms: ...

    def address(self, login: str) -> EmailAddress: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What a host's SMTP server keeps to. Sizes in octets."""

    place: relay.Place
    mailboxes: Container[EmailAddress]
    faults: HostFaults
    size_limit: int
    recipient_limit: int = RECIPIENTS
    hop_limit: int = 30
    long_lines: bool = False
    tls: bool = False
    """STARTTLS is offered."""
    logins: Logins | None = None
    """Mail is submitted here (RFC 6409): by whom. None: it is relayed here, and nobody logs in."""
    any_sender: bool = False
    """Whoever is logged in may send under any name."""
    connection_limit: int = 0
    """Connections that one address may have here at a time; 0: as many as it likes."""


@made_often
@dataclass(frozen=True, slots=True)
class Turn:
    """A reply, with what it was about where a stage of RFC 5321 applies: the address at MAIL and RCPT."""

    reply: Reply
    stage: Stage | None = None
    about: str = ""


@dataclass(slots=True)
class Transaction:
    """What MAIL and RCPT have said so far; recipients by their folded address, in their order."""

    mail: MailFrom
    recipients: dict[EmailAddress, Recipient] = field(default_factory=dict)
    named: int = 0
    """Recipients that were taken, those included that were named before."""
    refused: int = 0

    def envelope(self) -> Envelope:
        mail = self.mail
        recipients = tuple(self.recipients.values())
        return Envelope(mail.sender, recipients, mail.ret, mail.envid, mail.eight_bit, mail.smtputf8)


class Dialogue:
    """One client's dialogue. `helo` is the name it gave itself, `login` the account it proved to have; `secure`:
    it is spoken in TLS."""

    __slots__ = (
        "_about",
        "_errors",
        "_exchange",
        "_hidden",
        "_idle_words",
        "_logins",
        "_refused",
        "client",
        "extended",
        "helo",
        "login",
        "phase",
        "secure",
        "terms",
        "transaction",
    )

    def __init__(self, terms: Terms, client: Address | None, secure: bool = False) -> None:
        self.terms = terms
        self.client = client
        self.secure = secure
        self.login: EmailAddress | None = None
        self.phase = Phase.CALLED
        self.helo = ""
        self.extended = False
        self.transaction: Transaction | None = None
        self._exchange: sasl.Exchange | None = None
        self._errors = self._idle_words = self._logins = self._refused = 0
        self._hidden: frozenset[str] = frozenset()
        self._about = ""

    @property
    def protocol(self) -> str:
        """The word behind `with` in a Received line (RFC 3848, RFC 6531 §4.3)."""
        suffix = "S" * self.secure + "A" * (self.login is not None)
        if self.transaction is not None and self.transaction.mail.smtputf8:
            return f"UTF8SMTP{suffix}"
        return f"ESMTP{suffix}" if self.extended else "SMTP"

    @property
    def is_submission(self) -> bool:
        return self.terms.logins is not None

    def greet(self) -> Turn:
        """The first reply, before the client has said a word."""
        if reply := self.fault(Stage.GREETING):
            self.phase = Phase.OVER if reply.is_final else Phase.BARRED
            return Turn(reply, Stage.GREETING)
        return Turn(Reply(220, f"{self.terms.place.name} ESMTP mini-Internet"))

    def turn_away(self) -> Turn:
        """The first and last word to a client that has enough connections here."""
        self.phase = Phase.OVER
        most, host = self.terms.connection_limit, self.terms.place.name
        return Turn(Reply(421, f"4.7.0 {host}: {most} connections from you are open already"), Stage.GREETING)

    def take(self, line: bytes) -> Turn:
        """The reply to one command line; look at `phase` after it. After `Held` nothing has happened yet: the same
        line may be taken again."""
        if self._exchange is not None:
            return self._respond(line)
        verb = self._about = ""
        try:
            verb, argument = grammar.split_command(line)
            self._about = argument if verb != "AUTH" else ""  # a password may stand there
            reply = self._perform(verb, argument)
        except BadCommand as refusal:
            reply = self._weighed(refusal.reply)
        return Turn(reply, STAGES.get(verb), self._about)

    def refuse(self, reply: Reply) -> Turn:
        """The reply to a line that is no command at all."""
        if self._exchange is not None:
            self._exchange, self.phase = None, Phase.READY
        return Turn(self._weighed(reply))

    def secured(self) -> None:
        """TLS is up: what was said before is forgotten (RFC 3207 §4.2)."""
        self.secure, self.extended = True, False
        self.helo, self.login = "", None

    def fault(self, stage: Stage, *addresses: str) -> Reply | None:
        """The reply that the lab's keeper wants at this stage; `Held` where none is to come."""
        return ordered(self.terms.faults, stage, *addresses)

    @property
    def named(self) -> tuple[str, ...]:
        """The addresses that this transaction is about, where a fault may ask for them."""
        given = self.transaction
        if given is None or not self.terms.faults.now:
            return ()
        return (given.mail.sender or "", *(one.address for one in given.recipients.values()))

    def end(self, reply: Reply) -> None:
        """The text has its reply: the next transaction may begin."""
        if reply.code >= 400:
            self._refused += 1
        else:
            self._idle_words = 0
        self.transaction = None
        self.phase = Phase.OVER if reply.is_final else Phase.READY

    def _heed_fault(self, stage: Stage, *addresses: str) -> None:
        if reply := self.fault(stage, *addresses):
            raise BadCommand(reply.code, reply.text)

    def _perform(self, verb: str, argument: str) -> Reply:
        act = ACTS.get(verb) if self._offers_command(verb) else None
        if act is None:
            elsewhere = "mail is submitted at port 587" if verb == "AUTH" else "HELP lists them"
            raise BadCommand(500, f"5.5.1 no such command: {verb[:20]}; {elsewhere}")
        onward = NEXT[self.phase].get(verb)
        if onward is None and (verb not in ANY_TIME or self.phase is Phase.BARRED):
            raise self._out_of_order(verb)
        if verb in _IDLE_WORDS:
            self._require_progress()
        if verb not in ("MAIL", "RCPT") and verb in STAGES:
            self._heed_fault(STAGES[verb], *(self.named if verb == "DATA" else ()))
        reply = act(self, argument)
        self.phase = Phase.CHALLENGED if self._exchange is not None else onward or self.phase
        return reply

    def _require_progress(self) -> None:
        self._idle_words += 1
        if self._idle_words > MOST_IDLE_WORDS:
            raise BadCommand(
                421, f"4.7.0 {self.terms.place.name}: {MOST_IDLE_WORDS} commands and no mail, goodbye"
            )

    def _offers_command(self, verb: str) -> bool:
        if verb in self._hidden:
            return False
        return self.terms.tls if verb == "STARTTLS" else self.is_submission if verb == "AUTH" else True

    def _out_of_order(self, verb: str) -> BadCommand:
        """RFC 5321 §3.3: DATA after refused recipients only is 554, any other disorder 503."""
        if verb == "DATA" and self.transaction is not None and self.transaction.refused:
            return BadCommand(554, "5.5.1 no valid recipients")
        otherwise = "no service here, only QUIT" if self.phase is Phase.BARRED else "say EHLO or HELO first"
        return BadCommand(503, OUT_OF_ORDER.get((self.phase, verb), f"5.5.1 {otherwise}"))

    def _weighed(self, reply: Reply) -> Reply:
        self._errors += reply.code in _ERRORS
        self._refused += 1
        if self._errors > PATIENCE_WITH_ERRORS or self._refused > MOST_REFUSED:
            reply = Reply(421, f"4.7.0 {self.terms.place.name} too many errors, goodbye")
        if reply.is_final:
            self.phase = Phase.OVER
        return reply

    # -- what each command does ------------------------------------------------------------------------------

    def _helo(self, argument: str) -> Reply:
        self.helo, self.extended = grammar.read_helo(argument), False
        self.transaction = None
        return Reply(250, self.terms.place.name)

    def _ehlo(self, argument: str) -> Reply:
        self.helo, self.extended = grammar.read_helo(argument), True
        self.transaction = None
        self._hidden = self.terms.faults.hidden() if self.terms.faults.now else frozenset()
        return Reply(250, "\n".join((f"{self.terms.place.name} greets {self.helo}", *self._offers())))

    def _offers(self) -> tuple[str, ...]:
        size = f"SIZE {self.terms.size_limit}"
        tls = ("STARTTLS",) if self.terms.tls and not self.secure else ()
        auth = (f"AUTH {' '.join(sasl.MECHANISMS)}",) if self.is_submission else ()
        offers = ("PIPELINING", size, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "DSN", *tls, *auth, "HELP")
        if not self._hidden:
            return offers
        return tuple(offer for offer in offers if offer.split()[0] not in self._hidden)

    def _starttls(self, argument: str) -> Reply:
        if argument:
            raise BadCommand(501, "5.5.4 STARTTLS takes no argument")
        if self.secure:
            raise BadCommand(503, "5.5.1 TLS is up already")
        return Reply(220, "2.0.0 begin TLS")

    # -- AUTH ------------------------------------------------------------------------------------------------

    def _auth(self, argument: str) -> Reply:
        logins = self.terms.logins
        assert logins is not None, "AUTH is offered where there are logins"
        if self.login or not self.extended:
            raise BadCommand(503, f"5.5.1 {'you are logged in already' if self.login else 'say EHLO first'}")
        name, _, initial = argument.partition(" ")
        if name.upper() not in sasl.MECHANISMS:
            raise BadCommand(504, f"5.5.4 no such mechanism; there are {', '.join(sasl.MECHANISMS)}")
        given = sasl.unline(initial.encode()) if initial else None
        if initial and given is None:
            raise BadCommand(501, "5.5.2 the initial response is not base64")
        self._exchange = sasl.Exchange(name.upper(), logins.terms)
        return self._judged(self._exchange.begin(given))

    def _respond(self, line: bytes) -> Turn:
        assert self._exchange is not None
        self._about, self.phase = "", Phase.READY
        try:
            reply = self._judged(self._exchange.answer_line(line.rstrip(b"\r\n")))
        except BadCommand as refusal:
            reply = self._weighed(refusal.reply)
        if self._exchange is not None:
            self.phase = Phase.CHALLENGED
        return Turn(reply, Stage.AUTH, self._about)

    def _judged(self, outcome: sasl.Outcome) -> Reply:
        if isinstance(outcome, sasl.Challenge):
            return Reply(334, outcome.line.decode())
        self._exchange = None
        if isinstance(outcome, sasl.Granted):
            assert self.terms.logins is not None
            self._about, self.login = outcome.login, self.terms.logins.address(outcome.login)
            return Reply(235, "2.7.0 welcome")
        if outcome.flaw:
            raise BadCommand(501, f"5.5.2 {outcome.flaw}")
        return self._denied(outcome.login)

    def _denied(self, login: str) -> Reply:
        self._about = login
        self._logins += 1
        if self._logins >= LOGINS:
            raise BadCommand(421, "4.7.0 wrong name or password for the last time, goodbye")
        raise BadCommand(535, "5.7.8 wrong name or password")

    # -- a message -------------------------------------------------------------------------------------------

    def _mail(self, argument: str) -> Reply:
        if self._refused > MOST_REFUSED:  # its texts, whose replies are not weighed
            raise BadCommand(421, f"4.7.0 {self.terms.place.name} too many errors, goodbye")
        mail = grammar.read_mail(argument, self.extended, self.is_submission)
        self._about = mail.sender or ""
        self._heed_fault(Stage.MAIL, self._about)
        if self.is_submission:
            self._require_own(mail.sender)
        if mail.size > self.terms.size_limit:
            raise BadCommand(552, f"5.3.4 larger than {self.terms.size_limit} octets, the most this host takes")
        self.transaction = Transaction(mail)
        return Reply(250, f"2.1.0 <{self._about}> sender ok")

    def _require_own(self, sender: EmailAddress | None) -> None:
        """Who submits has to be logged in, and to send under a name of their own (RFC 6409 §4.3, §6.1)."""
        if self.login is None:
            raise BadCommand(530, "5.7.0 log in first: AUTH")
        if sender is not None and not self.terms.any_sender and not belongs(sender, self.login, self.terms.place):
            raise BadCommand(553, f"5.7.1 <{sender}> is not yours; you are <{self.login}>")

    def _rcpt(self, argument: str) -> Reply:
        assert self.transaction is not None
        given = self.transaction
        try:
            self._add(given, argument)
        except BadCommand:
            given.refused += 1
            raise
        return Reply(250, f"2.1.5 <{self._about}> recipient ok")

    def _add(self, given: Transaction, argument: str) -> None:
        terms = self.terms
        asked = grammar.read_rcpt(argument, self.extended, terms.place.home, given.mail.smtputf8)
        self._about = asked.address
        self._heed_fault(Stage.RCPT, asked.address)
        verdict = relay.decide(asked.address, self.client, self.login is not None, terms.place, terms.mailboxes)
        if isinstance(verdict, relay.Refuse):
            raise BadCommand(verdict.code, f"{verdict.status} {verdict.text}")
        if given.named >= terms.recipient_limit:
            raise BadCommand(452, f"4.5.3 {terms.recipient_limit} recipients are the most for one message")
        given.named += 1
        given.recipients.setdefault(asked.address.folded, Recipient(asked.address, asked.notify, asked.original))

    def _data(self, argument: str) -> Reply:
        if argument:
            raise BadCommand(501, "5.5.4 DATA takes no argument")
        return Reply(354, "go ahead; end with <CR><LF>.<CR><LF>")

    def _rset(self, argument: str) -> Reply:
        if argument:
            raise BadCommand(501, "5.5.4 RSET takes no argument")
        self.transaction = None
        return Reply(250, "2.0.0 forgotten")

    def _noop(self, argument: str) -> Reply:
        return Reply(250, "2.0.0 ok")

    def _help(self, argument: str) -> Reply:
        known = grammar.SYNTAX.get(argument.upper())
        return Reply(
            214,
            f"2.0.0 {known}" if known else f"2.0.0 commands here: {' '.join(filter(self._offers_command, ACTS))}",
        )

    def _vrfy(self, argument: str) -> Reply:
        if not argument:
            raise BadCommand(501, "5.5.4 VRFY takes an address")
        return Reply(252, "2.5.2 not told; send, and the mail is tried")

    def _expn(self, argument: str) -> Reply:
        raise BadCommand(502, "5.5.1 EXPN is not offered here")

    def _quit(self, argument: str) -> Reply:
        return Reply(221, f"2.0.0 {self.terms.place.name} goodbye")


ACTS: dict[str, Callable[[Dialogue, str], Reply]] = {
    "HELO": Dialogue._helo,
    "EHLO": Dialogue._ehlo,
    "STARTTLS": Dialogue._starttls,
    "AUTH": Dialogue._auth,
    "MAIL": Dialogue._mail,
    "RCPT": Dialogue._rcpt,
    "DATA": Dialogue._data,
    "RSET": Dialogue._rset,
    "NOOP": Dialogue._noop,
    "HELP": Dialogue._help,
    "VRFY": Dialogue._vrfy,
    "EXPN": Dialogue._expn,
    "QUIT": Dialogue._quit,
}


def belongs(sender: EmailAddress, own: EmailAddress, place: relay.Place) -> bool:
    """Whether the owner of `own` may send as `sender`: it is the same, or an alias that leads there."""
    local = relay.as_local(sender, place)
    return local is not None and (local == own or own in place.aliases.get(local, ()))
