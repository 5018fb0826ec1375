"""A master file: each fault has its place; what was read is written and read again the same, and served."""

from __future__ import annotations

from lab.dns.zone import Zone
from lab.dns.zones import Zones
from lab.errors import LabError
from lab.names import DomainName
from lab.topology.plan import ZonePlan
from lab.wire import zonefile
from tests.fuzz.target import Choices, Target

ORIGIN = DomainName("b.com")
_OWNERS = (
    b"@",
    b"www",
    b"*",
    b"",
    b"a.b.",
    b"\\046x",
    b"\\*",
    b"x" * 64,
    b"..",
    b"(",
    b"\xc3\xa9",
    b'"q"',
    b"$ORIGIN",
)
_MIDDLES = (
    b"A",
    b"300 A",
    b"IN 1h A",
    b"1h IN A",
    b"CH A",
    b"TXT",
    b"MX",
    b"CNAME",
    b"NS",
    b"SRV",
    b"TYPE65280",
    b"SOA",
)
_DATA: dict[bytes, tuple[bytes, ...]] = {
    b"A": (b"198.18.0.1", b"198.18.0.256", b"::1", b"1", b"\xd9\xa1.1.1.1"),
    b"AAAA": (b"::1", b"1.2.3.4", b"fe80::1%eth0"),
    b"TXT": (b'"a b" c', b"\\255\\000", b"\\256", b'"', b"\\", b'""', b"x" * 256, b"\\\xd9\xa1\xd9\xa1\xd9\xa1"),
    b"MX": (b"10 mail", b"0 .", b"65536 x", b"10", b"ten x", b"\xc2\xb2 x"),
    b"CNAME": (b"@", b"a.b.", b"\\." * 120),
    b"NS": (b"ns", b"ns.b.com."),
    b"SRV": (b"1 2 3 x", b"1 2 x"),
    b"TYPE65280": (b"\\# 2 abcd", b"\\# 3 abcd", b"\\# x", b"\\# 0", b"\\#", b"\\# " + b"9" * 5_000 + b" 00"),
    b"SOA": (b"ns h 1 1h 1h 1h 1h", b"ns h ( 1 2 3\n 4 5 ) ; c", b"ns h 1 2 3 4 5 6", b"ns h 1 2 3 4 9999999999"),
    b"DNAME": (b"c.d.", b"@"),
    b"PTR": (b"x",),
}
_DIRECTIVES = (
    b"$TTL 1h",
    b"$TTL " + b"9" * 5_000,
    b"$TTL x",
    b"$ORIGIN c.",
    b"$ORIGIN " + b"a." * 130,
    b"$INCLUDE here",
    b"$INCLUDE gone",
    b"$INCLUDE here c.",
    b"$GENERATE 1-3 h$ A 198.18.2.$",
    b"$GENERATE 1-3/2 h${1,5,x} TXT $$ \\$ ${-9}",
    b"$GENERATE 0-99999999999999 h$ A 1.1.1.1",
    b"$GENERATE " + b"9" * 4_999 + b"-" + b"9" * 5_000 + b" h$ A 1.1.1.1",
    b"$GENERATE 1-2 h${0,99999999999,d} A 1.1.1.1",
    b"$GENERATE 1-2 h${0,70,d} A 1.1.1.1",
    b"$WHAT",
)


def _line(choices: Choices) -> bytes:
    if choices.below(6) == 5:
        return choices.one_of(_DIRECTIVES)
    kind = choices.one_of(tuple(_DATA))
    good = choices.below(4)
    head = choices.one_of(_OWNERS[:4] if good else _OWNERS) + b" "
    middle = choices.one_of(
        (b"", b"", b"300 ", b"IN 1h ", b"1h IN ", b"CH ", b"300 300 ", b"99999999999 ", b"1w2x ", b"1\xc5\xbf ")
    )
    return head + middle + kind + b" " + choices.one_of(_DATA[kind][:2] if good else _DATA[kind])


def zone(choices: Choices) -> bytes:
    head = b"$TTL 1h\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 198.18.0.1\n" if choices.below(4) else b""
    return head + b"\n".join(_line(choices) for _ in range(choices.below(10)))


def _include(name: str) -> str:
    if name == "here":
        return "h A 198.18.0.9\n$INCLUDE here\n$INCLUDE there\n"
    if name == "there":
        return "$INCLUDE here x.\nt TXT y\n" * 3
    raise FileNotFoundError(name)


def run(octets: bytes) -> None:
    text = octets.decode("utf-8", "replace")
    parsed = zonefile.read(text, ORIGIN, file="b.zone", include=_include)
    for problem in parsed.problems:
        assert problem.place is not None
        assert problem.place.line >= 1
        str(problem)
    written = zonefile.zone_text(parsed.records, ORIGIN)
    again = zonefile.read(written, ORIGIN)
    assert not again.problems, again.problems[0]
    assert again.records == parsed.records
    try:
        Zone(ORIGIN, parsed.records)
    except LabError:
        return
    zones = Zones({ORIGIN: ZonePlan(ORIGIN, parsed.records, ())})
    for name in {ORIGIN, DomainName("www.b.com"), *(record.name for record in parsed.records[:4])}:
        for kind in ("A", "MX", "ANY"):
            zones.answer(name, kind)


_HEAD = b"$TTL 1h\n@ SOA ns h 1 1h 15m 1w 1m\n@ NS ns\nns A 198.18.0.1\n"
_SEEDS = (_HEAD + b'* MX 5 mail\nmail TXT "a" b\n', *(_HEAD + directive for directive in _DIRECTIVES))
TARGET = Target(run, zone, _SEEDS)
