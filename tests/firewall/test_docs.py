"""The guide says what the program does: commands, products, words of the results."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from checks.firewall.algebra.rules import KINDS
from checks.firewall.config import ROLES, FirewallConfig
from checks.firewall.parsers import windows
from checks.firewall.parsers.registry import VENDORS
from checks.firewall.parsers.source import MAX_BYTES
from checks.firewall.query import KEYS, answer
from tests.firewall.devices import Builder, device, facts

GUIDE = (Path(__file__).parents[2] / "docs" / "pare-feu.md").read_text()


@pytest.mark.parametrize("words", [VENDORS, ROLES, KINDS], ids=["products", "roles", "kinds"])
def test_every_word_is_explained(words):
    assert [word for word in words if f"`{word}`" not in GUIDE] == []


def test_every_key_of_a_question_is_explained():
    assert [key for key in sorted(KEYS) if f"`{key}=`" not in GUIDE] == []


def test_the_windows_command_is_the_one_the_reader_expects():
    (command,) = re.findall(r"^\s*(\$s='ActiveStore'.*)$", windows.__doc__, re.MULTILINE)
    assert f"\n{command}\n" in GUIDE


def test_the_profile_table_is_accepted():
    (table,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    config = tomllib.loads(table)["firewall"]
    assert FirewallConfig(export_files=tuple(config["export_files"]), roles=config["roles"]).roles


def test_the_questions_of_the_guide_are_understood():
    questions = re.findall(r'--query "([^"]+)"', GUIDE)
    assert len(questions) >= 2
    build = Builder()
    one = device(build.rule("1"), build.rule("2", frm="eth2"), build=build)
    for question in questions:
        assert answer(facts(one), question).message


def test_bounds():
    assert f"{MAX_BYTES // 1_000_000} Mo par fichier" in GUIDE
