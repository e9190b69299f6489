"""Traces: the audit log, how far back each log really goes, mailbox audit, alerts.

Retention, from Microsoft's pages on Entra data retention and Purview audit: sign-in and directory logs of Entra ID are
kept 7 days without P1 and 30 days with it; the unified audit log 180 days, one year for accounts with Audit Premium.
"""

from __future__ import annotations

from datetime import timedelta

from checks.common.french import choose, count, listed
from checks.m365.controls.seen import Seen, declared, item, judged, name_of
from checks.m365.reading import has, lacks
from checks.m365.resources import DEFENDER_OFFICE, P1
from checks.m365.views import values
from checks.model import Context, Gap, Judgement, Reason

FREE_DAYS, ENTRA_DAYS = 7, 30
AUDIT_DAYS, PREMIUM_DAYS = 180, 365
PREMIUM = "M365_ADVANCED_AUDITING"
LONG = frozenset({"twelvemonths", "threeyears", "fiveyears", "sevenyears", "tenyears"})
"""Values of `RetentionDuration` of a year or more (ScubaGear, MS.SECURITYSUITE.5.2)."""
SCORE, FALL = 0.70, 0.05
"""Share of the Secure Score that conforms, and its loss in the window that does not: our choice."""
ALERT_DAYS = 7
EXPORTED = "m365_logs_exported"
_NEEDED_LOGS = ("SignInLogs", "AuditLogs")


@judged
def unified_audit(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the unified audit log takes what happens in."""
    name, prop = "admin_audit", "UnifiedAuditLogIngestionEnabled"
    on = seen.flag(name, prop)
    evidence = seen.proof(name, f"{prop} = {on}")
    if on:
        return seen.passed("Le journal d'audit unifié est activé : les actions laissent une trace.", evidence)
    return seen.failed(
        "Le journal d'audit unifié est coupé : après un incident, rien ne dira qui a fait quoi.", evidence
    )


@judged
def audit_answers(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when a search of the audit log over a day finds events; made only when the profile asks for it."""
    query = seen.setting("audit_query", "status")
    if values.word(query, "status") != "succeeded":
        status = values.text(query, "status") or "inconnu"
        detail = f"La recherche dans le journal d'audit n'était pas finie (état « {status} ») : la refaire plus tard."
        return seen.unclear(Reason.TIMEOUT, detail)
    found = values.number(query, "recordCount")
    if found is None:
        return seen.unclear(
            Reason.UNSUPPORTED, "La recherche d'audit est finie, mais ne dit pas combien elle a trouvé."
        )
    evidence = seen.proof("audit_query", f"recordCount = {found}")
    if found > 0:
        return seen.passed(
            f"Le journal d'audit répond : {count(found, 'événement')} sur la période cherchée.", evidence
        )
    return seen.failed("Le journal d'audit ne contient aucun événement récent : rien n'est enregistré.", evidence)


@judged
def sign_in_depth(seen: Seen, context: Context) -> Judgement:
    """Conforms when the sign-in log goes back 30 days, or as far as the age of the tenant allows.

    Without Entra ID P1 the log is kept 7 days and no program may read it: that is said as a matter of licence.
    """
    if lacks(seen.facts, P1):
        detail = (
            f"Sans Entra ID P1 (Business Premium), le journal des connexions n'est gardé que {FREE_DAYS} jours et ne "
            "peut être lu que dans le portail : sa profondeur réelle n'est pas vérifiée."
        )
        return seen.unclear(Reason.LICENCE, detail)
    oldest = values.moment(seen.setting("oldest_sign_in", "createdDateTime"), "createdDateTime")
    if oldest is None:
        return seen.unclear(Reason.MALFORMED, "La plus ancienne connexion du journal n'a pas de date lisible.")
    depth = max(0, (context.now - oldest).days)
    evidence = seen.proof("oldest_sign_in", f"plus ancienne connexion : {oldest:%Y-%m-%dT%H:%M:%SZ} ({depth} jours)")
    expected = ENTRA_DAYS
    if seen.facts.tenant.created:
        expected = min(expected, (context.now - seen.facts.tenant.created).days)
    # Microsoft removes what passes 30 days, so that the oldest entry is often of the day before.
    if depth >= expected - 1:
        message = (
            f"Le journal des connexions remonte à {count(depth, 'jour')}. Au-delà, seul un export le garde : "
            "un an est la durée utile à une enquête."
        )
        return seen.passed(message, evidence)
    message = (
        f"Le journal des connexions ne remonte qu'à {count(depth, 'jour')}, au lieu de {expected} (licence récente ?)."
    )
    return seen.failed(message, evidence)


@judged
def directory_log(seen: Seen, context: Context) -> Judgement:
    """Conforms when the last change of the directory log is at most 7 days old, whatever the licence."""
    rows = seen.rows("directory_audits", "activityDateTime")
    kept = "inconnue" if has(seen.facts, P1) is None else f"{FREE_DAYS if lacks(seen.facts, P1) else ENTRA_DAYS} jours"
    newest = max((at for row in rows if (at := values.moment(row, "activityDateTime"))), default=None)
    if newest is None:
        seen.lacking("directory_audits")
        evidence = seen.proof("directory_audits", "aucun événement")
        return seen.failed(
            "Le journal des changements de l'annuaire est vide : une élévation de droits passerait inaperçue.",
            evidence,
        )
    age = context.now - newest
    evidence = seen.proof(
        "directory_audits", f"dernier changement : {newest:%Y-%m-%dT%H:%M:%SZ} ; conservation : {kept}"
    )
    if age <= timedelta(days=FREE_DAYS):
        return seen.passed(
            f"Le journal des changements de l'annuaire est tenu (conservation avec vos licences : {kept}).", evidence
        )
    message = (
        f"Le dernier changement d'annuaire journalisé date de {count(age.days, 'jour')} : le journal est peut-être"
        " arrêté."
    )
    return seen.failed(message, evidence)


@judged
def logs_exported(seen: Seen, context: Context) -> Judgement:
    """Conforms when sign-in and directory logs are sent to a place that keeps them longer than Microsoft.

    The setting is in Azure, out of reach of the audit's permissions: an export of it, or the answer of the profile.
    """
    found = seen.maybe("diagnostic_settings", "logs")
    answer = context.answers.get(EXPORTED)
    if isinstance(found, Gap):
        if not isinstance(answer, bool):
            detail = (
                "L'envoi des journaux Entra vers un lieu de conservation se règle dans Azure, que l'audit ne lit pas."
                " À regarder : Entra, Surveillance, Paramètres de diagnostic."
            )
            return seen.unclear(Reason.NOT_CONFIGURED, detail)
        evidence = declared(answer, EXPORTED)
        if answer:
            return seen.passed("L'établissement déclare conserver ailleurs les journaux de connexion.", evidence)
        return seen.failed(
            "Les journaux de connexion ne sont conservés nulle part ailleurs que chez Microsoft.", evidence
        )
    sent = {
        values.text(log, "category")
        for row in found
        for log in values.rows(row, "logs")
        if values.flag(log, "enabled")
        and any(row.get(key) for key in ("workspaceId", "storageAccountId", "eventHubName"))
    }
    missing = [name for name in _NEEDED_LOGS if name not in sent]
    evidence = seen.proof("diagnostic_settings", f"journaux envoyés : {listed(sorted(sent)) or 'aucun'}")
    if not missing:
        return seen.passed(
            "Les journaux de connexion et d'annuaire sont envoyés vers un lieu de conservation.", evidence
        )
    seen.lacking("diagnostic_settings")
    return seen.failed(f"Ces journaux ne sont conservés que chez Microsoft : {listed(missing)}.", evidence)


@judged
def mailbox_audit(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the audit of mailboxes is not turned off for the whole organisation."""
    off = seen.flag("organization_config", "AuditDisabled")
    evidence = seen.proof("organization_config", f"AuditDisabled = {off}")
    if not off:
        return seen.passed("L'audit des boîtes aux lettres est actif dans toute l'organisation.", evidence)
    return seen.failed(
        "L'audit des boîtes aux lettres est coupé : la fouille d'une boîte ne laisserait pas de trace.", evidence
    )


@judged
def no_bypass(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no account is exempt from the audit of mailboxes."""
    exempt = seen.where("audit_bypass", "AuditBypassEnabled", wanted=True)
    if not exempt:
        total = len(seen.rows("audit_bypass", "AuditBypassEnabled"))
        message = "Aucun compte n'échappe à l'audit des boîtes aux lettres."
        return seen.passed(message, seen.proof("audit_bypass", f"{count(total, 'compte')} sans dispense"))
    evidence = seen.proof("audit_bypass", f"AuditBypassEnabled = True : {listed(map(name_of, exempt))}")
    message = (
        f"{count(len(exempt), 'compte')} {choose(len(exempt), 'échappe', 'échappent')} à l'audit : "
        f"{choose(len(exempt), 'ses', 'leurs')} accès aux boîtes ne laissent pas de trace."
    )
    affected = (item(row, "bypass", "Ses accès aux boîtes ne sont pas enregistrés.") for row in exempt)
    return seen.failed(message, evidence, affected=affected)


@judged
def audit_retention(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when a retention policy keeps the audit log a year or more, which needs Audit Premium."""
    if lacks(seen.facts, PREMIUM):
        detail = (
            f"Avec vos licences, Microsoft garde le journal d'audit {AUDIT_DAYS} jours et ce délai ne se règle pas "
            "(Audit Premium, compris dans E5, le permettrait) : au-delà, seul un export le garde."
        )
        return seen.unclear(Reason.LICENCE, detail)
    rows = seen.rows("audit_retention", "RetentionDuration")
    active = [row for row in rows if values.flag(row, "Enabled") is not False]
    long = [row for row in active if values.word(row, "RetentionDuration") in LONG]
    terms = listed(f"{name_of(row)} : {values.text(row, 'RetentionDuration')}" for row in active) or "aucune règle"
    evidence = seen.proof("audit_retention", terms)
    if long:
        return seen.passed(f"Une règle garde le journal d'audit au moins {PREMIUM_DAYS} jours.", evidence)
    seen.lacking("audit_retention")
    message = (
        f"Aucune règle ne garde le journal d'audit un an : il est gardé {AUDIT_DAYS} jours, {PREMIUM_DAYS} pour les"
        " seules actions que Microsoft choisit des comptes qui ont la licence."
    )
    return seen.failed(message, evidence)


@judged
def secure_score(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the Secure Score reaches 70 % and did not lose 5 points: a hint, one or two days late."""
    scores = []
    for row in seen.rows("secure_scores", "createdDateTime", "currentScore", "maxScore"):
        at, best, got = values.moment(row, "createdDateTime"), row["maxScore"], row["currentScore"]
        if at and isinstance(best, (int, float)) and isinstance(got, (int, float)) and best > 0:
            scores.append((at, got / best))
    if not scores:
        return seen.unclear(
            Reason.UNSUPPORTED, "Microsoft n'a encore calculé aucun niveau de sécurité pour ce locataire."
        )
    (first_at, first), (last_at, last) = min(scores), max(scores)
    evidence = seen.proof(
        "secure_scores", f"{last * 100:.0f} % le {last_at:%d/%m/%Y}, {first * 100:.0f} % le {first_at:%d/%m/%Y}"
    )
    percent = f"{last * 100:.0f} %"
    if last < SCORE:
        message = f"Le niveau de sécurité calculé par Microsoft est de {percent}, sous {SCORE * 100:.0f} %."
        return seen.failed(message, evidence)
    if first - last > FALL:
        return seen.failed(f"Le niveau de sécurité calculé par Microsoft est descendu à {percent}.", evidence)
    return seen.passed(f"Le niveau de sécurité calculé par Microsoft est de {percent} et ne baisse pas.", evidence)


@judged
def open_alerts(seen: Seen, context: Context) -> Judgement:
    """Conforms when no alert of high severity waits for more than a week."""
    rows = seen.rows("alerts", "severity", "createdDateTime")
    late = []
    for row in rows:
        at = values.moment(row, "createdDateTime")
        if values.word(row, "severity") != "high":
            continue
        if at is None:
            seen.doubt(seen.unreadable("alerts", "createdDateTime"))
        elif context.now - at > timedelta(days=ALERT_DAYS):
            late.append((row, (context.now - at).days))
    evidence = seen.proof(
        "alerts",
        f"{count(len(rows), 'alerte ouverte', 'alertes ouvertes')}, dont {count(len(late), 'grave')} depuis plus de"
        f" {ALERT_DAYS} jours",
    )
    if late:
        affected = (
            item({**row, "displayName": values.text(row, "title")}, "late", f"Sans suite depuis {count(days, 'jour')}.")
            for row, days in late
        )
        message = f"{count(len(late), 'alerte grave', 'alertes graves')} sans suite depuis plus de {ALERT_DAYS} jours."
        return seen.failed(message, evidence, affected=affected)
    if not rows and lacks(seen.facts, DEFENDER_OFFICE):
        seen.need(DEFENDER_OFFICE)  # without Defender almost nothing raises an alert: silence proves nothing
    return seen.passed(f"Aucune alerte grave n'attend depuis plus de {ALERT_DAYS} jours.", evidence)
