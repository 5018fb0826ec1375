"""The private network itself: its addresses, its routes, its visitors, and what it says where it is refused."""

import errno
import os
import socket
import tempfile
from pathlib import Path

import pytest

from lab.fabric import namespace, visit
from lab.fabric.netlink import Route, Routes
from lab.names import Address, DomainName
from tests.fabric.forked import in_namespace

STUDENT, MAIL = Address("198.18.9.9"), Address("198.18.2.25")
UNREACHED = r"unreachable|No route|Invalid argument"
MAIL6, STUDENT6 = Address("2001:db8:2::25"), Address("2001:db8:9::9")


def a_port_under_1024_of_a_lab_address_can_be_served():
    with _served(MAIL, 25), _dialled(MAIL, 25) as line:
        assert line.getsockname()[0] == STUDENT


def an_ipv6_address_is_served_alike():
    with _served(MAIL6, 25), _dialled(MAIL6, 25) as line:
        assert line.getsockname()[0] == STUDENT6


def an_address_that_no_host_has_cannot_be_dialled():
    for outside in ("198.18.2.26", "198.51.100.1", "192.0.2.1", "2001:db8::1"):
        with pytest.raises(OSError, match=UNREACHED) as caught:
            _dialled(Address(outside), 25)
        assert caught.value.errno == errno.ENETUNREACH


def an_unreachable_host_is_told_at_once_and_comes_back():
    with _served(MAIL, 25), Routes() as routes:
        routes.lay([MAIL], Route.UNREACHABLE)
        with pytest.raises(OSError, match=UNREACHED) as caught:
            _dialled(MAIL, 25)
        assert caught.value.errno == errno.EHOSTUNREACH
        routes.lay([MAIL], Route.LOCAL, STUDENT)
        _dialled(MAIL, 25).close()


def a_host_without_a_listener_refuses():
    with pytest.raises(ConnectionRefusedError):
        _dialled(MAIL, 25)


def the_kernel_names_a_route_that_it_refuses():
    with Routes() as routes, pytest.raises(OSError, match=UNREACHED) as caught:
        routes.lay([MAIL], Route.LOCAL, Address("203.0.113.1"))
    assert caught.value.errno == errno.EINVAL


def a_visitor_asks_the_lab_for_names_and_reaches_its_hosts():
    keeper = os.getpid()
    with _served(MAIL, 25):
        reader, writer = os.pipe()
        if os.fork() == 0:
            folder = Path(tempfile.mkdtemp())
            visit.visit(keeper, DomainName("student.unige.ch"), [MAIL], folder, b"")
            _dialled(MAIL, 25).close()
            hosts = Path("/etc/hosts").read_text()
            os.write(writer, f"{socket.gethostname()}|{Path('/etc/resolv.conf').read_text()}|{hosts}".encode())
            os._exit(0)
        os.close(writer)
        told = os.read(reader, 4096).decode()
    assert told.startswith(f"student.unige.ch|nameserver {MAIL}\n|127.0.0.1\tlocalhost")
    assert MAIL not in Path("/etc/resolv.conf").read_text()


CASES = (
    a_port_under_1024_of_a_lab_address_can_be_served,
    an_ipv6_address_is_served_alike,
    an_address_that_no_host_has_cannot_be_dialled,
    an_unreachable_host_is_told_at_once_and_comes_back,
    a_host_without_a_listener_refuses,
    the_kernel_names_a_route_that_it_refuses,
    a_visitor_asks_the_lab_for_names_and_reaches_its_hosts,
)


def _served(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family)
    if family == socket.AF_INET6:
        ipv6_freebind = 78
        server.setsockopt(socket.IPPROTO_IPV6, ipv6_freebind, 1)
    server.bind((address, port))
    server.listen()
    return server


def _dialled(address: Address, port: int) -> socket.socket:
    return socket.create_connection((address, port), timeout=5)


@pytest.mark.namespace
@pytest.mark.parametrize("user", ["oneself", "ordinary"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_inside(case, user):
    in_namespace(lambda: settled(case), user)


def settled(case):
    """Give the network its addresses, and play the case."""
    with Routes() as routes:
        routes.assign(STUDENT)
        routes.assign(STUDENT6)
        routes.lay([MAIL, STUDENT], Route.LOCAL, STUDENT)
        routes.lay([MAIL6], Route.LOCAL, STUDENT6)
    case()


@pytest.mark.parametrize(
    ("number", "settings", "platform", "said"),
    [
        (
            errno.EPERM,
            {"kernel.apparmor_restrict_unprivileged_userns": "1"},
            "linux",
            "sysctl kernel.apparmor_restrict",
        ),
        (errno.ENOSPC, {"user.max_user_namespaces": "0"}, "linux", "sysctl user.max_user_namespaces=10000"),
        (
            errno.EPERM,
            {"kernel.unprivileged_userns_clone": "0"},
            "linux",
            "sysctl kernel.unprivileged_userns_clone=1",
        ),
        (errno.EPERM, {"kernel.unprivileged_userns_clone": "1"}, "linux", "containers"),
        (errno.ENOSYS, {}, "darwin", "feature of Linux"),
        (errno.EINVAL, {}, "linux", "before the program starts threads"),
    ],
)
def test_a_refusal_names_its_cause_and_the_way_round(number, settings, platform, said):
    refusal = namespace.refusal(number, settings, platform)
    assert said in str(refusal)
    assert "lab up --fabric sim" in refusal.remedy
    assert refusal.code == "H010"


def test_only_the_line_for_hosts_of_the_name_service_switch_changes():
    switch = "passwd: files systemd\nhosts: files mymachines resolve [!UNAVAIL=return] dns\nservices: db files\n"
    assert visit.names_from_dns(switch) == "passwd: files systemd\nservices: db files\nhosts: files dns\n"


def test_nobody_can_be_visited_where_nobody_lives():
    with pytest.raises(ProcessLookupError):
        namespace.join(2**22 + 1)
