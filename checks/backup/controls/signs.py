"""What changed between two points: an encryption or a wipe that the backups have already swallowed."""

from __future__ import annotations

from collections.abc import Callable

from checks.backup.changes.judge import ENTROPY, MIN_FILES, finding, formats_lost, replaced_share
from checks.backup.controls.common import SITE, unsure
from checks.backup.facts import BackupFacts, ChangeSign
from checks.backup.words import day
from checks.common.french import count
from checks.model import Affected, Context, Evidence, Gap, Judgement, Reason, Severity, failed, not_assessed, passed

MOST = 0.5
"""Share of the files of a point that must go away, nothing coming instead, to call it a wipe."""
INSTEAD = 0.5
"""Files that come for each one that goes, from which a wipe is a replacement."""


def no_encryption(facts: BackupFacts, context: Context) -> list[Judgement]:  # noqa: ARG001
    """Conforms when no pair of points shows the marks of an encryption (rule: `checks.backup.changes.judge`).

    Many files replaced, with a new suffix or lost formats, and content without order, are an alert; when the last
    part could not be read or is not reached, the change is to be explained.
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
    subject = _subject(sign)
    if sign.files_before < MIN_FILES:
        return _too_few(sign)
    share = f"{replaced_share(sign):.0%}".replace("%", " %")
    value = f"{share} des fichiers remplacés entre le {day(sign.before)} et le {day(sign.after)}"
    verdict = finding(sign)
    if verdict == "none":
        return passed(subject, f"Rien n'évoque un chiffrement dans « {sign.source} » ({value}).", _proof(sign, value))
    words = " ; ".join((value, *_marks(sign)))
    found = (_affected(sign, "encryption", words),)
    if verdict == "encryption":
        message = f"« {sign.source} » porte les marques d'un chiffrement malveillant, à traiter aujourd'hui : {words}."
        return failed(subject, message, _proof(sign, value), affected=found)
    message = f"« {sign.source} » a beaucoup changé d'un coup, à expliquer : {words}."
    return failed(subject, message, _proof(sign, value), affected=found, severity=Severity.MEDIUM)


def _marks(sign: ChangeSign) -> list[str]:
    """What makes the change strange, in words."""
    found = []
    if sign.suffix:
        found.append(f"{count(sign.suffix_files, 'nouveau fichier', 'nouveaux fichiers')} en « {sign.suffix} »")
    if formats_lost(sign):
        found.append(f"{sign.magic_lost} fichiers sur {sign.magic_known} n'ont plus le format de leur nom")
    if sign.entropy_after is not None and sign.entropy_after > ENTROPY:
        found.append("contenu devenu aléatoire")
    return found


def _wipe(sign: ChangeSign) -> Judgement:
    subject = _subject(sign)
    if sign.files_before < MIN_FILES:
        return _too_few(sign)
    gone, come = max(0, sign.removed - sign.moved), max(0, sign.added - sign.moved)
    value = f"{count(gone, 'fichier retiré')} et {count(come, 'ajouté')} sur {sign.files_before}"
    if gone < MOST * sign.files_before or come >= INSTEAD * gone:
        return passed(subject, f"Aucun effacement massif dans « {sign.source} » ({value}).", _proof(sign, value))
    message = f"« {sign.source} » a perdu plus de la moitié de ses fichiers le {day(sign.after)} : {value}."
    return failed(subject, message, _proof(sign, value), affected=(_affected(sign, "wipe", value),))


def _too_few(sign: ChangeSign) -> Judgement:
    number = count(sign.files_before, "fichier")
    detail = f"Le point du {day(sign.before)} ne contient que {number} : leur changement ne se juge pas."
    return unsure(_subject(sign), detail, Reason.UNSUPPORTED)


def _subject(sign: ChangeSign) -> str:
    return f"{sign.repository} / {sign.source}"


def _affected(sign: ChangeSign, kind: str, detail: str) -> Affected:
    return Affected(
        id=f"{sign.repository}/{sign.source}/{sign.after:%Y%m%dT%H%M}", label=sign.source, kind=kind, detail=detail
    )


def _proof(sign: ChangeSign, value: str) -> Evidence:
    return Evidence(value=value, source=f"sauvegarde « {sign.repository} », deux points de « {sign.source} »")
