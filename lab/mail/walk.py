"""One message's walk along the exchangers of a destination: what to ask, whom to try, what follows.

The rule: the walk is pure. It says what it needs next (`Ask` a name, or try an `Attempt`), is told what came of
it, and in the end every recipient has an outcome. The agent walks it over the network, a test over a table.

Addresses are asked for lazily, one preference at a time: the whole group of equals at once, because one of its
addresses may be the host's own, and then the group and all behind it are out (RFC 5321 §5.1).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lab.events import Failure, Stage
from lab.mail import routing
from lab.mail.policy import OWN_NAME, OWN_NAME_STATUS, TRANSACTION, Came, Follows, Policy, Row, came
from lab.mail.routing import Chance, Exchanger, Exchangers, Identity, Verdict
from lab.names import Address, DomainName
from lab.values import dataclass, made_often
from lab.wire.records import Answer
from lab.wire.smtp_client import Fate
from lab.wire.smtp_reply import Reply


@made_often
@dataclass(frozen=True, slots=True)
class Ask:
    """A question for the host's resolver."""

    name: DomainName
    type: str


@made_often
@dataclass(frozen=True, slots=True)
class Attempt:
    """One address of one exchanger."""

    exchanger: str
    address: Address
    preference: int
    port: int = 25

    def __str__(self) -> str:
        return f"{self.exchanger}[{self.address}]:{self.port}"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What follows, and the row that says so."""

    follows: Follows
    row: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a recipient was not served. `reply`: whether `text` is what `remote` answered, word by word."""

    text: str
    status: str
    row: str = ""
    remote: str = ""
    reply: bool = False


@made_often
@dataclass(frozen=True, slots=True)
class Taken:
    """Another host took responsibility."""

    attempt: Attempt
    reply: Reply
    deaf: bool = False
    """It does not speak DSN: it will not report success (RFC 3461 §5.2.2)."""


@dataclass(frozen=True, slots=True)
class Deferred:
    reason: Reason


@dataclass(frozen=True, slots=True)
class GivenUp:
    reason: Reason


Outcome = Taken | Deferred | GivenUp


class Walk:
    """`next` until it is None; then `outcomes` has an entry for each of `recipients` (numbers of the caller's)."""

    def __init__(
        self,
        start: DomainName | Exchangers,
        recipients: Iterable[int],
        me: Identity,
        policy: Policy,
        chance: Chance,
    ) -> None:
        self.me = me
        self.policy = policy
        self.left = list(recipients)
        self.outcomes: dict[int, Outcome] = {}
        self.reached = False
        """Some host said hello: what failed then is the message's affair, not the destination's."""
        self.route: Exchangers | Verdict | None = None
        self._domain = str(start) if isinstance(start, DomainName) else start.found[0].name
        self._chance = chance
        self._answers: dict[tuple[str, str], Answer] = {}
        self._groups: deque[list[Exchanger]] = deque()
        self._attempts: deque[Attempt] = deque()
        self._left_out: list[str] = []
        self._tried = 0
        self._sessions = 0
        self._met: dict[str, None] = {}
        """Exchangers tried so far."""
        self._soft: dict[int, Reason] = {}
        self._hard: dict[int, Reason] = {}
        self._trouble: Reason | None = None
        self._met_itself = False
        if isinstance(start, Exchangers):
            self._begin(start)

    # -- what is needed next --------------------------------------------------------------------------------

    def next(self) -> Ask | Attempt | None:
        """A question, an attempt (the same until it was told what came of it), or None: it is over."""
        while self.left:
            if self.route is None:
                return Ask(DomainName(self._domain), "MX")
            if self._attempts:
                return self._attempts[0]
            if not self._groups:
                self._conclude()
                return None
            question = self._unanswered(self._groups[0])
            if question is not None:
                return question
            self._open_group(self._groups.popleft())
        return None

    def learn(self, answer: Answer) -> None:
        """The answer to the question that `next` asked."""
        if self.route is None:
            self._begin(routing.exchangers(answer, self.me, self.policy, self._chance))
        else:
            self._answers[answer.name, answer.type] = answer

    def _begin(self, route: Exchangers | Verdict) -> None:
        self.route = route
        if isinstance(route, Verdict):
            return
        self._left_out += route.left_out
        for exchanger in route.found:
            if self._groups and self._groups[-1][0].preference == exchanger.preference:
                self._groups[-1].append(exchanger)
            else:
                self._groups.append([exchanger])

    def _unanswered(self, group: list[Exchanger]) -> Ask | None:
        for exchanger in group:
            if exchanger.address is None:
                for kind in self.me.address_types:
                    if (exchanger.name, kind) not in self._answers:
                        return Ask(DomainName(exchanger.name), kind)
        return None

    def _open_group(self, group: list[Exchanger]) -> None:
        found = [(exchanger, self._addresses(exchanger)) for exchanger in group]
        if "address" in self.policy.knows_its:
            mine = [one for one, addresses in found if one.name != "." and _among(addresses, self.me.addresses)]
            if mine:
                found = self._leave_out_self(mine, found)
        attempts = [
            Attempt(exchanger.name, address, exchanger.preference)
            for exchanger, addresses in found
            for address in self._shuffled(addresses)
        ]
        if self.policy.addresses == "mixed" and len(attempts) > 1:
            self._chance().shuffle(attempts)
        spent = 0 < self.policy.most_addresses <= self._tried
        self._attempts.extend(attempts[:1] if spent else attempts)

    def _shuffled(self, addresses: Sequence[Address]) -> Sequence[Address]:
        if self.policy.addresses != "shuffled" or len(addresses) < 2:
            return addresses
        return self._chance().sample(addresses, len(addresses))

    def _leave_out_self(
        self, mine: list[Exchanger], found: list[tuple[Exchanger, tuple[Address, ...]]]
    ) -> list[tuple[Exchanger, tuple[Address, ...]]]:
        self._met_itself = True
        behind = [one for group in self._groups for one in group]
        kept = routing.without_self([one for one, _ in found] + behind, mine[0], self.policy, self._left_out)
        if self.policy.itself == "cut":
            self._groups.clear()
        return [pair for pair in found if pair[0] in kept and pair[0] not in mine]

    def _addresses(self, exchanger: Exchanger) -> tuple[Address, ...]:
        if exchanger.address is not None:
            return (exchanger.address,)
        answers = [self._answers[exchanger.name, kind] for kind in self.me.address_types]
        addresses = routing.addresses(answers)
        if self.policy.alias_as_exchanger == "refuse" and _is_alias(answers):
            self._left_out.append(f"{exchanger}: an alias (RFC 2181 §10.3)")
            return ()
        if not addresses:
            self._note_silence(exchanger, answers)
        return addresses

    def _note_silence(self, exchanger: Exchanger, answers: Sequence[Answer]) -> None:
        """An exchanger without an address is passed over; whether for now or for good is in the answer."""
        rcodes = [answer.rcode for answer in answers]
        unknown = [rcode for rcode in rcodes if rcode not in ("NOERROR", "NXDOMAIN")]
        what = unknown[0] if unknown else "NXDOMAIN" if "NXDOMAIN" in rcodes else "no address"
        self._left_out.append(f"{exchanger}: {what}")
        if unknown:
            text = f"the address of {exchanger.name} could not be found: {what}"
            self._trouble = Reason(text, "4.4.3", self.policy.named(_RESOLVE))

    def _rest(self, in_session: bool) -> tuple[list[Attempt], bool]:
        """The attempts that the policy allows after the present one, and whether further exchangers may follow
        those. `in_session`: the present host said hello."""
        policy, (now, *rest) = self.policy, self._attempts
        if 0 < policy.most_sessions <= self._sessions + in_session:
            return [], False
        if 0 < policy.most_addresses <= self._tried + 1:
            if policy.past_most == "stop":
                return [], False
            rest = [one for one in rest if one.preference > now.preference][:1]
        met = {**self._met, now.exchanger: None}
        if 0 < policy.most_exchangers <= len(met):
            return [one for one in rest if one.exchanger in met], False
        return rest, True

    # -- what came of it --------------------------------------------------------------------------------------

    def ruling(self, stage: Stage, what: Came) -> Ruling:
        """What follows when this comes at this stage of the present attempt."""
        row = self.policy.row(stage, what)
        return Ruling(self._onward(row, stage in TRANSACTION), self.policy.named(row))

    def knows_itself_by(self, greeting: str) -> bool:
        """Whether a host that greets so is this host, and the policy cares."""
        own = (Stage.GREETING, OWN_NAME) in self.policy.table
        return own and greeting.split(" ", 1)[0].rstrip(".").lower() == self.me.name

    def failed(self, stage: Stage, outcome: Reply | Failure, what: Came | None = None) -> Ruling:
        """The attempt came to nothing, for all who are left."""
        ruling = self.ruling(stage, what or came(outcome))
        row = self.policy.row(stage, what or came(outcome))
        for recipient in tuple(self.left):
            self._rule(recipient, row, self._reason(stage, outcome, row, what))
        self._step(in_session=False)
        return ruling

    def concluded(self, fates: Sequence[Fate], deaf: bool = False) -> None:
        """The attempt is over, with a fate for each of `left`, in that order."""
        self.reached = True
        attempt = self._attempts[0]
        for recipient, fate in zip(tuple(self.left), fates, strict=True):
            if fate.accepted and isinstance(fate.outcome, Reply):
                self._end(recipient, Taken(attempt, fate.outcome, deaf))
            else:
                row = self.policy.row(fate.stage, came(fate.outcome))
                self._rule(recipient, row, self._reason(fate.stage, fate.outcome, row))
        self._step(in_session=True)

    def again(self, attempt: Attempt, recipients: Iterable[int]) -> Walk:
        """The walk of a further message that begins at `attempt`, in the session that is open there."""
        other = Walk(DomainName(self._domain), recipients, self.me, self.policy, self._chance)
        other.route, other._answers, other._left_out = self.route, self._answers, self._left_out
        other._groups, other._attempts = deque(self._groups), deque([attempt, *self._attempts])
        other._tried = self._tried - 1
        return other

    def _onward(self, row: Row, in_session: bool) -> Follows:
        if row.follows is not Follows.NEXT:
            return row.follows
        rest, more = self._rest(in_session)
        if rest:
            same = self._attempts[0].exchanger == rest[0].exchanger
            return Follows.NEXT_ADDRESS if same else Follows.NEXT_EXCHANGER
        if more and self._groups:
            return Follows.NEXT_EXCHANGER
        outranked = self.policy.last_word == "soft" and (self._soft or self._trouble)
        return Follows.LATER if outranked else row.otherwise

    def _rule(self, recipient: int, row: Row, reason: Reason) -> None:
        match row.follows:
            case Follows.BOUNCE:
                self._end(recipient, _given_up(reason))
            case Follows.LATER:
                self._end(recipient, Deferred(reason))
            case _ if row.otherwise is Follows.LATER:
                self._soft[recipient] = reason
            case _:
                self._hard[recipient] = reason
                if self.policy.last_word == "last":
                    self._soft.pop(recipient, None)

    def _end(self, recipient: int, outcome: Outcome) -> None:
        self.left.remove(recipient)
        self.outcomes[recipient] = outcome

    def _step(self, in_session: bool) -> None:
        """On from the present attempt. Where nobody is left the rest stays, for who goes on in its session."""
        rest, more = self._rest(in_session) if self.left else (list(self._attempts)[1:], True)
        self._met[self._attempts[0].exchanger] = None
        self._attempts = deque(rest)
        if not more:
            self._groups.clear()
        self._tried += 1
        self._sessions += in_session

    def _reason(self, stage: Stage, outcome: Reply | Failure, row: Row, what: Came | None = None) -> Reason:
        attempt, name = self._attempts[0], self.policy.named(row)
        if what == OWN_NAME:
            status = self.policy.statuses.get(OWN_NAME, OWN_NAME_STATUS)
            return Reason(f"{attempt} greets with this host's own name", status, name, attempt.exchanger)
        if isinstance(outcome, Reply):
            return Reason(str(outcome), outcome.status, name, attempt.exchanger, reply=True)
        if stage is Stage.CONNECT:
            return Reason(f"connect to {attempt}: {outcome}", "4.4.1", name, attempt.exchanger)
        text = f"{attempt}: {outcome} while waiting for its answer ({stage})"
        return Reason(text, "4.4.2", name, attempt.exchanger)

    # -- the end of the list ----------------------------------------------------------------------------------

    def _conclude(self) -> None:
        """Nothing is left to try. A soft error outranks a hard one; nothing tried at all has its own verdict."""
        for recipient in tuple(self.left):
            soft = self._soft.get(recipient) or self._trouble
            hard = self._hard.get(recipient)
            if soft is not None:
                self._end(recipient, Deferred(soft))
            elif hard is not None:
                self._end(recipient, _given_up(hard))
            else:
                self._end(recipient, _outcome(self.verdict(), self.policy))

    def verdict(self) -> Verdict:
        """Why there was no one to try."""
        if isinstance(self.route, Verdict):
            return self.route
        if self._met_itself:
            return routing.looping(self._domain, self.policy, self._left_out)
        if isinstance(self.route, Exchangers) and self.route.rule == "implicit-mx":
            return routing.without_address(self._domain, self.policy)
        if isinstance(self.route, Exchangers) and self.route.rule == "smarthost":
            return routing.without_smarthost(self._domain)
        return routing.unusable(self._domain, self.policy, self._left_out)

    @property
    def in_order(self) -> list[Exchanger]:
        """The exchangers in the order of trial, so far as they are known to be usable."""
        found = self.route.found if isinstance(self.route, Exchangers) else ()
        return [one for one in found if not any(text.startswith(f"{one}: ") for text in self._left_out)]

    @property
    def met_nobody(self) -> bool:
        """Every exchanger was left out."""
        return isinstance(self.route, Exchangers) and not self.in_order

    @property
    def left_out(self) -> tuple[str, ...]:
        """Every exchanger that is not tried, so far as is known now, with the reason."""
        return tuple(self._left_out)


_RESOLVE = Row("resolve-unknown", Follows.NEXT, Follows.LATER, "RFC 5321 §5.1")


def _among(addresses: Iterable[Address], own: Sequence[Address]) -> bool:
    return any(address in own for address in addresses)


def _is_alias(answers: Sequence[Answer]) -> bool:
    return any(answer.canonical not in (None, answer.name) for answer in answers)


def _given_up(reason: Reason) -> GivenUp:
    """Given up is permanent, whatever class the enhanced code of the reply had (RFC 2034 §4)."""
    return GivenUp(replace(reason, status="5" + reason.status[1:]))


def _outcome(verdict: Verdict, policy: Policy) -> Outcome:
    reason = Reason(verdict.reason, verdict.status, f"{policy.name}/{verdict.rule}")
    return GivenUp(reason) if verdict.follows is Follows.BOUNCE else Deferred(reason)
