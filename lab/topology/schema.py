"""The JSON Schema of topology files, for editors, and their reference, for people: both made from the model.

# yaml-language-server: $schema=topology.schema.json
"""

from __future__ import annotations

from typing import Any

from pydantic.fields import FieldInfo

from lab.topology import model
from lab.topology.settings import SETTINGS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """What `lab schema` prints: every key with its description, and every shorthand beside its long form."""
    return {"$schema": DIALECT, **model.Topology.model_json_schema(mode="validation")}


def reference() -> str:
    """Every key in Markdown: the larger part of docs/topology-files.md."""
    return "\n".join([*map(_shape, SHAPES), _settings()])


def _settings() -> str:
    rows = (f"| `{name}` | {one.wanted} | {one.meaning} | {one.usual} |\n" for name, one in SETTINGS.items())
    head = "## Settings\n\nWhat `settings:` of a mail host knows; under `mail:` of the file, those of all.\n\n"
    return f"{head}| name | value | meaning | if not given |\n|---|---|---|---|\n{''.join(rows)}"


def _shape(shape: type[model.Shape]) -> str:
    rows = (_row(name, shape.model_fields[name]) for name in shape.model_fields)
    head = f"## {shape.__name__}\n\n{shape.__doc__}\n\n| key | meaning | if not given |\n|---|---|---|\n"
    return head + "".join(rows)


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{name}` | {field.description} | {_otherwise(field)} |\n"


def _otherwise(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    if isinstance(field.default, model.Shape) or field.default in (None, "", [], {}):
        return ""
    if isinstance(field.default, dict | list):
        return ", ".join(map(str, field.default))
    return "no" if field.default is False else str(field.default or "0")


SHAPES: tuple[type[model.Shape], ...] = (
    model.Topology,
    model.Domain,
    model.Exchanger,
    model.Person,
    model.Host,
    model.Mail,
    model.Resolver,
    model.Registry,
    model.Teams,
    model.Population,
    model.Link,
    model.Fault,
)
