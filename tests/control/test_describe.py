"""Hosts in a few words."""

from __future__ import annotations

from lab.control.describe import about
from lab.names import Address, DomainName, EmailAddress
from lab.topology.plan import HostPlan, MailboxPlan, MailPlan, Plan, ZonePlan
from lab.wire.records import MX, NS, Record

ROOT_SERVER, NS_HOST, MAIL = (DomainName.parse(name) for name in ("a.root", "ns.be", "mail.be"))


def zone(origin: str, *records: Record) -> ZonePlan:
    return ZonePlan(DomainName.parse(origin), records, (NS_HOST,))


def described(host: HostPlan, *zones: ZonePlan) -> str:
    return about(host, Plan("small", (host,), {each.origin: each for each in zones}))


def test_a_root_server_is_known_by_what_it_delegates() -> None:
    delegations = [Record(DomainName.parse(name), 300, NS(NS_HOST)) for name in ("be", "ch", "in-addr.arpa")]
    host = HostPlan(ROOT_SERVER, (), zones=(DomainName("."),))
    assert described(host, zone(".", *delegations)) == "delegates be. ch."


def test_an_authority_is_known_by_its_exchangers() -> None:
    be = DomainName.parse("be")
    exchangers = [Record(be, 300, MX(5, MAIL)), Record(be, 300, MX(10, MAIL))]
    assert described(HostPlan(NS_HOST, (), zones=(be,)), zone("be", *exchangers)) == "2 MX"


def test_a_mail_host_is_known_by_its_mailboxes_and_whom_it_holds_mail_for() -> None:
    box = MailboxPlan(EmailAddress.parse("ed@be"))
    mail = MailPlan(mailboxes=(box,), backup_for=(DomainName.parse("ch"),))
    assert described(HostPlan(MAIL, (Address("198.18.0.1"),), mail=mail)) == "smtp · 1 mailbox · holds mail for ch"
