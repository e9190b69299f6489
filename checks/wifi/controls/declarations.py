"""What only people know: traces of visitors, rules of use, how far the signal goes.

How long traces must or may be kept is a legal question that no tool settles: the length is reported, not judged.
"""

from __future__ import annotations

from checks.common.french import count, listed
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Reason,
    failed,
    not_applicable,
    not_assessed,
    passed,
)
from checks.wifi.controls.common import SITE, declared, few, unset
from checks.wifi.facts import OutsideSignal, WifiFacts
from checks.wifi.roles import INTERNAL, PUBLIC, own_ssids

LOG_DAYS = "wifi_visitor_log_days"
"""Question: days that connection logs of residents and visitors are kept; 0 when none is."""
NOTICE = "wifi_portal_notice"
"""Question: true when people are told the rules of use, and what is recorded, before they connect."""
OUTSIDE = "wifi_coverage_outside"
"""Question: true when the professional network is received outside the walls (street, car park)."""


def visitor_logs(facts: WifiFacts, context: Context) -> Judgement:
    """Conforms when connection logs are kept for a decided number of days, whatever it is; fails when none is."""
    if missing := _no_public(facts):
        return missing
    answer = context.answers.get(LOG_DAYS)
    if answer is None:
        return unset(LOG_DAYS, "combien de jours sont gardés les journaux de connexion des visiteurs (0 si aucun)")
    if isinstance(answer, bool) or not isinstance(answer, int) or answer < 0:
        return _malformed(LOG_DAYS, "un nombre de jours (exemple : 90)")
    seen = declared(LOG_DAYS, count(answer, "jour"))
    if answer == 0:
        message = "Aucun journal des connexions des résidents et visiteurs n'est gardé : rien à montrer en cas d'abus."
        return failed(SITE, message, seen)
    message = f"Les journaux de connexion sont gardés {count(answer, 'jour')}, durée à faire valider par votre DPO."
    return passed(SITE, message, seen)


def rules_of_use(facts: WifiFacts, context: Context) -> Judgement:
    """Conforms when people read the rules of use before they connect."""
    if missing := _no_public(facts):
        return missing
    answer = context.answers.get(NOTICE)
    if answer is None:
        return unset(NOTICE, "les règles d'usage du Wi-Fi sont-elles affichées avant la connexion (true ou false) ?")
    if not isinstance(answer, bool):
        return _malformed(NOTICE, "true ou false")
    seen = _yes_no(NOTICE, yes=answer)
    if answer:
        return passed(SITE, "Les règles d'usage du Wi-Fi sont affichées avant la connexion.", seen)
    return failed(SITE, "Personne n'est informé des règles d'usage avant de se connecter au Wi-Fi.", seen)


def coverage(facts: WifiFacts, context: Context) -> Judgement:
    """Conforms when the professional network is not received outside the walls: measured there, else declared.

    A measurement that receives it is believed whatever was declared; one that does not only speaks for its own antenna.
    """
    if isinstance(facts.outside, Gap):
        return not_assessed(SITE, facts.outside)
    if facts.outside is not None:
        return _measured(facts, facts.outside, declared_received=context.answers.get(OUTSIDE) is True)
    answer = context.answers.get(OUTSIDE)
    if answer is None:
        return unset(OUTSIDE, "le Wi-Fi professionnel est-il reçu depuis la rue ou le parking (true ou false) ?")
    if not isinstance(answer, bool):
        return _malformed(OUTSIDE, "true ou false")
    seen = _yes_no(OUTSIDE, yes=answer)
    if answer:
        return failed(
            SITE, "Le Wi-Fi professionnel est reçu hors des murs : on peut l'attaquer depuis une voiture.", seen
        )
    return passed(SITE, "Le Wi-Fi professionnel n'est pas reçu hors des murs.", seen)


def _measured(facts: WifiFacts, outside: tuple[OutsideSignal, ...], *, declared_received: bool) -> Judgement:
    """What was received in the street of the networks that the work relies on."""
    internal = [one for one in own_ssids(facts) if one.role in INTERNAL]
    if not internal:
        detail = "Aucun réseau de travail n'est déclaré : on ne sait pas lesquels chercher dans le relevé fait dehors."
        return not_assessed(SITE, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
    radios = {network.bssid for one in internal for network in one.networks if network.bssid}
    names = {one.ssid for one in internal}
    heard = [one for one in outside if one.ssid in names or one.bssid in radios]
    if heard:
        seen = [Evidence(value=f"{one.bssid}, « {one.ssid} » : {_level(one)}", source=one.file) for one in heard]
        levels = [one.strongest for one in heard if one.strongest is not None]
        best = f", jusqu'à {max(levels)} dBm" if levels else ""
        said = listed(f"« {name} »" for name in sorted({one.ssid for one in heard if one.ssid} or names))
        affected = tuple(
            Affected(id=one.bssid, label=one.ssid or one.bssid, detail=_level(one), kind="outside", ref=one.bssid)
            for one in {one.bssid: one for one in heard}.values()
        )
        message = f"Mesuré hors des murs{best} : {said}. On peut l'attaquer depuis une voiture."
        return failed(SITE, message, *few(seen), affected=affected)
    if declared_received:
        return failed(
            SITE,
            "Le Wi-Fi professionnel est déclaré reçu hors des murs, même si le relevé fourni ne l'a pas entendu.",
            _yes_no(OUTSIDE, yes=True),
        )
    number = count(len({one.bssid for one in outside}), "autre borne entendue", "autres bornes entendues")
    if not outside:
        detail = "Le relevé fait hors des murs n'a entendu aucun réseau : rien ne montre que l'adaptateur recevait."
        return not_assessed(SITE, Gap(reason=Reason.UNREACHABLE, detail=detail))
    message = (
        f"Le relevé fait hors des murs n'y a pas reçu le Wi-Fi professionnel ({number}) ; une antenne ira plus loin."
    )
    return passed(SITE, message, *few(Evidence(value=number, source=one.file) for one in outside))


def _level(one: OutsideSignal) -> str:
    return f"reçu à {one.strongest} dBm" if one.strongest is not None else "reçu, niveau non indiqué"


def _no_public(facts: WifiFacts) -> Judgement | None:
    """Nobody but staff connects, or nobody said who does."""
    every = own_ssids(facts)
    if any(one.role in PUBLIC for one in every):
        return None
    if facts.roles and all(one.role for one in every):
        names = listed(f"« {one.ssid} »" for one in every)
        return not_applicable(SITE, f"Aucun réseau de résidents ni de visiteurs n'est déclaré ({names}).")
    detail = "Aucun SSID de résidents ou de visiteurs n'est connu : le déclarer dans [wifi.ssids] du profil de site."
    return not_assessed(SITE, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))


def _malformed(question: str, expected: str) -> Judgement:
    detail = f"La réponse « {question} » n'est pas {expected}."
    return not_assessed(SITE, Gap(reason=Reason.MALFORMED, detail=detail))


def _yes_no(question: str, *, yes: bool) -> Evidence:
    return declared(question, "oui" if yes else "non")
