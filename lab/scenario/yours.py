"""What a student has built so far: their domain, its name server, its exchangers, its people.

The rule: a check asks the running mini-Internet, not the file, and on any names the student chose. Yours is the
first domain of the file. What is not there yet is said in one sentence, with what to write.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.names import DomainName, EmailAddress
from lab.scenario.expect import Mail
from lab.scenario.net import Lookup, Net
from lab.scenario.unmet import Unmet
from lab.topology.plan import HostPlan, Plan, ZonePlan
from lab.values import dataclass


class Missing(Unmet):
    """A step of the exercise that is not done yet."""

    def __init__(self, sentence: str, mail: Mail | None = None) -> None:
        self.sentence = sentence
        super().__init__("", "", mail.screen() if mail else "")

    def __str__(self) -> str:
        return "\n".join([f"Still missing: {self.sentence}", *(["", self.story] if self.story else [])])


@dataclass(frozen=True, slots=True)
class Exchanger:
    preference: int
    host: str


def domain(net: Net) -> DomainName:
    """The student's own domain."""
    return _zone(net).origin


def server(net: Net) -> str:
    """The host that serves it."""
    return _zone(net).servers[0]


def _zone(net: Net) -> ZonePlan:
    found = next((zone for zone in net.plan.zones.values() if _is_own(zone.origin, net.plan)), None)
    if found is None:
        raise Missing("a domain of your own. Write one below 'domains:', like  belgiannews.com:")
    return found


def _is_own(origin: DomainName, plan: Plan) -> bool:
    """No registry: those have one label, or other zones below them; and no zone of addresses."""
    if len(origin.labels) < 2 or origin.is_within(DomainName("arpa")):
        return False
    return not any(other != origin and other.is_within(origin) for other in plan.zones)


async def zone_answers(net: Net) -> Lookup:
    """The zone's own server says who is responsible for it (SOA), with authority."""
    name, host = domain(net), server(net)
    answer = await net.dig(name, "SOA", server=host)
    if not (answer.lines and answer.authoritative):
        raise Missing(f"{host} does not answer for {name} with authority; it says {answer.rcode}.")
    return answer


async def exchangers(net: Net) -> list[Exchanger]:
    """The exchangers, the preferred first, as the domain's own server tells them."""
    name = domain(net)
    lines = (await net.dig(name, "MX", server=server(net))).lines
    if not lines:
        raise Missing(f"{name} has no MX record. Say who takes its mail:  mx: [5 mail.{name}]")
    return sorted((_exchanger(line) for line in lines), key=lambda one: (one.preference, one.host))


def _exchanger(line: str) -> Exchanger:
    preference, _, host = line.partition(" ")
    return Exchanger(int(preference), host.rstrip(".").lower())


def mail_host(net: Net, name: str) -> HostPlan:
    """The host that an MX names; it has to exist, and to take mail."""
    found = next((host for host in net.plan.hosts if host.name == name), None)
    if found is None:
        raise Missing(f"the MX of {domain(net)} names {name}, and there is no such host.")
    if found.mail is None:
        raise Missing(f"{name} is no mail host, though the MX of {domain(net)} names it. Give it  mail: {{}}")
    return found


def person(net: Net) -> EmailAddress:
    """Someone with a mailbox in the student's domain."""
    name = domain(net)
    found = next((box for _, box in _people(net) if box.domain == name), None)
    if found is None:
        raise Missing(f"nobody has a mailbox in {name}. Add  people: [ed]")
    return found


def friend(net: Net, not_at: str = "") -> EmailAddress:
    """Someone elsewhere, who can write."""
    name = domain(net)
    others = [(host, box) for host, box in _people(net) if not box.domain.is_within(name)]
    if not others:
        raise Missing("somebody who writes to you: a second domain, with an MX and a person.")
    found = next((box for host, box in others if host != not_at), None)
    if found is None:
        raise Missing(
            f"somebody who writes to you from elsewhere: a third domain, whose mail host is not {not_at}."
        )
    return found


def _people(net: Net) -> Iterator[tuple[str, EmailAddress]]:
    """Everyone with a mailbox, and the host where it is."""
    for host in net.plan.hosts:
        for box in host.mail.mailboxes if host.mail else ():
            if box.address.literal is None and box.address.local != "postmaster":
                yield host.name, box.address


async def delegated(net: Net) -> None:
    """Whoever starts at the root finds the domain."""
    name = domain(net)
    answer = await net.dig(name, "SOA")
    if answer.rcode == "NXDOMAIN":
        above = name.parent.fqdn
        raise Missing(
            f"the zone {above} does not point to {name}: asked from the root, it does not exist (NXDOMAIN). "
            f"Write its NS into the records of {above.rstrip('.')}, or take 'delegation: no' out."
        )
    if not answer.lines:
        host = next(host for host in net.plan.hosts if host.name == server(net))
        raise Missing(
            f"the delegation of {name} leads to a server that does not answer for it ({answer.rcode}). "
            f"It has to lead to {host.name}, {host.addresses[0]}."
        )


async def pair(net: Net) -> tuple[HostPlan, HostPlan]:
    """The preferred exchanger, where the mailboxes are, and the one behind it."""
    first, *others = await exchangers(net)
    name = domain(net)
    if not others:
        raise Missing(f"{name} has one exchanger only. Add a second one with a higher number:  10 relay.eunet.be")
    if others[0].preference == first.preference:
        both = f"{first.host} and {others[0].host}"
        raise Missing(f"{both} have the same preference, {first.preference}: the backup needs the higher number.")
    primary, backup = mail_host(net, first.host), mail_host(net, others[0].host)
    if primary.mail and name not in primary.mail.local_domains:
        raise Missing(
            f"the lowest number belongs to {primary.name}, where no mailbox of {name} is: it is tried first."
        )
    return primary, backup


async def write(net: Net, not_at: str = "") -> Mail:
    """A message from a friend to the student's person."""
    return await net.send(friend(net, not_at), person(net), subject="can you read me?")


async def held(mail: Mail, backup: HostPlan) -> None:
    """The backup has taken the message, and keeps it."""
    try:
        await mail.held_at(backup.name, within="30m")
    except Unmet:
        holds = f"backup_for: [{mail.journey.recipients[0].rpartition('@')[2]}]"
        raise Missing(f"{backup.name} does not hold your mail. Give it  mail: {{{holds}}}", mail) from None


async def arrived(mail: Mail, within: str, else_: str) -> None:
    """The message is in the mailbox; `else_` says what is missing when it is not."""
    try:
        await mail.delivered(within=within)
    except Unmet:
        raise Missing(else_, mail) from None
