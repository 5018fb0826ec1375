"""The words of a fault, read: the inverse of `str(fault)`, and somewhat wider.

The rule: one pure function for the command line, scenarios and topologies. A fault is its word, what belongs to
it, and then in any order `at STAGE`, `for ADDRESS` or `for NAME`, `once`, `twice` or `N times`; `saying` and the
rest of the words is a reply's text. `chance 20%` may stand anywhere before that. What a fault cannot take is
refused in a sentence (WrongUse, W012), never passed over.

    >>> str(fault_of("reply 451 at dot for Ed@b.be twice"))
    'reply 451 at eom for Ed@b.be twice'
    >>> fault_of("wrong glue for belgiannews.com") == fault_of("wrong-glue for BelgianNews.com.")
    True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from lab.clock import parse_span
from lab.errors import WrongUse
from lab.events import Stage
from lab.faults.base import AtServer, Fault, Sometimes
from lab.faults.dns import (
    Lame,
    NoAnswer,
    NoTcp,
    OfNames,
    Refused,
    ServFail,
    Slow,
    Truncated,
    WrongGlue,
)
from lab.faults.mailbox import SERVICES, AtMailbox, How, Moment
from lab.faults.network import OF_A_HOST, Down, Silent, Skew, Unreachable
from lab.faults.smtp import KEYWORDS, Hide, Reply, Reset, Stall
from lab.names import DomainName, EmailAddress, parse_address
from lab.values import dataclass

STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        "connect": Stage.GREETING,
        **{stage.value: stage for stage in Stage if stage not in (Stage.RESOLVE, Stage.CONNECT)},
        "dot": Stage.EOM,
    }
)
"""The stages at which a mail server's fault can strike, by the word that a user types."""

_NAMING = (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.EOM)
"""Where addresses have been named."""
_TIMES = MappingProxyType({"once": 1, "twice": 2})


@dataclass(slots=True)
class _Said:
    """What the words say beside the fault's own."""

    object: str = ""
    at: str = ""
    whom: str = ""
    times: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Form:
    """How a fault is said: what may go with it, and an example."""

    make: Callable[[_Said], Fault]
    takes: frozenset[str]
    example: str


def fault_of(words: str | Sequence[str]) -> Fault:
    """The fault that these words name."""
    given = words.split() if isinstance(words, str) else [word for part in words for word in part.split()]
    given, share = _luck(given)
    if share < 1:
        return sometimes(fault_of(given or ["down"]), share)
    form, rest = _form(given)
    said = _said(rest, form)
    for part in _FIELDS:
        if getattr(said, part) and part not in form.takes:
            raise _wrong(f"'{given[0]}' takes no {_FIELDS[part]}", form)
    return form.make(said)


def cut_of(words: Sequence[str]) -> tuple[str, bool, float] | None:
    """What `cut PLACE`, perhaps `one way`, perhaps with a chance, says: the place, whether one way, the chance.
    None where the words speak of no cut.

    >>> cut_of(["cut", "eunet.be", "one", "way", "chance", "20%"])
    ('eunet.be', True, 0.2)
    """
    given, share = _luck(list(words))
    match given:
        case ["cut", place, "one", "way"]:
            return place, True, share
        case ["cut", place]:
            return place, False, share
        case ["cut", *_]:
            raise WrongUse("cut off from where?", remedy="As in:  cut eunet.be one way", code="W012")
    return None


def _luck(given: list[str]) -> tuple[list[str], float]:
    """The words without their chance, and the chance; 1 where they have none."""
    if "chance" not in given[: given.index("saying") if "saying" in given else None]:
        return given, 1.0
    at = given.index("chance")
    return [*given[:at], *given[at + 2 :]], share_of("".join(given[at + 1 : at + 2]))


def sometimes(fault: Fault, share: float) -> Fault:
    """The same fault, by chance; itself where that is certain. WrongUse (W012) where it is there or not."""
    if share == 1:
        return fault
    if isinstance(fault, Sometimes):
        raise WrongUse(f"'{fault}' has its chance, and cannot have another", code="W012")
    if not isinstance(fault, AtServer | Silent | Unreachable) and type(fault) is not Down:
        raise WrongUse(
            f"a host is '{fault}' or it is not: chance has no part in it",
            remedy="By chance: down, unreachable, silent, and what a server does wrong.",
            code="W012",
        )
    return Sometimes(fault, share)


def share_of(word: str) -> float:
    """A chance, above 0: `20%`, `0.2`."""
    try:
        found = float(word.removesuffix("%")) / (100 if word.endswith("%") else 1)
    except ValueError:
        found = 0.0
    if not 0 < found <= 1:
        raise WrongUse(f"'{word}' is no chance: write 20% or 0.2", code="W012")
    return found


def stage_of(word: str) -> Stage:
    """The stage of that name: `rcpt`, `dot`."""
    if word.lower() not in STAGES:
        raise WrongUse(f"SMTP has no stage '{word}'", remedy=f"Its stages: {', '.join(STAGES)}.", code="W012")
    return STAGES[word.lower()]


def _form(given: list[str]) -> tuple[_Form, list[str]]:
    for size in (2, 1):  # `disk full` is as good as `disk-full`
        word = "-".join(given[:size]).lower()
        if word in _FORMS:
            return _FORMS[word], given[size:]
    raise WrongUse(
        f"a host cannot fail as '{' '.join(given)}'",
        remedy=f"It can be {', '.join(form.example for form in _FORMS.values())}.",
        code="W012",
    )


def _said(words: list[str], form: _Form) -> _Said:
    said, left = _Said(), list(words)
    while left:
        match [left.pop(0), *left]:
            case [("at" | "for") as word, *_]:
                if not left:
                    raise _wrong(f"something is missing behind '{word}'", form)
                setattr(said, "at" if word == "at" else "whom", left.pop(0))
            case [("once" | "twice") as often, *_]:
                said.times = _TIMES[often]
            case [number, "times", *_] if number.isdecimal():
                said.times = int(number)
                del left[0]
            case ["saying", *text]:
                said.text, left = " ".join(text), []
            case [word, *_] if not said.object:
                said.object = word
            case [word, *_]:
                raise _wrong(f"'{word}' says nothing here", form)
    return said


def _wrong(sentence: str, form: _Form) -> WrongUse:
    return WrongUse(sentence, remedy=f"As in:  {form.example}", code="W012")


# -- each kind ------------------------------------------------------------------------------------------------


def _reply(said: _Said) -> Fault:
    if not said.object.isdecimal():
        raise _wrong(f"'{said.object}' is no reply code", _FORMS["reply"])
    code = int(said.object)
    if not 400 <= code <= 599:
        raise WrongUse(f"{code} refuses nothing: a reply of 400 to 599 does (RFC 5321 §4.2.1)", code="W012")
    stage = stage_of(said.at or "rcpt")
    return Reply(stage, code, said.text, _whom(said, stage), times=said.times)


def _stall(said: _Said) -> Fault:
    if said.object:
        return _at_mailbox(How.STALL, said)
    stage = _stage(said, "stall")
    return Stall(stage, _whom(said, stage), times=said.times)


def _reset(said: _Said) -> Fault:
    if said.object:
        return _at_mailbox(How.RESET, said)
    stage = _stage(said, "reset")
    return Reset(stage, _whom(said, stage), times=said.times)


def _at_mailbox(how: How, said: _Said) -> Fault:
    if said.object.lower() not in SERVICES:
        told = f"'{said.object}' is no service that hands mail out" if said.object else "which service does?"
        raise _wrong(told, _FORMS["refuse"])
    moment = _moment(said)
    if moment is Moment.QUIT and how is How.REFUSE:
        raise WrongUse("a goodbye is not refused", remedy="It can stall, or be reset.", code="W012")
    if said.whom and moment is Moment.CONNECT:
        raise WrongUse("at connect nobody has logged in yet", code="W012")
    whom = EmailAddress.parse(said.whom) if said.whom else ""
    return AtMailbox(how, said.object.lower(), moment, whom, said.text, times=said.times)


def _moment(said: _Said) -> Moment:
    word = said.at.lower()
    if word not in list(Moment):
        sentence = f"{said.object.upper()} has no stage '{said.at}'"
        raise WrongUse(sentence, remedy=f"Its stages: {', '.join(Moment)}.", code="W012")
    return Moment(word)


def _stage(said: _Said, word: str) -> Stage:
    if not said.at:
        raise _wrong(f"at which stage does it {word}?", _FORMS[word])
    return stage_of(said.at)


def _whom(said: _Said, stage: Stage) -> str:
    if said.whom and stage not in _NAMING:
        raise WrongUse(
            f"at {stage} no address has been named yet",
            remedy=f"'for ADDRESS' goes with {', '.join(_NAMING)}.",
            code="W012",
        )
    return EmailAddress.parse(said.whom) if said.whom else ""


def _hide(said: _Said) -> Fault:
    if said.object.upper() not in KEYWORDS:
        raise WrongUse(
            f"EHLO is not answered with '{said.object}'", remedy=f"It is, with {', '.join(KEYWORDS)}.", code="W012"
        )
    return Hide(said.object.upper(), times=said.times)


def _name(said: _Said) -> DomainName | None:
    return DomainName.parse(said.whom) if said.whom else None


def _of_names(kind: type[OfNames]) -> _Form:
    def make(said: _Said) -> Fault:
        return kind(name=_name(said), times=said.times)

    return _Form(make, frozenset({"whom", "times"}), f"{kind.word} for NAME")


def _wrong_glue(said: _Said) -> Fault:
    address = parse_address(said.object) if said.object else None
    return WrongGlue(name=_name(said), address=address, times=said.times)


def _slow(said: _Said) -> Fault:
    try:
        seconds = parse_span(said.object).total_seconds()
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise _wrong(f"'{said.object}' is no span of time that a server takes to answer", _FORMS["slow"])
    return Slow(name=_name(said), seconds=seconds, times=said.times)


def _clock(said: _Said) -> Fault:
    sign, span = (-1, said.object[1:]) if said.object.startswith("-") else (1, said.object.removeprefix("+"))
    try:
        return Skew(sign * parse_span(span))
    except ValueError:
        raise _wrong(f"'{said.object}' is no span of time that a clock is wrong by", _FORMS["clock"]) from None


def _plain(kind: type[Fault]) -> _Form:
    return _Form(lambda said: kind(), frozenset(), str(kind()))


_FIELDS = MappingProxyType(
    {"object": "word behind it", "at": "'at'", "whom": "'for'", "times": "number of times", "text": "'saying'"}
)
_AT_STAGE = frozenset({"at", "whom", "times"})
_FORMS: Mapping[str, _Form] = MappingProxyType(
    {
        **{word: _plain(kind) for word, kind in OF_A_HOST.items()},
        "clock": _Form(_clock, frozenset({"object"}), "clock +10m"),
        "reply": _Form(_reply, _AT_STAGE | {"object", "text"}, "reply 451 at rcpt"),
        "stall": _Form(_stall, _AT_STAGE | {"object"}, "stall at data"),
        "reset": _Form(_reset, _AT_STAGE | {"object"}, "reset at dot"),
        "refuse": _Form(partial(_at_mailbox, How.REFUSE), _AT_STAGE | {"object", "text"}, "refuse pop3 at login"),
        "hide": _Form(_hide, frozenset({"object", "times"}), "hide STARTTLS"),
        **{kind.word: _of_names(kind) for kind in (ServFail, Refused, NoAnswer, Lame, Truncated)},
        WrongGlue.word: _Form(_wrong_glue, frozenset({"object", "whom", "times"}), "wrong-glue for NAME"),
        Slow.word: _Form(_slow, frozenset({"object", "whom", "times"}), "slow 5s for NAME"),
        str(NoTcp()): _plain(NoTcp),
    }
)

WORDS: Mapping[str, str] = MappingProxyType({word: form.example for word, form in _FORMS.items()})
"""Each fault's word, and how it is said."""
