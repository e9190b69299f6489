"""Guests and what members may open to others: rights, invitations, unused guests, groups."""

from __future__ import annotations

from datetime import timedelta

from checks.common.french import count
from checks.m365.controls.identity import unused
from checks.m365.facts import M365Facts, Rows
from checks.m365.judging import conclude, day, missing, named, names, proof, stopped, subject, switch
from checks.m365.reading import lacks, licence_gap, one, reading
from checks.m365.resources import P1
from checks.m365.views.settings import group
from checks.m365.views.users import last_use, unreadable, users
from checks.m365.views.values import Row, document, flag, mapping, texts, word
from checks.model import Affected, Context, Gap, Judgement, failed, not_applicable, not_assessed, passed

AS_MEMBERS = "a0b1b346-4d3e-4e8b-98f8-753987be4970"
GUEST_ROLES = {
    "10dae51f-b6af-4016-8d66-8c2a99b929b3": "limités",
    "2af84b1e-32c8-42b7-82bc-daa82404023b": "restreints à eux-mêmes",
}
"""Values of `guestUserRoleId` (Microsoft documentation of external collaboration)."""
INVITERS = {
    "none": "personne",
    "adminsandguestinviters": "les administrateurs et les inviteurs désignés",
    "adminsguestinvitersandallmembers": "tous les membres",
    "everyone": "tout le monde, invités compris",
}
WAIT = timedelta(days=30)
"""Time left to accept an invitation."""


def rights(facts: M365Facts, context: Context) -> Judgement:
    """Guests do not read the whole directory."""
    del context
    about, found = subject(facts), reading(facts, "authorization_policy")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    role = word(one(found), "guestUserRoleId")
    seen = proof(found, f"guestUserRoleId = {role}")
    if role in GUEST_ROLES:
        return passed(about, f"Les droits de lecture des invités sont {GUEST_ROLES[role]}.", seen)
    if role == AS_MEMBERS:
        return failed(about, "Les invités lisent tout l'annuaire, comme un membre du personnel.", seen)
    return not_assessed(about, missing("les droits des invités", found, "guestUserRoleId"))


def invitations(facts: M365Facts, context: Context) -> Judgement:
    """Only administrators and designated people invite."""
    del context
    about, found = subject(facts), reading(facts, "authorization_policy")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    who = word(one(found), "allowInvitesFrom")
    if who not in INVITERS:
        return not_assessed(about, missing("qui peut inviter", found, "allowInvitesFrom"))
    seen = proof(found, f"allowInvitesFrom = {who}")
    if who in ("none", "adminsandguestinviters"):
        return passed(about, f"Peuvent inviter : {INVITERS[who]}.", seen)
    return failed(about, f"Peuvent inviter des personnes extérieures : {INVITERS[who]}.", seen)


def domains(facts: M365Facts, context: Context) -> Judgement:
    """Invitations go to a list of allowed domains; a list of refused ones leaves all the others open."""
    del context
    about, found = subject(facts), reading(facts, "b2b_policy")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    rules = [row for row in found.rows if "b2bmanagementpolicy" in (word(row, "type"), word(row, "displayName"))]
    if not rules:
        if not found.complete:
            return not_assessed(about, stopped("les politiques d'invitation"))
        return failed(about, "On peut inviter une adresse de n'importe quel domaine.", proof(found, "aucune liste"))
    lists = [_lists(row) for row in rules]
    if any(one_list is None for one_list in lists):
        return not_assessed(about, missing("la liste des domaines invités", found, "definition"))
    allowed = [name for one_list in lists for name in texts(one_list or {}, "AllowedDomains")]
    refused = [name for one_list in lists for name in texts(one_list or {}, "BlockedDomains")]
    seen = proof(found, f"{len(allowed)} domaines autorisés, {len(refused)} refusés")
    if allowed:
        return passed(about, f"Les invitations sont limitées à {count(len(allowed), 'domaine')}.", seen)
    extra = f" sauf {count(len(refused), 'domaine refusé', 'domaines refusés')}" if refused else ""
    return failed(about, f"On peut inviter une adresse de n'importe quel domaine{extra}.", seen)


def _lists(row: Row) -> Row | None:
    """The lists of domains of a policy, kept as JSON texts; None when it cannot be read."""
    for definition in texts(row, "definition"):
        inside = mapping(document(definition), "B2BManagementPolicy")
        if inside:
            return mapping(inside, "InvitationsAllowedAndBlockedDomainsPolicy")
    return None


def unused_guests(facts: M365Facts, context: Context) -> Judgement:
    """No invitation waits for more than 30 days, and no guest is without a sign-in for 90 days."""
    about, found = subject(facts), reading(facts, "users")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    every = users(found)
    invited = [user for user in every if user.guest and user.enabled is not False]
    unknown = sum(1 for user in every if user.guest is None) + unreadable(found)
    if not invited and not unknown and found.complete:
        return not_applicable(about, "Aucun invité actif dans l'annuaire.")
    activity = reading(facts, "user_activity")
    used = last_use(activity) if isinstance(activity, Rows) else {}
    faults: list[Affected] = []
    for user in invited:
        asked = user.state_since or user.created
        if user.pending and asked is not None and context.now - asked > WAIT:
            faults.append(user.point(f"invitation jamais acceptée, du {day(asked)}", "pending"))
            continue
        told = "" if user.pending else unused(user, used, context)
        unknown += told is None or (user.pending and asked is None)
        if told:
            faults.append(user.point(told, "stale"))
    if not faults and isinstance(activity, Gap):
        return not_assessed(about, activity)
    if not faults and isinstance(activity, Rows) and not activity.complete:
        return not_assessed(about, stopped("les dernières connexions"))
    bad = f"{count(len(faults), 'invité')} sur {len(invited)} à retirer : {names(faults)}."
    good = f"{count(len(invited), 'invité')} : tous ont accepté et ont servi depuis 90 jours."
    return conclude(about, found, faults, what="l'usage des comptes invités", good=good, bad=bad, unknown=unknown)


def direct_connect(facts: M365Facts, context: Context) -> Judgement:
    """By default, other organisations do not enter through direct connection, which leaves no guest account."""
    del context
    about, found = subject(facts), reading(facts, "cross_tenant")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    inbound = mapping(one(found), "b2bDirectConnectInbound")
    people = word(mapping(inbound, "usersAndGroups"), "accessType")
    apps = word(mapping(inbound, "applications"), "accessType")
    if not {people, apps} <= {"allowed", "blocked"}:
        return not_assessed(about, missing("l'accès des autres organisations", found, "b2bDirectConnectInbound"))
    seen = proof(found, f"usersAndGroups = {people}, applications = {apps}")
    if "blocked" in (people, apps):
        return passed(about, "La connexion directe depuis d'autres organisations est bloquée par défaut.", seen)
    return failed(about, "Toute autre organisation peut entrer par connexion directe, sans compte invité.", seen)


def public_groups(facts: M365Facts, context: Context) -> Judgement:
    """No group or team is public: anybody of the tenant would read its files."""
    del context
    about, found = subject(facts), reading(facts, "groups")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    faults = [named(row, "public_group", "public") for row in found.rows if word(row, "visibility") == "public"]
    unknown = sum(1 for row in found.rows if word(row, "visibility") not in ("public", "private", "hiddenmembership"))
    bad = f"{count(len(faults), 'groupe public', 'groupes publics')} sur {len(found.rows)} : {names(faults)}."
    good = f"{count(len(found.rows), 'groupe')}, aucun public."
    return conclude(about, found, faults, what="la visibilité des groupes", good=good, bad=bad, unknown=unknown,
                    properties=("visibility",))  # fmt: skip


CREATIONS = {"allowedToCreateTenants": "des locataires", "allowedToCreateSecurityGroups": "des groupes de sécurité"}


def creations(facts: M365Facts, context: Context) -> Judgement:
    """Users create neither tenants nor security groups."""
    del context
    about, found = subject(facts), reading(facts, "authorization_policy")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    told = {name: flag(mapping(one(found), "defaultUserRolePermissions"), name) for name in CREATIONS}
    free = [words for name, words in CREATIONS.items() if told[name]]
    seen = proof(found, ", ".join(f"{name} = {str(value).lower()}" for name, value in told.items()))
    if free:
        return failed(about, f"Tout utilisateur peut créer {' et '.join(free)}.", seen)
    if None in told.values():
        return not_assessed(about, missing("ce que les utilisateurs créent", found, "defaultUserRolePermissions"))
    return passed(about, "Les utilisateurs ne créent ni locataires ni groupes de sécurité.", seen)


def group_creation(facts: M365Facts, context: Context) -> Judgement:
    """Only designated people create Microsoft 365 groups and teams; unset, everybody does."""
    del context
    about, found = subject(facts), reading(facts, "directory_settings")
    if lacks(facts, P1):
        return not_assessed(about, licence_gap(P1))
    if isinstance(found, Gap):
        return not_assessed(about, found)
    values = group(found, "Group.Unified")
    if isinstance(values, Gap):
        return not_assessed(about, values)
    told = flag(values, "enablegroupcreation") if values is not None else True
    return switch(
        about, found, told, what="qui crée des groupes", name="EnableGroupCreation", expected=False,
        good="Seules des personnes désignées créent des groupes et des équipes.",
        bad="Tout utilisateur peut créer des groupes et des équipes, donc des espaces que personne ne suit.",
    )  # fmt: skip
