from __future__ import annotations

import contextlib
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.ad.facts import NEVER
from checks.ad.parsers import values
from checks.ad.parsers.gplink import MalformedLink, parse_gplink
from checks.ad.parsers.secrets_hint import looks_like_secret
from checks.ad.parsers.values import MalformedValue

DECODERS = [
    values.integer,
    values.unsigned32,
    values.boolean,
    values.filetime,
    values.interval,
    values.generalized_time,
    values.dns_property,
    values.dn_binary,
]


@pytest.mark.parametrize("decode", DECODERS)
@given(raw=st.binary(max_size=60))
def test_any_bytes_are_a_value_or_malformed(decode, raw: bytes) -> None:
    with contextlib.suppress(MalformedValue):
        assert decode(raw) == decode(bytes(raw))


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_integer_round_trip(value: int) -> None:
    assert values.integer(str(value).encode()) == value


@pytest.mark.parametrize("raw", [b"", b" 1", b"1_0", b"1.5", b"0x10", b"9223372036854775808", "١".encode(), b"+1"])
def test_loose_integers_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedValue):
        values.integer(raw)


def test_account_flags_are_unsigned() -> None:
    assert values.unsigned32(b"-2147483646") == 0x80000002
    with pytest.raises(MalformedValue):
        values.unsigned32(b"4294967296")


@pytest.mark.parametrize("raw", [b"0", b"9223372036854775807"])
def test_both_forms_of_never(raw: bytes) -> None:
    assert values.filetime(raw) == NEVER


def test_filetime_of_a_known_date() -> None:
    assert values.filetime(b"132223104000000000") == int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
    assert values.filetime(b"1") == 1
    with pytest.raises(MalformedValue):
        values.filetime(b"-1")


def test_intervals() -> None:
    assert values.interval(b"-36288000000000") == 42 * 86_400
    assert values.interval(b"-9223372036854775808") == 0
    assert values.interval(b"0") == 0
    assert values.seconds_to_days(42 * 86_400) == 42


def test_generalized_time_with_and_without_fraction_or_offset() -> None:
    expected = int(datetime(2026, 11, 22, 6, 30, 0, tzinfo=UTC).timestamp())
    for raw in (b"20261122063000.0Z", b"20261122063000Z", b"20261122073000+0100", b"20261122063000,123Z"):
        assert values.generalized_time(raw) == expected
    with pytest.raises(MalformedValue):
        values.generalized_time(b"20261322063000Z")


@given(st.integers(0, 255), st.binary(max_size=20))
def test_dns_property_round_trip(kind: int, data: bytes) -> None:
    raw = struct.pack("<5I", len(data), 1, 0, 1, kind) + data + b"\0"
    assert values.dns_property(raw) == (kind, data)


@pytest.mark.parametrize(("data", "expected"), [(b"\x01", 1), (b"\x02\0\0\0", 2), (b"\0", 0)])
def test_zone_update_on_one_or_four_bytes(data: bytes, expected: int) -> None:
    other = struct.pack("<5I", 4, 0, 0, 1, 0x01) + struct.pack("<I", 9)
    raw = struct.pack("<5I", len(data), 0, 0, 1, 0x02) + data
    assert values.zone_allow_update([other, raw]) == expected
    assert values.zone_allow_update([other]) is None


@given(st.binary(max_size=30), st.text(max_size=40).filter(lambda t: "\ud800" not in t))
def test_dn_binary_round_trip(data: bytes, dn: str) -> None:
    raw = f"B:{2 * len(data)}:{data.hex()}:".encode() + dn.encode("utf-8", "replace")
    assert values.dn_binary(raw) == (data, dn.encode("utf-8", "replace").decode())


@pytest.mark.parametrize("raw", [b"B:4:ab:CN=x", b"B:2:zz:CN=x", b"S:2:ab:CN=x", b"B:2:ab", b"B:99999999999:a:x"])
def test_dn_binary_with_a_wrong_length_or_hexadecimal(raw: bytes) -> None:
    with pytest.raises(MalformedValue):
        values.dn_binary(raw)


def test_names_are_split_at_plain_commas() -> None:
    dn = r'CN=Dupont\, Anne,OU="Soins, nuit",DC=tilleuls,DC=test'
    assert values.split_dn(dn) == [r"CN=Dupont\, Anne", 'OU="Soins, nuit"', "DC=tilleuls", "DC=test"]
    assert values.parent_dn("CN=x,DC=tilleuls,DC=test") == "DC=tilleuls,DC=test"
    assert values.dns_name_of("CN=x,DC=Tilleuls,DC=test") == "tilleuls.test"
    assert values.split_dn("") == []


@given(st.text(max_size=80))
def test_splitting_never_fails(dn: str) -> None:
    assert all(isinstance(part, str) for part in values.split_dn(dn))
    values.dns_name_of(dn)


def test_is_below() -> None:
    assert values.is_below("CN=a,DC=Tilleuls,DC=test", "dc=tilleuls,dc=test")
    assert not values.is_below("CN=a,DC=autres-tilleuls,DC=test", "dc=tilleuls,dc=test")


def test_gplink_in_order_with_options() -> None:
    text = "[LDAP://CN={A},DC=x;0][LDAP://cn={B},DC=x;1][ldap://CN={C},DC=x;2][LDAP://CN={D},DC=x;3]"
    links = parse_gplink(text, "OU=Postes")
    assert [(link.gpo, link.disabled, link.enforced) for link in links] == [
        ("CN={A},DC=x", False, False),
        ("cn={B},DC=x", True, False),
        ("CN={C},DC=x", False, True),
        ("CN={D},DC=x", True, True),
    ]
    assert {link.container for link in links} == {"OU=Postes"}


def test_gplink_blank_is_no_link() -> None:
    assert parse_gplink(" ", "OU=x") == ()


@pytest.mark.parametrize("text", ["x", "[LDAP://CN=a;0] et [LDAP://CN=b;0]", "[LDAP://CN=a]", "[LDAP://CN=a;0"])
def test_gplink_with_anything_else_is_malformed(text: str) -> None:
    with pytest.raises(MalformedLink):
        parse_gplink(text, "OU=x")


@given(st.text(alphabet="[]LDAP://;,=CN0123 ", max_size=120))
def test_any_text_is_links_or_malformed(text: str) -> None:
    with contextlib.suppress(MalformedLink):
        assert all(link.container == "OU=x" for link in parse_gplink(text, "OU=x"))


@pytest.mark.parametrize(
    "text",
    [
        "mdp : Tilleuls2020", "MDP=Hiver24!", "mot de passe : Azerty12", "le mot de passe est Soleil44",
        "Password: Winter24", "pwd=abcd", "compte scan, pass : P@ssw0rd", "code PIN: 4821", "passe=1;mdp: xyz9", "Wi-Fi, mdp Tilleuls2019",
    ],
)  # fmt: skip
def test_notes_of_a_password_are_seen(text: str) -> None:
    assert looks_like_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "Compte de service", "mdp : voir coffre", "mot de passe : demander au RSSI", "Code postal : 44000",
        "passage : aile nord", "mdp changé le 12/03/2024", "mdp 12/03/2024", "mot de passe 90 jours",
        "mot de passe dans KeePass", "Password never expires", "pass: ****", "Compas: 12",
    ],
)  # fmt: skip
def test_ordinary_notes_are_left_alone(text: str) -> None:
    assert not looks_like_secret(text)


@given(st.text(max_size=300))
def test_looking_never_fails(text: str) -> None:
    assert looks_like_secret(text) in {True, False}
