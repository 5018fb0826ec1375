"""Addresses for every host of a draft: those the file gives, checked, and the rest from `addresses.Space`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from lab.names import Address
from lab.topology.addresses import Full, Space, numbers
from lab.topology.draft import Draft, Site
from lab.wire.records import AAAA, A

LAB, REGISTRIES = "the lab", "the registries"


def address_hosts(draft: Draft) -> Space:
    """Fill `addresses` of every site; the space that is left is for a population."""
    space = Space(tuple(draft.topology.ranges), len(draft.organisations) + 2, _default_ranges(draft))
    for organisation in draft.organisations.values():
        if organisation.shape.network:
            space.reserve(organisation.shape.network, str(organisation.domain))
    _given(draft, space)
    try:
        _chosen(draft, space)
    except Full:
        draft.complain("T015", "the lab's ranges have no address left", ("ranges",), hint="give a larger network")
    return space


def _default_ranges(draft: Draft) -> bool:
    return "ranges" not in draft.topology.model_fields_set


def _given(draft: Draft, space: Space) -> None:
    """Take what is written: at the host, or in an A record of its zone."""
    owners: dict[Address, Site] = {}
    ranges = [ipaddress.ip_network(text) for text in draft.topology.ranges]
    for site in draft.sites.values():
        site.addresses = tuple(site.shape.address) or tuple(dict.fromkeys(_recorded(draft, site)))
        for address in site.addresses:
            path = site.path
            if not any(ipaddress.ip_address(address) in network for network in ranges):
                hint = "add its network to 'ranges:', or leave the address to the lab"
                sentence = (
                    f"{address} of {site.name} lies outside the lab's ranges, {', '.join(draft.topology.ranges)}"
                )
                draft.complain("T012", sentence, path, token=address, hint=hint)
            elif owners.setdefault(address, site) is not site:
                sentence = f"{address} is the address of both {owners[address].name} and {site.name}"
                draft.complain("T011", sentence, path, token=address, hint="leave one to the lab, or change it")
        space.taken |= numbers(site.addresses)


def _recorded(draft: Draft, site: Site) -> Iterator[Address]:
    for record in draft.zone_of(site.name).written.at(site.name):
        if isinstance(record.data, A | AAAA):
            yield record.data.address


def _chosen(draft: Draft, space: Space) -> None:
    """In the order of the file; the lab's own block and the registries' come first."""
    places = [_place(draft, site) for site in draft.sites.values()]
    order = dict.fromkeys([LAB, REGISTRIES, *_with_zone(draft), *places])
    for place in order:
        space.open(place)
    for site, place in zip(draft.sites.values(), places, strict=True):
        if not site.addresses:
            site.addresses = (space.give(place, site.kind),)


def _place(draft: Draft, site: Site) -> str:
    if not site.place:
        return LAB
    return site.place if site.place in draft.organisations else REGISTRIES


def _with_zone(draft: Draft) -> Iterator[str]:
    return (str(organisation.domain) for organisation in draft.organisations.values() if organisation.has_zone)
