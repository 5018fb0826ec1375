"""The SOCKS dialogue, without a socket."""

import socket
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lab.fabric.socks import Dialogue, Target, Turn
from lab.names import Address

GREETING, TO_NAME = b"\x05\x02\x00\x02", b"\x05\x01\x00\x03\x07mail.be\x00\x19"


def told(*pieces):
    """Everything that a dialogue sent, its target, whether it hung up, and what it left over."""
    dialogue, sent = Dialogue(), b""
    for index, piece in enumerate(pieces):
        turn = dialogue.received(piece)
        sent += turn.send
        if turn.over or turn.target:
            return sent, turn.target, turn.over, dialogue.rest + b"".join(pieces[index + 1 :])
    return sent, None, False, dialogue.rest


def test_a_name_is_left_to_the_lab_to_resolve():
    assert told(GREETING + TO_NAME + b"EHLO") == (b"\x05\x00", Target("mail.be", None, 25), False, b"EHLO")


def test_an_ipv6_address_is_a_target():
    request = b"\x05\x01\x00\x04" + socket.inet_pton(socket.AF_INET6, "2001:db8::25") + b"\x00\x19"
    address = Address("2001:db8::25")
    assert told(GREETING, request) == (b"\x05\x00", Target(address, address, 25), False, b"")


def test_who_insists_on_a_password_is_told_that_there_is_none():
    assert told(b"\x05\x01\x02") == (b"\x05\xff", None, True, b"")


@given(st.lists(st.integers(0, len(GREETING + TO_NAME + b"more")), max_size=6).map(sorted))
def test_it_does_not_matter_how_the_octets_are_cut(cuts):
    octets = GREETING + TO_NAME + b"more"
    edges = [0, *cuts, len(octets)]
    assert told(*(octets[a:b] for a, b in pairwise(edges))) == told(octets)


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_no_octets_break_the_dialogue(pieces):
    dialogue = Dialogue()
    for piece in pieces:
        assert isinstance(dialogue.received(piece), Turn)
