"""The backup plan as a workbook: what was found, what is left to complete, the rule, the protocol of a full test."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from checks.backup.facts import BackupFacts, Encryption, Integrity, Repository, RestoreTest, RtoEstimate
from checks.backup.plan import DEFAULT_RPO_HOURS, is_good
from checks.backup.protocol import PROTOCOL
from checks.backup.questions import QUESTIONS
from checks.backup.rows import (
    MEDIUM_TITLES,
    PROOF_WORDS,
    TERM_TITLES,
    Line,
    found_lines,
    graded,
    level_of,
    lines,
    term_text,
)
from checks.backup.terms import is_conclusive, lock_of
from checks.backup.words import between, day, length, size
from checks.common.documents import MAX_ROWS, Column, Document, Sheet, Value
from checks.common.french import count
from checks.model import Context, Gap, Level, MatrixCell

NAME = "plan-de-sauvegarde"
BLANK_RECORDS = 6
"""Empty lines for the tests that the structure makes itself."""
_YES_NO = ("oui", "non")
_KEPT = {True: "oui", False: "non", None: ""}
_METHOD = (
    (
        "Dernière bonne copie",
        (
            "Le point le plus récent qui n'est ni incomplet, ni vide, ni endommagé. "
            "Un système fait de plusieurs machines est aussi ancien que la moins à jour."
        ),
    ),
    (
        "Perte si panne",
        f"Temps écoulé depuis la dernière bonne copie. Seuil sans objectif déclaré : {length(DEFAULT_RPO_HOURS)}.",
    ),
    ("Rythme observé", "Médiane des écarts entre les points des 30 derniers jours."),
    (
        "Durée estimée du retour",
        (
            "Estimation tirée d'un échantillon restauré, étapes humaines déclarées comprises ; "
            "démarrage des machines et des logiciels non compris."
        ),
    ),
    ("Essayé, lu, déclaré", "Essayé : l'outil l'a fait. Lu : le produit le dit. Déclaré : quelqu'un l'a dit."),
)
_DEPTHS = {"metadata": "structure seule", "sample": "échantillon relu", "full": "tout relu"}


def documents(facts: BackupFacts, context: Context) -> tuple[Document, ...]:
    """One workbook, as soon as a system or a backup is declared."""
    if not facts.systems and not facts.repositories:
        return ()
    now = context.now
    declared, found = lines(facts, now), found_lines(facts, now)[: MAX_ROWS // 2]
    sheets = (
        _plan(declared, found),
        _organisation(declared),
        _todo(facts, context, declared, found),
        _rule(facts, context),
        _repositories(facts, now),
        _records(facts),
        _protocol(),
        _method(facts, now),
    )
    return (Document(name=NAME, title="Plan de sauvegarde", sheets=sheets),)


# --- The plan


def _plan(declared: Iterable[Line], found: Iterable[Line]) -> Sheet:
    columns = (
        Column(title="Système ou données", width=24),
        Column(title="Critique", width=9, fill=True, choices=_YES_NO),
        Column(title="Sauvegardes", width=18),
        Column(title="Rythme observé", width=15),
        Column(title="Dernière bonne copie", width=18),
        Column(title="Perte si panne", width=12),
        Column(title="Perte acceptée", width=12, fill=True),
        Column(title="Conservation observée", width=16),
        Column(title="Conservation voulue", width=12, fill=True),
        Column(title="Durée estimée du retour", width=16),
        Column(title="Durée acceptée", width=12, fill=True),
        Column(title="Référent métier", width=22, fill=True),
        Column(title="Remarques de l'audit", width=34),
    )
    rows = [*(_plan_row(line, declared=True) for line in declared), *(_plan_row(one, declared=False) for one in found)]
    intro = (
        "Rempli de ce qui a été observé ou déclaré. Cases jaunes : à compléter par l'établissement et son prestataire.",
        "Une ligne « à rattacher » est une machine trouvée dans les sauvegardes qu'aucun système déclaré ne réclame.",
    )
    return Sheet(name="Plan de sauvegarde", columns=columns, rows=tuple(rows), intro=intro)


def _plan_row(line: Line, *, declared: bool) -> tuple[Value, ...]:
    system = line.row.system
    kept = count(system.retention_days, "jour") if system.retention_days else ""
    remarks = line.remarks if declared else " ".join(("À rattacher à un système.", line.remarks)).strip()
    return (
        line.system, ("oui" if line.critical else "non") if declared else "", line.repositories, line.frequency,
        MatrixCell(text=line.last_good, level=line.level), line.loss_today, line.loss_accepted,
        line.retention, kept, line.time_estimated, line.time_accepted, line.owner, remarks,
    )  # fmt: skip


def _organisation(declared: Iterable[Line]) -> Sheet:
    columns = (
        Column(title="Système ou données", width=24),
        Column(title="Type", width=16),
        Column(title="Produit de sauvegarde", width=22),
        Column(title="Lieux des copies", width=26, fill=True),
        Column(title="Supports", width=20, fill=True),
        Column(title="Dernier essai de restauration", width=30),
        Column(title="Ordre de restauration", width=13, fill=True),
        Column(title="Responsable technique", width=24, fill=True),
        Column(title="Dépend de (annuaire, réseau, licence…)", width=30, fill=True),
    )
    rows = tuple(
        (line.system, line.kind, line.technologies, line.places, line.media, line.restore or "non essayé", "", "", "")
        for line in declared
    )
    intro = ("Ce qu'il faut savoir pour restaurer dans le bon ordre, avec les bonnes personnes.",)
    return Sheet(name="Où et comment", columns=columns, rows=rows, intro=intro)


# --- What is missing


def _todo(facts: BackupFacts, context: Context, declared: Iterable[Line], found: Iterable[Line]) -> Sheet:
    columns = (
        Column(title="Sujet", width=30),
        Column(title="Ce qui manque", width=60),
        Column(title="Où l'écrire pour le prochain audit", width=40),
        Column(title="Réponse", width=34, fill=True),
        Column(title="Qui s'en charge", width=22, fill=True),
        Column(title="Pour le", width=12, fill=True),
    )
    rows = [
        *(row for line in declared for row in _missing_of_system(line)),
        *(row for one in facts.repositories for row in _missing_of_repository(one)),
        *((one.system, "À quel système appartient cette machine ? Sinon, la retirer.", "[[backup.system]] sources")
          for one in found),
        *(("Établissement", one.text, f"[questions] {one.key}")
          for one in QUESTIONS if one.key not in context.answers),
    ]  # fmt: skip
    intro = (
        "Chaque ligne est une information que l'audit n'a pas trouvée. La répondre suffit à l'effacer au prochain.",
    )
    if not rows:
        intro = ("L'audit n'a trouvé aucune information manquante.",)
    kept = tuple((*row, "", "", "") for row in rows[:MAX_ROWS])
    return Sheet(name="À compléter", columns=columns, rows=kept, intro=intro)


def _missing_of_system(line: Line) -> list[tuple[str, str, str]]:
    system, row = line.row.system, line.row
    hosted = bool(system.hosted) and not row.copies
    asked = (
        (not line.loss_accepted, "Combien de travail accepte-t-on de perdre ?", "rpo_hours"),
        (not line.time_accepted, "En combien de temps doit-il revenir ?", "rto_hours"),
        (not system.owner.strip(), "Quel référent métier valide une restauration ?", "owner"),
        (
            not system.retention_days and not hosted,
            "Combien de jours en arrière doit-on pouvoir revenir ?",
            "retention_days",
        ),
        (hosted and system.contract is None, "Le contrat dit-il comment il est sauvegardé et rendu ?", "contract"),
        (row.unlinked and not hosted, "Quels noms portent ses machines dans les sauvegardes ?", "sources"),
        (bool(row.ambiguous), "Lesquelles des machines de ces sauvegardes sont les siennes ?", "sources"),
    )
    return [(line.system, text, f"[[backup.system]] {key}") for missing, text, key in asked if missing]


def _missing_of_repository(one: Repository) -> list[tuple[str, str, str]]:
    subject = f"Sauvegarde « {one.label} »"
    place = "[[backup.repository]]"
    asked = (
        (not one.place, "Où se trouve-t-elle (bâtiment, site, hébergeur) ?", f"{place} place"),
        (not one.medium, "Sur quel support (disque, NAS, bande, en ligne, amovible) ?", f"{place} medium"),
        (
            one.same_array_as_source is None and one.medium in ("", "disk"),
            "Est-elle sur les mêmes disques que la production ?",
            f"{place} same_array_as_source",
        ),
        (
            isinstance(one.encryption, Encryption) and one.encryption.encrypted and one.encryption.key_escrow is None,
            "Sa clé est-elle gardée hors du système ?",
            f"{place} key_escrow",
        ),
    )
    found = [(subject, text, where) for missing, text, where in asked if missing]
    if isinstance(one.points, Gap):
        found.append((subject, f"Elle n'a pas été lue : {one.points.detail}", "accès à donner à l'auditeur"))
    return found


# --- The rule, the repositories


def _rule(facts: BackupFacts, context: Context) -> Sheet:
    columns = (
        Column(title="Système critique", width=28),
        Column(title="Termes tenus sur 5", width=10),
        *(Column(title=title, width=34) for title in TERM_TITLES),
        Column(title="Décision", width=40, fill=True),
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (
            row.system.label,
            found.met,
            *(MatrixCell(text=term_text(term), level=level_of(term), detail=term.detail) for term in found.every),
            "",
        )
        for row, found in graded(facts, context.now, context.answers)
    )
    intro = (
        "3 copies, 2 supports, 1 hors site, 1 que personne ne peut effacer, 0 erreur.",
        f"Entre parenthèses, la force de la preuve : {', '.join(PROOF_WORDS.values())}.",
        "Ne comptent jamais : un instantané de la même baie, une réplication, un second nom du même dépôt.",
    )
    return Sheet(name="3-2-1-1-0", columns=columns, rows=rows, intro=intro)


def _repositories(facts: BackupFacts, now: datetime) -> Sheet:
    columns = (
        Column(title="Sauvegarde", width=22),
        Column(title="Produit", width=24),
        Column(title="Adresse", width=32),
        Column(title="Lieu", width=20, fill=True),
        Column(title="Support", width=16, fill=True),
        Column(title="Points", width=9),
        Column(title="Plus ancien", width=20),
        Column(title="Dernier utilisable", width=20),
        Column(title="Intégrité", width=26),
        Column(title="Chiffrement", width=20),
        Column(title="Clé gardée ailleurs", width=12, fill=True, choices=_YES_NO),
        Column(title="Protection contre l'effacement", width=36),
        Column(title="Place libre", width=18),
        Column(title="Ce que la lecture ne montre pas", width=60),
    )
    rows = tuple(_repository_row(one, now) for one in facts.repositories)
    return Sheet(name="Sauvegardes", columns=columns, rows=rows)


def _repository_row(one: Repository, now: datetime) -> tuple[Value, ...]:
    times = [] if isinstance(one.points, Gap) else [point.time for point in one.points]
    good = [] if isinstance(one.points, Gap) else [point.time for point in one.points if is_good(point, now)]
    unread = one.points.detail if isinstance(one.points, Gap) else ""
    lock = lock_of(one)
    clear = one.encryption
    return (
        one.label,
        " ".join(part for part in (one.product or one.technology, one.version) if part),
        one.address,
        one.place,
        MEDIUM_TITLES.get(one.medium, one.medium),
        len(times) if not unread else None,
        day(min(times)) if times else "",
        MatrixCell(text="non lue", level=Level.UNKNOWN) if unread else day(max(good)) if good else "aucun",
        _integrity(one),
        ("oui" if clear.encrypted else "non") if isinstance(clear, Encryption) else "non lu",
        _KEPT[clear.key_escrow] if isinstance(clear, Encryption) else "",
        MatrixCell(text=lock.text, level=level_of(lock), detail=lock.detail),
        f"{size(one.free)} sur {size(one.capacity)}" if one.free is not None and one.capacity else "",
        " ".join(part for part in (unread, *one.limits) if part),
    )


def _integrity(one: Repository) -> Value:
    check = one.integrity
    if isinstance(check, Integrity):
        when = f", {check.when:%d/%m/%Y}" if check.when else ""
        text = f"{'bonne' if check.ok else 'en échec'} ({_DEPTHS[check.depth]}{when})"
        return MatrixCell(text=text, level=Level.NONE if check.ok else Level.CRITICAL)
    return MatrixCell(text="non lue", level=Level.UNKNOWN)


# --- Restores


def _records(facts: BackupFacts) -> Sheet:
    columns = (
        Column(title="Date", width=12, fill=True),
        Column(title="Système ou source", width=26, fill=True),
        Column(title="Sauvegarde", width=20, fill=True),
        Column(title="Point restauré", width=20, fill=True),
        Column(title="Type d'essai", width=20, fill=True, choices=("échantillon", "complet", "base seule")),
        Column(title="Fichiers attendus", width=10, fill=True),
        Column(title="Revenus", width=10, fill=True),
        Column(title="Ouverts", width=10, fill=True),
        Column(title="Défauts", width=30, fill=True),
        Column(title="Durée mesurée ou estimée", width=22, fill=True),
        Column(title="Fait par", width=22, fill=True),
        Column(title="Référent métier : le travail peut reprendre ?", width=26, fill=True, choices=_YES_NO),
        Column(title="Données d'essai effacées", width=12, fill=True, choices=_YES_NO),
        Column(title="Signature", width=22, fill=True),
    )
    blank: tuple[Value, ...] = ("",) * len(columns)
    rows = (*(_record(test) for test in facts.restore_tests), *(blank for _ in range(BLANK_RECORDS)))
    intro = ("Les essais faits par l'outil sont déjà inscrits. Les lignes vides sont pour ceux de l'établissement.",)
    return Sheet(name="Essais de restauration", columns=columns, rows=rows, intro=intro)


def _record(test: RestoreTest) -> tuple[Value, ...]:
    faults = count(len(test.problems), "fichier en défaut", "fichiers en défaut") if test.problems else "aucun"
    if test.gap:
        faults = f"{faults} ; arrêté : {test.gap.detail}"
    elif not test.problems and not is_conclusive(test):
        faults = "essai incomplet"
    rto = test.rto
    lasts = between(rto.low / 3600, rto.high / 3600) if isinstance(rto, RtoEstimate) else ""
    seal = f" (procès-verbal {test.record_sha256[:12]})" if test.record_sha256 else ""
    return (
        test.finished.date(), test.source, test.repository, day(test.point_time), "échantillon", test.expected,
        test.restored, test.opened, faults, lasts, f"Ausculte, tirage {test.seed}{seal}", "",
        "oui" if test.wiped else "non", "",
    )  # fmt: skip


def _protocol() -> Sheet:
    columns = (
        Column(title="Étape", width=7),
        Column(title="Quand", width=16),
        Column(title="À faire", width=90),
        Column(title="Fait par", width=22, fill=True),
        Column(title="Heure", width=10, fill=True),
        Column(title="Constat", width=44, fill=True),
    )
    rows = tuple((number, when, text, "", "", "") for number, (when, text) in enumerate(PROTOCOL, start=1))
    intro = ("Essai complet d'un système critique, une fois par an, sans jamais toucher à la production.",)
    return Sheet(name="Protocole d\u2019essai", columns=columns, rows=rows, intro=intro)


def _method(facts: BackupFacts, now: datetime) -> Sheet:
    rows = (("Relevé le", day(now)), *_METHOD, *(("Ce que la lecture ne montre pas", one) for one in facts.limits))
    columns = (Column(title="Sujet", width=30), Column(title="Comment le lire", width=110))
    return Sheet(name="Lire ce classeur", columns=columns, rows=rows)
