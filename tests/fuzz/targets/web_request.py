"""A request at port 80, where mail programs look for their settings: a response, whole, whatever was asked."""

from __future__ import annotations

from tests.fuzz.post_office import Offices
from tests.fuzz.target import Choices, Target

_PATHS = (
    b"/mail/config-v1.1.xml",
    b"/.well-known/autoconfig/mail/config-v1.1.xml",
    b"/mail/config-v1.1.xml?emailaddress=ed%40belgiannews.com",
    b"http://autoconfig.belgiannews.com/mail/config-v1.1.xml",
    b"/",
    b"*",
    b"/" + b"a" * 9_000,
    b"/\xff\0",
    b"",
)
_HOSTS = (
    b"autoconfig.belgiannews.com",
    b"mail.belgiannews.com",
    b"BELGIANNEWS.COM:80",
    b"evil<script>",
    b"",
    b"\xff",
    b"[::1]",
)


def request(choices: Choices) -> bytes:
    line = choices.one_of((b"GET", b"HEAD", b"POST", b"get", b"")) + b" " + choices.one_of(_PATHS)
    line += choices.one_of((b" HTTP/1.1", b" HTTP/1.0", b"", b" HTTP/9.9", b" HTTP/1.1 ")) + b"\r\n"
    fields = choices.several(
        lambda some: some.one_of((b"X: y", b"Host", b": :", b"\xff: \xff", b"X: " + b"z" * 9_000)), 4
    )
    fields.append(b"Host: " + choices.one_of(_HOSTS))
    many = choices.one_of((1, 1, 1, 1, 1, 1, 1, 200))
    return (
        line
        + b"\r\n".join(fields * many)
        + choices.one_of((b"\r\n\r\n", b"\r\n\r\n", b"\n\n", b""))
        + choices.octets(20)
    )


_OFFICES = Offices()


def run(octets: bytes) -> None:
    office = _OFFICES.one()
    heard = office.said(80, octets)
    if heard:
        head, blank, body = heard.partition(b"\r\n\r\n")
        assert blank
        assert head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 404 ", b"HTTP/1.1 400 ")), head
        assert b"Content-Length: %d\r\n" % len(body) in head or not body
        assert b"<script>" not in body
    if len(octets) % 16 == 0:
        office.said(993, octets)  # what is no TLS at a port for TLS ends there


TARGET = Target(run, request, (b"GET /mail/config-v1.1.xml HTTP/1.1\r\nHost: autoconfig.belgiannews.com\r\n\r\n",))
