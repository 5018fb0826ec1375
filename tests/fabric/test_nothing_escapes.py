"""What a private network lets out: nothing. A packet socket listens on every interface of the machine meanwhile.

Nothing is dialled from the machine's own network here: with its route gone, such a packet would leave the machine.
"""

import contextlib
import errno
import ipaddress
import socket
import struct

import pytest

from tests.fabric.forked import in_namespace

LAB = ipaddress.ip_network("198.18.0.0/15")
OUTSIDE = ("192.0.2.1", "198.51.100.1", "8.8.8.8", "198.18.0.53")
ALL_PROTOCOLS = 0x0003


def knock_everywhere():
    for address in OUTSIDE:
        for kind, port in ((socket.SOCK_STREAM, 25), (socket.SOCK_DGRAM, 53)):
            with socket.socket(socket.AF_INET, kind) as line:
                line.settimeout(2)
                assert line.connect_ex((address, port)) == errno.ENETUNREACH
    with socket.socket(socket.AF_INET6) as line:
        assert line.connect_ex(("2001:db8::1", 25)) == errno.ENETUNREACH
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as shouter:
        shouter.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        with pytest.raises(OSError, match=r"unreachable"):
            shouter.sendto(b"anyone?", ("255.255.255.255", 53))


@pytest.mark.namespace
@pytest.mark.parametrize("user", ["oneself", "ordinary"])
def test_a_fresh_private_network_leads_nowhere(user):
    in_namespace(knock_everywhere, user)


@pytest.mark.namespace
def test_no_interface_of_the_machine_sees_a_packet_of_the_lab():
    with contextlib.closing(_capture()) as capture:
        in_namespace(knock_everywhere)
        _send_the_control()
        seen = _destinations(capture)
    assert "127.9.9.9" in seen, "the capture did not see the control packet"
    assert not [address for address in seen if address in OUTSIDE or ipaddress.ip_address(address) in LAB]


def _capture():
    try:
        capture = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PROTOCOLS))
    except PermissionError:
        pytest.skip("only root may watch the machine's interfaces")
    capture.setblocking(False)
    return capture


def _send_the_control():
    """A packet on the machine's loopback that has to be seen, or the capture proves nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"control", ("127.9.9.9", 9))


def _destinations(capture):
    """Where the captured IPv4 packets went."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            packet, (_, protocol, *_) = capture.recvfrom(65536)
            if protocol == 0x0800 and len(packet) >= 20:
                found.append(socket.inet_ntoa(struct.unpack_from("4s", packet, 16)[0]))
    return found
