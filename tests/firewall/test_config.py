from __future__ import annotations

import datetime as dt

import pytest

from agent.engine import targets_of
from agent.profile import ProfileError, parse_profile
from checks.catalogue import Catalogue, Domain, DomainHeader
from checks.firewall.config import FirewallConfig, parse_roles

DOMAIN = Domain(
    header=DomainHeader(
        id="firewall",
        title="Pare-feu",
        prefix="FW",
        facts="facts:FirewallFacts",
        facts_version=1,
        config="config:FirewallConfig",
        collect="collect:collect",
    ),
    controls=(),
    measures=(),
    package="checks.firewall",
)
CATALOGUE = Catalogue(domains={"firewall": DOMAIN}, sha256="")
TODAY = dt.date(2026, 11, 22)
PROFILE = f"""schema = 1
[structure]
name = "EHPAD Les Tilleuls"
[mandate]
authorised_by = "Mme Durand"
signed_on = {TODAY}
valid_from = {TODAY}
valid_to = {TODAY}
emergency_contact = "06"
[firewall]
"""


def profile(text: str):
    return parse_profile((PROFILE + text).encode(), "/etc/audit/site.toml", CATALOGUE)


def test_paths_are_relative_to_the_profile_and_exports_are_never_copied_with_it():
    loaded = profile(
        'export_files = ["pare-feu.conf", "/srv/autre.conf"]\nexports_dir = ["../exports"]\n'
        '[firewall.roles]\nport3 = "resident"\n"Wi-Fi invités" = "guest"'
    )
    config = loaded.domains["firewall"]
    assert config.export_files == ("/etc/audit/pare-feu.conf", "/srv/autre.conf")
    assert config.exports_dir == ("/etc/audit/../exports",)
    assert config.roles == {"port3": "resident", "Wi-Fi invités": "guest"}
    assert loaded.files == ()


def test_a_firewall_has_no_network_target():
    assert targets_of(FirewallConfig(export_files=("a.conf",))) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "au moins un export"),
        ('export_files = [" "]', "ne peut pas être vide"),
        ('export_files = "a.conf"', "une liste entre crochets"),
        ('export_files = ["a\\u0000"]', "firewall.export_files[0] : ce n'est pas un chemin"),
        ('exports_dir = ["b", "a\\u0000"]', "firewall.exports_dir[1] : ce n'est pas un chemin"),
        ('export_files = ["a"]\nvendor = "netasq"', "produit inconnu : netasq (possible : fortigate,"),
        ('export_files = ["a"]\nroles = { lan = "salon" }', "rôle inconnu pour la zone « lan » : « salon »"),
        ('export_files = ["a"]\nroles = { " " = "wan" }', "n'est pas un nom de zone"),
        ("export_files = [" + '"a",' * 101 + "]", "100 fichiers ou dossiers"),
        ('export_files = ["a"]\nport = 443', "firewall.port : clé inconnue"),
    ],
)
def test_a_wrong_table_says_what_is_expected(text, expected):
    with pytest.raises(ProfileError) as caught:
        profile(text)
    assert expected in str(caught.value)


def test_a_hundred_exports_are_accepted():
    assert len(profile("export_files = [" + '"a",' * 100 + "]").domains["firewall"].export_files) == 100


def test_roles_of_the_command_line():
    assert parse_roles(["port3=resident", " a=b = guest ", "port3=resident"]) == {"port3": "resident", "a=b": "guest"}


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (["port3"], "ZONE=RÔLE"),
        (["=wan"], "ZONE=RÔLE"),
        (["port3="], "rôle inconnu"),
        (["port3=WAN"], "rôle inconnu"),
        (["port3=wan", "port3=pro"], "deux rôles"),
        (["z" * 201 + "=wan"], "nom de zone"),
        ([f"z{n}=wan" for n in range(1001)], "1000 zones"),
    ],
)
def test_wrong_roles_are_refused(pairs, expected):
    with pytest.raises(ValueError, match=expected):
        parse_roles(pairs)
