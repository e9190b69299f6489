"""Resolve the secret references of a profile: `env:NAME`, `prompt`, `fd:N`, `keyring:SERVICE/USER`.

Secrets live in memory only: resolved once in the main process, handed to the worker that needs them through its
standard input, never written, logged or put in an argument list.
"""

from __future__ import annotations

import getpass
import os
import re
from typing import Any

import msgspec


class SecretError(Exception):
    """A reference cannot be resolved; the message is French and never holds a secret."""


def references(config: Any) -> list[str]:
    """The secret references of a typed config: every non-empty field whose name ends in `_from`."""
    found = []
    for field in msgspec.structs.fields(config):
        value = getattr(config, field.name)
        if field.name.endswith("_from") and isinstance(value, str) and value:
            found.append(value)
    return found


def resolve(reference: str, label: str, *, interactive: bool) -> str:
    """The secret `reference` names; `label` is shown when the person is asked. Raises `SecretError`."""
    kind, _, rest = reference.partition(":")
    if kind == "env":
        return _from_environment(rest)
    if kind == "prompt":
        if not interactive:
            raise SecretError(f"{label} : un mot de passe est demandé au clavier, mais il n'y a pas de terminal")
        return getpass.getpass(f"{label} : ")
    if kind == "fd" and re.fullmatch(r"\d+", rest):
        with os.fdopen(int(rest), closefd=False) as stream:
            return stream.readline().rstrip("\n")
    if kind == "keyring" and "/" in rest:
        return _from_keyring(*rest.split("/", 1))
    raise SecretError(
        f"{label} : « {kind} » n'est pas une source de secret ; env:NOM, prompt, fd:N ou keyring:SERVICE/UTILISATEUR"
    )


def _from_environment(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SecretError(f"la variable d'environnement {name} est absente ou vide")
    return value


def _from_keyring(service: str, user: str) -> str:
    try:
        import keyring
    except ImportError as error:
        raise SecretError("le module « keyring » n'est pas installé (pip install ausculte[keyring])") from error
    value = keyring.get_password(service, user)
    if not value:
        raise SecretError(f"le trousseau ne contient pas {service}/{user}")
    return str(value)
