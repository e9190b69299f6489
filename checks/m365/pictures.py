"""Pictures about people: who holds which administration role and how, and who has a second factor. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from checks.common.exhibits import Cell, Exhibit, Table
from checks.common.french import choose, count, listed
from checks.common.text import clean
from checks.m365.facts import M365Facts
from checks.m365.reading import reading
from checks.m365.views.roles import GLOBAL, ROLES, TOP, Holding, Holdings, holdings, privileged
from checks.m365.views.users import capable, users
from checks.m365.views.values import flag, word
from checks.model import Gap, Level, Matrix

MAX_HOLDERS = 60
"""Rows of the matrix of roles; the verdicts name them all."""
NAME = 60
KINDS = {"user": "", "group": "groupe", "application": "application", "": "compte ou groupe"}
ROLES_TITLE, FACTORS_TITLE = "Qui administre, et comment", "Qui a un second facteur"


def people(facts: M365Facts) -> tuple[Exhibit, ...]:
    """Both pictures, as far as the readings allow; one that cannot be drawn says why."""
    held = holdings(facts)
    return (roles(held, facts.break_glass), second_factors(facts, held))


# --- Roles


def roles(held: Holdings | Gap, rescue: Iterable[str] = ()) -> Matrix | Table:
    """Holders of a privileged role by role: for good, through a group, or to be activated.

    `rescue`: accounts kept for emergencies, by name or id, which have their role for good on purpose.
    """
    if isinstance(held, Gap):
        return _empty(ROLES_TITLE, f"Les rôles n'ont pas pu être lus : {held.detail}")
    by_holder: dict[str, list[Holding]] = {}
    for item in privileged(held.items):
        by_holder.setdefault(item.holder, []).append(item)
    if not by_holder:
        return _empty(ROLES_TITLE, " ".join(("Aucun rôle d'administration n'a été vu.", *_doubts(held))))
    ranked = sorted(by_holder.values(), key=_rank)
    shown = ranked[:MAX_HOLDERS]
    present = {item.role for items in ranked for item in items}
    columns = [role for role in ROLES if role in present]
    apart = {name.strip().casefold() for name in rescue}
    return Matrix(
        title=ROLES_TITLE,
        rows=tuple(_holder(items, _kept(items, apart)) for items in shown),
        columns=tuple(ROLES[role] for role in columns),
        cells=tuple(
            tuple(_cell([item for item in items if item.role == role], _kept(items, apart)) for role in columns)
            for items in shown
        ),
        row_title="Compte",
        column_title="Rôle",
        note=_roles_note(held, len(ranked) - len(shown)),
    )


def _rank(items: Sequence[Holding]) -> tuple[int, int, str]:
    """Global administrators first, then those with most roles."""
    return (0 if any(item.role == GLOBAL for item in items) else 1, -len(items), items[0].label.casefold())


def _kept(items: Sequence[Holding], apart: set[str]) -> bool:
    return any({item.holder, item.label.casefold()} & apart for item in items)


def _holder(items: Sequence[Holding], kept: bool) -> str:
    first = items[0]
    kind = "secours" if kept else "invité" if any(item.guest for item in items) else KINDS.get(first.kind, "")
    return f"{clean(first.label, NAME)}{f' ({kind})' if kind else ''}"


def _cell(items: Sequence[Holding], kept: bool) -> Cell:
    if not items:
        return Cell()
    ways = list(dict.fromkeys(_way(item) for item in items))
    first = items[0]
    partial = "" if any(item.everywhere for item in items) else ", sur une unité administrative seulement"
    detail = f"{clean(first.label, NAME)} : {first.role_name}, {listed(ways, 3)}{partial}."
    return Cell(
        text=ways[0] if len(ways) == 1 else f"{ways[0]} +{len(ways) - 1}", level=_level(items, kept), detail=detail
    )


def _way(item: Holding) -> str:
    if item.through:
        return f"par {clean(item.through, 30)}{', à activer' if item.eligible else ''}"
    return "à activer" if item.eligible else "direct"


def _level(items: Sequence[Holding], kept: bool) -> Level:
    """A guest or an application with such a role is the gravest; a role to be activated is what is wanted."""
    top = any(item.role in TOP for item in items)
    if any(item.guest or item.kind == "application" for item in items):
        return Level.CRITICAL if top else Level.HIGH
    if kept or all(item.eligible for item in items):
        return Level.NONE
    return Level.MEDIUM if top else Level.INFO


def _doubts(held: Holdings) -> list[str]:
    told = []
    if held.unread_groups:
        told.append(f"Membres non lus : {listed(held.unread_groups, 4)}.")
    if not held.complete:
        told.append("La lecture des rôles s'est arrêtée avant la fin.")
    if held.eligible_gap is not None:
        told.append(f"Rôles à activer non vus : {held.eligible_gap.detail}")
    return told


def _roles_note(held: Holdings, left: int) -> str:
    parts = ["« direct » : le rôle est actif en permanence ; « à activer » : seulement sur demande (PIM)."]
    if left > 0:
        parts.append(
            f"{count(left, 'autre compte', 'autres comptes')} {choose(left, 'suit', 'suivent')}, non dessinés."
        )
    return " ".join((*parts, *_doubts(held)))


# --- Second factors


def second_factors(facts: M365Facts, held: Holdings | Gap) -> Table:
    """Registered and usable second factors, for administrators, members and guests."""
    found = reading(facts, "registration")
    if isinstance(found, Gap):
        return _empty(FACTORS_TITLE, f"L'enregistrement des seconds facteurs n'a pas pu être lu : {found.detail}")
    admins = {item.holder for item in privileged(held.items)} if isinstance(held, Holdings) else set()
    able, kinds = capable(found), _kinds(facts)
    registered = {word(row, "id"): flag(row, "isMfaRegistered") for row in found.rows}
    told_admin = {word(row, "id") for row in found.rows if flag(row, "isAdmin") is True}
    groups: dict[str, list[str]] = {"Administrateurs": [], "Membres": [], "Invités": []}
    for row in found.rows:
        key = word(row, "id")
        guest = kinds.get(key) or word(row, "userType")
        name = "Administrateurs" if key in admins | told_admin else "Invités" if guest == "guest" else "Membres"
        groups[name].append(key)
    rows = tuple(_line(name, keys, registered, able) for name, keys in groups.items() if keys)
    if not rows:
        return _empty(FACTORS_TITLE, "Le rapport de Microsoft ne contient aucun compte.")
    return Table(
        title=FACTORS_TITLE,
        columns=("Comptes", "Nombre", "Second facteur enregistré", "Utilisable", "Sans second facteur"),
        rows=rows,
        lead=_lead(groups, able),
        note="Le rapport de Microsoft ne compte pas les comptes désactivés. « Utilisable » : enregistré, et permis par "
        "la politique des méthodes."
        + ("" if found.complete else " La lecture s'est arrêtée avant la fin : il y a d'autres comptes."),
    )


def _kinds(facts: M365Facts) -> Mapping[str, str]:
    found = reading(facts, "users")
    if isinstance(found, Gap):
        return {}
    return {user.id: "guest" if user.guest else "member" for user in users(found) if user.guest is not None}


def _line(
    name: str, keys: Sequence[str], registered: Mapping[str, bool | None], able: Mapping[str, bool | None]
) -> tuple[Cell, ...]:  # fmt: skip
    without = sum(able.get(key) is False for key in keys)
    unknown = sum(able.get(key) is None for key in keys)
    level = Level.NONE
    if without:
        level = {"Administrateurs": Level.CRITICAL, "Membres": Level.HIGH}.get(name, Level.MEDIUM)
    elif unknown:
        level = Level.UNKNOWN
    more = f" ({unknown} inconnu{choose(unknown, '', 's')})" if unknown else ""
    return (
        Cell(text=name),
        Cell(text=str(len(keys))),
        Cell(text=_share(sum(registered.get(key) is True for key in keys), len(keys))),
        Cell(text=_share(sum(able.get(key) is True for key in keys), len(keys))),
        Cell(text=f"{without}{more}", level=level, detail=f"{name} : {without} sur {len(keys)} sans second facteur."),
    )


def _share(number: int, total: int) -> str:
    return f"{number} ({round(100 * number / total)} %)"


def _lead(groups: Mapping[str, Iterable[str]], able: Mapping[str, bool | None]) -> str:
    bare = {name: sum(able.get(key) is False for key in keys) for name, keys in groups.items()}
    total = sum(bare.values())
    if not total:
        return ""
    admins = bare["Administrateurs"]
    told = f", dont {count(admins, 'administrateur')}" if admins else ""
    return f"{count(total, 'compte')} sans second facteur utilisable{told}."


def _empty(title: str, why: str) -> Table:
    return Table(title=title, columns=("Comptes",), rows=(), note=why)
