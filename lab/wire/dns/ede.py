"""Extended DNS errors: why, beside the rcode, in a sentence that dig prints (RFC 8914).

The rule: a code from the registry and the reason in the server's own words; only in answer to EDNS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.values import dataclass

OPTION = 15
_LONGEST = 200

OTHER = 0
STALE = 3
CACHED_ERROR = 13
PROHIBITED = 18
NOT_AUTHORITATIVE = 20
NO_REACHABLE_AUTHORITY = 22

_NAMES = {
    OTHER: "error",
    STALE: "stale answer",
    CACHED_ERROR: "cached error",
    PROHIBITED: "prohibited",
    NOT_AUTHORITATIVE: "not authoritative",
    NO_REACHABLE_AUTHORITY: "no reachable authority",
}


@dataclass(frozen=True, slots=True)
class ExtendedError:
    code: int
    text: str = ""

    def __str__(self) -> str:
        name = _NAMES.get(self.code, f"error {self.code}")
        return f"{name}: {self.text}" if self.text else name

    def option(self) -> tuple[int, bytes]:
        """As an EDNS option."""
        text = self.text.encode()[:_LONGEST].decode(errors="ignore")
        return OPTION, self.code.to_bytes(2, "big") + text.encode()


def extended_errors(options: Iterable[tuple[int, bytes]]) -> Iterator[ExtendedError]:
    """Those among a message's EDNS options."""
    for code, octets in options:
        if code == OPTION and len(octets) >= 2:
            yield ExtendedError(
                int.from_bytes(octets[:2], "big"), octets[2:].decode(errors="replace").rstrip("\0")
            )
