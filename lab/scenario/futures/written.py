"""Acts as a scenario file: what went wrong in one future, to be played by `lab run` and read by a person.

The rule: the file does exactly what the future did, act by act on the same seed, and ends in the same judgement
(`net.accounted_for`); so it fails for as long as the defect is there, and passes once it is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from lab.faults import Reply
from lab.scenario.futures.acts import (
    Account,
    Act,
    Acts,
    Advance,
    Cut,
    EditZone,
    Fail,
    Flush,
    Heal,
    Join,
    Lift,
    Mend,
    Retry,
    Send,
    SlowDisks,
    Spoil,
)
from lab.topology.plan import Link

_FILE = '''\
"""{title}

{story}
"""

from lab.scenario import Net, scenario


@scenario("{topology}", seed={seed}, fabrics=("sim",))
async def {name}(net: Net) -> None:
{lines}
    await net.accounted_for(after="{after}")
'''


def written(acts: Acts, *, seed: int, topology: str, title: str, story: str, after: timedelta) -> str:
    """The text of the file. `topology`: its name, or its path from the file's folder."""
    return _FILE.format(
        title=_quiet(title),
        story=_quiet(story),
        topology=topology,
        seed=seed,
        name=f"future_{seed}",
        lines="\n".join(f"    {line}" for act in acts for line in lines_of(act)) or "    await net.catch_up()",
        after=f"{after.days}d",
    )


def _quiet(text: str) -> str:
    """Text inside of a docstring, which ends at three quotes."""
    return text.replace("\\", "\\\\").replace('"""', "'''")


def lines_of(act: Act) -> Sequence[str]:
    """What a scenario writes for an act.

    >>> lines_of(Cut(("unige.ch",), ("*",)))
    ["net.cut(['unige.ch'], ['*'])"]
    """
    match act:
        case Send():
            return [_sent(act)]
        case Advance(seconds):
            return [f'await net.clock.advance("{seconds:.3f}s")'.replace(".000s", "s")]
        case Fail(host, Reply() as reply):
            more = f", times={reply.times}" if reply.times else ""
            more += f', to="{reply.address}"' if reply.address else ""
            return [f'net.reply("{host}", {reply.code}, at="{reply.stage}"{more})']
        case Fail(host, fault):
            return [f'net.fail("{host}", "{fault}")']
        case Heal(host):
            return [f'net.heal("{host}")' if host else "net.heal()"]
        case Lift(host, fault):
            return [f'net.lift("{host}", "{fault}")']
        case Cut(a, b) | Join(a, b):
            verb = "cut" if isinstance(act, Cut) else "join"
            return [f"net.{verb}({[*map(str, a)]}, {[*map(str, b)]}{_manner(act)})"]
        case Spoil(a, b, link):
            return [f'net.link("{a}", "{b}", {_line(link)})']
        case _:
            return _kept(act)


def _manner(cut: Cut | Join) -> str:
    one_way = ", one_way=True" if cut.one_way else ""
    return f'{one_way}, chance="{cut.share * 100:g}%"' if cut.share < 1 else one_way


def _kept(act: Act) -> Sequence[str]:
    match act:
        case Mend():
            return ["net.mend()"]
        case SlowDisks():
            return ["net.slow_disks()"]
        case Retry(host):
            return [f'await net.retry("{host}")']
        case Flush(host):
            return [f'net.flush("{host}")']
        case EditZone(origin, add, remove):
            return [f'net.edit_zone("{origin}", add={[*add]}, remove={[*remove]})']
        case Account(do, address, more):
            given = dict(more)
            words = [repr(str(one)) for one in (do, address, *given.get("to", ()))]
            words += [f"{name}={given[name]!r}" for name in ("password", "quota", "mail") if name in given]
            return [f"await net.account({', '.join(words)})"]
        case _:
            raise AssertionError(f"no scenario can do {act}")


def _sent(send: Send) -> str:
    to = f'"{send.to[0]}"' if len(send.to) == 1 else str([*map(str, send.to)])
    what = f"octets={send.octets!r}" if send.octets else f'subject="{send.subject}"'
    size = f", size={send.size}" if send.size else ""
    via = f', via="{send.via}"' if send.via else ""
    return f'await net.offer("{send.sender}", {to}, {what}{size}{via})'


def _line(link: Link) -> str:
    parts = {
        "latency": _span(link.latency),
        "jitter": _span(link.jitter),
        "loss": f"{link.loss:g}" if link.loss else "",
        "bandwidth": f"{link.bandwidth}bit" if link.bandwidth else "",
    }
    return ", ".join(f'{name}="{word}"' for name, word in parts.items() if word)


def _span(span: timedelta) -> str:
    return f"{span.total_seconds() * 1000:g}ms" if span else ""
