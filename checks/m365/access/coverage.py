"""Picture of Conditional Access: what each kind of account must present for each kind of sign-in."""

from __future__ import annotations

from collections.abc import Sequence

from checks.common.french import count
from checks.m365.access.axes import ANY_APP, BROWSER, EAS, LEGACY, MODERN, REGISTRATION, Target, Wanted
from checks.m365.access.goals import Goal
from checks.m365.access.people import Person
from checks.m365.access.rescue import rescue
from checks.m365.access.search import State
from checks.m365.access.tenant import Access, Answer, activated, ask, worst
from checks.m365.facts import M365Facts
from checks.m365.views.roles import Holdings, holdings, privileged
from checks.model import Gap, Level, Matrix, MatrixCell, Record

MAX_APPS = 12
"""Columns of applications that policies name; the others are judged all the same."""
LEGACY_CLIENTS = Wanted(clients=(EAS, LEGACY), devices=("",))
UNKNOWN = MatrixCell(text="?", level=Level.UNKNOWN, detail="Cette case n'a pas pu être calculée.")


class Column(Record, frozen=True, kw_only=True):
    """One kind of sign-in."""

    title: str
    target: Target
    wanted: Wanted
    level: Level
    """How serious it is that nothing is demanded."""


def coverage(facts: M365Facts, found: Access) -> Matrix:
    """Kinds of accounts by kinds of sign-ins: blocked, second factor, managed device, nothing, undetermined."""
    ready = activated(found)
    groups = _groups(facts, ready)
    columns = _columns(ready)
    cells = tuple(tuple(_cell(ready, who, column, title) for column in columns) for title, who in groups)
    return Matrix(
        title="Ce que l'accès conditionnel exige, par compte et par connexion",
        rows=tuple(f"{title} ({len(who)})" for title, who in groups),
        columns=tuple(column.title for column in columns),
        cells=cells,
        row_title="Qui",
        column_title="Pour quoi",
        note="Chaque case est le pire cas : tous les lieux, systèmes, appareils et niveaux de risque sont examinés. "
        "Les rôles sur demande sont supposés activés ; les règles en mode rapport ne comptent pas.",
    )


def _groups(facts: M365Facts, found: Access) -> tuple[tuple[str, tuple[Person, ...]], ...]:
    held = holdings(facts)
    admins = {item.holder for item in privileged(held.items)} if isinstance(held, Holdings) else set()
    apart = rescue(facts, found).ids
    people = found.directory.people
    return (
        ("Administrateurs", tuple(p for p in people if p.id in admins and p.id not in apart)),
        ("Membres", tuple(p for p in people if not p.guest and p.id not in admins and p.id not in apart)),
        ("Invités", tuple(p for p in people if p.guest and p.id not in admins and p.id not in apart)),
        ("Comptes de secours", tuple(p for p in people if p.id in apart)),
    )


def _columns(found: Access) -> tuple[Column, ...]:
    modern = Wanted(clients=(BROWSER, MODERN))
    named = [app for app in found.apps if app != ANY_APP][:MAX_APPS]
    apps = [Column(title="Toute application", target=ANY_APP, wanted=modern, level=Level.CRITICAL)]
    apps += [Column(title=app.label, target=app, wanted=modern, level=Level.HIGH) for app in named]
    return (
        *apps,
        Column(title="Protocoles anciens", target=ANY_APP, wanted=LEGACY_CLIENTS, level=Level.HIGH),
        Column(title="Code d'appareil", target=ANY_APP, wanted=Wanted(flows=("devicecodeflow",)), level=Level.MEDIUM),
        Column(title="Enregistrer un second facteur", target=REGISTRATION, wanted=modern, level=Level.MEDIUM),
    )


GOALS = (
    (Goal.BLOCK, "Bloqué"),
    (Goal.RESISTANT, "MFA résistante"),
    (Goal.MFA, "MFA"),
    (Goal.MANAGED, "Appareil géré"),
    (Goal.MFA_OR_MANAGED, "MFA ou appareil"),
)
"""Strongest first: an account is counted under the first one it always meets."""


def _cell(found: Access, who: Sequence[Person], column: Column, title: str) -> MatrixCell:
    if not who:
        return MatrixCell(text="—", detail=f"{title} : aucun compte.")
    alike: dict[tuple[int, int], list[Person]] = {}
    for person in who:
        alike.setdefault(found.masks.get(person.id, (0, 0)), []).append(person)
    # Accounts that the same policies concern have the same answers: one speaks for all.
    left = {people[0].id: people for people in alike.values()}
    told: list[str] = []
    last: dict[str, Answer] = {}
    for goal, name in GOALS:
        answers = ask(found, goal, [people[0] for people in left.values()], (column.target,), column.wanted)
        if isinstance(answers, Gap):
            return UNKNOWN
        last = worst(answers)
        met = sum(len(people) for key, people in left.items() if last[key].found.state is State.COVERED)
        if met:
            told.append(f"{name} {met}/{len(who)}" if met < len(who) else name)
        left = {key: people for key, people in left.items() if last[key].found.state is not State.COVERED}
    opened = {key: len(people) for key, people in left.items() if last[key].found.state is State.OPEN}
    nothing, doubt = sum(opened.values()), sum(len(people) for key, people in left.items() if key not in opened)
    if doubt:
        told.append(f"? {doubt}/{len(who)}")
    if nothing:
        told.insert(0, f"Rien {nothing}/{len(who)}" if nothing < len(who) else "Rien")
    first = last[next(iter(opened))] if opened else None
    return MatrixCell(
        text=", ".join(told), level=_level(column, nothing, doubt, title), detail=_detail(first, nothing, doubt)
    )


def _level(column: Column, nothing: int, doubt: int, title: str) -> Level:
    if nothing:
        return Level.INFO if title == "Comptes de secours" else column.level
    return Level.UNKNOWN if doubt else Level.NONE


def _detail(first: Answer | None, nothing: int, doubt: int) -> str:
    if first is not None:
        many = count(nothing, "compte")
        return f"Rien n'est exigé de {many}, par exemple {first.person.name} : {first.sentence}."
    if doubt:
        return f"Pour {count(doubt, 'compte')}, des règles dépendent de ce qui n'a pas pu être lu."
    return "Tous les cas sont couverts."
