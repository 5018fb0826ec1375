"""The drawings, read back as what they claim."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lab.names import DomainName
from lab.topology import load, loads
from lab.topology.graph import mermaid, svg
from lab.topology.picture import Delegation, picture

SHIPPED = sorted((Path(__file__).parent.parent.parent / "topologies").glob("*.yaml"))
BELGIUM = next(path for path in SHIPPED if path.stem == "belgium")
SVG = "{http://www.w3.org/2000/svg}"


def words(text: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(text).iter(f"{SVG}text")]


def test_the_tree_is_drawn_from_the_root() -> None:
    found = picture(load(BELGIUM)).delegations
    names = [
        (".", "be"),
        (".", "ch"),
        (".", "com"),
        ("be", "eunet.be"),
        ("ch", "unige.ch"),
        ("com", "belgiannews.com"),
    ]
    assert list(found) == [Delegation(DomainName(a), DomainName(b)) for a, b in names]


def test_every_mx_is_an_arrow_and_a_word() -> None:
    drawn = svg(load(BELGIUM))
    assert "MX 5 → mail.belgiannews.com" in words(drawn)
    assert "MX 10 → relay.eunet.be" in words(drawn)
    assert drawn.count('class="exchange"') == 4
    assert drawn.count('class="exchange later"') == 1


def test_real_software_is_named() -> None:
    plan = load(BELGIUM.with_name("belgium-real.yaml"))
    drawn = [" ".join(one.split()) for one in words(svg(plan))]
    assert "name server: nsd · 198.18.2.53" in drawn
    assert "exim, dovecot (backup) · 198.18.4.25" in drawn
    assert "<br/>mail: postfix, dovecot" in mermaid(plan)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_picture_needs_nothing_but_itself(path: Path) -> None:
    drawn = svg(load(path))
    assert not re.search(r"<script|<image|href|@import|url\((?!#)", drawn)
    root = ElementTree.fromstring(drawn)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.attrib["x"]) <= width
        assert 0 <= float(text.attrib["y"]) <= height


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_mermaid_names_every_node_it_joins(path: Path) -> None:
    text = mermaid(load(path))
    made = set(re.findall(r"^ *(?:subgraph )?(\w+)\[", text, re.MULTILINE)) | set(re.findall(r"\| (\w+)\[", text))
    joined = re.findall(r"^  (\w+) -.*?\| (\w+)", text, re.MULTILINE)
    assert joined
    assert {node for pair in joined for node in pair} <= made


def test_of_many_organisations_the_first_are_drawn() -> None:
    drawn = words(svg(loads("population: 1000")))
    assert "… and 953 more organisations" in drawn


def test_strange_names_are_only_words() -> None:
    text = "name: '<script>alert(1)</script>'\ndomains: {a.be: {mx: [10 mail.a.be]}}"
    assert "<script>" not in svg(loads(text))
