"""What a control sees of the tenant, and the three ways it may conclude.

A control asks for readings and properties through `Seen`. What is missing (a refused reading, a property that the
source never gives, a list that stops before its end) ends the control as not assessed, with its reason: a control
cannot conform on what it did not see, because `Seen.passed` refuses to when something it used was incomplete.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from checks.common.french import listed
from checks.common.text import clean
from checks.m365.facts import M365Facts, Rows
from checks.m365.judging import subject
from checks.m365.reading import lacks, licence_gap, reading
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Origin,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

_LISTED = 200
"""Affected objects of one verdict."""
_IN_BRIEF = 8
"""Items of a list property in a line of evidence."""


class Unclear(Exception):  # noqa: N818 - a way to conclude, not an error
    """The facts do not tell; carries the gap that says why."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(gap.detail)
        self.gap = gap


class Seen:
    """The facts as one control uses them: remembers what was used, to prove it and to know when it was partial."""

    def __init__(self, facts: M365Facts) -> None:
        self.facts = facts
        self.subject = subject(facts)
        self._used: dict[str, Rows] = {}
        self._doubts: list[Gap] = []

    # --- Reading

    def rows(self, name: str, *properties: str) -> tuple[Row, ...]:
        """The objects of a reading. Raises `Unclear` on a gap, or when the source never gives one of the properties.

        An object without one of them is left out, and the control can then no longer conform.
        """
        found = reading(self.facts, name)
        if isinstance(found, Gap):
            raise Unclear(found)
        if never := [prop for prop in properties if prop in found.absent]:
            raise Unclear(_never(found, never))
        self._used[name] = found
        known = tuple(row for row in found.rows if all(prop in row for prop in properties))
        if len(known) < len(found.rows):
            missing = [prop for prop in properties if any(prop not in row for row in found.rows)]
            if not known:
                raise Unclear(_never(found, missing))
            self._doubts.append(_never(found, missing))
        return known

    def maybe(self, name: str, *properties: str) -> tuple[Row, ...] | Gap:
        """Same as `rows`, the gap given back for who has another source."""
        try:
            return self.rows(name, *properties)
        except Unclear as unclear:
            return unclear.gap

    def setting(self, name: str, *properties: str) -> Row:
        """The object of a reading that has only one. Raises `Unclear` when the service gave none."""
        rows = self.rows(name, *properties)
        if not rows:
            source = self._used[name].source
            raise Unclear(Gap(reason=Reason.MALFORMED, detail=f"« {source} » a répondu sans aucun réglage."))
        return rows[0]

    def flag(self, name: str, prop: str) -> bool:
        """A setting that is yes or no. Raises `Unclear` when it is neither."""
        value = values.flag(self.setting(name, prop), prop)
        if value is None:
            raise Unclear(_unreadable(self._used[name], prop))
        return value

    def where(self, name: str, prop: str, wanted: bool) -> list[Row]:
        """The objects whose yes-or-no property is `wanted`; one that is neither is a doubt."""
        found = []
        for row in self.rows(name, prop):
            value = values.flag(row, prop)
            if value is None:
                self.doubt(_unreadable(self._used[name], prop))
            elif value is wanted:
                found.append(row)
        return found

    def unreadable(self, name: str, prop: str) -> Gap:
        """The gap for a property whose value means nothing to us."""
        return _unreadable(self._used[name], prop)

    def is_complete(self, name: str) -> bool:
        """Whether a reading that was used went to its end."""
        return name not in self._used or self._used[name].complete

    def lacking(self, *names: str) -> None:
        """Before failing because something is not there: raise `Unclear` when it may be in what was not read."""
        for name in names:
            if not self.is_complete(name):
                raise Unclear(_partial(self._used[name]))

    def doubt(self, gap: Gap) -> None:
        """Something could not be told: the control may still fail, and no longer conform."""
        self._doubts.append(gap)

    def need(self, plan: str) -> None:
        """Raise `Unclear` when the licences were read and none contains the service plan."""
        if lacks(self.facts, plan):
            raise Unclear(licence_gap(plan))

    # --- Proof

    def proof(self, name: str, value: str) -> Evidence:
        """What was seen in a reading that was used."""
        return Evidence(value=value, source=self._used[name].source, origin=self._used[name].origin)

    def shown(self, name: str, row: Row, *properties: str) -> Evidence:
        """Some properties of one object, as they were given: `Enabled = True, Status = Valid`."""
        return self.proof(name, ", ".join(f"{prop} = {brief(row.get(prop))}" for prop in properties))

    # --- Concluding

    def passed(self, message: str, *evidence: Evidence) -> Judgement:
        """Conforms. Raises `Unclear` when what was used is incomplete or not entirely known."""
        self._certain()
        return passed(self.subject, message, *evidence)

    def not_applicable(self, why: str, *evidence: Evidence) -> Judgement:
        """The question has no meaning here, which also needs complete readings."""
        self._certain()
        return not_applicable(self.subject, why, *evidence)

    def failed(
        self, message: str, *evidence: Evidence, affected: Iterable[Affected] = (), severity: Severity | None = None
    ) -> Judgement:
        """Does not conform: what was seen is enough, whatever else there may be."""
        items = tuple({item.id: item for item in affected}.values())
        return failed(self.subject, message, *evidence, affected=items[:_LISTED], severity=severity)

    def unclear(self, reason: Reason, detail: str) -> Judgement:
        """Not assessed."""
        return not_assessed(self.subject, Gap(reason=reason, detail=detail))

    def _certain(self) -> None:
        if self._doubts:
            raise Unclear(self._doubts[0])
        for found in self._used.values():
            if not found.complete:
                raise Unclear(_partial(found))


Control = Callable[[M365Facts, Context], "Judgement | list[Judgement]"]


def judged(judge: Callable[[Seen, Context], Judgement]) -> Control:
    """Make a control out of a function that judges what is seen of the tenant."""

    @functools.wraps(judge)
    def control(facts: M365Facts, context: Context) -> Judgement:
        seen = Seen(facts)
        try:
            return judge(seen, context)
        except Unclear as unclear:
            return not_assessed(seen.subject, unclear.gap)

    return control


def _partial(found: Rows) -> Gap:
    detail = f"« {found.source} » n'a été lu qu'en partie : ce qui manque peut tout changer."
    return Gap(reason=Reason.ERROR, detail=detail)


def _unreadable(found: Rows, prop: str) -> Gap:
    return Gap(reason=Reason.MALFORMED, detail=f"« {found.source} » donne pour {prop} une valeur illisible.")


def _never(found: Rows, properties: list[str]) -> Gap:
    detail = f"« {found.source} » ne donne pas {listed(properties)} : à regarder dans le portail."
    return Gap(reason=Reason.UNSUPPORTED, detail=detail)


# --- Words and values


def brief(value: object) -> str:
    """A value for an evidence line, short."""
    if isinstance(value, (list, tuple)):
        return listed((str(one) for one in value), _IN_BRIEF)[:200] or "vide"
    return clean(str(value))[:200]


def name_of(row: Row) -> str:
    """What people call an object of Exchange, Teams or Graph."""
    for key in ("DisplayName", "displayName", "Name", "name", "Identity", "UserPrincipalName", "id"):
        if value := values.text(row, key):
            return value
    return "sans nom"


def id_of(row: Row) -> str:
    """What identifies it."""
    for key in ("id", "ExternalDirectoryObjectId", "Identity", "Name", "DomainName", "Domain", "domain"):
        if value := values.text(row, key):
            return value
    return name_of(row)


def sentence(words: str) -> str:
    """A clause as a sentence: capital first, full stop."""
    return f"{words[:1].upper()}{words[1:]}."


def item(row: Row, kind: str, detail: str) -> Affected:
    """One object in fault."""
    return Affected(id=id_of(row), label=name_of(row), kind=kind, detail=detail)


def declared(answer: object, question: str) -> Evidence:
    """What the establishment answered in its profile."""
    words = ("oui" if answer else "non") if isinstance(answer, bool) else brief(answer)
    return Evidence(value=words, source=f"[questions] {question}", origin=Origin.DECLARED)


def answered(seen: Seen, context: Context, question: str, detail: str, words: tuple[str, str]) -> Judgement:
    """A point that no interface gives: what the house declares, or what to look at."""
    answer = context.answers.get(question)
    if not isinstance(answer, bool):
        return seen.unclear(Reason.UNSUPPORTED, f"{detail} Puis répondre dans le profil ({question}).")
    evidence = declared(answer, question)
    return seen.passed(words[0], evidence) if answer else seen.failed(words[1], evidence)
