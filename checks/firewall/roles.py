"""Zone to role: what the site profile declares wins, else what names plainly say, else nothing.

A wrong role makes a wrong verdict, an unknown one an honest "not assessed": the word list is short on purpose.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from checks.firewall.facts import Device, Interface

WAN, PRO, RESIDENT, GUEST = "wan", "pro", "resident", "guest"
BIOMEDICAL, BACKUP, ADMIN, DMZ = "biomedical", "backup", "admin", "dmz"
VPN, VOICE, IOT = "vpn", "voice", "iot"

TITLES: Mapping[str, str] = {
    WAN: "Internet",
    PRO: "réseau professionnel",
    RESIDENT: "réseau des résidents",
    GUEST: "réseau des visiteurs",
    BIOMEDICAL: "réseau biomédical",
    BACKUP: "réseau de sauvegarde",
    ADMIN: "réseau d'administration",
    DMZ: "zone des serveurs publiés (DMZ)",
    VPN: "accès distant (VPN)",
    VOICE: "réseau de téléphonie",
    IOT: "réseau des objets connectés",
}
"""Every role, with the words people use for it."""

# In order: when a name holds words of several roles, the first role wins. `WAN_BACKUP` is a second Internet link,
# `LAN_INVITES` and `Internet visiteurs` are guest networks, `Dossier usager` is not for residents: what is wide comes
# last.
_WORDS: tuple[tuple[str, str], ...] = (
    (WAN, "wan ftth adsl vdsl sdsl fai isp pppoe starlink"),
    (PRO, "dui dossier"),
    (VPN, "vpn ipsec ssl sslvpn openvpn ovpn wireguard l2tp nomade nomades teletravail"),
    (DMZ, "dmz"),
    (RESIDENT, "resident residents residente residentes chambre chambres usager usagers"),
    (GUEST, "guest guests invite invites visiteur visiteurs visitor visitors hotspot famille familles"),
    (BIOMEDICAL, "biomed biomedical biomedicaux biomedicale medical medicaux imagerie pacs"),
    (BACKUP, "backup backups bkp sauvegarde sauvegardes nas veeam"),
    (VOICE, "voip voix voice toip telephonie telephone telephones phone phones ipbx pbx"),
    (IOT, "iot gtb gtc domotique camera cameras cctv videosurveillance"),
    (PRO, "administratif administratifs administrative professionnel professionnels bureautique pro"),
    (ADMIN, "admin mgmt mgt management oob"),
    (PRO, "lan interne internal inside trust trusted corp bureau bureaux metier soins personnel utilisateurs users"),
    (PRO, "postes serveur serveurs server servers"),
    (WAN, "out internet outside externe external untrust untrusted operateur fibre"),
)
_ROLE_OF = tuple((role, frozenset(text.split())) for role, text in _WORDS)
_OF_EXPORT: Mapping[str, str] = {"wan": WAN, "dmz": DMZ, "vpn": VPN}
"""Roles the export itself states and that mean the same here; `lan` only means "inside"."""
_OF_A_LINK = frozenset({BACKUP, VOICE})
"""Words that also say what an Internet link is for."""
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[a-z]+")
_LOOPBACK = re.compile(r"lo\d*|loopback.*")


def words(text: str) -> list[str]:
    """Lower-case words of a name, without accents nor digits: `VLAN20_Résidents` gives `vlan`, `residents`.

    A word with capitals inside counts whole and cut: `VoIP`, `WifiInvites`.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return list(dict.fromkeys(_WORD.findall(f"{plain} {_CAMEL.sub(' ', plain)}".lower())))


def guess(*texts: str) -> str:
    """Role that the first telling text states; empty when none does."""
    for text in texts:
        found = set(words(text))
        for role, telling in _ROLE_OF:
            if found & telling:
                return role
    return ""


def zones_of(device: Device) -> tuple[str, ...]:
    """Every zone or interface of a device: those it describes, then those only its rules name (no wildcard)."""
    named: dict[str, None] = {interface.name: None for interface in device.interfaces}
    for chain in device.chains:
        for rule in chain.rules:
            for zone in (*rule.in_zones, *rule.out_zones):
                if not zone.endswith("*"):
                    named.setdefault(zone)
    return tuple(named)


def is_loopback(zone: str) -> bool:
    """The firewall talking to itself: no network is behind."""
    return _LOOPBACK.fullmatch(zone.casefold()) is not None


def roles_of(device: Device, declared: Mapping[str, str] | None = None) -> dict[str, str]:
    """Role of each zone, empty text when nothing says it. `declared` is the table `[firewall.roles]` of the profile."""
    known = {zone.casefold(): role for zone, role in (declared or {}).items()}
    described = {interface.name: interface for interface in device.interfaces}
    found: dict[str, str] = {}
    for zone in zones_of(device):
        if zone.casefold() in known:
            found[zone] = known[zone.casefold()]
        else:
            found[zone] = _of_interface(described.get(zone) or Interface(name=zone))
    _single_inside(found, device.interfaces, known)
    return found


def _of_interface(interface: Interface) -> str:
    stated = _OF_EXPORT.get(interface.role, "")
    titles = interface.title.split(", ")
    if len(interface.members) > 1 and len(titles) > 1:  # a zone that its members describe
        found = guess(interface.name) or _agreed(guess(title) for title in titles)
    else:
        found = guess(interface.title, interface.name)
    if found in _OF_A_LINK and (stated == WAN or interface.default_route):
        return WAN  # "4G backup", "VoIP line": what a link is for
    return found or stated or (WAN if interface.default_route else "")


def _agreed(found: Iterable[str]) -> str:
    """The role that all the members of a zone have; residents and visitors together are visitors."""
    every = set(found)
    if every == {RESIDENT, GUEST}:
        return GUEST
    return every.pop() if len(every) == 1 else ""


def _single_inside(found: dict[str, str], interfaces: Iterable[Interface], known: Mapping[str, str]) -> None:
    """Take the only unnamed inside zone for the professional network, when no other zone is."""
    if PRO in found.values():
        return
    inside = [i.name for i in interfaces if i.role == "lan" and not found[i.name] and i.name.casefold() not in known]
    if len(inside) == 1:
        found[inside[0]] = PRO


def without_role(roles: Mapping[str, str], *unwanted: str) -> tuple[str, ...]:
    """Zones that have another role or none, in order; loopbacks are no network."""
    return tuple(zone for zone, role in roles.items() if role not in unwanted and not is_loopback(zone))


def with_role(roles: Mapping[str, str], *wanted: str) -> tuple[str, ...]:
    """Zones that have one of the wanted roles, in order."""
    return tuple(zone for zone, role in roles.items() if role in wanted)
