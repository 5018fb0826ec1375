"""Postfix 3: main.cf, master.cf and the maps they name.

The rule: every domain of the host is a virtual one (no Unix accounts), maps are plain text (`texthash:`, no
postmap to forget), and whatever differs from Postfix's own defaults says why. postconf(5), master(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from lab.foreign.config.scene import (
    CERTIFICATE,
    KEY,
    MAIL_UID,
    ROOT_CERTIFICATE,
    File,
    Scene,
    home_of,
    lines,
)

FOLDER = "/etc/postfix"


def files(scene: Scene) -> tuple[File, ...]:
    return (
        File(f"{FOLDER}/main.cf", lines(_main(scene))),
        File(f"{FOLDER}/master.cf", lines(_master(scene))),
        File(
            f"{FOLDER}/mailboxes", lines("# Who has a mailbox, and its folder below /var/mail.", _mailboxes(scene))
        ),
        File(f"{FOLDER}/aliases", lines("# Which addresses stand for others.", _aliases(scene))),
        File(f"{FOLDER}/trace", _TRACE),
    )


_TRACE = """\
# Has the log tell the subject of each message, which it else leaves out; the message itself is not changed.
/^Subject:/ INFO
"""


def _main(scene: Scene) -> Iterator[str]:
    yield from _identity(scene)
    yield from _mail_in(scene)
    yield from _mail_out(scene)
    yield from _tls(scene)
    yield from _log()


def _identity(scene: Scene) -> Iterator[str]:
    yield f"# Postfix on {scene.host.name}, made from the lab's topology."
    yield "compatibility_level = 3.6"
    yield f"myhostname = {scene.host.name}"
    yield "myorigin = $myhostname"
    yield "# No domain is served for Unix accounts; all of them are virtual, see below."
    yield "mydestination ="
    yield "inet_interfaces = all"
    yield f"inet_protocols = {_protocols(scene)}"
    yield "# Ask the DNS for hosts, and neither NIS nor /etc/hosts."
    yield "smtp_host_lookup = dns"
    yield "alias_maps ="
    yield "alias_database ="
    yield "biff = no"
    yield "# A queue id is never given twice."
    yield "enable_long_queue_ids = yes"


def _protocols(scene: Scene) -> str:
    six = any(":" in address for address in scene.host.addresses)
    return "all" if six else "ipv4"


def _mail_in(scene: Scene) -> Iterator[str]:
    mail = scene.mail
    yield ""
    yield "# Mail that is kept here: whose, and where."
    yield f"virtual_mailbox_domains = {' '.join(scene.domains)}"
    yield f"virtual_mailbox_maps = texthash:{FOLDER}/mailboxes"
    yield f"virtual_alias_maps = texthash:{FOLDER}/aliases"
    yield from _delivery(scene)
    yield "# Mail that is held for others until their own host is up (this host is a backup MX for them)."
    yield f"relay_domains = {' '.join(mail.backup_for)}".rstrip()
    yield "# Who may send through this host to anywhere; for everybody else only the domains above."
    yield f"mynetworks = {' '.join(scene.own_networks)}"
    yield "smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"
    yield "# Has the log tell each recipient that is taken; without it only deliveries are told."
    yield "smtpd_recipient_restrictions = reject_unauth_pipelining, reject_unlisted_recipient,"
    yield "    check_recipient_access static:{INFO taken}"
    if mail.settings.get("accept_unknown") == "yes":
        yield "# Take mail for nobody too, and send a bounce later (backscatter)."
        yield "smtpd_reject_unlisted_recipient = no"
    else:
        yield "# A local sender has to exist."
        yield "smtpd_reject_unlisted_sender = yes"
    yield f"message_size_limit = {mail.size_limit}"
    yield "mailbox_size_limit = 0"
    yield "virtual_mailbox_limit = 0"
    yield f"header_checks = regexp:{FOLDER}/trace"
    yield from _limits(scene)


def _limits(scene: Scene) -> Iterator[str]:
    settings = scene.mail.settings
    for name, parameter in _LIMITS.items():
        if name in settings:
            yield f"{parameter} = {settings[name]}"


_LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "hop_limit": "hopcount_limit",
        "recipient_limit": "smtpd_recipient_limit",
        "connection_limit": "smtpd_client_connection_count_limit",
    }
)


def _delivery(scene: Scene) -> Iterator[str]:
    if scene.has_dovecot:
        yield "# Dovecot puts it into the mailbox (LMTP), so that both agree on quota and numbers."
        yield "virtual_transport = lmtp:unix:/run/dovecot/lmtp"
        return
    yield "# Postfix's own delivery agent, into Maildirs (the final slash says so)."
    yield "virtual_transport = virtual"
    yield "virtual_mailbox_base = /var/mail"
    yield f"virtual_minimum_uid = {MAIL_UID}"
    yield f"virtual_uid_maps = static:{MAIL_UID}"
    yield f"virtual_gid_maps = static:{MAIL_UID}"


def _mail_out(scene: Scene) -> Iterator[str]:
    schedule = scene.schedule
    yield ""
    yield f"# The queue: what could not be delivered is tried again (schedule {schedule.name} of the topology)."
    yield f"queue_run_delay = {min(schedule.steps[0], 300):.0f}s"
    yield f"minimal_backoff_time = {schedule.steps[0]:.0f}s"
    yield f"maximal_backoff_time = {schedule.steps[-1]:.0f}s"
    yield f"maximal_queue_lifetime = {schedule.gives_up:.0f}s"
    yield f"bounce_queue_lifetime = {schedule.gives_up:.0f}s"
    yield f"delay_warning_time = {schedule.warns[0] if schedule.warns else 0:.0f}s"
    if scene.mail.smarthost is not None:
        yield "# All mail for elsewhere goes to this host; the brackets say: to itself, not to its MX."
        yield f"relayhost = [{scene.mail.smarthost}]"


def _tls(scene: Scene) -> Iterator[str]:
    yield ""
    if scene.offers_tls():
        yield "# STARTTLS for whoever asks, with the certificate of the lab's authority."
        yield "smtpd_tls_security_level = may"
        yield f"smtpd_tls_cert_file = {CERTIFICATE}"
        yield f"smtpd_tls_key_file = {KEY}"
        yield "smtpd_tls_loglevel = 1"
    else:
        yield "smtpd_tls_security_level = none"
    if scene.certificate is not None:
        yield f"smtp_tls_CAfile = {ROOT_CERTIFICATE}"
    yield "# TLS towards others where they offer it, whatever their certificate says (opportunistic, RFC 7435)."
    yield f"smtp_tls_security_level = {'may' if scene.asks_for_tls() else 'none'}"
    if scene.serves_programs:
        yield "# Passwords are Dovecot's affair (RFC 4954)."
        yield "smtpd_sasl_type = dovecot"
        yield "smtpd_sasl_path = /run/dovecot/auth-smtp"


def _log() -> Iterator[str]:
    yield ""
    yield "# The log goes to this container's output, where the lab reads it."
    yield "maillog_file = /dev/stdout"


def _master(scene: Scene) -> Iterator[str]:
    yield f"# The programs of Postfix on {scene.host.name}. None in a chroot: they need /etc and /run as they are."
    yield "# service type  private unpriv chroot wakeup maxproc command"
    yield from _SERVERS.splitlines()
    if scene.serves_programs:
        yield "# Where people's mail programs hand mail in, after a login (RFC 6409)."
        yield "submission inet n      -      n      -      -       smtpd"
        yield from _submission("may" if scene.offers_tls() else "none")
        if scene.offers_tls():
            yield "submissions inet n     -      n      -      -       smtpd"
            yield "  -o smtpd_tls_wrappermode=yes"
            yield from _submission("may")
    yield from _PROGRAMS.splitlines()


def _submission(level: str) -> Iterator[str]:
    yield "  -o max_use=1"
    yield "  -o syslog_name=postfix/submission"
    yield f"  -o smtpd_tls_security_level={level}"
    yield "  -o smtpd_sasl_auth_enable=yes"
    yield "  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject"
    yield "  -o smtpd_recipient_restrictions=check_recipient_access,static:{INFO taken}"


_SERVERS = """\
# What takes mail in serves one caller and ends, so that a new mailbox or alias shows at once.
smtp       inet  n      -      n      -      -       smtpd
  -o max_use=1
"""

_PROGRAMS = """\
pickup     unix  n      -      n      60     1       pickup
cleanup    unix  n      -      n      -      0       cleanup
  -o max_use=1
qmgr       unix  n      -      n      300    1       qmgr
tlsmgr     unix  -      -      n      1000?  1       tlsmgr
rewrite    unix  -      -      n      -      -       trivial-rewrite
bounce     unix  -      -      n      -      0       bounce
defer      unix  -      -      n      -      0       bounce
trace      unix  -      -      n      -      0       bounce
verify     unix  -      -      n      -      1       verify
flush      unix  n      -      n      1000?  0       flush
proxymap   unix  -      -      n      -      -       proxymap
proxywrite unix  -      -      n      -      1       proxymap
smtp       unix  -      -      n      -      -       smtp
relay      unix  -      -      n      -      -       smtp
showq      unix  n      -      n      -      -       showq
error      unix  -      -      n      -      -       error
retry      unix  -      -      n      -      -       error
discard    unix  -      -      n      -      -       discard
local      unix  -      n      n      -      -       local
virtual    unix  -      n      n      -      -       virtual
lmtp       unix  -      -      n      -      -       lmtp
anvil      unix  -      -      n      -      1       anvil
scache     unix  -      -      n      -      1       scache
postlog    unix-dgram n -      n      -      1       postlogd
"""


def _mailboxes(scene: Scene) -> Iterator[str]:
    for address in scene.people:
        yield f"{address}  {home_of(address)}/Maildir/"


def _aliases(scene: Scene) -> Iterator[str]:
    for alias, to in scene.aliases.items():
        yield f"{alias}  {', '.join(to)}"
    for domain in scene.domains[1:]:
        own = f"postmaster@{domain}"
        if own not in scene.people and own not in scene.aliases:
            yield f"{own}  postmaster@{scene.domains[0]}"
