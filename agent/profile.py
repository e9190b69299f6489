"""The site profile (`site.toml`): who is audited, what is authorised, where to look.

Strict on purpose: an unknown key or a malformed value stops before anything is sent, with the file, the line, the
key and what was expected. No secret is ever in the profile, only references to where a secret is.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from checks.catalogue import Catalogue
from checks.model import Record

PROFILE_SCHEMA = 1
MIN_SECONDS = 1
MIN_MEMORY_MIB = 64
STRUCTURE_KINDS = ("PA", "PH", "DOM", "PE", "AHI", "AUTRE")
"""Elderly care, disability, home care, child protection, housing and inclusion, other."""

_HOST = re.compile(
    r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.?", re.IGNORECASE
)
_FINESS = re.compile(r"[0-9][0-9AB][0-9]{7}")
_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
_PATH_IN_ERROR = re.compile(r" - at `(?P<path>[^`]*)`$")


class ProfileError(Exception):
    """The profile cannot be used. `str()` is a French sentence with file, line, key and what was expected."""

    def __init__(self, file: str, line: int, key: str, expected: str) -> None:
        where = f"{file}, ligne {line}" if line else file
        super().__init__(f"{where} : {key} : {expected}" if key else f"{where} : {expected}")
        self.file = file
        self.line = line
        self.key = key
        self.expected = expected


class Structure(Record, frozen=True, kw_only=True):
    """`[structure]`."""

    name: str
    kind: str = "AUTRE"
    finess_ej: str = ""
    finess_et: str = ""
    size: int | None = None


class Excluded(Record, frozen=True, kw_only=True):
    """`[[mandate.excluded]]`: what must never receive a packet (nurse call, biomedical, fire, lifts)."""

    network: str
    why: str


class Mandate(Record, frozen=True, kw_only=True):
    """`[mandate]`: the written authorisation."""

    authorised_by: str
    signed_on: dt.date
    valid_from: dt.date
    valid_to: dt.date
    emergency_contact: str
    function: str = ""
    hours: str = ""
    """`08:00-19:00`, local time; empty = any time."""
    networks: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    ssids: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    external_addresses: tuple[str, ...] = ()
    excluded: tuple[Excluded, ...] = ()


class NetworkSettings(Record, frozen=True, kw_only=True):
    """`[network]`: DNS resolvers to ask; empty = those of this machine."""

    resolvers: tuple[str, ...] = ()


class Limits(Record, frozen=True, kw_only=True):
    """`[limits]` of each worker process."""

    domain_seconds: int = 1800
    memory_mib: int = 2048


class PlanSettings(Record, frozen=True, kw_only=True):
    """`[plan]`: what the structure can spend in six months."""

    capacity_days: float | None = None


class Profile(Record, frozen=True, kw_only=True):
    """A validated profile. `domains` holds one typed config per domain table present."""

    structure: Structure
    mandate: Mandate
    schema: int = PROFILE_SCHEMA
    operator: str = ""
    network: NetworkSettings = NetworkSettings()
    limits: Limits = Limits()
    plan: PlanSettings = PlanSettings()
    questions: Mapping[str, Any] = {}
    """Declared answers: text, number, true/false, date, or a list of texts."""


class LoadedProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A profile with the typed configuration of each domain it asks for, and the digest of its file."""

    profile: Profile
    domains: Mapping[str, Any]
    sha256: str
    path: str
    files: tuple[str, ...] = ()
    """Relative paths the domain tables refer to: copied with the profile, so that a rerun finds them."""


def load_profile(path: Path, catalogue: Catalogue) -> LoadedProfile:
    """Read `path`; raise `ProfileError` when anything in it is unknown, missing or malformed."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ProfileError(str(path), 0, "", f"le profil ne peut pas être lu ({error.strerror})") from error
    return parse_profile(raw, str(path), catalogue)


def parse_profile(raw: bytes, file: str, catalogue: Catalogue) -> LoadedProfile:
    """Validate the bytes of a profile; `file` only serves the messages."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ProfileError(file, line, "", "le fichier doit être en UTF-8") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise ProfileError(file, line, "", f"ce n'est pas du TOML valide ({error})") from error
    locate = _locator(text)
    domain_tables = {key: table.pop(key) for key in list(table) if key in catalogue.domains}
    profile = _convert(table, Profile, "", file, locate)
    domains = {
        name: _convert(value, catalogue.domains[name].load(catalogue.domains[name].header.config), name, file, locate)
        for name, value in domain_tables.items()
    }
    _validate(profile, file, locate)
    folder = Path(file).parent
    files = tuple(
        path for config in domains.values() for path in _paths_of(config).values() if not Path(path).is_absolute()
    )
    domains = {name: _anchor_paths(config, folder) for name, config in domains.items()}
    return LoadedProfile(
        profile=profile, domains=domains, sha256=hashlib.sha256(raw).hexdigest(), path=file, files=files
    )


def _paths_of(config: Any) -> dict[str, str]:
    """The non-empty path fields of a config: those named `…_file` or `…_dir`."""
    return {
        field.name: value
        for field in msgspec.structs.fields(config)
        if field.name.endswith(("_file", "_dir")) and isinstance(value := getattr(config, field.name), str) and value
    }


def _anchor_paths(config: Any, folder: Path) -> Any:
    """Make the relative paths of a config relative to the folder of the profile."""
    paths = {name: str(folder / value) for name, value in _paths_of(config).items()}
    return msgspec.structs.replace(config, **paths) if paths else config


def _convert(value: Any, kind: type, prefix: str, file: str, locate: Callable[[str], int]) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text = str(error)
        found = _PATH_IN_ERROR.search(text)
        path = (found["path"] if found else "$").removeprefix("$").lstrip(".")
        path = ".".join(part for part in (prefix, path) if part)
        key, expected = _in_french(text[: found.start()] if found else text, path)
        raise ProfileError(file, locate(key), key, expected) from error


def _in_french(message: str, path: str) -> tuple[str, str]:
    """Key concerned and French sentence for a msgspec message."""
    if found := re.match(r"Object contains unknown field `([^`]*)`", message):
        return _join(path, found[1]), "clé inconnue"
    if found := re.match(r"Object missing required field `([^`]*)`", message):
        return _join(path, found[1]), "clé obligatoire absente"
    if found := re.match(r"Expected `([^`]*)`, got `([^`]*)`", message):
        names = {
            "str": "un texte entre guillemets",
            "int": "un nombre entier",
            "float": "un nombre",
            "bool": "true ou false",
            "array": "une liste entre crochets",
            "object": "une table",
            "date": "une date AAAA-MM-JJ",
        }
        wanted = " ou ".join(names.get(name, name) for name in found[1].split(" | ") if name != "null")
        return path, f"{wanted} est attendu, pas {names.get(found[2], found[2])}"
    if found := re.match(r"Invalid enum value (.*)", message):
        return path, f"valeur non prévue : {found[1]}"
    return path, message


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _locator(text: str) -> Callable[[str], int]:
    """Return a function `dotted key -> line number` (0 when not found) for TOML `text`.

    Enough of TOML for a message: table headers, arrays of tables (the index is honoured) and `key =` lines.
    """
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[\s*([\w.\"'-]+)\s*\]\]", line):
            name = header[1].replace('"', "").replace("'", "")
            counts[name] = counts.get(name, -1) + 1
            table = f"{name}[{counts[name]}]"
            lines.setdefault(table, number)
            lines.setdefault(name, number)
        elif header := re.match(r"\s*\[\s*([\w.\"'-]+)\s*\]", line):
            table = header[1].replace('"', "").replace("'", "")
            lines.setdefault(table, number)
        elif key := re.match(r"\s*([\w.\"'-]+)\s*=", line):
            lines.setdefault(_join(table, key[1].replace('"', "").replace("'", "")), number)

    def locate(path: str) -> int:
        while path:
            if path in lines:
                return lines[path]
            path = re.sub(r"(\[[^\]]*\]|\.?[^.\[\]]+)$", "", path)
        return 0

    return locate


Reject = Callable[[str, str], None]


def _validate(profile: Profile, file: str, locate: Callable[[str], int]) -> None:
    """What types cannot say: addresses, names, dates in order, hours."""

    def reject(key: str, expected: str) -> None:
        raise ProfileError(file, locate(key), key, expected)

    if profile.schema != PROFILE_SCHEMA:
        reject("schema", f"version de profil inconnue ; cet agent lit la version {PROFILE_SCHEMA}")
    _validate_structure(profile.structure, reject)
    _validate_mandate(profile.mandate, reject)
    for key, answer in profile.questions.items():
        if not isinstance(answer, (str, int, float, bool, dt.date, list)):
            reject(f"questions.{key}", "un texte, un nombre, une date, true/false ou une liste est attendu")
    for index, value in enumerate(profile.network.resolvers):
        try:
            ipaddress.ip_address(value)
        except ValueError:
            reject(f"network.resolvers[{index}]", f"« {value} » n'est pas une adresse IP")
    if profile.limits.domain_seconds < MIN_SECONDS or profile.limits.memory_mib < MIN_MEMORY_MIB:
        reject("limits", f"au moins {MIN_SECONDS} seconde et {MIN_MEMORY_MIB} Mio sont nécessaires")
    if profile.plan.capacity_days is not None and profile.plan.capacity_days <= 0:
        reject("plan.capacity_days", "un nombre de jours positif est attendu")


def _validate_structure(structure: Structure, reject: Reject) -> None:
    if not structure.name.strip():
        reject("structure.name", "le nom de la structure ne peut pas être vide")
    if structure.kind not in STRUCTURE_KINDS:
        reject("structure.kind", f"une valeur parmi {', '.join(STRUCTURE_KINDS)} est attendue")
    for key in ("finess_ej", "finess_et"):
        value = getattr(structure, key)
        if value and not _FINESS.fullmatch(value):
            reject(f"structure.{key}", "un numéro FINESS de 9 caractères est attendu")


def _validate_mandate(mandate: Mandate, reject: Reject) -> None:
    if mandate.valid_to < mandate.valid_from:
        reject("mandate.valid_to", "la fin du mandat précède son début")
    if not mandate.authorised_by.strip():
        reject("mandate.authorised_by", "le nom de la personne qui autorise ne peut pas être vide")
    if mandate.hours and not _HOURS.fullmatch(mandate.hours):
        reject("mandate.hours", "un créneau « 08:00-19:00 » est attendu")
    for index, value in enumerate(mandate.networks):
        _check_network(value, f"mandate.networks[{index}]", reject)
    for index, excluded in enumerate(mandate.excluded):
        _check_network(excluded.network, f"mandate.excluded[{index}].network", reject)
    for index, value in enumerate(mandate.domains):
        if not _HOST.fullmatch(value):
            reject(f"mandate.domains[{index}]", f"« {value} » n'est pas un nom de domaine")
    for index, value in enumerate(mandate.external_addresses):
        if not _HOST.fullmatch(value):
            _check_network(value, f"mandate.external_addresses[{index}]", reject)


def _check_network(value: str, key: str, reject: Reject) -> None:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        reject(key, f"« {value} » n'est pas un réseau ou une adresse (exemple : 192.168.10.0/24)")
