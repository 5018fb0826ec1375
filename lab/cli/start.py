"""`lab up`, `lab status`, `lab down`: a lab begins, is, and ends."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from lab.cli import topologies
from lab.cli.hosts import failed, host_lines
from lab.cli.reading import Json
from lab.cli.screen import Line, emit, plain, show, table
from lab.control.client import ask
from lab.control.home import home
from lab.control.launch import Order, start, stop
from lab.fabric.wish import PACKED


def up(
    topology: str = "",
    /,
    *,
    fabric: Literal["local", "docker", "sim"] | None = None,
    pace: float = 1.0,
    seed: str = "",
    doors: Annotated[bool, Parameter(negative="--no-doors")] = True,
    door: tuple[str, ...] = (),
    pack: bool = False,
    per: str = "",
    engines: str = "",
    json: Json = False,
) -> int:
    """Start a mini-Internet from a topology file, and leave it running.

    Parameters
    ----------
    topology
        A file, or the name of one in topologies/. Without it: topologies/belgium.yaml, else the one that
        comes with the lab.
    fabric
        Where the hosts live. local: real ports in a private network of this machine. docker: in containers.
        sim: in memory. Without it, local where the machine allows it.
    pace
        On sim, lab seconds for each second: 1 if not told otherwise.
    seed
        What chance is drawn from, instead of the topology's own seed.
    doors
        Open front doors on the machine's loopback for programs outside of the lab.
    door
        One more, at a port of your own:  --door 2525:mail.belgiannews.com:25
    pack
        On docker, many hosts in one container, for labs of hundreds.
    per
        On docker, how many:  --per 100, or --per organisation
    engines
        On docker, other engines than your own, or several:  --engines unix:///var/run/docker.sock,ssh://b
        (lab explain engines)
    """
    if restored():
        return status(json=json)
    begun = time.perf_counter()
    order = Order(
        str(topologies.find(topology)),
        fabric or "",
        _pace(pace),
        seed,
        doors,
        door,
        per or (str(PACKED) if pack else ""),
        tuple(filter(None, engines.split(","))),
    )
    ready = start(home(), order, _remark, _progress)
    ready["ready_s"] = round(time.perf_counter() - begun, 3)
    if json:
        emit(ready)
    else:
        show(first_screen(ready))
    return 0


def restored() -> bool:
    """Whether something of the lab that is up was gone, and is back now."""
    if not home().is_up() or home().read().get("fabric") != "docker":
        return False
    found: list[str] = ask("restore")["restored"]
    if found:
        _remark(f"Back again: {', '.join(found)}.")
    return bool(found)


def _pace(pace: float) -> float:
    from lab.errors import WrongUse

    if not 0 < pace <= 1_000_000:
        raise WrongUse("the pace is lab seconds for each second: above 0, at most 1000000", code="W012")
    return pace


_WIDTH = 30


def _progress(done: int, of: int) -> None:
    """A bar of the containers that serve, where somebody looks on; it is gone when all of them do."""
    if not sys.stderr.isatty() or of < 2:
        return
    full = _WIDTH * done // of
    line = f" {'█' * full}{'·' * (_WIDTH - full)}  {done} of {of} containers serve"
    print(f"\r{line}" if done < of else f"\r{' ' * len(line)}\r", end="", file=sys.stderr, flush=True)


def _remark(sentence: str) -> None:
    print(f" {sentence}", file=sys.stderr)


def first_screen(form: dict[str, Any]) -> list[Line]:
    """What a person sees of a lab that has come up."""
    source = topologies.near(form["topology"])
    lines: list[Line] = [
        ((' mini-Internet "', ""), (form["lab"], "head"), (f'"  ·  {form["fabric"]}  ·  {source}', ""))
    ]
    lines += host_lines(form["rows"], form["hosts"])
    if form["hosts"] > len(form["rows"]):
        lines.append(plain(f"  … and {form['hosts'] - len(form['rows']):,} more:  lab status", "dim"))
    hosts = "1 host" if form["hosts"] == 1 else f"{form['hosts']:,} hosts"
    lines.append(plain(f" {hosts} ready in {form['ready_s']:.1f} s.", "good"))
    lines += _front_doors(form["doors"])
    lines.append(plain(f" Try:  {'  ·  '.join(_suggestions(form))}"))
    return lines


def _front_doors(doors: list[dict[str, Any]]) -> list[Line]:
    """One line a host: the ports of the machine's loopback that lead to its services."""
    hosts: dict[str, dict[str, str]] = {}
    for door in doors:
        host, _, service = door["to"].rpartition(" ")
        if door["kind"] == "socks":
            host, service = "everything, by name", "SOCKS5"
        ways, way = hosts.setdefault(host, {}), f"{service} {door['port']}"
        ways[way] = "/udp" if door["kind"] == "udp" and way not in ways else ""
    rows = [
        [(host, "place"), ("  ".join(f"{way}{by}" for way, by in ways.items()), "")]
        for host, ways in hosts.items()
    ]
    return [plain(" From outside the lab, at 127.0.0.1:"), *table(rows, indent="  ")] if rows else []


def _suggestions(form: dict[str, Any]) -> list[str]:
    """What a newcomer could type next."""
    dig = [f"lab dig {form['people'][0].rpartition('@')[2]} MX"] if form["people"] else []
    send = [f"lab send --from {form['people'][-1]} --to {form['people'][0]}"] if form["people"] else []
    return [*dig, *send, *(["lab shell"] if form["fabric"] != "sim" else []), "lab down"]


def status(*, json: Json = False) -> int:
    """The hosts of the lab that runs, what they do, and what has failed."""
    form = ask("status", brief=json)
    if json:
        emit(form)
        return 0
    show(
        [
            (
                (' mini-Internet "', ""),
                (form["lab"], "head"),
                (f'"  ·  {form["fabric"]}  ·  {_moment(form["now"])}', ""),
            )
        ]
    )
    show(host_lines(form["hosts"], len(form["hosts"])))
    show(failed(form["hosts"]))
    show(
        ((" ✕ ", "bad"), (" – ".join(line["between"]), "place"), (f"  {line['fault']}", ""))
        for line in form["lines"]
    )
    show(_scheduled(row) for row in form["scheduled"])
    return 0


def _scheduled(row: dict[str, Any]) -> Line:
    """What comes, or ends, by itself."""
    what, moment = " – ".join(row["target"].split("|")), f"{row['turn'][:10]} {row['turn'][11:19]}"
    turn = f"until {moment}" if row["is_there"] else f"begins {moment}"
    return (
        (" ◷ ", "wait"),
        (what, "place"),
        (f"  {row['fault'].removeprefix('link ')}", ""),
        (f"  {turn}  ({row['when']})", "dim"),
    )


def _moment(iso: str) -> str:
    return f"lab time {iso[:10]} {iso[11:19]}"


def down(*, json: Json = False) -> int:
    """Stop the lab that runs; its event log stays in its home as last.jsonl."""
    where = home()
    form = stop(where)
    if json:
        emit({"lab": form.get("lab", ""), "log": str(where.last_run)})
    else:
        again = f"lab replay {topologies.near(where.last_run)}"
        show([plain(f' mini-Internet "{form.get("lab", "")}" is down.   {again}')])
    return 0
