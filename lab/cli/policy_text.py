"""A policy as text, for `lab explain`, and one of its rows as journeys name it: exim/rcpt-4xx.

The rule: what is told is read from the table that the agent goes by; beside it stands only what is not as in
rfc5321. `next` is the next host, and the queue when there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.events import Stage
from lab.mail.policies import POLICIES, RFC5321
from lab.mail.policy import HARD, LOST, OWN_NAME, SOFT, Came, Follows, Policy, Row

_TRAITS = {
    "null_mx": "a null MX",
    "no_domain": "a domain that does not exist",
    "lost_alias": "a domain that is an alias of nothing",
    "no_address": "a domain with neither MX nor address",
    "no_exchanger": "no exchanger that can be used",
    "loop": "itself the best exchanger, or the only one left",
    "knows_its": "finds itself among the exchangers by its",
    "itself": "of itself among the exchangers",
    "address_as_exchanger": "an MX that names an address",
    "alias_as_exchanger": "an exchanger that is an alias",
    "equals": "equal preferences",
    "addresses": "the addresses of an exchanger",
    "last_word": "at the end of the list counts",
    "null_beside_others": "a null MX beside others",
    "most_addresses": "addresses tried at most",
    "past_most": "beyond them",
    "most_exchangers": "exchangers tried at most",
    "most_sessions": "sessions without success at most",
    "most_recipients": "recipients in one transaction at most",
    "sessions": "sessions for the next message",
    "connect_limit": "seconds for a connection to come about",
    "hops": "Received lines that make a loop",
}
"""Fields of a policy, as one says them."""
_VALUES = {
    "cut": "it and all that are no better are left out (RFC 5321 §5.1)",
    "skip": "it alone is left out",
    "follow": "followed",
    "refuse": "not followed",
    "itself": "taken for this host",
    "spread": "in random order",
    "keep": "in the order of the answer",
    "shuffled": "in random order",
    "mixed": "in random order, with those of its equals",
    "soft": "a soft error before the hard ones",
    "last": "what the last host did",
    "stop": "no more",
    "next preference": "one address of each further preference",
    "kept": "the open one, while it has more to send",
    "each": "a new one each",
    "warm": "one that is kept for two seconds, once they follow each other closely",
    "idle": "one that is kept for ten seconds",
}
_STAGES = {
    Stage.CONNECT: "connect",
    Stage.GREETING: "greeting",
    Stage.HELO: "EHLO",
    Stage.MAIL: "MAIL",
    Stage.RCPT: "RCPT",
    Stage.DATA: "DATA",
    Stage.EOM: "the dot",
}
_COLUMNS: tuple[tuple[Came, ...], ...] = ((SOFT,), (HARD,), LOST)


def policy_text(topic: str) -> str:
    """What a policy or one of its rows says; '' for what is neither."""
    name, _, rule = topic.lower().partition("/")
    if name not in POLICIES:
        return ""
    if not rule:
        return "\n".join(_whole(POLICIES[name]))
    row = next((row for row in POLICIES[name].table.values() if row.name == rule), None)
    return f"# {topic.lower()}: {_follows(row)}\n\n{row.law}\n" if row else ""


def _whole(policy: Policy) -> Iterator[str]:
    yield f"# The policy {policy.name}: what follows after which reply"
    yield ""
    yield f"    {'at':<10}{'4xx':<22}{'5xx':<22}no answer, or it broke off"
    for stage, name in _STAGES.items():
        yield f"    {name:<10}{''.join(f'{_cell(policy, stage, what):<22}' for what in _COLUMNS)}".rstrip()
    if (own := policy.table.get((Stage.GREETING, OWN_NAME))) is not None:
        yield f"    a greeting by this host's own name: {_follows(own)}"
    yield ""
    traits = list(_traits(policy))
    yield "And where the RFC leaves it open:" if policy is RFC5321 else "And not as in rfc5321:"
    yield from (f"    {trait}" for trait in traits)
    yield ""
    yield f"A row: lab explain {policy.name}/rcpt-4xx     All of them side by side: lab compare policies"


def _cell(policy: Policy, stage: Stage, what: Sequence[Came]) -> str:
    """What follows; several things that come stand in one cell as long as the same follows."""
    found = [policy.table[stage, one] for one in what if (stage, one) in policy.table]
    return ", or ".join(dict.fromkeys(map(_follows, found))) or "–"


def _follows(row: Row) -> str:
    if row.follows is not Follows.NEXT:
        return str(row.follows)
    return "next" if row.otherwise is Follows.LATER else f"next, else {row.otherwise}"


def _traits(policy: Policy) -> Iterator[str]:
    for field, words in _TRAITS.items():
        value, usual = getattr(policy, field), getattr(RFC5321, field)
        if value != usual or policy is RFC5321:
            yield f"{words}: {_said(value)}"
    for rule, code in policy.statuses.items():
        yield f"{rule} is told as {code}"


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return " and ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    return "no limit" if value == 0 else _VALUES.get(str(value), str(value))
