"""`lab config`: the files that a host's software reads; of a host that runs the lab's own programs, its plan."""

from __future__ import annotations

import json as encoding
from typing import Any

from lab.cli.reading import Json
from lab.cli.screen import emit, harmless
from lab.errors import WrongUse


def config(host: str, file: str = "", /, *, topology: str = "", json: Json = False) -> int:
    """What a host of the lab is configured with. Real software reads files; the lab's own programs read the plan.

    Parameters
    ----------
    host
        The host.
    file
        One file only: its path, or its name: main.cf
    topology
        As it would be in this topology, without a lab that runs.
    """
    form = _planned(host, topology) if topology else _running(host)
    if file:
        form["files"] = [_named(file, form)]
    if json:
        emit(form)
    elif form["files"]:
        print(harmless(_text(form["files"], bare=bool(file))), end="")
    else:
        print(encoding.dumps(form["plan"], indent=2, ensure_ascii=False))
    return 0


def _promised() -> Any:
    from lab.foreign.config.scene import Certificate

    made = "(made when the lab starts)\n"
    return Certificate(made, made, made)


def _running(host: str) -> dict[str, Any]:
    from lab.control.client import ask

    return ask("config", host=host)


def _planned(host: str, name: str) -> dict[str, Any]:
    import difflib

    from lab import topology
    from lab.cli.topologies import find
    from lab.control.describe import plan_form
    from lab.foreign.config.files import config_form
    from lab.foreign.config.scene import scene

    plan = topology.load(find(name))
    wanted = host.lower().rstrip(".")
    found = next((one for one in plan.hosts if wanted in (one.name, *one.addresses)), None)
    if found is None:
        near = difflib.get_close_matches(wanted, [str(one.name) for one in plan.hosts[:5000]], n=1)
        remedy = f"Did you mean {near[0]}?" if near else ""
        raise WrongUse(f"there is no host '{host}' in this lab", remedy=remedy, code="W001")
    if not found.software:
        return {"host": found.name, "software": [], "files": [], "plan": plan_form(found)}
    files = config_form(scene(found, plan.zones, _promised() if found.mail else None))
    return {"host": found.name, "software": list(found.software), "files": files}


def _named(file: str, form: dict[str, Any]) -> dict[str, Any]:
    paths = [one["path"] for one in form["files"]]
    found = [one for one in form["files"] if file in (one["path"], one["path"].rpartition("/")[2])]
    if not found:
        remedy = (
            f"Its files: {', '.join(paths)}" if paths else "It runs the lab's own programs, which read no files."
        )
        raise WrongUse(f"{form['host']} has no file '{file}'", remedy=remedy, code="W027")
    first: dict[str, Any] = found[0]
    return first


def _text(files: list[dict[str, Any]], bare: bool) -> str:
    """One file as it stands; several with their paths above."""
    if bare:
        return str(files[0]["text"])
    return "\n".join(f"==> {one['path']} <==\n{one['text']}" for one in files)
