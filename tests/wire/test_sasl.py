"""Both sides of every SASL mechanism, and the examples of their RFCs."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lab.wire import sasl
from lab.wire.sasl import Challenge, Denied, Exchange, Granted

PEOPLE = {"ed": "secret", "zoë, = x": "pass word"}


def terms(passwords=PEOPLE.get) -> sasl.Terms:
    return sasl.Terms(passwords, "mail.belgiannews.com", Random(1))


def played(mechanism: str, login: str, password: str) -> sasl.Outcome:
    client, server = sasl.ANSWERS[mechanism](login, password, Random(2)), Exchange(mechanism, terms())
    server.begin()
    outcome = server.answer(next(client))
    while isinstance(outcome, Challenge):
        outcome = server.answer(client.send(outcome.octets))
    return outcome


@pytest.mark.parametrize("mechanism", list(sasl.MECHANISMS))
@pytest.mark.parametrize("login", list(PEOPLE))
def test_the_right_password_is_granted(mechanism: str, login: str):
    assert played(mechanism, login, PEOPLE[login]) == Granted(login)


@pytest.mark.parametrize("mechanism", list(sasl.MECHANISMS))
@pytest.mark.parametrize(
    ("login", "password"), [("ed", "wrong"), ("ed", ""), ("nobody", ""), ("nobody", "secret")]
)
def test_a_wrong_password_and_an_unknown_name_are_denied_alike(mechanism: str, login: str, password: str):
    assert played(mechanism, login, password) == Denied(login)


def test_scram_is_that_of_rfc_7677():
    """The exchange of §3: user "user", password "pencil"."""
    keys = sasl.Keys.made("pencil", sasl.unline(b"W22ZaJ0SNY7soEsUEjb6gQ==") or b"", 4096)
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    transcript = (
        f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}".encode()
    )
    assert sasl.line(keys.proof(transcript)) == b"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    assert sasl.line(keys.signature(transcript)) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_a_scram_client_notices_a_server_that_does_not_know_the_password():
    client = sasl.ANSWERS["SCRAM-SHA-256"]("ed", "secret", Random(2))
    server = Exchange("SCRAM-SHA-256", terms())
    first = server.begin(next(client))
    assert isinstance(first, Challenge)
    client.send(first.octets)
    with pytest.raises(ValueError, match="does not know"):
        client.send(b"v=AAAA")


def test_nobody_acts_for_another():
    assert Exchange("PLAIN", terms()).begin(b"luc\0ed\0secret") == Denied("ed")
    assert Exchange("PLAIN", terms()).begin(b"ed\0ed\0secret") == Granted("ed")


def test_lines_are_base64_and_a_star_gives_up():
    exchange = Exchange("PLAIN", terms())
    assert exchange.begin() == Challenge(b"")
    assert exchange.answer_line(b"not base64!") == Denied(flaw="that is not base64")
    assert Exchange("LOGIN", terms()).begin() == Challenge(b"Username:")
    started = Exchange("PLAIN", terms())
    started.begin()
    assert isinstance(started.answer_line(b"*"), Denied)


def test_passwords_are_compared_as_people_type_them():
    assert sasl.prepared("I\u00adX") == b"IX"  # RFC 4013 §3
    assert sasl.prepared("\u00aa") == b"a"
    assert sasl.prepared("a\u00a0b") == b"a b"


@given(some.sampled_from(list(sasl.MECHANISMS)), some.lists(some.binary(max_size=60), min_size=1, max_size=4))
def test_garbage_is_denied_and_never_raises(mechanism: str, responses: list[bytes]):
    exchange = Exchange(mechanism, terms())
    outcome = exchange.begin()
    for response in responses:
        if isinstance(outcome, Challenge):
            outcome = exchange.answer(response)
    assert not isinstance(outcome, Granted)
