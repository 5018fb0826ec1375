"""One target in this process, its inputs from atheris: `python -m tests.fuzz.guided TARGET SECONDS`.

The rule: what reaches the target is what is kept: the grammar is atheris's mutator, not a layer in front of the
target. One input in two is made anew by the grammar, the others are mutations of what reached new branches.
"""

from __future__ import annotations

import hashlib
import random
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
INPUT_LIMIT = 8_192
"""Octets. Size is what `test_bounds` tries; here it would only take time."""


def main(name: str, seconds: int) -> None:
    with atheris.instrument_imports(include=["lab"]):
        from tests.fuzz.target import named

        target = named(name)
    found, corpus = HERE / "found" / name, HERE / "corpus" / name
    found.mkdir(parents=True, exist_ok=True)

    def mutated(octets: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(octets, most))
        return target.made(chance.randbytes(chance.randrange(16, 400)))[:most]

    for seed in target.seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-max_len={INPUT_LIMIT}", "-timeout=20", "-rss_limit_mb=2048"]
    kept = [f"-artifact_prefix={found}/", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *limits, *kept, str(corpus)], target.run, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
