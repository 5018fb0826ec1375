"""Which desks a host has, by what its software does."""

from __future__ import annotations

from lab.fabric.console import Desk
from lab.foreign.desks.cache import CacheDesk
from lab.foreign.desks.keeper import Keeper
from lab.foreign.desks.mail import MailDesk
from lab.foreign.desks.zones import ZoneDesk
from lab.topology.software import Role, taken


def desks_for(keeper: Keeper) -> list[Desk]:
    plan = keeper.host.plan
    roles = taken(plan.software)
    desks: list[Desk] = []
    if Role.MAIL in roles and plan.mail is not None:
        desks.append(MailDesk(keeper))
    if Role.AUTHORITY in roles and plan.zones:
        desks.append(ZoneDesk(keeper))
    if Role.RESOLVER in roles and plan.resolver is not None:
        desks.append(CacheDesk(keeper))
    return desks
