"""DNS zones kept in the directory."""

from __future__ import annotations

from checks.ad.directory import forest_root, population
from checks.ad.facts import AdFacts, DnsZone
from checks.ad.judging import Doubt, judge
from checks.model import Context, Gap, Judgement

UNSECURED = 1
"""DSPROPERTY_ZONE_ALLOW_UPDATE: anyone may write, without authentication (MS-DNSP 2.2.6.1.1)."""
NO_ZONE = "Le domaine ne garde aucune zone DNS dans l'annuaire."


def domain_zones(facts: AdFacts, context: Context) -> Judgement:
    """The zones of the domain, of its forest and their `_msdcs` refuse unauthenticated updates."""
    del context
    root = forest_root(facts)
    names = {facts.domain.dns_name.casefold()}
    if root:
        names.add(".".join(part.partition("=")[2] for part in root.split(",")).casefold())
    wanted = names | {f"_msdcs.{name}" for name in names}
    return _zones(facts, wanted)


def all_zones(facts: AdFacts, context: Context) -> Judgement:
    """Every zone of the directory refuses unauthenticated updates, the zones of the domain included."""
    del context
    return _zones(facts, None)


def _zones(facts: AdFacts, wanted: set[str] | None) -> Judgement:
    def test(zone: DnsZone) -> Doubt:
        if isinstance(zone.allow_update, Gap):
            return None
        return "mises à jour sans authentification" if zone.allow_update == UNSECURED else ""

    zones = population(facts.dns_zones)
    return judge(
        facts,
        zones if wanted is None else zones.where(lambda zone: zone.name.casefold() in wanted),
        test,
        good="Les zones DNS refusent les mises à jour non authentifiées.",
        bad=(
            "1 zone DNS accepte les modifications de n'importe qui.",
            "{n} zones DNS acceptent les modifications de n'importe qui.",
        ),
        source="dNSProperty (ALLOW_UPDATE) des zones DNS",
        nothing=NO_ZONE,
    )
