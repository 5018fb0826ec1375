"""Where the mail programs of a domain's people find their servers: what stands in the DNS for them.

The rule: a name for each service that the domain's home serves, and none for what it does not. A program is
configured by SRV records (RFC 6186 §3, RFC 8314 §5.1) or by the file that Thunderbird and others fetch from
autoconfig.DOMAIN; IMAP is preferred to POP3 (§3.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lab.names import DomainName
from lab.wire.records import SRV, Record

AUTOCONFIG = "autoconfig"

CLEAR: Mapping[str, int] = {"_imap": 143, "_pop3": 110, "_submission": 587}
SEALED: Mapping[str, int] = {"_imaps": 993, "_pop3s": 995, "_submissions": 465}
_PRIORITY = {"_pop3": 10, "_pop3s": 10}
_IN_CLEAR = tuple((service, _PRIORITY.get(service, 0), port) for service, port in CLEAR.items())
_SEALED_TOO = _IN_CLEAR + tuple((service, _PRIORITY.get(service, 0), port) for service, port in SEALED.items())


def service_records(domain: DomainName, home: DomainName, ttl: int, tls: bool = True) -> Iterator[Record]:
    """`home` keeps the domain's mailboxes; `tls`: it serves them in TLS from the first octet, too."""
    below = f"._tcp.{domain}"
    for service, priority, port in _SEALED_TOO if tls else _IN_CLEAR:
        yield Record(DomainName(service + below), ttl, SRV(priority, 1, port, home))


def autoconfig_name(domain: DomainName) -> DomainName:
    return DomainName(f"{AUTOCONFIG}.{domain}")
