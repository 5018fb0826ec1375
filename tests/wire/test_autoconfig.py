"""The file that mail programs configure themselves by, and how it is asked for."""

import xml.etree.ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lab.wire.autoconfig import answer, config


def find(host: str) -> bytes | None:
    return b"<file/>" if host == "autoconfig.a.be" else None


def test_the_file_names_every_service_the_safest_first():
    provider = Xml.fromstring(config("a.be", "mail.a.be"))[0]
    assert provider.attrib == {"id": "a.be"}
    told = [(each.get("type"), each.findtext("port"), each.findtext("socketType")) for each in provider[2:]]
    assert told == [
        ("imap", "993", "SSL"),
        ("pop3", "995", "SSL"),
        ("smtp", "465", "SSL"),
        ("imap", "143", "STARTTLS"),
        ("pop3", "110", "STARTTLS"),
        ("smtp", "587", "STARTTLS"),
    ]
    assert {each.findtext("hostname") for each in provider[2:]} == {"mail.a.be"}


def test_without_tls_passwords_are_not_sent_in_clear():
    provider = Xml.fromstring(config("a.be", "mail.a.be", tls=False))[0]
    assert {each.findtext("authentication") for each in provider[2:]} == {"password-encrypted"}


@pytest.mark.parametrize(
    ("request_line", "host", "status"),
    [
        ("GET /mail/config-v1.1.xml HTTP/1.1", "autoconfig.a.be", "200 OK"),
        ("GET /mail/config-v1.1.xml?emailaddress=ed%40a.be HTTP/1.1", "Autoconfig.A.be:80", "200 OK"),
        ("GET /.well-known/autoconfig/mail/config-v1.1.xml HTTP/1.0", "autoconfig.a.be", "200 OK"),
        ("GET / HTTP/1.1", "autoconfig.a.be", "404 Not Found"),
        ("GET /mail/config-v1.1.xml HTTP/1.1", "autoconfig.b.ch", "404 Not Found"),
        ("POST /mail/config-v1.1.xml HTTP/1.1", "autoconfig.a.be", "400 Bad Request"),
        ("EHLO", "", "400 Bad Request"),
    ],
)
def test_one_address_has_a_file(request_line: str, host: str, status: str):
    head, _, body = answer(request_line, {"host": host}, find).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status}\r\n".encode())
    assert f"Content-Length: {len(body)}".encode() in head


def test_head_is_get_without_the_file():
    said = answer("HEAD /mail/config-v1.1.xml HTTP/1.1", {"host": "autoconfig.a.be"}, find)
    assert b"Content-Length: 7" in said
    assert said.endswith(b"\r\n\r\n")


@given(some.text(), some.text())
def test_garbage_is_answered(request_line: str, host: str):
    assert answer(request_line, {"host": host}, find).startswith(b"HTTP/1.1 ")
