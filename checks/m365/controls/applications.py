"""Applications: who registers and approves them, what they may do, how long their secrets last."""

from __future__ import annotations

from datetime import timedelta

from checks.common.french import count, listed
from checks.m365.facts import M365Facts, Rows
from checks.m365.judging import conclude, day, missing, named, names, proof, stopped, subject, switch, unreadable
from checks.m365.reading import one, reading
from checks.m365.views.apps import (
    CRITICAL,
    DANGEROUS,
    MICROSOFT,
    Credential,
    Presence,
    credentials,
    foreign,
    presences,
    wide_scopes,
)
from checks.m365.views.roles import holdings, privileged
from checks.m365.views.values import Row, flag, is_list, is_objects, mapping, number, rows, seconds, text, texts, word
from checks.model import Affected, Context, Evidence, Gap, Judgement, Severity, failed, not_assessed, passed

LEGACY_CONSENT = "managepermissiongrantsforself.microsoft-user-default-legacy"
LOW_CONSENT = "managepermissiongrantsforself.microsoft-user-default-low"
FOR_SELF = "managepermissiongrantsforself."
SOON = timedelta(days=30)
DAY = 86_400
SECRET_DAYS, CERTIFICATE_DAYS = 180, 365
"""Longest lives: SCuBA MS.AAD.5.5 to 5.7."""
MOST_DEVICES = 20
"""CIS Microsoft 365 Foundations, 5.1.4.1."""


def registration(facts: M365Facts, context: Context) -> Judgement:
    """Only administrators register applications."""
    del context
    about, found = subject(facts), reading(facts, "authorization_policy")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    told = flag(mapping(one(found), "defaultUserRolePermissions"), "allowedToCreateApps")
    return switch(
        about, found, told, what="qui enregistre des applications", expected=False,
        name="defaultUserRolePermissions.allowedToCreateApps",
        good="Seuls les administrateurs enregistrent des applications.",
        bad="Tout utilisateur peut enregistrer une application.",
    )  # fmt: skip


def consent(facts: M365Facts, context: Context) -> Judgement:
    """Users do not let applications in by themselves, or only verified ones for harmless permissions."""
    del context
    about, found = subject(facts), reading(facts, "authorization_policy")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    permissions = mapping(one(found), "defaultUserRolePermissions")
    if not is_list(permissions, "permissionGrantPoliciesAssigned"):
        return not_assessed(about, missing("le consentement des utilisateurs", found, "defaultUserRolePermissions"))
    given = [name.casefold() for name in texts(permissions, "permissionGrantPoliciesAssigned")]
    own = [name for name in given if name.startswith(FOR_SELF)]
    seen = proof(found, f"permissionGrantPoliciesAssigned = {listed(own) or 'aucune'}")
    if LEGACY_CONSENT in own:
        bad = "Tout utilisateur peut ouvrir sa messagerie et ses fichiers à n'importe quelle application."
        return failed(about, bad, seen, severity=Severity.HIGH)
    if [name for name in own if name != LOW_CONSENT]:
        bad = "Les utilisateurs acceptent seuls des applications, selon une règle que l'établissement n'a pas choisie."
        return failed(about, bad, seen, severity=Severity.MEDIUM)
    if own:
        return passed(about, "Les utilisateurs n'acceptent que des éditeurs vérifiés, pour des droits mineurs.", seen)
    return passed(about, "Seuls les administrateurs acceptent des applications.", seen)


def requests(facts: M365Facts, context: Context) -> Judgement:
    """People can ask for an application, and somebody receives the request."""
    del context
    about, found = subject(facts), reading(facts, "admin_consent")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    policy = one(found)
    told = flag(policy, "isEnabled")
    if told is None or (told and not is_list(policy, "reviewers")):
        return not_assessed(about, missing("le circuit de demande", found, "isEnabled", "reviewers"))
    reviewers = len(rows(policy, "reviewers"))
    seen = proof(found, f"isEnabled = {str(told).lower()}, reviewers = {reviewers}")
    if not told:
        return failed(about, "Le circuit de demande d'application à un administrateur est désactivé.", seen)
    if not reviewers:
        return failed(about, "Le circuit de demande est actif, mais personne ne reçoit les demandes.", seen)
    return passed(about, f"Les demandes d'application arrivent à {count(reviewers, 'destinataire')}.", seen)


def _live(found: Rows) -> list[Presence]:
    """Applications that can act and are not Microsoft's own."""
    return [app for app in presences(found) if app.enabled is not False and app.owner not in MICROSOFT]


def _app(app: Presence, detail: str, kind: str) -> Affected:
    return Affected(id=app.id, label=app.name, detail=detail, kind=kind, ref=app.name)


def dangerous(facts: M365Facts, context: Context) -> Judgement:
    """No application has a permission over the whole tenant, the mail or the files of everybody.

    Critical when one of them leads to the whole tenant.
    """
    del context
    about, found = subject(facts), reading(facts, "service_principals")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    apps = _live(found)
    risky = {app.id: [name for name in app.roles if name in DANGEROUS] for app in apps}
    faults = [_app(app, listed(risky[app.id], 6), "dangerous_permission") for app in apps if risky[app.id]]
    top = any(name in CRITICAL for given in risky.values() for name in given)
    unknown = sum(1 for row in found.rows if not word(row, "id") or not is_objects(row, "appRoleAssignments"))
    unknown += sum(app.unresolved for app in apps if not risky[app.id])
    bad = f"{count(len(faults), 'application')} sur {len(apps)} avec des droits dangereux : {names(faults)}."
    good = f"{count(len(apps), 'application')}, aucune n'a de droit dangereux."
    return conclude(
        about, found, faults, what="les droits des applications", good=good, bad=bad, unknown=unknown,
        properties=("appRoleAssignments", "appRoles"), severity=Severity.CRITICAL if top else None,
    )  # fmt: skip


def wide_consents(facts: M365Facts, context: Context) -> Judgement:
    """No unverified application of a third party was let into the mail or the files of everybody."""
    del context
    about, found, apps = subject(facts), reading(facts, "delegated_grants"), reading(facts, "service_principals")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    if isinstance(apps, Gap):
        return not_assessed(about, apps)
    known = {app.id: app for app in presences(apps)}
    wide = {
        client: scopes
        for client, scopes in _everybody(found).items()
        if client not in known or (foreign(known[client], facts) and not known[client].verified)
    }
    faults = [
        _app(known[client], listed(scopes, 6), "wide_consent") for client, scopes in wide.items() if client in known
    ]
    unknown = sum(1 for client in wide if client not in known)
    unknown += sum(1 for row in found.rows if word(row, "consentType") not in ("allprincipals", "principal"))
    bad = (
        f"{count(len(faults), 'application')} d'éditeur non vérifié ouvre les données de tous les utilisateurs : "
        f"{names(faults)}."
    )
    good = "Aucune application d'éditeur non vérifié n'a accès aux données de tous les utilisateurs."
    return conclude(about, found, faults, what="les consentements", good=good, bad=bad, unknown=unknown)


def _everybody(found: Rows) -> dict[str, list[str]]:
    """Wide scopes granted for all users, by client."""
    wide: dict[str, list[str]] = {}
    for row in found.rows:
        scopes = wide_scopes(text(row, "scope"))
        if word(row, "consentType") == "allprincipals" and scopes:
            wide.setdefault(word(row, "clientId"), []).extend(scopes)
    return wide


def expiring(facts: M365Facts, context: Context) -> Judgement:
    """No secret or certificate of an application is expired or ends within 30 days without another to follow."""
    about, found, others = subject(facts), reading(facts, "applications"), reading(facts, "service_principals")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    every = [*credentials(found), *(credentials(others) if isinstance(others, Rows) else ())]
    faults: list[Affected] = []
    unknown = sum(
        1 for row in found.rows if not is_objects(row, "passwordCredentials") or not is_objects(row, "keyCredentials")
    )
    soon = 0
    for item in every:
        unknown += item.end is None
        if item.end is None or item.end - context.now >= SOON:
            continue
        gone = item.end < context.now
        if not gone and _followed(item, every):
            continue
        soon += not gone
        told = f"{item.kind} {'expiré' if gone else 'à échéance'} le {day(item.end)}"
        faults.append(
            Affected(id=f"{item.holder}:{item.kind}:{day(item.end)}", label=item.name, detail=told, ref=item.name,
                     kind="expired" if gone else "expiring")
        )  # fmt: skip
    if not faults and isinstance(others, Gap):
        return not_assessed(about, others)
    if not faults and isinstance(others, Rows) and not others.complete:
        return not_assessed(about, stopped("les applications"))
    many = count(len(faults), "secret ou certificat", "secrets ou certificats")
    bad = f"{many} sur {len(every)} à traiter : {names(faults)}."
    good = f"{count(len(every), 'secret ou certificat', 'secrets ou certificats')} : aucun n'expire dans les 30 jours."
    # What is expired stops nothing any more: it is tidying up. What will end stops a service.
    return conclude(about, found, faults, what="les échéances des secrets", good=good, bad=bad, unknown=unknown,
                    severity=None if soon else Severity.LOW)  # fmt: skip


def _followed(item: Credential, every: list[Credential]) -> bool:
    """Another credential of the same application and kind lasts longer."""
    return any(
        other.holder == item.holder and other.kind == item.kind and other.end and item.end and other.end > item.end
        for other in every
    )


def lifetimes(facts: M365Facts, context: Context) -> Judgement:
    """A policy limits secrets to 180 days, or refuses them, and certificates to 365 days."""
    del context
    about, found = subject(facts), reading(facts, "app_management")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    policy = one(found)
    enabled = flag(policy, "isEnabled")
    if enabled is None:
        return not_assessed(about, missing("la politique des secrets", found, "isEnabled"))
    if not enabled:
        bad = "Aucune durée maximale n'est imposée aux secrets et certificats d'applications."
        return failed(about, bad, proof(found, "isEnabled = false"))
    limits = mapping(policy, "applicationRestrictions")
    secrets, keys = rows(limits, "passwordCredentials"), rows(limits, "keyCredentials")
    refused = any(_on(rule, "passwordaddition") for rule in secrets)
    lacking = []
    if not refused and not any(_short(rule, "passwordlifetime", SECRET_DAYS) for rule in secrets):
        lacking.append(f"les secrets ({SECRET_DAYS} jours)")
    if not any(_short(rule, "asymmetrickeylifetime", CERTIFICATE_DAYS) for rule in keys):
        lacking.append(f"les certificats ({CERTIFICATE_DAYS} jours)")
    seen = proof(found, f"{count(len(secrets) + len(keys), 'restriction')}, isEnabled = true")
    if lacking:
        return failed(about, f"Aucune durée maximale n'est imposée pour {' ni pour '.join(lacking)}.", seen)
    return passed(about, "La durée des secrets et des certificats d'applications est limitée.", seen)


def _on(rule: Row, kind: str) -> bool:
    return word(rule, "restrictionType") == kind and word(rule, "state") in ("enabled", "")


def _short(rule: Row, kind: str, days: int) -> bool:
    life = seconds(rule.get("maxLifetime"))
    return _on(rule, kind) and life is not None and life <= days * DAY


def owners(facts: M365Facts, context: Context) -> Judgement:
    """Every application has an owner, and one with dangerous permissions belongs to administrators only.

    An owner adds a secret to the application and then acts with its permissions: high; no owner at all: low.
    """
    del context
    about, found, apps = subject(facts), reading(facts, "applications"), reading(facts, "service_principals")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    if isinstance(apps, Gap):
        return not_assessed(about, apps)
    held = holdings(facts)
    if isinstance(held, Gap):
        return not_assessed(about, held)
    admins = {item.holder for item in privileged(held.items)}
    strong = {app.app_id: app for app in presences(apps) if set(app.roles) & DANGEROUS}
    faults: list[Affected] = []
    for row in found.rows:
        own = rows(row, "owners")
        plain = [text(owner, "userPrincipalName") or text(owner, "displayName") or text(owner, "id") for owner in own
                 if word(owner, "id") not in admins]  # fmt: skip
        if word(row, "appId") in strong and plain:
            faults.append(named(row, "plain_owner", f"droits dangereux, propriétaire ordinaire : {listed(plain)}"))
        elif is_list(row, "owners") and not own:
            faults.append(named(row, "no_owner", "aucun propriétaire"))
    unknown = sum(1 for row in found.rows if not is_list(row, "owners"))
    grave = any(fault.kind == "plain_owner" for fault in faults)
    bad = f"{count(len(faults), 'application')} sur {len(found.rows)} avec un propriétaire à revoir : {names(faults)}."
    good = f"{count(len(found.rows), 'application')} : propriétaires connus et à leur place."
    return conclude(about, found, faults, what="les propriétaires", good=good, bad=bad, unknown=unknown,
                    properties=("owners",), severity=Severity.HIGH if grave else None)  # fmt: skip


def publishers(facts: M365Facts, context: Context) -> Judgement:
    """Applications of third parties that have permissions come from a publisher that Microsoft verified."""
    del context
    about, found, grants = subject(facts), reading(facts, "service_principals"), reading(facts, "delegated_grants")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    clients = {word(row, "clientId") for row in grants.rows} if isinstance(grants, Rows) else set()
    others = [app for app in _live(found) if foreign(app, facts)]
    used = [app for app in others if app.roles or app.unresolved or app.id in clients]
    faults = [_app(app, "éditeur non vérifié", "unverified") for app in used if not app.verified]
    unsure = [app for app in others if not app.verified and app not in used]
    if not faults and unsure and (isinstance(grants, Gap) or not grants.complete):
        return not_assessed(about, grants if isinstance(grants, Gap) else stopped("les consentements"))
    bad = f"{count(len(faults), 'application')} sur {len(used)} d'un éditeur non vérifié : {names(faults)}."
    unknown = len(used) if "verifiedPublisher" in found.absent else 0
    unknown += sum(1 for row in found.rows if not word(row, "id") or not is_objects(row, "appRoleAssignments"))
    many = count(len(used), "application tierce", "applications tierces")
    good = f"{many} avec des droits, aucune d'un éditeur non vérifié."
    return conclude(about, found, faults, what="les éditeurs", good=good, bad=bad, properties=("verifiedPublisher",),
                    unknown=unknown)  # fmt: skip


def msol(facts: M365Facts, context: Context) -> Judgement:
    """The retired PowerShell module, by which any user reads the whole directory, is blocked."""
    del context
    about, found = subject(facts), reading(facts, "authorization_policy")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    return switch(
        about, found, flag(one(found), "blockMsolPowerShell"), what="l'accès PowerShell ancien",
        name="blockMsolPowerShell", good="L'ancien accès PowerShell à l'annuaire est bloqué.",
        bad="L'ancien accès PowerShell à l'annuaire est ouvert à tout utilisateur.",
    )  # fmt: skip


def devices(facts: M365Facts, context: Context) -> Judgement:
    """Few devices per person, joined by designated people only, with a local administrator password of their own."""
    del context
    about, found = subject(facts), reading(facts, "device_registration")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    policy = one(found)
    quota, laps = number(policy, "userDeviceQuota"), flag(mapping(policy, "localAdminPassword"), "isEnabled")
    allowed = word(mapping(mapping(policy, "azureADJoin"), "allowedToJoin"), "@odata.type")
    faults = [
        told
        for wrong, told in (
            (quota is not None and quota > MOST_DEVICES, f"jusqu'à {quota} appareils par personne"),
            (allowed.endswith("alldeviceregistrationmembership"), "tout le monde peut joindre un appareil"),
            (laps is False, "mot de passe d'administrateur local non géré (LAPS)"),
        )
        if wrong
    ]
    seen: Evidence = proof(found, f"userDeviceQuota = {quota}, allowedToJoin = {allowed}, LAPS = {laps}")
    if faults:
        return failed(about, f"Appareils : {' ; '.join(faults)}.", seen)
    if quota is None or laps is None or not allowed:
        return not_assessed(about, unreadable("les règles d'inscription des appareils"))
    return passed(about, f"{quota} appareils au plus par personne, jonction limitée, LAPS actif.", seen)
