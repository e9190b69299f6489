"""Privileged accounts: how many, how protected, with which passwords."""

from __future__ import annotations

from checks.ad import windows
from checks.ad.controls.kerberos import policy_of
from checks.ad.directory import directory, enabled, has_flag, population
from checks.ad.facts import NEVER, Account, AdFacts, Group
from checks.ad.judging import DAY, THREE_YEARS, Doubt, affected, flag, judge, missing, older, since, when_absent
from checks.ad.rights import strangers_in_control
from checks.common.french import plural
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

MOST_PRIVILEGED = 50
PER_DOMAIN = 3
"""The limit is 50 or 3 per domain of the forest, whichever is larger; "too many" is strictly more."""
SHORTEST_PASSWORD = 8
"""Characters (ANSSI, privileged_members_password)."""
FRESH = 3600
"""Seconds. Windows marks the members of privileged groups once an hour."""
MEMBERS = "membres récursifs et primaryGroupID des groupes privilégiés"


def count(facts: AdFacts, context: Context) -> Judgement:
    """There are at most 50 privileged people (or 3 per domain), each name counted once.

    RID 500 and controllers are left out. Disabled accounts count: the text speaks of members.
    """
    del context
    return _too_many(facts, len({account.name.casefold() for account in _counted(facts)}))


def count_all(facts: AdFacts, context: Context) -> Judgement:
    """There are at most 50 privileged accounts (or 3 per domain), foreign members included.

    Differs from `count` by counting every member: same names twice, principals of other domains.
    """
    del context
    inside = directory(facts).privileged_members
    return _too_many(facts, len(_counted(facts)) + len(inside.foreign) + len(inside.unknown))


def _counted(facts: AdFacts) -> list[Account]:
    return [a for a in directory(facts).privileged.items if windows.rid(a.sid) != windows.ADMINISTRATOR]


def _too_many(facts: AdFacts, number: int) -> Judgement:
    limit = max(MOST_PRIVILEGED, PER_DOMAIN * facts.domain.domains_in_forest)
    evidence = Evidence(value=f"{number} (limite {limit})", source=MEMBERS)
    if number > limit:
        listed = tuple(affected(a, "compte privilégié") for a in _counted(facts))
        text = f"{number} comptes administrent le domaine, au-delà de la limite de {limit}."
        return failed(facts.domain.dns_name, text, evidence, affected=listed)
    gap = directory(facts).privileged_gap
    if gap is not None:
        return not_assessed(facts.domain.dns_name, gap)
    text = plural(number, "{n} compte administre le domaine", "{n} comptes administrent le domaine")
    return passed(facts.domain.dns_name, f"{text}, pour une limite de {limit}.", evidence)


def password_never_expires(facts: AdFacts, context: Context) -> Judgement:
    """No enabled privileged account has a password that never expires."""
    del context
    return judge(
        facts,
        directory(facts).privileged.where(enabled),
        flag(windows.PASSWORD_NEVER_EXPIRES, "le mot de passe n'expire jamais"),
        good="Les mots de passe des comptes privilégiés actifs expirent.",
        bad=(
            "1 compte privilégié a un mot de passe qui n'expire jamais.",
            "{n} comptes privilégiés ont un mot de passe qui n'expire jamais.",
        ),
        source="userAccountControl (0x10000) des comptes privilégiés",
    )


def old_password(facts: AdFacts, context: Context) -> Judgement:
    """Every enabled privileged account, RID 500 included, changed its password in the last 1095 days.

    pwdLastSet at 0 means that the password must be changed at the next logon: its age is not known and not held
    against it.
    """

    def test(account: Account) -> Doubt:
        changed = account.pwd_last_set
        if changed is None:
            return None
        if changed != NEVER and older(changed, THREE_YEARS, context.now):
            return f"mot de passe du {since(changed, context.now)}"
        return ""

    return judge(
        facts,
        directory(facts).privileged.where(enabled),
        test,
        good="Les comptes privilégiés actifs ont changé de mot de passe depuis moins de trois ans.",
        bad=(
            "1 compte privilégié garde le même mot de passe depuis plus de trois ans.",
            "{n} comptes privilégiés gardent le même mot de passe depuis plus de trois ans.",
        ),
        source="pwdLastSet des comptes privilégiés",
    )


def protected_users(facts: AdFacts, context: Context) -> Judgement:
    """Enabled privileged users are in Protected Users (RID 525), nested groups unfolded.

    RID 500 is the break-glass account and is left out; so are managed service accounts and computers, which
    the group would break. A domain without the group fails for every account.
    """
    del context
    index = directory(facts)
    inside = index.protected_users
    group = index.group(windows.PROTECTED_USERS)
    cut = group is not None and index.members([group]).cut

    def test(account: Account) -> Doubt:
        if account.sid in inside:
            return ""
        return None if cut else "hors du groupe Protected Users"

    return judge(
        facts,
        index.privileged.where(_ordinary_admin),
        test,
        good="Les comptes privilégiés sont dans le groupe Protected Users.",
        bad=(
            "1 compte privilégié n'a pas la protection renforcée de Windows (Protected Users).",
            "{n} comptes privilégiés n'ont pas la protection renforcée de Windows (Protected Users).",
        ),
        source="membres du groupe <domaine>-525",
        nothing="Aucun compte privilégié actif en dehors du compte Administrateur intégré.",
    )


def _ordinary_admin(account: Account) -> bool:
    return account.kind == "user" and enabled(account) and windows.rid(account.sid) != windows.ADMINISTRATOR


def admin_count(facts: AdFacts, context: Context) -> Judgement:
    """Privileged accounts carry adminCount=1, the mark of Windows' hourly protection.

    Disabled accounts count. Accounts created less than an hour before the collection are left out, since the
    protection has not run yet.
    """

    def test(account: Account) -> Doubt:
        if account.admin_count == 1:
            return ""
        if account.created is not None and context.now.timestamp() - account.created < FRESH:
            return ""
        if account.admin_count is None:
            return when_absent(account, "adminCount absent")
        return f"adminCount à {account.admin_count}"

    return judge(
        facts,
        directory(facts).privileged,
        test,
        good="Les comptes privilégiés portent la marque de protection de Windows.",
        bad=(
            "1 compte privilégié a perdu la protection automatique de Windows.",
            "{n} comptes privilégiés ont perdu la protection automatique de Windows.",
        ),
        source="adminCount des comptes privilégiés",
    )


def reversible(facts: AdFacts, context: Context) -> Judgement:
    """No privileged account keeps its password in a form that can be read back. Disabled accounts count."""
    del context
    return judge(
        facts,
        directory(facts).privileged,
        flag(windows.REVERSIBLE_PASSWORD, "mot de passe stocké de façon réversible"),
        good="Aucun des comptes privilégiés ne stocke son mot de passe de façon réversible.",
        bad=(
            "1 compte privilégié a un mot de passe stocké de façon lisible.",
            "{n} comptes privilégiés ont un mot de passe stocké de façon lisible.",
        ),
        source="userAccountControl (0x80) des comptes privilégiés",
    )


def weak_policy(facts: AdFacts, context: Context) -> Judgement:
    """The policy that applies to enabled privileged users asks for 8 characters and a change within 3 years.

    The policy is the fine-grained one the directory names for the account, else the one of the domain. Its name
    is public but its content is not: an unreadable one is not assessed, never assumed good.
    """
    del context

    def test(account: Account) -> Doubt:
        if not account.resultant_pso:
            if account.uac is None:
                return None
            source = None if isinstance(facts.policy, Gap) else facts.policy
            return _weakness(source.min_length, source.max_age, "domaine") if source else None
        policies = facts.password_settings
        policy = None if isinstance(policies, Gap) else policy_of(account, policies)
        return _weakness(policy.min_length, policy.max_age, policy.name) if policy else None

    return judge(
        facts,
        directory(facts).privileged.where(lambda a: a.kind == "user" and enabled(a)),
        test,
        good="Les comptes privilégiés suivent une règle de mot de passe suffisante.",
        bad=(
            "1 compte privilégié suit une règle de mot de passe trop faible.",
            "{n} comptes privilégiés suivent une règle de mot de passe trop faible.",
        ),
        source="la règle de mot de passe (msDS-ResultantPSO, minPwdLength, maxPwdAge)",
    )


def _weakness(length: int | None, age: int | None, policy: str) -> Doubt:
    if length is not None and length < SHORTEST_PASSWORD:
        return f"{length} caractères au moins (règle {policy})"
    if age is not None and (age <= 0 or age > THREE_YEARS * DAY):
        return f"aucune expiration avant trois ans (règle {policy})"
    return None if length is None or age is None else ""


def silo(facts: AdFacts, context: Context) -> Judgement:
    """Enabled privileged accounts belong to an enforced authentication silo that lists them.

    RID 500 is left out as break-glass account; disabled accounts cannot log on and are left out too.
    """
    del context
    silos = population(facts.silos)
    by_dn = {item.dn.casefold(): item for item in silos.items}

    def test(account: Account) -> Doubt:
        if not account.silo:
            return when_absent(account, "aucun silo d'authentification")
        if silos.gap is not None:
            return None
        found = by_dn.get(account.silo.casefold())
        if found is None:
            return "silo inconnu"
        if account.dn.casefold() not in {dn.casefold() for dn in found.members}:
            return f"non déclaré dans le silo {found.name}"
        return "" if found.enforced else f"silo {found.name} non appliqué"

    return judge(
        facts,
        directory(facts).privileged.where(lambda a: enabled(a) and windows.rid(a.sid) != windows.ADMINISTRATOR),
        test,
        good="Les comptes privilégiés sont dans un silo d'authentification appliqué.",
        bad=(
            "1 compte privilégié peut ouvrir une session depuis n'importe quel poste.",
            "{n} comptes privilégiés peuvent ouvrir une session depuis n'importe quel poste.",
        ),
        source="msDS-AssignedAuthNPolicySilo, msDS-AuthNPolicySiloEnforced",
        nothing="Aucun compte privilégié actif en dehors du compte Administrateur intégré.",
    )


def dns_admins(facts: AdFacts, context: Context) -> Judgement:
    """DnsAdmins has no member, and only administrators own it or may change it.

    The group has no fixed RID; its sAMAccountName is not translated by Windows.
    """
    del context
    index = directory(facts)
    subject = facts.domain.dns_name
    group = next((g for g in index.groups.items if g.name.casefold() == windows.DNS_ADMINS), None)
    if group is None:
        if index.groups.gap is not None:
            return not_assessed(subject, index.groups.gap)
        return not_applicable(subject, "Le domaine n'a pas de groupe DnsAdmins.")
    wrong = _direct_members(facts, group) + _strangers(facts, group)
    evidence = Evidence(value=f"{len(group.members)} membre(s)", source=f"member, nTSecurityDescriptor de {group.dn}")
    if wrong:
        text = plural(
            len(wrong),
            "1 compte ou groupe peut prendre le contrôle du domaine par le service DNS.",
            "{n} comptes ou groupes peuvent prendre le contrôle du domaine par le service DNS.",
        )
        return failed(subject, text, evidence, affected=wrong)
    if group.descriptor not in facts.descriptors:
        return not_assessed(subject, missing("les droits posés sur le groupe DnsAdmins"))
    if group.members_cut or index.privileged_gap is not None:
        gap = index.privileged_gap or missing("tous les membres de DnsAdmins")
        return not_assessed(subject, gap)
    return passed(subject, "Le groupe DnsAdmins est vide et bien protégé.", evidence)


def _direct_members(facts: AdFacts, group: Group) -> tuple[Affected, ...]:
    """Point at the direct members of a group, those by primary group included."""
    index = directory(facts)
    found: dict[str, Affected] = {}
    for dn in group.members:
        sid = index.member_sid(dn)
        known = index.account_by_sid.get(sid) or index.group_by_sid.get(sid)
        label = known.name if known else dn
        found[sid or dn] = Affected(id=sid or dn, label=label, detail="membre du groupe")
    for account in index.accounts.items:
        if account.primary_group == windows.rid(group.sid) and account.sid not in found:
            found[account.sid] = affected(account, "membre du groupe (groupe principal)")
    return tuple(found.values())


def _strangers(facts: AdFacts, group: Group) -> tuple[Affected, ...]:
    descriptor = facts.descriptors.get(group.descriptor)
    if descriptor is None:
        return ()
    index = directory(facts)
    found = []
    for sid, right in strangers_in_control(descriptor, index).items():
        known = index.account_by_sid.get(sid) or index.group_by_sid.get(sid)
        found.append(Affected(id=sid, label=known.name if known else sid, detail=f"droit : {right}"))
    return tuple(found)


def schema_admins(facts: AdFacts, context: Context) -> Judgement:
    """Schema Admins (RID 518) has no permanent member, not even the built-in Administrator."""
    del context
    index = directory(facts)
    subject = facts.domain.dns_name
    group = index.group(windows.SCHEMA_ADMINS)
    if group is None:
        if index.groups.gap is not None:
            return not_assessed(subject, index.groups.gap)
        return not_applicable(subject, "Le groupe Administrateurs du schéma est dans un autre domaine.")
    wrong = _direct_members(facts, group)
    evidence = Evidence(value=f"{len(wrong)} membre(s)", source="member de <domaine>-518")
    if wrong:
        text = plural(
            len(wrong),
            "1 compte ou groupe est administrateur permanent du schéma.",
            "{n} comptes ou groupes sont administrateurs permanents du schéma.",
        )
        return failed(subject, text, evidence, affected=wrong)
    if index.accounts.gap is not None or group.members_cut:
        return not_assessed(subject, index.accounts.gap or missing("tous les administrateurs du schéma"))
    return passed(subject, "Le groupe Administrateurs du schéma est vide.", evidence)


def delegable(facts: AdFacts, context: Context) -> Judgement:
    """Enabled privileged users cannot be impersonated by a service.

    They are marked "sensitive, cannot be delegated" or are in Protected Users. RID 500 is included.
    """
    del context
    inside = directory(facts).protected_users

    def test(account: Account) -> Doubt:
        if account.sid in inside or has_flag(account, windows.NOT_DELEGATED):
            return ""
        return None if account.uac is None else "peut être délégué"

    return judge(
        facts,
        directory(facts).privileged.where(lambda a: a.kind == "user" and enabled(a)),
        test,
        good="Aucun des comptes privilégiés ne peut être délégué à un service.",
        bad=(
            "1 compte privilégié peut être emprunté par un service piégé.",
            "{n} comptes privilégiés peuvent être empruntés par un service piégé.",
        ),
        source="userAccountControl (0x100000) et membres de <domaine>-525",
    )
