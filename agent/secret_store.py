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

from agent.tables import tables

REFERENCE = re.compile(r"prompt|env:[A-Za-z_][A-Za-z0-9_]*|fd:[0-9]{1,6}|keyring:[^/]+/.+")
SOURCES = "« env:VARIABLE », « prompt », « fd:N » ou « keyring:SERVICE/COMPTE »"


class SecretError(Exception):
    """A reference cannot be resolved; the message is French and never holds a secret."""


def references(config: Any) -> list[str]:
    """The secret references of a typed config and of the tables below it, each once.

    They are the non-empty fields whose name ends in `_from`.
    """
    found: dict[str, None] = {}
    for _, table in tables(config):
        for field in msgspec.structs.fields(table):
            value = getattr(table, field.name)
            if field.name.endswith("_from") and isinstance(value, str) and value:
                found[value] = None
    return list(found)


def resolve(reference: str, label: str, *, interactive: bool) -> str:
    """The secret `reference` names; `label` is shown when the person is asked. Raises `SecretError`."""
    kind, _, rest = reference.partition(":")
    if not REFERENCE.fullmatch(reference):  # never shown: it may be a password written in the wrong place
        raise SecretError(f"{label} : source de secret incorrecte ; {SOURCES} attendu")
    if kind == "env":
        return _from_environment(rest)
    if kind == "prompt":
        if not interactive:
            raise SecretError(f"{label} : un mot de passe est demandé au clavier, mais il n'y a pas de terminal")
        return _from_person(label)
    if kind == "fd":
        return _from_descriptor(int(rest), label)
    return _from_keyring(*rest.split("/", 1))


def _from_person(label: str) -> str:
    try:
        value = getpass.getpass(f"{label} : ")
    except EOFError:
        value = ""
    if not value:  # an empty password is not a wrong one: a directory would take it for an anonymous visit
        raise SecretError(f"{label} : aucun mot de passe n'a été saisi")
    return value


def _from_descriptor(number: int, label: str) -> str:
    try:
        with os.fdopen(number, encoding="utf-8", closefd=False) as stream:
            value = stream.readline().rstrip("\r\n")
    except (OSError, OverflowError, UnicodeDecodeError) as error:
        raise SecretError(f"{label} : le descripteur {number} ne peut pas être lu ({type(error).__name__})") from None
    if not value:
        raise SecretError(f"{label} : le descripteur {number} n'a donné aucun mot de passe")
    return value


def _from_environment(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SecretError(f"la variable d'environnement {name} est absente ou vide")
    return value


def _from_keyring(service: str, user: str) -> str:
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise SecretError("le module « keyring » n'est pas installé (pip install ausculte[keyring])") from error
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise SecretError(f"le trousseau de ce système n'a pas pu être ouvert ({type(error).__name__})") from None
    if not value:
        raise SecretError(f"le trousseau ne contient pas {service}/{user}")
    return str(value)
