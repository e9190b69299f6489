"""Data loss prevention: policies of the SCuBA security suite on sensitive data.

The baseline names American numbers; the French social security number takes their place, with the bank card number that
it also names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from checks.common.french import listed
from checks.m365.controls.seen import Seen, Unclear, answered, item, judged, name_of
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Context, Gap, Judgement, Reason

DEVICE_DLP = "m365_dlp_devices"
SENSITIVE = {
    "numéro de sécurité sociale": re.compile(r"france.*(social security|sécurité sociale)|\binsee\b", re.IGNORECASE),
    "numéro de carte bancaire": re.compile(r"credit card|carte (de crédit|bancaire)", re.IGNORECASE),
}
PLACES = {"Exchange": "ExchangeLocation", "SharePoint": "SharePointLocation", "OneDrive": "OneDriveLocation"}
"""Teams and computers need E5: they are said, not required."""
_NAMED = re.compile(r"\"name\"\s*:\s*\"([^\"]{1,200})\"", re.IGNORECASE)
_DEPTH = 12
_LONGEST_RULE = 200_000


def _strings(value: object, depth: int = 0) -> list[str]:
    """Every text inside a value that PowerShell nested, to a bounded depth."""
    if isinstance(value, str):
        return [value]
    if depth >= _DEPTH:
        return []
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _strings(one, depth + 1)]
    if isinstance(value, (list, tuple)):
        return [text for one in value for text in _strings(one, depth + 1)]
    return []


def _types(row: Row) -> list[str]:
    """Kinds of sensitive data that a rule looks for."""
    return [
        *_strings(row.get("ContentContainsSensitiveInformation")),
        *_NAMED.findall(str(row.get("AdvancedRule") or "")[:_LONGEST_RULE].replace("'", '"')),
    ]


def _watching(seen: Seen) -> tuple[list[Row], list[Row]]:
    """Policies in force, and their rules in force that look for a kind of data we expect."""
    policies = [
        row
        for row in seen.rows("dlp_policies", "Name", "Mode")
        if values.flag(row, "Enabled") is not False and values.word(row, "Mode") == "enable"
    ]
    names = {values.word(row, "Name") for row in policies}
    rules = [
        row
        for row in seen.rows("dlp_rules", "Name", "ParentPolicyName")
        if not values.flag(row, "Disabled")
        and values.word(row, "ParentPolicyName") in names
        and any(pattern.search(text) for text in _types(row) for pattern in SENSITIVE.values())
    ]
    held = {values.word(row, "ParentPolicyName") for row in rules}
    return [row for row in policies if values.word(row, "Name") in held], rules


@judged
def sensitive_data(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when rules in force look for social security and bank card numbers (MS.SECURITYSUITE.3.1, adapted)."""
    _, rules = _watching(seen)
    found = [text for row in rules for text in _types(row)]
    missing = [words for words, pattern in SENSITIVE.items() if not any(pattern.search(text) for text in found)]
    evidence = seen.proof(
        "dlp_rules", f"règles actives sur des données sensibles : {listed(map(name_of, rules)) or 'aucune'}"
    )
    if missing:
        seen.lacking("dlp_policies", "dlp_rules")
        return seen.failed(f"Rien n'empêche d'envoyer au-dehors, par erreur : {listed(missing)}.", evidence)
    return seen.passed("L'envoi de numéros de sécurité sociale et de cartes bancaires est surveillé.", evidence)


def _with_rules(seen: Seen) -> tuple[list[Row], list[Row]]:
    policies, rules = _watching(seen)
    if not rules:
        raise Unclear(
            Gap(
                reason=Reason.NOT_CONFIGURED,
                detail=(
                    "Aucune règle ne surveille de données sensibles : ce point n'a pas encore d'objet (voir le"
                    " contrôle de la protection des données)."
                ),
            )
        )
    return policies, rules


@judged
def sensitive_places(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when those rules apply to all mail, SharePoint and OneDrive (MS.SECURITYSUITE.3.2)."""
    policies, _ = _with_rules(seen)
    covered = {
        place
        for place, prop in PLACES.items()
        for row in policies
        if "all" in {text.lower() for text in _strings(row.get(prop))}
    }
    unknown = [prop for prop in PLACES.values() if not any(prop in row for row in policies)]
    missing = [place for place, prop in PLACES.items() if place not in covered and prop not in unknown]
    evidence = seen.proof("dlp_policies", f"partout dans : {listed(sorted(covered)) or 'aucun service'}")
    if missing:
        seen.lacking("dlp_policies", "dlp_rules")
        return seen.failed(f"La surveillance des données sensibles ne couvre pas tout : {listed(missing)}.", evidence)
    if unknown:
        seen.doubt(seen.unreadable("dlp_policies", listed(unknown)))
    return seen.passed(
        "La surveillance couvre courriels, SharePoint et OneDrive (Teams et postes demandent E5).", evidence
    )


@judged
def sensitive_blocked(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when those rules refuse the sharing, for everybody (MS.SECURITYSUITE.3.3)."""
    _, rules = _with_rules(seen)
    weak = [
        row
        for row in rules
        if not values.flag(row, "BlockAccess") or values.word(row, "BlockAccessScope") not in ("all", "")
    ]
    evidence = tuple(seen.shown("dlp_rules", row, "Name", "BlockAccess", "BlockAccessScope") for row in rules[:5])
    if weak:
        return seen.failed(
            "Des données sensibles sont repérées, mais leur partage n'est pas empêché.",
            *evidence,
            affected=(item(row, "dlp", "Ne bloque pas tout le monde.") for row in weak),
        )
    return seen.passed("Le partage de données sensibles est refusé.", *evidence)


@judged
def sensitive_notices(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when those rules tell people why (MS.SECURITYSUITE.3.4)."""
    _, rules = _with_rules(seen)
    mute = [row for row in rules if not values.texts(row, "NotifyUser")]
    evidence = tuple(seen.shown("dlp_rules", row, "Name", "NotifyUser") for row in rules[:5])
    if mute:
        return seen.failed(
            "Qui est bloqué ne sait pas pourquoi, et cherchera un autre chemin.",
            *evidence,
            affected=(item(row, "dlp", "Ne prévient pas la personne.") for row in mute),
        )
    return seen.passed("Qui partage une donnée sensible est prévenu.", *evidence)


@judged
def sensitive_devices(seen: Seen, context: Context) -> Judgement:
    """Conforms when the house declares that computers refuse unwanted applications (MS.SECURITYSUITE.3.5)."""
    detail = (
        "Aucune interface ne donne les applications et le Bluetooth interdits aux données sensibles. À regarder : "
        "Purview, Protection contre la perte de données, Paramètres des points de terminaison (E5)."
    )
    return answered(seen, context, DEVICE_DLP, detail, (
        "L'établissement déclare limiter les applications et le Bluetooth qui lisent des données sensibles.",
        "N'importe quelle application d'un poste peut lire et copier des données sensibles.",
    ))  # fmt: skip
