"""Settings of the domain and of the forest as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from checks.ad import windows
from checks.ad.directory import directory, forest_root, population
from checks.ad.facts import AdFacts, DisplaySpecifier, Group
from checks.ad.judging import Doubt, affected, judge, missing
from checks.ad.parsers.values import dns_name_of
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

DFSR_ELIMINATED = 48
"""msDFSR-Flags once the migration from NTFRS is over."""
OVERBROAD_ADPREP = 15
"""Revision of adprep that gave the key administrators too many rights on the domain."""
_UNC = re.compile(r"\\\\([^\\/]+)[\\/]([^\\/]+)")

# dSHeuristics (MS-ADTS 6.1.1.2.4.1.2): position from 1 -> (values accepted, what another value does).
_LEVEL_1 = {
    8: ("0", "carnet d'adresses ouvert aux anonymes"),
    16: ("0", "groupes d'administration exclus de la protection"),
}
_LEVEL_2 = {
    7: ("013456789", "annuaire ouvert aux anonymes"),
    21: ("0", "doublons de noms non vérifiés"),
    28: ("013456789", "contrôle des ajouts désactivé"),
    29: ("013456789", "contrôle des propriétaires désactivé"),
    31: ("0", "chiffrement des attributs confidentiels modifié"),
}
_LEVEL_4 = {
    28: ("1", "contrôle des ajouts non imposé"),
    29: ("1", "contrôle des propriétaires non imposé"),
}


def heuristics_1(facts: AdFacts, context: Context) -> Judgement:
    """Characters 8 and 16 of dSHeuristics are 0: no anonymous address book, no group left unprotected."""
    del context
    return _heuristics(facts, _LEVEL_1)


def heuristics_2(facts: AdFacts, context: Context) -> Judgement:
    """Characters 7, 28 and 29 of dSHeuristics are not 2, characters 21 and 31 are 0."""
    del context
    return _heuristics(facts, _LEVEL_2)


def heuristics_4(facts: AdFacts, context: Context) -> Judgement:
    """Characters 28 and 29 of dSHeuristics are 1: the protections of 2021 are imposed."""
    del context
    return _heuristics(facts, _LEVEL_4)


def _heuristics(facts: AdFacts, rules: dict[int, tuple[str, str]]) -> Judgement:
    """Compare characters with the accepted ones; one beyond the end of the text counts as 0."""
    subject = facts.domain.dns_name
    text = facts.ds_heuristics
    if isinstance(text, Gap):
        return not_assessed(subject, text)
    evidence = Evidence(
        value=text or "absent",
        source="dSHeuristics de CN=Directory Service,CN=Windows NT,CN=Services",
    )
    wrong = []
    for position, (accepted, meaning) in rules.items():
        character = text[position - 1 : position] or "0"
        if character not in accepted:
            wrong.append(f"caractère {position} à {character} ({meaning})")
    if wrong:
        return failed(subject, f"Réglage général de l'annuaire à corriger : {'; '.join(wrong)}.", evidence)
    return passed(subject, "Les réglages généraux de l'annuaire contrôlés ici sont sûrs.", evidence)


def level_2008_r2(facts: AdFacts, context: Context) -> Judgement:
    """Domain and forest work at least at the 2008 R2 functional level."""
    del context
    return _level(facts, 4)


def level_2012_r2(facts: AdFacts, context: Context) -> Judgement:
    """Domain and forest work at least at the 2012 R2 functional level."""
    del context
    return _level(facts, 6)


def level_2016(facts: AdFacts, context: Context) -> Judgement:
    """Domain and forest work at least at the 2016 functional level."""
    del context
    return _level(facts, 7)


def _level(facts: AdFacts, least: int) -> Judgement:
    subject = facts.domain.dns_name
    levels = (("domaine", facts.domain.domain_level), ("forêt", facts.domain.forest_level))
    told = ", ".join(f"{what} {windows.level_name(level)}" for what, level in levels)
    evidence = Evidence(value=told, source="msDS-Behavior-Version du domaine et de CN=Partitions")
    if any(level is not None and level < least for _, level in levels):
        text = f"Niveau fonctionnel trop bas ({told}) : il faut au moins {windows.level_name(least)}."
        return failed(subject, text, evidence)
    if any(level is None for _, level in levels):
        return not_assessed(subject, missing("le niveau fonctionnel du domaine ou de la forêt"))
    return passed(subject, f"Niveau fonctionnel suffisant : {told}.", evidence)


def display_specifiers(facts: AdFacts, context: Context) -> Judgement:
    """No menu entry of the administration consoles runs a script from outside SYSVOL of this domain.

    Local paths are not a finding; a UNC path is one unless its share is SYSVOL or NETLOGON of the domain or of
    one of its controllers.
    """
    del context
    index = directory(facts)
    # Menus are shared by the whole forest: scripts in SYSVOL of its root domain are at home too.
    hosts = {facts.domain.dns_name.casefold(), facts.domain.netbios.casefold(), dns_name_of(forest_root(facts))} - {""}
    for controller in index.controllers.items:
        short = controller.name.rstrip("$").casefold()
        hosts |= {short, controller.dns_name.casefold(), f"{short}.{facts.domain.dns_name.casefold()}"}

    def test(item: DisplaySpecifier) -> Doubt:
        outside = [
            f"{host}\\{share}"
            for entry in item.entries
            for host, share in _UNC.findall(entry)
            if share.casefold() not in {"sysvol", "netlogon"} or host.casefold() not in hosts
        ]
        return f"lance un programme de \\\\{outside[0]}" if outside else ""

    return judge(
        facts,
        population(facts.display_specifiers),
        test,
        good="Aucun menu des consoles d'administration ne lance de programme hors du domaine.",
        bad=(
            "1 menu des consoles d'administration lance un programme depuis un partage non protégé.",
            "{n} menus des consoles d'administration lancent un programme depuis un partage non protégé.",
        ),
        source="adminContextMenu, contextMenu, shellContextMenu de CN=DisplaySpecifiers",
    )


def anonymous_compatibility(facts: AdFacts, context: Context) -> Judgement:
    """Anonymous (S-1-5-7) is not in Pre-Windows 2000 Compatible Access (S-1-5-32-554)."""
    del context
    return _compatibility(
        facts,
        lambda sid: sid == windows.ANONYMOUS,
        good="Un inconnu sans mot de passe ne peut pas lire l'annuaire par le groupe de compatibilité.",
        bad="Un inconnu sans mot de passe peut lire l'annuaire.",
    )


def extra_compatibility(facts: AdFacts, context: Context) -> Judgement:
    """Pre-Windows 2000 Compatible Access holds nobody but Authenticated Users (S-1-5-11).

    Anonymous counts here too: it is a member that should not be there.
    """
    del context
    return _compatibility(
        facts,
        lambda sid: sid != windows.AUTHENTICATED_USERS,
        good="Le groupe de compatibilité Windows 2000 ne contient que les utilisateurs authentifiés.",
        bad="Le groupe de compatibilité Windows 2000 contient des membres en trop.",
    )


def _compatibility(facts: AdFacts, unwanted: Callable[[str], bool], *, good: str, bad: str) -> Judgement:
    index = directory(facts)
    subject = facts.domain.dns_name
    group = index.group_by_sid.get(windows.PRE_WINDOWS_2000)
    if group is None:
        return not_assessed(subject, index.groups.gap or missing("le groupe S-1-5-32-554"))
    evidence = Evidence(value=f"{len(group.members)} membre(s)", source=f"member de {group.dn}")
    wrong = []
    hidden = 0
    for dn in group.members:
        sid = index.member_sid(dn)
        hidden += not sid
        if unwanted(sid):
            known = index.account_by_sid.get(sid) or index.group_by_sid.get(sid)
            wrong.append(Affected(id=sid or dn, label=known.name if known else sid or dn, detail="membre"))
    if wrong:
        return failed(subject, bad, evidence, affected=tuple(wrong))
    if hidden or group.members_cut:
        return not_assessed(subject, missing("tous les membres du groupe S-1-5-32-554"))
    return passed(subject, good, evidence)


def recycle_bin(facts: AdFacts, context: Context) -> Judgement:
    """The recycle bin of the directory is on."""
    del context
    subject = facts.domain.dns_name
    if isinstance(facts.recycle_bin, Gap):
        return not_assessed(subject, facts.recycle_bin)
    source = "msDS-EnabledFeature de CN=Partitions"
    if facts.recycle_bin:
        return passed(subject, "La corbeille de l'annuaire est active.", Evidence(value="active", source=source))
    text = "La corbeille de l'annuaire est inactive : un compte supprimé par erreur est perdu."
    return failed(subject, text, Evidence(value="inactive", source=source))


def sysvol_replication(facts: AdFacts, context: Context) -> Judgement:
    """SYSVOL is not replicated by NTFRS.

    An NTFRS replica set of SYSVOL fails unless the migration is marked as finished (msDFSR-Flags 48): the public
    text is vague, and leftovers of a finished migration harm nobody.
    """
    del context
    subject = facts.domain.dns_name
    found = facts.sysvol_replication
    if isinstance(found, Gap):
        return not_assessed(subject, found)
    evidence = Evidence(
        value=f"{len(found.ntfrs_sets)} jeu(x) NTFRS, msDFSR-Flags={found.dfsr_flags}",
        source="(objectClass=nTFRSReplicaSet), CN=DFSR-GlobalSettings",
    )
    if found.ntfrs_sets and found.dfsr_flags != DFSR_ELIMINATED:
        listed = tuple(
            Affected(id=dn, label=dn.partition(",")[0], detail="réplication NTFRS") for dn in found.ntfrs_sets
        )
        text = "Les stratégies du domaine sont recopiées par NTFRS, un service abandonné."
        return failed(subject, text, evidence, affected=listed)
    return passed(subject, "Les stratégies du domaine ne dépendent pas de NTFRS.", evidence)


def adprep(facts: AdFacts, context: Context) -> Judgement:
    """The last preparation of the domain is not revision 15."""
    del context
    subject = facts.domain.dns_name
    revision = facts.adprep_revision
    if isinstance(revision, Gap):
        return not_assessed(subject, revision)
    if revision is None:
        return not_applicable(subject, "Le domaine n'a jamais été préparé pour Windows Server 2008 ou plus récent.")
    evidence = Evidence(value=str(revision), source="revision de CN=ActiveDirectoryUpdate,CN=DomainUpdates")
    if revision == OVERBROAD_ADPREP:
        text = "La préparation 2016 du domaine a laissé trop de droits aux administrateurs de clés."
        return failed(subject, text, evidence)
    return passed(subject, f"Préparation du domaine correcte (révision {revision}).", evidence)


def smartcard_rollover(facts: AdFacts, context: Context) -> Judgement:
    """Passwords of accounts limited to smart cards are renewed by the domain."""
    del context
    subject = facts.domain.dns_name
    if isinstance(facts.policy, Gap):
        return not_assessed(subject, facts.policy)
    value = facts.policy.smartcard_rollover
    if value is None:
        return not_assessed(subject, missing("msDS-ExpirePasswordsOnSmartCardOnlyAccounts"))
    source = f"msDS-ExpirePasswordsOnSmartCardOnlyAccounts de {facts.domain.dn}"
    if value:
        text = "Le mot de passe caché des comptes à carte est renouvelé."
        return passed(subject, text, Evidence(value="TRUE", source=source))
    text = "Le mot de passe caché des comptes à carte n'est jamais renouvelé."
    return failed(subject, text, Evidence(value="FALSE ou absent", source=source))


def group_loops(facts: AdFacts, context: Context) -> Judgement:
    """No group contains itself, directly or through others."""
    del context
    index = directory(facts)
    subject = facts.domain.dns_name
    loops = list(_loops(index.group_by_dn))
    evidence = Evidence(value=f"{len(loops)} boucle(s)", source="member des groupes")
    if loops:
        listed = tuple(
            affected(group, "boucle : " + ", ".join(other.name for other in loop[:6]))
            for loop in loops
            for group in loop
        )
        text = plural(
            len(loops),
            "1 boucle d'appartenance entre groupes rend les droits illisibles.",
            "{n} boucles d'appartenance entre groupes rendent les droits illisibles.",
        )
        return failed(subject, text, evidence, affected=listed)
    if index.groups.gap is not None:
        return not_assessed(subject, index.groups.gap)
    cut = sum(group.members_cut for group in index.groups.items)
    if cut:
        return not_assessed(subject, missing(f"tous les membres de {cut} groupe(s)"))
    return passed(subject, "Aucun groupe ne se contient lui-même.", evidence)


def _loops(groups: Mapping[str, Group]) -> Iterator[list[Group]]:
    """Yield the groups of each loop: strongly connected parts of the membership graph (Kosaraju)."""
    inside = {
        key: [dn for dn in (member.casefold() for member in group.members) if dn in groups]
        for key, group in groups.items()
    }
    above: dict[str, list[str]] = {key: [] for key in inside}
    for key, nested in inside.items():
        for child in nested:
            above[child].append(key)
    taken: set[str] = set()
    for root in reversed(_leaving_order(inside)):
        part = _unfold(root, above, taken)
        if len(part) > 1 or (part and root in inside[root]):
            yield [groups[key] for key in part]


def _leaving_order(graph: Mapping[str, list[str]]) -> list[str]:
    """Return the nodes in the order a depth-first walk leaves them."""
    order: list[str] = []
    done: set[str] = set()
    for root in graph:
        stack = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                order.append(node)
            elif node not in done:
                done.add(node)
                stack.append((node, True))
                stack.extend((child, False) for child in graph[node] if child not in done)
    return order


def _unfold(root: str, graph: Mapping[str, list[str]], taken: set[str]) -> list[str]:
    """Return what is reached from `root` and was not taken yet, and take it."""
    part: list[str] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node not in taken:
            taken.add(node)
            part.append(node)
            stack.extend(graph[node])
    return part
