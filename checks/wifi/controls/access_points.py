"""Who announces our names: unknown radios, several settings for one name, look-alikes, other kinds of networks.

A house has many radios: 2.4, 5 and 6 GHz, extenders, and one address per SSID. Only a declared inventory can tell a
stranger, and an address that follows a declared one belongs to the same access point.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from checks.common.french import count, listed
from checks.model import Affected, Context, Judgement, Reason, Severity, failed, not_applicable, passed
from checks.wifi.capture.suites import FAMILIES, OTHER
from checks.wifi.controls.common import (
    describe,
    distinct,
    each_ssid,
    few,
    generation,
    of_facts,
    of_network,
    of_packets,
    place,
    unseen,
    unsure,
)
from checks.wifi.facts import EXPORT, Network, Packet
from checks.wifi.roles import Own, is_known, known_bssids, neighbours

_WEAKNESS = {"open": 0, "wep": 1, "wpa": 2, "owe": 3, "wpa2": 4, "wpa3": 5}
"""What lets people in most easily comes first."""
_LOOKS_LIKE = str.maketrans(
    {"0": "o", "1": "l", "3": "e", "5": "s", "8": "b", "i": "l"}
    # Cyrillic, then Greek letters that are drawn like Latin ones (Unicode Technical Standard 39, confusables).
    | dict(zip("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458\u0501", "aeopcyxlsjd", strict=True))
    | dict(zip("\u03b1\u03bf\u03c1\u03c5\u03bd\u03b9", "aopuvl", strict=True))
)
_SHORTEST = 4
"""Names shorter than that look like one another by chance."""


@each_ssid()
def unknown_radios(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when each radio that announces the SSID, or answers for it, is in the declared inventory."""
    heard = _heard(own)
    inventory = known_bssids(own.facts)
    claimed = [n for n in own.facts.networks if n.ssid != own.ssid and own.ssid in n.other_ssids]
    if not heard and not claimed:
        return _silent(own)
    if not inventory:
        detail = (
            f"« {own.ssid} » est annoncé par {count(len(heard), 'borne')} : sans la liste des vôtres "
            "(access_points du profil de site), une imitation ne se reconnaît pas."
        )
        return unsure(own, detail, Reason.NOT_CONFIGURED)
    strangers = (*own.strangers, *(network for network in claimed if not is_known(network, inventory)))
    if not strangers:
        if doubt := _cut(own):
            return doubt
        seen = few(of_network(network, "dans l'inventaire") for network in heard)
        return passed(own.ssid, f"Toutes les bornes qui annoncent « {own.ssid} » sont connues.", *seen)
    weaker = _weakest(strangers) < _weakest(own.networks)
    number = len({network.bssid for network in strangers})
    bait = " avec une protection plus faible que les vôtres" if weaker and own.networks else ""
    return failed(
        own.ssid,
        f"« {own.ssid} » est annoncé par {count(number, 'borne inconnue', 'bornes inconnues')}{bait} : "
        "oubli dans l'inventaire, ou imitation.",
        *few(of_network(network) for network in strangers),
        affected=distinct(_radio(network, "unknown-radio", _stranger(network)) for network in strangers),
        severity=Severity.CRITICAL if bait else None,
    )


def _weakest(networks: Iterable[Network]) -> int:
    words = (word for network in networks for word in network.encryption.split("-"))
    return min((_WEAKNESS[word] for word in words if word in _WEAKNESS), default=len(_WEAKNESS))


def _stranger(network: Network) -> str:
    maker = f", {network.vendor}" if network.vendor else ""
    level = f", {network.strongest} dBm" if network.strongest is not None else ""
    return f"hors inventaire, {describe(network.encryption, network.akms, network.pmf)}{maker}{level}"


@each_ssid()
def one_security(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when all radios of an SSID protect it the same way, and none changed while it was listened to.

    The 6 GHz band accepts less than the others, by its own rules, and is not compared with them.
    """
    if not _heard(own):
        return _silent(own)
    heard = [network for network in (*own.networks, *own.strangers) if network.band != "6"]
    if not heard:
        return not_applicable(own.ssid, f"« {own.ssid} » n'est annoncé qu'en 6 GHz.")
    readable = [network for network in heard if not network.incomplete and network.encryption not in ("", "unknown")]
    changed = [network for network in readable if _changed(network)]
    kinds = Counter(_kind(network) for network in _whole(readable))
    if len(kinds) > 1 or changed:
        usual = _example(readable, kinds.most_common(1)[0][0])
        odd = [one for one in _whole(readable) if _kind(one) != _kind(usual) and one not in changed]
        words = {word for network in readable for word in _encryptions(network)}
        mixed = "open" in words and len(words) > 1
        told = listed(_protection(one) for one in (usual, *odd)) if odd else ""
        told = told or listed(generation(word) for word in dict.fromkeys(w for n in changed for w in _encryptions(n)))
        affected = [_radio(one, "other-security", f"{_protection(one)} au lieu de {_protection(usual)}") for one in odd]
        affected += [_radio(one, "changed", _history(one)) for one in changed]
        return failed(
            own.ssid,
            f"« {own.ssid} » est annoncé avec plusieurs protections ({told}) : réglage oublié, ou imitation.",
            *few([*(of_network(one) for one in odd), *(of_packets(_history(one), _when(one)) for one in changed)]),
            affected=distinct(affected),
            severity=Severity.HIGH if mixed else None,
        )
    if len(readable) < len(heard):
        return unsure(own, f"Une partie des bornes de « {own.ssid} » n'est pas lisible : comparaison impossible.")
    number = count(len({network.bssid for network in heard}), "borne", "bornes")
    seen = few(of_network(network) for network in heard)
    return passed(own.ssid, f"« {own.ssid} » est protégé de la même façon partout ({number}).", *seen)


Kind = tuple[str, frozenset[str]]
"""Encryption, and families of key management: a password and an account are not the same protection."""


def _kind(network: Network) -> Kind:
    families = frozenset(FAMILIES.get(akm, OTHER) for akm in network.akms)
    return network.encryption, families


def _whole(found: list[Network]) -> list[Network]:
    """Radios to compare: one that `netsh` describes by its strongest protection may be like the others."""
    words = {word for network in found if not network.best_only for word in network.encryption.split("-")}
    return [network for network in found if not network.best_only or network.encryption not in words]


def _example(found: Iterable[Network], kind: Kind) -> Network:
    return next(network for network in found if _kind(network) == kind)


def _protection(network: Network) -> str:
    """`WPA2 (802.1X)`."""
    names = ", ".join(network.akms)
    return f"{generation(network.encryption)}{f' ({names})' if names else ''}"


def _encryptions(network: Network) -> list[str]:
    return [network.encryption, *(one.encryption for one in network.variants if one.encryption != "unknown")]


def _changed(network: Network) -> bool:
    """The same radio announced another encryption; another channel alone is a normal move."""
    return len(set(_encryptions(network))) > 1


def _history(network: Network) -> str:
    said = listed(generation(word) for word in dict.fromkeys(_encryptions(network)))
    return f"{place(network)} a annoncé tour à tour : {said}"


def _when(network: Network) -> list[Packet]:
    return [one.packet for one in network.variants]


@each_ssid()
def look_alikes(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no foreign network has a name that people would take for this one."""
    if not _heard(own):
        return _silent(own)
    if len(_shape(own.ssid)) < _SHORTEST:
        return not_applicable(own.ssid, f"« {own.ssid} » est trop court pour que la ressemblance dise quelque chose.")
    twins = [network for network in neighbours(own.facts) if network.ssid and _shape(network.ssid) == _shape(own.ssid)]
    if twins:
        names = listed(f"« {network.ssid} »" for network in twins)
        return failed(
            own.ssid,
            f"Un nom presque pareil à « {own.ssid} » est annoncé : {names}.",
            *few(of_network(network) for network in twins),
            affected=distinct(_radio(network, "look-alike", f"« {network.ssid} »") for network in twins),
        )
    if doubt := _cut(own):
        return doubt
    number = count(
        len({network.ssid for network in neighbours(own.facts)}), "autre nom comparé", "autres noms comparés"
    )
    return passed(own.ssid, f"Aucun réseau vu n'imite le nom « {own.ssid} ».", of_facts(own.facts, number))


def _shape(ssid: str) -> str:
    """What the eye keeps of a name: no accent, case, space, punctuation, nor letter or digit drawn like another."""
    plain = unicodedata.normalize("NFKD", ssid).lower().translate(_LOOKS_LIKE)
    return re.sub(r"[^a-z0-9]", "", plain)


@each_ssid()
def access_points_only(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the SSID is announced by access points only, not by a computer nor a mesh of devices."""
    if not _heard(own):
        return _silent(own)
    odd = [network for network in (*own.networks, *own.strangers) if network.mode]
    if odd:
        kinds = listed("ordinateur à ordinateur" if one.mode == "ad-hoc" else "maillage" for one in odd)
        return failed(
            own.ssid,
            f"« {own.ssid} » existe aussi sans borne ({kinds}) : personne ne contrôle qui s'y relie.",
            *few(of_network(network) for network in odd),
            affected=distinct(_radio(network, network.mode, f"mode {network.mode}") for network in odd),
        )
    seen = few(of_network(network) for network in own.networks)
    return passed(own.ssid, f"« {own.ssid} » n'est annoncé que par des bornes.", *seen)


def _heard(own: Own) -> list[Network]:
    """Radios that a capture or a scan received: a setting does not tell who is in the air."""
    return [network for network in (*own.networks, *own.strangers) if network.source != EXPORT]


def _cut(own: Own) -> Judgement | None:
    """Not assessed when something was cut off: who was not heard may be there."""
    if not own.facts.truncated:
        return None
    return unsure(own, f"Ce qui a été capté est incomplet : d'autres bornes annoncent peut-être « {own.ssid} ».")


def _silent(own: Own) -> Judgement:
    if not own.networks and not own.strangers and not own.configurations:
        return unseen(own)
    detail = f"« {own.ssid} » n'a pas été écouté : un relevé ou une capture dirait qui l'annonce."
    return unsure(own, detail, Reason.NOT_CONFIGURED)


def _radio(network: Network, kind: str, detail: str) -> Affected:
    return Affected(id=network.bssid, label=place(network), detail=detail, kind=kind, ref=network.bssid)
