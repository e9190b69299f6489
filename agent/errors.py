"""Which exceptions are a sentence for the person, and the exit code of each."""

from __future__ import annotations

from agent.exits import MANDATE_REFUSED, USAGE_ERROR
from agent.profile import ProfileError
from agent.runfolder import RunFolderError
from agent.secret_store import SecretError
from checks.catalogue import CatalogueError
from checks.model import CollectError, MandateRefusedError


class UsageError(Exception):
    """What was asked cannot be done; French message."""


def explain(error: Exception) -> tuple[str, int] | None:
    """French sentence and exit code of a known exception; None for a bug."""
    if isinstance(error, MandateRefusedError):
        return f"refusé par le mandat : {error}. Rien n'a été envoyé à cette cible.", MANDATE_REFUSED
    if isinstance(error, (ProfileError, RunFolderError, SecretError, CatalogueError, UsageError, CollectError)):
        return str(error), USAGE_ERROR
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename} : {error.strerror}", USAGE_ERROR
    return None
