"""`lab`: the overview, the verbs, and what happens when one of them fails.

The rule: `lab --help` answers within 100 ms and `lab dig` within 250 ms, so this module imports nothing that is
heavy: the overview is printed from the table below, and a verb's own module is imported when it is called.

Exit statuses: 0 done · 1 the world said no · 2 wrong usage or a bad file · 3 no lab is up · 4 the machine said no
· 70 a defect of this program (sysexits.h) · 130 interrupted · 141 whoever read the output has gone.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from lab.errors import LabError, MachineSaidNo, WrongUse, form_of

OVERVIEW: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "A lab",
        (
            ("up", "start", "start a mini-Internet:  lab up [TOPOLOGY]"),
            ("status", "start", "its hosts, and what has failed"),
            ("down", "start", "stop it"),
            ("shell", "shell", "a shell, or a command, inside it:  lab shell [HOST] [-- COMMAND…]"),
            ("image", "image", "what its containers run in:  lab image build [SOFTWARE]"),
        ),
    ),
    (
        "Names and mail",
        (
            ("dig", "dig", "ask the DNS:  lab dig NAME [TYPE] [@SERVER] [--trace]"),
            ("send", "send", "send a message and see its way:  lab send --from A --to B"),
            (
                "compose",
                "compose",
                "one with HTML, images, files:  lab compose --from A --to B --attach FILE",
            ),
            ("talk", "talk", "type SMTP yourself:  lab talk HOST smtp --explain"),
            ("journey", "journey", "what happened to a message, step by step:  lab journey J-0001"),
            ("why", "why", "the first cause, the rule, the remedy:  lab why J-0001"),
            ("mailbox", "mailbox", "what is in a mailbox:  lab mailbox ADDRESS"),
            ("account", "account", "who has a mailbox; new ones, passwords, forwards:  lab account add ADDRESS"),
            ("queue", "queue", "what waits, where, until when"),
            ("zone", "zone", "a zone's records; add or remove some"),
            ("config", "config", "what a host's software reads:  lab config HOST [FILE]"),
        ),
    ),
    (
        "Break and mend",
        (
            ("fail", "fail", "break a host or a line:  lab fail HOST --as silent"),
            ("heal", "fail", "mend one host, or everything"),
            ("clock", "clock", "lab time; let it run ahead:  lab clock +4h"),
        ),
    ),
    (
        "Watch",
        (
            ("watch", "watch", "everything that happens, as it happens"),
            ("replay", "watch", "a saved log again:  lab replay run.jsonl"),
            ("capture", "capture", "every packet, for Wireshark:  lab capture FILE.pcapng"),
        ),
    ),
    (
        "Files",
        (
            ("check", "files", "what is wrong or unwise in a topology file"),
            ("graph", "files", "draw a topology:  lab graph FILE --svg OUT"),
            ("schema", "files", "the JSON Schema of topology files, for editors"),
            ("export", "export", "the lab for Compose, Kathará, containerlab, Kubernetes:  lab export compose"),
            ("run", "run", "run scenarios:  lab run scenarios/"),
            ("compare", "compare", "mail agents' policies side by side:  lab compare policies"),
            ("futures", "futures", "what may befall its mail, by the thousand:  lab futures belgium --seeds 1000"),
        ),
    ),
    (
        "Help",
        (
            ("explain", "explain", "what a code or a rule means:  lab explain mx-preference"),
            ("doctor", "doctor", "whether this machine has what the lab needs, and that nothing escapes"),
        ),
    ),
)
"""Every verb by group: (name, its module in lab.cli, what it does)."""


def modules() -> dict[str, str]:
    return {verb: module for _, verbs in OVERVIEW for verb, module, _ in verbs}


def main() -> int:
    """The console script."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows ? rather than nothing
    return guarded(sys.argv[1:], dispatch)


def _open_streams() -> None:
    """A stream that was closed (`lab talk HOST <&-`) leads nowhere; else the next file would take its number."""
    if sys.stdin is None:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdin = os.fdopen(0, closefd=False)
    if sys.stdout is None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stdout = os.fdopen(1, "w", closefd=False)


def guarded(words: Sequence[str], work: Callable[[Sequence[str]], int]) -> int:
    """Do it; whatever goes wrong becomes a sentence and an exit status."""
    try:
        return _sentenced(words, work)
    except BrokenPipeError:  # nobody listens any more: not to the verb, or not to what it had to tell
        _say_no_more()
        return 141


def _sentenced(words: Sequence[str], work: Callable[[Sequence[str]], int]) -> int:
    try:
        status = work(words)
        sys.stdout.flush()
        return status
    except LabError as error:
        told = _tell(error, as_json="--json" in words)
        sys.stdout.flush()
        return told
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            _say_no_more()
            full = MachineSaidNo("what this verb says could not be written whole: no space is left", code="H024")
            return _tell(full, as_json=False)
        from lab.cli.crash import report

        return report(error, words)


def _say_no_more() -> None:
    """The interpreter flushes stdout once more at its end; that must not complain either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(error: LabError, as_json: bool) -> int:
    if as_json:
        import json

        print(json.dumps({"error": form_of(error)}, ensure_ascii=False))
    else:
        from lab.cli.screen import harmless

        print(harmless(worded(error)), file=sys.stderr)
    return error.exit_status


def worded(error: LabError) -> str:
    """The error as a person reads it. A sentence begins with a capital, unless it begins with a name."""
    text = str(error)
    if "\n" in error.sentence:
        return _from_here(text)  # places in a file, with their carets: to be left as they stand
    start = text[:1].upper() if text.split(" ", 1)[0].isalpha() else text[:1]
    return "\n".join(f" {line}" for line in (start + text[1:]).splitlines())


def _from_here(text: str) -> str:
    """Files of this folder as a person in it names them; the lab, which read them, is in a folder of its own."""
    try:
        here = os.getcwd().rstrip("/")
    except OSError:
        return text
    return text.replace(f"\n{here}/", "\n").removeprefix(f"{here}/")


def dispatch(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] in ("--version", "-V"):
        from lab import __version__

        print(f"mini-internet-lab {__version__}")
        return 0
    return call(words[0], words[1:])


def call(verb: str, words: Sequence[str]) -> int:
    module = modules().get(verb)
    if module is None:
        raise unknown(verb)
    from lab.cli.reading import read

    return read(verb, getattr(import_module(f"lab.cli.{module}"), verb), words)()


def unknown(verb: str) -> WrongUse:
    import difflib

    near = difflib.get_close_matches(verb, modules(), n=1)
    remedy = f"Did you mean  lab {near[0]} ?" if near else "All verbs:  lab --help"
    return WrongUse(f"there is no verb '{verb}'", remedy=remedy, code="W010")


def overview() -> str:
    lines = ["mini-Internet lab: a small Internet of mail and names on this machine.", ""]
    for group, verbs in OVERVIEW:
        lines += [f" {group}", *(f"   {verb:<9} {what}" for verb, _, what in verbs), ""]
    return "\n".join([*lines, " lab VERB --help tells more of one; --json gives each answer as JSON."])


if __name__ == "__main__":
    sys.exit(main())
