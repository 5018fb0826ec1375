"""Real software in a host's place, checked: whether it does the host's work, and whether it gets in another's way.

The rule: a program on a host that has no such job serves nobody, and two programs cannot listen at one port.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.topology.draft import Draft, Site
from lab.topology.software import SOFTWARE, Role

_WITHOUT = {
    Role.MAIL: ("takes no mail", "write at it  mail: true"),
    Role.MAILBOXES: ("keeps no mail", "write at it  mail: true"),
    Role.AUTHORITY: ("serves no zone", "name it in a domain's name_servers"),
    Role.RESOLVER: ("looks up no names", "list it under resolvers"),
}


def _jobs(site: Site) -> Iterator[Role]:
    if site.is_mail_host:
        yield from (Role.MAIL, Role.MAILBOXES)
    if site.zones:
        yield Role.AUTHORITY
    if site.resolver is not None:
        yield Role.RESOLVER


def _unfit(draft: Draft) -> None:
    for site in _foreign(draft):
        jobs = tuple(_jobs(site))
        for name in site.shape.software:
            roles = sorted(SOFTWARE[name])
            if not SOFTWARE[name].intersection(jobs):
                lacks, hint = _WITHOUT[roles[0]]
                fit = [other for other, does in SOFTWARE.items() if does.intersection(jobs)]
                hint = f"its work is one for {' or '.join(fit)}" if fit else hint
                sentence = f"{site.name} {lacks}, and {name} can only {' and '.join(roles)}"
                draft.complain("T061", sentence, _path(draft, site), token=name, hint=hint)


def _two_for_one(draft: Draft) -> None:
    for site in _foreign(draft):
        for role in _jobs(site):
            found = [name for name in dict.fromkeys(site.shape.software) if role in SOFTWARE[name]]
            if len(found) > 1:
                sentence = f"{' and '.join(found)} would both {role} at {site.name}"
                draft.complain("T062", sentence, _path(draft, site), token=found[1], hint="keep one of them")


def _half(draft: Draft) -> None:
    """Who receives and who hands out are two programs, and the lab's own does both at once or none."""
    for site in _foreign(draft):
        does = {role for name in site.shape.software for role in SOFTWARE[name]}
        if Role.MAILBOXES in does and Role.MAIL not in does and site.is_mail_host:
            sentence = f"{site.name} hands mail out with dovecot, and nothing beside it takes mail in"
            draft.complain(
                "T063", sentence, _path(draft, site), token="dovecot", hint="software: [postfix, dovecot]"
            )
        elif Role.MAIL in does and Role.MAILBOXES not in does and any(box.password for box in site.mailboxes):
            sentence = f"{site.name} has mailboxes, and nothing there speaks POP3 or IMAP"
            name = next(name for name in site.shape.software if Role.MAIL in SOFTWARE[name])
            hint = f"software: [{name}, dovecot]"
            draft.complain("T064", sentence, _path(draft, site), token=name, hint=hint, warning=True)


def _with_image(draft: Draft) -> None:
    for site in _foreign(draft):
        if site.shape.image or site.shape.command:
            sentence = f"{site.name} has software of the lab's choice and an image or command of your own"
            path = _path(draft, site)
            draft.complain("T065", sentence, path, token=site.shape.software[0], hint="keep one of the two")


def _foreign(draft: Draft) -> Iterator[Site]:
    return (site for site in draft.sites.values() if site.shape.software)


def _path(draft: Draft, site: Site) -> tuple[str | int, ...]:
    """Where `software:` stands: at the host, or at the registry whose name server it is."""
    path = site.path[:-1] if site.path and site.path[-1] == "address" else site.path
    return (*path, "software")


SOFTWARE_RULES = (_unfit, _two_for_one, _half, _with_image)
