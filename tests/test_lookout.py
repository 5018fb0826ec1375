"""The lookout sees what it has to see: leaks planted in a private network, whose way out leads nowhere."""

from __future__ import annotations

import ipaddress
import shutil
import socket
import struct
import subprocess
from contextlib import suppress

import pytest

from tests.conftest import told
from tests.fabric.forked import in_namespace
from tests.lookout import Lookout, Packet, Watched, lab_names, lab_ranges, leaks, wired

WAY_OUT = """
ip link add way-out type veth peer name outside
ip addr add 10.1.1.1/24 dev way-out
ip -6 addr add fd99::1/64 dev way-out nodad
ip link set way-out up
ip link set outside up
ip neigh add 10.1.1.53 lladdr 02:00:00:00:00:35 dev way-out
ip route add default via 10.1.1.53
ip -6 neigh add fd99::53 lladdr 02:00:00:00:00:35 dev way-out
ip -6 route add default via fd99::53
ip route add 198.18.7.0/24 dev way-out
"""
QUESTION = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00%s\x00\x0f\x00\x01"


def seen_of(*sent: tuple[str, int, bytes]) -> Watched:
    """What a lookout says of these datagrams, on a machine with one way out."""
    ranges = lab_ranges()  # before there are routes
    for line in WAY_OUT.strip().splitlines():
        subprocess.run(line.split(), check=True)
    lookout = Lookout(ranges, lab_names())
    for address, port, octets in sent:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sender, suppress(OSError):
            sender.sendto(octets, (address, port))
    return lookout.end()


def _a_lab_address_is_a_leak() -> None:
    watched = seen_of(("198.18.2.25", 25, b"x"), ("10.81.3.4", 9, b"x"), ("fd00:79::5", 25, b"x"))
    assert watched.unproven == ""
    assert "way-out" in watched.interfaces
    for address in ("198.18.2.25", "10.81.3.4", "fd00:79::5"):
        assert any(leak.startswith("way-out: a packet") and leak.endswith(address) for leak in watched.leaks)


def _a_question_who_has_a_lab_address_is_a_leak() -> None:
    watched = seen_of(("198.18.7.9", 25, b"x"))
    assert "way-out: a packet 10.1.1.1 → 198.18.7.9" in watched.leaks


def _a_question_for_a_labs_name_is_a_leak() -> None:
    watched = seen_of(
        ("10.1.1.53", 53, QUESTION % wired("mail.belgiannews.com")),
        ("fd99::53", 53, QUESTION % wired("UNIGE.ch")),
        ("10.1.1.53", 53, QUESTION % wired("deb.debian.org")),
    )
    assert {leak for leak in watched.leaks if leak.startswith("way-out")} == {
        "way-out: a question for belgiannews.com, to 10.1.1.53",
        "way-out: a question for unige.ch, to fd99::53",
    }


def _other_traffic_is_none_of_its_business() -> None:
    watched = seen_of(
        ("10.1.1.53", 443, b"belgiannews.com"),
        ("10.1.1.53", 5353, QUESTION % wired("belgiannews.com")),
        ("127.0.0.1", 53, QUESTION % wired("belgiannews.com")),
    )
    assert (watched.leaks, watched.unproven) == ((), "")


def _what_the_machine_has_a_route_to_is_its_own() -> None:
    before = lab_ranges()
    for line in WAY_OUT.strip().splitlines():
        subprocess.run(line.split(), check=True)
    assert [str(one) for one in before if one not in lab_ranges()] == ["198.18.0.0/15"]


@pytest.mark.namespace
@pytest.mark.parametrize(
    "work",
    [
        _a_lab_address_is_a_leak,
        _a_question_who_has_a_lab_address_is_a_leak,
        _a_question_for_a_labs_name_is_a_leak,
        _other_traffic_is_none_of_its_business,
        _what_the_machine_has_a_route_to_is_its_own,
    ],
    ids=lambda work: work.__name__.strip("_"),
)
def test_on_a_machine_with_a_way_out(work: object) -> None:
    if shutil.which("ip") is None:
        pytest.skip("NOT INSTALLED: iproute2")
    in_namespace(work)  # type: ignore[arg-type]


def test_every_name_of_the_topologies_is_known() -> None:
    assert {wired("belgiannews.com"), wired("unige.ch")} <= set(lab_names())


def test_a_packet_within_a_range_is_told_with_both_its_ends() -> None:
    header = struct.pack("!12x4s4s", socket.inet_aton("10.0.0.1"), socket.inet_aton("198.19.255.255"))
    found = list(leaks([Packet("eth0", 0x0800, header)], [ipaddress.ip_network("198.18.0.0/15")], []))
    assert found == ["eth0: a packet 10.0.0.1 → 198.19.255.255"]


@pytest.mark.parametrize(
    ("watched", "words"),
    [
        (Watched(9.6, ("lo", "eth0")), "nothing escaped: lo, eth0 watched for 10 s"),
        (
            Watched(1, ("lo",), unproven="3 packets could not be kept"),
            "*** NOT PROVEN that nothing escaped: 3 p",
        ),
        (Watched(1, ("lo",), ("eth0: a packet a → b",)), "*** ESCAPED:\n  eth0: a packet a → b"),
    ],
)
def test_the_end_of_a_run_tells_what_was_seen(watched: Watched, words: str) -> None:
    assert told(watched).startswith(words)
