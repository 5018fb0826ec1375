"""Exim 4: one file, exim4.conf, with its parts in the order in which a message meets them.

The rule: access lists say who may send what, routers where it goes, transports how, the retry rules when again.
Exim stops at the first router that takes an address; the order is the lesson. Exim's specification, chapters
6–40.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.foreign.config.scene import CERTIFICATE, KEY, File, Scene, home_of, lines

FOLDER = "/etc/exim4"


def files(scene: Scene) -> tuple[File, ...]:
    return (
        File(f"{FOLDER}/exim4.conf", lines(_all(scene))),
        File(f"{FOLDER}/mailboxes", lines(_mailboxes(scene))),
        File(f"{FOLDER}/aliases", lines(_aliases(scene))),
        File(f"{FOLDER}/passwords", lines(_keys(scene)), secret=True, owner="Debian-exim"),
    )


def _all(scene: Scene) -> Iterator[str]:
    yield from _main(scene)
    yield from _acl(scene)
    yield from _routers(scene)
    yield from _transports(scene)
    yield from _retry(scene)
    yield from _rewrite_and_auth(scene)


def _main(scene: Scene) -> Iterator[str]:
    mail, schedule = scene.mail, scene.schedule
    yield f"# Exim on {scene.host.name}, made from the lab's topology."
    yield f"primary_hostname = {scene.host.name}"
    yield "# Domains whose mailboxes are here, and those whose mail is held until their own host is up."
    yield f"domainlist local_domains = {_list(scene.domains)}"
    yield f"domainlist relay_to_domains = {_list(mail.backup_for)}"
    yield "# Who may send through this host to anywhere."
    yield f"hostlist relay_from_hosts = <; {' ; '.join(scene.own_networks)}"
    yield "acl_smtp_rcpt = acl_check_rcpt"
    yield f"message_size_limit = {mail.size_limit}"
    yield f"received_headers_max = {mail.settings.get('hop_limit', '30')}"
    if "recipient_limit" in mail.settings:
        yield f"recipients_max = {mail.settings['recipient_limit']}"
    if mail.settings.get("connection_limit", "0") != "0":
        yield f"smtp_accept_max_per_host = {mail.settings['connection_limit']}"
    yield f"delay_warning = {_time(schedule.warns[0]) if schedule.warns else '0s'}"
    yield "# Exim goes on as its own user once it listens; nothing here needs root for a delivery."
    yield "deliver_drop_privilege = true"
    yield "# No look-ups that a lab has no answers for: the caller's account (RFC 1413)."
    yield "rfc1413_query_timeout = 0s"
    yield "never_users ="
    yield "keep_environment ="
    yield "add_environment = <; PATH=/bin:/usr/bin"
    yield "disable_ipv6 = " + ("false" if any(":" in one for one in scene.host.addresses) else "true")
    yield from _tls(scene)
    yield "# Everything that happens is one line each, with subject and recipients."
    yield "log_file_path = /var/log/exim4/%slog"
    yield "write_rejectlog = no"
    yield "log_selector = +subject +received_recipients +received_sender +smtp_confirmation +outgoing_port \\"
    yield "    +deliver_time +queue_time_overall +smtp_protocol_error +smtp_syntax_error +incoming_interface"


def _tls(scene: Scene) -> Iterator[str]:
    if scene.serves_programs:
        yield f"daemon_smtp_ports = 25 : 587{' : 465' if scene.offers_tls() else ''}"
    if scene.offers_tls():
        yield "tls_advertise_hosts = *"
        yield f"tls_certificate = {CERTIFICATE}"
        yield f"tls_privatekey = {KEY}"
        if scene.serves_programs:
            yield "tls_on_connect_ports = 465"
    else:
        yield "tls_advertise_hosts ="


def _acl(scene: Scene) -> Iterator[str]:
    yield ""
    yield "begin acl"
    yield ""
    yield "acl_check_rcpt:"
    if scene.serves_programs:
        yield "  # Where mail programs hand mail in, a login comes first (RFC 6409)."
        yield "  deny    message = 5.7.0 authentication required"
        yield "          condition = ${if inlist{$received_port}{587:465}}"
        yield "         !authenticated = *"
        yield "  accept  authenticated = *"
        yield "          control = submission/sender_retain"
    yield "  # This host's own mail, and that of the networks it serves; what a header lacks is added."
    yield "  accept  hosts = +relay_from_hosts"
    yield "          control = submission/sender_retain"
    if scene.mail.settings.get("accept_unknown") != "yes":
        yield "  deny    message = 5.1.1 <$local_part@$domain>: user unknown"
        yield "          domains = +local_domains"
        yield "         !verify = recipient"
    yield "  accept  domains = +local_domains : +relay_to_domains"
    yield "  deny    message = 5.7.1 <$local_part@$domain>: relay access denied"


def _routers(scene: Scene) -> Iterator[str]:
    yield ""
    yield "begin routers"
    yield ""
    yield "# Other names for people."
    yield "aliases:"
    yield "  driver = redirect"
    yield "  domains = +local_domains"
    yield f"  data = ${{lookup{{${{lc:$local_part@$domain}}}}lsearch{{{FOLDER}/aliases}}}}"
    yield "  # A forward that names its own person keeps a copy there."
    yield "  repeat_use = true"
    yield ""
    yield "# People with a mailbox here."
    yield "mailboxes:"
    yield "  driver = accept"
    yield "  domains = +local_domains"
    yield f"  condition = ${{lookup{{${{lc:$local_part@$domain}}}}lsearch{{{FOLDER}/mailboxes}}{{yes}}{{no}}}}"
    yield "  transport = mailbox"
    yield ""
    yield "# Nobody else is known in these domains."
    yield "unknown:"
    yield "  driver = redirect"
    yield "  domains = +local_domains"
    yield "  allow_fail"
    yield "  data = :fail: 5.1.1 user unknown"
    yield ""
    yield from _outward(scene)


def _outward(scene: Scene) -> Iterator[str]:
    if scene.mail.smarthost is not None:
        yield "# All other mail goes to this host."
        yield "smarthost:"
        yield "  driver = manualroute"
        yield f"  route_list = * {scene.mail.smarthost} byname"
        yield "  transport = smtp"
        return
    yield "# All other mail goes where the MX records say (RFC 5321 section 5.1); where this host is among them,"
    yield "# only to those that are preferred to it."
    yield "exchangers:"
    yield "  driver = dnslookup"
    yield "  domains = ! +local_domains"
    yield "  transport = smtp"
    yield "  ignore_target_hosts = 0.0.0.0 : 127.0.0.0/8"
    yield "  no_more"


def _transports(scene: Scene) -> Iterator[str]:
    yield ""
    yield "begin transports"
    yield ""
    yield "smtp:"
    yield "  driver = smtp"
    if not scene.asks_for_tls():
        yield "  hosts_avoid_tls = *"
    yield ""
    yield "mailbox:"
    if scene.has_dovecot:
        yield "  # Dovecot puts it into the mailbox (LMTP), so that both agree on quota and numbers."
        yield "  driver = lmtp"
        yield "  socket = /run/dovecot/lmtp"
    else:
        yield "  driver = appendfile"
        yield "  maildir_format"
        yield "  directory = /var/mail/${lc:$domain}/${lc:$local_part}/Maildir"
        yield "  create_directory"
        yield "  delivery_date_add"
        yield "  envelope_to_add"
        yield "  return_path_add"
        yield "  mode = 0600"


def _retry(scene: Scene) -> Iterator[str]:
    yield ""
    yield "begin retry"
    yield ""
    schedule = scene.schedule
    yield f"# When to try again (schedule {schedule.name} of the topology): F until, every; G until, first, times."
    yield f"*  *  {'; '.join(_rules(scene))}"


def _rules(scene: Scene) -> Iterator[str]:
    """The steps of a schedule as Exim writes them: each wait, until the age at which the next one begins."""
    schedule, age = scene.schedule, 0.0
    if schedule.name == "exim":
        yield from ("F,2h,15m", "G,16h,1h,1.5", "F,4d,6h")
        return
    for wait in schedule.steps[:-1]:
        age += wait
        yield f"F,{_time(age)},{_time(wait)}"
    yield f"F,{_time(schedule.gives_up)},{_time(schedule.steps[-1])}"


def _rewrite_and_auth(scene: Scene) -> Iterator[str]:
    yield ""
    yield "begin rewrite"
    yield ""
    yield "begin authenticators"
    if scene.serves_programs:
        yield from _passwords(scene)


def _passwords(scene: Scene) -> Iterator[str]:
    """PLAIN and LOGIN (RFC 4616): Exim's small package knows no others that need no system account."""
    yield ""
    yield "# A login is an address, or its name alone in the first domain; an empty password opens nothing."
    for name, public, user, password, prompts in (
        ("plain", "PLAIN", "$auth2", "$auth3", ":"),
        ("login", "LOGIN", "$auth1", "$auth2", "Username:: : Password::"),
    ):
        whole = f"${{lc:${{if match{{{user}}}{{@}}{{{user}}}{{{user}@{scene.domains[0]}}}}}}}"
        kept = f"${{lookup{{{whole}}}lsearch{{{FOLDER}/passwords}}}}"
        yield f"{name}:"
        yield "  driver = plaintext"
        yield f"  public_name = {public}"
        yield f"  server_prompts = {prompts}"
        yield f"  server_condition = ${{if and{{{{!eq{{{password}}}{{}}}}{{eq{{{password}}}{{{kept}}}}}}}}}"
        yield f"  server_set_id = {whole}"


def _time(seconds: float) -> str:
    """Exim's own form: 2h30m.

    >>> _time(9000)
    '2h30m'
    """
    left, words = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if left >= size:
            words.append(f"{left // size}{unit}")
            left %= size
    return "".join(words) or "0s"


def _list(words: tuple[str, ...]) -> str:
    return " : ".join(words)


def _mailboxes(scene: Scene) -> Iterator[str]:
    yield "# Who has a mailbox, and its folder below /var/mail."
    for address in scene.people:
        yield f"{address}: {home_of(address)}"


def _keys(scene: Scene) -> Iterator[str]:
    yield "# Who may hand mail in at port 587, and with which password."
    for address, person in scene.people.items():
        if person.password:
            yield f"{address}: {person.password}"


def _aliases(scene: Scene) -> Iterator[str]:
    yield "# Which addresses stand for others."
    for alias, to in scene.aliases.items():
        yield f"{alias}: {', '.join(to)}"
    for domain in scene.domains[1:]:
        own = f"postmaster@{domain}"
        if own not in scene.people and own not in scene.aliases:
            yield f"{own}: postmaster@{scene.domains[0]}"
