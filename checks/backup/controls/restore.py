"""What restoring really gave back: the only proof of a backup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from checks.backup.controls.common import (
    SITE,
    answered_date,
    declared,
    distinct,
    each_system,
    seen_row,
    thing,
    unset,
    unsure,
    yes_no,
)
from checks.backup.facts import BackupFacts, RestoreTest, RtoEstimate, Unopened
from checks.backup.plan import PlanRow, plan
from checks.backup.terms import RESTORE_ANSWER, RESTORE_VALID
from checks.backup.words import day, length, size
from checks.common.french import count, listed
from checks.model import (
    Context,
    Evidence,
    Gap,
    Judgement,
    Reason,
    Severity,
    Verdict,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

REFERENT = "backup_restore_referent"
"""Question: true when somebody of the trade (nurse manager, accountant…) confirmed that what came back is usable."""
MANY_UNREADABLE = 0.02
"""Above, files that do not open are not a few that were already broken in the source."""
COMPARED = 0.5
"""Below this share of files with something to be compared to, the test says little of their content."""
_PROBLEMS = {
    "missing": "absent",
    "different": "différent de ce qui a été sauvegardé",
    "empty": "vide",
    "unreadable": "illisible",
    "short": "plus court que prévu",
}
_SEVERAL = {
    "missing": "absents",
    "different": "différents de ce qui a été sauvegardé",
    "empty": "vides",
    "unreadable": "illisibles",
    "short": "plus courts que prévu",
}


def tested(facts: BackupFacts, context: Context) -> Judgement:
    """Conforms when a critical system was restored less than a year ago: by the agent, else as declared."""
    wanted = [test for row in plan(facts, context.now) if row.system.critical for test in row.tests]
    tests = wanted if facts.systems else list(facts.restore_tests)
    whole = [test for test in tests if test.gap is None and test.restored > 0]
    if whole:
        newest = max(whole, key=lambda test: test.finished)
        if context.now - newest.finished <= RESTORE_VALID:
            number = count(newest.restored, "fichier restauré")
            message = f"Un échantillon de « {newest.source} » a été restauré le {newest.finished:%d/%m/%Y} ({number})."
            return passed(SITE, message, _proof(newest, number))
    answer = answered_date(context, RESTORE_ANSWER)
    if isinstance(answer, Judgement):
        return answer
    if answer is None:
        if context.answers.get(RESTORE_ANSWER) is False:
            message = "Aucune restauration n'a jamais été essayée : rien ne prouve que les sauvegardes servent."
            return failed(SITE, message, declared(RESTORE_ANSWER, "non"))
        if not (facts.restore_asked or tests):
            return unset(RESTORE_ANSWER, "date du dernier essai de restauration réussi (false s'il n'y en a jamais eu)")
        return _no_test(facts)
    shown = f"{answer:%d/%m/%Y}"
    if context.now.date() - answer <= RESTORE_VALID:
        message = f"Un essai de restauration est déclaré le {shown}."
        return passed(SITE, message, declared(RESTORE_ANSWER, shown))
    message = f"Le dernier essai de restauration déclaré date du {shown}, plus d'un an."
    return failed(SITE, message, declared(RESTORE_ANSWER, shown))


def gives_back(facts: BackupFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when every file drawn came back, as it was saved, and opens."""
    if not facts.restore_tests:
        return [_no_test(facts)]
    return [_of_source([_gives_back(test) for test in tests]) for tests in _by_source(facts)]


def _by_source(facts: BackupFacts) -> list[list[RestoreTest]]:
    """Tests of each source of each repository, that of its newest point first: several points are tried of one."""
    found: dict[str, list[RestoreTest]] = {}
    for test in sorted(facts.restore_tests, key=lambda test: test.point_time, reverse=True):
        found.setdefault(_subject(test), []).append(test)
    return list(found.values())


def _of_source(judgements: Sequence[Judgement]) -> Judgement:
    """One verdict for the points tried of a source: every failure counts, else the newest point speaks."""
    failures = [one for one in judgements if one.verdict is Verdict.FAIL]
    if not failures:
        return judgements[0]
    worst = min(failures, key=lambda one: (one.severity or Severity.CRITICAL).rank)
    affected = {item.id: item for one in failures for item in one.affected}
    return failed(
        worst.subject,
        " ".join(one.message for one in failures),
        *(proof for one in judgements for proof in one.evidence),
        affected=tuple(affected.values()),
        severity=worst.severity,
    )


def _gives_back(test: RestoreTest) -> Judgement:
    subject = _subject(test)
    if test.problems:
        kinds = {kind: [p for p in test.problems if p.problem == kind] for kind in _PROBLEMS}
        words = listed(count(len(found), _PROBLEMS[kind], _SEVERAL[kind]) for kind, found in kinds.items() if found)
        message = (
            f"Sur {count(test.expected, 'fichier')} de « {test.source} » (point du {day(test.point_time)}), "
            f"en défaut à la restauration : {words}."
        )
        found = distinct(
            thing(
                p.ref, f"fichier {p.ref} ({p.extension or 'sans extension'})", p.problem, _detail(p.problem, p.detail)
            )
            for p in test.problems[:200]
        )
        return failed(subject, message, _proof(test, words), affected=found, severity=_gravity(test, kinds))
    if test.gap:
        return not_assessed(subject, test.gap)
    if not test.expected:
        return unsure(subject, f"Aucun fichier de « {test.source} » n'a pu être tiré au sort.", Reason.UNSUPPORTED)
    if test.restored < test.expected:
        detail = f"{test.restored} fichiers sur {test.expected} sont revenus, sans que le défaut des autres soit connu."
        return unsure(subject, detail, Reason.ERROR)
    value = f"{count(test.restored, 'fichier revenu', 'fichiers revenus')}, {test.opened} ouverts, {size(test.bytes)}"
    if not test.opened and not test.compared_with_source and not test.compared_with_catalogue:
        detail = f"Les fichiers de « {test.source} » sont revenus, mais aucun n'a pu être ouvert ni comparé."
        return unsure(subject, detail, Reason.UNSUPPORTED)
    message = f"Chaque fichier tiré de « {test.source} » est revenu sans défaut ({value})."
    return passed(subject, message, _proof(test, value))


def _detail(problem: str, detail: str) -> str:
    return f"{_PROBLEMS[problem]} : {detail}" if detail else _PROBLEMS[problem]


def _gravity(test: RestoreTest, kinds: Mapping[str, list[Unopened]]) -> Severity:
    """Worst kind of problem. A few files that do not open may have been broken in the source already."""
    many = len(kinds["unreadable"]) > MANY_UNREADABLE * max(1, test.expected)
    if kinds["missing"] or kinds["different"] or many:
        return Severity.CRITICAL
    return Severity.HIGH if kinds["short"] or kinds["unreadable"] else Severity.MEDIUM


def compared(facts: BackupFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when half of the files restored at least had something to be compared to."""
    if not facts.restore_tests:
        return [_no_test(facts)]
    return [_compared(tests) for tests in _by_source(facts)]


def _compared(tests: Sequence[RestoreTest]) -> Judgement:
    """All the points tried of one source together."""
    test, subject = tests[0], _subject(tests[0])
    against = sum(one.compared_with_source + one.compared_with_catalogue for one in tests)
    total = against + sum(one.uncompared for one in tests)
    if not total:
        if test.gap:
            return not_assessed(subject, test.gap)
        return unsure(
            subject, f"Aucun fichier de « {test.source} » n'est revenu : rien à comparer.", Reason.UNSUPPORTED
        )
    if not against:
        detail = (
            f"Rien à quoi comparer les fichiers de « {test.source} » : ce produit ne garde pas leurs empreintes, et la "
            "source n'a pas été relue ou a changé depuis (live_root, dans [[backup.repository]])."
        )
        return unsure(subject, detail)
    value = f"{count(against, 'fichier comparé', 'fichiers comparés')} sur {total}"
    if against >= COMPARED * total:
        message = f"Le contenu restauré de « {test.source} » a été comparé à l'original : {value}."
        return passed(subject, message, _proof(test, value))
    message = f"Peu de fichiers de « {test.source} » ont pu être comparés à l'original : {value}."
    return failed(subject, message, _proof(test, value))


def database_opened(facts: BackupFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when a database, or its dump, was in the sample and opened."""
    if not facts.restore_tests:
        return [_no_test(facts)]
    opened = [test for test in facts.restore_tests if test.database]
    if opened:
        message = f"Une base de données restaurée de « {opened[0].source} » s'ouvre et son contrôle est bon."
        return [passed(SITE, message, _proof(opened[0], "base ouverte"))]
    if stopped := [test.gap for test in facts.restore_tests if test.gap]:
        return [not_assessed(SITE, stopped[0])]
    message = "Aucune base de données n'a été restaurée et ouverte : c'est elle qui porte le dossier des personnes."
    return [failed(SITE, message, _proof(facts.restore_tests[0], "aucune base dans l'échantillon"))]


@each_system
def in_time(row: PlanRow, facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the whole interval of the estimated restore time is below the declared objective."""
    label = row.system.label
    newest: dict[str, RestoreTest] = {}
    for test in row.tests:
        newest.setdefault(test.source.casefold(), test)
    if not newest:
        return _no_test(facts, label)
    estimates = [test.rto for test in newest.values() if isinstance(test.rto, RtoEstimate)]
    if not estimates:
        return next(not_assessed(label, test.rto) for test in newest.values() if isinstance(test.rto, Gap))
    low, high = sum(e.low for e in estimates) / 3600, sum(e.high for e in estimates) / 3600
    shown = _between(low, high)
    if row.system.rto_hours is None:
        detail = f"La restauration de « {label} » prendrait {shown} ; dire combien de temps est acceptable (rto_hours)."
        return unsure(label, detail)
    wanted = length(row.system.rto_hours)
    value = seen_row(row, f"estimation {shown}, étapes humaines déclarées comprises, objectif {wanted}")
    if low > row.system.rto_hours:
        message = f"Restaurer « {label} » prendrait {shown}, plus que le délai accepté ({wanted})."
        return failed(label, message, value)
    if len(estimates) < len({s.casefold() for copy in row.copies for s in copy.sources}):
        detail = f"Seule une partie de « {label} » a été restaurée : {shown} pour elle, sans le reste."
        return unsure(label, detail, Reason.UNSUPPORTED)
    if high <= row.system.rto_hours:
        return passed(label, f"Restaurer « {label} » prendrait {shown}, dans le délai accepté ({wanted}).", value)
    detail = f"Restaurer « {label} » prendrait {shown} : rien ne dit si le délai accepté ({wanted}) serait tenu."
    return unsure(label, detail, Reason.UNSUPPORTED)


def _between(low: float, high: float) -> str:
    """`entre 2 heures et 3 heures`, or `environ 1 heure` when both read the same."""
    least, most = length(low), length(high)
    return f"environ {least}" if least == most else f"entre {least} et {most}"


def wiped(facts: BackupFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when what was restored for the test is gone afterwards."""
    if not facts.restore_tests:
        return [not_applicable(SITE, "Aucun échantillon n'a été restauré : il n'y a rien à effacer.")]
    kept = [test for test in facts.restore_tests if not test.wiped]
    if not kept:
        number = count(len(facts.restore_tests), "essai")
        return [
            passed(SITE, "Les fichiers restaurés pour l'essai ont été effacés.", _proof(facts.restore_tests[0], number))
        ]
    names = listed(test.source for test in kept)
    message = f"Des fichiers restaurés pour l'essai n'ont pas pu être effacés : {names}. Les effacer à la main."
    return [failed(SITE, message, _proof(kept[0], "dossier d'essai encore présent"))]


def referent(facts: BackupFacts, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when somebody of the trade confirmed that what was restored is usable."""
    return yes_no(
        context,
        REFERENT,
        "un référent métier a-t-il vérifié ce qui a été restauré ?",
        "Un référent métier a vérifié ce qui a été restauré.",
        "Aucun référent métier n'a vérifié ce qui a été restauré : seul lui sait si le travail peut reprendre.",
    )


def _no_test(facts: BackupFacts, subject: str = SITE) -> Judgement:
    if facts.restore_asked:
        return unsure(subject, "L'essai de restauration demandé n'a rien donné : voir les limites.", Reason.UNSUPPORTED)
    detail = "Aucun essai de restauration n'a été demandé (--restore-sample, à nommer dans le mandat)."
    return unsure(subject, detail)


def _subject(test: RestoreTest) -> str:
    return f"{test.repository} / {test.source}"


def _proof(test: RestoreTest, value: str) -> Evidence:
    seal = f", procès-verbal {test.record_sha256[:12]}" if test.record_sha256 else ""
    point = f"point du {day(test.point_time)}, tirage {test.seed}{seal}"
    return Evidence(value=value, source=f"essai de restauration « {test.repository} », {point}")
