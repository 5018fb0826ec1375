"""A mini-Internet against a model of it: whoever does whatever, in any order, nothing is lost and nothing doubled.

A stateful test: hypothesis sends, breaks, heals, lets time pass, reads and deletes, and looks for the order that
breaks a promise. The model knows only what a person was told: which messages were taken, and which were deleted by
a POP3 session that heard its goodbye. What has failed, and which doubling RFC 1047 allows, the promises read in
the log.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from lab import topology
from lab.clock import VirtualTime
from lab.errors import LabError
from lab.events import Stage
from lab.fabric.loop import LabLoop
from lab.fabric.sim import SimFabric
from lab.faults import Crash, DiskFull, Down, Paused, PowerCut, Reply, Reset, Silent, Stall, Unreachable
from lab.internet import Internet
from lab.mail.spool import Spool
from lab.scenario import Net, Unmet
from lab.scenario.futures.acts import Retry, Send, do
from lab.scenario.futures.judging import HEALING, judge
from lab.scenario.futures.promises import Key, excuses
from lab.wire.received import read_heading
from tests.scenario.futures.test_planted import forgetful_append

WORLD = """\
name: model
domains:
  a.be: {mx: [5 mail.a.be, 10 mail.b.com], people: [p]}
  b.com: {mx: [5 mail.b.com], people: [q, r], hosts: {mail.b.com: {mail: {backup_for: [a.be]}}}}
"""
PLAN = topology.loads(WORLD)
PEOPLE = st.sampled_from(["p@a.be", "q@b.com", "r@b.com"])
HOSTS = st.sampled_from(["mail.a.be", "mail.b.com"])
FAULTS = st.sampled_from(
    [
        Down(),
        Crash(),
        Silent(),
        Unreachable(),
        Paused(),
        DiskFull(),
        Reply(stage=Stage.RCPT, code=451, times=1),
        Reply(stage=Stage.MAIL, code=550),
        Reset(stage=Stage.EOM, times=1),
        Stall(stage=Stage.DATA),
    ]
)
SPANS = st.sampled_from([0.001, 0.02, 0.3, 2.0, 60.0, 400.0, 7200.0])


class Model(RuleBasedStateMachine):
    """One world, and what a person knows of it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=lambda: LabLoop(VirtualTime()))
        self.net: Net = self.runner.run(_up())
        self.number = 0
        self.deleted: set[Key] = set()
        """What was deleted in a session that ended well."""
        self.perhaps: set[Key] = set()
        """What was deleted in a session of which QUIT was said at least; its reply may have been lost."""
        self.broken = False

    def teardown(self) -> None:
        try:
            self.runner.run(self.settle())
        finally:
            self.runner.run(self.net.internet.down())
            self.runner.close()

    # -- what happens ---------------------------------------------------------------------------------------

    @rule(sender=PEOPLE, to=st.lists(PEOPLE, min_size=1, max_size=3, unique=True), size=st.sampled_from([0, 9000]))
    def send(self, sender: str, to: list[str], size: int) -> None:
        self.number += 1
        taken = self.runner.run(do(self.net.internet, Send(sender, tuple(to), f"m{self.number}", size)))
        self.net.taken += [taken] if taken is not None else []

    @rule(host=HOSTS, fault=FAULTS)
    def fail(self, host: str, fault: Down) -> None:
        self.runner.run(self.net.internet.fail(host, fault))
        self.broken = True

    @rule(host=HOSTS)
    def power_cut(self, host: str) -> None:
        self.runner.run(self.net.internet.fail(host, PowerCut()))
        self.broken = True

    @rule()
    def cut(self) -> None:
        self.net.internet.cut(["mail.a.be"], ["mail.b.com"])
        self.broken = True

    @rule()
    def slow_disks(self) -> None:
        self.net.internet.slow_disks()

    @precondition(lambda self: self.broken)
    @rule(host=st.sampled_from(["mail.a.be", "mail.b.com", ""]))
    def heal(self, host: str) -> None:
        self.runner.run(self.net.internet.heal(host))
        self.broken = host != ""

    @rule(seconds=SPANS)
    def advance(self, seconds: float) -> None:
        self.runner.run(self.net.internet.advance(timedelta(seconds=seconds)))

    @rule(host=st.sampled_from(["mail.a.be", "mail.b.com", ""]))
    def retry(self, host: str) -> None:
        self.runner.run(do(self.net.internet, Retry(host)))

    @precondition(lambda self: self.number)
    @rule(address=PEOPLE, goodbye=st.booleans())
    def read_and_delete(self, address: str, goodbye: bool) -> None:
        """DELE takes effect with QUIT, and with nothing else (RFC 1939 §6)."""
        with suppress(LabError, OSError, Unmet):
            key = self.runner.run(self._delete_first(address, goodbye))
            if goodbye and key:
                self.deleted.add(key)

    async def _delete_first(self, address: str, goodbye: bool) -> Key | None:
        async with self.net.pop3(address) as pop:
            count, _ = await pop.stat()
            if not count:
                return None
            key = (read_heading(await pop.fetch(1)).message_id, address)
            await pop.delete(1)
            if goodbye:
                self.perhaps.add(key)
            else:
                pop.hang_up()
        return key

    # -- what always holds ----------------------------------------------------------------------------------

    @invariant()
    def no_program_of_the_lab_breaks_down(self) -> None:
        assert not self.net.internet.fabric.crashes  # type: ignore[attr-defined]

    async def settle(self) -> None:
        """All is healed and time passes: then the promises hold, and what is gone was deleted by its owner."""
        internet = self.net.internet
        judged = await judge(internet, self.net.taken, HEALING)
        broken = [one for one in judged.broken if (one.message_id, one.address) not in self.perhaps]
        assert not broken, [str(one) for one in broken]
        assert judged.story.taken_out <= self.perhaps, "deleted, and nobody said QUIT"
        addresses = {host.name: host.addresses for host in PLAN.hosts}
        allowed = excuses(judged.story, addresses)
        assert not [key for key in self.deleted if judged.mailboxes.copies.get(key, 0) > allowed[key[0]]]


async def _up() -> Net:
    internet = Internet(PLAN, lambda boot: SimFabric(PLAN.ranges, boot, seed="1"))
    await internet.up()
    return Net(internet)


BOUNDS = settings(max_examples=400, stateful_step_count=25, derandomize=True, deadline=None)
"""Some 4 s of CPU on a quiet machine."""

TestModel = Model.TestCase
TestModel.settings = BOUNDS


def test_a_queue_that_forgets_to_sync_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spool, "_append", forgetful_append)
    looking = settings(BOUNDS, max_examples=300, phases=[Phase.generate], database=None)
    with pytest.raises(AssertionError, match="is lost"):
        run_state_machine_as_test(Model, settings=looking)
