"""Upkeep of Conditional Access: who is left out of the rules, what they name that no longer exists, which places."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from checks.common.french import choose, count, listed
from checks.m365.access.people import Ids, Person, Reach
from checks.m365.access.rescue import MAX_RESCUE, for_all, rescue, synchronisation
from checks.m365.access.tenant import Access, access
from checks.m365.facts import M365Facts, Rows
from checks.m365.judging import conclude, names, stopped, subject
from checks.m365.reading import reading
from checks.m365.views.policies import Location, Policy, locations, policies
from checks.m365.views.values import word
from checks.model import Affected, Context, Gap, Judgement, Severity, not_applicable, not_assessed, passed

WIDEST_V4, WIDEST_V6 = 16, 32
"""Bits of prefix: an IPv4 range above a /16, or an IPv6 range above a provider's /32, is more than one organisation."""
WORDS = frozenset({"all", "none", "guestsorexternalusers", "alltrusted", ""})
OLD_TRUSTED = "00000000-0000-0000-0000-000000000000"
"""Stands for the trusted addresses of per-user MFA, which are not a named location."""


def rescue_left_out(facts: M365Facts, context: Context) -> Judgement:
    """Every policy for all people leaves the same rescue accounts out, and nobody else (two accounts at most)."""
    del context
    about, found = subject(facts), access(facts)
    if isinstance(found, Gap):
        return not_assessed(about, found)
    rules = [(rule, one) for rule, one in zip(found.policies, found.reaches, strict=True) if rule in for_all([rule])]
    if not rules:
        if not found.source.complete:
            return not_assessed(about, stopped("l'accès conditionnel"))
        return not_applicable(about, "Aucune règle d'accès conditionnel active ne vise tous les comptes.")
    kept = rescue(facts, found).ids
    faults: list[Affected] = []
    unknown = int(not found.everyone_read)
    for rule, one in rules:
        fault, unsure = _left_out(found, rule, one, kept)
        unknown += unsure and fault is None
        if fault is not None:
            faults.append(fault)
    bad = f"{count(len(faults), 'règle')} sur {len(rules)} : comptes exclus à revoir ({names(faults)})."
    good = f"{count(len(rules), 'règle')} pour tous : seuls les comptes de secours en sont exclus."
    return conclude(about, found.source, faults, what="l'accès conditionnel", good=good, bad=bad, unknown=unknown)


def _left_out(found: Access, rule: Policy, one: Reach, kept: Ids) -> tuple[Affected | None, bool]:
    """What is wrong with the exclusions of a policy, and whether some could not be read."""
    people = found.people
    # Guests and roles are left out as a kind, which is a choice; accounts and groups are left out one by one.
    apart = {key for key in people if key not in one.possible and not _as_a_kind(found, rule, people[key])}
    others = apart - kept - synchronisation(found)
    unsure = bool(one.unread) or one.possible != one.sure
    if len(apart) > MAX_RESCUE or others:
        told = listed(people[key].name for key in sorted(others or apart))
        return _point(rule, f"laisse de côté {count(len(others or apart), 'compte')} : {told}", "excluded"), unsure
    if not apart & kept and not unsure:
        return _point(rule, "n'exclut aucun compte de secours", "no_rescue"), unsure
    return None, unsure


def _as_a_kind(found: Access, rule: Policy, person: Person) -> bool:
    held = any(person.id in found.directory.roles.get(role, frozenset()) for role in rule.exclude.roles)
    guests = bool(rule.exclude.guests.types) or "guestsorexternalusers" in rule.exclude.users
    return held or (guests and bool(person.guest or person.external) and person.id not in rule.exclude.users)


def _point(rule: Policy, detail: str, kind: str) -> Affected:
    return Affected(id=rule.id or rule.name, label=rule.name, detail=detail, kind=kind, ref=rule.name)


def deleted_objects(facts: M365Facts, context: Context) -> Judgement:
    """Policies name accounts, groups, roles and places that exist: a rule on what was deleted protects nobody."""
    del context
    about = subject(facts)
    found, objects = reading(facts, "conditional_access"), reading(facts, "directory_objects")
    places, roles = reading(facts, "named_locations"), reading(facts, "role_definitions")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    if isinstance(objects, Gap):
        return not_assessed(about, objects)
    rules = [rule for rule in policies(found) if rule.state != "disabled"]
    alive = {word(row, "id") for row in objects.rows}
    known = {
        "compte": alive | _ids(reading(facts, "users")),
        "groupe": alive | _ids(reading(facts, "policy_groups")),
        "rôle": _ids(roles) | _ids(roles, "templateId"),
        "emplacement": _ids(places) | {OLD_TRUSTED},
    }
    unread = {
        kind: gap
        for kind, gap in (("rôle", roles), ("emplacement", places))
        if isinstance(gap, Gap) or not gap.complete
    }
    faults: list[Affected] = []
    untold: list[Gap] = []
    for rule in rules:
        gone = [(kind, key) for kind, key in _named(rule) if key not in known[kind]]
        sure = [f"{kind} {key}" for kind, key in gone if kind not in unread]
        untold += [gap for kind, _ in gone if isinstance(gap := unread.get(kind), Gap)]
        if sure:
            faults.append(_point(rule, f"nomme {listed(sure)}, introuvable", "deleted_object"))
    if not faults and untold:
        return not_assessed(about, untold[0])
    if not faults and not objects.complete:
        return not_assessed(about, stopped("les comptes et groupes nommés par les règles"))
    unknown = sum(1 for rule in rules if rule.faults)
    many = choose(len(faults), "nomme", "nomment")
    bad = f"{count(len(faults), 'règle')} sur {len(rules)} {many} un objet supprimé : {names(faults)}."
    good = f"Ce que nomment les {count(len(rules), 'règle')} existe."
    return conclude(about, found, faults, what="l'accès conditionnel", good=good, bad=bad, unknown=unknown)


def _ids(found: Rows | Gap, name: str = "id") -> set[str]:
    return {word(row, name) for row in found.rows} if isinstance(found, Rows) else set()


def _named(rule: Policy) -> Iterator[tuple[str, str]]:
    for side in (rule.include, rule.exclude):
        for kind, keys in (("compte", side.users), ("groupe", side.groups), ("rôle", side.roles)):
            yield from ((kind, key) for key in keys if key not in WORDS)
    if rule.locations:
        for key in (*rule.locations.include, *rule.locations.exclude):
            if key not in WORDS:
                yield "emplacement", key


def trusted_places(facts: M365Facts, context: Context) -> Judgement:
    """No place declared as trusted is wider than an organisation: /16 in IPv4, /32 in IPv6 at the most."""
    del context
    about, found = subject(facts), reading(facts, "named_locations")
    if isinstance(found, Gap):
        return not_assessed(about, found)
    every = locations(found)
    trusted = [place for place in every if place.trusted]
    faults = [
        Affected(id=place.id, label=place.name, detail=_wide(place), kind="too_wide", ref=place.name)
        for place in trusted
        if _wide(place)
    ]
    if not trusted and found.complete and not any(place.doubtful for place in every):
        return passed(about, "Aucun emplacement n'est déclaré de confiance : aucune adresse n'échappe aux règles.")
    return conclude(
        about,
        found,
        faults,
        what="les emplacements nommés",
        good=f"{count(len(trusted), 'emplacement')} de confiance : aucune plage trop large.",
        bad=f"{count(len(faults), 'emplacement')} de confiance sur {len(trusted)} trop large : {names(faults)}.",
        unknown=sum(1 for place in every if place.doubtful),
        severity=Severity.CRITICAL if any(not net.prefixlen for place in trusted for net in place.networks) else None,
    )


def _wide(place: Location) -> str:
    """The widest ranges of a place that are too wide; empty when none is."""
    wide = [str(network) for network in place.networks if _too_wide(network)]
    return f"plage {listed(wide)}" if wide else ""


def _too_wide(network: IPv4Network | IPv6Network) -> bool:
    return network.prefixlen < (WIDEST_V4 if network.version == 4 else WIDEST_V6)  # noqa: PLR2004 - IP versions
