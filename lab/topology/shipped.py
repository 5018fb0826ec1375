"""Where the topologies and scenarios are that come with the lab."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path


def shipped() -> tuple[Path, ...]:
    """The folders that hold `topologies/` and `scenarios/`, the likelier first."""
    # In a checkout they lie beside the package; installed from a wheel, with the data of the Python it runs on.
    return Path(str(files("lab"))).parent, Path(sys.prefix) / "share" / "mini-internet-lab"
