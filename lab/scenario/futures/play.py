"""One future, played on a simulated world of its own, and held against the promises.

The rule: first whatever the acts are (safety: nothing that happens now may lose anything), then all is healed and
so many days pass (liveness: what can arrive, arrives), then every message is accounted for. Deterministic: the
same seed and acts, the same outcome; so a failing list of acts can be cut down by playing parts of it again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from lab.clock import VirtualTime
from lab.errors import WorldSaidNo
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.internet import Internet
from lab.names import DomainName
from lab.scenario.futures.acts import Acts, do
from lab.scenario.futures.judging import HEALING, Judged, excused, judge
from lab.scenario.futures.promises import Breach, Broken, Key, Story
from lab.topology.plan import Plan
from lab.values import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one future. Counts are of recipients: a message to three is three."""

    seed: int
    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    by_backup: int = 0
    """Delivered after a host that only holds mail for its domain had it."""
    twice: int = 0
    """In a mailbox more than once, by a 250 that was lost."""
    delays: tuple[float, ...] = ()
    """Lab seconds from hand-in to mailbox, of each that was delivered."""
    broken: tuple[Broken, ...] = ()
    befell: tuple[str, ...] = ()
    """The misfortunes of it, a word each."""
    story: str = ""
    """The hash of its event log."""

    @property
    def passed(self) -> bool:
        return not self.broken


def play(plan: Plan, seed: int, acts: Acts, hashed: bool = False) -> Outcome:
    """Play the acts in memory, with this seed for whatever chance the world takes; `hashed`: with its story."""

    async def live() -> Outcome:
        world = replace(plan, seed=str(seed))
        internet = Internet(world, lambda boot: SimFabric(world.ranges, boot, seed=world.seed))
        await internet.up()
        taken = [one for act in acts if (one := await do(internet, act)) is not None]
        judged = await judge(internet, taken, HEALING)
        await internet.down()
        return outcome(seed, judged, internet, internet.log.trace_hash() if hashed else "")

    try:
        with asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime())) as runner:
            return runner.run(live())
    except WorldSaidNo as error:  # everyone waits, and nothing is due
        return Outcome(seed, broken=(Broken(Breach.ENDLESS, detail=str(error)),))


def outcome(seed: int, judged: Judged, internet: Internet, story: str = "") -> Outcome:
    there = {key: at for key, at in judged.story.arrived.items() if key in judged.story.promised}
    backup = _through_backup(judged.story, internet.plan)
    return Outcome(
        seed,
        sent=len(judged.story.promised),
        delivered=len(there),
        bounced=len(judged.story.failed),
        by_backup=sum(key in backup for key in there),
        twice=excused(judged),
        delays=tuple(at - judged.story.promised[key] for key, at in there.items()),
        broken=judged.broken,
        story=story,
    )


def _through_backup(story: Story, plan: Plan) -> set[Key]:
    """What a host took that is not the recipient's own."""
    homes: dict[str, tuple[DomainName, ...]] = {
        host.name: host.mail.local_domains for host in plan.hosts if host.mail
    }
    return {
        (story.ids[instance], address.lower())
        for _, instance, recipients in story.accepted
        for address in recipients
        if not address.endswith("]") and DomainName(address.rpartition("@")[2].lower()) not in homes[instance[0]]
    }
