"""Stations: chased from the network, connected badly, calling our networks by name far from home."""

from __future__ import annotations

from checks.common.french import count
from checks.model import Affected, Context, Judgement, Severity, failed, not_applicable, passed
from checks.wifi.capture.suites import FAMILIES, PSK, SAE
from checks.wifi.controls.common import (
    all_open,
    bssids,
    captured,
    distinct,
    each_ssid,
    few,
    no_capture,
    of_facts,
    of_packets,
    offers,
    protections,
    station,
    unseen,
    unsure,
)
from checks.wifi.facts import PMF_REQUIRED, Association, Deauthentication
from checks.wifi.roles import Own

FLOOD = 50
"""Frames in ten seconds, our own mark: an access point that restarts says goodbye once to everybody, and once to each
of the thirty stations or so that it serves."""
CLEAR_FRAMES = 100
"""Our own mark: a whole EAP-TLS authentication and its key exchange take fewer frames in clear than that."""
_OLD = frozenset({"TKIP", "WEP-40", "WEP-104"})


@each_ssid()
def deauthentication(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no burst of deauthentications in clear was captured under the name of a radio of the SSID."""
    if not captured(own):
        return _not_captured(own, "Une vague de déconnexions")
    mine = [one for one in own.facts.deauthentications if one.bssid in bssids(own)]
    floods = [one for one in mine if one.peak > FLOOD and one.frames > one.protected]
    if floods:
        peak = max(one.peak for one in floods)
        return failed(
            own.ssid,
            f"Les appareils de « {own.ssid} » sont chassés du réseau : jusqu'à {peak} déconnexions en dix secondes.",
            *few(of_packets(f"{one.bssid} : {_counted(one)}", (one.packet,)) for one in floods),
            affected=distinct(_radio(one) for one in floods),
            severity=Severity.LOW if _sheltered(own, floods) else None,
        )
    if own.facts.truncated:
        return unsure(own, f"La capture est incomplète : l'absence de déconnexions sur « {own.ssid} » ne prouve rien.")
    number = count(sum(one.frames for one in mine), "déconnexion vue", "déconnexions vues")
    message = f"Aucune vague de déconnexions n'a été captée sur « {own.ssid} » ({number})."
    return passed(own.ssid, message, of_facts(own.facts, number))


def _counted(one: Deauthentication) -> str:
    everybody = f", dont {one.broadcast} à tous" if one.broadcast else ""
    return f"{one.frames} trames{everybody}, {count(one.targets, 'appareil visé', 'appareils visés')}, pic {one.peak}"


def _radio(one: Deauthentication) -> Affected:
    return Affected(id=one.bssid, label=f"borne {one.bssid}", detail=_counted(one), kind="flood", ref=one.bssid)


def _sheltered(own: Own, floods: list[Deauthentication]) -> bool:
    """Stations do not obey such frames where their protection is required."""
    hit = {one.bssid for one in floods}
    return all(network.pmf == PMF_REQUIRED for network in own.networks if network.bssid in hit)


def _not_captured(own: Own, what: str) -> Judgement:
    return no_capture(own, what) if offers(own) else unseen(own)


@each_ssid()
def weak_connections(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when stations use the best that the network offers, and none talks in clear on a protected one."""
    if all_open(own):
        return not_applicable(own.ssid, f"« {own.ssid} » est un réseau ouvert, jugé comme tel.")
    if not captured(own):
        return _not_captured(own, "La connexion des appareils")
    mine = [one for one in own.facts.associations if one.bssid in bssids(own)]
    sae = SAE in protections(own)
    better = any(cipher not in _OLD for network in own.networks for cipher in network.pairwise)
    faults = [(one, told) for one in mine if (told := _weak(one, sae=sae, better=better))]
    if faults:
        affected = distinct(station(one.client, "weak-link", told, one.bssid) for one, told in faults)
        number = count(len(affected), "appareil se connecte", "appareils se connectent")
        seen = few(
            of_packets(f"{one.client} avec {one.bssid} : {told}", (one.packet,) if one.packet else ())
            for one, told in faults
        )
        message = f"{number} à « {own.ssid} » moins bien que le réseau ne le permet."
        return failed(own.ssid, message, *seen, affected=affected)
    # Where the network leaves a choice, only what the station chose tells; elsewhere, that it encrypts is enough.
    several = sae and PSK in protections(own)
    mixed = better and any(cipher in _OLD for network in own.networks for cipher in network.pairwise)
    known = [
        one
        for one in mine
        if (one.akm or (one.protected and not several)) and (one.pairwise or not mixed) and (one.akm or one.protected)
    ]
    if not known:
        return unsure(own, f"La capture ne montre pas comment les appareils se connectent à « {own.ssid} ».")
    number = count(len(known), "appareil vu", "appareils vus")
    return passed(own.ssid, f"Les appareils se connectent bien à « {own.ssid} ».", of_facts(own.facts, number))


def _weak(one: Association, *, sae: bool, better: bool) -> str:
    """What is wrong with a connection; empty when nothing is, or when the network offers nothing better."""
    if one.clear > CLEAR_FRAMES and not one.protected:
        return f"{one.clear} trames en clair, aucune chiffrée"
    if better and one.pairwise in _OLD:
        return f"chiffrement {one.pairwise} alors qu'un meilleur est proposé"
    if sae and FAMILIES.get(one.akm) == PSK:
        return f"{one.akm} alors que SAE (WPA3) est proposé"
    return ""


@each_ssid()
def probe_leaks(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no station was heard calling the SSID by name; a station that does, does it in the street too."""
    callers = [one for one in own.facts.probes if own.ssid in one.ssids]
    if callers:
        affected = distinct(
            station(one.client, "probe", f"appelle aussi {count(one.others, 'autre réseau', 'autres réseaux')}")
            for one in callers
        )
        number = count(len(affected), "appareil appelle", "appareils appellent")
        hidden = any(network.hidden for network in own.networks)
        why = " parce que ce réseau est masqué" if hidden else ""
        message = f"{number} « {own.ssid} » par son nom{why} : une fausse borne n'a qu'à répondre."
        seen = few(of_packets(f"{one.client} appelle « {own.ssid} »", (one.packet,)) for one in callers)
        return failed(own.ssid, message, *seen, affected=affected)
    if not captured(own):
        return _not_captured(own, "Ce que les appareils appellent par son nom")
    if own.facts.truncated:
        return unsure(own, "La capture est incomplète : l'absence d'appels ne prouve rien.")
    number = count(len(own.facts.probes), "appareil entendu", "appareils entendus")
    message = f"Aucun appareil n'a appelé « {own.ssid} » par son nom pendant l'écoute."
    return passed(own.ssid, message, of_facts(own.facts, number))
