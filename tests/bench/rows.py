"""The rows: a name, what was asked for, and the program whose figure it is.

Each program prints one JSON object {figure: value} and runs in a fresh process (`python -m tests.bench.rows ROW`).
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Row:
    """`asked` is the issue's figure, `better` "lower" or "higher"."""

    name: str
    what: str
    unit: str
    asked: float
    program: Callable[[], float]
    better: str = "lower"


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident() -> int:
    """Octets of memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def lab(*words: str, home: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("lab"))
    environment = {**os.environ, "LAB_HOME": home, "NO_COLOR": "1"}
    return subprocess.run(
        [program, *words], capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )


def up_on_local(organisations: int) -> tuple[float, float, int]:
    """(wall seconds until it serves, octets a host, hosts): a class's Internet in a process of its own.

    A team has a name server and a mail host; root, TLD and resolver serve them all: 24 teams are 51 serving hosts
    and 99 are 201. The student's host is one more.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        file = Path(home, "class.yaml")
        file.write_text(f"name: bench\nteams: {organisations}\n")
        begun = time.perf_counter()
        done = lab("up", str(file), "--fabric", "local", "--json", home=home)
        took = time.perf_counter() - begun
        try:
            if done.returncode:
                raise SystemExit(done.stderr or done.stdout)
            hosts = int(json.loads(done.stdout.splitlines()[-1])["hosts"])
            pid = json.loads(Path(home, "lab.json").read_text())["pid"]
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            return took, pages * os.sysconf("SC_PAGE_SIZE") / hosts, hosts
        finally:
            lab("down", home=home)


def sim_up(population: int) -> tuple[float, float]:
    """(CPU seconds, octets a host) from topology text to serving hosts."""
    from lab.topology import loads
    from tests.bench.worlds import run

    gc.disable()
    memory, begun = resident(), cpu()
    plan = loads(f"name: bench\npopulation: {population}\n", "bench.yaml")

    async def nothing(_: object) -> tuple[float, float]:
        return cpu() - begun, (resident() - memory) / len(plan.hosts)

    return run(plan, nothing)


def five_days(messages: int) -> float:
    from tests.bench.worlds import refused_for_five_days

    return refused_for_five_days(messages)


def traffic() -> float:
    from tests.bench.worlds import end_to_end

    return end_to_end(domains=1000, messages=3000)


def futures(seeds: int = 60) -> float:
    """Futures a CPU second: 10 domains, 20 messages, 6 days, faults; the plan made and the code warm before."""
    from lab.scenario.futures.crowd import play_one
    from lab.scenario.futures.draw import setting
    from lab.topology import loads

    plan = loads("name: futures\npopulation: 10\n", "futures.yaml")
    over = setting(plan)
    play_one(plan, over, 0)
    begun = cpu()
    outcomes = [play_one(plan, over, seed) for seed in range(1, seeds + 1)]
    took = cpu() - begun
    assert all(outcome.passed for outcome in outcomes)
    return seeds / took


def policies() -> float:
    """What `lab compare policies` plays."""
    from lab.compare import CASES, compare
    from lab.mail.policies import POLICIES

    begun = cpu()
    assert sum(len(row) for row in compare(CASES, tuple(POLICIES))) == len(CASES) * len(POLICIES)
    return cpu() - begun


def scenarios() -> float:
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        begun = time.perf_counter()
        done = lab("run", "scenarios", home=home)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        return time.perf_counter() - begun


def help_screen() -> float:
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        begun = time.perf_counter()
        lab("--help", home=home)
        return time.perf_counter() - begun


def first_mail() -> float:
    """A cold process (its modules compiled): read belgium.yaml, bring it up in memory, deliver one message."""
    begun = time.perf_counter()
    script = "from tests.bench.worlds import first_mail; first_mail()"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    return time.perf_counter() - begun


def smtp_in(durable: bool) -> float:
    from tests.bench.smtp_in import accepted

    return accepted(durable)


def crowd(figure: str) -> float:
    from tests.bench import crowd

    return crowd.FIGURES[figure]()


def log_cost(figure: str) -> float:
    from tests.bench import log_cost

    program: Callable[[], float] = getattr(log_cost, figure)
    return program()


def queued(sessions: int) -> float:
    from tests.bench.queue import accepted

    return accepted(sessions)


def times_disk() -> float:
    """How near one session comes to what the disk of this run allows; in turns, as the disk is others' too."""
    from tests.bench.queue import accepted, bare

    turns = [(accepted(1, 0.5), bare(0.5)) for _ in range(5)]
    return sum(ours for ours, _ in turns) / sum(theirs for _, theirs in turns)


def imap(figure: str, *words: str) -> float:
    from tests.bench import mailboxes

    program: Callable[..., float] = getattr(mailboxes, figure)
    return program(*words)


def against_dovecot() -> tuple[Row, ...]:
    """Where it is installed (tests need it not): the issue's anchor, in the same run."""
    from tests.bench import dovecot

    rows = {
        "imap": (
            Row(
                "flags_dovecot",
                "the same flags, Dovecot being 1",
                "times",
                5,
                lambda: imap("times_dovecot", "flags"),
            ),
            Row(
                "header_dovecot",
                "one header, Dovecot being 1",
                "times",
                5,
                lambda: imap("times_dovecot", "headers"),
            ),
        ),
        "pop3": (
            Row("pop3_dovecot", "the same RETRs, Dovecot being 1", "times", 3, lambda: pop3("times_dovecot")),
        ),
    }
    return tuple(row for protocol in dovecot.PROTOCOLS for row in rows[protocol])


def against_postfix() -> tuple[Row, ...]:
    """Where it is installed, or unpacked below build/postfix: the issue's anchor, on the same disk in the same
    run."""
    from tests.bench import postfix, smtp_in

    what = "SMTP in, durable, Postfix being 1"
    return (Row("smtp_postfix", what, "times", 1, smtp_in.times_postfix, "higher"),) if postfix.FOUND else ()


def in_containers() -> tuple[Row, ...]:
    """Where an engine answers."""
    from tests.bench import docker

    if not docker.answers():
        return ()
    return (
        Row("docker_up", "lab up on docker, belgium (13 hosts)", "s", 4, docker.belgium),
        Row("docker_up_50", "lab up on docker, 50 containers", "s", 10, lambda: docker.containers(50)),
        Row("docker_up_100", "lab up on docker, 100 containers", "s", 18, lambda: docker.containers(100)),
        Row("docker_up_200", "lab up on docker, 200 containers", "s", 40, lambda: docker.containers(200)),
        Row("docker_down_100", "lab down on docker, 100 containers", "s", 6, lambda: docker.down(100)),
        Row("docker_pack_200", "lab up --pack, 200 hosts", "s", 4, lambda: docker.packed(200)),
        Row("docker_pack_2000", "lab up --pack, 2,000 hosts", "s", 15, lambda: docker.packed(2000)),
        Row("docker_memory", "memory a host, a container each", "MB", 14, lambda: docker.memory((), 50)),
        Row(
            "docker_memory_called",
            "the same, mail sent and received",
            "MB",
            14,
            lambda: docker.memory((), 50, called=True),
        ),
        Row("docker_memory_packed", "memory a host, packed", "MB", 2, lambda: docker.memory(("--pack",), 200)),
    )


def pop3(figure: str) -> float:
    from tests.bench import pop3 as mail

    program: Callable[[], float] = getattr(mail, figure)
    return program()


KB = 1024

ROWS = {
    row.name: row
    for row in (
        Row("local_up_50", "lab up on local, 50 serving hosts", "s", 1.5, lambda: up_on_local(24)[0]),
        Row("local_up_200", "lab up on local, 200 serving hosts", "s", 3.0, lambda: up_on_local(99)[0]),
        Row("local_memory", "memory a host of 200 on local", "kB", 2048, lambda: up_on_local(99)[1] / KB),
        Row("sim_up_10k", "10,000 hosts up in sim", "CPU s", 1.0, lambda: sim_up(10_000)[0]),
        Row("sim_up_100k", "100,000 hosts up in sim", "CPU s", 10.0, lambda: sim_up(100_000)[0]),
        Row("sim_memory", "memory a host of 100,000 in sim", "kB", 6.0, lambda: sim_up(100_000)[1] / KB),
        Row("five_days_1", "one message refused for five days", "CPU s", 0.1, lambda: five_days(1)),
        Row("five_days_1000", "1,000 of them to one dead host", "CPU s", 1.0, lambda: five_days(1000)),
        Row("end_to_end", "DNS + SMTP, 1,000 domains", "msg/CPU s", 1500, traffic, better="higher"),
        Row("log", "the event log in a message's CPU", "%", 15.0, lambda: log_cost("share")),
        Row("log_journeys", "the same, with journeys, as in lab up", "%", 15.0, lambda: log_cost("with_journeys")),
        Row("log_lines", "the same, as lines, as in a container", "%", 15.0, lambda: log_cost("with_lines")),
        Row("futures", "futures: 10 domains, 20 messages, 6 days", "a CPU s", 30, futures, better="higher"),
        Row("scenarios", "lab run scenarios/ on sim", "s", 10.0, scenarios),
        Row("policies", "75 cases under seven policies, side by side", "CPU s", 5.0, policies),
        Row(
            "delivery",
            "delivery into a mailbox, durable, 50 sessions",
            "a second",
            1_000,
            lambda: imap("deliveries"),
            "higher",
        ),
        Row("queue_1", "queue, fsync before 250, 1 session", "msg/s", 1_000, lambda: queued(1), "higher"),
        Row("queue_100", "queue, fsync before 250, 100 sessions", "msg/s", 10_000, lambda: queued(100), "higher"),
        Row("queue_disk", "queue, 1 session, a bare append and fsync being 1", "times", 0.8, times_disk, "higher"),
        Row("smtp_in", "SMTP in, 50 sessions, 4 KiB, not stored", "msg/s", 8000, lambda: smtp_in(False), "higher"),
        Row(
            "smtp_durable", "SMTP in, 50 sessions, 4 KiB, durable", "msg/s", 3000, lambda: smtp_in(True), "higher"
        ),
        *against_postfix(),
        Row("pop3_retr", "POP3: RETR of 1,000 messages of 10 kB", "s", 0.5, lambda: pop3("retrieval")),
        Row("imap_flags", "IMAP: SELECT, FETCH 1:* FLAGS of 10,000", "s", 0.25, lambda: imap("select_and_flags")),
        Row("imap_header", "IMAP: FETCH one header", "ms", 2.0, lambda: imap("one_header")),
        Row("crowd", "mail accepted beside 1,000 idle, 200 slow", "ms", 50.0, lambda: crowd("accepted_within")),
        Row("crowd_smtp", "memory an idle SMTP connection", "kB", 16.0, lambda: crowd("idle_smtp")),
        Row("crowd_imap", "memory an IMAP session in IDLE", "kB", 32.0, lambda: crowd("idle_imap")),
        *against_dovecot(),
        Row("imap_idle", "IMAP: 200 IDLE sessions told of a message", "ms", 50.0, lambda: imap("idlers_told")),
        *in_containers(),
        Row("help", "lab --help", "s", 0.1, help_screen),
        Row("first_mail", "first mail in a cold process", "s", 0.5, first_mail),
    )
}


if __name__ == "__main__":
    print(json.dumps(ROWS[sys.argv[1]].program()))
