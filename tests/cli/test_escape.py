"""What the kernel's tables say of the ways out of a lab."""

from __future__ import annotations

import sys

import pytest

from lab.cli.escape import ends_in, interfaces_in, is_cable, outward, routes_in
from lab.control.home import Home

DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets
    lo:    4032      48    0    0    0     0          0         0     4032      48
  eth0:     100       1    0    0    0     0          0         0      100       1
"""
ROUTE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
"""
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
"""


def test_a_second_interface_is_seen() -> None:
    assert interfaces_in(DEV) == ["lo", "eth0"]


def test_a_cable_to_a_guest_is_no_way_out() -> None:
    assert [name for name in ("lo", "guest1", "guest", "guest1x", "eth0") if is_cable(name)] == ["guest1"]


@pytest.mark.skipif(sys.byteorder != "little", reason="the tables above are a little-endian machine's")
def test_a_default_route_is_seen() -> None:
    assert routes_in(ROUTE) == ["0.0.0.0 by eth0"]
    assert routes_in(ROUTE.splitlines()[0] + "\n") == []


@pytest.mark.skipif(sys.byteorder != "little", reason="the tables above are a little-endian machine's")
def test_a_sockets_own_address_is_read() -> None:
    assert ends_in(TCP) == {"4711": "127.0.0.1"}


def test_without_a_lab_nothing_can_escape(tmp_path: object) -> None:
    assert [verdict for verdict, _ in outward(Home(tmp_path))] == ["good"]  # type: ignore[arg-type]
