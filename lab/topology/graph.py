"""A topology drawn without starting it: Mermaid text, and a picture that needs nothing but itself.

The rule: whatever an arrow or a colour says is also said in words.
"""

from __future__ import annotations

from collections.abc import Iterator

from lab.topology.drawing import link_text, svg
from lab.topology.picture import Group, Picture, picture
from lab.topology.plan import HostPlan, Plan

__all__ = ["mermaid", "svg"]


def mermaid(plan: Plan) -> str:
    """A Mermaid flowchart, as a documentation page or an editor shows it."""
    return "\n".join(_lines(picture(plan))) + "\n"


def _lines(shown: Picture) -> Iterator[str]:
    yield "flowchart TB"
    for origin, servers in shown.upper:
        what = "root" if origin.is_root else f"{origin}."
        yield f'  {_id("zone", origin)}[["{what}<br/>{"<br/>".join(_named(host) for host in servers)}"]]'
    for group in shown.groups:
        yield from _group(group)
    for line in shown.delegations:
        below = "zone" if any(origin == line.child for origin, _ in shown.upper) else "org"
        yield f"  {_id('zone', line.parent)} -->|NS| {_id(below, line.child)}"
    yield from _mail(shown)
    for link in shown.links:
        yield f"  %% line {link.a} to {link.b}: {link_text(link.link)}"
    if shown.more:
        yield f'  more["and {shown.more} more organisations"]'


def _group(group: Group) -> Iterator[str]:
    title = group.name or "the lab"
    yield f'  subgraph {_id("org", group.name or "lab")}["{title}"]'
    for host in group.hosts:
        yield f'    {_id("host", host.name)}["{_named(host)}<br/>{_runs(host)}"]'
    yield "  end"


def _mail(shown: Picture) -> Iterator[str]:
    drawn = {host.name for group in shown.groups for host in group.hosts}
    for group in shown.groups:
        for mx in group.exchanges:
            label = f"{mx.domain} MX {mx.preference}"
            if mx.host in drawn:
                yield f'  {_id("org", group.name)} -.->|"{label}"| {_id("host", mx.host)}'
            else:
                yield f'  {_id("org", group.name)} -.->|"{label}"| {_id("gone", mx.host)}["{mx.host}"]'


def _named(host: HostPlan) -> str:
    return f"{host.name}<br/>{' '.join(host.addresses)}"


def _runs(host: HostPlan) -> str:
    roles = ", ".join(host.roles)
    return f"{roles}: {', '.join(host.software)}" if host.software else roles


def _id(kind: str, name: str) -> str:
    """A word that Mermaid takes for a node."""
    return kind + "_" + "".join(letter if letter.isalnum() else f"_{ord(letter):x}_" for letter in name)
