"""Attacks on the Wi-Fi protocol itself: what captures show of KRACK and FragAttacks, and how exposed the radios are.

KRACK was published on 16 October 2017 (CVE-2017-13077 and next), FragAttacks on 11 May 2021 (CVE-2020-24586 to 24588,
CVE-2020-26139 to 26147). Both are corrected by updates of access points and of stations.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from checks.common.french import count, listed
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)
from checks.wifi.controls.administration import UPDATED, updated_on
from checks.wifi.controls.common import (
    SITE,
    bssids,
    captured,
    declared,
    details_of,
    each_ssid,
    few,
    no_capture,
    of_config,
    of_facts,
    of_packets,
    offers,
    unseen,
    unsure,
)
from checks.wifi.facts import DOUBTFUL, KEY_REINSTALLED, PROVEN, AttackSign, CaptureFile, WifiFacts
from checks.wifi.roles import PUBLIC, Own

KRACK, FRAGATTACKS = date(2017, 10, 16), date(2021, 5, 11)
"""Days of publication: an update older than that cannot be relied on to correct them."""
_THIRD = 3
"""Message of the key exchange that KRACK repeats."""
SETTLED_DAYS = 365
"""Days, our own mark: makers took months to publish their corrections, product after product."""


@each_ssid()
def no_sign(own: Own, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when key exchanges and encrypted frames were captured and nothing in them looks like such an attack.

    KRACK shows around the third message of a key exchange: without one, only FragAttacks was looked for, and the SSID
    is not assessed. An attack is short and may have come before, after, or on another channel: the message says how
    long was listened.
    """
    found = offers(own)
    if found and all(offer.readable and offer.words == {"open"} for offer in found):
        return not_applicable(own.ssid, f"« {own.ssid} » est ouvert : ces attaques visent les réseaux chiffrés.")
    if not captured(own):
        return no_capture(own, "Une attaque du protocole Wi-Fi") if found else unseen(own)
    mine = [sign for sign in own.facts.attacks if sign.bssid in bssids(own)]
    told = [sign for sign in mine if sign.certainty != DOUBTFUL]
    if told:
        return _attacked(own, told)
    if mine:
        reasons = listed(dict.fromkeys(sign.reason for sign in mine))
        return unsure(own, f"Rien de sûr sur « {own.ssid} » : {reasons}.")
    if own.facts.truncated:
        return unsure(own, f"La capture est incomplète : l'absence d'attaque sur « {own.ssid} » ne prouve rien.")
    stations = {one.client for one in own.facts.associations if one.bssid in bssids(own) and one.protected}
    if not stations:
        return unsure(own, f"Aucun échange chiffré de « {own.ssid} » n'a été capté : rien à examiner.")
    number = count(len(stations), "appareil observé", "appareils observés")
    if not any(one.bssid in bssids(own) and _THIRD in one.messages for one in own.facts.handshakes):
        detail = (
            f"Aucun signe de FragAttacks sur « {own.ssid} » ({number}), mais aucun échange de clés n'y a été capté en "
            "entier : KRACK ne peut pas y être recherché. Écouter pendant qu'un appareil se connecte."
        )
        return unsure(own, detail)
    message = (
        f"Aucun signe de KRACK ni de FragAttacks sur « {own.ssid} » {_listening(own.facts.files)} ({number}). "
        "Ne rien voir ne veut pas dire que c'est impossible."
    )
    return passed(own.ssid, message, of_facts(own.facts, number))


def _attacked(own: Own, signs: list[AttackSign]) -> Judgement:
    reasons = listed(dict.fromkeys(sign.reason for sign in signs))
    affected = tuple(
        Affected(
            id=f"{sign.client}@{sign.bssid}:{sign.kind}",
            label=f"appareil {sign.client}",
            detail=sign.reason,
            kind=sign.kind,
            ref=sign.bssid,
        )
        for sign in signs
    )
    seen = [of_packets(f"{sign.client} avec {sign.bssid} : {sign.reason}", sign.packets) for sign in signs]
    if any(sign.kind == KEY_REINSTALLED for sign in signs):
        seen += _repeats(own)
    proven = any(sign.certainty == PROVEN for sign in signs)
    severity = Severity.CRITICAL if proven else Severity.MEDIUM if own.role in PUBLIC else None
    word = "Une attaque a été captée" if proven else "Des trames qui ressemblent à une attaque ont été captées"
    return failed(own.ssid, f"{word} sur « {own.ssid} » : {reasons}.", *few(seen), affected=affected, severity=severity)


def _repeats(own: Own) -> Iterable[Evidence]:
    """Access points that could spare their stations this attack, and do not."""
    for one in own.configurations:
        details = details_of(own, one)
        if details is not None and details.eapol_retries_disabled is False:
            yield of_config(one, "la borne répète ses messages de clés (wpa_disable_eapol_key_retries désactivé)")


def _listening(files: Iterable[CaptureFile]) -> str:
    """`pendant 12 minutes d'écoute`; without a figure when the captures are not dated."""
    seconds = sum(_seconds(file) for file in files)
    if not seconds:
        return "pendant l'écoute"
    long = 120
    told = count(seconds, "seconde") if seconds < long else count(seconds // 60, "minute")
    return f"pendant {told} d'écoute"


def _seconds(file: CaptureFile) -> int:
    try:
        return int((datetime.fromisoformat(file.last) - datetime.fromisoformat(file.first)).total_seconds())
    except ValueError:
        return 0


def known_flaws(facts: WifiFacts, context: Context) -> Judgement:
    """Conforms when the access points were updated, as declared, well after the flaws of the protocol were published.

    Not assessed during the year that follows a publication: only the notes of the maker tell. Access points that never
    repeat their key messages spare their stations KRACK, whatever the stations.
    """
    day = updated_on(context)
    if isinstance(day, Judgement):
        return day
    spared = bool(facts.details) and all(one.eapol_retries_disabled for one in facts.details)
    flaws = {"KRACK": KRACK, "FragAttacks": FRAGATTACKS}
    seen = [declared(UPDATED, f"{day:%d/%m/%Y}")]
    if spared:
        flaws.pop("KRACK")
        seen.append(Evidence(value="les bornes ne répètent pas leurs messages de clés", source=facts.details[0].file))
    exposed = [name for name, published in flaws.items() if day < published]
    if exposed:
        affected = tuple(
            Affected(id=f"flaw:{name}", label=name, detail=f"publiée le {flaws[name]:%d/%m/%Y}", kind="flaw", ref=name)
            for name in exposed
        )
        message = f"La dernière mise à jour des bornes ({day:%d/%m/%Y}) est antérieure à {listed(exposed)}."
        return failed(SITE, message, *seen, affected=affected)
    recent = [name for name, published in flaws.items() if (day - published).days < SETTLED_DAYS]
    if recent:
        detail = (
            f"Les bornes ont été mises à jour peu après la publication de {listed(recent)} : "
            "vérifier dans les notes de version du fabricant que la correction y est."
        )
        return not_assessed(SITE, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    message = f"Les bornes ont été mises à jour bien après {listed(flaws)} ; les appareils doivent l'être aussi."
    return passed(SITE, message, *seen)
