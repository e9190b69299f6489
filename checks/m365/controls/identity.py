"""Accounts: second factors, unused accounts, accounts at risk, synchronisation with the directory on site."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from checks.common.french import choose, count
from checks.m365.access.rescue import declared
from checks.m365.facts import M365Facts, Rows
from checks.m365.judging import conclude, day, missing, names, proof, stopped, subject
from checks.m365.reading import one, reading
from checks.m365.views import users as people
from checks.m365.views.roles import holdings, privileged
from checks.m365.views.users import User, capable, last_use
from checks.m365.views.values import flag, mapping, moment, number, text, word
from checks.model import (
    Affected,
    Context,
    Gap,
    Judgement,
    Severity,
    Verdict,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

DEALT_WITH = frozenset({"remediated", "dismissed", "confirmedsafe", "none"})
RISK_LEVELS = frozenset({"low", "medium", "high", "hidden", "none"})
STALE = timedelta(days=90)
"""Days without a sign-in after which an account is no longer of use."""
MODERN = frozenset({"browser", "mobile apps and desktop clients", ""})
"""`clientAppUsed` of sign-ins that can be asked for a second factor."""
SYNC_DELAY = timedelta(hours=3)
"""The program synchronises every 30 minutes; Microsoft warns after three hours."""


def registered(facts: M365Facts, context: Context) -> Judgement:
    """Every active member registered a second factor that can be used."""
    del context
    about, report, accounts = subject(facts), reading(facts, "registration"), reading(facts, "users")
    if isinstance(report, Gap):
        return not_assessed(about, report)
    if isinstance(accounts, Gap):
        return not_assessed(about, accounts)
    members = [user for user in people.users(accounts) if user.enabled is not False and not user.guest]
    return _registered(facts, report, members, "compte", whole=people.whole(accounts))


def admins_registered(facts: M365Facts, context: Context) -> Judgement:
    """Every holder of a privileged role registered a second factor that can be used."""
    del context
    about, report, accounts = subject(facts), reading(facts, "registration"), reading(facts, "users")
    if isinstance(report, Gap):
        return not_assessed(about, report)
    if isinstance(accounts, Gap):
        return not_assessed(about, accounts)
    held = holdings(facts)
    if isinstance(held, Gap):
        return not_assessed(about, held)
    told = {word(row, "id") for row in report.rows if flag(row, "isAdmin")}
    kept = told | {item.holder for item in privileged(held.items)}
    admins = [user for user in people.users(accounts) if user.id in kept and user.enabled is not False]
    verdict = _registered(facts, report, admins, "administrateur", whole=people.whole(accounts))
    if verdict.verdict is Verdict.PASS and held.doubt:
        return not_assessed(about, held.doubt)
    if verdict.verdict is Verdict.PASS and not admins:
        return not_applicable(about, "Aucun compte actif ne porte de rôle d'administration.")
    return verdict


def _registered(facts: M365Facts, report: Rows, who: list[User], noun: str, *, whole: bool) -> Judgement:
    about, told = subject(facts), capable(report)
    without = [
        user.point("aucun second facteur utilisable", "no_second_factor") for user in who if told.get(user.id) is False
    ]
    unknown = sum(1 for user in who if told.get(user.id) is None)
    if not without and not whole:
        return not_assessed(about, stopped("la liste des comptes"))
    bad = f"{count(len(without), noun)} sur {len(who)} sans second facteur utilisable : {names(without)}."
    good = f"{len(who) - unknown} {choose(len(who), noun, noun + 's')} sur {len(who)} avec un second facteur."
    return conclude(
        about, report, without, what="les seconds facteurs enregistrés", good=good, bad=bad, unknown=unknown,
        properties=("isMfaCapable",),
    )  # fmt: skip


def legacy_used(facts: M365Facts, context: Context) -> Judgement:
    """No sign-in of the log that was read succeeded through a legacy protocol."""
    del context
    about, found = subject(facts), reading(facts, "sign_ins")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    used: dict[tuple[str, str], int] = {}
    unknown = 0
    for row in found.rows:
        client, code = word(row, "clientAppUsed"), number(mapping(row, "status"), "errorCode")
        if code is None:
            unknown += 1
        elif client not in MODERN and not code:
            key = (word(row, "userId"), text(row, "clientAppUsed"))
            used[key] = used.get(key, 0) + 1
    labels = _labels(facts)
    faults = [
        Affected(id=f"{user}:{client}", label=labels.get(user, user), kind="legacy_client", ref=labels.get(user, user),
                 detail=f"{client} : {count(times, 'connexion réussie', 'connexions réussies')}")
        for (user, client), times in used.items()
    ]  # fmt: skip
    accounts = len({user for user, _ in used})
    bad = (
        f"{count(sum(used.values()), 'connexion')} par protocole ancien, "
        f"de {count(accounts, 'compte')} : {names(faults)}."
    )
    read = count(len(found.rows), "connexion lue", "connexions lues")
    good = f"Aucune connexion réussie par un protocole ancien ({read})."
    return conclude(about, found, faults, what="le journal des connexions", good=good, bad=bad, unknown=unknown)


def _labels(facts: M365Facts) -> dict[str, str]:
    found = reading(facts, "users")
    return {user.id: user.name for user in people.users(found)} if isinstance(found, Rows) else {}


def risky(facts: M365Facts, context: Context) -> Judgement:
    """No account that Microsoft judges as stolen (high risk) waits for somebody to deal with it."""
    del context
    about, found = subject(facts), reading(facts, "risky_users")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    waiting = [row for row in found.rows if word(row, "riskState") not in DEALT_WITH]
    high = [row for row in waiting if word(row, "riskLevel") == "high"]
    faults = [
        Affected(id=word(row, "id"), label=text(row, "userPrincipalName") or word(row, "id"), kind="at_risk",
                 ref=text(row, "userPrincipalName"),
                 detail=f"risque élevé, {day(moment(row, 'riskLastUpdatedDateTime'))}")
        for row in high
    ]  # fmt: skip
    others = len(waiting) - len(high)
    bad = f"{count(len(high), 'compte')} à risque élevé non traité : {names(faults)}."
    good = f"Aucun compte à risque élevé non traité ({count(others, 'compte')} à risque moindre)."
    unknown = sum(1 for row in waiting if word(row, "riskLevel") not in RISK_LEVELS)
    return conclude(about, found, faults, what="les comptes à risque", good=good, bad=bad, unknown=unknown)


def stale(facts: M365Facts, context: Context) -> Judgement:
    """No active member is without a sign-in for 90 days; rescue accounts are meant not to be used."""
    about, accounts, activity = subject(facts), reading(facts, "users"), reading(facts, "user_activity")
    if isinstance(accounts, Gap):
        return not_assessed(about, accounts)
    if isinstance(activity, Gap):
        return not_assessed(about, activity)
    every = people.users(accounts)
    apart = declared(facts, {user.id: user.name for user in every})
    active = [user for user in every if user.enabled is not False and not user.guest and user.id not in apart]
    used = last_use(activity)
    faults: list[Affected] = []
    unknown = people.unreadable(accounts)
    for user in active:
        told = unused(user, used, context)
        unknown += told is None
        if told:
            faults.append(user.point(told, "stale"))
    many = count(len(faults), "compte actif", "comptes actifs")
    bad = f"{many} sur {len(active)} sans connexion depuis 90 jours : {names(faults)}."
    good = f"{count(len(active), 'compte actif', 'comptes actifs')} : tous ont servi depuis 90 jours."
    if not faults and not activity.complete:
        return not_assessed(about, stopped("les dernières connexions"))
    return conclude(about, accounts, faults, what="les dernières connexions", good=good, bad=bad, unknown=unknown)


def unused(user: User, used: Mapping[str, datetime | None], context: Context) -> str | None:
    """Why an account counts as unused: a French detail, empty when it is used, None when it cannot be told."""
    if user.id not in used:
        return None
    last = used[user.id]
    since = last or user.created
    if since is None:
        return None
    if context.now - since <= STALE:
        return ""
    return (
        f"dernière connexion le {day(last)}" if last else f"jamais connecté depuis sa création le {day(user.created)}"
    )


def disabled_licensed(facts: M365Facts, context: Context) -> Judgement:
    """No disabled account keeps a licence that is paid for."""
    del context
    about, found = subject(facts), reading(facts, "users")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    every = people.users(found)
    off = [user for user in every if user.enabled is False]
    faults = [user.point("désactivé, encore sous licence", "licensed") for user in off if user.licensed]
    unknown = sum(1 for user in every if user.enabled is None or (user.enabled is False and user.licensed is None))
    unknown += people.unreadable(found)
    many = count(len(faults), "compte désactivé", "comptes désactivés")
    bad = f"{many} sur {len(off)} encore sous licence : {names(faults)}."
    good = f"{count(len(off), 'compte désactivé', 'comptes désactivés')}, aucun sous licence."
    return conclude(about, found, faults, what="les licences", good=good, bad=bad, unknown=unknown,
                    properties=("assignedLicenses", "accountEnabled"))  # fmt: skip


def synchronised(facts: M365Facts, context: Context) -> Judgement:
    """When the directory of the site is copied to the cloud, it was copied less than three hours ago."""
    about, found = subject(facts), reading(facts, "organization")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    tenant = one(found)
    hybrid = flag(tenant, "onPremisesSyncEnabled")
    if hybrid is None and "onPremisesSyncEnabled" not in tenant:
        return not_assessed(about, missing("la synchronisation", found, "onPremisesSyncEnabled"))
    if not hybrid:
        return not_applicable(about, "Aucun annuaire sur site n'est synchronisé.")
    last = moment(tenant, "onPremisesLastSyncDateTime")
    if last is None:
        return not_assessed(about, missing("la date de synchronisation", found, "onPremisesLastSyncDateTime"))
    seen = proof(found, f"onPremisesLastSyncDateTime = {last.isoformat()}")
    late = context.now - last
    if late > SYNC_DELAY:
        hours = int(late.total_seconds() // 3600)
        grave = Severity.HIGH if late > timedelta(days=1) else None
        return failed(
            about, f"L'annuaire n'a pas été synchronisé depuis {count(hours, 'heure')}.", seen, severity=grave
        )
    return passed(about, "L'annuaire a été synchronisé il y a moins de trois heures.", seen)


SYNC_FEATURES = {
    "passwordSyncEnabled": "la copie des empreintes de mots de passe",
    "blockSoftMatchEnabled": "le refus de reprendre un compte par son adresse",
    "blockCloudObjectTakeoverThroughHardMatchEnabled": "le refus de reprendre un compte du nuage par son identifiant",
}


def synchronisation_safe(facts: M365Facts, context: Context) -> Judgement:
    """The copied directory cannot take over an account of the cloud, and leaked passwords are recognised."""
    del context
    about, tenant, found = subject(facts), reading(facts, "organization"), reading(facts, "on_premises_sync")
    if (
        isinstance(tenant, Rows)
        and "onPremisesSyncEnabled" in one(tenant)
        and not flag(one(tenant), "onPremisesSyncEnabled")
    ):
        return not_applicable(about, "Aucun annuaire sur site n'est synchronisé.")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    features = mapping(one(found), "features")
    faults = [
        Affected(id=name, label=words, detail="désactivé", kind="sync_feature", ref=name)
        for name, words in SYNC_FEATURES.items()
        if flag(features, name) is False
    ]
    unknown = sum(1 for name in SYNC_FEATURES if flag(features, name) is None)
    bad = f"{count(len(faults), 'protection')} de la synchronisation sur 3 à activer : {names(faults)}."
    good = "La synchronisation copie les empreintes et ne peut pas reprendre un compte du nuage."
    return conclude(about, found, faults, what="les options de synchronisation", good=good, bad=bad, unknown=unknown)
