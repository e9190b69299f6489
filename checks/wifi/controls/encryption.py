"""How the air is protected: generation of WPA, ciphers, protection of management frames, open networks.

The distinction between 802.1X and a shared password, and the refusal of WEP and TKIP, follow ANSSI DAT-NT-005 (2013),
which predates WPA3; what is asked of PMF, SAE and OWE follows the Wi-Fi Alliance WPA3 specification.
"""

from __future__ import annotations

from collections.abc import Iterable

from checks.common.french import listed
from checks.model import Context, Judgement, Severity, failed, not_applicable, passed
from checks.wifi.capture.suites import ENTERPRISE, OWE, PSK, SAE
from checks.wifi.controls.common import (
    Offer,
    all_open,
    describe,
    details_of,
    distinct,
    each_ssid,
    fault,
    few,
    generation,
    has_enterprise,
    of_config,
    offers,
    only_best,
    pmf_rank,
    silent_radios,
    unseen,
    unsure,
)
from checks.wifi.exports.details import WlanDetails
from checks.wifi.facts import PMF_CAPABLE, PMF_NONE, PMF_REQUIRED, WlanConfig
from checks.wifi.roles import ADMIN, GUEST, INTERNAL, PRO, PUBLIC, RESIDENT, Own

OLD_CIPHERS = frozenset({"WEP-40", "WEP-104", "WEP", "TKIP"})
_PERSONAL = (PRO, ADMIN)
"""Roles for which a password that circulates is not enough; telephones and devices often know nothing else."""


@each_ssid(*INTERNAL)
def professional(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms with 802.1X, or SAE alone; a network of telephones or devices may still use a WPA2 password."""
    found = offers(own)
    if not found:
        return unseen(own)
    faults = [(offer, *told) for offer in found if (told := _weak(offer, own.role))]
    if faults:
        worst = min((severity for _, severity, _ in faults), key=lambda one: one.rank)
        said = listed(text for _, severity, text in faults if severity is worst)
        affected = distinct(fault(offer, "encryption", text) for offer, _, text in faults)
        seen = few(offer.evidence for offer, _, _ in faults)
        return failed(own.ssid, f"« {own.ssid} » {said}.", *seen, affected=affected, severity=worst)
    if doubt := _unreadable(own, found):
        return doubt
    if own.role in _PERSONAL and any(not offer.akms for offer in found if offer.words & {"wpa2"}):
        return unsure(own, f"Rien ne dit si « {own.ssid} » s'ouvre par un compte ou par un mot de passe partagé.")
    if doubt := only_best(own):
        return doubt
    how = listed(describe(offer.encryption, offer.akms, offer.pmf) for offer in found)
    return passed(own.ssid, f"« {own.ssid} » est bien protégé : {how}.", *few(offer.evidence for offer in found))


def _weak(offer: Offer, role: str) -> tuple[Severity, str] | None:
    """How grave and what, for an internal network; None when it conforms or cannot be read."""
    if "open" in offer.words:
        return Severity.CRITICAL, "est ouvert : n'importe qui y entre et lit ce qui passe"
    if "wep" in offer.words:
        return Severity.CRITICAL, "est en WEP, dont la clé se retrouve en quelques minutes"
    if "wpa" in offer.words:
        return Severity.CRITICAL, "accepte encore le WPA d'origine, que plus rien ne protège"
    if offer.words == {"owe"}:
        return Severity.HIGH, "est chiffré mais sans mot de passe : n'importe qui y entre"
    if offer.words & {"unknown", "other", ""} or role not in _PERSONAL:
        return None
    if ENTERPRISE in offer.families and not offer.families & {PSK, OWE}:
        return None
    if PSK in offer.families and SAE in offer.families:
        return Severity.LOW, "accepte WPA3 mais aussi un mot de passe WPA2, qui se cherche sans être sur place"
    if PSK in offer.families:
        return Severity.MEDIUM, "repose sur un mot de passe partagé WPA2, qui se cherche sans être sur place"
    return None


@each_ssid(PRO, ADMIN)
def individual_authentication(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when everybody enters with something of their own: 802.1X, or a password for each person or device."""
    found = offers(own)
    if not found:
        return unseen(own)
    if own.configurations and all(_personal_keys(own, one) for one in own.configurations):
        seen = few(of_config(one, "un mot de passe par personne ou par appareil") for one in own.configurations)
        return passed(own.ssid, f"« {own.ssid} » donne à chacun son propre mot de passe.", *seen)
    shared = [offer for offer in found if offer.families & {PSK, SAE} or offer.words & {"open", "owe", "wep"}]
    if shared:
        affected = distinct(fault(offer, "shared", generation(offer.encryption)) for offer in shared)
        message = f"« {own.ssid} » s'ouvre sans compte personnel : un départ ne retire l'accès à personne."
        return failed(own.ssid, message, *few(offer.evidence for offer in shared), affected=affected)
    alone = [offer for offer in found if ENTERPRISE in offer.families]
    if (not alone and not has_enterprise(own)) or silent_radios(found, lambda offer: offer.entry_known):
        return _unreadable(own, found) or unsure(
            own, f"Rien ne dit, ou pas partout, comment on entre sur « {own.ssid} »."
        )
    if doubt := _unreadable(own, found):
        return doubt
    message = f"« {own.ssid} » demande un compte ou un certificat à chacun (802.1X)."
    return passed(own.ssid, message, *few(offer.evidence for offer in alone or found))


def _details(own: Own) -> list[WlanDetails]:
    """What the exports say more of the SSID."""
    return [details for one in own.configurations if (details := details_of(own, one))]


def _personal_keys(own: Own, config: WlanConfig) -> bool:
    details = details_of(own, config)
    return details is not None and details.individual_keys


@each_ssid()
def no_old_cipher(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms without WEP, TKIP or the first WPA, for the group as for each station."""
    found = offers(own)
    if not found:
        return unseen(own)
    if all_open(own) and all("open" in offer.words for offer in found):
        return not_applicable(own.ssid, f"« {own.ssid} » n'a pas de chiffrement : voir les réseaux ouverts.")
    faults = [(offer, told) for offer in found if (told := _old(offer))]
    if faults:
        names = listed(name for _, told in faults for name in told)
        wep = any(name.startswith("WEP") for _, told in faults for name in told)
        return failed(
            own.ssid,
            f"« {own.ssid} » accepte encore un chiffrement dépassé : {names}.",
            *few(offer.evidence for offer, _ in faults),
            affected=distinct(fault(offer, "cipher", ", ".join(told)) for offer, told in faults),
            severity=Severity.CRITICAL if wep else None,
        )
    if doubt := _unreadable(own, found):
        return doubt
    # WPA3 and OWE leave no room for TKIP; for WPA2, only the list of ciphers can tell.
    silent = silent_radios(found, lambda offer: bool(offer.ciphers) or offer.words <= {"wpa3", "owe", "open"})
    if len(silent) == len(found):
        return unsure(own, f"La liste des chiffrements acceptés par « {own.ssid} » n'est dans aucune donnée fournie.")
    if silent:
        names = listed(offer.label for offer in silent)
        return unsure(own, f"La liste des chiffrements de « {own.ssid} » n'est pas connue partout ({names}).")
    if doubt := only_best(own):
        return doubt
    ciphers = listed(cipher for offer in found for cipher in offer.ciphers or ())
    message = f"« {own.ssid} » n'accepte que des chiffrements actuels{f' ({ciphers})' if ciphers else ''}."
    return passed(own.ssid, message, *few(offer.evidence for offer in found))


def _old(offer: Offer) -> tuple[str, ...]:
    found = [cipher for cipher in offer.ciphers or () if cipher in OLD_CIPHERS]
    if "wep" in offer.words and not found:
        found.append("WEP")
    if "wpa" in offer.words:
        found.append("WPA d'origine")
    return tuple(dict.fromkeys(found))


@each_ssid()
def management_frames(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when management frames are protected as the kind of network asks.

    Required for WPA3 alone, OWE and 6 GHz; at least possible for WPA2 and for a network in transition to WPA3. For a
    network in compatibility mode, what counts is what the RSN override elements say to recent stations.
    """
    found = [offer for offer in offers(own) if not offer.words <= {"open", "wep", "wpa"}]
    if not found:
        return _without_pmf(own)
    faults = [(offer, need) for offer in found if offer.pmf and pmf_rank(offer.pmf) < pmf_rank(need := _needed(offer))]
    if faults:
        affected = distinct(
            fault(offer, "pmf", f"{_PMF[offer.pmf]} ; attendu : {_PMF[need]}, {_why(offer)}") for offer, need in faults
        )
        message = f"Sur « {own.ssid} », n'importe qui peut déconnecter les appareils à distance : {_missing(faults)}."
        severity = Severity.LOW if own.role in PUBLIC else None
        return failed(
            own.ssid, message, *few(offer.evidence for offer, _ in faults), affected=affected, severity=severity
        )
    if doubt := _unreadable(own, found):
        return doubt
    told = [offer for offer in found if offer.pmf]
    if not told:
        return unsure(own, f"Les données fournies ne disent rien de la protection (PMF) sur « {own.ssid} ».")
    least = min((offer.pmf for offer in told), key=pmf_rank)
    if silent := silent_radios(found, lambda offer: bool(offer.pmf)):
        names = listed(offer.label for offer in silent)
        return unsure(own, f"La protection (PMF) de « {own.ssid} » n'est pas connue partout ({names}).")
    message = f"« {own.ssid} » protège les trames de gestion (PMF {_PMF[least]})."
    if least == PMF_CAPABLE and False in {details.sae_requires_pmf for details in _details(own)}:
        # The WPA3 specification asks the station to do so; only the access point can be sure of it.
        message += " Les bornes accepteraient un appareil WPA3 qui ne la demande pas (sae_require_mfp)."
    return passed(own.ssid, message, *few(offer.evidence for offer in told))


_PMF = {PMF_NONE: "absent", PMF_CAPABLE: "possible", PMF_REQUIRED: "obligatoire"}


def _without_pmf(own: Own) -> Judgement:
    if not offers(own):
        return unseen(own)
    return not_applicable(own.ssid, f"« {own.ssid} » n'a pas de chiffrement auquel cette protection s'ajouterait.")


def _needed(offer: Offer) -> str:
    return PMF_REQUIRED if _why(offer) != _RECENT else PMF_CAPABLE


_RECENT = "pour les appareils récents"


def _why(offer: Offer) -> str:
    """What asks for the protection."""
    if offer.band == "6":
        return "la bande 6 GHz l'impose"
    if offer.words == {"owe"}:
        return "OWE l'impose"
    if offer.words == {"wpa3"}:
        return "WPA3 seul l'impose"
    return _RECENT


def _missing(faults: Iterable[tuple[Offer, str]]) -> str:
    return listed(f"PMF {_PMF[offer.pmf]} au lieu de {_PMF[need]}" for offer, need in faults)


@each_ssid(*INTERNAL)
def current_generation(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every radio offers WPA3, alone or beside WPA2; RSN override elements count."""
    found = [offer for offer in offers(own) if offer.words & {"wpa2", "wpa3", "other", "unknown", ""}]
    if not found:
        return _without_wpa(own)
    late = [offer for offer in found if offer.readable and "wpa3" not in offer.words]
    if late:
        affected = distinct(fault(offer, "generation", generation(offer.encryption)) for offer in late)
        message = f"« {own.ssid} » ne propose pas WPA3, que les appareils récents savent utiliser."
        return failed(own.ssid, message, *few(offer.evidence for offer in late), affected=affected)
    if doubt := _unreadable(own, found):
        return doubt
    override = any(network.override for network in own.networks)
    mixed = any("wpa2" in offer.words for offer in found)
    how = "" if only_best(own) else " seul"
    if mixed:
        beside = "mode compatibilité RSN" if override else f"transition{_way_back(own)}"
        how = f" à côté de WPA2 ({beside})"
    return passed(own.ssid, f"« {own.ssid} » propose WPA3{how}.", *few(offer.evidence for offer in found))


def _way_back(own: Own) -> str:
    """What the exports say of transition disable: whether a station that knows WPA3 may be brought back to WPA2."""
    told = {details.transition_disabled for details in _details(own)} - {None}
    told |= {network.transition_disabled for network in own.networks} - {None}
    if told == {True}:
        return ", sans retour possible à WPA2 pour un appareil qui connaît WPA3"
    return ", dont une fausse borne peut ramener un appareil à WPA2" if told else ""


def _without_wpa(own: Own) -> Judgement:
    if not offers(own):
        return unseen(own)
    why = f"« {own.ssid} » est ouvert ou d'une génération trop ancienne : voir les contrôles qui le disent."
    return not_applicable(own.ssid, why)


@each_ssid(RESIDENT, GUEST)
def open_network(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when a network without password is encrypted (OWE), or isolates stations behind a portal."""
    found = offers(own)
    if not found:
        return unseen(own)
    opened = [offer for offer in found if "open" in offer.words]
    if not opened:
        if doubt := _unreadable(own, found):
            return doubt
        return not_applicable(own.ssid, f"« {own.ssid} » est chiffré.", *few(offer.evidence for offer in found))
    seen = few(offer.evidence for offer in opened)
    paired = [network for network in own.networks if network.encryption == "open"]
    if paired and all(network.owe_transition for network in paired):
        twin = listed(network.owe_transition.ssid for network in paired if network.owe_transition)
        return passed(own.ssid, f"« {own.ssid} » est ouvert et double en OWE chiffré (« {twin} »).", *seen)
    settings = own.configurations
    if settings and all(one.isolation and one.portal for one in settings):
        return passed(own.ssid, f"« {own.ssid} » est ouvert, mais isole ses appareils derrière un portail.", *seen)
    if not any(one.isolation is False or one.portal == "" for one in settings):
        detail = (
            f"« {own.ssid} » est ouvert, sans OWE : reste à savoir s'il isole ses appareils derrière un portail, "
            "ce que l'export des bornes montrerait (export_files)."
        )
        return unsure(own, detail)
    joined, bare = any(one.isolation is False for one in settings), any(one.portal == "" for one in settings)
    lacks = "ni isolé ni derrière un portail" if joined and bare else "sans isolement" if joined else "sans portail"
    risk = "tout s'y lit et s'y croise" if joined else "tout s'y lit"
    return failed(
        own.ssid,
        f"« {own.ssid} » est ouvert sans chiffrement, {lacks} : {risk}.",
        *seen,
        affected=distinct(fault(offer, "open", "ouvert, sans OWE") for offer in opened),
    )


def _unreadable(own: Own, found: Iterable[Offer]) -> Judgement | None:
    """Not assessed when some offer could hide something: what was cut off may be the weakness."""
    doubtful = [offer for offer in found if not offer.readable]
    if not doubtful:
        return None
    names = listed(f"{offer.label} : {generation(offer.encryption)}" for offer in doubtful)
    return unsure(own, f"La description de « {own.ssid} » est incomplète ou inconnue ({names}).")
