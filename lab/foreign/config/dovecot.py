"""Dovecot 2.3: POP3 and IMAP for the host's people, and LMTP for the mail server beside it.

The rule: one file, and a list of people; passwords in clear, as in the topology (they open nothing but this lab,
and APOP and SCRAM need them so). https://doc.dovecot.org/2.3/
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.foreign.config.scene import CERTIFICATE, KEY, MAIL_UID, MAIL_USER, File, Scene, lines

FOLDER = "/etc/dovecot"


def files(scene: Scene) -> tuple[File, ...]:
    return (
        File(f"{FOLDER}/dovecot.conf", lines(_main(scene))),
        File(
            f"{FOLDER}/users", lines("# address:password::::::quota", _users(scene)), secret=True, owner="dovecot"
        ),
    )


def _users(scene: Scene) -> Iterator[str]:
    """passwd-file(5): user:password:uid:gid:gecos:home:shell:extra fields; "*" is a password nobody can have."""
    for address, person in scene.people.items():
        password = f"{{PLAIN}}{person.password}" if person.password else "*"
        quota = f"userdb_quota_rule=*:bytes={person.quota}" if person.quota else ""
        yield f"{address}:{password.replace(':', '%3A') if ':' in password else password}::::::{quota}"


def _main(scene: Scene) -> Iterator[str]:
    yield f"# Dovecot on {scene.host.name}, made from the lab's topology."
    yield "protocols = imap pop3 lmtp" if scene.mail.local_domains else "protocols = lmtp"
    yield "base_dir = /run/dovecot"
    yield "state_dir = /run/dovecot"
    yield "log_path = /dev/stderr"
    yield "# What people do with their mail is told, with the numbers (UIDs) of the messages."
    yield "mail_plugins = notify mail_log quota"
    yield "plugin {"
    yield "  mail_log_events = save copy delete undelete expunge mailbox_rename flag_change"
    yield "  mail_log_fields = uid box msgid size flags from subject"
    yield "  quota = maildir:User quota"
    yield "}"
    yield from _tls(scene)
    yield from _people(scene)
    yield from _services(scene)


def _tls(scene: Scene) -> Iterator[str]:
    yield ""
    if scene.offers_tls():
        yield "ssl = yes"
        yield f"ssl_cert = <{CERTIFICATE}"
        yield f"ssl_key = <{KEY}"
    else:
        yield "ssl = no"
    yield "# A password may be sent in clear: a lesson is to see it in a capture."
    yield "disable_plaintext_auth = no"
    yield "auth_mechanisms = plain login scram-sha-256"


def _people(scene: Scene) -> Iterator[str]:
    yield ""
    yield "# 'ed' alone is ed of the host's first domain; names are the same in any case."
    yield f"auth_default_realm = {scene.domains[0]}"
    yield "auth_username_format = %Lu"
    yield "passdb {"
    yield "  driver = passwd-file"
    yield f"  args = {FOLDER}/users"
    yield "}"
    yield "userdb {"
    yield "  driver = passwd-file"
    yield f"  args = {FOLDER}/users"
    yield f"  default_fields = uid={MAIL_UID} gid={MAIL_UID} home=/var/mail/%Ld/%Ln"
    yield "}"
    yield f"first_valid_uid = {MAIL_UID}"
    yield f"mail_uid = {MAIL_USER}"
    yield f"mail_gid = {MAIL_USER}"
    yield "mail_location = maildir:~/Maildir"
    yield "namespace inbox {"
    yield "  inbox = yes"
    yield "  separator = /"
    yield "}"


def _services(scene: Scene) -> Iterator[str]:
    yield ""
    yield "# The door for the mail server beside it; the session's number in its reply joins the two logs."
    yield "service lmtp {"
    yield "  unix_listener lmtp {"
    yield "    mode = 0666"
    yield "  }"
    yield "}"
    yield "protocol lmtp {"
    yield "  mail_plugins = $mail_plugins"
    yield f"  postmaster_address = postmaster@{scene.domains[0]}"
    yield "  lmtp_rcpt_check_quota = yes"
    yield "}"
    yield "protocol imap {"
    yield "  mail_plugins = $mail_plugins imap_quota"
    yield "}"
    yield "service auth {"
    yield "  unix_listener auth-smtp {"
    yield "    mode = 0666"
    yield "  }"
    yield "}"
    yield "# No chroot for the programs that speak before the login: a container is one."
    for name in ("imap-login", "pop3-login", "anvil", "stats", "submission-login"):
        yield f"service {name} {{"
        yield "  chroot ="
        yield "}"
    yield "service imap-login {"
    yield f"  inet_listener imaps {{ port = {993 if scene.offers_tls() else 0} }}".replace(
        "{ ", "{\n    "
    ).replace(" }", "\n  }")
    yield "}"
    yield "service pop3-login {"
    yield f"  inet_listener pop3s {{ port = {995 if scene.offers_tls() else 0} }}".replace(
        "{ ", "{\n    "
    ).replace(" }", "\n  }")
    yield "}"
