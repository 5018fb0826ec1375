"""SASL without a wire (RFC 4422): how a client proves who it is, in SMTP, POP3 and IMAP alike.

The rule: an exchange is a generator. It yields challenges, is sent responses, and ends with the name of the one
who logged in; the protocol around it only carries the octets, in base64 (`line`, `unline`). Passwords come from
the caller's `Passwords` and go nowhere else; nobody (None, or an empty password) and a wrong password look and
last the same.

Mechanisms: PLAIN (RFC 4616), LOGIN (expired draft-murchison-sasl-login, spoken by old mail programs),
SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677). The client's side of each is in `ANSWERS`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import stringprep
import unicodedata
from collections.abc import Callable, Generator
from random import Random

from lab.values import dataclass

Passwords = Callable[[str], str | None]
"""The password that belongs to a login name as the client wrote it; None: nobody may log in so."""

ITERATIONS = 4_096
"""Rounds of PBKDF2: RFC 7677 §4 asks for at least so many; about 1.5 ms of one core."""
LONGEST_LINE = 12_288
"""Octets of a base64 line that a server should take (RFC 4954 §4 names this figure)."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the client has to answer; `line` is its form on the wire."""

    octets: bytes

    @property
    def line(self) -> bytes:
        return base64.b64encode(self.octets)


@dataclass(frozen=True, slots=True)
class Granted:
    login: str


@dataclass(frozen=True, slots=True)
class Denied:
    """`flaw` says what is wrong with the exchange itself; empty when name or password are."""

    login: str = ""
    flaw: str = ""


Outcome = Challenge | Granted | Denied


class _Refused(Exception):
    def __init__(self, login: str = "", flaw: str = "") -> None:
        super().__init__(flaw)
        self.denied = Denied(login, flaw)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a server brings to an exchange. `realm`, its name, salts the passwords; `rng` gives nonces."""

    passwords: Passwords
    realm: str
    rng: Random


Steps = Generator[bytes, bytes, str]


class Exchange:
    """One client's exchange, the server's side: `begin`, then `answer` until it is no Challenge any more."""

    __slots__ = ("_steps", "mechanism")

    def __init__(self, mechanism: str, terms: Terms) -> None:
        """KeyError: no such mechanism. `mechanism` in capitals."""
        self.mechanism = mechanism
        self._steps = MECHANISMS[mechanism](terms)

    def begin(self, initial: bytes | None = None) -> Outcome:
        """`initial`: the response that came with the command (RFC 4422 §4.1 item 3); None: none."""
        first = Challenge(next(self._steps))
        return first if initial is None else self.answer(initial)

    def answer(self, response: bytes) -> Outcome:
        try:
            return Challenge(self._steps.send(response))
        except StopIteration as end:
            return Granted(end.value)
        except _Refused as refused:
            return refused.denied
        except UnicodeDecodeError:
            return Denied(flaw="names and passwords are UTF-8")

    def answer_line(self, line: bytes) -> Outcome:
        """The same for a line as it came, its end taken off; `*` gives up."""
        if line == b"*":
            return Denied(flaw="given up, as you wish")
        octets = unline(line)
        return Denied(flaw="that is not base64") if octets is None else self.answer(octets)


def line(octets: bytes) -> bytes:
    """Base64, as challenges and responses travel."""
    return base64.b64encode(octets)


def unline(text: bytes) -> bytes | None:
    """The octets of a base64 line, `=` being none at all; None when it is no base64.

    >>> unline(b"AGVkAHNlY3JldA==")
    b'\\x00ed\\x00secret'
    """
    try:
        return b"" if text == b"=" else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


# -- the server's side ------------------------------------------------------------------------------------------


def _plain(terms: Terms) -> Steps:
    """authzid NUL authcid NUL password; nobody acts for another here."""
    parts = (yield b"").split(b"\0")
    if len(parts) != 3:
        raise _Refused(flaw="PLAIN is: NUL, name, NUL, password")
    acting, login, password = (part.decode() for part in parts)
    if acting not in ("", login):
        raise _Refused(login)
    return _matched(terms, login, password)


def _login(terms: Terms) -> Steps:
    login = (yield b"Username:").decode()
    password = (yield b"Password:").decode()
    return _matched(terms, login, password)


def _matched(terms: Terms, login: str, password: str) -> str:
    kept = terms.passwords(login)
    if not hmac.compare_digest(prepared(password), prepared(kept or "")) or not kept:
        raise _Refused(login)
    return login


_FIRST = re.compile(
    r"(?P<gs2>(?P<binding>[ny]|p=[^,]*),(?:a=(?P<acting>[^,]*))?,)(?P<bare>n=(?P<login>[^,]+),r=(?P<nonce>[!-+\--~]+))$"
)
_FINAL = re.compile(r"(?P<bare>c=(?P<binding>[^,]*),r=(?P<nonce>[^,]*)(?:,[a-zA-Z]=[^,]*)*),p=(?P<proof>[^,]*)$")


def _scram(terms: Terms) -> Steps:
    """RFC 5802 §3: client-first, server-first, client-final, server-final."""
    first = _FIRST.match((yield b"").decode())
    if first is None or first["binding"].startswith("p"):
        raise _Refused(flaw="that is no client-first-message without channel binding (RFC 5802 section 7)")
    login = first["login"].replace("=2C", ",").replace("=3D", "=")
    kept = terms.passwords(login)
    salt = hashlib.sha256(f"{terms.realm}\0{login}".encode()).digest()[:16]
    nonce = first["nonce"] + nonce_from(terms.rng)
    server_first = f"r={nonce},s={line(salt).decode()},i={ITERATIONS}"
    final = _FINAL.match((yield server_first.encode()).decode())
    if final is None or final["nonce"] != nonce or final["binding"] != line(first["gs2"].encode()).decode():
        raise _Refused(login, "that is no client-final-message to this nonce (RFC 5802 section 7)")
    keys = Keys.made(kept or "", salt, ITERATIONS)
    transcript = f"{first['bare']},{server_first},{final['bare']}".encode()
    proof = unline(final["proof"].encode()) or b""
    if (
        not hmac.compare_digest(proof, keys.proof(transcript))
        or not kept
        or first["acting"] not in (None, "", login)
    ):
        raise _Refused(login)
    yield b"v=" + line(keys.signature(transcript))
    return login


MECHANISMS: dict[str, Callable[[Terms], Steps]] = {"SCRAM-SHA-256": _scram, "PLAIN": _plain, "LOGIN": _login}
"""By name, the best first, as servers list them."""


# -- the client's side ------------------------------------------------------------------------------------------

Answers = Generator[bytes, bytes, None]
"""Sent challenges, yields responses. The first `next` gives the initial response; ends when nothing is left to
say; ValueError when the server does not know the password."""


def _answer_plain(login: str, password: str, rng: Random) -> Answers:
    yield f"\0{login}\0{password}".encode()


def _answer_login(login: str, password: str, rng: Random) -> Answers:
    yield login.encode()
    yield password.encode()


def _answer_scram(login: str, password: str, rng: Random) -> Answers:
    name = login.replace("=", "=3D").replace(",", "=2C")
    bare = f"n={name},r={nonce_from(rng)}"
    server_first = (yield f"n,,{bare}".encode()).decode()
    given = dict(part.split("=", 1) for part in server_first.split(","))
    if not given["r"].startswith(bare.rpartition("r=")[2]):
        raise ValueError("the server changed the nonce")
    keys = Keys.made(password, unline(given["s"].encode()) or b"", int(given["i"]))
    final = f"c=biws,r={given['r']}"
    transcript = f"{bare},{server_first},{final}".encode()
    server_final = yield f"{final},p={line(keys.proof(transcript)).decode()}".encode()
    if server_final != b"v=" + line(keys.signature(transcript)):
        raise ValueError("the server does not know the password")
    yield b""


ANSWERS: dict[str, Callable[[str, str, Random], Answers]] = {
    "SCRAM-SHA-256": _answer_scram,
    "PLAIN": _answer_plain,
    "LOGIN": _answer_login,
}


# -- what both sides compute -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Keys:
    """SCRAM's keys of one password (RFC 5802 §3)."""

    client: bytes
    server: bytes

    @classmethod
    def made(cls, password: str, salt: bytes, iterations: int) -> Keys:
        salted = hashlib.pbkdf2_hmac("sha256", prepared(password), salt, iterations)
        return cls(_hmac(salted, b"Client Key"), _hmac(salted, b"Server Key"))

    def proof(self, transcript: bytes) -> bytes:
        signature = _hmac(hashlib.sha256(self.client).digest(), transcript)
        return bytes(a ^ b for a, b in zip(self.client, signature, strict=True))

    def signature(self, transcript: bytes) -> bytes:
        return _hmac(self.server, transcript)


def prepared(password: str) -> bytes:
    """SASLprep (RFC 4013 §2.1, §2.2): odd spaces become spaces, soft hyphens nothing, and NFKC."""
    kept = (
        " " if stringprep.in_table_c12(sign) else sign for sign in password if not stringprep.in_table_b1(sign)
    )
    return unicodedata.normalize("NFKC", "".join(kept)).encode()


def nonce_from(rng: Random) -> str:
    return base64.b64encode(rng.randbytes(18)).decode()


def _hmac(key: bytes, octets: bytes) -> bytes:
    return hmac.digest(key, octets, "sha256")
