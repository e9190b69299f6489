"""Read every place that holds copies, then, when it is asked for and permitted, restore a sample of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from checks.backup.config import BackupConfig, RepositoryConfig, System
from checks.backup.facts import BackupFacts, PlannedSystem, Repository
from checks.backup.technologies import registry
from checks.backup.technologies.base import Tools
from checks.backup.technologies.record import unread
from checks.model import CollectError, CollectRequest, Gap, Network, Progress, Reason

Stopwatch = Callable[[], float]

READING_SECONDS = 480.0
"""Seconds after which no other repository is begun: what was read already is worth more than a domain cut short."""
TOTAL_SECONDS = 1500.0
"""Seconds that reading, comparing and restoring share: below the 1,800 a domain has when the profile says nothing
(`limits.domain_seconds`), by more than what one command still running at the end usually takes."""


def collect(
    request: CollectRequest[BackupConfig],
    network: Network,
    progress: Progress,
    *,
    stopwatch: Stopwatch = time.monotonic,
) -> BackupFacts:
    """Facts of every repository of the profile, one after the other: a backup server is not to be hurried.

    Repositories that are not begun after `READING_SECONDS` are gaps.
    Raises `CollectError` when the profile declares neither a system nor a repository.
    """
    config, begun = request.config, stopwatch()
    if not config.repositories and not config.systems:
        detail = "Aucun système à sauvegarder ni aucune sauvegarde n'est dans le profil ([[backup.repository]])."
        raise CollectError(Reason.NOT_CONFIGURED, detail)

    def tools() -> Tools:
        return Tools(network=network, secret=request.secret, now=request.clock(), progress=progress)

    repositories = []
    for number, one in enumerate(config.repositories):
        progress(f"Sauvegarde « {one.label} »", number, len(config.repositories))
        late = stopwatch() - begun > READING_SECONDS
        repositories.append(_too_late(one) if late else _read(one, tools()))
    facts = BackupFacts(
        repositories=tuple(repositories),
        systems=tuple(planned(one) for one in config.systems),
        restore_asked=bool(request.restorable),
        production_places=config.production_places,
        limits=_unknown(config, request.restorable),
    )
    return _proved(facts, request, tools, progress, lambda: max(0.0, begun + TOTAL_SECONDS - stopwatch()))


def _proved(
    facts: BackupFacts,
    request: CollectRequest[BackupConfig],
    tools: Callable[[], Tools],
    progress: Progress,
    left: Callable[[], float],
) -> BackupFacts:
    """The same facts with what catalogues and restores tell, within the seconds `left`."""
    from checks.backup.changes import run as changing
    from checks.backup.restore import run as restoring

    config, permitted = request.config, request.restorable
    progress("Comparaison des dernières copies")
    changes = changing.change_signs(
        config, facts.repositories, permitted, tools(), seconds=min(changing.SECONDS, left())
    )
    if permitted:
        progress("Restauration d'un échantillon")
    tests = restoring.restore_tests(
        config,
        facts.repositories,
        permitted,
        tools(),
        clock=request.clock,
        seconds=min(restoring.SECONDS, left()),
    )
    limits = tuple(dict.fromkeys((*facts.limits, *changes.limits)))
    return msgspec.structs.replace(
        facts, changes=changes.signs, restore_tests=tests, read_at=request.clock(), limits=limits
    )


def _read(config: RepositoryConfig, tools: Tools) -> Repository:
    """One repository; a library that is missing is a gap of that one only."""
    try:
        found = registry.technology(config.technology).read(config, tools)
    except ImportError as error:
        detail = (
            f"Un module nécessaire pour lire « {config.technology} » n'est pas installé ({error.name or 'inconnu'})."
        )
        found = unread(config, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    except CollectError as error:
        found = unread(config, Gap(reason=error.reason, detail=error.detail))
    return msgspec.structs.replace(found, server=config.server)


def _too_late(config: RepositoryConfig) -> Repository:
    """One repository that there was no time to read."""
    detail = (
        f"« {config.label} » n'a pas été lue : les sauvegardes précédentes ont pris tout le temps prévu "
        f"({READING_SECONDS / 60:.0f} minutes). La lire seule, ou en premier dans le profil."
    )
    return msgspec.structs.replace(unread(config, Gap(reason=Reason.TIMEOUT, detail=detail)), server=config.server)


def planned(system: System) -> PlannedSystem:
    """A system of the profile, as facts keep it."""
    return PlannedSystem(
        label=system.label,
        critical=system.critical,
        kind=system.kind,
        rpo_hours=system.rpo_hours,
        rto_hours=system.rto_hours,
        retention_days=system.retention_days,
        covered_by=system.repositories,
        sources=system.sources,
        hosted=system.hosted,
        contract=system.contract,
        owner=system.owner,
    )


def _unknown(config: BackupConfig, permitted: tuple[str, ...]) -> tuple[str, ...]:
    """Labels the mandate permits to restore from, and that the profile does not declare."""
    known = {one.label for one in config.repositories}
    return tuple(
        f"Le mandat permet de restaurer depuis « {label} », que le profil ne déclare pas."
        for label in permitted
        if label not in known
    )
