"""Policies of the SCuBA baselines beyond the 110 controls: a few rules of Entra ID, and alerts."""

from __future__ import annotations

from checks.common.french import choose, count, listed
from checks.m365.access.goals import Goal
from checks.m365.access.rescue import rescue, synchronisation
from checks.m365.access.search import State
from checks.m365.access.tenant import access, ask_ways, unread, worst
from checks.m365.controls.seen import Seen, Unclear, answered, item, judged, name_of, sentence
from checks.m365.reading import lacks, licence_gap
from checks.m365.resources import P2
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Affected, Context, Gap, Judgement, Reason, Severity

GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
HIGHLY_PRIVILEGED = {
    GLOBAL: "Administrateur général",
    "e8611ab8-c189-46e8-94e1-60213ab1f814": "Administrateur de rôle privilégié",
    "fe930be7-5e62-47db-91af-98c3a49a38b1": "Administrateur d'utilisateurs",
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c": "Administrateur SharePoint",
    "29232cdf-9323-42fd-ade2-1d097af3e4de": "Administrateur Exchange",
    "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2": "Administrateur d'identité hybride",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": "Administrateur d'application",
    "158c047a-c907-4556-b7ef-446551a6b5f7": "Administrateur d'application cloud",
}
"""The roles that the Entra ID baseline of SCuBA calls highly privileged."""
RISK_NOTICE = "m365_risk_notifications"
ALERTS = (
    "Suspicious email sending patterns detected",
    "Suspicious connector activity",
    "Suspicious Email Forwarding Activity",
    "Messages have been delayed",
    "Tenant restricted from sending unprovisioned email",
    "Tenant restricted from sending email",
)
CLICK_ALERT = "A potentially malicious URL click was detected"
"""Exists only with Defender for Office 365 plan 2."""


# --- Entra ID


@judged
def risk_notices(seen: Seen, context: Context) -> Judgement:
    """Conforms when the house declares that somebody is told of accounts at risk (MS.AAD.2.2)."""
    if lacks(seen.facts, P2):
        raise Unclear(licence_gap(P2))
    detail = (
        "Aucune interface ne dit qui est prévenu d'un compte à risque. À regarder : Entra, Protection, Identity "
        "Protection, Alertes d'utilisateurs à risque."
    )
    return answered(seen, context, RISK_NOTICE, detail, (
        "L'établissement déclare être prévenu des comptes à risque.",
        "Personne n'est prévenu quand Microsoft juge un compte à risque.",
    ))  # fmt: skip


@judged
def strong_for_all(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every sign-in of every account needs a factor that phishing cannot replay (MS.AAD.3.1).

    Policies are evaluated together; only the emergency accounts and the one that copies the directory are left out.
    """
    rows = seen.rows("conditional_access", "state", "conditions", "grantControls")
    found = access(seen.facts)
    if isinstance(found, Gap):
        raise Unclear(found)
    apart = rescue(seen.facts, found)
    kept = apart.ids | synchronisation(found)
    who = [person for person in found.directory.people if person.id not in kept]
    answers = ask_ways(found, Goal.RESISTANT, who, found.apps)
    if isinstance(answers, Gap):
        raise Unclear(answers)
    told = worst(answers)
    opened = [answer for answer in told.values() if answer.found.state is State.OPEN]
    evidence = seen.proof(
        "conditional_access", f"{count(len(rows), 'règle')} lues, {count(len(told), 'compte')} examinés"
    )
    if opened:
        seen.lacking("conditional_access")
        affected = (
            Affected(
                id=one.person.id,
                label=one.person.name,
                kind="escapes",
                detail=sentence(one.sentence),
                witness=one.witness,
            )
            for one in opened
        )
        message = (
            f"{count(len(opened), 'compte')} sur {len(told)} {choose(len(opened), 'peut', 'peuvent')} se connecter"
            f" avec une méthode que l'hameçonnage contourne{apart.words}."
        )
        return seen.failed(message, evidence, affected=affected)
    unsure = [answer for answer in told.values() if answer.found.state is State.UNKNOWN]
    if unsure or not told or not found.everyone_read:
        what = unread(found, unsure) if unsure else "comptes non lus"
        raise Unclear(
            Gap(reason=Reason.UNSUPPORTED, detail=f"Indéterminé pour {count(len(unsure), 'compte')} ({what}).")
        )
    return seen.passed(f"Un second facteur que l'hameçonnage ne vole pas est exigé de tous{apart.words}.", evidence)


@judged
def through_pim(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when highly privileged roles are given through Privileged Identity Management only (MS.AAD.7.5).

    An assignment made elsewhere has no start in the schedule. Emergency accounts are left out, as the baseline allows.
    """
    rows = seen.rows("role_active", "principalId", "roleDefinitionId", "assignmentType")
    users = seen.maybe("users", "id", "userPrincipalName")
    names = (
        {}
        if isinstance(users, Gap)
        else {values.word(row, "id"): values.text(row, "userPrincipalName") for row in users}
    )
    kept = {name.lower() for name in seen.facts.break_glass}
    outside = []
    for row in rows:
        role, holder = values.word(row, "roleDefinitionId"), values.word(row, "principalId")
        if role not in HIGHLY_PRIVILEGED or values.word(row, "assignmentType") == "activated":
            continue
        if values.text(row, "startDateTime") or names.get(holder, "").lower() in kept or holder in kept:
            continue
        if "startDateTime" not in row:
            seen.doubt(seen.unreadable("role_active", "startDateTime"))
            continue
        outside.append(
            Affected(
                id=f"{holder}/{role}",
                label=names.get(holder) or holder,
                kind="outside",
                detail=f"{HIGHLY_PRIVILEGED[role]}, sans passer par PIM.",
            )
        )
    evidence = seen.proof(
        "role_active",
        f"{count(len(rows), 'affectation active', 'affectations actives')}, dont {len(outside)} hors PIM pour un rôle"
        " très privilégié",
    )
    if outside:
        if kept and isinstance(users, Gap):
            raise Unclear(users)  # an emergency account may be among them
        seen.lacking("users")
        message = (
            f"{count(len(outside), 'rôle très privilégié', 'rôles très privilégiés')}"
            f" {choose(len(outside), 'donné', 'donnés')} sans passer par la gestion des privilèges (PIM)."
        )
        return seen.failed(message, evidence, affected=outside)
    return seen.passed("Les rôles très privilégiés ne se donnent qu'à travers PIM.", evidence)


@judged
def activation_alerts(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when somebody is told that a highly privileged role other than global was activated (MS.AAD.7.9)."""
    silent, heard = [], 0
    for row in seen.rows("role_policies", "roleDefinitionId", "policy"):
        role = values.word(row, "roleDefinitionId")
        if role not in HIGHLY_PRIVILEGED or role == GLOBAL:
            continue
        rules = values.rows(values.mapping(row, "policy"), "rules")
        rule = next((one for one in rules if values.word(one, "id") == "notification_admin_enduser_assignment"), None)
        if rule is None:
            seen.doubt(seen.unreadable("role_policies", "policy"))
        elif values.texts(rule, "notificationRecipients"):
            heard += 1
        else:
            silent.append(
                Affected(id=role, label=HIGHLY_PRIVILEGED[role], kind="silent", detail="Aucun destinataire ajouté.")
            )
    evidence = seen.proof("role_policies", f"rôles très privilégiés avec alerte : {heard}, sans : {len(silent)}")
    if silent:
        return seen.failed(
            "Un rôle très privilégié peut être activé sans que personne d'autre ne soit prévenu.",
            evidence,
            affected=silent,
        )
    if not heard:
        raise Unclear(seen.unreadable("role_policies", "roleDefinitionId"))
    return seen.passed("L'activation d'un rôle très privilégié prévient quelqu'un.", evidence)


@judged
def risky_agents(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when one policy in force blocks agents (AI) at high risk, all of them (MS.AAD.9.1)."""
    if lacks(seen.facts, P2):
        raise Unclear(licence_gap(P2))
    rows = seen.rows("conditional_access", "state", "conditions", "grantControls")
    good = [row for row in rows if _blocks_agents(row)]
    evidence = seen.proof(
        "conditional_access",
        f"{count(len(rows), 'règle')}, qui bloquent les agents à risque : {listed(map(name_of, good)) or 'aucune'}",
    )
    if good:
        return seen.passed("Un agent d'intelligence artificielle jugé à risque est bloqué.", evidence)
    seen.lacking("conditional_access")
    return seen.failed("Un agent d'intelligence artificielle jugé à risque garde ses accès.", evidence)


def _blocks_agents(row: Row) -> bool:
    conditions = values.mapping(row, "conditions")
    clients = values.mapping(conditions, "clientApplications")
    levels = {
        word.strip() for text in values.texts(conditions, "agentIdRiskLevels") for word in text.lower().split(",")
    }
    return (
        values.word(row, "state") == "enabled"
        and "high" in levels
        and "All" in values.texts(clients, "includeAgentIdServicePrincipals")
        and not clients.get("excludeAgentIdServicePrincipals")
        and "All" in values.texts(values.mapping(conditions, "applications"), "includeApplications")
        and "block" in {text.lower() for text in values.texts(values.mapping(row, "grantControls"), "builtInControls")}
    )


# --- Alerts


@judged
def alerts_on(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the alerts of the baseline on mail are on (MS.SECURITYSUITE.4.1)."""
    rows = {values.word(row, "Name"): row for row in seen.rows("alert_policies", "Name", "Disabled")}
    wanted = [*ALERTS, *([CLICK_ALERT] if CLICK_ALERT.lower() in rows else [])]
    off = [
        name for name in wanted if name.lower() not in rows or values.flag(rows[name.lower()], "Disabled") is not False
    ]
    evidence = seen.proof("alert_policies", f"alertes actives : {len(wanted) - len(off)} sur {len(wanted)}")
    if off:
        if not rows or not seen.is_complete("alert_policies"):
            raise Unclear(seen.unreadable("alert_policies", "Name"))
        affected = (Affected(id=name, label=name, kind="alert", detail="Absente ou désactivée.") for name in off)
        return seen.failed(
            "Des alertes de Microsoft sur les envois suspects sont désactivées.", evidence, affected=affected
        )
    return seen.passed("Les alertes de Microsoft sur les envois suspects sont actives.", evidence)


@judged
def alerts_read(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when each of those alerts writes to somebody (MS.SECURITYSUITE.4.2).

    Writing only to the global administrators is a lighter fault: their accounts often have no mailbox.
    """
    names = {name.lower() for name in (*ALERTS, CLICK_ALERT)}
    rows = [
        row
        for row in seen.rows("alert_policies", "Name", "Disabled", "NotifyUser")
        if values.word(row, "Name") in names and values.flag(row, "Disabled") is False
    ]
    if not rows:
        raise Unclear(
            Gap(
                reason=Reason.NOT_CONFIGURED,
                detail="Aucune de ces alertes n'est active : il n'y a pas encore de destinataire à juger.",
            )
        )
    bad = [(row, _silence(row)) for row in rows if _silence(row)]
    evidence = seen.proof(
        "alert_policies",
        f"{count(len(rows), 'alerte active', 'alertes actives')}, dont {len(bad)} sans adresse surveillée",
    )
    if bad:
        light = all(
            values.texts(row, "NotifyUser") and values.flag(row, "NotificationEnabled") is not False for row, _ in bad
        )
        affected = (item(row, "alert", what) for row, what in bad)
        message = "Des alertes ne sont envoyées à aucune adresse que quelqu'un lit."
        return seen.failed(message, evidence, affected=affected, severity=Severity.LOW if light else None)
    return seen.passed("Les alertes sont envoyées à une adresse choisie.", evidence)


def _silence(row: Row) -> str:
    if values.flag(row, "NotificationEnabled") is False:
        return "Envoi désactivé."
    recipients = values.texts(row, "NotifyUser")
    if not recipients:
        return "Aucun destinataire."
    return "" if any("@" in text for text in recipients) else "Seulement les administrateurs généraux."
