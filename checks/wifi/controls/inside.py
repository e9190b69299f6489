"""What a device that joined a network reaches, tried for real: one judgement per network that was tried.

The separation of uses, and of visitors above all: ANSSI DAT-NT-005 (2013); Guide d'hygiène, measures 19 and 20.
"""

from __future__ import annotations

from collections.abc import Callable

from checks.model import Context, Gap, Judgement, Reason, not_assessed
from checks.wifi.controls.common import SITE
from checks.wifi.facts import WifiFacts
from checks.wifi.inside import judge
from checks.wifi.inside.facts import InsideFacts

_NOTHING = Gap(
    reason=Reason.NOT_CONFIGURED,
    detail=(
        "Aucun essai n'a été fait depuis l'intérieur d'un réseau Wi-Fi : décrire [[wifi.inside]] dans le profil, "
        "rejoindre ce réseau, et collecter."
    ),
)


def _each(judged: Callable[[InsideFacts], list[Judgement]], facts: WifiFacts) -> list[Judgement]:
    if not facts.inside:
        return [not_assessed(SITE, _NOTHING)]
    return [judgement for one in facts.inside for judgement in judged(one)]


def servers(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when no professional server answers to a resident or a visitor, shares apart."""
    return _each(judge.servers, facts)


def shares(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when no file share answers to a resident or a visitor."""
    return _each(judge.shares, facts)


def records(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when the software of care records does not answer to a resident or a visitor."""
    return _each(judge.records, facts)


def management(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when no administration service of the network equipment answers."""
    return _each(judge.management, facts)


def printers(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when no professional printer answers to a resident or a visitor."""
    return _each(judge.printers, facts)


def isolation(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when another device of the same network cannot be reached."""
    return _each(judge.isolation, facts)


def internal_names(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when the DNS does not tell internal addresses to residents and visitors."""
    return _each(judge.internal_names, facts)


def egress(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when mail, shares and remote desktop cannot leave for the Internet."""
    return _each(judge.egress, facts)


def portal(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when the welcome page is in HTTPS."""
    return _each(judge.portal, facts)


def ipv6(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when a professional machine cannot be reached by its IPv6 address."""
    return _each(judge.ipv6, facts)


def routers(facts: WifiFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when only the declared equipment serves as router and hands out addresses."""
    return _each(judge.routers, facts)
