import pytest

from lab.mail.relay import Deliver, Hold, Refuse, Relay, Verdict, decide, place_of
from lab.names import Address, DomainName, EmailAddress
from lab.topology.plan import MailPlan

HERE = Address("198.18.4.25")
STRANGER = Address("198.18.9.9")
BOXES = {EmailAddress("ed@eunet.be"), EmailAddress("zoe@shop.be")}
PLAN = MailPlan(
    local_domains=(DomainName("eunet.be"), DomainName("shop.be")),
    aliases={EmailAddress("Info@eunet.be"): (EmailAddress("ed@eunet.be"),)},
    backup_for=(DomainName("belgiannews.com"),),
    relay_networks=("198.18.4.0/24", "2001:db8::/32"),
)


def verdict(to: str, client: str | None = STRANGER, authenticated: bool = False, plan: MailPlan = PLAN) -> Verdict:
    place = place_of(DomainName("relay.eunet.be"), (HERE,), plan)
    peer = None if client is None else Address(client)
    return decide(EmailAddress.parse(to), peer, authenticated, place, BOXES)


@pytest.mark.parametrize(
    ("to", "mailbox"),
    [
        ("ed@eunet.be", "ed@eunet.be"),
        ("ED@EUnet.be", "ed@eunet.be"),
        ('"ed"@eunet.be', "ed@eunet.be"),
        ("zoe@shop.be", "zoe@shop.be"),
        ("info@eunet.be", "info@eunet.be"),
        ("ed@[198.18.4.25]", "ed@eunet.be"),
        ("Postmaster@shop.be", "postmaster@shop.be"),
        ("postmaster@relay.eunet.be", "postmaster@eunet.be"),
        ("postmaster@[198.18.4.25]", "postmaster@eunet.be"),
        ("abuse@eunet.be", "abuse@eunet.be"),
    ],
)
def test_what_is_local_is_delivered(to: str, mailbox: str) -> None:
    assert verdict(to) == Deliver(EmailAddress(mailbox))


@pytest.mark.parametrize("to", ["no@eunet.be", "ed@shop.be", "no@[198.18.4.25]", "ed%unige.ch@eunet.be"])
def test_unknown_local_user_is_refused_at_once(to: str) -> None:
    answer = verdict(to)
    assert isinstance(answer, Refuse)
    assert (answer.code, answer.status) == (550, "5.1.1")


def test_unknown_user_is_taken_where_the_host_is_told_to_bounce_later() -> None:
    plan = MailPlan(local_domains=PLAN.local_domains, settings={"accept_unknown": "yes"})
    assert verdict("no@eunet.be", plan=plan) == Deliver(EmailAddress("no@eunet.be"))


def test_backup_knows_no_users() -> None:
    assert verdict("whoever@belgiannews.com") == Hold(DomainName("belgiannews.com"))


def test_backup_does_not_hold_for_domains_below() -> None:
    assert isinstance(verdict("ed@sub.belgiannews.com"), Refuse)


@pytest.mark.parametrize("to", ["ann@unige.ch", "ed@relay.eunet.be", "ann@[198.18.3.25]", '"ann@unige.ch"@x.org'])
def test_stranger_cannot_relay(to: str) -> None:
    answer = verdict(to)
    assert isinstance(answer, Refuse)
    assert (answer.code, answer.status) == (550, "5.7.1")


@pytest.mark.parametrize("client", [None, HERE, "198.18.4.77", "2001:db8::9"])
def test_host_itself_and_its_networks_may_relay(client: str | None) -> None:
    assert verdict("ann@unige.ch", client) == Relay()


def test_loopback_is_a_stranger() -> None:
    assert isinstance(verdict("ann@unige.ch", "127.0.0.1"), Refuse)


def test_who_is_authenticated_may_relay() -> None:
    assert verdict("ann@unige.ch", STRANGER, authenticated=True) == Relay()


def test_every_refusal_names_its_law() -> None:
    assert all(isinstance(no := verdict(to), Refuse) and no.law for to in ("no@eunet.be", "ann@unige.ch"))
