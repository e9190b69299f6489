"""Questions on the sign-ins of a tenant, built from its readings.

Limits: beyond `MAX_POLICIES` enabled policies or `MAX_PEOPLE` accounts nothing is concluded, and it is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from checks.common.french import listed
from checks.m365.access.axes import ANY_APP, ORDINARY, Target, Wanted, applications, axes, masks, targets
from checks.m365.access.goals import ANY_DEVICE, MEETS, Goal, Strengths, guarantees, strengths
from checks.m365.access.people import Directory, Person, Reach, reach
from checks.m365.access.places import ALL, TRUSTED, Names, Place, places
from checks.m365.access.search import Axis, Found, Search, State, TooLargeError, Value
from checks.m365.access.strangers import imported, strangers, told_roles
from checks.m365.facts import M365Facts, Rows
from checks.m365.reading import reading
from checks.m365.views.policies import Location, Policy, locations, policies
from checks.m365.views.roles import Holdings, holdings
from checks.m365.views.users import users, whole
from checks.m365.views.values import rows, text, word
from checks.model import Gap, Reason, Record

MAX_POLICIES = 240
"""Microsoft allows 240 policies in a tenant."""
MAX_PEOPLE = 50_000


class Access(Record, frozen=True, kw_only=True):
    """What is needed to answer; `policies` are the enabled ones, and those whose state cannot be read."""

    policies: tuple[Policy, ...]
    source: Rows
    directory: Directory
    reaches: tuple[Reach, ...]
    """One per policy."""
    masks: Mapping[str, tuple[int, int]]
    """By account, bits of the policies that surely concern it, and of those that may."""
    places: tuple[Place, ...]
    readable: Names
    """Locations that could be read, and the word for the trusted ones when they all were."""
    strengths: Strengths
    apps: tuple[Target, ...]
    everyone_read: bool
    """Every account was seen."""

    @property
    def people(self) -> Mapping[str, Person]:
        """Accounts by id."""
        return {person.id: person for person in self.directory.people}


class Answer(Record, frozen=True, kw_only=True):
    """What becomes of one account on one target."""

    person: Person
    target: Target
    found: Found
    axes: tuple[str, ...]
    """Names of the axes of the witness."""
    doubts: tuple[str, ...] = ()
    """Policies that could not be determined, by name."""

    @property
    def witness(self) -> Mapping[str, str]:
        """One sign-in that shows it; properties that do not matter are left out."""
        told = {name: label for name, label in zip(self.axes, self.found.witness, strict=False) if label}
        return {"compte": self.person.name, "application": self.target.label, **told}

    @property
    def sentence(self) -> str:
        """The same in a few words, without what goes without saying."""
        told = [label for label in self.found.witness if label and label not in ORDINARY]
        return ", ".join((self.target.label, *told))


def access(facts: M365Facts) -> Access | Gap:
    """Everything that Conditional Access depends on; a gap when the policies or the accounts were not read."""
    found, accounts = reading(facts, "conditional_access"), reading(facts, "users")
    if isinstance(found, Gap):
        return found
    if isinstance(accounts, Gap) and not imported(found):
        return accounts
    enabled = tuple(policy for policy in policies(found) if policy.state not in ("disabled", "report"))
    people = tuple(
        Person(id=user.id, name=user.name, guest=user.guest, external=user.external)
        for user in (users(accounts) if isinstance(accounts, Rows) else ())
        if user.enabled is not False
    )
    everyone = isinstance(accounts, Rows) and whole(accounts)
    if not everyone and imported(found):
        people, everyone = strangers(facts, people, enabled)
    if len(enabled) > MAX_POLICIES or len(people) > MAX_PEOPLE:
        return _too_large(f"{len(enabled)} règles et {len(people)} comptes")
    named, known = _locations(facts)
    try:
        where = places(named, _named_places(enabled))
    except TooLargeError:
        return _too_large("trop d'emplacements nommés qui se recoupent")
    directory = _directory(facts, people)
    if not told_roles(facts, enabled):
        directory = replace(directory, roles_known=False)
    given = reading(facts, "authentication_strengths")
    reaches = tuple(reach(policy, directory) for policy in enabled)
    return Access(
        policies=enabled,
        source=found,
        directory=directory,
        reaches=reaches,
        masks=_reached(reaches),
        places=where,
        readable=known,
        strengths=strengths(given if isinstance(given, Rows) else None),
        apps=applications(enabled, _app_names(facts)),
        everyone_read=everyone,
    )


def _too_large(what: str) -> Gap:
    return Gap(reason=Reason.UNSUPPORTED, detail=f"L'accès conditionnel est trop vaste pour être calculé ({what}).")


def _named_places(enabled: Iterable[Policy]) -> Names:
    sides = [policy.locations for policy in enabled if policy.locations]
    return frozenset(name for side in sides for name in (*side.include, *side.exclude)) - {ALL}


def _locations(facts: M365Facts) -> tuple[tuple[Location, ...], Names]:
    found = reading(facts, "named_locations")
    if isinstance(found, Gap):
        return (), frozenset()
    every = locations(found)
    known = {one.id for one in every if one.readable}
    if found.complete and all(one.readable for one in every):
        known.add(TRUSTED)
    return every, frozenset(known)


def _app_names(facts: M365Facts) -> _Names:
    found = reading(facts, "service_principals")
    known = {word(row, "appId"): text(row, "displayName") for row in found.rows} if isinstance(found, Rows) else {}
    return _Names(known)


class _Names:
    """Names of applications by their application id."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = known

    def __call__(self, key: str) -> str:
        return self._known.get(key) or key


def _directory(facts: M365Facts, people: tuple[Person, ...]) -> Directory:
    found, objects, held = reading(facts, "policy_groups"), reading(facts, "directory_objects"), holdings(facts)
    groups: dict[str, Names] = {}
    for row in found.rows if isinstance(found, Rows) else ():
        inside = row.get("members")
        if isinstance(inside, (list, tuple)):
            ids = [item.casefold() for item in inside if isinstance(item, str)]
            groups[word(row, "id")] = frozenset([*ids, *(word(item, "id") for item in rows(row, "members"))])
    gone: Names = frozenset()
    if isinstance(objects, Rows) and objects.complete:
        alive = {word(row, "id") for row in objects.rows}
        gone = frozenset(key for key in _groups_named(facts) if key not in alive and key not in groups)
    roles, later = _roles(held)
    return Directory(
        people=people,
        groups=groups,
        groups_whole=isinstance(found, Rows) and found.complete,
        gone=gone,
        roles=roles,
        eligible=later,
        roles_known=isinstance(held, Holdings) and held.complete and not held.unread_groups,
    )


def _groups_named(facts: M365Facts) -> Names:
    found = reading(facts, "conditional_access")
    every = policies(found) if isinstance(found, Rows) else ()
    return frozenset(key for policy in every for side in (policy.include, policy.exclude) for key in side.groups)


def _roles(held: Holdings | Gap) -> tuple[dict[str, Names], dict[str, Names]]:
    """Holders of each role, then those who may activate it. A role on an administrative unit does not count."""
    now: dict[str, set[str]] = {}
    later: dict[str, set[str]] = {}
    for item in held.items if isinstance(held, Holdings) else ():
        if item.everywhere:
            (later if item.eligible else now).setdefault(item.role, set()).add(item.holder)
    return {k: frozenset(ids) for k, ids in now.items()}, {k: frozenset(ids) for k, ids in later.items()}


def activated(found: Access) -> Access:
    """The same tenant when everybody has activated the roles they may ask for."""
    known = found.directory
    roles = {
        key: known.roles.get(key, frozenset()) | known.eligible.get(key, frozenset())
        for key in {*known.roles, *known.eligible}
    }
    directory = replace(known, roles=roles, eligible={})
    reaches = tuple(reach(policy, directory) for policy in found.policies)
    return replace(found, directory=directory, reaches=reaches, masks=_reached(reaches))


def ways(found: Access) -> tuple[Access, ...]:
    """The tenant before and after roles are activated, when a policy tells one from the other."""
    named = {role for policy in found.policies for role in (*policy.include.roles, *policy.exclude.roles)}
    matters = named & ({"all"} | set(found.directory.eligible))
    return (found, activated(found)) if matters and found.directory.eligible else (found,)


def trusted_only(found: Access) -> tuple[Place, ...]:
    """Places that a named location declares as trusted."""
    return tuple(place for place in found.places if place.trusted)


def outside(found: Access) -> tuple[Place, ...]:
    """The other places: those an attacker signs in from."""
    return tuple(place for place in found.places if not place.trusted)


def ask(
    found: Access,
    goal: Goal,
    who: Iterable[Person],
    what: Sequence[Target] = (ANY_APP,),
    wanted: Wanted | None = None,
    only: Callable[[Policy], bool] | None = None,
) -> tuple[Answer, ...] | Gap:
    """For each account and each target, whether every sign-in meets the goal; the worst one is the witness.

    Roles count as they are in `found`; `ask_ways` examines them activated too.

    `only` tells which policies may count. A reading of policies that is not whole turns « open » into
    « undetermined ». A gap when it is too large.
    """
    part = wanted or Wanted()
    part = part if part.places else replace(part, places=found.places)
    if goal in ANY_DEVICE:
        part = replace(part, devices=("",))

    def demand(policy: Policy, device: str) -> bool | None:
        return guarantees(policy, goal, found.strengths, device)

    kept = 0
    for index, policy in enumerate(found.policies):
        useful = any(demand(policy, device) is not False for device in MEETS)
        kept |= (useful and (only is None or bool(policy.faults) or only(policy))) << index
    search = Search(_kept(axes(found.policies, part, found.readable, demand), kept))
    names = tuple(axis.name for axis in search.axes)
    aimed = {target: masks(found.policies, lambda one, target=target: targets(one, target)) for target in what}  # type: ignore[misc]
    states: dict[tuple[int, int], Found] = {}
    answers: list[Answer] = []
    try:
        for person in who:
            sure, may = found.masks.get(person.id, (0, 0))
            for target, (yes, possible) in aimed.items():
                start = (sure & yes & kept, may & possible & kept)
                if start not in states:
                    states[start] = _whole(found, search.worst(*start))
                answers.append(_answer(found, person, target, states[start], names))
    except TooLargeError:
        return _too_large(f"{kept.bit_count()} règles qui se croisent")
    return tuple(answers)


def _kept(every: Iterable[Axis], kept: int) -> tuple[Axis, ...]:
    """The axes without the policies that have no part in the question: they would only make more classes."""
    return tuple(
        Axis(
            name=axis.name,
            values=tuple(Value(label=v.label, yes=v.yes & kept, may=v.may & kept) for v in axis.values),
        )
        for axis in every
    )


def _whole(found: Access, state: Found) -> Found:
    """What is open is undetermined when other policies may exist."""
    if state.state is State.OPEN and not found.source.complete:
        return Found(state=State.UNKNOWN, witness=state.witness)
    return state


def _answer(found: Access, person: Person, target: Target, state: Found, names: tuple[str, ...]) -> Answer:
    doubts: tuple[str, ...] = ()
    if state.doubt:
        doubts = tuple(policy.name for index, policy in enumerate(found.policies) if state.doubt >> index & 1)
    return Answer(person=person, target=target, found=state, axes=names, doubts=doubts)


def ask_ways(
    found: Access,
    goal: Goal,
    who: Sequence[Person],
    what: Sequence[Target] = (ANY_APP,),
    wanted: Wanted | None = None,
    only: Callable[[Policy], bool] | None = None,
) -> tuple[Answer, ...] | Gap:
    """The answers of `ask`, roles activated or not: an account may be examined twice, and its worst answer counts."""
    every: list[Answer] = []
    for way in ways(found):
        answers = ask(way, goal, who, what, wanted, only)
        if isinstance(answers, Gap):
            return answers
        every += answers
    return tuple(every)


def _reached(reaches: Sequence[Reach]) -> dict[str, tuple[int, int]]:
    """Masks of policies by account."""
    sure: dict[str, int] = {}
    may: dict[str, int] = {}
    for index, one in enumerate(reaches):
        for key in one.sure:
            sure[key] = sure.get(key, 0) | 1 << index
        for key in one.possible:
            may[key] = may.get(key, 0) | 1 << index
    return {key: (sure.get(key, 0), mask) for key, mask in may.items()}


def worst(answers: Iterable[Answer]) -> dict[str, Answer]:
    """The worst answer of each account, by its id."""
    found: dict[str, Answer] = {}
    for answer in answers:
        seen = found.get(answer.person.id)
        if seen is None or answer.found.state > seen.found.state:
            found[answer.person.id] = answer
    return found


def unread(found: Access, answers: Iterable[Answer]) -> str:
    """What prevented from concluding, for a sentence: policies in doubt, and what was not read of them."""
    doubtful = list(dict.fromkeys(name for answer in answers for name in answer.doubts))
    groups = [
        key
        for policy, one in zip(found.policies, found.reaches, strict=True)
        if policy.name in doubtful
        for key in one.unread
    ]
    told = f"règles indéterminées : {listed(f'« {name} »' for name in doubtful)}" if doubtful else "lecture incomplète"
    return told + (f" ; groupes ou rôles non lus : {listed(groups)}" if groups else "")
