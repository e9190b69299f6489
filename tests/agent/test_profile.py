from __future__ import annotations

import pytest

from agent.commands.init import render_profile
from agent.profile import ProfileError, parse_profile
from checks.catalogue import Catalogue

EMPTY = Catalogue(domains={}, sha256="")

GOOD = """schema = 1
operator = "A. Martin"

[structure]
name = "EHPAD Les Tilleuls"
kind = "PA"
size = 84

[mandate]
authorised_by = "Mme Durand"
signed_on = 2026-11-01
valid_from = 2026-11-01
valid_to = 2026-12-01
emergency_contact = "06"
networks = ["10.10.0.0/24"]

[[mandate.excluded]]
network = "10.10.0.70"
why = "biomédical"

[[mandate.excluded]]
network = "10.10.0.71"
why = "appel malade"

[questions]
last_restore_test = 2026-03-01
"""


def parse(text: str):
    return parse_profile(text.encode(), "site.toml", EMPTY)


def test_good_profile_is_read():
    profile = parse(GOOD).profile
    assert profile.structure.size == 84
    assert [e.why for e in profile.mandate.excluded] == ["biomédical", "appel malade"]
    assert str(profile.questions["last_restore_test"]) == "2026-03-01"


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "expected"),
    [
        ('kind = "PA"', 'kindd = "PA"', 6, "structure.kindd", "clé inconnue"),
        ("size = 84", 'size = "grand"', 7, "structure.size", "un nombre entier est attendu"),
        ('name = "EHPAD Les Tilleuls"', "", 4, "structure.name", "clé obligatoire absente"),
        ('kind = "PA"', 'kind = "EHPAD"', 6, "structure.kind", "PA, PH"),
        ("valid_to = 2026-12-01", "valid_to = 2026-10-01", 13, "mandate.valid_to", "précède"),
        ("valid_to = 2026-12-01", 'valid_to = "demain"', 13, "mandate.valid_to", ""),
        ('["10.10.0.0/24"]', '["10.10.0.0/24", "10.10.0"]', 15, "mandate.networks[1]", "n'est pas un réseau"),
        ('network = "10.10.0.71"', 'network = "10.10.0.300"', 22, "mandate.excluded[1].network", "n'est pas un réseau"),
        ('why = "appel malade"', 'whi = "appel malade"', 23, "mandate.excluded[1].whi", "clé inconnue"),
        ("[questions]", "[ad]\nserveurs = []\n[questions]", 25, "ad", "clé inconnue"),
        ('operator = "A. Martin"', 'operator = "A. Martin', 2, "", "TOML"),
    ],
)
def test_wrong_profile_names_file_line_key_and_expectation(old, new, line, key, expected):
    assert old in GOOD
    with pytest.raises(ProfileError) as caught:
        parse(GOOD.replace(old, new, 1))
    error = caught.value
    assert (error.file, error.line, error.key) == ("site.toml", line, key)
    assert expected in error.expected
    assert f"site.toml, ligne {line}" in str(error)


def test_profile_that_is_not_utf8_names_the_line():
    with pytest.raises(ProfileError) as caught:
        parse_profile(b'schema = 1\noperator = "\xe9"\n', "site.toml", EMPTY)
    assert caught.value.line == 2


def test_init_writes_a_profile_that_reads_back_even_with_hostile_answers():
    import datetime as dt

    today = dt.date(2026, 11, 22)
    answers = {
        "name": 'EHPAD "Les\\Tilleuls"\n[mandate]',
        "kind": "PA",
        "size": "84",
        "authorised-by": "Mme Durand",
        "networks": "10.0.0.0/8, 192.168.1.0/24",
        "excluded": "10.0.0.7",
        "domains": "tilleuls.test",
        "capacity-days": "12,5",
        "hours": "",
        "valid-to": "2026-12-24",
    }
    profile = parse(render_profile(answers, today)).profile
    assert profile.structure.name == answers["name"]
    assert profile.mandate.networks == ("10.0.0.0/8", "192.168.1.0/24")
    assert profile.mandate.excluded[0].network == "10.0.0.7"
    assert profile.plan.capacity_days == 12.5
