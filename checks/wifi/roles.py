"""Which networks are the establishment's, and what each is for.

What the site profile declares wins. Exports come from the establishment's own equipment, and the declared access
points are its own: what they announce is its own too, declared or not. Any other network belongs to a neighbour and is
never judged. Only when the profile declares no SSID at all is a name that plainly tells an audience believed, and the
verdict then says that it was guessed: a wrong role makes a wrong verdict, an unknown one an honest "not assessed".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from checks.wifi.facts import Network, WifiFacts, WlanConfig

PRO, RESIDENT, GUEST, VOICE = "pro", "resident", "guest", "voice"
IOT, BIOMEDICAL, ADMIN = "iot", "biomedical", "admin"
PUBLIC = (RESIDENT, GUEST)
"""People who are not staff, with devices nobody controls."""
INTERNAL = (PRO, ADMIN, VOICE, BIOMEDICAL, IOT)
"""What the work of the establishment relies on."""

TITLES: Mapping[str, str] = {
    PRO: "professionnel",
    RESIDENT: "résidents",
    GUEST: "visiteurs",
    VOICE: "téléphonie",
    IOT: "objets connectés",
    BIOMEDICAL: "biomédical",
    ADMIN: "administration",
}
"""Every role, with the words people use for it."""

# In order: when a name holds words of several roles, the first role wins. `Invites-Pro` is for guests.
_WORDS: tuple[tuple[str, str], ...] = (
    (RESIDENT, "resident residents residente residentes chambre chambres usager usagers"),
    (GUEST, "guest guests invite invites visiteur visiteurs visitor visitors hotspot famille familles public"),
    (BIOMEDICAL, "biomed biomedical biomedicale biomedicaux medical medicaux imagerie"),
    (VOICE, "voip voix voice toip telephonie telephone telephones"),
    (IOT, "iot gtb gtc domotique camera cameras videosurveillance capteurs"),
    (ADMIN, "admin mgmt management"),
    (PRO, "pro professionnel professionnels soins soignants personnel staff bureautique interne metier dui"),
)
_ROLE_OF = tuple((role, frozenset(text.split())) for role, text in _WORDS)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORD = re.compile(r"[a-z]+")
_BOX = re.compile(r"(livebox|freebox|freewifi|bbox|sfr|neuf|numericable|orange|eduroam|fon)\b.*", re.IGNORECASE)
"""Names of home boxes and of roaming networks: `Livebox-Pro` is somebody's subscription, not a role."""
_BYTES = 6
"""Of a BSSID."""
_RADIO_SPAN = 15
"""An access point numbers its radios and SSIDs from its own address, sixteen of them at most."""
_LOCAL = 0x02


class Own(NamedTuple):
    """One SSID of the establishment and everything known of it."""

    ssid: str
    role: str
    """Empty when nothing tells it."""
    guessed: bool
    """The role, or that the network is ours at all, comes from its name only."""
    networks: tuple[Network, ...]
    """Radios that announce it; without the strangers."""
    strangers: tuple[Network, ...]
    """Radios that announce it and are not in the declared inventory; empty without an inventory."""
    configurations: tuple[WlanConfig, ...]
    """Active settings of exports."""
    facts: WifiFacts


def words(text: str) -> set[str]:
    """Lower-case words of a name, without accents nor digits; a word with capitals inside counts whole and cut."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return set(_WORD.findall(f"{plain} {_CAMEL.sub(' ', plain)}".lower()))


def guess(ssid: str) -> str:
    """Role that a name plainly states; empty when it does not, or is the name of a home box."""
    if _BOX.match(ssid):
        return ""
    found = words(ssid)
    return next((role for role, telling in _ROLE_OF if found & telling), "")


def own_ssids(facts: WifiFacts) -> tuple[Own, ...]:
    """SSIDs of the establishment: declared ones first, then those its equipment proves, else guessed ones."""
    inventory = known_bssids(facts)
    roles = {ssid: (role, False) for ssid, role in facts.roles.items()}
    guests = {one.ssid for one in facts.details if one.guest}
    for ssid in _proved(facts, inventory):
        # A controller that treats a network as one for visitors tells its use when its name does not.
        roles.setdefault(ssid, (guess(ssid) or (GUEST if ssid in guests else ""), True))
    if not facts.roles:
        for ssid in (network.ssid for network in facts.networks):
            if role := guess(ssid):
                roles.setdefault(ssid, (role, True))
    return tuple(_own(facts, ssid, role, guessed, inventory) for ssid, (role, guessed) in roles.items())


def _proved(facts: WifiFacts, inventory: Collection[str]) -> Iterable[str]:
    """SSIDs that an export configures or a declared access point announces."""
    yield from (one.ssid for one in facts.configurations if one.enabled and one.ssid)
    for network in facts.networks:
        if network.ssid and (network.source == "export" or is_known(network, inventory)):
            yield network.ssid


def _own(facts: WifiFacts, ssid: str, role: str, guessed: bool, inventory: Collection[str]) -> Own:
    seen = [network for network in facts.networks if network.ssid == ssid]
    strangers = [n for n in seen if inventory and n.source != "export" and not is_known(n, inventory)]
    return Own(
        ssid=ssid,
        role=role,
        guessed=guessed,
        networks=tuple(network for network in seen if network not in strangers),
        strangers=tuple(strangers),
        configurations=tuple(one for one in facts.configurations if one.ssid == ssid and one.enabled),
        facts=facts,
    )


def neighbours(facts: WifiFacts) -> tuple[Network, ...]:
    """Networks that are not the establishment's, or not known to be: listed, never judged."""
    ours = {one.ssid for one in own_ssids(facts)}
    return tuple(network for network in facts.networks if network.ssid not in ours)


def known_bssids(facts: WifiFacts) -> frozenset[str]:
    """Inventory of access points: declared ones, and those that exports name when some are declared.

    An export alone is no inventory: a controller may list a part of its radios only.
    """
    if not facts.declared_bssids:
        return frozenset()
    exported = (bssid for one in facts.configurations for bssid in one.bssids)
    return frozenset(bssid.lower() for bssid in (*facts.declared_bssids, *exported))


def is_known(network: Network, inventory: Collection[str]) -> bool:
    """The radio is in the inventory, by its own address or by that of the access point it belongs to."""
    addresses = [address.lower() for address in (network.bssid, network.multiple_bssid) if address]
    return any(address in inventory or any(_kin(address, one) for one in inventory) for address in addresses)


def _kin(bssid: str, declared: str) -> bool:
    """Both addresses belong to one access point: the same maker and series, numbers that follow one another.

    The first byte of a locally administered address is left out: access points change it from SSID to SSID.
    """
    try:
        one, other = bytes.fromhex(bssid.replace(":", "")), bytes.fromhex(declared.replace(":", ""))
    except ValueError:
        return False
    if len(one) != _BYTES or len(other) != _BYTES or one[1:-1] != other[1:-1] or abs(one[-1] - other[-1]) > _RADIO_SPAN:
        return False
    return one[0] == other[0] or bool((one[0] | other[0]) & _LOCAL)
