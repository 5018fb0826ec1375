"""OpenSMTPD 6.8: smtpd.conf and the tables that it names.

The rule: a line says what is listened to, an action what is done with mail, and the first rule that matches a
recipient which action it is. No people log in here to hand mail in: its password tables want hashes, and the
lab's passwords are in clear. When to try again is compiled in (400 s × n²); where the topology's schedule is the
lab's own, the lab hurries it. smtpd.conf(5), table(5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.foreign.config.scene import CERTIFICATE, KEY, MAIL_USER, File, Scene, lines

FOLDER = "/etc/smtpd"


def files(scene: Scene) -> tuple[File, ...]:
    return (
        File(f"{FOLDER}/smtpd.conf", lines(_main(scene))),
        File(f"{FOLDER}/people", lines(_people(scene))),
        File(f"{FOLDER}/domains", lines("# Domains whose mailboxes are here.", map(str, scene.domains))),
        File(f"{FOLDER}/held", lines("# Domains whose mail is held for them.", map(str, scene.mail.backup_for))),
        File(f"{FOLDER}/own", lines("# Who may send through this host to anywhere.", scene.own_networks)),
    )


def _main(scene: Scene) -> Iterator[str]:
    yield f"# OpenSMTPD on {scene.host.name}, made from the lab's topology."
    for table in ("people", "domains", "held", "own"):
        yield f"table {table} file:{FOLDER}/{table}"
    yield f"smtp max-message-size {scene.mail.size_limit}"
    yield f"queue ttl {_span(scene.schedule.gives_up)}"
    if scene.schedule.warns:
        yield f"bounce warn-interval {_span(scene.schedule.warns[0])}"
    yield from _listeners(scene)
    yield from _actions(scene)
    yield from _rules(scene)


def _listeners(scene: Scene) -> Iterator[str]:
    tls = ""
    if scene.offers_tls():
        yield "# STARTTLS for whoever asks, with the certificate of the lab's authority."
        yield f'pki lab cert "{CERTIFICATE}"'
        yield f'pki lab key "{KEY}"'
        tls = " tls pki lab"
    for address in ("127.0.0.1", *scene.host.addresses):
        yield f"listen on {address} port 25 hostname {scene.host.name}{tls}"


def _actions(scene: Scene) -> Iterator[str]:
    if scene.has_dovecot:
        yield "# Dovecot puts it into the mailbox (LMTP), so that both agree on quota and numbers."
        yield f'action "mailbox" lmtp "/run/dovecot/lmtp" rcpt-to virtual <people> user {MAIL_USER}'
    else:
        place = "/var/mail/%{rcpt.domain:lowercase}/%{rcpt.user:lowercase}/Maildir"
        yield f'action "mailbox" maildir "{place}" virtual <people> user {MAIL_USER}'
    if scene.mail.smarthost is not None:
        yield f'action "out" relay host smtp://{scene.mail.smarthost}'
    else:
        yield "# Where the MX records say (RFC 5321 section 5.1)."
        yield f'action "out" relay helo {scene.host.name}'
    if scene.mail.backup_for:
        yield "# For those that are held, only to exchangers that are preferred to this host."
        yield f'action "held" relay backup mx {scene.host.name} helo {scene.host.name}'


def _rules(scene: Scene) -> Iterator[str]:
    yield "# The first rule that fits counts; a recipient that none fits is refused."
    yield 'match from any for domain <domains> action "mailbox"'
    if scene.mail.backup_for:
        yield 'match from any for domain <held> action "held"'
    yield 'match from local for any action "out"'
    yield 'match from src <own> for any action "out"'


def _people(scene: Scene) -> Iterator[str]:
    yield "# Who has a mailbox (all of them are the system's user mail), and which addresses stand for others."
    for address in scene.people:
        if address not in scene.aliases:
            yield f"{address} {MAIL_USER}"
    for alias, to in scene.aliases.items():
        yield f"{alias} {', '.join(_targets(alias, to))}"
    for domain in scene.domains[1:]:
        own = f"postmaster@{domain}"
        if own not in scene.people and own not in scene.aliases:
            yield f"{own} postmaster@{scene.domains[0]}"


def _targets(alias: str, to: Iterable[str]) -> Iterator[str]:
    """A forward that names its own person keeps a copy: there that is the user."""
    return (MAIL_USER if target == alias else str(target) for target in to)


def _span(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}h" if whole % 3600 == 0 else f"{whole}s"
