"""Residents and visitors: apart from the professional network, apart from one another, told what is allowed.

Separation of uses and a dedicated infrastructure for visitors: ANSSI DAT-NT-005 (2013) and Guide d'hygiène, measure
20. What may really pass is judged from the inside and on the firewall; this reads the settings.
"""

from __future__ import annotations

from checks.common.french import listed
from checks.model import Affected, Context, Evidence, Judgement, Severity, failed, passed
from checks.wifi.controls.common import (
    bssids,
    details_of,
    each_ssid,
    few,
    no_export,
    of_config,
    of_network,
    offers,
    setting,
    unseen,
    unsure,
)
from checks.wifi.facts import WlanConfig
from checks.wifi.roles import GUEST, INTERNAL, PUBLIC, RESIDENT, Own, own_ssids


@each_ssid(*PUBLIC)
def apart_from_professional(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when its VLAN is no internal SSID's; a shared VLAN, password or radio name fails.

    An untagged network has no number in the exports: nothing proves that it is another one.
    """
    internal = [one for one in own_ssids(own.facts) if one.role in INTERNAL]
    if not internal:
        return unsure(own, "Aucun réseau interne n'est connu : rien à quoi comparer.")
    faults = [(one, told) for one in internal if (told := _shared(own, one))]
    if faults:
        affected = tuple(
            Affected(id=f"ssid:{one.ssid}", label=f"« {one.ssid} »", detail=told, kind="shared", ref=one.ssid)
            for one, told in faults
        )
        names = listed(f"« {one.ssid} » ({told})" for one, told in faults)
        message = f"« {own.ssid} » n'est pas séparé de {names}."
        if all(told.startswith("même VLAN") and (_dynamic(own) or _dynamic(one)) for one, told in faults):
            detail = f"{message[:-1]}, mais le serveur d'authentification peut choisir un autre VLAN : à vérifier."
            return unsure(own, detail)
        vlan = any(told.startswith("même VLAN") for _, told in faults)
        severity = Severity.CRITICAL if vlan else None
        return failed(own.ssid, message, *_proof(own, [one for one, _ in faults]), affected=affected, severity=severity)
    if not offers(own):
        return unseen(own)
    silent = [one for one in (own, *internal) if not _vlans(one)]
    if silent:
        names = listed(f"« {one.ssid} »" for one in silent)
        return unsure(own, f"Le VLAN de {names} n'est dans aucun export : la séparation n'est pas prouvée.")
    partial = [one for one in (own, *internal) if any(setting.vlan is None for setting in one.configurations)]
    if partial:
        names = listed(f"« {one.ssid} »" for one in partial)
        return unsure(own, f"Un des réglages de {names} n'indique aucun VLAN : la séparation n'est pas prouvée.")
    if _dynamic(own):
        return unsure(own, f"Le serveur d'authentification choisit le VLAN des appareils de « {own.ssid} ».")
    message = (
        f"« {own.ssid} » a son propre VLAN ({_numbers(own)}), qui n'est celui d'aucun réseau interne. "
        "Que rien ne passe de l'un à l'autre se prouve depuis l'intérieur."
    )
    return passed(own.ssid, message, *_proof(own, internal))


def _shared(own: Own, other: Own) -> str:
    """What both have in common; empty when nothing is known to be."""
    if common := _vlans(own) & _vlans(other):
        return f"même VLAN {', '.join(str(number) for number in sorted(common))}"
    groups = {one.psk_group for one in own.configurations if one.psk_group}
    if groups & {one.psk_group for one in other.configurations}:
        return "même mot de passe"
    both = bssids(own) & bssids(other) | {n.bssid for n in own.networks if other.ssid in n.other_ssids}
    return f"annoncés par la même adresse {min(both)}" if both else ""


def _vlans(own: Own) -> set[int]:
    return {one.vlan for one in own.configurations if one.vlan is not None}


def _dynamic(own: Own) -> bool:
    """The number of some export is only a default: the authentication server may choose another."""
    found = (details_of(own, one) for one in own.configurations)
    return any(details is not None and details.dynamic_vlan for details in found)


def _numbers(own: Own) -> str:
    return ", ".join(str(number) for number in sorted(_vlans(own)))


def _proof(own: Own, others: list[Own]) -> tuple[Evidence, ...]:
    settings = [setting for one in (own, *others) for setting in one.configurations]
    seen = [of_config(one, f"« {one.ssid} » : {_vlan(one)}") for one in settings]
    return few(seen or [of_network(network) for network in own.networks])


def _vlan(one: WlanConfig) -> str:
    return f"VLAN {one.vlan}" if one.vlan is not None else "VLAN non indiqué"


@each_ssid(*PUBLIC)
def isolated_stations(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the exports say that stations cannot reach one another."""
    if not own.configurations:
        return no_export(own, "L'isolement des appareils") if offers(own) else unseen(own)
    joined = [one for one in own.configurations if one.isolation is False]
    if joined:
        message = f"Sur « {own.ssid} », chaque appareil peut atteindre ceux des autres résidents et visiteurs."
        seen = few(of_config(one, "isolement des appareils désactivé") for one in joined)
        affected = tuple(setting(one, "isolation", "isolement désactivé") for one in joined[:1])
        return failed(own.ssid, message, *seen, affected=affected)
    if any(one.isolation is None for one in own.configurations):
        return no_export(own, "L'isolement des appareils")
    seen = few(of_config(one, "isolement des appareils activé") for one in own.configurations)
    return passed(own.ssid, f"Sur « {own.ssid} », les appareils ne se voient pas entre eux.", *seen)


@each_ssid(GUEST, RESIDENT)
def portal(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when a portal greets people; an export that does not say is not assessed."""
    if not own.configurations:
        return no_export(own, "Le portail d'accueil") if offers(own) else unseen(own)
    without = [one for one in own.configurations if one.portal == ""]
    if without:
        message = f"« {own.ssid} » n'a pas de portail : personne n'y accepte les règles d'usage."
        seen = few(of_config(one, "aucun portail") for one in without)
        affected = tuple(setting(one, "portal", "aucun portail") for one in without[:1])
        return failed(own.ssid, message, *seen, affected=affected)
    if any(one.portal is None for one in own.configurations):
        return no_export(own, "Le portail d'accueil")
    kinds = listed(one.portal for one in own.configurations if one.portal)
    seen = few(of_config(one, f"portail : {one.portal}") for one in own.configurations)
    return passed(own.ssid, f"« {own.ssid} » a un portail d'accueil ({kinds}).", *seen)
