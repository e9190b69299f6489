"""Tables below a domain table: their secrets, their paths and their mistakes are seen as those of the table itself."""

from __future__ import annotations

import msgspec

from agent.profile import _anchor_paths, parse_profile
from agent.secret_store import references
from agent.tables import tables
from checks.catalogue import load_catalogue
from checks.model import Record


class Target(Record, frozen=True, kw_only=True):
    label: str
    token_from: str = ""
    ca_file: str = ""


class Inside(Record, frozen=True, kw_only=True):
    machines: tuple[Target, ...] = msgspec.field(name="target", default=())
    export_files: tuple[str, ...] = ()


class Config(Record, frozen=True, kw_only=True):
    inside: tuple[Inside, ...] = ()
    one: Target = Target(label="seul")
    names: tuple[str, ...] = ()
    password_from: str = ""


CONFIG = Config(
    inside=(
        Inside(
            machines=(Target(label="a", token_from="env:A"), Target(label="b", token_from="env:B", ca_file="b.pem"))
        ),
        Inside(export_files=("x.json", "/absolute.json")),
    ),
    one=Target(label="c", token_from="env:A", ca_file="c.pem"),
    names=("ca.pem",),
    password_from="env:TOP",
)


def test_every_table_is_seen_with_its_path_in_the_profile():
    assert [path for path, _ in tables(CONFIG, "acme")] == [
        "acme", "acme.inside[0]", "acme.inside[0].target[0]", "acme.inside[0].target[1]", "acme.inside[1]", "acme.one",
    ]  # fmt: skip


def test_a_private_key_is_never_copied_with_the_profile(tmp_path):
    text = """
[structure]
name = "EHPAD Les Tilleuls"
[mandate]
authorised_by = "Direction"
signed_on = 2026-11-01
valid_from = 2026-11-01
valid_to = 2026-12-01
emergency_contact = "astreinte"
[[wifi.radius]]
server = "10.10.0.12"
secret_from = "env:RADIUS"
realm = "tilleuls.test"
ca_file = "ac.pem"
client_key_file = "poste.key"
"""
    loaded = parse_profile(text.encode(), str(tmp_path / "site.toml"), load_catalogue())
    assert loaded.files == ("ac.pem",)
    assert loaded.domains["wifi"].radius[0].client_key_file == str(tmp_path / "poste.key")


def test_references_of_lower_tables_are_resolved_once_each():
    assert sorted(references(CONFIG)) == ["env:A", "env:B", "env:TOP"]


def test_paths_of_lower_tables_are_relative_to_the_profile(tmp_path):
    anchored = _anchor_paths(CONFIG, tmp_path)
    assert anchored.inside[0].machines[1].ca_file == str(tmp_path / "b.pem")
    assert anchored.inside[0].machines[0].ca_file == ""
    assert anchored.inside[1].export_files == (str(tmp_path / "x.json"), "/absolute.json")
    assert anchored.one.ca_file == str(tmp_path / "c.pem")
    assert anchored.names == ("ca.pem",)
