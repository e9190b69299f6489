"""`ausculte controls`: the catalogue, for people and for machines."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`list` with filters."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="lister tous les contrôles")
    listing.add_argument("--json", action="store_true", help="sortie JSON")
    listing.add_argument("--domain", metavar="DOMAINE", help="un seul domaine")
    show = actions.add_parser("show", help="tout savoir d'un contrôle et de sa mesure")
    show.add_argument("id", metavar="CONTRÔLE")


def run(args: argparse.Namespace) -> int:
    """Print controls; imports no control code and no network library."""
    from agent.errors import UsageError
    from agent.exits import OK
    from agent.output import write_data
    from checks.catalogue import load_catalogue
    from reports.frameworks import load_frameworks

    catalogue = load_catalogue()
    frameworks = load_frameworks()
    rows = [
        {
            "id": control.id,
            "version": control.version,
            "domain": domain.id,
            "title": control.title,
            "severity": str(control.severity),
            "measure": control.measure,
            "references": frameworks.references_of(control.id),
        }
        for domain, control in catalogue.controls()
    ]
    if args.action == "show":
        control = catalogue.control(args.id)
        if control is None:
            raise UsageError(f"aucun contrôle ne porte l'identifiant {args.id}")
        print(f"{control.id} (version {control.version}, gravité {control.severity})\n{control.title}\n\n{control.why}")
        references = frameworks.references_of(control.id)
        if references:
            print("\nRéférences : " + ", ".join(references))
        measure = catalogue.measures().get(control.measure)
        if measure:
            print(f"\nMesure {measure.id} : {measure.title} (effort {measure.effort}, {measure.days:g} j)")
            for number, step in enumerate(measure.steps, 1):
                print(f"  {number}. {step}")
        return OK
    if args.domain:
        if args.domain not in catalogue.domains:
            raise UsageError(f"domaine inconnu : {args.domain} (existants : {', '.join(catalogue.domains)})")
        rows = [row for row in rows if row["domain"] == args.domain]
    if args.json:
        write_data(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        return OK
    for row in rows:
        print(f"{row['id']:<16}{row['severity']:<10}{row['title']}")
    print(f"\n{len(rows)} contrôles")
    return OK
