"""Who takes, keeps and forwards whose mail: the mail side of a draft.

The rule: a domain's mailboxes are at its home: the host that the file names, else the best MX that is not merely a
backup for it, else (no MX at all) the host of the domain's own name, as senders conclude too (RFC 5321 §5.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lab.names import BadName, DomainName, EmailAddress
from lab.topology import model
from lab.topology.draft import Draft, Organisation, Site
from lab.topology.gather import aliased, full_name
from lab.topology.plan import MailboxPlan, MailPlan
from lab.wire.records import MX

NO_ALIASES: Mapping[EmailAddress, tuple[EmailAddress, ...]] = {}
NO_SETTINGS: Mapping[str, str] = {}


def give_homes(draft: Draft) -> None:
    """Domains, people and aliases to their mail hosts."""
    for organisation in draft.organisations.values():
        home = _home(draft, organisation)
        if home is not None:
            organisation.home = home.name
            home.is_mail_host = True
            home.local_domains.append(organisation.domain)
            home.mailboxes.extend(_mailboxes(draft, organisation))
            home.aliases.update(_aliases(draft, organisation))
            home.aliases.update(_forwards(draft, organisation))


def exchangers(draft: Draft, organisation: Organisation) -> list[tuple[int, DomainName]]:
    """The domain's MX list, best first, in the order of the file among equals."""
    domain = organisation.domain
    found = [(mx.preference, full_name(mx.exchange, domain)) for mx in organisation.shape.mx]
    for record in draft.zone_of(domain).written.at(domain):
        if isinstance(record.data, MX):
            found.append((record.data.preference, record.data.exchange))
    return sorted(found, key=lambda pair: pair[0])


def _home(draft: Draft, organisation: Organisation) -> Site | None:
    domain, shape = organisation.domain, organisation.shape
    if shape.home is not None:
        return draft.sites.get(full_name(shape.home, domain))
    listed = exchangers(draft, organisation)
    if not listed:
        own = draft.sites.get(domain)
        return own if own is not None and (own.is_mail_host or shape.people) else None
    sites = (draft.sites.get(aliased(draft, exchange)) for _, exchange in listed)
    return next((site for site in sites if site is not None and not _only_backup(site, domain)), None)


def _only_backup(site: Site, domain: DomainName) -> bool:
    return site.shape.mail is not None and domain in site.shape.mail.backup_for


def _mailboxes(draft: Draft, organisation: Organisation) -> Iterator[MailboxPlan]:
    for local, person in organisation.shape.people.items():
        address = _mail_address(draft, local, organisation, "people")
        if address is not None:
            yield MailboxPlan(address, person.password, person.name, person.quota)


def _aliases(draft: Draft, organisation: Organisation) -> Iterator[tuple[EmailAddress, tuple[EmailAddress, ...]]]:
    for local, targets in organisation.shape.aliases.items():
        alias = _mail_address(draft, local, organisation, "aliases")
        read = (
            _mail_address(draft, target, organisation, "aliases", local, index)
            for index, target in enumerate(targets)
        )
        if alias is not None:
            yield alias, tuple(target for target in read if target is not None)


def _forwards(draft: Draft, organisation: Organisation) -> Iterator[tuple[EmailAddress, tuple[EmailAddress, ...]]]:
    """A forward is an alias of somebody's own address."""
    for local, person in organisation.shape.people.items():
        own = EmailAddress(f"{local}@{organisation.domain}".lower())
        read = (
            _mail_address(draft, target, organisation, "people", local, "forward", index)
            for index, target in enumerate(person.forward)
        )
        targets = tuple(target for target in read if target is not None)
        if targets:
            yield own, targets


def _mail_address(draft: Draft, text: str, organisation: Organisation, *path: str | int) -> EmailAddress | None:
    """`ed` alone is ed@ the domain it is written under."""
    try:
        address = EmailAddress.parse(text if "@" in text else f"{text}@{organisation.domain}")
    except BadName as error:
        inner = (*path, text) if len(path) == 1 else path
        draft.complain("T018", error.sentence, (*organisation.path, *inner), key=len(path) == 1)
        return None
    return address.folded


def mail_plan(draft: Draft, site: Site) -> MailPlan | None:
    if not site.is_mail_host:
        return None
    shape = site.shape.mail or draft.topology.mail
    general, stated = draft.topology.mail, shape.model_fields_set
    merged = {name: getattr(shape if name in stated else general, name) for name in model.Mail.model_fields}
    return MailPlan(
        local_domains=tuple(site.local_domains),
        mailboxes=tuple(site.mailboxes),
        aliases=site.aliases or NO_ALIASES,
        backup_for=tuple(merged["backup_for"]),
        relay_networks=tuple(merged["relay_networks"]),
        smarthost=merged["smarthost"],
        policy=merged["policy"],
        schedule=merged["schedule"],
        size_limit=merged["size_limit"],
        settings={**general.settings, **shape.settings} or NO_SETTINGS,
    )
