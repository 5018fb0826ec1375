"""What a scenario expects of a message it sent: where it is, when, and which way it took.

The rule: an expectation binds to the message, through its journey, never to a line of a log; it waits on lab
time with a bound, never on a sleep; and it ends early when the answer can only be no.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.clock import show_span
from lab.errors import WrongUse
from lab.journey import Fate, Journey, Layer, State, Step, plain, render
from lab.journey.case import case_of
from lab.journey.closing import closing
from lab.journey.diagnoses import CATALOGUE, Finding, diagnose
from lab.journey.world import world_of
from lab.scenario.unmet import Unmet
from lab.scenario.words import span

if TYPE_CHECKING:
    from datetime import timedelta

    from lab.scenario.net import Net

_OVER = (State.BOUNCED, State.REFUSED)


class Mail:
    """A message on its way. `net.send` makes one."""

    def __init__(self, net: Net, id: str) -> None:
        self._net = net
        self.id = id

    @property
    def journey(self) -> Journey:
        return self._net.journeys[self.id]

    @property
    def state(self) -> State:
        return self._net.journeys.state(self.id)

    def screen(self) -> str:
        """The journey as text, as of now."""
        return plain(render(self.journey, now=self._net.elapsed, width=110))

    # -- where it is, on lab time -------------------------------------------------------------------------

    async def delivered(self, within: str | timedelta = "1h", to: str = "") -> None:
        """Everyone (or `to`) has it in a mailbox."""
        whose = f"{to or _people(self.journey)} to have it in the mailbox"

        def there() -> bool:
            return all(fate.state is State.DELIVERED for fate in self._fates(to))

        await self._wait(
            there, whose, within, hopeless=lambda: any(fate.state in _OVER for fate in self._fates(to))
        )

    async def held_at(self, host: str, within: str | timedelta = "10m", or_at: str = "") -> None:
        """That host (or that other one) took it over, could not pass it on, and tries again later."""
        hosts = [self._net.internet.host(name).name for name in ((host, or_at) if or_at else (host,))]

        def held() -> bool:
            return any(
                fate.state is State.HELD and fate.host in hosts and fate.next_try is not None
                for fate in self._fates()
            )

        await self._wait(held, f"it to be held at {' or '.join(hosts)}", within, hopeless=self._settled)

    async def queued(self, within: str | timedelta = "10m") -> None:
        """Nobody took it: it waits for its next try at the host where it was handed in."""

        def waits() -> bool:
            return any(fate.state is State.QUEUED and fate.next_try is not None for fate in self._fates())

        await self._wait(waits, f"it to wait at {self.journey.host}", within, hopeless=self._settled)

    async def bounced(self, status: str = "", within: str | timedelta = "6d", to: str = "") -> None:
        """Some host gave up (with this enhanced status), and the sender has the bounce in the mailbox."""

        def gave_up() -> bool:
            failed = [fate for fate in self._fates(to) if fate.state is State.BOUNCED]
            return any(fate.status.startswith(status) for fate in failed) and self._told("bounce")

        words = f"it to bounce{f' with {status}' if status else ''}, and the sender to be told"
        await self._wait(gave_up, words, within, hopeless=lambda: self.state in (State.DELIVERED, State.REFUSED))

    async def warned(self, within: str | timedelta = "1d") -> None:
        """The sender has a warning in the mailbox that it takes longer."""
        words = "the sender to be warned of the delay"
        await self._wait(lambda: self._told("warning"), words, within, hopeless=self._settled)

    # -- now ----------------------------------------------------------------------------------------------

    def refused(self, reason: str = "") -> None:
        """It was never taken."""
        fate = self.journey.fates[0]
        if fate.state is not State.REFUSED or reason.lower() not in fate.detail.lower():
            raise self._unmet(f"it to be refused at once{f': {reason}' if reason else ''}")

    def not_warned(self) -> None:
        if self._told("warning"):
            raise self._unmet("no warning to the sender yet")

    def took(self, *steps: str) -> None:
        """The journey has these steps in this order, others between them or not: "relay.eunet.be 250"."""
        waiting = list(steps)
        for step in self.journey.steps:
            if waiting and _matches(waiting[0], step):
                waiting.pop(0)
        if waiting:
            done = f" (after {steps[len(steps) - len(waiting) - 1]})" if len(waiting) < len(steps) else ""
            raise self._unmet(f"a step '{waiting[0]}'{done}", "no such step there")

    def tried(self, *hosts: str, by: str = "") -> None:
        """These hosts were tried in this order, and no other, by the first host (or `by`)."""
        found = self._tried(by or self.journey.host)
        if found != list(hosts):
            raise self._unmet(
                f"{_listed(hosts)} to be tried", _listed(found) + (" was" if len(found) == 1 else " were")
            )

    def never_tried(self, host: str) -> None:
        if any(host in self._tried(by) for by in dict.fromkeys(step.host for step in self.journey.steps)):
            raise self._unmet(f"{host} never to be tried", "it was")

    def why(self) -> Finding:
        """Why it is where it is: what `lab why` says, as a value (`code`, `sentence`, `remedy`, `cause` …)."""
        internet = self._net.internet
        world = world_of(internet.plan, internet.log)
        return diagnose(case_of(self._net.journeys, self.id, world, self._net.elapsed))

    def is_because(self, code: str) -> None:
        """The diagnosis has this code, or the first cause below it has: D301. All codes:  lab explain"""
        if code not in CATALOGUE:
            raise WrongUse(f"there is no diagnosis '{code}'", remedy="All of them:  lab explain", code="W015")
        found = self.why()
        if code not in found.codes:
            title = CATALOGUE[code].title
            raise self._unmet(
                f"it to be because of {code}, {title}", f"{found.code}: {found.sentence.rstrip('.')}"
            )

    # -- below --------------------------------------------------------------------------------------------

    def _fates(self, to: str = "") -> tuple[Fate, ...]:
        return tuple(
            fate for fate in self._net.journeys.fates(self.id) if to.lower() in ("", fate.recipient.lower())
        )

    def _settled(self) -> bool:
        return self.state in (State.DELIVERED, *_OVER)

    def _told(self, kind: str) -> bool:
        return any(
            notice.kind == kind and notice.state is State.DELIVERED
            for notice in self._net.journeys.notices(self.id)
        )

    def _tried(self, by: str) -> list[str]:
        places = [
            step.place for step in self.journey.steps if step.host == by and step.layer in (Layer.TCP, Layer.SMTP)
        ]
        return [place for n, place in enumerate(places) if place != by and (n == 0 or places[n - 1] != place)]

    async def _wait(
        self, done: Callable[[], bool], expected: str, within: str | timedelta, hopeless: Callable[[], bool]
    ) -> None:
        limit = span(within)
        await self._net.until(lambda: done() or hopeless(), limit)
        if not done():
            raise self._unmet(f"{expected} within {show_span(limit)}")

    def _unmet(self, expected: str, came: str = "") -> Unmet:
        came = came or closing(self.journey, self._net.elapsed).rstrip(".")
        found = self.why()
        return Unmet(expected, came, f"{self.screen()}\n\n {found.code}  {found.sentence}")


def _matches(pattern: str, step: Step) -> bool:
    """All words of the pattern stand in the step, in their order; a host may be named without its port."""
    words = iter(f"{step.place} {step.what}".lower().replace(",", " ").split())
    return all(any(word.strip(":;") == wanted for word in words) for wanted in pattern.lower().split())


def _people(journey: Journey) -> str:
    return " and ".join(recipient.rpartition("@")[0] for recipient in journey.recipients)


def _listed(hosts: tuple[str, ...] | list[str]) -> str:
    return ", then ".join(hosts) or "nobody"
