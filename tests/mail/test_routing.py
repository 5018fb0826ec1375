"""The rules M1–M9 of finding exchangers, one by one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from lab.events import Failure, Stage
from lab.mail import routing
from lab.mail.policies import RFC5321
from lab.mail.policy import Follows
from lab.mail.routing import Exchanger, Exchangers, Identity, Verdict, exchangers
from lab.mail.walk import Ask, Attempt, Deferred, GivenUp, Walk
from lab.names import Address, DomainName
from lab.wire.records import MX, A, Answer, Record

B, ME = DomainName("b.com"), Identity(DomainName("relay.eunet.be"), (Address("198.18.4.25"),))


def mx(*records: tuple[int, str], rcode: str = "NOERROR", canonical: str = "b.com") -> Answer:
    found = tuple(Record(B, 300, MX(number, DomainName(name))) for number, name in records)
    return Answer(B, "MX", rcode, found, DomainName(canonical))


def route(*records: tuple[int, str], seed: int = 1) -> Exchangers | Verdict:
    return exchangers(mx(*records), ME, RFC5321, lambda: Random(seed))


def names(found: Exchangers | Verdict) -> list[str]:
    assert isinstance(found, Exchangers)
    return [one.name for one in found.found]


def test_lower_preference_is_tried_first() -> None:
    assert names(route((20, "c.com"), (5, "z.com"), (10, "a.com"))) == ["z.com", "a.com", "c.com"]


def test_equal_preferences_come_in_an_order_of_chance() -> None:
    orders = {tuple(names(route((5, "a.com"), (5, "c.com"), (9, "z.com"), seed=seed))) for seed in range(20)}
    assert orders == {("a.com", "c.com", "z.com"), ("c.com", "a.com", "z.com")}


def test_without_mx_the_domain_is_its_own_exchanger() -> None:
    assert route() == Exchangers("implicit-mx", (Exchanger(0, "b.com"),))


def test_without_mx_an_alias_leads_to_its_end() -> None:
    assert names(exchangers(mx(canonical="w.c.com"), ME, RFC5321, lambda: Random(1))) == ["w.c.com"]


@pytest.mark.parametrize(
    ("rcode", "follows", "status"),
    [
        ("NXDOMAIN", Follows.BOUNCE, "5.1.2"),
        ("SERVFAIL", Follows.LATER, "4.4.3"),
        ("TIMEOUT", Follows.LATER, "4.4.3"),
    ],
)
def test_an_mx_that_cannot_be_had_is_never_implied(rcode: str, follows: Follows, status: str) -> None:
    verdict = exchangers(mx(rcode=rcode), ME, RFC5321, lambda: Random(1))
    assert isinstance(verdict, Verdict)
    assert (verdict.follows, verdict.status) == (follows, status)


def test_a_lone_dot_says_that_the_domain_takes_no_mail() -> None:
    verdict = route((0, "."))
    assert isinstance(verdict, Verdict)
    assert (verdict.rule, verdict.status) == ("null-mx", "5.1.10")


def test_a_dot_among_others_is_no_host() -> None:
    found = route((0, "."), (5, "a.com"))
    assert names(found) == ["a.com"]
    assert found.left_out == ("0 .: no host (RFC 7505 §3)",)


def test_a_backup_leaves_out_itself_and_all_that_are_no_better() -> None:
    found = route((5, "a.com"), (10, "relay.eunet.be"), (10, "c.com"), (20, "z.com"))
    assert names(found) == ["a.com"]
    assert set(found.left_out) == {
        "10 relay.eunet.be: itself",
        "10 c.com: no better than itself (RFC 5321 §5.1)",
        "20 z.com: no better than itself (RFC 5321 §5.1)",
    }


def test_the_best_exchanger_does_not_send_to_itself() -> None:
    verdict = route((5, "relay.eunet.be"), (10, "c.com"))
    assert isinstance(verdict, Verdict)
    assert (verdict.rule, verdict.follows, verdict.status) == ("loop", Follows.BOUNCE, "5.4.6")


def test_an_exchanger_that_is_an_address_is_followed_by_default_and_refused_by_others() -> None:
    assert route((5, "198.18.1.1")) == Exchangers("mx", (Exchanger(5, "198.18.1.1", Address("198.18.1.1")),))
    strict = replace(RFC5321, address_as_exchanger="refuse")
    assert isinstance(exchangers(mx((5, "198.18.1.1")), ME, strict, lambda: Random(1)), Verdict)


# -- the walk ------------------------------------------------------------------------------------------------


def a(name: str, *addresses: str, rcode: str = "NOERROR", canonical: str = "") -> Answer:
    records = tuple(Record(DomainName(name), 300, A(Address(one))) for one in addresses)
    return Answer(DomainName(name), "A", rcode, records, DomainName(canonical or name))


def walk(*answers: Answer, policy: object = RFC5321) -> Walk:
    """A walk that was told these answers, each when it asked."""
    one = Walk(B, [0], ME, RFC5321 if policy is RFC5321 else policy, lambda: Random(1))  # type: ignore[arg-type]
    known = {(answer.name, answer.type): answer for answer in answers}
    while isinstance(step := one.next(), Ask):
        one.learn(known[step.name, step.type])
    return one


def test_every_address_of_an_exchanger_comes_before_the_next_exchanger() -> None:
    one = walk(mx((5, "a.com"), (9, "c.com")), a("a.com", "198.18.1.1", "198.18.1.2"), a("c.com", "198.18.1.3"))
    assert one.failed(Stage.CONNECT, Failure.REFUSED).follows is Follows.NEXT_ADDRESS
    assert one.next() == Attempt("a.com", Address("198.18.1.2"), 5)
    assert one.failed(Stage.CONNECT, Failure.REFUSED).follows is Follows.NEXT_EXCHANGER
    assert one.next() == Ask(DomainName("c.com"), "A")


def test_names_are_asked_for_only_when_they_are_needed() -> None:
    one = walk(mx((5, "a.com"), (9, "c.com")), a("a.com", "198.18.1.1"))
    assert one.next() == Attempt("a.com", Address("198.18.1.1"), 5)


def test_itself_under_another_name_is_known_by_its_address() -> None:
    one = walk(mx((5, "alias.com"), (9, "c.com")), a("alias.com", "198.18.4.25"))
    assert one.next() is None
    assert isinstance(one.outcomes[0], GivenUp)
    assert one.outcomes[0].reason.status == "5.4.6"


def test_itself_behind_a_host_that_is_down_makes_the_mail_wait() -> None:
    one = walk(mx((5, "a.com"), (9, "alias.com")), a("a.com", "198.18.1.1"))
    one.failed(Stage.CONNECT, Failure.REFUSED)
    one.learn(a("alias.com", "198.18.4.25"))
    assert one.next() is None
    assert isinstance(one.outcomes[0], Deferred)


def test_an_alias_is_followed_unless_the_policy_is_strict() -> None:
    answers = (mx((5, "a.com")), a("a.com", "198.18.1.1", canonical="real.com"))
    assert isinstance(walk(*answers).next(), Attempt)
    strict = walk(*answers, policy=replace(RFC5321, alias_as_exchanger="refuse"))
    assert strict.left_out == ("5 a.com: an alias (RFC 2181 §10.3)",)


def test_an_exchanger_whose_address_is_unknown_for_now_keeps_the_mail_alive() -> None:
    one = walk(mx((5, "a.com"), (9, "c.com")), a("a.com", rcode="SERVFAIL"), a("c.com", rcode="NXDOMAIN"))
    assert isinstance(one.outcomes[0], Deferred)
    assert one.outcomes[0].reason.status == "4.4.3"


def test_an_implicit_mx_without_an_address_is_given_up() -> None:
    one = walk(mx(), a("b.com"))
    assert isinstance(one.outcomes[0], GivenUp)
    assert one.outcomes[0].reason.row == "rfc5321/no-address"


def test_no_more_addresses_are_tried_than_the_policy_allows() -> None:
    many = [f"198.18.1.{number}" for number in range(9)]
    one = walk(mx((5, "a.com")), a("a.com", *many))
    tried = 0
    while isinstance(one.next(), Attempt):
        last = one.failed(Stage.CONNECT, Failure.TIMED_OUT)
        tried += 1
    assert (tried, last.follows) == (5, Follows.LATER)


def test_a_smarthost_without_an_address_is_this_hosts_own_mistake() -> None:
    one = Walk(routing.smarthost(DomainName("smart.be")), [0], ME, RFC5321, lambda: Random(1))
    one.learn(a("smart.be", rcode="NXDOMAIN"))
    assert one.next() is None
    assert isinstance(one.outcomes[0], Deferred)


def test_an_address_literal_needs_no_question() -> None:
    one = Walk(routing.literal(Address("198.18.1.1")), [0], ME, RFC5321, lambda: Random(1))
    assert one.next() == Attempt("[198.18.1.1]", Address("198.18.1.1"), 0)
