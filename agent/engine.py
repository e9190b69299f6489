"""One audit from profile to `run.json`: check the mandate, collect in workers, judge, write."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent import __version__, journal
from agent.mandate import MandateGuard, parse_address
from agent.network import system_resolvers
from agent.profile import LoadedProfile
from agent.runfolder import RunFolder, State, file_sha256, new_run, unfinished_run
from agent.secret_store import references
from agent.supervisor import Assignment, Collected, Reporter, collect_all, empty_facts, read_facts
from checks.catalogue import Catalogue, Domain, domain_packages
from checks.common.documents import Document
from checks.common.exhibits import Exhibit
from checks.common.text import clean
from checks.evaluate import domain_documents, domain_exhibits, evaluate_domain, evaluate_joined
from checks.model import (
    RUN_SCHEMA,
    RUN_SCHEMA_VERSION,
    Context,
    DomainRun,
    FactsFile,
    Gap,
    MandateRefusedError,
    Outcome,
    Reason,
    Run,
    StructureIdentity,
    ToolIdentity,
)

Clock = Callable[[], dt.datetime]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of several domains, judged with one catalogue."""

    outcomes: tuple[Outcome, ...]
    summaries: Mapping[str, Mapping[str, str]]
    """Per domain: short facts for the head of its report page."""
    exhibits: Mapping[str, tuple[Exhibit, ...]] = {}
    """Per domain: pictures for the same place."""
    documents: tuple[Document, ...] = ()
    """Workbooks for the folder of the audit."""


def collect(
    loaded: LoadedProfile,
    parent: Path,
    catalogue: Catalogue,
    *,
    secrets: Callable[[tuple[str, ...]], Mapping[str, Mapping[str, str]]],
    only: tuple[str, ...],
    resume: bool,
    clock: Clock,
    reporter: Reporter,
    restore_sample: bool = False,
) -> tuple[RunFolder, list[Collected]]:
    """Collect the requested domains into a run folder.

    `secrets` is called once with the domains still to collect, after the mandate has been checked: nobody types a
    password for a refused audit. With `resume`, finished domains of the latest interrupted run of the same profile
    are kept, and its perimeter unless `only` gives another.
    With `restore_sample`, the backups that the mandate names may have a sample restored.
    Raises `MandateRefusedError` before anything is sent when a target or the moment is outside the mandate, and when
    a restore is asked for and the mandate names none.
    """
    restorable = loaded.profile.mandate.restore_tests if restore_sample else ()
    if restore_sample and not restorable:
        raise MandateRefusedError("restauration d'essai", "le mandat ne nomme aucune sauvegarde (restore_tests)")
    requested = tuple(name for name in loaded.domains if not only or name in only)
    folder = unfinished_run(parent, loaded.sha256) if resume else None
    now = clock()
    if folder is None:
        state = State(
            run_id=str(uuid.uuid4()),
            profile_sha256=loaded.sha256,
            profile_path=str(Path(loaded.path).resolve()),
            started=now,
            requested=requested,
        )

        def fill(new: RunFolder) -> None:
            _keep_profile(loaded, new)
            new.write_state(state)

        folder = new_run(parent, loaded.profile.structure.name, now, fill)
    else:
        earlier = folder.read_state()
        if earlier and not only:
            requested = tuple(name for name in requested if name in earlier.requested)
        folder.prepare()
        folder.discard_unfinished()
        if journal.repair(folder.journal):
            journal.Journal(folder.journal, "engine", clock).append(
                "repair", purpose="dernière ligne coupée par une interruption, mise de côté"
            )
    resolvers = loaded.profile.network.resolvers or system_resolvers()
    check_targets(loaded, requested, resolvers, folder, clock)
    pending = tuple(name for name in requested if _finished_facts(folder, name) is None)
    known = secrets(pending) if pending else {}
    assignments = [
        Assignment(
            domain=catalogue.domains[name],
            config=loaded.domains[name],
            secrets=known.get(name, {}),
            targets=targets_of(loaded.domains[name]),
            facts_path=folder.facts_path(name),
        )
        for name in pending
    ]
    collected = collect_all(
        assignments,
        mandate=loaded.profile.mandate,
        resolvers=resolvers,
        limits=loaded.profile.limits,
        journal_path=folder.journal,
        packages=domain_packages(),
        clock=clock,
        reporter=reporter,
        hidden=secret_variables(loaded),
        place=loaded.profile.structure.known_words,
        restorable=restorable,
    )
    return folder, collected


def _finished_facts(folder: RunFolder, domain: str) -> FactsFile | None:
    facts = read_facts(folder.facts_path(domain))
    return facts if facts is not None and facts.domain == domain else None


def secret_variables(loaded: LoadedProfile) -> frozenset[str]:
    """Environment variables that hold a secret of the profile, whichever domain it is for."""
    named = (reference for config in loaded.domains.values() for reference in references(config))
    return frozenset(reference.removeprefix("env:") for reference in named if reference.startswith("env:"))


def _keep_profile(loaded: LoadedProfile, folder: RunFolder) -> None:
    """Copy the profile and the files it names by a relative path, so that `rerun` finds everything in one place."""
    source = Path(loaded.path).parent
    folder.profile.write_bytes(Path(loaded.path).read_bytes())
    for name in loaded.files:
        target = (folder.path / name).resolve()
        if target.is_relative_to(folder.path.resolve()) and (source / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((source / name).read_bytes())


def targets_of(config: Any) -> tuple[str, ...]:
    """What a domain is pointed at: `config.targets()` by convention, nothing when it only reads files."""
    targets = getattr(config, "targets", None)
    return tuple(targets()) if callable(targets) else ()


def tenants_of(config: Any) -> tuple[str, ...]:
    """Tenants of shared services that a domain reads: `config.tenants()` by convention."""
    tenants = getattr(config, "tenants", None)
    return tuple(tenants()) if callable(tenants) else ()


def check_targets(
    loaded: LoadedProfile,
    requested: tuple[str, ...],
    resolvers: tuple[str, ...],
    folder: RunFolder,
    clock: Clock,
) -> None:
    """Refuse the whole audit when one declared target is outside the mandate; the refusal is journaled."""
    guard = MandateGuard(loaded.profile.mandate, resolvers)
    log = journal.Journal(folder.journal, "engine", clock)
    why = guard.refuse_moment(clock())
    if why:
        log.append("refuse", purpose=why)
        raise MandateRefusedError(loaded.profile.structure.name, why)
    for name in requested:
        for tenant in tenants_of(loaded.domains[name]):
            if why := guard.refuse_tenant(tenant):
                log.append("refuse", tenant, purpose=why)
                raise MandateRefusedError(tenant, why)
        for target in targets_of(loaded.domains[name]):
            address = parse_address(target)
            why = guard.refuse_address(address) if address else guard.refuse_name(target)
            if why:
                log.append("refuse", target, purpose=why)
                raise MandateRefusedError(target, why)


def judge(
    catalogue: Catalogue,
    facts: Mapping[str, FactsFile],
    answers: Mapping[str, Any],
    now: dt.datetime,
    asked: Collection[str] = (),
) -> Judged:
    """Judge the facts of every domain of the catalogue; a domain without facts is not assessed, never absent.

    `asked` are the domains whose facts should be there: when they are not, that is the reason given.
    """
    answers = msgspec.to_builtins(answers)  # a date reads the same now and when the run is judged again
    outcomes: list[Outcome] = []
    summaries: dict[str, Mapping[str, str]] = {}
    exhibits: dict[str, tuple[Exhibit, ...]] = {}
    documents: list[Document] = []
    known: dict[str, Any] = {}
    for domain in catalogue.domains.values():
        if domain.header.joins:
            continue
        file = facts.get(domain.id)
        if file is None:
            file = empty_facts(domain, _absent(domain, domain.id in asked), now, now)
        judged, decoded = evaluate_domain(domain, file, answers)
        outcomes += judged
        known[domain.id] = decoded if decoded is not None else file.gap or _unread(domain)
        if decoded is not None and domain.header.summary:
            summaries[domain.id] = summary_of(domain, decoded)
        if decoded is not None and (pictures := domain_exhibits(domain, decoded)):
            exhibits[domain.id] = pictures
        if decoded is not None:
            documents += domain_documents(domain, decoded, Context(now=file.finished, answers=answers))
    context = Context(now=now, answers=answers)
    for domain in catalogue.domains.values():
        if domain.header.joins:
            judged, decoded = evaluate_joined(domain, known, tuple(outcomes), context)
            outcomes += judged
            if domain.header.summary:
                summaries[domain.id] = summary_of(domain, decoded)
            if pictures := domain_exhibits(domain, decoded):
                exhibits[domain.id] = pictures
    return Judged(outcomes=tuple(outcomes), summaries=summaries, exhibits=exhibits, documents=tuple(documents))


def _unread(domain: Domain) -> Gap:
    detail = f"Les faits du domaine « {domain.header.title} » ne peuvent pas être relus."
    return Gap(reason=Reason.MALFORMED, detail=detail)


def _absent(domain: Domain, asked: bool) -> Gap:
    if asked:
        detail = f"Les faits du domaine « {domain.header.title} » manquent dans le dossier de l'audit."
        return Gap(reason=Reason.ERROR, detail=detail)
    detail = f"Le domaine « {domain.header.title} » n'était pas demandé dans le profil de cet audit."
    return Gap(reason=Reason.NOT_CONFIGURED, detail=detail)


def summary_of(domain: Domain, facts: Any) -> Mapping[str, str]:
    """A few facts for the head of a page: not worth losing the report of a whole audit when they fail."""
    try:
        found: Mapping[str, str] = domain.load(domain.header.summary)(facts)
    except Exception as error:  # noqa: BLE001 - code of a domain, perhaps of a third party
        return {"Résumé": f"indisponible ({type(error).__name__})"}
    return found


def finish(
    folder: RunFolder,
    loaded: LoadedProfile,
    catalogue: Catalogue,
    collected: list[Collected],
    *,
    clock: Clock,
    notes: tuple[str, ...] = (),
) -> tuple[Run, Judged]:
    """Judge what the folder holds and write `run.json`, the last file of a run."""
    facts = folder.read_all_facts()
    state = folder.read_state()
    profile = loaded.profile
    finished = max((file.finished for file in facts.values()), default=clock())
    asked = state.requested if state else tuple(loaded.domains)
    judged = judge(catalogue, facts, profile.questions, finished, asked)
    missing = tuple(
        DomainRun(domain=name, status=str(Reason.ERROR), detail=_absent(catalogue.domains[name], asked=True).detail)
        for name in asked
        if name not in facts and name in catalogue.domains
    )
    entries, head = journal.head(folder.journal)
    seconds = {item.domain: item.seconds for item in collected}
    run = Run(
        schema=RUN_SCHEMA,
        schema_version=RUN_SCHEMA_VERSION,
        id=state.run_id if state else str(uuid.uuid4()),
        structure=msgspec.convert(msgspec.to_builtins(profile.structure), StructureIdentity),
        started=state.started if state else finished,
        finished=finished,
        tool=ToolIdentity(name="ausculte", version=__version__, catalogue_sha256=catalogue.sha256),
        operator=profile.operator,
        mandate=msgspec.to_builtins(profile.mandate),
        answers=msgspec.to_builtins(profile.questions),
        plan_capacity_days=profile.plan.capacity_days,
        domains=tuple(_domain_run(folder, file, seconds.get(name)) for name, file in facts.items()) + missing,
        outcomes=judged.outcomes,
        journal_entries=entries,
        journal_sha256=head,
        notes=notes,
    )
    folder.write_run(run)
    return run, judged


def rejudge(folder: RunFolder, catalogue: Catalogue) -> tuple[Run, Judged]:
    """The run of `folder` with its recorded facts judged again by today's controls; nothing is written."""
    run = folder.read_run()
    facts = folder.read_all_facts()
    if not any(folder.facts.glob("*")):  # only the results were kept: there is nothing to judge again
        return run, Judged(outcomes=run.outcomes, summaries={})
    judged = judge(catalogue, facts, run.answers, run.finished, [domain.domain for domain in run.domains])
    # A domain that is not installed here cannot be judged again: its recorded verdicts stay, and the reader is told.
    strangers = sorted({domain.domain for domain in run.domains} - set(catalogue.domains))
    kept = tuple(outcome for outcome in run.outcomes if outcome.domain in strangers)
    notes = tuple(f"{STRANGER} : {name}." for name in strangers if f"{STRANGER} : {name}." not in run.notes)
    tool = ToolIdentity(name="ausculte", version=__version__, catalogue_sha256=catalogue.sha256)
    judged = msgspec.structs.replace(judged, outcomes=judged.outcomes + kept)
    return msgspec.structs.replace(run, outcomes=judged.outcomes, tool=tool, notes=run.notes + notes), judged


STRANGER = "Domaine absent de cette installation, verdicts d'origine conservés sans être rejugés"


def unassessed_domains(run: Run) -> list[DomainRun]:
    """Requested domains for which nothing could be collected."""
    return [domain for domain in run.domains if domain.status != "collected"]


def _domain_run(folder: RunFolder, file: FactsFile, seconds: float | None) -> DomainRun:
    path = folder.facts_path(file.domain)
    return DomainRun(
        domain=file.domain,
        status=str(file.gap.reason) if file.gap else "collected",
        detail=clean(file.gap.detail) if file.gap else "",
        facts_file=f"facts/{file.domain}.json",
        facts_sha256=file_sha256(path),
        seconds=round(seconds if seconds is not None else (file.finished - file.started).total_seconds(), 2),
        targets=file.targets,
    )
