"""The policies that a topology can choose by name: our own reading of RFC 5321, and six real mail agents.

The rule: `rfc5321` is what the law asks for, and where it is silent what Postfix does. The others reproduce what
their namesakes did under the same DNS and the same scripted receivers, in the cases of `tests/mail/data`; where a
setting of theirs says why, the row names it. "seen" is what was seen, and no manual tells.

    Postfix 3.7.11 · Exim 4.96 · sendmail 8.17.1.9 · OpenSMTPD 6.8.0p2 · chasquid 1.11 · Haraka 3.3.4
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lab.errors import WrongUse
from lab.events import Stage
from lab.mail.policy import HARD, LOST, OWN_NAME, SOFT, TRANSACTION, Follows, Policy, Table, rows

_THE_KERNELS = 127.0
"""Seconds after which a Linux kernel gives up on a connection: six SYNs more, the wait doubled each time."""

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
    table={
        **_LAW,
        **rows([Stage.HELO], [HARD], _BOUNCE, law="seen: a refused HELO is a refused message"),
        **rows([Stage.GREETING], [HARD], _NEXT, law="smtp_skip_5xx_greeting = yes: not the message's fault"),
    },
    null_beside_others="refuse",
    addresses="mixed",  # smtp_randomize_addresses
    most_sessions=2,  # smtp_mx_session_limit
    most_recipients=50,  # default_destination_recipient_limit
    sessions="warm",
    hops=50,
    statuses={"nxdomain": "5.4.4", "null-mx": "5.1.0"},
)

_EXIM_554 = rows([Stage.GREETING], [HARD], _NEXT, _BOUNCE, "seen: 554 from the last one too, and it is given up")

EXIM = replace(
    RFC5321,
    name="exim",
    table={**_UNAWARE, **_EXIM_554},
    loop=_LATER,
    address_as_exchanger="refuse",
    addresses="shuffled",
    last_word="last",
    past_most="next preference",  # hosts_max_try = 5, and what its description says of further MX values
    most_recipients=100,  # max_rcpt
    sessions="each",
    connect_limit=_THE_KERNELS,  # connect_timeout is 5 min
)

SENDMAIL = replace(
    RFC5321,
    name="sendmail",
    table={
        **_LAW,
        **_EXIM_554,
        **rows([Stage.GREETING], [OWN_NAME], _NEXT, _BOUNCE, "seen: skips a host that greets with its name"),
    },
    knows_its=("name",),
    last_word="last",
    most_addresses=0,
    most_recipients=100,  # r= of its mailers
    sessions="each",
    connect_limit=_THE_KERNELS,  # Timeout.connect is none
    hops=25,
    statuses={
        "nxdomain": "5.1.2",
        "no-address": "5.1.2",
        "no-exchanger": "5.1.2",
        "mx-unknown": "4.0.0",
        OWN_NAME: "5.3.5",
    },
)

OPENSMTPD = replace(
    RFC5321,
    name="opensmtpd",
    table={
        **_UNAWARE,
        **rows([Stage.HELO], [HARD], _NEXT, law="seen: to the next, and when there is none it is tried again"),
        **rows(TRANSACTION, (SOFT, *LOST), _LATER, law="seen: queued at once, the next exchanger is not tried"),
    },
    null_mx=_LATER,
    lost_alias=_LATER,
    no_address=_LATER,
    no_exchanger=_LATER,
    knows_its=("name",),  # as `relay backup mx NAME` has it
    equals="keep",
    most_addresses=0,
    sessions="idle",
    connect_limit=_THE_KERNELS,  # it has none: 135 s were seen
    hops=100,
)

CHASQUID = replace(
    RFC5321,
    name="chasquid",
    table={
        **_UNAWARE,
        **rows([Stage.HELO], [HARD], _NEXT, law="seen: to the next, and when there is none it is tried again"),
    },
    null_mx=_LATER,
    no_domain=_LATER,
    lost_alias=_LATER,
    no_address=_LATER,
    no_exchanger=_LATER,
    itself="skip",
    address_as_exchanger="refuse",
    most_addresses=0,
    most_exchangers=5,
    most_recipients=1,
    sessions="each",
    connect_limit=60.0,
    hops=50,
)

HARAKA = replace(
    RFC5321,
    name="haraka",
    table={
        **_UNAWARE,
        **rows([Stage.GREETING, Stage.HELO], [HARD], _BOUNCE, law="seen: a 5xx bounces, whatever it answers"),
        **rows([Stage.GREETING, Stage.HELO, *TRANSACTION], [SOFT], _LATER, law="seen: queued at once"),
    },
    no_exchanger=_LATER,
    loop=_LATER,
    itself="skip",
    null_beside_others="itself",
    most_addresses=0,
    sessions="each",
    hops=100,
)

POLICIES: Mapping[str, Policy] = {
    policy.name: policy for policy in (RFC5321, POSTFIX, EXIM, SENDMAIL, OPENSMTPD, CHASQUID, HARAKA)
}


def named_policy(name: str) -> Policy:
    """The policy of that name; WrongUse with the names there are."""
    if name not in POLICIES:
        raise WrongUse(f"there is no policy '{name}'", remedy=f"Choose one of: {', '.join(POLICIES)}.")
    return POLICIES[name]
