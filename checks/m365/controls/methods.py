"""How one proves who one is: methods of the second factor, passwords, lockout."""

from __future__ import annotations

from checks.common.french import count, listed
from checks.m365.facts import M365Facts, Rows
from checks.m365.judging import conclude, missing, names, proof, subject, switch, unreadable
from checks.m365.reading import lacks, licence_gap, one, reading
from checks.m365.resources import P1
from checks.m365.views.settings import group
from checks.m365.views.values import Row, flag, mapping, number, rows, text, word
from checks.model import Affected, Context, Gap, Judgement, Reason, failed, not_applicable, not_assessed, passed

WEAK_METHODS = {"sms": "SMS", "voice": "appel vocal", "email": "code par e-mail"}
EVERYBODY = "all_users"
NEVER = 2_147_483_647
"""`passwordValidityPeriodInDays` of passwords that do not expire."""
MODERN_SINCE = (2021, 10)
"""Year and month from which new tenants have no expiry unless it is set."""
MOST_TRIES, SHORTEST_LOCK = 10, 60
"""Default values of smart lockout: tries, then seconds."""


def _methods(found: Rows) -> dict[str, Row]:
    return {word(row, "id"): row for row in rows(one(found), "authenticationMethodConfigurations")}


def authenticator_context(facts: M365Facts, context: Context) -> Judgement:
    """Authenticator shows which application and which place ask: one does not approve somebody else's sign-in."""
    del context
    about, found = subject(facts), reading(facts, "authentication_methods")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    method = _methods(found).get("microsoftauthenticator")
    if method is None:
        return not_assessed(about, missing("les méthodes d'authentification", found))
    if word(method, "state") == "disabled":
        return not_applicable(about, "Microsoft Authenticator n'est pas une méthode autorisée.")
    shown = mapping(method, "featureSettings")
    settings = {
        "l'application": mapping(shown, "displayAppInformationRequiredState"),
        "le lieu": mapping(shown, "displayLocationInformationRequiredState"),
    }
    if any(not word(setting, "state") for setting in settings.values()):
        return not_assessed(about, missing("le contexte affiché par Authenticator", found))
    seen = proof(found, "; ".join(f"{name} : {word(setting, 'state')}" for name, setting in settings.items()))
    hidden = [name for name, setting in settings.items() if not _shown(setting)]
    if hidden:
        return failed(about, f"Authenticator ne montre pas à tous {' ni '.join(hidden)} de la demande.", seen)
    return passed(about, "Authenticator montre l'application et le lieu de la demande.", seen)


def _shown(setting: Row) -> bool:
    """On, or left to Microsoft; for everybody when it is on."""
    state, target = word(setting, "state"), mapping(setting, "includeTarget")
    return state == "default" or (state == "enabled" and word(target, "id") in (EVERYBODY, ""))


def weak_methods(facts: M365Facts, context: Context) -> Judgement:
    """SMS, voice calls and e-mail codes are refused as methods, in the only policy that decides of methods."""
    del context
    about, found = subject(facts), reading(facts, "authentication_methods")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    states = {name: word(row, "state") for name, row in _methods(found).items() if name in WEAK_METHODS}
    faults = [
        Affected(id=name, label=WEAK_METHODS[name], detail="méthode autorisée", kind="weak_method", ref=name)
        for name, state in states.items()
        if state == "enabled"
    ]
    unknown = len(WEAK_METHODS) - sum(1 for state in states.values() if state in ("enabled", "disabled"))
    if not faults and not unknown and not _migrated(one(found)):
        detail = "Les anciens réglages peuvent encore autoriser le SMS et l'appel : la migration n'est pas terminée."
        return not_assessed(about, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    seen = ", ".join(f"{WEAK_METHODS[name]} = {state}" for name, state in states.items())
    return conclude(
        about, found, faults, what="les méthodes d'authentification", unknown=unknown,
        good="SMS, appel vocal et code par e-mail sont désactivés.",
        bad=f"{count(len(faults), 'méthode faible', 'méthodes faibles')} sur 3 : {listed(f.label for f in faults)}.",
        evidence=(proof(found, seen),),
    )  # fmt: skip


def _migrated(policy: Row) -> bool | None:
    """The old settings no longer count; a tenant that never had them says null. None when it is not told."""
    if "policyMigrationState" not in policy:
        return None
    return policy["policyMigrationState"] is None or word(policy, "policyMigrationState") == "migrationcomplete"


def methods_migrated(facts: M365Facts, context: Context) -> Judgement:
    """Methods are decided in one place: the old settings of MFA and of password reset are retired."""
    del context
    about, found = subject(facts), reading(facts, "authentication_methods")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    return switch(
        about, found, _migrated(one(found)), what="l'état de la migration", name="policyMigrationState",
        good="La migration vers la politique unique des méthodes est terminée.",
        bad="La migration vers la politique unique des méthodes n'est pas terminée.",
    )  # fmt: skip


def banned_passwords(facts: M365Facts, context: Context) -> Judgement:
    """Words of the house (its name, its town) are refused in passwords, besides Microsoft's own list."""
    del context
    about, found = subject(facts), reading(facts, "directory_settings")
    if lacks(facts, P1):
        return not_assessed(about, licence_gap(P1))
    if isinstance(found, Gap):
        return not_assessed(about, found)
    told = group(found, "Password Rule Settings")
    if isinstance(told, Gap):
        return not_assessed(about, told)
    values = told or {}
    seen = proof(found, f"EnableBannedPasswordCheck = {values.get('enablebannedpasswordcheck', 'absent')}")
    if values.get("enablebannedpasswordcheck", "").casefold() != "true":
        return failed(about, "Aucune liste de mots interdits propre à l'établissement n'est active.", seen)
    if not values.get("bannedpasswordlist", "").strip():
        return failed(about, "La liste de mots interdits est active, mais vide.", seen)
    return passed(about, "Une liste de mots interdits propre à l'établissement est active.", seen)


def lockout(facts: M365Facts, context: Context) -> Judgement:
    """An account is locked for a minute at least after ten wrong passwords at most; unset values are those."""
    del context
    about, found = subject(facts), reading(facts, "directory_settings")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    told = group(found, "Password Rule Settings")
    if isinstance(told, Gap):
        return not_assessed(about, told)
    values = {"lockoutthreshold": str(MOST_TRIES), "lockoutdurationinseconds": str(SHORTEST_LOCK), **(told or {})}
    tries, lock = number(values, "lockoutthreshold"), number(values, "lockoutdurationinseconds")
    if tries is None or lock is None:
        return not_assessed(about, unreadable("le verrouillage des comptes"))
    seen = proof(found, f"LockoutThreshold = {tries}, LockoutDurationInSeconds = {lock}")
    if tries > MOST_TRIES or lock < SHORTEST_LOCK:
        bad = f"Un compte n'est verrouillé qu'après {tries} erreurs, pendant {lock} secondes (attendu : 10 et 60)."
        return failed(about, bad, seen)
    return passed(about, f"Un compte est verrouillé {lock} secondes après {tries} erreurs.", seen)


def expiry(facts: M365Facts, context: Context) -> Judgement:
    """Passwords do not expire: people who must change them often choose guessable ones."""
    del context
    about, found = subject(facts), reading(facts, "domains")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    own = [row for row in found.rows if flag(row, "isVerified") is not False and flag(row, "isRoot") is not False]
    managed = [row for row in own if word(row, "authenticationType") != "federated"]
    if own and not managed:
        return not_applicable(about, "Les mots de passe sont gérés par un annuaire fédéré.")
    faults: list[Affected] = []
    unknown = 0
    for row in managed:
        days = number(row, "passwordValidityPeriodInDays")
        if days is None:
            unknown += not (row.get("passwordValidityPeriodInDays", "") is None and _recent(facts))
        elif days != NEVER:
            label = text(row, "id")
            detail = f"expiration après {days} jours"
            faults.append(Affected(id=label, label=label, detail=detail, kind="expiry", ref=label))
    bad = f"Les mots de passe expirent dans {count(len(faults), 'domaine')} sur {len(managed)} : {names(faults)}."
    good = f"Les mots de passe n'expirent pas ({count(len(managed), 'domaine')})."
    unknown += not managed
    return conclude(about, found, faults, what="la durée de vie des mots de passe", good=good, bad=bad, unknown=unknown)


def _recent(facts: M365Facts) -> bool:
    made = facts.tenant.created
    return made is not None and (made.year, made.month) >= MODERN_SINCE
