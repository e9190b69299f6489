"""Trusts with other domains and forests."""

from __future__ import annotations

from checks.ad import windows
from checks.ad.directory import directory, enabled, population
from checks.ad.facts import NEVER, Account, AdFacts, Trust
from checks.ad.judging import YEAR, Doubt, judge, older, since
from checks.model import Context, Gap, Judgement

SOURCE = "(objectClass=trustedDomain) trustDirection, trustType, trustAttributes"


def external_filtered(facts: AdFacts, context: Context) -> Judgement:
    """Every outbound trust with an external Windows domain filters identities (quarantine).

    Trusts inside the forest and with other forests follow other rules and are not external.
    """
    del context
    not_external = windows.FOREST_TRANSITIVE | windows.WITHIN_FOREST
    external = population(facts.trusts).where(
        lambda t: (
            bool(t.direction & windows.OUTBOUND) and t.type == windows.WINDOWS_TRUST and not t.attributes & not_external
        )
    )

    def test(trust: Trust) -> Doubt:
        return "" if trust.attributes & windows.QUARANTINED else "identités non filtrées"

    return judge(
        facts,
        external,
        test,
        good="Les domaines externes approuvés ne peuvent pas usurper une identité d'ici.",
        bad=(
            "1 domaine externe approuvé peut usurper une identité d'ici.",
            "{n} domaines externes approuvés peuvent usurper une identité d'ici.",
        ),
        source=SOURCE,
        nothing="Le domaine n'approuve aucun domaine externe.",
    )


def forest_history(facts: AdFacts, context: Context) -> Judgement:
    """No outbound forest trust accepts SID history."""
    del context
    forests = population(facts.trusts).where(
        lambda t: bool(t.direction & windows.OUTBOUND) and bool(t.attributes & windows.FOREST_TRANSITIVE)
    )

    def test(trust: Trust) -> Doubt:
        return "historique d'identités accepté" if trust.attributes & windows.TREAT_AS_EXTERNAL else ""

    return judge(
        facts,
        forests,
        test,
        good="Les forêts approuvées ne peuvent pas présenter d'anciennes identités.",
        bad=(
            "1 forêt approuvée peut présenter d'anciennes identités, donc usurper un compte d'ici.",
            "{n} forêts approuvées peuvent présenter d'anciennes identités, donc usurper un compte d'ici.",
        ),
        source=SOURCE,
        nothing="Le domaine n'approuve aucune autre forêt.",
    )


def ticket_delegation(facts: AdFacts, context: Context) -> Judgement:
    """No inbound trust lets tickets of our users be delegated on the other side."""
    del context
    inbound = population(facts.trusts).where(lambda t: bool(t.direction & windows.INBOUND))

    def test(trust: Trust) -> Doubt:
        return "délégation des tickets permise" if trust.attributes & windows.TGT_DELEGATION else ""

    return judge(
        facts,
        inbound,
        test,
        good="Aucun domaine partenaire ne peut réutiliser les sessions de nos utilisateurs.",
        bad=(
            "1 domaine partenaire peut réutiliser les sessions de nos utilisateurs.",
            "{n} domaines partenaires peuvent réutiliser les sessions de nos utilisateurs.",
        ),
        source=SOURCE,
        nothing="Aucun autre domaine n'approuve celui-ci.",
    )


def account_password(facts: AdFacts, context: Context) -> Judgement:
    """Trust accounts renewed their password in the last 365 days and still have their trust.

    A trust account without a trustedDomain of the same short name is an orphan.
    """
    trusts = facts.trusts
    names = None if isinstance(trusts, Gap) else {trust.flat_name.casefold() for trust in trusts}

    def test(account: Account) -> Doubt:
        changed = account.pwd_last_set
        if changed is not None and changed != NEVER and older(changed, YEAR, context.now):
            return f"mot de passe du {since(changed, context.now)}"
        if changed is None or names is None:
            return None
        return "" if account.name.rstrip("$").casefold() in names else "relation d'approbation disparue"

    return judge(
        facts,
        directory(facts).accounts.where(lambda a: a.kind == "trust" and enabled(a)),
        test,
        good="Les mots de passe des relations d'approbation sont renouvelés.",
        bad=(
            "1 relation d'approbation a un mot de passe ancien ou n'existe plus.",
            "{n} relations d'approbation ont un mot de passe ancien ou n'existent plus.",
        ),
        source="pwdLastSet des comptes d'approbation (userAccountControl 0x800)",
        nothing="Aucun compte de relation d'approbation.",
    )
