"""Facts + controls -> outcomes. Pure: no socket, no clock, no file.

Exceptions are caught broadly in exactly one file, here: a control that crashes becomes a `not_assessed: error`
outcome, never an absent row; so does every control of a domain whose derivation crashes.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from checks.catalogue import Control, Domain
from checks.common.documents import Column, Document, Sheet
from checks.common.exhibits import MAX_EXHIBITS, Exhibit, Table, clean_matrix, cleaned
from checks.common.text import clean
from checks.model import (
    Affected,
    Context,
    Evidence,
    FactsFile,
    Gap,
    Judgement,
    Outcome,
    Reason,
    fingerprint,
    not_assessed,
)


def evaluate_domain(
    domain: Domain, facts_file: FactsFile, answers: Mapping[str, Any] | None = None
) -> tuple[list[Outcome], Any]:
    """Judge the facts of one domain with its whole catalogue.

    Returns the outcomes, at least one per control, and the decoded facts (None when there are none). Facts written
    by another version of the domain that no longer decode give `not_assessed: malformed` for every control.
    """
    context = Context(now=facts_file.finished, answers=answers or {})
    facts, gap = read_facts(domain, facts_file)
    if gap is not None:
        subject = ", ".join(facts_file.targets) or domain.header.title
        outcomes = [stamp(domain, control, not_assessed(subject, gap), context) for control in domain.controls]
        return outcomes, None
    return evaluate_facts(domain, facts, context), facts


def evaluate_joined(
    domain: Domain, known: Mapping[str, Any], outcomes: Sequence[Outcome], context: Context
) -> tuple[list[Outcome], Any]:
    """Judge together what other domains found: their facts (or a `Gap`) by domain, and their outcomes.

    Returns the outcomes and the joined facts.
    """
    joined = {name: known.get(name, _not_installed(name)) for name in domain.header.joins}
    facts = domain.load(domain.header.facts)(joined, tuple(outcomes))
    return evaluate_facts(domain, facts, context), facts


def _not_installed(name: str) -> Gap:
    return Gap(reason=Reason.UNSUPPORTED, detail=f"Le domaine « {name} » n'est pas installé ici.")


def read_facts(domain: Domain, facts_file: FactsFile) -> tuple[Any, Gap | None]:
    """The decoded facts, or why there are none."""
    if facts_file.gap is not None:
        return None, facts_file.gap
    if facts_file.facts_version > domain.header.facts_version:
        detail = (
            f"Ces faits ont été enregistrés par une version plus récente d'Ausculte ({facts_file.tool_version}) ; "
            "mettre à jour cette installation pour les juger."
        )
        return None, Gap(reason=Reason.UNSUPPORTED, detail=detail)
    try:
        return msgspec.json.decode(facts_file.data, type=domain.load(domain.header.facts)), None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, Gap(reason=Reason.MALFORMED, detail=f"Les faits enregistrés ne peuvent pas être relus : {error}.")
    except ImportError as error:
        detail = f"Un module nécessaire à ce domaine n'est pas installé ({error.name or 'inconnu'})."
        return None, Gap(reason=Reason.UNSUPPORTED, detail=detail)


def evaluate_facts(domain: Domain, facts: Any, context: Context) -> list[Outcome]:
    """Judge decoded facts with every control of the domain.

    What the domain derives from its facts is derived once; when that crashes, no control has a verdict.
    """
    if domain.header.derive:
        try:
            facts = domain.load(domain.header.derive)(facts)
        except Exception as error:  # noqa: BLE001 - same broad catch as for a control: no row may be lost
            crash = _crash(domain, "Le calcul commun aux contrôles", error)
            return [stamp(domain, control, crash, context) for control in domain.controls]
    return [
        stamp(domain, control, judgement, context)
        for control in domain.controls
        for judgement in _judge(domain, control, facts, context)
    ]


def domain_exhibits(domain: Domain, facts: Any) -> tuple[Exhibit, ...]:
    """Pictures for the head of the domain's page, foreign texts cleaned.

    When they fail, an empty table says so in their place: not worth losing the report of a whole audit.
    """
    if not domain.header.exhibits:
        return ()
    try:
        found = tuple(cleaned(picture) for picture in domain.load(domain.header.exhibits)(facts))
    except Exception as error:  # noqa: BLE001 - same broad catch as for a control
        return (_no_picture(_crash(domain, "Le dessin des tableaux", error).message),)
    if len(found) <= MAX_EXHIBITS:
        return found
    return (*found[:MAX_EXHIBITS], _no_picture(f"{len(found) - MAX_EXHIBITS} tableaux ne sont pas montrés."))


def domain_documents(domain: Domain, facts: Any, context: Context) -> tuple[Document, ...]:
    """Workbooks for the folder of the audit. When they fail, one that only says so stands in their place."""
    if not domain.header.documents:
        return ()
    try:
        found = tuple(domain.load(domain.header.documents)(facts, context))
        if not all(isinstance(one, Document) for one in found):
            raise TypeError  # noqa: TRY301 - the same broken room, the same document
    except Exception as error:  # noqa: BLE001 - same broad catch as for a control
        why = _crash(domain, "La préparation du document", error).message
        sheet = Sheet(name="Document", columns=(Column(title="Document indisponible", width=80),), rows=((why,),))
        return (Document(name=f"document-{domain.id.replace('_', '-')}", title=domain.header.title, sheets=(sheet,)),)
    return found


def _no_picture(why: str) -> Table:
    return Table(title="Tableaux indisponibles", columns=("Tableau",), rows=(), note=why)


def _crash(domain: Domain, what: str, error: Exception) -> Judgement:
    """Not assessed, with the place of the crash and nothing of its message, which may hold a secret."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{PurePath(last.filename).name}:{last.lineno}"
    detail = f"{what} a échoué pour une raison interne ({type(error).__name__}, {where})."
    return not_assessed(domain.header.title, Gap(reason=Reason.ERROR, detail=detail))


def _judge(domain: Domain, control: Control, facts: Any, context: Context) -> list[Judgement]:
    try:
        result = domain.control_function(control)(facts, context)
        judgements = result if isinstance(result, list) else [result]
        if not all(isinstance(judgement, Judgement) for judgement in judgements):
            raise TypeError  # noqa: TRY301 - the same broken control, the same outcome
    except Exception as error:  # noqa: BLE001 - the one broad catch: a crash of one control must not hide the others
        return [_crash(domain, "Le contrôle", error)]
    if not judgements:
        detail = "Le contrôle n'a rien trouvé à juger."
        return [not_assessed(domain.header.title, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))]
    return judgements


def stamp(domain: Domain, control: Control, judgement: Judgement, context: Context) -> Outcome:
    """Give a judgement its identity: control id and version, severity, fingerprints, time of the evidence."""
    collected = context.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Outcome(
        control=control.id,
        version=control.version,
        domain=domain.id,
        subject=clean(judgement.subject),
        verdict=judgement.verdict,
        severity=judgement.severity or control.severity,
        message=clean(judgement.message),
        fingerprint=fingerprint(control.id, judgement.subject),
        reason=clean(judgement.reason),
        measure=control.measure,
        affected=tuple(
            _clean_affected(item, fingerprint(control.id, judgement.subject, item.id)) for item in judgement.affected
        ),
        evidence=tuple(
            Evidence(
                value=clean(item.value),
                source=clean(item.source),
                time=item.time or collected,
                origin=item.origin,
            )
            for item in judgement.evidence
        ),
        exhibit=clean_matrix(judgement.exhibit) if judgement.exhibit else None,
    )


def _clean_affected(item: Affected, identity: str) -> Affected:
    return msgspec.structs.replace(
        item,
        label=clean(item.label),
        detail=clean(item.detail),
        fingerprint=identity,
        kind=clean(item.kind),
        ref=clean(item.ref),
        related=tuple(clean(other) for other in item.related),
        witness={clean(key): clean(value) for key, value in item.witness.items()},
    )
