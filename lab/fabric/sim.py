"""The simulated fabric: every host in one process, the network in memory, time on a leash.

The rule: the same seed tells the same story, in every process and on every Python. Hence no thread, no socket,
no wall clock and no chance but the seeded streams. On virtual time five days pass in a blink; on paced time a
class can look on. Use it inside a running `LabLoop`; the loop's time source is the fabric's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lab.fabric.base import Boot, Capability
from lab.fabric.disk import MemoryDisk
from lab.fabric.memory import MemoryStack, Network
from lab.fabric.one_process import OneProcessFabric
from lab.fabric.tap import Subscriber, Untap
from lab.log import EventLog
from lab.names import DomainName
from lab.topology.plan import HostPlan


class SimFabric(OneProcessFabric):
    """A place for hosts to live, in memory. `ranges`: every address of the lab is in one of these."""

    name = "sim"
    view = "Its packets are what the simulated network carried, in the segments that a kernel would make of it."
    capabilities = frozenset({Capability.RUN_AHEAD, Capability.DETERMINISM, Capability.TAP, Capability.POWER_CUT})

    def __init__(self, ranges: Sequence[str], boot: Boot, seed: str = "1", log: EventLog | None = None) -> None:
        super().__init__(boot, seed, log, lambda host: MemoryStack(host, self._network), lambda _: MemoryDisk())
        self._network = Network(self.loop, self.rules, ranges)

    def add(self, plan: HostPlan) -> None:
        super().add(plan)
        for address in plan.addresses:
            self._network.places[address] = self.hosts[plan.name]

    def tap(self, subscriber: Subscriber, hosts: Collection[DomainName] = ()) -> Untap:
        """Show the packets that this network would carry if it were one of wires (`wiretap`)."""
        return self._network.wiretap.subscribe(subscriber)
