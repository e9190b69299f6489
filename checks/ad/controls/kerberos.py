"""Kerberos: the master key of the domain, pre-authentication, service names and ciphers of accounts."""

from __future__ import annotations

from datetime import datetime

from checks.ad import windows
from checks.ad.directory import Population, directory, enabled
from checks.ad.facts import NEVER, Account, AdFacts, PasswordSettings
from checks.ad.judging import THREE_YEARS, YEAR, Doubt, flag, judge, missing, older, since, when_absent
from checks.model import Context, Gap, Judgement, not_assessed

LONG_PASSWORD = 32
"""Characters. Above it the public text tolerates a service name or no pre-authentication (ANSSI, spn_priv)."""


def krbtgt_password(facts: AdFacts, context: Context) -> Judgement:
    """The password of krbtgt (RID 502) was changed in the last 365 days.

    "One year" is taken as 365 fixed days; exactly 365 days conforms. A krbtgt whose pwdLastSet is 0 is judged on
    its creation date.
    """
    index = directory(facts)
    account = index.account(windows.KRBTGT)
    if account is None:
        gap = index.accounts.gap or missing("le compte krbtgt")
        return not_assessed(facts.domain.dns_name, gap)
    return judge(
        facts,
        Population((account,)),
        lambda a: stale_password(a, YEAR, context.now),
        good="Le mot de passe de krbtgt, clé maîtresse du domaine, a moins d'un an.",
        bad=("Le mot de passe de krbtgt, clé maîtresse du domaine, a plus d'un an.", ""),
        source="pwdLastSet de (objectSid=<domaine>-502)",
    )


def stale_password(account: Account, days: int, now: datetime) -> Doubt:
    """Judge the age of a password the system should renew by itself; 0 falls back on the creation date."""
    changed = account.created if account.pwd_last_set == NEVER else account.pwd_last_set
    if changed is None:
        return None
    return f"mot de passe du {since(changed, now)}" if older(changed, days, now) else ""


def preauth_privileged(facts: AdFacts, context: Context) -> Judgement:
    """No privileged account has Kerberos pre-authentication turned off.

    The public text does not say "enabled": disabled accounts count, the flag comes back to life with them.
    """
    del context
    return judge(
        facts,
        directory(facts).privileged,
        flag(windows.NO_PREAUTH, "pré-authentification Kerberos désactivée"),
        good="Les comptes privilégiés exigent la pré-authentification Kerberos.",
        bad=(
            "1 compte privilégié livre son mot de passe chiffré à qui le demande.",
            "{n} comptes privilégiés livrent leur mot de passe chiffré à qui le demande.",
        ),
        source="userAccountControl (0x400000) des comptes privilégiés",
    )


def preauth_others(facts: AdFacts, context: Context) -> Judgement:
    """No other enabled account has Kerberos pre-authentication turned off.

    Privileged accounts are judged by `preauth_privileged` only, so that one account is not counted twice. An
    account under a fine-grained policy of more than 32 characters, AES only, is tolerated as the public text does.
    """
    del context
    index = directory(facts)
    others = index.accounts.where(lambda a: enabled(a) and a.sid not in index.privileged_sids)
    bit = flag(windows.NO_PREAUTH, "pré-authentification Kerberos désactivée")

    def test(account: Account) -> Doubt:
        doubt = bit(account)
        return excused(account, facts, doubt) if doubt else doubt

    return judge(
        facts,
        others if index.privileged_gap is None else others._replace(gap=index.privileged_gap),
        test,
        good="Les comptes actifs non privilégiés exigent la pré-authentification Kerberos.",
        bad=(
            "1 compte livre son mot de passe chiffré à qui le demande.",
            "{n} comptes livrent leur mot de passe chiffré à qui le demande.",
        ),
        source="userAccountControl (0x400000) des comptes actifs",
    )


def excused(account: Account, facts: AdFacts, finding: str) -> Doubt:
    """Drop a finding the public text tolerates; None when the policy that would excuse it cannot be read.

    Tolerated: a fine-grained policy of more than 32 characters and at most three years, a password changed after
    that policy, and AES as only cipher.
    """
    types = account.enctypes or 0
    if not account.resultant_pso or not types & windows.AES or types & (windows.DES | windows.RC4):
        return finding
    if isinstance(facts.password_settings, Gap):
        return None
    policy = policy_of(account, facts.password_settings)
    if policy is None:
        return None
    return "" if _strong(policy) and _changed_since(account, policy) else finding


def policy_of(account: Account, policies: tuple[PasswordSettings, ...]) -> PasswordSettings | None:
    """Return the fine-grained policy that applies to the account, if it was read."""
    wanted = account.resultant_pso.casefold()
    return next((policy for policy in policies if policy.dn.casefold() == wanted), None)


def _strong(policy: PasswordSettings) -> bool:
    age = policy.max_age or 0
    return (policy.min_length or 0) > LONG_PASSWORD and 0 < age <= THREE_YEARS * 86_400


def _changed_since(account: Account, policy: PasswordSettings) -> bool:
    return policy.changed is not None and (account.pwd_last_set or 0) > policy.changed


def spn_privileged(facts: AdFacts, context: Context) -> Judgement:
    """No enabled privileged user account carries a service name.

    Managed service accounts are tolerated: their password is long and renewed by the system.
    """
    del context
    users = directory(facts).privileged.where(lambda a: a.kind == "user" and enabled(a))

    def test(account: Account) -> Doubt:
        if not account.spns:
            return ""
        return excused(account, facts, f"nom de service {account.spns[0]}")

    return judge(
        facts,
        users,
        test,
        good="Aucun des comptes privilégiés ne porte de nom de service.",
        bad=(
            "1 compte privilégié sert aussi de compte de service, attaquable hors ligne.",
            "{n} comptes privilégiés servent aussi de compte de service, attaquable hors ligne.",
        ),
        source="servicePrincipalName des comptes privilégiés",
    )


def kerberoastable(facts: AdFacts, context: Context) -> Judgement:
    """User accounts that carry a service name use AES and a password of less than 365 days.

    Any authenticated user may ask for a ticket of such an account and attack its password at home; an old
    password or RC4 makes that practical. Goes beyond the public ANSSI list.
    """
    services = directory(facts).enabled_users.where(lambda a: bool(a.spns) and not is_krbtgt(a))

    def test(account: Account) -> Doubt:
        reasons = []
        if account.enctypes is None and account.uac is None:
            return None
        if not (account.enctypes or 0) & windows.AES:
            reasons.append("AES non activé")
        changed = account.pwd_last_set
        if changed is None and not reasons:
            return None
        if changed and older(changed, YEAR, context.now):
            reasons.append(f"mot de passe du {since(changed, context.now)}")
        return ", ".join(reasons)

    return judge(
        facts,
        services,
        test,
        good="Les comptes de service utilisent AES et un mot de passe de moins d'un an.",
        bad=(
            "1 compte de service a un mot de passe attaquable hors ligne par n'importe quel utilisateur.",
            "{n} comptes de service ont un mot de passe attaquable hors ligne par n'importe quel utilisateur.",
        ),
        source="(servicePrincipalName=*) pwdLastSet, msDS-SupportedEncryptionTypes",
        nothing="Aucun compte utilisateur ne porte de nom de service.",
    )


def is_krbtgt(account: Account) -> bool:
    """Tell whether the account is the krbtgt of the domain or of a read-only controller."""
    return windows.rid(account.sid) == windows.KRBTGT or account.krbtgt_number is not None


def service_encryption(facts: AdFacts, context: Context) -> Judgement:
    """Enabled service accounts declare AES and no DES.

    AES256 alone is accepted: the text asks for AES, not for both sizes. An absent attribute does not conform.
    """
    del context
    services = directory(facts).accounts.where(
        lambda a: bool(a.spns) and a.kind not in {"computer", "trust"} and enabled(a) and not is_krbtgt(a)
    )

    def test(account: Account) -> Doubt:
        if account.enctypes is None:
            return when_absent(account, "chiffrement non déclaré")
        if account.enctypes & windows.DES:
            return "DES autorisé"
        return "" if account.enctypes & windows.AES else "AES non activé"

    return judge(
        facts,
        services,
        test,
        good="Les comptes de service déclarent le chiffrement AES.",
        bad=(
            "1 compte de service n'est pas réglé pour le chiffrement AES.",
            "{n} comptes de service ne sont pas réglés pour le chiffrement AES.",
        ),
        source="(servicePrincipalName=*) msDS-SupportedEncryptionTypes",
        nothing="Aucun compte de service ne porte de nom de service.",
    )


def des_only(facts: AdFacts, context: Context) -> Judgement:
    """No account is limited to DES. Disabled accounts count: the public text does not leave them out."""
    del context
    return judge(
        facts,
        directory(facts).accounts,
        flag(windows.DES_ONLY, "limité au chiffrement DES"),
        good="Aucun des comptes n'est limité au chiffrement DES.",
        bad=(
            "1 compte est limité à DES, un chiffrement cassé.",
            "{n} comptes sont limités à DES, un chiffrement cassé.",
        ),
        source="userAccountControl (0x200000)",
    )
