"""Who takes whose mail, checked: exchangers, backups, mailboxes, loops.

The rule: each question is put as a sender would put it, who knows nothing but the MX list (RFC 5321 §5.1).
"""

from __future__ import annotations

from lab.names import DomainName, EmailAddress
from lab.topology.draft import Draft, Organisation, Site
from lab.topology.gather import aliased, full_name, is_address
from lab.topology.lint_names import meant, name_checks
from lab.topology.postal import exchangers
from lab.topology.shorthand import closest
from lab.topology.source import Path


def _exchanger_names(draft: Draft) -> None:
    for organisation in draft.organisations.values():
        for index, mx in enumerate(organisation.shape.mx):
            exchange = full_name(mx.exchange, organisation.domain)
            path = (*organisation.path, "mx", index, "exchange")
            name_checks(draft, exchange, "MX", organisation.domain, path)
        listed = organisation.shape.mx
        if len(listed) > 1 and (null := [i for i, mx in enumerate(listed) if mx.exchange.is_root]):
            sentence = f"{organisation.domain} takes no mail (a null MX), and has other exchangers too"
            hint = "keep one of the two: 'mx: none', or a list of hosts"
            draft.complain("T026", sentence, (*organisation.path, "mx", null[0]), hint=hint)


def _mailboxes(draft: Draft) -> None:
    """People whose mail finds no host."""
    for organisation in draft.organisations.values():
        people = organisation.shape.people or organisation.shape.aliases
        if not people or organisation.home is not None:
            continue
        first, domain = next(iter(people)), organisation.domain
        where = "people" if organisation.shape.people else "aliases"
        if exchangers(draft, organisation):
            sentence, hint = (
                f"no exchanger of {domain} keeps mail for {first}@{domain}",
                _whose_home(draft, domain),
            )
        else:
            hint = f"give the domain an MX:  mx: [10 mail.{domain}]"
            sentence = f"{first}@{domain} has a mailbox, and {domain} no mail host"
        draft.complain("T040", sentence, (*organisation.path, where, first), key=True, hint=hint)


def _whose_home(draft: Draft, domain: DomainName) -> str:
    holds = any(domain in _backups(draft, site) for site in draft.sites.values())
    return f"all of them hold it as a backup only; one has to be its home: mail.{domain}" if holds else ""


def _holding(draft: Draft) -> None:
    """Hosts in an MX list that refuse the domain's mail."""
    for organisation in draft.organisations.values():
        home = draft.sites.get(organisation.home) if organisation.home else None
        for exchange in _exchanges(draft, organisation):
            site = draft.sites.get(aliased(draft, exchange))
            if site is None or site is home or organisation.domain in _backups(draft, site):
                continue
            if site.shape.image or site.shape.command:
                continue  # what software of the user's own takes is not for the lab to know
            if organisation.home is None or meant(draft, organisation.zone, exchange) is not None:
                continue
            hint = f"at {site.name} write  mail: {{backup_for: [{organisation.domain}]}}"
            sentence = f"{site.name} is an exchanger of {organisation.domain}, and refuses its mail"
            path = _mx_path(organisation, exchange)
            draft.complain("T041", sentence, path, token=str(exchange), hint=hint, warning=True)


def _equal_best(draft: Draft) -> None:
    for organisation in draft.organisations.values():
        listed = exchangers(draft, organisation)
        best = [name for preference, name in listed if preference == listed[0][0]]
        home = organisation.home
        for exchange in best:
            if home is not None and home in best and exchange != home and exchange in draft.sites:
                sentence = f"{exchange} is as good as {home}, and only {home} has the mailboxes"
                path, hint = _mx_path(organisation, exchange), "give it a higher number"
                draft.complain("T043", sentence, path, token=str(exchange), hint=hint, warning=True)


def _backup_uses(draft: Draft) -> None:
    """Domains that are held for nobody, and ones that there are not."""
    for site in draft.sites.values():
        for index, domain in enumerate(_backups(draft, site)):
            path = (*site.path, "mail", "backup_for", index)
            organisation = draft.organisations.get(domain)
            if organisation is None:
                hint = closest(domain, list(map(str, draft.organisations)))
                draft.complain("T013", f"there is no domain {domain} in this lab", path, hint=hint)
            elif not _reached(draft, site, organisation):
                sentence = f"{site.name} would hold mail for {domain}, and no MX of {domain} leads there"
                hint = f"add to {domain}  mx: [20 {site.name}]"
                draft.complain("T045", sentence, path, hint=hint, warning=True)


def _reached(draft: Draft, site: Site, organisation: Organisation) -> bool:
    """Whether the domain's mail comes by this host: through an MX, or because another host sends all of its."""
    listed = [aliased(draft, exchange) for exchange in _exchanges(draft, organisation)]
    return site.name in listed or site.name in [_smarthost(draft, other) for other in draft.sites.values()]


def _loops(draft: Draft) -> None:
    """Follow a message for each domain from each of its exchangers, host by host."""
    for organisation in draft.organisations.values():
        if organisation.shape.people and organisation.home is None:
            continue
        for exchange in _exchanges(draft, organisation):
            way = _way(draft, organisation, aliased(draft, exchange))
            if way is not None and not _beside_home(draft, organisation, way):
                sentence = _round(organisation.domain, way)
                path, hint = _mx_path(organisation, exchange), "let one of the hosts keep it, or name its 'home:'"
                draft.complain("T042", sentence, path, token=str(exchange), hint=hint)
                break


def _round(domain: DomainName, way: list[DomainName]) -> str:
    if len(way) == 2:
        return f"{way[0]} holds mail for a better exchanger of {domain}, and there is none"
    return f"mail for {domain} goes round: {' → '.join(way)}"


def _beside_home(draft: Draft, organisation: Organisation, way: list[DomainName]) -> bool:
    """A host that finds itself at the top, beside the one with the mailboxes: told as T043."""
    listed = exchangers(draft, organisation)
    return len(way) == 2 and organisation.home in [name for rank, name in listed if rank == listed[0][0]]


def _way(draft: Draft, organisation: Organisation, start: DomainName) -> list[DomainName] | None:
    """The hosts on a way that comes back to where it was; None when it ends."""
    way, name = [start], _next(draft, organisation, start)
    while name is not None and name not in way:
        way.append(name)
        name = _next(draft, organisation, name)
    return None if name is None else [*way, name]


def _next(draft: Draft, organisation: Organisation, name: DomainName) -> DomainName | None:
    """Where a host sends the domain's mail that it holds; itself when it stands at the top of the list."""
    site = draft.sites.get(name)
    if site is None or name == organisation.home or organisation.domain not in _backups(draft, site):
        return None
    smarthost = _smarthost(draft, site)
    if smarthost is not None:
        return smarthost
    listed = [(preference, aliased(draft, exchange)) for preference, exchange in exchangers(draft, organisation)]
    own = min((preference for preference, exchange in listed if exchange == name), default=65536)
    return next((exchange for preference, exchange in listed if preference < own), name if own < 65536 else None)


def _aliases(draft: Draft) -> None:
    """Aliases that hide people, and those that lead back to themselves."""
    every = {alias: targets for site in draft.sites.values() for alias, targets in site.aliases.items()}
    for organisation in draft.organisations.values():
        for local in organisation.shape.aliases:
            path = (*organisation.path, "aliases", local)
            alias = EmailAddress(f"{local}@{organisation.domain}".lower())
            if local in organisation.shape.people:
                sentence = f"{alias} is a person and an alias"
                draft.complain("T046", sentence, path, key=True, hint="rename one of the two", warning=True)
            if _comes_back(alias, every):
                draft.complain("T042", f"mail for {alias} comes back to it, from alias to alias", path, key=True)
        for local in (local for local, person in organisation.shape.people.items() if person.forward):
            own = EmailAddress(f"{local}@{organisation.domain}".lower())
            others = tuple(target for target in every.get(own, ()) if target != own)
            if _comes_back(own, {**every, own: others}):
                path = (*organisation.path, "people", local, "forward")
                draft.complain("T042", f"mail for {own} comes back to it, from forward to forward", path)


def _comes_back(alias: EmailAddress, every: dict[EmailAddress, tuple[EmailAddress, ...]]) -> bool:
    seen: dict[EmailAddress, None] = {}
    ahead = list(every.get(alias, ()))
    while ahead:
        target = ahead.pop()
        if target == alias:
            return True
        if target not in seen:
            seen[target] = None
            ahead.extend(every.get(target, ()))
    return False


def _exchanges(draft: Draft, organisation: Organisation) -> list[DomainName]:
    listed = (exchange for _, exchange in exchangers(draft, organisation))
    return [exchange for exchange in listed if not is_address(exchange) and not exchange.is_root]


def _smarthost(draft: Draft, site: Site) -> DomainName | None:
    mail = site.shape.mail or draft.topology.mail
    return full_name(mail.smarthost, DomainName(site.place)) if mail.smarthost is not None else None


def _backups(draft: Draft, site: Site) -> list[DomainName]:
    return site.shape.mail.backup_for if site.shape.mail is not None else []


def _mx_path(organisation: Organisation, exchange: DomainName) -> Path:
    for index, mx in enumerate(organisation.shape.mx):
        if full_name(mx.exchange, organisation.domain) == exchange:
            return (*organisation.path, "mx", index, "exchange")
    return organisation.path


MAIL_RULES = (_exchanger_names, _mailboxes, _holding, _equal_best, _backup_uses, _loops, _aliases)
