"""The file by which mail programs configure themselves, and as much of HTTP as hands it out.

The rule: one address has a file, all others are 404. A program that is given ed@belgiannews.com asks
http://autoconfig.belgiannews.com/mail/config-v1.1.xml (Thunderbird's autoconfiguration, client-config 1.1), or
/.well-known/autoconfig/mail/config-v1.1.xml; the request's Host says for which domain. Of HTTP/1.1 (RFC 9112) a
GET or HEAD is understood, one a connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape, quoteattr

PATHS = ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml")
LONGEST_LINE = 8_192
MOST_LINES = 100
"""Header fields; more of them is no mail program."""

_REQUEST = re.compile(r"(GET|HEAD) (?:http://[^/ ]+)?(/[^ ?]*)(?:\?[^ ]*)? HTTP/1\.[01]$")

Port = tuple[str, str, int, str]
"""(incoming or outgoing, type, port, socketType); in the order of preference."""

SEALED: tuple[Port, ...] = (
    ("incoming", "imap", 993, "SSL"),
    ("incoming", "pop3", 995, "SSL"),
    ("outgoing", "smtp", 465, "SSL"),
)
STARTTLS: tuple[Port, ...] = (
    ("incoming", "imap", 143, "STARTTLS"),
    ("incoming", "pop3", 110, "STARTTLS"),
    ("outgoing", "smtp", 587, "STARTTLS"),
)


def config(domain: str, host: str, tls: bool = True) -> bytes:
    """What a program of somebody at `domain` should know: `host` serves it, with TLS or all in the clear."""
    ports = (*SEALED, *STARTTLS) if tls else tuple((*port[:3], "plain") for port in STARTTLS)
    servers = "\n".join(_server(*port, host) for port in ports)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<clientConfig version="1.1">\n <emailProvider id={quoteattr(domain)}>\n'
        f"  <domain>{escape(domain)}</domain>\n"
        f"  <displayName>{escape(domain)}, of the mini-Internet lab</displayName>\n{servers}\n"
        " </emailProvider>\n</clientConfig>\n"
    ).encode()


def _server(side: str, kind: str, port: int, socket: str, host: str) -> str:
    how = "password-cleartext" if socket != "plain" else "password-encrypted"
    return (
        f"  <{side}Server type={quoteattr(kind)}>\n"
        f"   <hostname>{escape(host)}</hostname>\n   <port>{port}</port>\n   <socketType>{socket}</socketType>\n"
        f"   <username>%EMAILADDRESS%</username>\n   <authentication>{how}</authentication>\n"
        f"  </{side}Server>"
    )


def answer(request: str, fields: Mapping[str, str], find: Callable[[str], bytes | None]) -> bytes:
    """The whole response to a request line and its header fields (names in lower case). `find` has the file for a
    Host; None where it has none."""
    wanted = _REQUEST.match(request)
    if wanted is None:
        return _response("400 Bad Request", b"this host answers GET and HEAD\n", "text/plain")
    file = find(fields.get("host", "").partition(":")[0].lower()) if wanted[2] in PATHS else None
    if file is None:
        text = f"nothing here; mail programs ask for {PATHS[0]} of autoconfig.their.domain\n"
        return _response("404 Not Found", text.encode(), "text/plain", wanted[1] == "HEAD")
    return _response("200 OK", file, "text/xml; charset=utf-8", wanted[1] == "HEAD")


def _response(status: str, body: bytes, kind: str, head_only: bool = False) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + (b"" if head_only else body)
