"""Outcomes as JSON, and in a word each: what the screens, the JSON twin and the dashboard show.

The rule: two policies part in a case when their words or the receivers that took the mail differ; equal
preferences are drawn by lot, so of many messages it counts only whether they were spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab.compare.cases import DOMAIN, OTHER_NAME, SENDER, Case
from lab.compare.play import End, Outcome
from lab.compare.receiver import in_words
from lab.journey import to_json, why
from lab.mail.policies import named_policy
from lab.mail.policy import Follows

WORDS = {End.QUEUED: "◷ queue", End.BOUNCED: "✕ bounce", End.LOOPED: "↺ loop"}
STYLES = {End.DELIVERED: "good", End.QUEUED: "wait", End.BOUNCED: "bad", End.LOOPED: "bad"}


def word(outcome: Outcome) -> tuple[str, str]:
    """A short word and its style: whom it reached, or what else came of it."""
    ends = set(outcome.ends)
    if len(ends) > 1:
        return f"◐ {outcome.ends.count(End.DELIVERED)} of {len(outcome.ends)}", "wait"
    end = outcome.ends[0]
    if end is not End.DELIVERED:
        return WORDS[end], STYLES[end]
    taken = outcome.story[0] if outcome.case.messages > 1 else outcome.takers
    return f"● {taken[-1]}", STYLES[end]


def row(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A case and its outcome under each policy."""
    case = outcomes[0].case
    return {
        "case": case.name,
        "number": case.number,
        "title": case.title,
        "law": case.law,
        "lots": case.messages > 1,
        "differ": len({outcome.story for outcome in outcomes}) > 1,
        "policies": {outcome.policy: cell(outcome) for outcome in outcomes},
    }


def cell(outcome: Outcome) -> dict[str, Any]:
    text, style = word(outcome)
    return {
        "word": text,
        "style": style,
        "ends": [str(end) for end in outcome.ends],
        "status": outcome.status,
        "sessions": list(outcome.sessions),
        "takers": list(outcome.takers),
        "counts": _counts(outcome),
        "decided": [decided(name, follows, outcome) for name, follows in dict(outcome.rows).items()],
    }


def _counts(outcome: Outcome) -> dict[str, int]:
    """Of many messages, how many each receiver took; nothing of a single one."""
    if outcome.case.messages == 1:
        return {}
    return {label: outcome.takers.count(label) for label in outcome.case.receivers}


def decided(name: str, follows: str, outcome: Outcome) -> dict[str, str]:
    """A row of a policy that counted, what followed from it, and its law; a limit of the policy's, too, where that
    is why nobody else was tried."""
    more = _limit(outcome) if follows in ("later", "bounce") and _would_go_on(name) else ""
    if follows == "later" and name.partition("/")[2] in _FOR_GOOD:
        more = "seen: it waits all the same"
    law = law_of(name)
    return {"name": name, "follows": follows, "law": f"{law}; {more}" if more else law}


_FOR_GOOD = ("null-mx", "nxdomain", "no-address", "no-exchanger", "loop")
"""Verdicts over a domain that no waiting changes."""


def _would_go_on(name: str) -> bool:
    policy, _, rule = name.partition("/")
    row = next((row for row in named_policy(policy).table.values() if row.name == rule), None)
    return row is not None and row.follows is Follows.NEXT


def _limit(outcome: Outcome) -> str:
    """Of a walk that ended before the list did."""
    policy, tried = named_policy(outcome.policy), outcome.attempts
    if tried >= sum(1 for label in outcome.case.receivers if label):
        return ""
    limits = {
        "sessions": policy.most_sessions,
        "exchangers": policy.most_exchangers,
        "addresses": policy.most_addresses,
    }
    for what, most in limits.items():
        if 0 < most <= tried:
            return f"after {most} {what} it tries no further"
    return ""


def law_of(name: str) -> str:
    """Why a row says what it says: "rfc5321/rcpt-4xx" or "rfc5321/null-mx"."""
    policy, _, rule = name.partition("/")
    row = next((row for row in named_policy(policy).table.values() if row.name == rule), None)
    return row.law if row is not None else why.rule(rule)


def whole(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The same with the world it was played in, and every policy's journey."""
    form = row(outcomes)
    for outcome in outcomes:
        form["policies"][outcome.policy]["journey"] = to_json(outcome.journey)
        form["policies"][outcome.policy]["now"] = outcome.now
    return {**form, "world": world(outcomes[0].case)}


def world(case: Case) -> list[list[str]]:
    """The recipient's names and what stands behind them: a name, its record, and what answers there."""
    doing = {label: in_words(words) for label, (_, words) in case.receivers.items()}
    lines = []
    for record in case.zone:
        name, kind, data = record.split(" ", 2)
        label = data.split()[-1] if kind in ("MX", "CNAME") else ""
        lines.append([_full(name), f"{kind} {data}", _itself(label) or doing.pop(label, "")])
    lines += [[_full(label), case.receivers[label][0], words] for label, words in doing.items()]
    return lines + [[name, "", "is down"] for name in case.down]


def _full(label: str) -> str:
    return DOMAIN if label == "@" else f"{label}.{DOMAIN}"


def _itself(label: str) -> str:
    return "the sending host itself" if label in (OTHER_NAME, f"{SENDER}.") else ""
