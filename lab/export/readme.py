"""The README.md of an exported lab: what to type, what works there, and what only the lab itself does.

The rule: every command in it is whole and can be pasted; addresses and people are the topology's own.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from lab.export.papers import Export
from lab.topology.plan import HostPlan, MailboxPlan, ZonePlan
from lab.values import dataclass
from lab.wire.records import MX


@dataclass(frozen=True, slots=True)
class Manual:
    """What a format has to say of itself. `inside`: what goes before a command that is to run at the student's
    host ("" where one types it in a shell there); texts are Markdown."""

    engine: str
    image: str
    start: str
    inside: str
    shell: str
    logs: str
    break_: str
    stop: str
    notes: tuple[str, ...]


def readme(export: Export, manual: Manual) -> str:
    plan = export.plan
    parts = [
        f"# {plan.name}: a mini-Internet for {manual.engine}",
        f"{len(plan.hosts)} hosts, each a container: {_counted(export)}. Written by `lab export`"
        f"{f' from `{plan.source}`' if plan.source else ''}; it runs without the lab.",
        "## The image",
        f"All containers run `{export.image}`. On a machine with the lab, `lab image build` makes it in the "
        f"engine that DOCKER_HOST names. {manual.image}",
        _code(
            f"docker save {export.image} | gzip > image.tar.gz      # there",
            "docker load < image.tar.gz      # here",
        ),
        "## Start, look around, stop",
        _code(*manual.start.splitlines()),
        f"It serves when each host has told so: the event `HostStarted`. A shell at the student's host:\n\n"
        f"    {manual.shell}",
        "Names, and a mail from its sender to its mailbox" + (":" if manual.inside else ", in that shell:"),
        _code(*_look_around(export, manual.inside)),
        "Break something, and stop:",
        _code(*manual.break_.splitlines(), *manual.stop.splitlines()),
        "## What happened, and why",
        "Every host tells what it does as JSON lines; put together they are a log of the lab:",
        _code(*manual.logs.splitlines()),
        "## What is there",
        "\n".join(f"- {note}" for note in (*_WORKS, *manual.notes)),
        "## What only the lab itself does (`lab up`)",
        "\n".join(f"- {note}" for note in _LACKS),
        "## Addresses",
        _table(export),
    ]
    return "\n\n".join(parts) + "\n"


_WORKS = (
    "The DNS tree from the root down, resolvers, mail hosts with SMTP (25, 587, 465), POP3 (110, 995) and IMAP "
    "(143, 993), backup exchangers, queues and bounces: the same programs as in the lab, in real time.",
    "Fixed addresses, resolv.conf that asks the lab's resolvers, and no way out.",
    "TLS: every mail host has a certificate of this lab's own authority (`ca.pem`), which is all that programs in "
    "the containers trust.",
    "`host.json` is what a host begins from, its zones as master files and its people in it; change it, and start "
    "that container again. Keys and passwords in this folder can be read by all: it is a lab.",
)
_LACKS = (
    "Lab time: here it is the wall's, and nothing runs ahead (`lab clock +4h`); a queue waits its real minutes.",
    "Faults of the lab (`lab fail`): here a host is stopped, paused or cut off by the engine, and that looks as "
    "it looks in real life.",
    "`lab send`, `lab queue`, `lab mailbox`, `lab zone`, scenarios and exercises: they speak to a lab that is up.",
    "Journeys as they happen: here they are drawn from the gathered log afterwards.",
)


def _counted(export: Export) -> str:
    """
    `1 root, 3 authority, 1 resolver, 2 mail, 1 client`
    """
    roles = [host.roles[0] for host in export.hosts]
    return ", ".join(f"{roles.count(role)} {role}" for role in dict.fromkeys(roles))


def _code(*lines: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in lines)


def _table(export: Export) -> str:
    width = max(len(host.name) for host in export.hosts)
    return _code(
        *(f"{host.name:{width}}  {' '.join(host.addresses)}  {' '.join(host.roles)}" for host in export.hosts)
    )


# -- what can be tried -----------------------------------------------------------------------------------------


def _look_around(export: Export, inside: str) -> Iterator[str]:
    before = f"{inside} " if inside else ""
    domain = next((zone.origin for zone in export.plan.zones.values() if _takes_mail(zone)), None)
    if domain is not None:
        yield f"{before}dig {domain} MX"
    letter = _letter(export)
    if letter is not None:
        yield from _sent(before, *letter)


def _takes_mail(zone: ZonePlan) -> bool:
    return any(isinstance(record.data, MX) for record in zone.records)


def _letter(export: Export) -> tuple[MailboxPlan, HostPlan, MailboxPlan, HostPlan] | None:
    """Two people with passwords, each with their host; of two domains where there are such."""
    people = [(box, host) for host in export.hosts if host.mail for box in host.mail.mailboxes if box.password]
    if not people:
        return None
    (sender, here) = people[-1]
    others = [pair for pair in people if pair[0].address.domain != sender.address.domain]
    recipient, there = others[0] if others else people[0]
    return sender, here, recipient, there


def _sent(
    before: str, sender: MailboxPlan, here: HostPlan, recipient: MailboxPlan, there: HostPlan
) -> Iterator[str]:
    letter = f"From: {sender.address}\\nTo: {recipient.address}\\nSubject: hello\\n\\nHello.\\n"
    yield f"printf '{letter}' | {before}curl -sS --crlf --ssl-reqd \\"
    yield f"  smtp://{here.name}:587 -u {_login(sender)} \\"
    yield f"  --mail-from {sender.address} --mail-rcpt {recipient.address} -T -"
    yield f"{before}curl -sS --ssl-reqd 'imap://{there.name}/INBOX;UID=1' -u {_login(recipient)}"


def _login(box: MailboxPlan) -> str:
    return shlex.quote(f"{box.address}:{box.password}")
