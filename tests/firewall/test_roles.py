"""Zone to role: the profile wins, plain names follow, anything else stays unknown."""

from __future__ import annotations

import pytest

from checks.firewall.config import ROLES
from checks.firewall.facts import Chain, Device, Interface, Rule
from checks.firewall.roles import TITLES, guess, roles_of, with_role, without_role, words, zones_of


def of(
    *interfaces: Interface, declared: dict[str, str] | None = None, chains: tuple[Chain, ...] = ()
) -> dict[str, str]:
    return roles_of(Device(vendor="fortigate", name="fw", interfaces=interfaces, chains=chains), declared)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("wan1", "wan"),
        ("WAN_BACKUP", "wan"),
        ("virtual-wan-link", "wan"),
        ("Internet", "wan"),
        ("outside", "wan"),
        ("Zone_Externe", "wan"),
        ("untrust", "wan"),
        ("lan", "pro"),
        ("LAN2", "pro"),
        ("VLAN10_Bureautique", "pro"),
        ("Réseau interne", "pro"),
        ("VLAN_ADMINISTRATIF", "pro"),
        ("Serveurs", "pro"),
        ("LAN_INVITES", "guest"),
        ("Internet visiteurs", "guest"),
        ("Wifi-Invité", "guest"),
        ("guestNetwork", "guest"),
        ("WiFiResidents", "resident"),
        ("LAN RÉSIDENTS", "resident"),
        ("vlan30.chambres", "resident"),
        ("BIOMED", "biomedical"),
        ("Équipements médicaux", "biomedical"),
        ("VLAN_Sauvegarde", "backup"),
        ("NAS", "backup"),
        ("ToIP", "voice"),
        ("DMZ", "dmz"),
        ("ssl.root", "vpn"),
        ("openvpn", "vpn"),
        ("MGMT", "admin"),
        ("caméras", "iot"),
    ],
)
def test_plain_name_gives_its_role(name: str, role: str) -> None:
    assert guess(name) == role


@pytest.mark.parametrize(
    "name", ["port3", "eth0", "lanterne", "vlan20", "igb1", "ge-0/0/1", "wanda", "", "10", "br0", "public"]
)
def test_name_that_says_nothing_gives_no_role(name: str) -> None:
    assert guess(name) == ""


def test_words_have_no_accent_no_digit_and_split_capitals() -> None:
    assert words("VLAN20_Résidents-WifiInvités") == ["vlan", "residents", "wifiinvites", "wifi", "invites"]


def test_title_speaks_before_the_name() -> None:
    assert of(Interface(name="lan", title="Wi-Fi visiteurs")) == {"lan": "guest"}


def test_profile_wins_over_every_guess_whatever_the_case() -> None:
    found = of(Interface(name="LAN", title="Wi-Fi visiteurs"), declared={"lan": "biomedical"})
    assert found == {"LAN": "biomedical"}


def test_role_of_the_export_is_used_when_the_name_is_silent() -> None:
    found = of(
        Interface(name="port1", role="wan"), Interface(name="port2", role="dmz"), Interface(name="tun0", role="vpn")
    )
    assert found == {"port1": "wan", "port2": "dmz", "tun0": "vpn"}


def test_name_wins_over_the_role_of_the_export() -> None:
    assert of(Interface(name="residents", role="lan"))["residents"] == "resident"


def test_default_route_shows_the_internet_side() -> None:
    assert of(Interface(name="eth0", default_route=True), Interface(name="eth1")) == {"eth0": "wan", "eth1": ""}


def test_internet_link_for_backup_or_voice_is_no_backup_network() -> None:
    given = (
        Interface(name="wan2", title="Backup 4G", role="wan"),
        Interface(name="port3", title="Lien VoIP", default_route=True),
        Interface(name="port4", title="Backup"),
        Interface(name="wan3", title="Wifi visiteurs", role="wan"),
    )
    assert of(*given) == {"wan2": "wan", "port3": "wan", "port4": "backup", "wan3": "guest"}


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("WiFi residents, WiFi visiteurs", "guest"),
        ("WiFi residents, Chambres", "resident"),
        ("WiFi visiteurs, Bureaux", ""),
        ("WiFi visiteurs, etage 2", ""),
    ],
)
def test_zone_has_the_role_all_its_members_have(title: str, role: str) -> None:
    assert of(Interface(name="Z1", title=title, members=("a", "b"))) == {"Z1": role}
    assert of(Interface(name="LAN", title=title, members=("a", "b"))) == {"LAN": "pro"}


def test_title_of_an_interface_speaks_before_its_name_whatever_its_device() -> None:
    assert of(Interface(name="lan", title="WIFI_INVITES", members=("igb1",))) == {"lan": "guest"}
    assert of(Interface(name="lan", title="INVITES", members=("igb1.20", "igb1"))) == {"lan": "guest"}
    assert of(Interface(name="out")) == {"out": "wan"}


def test_servers_of_the_residents_records_are_not_for_residents() -> None:
    assert guess("Serveurs dossier usager") == "pro"
    assert guess("VLAN_DUI") == "pro"


def test_single_silent_inside_zone_is_the_professional_network() -> None:
    assert of(Interface(name="port2", role="lan"), Interface(name="wan1"))["port2"] == "pro"


def test_two_silent_inside_zones_stay_unknown() -> None:
    found = of(Interface(name="port2", role="lan"), Interface(name="port3", role="lan"))
    assert found == {"port2": "", "port3": ""}


def test_silent_inside_zone_stays_unknown_beside_a_named_one() -> None:
    assert of(Interface(name="port2", role="lan"), Interface(name="bureautique"))["port2"] == ""


def test_zones_named_only_by_rules_are_found_but_not_wildcards() -> None:
    rule = Rule(
        ref="1",
        line=1,
        action="permit",
        source=0,
        destination=0,
        services=0,
        in_zones=("wan", "ppp*"),
        out_zones=("nas",),
    )
    chains = (Chain(name="f", hook="forward", rules=(rule,)),)
    device = Device(vendor="iptables", name="fw", chains=chains, interfaces=(Interface(name="lan"),))
    assert zones_of(device) == ("lan", "wan", "nas")
    assert roles_of(device) == {"lan": "pro", "wan": "wan", "nas": "backup"}


def test_with_role_keeps_the_order() -> None:
    assert with_role({"a": "wan", "b": "pro", "c": "wan"}, "wan") == ("a", "c")


def test_without_role_keeps_unknown_zones_and_drops_loopbacks() -> None:
    given = {"lo": "", "lo0": "", "Loopback123": "", "local": "", "a": "wan", "b": "pro", "port3": ""}
    assert without_role(given, "wan") == ("local", "b", "port3")


def test_every_role_of_the_profile_has_a_title() -> None:
    assert set(TITLES) == set(ROLES)
