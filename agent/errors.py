"""Which exceptions are a sentence for the person, and the exit code of each."""

from __future__ import annotations

from agent.exits import MANDATE_REFUSED, USAGE_ERROR
from agent.files import FULL, reason_of
from agent.journal import JournalError
from agent.profile import ProfileError
from agent.runfolder import RunFolderError
from agent.secret_store import SecretError
from checks.catalogue import CatalogueError
from checks.common.text import clean
from checks.model import CollectError, MandateRefusedError


class UsageError(Exception):
    """What was asked cannot be done; French message."""


def explain(error: Exception) -> tuple[str, int] | None:
    """French sentence and exit code of a known exception; None for a bug."""
    if isinstance(error, MandateRefusedError):
        return f"refusé par le mandat : {clean(str(error))}. Rien n'a été envoyé à cette cible.", MANDATE_REFUSED
    if isinstance(error, CatalogueError):
        return f"catalogue de contrôles incorrect : {clean(str(error))}", USAGE_ERROR
    if isinstance(error, (ProfileError, RunFolderError, SecretError, UsageError, CollectError, JournalError)):
        return clean(str(error)), USAGE_ERROR
    if isinstance(error, OSError) and (error.filename or error.errno in FULL):
        where = f"{clean(str(error.filename))} : " if error.filename else ""
        return f"{where}{reason_of(error)}", USAGE_ERROR
    return None
