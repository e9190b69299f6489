"""`ausculte collect`: facts only."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from agent.commands.run import add_collect_arguments

if TYPE_CHECKING:
    from agent.profile import LoadedProfile
    from agent.runfolder import RunFolder
    from agent.supervisor import Collected
    from checks.catalogue import Catalogue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Same perimeter arguments as `run`."""
    add_collect_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Collect and say where the facts are."""
    from agent.exits import NOT_ASSESSED, OK

    _, _, folder, _ = collect_from_args(args)
    print(folder.path)
    return NOT_ASSESSED if any(facts.gap for facts in folder.read_all_facts().values()) else OK


def collect_from_args(
    args: argparse.Namespace,
) -> tuple[Catalogue, LoadedProfile, RunFolder, list[Collected]]:
    """Load the profile and collect, with progress on standard error."""
    from agent import engine
    from agent.errors import UsageError
    from agent.profile import load_profile
    from agent.progress import make_reporter
    from agent.worker import utc_now
    from checks.catalogue import load_catalogue

    catalogue = load_catalogue()
    if not args.profile.exists():
        raise UsageError(f"{args.profile} : ce profil n'existe pas ici ; « ausculte init » en écrit un")
    loaded = load_profile(args.profile, catalogue)
    for name in args.only:
        if name not in loaded.domains:
            known = ", ".join(loaded.domains) or "aucun"
            raise UsageError(f"--only {name} : ce domaine n'est pas dans le profil (présents : {known})")
    if not loaded.domains:
        known = ", ".join(f"[{name}]" for name, domain in catalogue.domains.items() if domain.header.config)
        raise UsageError(f"{args.profile} : aucun domaine à auditer ; ajoutez au moins une table parmi {known}")
    titles = {name: domain.header.title for name, domain in catalogue.domains.items()}
    began = utc_now()
    interactive = not args.no_prompt and sys.stdin.isatty()
    reporter = make_reporter(titles, quiet=args.quiet)
    try:
        folder, collected = engine.collect(
            loaded,
            args.output,
            catalogue,
            secrets=lambda names: resolve_secrets(loaded, names, titles, interactive=interactive),
            only=tuple(args.only),
            resume=args.resume,
            clock=utc_now,
            reporter=reporter,
            restore_sample=args.restore_sample,
        )
    finally:
        reporter.close()
    state = folder.read_state()
    if args.resume and state and state.started >= began:
        print("Aucun audit interrompu de ce profil ici : un nouvel audit a été fait.", file=sys.stderr)
    for item in collected:
        for refused in item.refused:
            print(f"{titles[item.domain]} : refusé par le mandat : {refused}", file=sys.stderr)
    return catalogue, loaded, folder, collected


def resolve_secrets(
    loaded: LoadedProfile, names: Iterable[str], titles: Mapping[str, str], *, interactive: bool
) -> dict[str, dict[str, str]]:
    """The secrets the domains `names` refer to: domain -> reference -> secret.

    Each source is read once, even when two domains share it; a question at the keyboard is asked for each domain.
    """
    from agent.secret_store import references, resolve

    read: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {}
    for name in names:
        found[name] = {}
        for reference in references(loaded.domains[name]):
            if reference == "prompt" or reference not in read:
                read[reference] = resolve(reference, f"Mot de passe pour {titles[name]}", interactive=interactive)
            found[name][reference] = read[reference]
    return found
