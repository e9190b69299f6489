"""The facts of a repository before anything is read: what the profile declares, and a gap everywhere else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Access, Repository
from checks.model import Gap, Reason


def unread(config: RepositoryConfig, gap: Gap, **known: Any) -> Repository:
    """A repository whose every fact is `gap`, but for what the profile declares and for `known`.

    Gaps and limits are sentences people read: each is given its final period.
    """
    facts: dict[str, Any] = {
        "label": config.label,
        "technology": config.technology,
        "medium": config.medium or "",
        "place": config.place,
        "offline": config.offline,
        "same_array_as_source": config.same_array_as_source,
        "points": gap,
        "jobs": gap,
        "failures": gap,
        "integrity": gap,
        "encryption": gap,
        "immutability": gap,
        "access": declared_access(config, gap),
        **known,
    }
    facts = {name: _ended(fact) if isinstance(fact, Gap) else fact for name, fact in facts.items()}
    facts["limits"] = tuple(sentence(limit) for limit in facts.get("limits", ()))
    return Repository(**facts)


def sentence(text: str) -> str:
    """`text` with its final period."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _ended(gap: Gap) -> Gap:
    return Gap(reason=gap.reason, detail=sentence(gap.detail))


def declared_access(config: RepositoryConfig, otherwise: Gap) -> Access | Gap:
    """What the profile says of who gets in; `otherwise` when it says nothing."""
    if config.in_production_domain is None and config.mfa is None:
        return otherwise
    return Access(in_production_domain=config.in_production_domain, mfa=config.mfa, detail="déclaré dans le profil")


def unsupported(detail: str) -> Gap:
    """A fact the product does not give."""
    return Gap(reason=Reason.UNSUPPORTED, detail=detail)


def malformed(detail: str) -> Gap:
    """An answer of another shape than the documented one."""
    return Gap(reason=Reason.MALFORMED, detail=detail)


def paris(naive: datetime) -> datetime:
    """UTC moment of a time a French machine wrote without its zone; taken as UTC where zones are not installed."""
    try:
        return naive.replace(tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC)
    except (ZoneInfoNotFoundError, OverflowError, ValueError):
        return naive.replace(tzinfo=UTC)


LOCAL_TIME = "Les heures lues ici n'ont pas de fuseau : elles sont prises pour l'heure de Paris"
"""Said whenever `paris` was used."""
