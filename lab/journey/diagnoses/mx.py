"""Exchangers: why those that a domain names cannot be used, lead in a circle, or do not take its mail.

The rule: what routing made of the MX answer (`ExchangersFound`) is the evidence, and what the exchangers did in
the order in which it names them. RFC 5321 §5.1 (order, implicit MX, loops), §6.3 (hops), RFC 7505 (null MX).
"""

from __future__ import annotations

from lab.events import ExchangersFound, Stage
from lab.journey.case import Case, Trouble, Try
from lab.journey.diagnoses.model import Diagnosis, Found, Predicate
from lab.journey.model import State
from lab.log import Entry


def _route(case: Case, *rules: str) -> tuple[Entry, ExchangersFound] | None:
    """Routing's last word in the deciding try of a message that is not delivered, where it is one of these."""
    attempt = case.attempt
    if attempt is None or attempt.route is None or case.state is State.DELIVERED:
        return None
    event = attempt.route.event
    assert isinstance(event, ExchangersFound)
    return (attempt.route, event) if not rules or event.rule in rules else None


def _ruled(rule: str) -> Predicate:
    def applies(case: Case) -> Found | None:
        route = _route(case, rule)
        return Found({}, (route[0],)) if route else None

    return applies


def _left_out(reason: str) -> Predicate:
    """An exchanger is left out for that reason, in any try of a message that is still on its way or came back."""

    def applies(case: Case) -> Found | None:
        if case.state is State.DELIVERED:
            return None
        for leg in case.legs:
            for entry, one in _passed_over(leg.tries):
                if one.endswith(f": {reason}") or f": {reason} (" in one:
                    name = one.split(": ")[0].split(" ")[-1]
                    return Found({"exchanger": name, "zone": case.world.zone_of(name) or ""}, (entry,), (one,))
        return None

    return applies


def _passed_over(tries: tuple[Try, ...]) -> list[tuple[Entry, str]]:
    routes = [one.route for one in tries[-1:] if one.route is not None]
    return [(one, text) for one in routes for text in getattr(one.event, "left_out", ()) if one is not None]


def _own_rank(case: Case, host: str, n: int) -> str:
    """The preference of a host in the domain's MX list, by its name."""
    records = (one.split(" ") for one in case.world.said(case.last.destination, "MX", n))
    return next((rank for rank, name in records if name == host), "")


def _equals(case: Case) -> Found | None:
    """The host that found itself at the top shares its preference with another exchanger."""
    route = _route(case, "loop")
    if route is None:
        return None
    records = case.world.said(case.last.destination, "MX", route[0].n)
    rank = _own_rank(case, route[0].host, route[0].n)
    others = [
        one.split(" ")[1] for one in records if one.split(" ")[0] == rank and one.split(" ")[1] != case.last.host
    ]
    if not rank or not others:
        return None
    facts = {"other": others[0], "preference": rank, "further": str(int(rank) + 10)}
    return Found(facts, (route[0],), tuple(f"{case.last.destination} MX {one}" for one in records))


def _loop(case: Case) -> Found | None:
    route = _route(case, "loop")
    return Found({}, (route[0],), route[1].left_out) if route else None


def _hops(case: Case) -> Found | None:
    """It came by so often that a host refused to pass it on once more."""
    trouble = case.trouble
    if (
        case.state is not State.BOUNCED
        or trouble is None
        or trouble.status != "5.4.6"
        or trouble.stage is not Stage.EOM
    ):
        return None
    circle = list(dict.fromkeys(leg.host for leg in case.legs[-4:]))
    hops = 1 + sum(not leg.handed_in for leg in case.legs)
    return Found({"circle": " → ".join([*circle, circle[0]]), "hops": str(hops)}, (trouble.entry,))


def _implicit(case: Case) -> Found | None:
    route, trouble = _route(case, "implicit-mx"), case.trouble
    if route is None or trouble is None or trouble.stage is not Stage.CONNECT:
        return None
    facts = {"words": trouble.words, "address": trouble.address}
    return Found(facts, (route[0], trouble.entry))


def _no_smarthost(case: Case) -> Found | None:
    route = _route(case, "smarthost")
    if route is None or case.attempt is None or case.attempt.troubles:
        return None
    return Found({"smarthost": _smarthost(case)}, (route[0], *case.attempt.lookups("A", "AAAA")))


def _smarthost(case: Case) -> str:
    plan = case.world.host(case.last.host)
    return str(plan.mail.smarthost) if plan and plan.mail and plan.mail.smarthost else "its smarthost"


def _tried(case: Case) -> list[Trouble]:
    """The exchangers that could not be reached in the deciding try, one trouble each."""
    troubles = case.attempt.troubles if case.attempt else ()
    found = {one.exchanger: one for one in troubles if one.stage in (Stage.CONNECT, Stage.GREETING)}
    return list(found.values())


def _all_tried(case: Case) -> Found | None:
    route, tried = _route(case, "mx"), _tried(case)
    if route is None or not case.waits or len(tried) < 2 or len(tried) < len(route[1].exchangers):
        return None
    met = ", ".join(f"{one.exchanger} {one.words}" for one in tried)
    return Found({"met": met, "first": tried[0].exchanger}, tuple(one.entry for one in tried))


def _backup_refuses(case: Case) -> Found | None:
    """The preferred exchanger could not be had, and the next one does not take the domain's mail."""
    route, tried = _route(case, "mx"), _tried(case)
    troubles = case.attempt.troubles if case.attempt else ()
    refusal = next((one for one in troubles if one.follows == "bounce" and one.status == "5.7.1"), None)
    if route is None or refusal is None or refusal.stage is not Stage.RCPT or not tried:
        return None
    if tried[0].exchanger == refusal.exchanger or tried[0].entry.n > refusal.entry.n:
        return None
    facts = {"backup": refusal.exchanger, "exchanger": tried[0].exchanger, "reply": refusal.words}
    return Found(facts, (tried[0].entry, refusal.entry))


def _no_mail_server(case: Case) -> Found | None:
    """The exchanger is a host of the lab that was never meant to take mail."""
    trouble = case.trouble
    plan = case.world.host(trouble.exchanger) if trouble else None
    if trouble is None or case.state is State.DELIVERED or trouble.stage is not Stage.CONNECT or plan is None:
        return None
    if plan.mail is not None or plan.image or plan.command or case.world.broken(plan.name, trouble.entry.n):
        return None
    return Found({"exchanger": plan.name, "roles": " and ".join(plan.roles)}, (trouble.entry,))


DIAGNOSES: tuple[Diagnosis, ...] = (
    Diagnosis(
        "D201",
        "a null MX: the domain takes no mail",
        "{domain} says that it takes no mail: its only MX is '.'.",
        "a null MX means no mail, for good; nothing is tried",
        "RFC 7505 §3, §4.1",
        'Nothing is broken: ask for another address. To change it:  lab zone {domain} --remove "@ MX"',
        "A domain that only sends, or does nothing at all with mail, publishes one MX with preference 0 and "
        "the root as its host. Senders then tell the writer at once, in place of trying an address for days.",
        _ruled("null-mx"),
        ("lab dig {domain} MX", "lab explain null-mx"),
    ),
    Diagnosis(
        "D212",
        "two best exchangers, and only one keeps the mail",
        "{host} is as good an exchanger as {other}, and has no mailboxes: it has nobody to pass the mail to.",
        "a host passes mail only to exchangers that are better than itself, lest it go in a ring",
        "RFC 5321 §5.1",
        'lab zone {domain} --remove "@ MX {preference} {host}." --add "@ MX {further} {host}.", '
        "then  lab clock +10m{onward}",
        "Equal preferences share the load, so either may get a message, and each must be able to keep it. A "
        "backup needs a higher number than the host with the mailboxes: it then waits for that one.",
        _equals,
        ("lab dig {domain} MX", "lab explain mx-preference"),
    ),
    Diagnosis(
        "D202",
        "the best exchanger has nobody to pass the mail to",
        "{host} is itself the best exchanger of {domain}, but keeps no mailboxes for it: a loop.",
        "a host drops itself and all that are no better from the list; when nobody is left, it is an error",
        "RFC 5321 §5.1",
        "Let {host} keep the domain's mailboxes (`people:`, `home:`), or name a better exchanger{onward}",
        "A backup takes mail and looks for a better exchanger to pass it to. Where it finds itself at the "
        "top of the list, passing on would mean passing to itself, so it gives up at once, in place of going "
        "round for ever.",
        _loop,
        ("lab dig {domain} MX", "lab explain mail-loop"),
    ),
    Diagnosis(
        "D203",
        "a mail loop: too many hops",
        "It goes round, {circle}, and was refused after {hops} hosts: a mail loop.",
        "a message with too many Received lines has been going round, and is refused",
        "RFC 5321 §6.3",
        "Break the circle: one of these hosts has to keep the mail, or pass it elsewhere{onward}",
        "Each host adds a Received line at the top. One alone sees nothing wrong, it passes mail on as it "
        "was told; the number of lines gives the circle away. A hundred is a sensible limit; this lab takes "
        "thirty.",
        _hops,
        ("lab journey {id}", "lab explain mail-loop"),
    ),
    Diagnosis(
        "D204",
        "an MX names an address",
        "The MX of {domain} names an address, and {host} takes only hosts for exchangers.",
        "an MX names a host, never an address",
        "RFC 5321 §5.1, RFC 1035 §3.3.9",
        "Name the host in the MX of {domain}{onward}",
        "What looks like an address is a name to the DNS, of a top-level domain like '25', which does not "
        "exist. Some senders see what was meant and dial it, many give up.",
        _ruled("address-as-mx"),
        ("lab dig {domain} MX", "lab explain T021"),
    ),
    Diagnosis(
        "D205",
        "an MX names an alias",
        "The MX of {domain} names an alias, {exchanger}, and {host} does not follow it.",
        "an exchanger is a host's own name, no alias",
        "RFC 2181 §10.3, RFC 5321 §5.1",
        "Name the host itself in the MX of {domain}{onward}",
        "Senders may follow the alias or not. And a backup that knows itself by its own name does not find "
        "itself in a list of aliases, so it does not know which exchangers are better than itself.",
        _left_out("an alias"),
        ("lab dig {exchanger} CNAME", "lab explain T022"),
    ),
    Diagnosis(
        "D213",
        "the smarthost has no address",
        "{host} hands all its mail to {smarthost}, and that name has no address.",
        "a mistake in a host's own settings is not the sender's: the mail waits until it is put right",
        "RFC 3463 §3.4, RFC 5321 §4.5.4.1",
        "Give {smarthost} its address in the DNS, or name another smarthost{onward}",
        "A smarthost is asked for by its address alone; the recipient's MX plays no part. Nobody's mail "
        "leaves the host until the name leads somewhere.",
        _no_smarthost,
        ("lab dig {smarthost}", "lab queue {host}"),
    ),
    Diagnosis(
        "D206",
        "an MX names a host that does not exist",
        "The MX of {domain} leads to {exchanger}, and there is no such name.",
        "an exchanger has to have an address; one that has none is passed over",
        "RFC 5321 §5.1",
        "Correct the MX of {domain}, or give {exchanger} an address{onward}",
        "The DNS says NXDOMAIN for the exchanger: misspelt, or gone. With a second exchanger mail would go "
        "there; where all are such, the sender is told at once.",
        _left_out("NXDOMAIN"),
        ("lab dig {domain} MX", "lab dig {exchanger}"),
    ),
    Diagnosis(
        "D207",
        "an exchanger without an address",
        "The MX of {domain} leads to {exchanger}, which exists, but has no address.",
        "an exchanger has to have an address; one that has none is passed over",
        "RFC 5321 §5.1",
        'Give it one:  lab zone {zone} --add "{exchanger}. A ADDRESS"{onward}',
        "The name is there, with other records: NODATA, not NXDOMAIN. An MX in turn is not looked for, only "
        "an address: exchangers do not have exchangers.",
        _left_out("no address"),
        ("lab dig {exchanger}", "lab dig {exchanger} ANY"),
    ),
    Diagnosis(
        "D209",
        "no MX: the domain's own address was tried, in vain",
        "{domain} has no MX, so its own address {address} was tried: {words}.",
        "without an MX the domain's own address is its exchanger, with preference 0: an implicit MX",
        "RFC 5321 §5.1",
        'Name who takes the mail:  lab zone {domain} --add "@ MX 10 HOST"{onward}',
        "Older than MX records, and still the law: a domain with an address and no MX is a mail host itself. "
        "For most such names that is a web server, where nothing listens at port 25.",
        _implicit,
        ("lab dig {domain} MX", "lab explain implicit-mx"),
    ),
    Diagnosis(
        "D211",
        "the backup does not hold the domain's mail",
        "The preferred exchanger cannot be had, and the backup {backup} refuses: it does not hold mail for "
        "{domain}.",
        "an exchanger in the list has to take the domain's mail; a 5xx of any of them is for good",
        "RFC 5321 §3.6.2, §4.2.1",
        "Let it hold the mail: at {backup} write  mail: {{backup_for: [{domain}]}}{onward}",
        "Worse than no backup: without one the mail would wait at its sender until the preferred exchanger "
        "is back. So it bounces within a second. Being named in an MX is not enough, the host has to be told.",
        _backup_refuses,
        ("lab config {backup}", "lab explain backup-mx"),
    ),
    Diagnosis(
        "D210",
        "all preferences were tried, nobody could be reached",
        "All exchangers of {domain} were tried, in their order, and none could be reached: {met}.",
        "every exchanger is tried, from the lowest preference up, before the mail waits",
        "RFC 5321 §5.1, §4.5.4.1",
        "lab heal {first}{onward}",
        "The sender walked the whole list, each address once, and keeps the mail itself. The next try begins "
        "at the top again. Backups in the same room as the host they stand in for fail together with it.",
        _all_tried,
        ("lab dig {domain} MX", "lab queue {host}"),
    ),
    Diagnosis(
        "D215",
        "the exchanger is no mail host",
        "The MX of {domain} leads to {exchanger}, which is there, as {roles}, and runs no mail server.",
        "an exchanger is a host with an SMTP server at port 25",
        "RFC 5321 §5.1",
        "Name a mail host in the MX of {domain}{onward}",
        "The name exists and the address is right, only nothing listens at port 25, and never did. Mail "
        "waits until the MX is put right, or the sender's patience ends.",
        _no_mail_server,
        ("lab dig {domain} MX", "lab status"),
    ),
)
