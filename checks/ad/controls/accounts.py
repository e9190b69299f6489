"""Ordinary accounts: unused, unprotected, wrongly grouped, with a heavy past or a written password."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from checks.ad import windows
from checks.ad.directory import Directory, Population, directory, enabled, has_flag, is_controller
from checks.ad.facts import NEVER, Account, AdFacts, Group
from checks.ad.judging import (
    THREE_YEARS,
    YEAR,
    Doubt,
    affected,
    concealed,
    day,
    flag,
    judge,
    missing,
    older,
    since,
    when_absent,
)
from checks.common.french import plural
from checks.model import (
    Context,
    Evidence,
    Gap,
    Judgement,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

DORMANT_SHARE = 25
"""Percent of enabled accounts (ANSSI, user_accounts_dormant): fail above."""
NEVER_EXPIRES_SHARE = 10
"""Percent of enabled user accounts (ANSSI, dont_expire): fail above."""
UNUSED_DAYS = 180
USER_GROUPS = frozenset({windows.DOMAIN_USERS, windows.DOMAIN_GUESTS})
DANGEROUS_HISTORY = windows.TIER0_RIDS | {windows.KRBTGT, 517, 520}
"""With Cert Publishers and Group Policy Creator Owners."""


def dormant(facts: AdFacts, context: Context) -> Judgement:
    """At most a quarter of the enabled users and computers are dormant.

    Dormant: password older than 1095 days, and last logon older than 365 days, or never logged on and created
    more than 365 days ago. A password that was never set is as old as can be. Managed service accounts and trust
    accounts are outside the public definition (users and computers).
    """
    index = directory(facts)
    base = index.accounts.where(lambda a: a.kind in {"user", "computer"} and enabled(a))
    return _share(
        facts,
        base,
        lambda a: _dormant(a, context.now),
        limit=DORMANT_SHARE,
        words=("{n} compte actif est dormant", "{n} comptes actifs sont dormants"),
        source="pwdLastSet, lastLogonTimestamp, whenCreated des comptes actifs",
    )


def _dormant(account: Account, now: datetime) -> Doubt:
    changed, seen = account.pwd_last_set, account.last_logon
    if changed is not None and changed != NEVER and not older(changed, THREE_YEARS, now):
        return ""
    if seen is not None and seen != NEVER:
        recent = not older(seen, YEAR, now)
        told = f"dernière connexion le {since(seen, now)}"
    elif account.created is not None:
        recent = not older(account.created, YEAR, now)
        told = f"jamais utilisé depuis sa création le {day(account.created)}" if seen == NEVER else ""
    else:
        return None
    if recent:
        return ""
    return told if told and changed is not None and account.uac is not None else None


def _share(
    facts: AdFacts,
    base: Population[Account],
    test: Callable[[Account], Doubt],
    *,
    limit: int,
    words: tuple[str, str],
    source: str,
) -> Judgement:
    """Compare a share of the accounts with a limit in percent, strictly above which the control fails.

    Accounts the directory hides count on neither side when they cannot change the verdict; otherwise nothing is
    concluded.
    """
    subject = facts.domain.dns_name
    if base.gap is not None:
        return not_assessed(subject, base.gap)
    if not base.items:
        return not_applicable(subject, "Le domaine n'a aucun compte actif à examiner.")
    doubts = [(account, test(account)) for account in base.items]
    wrong = [affected(account, doubt) for account, doubt in doubts if doubt]
    hidden = sum(doubt is None for _, doubt in doubts)
    total = len(doubts)
    share = 100 * len(wrong) / total
    evidence = Evidence(value=f"{len(wrong)} sur {total} ({share:.1f} %)".replace(".", ","), source=source)
    text = f"{plural(len(wrong), *words)} sur {total} ({share:.0f} %), pour une limite de {limit} %."
    if share > limit:
        wrong.sort(key=lambda found: found.label.casefold())
        return failed(subject, text, evidence, affected=tuple(wrong))
    if hidden and 100 * (len(wrong) + hidden) / total > limit:
        return not_assessed(subject, concealed(hidden, total, source))
    return passed(subject, text, evidence)


def unused(facts: AdFacts, context: Context) -> Judgement:
    """Every enabled user account was used in the last 180 days.

    An account never used counts once it is 180 days old. RID 500 is a break-glass account and is left out.
    """

    def test(account: Account) -> Doubt:
        seen = account.last_logon
        if seen is None:
            return None
        if seen != NEVER:
            late = older(seen, UNUSED_DAYS, context.now)
            return f"dernière connexion le {since(seen, context.now)}" if late else ""
        if account.created is None:
            return None
        late = older(account.created, UNUSED_DAYS, context.now)
        return f"jamais utilisé, créé le {since(account.created, context.now)}" if late else ""

    return judge(
        facts,
        directory(facts).enabled_users.where(lambda a: windows.rid(a.sid) != windows.ADMINISTRATOR),
        test,
        good="Tous les comptes utilisateurs actifs ont servi depuis moins de six mois.",
        bad=(
            "1 compte utilisateur actif n'a pas servi depuis six mois.",
            "{n} comptes utilisateurs actifs n'ont pas servi depuis six mois.",
        ),
        source="lastLogonTimestamp des comptes utilisateurs actifs",
        nothing="Le domaine n'a aucun compte utilisateur actif.",
    )


def _expected_groups(account: Account) -> frozenset[int]:
    """Return the RIDs Windows gives as primary group to an account of that kind."""
    if account.kind in {"user", "trust"}:
        return USER_GROUPS
    if account.uac is not None and account.uac & (windows.SERVER_TRUST | windows.PARTIAL_SECRETS):
        return frozenset({windows.DOMAIN_CONTROLLERS, windows.READ_ONLY_CONTROLLERS})
    if account.name.casefold() == windows.AZURE_AD_KERBEROS:
        return frozenset({windows.READ_ONLY_CONTROLLERS})
    return frozenset({windows.DOMAIN_COMPUTERS})


def _role_known(account: Account) -> bool:
    """Tell whether the flags that make a computer a controller were shown, when they matter."""
    return account.kind != "computer" or account.uac is not None


def builtin_primary_group(facts: AdFacts, context: Context) -> Judgement:
    """No account hides in a built-in group through its primary group.

    A primary group below 1000 must be the one Windows gives: 513 or 514 for a user, 515 for a computer or a
    managed service account, 516 or 521 for a controller (told by its flags).
    """
    del context

    def test(account: Account) -> Doubt:
        group = account.primary_group
        if group is None:
            return None
        if group >= windows.FIRST_ORDINARY_RID or group in _expected_groups(account):
            return ""
        return f"groupe principal {group}" if _role_known(account) else None

    return judge(
        facts,
        directory(facts).accounts,
        test,
        good="Aucun compte n'est rattaché à un groupe sensible par son groupe principal.",
        bad=(
            "1 compte appartient à un groupe sensible sans figurer dans la liste de ses membres.",
            "{n} comptes appartiennent à un groupe sensible sans figurer dans la liste de ses membres.",
        ),
        source="primaryGroupID (< 1000)",
    )


def changed_primary_group(facts: AdFacts, context: Context) -> Judgement:
    """Every account keeps the primary group Windows gave it, whatever the other value is.

    Values below 1000 count here too, as in the public text.
    """
    del context

    def test(account: Account) -> Doubt:
        group = account.primary_group
        if group is None:
            return None
        if group in _expected_groups(account):
            return ""
        return f"groupe principal {group}" if _role_known(account) else None

    return judge(
        facts,
        directory(facts).accounts,
        test,
        good="Tous les comptes gardent leur groupe principal d'origine.",
        bad=(
            "1 compte a un groupe principal modifié.",
            "{n} comptes ont un groupe principal modifié.",
        ),
        source="primaryGroupID",
    )


def guest(facts: AdFacts, context: Context) -> Judgement:
    """The guest account (RID 501) is disabled."""
    del context
    index = directory(facts)
    account = index.account(windows.GUEST)
    if account is None:
        return not_assessed(facts.domain.dns_name, index.accounts.gap or missing("le compte Invité"))

    def test(found: Account) -> Doubt:
        if found.uac is None:
            return None
        return "" if found.uac & windows.ACCOUNT_DISABLED else "compte actif"

    return judge(
        facts,
        Population((account,)),
        test,
        good="Le compte Invité est désactivé.",
        bad=("Le compte Invité est actif.", ""),
        source="userAccountControl de <domaine>-501",
    )


def password_not_required(facts: AdFacts, context: Context) -> Judgement:
    """No enabled account may have an empty password.

    Trust accounts always have the flag; computers that were never switched on are judged by
    `predictable_computers`.
    """
    del context
    return judge(
        facts,
        directory(facts).accounts.where(lambda a: enabled(a) and a.kind != "trust" and not _never_joined(a)),
        flag(windows.PASSWORD_NOT_REQUIRED, "mot de passe facultatif"),
        good="Tous les comptes actifs exigent un mot de passe.",
        bad=(
            "1 compte actif peut avoir un mot de passe vide.",
            "{n} comptes actifs peuvent avoir un mot de passe vide.",
        ),
        source="userAccountControl (0x20) des comptes actifs",
    )


def _never_joined(account: Account) -> bool:
    """Tell whether this is a computer created in advance (0x1020) that no machine ever used."""
    return (
        account.kind == "computer"
        and has_flag(account, windows.PASSWORD_NOT_REQUIRED | windows.WORKSTATION_TRUST)
        and account.last_logon == NEVER
        and not account.logon_count
    )


def predictable_computers(facts: AdFacts, context: Context) -> Judgement:
    """No enabled computer account created in advance still waits for its machine.

    Such an account (flags 0x1020, never used) may have its own name as password. No password is tried: the
    account is a candidate.
    """
    del context

    def test(account: Account) -> Doubt:
        if account.uac is None:
            return None
        return "créé à l'avance et jamais utilisé" if _never_joined(account) else ""

    return judge(
        facts,
        directory(facts).enabled_computers,
        test,
        good="Aucun compte d'ordinateur n'attend une machine avec un mot de passe prévisible.",
        bad=(
            "1 compte d'ordinateur jamais utilisé a peut-être un mot de passe prévisible.",
            "{n} comptes d'ordinateur jamais utilisés ont peut-être un mot de passe prévisible.",
        ),
        source="userAccountControl (0x1020), logonCount, lastLogonTimestamp",
        nothing="Aucun ordinateur actif n'est joint au domaine.",
    )


def machine_quota(facts: AdFacts, context: Context) -> Judgement:
    """Ordinary users may not join machines: ms-DS-MachineAccountQuota is 0."""
    del context
    subject = facts.domain.dns_name
    if isinstance(facts.policy, Gap):
        return not_assessed(subject, facts.policy)
    quota = facts.policy.machine_account_quota
    if quota is None:
        return not_assessed(subject, missing("ms-DS-MachineAccountQuota"))
    evidence = Evidence(value=str(quota), source=f"ms-DS-MachineAccountQuota de {facts.domain.dn}")
    if quota > 0:
        return failed(subject, f"N'importe quel utilisateur peut ajouter {quota} machine(s) au domaine.", evidence)
    return passed(subject, "Seuls les comptes autorisés peuvent ajouter une machine au domaine.", evidence)


def _principals(index: Directory) -> Population[Account | Group]:
    everyone: tuple[Account | Group, ...] = (*index.accounts.items, *index.groups.items)
    return Population(everyone, index.accounts.gap or index.groups.gap)


def _none_seen(item: Account | Group) -> Doubt:
    """Say what a history that was not shown means: none, unless the account is hidden."""
    return when_absent(item, "") if isinstance(item, Account) and not item.sid_history else ""


def dangerous_history(facts: AdFacts, context: Context) -> Judgement:
    """No SID history gives a built-in or privileged identity.

    Dangerous: anything but a domain SID (S-1-5-21-…), a last sub-authority that is a privileged RID in any
    domain, or the SID of a privileged account or group of this domain.
    """
    del context
    index = directory(facts)

    def test(item: Account | Group) -> Doubt:
        wrong = [
            sid
            for sid in item.sid_history
            if not sid.startswith("S-1-5-21-") or windows.rid(sid) in DANGEROUS_HISTORY or sid in index.privileged_sids
        ]
        if wrong:
            return f"porte aussi l'identité {', '.join(wrong)}"
        return _none_seen(item)

    return judge(
        facts,
        _principals(index),
        test,
        good="Aucun compte ne porte l'identité d'un administrateur dans son historique.",
        bad=(
            "1 compte ou groupe a en secret les droits d'une identité d'administration.",
            "{n} comptes ou groupes ont en secret les droits d'une identité d'administration.",
        ),
        source="(sIDHistory=*)",
    )


def any_history(facts: AdFacts, context: Context) -> Judgement:
    """No account or group keeps a SID history."""
    del context
    return judge(
        facts,
        _principals(directory(facts)),
        lambda item: f"{len(item.sid_history)} ancienne(s) identité(s)" if item.sid_history else _none_seen(item),
        good="Aucun compte ni groupe ne garde une ancienne identité.",
        bad=(
            "1 compte ou groupe garde les droits d'une ancienne identité.",
            "{n} comptes ou groupes gardent les droits d'une ancienne identité.",
        ),
        source="(sIDHistory=*)",
    )


def password_never_expires(facts: AdFacts, context: Context) -> Judgement:
    """At most a tenth of the enabled user accounts have a password that never expires."""
    del context
    return _share(
        facts,
        directory(facts).enabled_users,
        flag(windows.PASSWORD_NEVER_EXPIRES, "le mot de passe n'expire jamais"),
        limit=NEVER_EXPIRES_SHARE,
        words=(
            "{n} compte utilisateur a un mot de passe qui n'expire jamais",
            "{n} comptes utilisateurs ont un mot de passe qui n'expire jamais",
        ),
        source="userAccountControl (0x10000) des comptes utilisateurs actifs",
    )


def written_secrets(facts: AdFacts, context: Context) -> Judgement:
    """No account has a password written in one of its readable fields.

    Only the name of the field is known here; the collector never keeps the text. Disabled accounts count: the
    password is often used elsewhere.
    """
    del context

    def test(account: Account) -> Doubt:
        fields = ", ".join(account.secret_hints)
        return f"champ {fields} : valeur masquée" if fields else when_absent(account, "")

    return judge(
        facts,
        directory(facts).accounts,
        test,
        good="Aucun mot de passe n'apparaît dans les champs lisibles des comptes.",
        bad=(
            "1 compte a un mot de passe écrit dans un champ que tout le monde peut lire.",
            "{n} comptes ont un mot de passe écrit dans un champ que tout le monde peut lire.",
        ),
        source="description, info, comment et champs voisins (valeurs non conservées)",
    )


def obsolete_systems(facts: AdFacts, context: Context) -> Judgement:
    """No computer in use runs a Windows without security updates.

    In use: enabled, and not silent for more than 180 days. Controllers have their own control. Systems that are
    not Windows, or that the table of support dates does not know, are left out. Paid extensions (ESU) are not
    visible in a directory: the message says so.
    """
    today = context.now.date()

    def in_use(account: Account) -> bool:
        seen = account.last_logon
        return not seen or not older(seen, UNUSED_DAYS, context.now)

    def known(account: Account) -> bool:
        return windows.support_end(account.os, account.os_version) is not None

    def test(account: Account) -> Doubt:
        end = windows.support_end(account.os, account.os_version)
        if end is None or today <= end:
            return ""
        return f"{account.os} {account.os_version} : plus de correctifs depuis le {end:%d/%m/%Y}"

    computers = directory(facts).enabled_computers.where(lambda a: not is_controller(a) and in_use(a) and known(a))
    return judge(
        facts,
        computers,
        test,
        good="Tous les ordinateurs Windows en service reçoivent encore des correctifs de sécurité.",
        bad=(
            "1 ordinateur en service ne reçoit plus de correctifs, sauf contrat de support étendu.",
            "{n} ordinateurs en service ne reçoivent plus de correctifs, sauf contrat de support étendu.",
        ),
        source="operatingSystem, operatingSystemVersion des ordinateurs actifs",
        nothing="Aucun ordinateur Windows en service dont la version soit connue.",
    )
