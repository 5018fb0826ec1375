"""A message as a scenario reads it: its parts, their texts, what a report in it says.

The rule: read from the octets as stored; what is expected and not there is Unmet, with what is there.
"""

from __future__ import annotations

from lab.scenario.unmet import Unmet
from lab.values import dataclass
from lab.wire.mime import (
    MessageIndex,
    Part,
    by_name,
    decoded,
    index,
    part_at,
    read_section,
    report_fields,
    subject,
    text,
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in a mailbox."""

    octets: bytes

    @property
    def subject(self) -> str:
        return subject(self.octets, self._index.root)

    @property
    def leaves(self) -> list[str]:
        """The parts that are no multiparts, "2 message/delivery-status"; a message in it counts, and its parts."""
        named = by_name(self._index.root)
        return [f"{name} {part.type}/{part.subtype}" for part, name, _ in named if not part.is_multipart]

    def part(self, number: str) -> bytes:
        """A part's octets, its transfer encoding undone."""
        return decoded(self.octets, self._part(number))

    def text(self, number: str = "1") -> str:
        """A part's text, in the charset that it names."""
        return text(self.octets, self._part(number)).text

    def report(self, number: str) -> list[dict[str, str]]:
        """The fields of a delivery status: those of the message, then those of each recipient."""
        return [dict(block) for block in report_fields(self.octets, self._part(number))]

    def has(self, *leaves: str) -> None:
        """These parts, in this order, and no other."""
        if self.leaves != list(leaves):
            raise Unmet(f"a message of {', '.join(leaves)}", ", ".join(self.leaves))

    @property
    def _index(self) -> MessageIndex:
        return index(self.octets)

    def _part(self, number: str) -> Part:
        wanted = read_section(number)
        found = part_at(self._index.root, wanted.path) if wanted is not None else None
        if found is None:
            raise Unmet(f"a part {number}", ", ".join(self.leaves))
        return found
