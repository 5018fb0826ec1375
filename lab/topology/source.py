"""A YAML file that remembers where everything stands: the one door to PyYAML.

The rule: YAML 1.2 core (YAML 1.2.2 §10.3), so `no`, `on` and `12:30` are text, and a key given twice is an error.
The parsed value is plain Python; a path into it, ("domains", "eunet.be", "mx", 0), finds line and column again.
A number keeps how it was written (`written`), so that a password 0042 is not 42.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

import yaml

from lab.errors import Place, Problem
from lab.values import dataclass

Path = tuple[str | int, ...]
Mark = yaml.Mark | yaml.error.Mark

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}|0o[0-7]+|0x[0-9a-fA-F]+")  # thousands of digits are no number, but text
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}


class WrittenInt(int):
    written: str


class WrittenFloat(float):
    written: str


class _Reader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Leaves every scalar as it is written; what it means is `_scalar`'s decision."""

    yaml_implicit_resolvers: Mapping[str, Any] = {}


@dataclass(slots=True)
class Source:
    """A file's text, its value, and what was wrong with its form."""

    name: str
    text: str
    lines: list[str] = field(init=False)
    value: Any = None
    problems: list[Problem] = field(default_factory=list)
    root: yaml.Node | None = None

    def __post_init__(self) -> None:
        self.lines = self.text.split("\n")

    def place(self, path: Path = (), *, key: bool = False, token: str = "") -> Place:
        """Where `path` stands, or the nearest thing above it that stands in the file.

        `key`: the key itself rather than its value; `token`: that word inside the value.
        """
        node = self._node(path, key)
        if node is None:
            return Place(self.name, 1, 1)
        line, column = node.start_mark.line, node.start_mark.column
        if token:
            for number in range(line, min(node.end_mark.line + 1, len(self.lines))):
                found = self.lines[number].find(token, column if number == line else 0)
                if found >= 0:
                    return Place(self.name, number + 1, found + 1, len(token))
        end = node.end_mark.column if node.end_mark.line == line else len(self.line(line + 1))
        scalar = isinstance(node, yaml.ScalarNode)
        return Place(self.name, line + 1, column + 1, max(1, end - column) if scalar else 1)

    def problem(
        self,
        code: str,
        sentence: str,
        path: Path = (),
        *,
        key: bool = False,
        token: str = "",
        hint: str = "",
        law: str = "",
        warning: bool = False,
    ) -> Problem:
        place = self.place(path, key=key, token=token)
        return Problem(code, sentence, place, self.line(place.line), hint, law, warning)

    def prune(self, path: Path) -> None:
        """Take out of the value what stands at `path`, or what stands there in its stead; no place moves by it."""
        parent, node = None, self.root
        found: tuple[yaml.Node, yaml.Node] | None = None
        for step in path:
            below = _child(node, step)
            if below is None:
                break
            parent, node, found = node, below[1], below
        if isinstance(parent, yaml.MappingNode):
            parent.value.remove(found)
        elif isinstance(parent, yaml.SequenceNode):
            parent.value.remove(node)

    def rename(self, path: Path, name: str) -> None:
        """Read a misspelt key as the one that was meant."""
        found = _child(self._node(path[:-1], False), path[-1])
        if found is not None:
            found[0].value = name

    def rebuild(self) -> None:
        """The value again, after pruning."""
        self.value = _Builder(self).build(self.root) if self.root else None

    def inside(self, path: Path, item: int, line: int, place: Place) -> Place:
        """A place within a text of the file: in item `item` of a list (or the one text), `line` lines down."""
        node = self._node(path, False)
        if isinstance(node, yaml.SequenceNode) and item < len(node.value):
            node = node.value[item]
        if node is None:
            return Place(self.name, 1, 1)
        style = node.style if isinstance(node, yaml.ScalarNode) else None
        first, column = node.start_mark.line, node.start_mark.column
        if style in ("|", ">"):
            body = self.line(first + 2 + line)
            indent = len(self.line(first + 2)) - len(self.line(first + 2).lstrip(" "))
            shift = indent if body.strip() else 0
            return Place(self.name, first + 2 + line, shift + place.column, place.width)
        quote = 1 if style in ("'", '"') else 0
        return Place(self.name, first + 1 + line, column + quote + place.column, place.width)

    def line(self, number: int) -> str:
        """A line of the text, counted from 1."""
        return self.lines[number - 1].rstrip("\r") if 0 < number <= len(self.lines) else ""

    def _node(self, path: Path, key: bool) -> yaml.Node | None:
        node = self.root
        for depth, step in enumerate(path):
            last = depth == len(path) - 1
            found = _child(node, step)
            if found is None:
                break
            node = found[0] if key and last else found[1]
        return node


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in node.value if pair[0].value == step), None) or _folded(node, str(step))
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.SequenceNode):
        return next(((item, item) for item in node.value if item.value == step), None)
    return None


def _folded(node: yaml.MappingNode, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    """A key that is a domain name may be written "Eunet.BE."."""
    return next((pair for pair in node.value if str(pair[0].value).lower().rstrip(".") == name), None)


def read(text: str, name: str) -> Source:
    """Parse; `source.problems` has what is wrong with the form, and then `source.value` is not to be used."""
    source = Source(name, text)
    try:
        if _depth(text) > DEEPEST:
            source.problems.append(_too_deep(source))
            return source
        source.root = yaml.compose(text, Loader=_Reader)
        builder = _Builder(source)
        source.value = builder.build(source.root) if source.root else None
        if source.root and builder.repeated(source.root) > MOST_REPEATED:
            source.problems.append(_too_often(source))
    except yaml.YAMLError:
        source.problems.append(_syntax(source))
    return source


DEEPEST = 50
"""No topology is nested more than ten deep; the C reader's recursion ends the process at some ten thousand."""


MOST_REPEATED = 100_000
"""Parts that aliases may add; nine lines of nine aliases each would be four hundred million (a YAML bomb)."""


def _depth(text: str) -> int:
    deepest = depth = 0
    for event in yaml.parse(text, Loader=_Reader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        deepest = max(deepest, depth)
        if deepest > DEEPEST:
            break
    return deepest


@dataclass(slots=True)
class _Builder:
    """Nodes to values. Every node once (an alias shares its anchor's value), none inside itself."""

    source: Source
    built: dict[int, Any] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    """Of each node: how many parts it is, those of its aliases counted each time."""
    open: set[int] = field(default_factory=set)

    def build(self, node: yaml.Node) -> Any:
        if id(node) in self.open:
            self._complain(node, "T001", "this part of the file contains itself")
            return None
        if id(node) not in self.built:
            self.open.add(id(node))
            self.built[id(node)] = self._value(node)
            self.sizes[id(node)] = 1 + sum(self.sizes.get(id(child), 1) for child in _below(node))
            self.open.discard(id(node))
        return self.built[id(node)]

    def repeated(self, root: yaml.Node) -> int:
        """How many parts the file has beyond those that are written in it: what its aliases add."""
        return self.sizes[id(root)] - len(self.sizes)

    def _value(self, node: yaml.Node) -> Any:
        if node.tag not in _PLAIN_TAGS:
            self._complain(node, "T001", f"the tag '{node.tag}' means nothing in a topology", "leave it out")
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child) for child in node.value]
        return _scalar(node) if isinstance(node, yaml.ScalarNode) else None

    def _pairs(self, node: yaml.MappingNode) -> Iterator[tuple[str, Any]]:
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._complain(key, "T001", "a key has to be a word, not a list or a mapping")
            elif key.value in lines:
                hint = f"the first is on line {lines[key.value]}; put both into one, or rename one"
                self._complain(key, "T002", f"'{key.value}' is given twice", hint)
            else:
                lines[key.value] = key.start_mark.line + 1
                yield key.value, self.build(value)

    def _complain(self, node: yaml.Node, code: str, sentence: str, hint: str = "") -> None:
        line, column = node.start_mark.line, node.start_mark.column
        width = node.end_mark.column - column if node.end_mark.line == line else 1
        place = Place(self.source.name, line + 1, column + 1, max(1, width))
        self.source.problems.append(Problem(code, sentence, place, self.source.line(line + 1), hint))


def _below(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style:  # None from the Python reader, "" from the C one: plain
        return text
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _INTEGER.fullmatch(text):
        return _written(WrittenInt(text, 0 if text[:2] in ("0o", "0x") else 10), text)
    if _FLOAT.fullmatch(text):
        return _written(WrittenFloat(text), text)
    return text


def _written(number: Any, text: str) -> Any:
    number.written = text
    return number


_WORDS = {
    "mapping values are not allowed": "a ': ' too many here, or the line above is indented differently",
    "could not find expected ':'": "a key without its ':'",
    "expected <block end>": "the indentation does not fit the lines above",
    "found character '\\t'": "a tab: YAML is indented with spaces",
    "expected ',' or ']'": "a list '[' that is not closed with ']', or a comma missing in it",
    "expected ',' or '}'": "a '{' that is not closed with '}', or a comma missing in it",
    "found unexpected end of stream": "a quote that is not closed",
    "found undefined alias": "there is no anchor for the word after '*'; to say everywhere, write \"*\"",
    "expected alphabetic or numeric character": "a '*' or '&' alone; to say everywhere, write \"*\"",
    "found character '@'": "a text that begins with @ has to stand in quotes, like '@ MX 5 mail'",
    "found character '%'": "a text that begins with % has to stand in quotes",
    "cannot start any token": "a character that cannot stand here; put the text into quotes",
    "special characters are not allowed": "a control character",
    "expected a single document": "a second document ('---'); one file is one topology",
}


def _syntax(source: Source) -> Problem:
    """PyYAML's complaint, from its Python reader (whose words are the same on every machine), in plain words."""
    try:
        yaml.compose(source.text, Loader=yaml.SafeLoader)
    except RecursionError:  # what the C reader gives up at 1,000 levels of, as of PyYAML 6.0.4
        return _too_deep(source)
    except yaml.MarkedYAMLError as error:
        words = f"{error.context or ''} {error.problem or ''}".strip()
        mark = error.problem_mark or error.context_mark
        return _unreadable(source, words, mark.line if mark else 0, mark.column if mark else 0)
    except yaml.reader.ReaderError as error:
        before = source.text[: error.position]
        return _unreadable(source, error.reason, before.count("\n"), len(before) - before.rfind("\n") - 1)
    except yaml.YAMLError as error:
        return _unreadable(source, str(error), 0, 0)
    return _unreadable(source, "", 0, 0)


def _too_deep(source: Source) -> Problem:
    return Problem(
        "T001", "the file is nested too deeply to be a topology", Place(source.name, 1, 1), source.line(1)
    )


def _too_often(source: Source) -> Problem:
    sentence = f"aliases ('*') repeat more than {MOST_REPEATED} parts of this file"
    return Problem(
        "T001", sentence, Place(source.name, 1, 1), source.line(1), "a file of so many parts has to be written out"
    )


def _unreadable(source: Source, words: str, line: int, column: int) -> Problem:
    plain = next((plain for theirs, plain in _WORDS.items() if theirs in words), words)
    line = min(line, max(0, len(source.lines) - 1))
    place = Place(source.name, line + 1, column + 1)
    return Problem("T001", f"this is not YAML: {plain}", place, source.line(line + 1))
