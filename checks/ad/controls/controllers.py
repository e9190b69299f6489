"""Domain controllers: that they add up, are supported, alive, and speak modern ciphers."""

from __future__ import annotations

from checks.ad import windows
from checks.ad.controls.kerberos import stale_password
from checks.ad.directory import Population, directory, has_flag, population
from checks.ad.facts import NEVER, Account, AdFacts, ServerObject
from checks.ad.judging import Doubt, affected, judge, older, since, when_absent
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Reason,
    failed,
    not_assessed,
    passed,
)

ROTATION_DAYS = 45
"""Controllers renew their password every 30 days; ANSSI fails above 45."""
ENOUGH = 2

_WRITABLE_FLAGS = windows.SERVER_TRUST | windows.TRUSTED_FOR_DELEGATION
_READ_ONLY_FLAGS = windows.PARTIAL_SECRETS | windows.PROTOCOL_TRANSITION | windows.WORKSTATION_TRUST


def consistent(facts: AdFacts, context: Context) -> Judgement:
    """Every controller object has the flags of its role, a server object, and settings that fit its Windows.

    The level in NTDS Settings is only compared for Windows releases we know. A computer that has the controller
    flag outside the controller groups is inconsistent too.
    """
    del context
    index = directory(facts)
    servers = population(facts.servers)
    by_computer = {server.computer_dn.casefold(): server for server in servers.items if server.computer_dn}
    strays = index.accounts.where(
        lambda a: (
            a.kind == "computer"
            and has_flag(a, windows.SERVER_TRUST)
            and a.primary_group is not None
            and a not in index.controllers.items
        )
    )

    def test(account: Account) -> Doubt:
        if account.primary_group not in {windows.DOMAIN_CONTROLLERS, windows.READ_ONLY_CONTROLLERS}:
            return "se déclare contrôleur hors du groupe des contrôleurs"
        if account.uac is None:
            return None
        writable = account.primary_group == windows.DOMAIN_CONTROLLERS
        if not has_flag(account, _WRITABLE_FLAGS if writable else _READ_ONLY_FLAGS):
            return f"indicateurs de compte inattendus (0x{account.uac:x})"
        if servers.gap is not None:
            return None
        return _server_doubt(account, by_computer.get(account.dn.casefold()))

    return judge(
        facts,
        Population((*index.controllers.items, *strays.items), index.accounts.gap or servers.gap),
        test,
        good="Les objets des contrôleurs de domaine sont cohérents.",
        bad=(
            "1 objet de contrôleur de domaine est incohérent : panne ancienne ou faux contrôleur.",
            "{n} objets de contrôleur de domaine sont incohérents : pannes anciennes ou faux contrôleurs.",
        ),
        source="userAccountControl, serverReference, NTDS Settings des contrôleurs",
    )


def _server_doubt(account: Account, server: ServerObject | None) -> str:
    if server is None:
        return "aucun objet serveur dans les sites"
    if not server.settings:
        return "objet serveur sans NTDS Settings"
    expected = windows.controller_level(account.os)
    if None not in {expected, server.behavior_version} and expected != server.behavior_version:
        return f"niveau {server.behavior_version} inattendu pour {account.os}"
    return ""


def obsolete(facts: AdFacts, context: Context) -> Judgement:
    """Every controller runs a Windows Server that still gets security updates, on the day of the collection.

    A system the table of support dates does not know (Samba, an appliance) is not assessed.
    """
    today = context.now.date()
    index = directory(facts)
    strange = [a for a in index.controllers.items if windows.support_end(a.os, a.os_version) is None]

    def test(account: Account) -> Doubt:
        end = windows.support_end(account.os, account.os_version)
        if end is None or today <= end:
            return ""
        return f"{account.os} : plus de correctifs depuis le {end:%d/%m/%Y}"

    gap = index.controllers.gap
    if gap is None and strange:
        names = ", ".join(f"{a.name} ({a.os or 'système non renseigné'})" for a in strange[:5])
        detail = f"Durée de support inconnue pour le système de : {names}."
        gap = Gap(reason=Reason.UNSUPPORTED, detail=detail)
    return judge(
        facts,
        Population(index.controllers.items, gap),
        test,
        good="Tous les contrôleurs de domaine reçoivent des correctifs de sécurité.",
        bad=(
            "1 contrôleur de domaine ne reçoit plus de correctifs de sécurité.",
            "{n} contrôleurs de domaine ne reçoivent plus de correctifs de sécurité.",
        ),
        source="operatingSystem, operatingSystemVersion des contrôleurs",
    )


def old_password(facts: AdFacts, context: Context) -> Judgement:
    """Every controller renewed its own password in the last 45 days. Exactly 45 days conforms."""
    return judge(
        facts,
        directory(facts).controllers,
        lambda a: stale_password(a, ROTATION_DAYS, context.now),
        good="Les contrôleurs de domaine renouvellent leur mot de passe.",
        bad=(
            "1 contrôleur de domaine ne renouvelle plus son mot de passe depuis plus de 45 jours.",
            "{n} contrôleurs de domaine ne renouvellent plus leur mot de passe depuis plus de 45 jours.",
        ),
        source="pwdLastSet des contrôleurs",
    )


def inactive(facts: AdFacts, context: Context) -> Judgement:
    """Every controller logged on in the last 45 days.

    lastLogonTimestamp lags up to 14 days, so the real margin is 31 days. A controller that never logged on is
    judged on its creation date.
    """

    def test(account: Account) -> Doubt:
        seen = account.created if account.last_logon == NEVER else account.last_logon
        if seen is None:
            return None
        return f"silencieux depuis le {since(seen, context.now)}" if older(seen, ROTATION_DAYS, context.now) else ""

    return judge(
        facts,
        directory(facts).controllers,
        test,
        good="Tous les contrôleurs de domaine sont en activité.",
        bad=(
            "1 contrôleur de domaine ne donne plus signe de vie depuis plus de 45 jours.",
            "{n} contrôleurs de domaine ne donnent plus signe de vie depuis plus de 45 jours.",
        ),
        source="lastLogonTimestamp des contrôleurs",
    )


def _declared(account: Account, meaning: str) -> Doubt:
    """Return what the ciphers of a controller mean; None when they may only be unseen."""
    return meaning if account.enctypes is not None else when_absent(account, meaning)


def des_cipher(facts: AdFacts, context: Context) -> Judgement:
    """No controller declares DES. An absent attribute means the Windows default, without DES since 2008 R2."""
    del context
    return judge(
        facts,
        directory(facts).controllers,
        lambda a: "DES accepté" if (a.enctypes or 0) & windows.DES else _declared(a, ""),
        good="Aucun contrôleur de domaine n'accepte le chiffrement DES.",
        bad=(
            "1 contrôleur de domaine accepte DES, un chiffrement cassé.",
            "{n} contrôleurs de domaine acceptent DES, un chiffrement cassé.",
        ),
        source="msDS-SupportedEncryptionTypes (0x3) des contrôleurs",
    )


def aes_cipher(facts: AdFacts, context: Context) -> Judgement:
    """Every controller declares AES. An absent attribute declares nothing and does not conform."""
    del context
    return judge(
        facts,
        directory(facts).controllers,
        lambda a: "" if (a.enctypes or 0) & windows.AES else _declared(a, "AES non déclaré"),
        good="Tous les contrôleurs de domaine déclarent le chiffrement AES.",
        bad=(
            "1 contrôleur de domaine ne déclare pas le chiffrement AES.",
            "{n} contrôleurs de domaine ne déclarent pas le chiffrement AES.",
        ),
        source="msDS-SupportedEncryptionTypes (0x18) des contrôleurs",
    )


def rc4_cipher(facts: AdFacts, context: Context) -> Judgement:
    """No controller declares RC4.

    An absent attribute leaves the choice to Windows, whose default depends on updates the directory does not
    show: not assessed here, and already a finding of `aes_cipher`.
    """
    del context

    found = directory(facts).controllers
    silent = [a.name for a in found.items if not a.enctypes and a.uac is not None]
    gap = found.gap
    if gap is None and silent:
        detail = f"Chiffrements non déclarés par {', '.join(silent[:5])} : le réglage par défaut de Windows s'applique."
        gap = Gap(reason=Reason.UNSUPPORTED, detail=detail)

    def test(account: Account) -> Doubt:
        enctypes = account.enctypes or 0
        if not enctypes and account.uac is None:
            return None
        return "RC4 accepté" if enctypes & windows.RC4 else ""

    return judge(
        facts,
        Population(found.items, gap),
        test,
        good="Aucun contrôleur de domaine n'accepte le chiffrement RC4.",
        bad=(
            "1 contrôleur de domaine accepte encore RC4, un chiffrement affaibli.",
            "{n} contrôleurs de domaine acceptent encore RC4, un chiffrement affaibli.",
        ),
        source="msDS-SupportedEncryptionTypes (0x4) des contrôleurs",
    )


def enough(facts: AdFacts, context: Context) -> Judgement:
    """The domain has at least two writable controllers.

    Counted by their computer objects (primary group 516); a controller that is only a leftover is the business
    of `inactive` and `consistent`.
    """
    del context
    index = directory(facts)
    subject = facts.domain.dns_name
    writable = [a for a in index.controllers.items if a.primary_group == windows.DOMAIN_CONTROLLERS]
    evidence = Evidence(value=str(len(writable)), source="(primaryGroupID=516)")
    if len(writable) >= ENOUGH:
        return passed(subject, f"Le domaine a {len(writable)} contrôleurs.", evidence)
    if index.controllers.gap is not None:
        return not_assessed(subject, index.controllers.gap)
    if not writable:
        detail = "Le compte de lecture ne voit aucun contrôleur de domaine."
        return not_assessed(subject, Gap(reason=Reason.PERMISSION, detail=detail))
    listed: tuple[Affected, ...] = tuple(affected(a, "seul contrôleur du domaine") for a in writable)
    text = "Le domaine repose sur un seul contrôleur : s'il tombe, plus personne n'ouvre de session."
    return failed(subject, text, evidence, affected=listed)
