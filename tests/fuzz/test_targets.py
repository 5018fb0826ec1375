"""Ten thousand inputs for each target, the same ones every time, and all that was ever found."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.target import named, names

FOUND = Path(__file__).parent / "found"
AT_ONCE = 8
"""Inputs to a draw: hypothesis's own work for each draw costs more than most inputs do."""
DRAWN = st.binary(min_size=128 * AT_ONCE, max_size=128 * AT_ONCE).map(
    lambda octets: [octets[at : at + 128] for at in range(0, len(octets), 128)]
)
"""Of one size, which is drawn twice as fast; zeroes decide nothing, so that what is found shrinks all the same."""
EXAMPLES = 10_000


@pytest.mark.parametrize("name", names())
def test_no_octets_hurt(name: str) -> None:
    target = named(name)

    @settings(
        max_examples=EXAMPLES // AT_ONCE,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(DRAWN)
    def tried(drawn: list[bytes]) -> None:
        for octets in drawn:
            target.run(target.made(octets))

    tried()


@pytest.mark.parametrize("name", names())
def test_seeds_do_no_harm(name: str) -> None:
    target = named(name)
    for seed in (b"", *target.seeds):
        target.run(seed)


@pytest.mark.parametrize("found", sorted(FOUND.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_does_no_harm_any_more(found: Path) -> None:
    named(found.parent.name).run(found.read_bytes())
