"""The authentication server of an 802.1X network, questioned directly: one judgement per server."""

from __future__ import annotations

from collections.abc import Callable

from checks.model import Context, Gap, Judgement, Reason, not_assessed
from checks.wifi.controls.common import SITE
from checks.wifi.facts import WifiFacts
from checks.wifi.radius import judge, judge_certificate
from checks.wifi.radius.facts import RadiusFacts

_NOTHING = Gap(
    reason=Reason.NOT_CONFIGURED,
    detail="Aucun serveur d'authentification (802.1X) n'est déclaré dans [[wifi.radius]] du profil de site.",
)


def _each(
    judged: Callable[[RadiusFacts, Context], list[Judgement]], facts: WifiFacts, context: Context
) -> list[Judgement]:
    if not facts.radius:
        return [not_assessed(SITE, _NOTHING)]
    return [judgement for one in facts.radius for judgement in judged(one, context)]


def methods(facts: WifiFacts, context: Context) -> list[Judgement]:
    """Conforms when each server offers no method that gives the password away."""
    return _each(judge.methods, facts, context)


def tls_versions(facts: WifiFacts, context: Context) -> list[Judgement]:
    """Conforms when each server refuses TLS 1.0 and 1.1."""
    return _each(judge.tls_versions, facts, context)


def certificate_chain(facts: WifiFacts, context: Context) -> list[Judgement]:
    """Conforms when each server leads to the declared authority."""
    return _each(judge_certificate.chain, facts, context)


def certificate_name(facts: WifiFacts, context: Context) -> list[Judgement]:
    """Conforms when each server carries the expected name."""
    return _each(judge_certificate.name, facts, context)


def certificate_dates(facts: WifiFacts, context: Context) -> list[Judgement]:
    """Conforms when each server is valid for two more months."""
    return _each(judge_certificate.dates, facts, context)


def certificate_strength(facts: WifiFacts, context: Context) -> list[Judgement]:
    """Conforms when each server has a sound key and signature."""
    return _each(judge_certificate.strength, facts, context)


def certificate_authority(facts: WifiFacts, context: Context) -> list[Judgement]:
    """Conforms when each server comes from an authority of the establishment."""
    return _each(judge_certificate.authority, facts, context)


def signed_answers(facts: WifiFacts, context: Context) -> list[Judgement]:
    """Conforms when each server signs its answers."""
    return _each(judge.signed_answers, facts, context)


def login(facts: WifiFacts, context: Context) -> list[Judgement]:
    """Conforms when each server lets the test account in."""
    return _each(judge.login, facts, context)


def shared_secret(facts: WifiFacts, context: Context) -> list[Judgement]:
    """Conforms when each server has a strong shared secret."""
    return _each(judge.shared_secret, facts, context)
