"""A client's side of SASL, one response a line: only who has the password is let in, whatever is said.

`%NONCE%` in a response stands for the nonce that the server gave, and `%PROOF%` for the proof that fits, so that
SCRAM can be followed to its end.
"""

from __future__ import annotations

import base64
from random import Random

from lab.wire import sasl
from tests.fuzz.target import Choices, Target

PASSWORD = "secret"
_FIRSTS = (
    b"n,,n=ed,r=abc",
    b"n,a=ed,n=ed,r=abc",
    b"y,,n=ed,r=!",
    b"n,a=eve,n=ed,r=abc",
    b"p=tls,,n=ed,r=abc",
    b"n,,n=,r=",
)
_FINALS = (
    b"c=biws,r=%NONCE%,p=%PROOF%",
    b"c=biws,r=%NONCE%,p=AAAA",
    b"c=biws,r=abc,p=%PROOF%",
    b"c=,r=,p=",
    b"p=",
)
_PLAINS = (
    b"\0ed\0secret",
    b"ed\0ed\0secret",
    b"\0ed\0wrong",
    b"\0\0",
    b"\0ed\0secret\0",
    b"\0e\xff\0x",
    b"eve\0ed\0secret",
)


def _plain(choices: Choices) -> list[bytes]:
    return [choices.one_of(_PLAINS)]


def _login(choices: Choices) -> list[bytes]:
    return [choices.one_of((b"ed", b"eve", b"", b"\xff")), choices.one_of((b"secret", b"", b"\xc2\xad", b"\xff"))]


def _scram(choices: Choices) -> list[bytes]:
    return [choices.one_of(_FIRSTS), choices.one_of(_FINALS), b""]


def responses(choices: Choices) -> bytes:
    mechanism, make = choices.one_of(((b"PLAIN", _plain), (b"LOGIN", _login), (b"SCRAM-SHA-256", _scram)))
    lines = [base64.b64encode(response) for response in make(choices)]
    if choices.below(6) == 5:
        lines.insert(choices.below(3), choices.one_of((b"*", b"=", b"", b"====", b"\xff")))
    return b"\n".join([mechanism, *lines])


def _keys() -> sasl.Keys:
    import hashlib

    salt = hashlib.sha256(b"realm\0ed").digest()[:16]
    return sasl.Keys.made(PASSWORD, salt, sasl.ITERATIONS)


_KEYS = _keys()


def _filled(line: bytes, challenge: bytes, first: bytes) -> bytes:
    """The response with what an honest client would put in the place of the marks."""
    octets = sasl.unline(line)
    if octets is None or b"%" not in octets:
        return line
    server_first = challenge.decode("utf-8", "replace")
    nonce = server_first.partition(",")[0].removeprefix("r=")
    octets = octets.replace(b"%NONCE%", nonce.encode())
    bare = octets.rpartition(b",p=")[0]
    transcript = b",".join((first.partition(b",,")[2], server_first.encode(), bare))
    return sasl.line(octets.replace(b"%PROOF%", sasl.line(_KEYS.proof(transcript))))


def run(octets: bytes) -> None:
    name, *lines = octets.split(b"\n")
    if name.decode("latin-1") not in sasl.MECHANISMS:
        return
    terms = sasl.Terms({"ed": PASSWORD}.get, "realm", Random(1))
    exchange = sasl.Exchange(name.decode(), terms)
    outcome = exchange.begin()
    first = sasl.unline(lines[0]) or b"" if lines else b""
    for line in lines:
        if not isinstance(outcome, sasl.Challenge):
            break
        outcome = exchange.answer_line(_filled(line, sasl.unline(outcome.line) or b"", first))
    if isinstance(outcome, sasl.Granted):
        assert outcome.login == "ed"
        plain = b"".join(sasl.unline(line) or b"" for line in lines)
        assert b"secret" in plain or b"%PROOF%" in plain, "let in without the password"


TARGET = Target(
    run,
    responses,
    (
        b"PLAIN\nAGVkAHNlY3JldA==",
        b"LOGIN\nZWQ=\nc2VjcmV0",
        b"SCRAM-SHA-256\n" + base64.b64encode(_FIRSTS[0]) + b"\n" + base64.b64encode(_FINALS[0]) + b"\n",
    ),
)
