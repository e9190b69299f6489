"""`ausculte check`: judge one input without a site profile."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checks.catalogue import Catalogue, Domain
    from checks.model import Affected, FactsFile, Outcome


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
    parser.add_argument("--vendor", metavar="PRODUIT", help="produit de l'export, s'il n'est pas reconnu")
    parser.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="ZONE=RÔLE",
        help="rôle d'une zone ou d'une interface : wan, pro, resident, guest, biomedical… (répétable)",
    )
    parser.add_argument(
        "--fail-on",
        choices=("critical", "high", "medium", "low", "info"),
        metavar="GRAVITÉ",
        help="code de sortie 4 si un constat de cette gravité ou pire existe (critical, high, medium, low, info)",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--query",
        metavar="QUESTION",
        help='ne pas juger, répondre : "src=10.20.0.0/24 dst=10.10.0.5 dport=445 [proto=tcp] [in=ZONE] [out=ZONE]" ; '
        "code de sortie 3 si la réponse est indéterminée",
    )
    instead.add_argument(
        "--rewrite",
        metavar="FICHIER",
        help="ne pas juger, écrire la proposition de réécriture (« - » : sortie standard) ; rien n'est appliqué",
    )
    parser.add_argument("--timeout", type=int, default=600, metavar="SECONDES", help="durée maximale (600)")


def run(args: argparse.Namespace) -> int:
    """Judge the input, or answer what is asked of it; exit 3 when nothing could be collected."""
    from agent.errors import UsageError
    from agent.exits import NOT_ASSESSED, OK, SEVERITY_REACHED
    from checks.catalogue import load_catalogue
    from checks.evaluate import evaluate_domain
    from checks.model import Severity, Verdict

    if args.timeout < 1:
        raise UsageError("--timeout : au moins 1 seconde est attendue")
    if args.password_env is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", args.password_env):
        # Not shown: it may be the password itself.
        raise UsageError("--password-env : le nom d'une variable d'environnement est attendu, pas sa valeur")
    catalogue = load_catalogue()
    domain = catalogue.domains.get(args.domain)
    if domain is None:
        raise UsageError(f"domaine inconnu : {args.domain} (existants : {', '.join(catalogue.domains)})")
    if domain.header.joins:
        raise UsageError(f"{args.domain} : ce domaine juge ensemble ce que les autres ont trouvé ; il faut un audit")
    _check_rooms(domain, args)
    options = _options(args)
    facts = _from_files(domain, args.inputs, options) or _online(domain, args, options, catalogue)
    if args.query is not None:
        return _answer(domain, facts, args.query, as_json=args.json)
    if args.rewrite is not None:
        return _propose(domain, facts, args.rewrite, args.inputs)
    outcomes, decoded = evaluate_domain(domain, facts)
    if args.json:
        _print_json(facts, outcomes)
    else:
        _print(domain, facts, decoded, outcomes, catalogue)
    if args.fail_on:
        limit = Severity(args.fail_on).rank
        if any(o.verdict is Verdict.FAIL and o.severity.rank <= limit for o in outcomes):
            return SEVERITY_REACHED
    return NOT_ASSESSED if facts.gap else OK


def _check_rooms(domain: Domain, args: argparse.Namespace) -> None:
    """Refuse what this domain does not offer, rather than do as if it had not been asked."""
    from agent.errors import UsageError
    from checks.catalogue import CHECK_OPTIONS

    header = domain.header
    asked = {f"--{name}": name in header.options for name in CHECK_OPTIONS if getattr(args, name)}
    if args.query is not None:
        asked["--query"] = bool(header.query)
    if args.rewrite is not None:
        asked["--rewrite"] = bool(header.proposal)
    refused = [option for option, offered in asked.items() if not offered]
    if refused:
        raise UsageError(f"{', '.join(refused)} : sans effet sur le domaine « {domain.id} »")
    if args.fail_on and (args.query is not None or args.rewrite is not None):
        raise UsageError("--fail-on ne s'emploie ni avec --query ni avec --rewrite, qui ne jugent pas")
    if args.json and args.rewrite is not None:
        raise UsageError("--json ne s'emploie pas avec --rewrite")


def _answer(domain: Domain, facts: FactsFile, question: str, *, as_json: bool) -> int:
    """Answer one question about the facts; exit 3 when the answer is not certain."""
    import json

    import msgspec

    from agent.errors import UsageError
    from agent.exits import NOT_ASSESSED, OK
    from agent.output import write_data
    from checks.common.text import clean

    decoded = _decoded(domain, facts)
    if decoded is None:
        return NOT_ASSESSED
    try:
        answer = domain.load(domain.header.query)(decoded, question)
    except ValueError as error:  # what the domain says of the question, in French
        raise UsageError(f"--query : {error}") from error
    if as_json:
        document = {
            "domain": domain.id,
            "query": question,
            "verdict": answer.verdict,
            "message": answer.message,
            # What the domain adds (the deciding rule and its line) is said at the same level.
            **{key: value for key, value in msgspec.to_builtins(answer.details).items() if key not in _QUERY_KEYS},
        }
        write_data(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        print(f"{_ANSWERS.get(answer.verdict, clean(answer.verdict))} : {clean(answer.message)}")
    return OK if answer.verdict in (PERMIT, DENY) else NOT_ASSESSED


_QUERY_KEYS = frozenset({"domain", "query", "verdict", "message"})
PERMIT, DENY = "permit", "deny"
"""Answers to `--query` that are certain."""
_ANSWERS = {PERMIT: "AUTORISÉ", DENY: "REFUSÉ", "undetermined": "INDÉTERMINÉ"}


def _propose(domain: Domain, facts: FactsFile, output: str, inputs: list[str]) -> int:
    """Write what the domain proposes; the inputs are never written over."""
    from agent.errors import UsageError
    from agent.exits import NOT_ASSESSED, OK
    from agent.files import write_atomic
    from agent.output import write_data

    path = Path(output)
    if path.exists() and any(Path(name).exists() and path.samefile(name) for name in inputs):
        raise UsageError(f"--rewrite {output} : c'est le fichier à lire ; la proposition va dans un autre fichier")
    decoded = _decoded(domain, facts)
    if decoded is None:
        return NOT_ASSESSED
    text = domain.load(domain.header.proposal)(decoded)
    if output == "-":
        write_data(text)
        return OK
    write_atomic(path, text.encode())
    print(f"Proposition : {path} (à relire ; rien n'a été appliqué)")
    return OK


def _decoded(domain: Domain, facts: FactsFile) -> Any:
    """The facts, or None once it is said why there are none."""
    from checks.common.text import clean
    from checks.evaluate import read_facts

    decoded, gap = read_facts(domain, facts)
    if gap is not None:
        print(f"ausculte : {clean(gap.detail)}", file=sys.stderr)
        return None
    return decoded


def _options(args: argparse.Namespace) -> dict[str, str]:
    return {
        "vendor": args.vendor or "",
        "role": "\n".join(args.role),
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

    if len(inputs) == 1 and _may_be_recorded(Path(inputs[0])):
        recorded = read_facts(Path(inputs[0]))
        if recorded is not None and recorded.domain == domain.id:
            if recorded.gap is None and any(options[name] for name in domain.header.options):
                data = domain.load(domain.header.read_input)(inputs, options)
                return msgspec.structs.replace(recorded, data=msgspec.Raw(msgspec.json.encode(data)))
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


MAX_RECORDED = 1 << 29
"""Bytes of a facts file; what is larger is not read to see whether it is one."""


def _may_be_recorded(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size > MAX_RECORDED:
        return False
    with path.open("rb") as file:
        return file.read(64).lstrip().startswith(b"{")


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


def _print_json(facts: FactsFile, outcomes: list[Outcome]) -> None:
    import json

    import msgspec

    from agent.output import write_data

    document = {
        "domain": facts.domain,
        "facts": json.loads(bytes(facts.data)),
        "gap": msgspec.to_builtins(facts.gap),
        "outcomes": _rows(outcomes),
    }
    write_data(json.dumps(document, ensure_ascii=False) + "\n")


def _print(domain: Domain, facts: FactsFile, decoded: Any, outcomes: list[Outcome], catalogue: Catalogue) -> None:
    import shutil

    from agent.engine import summary_of
    from checks.common.text import clean
    from checks.evaluate import domain_exhibits
    from reports.terminal import check_summary

    if facts.gap:  # the same sentence for every control: once is enough
        print(f"NON ÉVALUÉ : {clean(facts.gap.detail)}")
        return
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() or "COLUMNS" in os.environ else NO_TERMINAL
    summary = summary_of(domain, decoded) if decoded is not None and domain.header.summary else {}
    pictures = domain_exhibits(domain, decoded) if decoded is not None else ()
    width = min(max(columns - 1, NARROWEST), WIDEST)
    print(check_summary(outcomes, catalogue, width, summary, pictures), end="")


NO_TERMINAL, NARROWEST, WIDEST = 100, 40, 140
"""Columns of a text that goes to a file, and bounds of one that goes to a terminal."""


def _rows(outcomes: list[Outcome]) -> list[dict[str, Any]]:
    """Outcomes for a machine: the keys that a domain uses are there on each row, even when there is nothing to say."""
    import msgspec

    from reports.frameworks import load_frameworks

    frameworks = load_frameworks()
    objects = [item for outcome in outcomes for item in outcome.affected]
    located = any(item.kind or item.ref or item.line is not None or item.related or item.witness for item in objects)
    rows = []
    for outcome in outcomes:
        row = msgspec.to_builtins(outcome)
        row.setdefault("reason", "")
        row["affected"] = [_object_row(item, located) for item in outcome.affected]
        row["references"] = frameworks.references_of(outcome.control)
        rows.append(row)
    return rows


def _object_row(item: Affected, located: bool) -> dict[str, Any]:
    import msgspec

    row: dict[str, Any] = msgspec.to_builtins(item)
    if located:
        row = {"kind": "", "ref": "", "line": None, "related": [], "witness": {}} | row
    return row
