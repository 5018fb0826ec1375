"""The JSON Schema of topology files, for editors: made from the model that validates them.

# yaml-language-server: $schema=topology.schema.json
"""

from __future__ import annotations

from typing import Any

from lab.topology.model import Topology

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """What `lab schema` prints: every key with its description, and every shorthand beside its long form."""
    return {"$schema": DIALECT, **Topology.model_json_schema(mode="validation")}
