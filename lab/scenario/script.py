"""A scenario file: Python that acts on a mini-Internet and expects things of it, readable aloud.

    \"\"\"The preferred exchanger is down: mail waits at the backup and comes home later.\"\"\"

    from lab.scenario import Net, scenario

    @scenario("belgium")
    async def mx_fallback(net: Net) -> None:
        net.fail("mail.belgiannews.com")
        ...

The rule: a file says on which topology it plays, not on which fabric. Its title is the first line of the
function's docstring, or of the file's. A topology is the name of one in a folder `topologies`, or a path.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from os.path import isdir, isfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import WrongUse
from lab.topology.shipped import shipped
from lab.values import dataclass

if TYPE_CHECKING:
    from lab.scenario.net import Net

    Play = Callable[[Net], Awaitable[None]]

EVERYWHERE = ("sim", "local", "docker")


@dataclass(frozen=True, slots=True)
class Script:
    """A scenario, ready to be played on a world of its own."""

    name: str
    title: str
    topology: str
    play: Play
    file: Path
    seed: str = ""
    """Empty: the topology's own."""
    fabrics: tuple[str, ...] = EVERYWHERE


def scenario(
    topology: str, *, seed: str | int = "", fabrics: Sequence[str] = EVERYWHERE
) -> Callable[[Play], Script]:
    """Make the function below a scenario on this topology."""

    def read(play: Play) -> Script:
        module = sys.modules.get(play.__module__)
        said = inspect.getdoc(play) or (module and inspect.getdoc(module)) or play.__name__.replace("_", " ")
        file = Path(inspect.getfile(play))
        title = said.strip().splitlines()[0]
        return Script(play.__name__, title, topology, play, file, str(seed), tuple(fabrics))

    return read


def find(paths: Sequence[Path]) -> list[Path]:
    """The scenario files among these files and folders, folders in the order of their names. WrongUse for a path
    that is none. What a shell's `*` names by the way, such as __pycache__, is left out."""
    meant = [path for path in paths if not path.name.startswith("__")]
    return list(dict.fromkeys(file for path in meant or paths for file in _files(path)))


def _files(path: Path) -> Iterator[Path]:
    if isfile(path):
        yield path
    elif isdir(path):
        files = sorted(file for file in path.rglob("*.py") if not _is_put_aside(file.relative_to(path)))
        if not files:
            raise WrongUse(f"there is no scenario in the folder '{path}'", code="W020")
        yield from files
    else:
        raise WrongUse(f"there is no scenario '{path}'", remedy="Name a file, or a folder of them.", code="W020")


def _is_put_aside(inside: Path) -> bool:
    """In a folder such as .venv or __pycache__, or a file whose name begins so."""
    return any(part.startswith((".", "_")) for part in inside.parts)


def load(file: Path) -> list[Script]:
    """The scenarios of a file, in their order. WrongUse when it cannot be read as one, with the line."""
    spec = importlib.util.spec_from_file_location(f"scenario_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise WrongUse(f"{file} is no Python file", code="W021")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise WrongUse(f"{file}:{error.lineno}: this is not Python: {error.msg}", code="W021") from None
    except Exception as error:
        raise WrongUse(f"{file}: it cannot be read: {error}", code="W021") from error
    own = (value for value in vars(module).values() if isinstance(value, Script) and value.file.samefile(file))
    return [replace(script, file=file) for script in own]


def topology_of(script: Script, here: Path) -> Path:
    """The file of a scenario's topology: a path beside the scenario, or a name in a `topologies` folder of the
    scenario's or the current folder, or above them, or among the lab's own. WrongUse when there is none."""
    beside = script.file.parent / script.topology
    if beside.suffix in (".yaml", ".yml") and beside.is_file():
        return beside
    for folder in (*script.file.resolve().parents, here, *here.parents, *shipped()):
        found = folder / "topologies" / f"{script.topology}.yaml"
        if found.is_file():
            return found
    remedy = f'It is named in {script.file}:  @scenario("{script.topology}")'
    raise WrongUse(f"there is no topology '{script.topology}'", remedy=remedy, code="W022")
