"""Faults at their time in containers, and what programs that are not the lab's see of them."""

from __future__ import annotations

from tests.fabric.docker.labs import Bench


def test_a_cut_of_one_way_a_crash_and_a_wrong_clock_come_and_go_in_containers(bench: Bench) -> None:
    bench.says("up", "tiny", "--fabric", "docker")
    bench.says("fail", "mail.example.be", "--cut", "mail.example.ch", "--one-way", "--for", "20m")
    assert bench.tells("send", "--from", "ann@example.be", "--to", "ed@example.ch")["state"] == "queued"
    # The kernel of mail.example.ch loses what comes along that way, and no other.
    dial = ("--", "swaks", "--server", "mail.example.ch", "--quit-after", "BANNER", "--timeout", "5s")
    assert bench.run("shell", "student", *dial).returncode == 0
    assert bench.run("shell", "mail.example.be", *dial).returncode != 0

    bench.says("fail", "mail.example.ch", "--clock", "-1h")
    bench.says("fail", "mail.example.be", "--crash", "--for", "10s")
    rows = {row["fault"]: row["is_there"] for row in bench.tells("status")["scheduled"]}
    assert rows == {"cut one way": True, "crash": True}
    bench.says("clock", "+1h")
    assert bench.tells("status")["scheduled"] == []
    (message,) = bench.tells("mailbox", "ed@example.ch")["messages"]
    assert message["received"] < bench.tells("clock")["now"].replace("T09", "T08")
    assert bench.run("shell", "mail.example.be", *dial).returncode == 0

    told = bench.run("fail", "mail.example.ch", "--power-cut")
    assert (told.returncode, "W013" in told.stderr) == (2, True)
    bench.says("down")
