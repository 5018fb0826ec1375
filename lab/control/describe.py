"""A host in a few words: what `lab up` and `lab status` say of it, from its plan.

The rule: nothing is asked of the host itself, so that a lab of 100,000 hosts can be described without waking one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

from lab.internet import STUDENT
from lab.names import DomainName
from lab.topology.plan import HostPlan, MailPlan, Plan, ZonePlan

_SHOWN = 40
"""Hosts that `lab up` shows of a larger lab."""
_FEW = 6
"""Delegations, or domains, that are named before "and more" is said."""


def about(host: HostPlan, plan: Plan) -> str:
    """What it does, in the words of its postmaster: "delegates be. ch. com.", "smtp · 1 mailbox"."""
    if host.name == STUDENT:
        return "you are here"
    return " · ".join(
        [
            *_names(host, plan),
            *_resolver(host),
            *(_mail(host.mail, host.software) if host.mail else ()),
            *_foreign(host),
        ]
    )


def _foreign(host: HostPlan) -> Iterator[str]:
    """The software that is not the lab's."""
    if host.software:
        yield "by " + " and ".join(host.software)
    elif host.image or host.command:
        yield f"by {host.image or host.command[0]}"


def row(host: HostPlan, plan: Plan, state: str = "up") -> dict[str, Any]:
    return {
        "name": host.name,
        "address": host.addresses[0] if host.addresses else "",
        "runs": list(host.roles),
        "state": state,
        "organisation": host.organisation,
        "about": about(host, plan),
    }


def first_hosts(plan: Plan) -> list[HostPlan]:
    """Those that `lab up` shows: all of a small lab; of a large one whole organisations, the first in the file."""
    if len(plan.hosts) <= _SHOWN:
        return list(plan.hosts)
    organisations = frozenset(islice(dict.fromkeys(host.organisation for host in plan.hosts), _SHOWN // 4))
    return [host for host in plan.hosts if host.organisation in organisations][:_SHOWN]


def people(plan: Plan) -> list[str]:
    """Two of the lab's people who live on different hosts (or one, or none): who could write to whom."""
    boxes = (host.mail.mailboxes for host in plan.hosts if host.mail and host.mail.mailboxes)
    return [str(mailboxes[0].address) for mailboxes in islice(boxes, 2)]


def _names(host: HostPlan, plan: Plan) -> Iterator[str]:
    zones = [plan.zones[origin] for origin in islice(host.zones, _FEW)]
    delegated = [name for zone in zones for name in _delegations(zone)]
    if delegated:
        yield f"delegates {_some(name.fqdn for name in delegated)}"
    exchangers = sum(record.type == "MX" for zone in zones for record in islice(zone.records, 10_000))
    if exchangers:
        yield f"{exchangers} MX"
    elif host.zones and not delegated:
        yield f"{_count(len(host.zones), 'zone')}"


def _delegations(zone: ZonePlan) -> list[DomainName]:
    """The names that the zone hands to other servers; reverse zones are left out."""
    found = dict.fromkeys(record.name for record in islice(zone.records, 10_000) if record.type == "NS")
    return [name for name in found if name != zone.origin and not name.endswith("arpa")]


def _resolver(host: HostPlan) -> Iterator[str]:
    if host.resolver is not None and host.resolver.forwards_to:
        yield f"asks {_some(host.resolver.forwards_to)}"


def _mail(mail: MailPlan, software: tuple[str, ...]) -> Iterator[str]:
    yield _services(software) if mail.local_domains else "smtp"
    if mail.mailboxes:
        yield _count(len(mail.mailboxes), "mailbox", "mailboxes")
    if mail.backup_for:
        yield f"holds mail for {_some(mail.backup_for)}"
    if mail.smarthost:
        yield f"hands everything to {mail.smarthost}"


def _services(software: tuple[str, ...]) -> str:
    """OpenSMTPD takes no logins here (`foreign.config.opensmtpd`); without Dovecot nobody hands mail out."""
    if software and "dovecot" not in software:
        return "smtp"
    return "smtp pop3 imap" if "opensmtpd" in software else "smtp pop3 imap submission"


def _some(words: Iterable[str]) -> str:
    all_of_them = list(words)
    more = len(all_of_them) - _FEW
    return " ".join(all_of_them[:_FEW]) + (f" and {more} more" if more > 0 else "")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def plan_form(host: HostPlan) -> dict[str, Any]:
    """A host's plan as JSON: what is not said in it is left out."""
    return {key: value for key, value in _plain(asdict(host)).items() if value not in ("", [], {}, None)}


def _plain(value: Any) -> Any:
    """Tuples as lists; times in seconds."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value
