"""What a saved scan or an exported configuration gives, and the desk on which a parser puts it together."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import msgspec

from checks.common.text import MAX_TEXT, clean
from checks.common.textfile import ParseError, SourceFile
from checks.wifi.exports.clients import ClientProfile
from checks.wifi.exports.details import WlanDetails
from checks.wifi.facts import Network, Unreadable, WlanConfig

MAX_NAME = 200
MAX_RECORDS = 20_000
"""Networks, configurations and client profiles of one file."""
MAX_UNREADABLE = 500


RecordT = TypeVar("RecordT", bound=msgspec.Struct)


class Imported(NamedTuple):
    """What files say."""

    networks: tuple[Network, ...] = ()
    configurations: tuple[WlanConfig, ...] = ()
    details: tuple[WlanDetails, ...] = ()
    clients: tuple[ClientProfile, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    limits: tuple[str, ...] = ()

    def joined(self, other: Imported) -> Imported:
        """Both, each limit once."""
        return Imported(
            networks=self.networks + other.networks,
            configurations=self.configurations + other.configurations,
            details=self.details + other.details,
            clients=self.clients + other.clients,
            unreadable=self.unreadable + other.unreadable,
            limits=tuple(dict.fromkeys(self.limits + other.limits)),
        )


class Desk:
    """Collects what a parser finds in one file; every text is cleaned on the way out.

    What is not understood is named, never quoted: the value of an unknown directive may be a password.
    """

    def __init__(self, file: SourceFile, product: str) -> None:
        self.file = file
        self.name = clean(file.name, MAX_NAME)
        self.product = product
        self._networks: list[Network] = []
        self._configurations: list[WlanConfig] = []
        self._details: list[WlanDetails] = []
        self._clients: list[ClientProfile] = []
        self._unreadable: list[Unreadable] = []
        self._more = 0
        self._limits: dict[str, None] = {}

    def network(self, network: Network) -> None:
        """Add a network seen or configured."""
        self._room(len(self._networks))
        self._networks.append(_inert(network))

    def configuration(self, configuration: WlanConfig, details: WlanDetails | None = None) -> None:
        """Add an SSID as it is configured."""
        self._room(len(self._configurations))
        self._configurations.append(_inert(configuration))
        if details is not None:
            self._details.append(_inert(details))

    def client(self, profile: ClientProfile) -> None:
        """Add a connection profile of a station."""
        self._room(len(self._clients))
        self._clients.append(_inert(profile))

    def not_understood(self, line: int, what: str, effect: str) -> None:
        """Record a directive or a value that is not known; `effect` says in French what stays undetermined.

        `what` is the name of a directive, never a value that could be secret.
        """
        if len(self._unreadable) >= MAX_UNREADABLE:
            self._more += 1
            return
        where = f"ligne {line} : " if line else ""
        said = clean(f"{where}« {clean(what, 80)} » n'est pas compris ; {effect}", MAX_NAME * 2)
        self._unreadable.append(Unreadable(what=said, file=self.name))

    def limit(self, sentence: str) -> None:
        """Record what this file cannot show; said once."""
        self._limits[clean(sentence)] = None

    def refuse(self, message: str, line: int = 0) -> ParseError:
        """The error to raise about this file."""
        return ParseError(message, self.name, line)

    def done(self) -> Imported:
        """Everything found."""
        if self._more:
            self.limit(f"{self._more} autres éléments non compris de {self.name} ne sont pas listés.")
        return Imported(
            networks=tuple(self._networks),
            configurations=tuple(self._configurations),
            details=tuple(self._details),
            clients=tuple(self._clients),
            unreadable=tuple(self._unreadable),
            limits=tuple(self._limits),
        )

    def _room(self, count: int) -> None:
        if count >= MAX_RECORDS:
            raise self.refuse(f"plus de {MAX_RECORDS} réseaux ou profils dans un seul fichier")


def _inert(record: RecordT) -> RecordT:
    """The same record, its texts without control nor bidirectional characters."""
    changes = {}
    for name in record.__struct_fields__:
        old = getattr(record, name)
        new = _inert_value(old)
        if new is not old:
            changes[name] = new
    return msgspec.structs.replace(record, **changes) if changes else record


def _inert_value(value: Any) -> Any:
    if isinstance(value, str):
        plain = value.isascii() and value.isprintable() and len(value) <= MAX_TEXT
        return value if plain else clean(value)
    if isinstance(value, tuple):
        return tuple(_inert_value(one) for one in value)
    return _inert(value) if isinstance(value, msgspec.Struct) else value
