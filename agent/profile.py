"""The site profile (`site.toml`): who is audited, what is authorised, where to look.

Strict on purpose: an unknown key or a malformed value stops before anything is sent, with the file, the line, the
key and what was expected. No secret is ever in the profile, only references to where a secret is.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import ipaddress
import math
import re
import tomllib
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from agent.files import reason_of
from agent.secret_store import REFERENCE, SOURCES
from agent.tables import rebuilt, tables
from checks.catalogue import Catalogue, CatalogueError
from checks.model import Record

PROFILE_SCHEMA = 1
MIN_SECONDS = 1
MIN_MEMORY_MIB = 64
MAX_SECONDS = 7 * 86400
MAX_MEMORY_MIB = 1 << 20
MAX_DAYS = 10_000
MAX_PLACES = 100_000
MAX_ANSWER = 1 << 53
"""Whole numbers every reader of JSON keeps exactly."""
MAX_BYTES = 1 << 20
MIN_PREFIX_4 = 8
MIN_PREFIX_6 = 16
"""A written authorisation never covers more than that: 10.0.0.0/8 is the largest private network."""
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
    town: str = ""
    postcode: str = ""
    phone: str = ""

    @property
    def known_words(self) -> tuple[str, ...]:
        """What anybody knows of the place."""
        return tuple(word for word in (self.name, self.town, self.postcode, self.phone) if word)


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
    restore_tests: tuple[str, ...] = ()
    """Labels of the backups a sample may be restored from, with `--restore-sample`."""


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
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProfileError(str(path), 0, "", f"le profil ne peut pas être lu ({reason_of(error)})") from error
    if len(raw) > MAX_BYTES:
        raise ProfileError(str(path), 0, "", f"un profil tient en {MAX_BYTES >> 10} Kio : ce fichier n'en est pas un")
    return parse_profile(raw, str(path), catalogue)


def parse_profile(raw: bytes, file: str, catalogue: Catalogue) -> LoadedProfile:
    """Validate the bytes of a profile; `file` only serves the messages."""
    try:
        text = raw.decode("utf-8-sig")  # Windows editors put a mark at the head
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ProfileError(file, line, "", "le fichier doit être en UTF-8") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        column = f", colonne {found[2]}" if found else ""
        raise ProfileError(file, line, "", f"ce n'est pas du TOML valide : {_syntax(str(error))}{column}") from error
    except ValueError as error:  # what the interpreter itself refuses to convert: a number of thousands of digits
        raise ProfileError(file, 0, "", "ce n'est pas du TOML valide : nombre ou date hors limites") from error
    except RecursionError as error:
        raise ProfileError(file, 0, "", "ce n'est pas du TOML valide : trop de niveaux imbriqués") from error
    try:
        return _check(raw, table, file, _locator(text), catalogue)
    except RecursionError as error:
        raise ProfileError(file, 0, "", "trop de tables imbriquées") from error


def _check(
    raw: bytes, table: dict[str, Any], file: str, locate: Callable[[str], int], catalogue: Catalogue
) -> LoadedProfile:
    """Turn the tables of a profile into typed values, or say what is wrong with them."""
    configured = {name for name, domain in catalogue.domains.items() if domain.header.config}
    domain_tables = {key: table.pop(key) for key in list(table) if key in configured}
    _refuse_secrets(table | domain_tables, "", file, locate)
    profile = _convert(table, Profile, "", file, locate)
    domains = {
        name: _convert(value, _config_type(catalogue, name), name, file, locate)
        for name, value in domain_tables.items()
    }
    _validate(profile, file, locate)
    for name, config in domains.items():
        _validate_domain(name, config, file, locate)
    folder = Path(file).parent
    files = tuple(
        path
        for config in domains.values()
        for _, table in tables(config)
        for name, path in _paths_of(table).items()
        if not name.endswith(PRIVATE) and not Path(path).is_absolute()
    )
    domains = {name: _anchor_paths(config, folder) for name, config in domains.items()}
    return LoadedProfile(
        profile=profile, domains=domains, sha256=hashlib.sha256(raw).hexdigest(), path=file, files=files
    )


PRIVATE = "key_file"
"""End of the name of a field that points at a private key: it is read where it is, and never copied anywhere."""


def _paths_of(config: Any) -> dict[str, str]:
    """The non-empty path fields of a config: those named `…_file` or `…_dir`."""
    return {
        field.name: value
        for field in msgspec.structs.fields(config)
        if field.name.endswith(("_file", "_dir")) and isinstance(value := getattr(config, field.name), str) and value
    }


def _path_lists_of(config: Any) -> dict[str, tuple[str, ...]]:
    """The lists of paths of a config: those named `…_files` or `…_dir`.

    They are inputs to be judged, which may hold secrets: they are never copied with the profile.
    """
    return {
        field.name: value
        for field in msgspec.structs.fields(config)
        if field.name.endswith(("_files", "_dir")) and isinstance(value := getattr(config, field.name), tuple) and value
    }


def _anchor_paths(config: Any, folder: Path) -> Any:
    """Make the relative paths of a config, and of the tables below it, relative to the folder of the profile."""

    def anchored(table: msgspec.Struct) -> dict[str, Any]:
        paths: dict[str, Any] = {name: str(folder / value) for name, value in _paths_of(table).items()}
        for name, values in _path_lists_of(table).items():
            paths[name] = tuple(str(folder / value) for value in values)
        return paths

    return rebuilt(config, anchored)


def _convert(value: Any, kind: type, prefix: str, file: str, locate: Callable[[str], int]) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text = str(error)
        found = _PATH_IN_ERROR.search(text)
        inside = (found["path"] if found else "$").removeprefix("$").lstrip(".")
        path = ".".join(part for part in (prefix, inside) if part)
        key, expected = _in_french(text[: found.start()] if found else text, path)
        if text.startswith("Invalid enum value") and (choices := _choices(kind, inside)):
            expected += f" ; possible : {', '.join(choices)}"
        raise ProfileError(file, locate(key), key, expected) from error


def _in_french(message: str, path: str) -> tuple[str, str]:
    """Key concerned and French sentence for a msgspec message."""
    if found := re.match(r"Object contains unknown field `([^`]*)`", message):
        return _join(path, found[1]), "clé inconnue"
    if found := re.match(r"Object missing required field `([^`]*)`", message):
        return _join(path, found[1]), "clé obligatoire absente"
    if found := re.match(r"Expected `([^`]*)`, got `([^`]*)`", message):
        wanted = " ou ".join(_TYPES.get(name, name) for name in found[1].split(" | ") if name != "null")
        return path, f"{wanted} est attendu, pas {_TYPES.get(found[2], found[2])}"
    if found := re.match(r"Expected `(array|object|str)` of length (>=|<=)? ?(\d+)", message):
        counted = "caractères" if found[1] == "str" else "éléments"
        return path, f"{_BOUNDS.get(found[2] or '', 'exactement')} {found[3]} {counted} attendus"
    if found := re.match(r"Expected `(\w+)` (>=|<=|>|<) (\S+)", message):
        return path, f"{_TYPES.get(found[1], found[1])} {_BOUNDS[found[2]]} {found[3].removesuffix('.0')} est attendu"
    if found := re.match(r"Expected `str` matching regex (.*)", message):
        return path, f"ce texte n'a pas la forme attendue ({found[1]})"
    if found := re.match(r"Invalid enum value (.*)", message):
        return path, f"valeur non prévue : {found[1]}"
    if message.startswith("Invalid RFC3339 encoded date"):
        return path, "une date AAAA-MM-JJ sans guillemets est attendue"
    if message.startswith(("Expected ", "Invalid ", "Object ", "Integer ", "Number ")):
        return path, f"valeur refusée ({message})"
    return path, message


_TYPES = {
    "str": "un texte entre guillemets",
    "int": "un nombre entier",
    "float": "un nombre",
    "bool": "true ou false",
    "array": "une liste entre crochets",
    "object": "une table",
    "date": "une date AAAA-MM-JJ",
    "datetime": "une date avec une heure",
    "time": "une heure",
}
_BOUNDS = {">=": "d'au moins", "<=": "d'au plus", ">": "supérieur à", "<": "inférieur à", "": "d'exactement"}


def _choices(kind: type, path: str) -> tuple[str, ...]:
    """The texts allowed at `path` (`auth`, `options.mode`) of a struct type; empty when they are not a short list."""
    for part in path.split("."):
        if not isinstance(kind, type) or not issubclass(kind, msgspec.Struct):
            return ()
        kind = next((field.type for field in msgspec.structs.fields(kind) if field.name == part), type(None))
    if typing.get_origin(kind) is typing.Literal:
        return tuple(str(value) for value in typing.get_args(kind))
    members: tuple[enum.Enum, ...] = tuple(kind) if isinstance(kind, enum.EnumType) else ()
    return tuple(str(member.value) for member in members)


_SYNTAX = (
    ("Cannot overwrite a value", "cette clé est écrite deux fois"),
    ("Cannot declare", "cette table est écrite deux fois"),
    ("Cannot redefine", "cette table est écrite deux fois"),
    ("Cannot mutate", "cette table est déjà définie autrement"),
    ("Expected '=' after a key", "« = » est attendu après une clé"),
    ("Expected ']'", "un crochet fermant est attendu"),
    ("Unclosed array", "une liste n'est pas fermée"),
    ("Unclosed inline table", "une table entre accolades n'est pas fermée"),
    ("Unterminated string", "un texte n'est pas fermé par un guillemet"),
    ("Expected newline or end of document", "une seule affectation par ligne est attendue"),
    ("Unescaped '\\' in a string", "dans un texte entre guillemets, « \\ » s'écrit « \\\\ »"),
    ("Illegal character", "un caractère interdit ou un guillemet manquant"),
    ("Invalid date", "cette date n'existe pas"),
    ("Invalid initial character for a key", "une clé est attendue"),
    ("Invalid statement", "une clé, une table ou un commentaire est attendu"),
    ("Invalid value", "une valeur est attendue (un texte va entre guillemets)"),
)


def _syntax(message: str) -> str:
    return next((french for english, french in _SYNTAX if message.startswith(english)), "syntaxe incorrecte")


_SECRET_KEY = re.compile(r"(?i)pass(word|wd|phrase|e)?$|^pwd|mdp|mot_?de_?passe|secret|token|jeton|api_?key|_key$")


def _refuse_secrets(table: Mapping[str, Any], prefix: str, file: str, locate: Callable[[str], int]) -> None:
    """Say at once, and without showing it, that a secret has no place in a profile."""
    for key, value in table.items():
        path = _join(prefix, key)
        if isinstance(value, Mapping):
            _refuse_secrets(value, path, file, locate)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, Mapping):
                    _refuse_secrets(item, f"{path}[{index}]", file, locate)
        elif prefix and not key.endswith("_from") and isinstance(value, str) and _SECRET_KEY.search(key):
            expected = (
                "aucun mot de passe ni secret ne s'écrit dans le profil : effacez-le (et changez-le s'il a circulé), "
                f"puis indiquez où il se trouve avec password_from = {SOURCES}"
            )
            raise ProfileError(file, locate(path), path, expected)


def _config_type(catalogue: Catalogue, name: str) -> type:
    domain = catalogue.domains[name]
    try:
        kind: type = domain.load(domain.header.config)
    except (ImportError, AttributeError) as error:
        raise CatalogueError(f"{domain.package}: config = {domain.header.config!r}: {error}") from error
    return kind


def _validate_domain(name: str, config: Any, file: str, locate: Callable[[str], int]) -> None:
    """What every domain table shares: secret references, and paths that can be paths."""
    for path, table in tables(config, name):
        _validate_table(path, table, file, locate)


def _validate_table(name: str, config: msgspec.Struct, file: str, locate: Callable[[str], int]) -> None:
    for field in msgspec.structs.fields(config):
        value = getattr(config, field.name)
        key = f"{name}.{field.name}"
        if field.name.endswith("_from") and isinstance(value, str) and value and not REFERENCE.fullmatch(value):
            # The value is not shown: it may well be the password itself.
            expected = f"{SOURCES} attendu : l'endroit où se trouve le mot de passe, jamais le mot de passe"
            raise ProfileError(file, locate(key), key, expected)
    paths = [(key, value) for key, value in _paths_of(config).items()]
    paths += [(f"{key}[{i}]", value) for key, some in _path_lists_of(config).items() for i, value in enumerate(some)]
    for path_key, value in paths:
        if "\0" in value:
            raise ProfileError(file, locate(f"{name}.{path_key}"), f"{name}.{path_key}", "ce n'est pas un chemin")


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _locator(text: str) -> Callable[[str], int]:
    """Return a function `dotted key -> line number` (0 when not found) for TOML `text`.

    Enough of TOML for a message: table headers, arrays of tables (the index is honoured) and `key =` lines.
    """
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), 1):  # the only end of line TOML knows
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
        if not _is_answer(answer) and not (isinstance(answer, list) and all(isinstance(item, str) for item in answer)):
            reject(f"questions.{key}", "un texte, un nombre, une date, true/false ou une liste de textes est attendu")
    for index, value in enumerate(profile.network.resolvers):
        try:
            ipaddress.ip_address(value)
        except ValueError:
            reject(f"network.resolvers[{index}]", f"« {value} » n'est pas une adresse IP")
    if profile.limits.domain_seconds < MIN_SECONDS or profile.limits.memory_mib < MIN_MEMORY_MIB:
        reject("limits", f"au moins {MIN_SECONDS} seconde et {MIN_MEMORY_MIB} Mio sont nécessaires")
    if profile.limits.domain_seconds > MAX_SECONDS or profile.limits.memory_mib > MAX_MEMORY_MIB:
        reject("limits", f"au plus {MAX_SECONDS} secondes et {MAX_MEMORY_MIB} Mio sont permis")
    if profile.plan.capacity_days is not None and not 0 < profile.plan.capacity_days < MAX_DAYS:
        reject("plan.capacity_days", "un nombre de jours positif est attendu")


def _is_answer(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) <= MAX_ANSWER
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, (str, dt.date))


def _validate_structure(structure: Structure, reject: Reject) -> None:
    if structure.size is not None and not 0 <= structure.size <= MAX_PLACES:
        reject("structure.size", "un nombre de places est attendu")
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
        if not _is_name(value):
            reject(f"mandate.domains[{index}]", f"« {value} » n'est pas un nom de domaine")
    for index, value in enumerate(mandate.tenants):
        if not _is_name(value):
            reject(f"mandate.tenants[{index}]", f"« {value} » n'est ni un identifiant ni un domaine de locataire")
    for index, value in enumerate(mandate.external_addresses):
        if not _is_name(value):
            _check_network(value, f"mandate.external_addresses[{index}]", reject)


def _is_name(value: str) -> bool:
    """Whether `value` is a DNS name, and not one of the numeric forms that a resolver takes for an IPv4 address."""
    last = value.rstrip(".").rpartition(".")[2]
    return bool(_HOST.fullmatch(value)) and not re.fullmatch(r"(?i)[0-9]+|0x[0-9a-f]*", last)


def _check_network(value: str, key: str, reject: Reject) -> None:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        reject(key, f"« {value} » n'est pas un réseau ou une adresse (exemple : 192.168.10.0/24)")
        return
    address = value.partition("/")[0]
    if "/" in value and ipaddress.ip_address(address) != network.network_address:
        reject(key, f"« {value} » désigne une machine ; son réseau s'écrit {network}, elle seule {address}")
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped:
        reject(key, f"« {value} » : écrire l'adresse IPv4 {network.network_address.ipv4_mapped}")
    if "%" in value:
        reject(key, f"« {value} » : une adresse sans « % » est attendue")
    if network.prefixlen < (MIN_PREFIX_4 if network.version == 4 else MIN_PREFIX_6) and "excluded" not in key:  # noqa: PLR2004 - IP version
        reject(key, f"« {value} » autoriserait une trop grande part d'Internet ; au moins /{MIN_PREFIX_4} est attendu")
