"""How controls of Microsoft 365 conclude: one rule for found, hidden and absent; subject, evidence, affected objects.

A property that the source never gives is not an empty property, a reading that stopped early is not a whole one, and a
row that cannot be understood is not a row that conforms: each ends as `not_assessed`, unless a fault was found.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from checks.common.french import listed
from checks.m365.facts import M365Facts, Rows
from checks.m365.views.values import Row, text
from checks.model import Affected, Evidence, Gap, Judgement, Matrix, Reason, Severity, failed, not_assessed, passed

MAX_AFFECTED = 2_000
"""Objects named by one verdict; the message gives the real number."""


def subject(facts: M365Facts) -> str:
    """What is judged: the tenant, by the domain people know."""
    own = [domain for domain in facts.tenant.domains if not domain.endswith(".onmicrosoft.com")]
    return next(iter(own), "") or next(iter(facts.tenant.domains), "") or facts.tenant.id or "locataire Microsoft 365"


def proof(found: Rows, value: str) -> Evidence:
    """One value and where it was read."""
    return Evidence(value=value[:500], source=found.source, origin=found.origin)


def unreadable(what: str) -> Gap:
    """The answer has not the expected shape."""
    return Gap(reason=Reason.MALFORMED, detail=f"La réponse ne permet pas de lire {what}.")


def not_given(what: str, found: Rows) -> Gap:
    """The source never gives this property."""
    return Gap(reason=Reason.UNSUPPORTED, detail=f"La source « {found.source[:120]} » ne donne pas {what}.")


def stopped(what: str) -> Gap:
    """The reading ended before everything was seen."""
    return Gap(
        reason=Reason.ERROR, detail=f"La lecture de {what} s'est arrêtée avant la fin : le reste n'a pas été vu."
    )


def missing(what: str, found: Rows, *properties: str) -> Gap:
    """Why a property could not be judged: never given by the source, or not understood."""
    return not_given(what, found) if set(properties) & set(found.absent) else unreadable(what)


def day(moment: datetime | None) -> str:
    """A date as people write it in France."""
    return moment.strftime("%d/%m/%Y") if moment else "date inconnue"


def named(row: Row, kind: str, detail: str = "", *, name: str = "displayName") -> Affected:
    """Point at an object of the directory by its id, shown by its name."""
    label = text(row, name) or text(row, "displayName") or text(row, "id")
    return Affected(id=text(row, "id") or label, label=label, detail=detail, kind=kind, ref=label)


def names(affected: Sequence[Affected]) -> str:
    """The first ones, for a sentence."""
    return listed(f"« {item.label} »" for item in affected)


def conclude(
    about: str,
    found: Rows,
    faults: Sequence[Affected],
    *,
    what: str,
    good: str,
    bad: str,
    unknown: int = 0,
    properties: tuple[str, ...] = (),
    severity: Severity | None = None,
    evidence: Sequence[Evidence] = (),
    exhibit: Matrix | None = None,
) -> Judgement:
    """Fail on a fault; else pass only when everything was seen and understood.

    `what` completes « la lecture de … »; `unknown` counts the objects whose state could not be read.
    """
    proofs = tuple(evidence) or (proof(found, f"{len(found.rows)} objet(s) lu(s), {len(faults)} en cause"),)
    if faults:
        return failed(about, bad, *proofs, affected=tuple(faults[:MAX_AFFECTED]), severity=severity, exhibit=exhibit)
    if unknown:
        return not_assessed(about, missing(what, found, *properties))
    if not found.complete:
        return not_assessed(about, stopped(what))
    return passed(about, good, *proofs, exhibit=exhibit)


def switch(
    about: str, found: Rows, value: bool | None, *, what: str, good: str, bad: str, name: str, expected: bool = True
) -> Judgement:
    """A setting that is on or off."""
    if value is None:
        return not_assessed(about, missing(what, found, name.partition(".")[0]))
    seen = proof(found, f"{name} = {str(value).lower()}")
    return passed(about, good, seen) if value is expected else failed(about, bad, seen)
