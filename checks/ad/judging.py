"""How controls of the directory conclude: one rule for found, hidden and absent; French dates and plurals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from checks.ad.directory import Population
from checks.ad.facts import Account, AdFacts, Certificate
from checks.common.french import plural
from checks.model import (
    Affected,
    Evidence,
    Gap,
    Judgement,
    Reason,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

T = TypeVar("T")
DAY = 86_400
"""Seconds."""
YEAR = 365
"""Days. The public text says "one year" and "three years", no more: fixed days, 365 and 1095."""
THREE_YEARS = 1095

Doubt = str | None
"""What a control says of one object: empty text when it conforms, a French detail when not, None when the
directory did not show what is needed."""


def older(moment: int, days: int, now: datetime) -> bool:
    """Tell whether `moment` is strictly more than `days` days before `now`; the last second still conforms."""
    return now.timestamp() - moment > days * DAY


def day(moment: int) -> str:
    """Return a date as people write it in France; a moment out of the calendar is said, not raised."""
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%d/%m/%Y")
    except (OverflowError, OSError, ValueError):
        return "date illisible"


def since(moment: int, now: datetime) -> str:
    """Return the date and how long ago it was."""
    days = int((now.timestamp() - moment) // DAY)
    return f"{day(moment)}, il y a {days} jour{'s' if days > 1 else ''}"


def affected(item: Any, detail: str) -> Affected:
    """Point at an object by its SID, or its DN when it has none; at a certificate by its digest and holder."""
    if isinstance(item, Certificate):
        return Affected(id=item.sha256, label=item.subject or item.holder, detail=f"{detail} ({item.holder})")
    identity = getattr(item, "sid", "") or getattr(item, "dn", "")
    return Affected(id=identity, label=getattr(item, "name", "") or identity, detail=detail)


def flag(mask: int, detail: str) -> Callable[[Account], Doubt]:
    """Return a test of one userAccountControl flag."""

    def test(account: Account) -> Doubt:
        if account.uac is None:
            return None
        return detail if account.uac & mask else ""

    return test


def when_absent(account: Account, meaning: str) -> Doubt:
    """Return what an absent attribute of the account means; None when its restricted attributes are hidden.

    Windows shows an ordinary account userAccountControl and most other attributes of a user by the same right: an
    object without the first may well have the others, unseen.
    """
    return None if account.uac is None else meaning


def judge(
    facts: AdFacts,
    objects: Population[T],
    test: Callable[[T], Doubt],
    *,
    good: str,
    bad: tuple[str, str],
    source: str,
    nothing: str = "",
) -> Judgement:
    """Judge each object and conclude.

    One object that does not conform is enough to fail. Otherwise one that is missing or hidden is enough not
    to assess. `bad` is (singular, plural with `{n}`); the number of objects is added to `good`; `nothing` is the
    sentence that makes an empty population not applicable. `source` is the query or attribute that was read.
    """
    subject = facts.domain.dns_name
    wrong: list[Affected] = []
    hidden = 0
    for item in objects.items:
        doubt = test(item)
        if doubt is None:
            hidden += 1
        elif doubt:
            wrong.append(affected(item, doubt))
    total = len(objects.items)
    if wrong:
        wrong.sort(key=lambda found: (found.label.casefold(), found.id))
        seen = f"{len(wrong)} sur {total}" + (f", {hidden} non lisibles" if hidden else "")
        return failed(
            subject,
            plural(len(wrong), *bad),
            Evidence(value=seen, source=source),
            affected=tuple(wrong),
        )
    if objects.gap is not None:
        return not_assessed(subject, objects.gap)
    if hidden:
        return not_assessed(subject, concealed(hidden, total, source))
    if not total and nothing:
        return not_applicable(subject, nothing)
    looked_at = plural(total, "{n} objet examiné", "{n} objets examinés")
    return passed(subject, f"{good.rstrip('.')} ({looked_at}).", Evidence(value=f"0 sur {total}", source=source))


def concealed(hidden: int, total: int, source: str) -> Gap:
    """Say that the directory did not show an attribute of some objects to the reading account."""
    return Gap(
        reason=Reason.PERMISSION,
        detail=f"Le compte de lecture n'a pas pu lire {source} de {hidden} objet(s) sur {total}.",
    )


def missing(what: str) -> Gap:
    """Say that an object every domain has was not shown to the reading account."""
    return Gap(reason=Reason.PERMISSION, detail=f"Le compte de lecture ne voit pas {what}.")
