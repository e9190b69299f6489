"""Shared passwords: can one be tried far from here, would it resist, is it used elsewhere, is it old?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from checks.common.french import count, listed
from checks.model import Affected, Context, Judgement, Reason, Severity, failed, not_applicable, passed
from checks.wifi.capture.suites import FAMILIES, PSK, SAE
from checks.wifi.controls.common import (
    bssids,
    captured,
    distinct,
    each_ssid,
    few,
    has_password,
    no_capture,
    no_export,
    of_config,
    of_packets,
    offers,
    only_best,
    protections,
    setting,
    station,
    unseen,
    unsure,
)
from checks.wifi.facts import Handshake, WlanConfig
from checks.wifi.roles import INTERNAL, PUBLIC, Own, own_ssids

LENGTH = 20
"""Characters: ANSSI DAT-NT-005 (2013) asks for a complex password of about twenty."""
ENOUGH_BITS = 60.0
WEAK_BITS = 50.0
"""Our own marks. At ten million tries a second, 40 bits last 30 hours, 50 bits 3.6 years, 60 bits 3,600 years; an
attacker may have a hundred times more machines, and never needs to come back."""
MAX_AGE_DAYS = 365
"""Our own mark: in a year, staff, trainees and contractors who knew the password have left."""


@each_ssid()
def offline_attack(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the network agrees keys in a way no capture can attack; fails when a capture holds enough.

    A WPA2 password with nothing captured is not assessed: whoever waits for a station will capture it.
    """
    if not offers(own):
        return unseen(own)
    mine = [one for one in own.facts.handshakes if one.bssid in bssids(own)]
    found = [one for one in mine if one.offline_attack]
    if found:
        return _attackable(own, found)
    every = offers(own)
    if any("wep" in offer.words for offer in every):
        return not_applicable(own.ssid, f"« {own.ssid} » est en WEP : voir les chiffrements dépassés.")
    if not protections(own) & {PSK} and any(o.words & {"wpa", "wpa2"} and not o.akms for o in every):
        return unsure(own, f"Rien ne dit si « {own.ssid} » s'ouvre par un compte ou par un mot de passe partagé.")
    if not protections(own) & {PSK} and all(offer.readable for offer in every):
        if doubt := only_best(own):
            return doubt
        if all(offer.words <= {"open", "owe"} for offer in every):
            return not_applicable(own.ssid, f"« {own.ssid} » n'a pas de mot de passe à retrouver.")
        message = f"« {own.ssid} » échange ses clés sans rien laisser à essayer hors ligne."
        return passed(own.ssid, message, *few(offer.evidence for offer in offers(own)))
    if not captured(own):
        return no_capture(own, "L'échange de clés")
    unknown = count(sum(one.offline_attack is None for one in mine), "échange indéterminé", "échanges indéterminés")
    detail = (
        f"« {own.ssid} » accepte un mot de passe WPA2, mais aucun échange complet n'a été capturé ({unknown}) : "
        "une écoute plus longue pourrait en recueillir un."
    )
    return unsure(own, detail)


def _attackable(own: Own, found: Iterable[Handshake]) -> Judgement:
    every = list(found)
    affected = distinct(station(one.client, "handshake", f"{one.akm} : {one.reason}", one.bssid) for one in every)
    seen = few(of_packets(f"{one.bssid} et {one.client} : {one.reason}", one.packets) for one in every)
    message = (
        f"Ce qui a été capturé de « {own.ssid} » suffit pour essayer des mots de passe ailleurs, "
        f"sans limite ({count(len(affected), 'échange')})."
    )
    return failed(own.ssid, message, *seen, affected=affected, severity=_gravity(own))


def _gravity(own: Own) -> Severity | None:
    """Lighter for a password everybody is given, or one that is known to resist."""
    bits = [one.psk_bits for one in own.configurations]
    if bits and all(one is not None and one >= ENOUGH_BITS for one in bits):
        return Severity.LOW
    return Severity.MEDIUM if own.role in PUBLIC else None


@each_ssid()
def password_strength(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms with twenty characters and 60 bits; the estimate comes with the export, never the password."""
    known = [one for one in own.configurations if one.psk_bits is not None or one.psk_length is not None]
    if not known:
        return _no_password(own, "La force du mot de passe")
    faults = [(one, *told) for one in known if (told := _weakness(one))]
    if faults:
        worst = min((severity for _, severity, _ in faults), key=lambda one: one.rank)
        lighter = own.role in PUBLIC or protections(own) == {SAE}
        text = listed(said for _, _, said in faults)
        return failed(
            own.ssid,
            f"Le mot de passe de « {own.ssid} » est trop faible : {text}.",
            *few(of_config(one, said) for one, _, said in faults),
            affected=distinct(setting(one, "weak-password", said) for one, _, said in faults),
            severity=Severity.LOW if lighter else worst,
        )
    if any(one.psk_bits is None for one in known):
        return unsure(own, f"La longueur du mot de passe de « {own.ssid} » est connue, mais pas sa force.")
    if silent := _unmeasured(own, known):
        names = listed(f"{one.product}, {one.file}" for one in silent)
        return unsure(own, f"Le mot de passe de « {own.ssid} » n'est pas mesuré dans tous les réglages ({names}).")
    seen = few(of_config(one, _measured(one)) for one in known)
    return passed(own.ssid, f"Le mot de passe de « {own.ssid} » est long et difficile à deviner.", *seen)


def _unmeasured(own: Own, known: list[WlanConfig]) -> list[WlanConfig]:
    """Settings of the SSID that ask for a shared password, and do not give it: another one may be in use there."""
    return [
        one
        for one in own.configurations
        if one not in known and any(FAMILIES.get(akm) in {PSK, SAE} for akm in one.akms)
    ]


def _weakness(one: WlanConfig) -> tuple[Severity, str] | None:
    if one.psk_bits is not None and one.psk_bits < WEAK_BITS:
        return Severity.HIGH, _measured(one)
    if one.psk_bits is not None and one.psk_bits < ENOUGH_BITS:
        return Severity.MEDIUM, _measured(one)
    if one.psk_length is not None and one.psk_length < LENGTH:
        return Severity.LOW if one.psk_bits is not None else Severity.MEDIUM, _measured(one)
    return None


def _measured(one: WlanConfig) -> str:
    length = count(one.psk_length, "caractère") if one.psk_length is not None else "longueur inconnue"
    bits = f"environ {one.psk_bits:.0f} bits" if one.psk_bits is not None else "force inconnue"
    return f"{length}, {bits} (attendu : {LENGTH} caractères et {ENOUGH_BITS:.0f} bits)"


def _no_password(own: Own, what: str) -> Judgement:
    """No password is known: because there is none, or because only an export tells."""
    found = offers(own)
    if not found:
        return unseen(own)
    if any("wep" in offer.words for offer in found):
        return not_applicable(own.ssid, f"« {own.ssid} » est en WEP, dont la clé se retrouve quelle qu'elle soit.")
    if not has_password(own) and all(offer.entry_known for offer in found):
        return not_applicable(own.ssid, f"« {own.ssid} » n'a pas de mot de passe partagé.")
    return no_export(own, what)


@each_ssid()
def password_reuse(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no other SSID has the same password; the exports must hold all the passwords to tell."""
    groups = _groups(own)
    if not groups:
        return _no_password(own, "Le mot de passe")
    others = [one for one in own_ssids(own.facts) if one.ssid != own.ssid]
    same = [one for one in others if _groups(one) & groups]
    seen = few(of_config(one, "mot de passe comparé par son empreinte") for one in own.configurations if one.psk_group)
    if same:
        affected = tuple(_shared(one) for one in same)
        mixed = any((one.role in PUBLIC) != (own.role in PUBLIC) for one in same if one.role and own.role)
        message = f"« {own.ssid} » a le même mot de passe que {listed(f'« {one.ssid} »' for one in same)}."
        return failed(own.ssid, message, *seen, affected=affected, severity=Severity.CRITICAL if mixed else None)
    silent = [one.ssid for one in others if has_password(one) and not _groups(one)]
    if silent:
        return unsure(own, f"Mot de passe inconnu sur {listed(f'« {ssid} »' for ssid in silent)} : rien à comparer.")
    return passed(own.ssid, f"Le mot de passe de « {own.ssid} » ne sert à aucun autre réseau.", *seen)


def _groups(own: Own) -> set[str]:
    return {one.psk_group for one in own.configurations if one.psk_group}


def _shared(other: Own) -> Affected:
    return Affected(
        id=f"ssid:{other.ssid}", label=f"« {other.ssid} »", detail="même mot de passe", kind="reuse", ref=other.ssid
    )


@each_ssid(*INTERNAL)
def password_age(own: Own, context: Context) -> Judgement:
    """Conforms when the password was changed less than a year ago."""
    dated = [(one, changed) for one in own.configurations if (changed := _moment(one.psk_changed))]
    if not dated:
        if any(one.psk_changed for one in own.configurations):
            detail = f"La date du dernier changement du mot de passe de « {own.ssid} » est illisible."
            return unsure(own, detail, Reason.MALFORMED)
        return _no_password(own, "La date du dernier changement de mot de passe")
    one, changed = min(dated, key=lambda item: item[1])
    days = (context.now - changed).days
    if days < 0:
        detail = f"La date du dernier changement du mot de passe de « {own.ssid} » est dans le futur."
        return unsure(own, detail, Reason.MALFORMED)
    seen = of_config(one, f"mot de passe changé le {changed:%d/%m/%Y}")
    age = f"Le mot de passe de « {own.ssid} » date du {changed:%d/%m/%Y} ({count(days, 'jour')})"
    if days > MAX_AGE_DAYS:
        message = f"{age} : ceux qui sont partis depuis le connaissent encore."
        return failed(own.ssid, message, seen, affected=(setting(one, "old-password", f"{days} jours"),))
    if len(dated) < len([item for item in own.configurations if item.psk_group or item.psk_bits is not None]):
        return unsure(own, f"La date du mot de passe de « {own.ssid} » n'est pas connue dans tous les exports.")
    return passed(own.ssid, f"{age}.", seen)


def _moment(text: str) -> datetime | None:
    """ISO 8601 date or date-time, UTC when it does not say; None when it is not one."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
