"""The policies that a topology can choose by name: our own reading of RFC 5321, and six real mail agents.

The rule: `rfc5321` is what the law asks for, and where it is silent what Postfix does. The others reproduce what
their namesakes did in forty cases under the same DNS and the same scripted receivers (tests/mail/data), and
claim nothing beyond those.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lab.errors import WrongUse
from lab.events import Stage
from lab.mail.policy import HARD, LOST, OWN_NAME, SOFT, TRANSACTION, Follows, Policy, Table, rows

_NEXT, _LATER, _BOUNCE = Follows.NEXT, Follows.LATER, Follows.BOUNCE

_LAW: Table = {
    **rows([Stage.CONNECT], LOST, _NEXT, law="RFC 5321 §5.1: try each address in order until one succeeds"),
    **rows([Stage.GREETING], (*LOST, SOFT), _NEXT, law="RFC 5321 §4.5.4.1: a host that does not serve now"),
    **rows([Stage.GREETING], [HARD], _NEXT, law="RFC 5321 §3.1: 554 turns the session away, not the message"),
    **rows([Stage.HELO], (*LOST, SOFT), _NEXT, law="RFC 5321 §4.5.4.1: a host that does not serve now"),
    **rows([Stage.HELO], [HARD], _NEXT, _BOUNCE, "RFC 5321 §4.1.4: the host refuses this client, not the message"),
    **rows(TRANSACTION, [SOFT], _NEXT, law="RFC 5321 §4.2.1: 4yz may succeed elsewhere or later"),
    **rows(TRANSACTION, LOST, _NEXT, law="RFC 5321 §3.8, §4.5.3.2: a dropped session counts as a 4yz"),
    **rows(TRANSACTION, [HARD], _BOUNCE, law="RFC 5321 §4.2.1: 5yz is not to be tried again, nowhere"),
    **rows([Stage.GREETING], [OWN_NAME], _BOUNCE, law="RFC 5321 §5.1: mail must not loop to its own host"),
}


def _not(table: Table, *keys: Stage) -> Table:
    """Without the row about a greeting by the host's own name: not noticed there."""
    return {key: row for key, row in table.items() if not (key[0] in keys and key[1] == OWN_NAME)}


_UNAWARE = _not(_LAW, Stage.GREETING)

RFC5321 = Policy("rfc5321", _LAW)

POSTFIX = replace(
    RFC5321,
    name="postfix",
    table={**_LAW, **rows([Stage.HELO], [HARD], _BOUNCE, law="seen: a refused HELO is a refused message")},
    statuses={"nxdomain": "5.4.4", "null-mx": "5.1.0"},
)

EXIM = replace(
    RFC5321,
    name="exim",
    table=_UNAWARE,
    loop=_LATER,
    address_as_exchanger="refuse",
    most_addresses=0,
)

SENDMAIL = replace(
    RFC5321,
    name="sendmail",
    table={
        **_LAW,
        **rows([Stage.GREETING], [OWN_NAME], _NEXT, law="seen: skips a host that greets with its name"),
    },
    knows_its=("name",),
    most_addresses=0,
    statuses={"nxdomain": "5.1.2", "no-address": "5.1.2", "no-exchanger": "5.1.2"},
)

OPENSMTPD = replace(
    RFC5321,
    name="opensmtpd",
    table={
        **_UNAWARE,
        **rows(TRANSACTION, (SOFT, *LOST), _LATER, law="seen: queued at once, the next exchanger is not tried"),
    },
    null_mx=_LATER,
    no_address=_LATER,
    no_exchanger=_LATER,
    knows_its=("name",),
    equals="keep",
    most_addresses=0,
)

CHASQUID = replace(
    RFC5321,
    name="chasquid",
    table=_UNAWARE,
    null_mx=_LATER,
    no_domain=_LATER,
    no_address=_LATER,
    no_exchanger=_LATER,
    itself="skip",
    address_as_exchanger="refuse",
)

HARAKA = replace(
    RFC5321,
    name="haraka",
    table={
        **_UNAWARE,
        **rows([Stage.GREETING], [HARD], _BOUNCE, law="seen: a 554 greeting bounces the message"),
        **rows([Stage.GREETING, *TRANSACTION], [SOFT], _LATER, law="seen: queued at once"),
    },
    no_exchanger=_LATER,
    itself="skip",
    most_addresses=0,
)

POLICIES: Mapping[str, Policy] = {
    policy.name: policy for policy in (RFC5321, POSTFIX, EXIM, SENDMAIL, OPENSMTPD, CHASQUID, HARAKA)
}


def named_policy(name: str) -> Policy:
    """The policy of that name; WrongUse with the names there are."""
    if name not in POLICIES:
        raise WrongUse(f"there is no policy '{name}'", remedy=f"Choose one of: {', '.join(POLICIES)}.")
    return POLICIES[name]
