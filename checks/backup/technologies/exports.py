"""Outputs and logs somebody saved, read instead of asking a product."""

from __future__ import annotations

from pathlib import Path

from checks.backup.config import RepositoryConfig
from checks.common.text import clean
from checks.common.textfile import MAX_BYTES, ParseError, SourceFile, decode
from checks.model import CollectError, Reason

MAX_FILES = 50


def read_exports(config: RepositoryConfig) -> list[SourceFile]:
    """Files of `export_files`, decoded. Raises `CollectError` for the first that cannot be read."""
    found = []
    for name in config.export_files[:MAX_FILES]:
        path = Path(name)
        shown = clean(path.name, 80)
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
            found.append(decode(shown, raw))
        except FileNotFoundError:
            raise CollectError(Reason.NOT_CONFIGURED, f"Le fichier {shown} n'existe pas.") from None
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise CollectError(Reason.PERMISSION, f"Le fichier {shown} ne se lit pas ({why}).") from None
        except ParseError as error:
            raise CollectError(Reason.MALFORMED, f"{error}.") from None
    return found
