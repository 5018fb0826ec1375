"""The SVG of a mini-Internet: zones above, organisations below in rows, an arrow for every MX.

The rule: it is legible from the last row of a classroom and prints in black and white; it holds no script, no font
and no address of the world outside. Arrows run in the gaps between the boxes, never over words. Sizes in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from xml.sax.saxutils import escape

from lab.names import DomainName
from lab.topology.picture import Exchange, Group, Picture, picture
from lab.topology.plan import HostPlan, Link, Plan
from lab.values import dataclass

MARGIN, GAP, WIDTH = 40, 72, 290
HEAD, ROW, CARD, PAD = 44, 24, 50, 12

STYLE = """
  text { font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #16202c; }
  .title { font-size: 26px; font-weight: 700; }
  .name { font-size: 17px; font-weight: 700; }
  .host { font-size: 15px; }
  .small { font-size: 13px; fill: #46525f; }
  .mx { font-size: 14px; }
  .zone rect { fill: #e8eef7; stroke: #2f5b93; stroke-width: 2; }
  .group rect { fill: #fbfbf8; stroke: #77828d; stroke-width: 1.5; }
  .card rect { fill: #ffffff; stroke: #a7b0b8; stroke-width: 1; }
  .mail rect { fill: #fdf3dd; stroke: #a9781a; }
  .authority rect { fill: #e8eef7; stroke: #2f5b93; }
  .resolver rect { fill: #e6f3ea; stroke: #2c7a4b; }
  .delegation { fill: none; stroke: #2f5b93; stroke-width: 1.5; opacity: .55; }
  .exchange { fill: none; stroke: #a9571a; stroke-width: 2; stroke-linejoin: round; marker-end: url(#tip); }
  .later { stroke-dasharray: 7 5; }
  .pill { fill: #a9571a; }
  .pill-text { font-size: 13px; font-weight: 700; fill: #ffffff; text-anchor: middle; }
"""


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width


@dataclass(slots=True)
class Layout:
    """Where everything stands. Cards by host name, boxes by zone and by organisation."""

    shown: Picture
    zones: dict[str, Box] = field(default_factory=dict)
    groups: dict[str, Box] = field(default_factory=dict)
    cards: dict[str, Box] = field(default_factory=dict)
    width: float = 0
    height: float = 0


def svg(plan: Plan) -> str:
    """The whole picture as the text of an SVG file."""
    return "\n".join(_picture(_laid_out(picture(plan)))) + "\n"


def _laid_out(shown: Picture) -> Layout:
    layout = Layout(shown)
    columns = _columns(len(shown.groups))
    layout.width = MARGIN + columns * WIDTH + columns * GAP
    bottom = _place_zones(layout, 80.0)
    for start in range(0, len(shown.groups), columns):
        bottom = _place_row(layout, shown.groups[start : start + columns], bottom + 64)
    layout.height = bottom + 40 + 22 * (len(shown.links) + bool(shown.links) + bool(shown.more))
    return layout


def _columns(groups: int) -> int:
    """Three or four side by side; a class is six wide."""
    return groups if groups <= 4 else 4 if groups <= 12 else 6


def _place_zones(layout: Layout, top: float) -> float:
    """The root in one line, the registries by their depth in the lines below it, each above what is its own."""
    depths: dict[int, list[DomainName]] = {}
    for origin, _ in layout.shown.upper:
        depths.setdefault(len(origin.labels), []).append(origin)
    sizes = {origin: HEAD + 20.0 * len(servers) for origin, servers in layout.shown.upper}
    for depth in sorted(depths):
        line = sorted(depths[depth], key=lambda origin: _column(layout.shown, origin))
        step = (layout.width - 2 * MARGIN) / len(line)
        width = min(220.0, step - 16)
        for index, origin in enumerate(line):
            left = MARGIN + step * index + (step - width) / 2
            layout.zones[origin] = Box(left, top, width, sizes[origin])
        top += max(sizes[origin] for origin in line) + 48
    return top - 48


def _column(shown: Picture, origin: DomainName) -> float:
    """Where, on average, the organisations below a zone stand."""
    found = [i for i, group in enumerate(shown.groups) if group.name and DomainName(group.name).is_within(origin)]
    return sum(found) / len(found) if found else 0.0


def _place_row(layout: Layout, groups: tuple[Group, ...], top: float) -> float:
    for index, group in enumerate(groups):
        left = MARGIN + index * (WIDTH + GAP)
        height = HEAD + ROW * len(group.exchanges) + (CARD + PAD) * len(group.hosts) + PAD
        layout.groups[group.name] = Box(left, top, WIDTH, height)
        first = top + HEAD + ROW * len(group.exchanges)
        for number, host in enumerate(group.hosts):
            layout.cards[host.name] = Box(left + PAD, first + number * (CARD + PAD), WIDTH - 2 * PAD, CARD)
    return max(layout.groups[group.name].y + layout.groups[group.name].height for group in groups)


def _picture(layout: Layout) -> Iterator[str]:
    size = f'width="{layout.width:.0f}" height="{layout.height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {layout.width:.0f} {layout.height:.0f}">'
    yield f"<title>{escape(layout.shown.name)}</title><style>{STYLE}</style>"
    yield (
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#a9571a"/></marker></defs>'
    )
    yield '<rect width="100%" height="100%" fill="#ffffff"/>'
    yield _text(MARGIN, 48, layout.shown.name, "title")
    yield from _delegations(layout)
    yield from _zones(layout)
    for group in layout.shown.groups:
        yield from _group(layout, group)
    for group in layout.shown.groups:
        yield from _arrows(layout, group)
    yield from _footnotes(layout)
    yield "</svg>"


def _zones(layout: Layout) -> Iterator[str]:
    for origin, servers in layout.shown.upper:
        box = layout.zones[origin]
        yield f'<g class="zone">{_rect(box)}'
        yield _text(box.x + PAD, box.y + 26, "the root" if origin.is_root else f"{origin}.", "name")
        for number, host in enumerate(servers):
            words = "  ".join((host.name, *host.addresses[:1], *host.software))
            yield _text(box.x + PAD, box.y + 48 + 20 * number, words, "small")
        yield "</g>"


def _delegations(layout: Layout) -> Iterator[str]:
    """Straight down to zones; to organisations along a corridor, and down the gap at their left."""
    corridor = min((box.y for box in layout.groups.values()), default=0.0) - 26
    for line in layout.shown.delegations:
        above = layout.zones[line.parent]
        start = f"M{above.middle:.0f} {above.y + above.height:.0f}"
        if line.child in layout.zones:
            below = layout.zones[line.child]
            bend = (above.y + above.height + below.y) / 2
            way = f"C{above.middle:.0f} {bend:.0f} {below.middle:.0f} {bend:.0f} {below.middle:.0f} {below.y:.0f}"
        else:
            box = layout.groups[line.child]
            way = f"V{corridor:.0f}H{box.x - 16:.0f}V{box.y + 22:.0f}H{box.x:.0f}"
        yield f'<path class="delegation" d="{start}{way}"/>'


def _group(layout: Layout, group: Group) -> Iterator[str]:
    box = layout.groups[group.name]
    people = f"{group.people} mailbox{'es' if group.people != 1 else ''}" if group.people else ""
    yield f'<g class="group">{_rect(box)}'
    yield _text(box.x + PAD, box.y + 28, _fit(group.name or "the lab's own", 20), "name")
    yield _text(box.right - PAD, box.y + 28, people, "small", "end")
    for number, mx in enumerate(group.exchanges):
        owner = "" if mx.domain == group.name else f"{mx.domain}  "
        what = "no mail here (null MX)" if mx.host.is_root else f"MX {mx.preference} → {mx.host}"
        yield _text(box.x + PAD, _row(box, number) + 5, _fit(owner + what, 36), "mx")
    yield "</g>"
    for host in group.hosts:
        yield from _card(layout.cards[host.name], host)


def _card(box: Box, host: HostPlan) -> Iterator[str]:
    yield f'<g class="card {host.roles[0]}">{_rect(box, 6)}'
    yield _text(box.x + 10, box.y + 21, _fit(host.name, 32), "host")
    yield _text(
        box.x + 10, box.y + 40, f"{_roles(host)}  ·  {host.addresses[0] if host.addresses else ''}", "small"
    )
    yield "</g>"


def _roles(host: HostPlan) -> str:
    words = {"authority": "name server", "mail": "mail host"}
    holds = " (backup)" if host.mail and host.mail.backup_for else ""
    roles = ", ".join(words.get(role, role) for role in host.roles) + holds
    if not host.software:
        return roles
    named = f"{roles}: {', '.join(host.software)}"
    return named if len(named) <= 24 else ", ".join(host.software) + holds


def _fit(words: str, letters: int) -> str:
    return words if len(words) <= letters else words[: letters - 1] + "…"


def _row(box: Box, number: int) -> float:
    return box.y + HEAD + ROW * number + 4


def _arrows(layout: Layout, group: Group) -> Iterator[str]:
    """From each MX line to its host: solid for the best, dashed for the others, with the preference on it."""
    best = {mx.domain: mx.preference for mx in reversed(group.exchanges)}
    for number, mx in enumerate(group.exchanges):
        card = layout.cards.get(mx.host)
        if card is not None:
            box = layout.groups[group.name]
            later = "" if mx.preference == best[mx.domain] else " later"
            yield f'<path class="exchange{later}" d="{_way(layout, box, number, card)}"/>'
            yield from _pill(box.right + 22, _row(box, number), mx)


def _way(layout: Layout, box: Box, number: int, card: Box) -> str:
    """Along the gaps between the boxes, so that no word is crossed: out to the right, and in from the right."""
    y, target = _row(box, number), card.y + card.height / 2
    out, into = box.right + 42 + 5 * number, card.right + PAD + 18 + 3 * number
    if box.x < card.x < box.right and box.y < card.y < box.y + box.height:
        return f"M{box.right:.0f} {y:.0f}H{out:.0f}V{target:.0f}H{card.right:.0f}"
    aisle = _aisle(layout, box, target) + 5 * number
    return f"M{box.right:.0f} {y:.0f}H{out:.0f}V{aisle:.0f}H{into:.0f}V{target:.0f}H{card.right:.0f}"


def _aisle(layout: Layout, box: Box, target: float) -> float:
    """The free height above the row of `box` when the target is higher, else below that row."""
    row = [other for other in layout.groups.values() if other.y == box.y]
    return box.y - 18 if target < box.y else max(other.y + other.height for other in row) + 14


def _pill(x: float, y: float, mx: Exchange) -> Iterator[str]:
    yield f'<rect class="pill" x="{x - 16:.0f}" y="{y - 10:.0f}" width="32" height="20" rx="10"/>'
    yield f'<text class="pill-text" x="{x:.0f}" y="{y + 5:.0f}">{mx.preference}</text>'


def _footnotes(layout: Layout) -> Iterator[str]:
    y = layout.height - 22 * (len(layout.shown.links) + bool(layout.shown.more)) - 8
    if layout.shown.more:
        yield _text(MARGIN, y, f"… and {layout.shown.more:,} more organisations", "host")
        y += 22
    for line in layout.shown.links:
        ends = " – ".join("everywhere" if end == "*" else end for end in (line.a, line.b))
        yield _text(MARGIN, y, f"Line {ends}: {link_text(line.link)}", "small")
        y += 22


def link_text(link: Link) -> str:
    """ "20 ms ± 5 ms, 1% lost, 10 Mbit/s"."""
    words = []
    if link.latency or link.jitter:
        jitter = f" ± {link.jitter.total_seconds() * 1000:g} ms" if link.jitter else ""
        words.append(f"{link.latency.total_seconds() * 1000:g} ms{jitter}")
    if link.loss:
        words.append(f"{link.loss * 100:g}% lost")
    if link.bandwidth:
        words.append(f"{link.bandwidth / 1e6:g} Mbit/s")
    return ", ".join(words) or "nothing special"


def _rect(box: Box, radius: int = 10) -> str:
    size = f'width="{box.width:.0f}" height="{box.height:.0f}"'
    return f'<rect x="{box.x:.0f}" y="{box.y:.0f}" {size} rx="{radius}"/>'


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    if not words:
        return ""
    side = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}"{side}>{escape(words)}</text>'
