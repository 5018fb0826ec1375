"""The packets that a network in memory would carry, for whoever listens.

The rule: it only looks. Nothing that happens in the network depends on whether somebody listens; it draws no
chance and sets no timer. Where nobody does, `watches` is False and nothing else is touched.

Sequence numbers, acknowledgements and segments are made here, as a kernel would: a FIN and a SYN count one octet,
what is lost is sent again under its old number, each arrival is acknowledged at once, octets go in segments that
fit on an Ethernet. Initial numbers come from addresses, ports and time (as in RFC 6528, but no secret): the same
story has the same octets. The window is the network's, and constant: a program that does not read is seen
by its sender's silence. A connection that is older than the capture is seen from its middle.

What meets no host comes back as ICMP from the sender's own kernel, as when no neighbour answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import field
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING
from zlib import crc32

from lab.fabric.rules import Packet, Verdict
from lab.fabric.stream import WINDOW, Flag, Item, Socket
from lab.fabric.tap import Frame, Subscriber, Untap
from lab.fabric.way import Ends
from lab.values import dataclass
from lab.wire import packet
from lab.wire.packet import Segment

if TYPE_CHECKING:
    from lab.fabric.memory import Network

_SHIFT = 7
_WINDOW = WINDOW >> _SHIFT
_ACK = packet.Flag.ACK
_ENDED_KEPT = 1000
"""Connections that are over and remembered: what is still under way belongs to them."""


@dataclass(slots=True)
class Flow:
    """One direction of a connection."""

    start: int
    sequence: int
    """Of the next octet to leave."""
    arrived: int
    """The next octet that the other side waits for."""
    under_way: deque[tuple[bytes, ...]] = field(default_factory=deque)
    answer: bytes = b""
    """What a SYN from the other side was answered with last."""
    stands: bool = False
    finished: bool = False
    """Its FIN has arrived."""
    reset: bool = False

    @property
    def over(self) -> bool:
        return self.finished or self.reset


class Wiretap:
    """One for a network. Its methods are called by the network, in the order in which things happen."""

    __slots__ = ("_coming", "_ended", "_flows", "_network", "_serials", "_subscribers", "watches")

    def __init__(self, network: Network) -> None:
        self._network = network
        self._subscribers: tuple[Subscriber, ...] = ()
        self._flows: dict[Ends, Flow] = {}
        self._ended: deque[tuple[Ends, Flow]] = deque()
        self._coming: list[tuple[float, int, Frame]] = []
        """What is still under way that nobody waits for: ACKs, and errors."""
        self._serials = count()
        self.watches = False

    def subscribe(self, subscriber: Subscriber) -> Untap:
        self._subscribers += (subscriber,)
        self.watches = True
        return lambda: self._leave_alone(subscriber)

    def _leave_alone(self, subscriber: Subscriber) -> int:
        self._show_due(self._network.loop.time())
        self._subscribers = tuple(one for one in self._subscribers if one is not subscriber)
        self.watches = bool(self._subscribers)
        if not self.watches:
            self._flows.clear()
            self._ended.clear()
            self._coming.clear()
        return 0

    # -- the handshake ---------------------------------------------------------------------------------------

    def syn_left(self, here: Socket, to: Socket) -> None:
        """A caller's SYN, or the same again."""
        if not self.watches:
            return
        flow = self._flows.get((here, to))
        if flow is None or flow.stands or flow.over:
            self._flows[here, to] = flow = self._begin(here, to)
            self._flows[to, here] = self._begin(to, here)
        syn = Segment(packet.Flag.SYN, flow.start, options=packet.mss_options(":" in to[0], _SHIFT))
        flow.under_way.clear()
        self._leaves((here, to), flow, (packet.tcp(here, to, syn),), lost=False)

    def turned_away(self, here: Socket, to: Socket, verdict: Verdict) -> None:
        """Instead of an answer: the kernel of a host that is down, or the caller's own, says no."""
        flow = self._flows.pop((here, to), None)
        self._flows.pop((to, here), None)
        if flow is None or not self.watches:
            return
        (syn,) = flow.under_way[-1]
        if verdict is Verdict.REFUSE:
            self._came((here, to), flow)
            no = packet.tcp(to, here, Segment(packet.Flag.RST | _ACK, 0, flow.start + 1, 0))
            self._tell(to[0], no, sent=True)
            self._tell(here[0], no, sent=False)
        else:
            self._tell(here[0], packet.unreachable(syn, here[0]), sent=True)

    def answered(self, here: Socket, to: Socket, accepted: bool) -> None:
        """The SYN has arrived, and SYN-ACK or RST leaves."""
        if not self.watches:
            return
        flow, back = self._flows.get((here, to)), self._flows.get((to, here))
        if flow is None or back is None:
            return
        self._came((here, to), flow)
        flow.arrived = flow.sequence = flow.start + 1
        if accepted:
            options = packet.mss_options(":" in to[0], _SHIFT)
            yes = Segment(packet.Flag.SYN | _ACK, back.start, flow.arrived, options=options)
            back.answer = packet.tcp(to, here, yes)
        else:
            back.answer = packet.tcp(to, here, Segment(packet.Flag.RST | _ACK, 0, flow.arrived, 0))
            back.reset = True
        back.sequence = back.start + 1
        self._tell(to[0], back.answer, sent=True)

    def answer_came(self, here: Socket, to: Socket) -> None:
        if not self.watches:
            return
        flow, back = self._flows.get((here, to)), self._flows.get((to, here))
        if flow is None or back is None or not back.answer:
            return
        self._tell(here[0], back.answer, sent=False)
        back.arrived = back.sequence
        flow.stands = back.stands = True
        if back.reset:
            self._note_end((here, to))

    # -- what an open connection carries: `lab.fabric.way.Witness` -------------------------------------------

    def left(self, ends: Ends, item: Item, lost: bool) -> None:
        flow, back = self._flow(ends), self._flow(ends[::-1])
        packets = tuple(_packets(ends, item, flow.sequence, back.arrived))
        if not lost:
            flow.sequence += _size(item)
        self._leaves(ends, flow, packets, lost)
        if item is Flag.RST and not flow.reset:
            flow.reset = True
            self._note_end(ends)

    def came(self, ends: Ends, item: Item) -> None:
        flow = self._flow(ends)
        self._came(ends, flow)
        flow.arrived += _size(item)
        if item is Flag.FIN:
            flow.finished = True
            if self._flow(ends[::-1]).finished:
                self._note_end(ends)

    def taken(self, ends: Ends, item: Item) -> None:
        """The receiver's kernel has dealt with it: its ACK, unless it has reset the connection."""
        flow, back = self._flow(ends), self._flow(ends[::-1])
        if not _size(item) or flow.reset or back.reset:
            return
        ack = packet.tcp(ends[1], ends[0], Segment(_ACK, back.sequence, flow.arrived, _WINDOW))
        self._tell(ends[1][0], ack, sent=True)
        later = self._way_back(ends)
        if later is not None:
            self._tell(ends[0][0], ack, sent=False, later=later)

    def _way_back(self, ends: Ends) -> float | None:
        """Seconds until an ACK has come to the sender; None: it does not."""
        rules, places = self._network.rules, self._network.places
        there, here = places.get(ends[1][0]), places.get(ends[0][0])
        if here is None or there is None or rules.verdict(there, here, Packet.STREAM) is not Verdict.PASS:
            return None
        line = rules.line(there, here)
        return line.link.latency.total_seconds() if line else 0.0

    # -- datagrams -------------------------------------------------------------------------------------------

    def datagram_left(self, source: Socket, to: Socket, octets: bytes) -> None:
        self._tell(source[0], packet.udp(source, to, octets), sent=True)

    def datagram_came(self, source: Socket, to: Socket, octets: bytes) -> None:
        self._tell(to[0], packet.udp(source, to, octets), sent=False)

    def datagram_returned(self, source: Socket, to: Socket, octets: bytes, host: bool, later: float = 0.0) -> None:
        """No program there had the port; or (`host` False) no host the address."""
        lost = packet.udp(source, to, octets)
        if host:
            told = packet.unreachable(lost, to[0], port=True)
            self._tell(to[0], told, sent=True)
            self._tell(source[0], told, sent=False, later=later)
        else:
            self._tell(source[0], packet.unreachable(lost, source[0]), sent=True)

    # -- below -----------------------------------------------------------------------------------------------

    def _flow(self, ends: Ends) -> Flow:
        found = self._flows.get(ends)
        if found is None:
            found = self._flows[ends] = self._begin(*ends)
            found.stands = True
        return found

    def _begin(self, here: Socket, to: Socket) -> Flow:
        now = self._network.loop.time()
        start = crc32(f"{here[0]}:{here[1]} {to[0]}:{to[1]} {now:.9f}".encode())
        return Flow(start, start, start)

    def _leaves(self, ends: Ends, flow: Flow, packets: tuple[bytes, ...], lost: bool) -> None:
        if not lost:
            flow.under_way.append(packets)
        for octets in packets:
            self._tell(ends[0][0], octets, sent=True)

    def _came(self, ends: Ends, flow: Flow) -> None:
        for octets in flow.under_way.popleft() if flow.under_way else ():
            self._tell(ends[1][0], octets, sent=False)

    def _tell(self, address: str, octets: bytes, sent: bool, later: float = 0.0) -> None:
        host = self._network.places.get(address)
        if host is None:
            return
        now = self._network.loop.time()
        if self._coming:
            self._show_due(now)
        if later:
            frame = Frame(now + later, host.name, octets, sent)
            heappush(self._coming, (frame.t, next(self._serials), frame))
        else:
            self._show(Frame(now, host.name, octets, sent))

    def _show_due(self, now: float) -> None:
        while self._coming and self._coming[0][0] <= now:
            self._show(heappop(self._coming)[2])

    def _show(self, frame: Frame) -> None:
        for subscriber in self._subscribers:
            subscriber(frame)

    def _note_end(self, ends: Ends) -> None:
        for pair in (ends, ends[::-1]):
            if pair in self._flows:
                self._ended.append((pair, self._flows[pair]))
        while len(self._ended) > _ENDED_KEPT:
            old, flow = self._ended.popleft()
            if self._flows.get(old) is flow:
                del self._flows[old]


def _size(item: Item) -> int:
    """How far it brings the sequence numbers on."""
    return len(item) if isinstance(item, bytes) else item is Flag.FIN


_FLAGS = {Flag.ACK: _ACK, Flag.FIN: packet.Flag.FIN | _ACK, Flag.RST: packet.Flag.RST | _ACK}


def _packets(ends: Ends, item: Item, sequence: int, acknowledged: int) -> Iterator[bytes]:
    """An item of the stream in packets; the last one with octets says that there are no more for now (PSH)."""
    if isinstance(item, Flag):
        yield packet.tcp(*ends, Segment(_FLAGS[item], sequence, acknowledged, _WINDOW))
        return
    full = packet.segment_size(":" in ends[0][0])
    for at in range(0, len(item), full):
        flags = _ACK | packet.Flag.PSH if at + full >= len(item) else _ACK
        part = item[at : at + full]
        yield packet.tcp(*ends, Segment(flags, sequence + at, acknowledged, _WINDOW, payload=part))
