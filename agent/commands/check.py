"""`ausculte check`: judge one input without a site profile."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checks.catalogue import Catalogue, Domain
    from checks.model import FactsFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Domain, inputs, and the few options an online check needs."""
    parser.add_argument("domain", metavar="DOMAINE", help="domaine (voir « ausculte controls list »)")
    parser.add_argument("inputs", nargs="+", metavar="ENTRÉE", help="fichier, domaine de messagerie ou ldaps://SERVEUR")
    parser.add_argument("--json", action="store_true", help="écrire {facts, outcomes} sur la sortie standard")
    parser.add_argument(
        "--authorised",
        action="store_true",
        help="je suis autorisé par écrit à interroger cette cible maintenant",
    )
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="RÉSEAU|NOM",
        help="avec --authorised : réseau, adresse ou nom également autorisé (répétable)",
    )
    parser.add_argument("--user", metavar="COMPTE", help="compte de lecture (exemple : audit@domaine.fr)")
    parser.add_argument(
        "--password-env", metavar="VARIABLE", help="variable d'environnement qui contient le mot de passe"
    )
    parser.add_argument("--ca-file", metavar="FICHIER", help="autorité de certification du serveur (PEM)")
    parser.add_argument(
        "--pin",
        action="append",
        default=[],
        metavar="SHA256",
        help="empreinte SHA-256 du certificat accepté (répétable)",
    )
    parser.add_argument(
        "--resolver",
        action="append",
        default=[],
        metavar="ADRESSE",
        help="serveur DNS à interroger (répétable)",
    )
    parser.add_argument(
        "--selector", action="append", default=[], metavar="NOM", help="sélecteur DKIM connu (répétable)"
    )
    parser.add_argument("--timeout", type=int, default=600, metavar="SECONDES", help="durée maximale (600)")


def run(args: argparse.Namespace) -> int:
    """Judge the input; exit 3 when nothing could be collected."""
    from agent.errors import UsageError
    from agent.exits import NOT_ASSESSED, OK
    from checks.catalogue import load_catalogue
    from checks.evaluate import evaluate_domain

    if args.timeout < 1:
        raise UsageError("--timeout : au moins 1 seconde est attendue")
    if args.password_env is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", args.password_env):
        # Not shown: it may be the password itself.
        raise UsageError("--password-env : le nom d'une variable d'environnement est attendu, pas sa valeur")
    catalogue = load_catalogue()
    domain = catalogue.domains.get(args.domain)
    if domain is None:
        raise UsageError(f"domaine inconnu : {args.domain} (existants : {', '.join(catalogue.domains)})")
    options = _options(args)
    facts = _from_files(domain, args.inputs, options) or _online(domain, args, options, catalogue)
    outcomes, _ = evaluate_domain(domain, facts)
    _print(facts, outcomes, as_json=args.json)
    return NOT_ASSESSED if facts.gap else OK


def _options(args: argparse.Namespace) -> dict[str, str]:
    return {
        "authorised": "yes" if args.authorised else "no",
        "user": args.user or "",
        "password_from": f"env:{args.password_env}" if args.password_env else "prompt",
        "ca_file": args.ca_file or "",
        "pin_sha256": ",".join(args.pin),
        "selectors": ",".join(args.selector),
    }


def _from_files(domain: Domain, inputs: list[str], options: dict[str, str]) -> FactsFile | None:
    """Facts read from what was given, without network; None when the domain says it is not a file."""
    import msgspec

    from agent import __version__
    from agent.errors import UsageError
    from agent.supervisor import read_facts
    from agent.worker import utc_now
    from checks.model import FACTS_SCHEMA, FactsFile, Origin

    if len(inputs) == 1 and Path(inputs[0]).is_file():
        recorded = read_facts(Path(inputs[0]))
        if recorded is not None and recorded.domain == domain.id:
            return recorded
        if recorded is not None:
            raise UsageError(f"{inputs[0]} : ce sont des faits du domaine « {recorded.domain} », pas « {domain.id} »")
    if not domain.header.read_input:
        return None
    data = domain.load(domain.header.read_input)(inputs, options)
    if data is None:
        return None
    now = utc_now()
    return FactsFile(
        schema=FACTS_SCHEMA,
        domain=domain.id,
        facts_version=domain.header.facts_version,
        tool_version=__version__,
        started=now,
        finished=now,
        origin=Origin.IMPORTED,
        targets=tuple(inputs),
        data=msgspec.Raw(msgspec.json.encode(data)),
    )


def _online(domain: Domain, args: argparse.Namespace, options: dict[str, str], catalogue: Catalogue) -> FactsFile:
    """Collect in a worker, under a mandate made of exactly what the person named."""
    from agent import engine
    from agent.commands.collect import resolve_secrets
    from agent.errors import UsageError
    from agent.mandate import parse_address
    from agent.network import system_resolvers
    from agent.profile import Limits, LoadedProfile
    from agent.progress import make_reporter
    from agent.supervisor import Assignment, collect_all, read_facts
    from agent.worker import utc_now

    if not domain.header.online_input:
        raise UsageError(f"{', '.join(args.inputs)} : ce n'est pas un fichier que le domaine « {domain.id} » sait lire")
    if not (args.authorised or domain.header.public_lookup):
        raise UsageError(
            "interroger cette cible demande une autorisation écrite de la structure ; "
            "si vous l'avez, ajoutez --authorised (l'audit complet se fait avec « ausculte run »)"
        )
    try:
        config = domain.load(domain.header.online_input)(args.inputs, options)
    except ValueError as error:  # what the domain says of its input, in French; msgspec's errors are of this kind
        raise UsageError(str(error)) from error
    targets = engine.targets_of(config)
    for text in args.resolver:
        if parse_address(text) is None:
            raise UsageError(f"--resolver {text} : une adresse IP est attendue")
    resolvers = tuple(args.resolver) or system_resolvers()
    mandate = _transient_mandate(
        [*targets, *(args.also if args.authorised else [])], resolvers, authorised=args.authorised
    )
    titles = {domain.id: domain.header.title}
    loaded = LoadedProfile(profile=_NO_PROFILE, domains={domain.id: config}, sha256="", path="")
    secrets = resolve_secrets(loaded, loaded.domains, titles, interactive=sys.stdin.isatty())
    reporter = make_reporter(titles, quiet=args.json)
    with tempfile.TemporaryDirectory(prefix="ausculte-") as temporary, contextlib.closing(reporter):
        path = Path(temporary) / "facts.json"
        assignment = Assignment(
            domain=domain, config=config, secrets=secrets[domain.id], targets=targets, facts_path=path
        )
        collect_all(
            [assignment],
            mandate=mandate,
            resolvers=resolvers,
            limits=Limits(domain_seconds=args.timeout),
            journal_path=Path(temporary) / "journal.jsonl",
            packages=[catalogue.domains[domain.id].package],
            clock=utc_now,
            reporter=reporter,
            hidden=engine.secret_variables(loaded),
        )
        facts = read_facts(path)
    if facts is None:
        raise UsageError("la collecte n'a rien rendu")
    return facts


_NO_PROFILE: Any = None
"""A check has no profile; only the secret references of its config are read."""


def _transient_mandate(allowed: list[str], resolvers: tuple[str, ...], *, authorised: bool) -> Any:
    """A mandate of one day for what the person named on the command line, and the addresses those names have now."""
    import datetime as dt

    from agent.mandate import parse_address
    from agent.profile import Mandate

    today = dt.datetime.now().astimezone().date()
    networks, names = [], []
    for item in allowed:
        if "/" in item or parse_address(item) is not None:
            networks.append(_network(item))
        else:
            names.append(item)
            if authorised:
                networks += _addresses(item, resolvers)
    return Mandate(
        authorised_by="déclaré sur la ligne de commande",
        signed_on=today,
        valid_from=today - dt.timedelta(days=1),
        valid_to=today + dt.timedelta(days=1),
        emergency_contact="-",
        networks=tuple(networks),
        domains=tuple(names),
    )


def _network(text: str) -> str:
    import ipaddress

    from agent.errors import UsageError
    from agent.mandate import parse_address

    try:
        return str(parse_address(text) or ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise UsageError(f"{text} : ce n'est ni un réseau, ni une adresse, ni un nom") from None


def _addresses(name: str, resolvers: tuple[str, ...]) -> list[str]:
    """Addresses of a host the person authorised by name; empty when it does not resolve (the collector will say so)."""
    from agent.network import ask_addresses

    with contextlib.suppress(OSError, UnicodeError, ValueError):
        return list(ask_addresses(name, resolvers)) if resolvers else []
    return []


def _print(facts: FactsFile, outcomes: list[Any], *, as_json: bool) -> None:
    import json

    import msgspec

    from agent.output import write_data
    from checks.model import Verdict
    from reports.frameworks import load_frameworks

    if as_json:
        frameworks = load_frameworks()
        rows = []
        for outcome in outcomes:
            row = msgspec.to_builtins(outcome)
            row.setdefault("reason", "")
            row.setdefault("affected", [])
            row["references"] = frameworks.references_of(outcome.control)
            rows.append(row)
        document = {
            "domain": facts.domain,
            "facts": json.loads(bytes(facts.data)),
            "gap": msgspec.to_builtins(facts.gap),
            "outcomes": rows,
        }
        write_data(json.dumps(document, ensure_ascii=False) + "\n")
        return
    names = {
        Verdict.PASS: "conforme",
        Verdict.FAIL: "ÉCART",
        Verdict.NOT_APPLICABLE: "sans objet",
        Verdict.NOT_ASSESSED: "non évalué",
    }
    for outcome in outcomes:
        severity = f" ({outcome.severity})" if outcome.verdict is Verdict.FAIL else ""
        print(f"{names[outcome.verdict]:<11}{outcome.control:<15}{outcome.subject} : {outcome.message}{severity}")
