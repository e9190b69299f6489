"""Can a disaster that directors can picture be walked today, step by step?"""

from __future__ import annotations

from checks.common.french import choose, count, listed
from checks.model import Affected, Context, Evidence, Gap, Judgement, Reason, failed, not_assessed, passed
from checks.site.chains import CAR_PARK, INTERNET, MAIL, ROOM, Chain, State, Walked, walk
from checks.site.facts import SITE, SiteFacts

_WORDS = {State.OPEN: "ouverte", State.CLOSED: "fermée", State.UNKNOWN: "inconnue"}
SHOWN = 4
"""Failures named for one step."""


def car_park(facts: SiteFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when some step from the car park to a stopped establishment is closed."""
    return _judge(CAR_PARK, facts)


def room(facts: SiteFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when some step from a resident's room to the care records is closed."""
    return _judge(ROOM, facts)


def internet(facts: SiteFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when some step from the Internet to a stopped establishment is closed."""
    return _judge(INTERNET, facts)


def mail(facts: SiteFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when some step from a forged mail to a stopped establishment is closed."""
    return _judge(MAIL, facts)


def _judge(chain: Chain, facts: SiteFacts) -> Judgement:
    steps = walk(chain, facts.outcomes)
    seen = tuple(_evidence(number, one) for number, one in enumerate(steps, 1))
    closed = [one.step.title for one in steps if one.state is State.CLOSED]
    unknown = [one.step.title for one in steps if one.state is State.UNKNOWN]
    if closed:
        message = f"Le chemin « {chain.title} » est coupé : {listed(closed)} n'est pas possible d'après l'audit."
        return passed(SITE, message, *seen)
    if unknown:
        state = choose(len(unknown), "n'est pas connue", "ne sont pas connues")
        detail = (
            f"Chemin « {chain.title} » : {count(len(unknown), 'étape')} sur {len(steps)} {state} ({listed(unknown)}). "
            "Collecter les domaines qui manquent pour conclure."
        )
        return not_assessed(SITE, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
    message = (
        f"Le chemin « {chain.title} » est ouvert de bout en bout : {listed(one.step.title for one in steps)}. "
        "Fermer une seule étape suffit à le couper."
    )
    return failed(SITE, message, *seen, affected=tuple(link for one in steps for link in _links(one)))


def _links(walked: Walked) -> list[Affected]:
    return [
        Affected(
            id=f"{one.control}:{one.subject}",
            label=one.message,
            detail=walked.step.title,
            kind="chain-step",
            ref=one.control,
        )
        for one in walked.failures
    ]


def _evidence(number: int, walked: Walked) -> Evidence:
    names = listed((f"{one.control} ({one.subject})" for one in walked.failures), SHOWN)
    told = f" : {names}" if names else ""
    return Evidence(
        value=f"étape {_WORDS[walked.state]}{told}",
        source=f"étape {number}, {walked.step.title} ({walked.seen} contrôles jugés sur {len(walked.step.controls)})",
    )
