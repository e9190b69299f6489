"""Kerberos delegation: who may act in the name of someone else, and towards what."""

from __future__ import annotations

from checks.ad import windows
from checks.ad.directory import Directory, Population, directory, enabled, has_flag
from checks.ad.facts import Account, AdFacts
from checks.ad.judging import Doubt, flag, judge, when_absent
from checks.model import Context, Judgement


def unconstrained(facts: AdFacts, context: Context) -> Judgement:
    """No enabled account besides the writable controllers may act for everybody everywhere.

    Read-only controllers do not have the flag by default, so they count.
    """
    del context
    others = directory(facts).accounts.where(lambda a: enabled(a) and a.primary_group != windows.DOMAIN_CONTROLLERS)
    return judge(
        facts,
        others,
        flag(windows.TRUSTED_FOR_DELEGATION, "délégation sans contrainte"),
        good="Aucun des comptes hors contrôleurs de domaine n'a de délégation sans contrainte.",
        bad=(
            "1 compte peut se faire passer pour toute personne qui s'y connecte, administrateurs compris.",
            "{n} comptes peuvent se faire passer pour toute personne qui s'y connecte, administrateurs compris.",
        ),
        source="userAccountControl (0x80000)",
    )


def to_controllers(facts: AdFacts, context: Context) -> Judgement:
    """No enabled account may act for others on a controller (constrained delegation, Kerberos only).

    Accounts that also have protocol transition are judged by `to_controllers_any_protocol` only: both are level
    1, and one account needs one line.
    """
    del context
    return _towards_controllers(
        facts,
        transition=False,
        good="Aucune délégation contrainte ne vise un contrôleur de domaine.",
        bad=(
            "1 compte peut agir au nom d'autrui sur un contrôleur de domaine.",
            "{n} comptes peuvent agir au nom d'autrui sur un contrôleur de domaine.",
        ),
    )


def to_controllers_any_protocol(facts: AdFacts, context: Context) -> Judgement:
    """No enabled account with protocol transition may act for others on a controller."""
    del context
    return _towards_controllers(
        facts,
        transition=True,
        good="Aucune délégation avec transition de protocole ne vise un contrôleur de domaine.",
        bad=(
            "1 compte peut se présenter comme n'importe qui sur un contrôleur de domaine.",
            "{n} comptes peuvent se présenter comme n'importe qui sur un contrôleur de domaine.",
        ),
    )


def _towards_controllers(facts: AdFacts, *, transition: bool, good: str, bad: tuple[str, str]) -> Judgement:
    index = directory(facts)
    targets = _controller_services(facts, index)

    def test(account: Account) -> Doubt:
        if account.uac is None:
            return None
        if not account.delegate_to:
            return ""
        if has_flag(account, windows.PROTOCOL_TRANSITION) != transition:
            return ""
        reached = [spn for spn in account.delegate_to if _reaches(spn, targets)]
        return f"délégation vers {', '.join(reached[:3])}" if reached else ""

    candidates = index.accounts.where(enabled)
    return judge(
        facts,
        candidates if candidates.gap is not None else candidates._replace(gap=index.controllers.gap),
        test,
        good=good,
        bad=bad,
        source="(msDS-AllowedToDelegateTo=*) userAccountControl (0x1000000)",
    )


def _controller_services(facts: AdFacts, index: Directory) -> frozenset[str]:
    """Host names of the controllers and of the domain, and every service name of krbtgt; lower case."""
    names = {facts.domain.dns_name.casefold()}
    for controller in index.controllers.items:
        short = controller.name.rstrip("$").casefold()
        names |= {short, f"{short}.{facts.domain.dns_name.casefold()}", controller.dns_name.casefold()}
        names |= {spn.casefold() for spn in controller.spns}
    for account in index.krbtgt_accounts.items:
        names |= {spn.casefold() for spn in account.spns}
    return frozenset(names - {""})


def _reaches(spn: str, targets: frozenset[str]) -> bool:
    """Tell whether a service name (`class/host[:port][/name]`) runs on a controller or is krbtgt itself."""
    whole = spn.casefold()
    parts = whole.split("/")
    if parts[0] == "krbtgt" or whole in targets:
        return True
    return len(parts) > 1 and parts[1].partition(":")[0] in targets


def resource_based_on_privileged(facts: AdFacts, context: Context) -> Judgement:
    """No controller, krbtgt or privileged account lets others act on it in somebody's name.

    The attribute alone is the finding, even with an empty or undecodable value.
    """
    del context
    index = directory(facts)
    targets = {
        account.sid: account
        for group in (index.controllers, index.krbtgt_accounts, index.privileged)
        for account in group.items
    }

    def test(account: Account) -> Doubt:
        if account.rbcd is None:
            return when_absent(account, "")
        return f"délégation acceptée de {', '.join(account.rbcd[:3]) or 'personne ou valeur illisible'}"

    return judge(
        facts,
        Population(tuple(targets.values()), index.privileged.gap),
        test,
        good="Aucun des objets privilégiés n'accepte de délégation.",
        bad=(
            "1 objet privilégié accepte qu'un autre compte agisse sur lui au nom de n'importe qui.",
            "{n} objets privilégiés acceptent qu'un autre compte agisse sur eux au nom de n'importe qui.",
        ),
        source="(msDS-AllowedToActOnBehalfOfOtherIdentity=*) des contrôleurs, de krbtgt et des privilégiés",
    )
