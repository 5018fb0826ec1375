"""The local fabric's tap: what a packet socket sees on `lo` and the cables, told as the hosts' frames at lab time.

The rule: lab time is what is shown. The kernel stamps a packet with the machine's time; how far lab time is from
that is taken when the packet is fetched. Between the two lab time has not leapt, for it leaps only when
no socket has been ready for a while, and the tap's is one of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from lab.fabric.kernel import Network
from lab.fabric.sniff import Seen, Sniffer
from lab.fabric.tap import Frame, Subscriber
from lab.wire.packet import NoPacket, read


class LoopbackTap:
    """Fetches until `stop`. MachineSaidNo (H015) where the machine does not let us look. `interface`: see
    `Sniffer`."""

    def __init__(self, network: Network, subscriber: Subscriber, interface: str = "lo") -> None:
        self._network = network
        self._subscriber = subscriber
        self._sniffer = Sniffer(interface)
        # In no host's context: a paused one does not hold the tap.
        watch: Callable[..., None] = network.loop.add_reader
        network.context.copy().run(watch, self._sniffer.fileno(), self._fetch)

    def stop(self) -> int:
        """Fetch what is there yet, and leave; returns how many packets were lost."""
        while self._fetch():
            pass
        self._network.loop.remove_reader(self._sniffer.fileno())
        dropped = self._sniffer.count_dropped()
        self._sniffer.close()
        return dropped

    def _fetch(self) -> int:
        """Show what has come; how many packets that were."""
        behind = time.time_ns() - round(self._network.loop.time() * 1e9)
        seen = list(self._sniffer.read())
        for one in seen:
            self._show(one, (one.when - behind) / 1e9)
        return len(seen)

    def _show(self, seen: Seen, t: float) -> None:
        try:
            packet = read(seen.octets)
        except NoPacket:
            return
        for address, sent in ((packet.source[0], True), (packet.target[0], False)):
            host = self._network.places.get(address)
            if host is not None:
                self._subscriber(Frame(t, host.name, seen.octets, sent))
