"""A fault that a host cannot have is refused, with the reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lab.errors import WrongUse
from lab.faults import fault_of
from lab.names import Address, DomainName
from lab.topology.fitting import misfit, require_fit, require_slowable
from lab.topology.plan import HostPlan, Link, MailPlan, ResolverPlan

NAME, ZONE = DomainName("host.belgiannews.com"), DomainName("belgiannews.com")


def host(**what: object) -> HostPlan:
    return HostPlan(NAME, (Address("198.18.0.9"),), **what)  # type: ignore[arg-type]


CLIENT = host()
MAIL = host(mail=MailPlan())
NAMES = host(zones=(ZONE, DomainName("com")))
RESOLVER = host(resolver=ResolverPlan(()))
BOTH = host(resolver=ResolverPlan(()), zones=(ZONE,))
POSTFIX = host(mail=MailPlan(), software=("postfix",), zones=(ZONE,))
BIND = host(resolver=ResolverPlan(()), software=("bind",), zones=(ZONE,), mail=MailPlan())
DOVECOT = host(mail=MailPlan(), software=("dovecot",))
OWN = host(image="mine:1", mail=MailPlan())


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        *((plan, word) for plan in (CLIENT, POSTFIX, OWN) for word in ("down", "unreachable", "silent", "paused")),
        (CLIENT, "disk-full"),
        (MAIL, "stall at data"),
        (MAIL, "hide STARTTLS"),
        (MAIL, "refuse pop3 at login"),
        (POSTFIX, "stall imap at fetch"),
        (NAMES, "servfail"),
        (NAMES, "lame for www.belgiannews.com"),
        (NAMES, "wrong-glue for belgiannews.com"),
        (NAMES, "no-tcp"),
        (RESOLVER, "refused for unige.ch"),
        (RESOLVER, "slow 5s"),
        (BOTH, "timeout for unige.ch"),
        (BOTH, "lame"),
        (POSTFIX, "servfail for belgiannews.com"),
        (BIND, "reset at dot"),
    ],
)
def test_a_fault_fits_where_a_server_of_the_lab_commits_it(plan: HostPlan, words: str) -> None:
    assert misfit(plan, fault_of(words)) == ""


@pytest.mark.parametrize(
    ("plan", "words", "reason"),
    [
        (CLIENT, "stall at data", "it takes no mail in"),
        (NAMES, "hide STARTTLS", "it takes no mail in"),
        (MAIL, "servfail", "it answers no questions about names"),
        (MAIL, "no-tcp", "it answers no questions about names"),
        (RESOLVER, "lame", "it serves no zone"),
        (NAMES, "servfail for unige.ch", "it serves no zone with unige.ch in it"),
        (BOTH, "wrong-glue for unige.ch", "it serves no zone with unige.ch in it"),
        (POSTFIX, "reply 451 at rcpt", "postfix is real software, and answers as it will"),
        (POSTFIX, "disk-full", "the disk of postfix is its own, and the lab cannot fill it"),
        (POSTFIX, "clock +10m", "postfix goes by the machine's clock"),
        (
            POSTFIX,
            "chance 20% silent",
            "postfix speaks through its machine's kernel, which leaves nothing to chance",
        ),
        (NAMES, "refuse pop3 at login", "it keeps no mailboxes"),
        (DOVECOT, "refuse pop3 at login", "dovecot is real software, and answers as it will"),
        (BIND, "servfail", "bind is real software, and answers as it will"),
        (OWN, "reset at dot", "mine:1 runs there, and answers as it will"),
        (OWN, "no-tcp", "mine:1 runs there, and answers as it will"),
    ],
)
def test_a_fault_that_would_change_nothing_is_refused(plan: HostPlan, words: str, reason: str) -> None:
    assert misfit(plan, fault_of(words)) == reason
    with pytest.raises(WrongUse, match="cannot have the fault"):
        require_fit(plan, fault_of(words))


@pytest.mark.parametrize("other", ["mail.here.test", "here.test", "*"])
def test_a_line_is_not_slow_where_nobody_at_it_asks_the_lab(other: str) -> None:
    real = [
        replace(POSTFIX, name=DomainName(f"{name}.here.test"), organisation="here.test") for name in ("mail", "b")
    ]
    slow, lossy = Link(latency=timedelta(seconds=1)), Link(loss=0.5)
    with pytest.raises(WrongUse, match="cannot be slow"):
        require_slowable(real, "b.here.test", other, slow)
    require_slowable(real, "b.here.test", other, lossy)
    require_slowable([*real, replace(MAIL, organisation="here.test")], "b.here.test", "*", slow)
