"""`ausculte init`: a few questions, a commented `site.toml`. Every question has an option of the same name."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from typing import NamedTuple


class Question(NamedTuple):
    """One thing a contractor can answer on the spot."""

    option: str
    text: str
    default: str = ""
    example: str = ""
    many: bool = False


QUESTIONS = (
    Question("name", "Nom de la structure", example="EHPAD Les Tilleuls"),
    Question("kind", "Type (PA, PH, DOM, PE, AHI, AUTRE)", "PA"),
    Question("finess-et", "Numéro FINESS géographique (vide si inconnu)", example="750000001"),
    Question("size", "Nombre de places (vide si inconnu)", example="84"),
    Question("operator", "Votre nom (auditeur)"),
    Question("authorised-by", "Qui autorise l'audit (nom et fonction)", example="Mme Durand, directrice"),
    Question("emergency-contact", "Qui appeler si quelque chose s'arrête (nom, téléphone)"),
    Question("valid-to", "Fin du mandat (AAAA-MM-JJ)"),
    Question("hours", "Horaires autorisés", "08:00-19:00"),
    Question("networks", "Réseaux autorisés, séparés par des virgules", example="192.168.10.0/24", many=True),
    Question("excluded", "Adresses à ne JAMAIS toucher (appel malade, biomédical, incendie, ascenseurs)", many=True),
    Question("domains", "Domaines autorisés (annuaire, messagerie)", example="tilleuls.fr", many=True),
    Question("ad-server", "Contrôleur de domaine (nom ou adresse, vide pour ne pas auditer l'annuaire)"),
    Question("ad-user", "Compte de lecture de l'annuaire", example="audit@tilleuls.local"),
    Question("mail-domains", "Domaines de messagerie à vérifier", many=True),
    Question(
        "firewall-exports",
        "Fichiers de configuration exportés des pare-feu (vide si aucun)",
        example="pare-feu.conf",
        many=True,
    ),
    Question(
        "capacity-days",
        "Jours-homme disponibles en six mois pour les actions (vide si inconnu)",
        example="15",
    ),
)

WIFI_QUESTIONS = (
    "# wifi_firmware_updated = 2026-03-15     # dernière mise à jour des bornes Wi-Fi",
    "# wifi_visitor_log_days = 90             # jours de conservation du journal des visiteurs ; 0 si aucun",
    "# wifi_portal_notice = true              # règles d'usage du Wi-Fi affichées avant la connexion",
    "# wifi_coverage_outside = false          # Wi-Fi professionnel reçu depuis la rue ou le parking",
)
"""What only people know of the Wi-Fi: to be answered on the spot, once looked for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option a question, the file to write."""
    parser.add_argument("-o", "--output", type=Path, default=Path("site.toml"), metavar="FICHIER")
    parser.add_argument("--force", action="store_true", help="remplacer le fichier s'il existe")
    parser.add_argument(
        "--no-prompt",
        action="store_true",
        help="ne rien demander : utiliser les options et les valeurs par défaut",
    )
    for question in QUESTIONS:
        parser.add_argument(f"--{question.option}", metavar="…", help=question.text)


def run(args: argparse.Namespace) -> int:
    """Ask what was not given, write the profile, and check that it can be read back."""
    from agent.errors import UsageError
    from agent.exits import OK
    from agent.profile import parse_profile
    from checks.catalogue import load_catalogue

    if args.output.exists() and not args.force:
        raise UsageError(f"{args.output} existe déjà ; --force pour le remplacer")
    interactive = not args.no_prompt and sys.stdin.isatty()
    today = dt.datetime.now().astimezone().date()
    answers: dict[str, str] = {}
    for question in QUESTIONS:
        given = getattr(args, question.option.replace("-", "_"))
        default = str(today + dt.timedelta(days=30)) if question.option == "valid-to" else question.default
        answers[question.option] = given if given is not None else _ask(question, default, interactive)
    text = render_profile(answers, today)
    parse_profile(text.encode(), str(args.output), load_catalogue())
    args.output.write_text(text, "utf-8")
    print(f"{args.output} écrit. Relisez-le avec la direction, faites-le signer, puis : ausculte run {args.output}")
    return OK


def _ask(question: Question, default: str, interactive: bool) -> str:
    if not interactive:
        return default
    hint = f" [{default}]" if default else f" (ex. {question.example})" if question.example else ""
    print(f"{question.text}{hint} : ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() or default


def render_profile(answers: dict[str, str], today: dt.date) -> str:
    """The commented TOML for `answers` (keys: the options of `QUESTIONS`)."""
    from checks.backup.questions import QUESTIONS as BACKUP_QUESTIONS

    def listed(option: str) -> list[str]:
        return [item.strip() for item in answers.get(option, "").split(",") if item.strip()]

    def text(option: str) -> str:
        return quote(answers.get(option, ""))

    lines = [
        "# Profil d'audit Ausculte. Aucun mot de passe ici : seulement l'endroit où il se trouve.",
        "schema = 1",
        f"operator = {text('operator')}",
        "",
        "[structure]",
        f"name = {text('name')}",
        f"kind = {text('kind')}                 # PA, PH, DOM, PE, AHI ou AUTRE",
        f"finess_et = {text('finess-et')}",
        *(
            [f"size = {int(answers['size'])}                    # nombre de places"]
            if answers.get("size", "").isdigit()
            else []
        ),
        "",
        "[mandate]                    # l'autorisation écrite ; rien n'est envoyé en dehors",
        f"authorised_by = {text('authorised-by')}",
        f"signed_on = {today}",
        f"valid_from = {today}",
        f"valid_to = {answers.get('valid-to') or today + dt.timedelta(days=30)}",
        f"hours = {text('hours')}        # heure locale ; vide = à toute heure",
        f"emergency_contact = {text('emergency-contact')}",
        f"networks = {array(listed('networks'))}",
        f"domains = {array(listed('domains'))}",
        "external_addresses = []      # adresses publiques de la structure, prestataires nommés dans le mandat",
        "",
        "# Ce qui ne doit jamais recevoir un paquet : appel malade, biomédical, incendie, ascenseurs.",
    ]
    for network in listed("excluded"):
        lines += ["[[mandate.excluded]]", f"network = {quote(network)}", 'why = "équipement sensible"', ""]
    lines += [
        "[network]",
        "resolvers = []               # serveurs DNS à interroger ; vide = ceux de cette machine",
        "",
        "[plan]",
    ]
    capacity = answers.get("capacity-days", "").replace(",", ".")
    lines.append(
        f"capacity_days = {float(capacity)}"
        if capacity
        else "# capacity_days = 15         # jours-homme disponibles en six mois"
    )
    lines += [
        "",
        "[questions]                  # réponses déclarées, seulement ce qu'une machine ne peut pas voir",
        *WIFI_QUESTIONS,
        *(f"# {f'{one.key} = {one.example}':<41}# {one.text}" for one in BACKUP_QUESTIONS),
    ]
    if answers.get("ad-server"):
        lines += [
            "",
            "[ad]",
            f"servers = {array([answers['ad-server']])}",
            f"user = {text('ad-user')}     # un compte ordinaire suffit",
            'password_from = "prompt"     # ou env:VARIABLE, keyring:SERVICE/COMPTE, fd:N',
            '# ca_file = "ca.pem"         # autorité interne qui a signé le certificat LDAPS',
        ]
    if listed("mail-domains"):
        lines += ["", "[messaging]", f"domains = {array(listed('mail-domains'))}"]
    if listed("firewall-exports"):
        lines += [
            "",
            "[firewall]",
            f"export_files = {array(listed('firewall-exports'))}     # chemins relatifs à ce fichier",
            "[firewall.roles]             # zone ou interface, comme dans les règles, et ce qu'elle dessert",
            '# port3 = "resident"         # wan, pro, resident, guest, biomedical, backup, admin, dmz, vpn, voice, iot',
        ]
    return "\n".join(lines) + "\n"


def quote(value: str) -> str:
    """A TOML basic string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'


def array(values: list[str]) -> str:
    """A TOML array of strings on one line."""
    return "[" + ", ".join(quote(value) for value in values) + "]"
