"""The master-file format: zone text into records, and records into zone text (RFC 1035 §5, RFC 2308 §4, RFC 3597).

The rule: everything that is wrong is found in one reading, each at its line and column, and a bad entry does not
spoil the next. TTL and class come in either order, types in either case, times with units (`1h`, as BIND has it);
$ORIGIN, $TTL, $INCLUDE and BIND's $GENERATE are understood. Whether a zone makes sense is the linter's question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace

from lab.errors import Place, Problem
from lab.names import ROOT, BadName, DomainName
from lab.values import dataclass
from lab.wire import rdata as data
from lab.wire.records import SOA, Rdata, Record
from lab.wire.tokens import BadText, Line, Token, lines

Include = Callable[[str], str]
"""A file's text by the name that $INCLUDE gives it; OSError when there is none."""

_CLASSES = {"IN", "CH", "HS", "CS", "ANY"}
_RANGE = re.compile(r"(\d{1,10})-(\d{1,10})(?:/(\d{1,10}))?", re.ASCII)
_COUNTER = re.compile(r"\\\$|\$\$|\$(?:\{(-?\d{1,10})(?:,(\d{1,3})(?:,([doxX]))?)?\})?(?P<rest>\{)?", re.ASCII)
GENERATE_LIMIT = 65_536
"""Records that all $GENERATE of a zone may make together."""
MOST_INCLUDED = 100
"""Files that a zone may be put together from, each counted as often as it is included."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record, and where it stands: its owner name, or its type where the owner was left out."""

    record: Record
    place: Place
    excerpt: str = ""
    values: tuple[Token, ...] = ()
    """The words of its data, to point at one of them."""


@dataclass(frozen=True, slots=True)
class Parsed:
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(entry.record for entry in self.entries)


def read(
    text: str,
    origin: DomainName | None = None,
    *,
    file: str = "",
    ttl: int | None = None,
    include: Include | None = None,
) -> Parsed:
    """Read a zone. `ttl` counts until a $TTL or a TTL is met; without any, it is the SOA's last number."""
    reader = _Reader(origin, ttl, include)
    reader.read(text, file)
    return Parsed(tuple(reader.entries), tuple(reader.problems))


def rdata(type: str, text: str, origin: DomainName | None = ROOT) -> Rdata:
    """The data of one record from its master-file text. BadText when it is none."""
    known = data.type_named(type)
    if known is None:
        raise data.unknown_type(Token(type, 1, 1))
    tokens = [token for line in lines(text) for token in line.tokens]
    return data.read(known, tokens, origin)


@dataclass(slots=True)
class _Reader:
    origin: DomainName | None
    ttl: int | None
    include: Include | None
    owner: DomainName | None = None
    stated: int | None = None
    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: tuple[str, ...] = ()
    included: int = 0
    generated: int = 0

    def read(self, text: str, file: str) -> None:
        source = text.split("\n")
        for line in lines(text):
            try:
                if line.problem:
                    raise line.problem
                self._line(line, file, source)
            except BadText as bad:
                self._complain(bad, line, file, source)

    def _line(self, line: Line, file: str, source: list[str]) -> None:
        first = line.tokens[0]
        if first.text.startswith("$") and not first.quoted and not line.blank_owner:
            self._directive(line, file, source)
        else:
            self._record(line, file, source)

    def _complain(self, bad: BadText, line: Line, file: str, source: list[str]) -> None:
        token = bad.token or (line.tokens[-1] if line.tokens else Token("", line.number, 1))
        width = max(1, len(token.text) + 2 * token.quoted)
        place = Place(file, token.line, token.column, width)
        self.problems.append(Problem(bad.code, bad.sentence, place, _excerpt(source, token.line), bad.hint))

    def _record(self, line: Line, file: str, source: list[str]) -> None:
        rest = list(line.tokens)
        if not line.blank_owner:
            self.owner = self._name(rest.pop(0))
        if self.owner is None:
            raise BadText("the first entry of a zone needs a name in front", rest[0] if rest else None, "Z004")
        ttl, kind, rest = self._head(line, rest)
        found = data.read(kind.text, rest, self.origin)
        if ttl is None:
            ttl = self._default_ttl(found, kind)
        at = kind if line.blank_owner else line.tokens[0]
        place = Place(file, at.line, at.column, len(at.text))
        record = Record(self.owner, ttl, found)
        self.entries.append(Entry(record, place, _excerpt(source, at.line), tuple(rest)))

    def _head(self, line: Line, rest: list[Token]) -> tuple[int | None, Token, list[Token]]:
        """TTL and class in either order, then the type, in capitals."""
        ttl = None
        for at, token in enumerate(rest):
            known = data.type_named(token.text)
            if known is not None:
                return ttl, replace(token, text=known), rest[at + 1 :]
            number = data.seconds(token.text)
            if number is not None and ttl is None:
                ttl = self.stated = number
            elif token.text.upper() in _CLASSES or token.text.upper().startswith("CLASS"):
                if token.text.upper() not in ("IN", "CLASS1"):
                    raise BadText(f"the lab is class IN only, not {token.text}", token, "Z006")
            else:
                raise _no_type(line, token)
        raise BadText("this entry has no record type", line.tokens[-1], "Z002", "for example: www A 198.18.2.80")

    def _default_ttl(self, found: Rdata, kind: Token) -> int:
        for known in (self.ttl, self.stated):
            if known is not None:
                return known
        if isinstance(found, SOA):
            self.ttl = found.minimum
            return found.minimum
        raise BadText("no TTL: neither here nor in a $TTL above", kind, "Z005", "begin the file with $TTL 1h")

    def _name(self, token: Token) -> DomainName:
        try:
            return data.named(token, self.origin)
        except BadName as error:
            raise BadText(error.sentence, token, "Z004") from None

    def _directive(self, line: Line, file: str, source: list[str]) -> None:
        word, *rest = line.tokens
        known = {"$ORIGIN": self._set_origin, "$TTL": self._set_ttl, "$INCLUDE": self._include}
        if word.text.upper() == "$GENERATE":
            self._generate(word, rest, file, source)
        elif word.text.upper() not in known:
            hint = "there are $ORIGIN, $TTL, $INCLUDE and $GENERATE"
            raise BadText(f"'{word.text}' is no directive of a zone file", word, "Z009", hint)
        elif not rest:
            raise BadText(f"{word.text} needs a value", word, "Z009")
        else:
            known[word.text.upper()](rest)

    def _set_origin(self, rest: list[Token]) -> None:
        self.origin = self._name(rest[0])

    def _set_ttl(self, rest: list[Token]) -> None:
        self.ttl = data.seconds(rest[0].text)
        if self.ttl is None:
            raise BadText(f"'{rest[0].text}' is not a TTL: seconds, or a time like 1h", rest[0], "Z005")

    def _include(self, rest: list[Token]) -> None:
        """RFC 1035 §5.1: the included file has its own origin; the owner and origin here stay as they were."""
        name = rest[0].text
        if name in self.files or len(self.files) >= 10:
            raise BadText(f"'{name}' includes itself", rest[0], "Z007")
        self.included += 1
        if self.included > MOST_INCLUDED:
            raise BadText(f"a zone is put together from at most {MOST_INCLUDED} files", rest[0], "Z007")
        try:
            text = self.include(name) if self.include else None
        except (OSError, UnicodeDecodeError):
            text = None
        if text is None:
            raise BadText(f"'{name}' cannot be read", rest[0], "Z007", "the path is relative to the zone file")
        before = self.origin, self.owner, self.files
        self.origin = self._name(rest[1]) if len(rest) > 1 else self.origin
        self.files = (*self.files, name)
        self.read(text, name)
        self.origin, self.owner, self.files = before

    def _generate(self, word: Token, rest: list[Token], file: str, source: list[str]) -> None:
        """BIND: $GENERATE 1-20 host$ A 198.18.2.$"""
        match = _RANGE.fullmatch(rest[0].text) if rest else None
        if match is None or len(rest) < 4:
            raise BadText("its form is: $GENERATE 1-20 host$ A 198.18.2.$", word, "Z008")
        numbers = range(int(match[1]), int(match[2]) + 1, max(1, int(match[3] or 1)))
        self.generated += len(numbers)
        if self.generated > GENERATE_LIMIT:
            raise BadText(f"{self.generated} records; {GENERATE_LIMIT} is the most", rest[0], "Z008")
        for number in numbers:
            tokens = [replace(token, text=_counted(token, number)) for token in rest[1:]]
            self._record(Line(word.line, False, tokens), file, source)


def _no_type(line: Line, token: Token) -> BadText:
    """For a word where a type should stand; it may be that the owner is missing, and the type was read as one."""
    owner = line.tokens[0]
    if line.blank_owner or data.type_named(owner.text) is None:
        return data.unknown_type(token)
    hint = "begin with the name it is for, or with @ for the zone's own"
    return BadText(f"'{owner.text}' is taken for the name of this entry", owner, "Z002", hint)


def _counted(token: Token, number: int) -> str:
    """`$` is the number, `${offset,width,base}` the number so written, `\\$` a dollar."""

    def put(match: re.Match[str]) -> str:
        if match["rest"]:
            raise BadText(
                "its form is ${offset,width,base}, the width up to 999, the base d, o, x or X", token, "Z008"
            )
        if match[0] in ("\\$", "$$"):
            return "$"
        shifted = number + int(match[1] or 0)
        return format(shifted, f"0{match[2]}{match[3] or 'd'}" if match[2] else match[3] or "d")

    return _COUNTER.sub(put, token.text)


def _excerpt(source: list[str], line: int) -> str:
    return source[line - 1].rstrip("\r") if 0 < line <= len(source) else ""


def zone_text(records: Iterable[Record], origin: DomainName) -> str:
    """A zone as its keeper would write it: names below the origin, the owner once, columns in line.

    Reading it again gives the same records.
    """
    found = list(records)
    common = _commonest(record.ttl for record in found)
    rows = list(_rows(found, origin, common))
    name, ttl, kind = (max((len(row[column]) for row in rows), default=0) for column in range(3))
    head = f"$ORIGIN {origin.fqdn}\n$TTL {common}\n"
    between = f"  {{:{ttl}}}  " if ttl else "{}  "
    return head + "".join(f"{a:{name}}{between.format(b)}{c:{kind}}  {d}\n" for a, b, c, d in rows)


def _commonest(ttls: Iterable[int]) -> int:
    counts: dict[int, int] = {}
    for ttl in ttls:
        counts[ttl] = counts.get(ttl, 0) + 1
    return max(counts, key=lambda ttl: (counts[ttl], -ttl), default=300)


def _rows(records: list[Record], origin: DomainName, common: int) -> Iterator[tuple[str, str, str, str]]:
    owner: DomainName | None = None
    for record in records:
        shown = "" if record.name == owner else relative(record.name, origin)
        ttl = "" if record.ttl == common else str(record.ttl)
        owner = record.name
        yield shown, ttl, record.type, record.data.text()


def relative(name: DomainName, origin: DomainName) -> str:
    """A name as it is written below `$ORIGIN`: "@", "mail", or whole with its dot."""
    if name == origin:
        return "@"
    if origin.is_root:
        return name.fqdn
    return name[: -len(origin) - 1] if name.is_within(origin) else name.fqdn
