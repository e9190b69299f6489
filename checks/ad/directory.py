"""Index of one domain: who is where, who is privileged. Built once per facts object, kept beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from checks.ad import windows
from checks.ad.facts import Account, AdFacts, ForeignPrincipal, Group
from checks.ad.parsers.values import dns_name_of
from checks.model import Gap, Reason

T = TypeVar("T")
_SLOT = "directory"


class Population(NamedTuple, Generic[T]):
    """Objects a control looks at. `gap` says why some may be missing from `items`."""

    items: tuple[T, ...]
    gap: Gap | None = None

    def where(self, keep: Callable[[T], bool]) -> Population[T]:
        """Keep some of the objects; what may be missing stays said."""
        return Population(tuple(item for item in self.items if keep(item)), self.gap)


def population(value: tuple[T, ...] | Gap) -> Population[T]:
    """Turn a group of facts that may be a gap into a population."""
    return Population((), value) if isinstance(value, Gap) else Population(value)


class Members(NamedTuple):
    """Everything a group holds, nested groups unfolded."""

    accounts: dict[str, Account]
    """By SID."""
    groups: dict[str, Group]
    """Nested groups, by SID; not the group asked for unless it is part of a loop."""
    foreign: dict[str, str]
    """SIDs of other domains or well-known SIDs -> DN of the stand-in."""
    unknown: tuple[str, ...]
    """DNs that are none of the above: contacts, objects of another domain, hidden objects."""
    cut: bool
    """One of the member lists could not be read to its end."""


def enabled(account: Account) -> bool:
    """Tell whether the account can be used; an account whose flags are hidden counts as usable."""
    return account.uac is None or not account.uac & windows.ACCOUNT_DISABLED


def has_flag(account: Account, flag: int) -> bool:
    """Tell whether userAccountControl is known and has all bits of `flag`."""
    return account.uac is not None and account.uac & flag == flag


def is_controller(account: Account) -> bool:
    """Tell whether the account is a domain controller, read-only or not, by its primary group."""
    return account.primary_group in {
        windows.DOMAIN_CONTROLLERS,
        windows.READ_ONLY_CONTROLLERS,
    } and account.kind in {"computer", "user"}


def is_entra_kerberos(account: Account) -> bool:
    """Tell whether this is the read-only controller object of Entra ID: the name alone, elsewhere, proves nothing."""
    return (
        account.name.casefold() == windows.AZURE_AD_KERBEROS and account.primary_group == windows.READ_ONLY_CONTROLLERS
    )


def sid_in_dn(dn: str) -> str:
    """Return the SID that names a foreignSecurityPrincipal (`CN=S-1-5-11,CN=…`), empty for other names."""
    first = dn.partition(",")[0]
    return first[3:].upper() if first[:7].upper() == "CN=S-1-" else ""


def _not_empty(found: Population[T], what: str) -> Population[T]:
    """Say that something every domain has was not shown, instead of finding nothing wrong with nothing."""
    if found.items or found.gap is not None:
        return found
    return Population((), Gap(reason=Reason.PERMISSION, detail=f"Le compte de lecture ne voit {what}."))


class Directory:
    """Lookups by SID and DN, nested membership, privileged set of one domain."""

    def __init__(self, facts: AdFacts) -> None:
        self.domain_sid = facts.domain.sid
        self._dns_name = dns_name_of(facts.domain.dn)
        self._forest_is_larger = facts.domain.domains_in_forest > 1
        trusts = population(facts.trusts).items
        self._strangers = {t.sid for t in trusts if not t.attributes & windows.WITHIN_FOREST}
        self.accounts: Population[Account] = _not_empty(population(facts.accounts), "aucun compte")
        self.groups: Population[Group] = population(facts.groups)
        self._foreign: Population[ForeignPrincipal] = population(facts.foreign)

    @cached_property
    def account_by_dn(self) -> dict[str, Account]:
        """Accounts by case-folded DN."""
        return {account.dn.casefold(): account for account in self.accounts.items}

    @cached_property
    def account_by_sid(self) -> dict[str, Account]:
        """Accounts by SID."""
        return {account.sid: account for account in self.accounts.items}

    @cached_property
    def group_by_dn(self) -> dict[str, Group]:
        """Groups by case-folded DN."""
        return {group.dn.casefold(): group for group in self.groups.items}

    @cached_property
    def group_by_sid(self) -> dict[str, Group]:
        """Groups by SID."""
        return {group.sid: group for group in self.groups.items}

    @cached_property
    def _foreign_by_dn(self) -> dict[str, str]:
        return {principal.dn.casefold(): principal.sid for principal in self._foreign.items}

    @cached_property
    def _by_primary_group(self) -> dict[int, list[Account]]:
        index: dict[int, list[Account]] = defaultdict(list)
        for account in self.accounts.items:
            if account.primary_group is not None:
                index[account.primary_group].append(account)
        return index

    def sid(self, rid: int) -> str:
        """Return the SID of a principal of this domain."""
        return f"{self.domain_sid}-{rid}"

    def account(self, rid: int) -> Account | None:
        """Return the account of this domain that has that RID."""
        return self.account_by_sid.get(self.sid(rid))

    def group(self, rid: int) -> Group | None:
        """Return the group of this domain that has that RID."""
        return self.group_by_sid.get(self.sid(rid))

    def member_sid(self, dn: str) -> str:
        """Return the SID behind a member DN, empty when it is not known."""
        key = dn.casefold()
        known = self.account_by_dn.get(key) or self.group_by_dn.get(key)
        return known.sid if known else self._foreign_by_dn.get(key) or sid_in_dn(dn)

    def members(self, roots: Iterable[Group]) -> Members:
        """Unfold nested groups and primary groups; loops are followed once."""
        found = Members({}, {}, {}, (), cut=False)
        unknown: list[str] = []
        cut = False
        waiting = list(roots)
        done: set[str] = set()
        while waiting:
            group = waiting.pop()
            if group.sid in done:
                continue
            done.add(group.sid)
            cut = cut or group.members_cut
            if group.sid.rpartition("-")[0] == self.domain_sid:
                for account in self._by_primary_group.get(windows.rid(group.sid), ()):
                    found.accounts[account.sid] = account
            for dn in group.members:
                nested = self._sort(dn, found, unknown)
                if nested is not None:
                    waiting.append(nested)
        return found._replace(unknown=tuple(unknown), cut=cut)

    def _sort(self, dn: str, found: Members, unknown: list[str]) -> Group | None:
        """File one member under its kind; return it when it is a group to unfold."""
        key = dn.casefold()
        account = self.account_by_dn.get(key)
        if account is not None:
            found.accounts[account.sid] = account
            return None
        group = self.group_by_dn.get(key)
        if group is not None:
            found.groups[group.sid] = group
            return group
        sid = self._foreign_by_dn.get(key) or sid_in_dn(dn)
        if sid:
            found.foreign[sid] = dn
        else:
            unknown.append(dn)
        return None

    @cached_property
    def privileged_groups(self) -> tuple[Group, ...]:
        """Groups that administer the domain, by SID and RID."""
        wanted = windows.PRIVILEGED_BUILTIN | {self.sid(rid) for rid in windows.PRIVILEGED_RIDS}
        return tuple(group for group in self.groups.items if group.sid in wanted)

    @cached_property
    def privileged_members(self) -> Members:
        """Everything inside the privileged groups, controllers included."""
        return self.members(self.privileged_groups)

    @cached_property
    def privileged_gap(self) -> Gap | None:
        """Why the list of privileged accounts may be incomplete; None when it is not."""
        if self.accounts.gap or self.groups.gap:
            return self.accounts.gap or self.groups.gap
        known = {group.sid for group in self.privileged_groups}
        if not {*windows.PRIVILEGED_BUILTIN, self.sid(windows.DOMAIN_ADMINS)} <= known:
            return Gap(
                reason=Reason.PERMISSION,
                detail="Le compte de lecture ne voit pas les groupes d'administration du domaine.",
            )
        if self.privileged_members.cut:
            return Gap(
                reason=Reason.ERROR,
                detail="La liste des membres d'un groupe d'administration n'a pas pu être lue en entier.",
            )
        # Members of other domains of the forest are out of this reading; one of this domain should be there.
        unseen = [dn for dn in self.privileged_members.unknown if dns_name_of(dn) == self._dns_name]
        if unseen:
            return Gap(
                reason=Reason.PERMISSION,
                detail=f"Le compte de lecture ne voit pas un membre des groupes d'administration : {unseen[0]}.",
            )
        return None

    @cached_property
    def privileged(self) -> Population[Account]:
        """Accounts that administer the domain: nested members, primary group, RID 500. Not the controllers."""
        accounts = dict(self.privileged_members.accounts)
        administrator = self.account(windows.ADMINISTRATOR)
        if administrator is not None:
            accounts[administrator.sid] = administrator
        kept = sorted((a for a in accounts.values() if not is_controller(a)), key=lambda a: a.sid)
        return _not_empty(Population(tuple(kept), self.privileged_gap), "aucun compte privilégié")

    @cached_property
    def privileged_sids(self) -> frozenset[str]:
        """SIDs of the privileged accounts and groups, nested ones included."""
        groups = {group.sid for group in self.privileged_groups} | set(self.privileged_members.groups)
        return frozenset(groups | {account.sid for account in self.privileged.items})

    @cached_property
    def protected_users(self) -> frozenset[str]:
        """SIDs of the accounts inside Protected Users, nested groups unfolded."""
        group = self.group(windows.PROTECTED_USERS)
        return frozenset(self.members([group]).accounts) if group else frozenset()

    @cached_property
    def controllers(self) -> Population[Account]:
        """Domain controllers with a machine behind them, read-only ones included."""
        found = self.accounts.where(lambda account: is_controller(account) and not is_entra_kerberos(account))
        return _not_empty(found, "aucun contrôleur de domaine")

    @cached_property
    def krbtgt_accounts(self) -> Population[Account]:
        """The krbtgt of the domain and those of read-only controllers."""
        main = self.sid(windows.KRBTGT)
        return self.accounts.where(lambda account: account.sid == main or account.krbtgt_number is not None)

    @cached_property
    def enabled_users(self) -> Population[Account]:
        """User accounts that can be used: no computer, managed service account or trust account."""
        return self.accounts.where(lambda account: account.kind == "user" and enabled(account))

    @cached_property
    def enabled_computers(self) -> Population[Account]:
        """Computers that can be used, controllers left out."""
        return self.accounts.where(
            lambda account: account.kind == "computer" and enabled(account) and not is_controller(account)
        )

    @cached_property
    def enabled_servers(self) -> Population[Account]:
        """Enabled computers on a server system, controllers and cluster names left out."""
        return self.enabled_computers.where(
            lambda account: (
                "server" in account.os.casefold()
                and not any(spn.casefold().startswith("mscluster") for spn in account.spns)
            )
        )

    def is_tier0(self, sid: str) -> bool:
        """Tell whether rights of this principal are no surprise: it already administers the domain.

        A custom group counts when it has members and all of them are privileged.
        """
        if sid in windows.TIER0_SIDS or sid in self.privileged_sids:
            return True
        domain, _, _ = sid.rpartition("-")
        if domain == self.domain_sid and windows.rid(sid) in windows.TIER0_RIDS:
            return True
        if self._forest_is_larger and domain not in self._strangers and windows.rid(sid) in windows.FOREST_RIDS:
            return True
        group = self.group_by_sid.get(sid)
        account = self.account_by_sid.get(sid)
        if group is None or windows.rid(sid) < windows.FIRST_ORDINARY_RID:
            return account is not None and is_controller(account)
        inside = self.members([group])
        if inside.cut or inside.unknown or inside.foreign or not inside.accounts:
            return False
        return all(s in self.privileged_sids or is_controller(a) for s, a in inside.accounts.items())


def directory(facts: AdFacts) -> Directory:
    """Return the index of these facts, built on first use."""
    index = facts.__dict__.get(_SLOT)
    if not isinstance(index, Directory):
        index = facts.__dict__[_SLOT] = Directory(facts)
    return index


def forest_root(facts: AdFacts) -> str:
    """Return the DN of the forest root domain, empty when it is not known."""
    prefix, _, root = facts.domain.configuration_dn.partition(",")
    return root if prefix.casefold() == "cn=configuration" else ""


def is_forest_root(facts: AdFacts) -> bool:
    """Tell whether this domain is the root of its forest; assumed when the forest is not known."""
    root = forest_root(facts)
    return not root or root.casefold() == facts.domain.dn.casefold()


def summary(facts: AdFacts) -> dict[str, str]:
    """Return the short French facts shown at the head of the directory page."""
    index = directory(facts)
    shown = {
        "Domaine": facts.domain.dns_name,
        "Niveau fonctionnel du domaine": windows.level_name(facts.domain.domain_level),
        "Niveau fonctionnel de la forêt": windows.level_name(facts.domain.forest_level),
        "Lu par": facts.collection.user or "compte inconnu",
        "Objets lus": str(facts.collection.objects),
    }
    if index.accounts.gap is None:
        shown |= {
            "Contrôleurs de domaine": str(len(index.controllers.items)),
            "Comptes utilisateurs actifs": str(len(index.enabled_users.items)),
            "Ordinateurs actifs": str(len(index.enabled_computers.items)),
        }
    if index.privileged.gap is None:
        shown["Comptes privilégiés"] = str(len(index.privileged.items))
    return shown
