"""The JSON Schema accepts what the lab accepts, and refuses a misspelt key. The judge is a small validator of the
keywords that the schema uses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lab.topology import loads
from lab.topology.schema import json_schema, reference
from lab.topology.source import read

ROOT = Path(__file__).parent.parent.parent
GOOD = [*sorted((ROOT / "topologies").glob("*.yaml")), *sorted((Path(__file__).parent / "input").glob("*.yaml"))]
KINDS = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
SCHEMA = json_schema()


def fits(value: Any, schema: dict[str, Any]) -> bool:
    if "$ref" in schema:
        return fits(value, SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]])
    if "anyOf" in schema:
        return any(fits(value, one) for one in schema["anyOf"])
    return _kind(value, schema.get("type")) and _parts(value, schema) and value in schema.get("enum", [value])


def _kind(value: Any, kinds: Any) -> bool:
    if kinds is None:
        return True
    wanted = kinds if isinstance(kinds, list) else [kinds]
    return any(value is None if kind == "null" else isinstance(value, KINDS[kind]) for kind in wanted)


def _parts(value: Any, schema: dict[str, Any]) -> bool:
    if isinstance(value, list):
        return all(fits(one, schema.get("items", {})) for one in value)
    if not isinstance(value, dict):
        return not isinstance(value, str) or re.search(schema.get("pattern", ""), value) is not None
    known, other = schema.get("properties", {}), schema.get("additionalProperties", True)
    if not all(key in value for key in schema.get("required", [])):
        return False
    rest = [one for key, one in value.items() if key not in known]
    inside = all(fits(one, known[key]) for key, one in value.items() if key in known)
    return inside and (
        not rest if other is False else all(fits(one, other) for one in rest if isinstance(other, dict))
    )


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_schema_takes_what_the_lab_takes(path: Path) -> None:
    assert fits(read(path.read_text(encoding="utf-8"), path.name).value, SCHEMA)


@pytest.mark.parametrize(
    "name", ["T004-misspelt-key", "T005-wrong-kind", "T006-missing-key", "T010-unknown-policy"]
)
def test_the_schema_refuses_what_the_lab_refuses(name: str) -> None:
    text = (Path(__file__).parent / "errors" / f"{name}.yaml").read_text(encoding="utf-8")
    assert not fits(read(text, name).value, SCHEMA)


def test_the_schema_beside_the_topologies_is_the_models() -> None:
    """`lab schema > topologies/schema.json` writes it anew."""
    beside = json.loads((ROOT / "topologies" / "schema.json").read_text(encoding="utf-8"))
    assert explained(beside) == explained(SCHEMA)


def test_the_reference_is_the_models() -> None:
    """`python -c "from lab.topology.schema import reference; print(reference())"` writes it anew."""
    text = (ROOT / "docs" / "topology-files.md").read_text(encoding="utf-8")
    assert text.rstrip().endswith(f"\n{reference().rstrip()}")


def test_the_examples_of_the_reference_are_good_ones() -> None:
    text = (ROOT / "docs" / "topology-files.md").read_text(encoding="utf-8")
    examples = [part.partition("\n```")[0] for part in text.split("```yaml\n")[1:]]
    assert len(examples) >= 2
    for example in examples:
        assert loads(example).hosts


def explained(schema: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Every key and what is said of it; how a kind of value is written down differs from pydantic to pydantic."""
    shapes = {"": schema, **schema["$defs"]}
    return {
        name: {key: one["description"] for key, one in shape["properties"].items()}
        for name, shape in shapes.items()
    }


def test_every_key_is_explained() -> None:
    for shape in (SCHEMA, *SCHEMA["$defs"].values()):
        assert shape["description"]
        assert [key for key, one in shape["properties"].items() if not one.get("description")] == []
