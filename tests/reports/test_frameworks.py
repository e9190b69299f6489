"""Framework files: what ships is sound, what is wrong is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.catalogue import load_catalogue
from reports.frameworks import FrameworkError, load_frameworks, parse_framework

GOOD = """
[framework]
scheme = "essai"
title = "Essai"
[[requirement]]
id = "1"
title = "Un"
controls = ["AD-KRB-001"]
[[requirement]]
id = "2"
title = "Deux"
controls = ["AD-KRB-001", "MAIL-SPF-001"]
"""


def test_shipped_frameworks_name_only_controls_that_exist() -> None:
    known = {control.id for _, control in load_catalogue().controls()}
    assert load_frameworks().controls() - known == set()


@pytest.mark.parametrize(("scheme", "count"), [("anssi-hygiene", 42), ("mac", 43), ("cnil", 25)])
def test_shipped_frameworks_are_complete(scheme: str, count: int) -> None:
    framework = load_frameworks().by_scheme[scheme]
    assert len(framework.requirement) == count
    assert framework.framework.source


def test_hygiene_measures_are_numbered_from_1_to_42() -> None:
    found = load_frameworks().by_scheme["anssi-hygiene"].requirement
    assert [r.id for r in found] == [str(n) for n in range(1, 43)]


def test_care_holds_only_objectives_whose_existence_was_confirmed() -> None:
    found = {r.id for r in load_frameworks().by_scheme["care"].requirement}
    assert "D1.O1" not in found
    assert {"D1.O2", "D2.O4", "D2.O3.C"} <= found


def test_monaidecyber_keeps_the_rule_of_its_six_measures() -> None:
    framework = load_frameworks().by_scheme["mac"]
    assert "six mesures prioritaires" in framework.framework.note
    priorities = {r.priority for r in framework.requirement}
    assert None not in priorities
    assert 3 not in priorities


def test_references_are_scheme_and_id_in_file_order(tmp_path: Path) -> None:
    (tmp_path / "essai.toml").write_text(GOOD, encoding="utf-8")
    frameworks = load_frameworks(tmp_path)
    assert frameworks.references_of("AD-KRB-001") == ["essai:1", "essai:2"]
    assert frameworks.references_of("MAIL-SPF-001") == ["essai:2"]
    assert frameworks.references_of("AD-KRB-999") == []


def test_one_id_at_two_levels_is_one_reference() -> None:
    text = GOOD.replace('id = "2"', 'id = "1"\nlevel = 2')
    assert [r.level for r in parse_framework(text, "f").requirement] == [None, 2]


def test_adding_a_framework_is_adding_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.toml").write_text(GOOD.replace('"essai"', '"autre"'), encoding="utf-8")
    (tmp_path / "lisez-moi.txt").write_text("pas un référentiel", encoding="utf-8")
    assert sorted(load_frameworks(tmp_path).by_scheme) == ["autre", "essai"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('scheme = "essai"', 'scheme = "Essai !"'), "scheme"),
        (('title = "Un"', 'titre = "Un"'), "titre"),
        (('id = "2"', 'id = "1"'), "twice"),
        (('title = "Un"', 'title = " "'), "empty"),
        (('"AD-KRB-001", "MAIL-SPF-001"', '"AD-KRB-001", "AD-KRB-001"'), "twice"),
        (('["AD-KRB-001"]', '["krbtgt"]'), "not a control id"),
        (("[framework]", "[framework"), "f.toml"),
    ],
)
def test_a_wrong_file_is_refused_by_name(change: tuple[str, str], message: str) -> None:
    with pytest.raises(FrameworkError, match=message) as caught:
        parse_framework(GOOD.replace(*change), "f.toml")
    assert "f.toml" in str(caught.value)


def test_a_scheme_used_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "b.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(FrameworkError, match="essai"):
        load_frameworks(tmp_path)
