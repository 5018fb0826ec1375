"""Every fault that can be made on purpose leads to a diagnosis with a name; what harmed nobody, to a delivery."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds import lab_up

from lab.faults import OF_A_HOST, WORDS, Down
from lab.faults.smtp import KEYWORDS
from lab.faults.words import STAGES
from lab.journey.diagnoses import CATALOGUE

WORLD = """
domains:
  a.be: {mx: 10 mail.a.be, people: ann, hosts: {mail.a.be: {mail: {settings: {tls: TLS}}}}}
  b.be: {mx: 10 mail.b.be, people: bob}
"""
AT_MAIL = [
    *(f"{word} at {stage}" for word in ("reply 451", "reply 550", "stall", "reset") for stage in STAGES),
    *(f"hide {keyword}" for keyword in KEYWORDS),
]
AT_NAMES = ["servfail", "refused", "timeout", "lame", "wrong-glue", "truncated", "no-tcp", "slow 3s", "slow 30s"]
SAID = [
    *(f"{host} {word}" for word in OF_A_HOST for host in ("mail.b.be", "ns.b.be", "ns.be", "resolver")),
    *(
        f"mail.a.be {word}" for word, kind in OF_A_HOST.items() if not issubclass(kind, Down)
    ),  # or nobody hands it in
    *(f"{host} --clock +6h" for host in ("mail.a.be", "mail.b.be", "ns.be", "resolver")),
    "mail.b.be silent chance 99%",
    "mail.b.be reply 451 at rcpt chance 99%",
    "mail.a.be --cut mail.b.be --one-way",
    "mail.b.be --cut mail.a.be --one-way",
    "mail.a.be --cut mail.b.be --chance 99%",
    *(f"mail.b.be {words}" for words in AT_MAIL),
    *(f"{host} {words}" for words in AT_NAMES for host in ("ns.b.be", "ns.be", "a.root", "resolver")),
    *(f"{host} clock {by}" for by in ("+6d", "-6d") for host in ("mail.a.be", "mail.b.be", "resolver")),
    "mail.b.be refuse pop3 at login",
    "mail.a.be --cut mail.b.be",
    "mail.a.be --cut resolver",
    "resolver --cut ns.b.be",
    "a.be --cut b.be",
    "mail.b.be --for 30m",
    "mail.a.be --to mail.b.be --delay 40s",
    "mail.a.be --to mail.b.be --loss 100%",
]


def test_no_word_of_a_fault_is_left_out() -> None:
    said = {words.split()[1].removeprefix("--") for words in SAID}
    assert said - {"cut", "to", "for"} == set(WORDS)


@pytest.mark.parametrize("said", SAID)
def test_the_fault_has_a_diagnosis(tmp_path: Path, said: str) -> None:
    world = tmp_path / "world.yaml"
    world.write_text(WORLD.replace("TLS", "may" if "tls" in said.lower() else "none"))
    with lab_up(world) as lab:
        broken = lab(f"lab fail {said}")
        if "W029" in broken:
            assert "cannot have the fault" in broken.lower()
            return
        lab("lab send --from ann@a.be --to bob@b.be")
        lab("lab clock +12m")
        found = lab.json("lab why")
    assert found.get("code") in CATALOGUE, found
    if found["state"] != "delivered":
        assert any(said.split()[0] in note for note in found["notes"]), found


@pytest.mark.parametrize("how", ["--crash", "--power-cut", "--crash --for 1h"])
def test_a_host_that_crashed_with_mail_in_its_queue_is_named(tmp_path: Path, how: str) -> None:
    world = tmp_path / "world.yaml"
    world.write_text(WORLD.replace("TLS", "none"))
    with lab_up(world) as lab:
        lab("lab fail mail.b.be")
        lab("lab send --from ann@a.be --to bob@b.be")
        lab(f"lab fail mail.a.be {how}")
        lab("lab heal mail.b.be")
        lab("lab clock +12m")
        found = lab.json("lab why")
    assert (found["code"], found["state"]) == ("D902", "queued"), found
    assert any(how.split()[0].removeprefix("--") in note for note in found["notes"]), found
