"""Tables of the Microsoft 365 page: products, licences, protections of mail, what opens to the outside."""

from __future__ import annotations

from collections.abc import Callable

from checks.common.exhibits import Cell, Table
from checks.common.french import count, listed
from checks.m365.controls.coverage import (
    ATTACHMENTS,
    LINKS,
    MALWARE,
    PHISHING,
    SPAM,
    Applied,
    Kind,
    applied,
    name_of_policy,
)
from checks.m365.controls.seen import Seen, Unclear
from checks.m365.controls.sharepoint import ANYONE, LEVELS, level
from checks.m365.controls.teams import allowed_domains
from checks.m365.facts import Licences, M365Facts, Rows
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.m365.words import PLANS, has_plan, product
from checks.model import Gap, Level

_UNREAD = "non lu"
_SHOWN = 4


def products(facts: M365Facts) -> Table | None:
    """What was bought and what is used, one product a row; None when nothing tells."""
    found = facts.readings.get("skus")
    rows = []
    for row in found.rows if isinstance(found, Rows) else ():
        sku = values.text(row, "skuPartNumber")
        bought = values.number(values.mapping(row, "prepaidUnits"), "enabled")
        used = values.number(row, "consumedUnits")
        free = None if bought is None or used is None else bought - used
        rows.append((
            Cell(text=product(sku) or "?", detail=sku),
            Cell(text="?" if bought is None else str(bought)),
            Cell(text="?" if used is None else str(used)),
            Cell(text="?" if free is None else str(free), level=Level.MEDIUM if (free or 0) < 0 else Level.NONE),
        ))  # fmt: skip
    if not rows:
        return None
    return Table(
        title="Licences achetées et utilisées",
        columns=("Produit", "Achetées", "Utilisées", "Libres"),
        rows=tuple(rows),
        note="Une licence libre se paie ; une licence utilisée par un compte désactivé aussi.",
    )


def licences(facts: M365Facts) -> Table:
    """What each licence lets set and see, and whether the tenant has it."""
    found = facts.licences
    rows = []
    for plan in PLANS:
        if isinstance(found, Licences):
            own = has_plan(found, plan)
            state = Cell(
                text="oui" if own else "non",
                level=Level.NONE if own else Level.INFO,
                detail="" if own else f"Sans elle : {plan.without}.",
            )
        else:
            state = Cell(text=_UNREAD, level=Level.UNKNOWN, detail=found.detail)
        rows.append((Cell(text=plan.name), state, Cell(text=plan.sets), Cell(text=plan.sees), Cell(text=plan.without)))
    return Table(
        title="Ce que chaque licence permet de régler et de voir",
        columns=("Licence", "Présente", "Permet de régler", "Permet de voir", "Sans elle"),
        rows=tuple(rows),
        note="Ce qui demande une licence absente est « non vérifié », jamais « en défaut ».",
    )


def protections(facts: M365Facts) -> Table:
    """Which policy of each kind is in force, for whom, and its main settings."""
    rows = tuple(_protection(facts, *one) for one in _KINDS)
    return Table(
        title="Protections de la messagerie en vigueur",
        columns=("Protection", "Politique", "Pour qui", "Réglages"),
        rows=rows,
        note=(
            "La première politique qui vise une boîte l'emporte : stricte, standard, personnalisée, puis celle par"
            " défaut."
        ),
    )


_KINDS: tuple[tuple[str, Kind, dict[str, str]], ...] = (
    (
        "Pièces jointes (antivirus)",
        MALWARE,
        {"EnableFileFilter": "types dangereux bloqués", "ZapEnabled": "purge après réception"},
    ),
    ("Courrier indésirable", SPAM, {"SpamAction": "spam", "HighConfidencePhishAction": "hameçonnage certain"}),
    (
        "Hameçonnage",
        PHISHING,
        {"EnableSpoofIntelligence": "faux expéditeurs", "EnableTargetedUserProtection": "personnes imitées"},
    ),
    ("Liens", LINKS, {"EnableSafeLinksForEmail": "courriels", "EnableSafeLinksForTeams": "Teams"}),
    ("Pièces jointes (Defender)", ATTACHMENTS, {"Enable": "examinées", "Action": "action"}),
)


def _protection(facts: M365Facts, label: str, kind: Kind, shown: dict[str, str]) -> tuple[Cell, ...]:
    try:
        found = applied(Seen(facts), kind)
    except Unclear as unclear:
        return (Cell(text=label), _unread(unclear.gap), Cell(), Cell())
    names = listed((name_of_policy(one.policy) for one in found), _SHOWN) or "aucune vue"
    return Cell(text=label), Cell(text=names), _for_whom(found), _settings(found, shown)


def _for_whom(found: list[Applied]) -> Cell:
    if not found:
        return Cell(text="?", level=Level.UNKNOWN, detail="Aucune politique en vigueur n'a été vue.")
    if not all(one.certain for one in found):
        return Cell(
            text="à préciser",
            level=Level.UNKNOWN,
            detail="Les règles qui disent à qui s'applique chaque politique n'ont pas été lues.",
        )
    if len(found) == 1 and found[0].everyone:
        return Cell(text="tout le monde")
    return Cell(text=count(len(found), "politique"), detail="Chacune vise une partie des boîtes.")


def _settings(found: list[Applied], shown: dict[str, str]) -> Cell:
    """Yes-or-no settings as words, with the worst of all policies; other settings as they are."""
    words, worst = [], Level.NONE
    for prop, label in shown.items():
        flags = [values.flag(one.policy, prop) for one in found if prop in one.policy]
        if flags and all(flag is not None for flag in flags):
            words.append(f"{label} : {'oui' if all(flags) else 'non'}")
            worst = worst if all(flags) else Level.MEDIUM
        elif texts := {values.text(one.policy, prop) for one in found} - {""}:
            words.append(f"{label} : {listed(sorted(texts))}")
        else:
            words.append(f"{label} : ?")
            worst = Level.UNKNOWN if worst is Level.NONE else worst
    return Cell(text=", ".join(words), level=worst)


def openings(facts: M365Facts) -> Table:
    """What may be shared with, or reached by, people outside."""
    rows = []
    for label, look in _OPENINGS:
        try:
            cell = look(Seen(facts))
        except Unclear as unclear:
            cell = _unread(unclear.gap)
        rows.append((Cell(text=label), cell))
    return Table(
        title="Ce qui s'ouvre à l'extérieur",
        columns=("Service", "Ouvert à"),
        rows=tuple(rows),
        lead="Un partage ouvert à n'importe qui ne laisse aucune trace de qui a lu.",
    )


def _unread(gap: Gap) -> Cell:
    return Cell(text=_UNREAD, level=Level.UNKNOWN, detail=gap.detail)


def _capability(row: Row, prop: str) -> Cell:
    word = level(row, prop)
    grave = {ANYONE: Level.HIGH, "externalusersharingonly": Level.LOW}.get(word, Level.NONE)
    return Cell(text=LEVELS[word], level=grave) if word else Cell(text="?", level=Level.UNKNOWN)


def _sharepoint(seen: Seen) -> Cell:
    found = seen.maybe("sharepoint", "sharingCapability")
    if not isinstance(found, Gap) and found:
        return _capability(found[0], "sharingCapability")
    return _capability(seen.setting("sharepoint_tenant", "SharingCapability"), "SharingCapability")


def _onedrive(seen: Seen) -> Cell:
    return _capability(seen.setting("sharepoint_tenant", "OneDriveSharingCapability"), "OneDriveSharingCapability")


def _teams(seen: Seen) -> Cell:
    if not seen.flag("teams_federation", "AllowFederatedUsers"):
        return Cell(text="aucune autre organisation")
    domains = allowed_domains(seen.setting("teams_federation", "AllowedDomains")["AllowedDomains"])
    if domains:
        return Cell(
            text=count(len(domains), "organisation choisie", "organisations choisies"), detail=f"{listed(domains)}."
        )
    return Cell(text="toutes les organisations", level=Level.MEDIUM)


def _consumers(seen: Seen) -> Cell:
    if not seen.flag("teams_federation", "AllowTeamsConsumer"):
        return Cell(text="personne")
    inbound = seen.flag("teams_federation", "AllowTeamsConsumerInbound")
    return Cell(text="n'importe quel compte personnel" if inbound else "les comptes que vos équipes contactent",
                level=Level.MEDIUM if inbound else Level.LOW)  # fmt: skip


def _forwarding(seen: Seen) -> Cell:
    modes = {values.word(row, "AutoForwardingMode") for row in seen.rows("outbound_spam", "AutoForwardingMode")}
    if "on" in modes:
        return Cell(text="n'importe quelle adresse", level=Level.HIGH)
    return Cell(text="personne") if modes and modes <= {"off", "automatic"} else Cell(text="?", level=Level.UNKNOWN)


def _redirected(seen: Seen) -> Cell:
    rows = seen.rows("mailboxes", "ForwardingSmtpAddress")
    size = sum("@" in values.text(row, "ForwardingSmtpAddress") for row in rows)
    if not size and not seen.is_complete("mailboxes"):
        return Cell(text="aucune parmi les boîtes lues", level=Level.UNKNOWN)
    return Cell(
        text=f"{count(size, 'boîte redirigée', 'boîtes redirigées')} sur {len(rows)}",
        level=Level.MEDIUM if size else Level.NONE,
    )


def _guests(seen: Seen) -> Cell:
    rows = seen.rows("users", "userType")
    size = sum(values.word(row, "userType") == "guest" for row in rows)
    return Cell(text=count(size, "invité"))


_OPENINGS: tuple[tuple[str, Callable[[Seen], Cell]], ...] = (
    ("Fichiers SharePoint", _sharepoint),
    ("Fichiers OneDrive", _onedrive),
    ("Messages Teams d'autres organisations", _teams),
    ("Messages Teams de comptes personnels", _consumers),
    ("Transfert automatique du courrier", _forwarding),
    ("Boîtes redirigées", _redirected),
    ("Comptes invités dans l'annuaire", _guests),
)
