"""Administration roles: how many, held by whom, for how long, with what warning."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from checks.common.french import choose, count, listed
from checks.m365.access.rescue import declared
from checks.m365.facts import M365Facts, Rows
from checks.m365.judging import conclude, missing, names, proof, stopped, subject
from checks.m365.reading import reading
from checks.m365.views.roles import (
    GLOBAL,
    ROLES,
    TOP,
    Holding,
    approval,
    holdings,
    privileged,
    silent_alerts,
)
from checks.m365.views.users import User, users
from checks.m365.views.values import Row, mapping, moment, number, text, word
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Origin,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

FEWEST, GOOD, MOST = 2, 4, 8
"""Global administrators: CIS asks for two to four, SCuBA for two to eight."""
LIVING = frozenset({"initializing", "notstarted", "starting", "inprogress", "completing", "autoreviewing"})
"""States of an access review that runs or will run again."""
PARTNERS = "m365_partners"
"""Answer of the site profile: the delegated rights of partners were listed and justified (true or false)."""


def _people(items: Iterable[Holding]) -> dict[str, list[Holding]]:
    """Holdings by account; applications and groups are left out."""
    found: dict[str, list[Holding]] = {}
    for item in items:
        if item.kind == "user":
            found.setdefault(item.holder, []).append(item)
    return found


def _point(items: list[Holding], detail: str, kind: str) -> Affected:
    first = items[0]
    return Affected(id=first.holder, label=first.label, detail=detail, kind=kind, ref=first.label)


def _held(items: list[Holding]) -> str:
    """Roles of one holder, for a detail."""
    told = []
    for item in items:
        way = f" par le groupe {item.through}" if item.through else ""
        told.append(f"{item.role_name}{way}{' (sur demande)' if item.eligible else ''}")
    return listed(told, 4)


def global_count(facts: M365Facts, context: Context) -> Judgement:
    """Two to four global administrators, whether the role is active, on request, or given by a group.

    Five to eight is a lighter finding; one alone, or more than eight, is grave.
    """
    del context
    about, held = subject(facts), holdings(facts)
    if isinstance(held, Gap):
        return not_assessed(about, held)
    found = _people(held.of(GLOBAL))
    number_of = len(found)
    affected = tuple(_point(items, _held(items), "global_admin") for items in found.values())
    seen = proof(held.source, f"{number_of} : {listed(item.label for item in affected)}")
    many = count(number_of, "administrateur général", "administrateurs généraux")
    if number_of > GOOD:
        grave = Severity.HIGH if number_of > MOST else Severity.MEDIUM
        return failed(about, f"{many} (2 à 4 attendus).", seen, affected=affected, severity=grave)
    if gap := held.doubt:
        return not_assessed(about, gap)
    if number_of < FEWEST:
        return failed(about, f"{many} : si ce compte est perdu, plus personne n'administre.", seen, affected=affected)
    return passed(about, f"{many}.", seen)


def global_share(facts: M365Facts, context: Context) -> Judgement:
    """There are at least as many administrators with a limited role as global administrators."""
    del context
    about, held = subject(facts), holdings(facts)
    if isinstance(held, Gap):
        return not_assessed(about, held)
    if gap := held.doubt:
        return not_assessed(about, gap)
    every = _people(privileged(held.items))
    top = [items for items in every.values() if any(item.role == GLOBAL for item in items)]
    others = len(every) - len(top)
    if not every:
        return not_applicable(about, "Aucune personne ne porte de rôle d'administration.")
    seen = proof(held.source, f"{len(top)} administrateurs généraux, {others} autres administrateurs")
    if len(top) > others:
        bad = f"{count(len(top), 'administrateur général', 'administrateurs généraux')} pour {others} à rôle limité."
        affected = tuple(_point(items, _held(items), "global_admin") for items in top)
        return failed(about, bad, seen, affected=affected)
    good = f"{count(len(top), 'administrateur général', 'administrateurs généraux')} pour {others} à rôle limité."
    return passed(about, good, seen)


def _each(
    facts: M365Facts,
    fault: Callable[[User], bool | None],
    kind: str,
    *,
    detail: str,
    good: str,
    bad: str,
    properties: tuple[str, ...],
) -> Judgement:
    """A property that no account with a privileged role should have."""
    about, held, accounts = subject(facts), holdings(facts), reading(facts, "users")
    if isinstance(held, Gap):
        return not_assessed(about, held)
    if isinstance(accounts, Gap):
        return not_assessed(about, accounts)
    every = _people(privileged(held.items))
    known = {user.id: user for user in users(accounts)}
    faults: list[Affected] = []
    unknown = 0
    for key, items in every.items():
        told = fault(known[key]) if key in known else None
        unknown += told is None
        if told:
            faults.append(_point(items, f"{detail} ; {_held(items)}", kind))
    if not faults and (gap := held.doubt):
        return not_assessed(about, gap)
    if not every:
        return not_applicable(about, "Aucune personne ne porte de rôle d'administration.")
    said = f"{count(len(faults), 'administrateur')} sur {len(every)} {bad} : {names(faults)}."
    well = f"{count(len(every), 'administrateur')} : {good}."
    # Only administrators matter: those who were not listed count as unknown, other accounts may be missing.
    seen = replace(accounts, complete=True)
    return conclude(about, seen, faults, what="les comptes d'administration", good=well, bad=said, unknown=unknown,
                    properties=properties)  # fmt: skip


def cloud_only(facts: M365Facts, context: Context) -> Judgement:
    """Administrators are accounts of the cloud: whoever takes the directory on site does not take the tenant."""
    del context
    return _each(
        facts, lambda user: user.synced, "synchronised", detail="compte copié de l'annuaire sur site",
        good="aucun ne vient de l'annuaire sur site", bad="avec un compte copié de l'annuaire sur site",
        properties=("onPremisesImmutableId", "onPremisesSyncEnabled"),
    )  # fmt: skip


def no_mailbox(facts: M365Facts, context: Context) -> Judgement:
    """Administrators have no mailbox: an account that receives mail receives traps."""
    del context
    return _each(
        facts, lambda user: user.mailbox, "mailbox", detail="a une boîte aux lettres",
        good="aucun n'a de boîte aux lettres", bad="avec une boîte aux lettres", properties=("assignedPlans",),
    )  # fmt: skip


def permanent(facts: M365Facts, context: Context) -> Judgement:
    """Nobody but rescue accounts has a privileged role active for ever: roles are asked for when needed."""
    del context
    about, found = subject(facts), reading(facts, "role_active")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    names_of = _names(facts)
    apart = declared(facts, names_of)
    faults: list[Affected] = []
    unknown = 0
    looked = 0
    for row in found.rows:
        role, holder = _template(facts, row), word(row, "principalId")
        unknown += not role or not holder
        if role not in ROLES or holder in apart:
            continue
        looked += 1
        kind = word(row, "assignmentType")
        unknown += not kind
        if kind == "assigned" and moment(row, "endDateTime") is None:
            label = names_of.get(holder, holder)
            detail = f"{ROLES[role]}, sans fin"
            faults.append(Affected(id=f"{holder}:{role}", label=label, detail=detail, kind="permanent", ref=label))
    active = choose(len(faults), "actif", "actifs")
    bad = f"{count(len(faults), 'rôle')} d'administration sur {looked} {active} sans fin : {names(faults)}."
    good = "Aucun rôle d'administration n'est actif en permanence, hors comptes de secours."
    return conclude(about, found, faults, what="les rôles actifs", good=good, bad=bad, unknown=unknown)


def _names(facts: M365Facts) -> dict[str, str]:
    found: dict[str, str] = {}
    given = reading(facts, "role_assignments")
    for row in given.rows if isinstance(given, Rows) else ():
        found[word(row, "principalId")] = text(mapping(row, "principal"), "userPrincipalName")
    for name in ("users", "service_principals", "role_groups"):
        read = reading(facts, name)
        if isinstance(read, Rows):
            found |= {word(row, "id"): text(row, "userPrincipalName") or text(row, "displayName") for row in read.rows}
    return found


def _template(facts: M365Facts, row: Row) -> str:
    """Template id of the role of a row; built-in roles are their own template."""
    definition = word(row, "roleDefinitionId")
    found = reading(facts, "role_definitions")
    for role in found.rows if isinstance(found, Rows) else ():
        if word(role, "id") == definition:
            return word(role, "templateId") or definition
    return definition


def activation_approved(facts: M365Facts, context: Context) -> Judgement:
    """Somebody else approves when the role of global administrator is activated."""
    del context
    about, found = subject(facts), reading(facts, "role_policies")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    told = [approval(row) for row in found.rows if _template(facts, row) == GLOBAL]
    if not told or None in told:
        return not_assessed(about, missing("la règle d'activation du rôle", found, "policy"))
    seen = proof(found, f"isApprovalRequired = {str(all(told)).lower()}")
    if not all(told):
        return failed(about, "Le rôle d'administrateur général s'active sans l'accord de personne d'autre.", seen)
    return passed(about, "L'activation du rôle d'administrateur général demande un accord.", seen)


def alerts(facts: M365Facts, context: Context) -> Judgement:
    """A named address is told each time a privileged role is given, made available or activated."""
    del context
    about, found = subject(facts), reading(facts, "role_policies")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    rules = [(role, row) for row in found.rows if (role := _template(facts, row)) in ROLES]
    faults: list[Affected] = []
    unknown = 0
    for role, row in rules:
        silent = silent_alerts(row)
        unknown += silent is None
        if silent:
            detail = f"{count(len(silent), 'alerte')} sans destinataire"
            faults.append(Affected(id=role, label=ROLES[role], detail=detail, kind="silent", ref=ROLES[role]))
    unknown += not rules
    many = choose(len(faults), "n'alerte", "n'alertent")
    bad = f"{count(len(faults), 'rôle')} sur {len(rules)} {many} aucune adresse désignée : {names(faults)}."
    good = f"{count(len(rules), 'rôle')} : chaque attribution et activation alerte une adresse désignée."
    return conclude(about, found, faults, what="les alertes sur les rôles", good=good, bad=bad, unknown=unknown)


def guests(facts: M365Facts, context: Context) -> Judgement:
    """No guest holds a privileged role."""
    del context
    about, held = subject(facts), holdings(facts)
    if isinstance(held, Gap):
        return not_assessed(about, held)
    every = _people(privileged(held.items))
    faults = [_point(items, _held(items), "guest") for items in every.values() if any(item.guest for item in items)]
    if not faults and (gap := held.doubt):
        return not_assessed(about, gap)
    unknown = sum(1 for items in every.values() if all(item.guest is None for item in items))
    bad = f"{count(len(faults), 'invité')} avec un rôle d'administration : {names(faults)}."
    good = f"Aucun invité parmi les {count(len(every), 'administrateur')}."
    return conclude(about, held.source, faults, what="le type des comptes", good=good, bad=bad, unknown=unknown)


def applications(facts: M365Facts, context: Context) -> Judgement:
    """No application holds a privileged role: its secret would be worth an administrator, without second factor."""
    del context
    about, held = subject(facts), holdings(facts)
    if isinstance(held, Gap):
        return not_assessed(about, held)
    found: dict[str, list[Holding]] = {}
    for item in privileged(held.items):
        if item.kind == "application":
            found.setdefault(item.holder, []).append(item)
    faults = [_point(items, _held(items), "application") for items in found.values()]
    unknown = sum(1 for item in privileged(held.items) if not item.kind)
    if not faults and (gap := held.doubt):
        return not_assessed(about, gap)
    top = any(item.role in TOP for items in found.values() for item in items)
    bad = f"{count(len(faults), 'application')} avec un rôle d'administration : {names(faults)}."
    return conclude(
        about, held.source, faults, what="les porteurs de rôles", unknown=unknown, bad=bad,
        good="Aucune application ne porte de rôle d'administration.", severity=None if top else Severity.MEDIUM,
    )  # fmt: skip


def reviews(facts: M365Facts, context: Context) -> Judgement:
    """Somebody is asked again, from time to time, whether administrators and guests should stay."""
    del context
    about, found = subject(facts), reading(facts, "access_reviews")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    living = [str(row.get("scope", "")).casefold() for row in found.rows if word(row, "status") in LIVING]
    accounts = reading(facts, "users")
    alone = isinstance(accounts, Rows) and accounts.complete and not any(user.guest for user in users(accounts))
    seen = {
        "les rôles": any("roledefinition" in scope or "rolemanagement" in scope for scope in living),
        "les invités": alone or any("guest" in scope for scope in living),
    }
    lacking = [name for name, present in seen.items() if not present]
    if lacking and not found.complete:
        return not_assessed(about, stopped("les revues d'accès"))
    shown = proof(found, f"{count(len(living), 'revue en cours', 'revues en cours')} sur {len(found.rows)}")
    if lacking:
        return failed(about, f"Aucune revue d'accès en cours ou planifiée pour {' ni pour '.join(lacking)}.", shown)
    return passed(about, "Les rôles et les invités sont revus régulièrement.", shown)


def partners(facts: M365Facts, context: Context) -> Judgement:
    """The delegated rights of partners (GDAP) are known and justified: the profile says so, no interface reads them.

    A sign-in of a partner in the log while the profile says nothing is a finding; no trace proves nothing.
    """
    about, found = subject(facts), reading(facts, "sign_ins")
    answer = context.answers.get(PARTNERS)
    if answer is True:
        seen = Evidence(value="oui", source=f"profil du site, {PARTNERS}", origin=Origin.DECLARED)
        return passed(about, "L'établissement déclare connaître et justifier les droits de ses prestataires.", seen)
    if answer is False:
        seen = Evidence(value="non", source=f"profil du site, {PARTNERS}", origin=Origin.DECLARED)
        return failed(about, "L'établissement ne connaît pas les droits délégués à ses prestataires.", seen)
    trace = [
        row
        for row in (found.rows if isinstance(found, Rows) else ())
        if word(row, "crossTenantAccessType") == "serviceprovider" and not number(mapping(row, "status"), "errorCode")
    ]
    if trace and isinstance(found, Rows):
        apps = listed(dict.fromkeys(text(row, "appDisplayName") or "application inconnue" for row in trace))
        bad = (
            f"{count(len(trace), 'connexion')} d'un prestataire par des droits délégués, que l'établissement n'a pas "
            f"justifiés ({apps})."
        )
        return failed(about, bad, proof(found, f"{len(trace)} × crossTenantAccessType = serviceProvider"))
    detail = "Les droits délégués aux prestataires ne se lisent pas : demander la liste, puis répondre dans le profil."
    return not_assessed(about, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
