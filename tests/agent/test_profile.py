from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.commands.init import render_profile
from agent.profile import MAX_BYTES, ProfileError, load_profile, parse_profile
from checks.catalogue import Catalogue, load_catalogue

EMPTY = Catalogue(domains={}, sha256="")
REAL = load_catalogue()

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
        ("size = 84", "size = 84\nsize = 85", 8, "", "écrite deux fois"),
        ("[questions]", "[structure]", 25, "", "écrite deux fois"),
        ("size = 84", "size = -1", 7, "structure.size", "nombre de places"),
        ("size = 84", "size = 84 # \u2028 \x85\nsizes = 1", 8, "structure.sizes", "clé inconnue"),
        ("signed_on = 2026-11-01", 'signed_on = "hier"', 11, "mandate.signed_on", "AAAA-MM-JJ"),
        ("signed_on = 2026-11-01", "signed_on = 2026-02-30", 11, "", "cette date n'existe pas"),
        ('["10.10.0.0/24"]', '["10.10.0.9/24"]', 15, "mandate.networks[0]", "10.10.0.0/24"),
        ('["10.10.0.0/24"]', '["0.0.0.0/0"]', 15, "mandate.networks[0]", "Internet"),
        ('"10.10.0.70"', '"::ffff:10.10.0.70"', 18, "mandate.excluded[0].network", "10.10.0.70"),
        ('["10.10.0.0/24"]', '[]\ndomains = ["10.10.0.300"]', 16, "mandate.domains[0]", "nom de domaine"),
        ('["10.10.0.0/24"]', '[]\nexternal_addresses = ["2130706433"]', 16, "mandate.external_addresses[0]", "réseau"),
        ('["10.10.0.0/24"]', '[]\nexternal_addresses = ["0x7f.0x1"]', 16, "mandate.external_addresses[0]", "réseau"),
        ("last_restore_test = 2026-03-01", "n = nan", 26, "questions.n", "un nombre"),
        ("last_restore_test = 2026-03-01", "n = [[1]]", 26, "questions.n", "liste de textes"),
        ("last_restore_test = 2026-03-01", "n = 99999999999999999999", 26, "questions.n", "un nombre"),
        ("[questions]", "[plan]\ncapacity_days = inf\n[questions]", 26, "plan.capacity_days", "positif"),
        ("[questions]", '[structure2]\n[mandate.x]\nmot_de_passe = "a"', 27, "mandate.x.mot_de_passe", "ne s'écrit"),
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


def test_init_names_the_exports_of_firewalls():
    import datetime as dt

    text = render_profile(
        {
            "name": "X",
            "kind": "PA",
            "authorised-by": "Y",
            "networks": "10.0.0.0/8",
            "firewall-exports": 'a "b".conf, c.xml',
        },
        dt.date(2026, 11, 22),
    )
    loaded = parse_profile(text.encode(), "site.toml", REAL)
    assert [name.rpartition("/")[2] for name in loaded.domains["firewall"].export_files] == ['a "b".conf', "c.xml"]
    assert loaded.domains["firewall"].roles == {}


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


@pytest.mark.parametrize(
    ("table", "line", "key", "expected"),
    [
        ('[ad]\nservers = ["dc1"]\nuser = "x"\nldap_port = "x"', 31, "ad.ldap_port", "un nombre entier est attendu"),
        ('[ad]\nservers = ["dc1"]\nuser = "x"\nldap_port = 0', 31, "ad.ldap_port", "un nombre entier d'au moins 1"),
        ('[ad]\nservers = ["dc1"]\nuser = "x"\nldap_port = 99999', 31, "ad.ldap_port", "d'au plus 65535"),
        ('[ad]\nservers = ["dc1"]\nuser = "x"\nread_timeout = 0.0', 31, "ad.read_timeout", "supérieur à 0"),
        ('[ad]\nservers = ["dc1"]\nuser = "x"\nauth = "kerb"', 31, "ad.auth", "simple, ntlm, kerberos"),
        ('[ad]\nservers = ["dc1"]\nuser = "x"\npin_sha256 = ["zz"]', 31, "ad.pin_sha256[0]", "forme attendue"),
        ('[ad]\nservers = []\nuser = "x"', 29, "ad.servers", "d'au moins 1 éléments attendus"),
        ('[ad]\nservers = ["dc1", 3]\nuser = "x"', 29, "ad.servers[1]", "un texte entre guillemets est attendu"),
        ("[messaging]\ndomains = []", 28, "messaging", "au moins un domaine"),
        ('[ad]\nservers = ["dc1"]\nuser = "x"\nca_file = "a\\u0000"', 31, "ad.ca_file", "chemin"),
    ],
)
def test_wrong_domain_table_names_line_key_and_expectation_in_french(table, line, key, expected):
    with pytest.raises(ProfileError) as caught:
        parse_profile((GOOD + "\n" + table + "\n").encode(), "site.toml", REAL)
    error = caught.value
    assert (error.line, error.key) == (line, key), str(error)
    assert expected in error.expected
    assert "Expected" not in str(error)


@pytest.mark.parametrize(
    "line", ['password = "hunter2"', 'mdp = "hunter2"', 'password_from = "hunter2"', 'password_from = "env:"']
)
def test_a_literal_password_is_refused_and_not_repeated(line):
    table = f'[ad]\nservers = ["dc1"]\nuser = "x"\n{line}\n'
    with pytest.raises(ProfileError) as caught:
        parse_profile((GOOD + "\n" + table).encode(), "site.toml", REAL)
    assert caught.value.line == 31
    assert "env:VARIABLE" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_byte_order_mark_and_windows_line_ends_are_read():
    raw = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert parse_profile(raw, "site.toml", EMPTY).profile.structure.size == 84
    with pytest.raises(ProfileError) as caught:
        parse_profile(raw.replace(b"size = 84", b"size = 'x'"), "site.toml", EMPTY)
    assert caught.value.line == 7


def test_a_file_that_is_no_profile_is_a_profile_error(tmp_path):
    big = tmp_path / "big"
    big.write_bytes(b"#" * (MAX_BYTES + 1))
    for path in (big, tmp_path, tmp_path / "absent"):
        with pytest.raises(ProfileError):
            load_profile(path, EMPTY)


PIECES = st.sampled_from(
    ["[ad]\n", "servers=", '"x"', "[[", "]]", "[", "]", "=", "password=", "1", "\n", "9" * 5000, "nan", "07:00:00", "{", "}",
     "\u2028", "\0", '[messaging]\ndomains=["a.fr"]\n', "a.b.c=1\n", '"""', "[limits]\n", "memory_mib=", "[" * 5000, "a" + ".a" * 5000]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=120),
        st.lists(PIECES, max_size=8).map(lambda pieces: "".join(pieces).encode()),
        st.lists(PIECES, max_size=8).map(lambda pieces: (GOOD + "".join(pieces)).encode()),
        st.tuples(st.integers(0, len(GOOD)), st.integers(0, 30), st.text(max_size=8)).map(
            lambda cut: (GOOD[: cut[0]] + cut[2] + GOOD[cut[0] + cut[1] :]).encode()
        ),
    )
)
def test_any_bytes_give_a_profile_or_a_profile_error(raw):
    try:
        said = parse_profile(raw, "site.toml", REAL).path
    except ProfileError as error:
        said = str(error)
    assert said.startswith("site.toml")
