"""What changed between two points: an encryption or a wipe that the backups have already swallowed."""

from __future__ import annotations

from collections.abc import Callable

from checks.backup.controls.common import (
    SITE,
    unsure,
)
from checks.backup.facts import BackupFacts, ChangeSign
from checks.backup.words import day
from checks.common.french import count
from checks.model import Affected, Context, Evidence, Gap, Judgement, Reason, Severity, failed, not_assessed, passed

MASS = 0.20
"""Share of files replaced above which a day is not a usual one (simulated encryptions replace nearly all)."""
USUAL_TIMES = 5
"""Times its usual share that a source must exceed as well: some replace much every night."""
MOST = 0.5
RANDOM_BITS = 7.9
"""Bits per byte of encrypted content; text and office XML once opened stay well below 7.5."""


def no_encryption(facts: BackupFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when no pair of points shows a mass change with marks of encryption.

    Marks: a new suffix on most added files, first bytes that no longer suit their extension, content that has become
    random. Two of them are an alert; one is to be explained.
    """
    return _each(facts, _encryption)


def no_wipe(facts: BackupFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when no pair of points shows that half of the files went away, and nothing came instead."""
    return _each(facts, _wipe)


def _each(facts: BackupFacts, judge: Callable[[ChangeSign], Judgement]) -> list[Judgement]:
    if isinstance(facts.changes, Gap):
        return [not_assessed(SITE, facts.changes)]
    if not facts.changes:
        return [unsure(SITE, "Aucune paire de points n'a pu être comparée.", Reason.UNSUPPORTED)]
    return [judge(sign) for sign in facts.changes]


def _encryption(sign: ChangeSign) -> Judgement:
    subject, share = _subject(sign), _replaced(sign)
    if not sign.files_before:
        return _nothing_before(sign)
    value = f"{share:.0%} des fichiers remplacés entre le {day(sign.before)} et le {day(sign.after)}".replace("%", " %")
    marks = _marks(sign) if share > MASS and share > USUAL_TIMES * (sign.daily_median or 0) else []
    if not marks:
        return passed(subject, f"Rien n'évoque un chiffrement dans « {sign.source} » ({value}).", _proof(sign, value))
    words = " ; ".join(marks)
    found = (_affected(sign, "encryption", words),)
    if len(marks) > 1:
        message = f"« {sign.source} » porte les marques d'un chiffrement malveillant, à traiter aujourd'hui : {words}."
        return failed(subject, message, _proof(sign, value), affected=found)
    message = f"« {sign.source} » a beaucoup changé d'un coup, à expliquer : {words}."
    return failed(subject, message, _proof(sign, value), affected=found, severity=Severity.MEDIUM)


def _marks(sign: ChangeSign) -> list[str]:
    found = []
    if sign.suffix and sign.suffix_files > MOST * max(1, sign.added):
        found.append(f"{count(sign.suffix_files, 'nouveau fichier', 'nouveaux fichiers')} en « {sign.suffix} »")
    if sign.looked_into and sign.magic_lost > MOST * sign.looked_into:
        found.append(f"{sign.magic_lost} fichiers sur {sign.looked_into} n'ont plus leur en-tête")
    before, after = sign.entropy_before, sign.entropy_after
    if after is not None and after > RANDOM_BITS and (before is None or before <= RANDOM_BITS):
        found.append("contenu devenu aléatoire")
    return found


def _wipe(sign: ChangeSign) -> Judgement:
    subject = _subject(sign)
    if not sign.files_before:
        return _nothing_before(sign)
    lost = sign.removed / sign.files_before
    value = f"{sign.removed} fichiers retirés et {sign.added} ajoutés sur {sign.files_before}"
    if lost < MOST or sign.added >= MOST * sign.removed:
        return passed(subject, f"Aucun effacement massif dans « {sign.source} » ({value}).", _proof(sign, value))
    message = f"« {sign.source} » a perdu plus de la moitié de ses fichiers le {day(sign.after)} : {value}."
    return failed(subject, message, _proof(sign, value), affected=(_affected(sign, "wipe", value),))


def _nothing_before(sign: ChangeSign) -> Judgement:
    detail = f"Le point du {day(sign.before)} ne contient aucun fichier à comparer."
    return unsure(_subject(sign), detail, Reason.UNSUPPORTED)


def _replaced(sign: ChangeSign) -> float:
    """Share of the files of the first point that changed or went away."""
    return min(1.0, (sign.changed + sign.removed) / sign.files_before) if sign.files_before else 0.0


def _subject(sign: ChangeSign) -> str:
    return f"{sign.repository} / {sign.source}"


def _affected(sign: ChangeSign, kind: str, detail: str) -> Affected:
    return Affected(
        id=f"{sign.repository}/{sign.source}/{sign.after:%Y%m%dT%H%M}", label=sign.source, kind=kind, detail=detail
    )


def _proof(sign: ChangeSign, value: str) -> Evidence:
    return Evidence(value=value, source=f"sauvegarde « {sign.repository} », deux points de « {sign.source} »")
