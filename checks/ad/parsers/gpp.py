"""Group policy preference files of SYSVOL: is a password kept in one?

Sources: MS-GPPREF 2.2.1.1 and MS14-025. The key that protects these passwords has been public since 2012, so
a `cpassword` attribute is a published password. Its value is never returned, logged or kept.
"""

from __future__ import annotations

from xml.parsers import expat

from checks.ad.facts import GppPassword
from checks.common.text import clean

GPP_FILES = frozenset(
    {
        "groups.xml",
        "services.xml",
        "scheduledtasks.xml",
        "datasources.xml",
        "drives.xml",
        "printers.xml",
        "registry.xml",
    }
)
"""Files that may hold a password, in lower case. Registry.xml: DefaultPassword of an automatic logon."""

MAX_FILE = 4 * 1024 * 1024
"""Bytes."""
MAX_DEPTH = 64
MAX_ELEMENTS = 100_000
_MAX_LABEL = 200

_USER_ATTRIBUTES = ("userName", "accountName", "runAs", "username")


class MalformedPreference(ValueError):  # noqa: N818 - named after what it says of the file
    """Not a preference file we accept to read: not XML, with a document type, too big or too deep."""


class _Reader:
    """Expat callbacks; keeps the path of open elements and the passwords found, without their values."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.found: list[GppPassword] = []
        self._open: list[tuple[str, str]] = []
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(self._open) >= MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise MalformedPreference("too many elements")
        changed = attributes.get("changed") or (self._open[-1][1] if self._open else "")
        self._open.append((name, changed))
        if attributes.get("cpassword"):
            self._keep(_element(self._open), _user(attributes), changed)
        elif attributes.get("name", "").casefold() == "defaultpassword" and attributes.get("value"):
            self._keep("DefaultPassword", "", changed)

    def _keep(self, element: str, user: str, changed: str) -> None:
        self.found.append(GppPassword(path=clean(self.path), element=element, user=user, changed=clean(changed, 40)))

    def end(self, _name: str) -> None:
        self._open.pop()


def _element(stack: list[tuple[str, str]]) -> str:
    """Names of the outermost element and of the item, for example `Groups/User`."""
    names = [name for name, _ in stack if name != "Properties"]
    chosen = names if len(names) < 3 else [names[0], names[-1]]  # noqa: PLR2004 - root and item
    return clean("/".join(chosen), _MAX_LABEL)


def _user(attributes: dict[str, str]) -> str:
    return next((clean(attributes[key], _MAX_LABEL) for key in _USER_ATTRIBUTES if attributes.get(key)), "")


def _refuse(*_: object) -> int:
    raise MalformedPreference("document type or entity declaration")


def parse_gpp(raw: bytes, path: str) -> tuple[GppPassword, ...]:
    """Passwords kept in one preference file, in order; empty when it has none. `path` is below the share.

    Raises `MalformedPreference`; document types and entities are refused, not expanded.
    """
    if len(raw) > MAX_FILE:
        raise MalformedPreference(f"{len(raw)} bytes")
    reader = _Reader(path)
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as error:
        raise MalformedPreference(expat.errors.messages.get(error.code, "not XML")) from error
    except (LookupError, ValueError) as error:
        # An unknown or multi-byte encoding in the XML declaration.
        if isinstance(error, MalformedPreference):
            raise
        raise MalformedPreference("unknown encoding") from error
    return tuple(reader.found)
