"""Administrators, local users and VPN: base facts and one change."""

from __future__ import annotations

import msgspec
import pytest

from checks.firewall.facts import Administrator, Interface, User
from checks.model import Reason, Severity, Verdict
from tests.firewall.devices import GAP, device, interfaces, ipsec, judge, remote

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED


def admin(name: str, **fields: object) -> Administrator:
    return Administrator(name=name, line=21, **{"mfa": True, **fields})


# --- Administrators


def test_factory_administrator_fails() -> None:
    found = judge(
        "accounts.factory_administrator", device(administrators=(admin("admin", factory=True), admin("m.durand")))
    )
    assert found.verdict is F
    assert found.message == "Le compte d'administration d'origine est actif (admin)."
    assert [(item.id, item.line, item.ref) for item in found.affected] == [("administrator:admin", 21, "admin")]


def test_disabled_factory_administrator_conforms() -> None:
    accounts = (admin("admin", factory=True, enabled=False), admin("m.durand"))
    assert judge("accounts.factory_administrator", device(administrators=accounts)).verdict is P


@pytest.mark.parametrize("control", ["accounts.factory_administrator", "accounts.administrators_mfa"])
def test_unread_administrators_are_not_assessed(control: str) -> None:
    found = judge(control, device(administrators=GAP))
    assert (found.verdict, found.message) == (NS, GAP.detail)


@pytest.mark.parametrize("control", ["accounts.factory_administrator", "accounts.administrators_mfa"])
def test_no_administrator_at_all_is_a_silent_export(control: str) -> None:
    found = judge(control, device(administrators=()))
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)


def test_administrator_without_second_factor_fails_and_says_from_where() -> None:
    accounts = (admin("bureau", mfa=False), admin("prestataire", mfa=False, restricted=True), admin("m.durand"))
    found = judge("accounts.administrators_mfa", device(administrators=accounts))
    assert found.verdict is F
    assert [item.detail for item in found.affected] == [
        "sans second facteur, depuis n'importe quelle adresse",
        "sans second facteur",
    ]
    assert found.evidence[0].value == "2 sur 3 comptes actifs"


def test_unknown_second_factor_is_not_a_pass() -> None:
    found = judge("accounts.administrators_mfa", device(administrators=(admin("a"), admin("b", mfa=None))))
    assert found.verdict is NS


def test_one_known_fault_fails_beside_an_unknown_one() -> None:
    accounts = (admin("a", mfa=False), admin("b", mfa=None))
    assert judge("accounts.administrators_mfa", device(administrators=accounts)).verdict is F


# --- Administration protocols


@pytest.mark.parametrize("service", ["telnet", "http"])
def test_clear_administration_fails(service: str) -> None:
    lan = msgspec.structs.replace(interfaces()[1], management=("https", service))
    found = judge("accounts.clear_management", device(interfaces=(interfaces()[0], lan)))
    assert found.verdict is F
    assert [(item.ref, item.detail) for item in found.affected] == [("PRO", service)]


def test_clear_administration_on_a_disabled_interface_conforms() -> None:
    old = Interface(name="port9", management=("telnet",), enabled=False)
    assert judge("accounts.clear_management", device(interfaces=(*interfaces(), old))).verdict is P


def test_silent_interfaces_are_not_assessed() -> None:
    silent = tuple(msgspec.structs.replace(one, management=None) for one in interfaces())
    assert judge("accounts.clear_management", device(interfaces=silent)).verdict is NS


# --- Local users


def test_local_users_are_listed() -> None:
    users = (User(name="c.petit", line=70, mfa=False), User(name="astreinte"), User(name="parti", enabled=False))
    found = judge("accounts.local_users", device(users=users))
    assert found.verdict is F
    assert [(item.ref, item.detail) for item in found.affected] == [
        ("c.petit", "sans second facteur"),
        ("astreinte", "compte local"),
    ]
    assert found.message.startswith("2 personnes ont un compte propre au pare-feu")


def test_only_disabled_users_conform() -> None:
    assert judge("accounts.local_users", device(users=(User(name="parti", enabled=False),))).verdict is P


def test_no_user_where_administrators_are_seen_conforms() -> None:
    assert judge("accounts.local_users", device(users=())).verdict is P


def test_no_user_in_an_export_without_accounts_proves_nothing() -> None:
    assert judge("accounts.local_users", device(users=(), administrators=())).verdict is NS
    assert judge("accounts.local_users", device(users=(), administrators=GAP)).verdict is NS


def test_unread_users_are_not_assessed() -> None:
    assert judge("accounts.local_users", device(users=GAP)).message == GAP.detail


# --- VPN


def test_remote_access_without_second_factor_fails() -> None:
    found = judge("accounts.vpn_mfa", device(vpns=(remote(mfa=False), ipsec(mfa=False))))
    assert found.verdict is F
    assert found.message == "On entre par VPN avec un simple mot de passe (astreintes)."
    assert [(item.ref, item.line) for item in found.affected] == [("astreintes", 50)]


def test_remote_access_with_unknown_second_factor_is_not_assessed() -> None:
    assert judge("accounts.vpn_mfa", device(vpns=(remote(mfa=None),))).verdict is NS


def test_site_tunnels_alone_need_no_second_factor() -> None:
    assert judge("accounts.vpn_mfa", device(vpns=(ipsec(),))).verdict is NA


def test_disabled_remote_access_does_not_count() -> None:
    assert judge("accounts.vpn_mfa", device(vpns=(remote(mfa=False, enabled=False), ipsec()))).verdict is NA


@pytest.mark.parametrize("control", ["accounts.vpn_mfa", "accounts.vpn_cryptography"])
def test_no_vpn_in_a_whole_configuration_is_not_applicable(control: str) -> None:
    assert judge(control, device(vpns=())).verdict is NA


@pytest.mark.parametrize("control", ["accounts.vpn_mfa", "accounts.vpn_cryptography"])
@pytest.mark.parametrize("fields", [{"vendor": "iptables"}, {"administrators": ()}], ids=["rules-only", "no-accounts"])
def test_no_vpn_in_a_rules_export_proves_nothing(control: str, fields: dict[str, object]) -> None:
    assert judge(control, device(vpns=(), **fields)).verdict is NS


@pytest.mark.parametrize("control", ["accounts.vpn_mfa", "accounts.vpn_cryptography"])
def test_unread_vpns_are_not_assessed(control: str) -> None:
    assert judge(control, device(vpns=GAP)).message == GAP.detail


@pytest.mark.parametrize(
    ("fields", "reason", "severity"),
    [
        ({"encryption": ("aes256", "3des")}, "chiffrement 3DES", None),
        ({"encryption": ("des",)}, "chiffrement DES", Severity.HIGH),
        ({"encryption": ("null",)}, "chiffrement NULL", Severity.HIGH),
        ({"integrity": ("md5",)}, "empreinte MD5", Severity.HIGH),
        ({"integrity": ("sha256", "sha1")}, "empreinte SHA-1", None),
        ({"dh_groups": (2,)}, "groupe Diffie-Hellman 2", Severity.HIGH),
        ({"dh_groups": (14, 5)}, "groupe Diffie-Hellman 5", None),
        ({"dh_groups": (22,)}, "groupe Diffie-Hellman 22", Severity.HIGH),
        ({"dh_groups": (24,)}, "groupe Diffie-Hellman 24", None),
        ({"ike_versions": (1,)}, "IKE version 1", None),
        ({"aggressive": True}, "mode agressif avec clé partagée", Severity.HIGH),
        ({"kind": "pptp"}, "protocole PPTP", Severity.HIGH),
        ({"tls_minimum": "tls1-1"}, "tls1-1 accepté", None),
        ({"tls_minimum": "TLSv1"}, "TLSv1 accepté", None),
        ({"tls_minimum": "sslv3"}, "sslv3 accepté", None),
    ],
)
def test_weak_vpn_fails_with_its_reason(fields: dict[str, object], reason: str, severity: Severity | None) -> None:
    found = judge("accounts.vpn_cryptography", device(vpns=(ipsec(**fields), remote())))
    assert found.verdict is F
    assert found.message == f"1 VPN accepte un chiffrement dépassé ({reason})."
    assert found.severity is severity
    assert len(found.affected) == 1
    assert found.affected[0].line == 40


@pytest.mark.parametrize(
    "fields",
    [
        {"dh_groups": (14,)},
        {"dh_groups": (19, 20, 21, 31)},
        {"encryption": ("aes128",), "integrity": ("sha256",)},
        {"aggressive": True, "authentication": "certificate"},
        {"tls_minimum": "tls1.2"},
        {"tls_minimum": "TLSv1.3"},
    ],
)
def test_current_vpn_conforms(fields: dict[str, object]) -> None:
    assert judge("accounts.vpn_cryptography", device(vpns=(ipsec(**fields),))).verdict is P


def test_vpn_whose_algorithms_are_not_in_the_export_is_not_assessed() -> None:
    mute = ipsec(encryption=(), integrity=(), dh_groups=(), ike_versions=(2,))
    found = judge("accounts.vpn_cryptography", device(vpns=(mute,)))
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert "siege" in found.message


def test_wireguard_has_no_algorithm_to_choose() -> None:
    tunnel = ipsec(kind="wireguard", encryption=(), integrity=(), dh_groups=(), ike_versions=())
    assert judge("accounts.vpn_cryptography", device(vpns=(tunnel,))).verdict is P


def test_disabled_weak_vpn_is_left_alone() -> None:
    assert (
        judge("accounts.vpn_cryptography", device(vpns=(ipsec(encryption=("des",), enabled=False), ipsec()))).verdict
        is P
    )
