"""A topology file: a plan or problems, each at its place; never anything else, whatever the YAML."""

from __future__ import annotations

from pathlib import Path

from lab import topology
from lab.errors import BadFile
from lab.topology.codes import CODES
from tests.fuzz.target import Choices, Target

SHIPPED = Path(__file__).parents[3] / "topologies"
_WORDS = (
    "a.com",
    "mail.a.com",
    "5 mail.a.com",
    "198.18.2.25",
    "198.18.0.0/16",
    "ed",
    "~",
    "true",
    "-1",
    "1e999",
    ".nan",
    "0x" + "f" * 40,
    "9" * 5_000,
    "²",
    "1h",
    "20ms",
    "10%",
    "1Mbit/s",
    "{a: b}",
    "[a.com, b.com]",
    "'@ MX 5 mail'",
    "{n}",
    "team{n}.be",
    "*a",
    "&a [x]",
    "!!binary x",
    "|\n      @ MX 5 mail\n      $TTL x",
    "é.be",
    "..",
    '"\\ud800"',
    "? [x]",
    "2001:db8::1",
    "{name: Ed, password: 0042}",
    "all",
    "",
)
_KEYS = (
    "mx",
    "people",
    "aliases",
    "hosts",
    "mail",
    "zone",
    "settings",
    "resolvers",
    "addresses",
    "links",
    "name",
    "domains",
    "teams",
    "seed",
    "faults_on_purpose",
    "software",
    "password",
    "backup_for",
    "smarthost",
    "records",
    "a.com",
    "b.be",
    "ed",
    "size_limit",
    "schedule",
    "policy",
    "populate",
    "delay",
    "loss",
    "quota",
)


def _value(choices: Choices, indent: str, depth: int) -> str:
    kind = choices.below(8)
    if kind < 4 or depth > 3:
        return f" {choices.one_of(_WORDS)}\n"
    if kind < 6:
        return "\n" + _mapping(choices, indent + "  ", depth + 1)
    items = choices.several(lambda some: f"{indent}  -{_value(some, indent + '    ', depth + 1)}", 3)
    return "\n" + "".join(items) if items else " []\n"


def _mapping(choices: Choices, indent: str, depth: int) -> str:
    keys = choices.several(lambda some: some.one_of(_KEYS), 4) or ["mx"]
    return "".join(f"{indent}{key}:{_value(choices, indent, depth)}" for key in keys)


_TINY = (SHIPPED / "tiny.yaml").read_text(encoding="utf-8")


def text(choices: Choices) -> bytes:
    """One of our own with a part put in, or one made of nothing but our words."""
    if choices.below(3):
        lines = _TINY.split("\n")
        at = choices.below(len(lines))
        indent = " " * (2 * choices.below(4))
        lines.insert(at, _mapping(choices, indent, 2).rstrip("\n"))
        return "\n".join(lines).encode("utf-8", "replace")
    head = "name: x\ndomains:\n  a.com:\n" + _mapping(choices, "    ", 2)
    return (head + _mapping(choices, "", 1)).encode("utf-8", "replace")


def run(octets: bytes) -> None:
    try:
        plan = topology.loads(octets.decode("utf-8", "replace"))
    except BadFile as bad:
        assert bad.problems
        for problem in bad.problems:
            assert problem.code in CODES, problem.code
            assert "Traceback" not in str(problem)
        return
    assert len({host.name for host in plan.hosts}) == len(plan.hosts)


SEEDS = tuple(sorted(SHIPPED.glob("*.yaml"), key=lambda path: path.stat().st_size)[:4])
_DIGITS = b"name: " + b"9" * 5_000 + b"\n"
TARGET = Target(run, text, (*(path.read_bytes() for path in SEEDS), _DIGITS))
