"""French words and figures for people: labels of closed sets, numbers, dates, plurals.

The model speaks English in code and JSON; this is the one place that says how a reader sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from checks.model import Level, Origin, Reason, Severity, Verdict

VERDICTS: Mapping[str, str] = {
    Verdict.PASS: "Conforme",
    Verdict.FAIL: "Non conforme",
    Verdict.NOT_APPLICABLE: "Sans objet",
    Verdict.NOT_ASSESSED: "Non évalué",
}

SEVERITIES: Mapping[str, str] = {
    Severity.CRITICAL: "Critique",
    Severity.HIGH: "Élevée",
    Severity.MEDIUM: "Moyenne",
    Severity.LOW: "Faible",
    Severity.INFO: "Information",
}

ORIGINS: Mapping[str, str] = {
    Origin.OBSERVED: "observé par l'outil",
    Origin.IMPORTED: "lu dans un fichier exporté",
    Origin.DECLARED: "déclaré par la structure",
}

REASONS: Mapping[str, str] = {
    Reason.NOT_CONFIGURED: "Non demandé ou non configuré",
    Reason.UNREACHABLE: "Équipement ou service injoignable",
    Reason.REFUSED: "Accès refusé",
    Reason.PERMISSION: "Droits de lecture insuffisants",
    Reason.LICENCE: "Licence absente",
    Reason.TIMEOUT: "Pas de réponse dans le temps imparti",
    Reason.UNSUPPORTED: "Version ou format non pris en charge",
    Reason.MALFORMED: "Réponse ou fichier illisible",
    Reason.ERROR: "Erreur interne de l'outil",
}

REASON_ADVICE: Mapping[str, str] = {
    Reason.NOT_CONFIGURED: "Compléter le fichier site.toml (cible, sélecteur, réponse déclarée), "
    "puis relancer l'audit.",
    Reason.UNREACHABLE: "Vérifier que l'équipement est allumé et joignable depuis le poste d'audit (câble, "
    "VLAN, pare-feu), puis relancer avec le même profil.",
    Reason.REFUSED: "Vérifier avec le prestataire le compte et les accès fournis. L'outil ne fait qu'une "
    "tentative, pour ne bloquer aucun compte.",
    Reason.PERMISSION: "Faire accorder au compte d'audit le droit de lecture manquant, le temps de l'audit.",
    Reason.LICENCE: "L'information n'existe qu'avec une licence que la structure n'a pas : la vérifier à la "
    "main ou l'accepter comme limite.",
    Reason.TIMEOUT: "Relancer à une heure calme ou depuis un poste plus proche. Une absence de réponse ne prouve rien.",
    Reason.UNSUPPORTED: "Vérifier ce point à la main et signaler la version rencontrée au CRRC.",
    Reason.MALFORMED: "Refaire l'export ou la collecte : le contenu reçu est incomplet ou abîmé.",
    Reason.ERROR: "Transmettre le dossier d'audit au CRRC : l'outil doit être corrigé, puis les mêmes faits rejugés.",
}

ANOMALIES: Mapping[str, str] = {
    "shadowed": "masquée",
    "redundant": "redondante",
    "generalisation": "généralise une autre règle",
    "correlation": "croise une autre règle",
}
"""What an affected object is said to be; a kind that is not here is explained by the detail of the object."""

LEVELS: Mapping[str, str] = {
    Level.NONE: "Rien",
    Level.INFO: "Information",
    Level.LOW: "Faible",
    Level.MEDIUM: "Moyen",
    Level.HIGH: "Élevé",
    Level.CRITICAL: "Critique",
    Level.UNKNOWN: "Indéterminé",
}

ACTORS: Mapping[str, str] = {
    "structure": "La structure",
    "prestataire": "Le prestataire informatique",
    "crrc": "Le CRRC",
    "rssi": "Le RSSI externe",
}

COSTS: Mapping[str, str] = {
    "none": "Sans achat",
    "low": "Moins de 1\u202f000\u00a0€",
    "medium": "1\u202f000 à 10\u202f000\u00a0€",
    "high": "Plus de 10\u202f000\u00a0€",
}

FUNDINGS: Mapping[str, str] = {
    "": "",
    "rssi_externe": "Marché CRRC : RSSI externe",
    "experts_techniques": "Marché CRRC : experts techniques",
}

HORIZONS: Mapping[str, str] = {
    "0-30": "0 à 30 jours",
    "30-90": "30 à 90 jours",
    "90-180": "90 à 180 jours",
    "later": "Au-delà de six mois",
}

KINDS: Mapping[str, str] = {
    "PA": "personnes âgées",
    "PH": "personnes handicapées",
    "DOM": "services à domicile",
    "PE": "protection de l'enfance",
    "AHI": "hébergement et insertion",
    "AUTRE": "autre structure",
}

_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip


def label(labels: Mapping[str, str], key: str) -> str:
    """The French label of `key`, or the key itself when a newer file uses a word we do not know."""
    return labels.get(key, key)


def number(value: float, digits: int = 1) -> str:
    """`1234.5` -> `1 234,5`; useless decimals are dropped. Narrow no-break space between thousands."""
    text = f"{value:,.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(",", "\u202f").replace(".", ",")


def plural(count: int, one: str, many: str | None = None) -> str:
    """`plural(2, "constat")` -> `2 constats`. French: 0 and 1 are singular."""
    word = one if abs(count) < 2 else (many or f"{one}s")  # noqa: PLR2004 - the rule of the language
    return f"{number(count, 0)} {word}"


def points(value: float) -> str:
    """Points of risk: `1,5 point`, `12 points`."""
    return f"{number(value, 2)} {'point' if value < 2 else 'points'}"  # noqa: PLR2004 - the rule of the language


def days(value: float) -> str:
    """Person-days: `0.5` -> `0,5 jour`, `3` -> `3 jours`."""
    word = "jour" if value < 2 else "jours"  # noqa: PLR2004 - the rule of the language
    return f"{number(value, 2)} {word}"


def percent(part: float, whole: float) -> str:
    """`12 %`, never cut at the end of a line; a dash when there is no whole."""
    return f"{number(100 * part / whole, 0)}\u00a0%" if whole else "–"


def day(value: date) -> str:
    """`22 novembre 2026`."""
    first = "1er" if value.day == 1 else str(value.day)
    return f"{first} {_MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime) -> str:
    """`22 novembre 2026 à 9 h 05 UTC`."""
    return f"{day(value)} à {value.hour} h {value:%M} UTC"


def instant(text: str) -> str:
    """An ISO 8601 instant in short form, `22/11/2026 14:05`; unreadable text is returned as it is."""
    try:
        return datetime.fromisoformat(text).strftime("%d/%m/%Y %H:%M")
    except ValueError:
        return text


def capitalised(text: str) -> str:
    """`masquée` -> `Masquée`, at the head of a cell; the rest is left as it is."""
    return text[:1].upper() + text[1:]


def uncapitalised(text: str) -> str:
    """`Le RSSI externe` -> `le RSSI externe`, for use inside a sentence."""
    return text[:1].lower() + text[1:]
