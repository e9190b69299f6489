"""Controls and measures as data: one `catalogue.toml` and one `measures.toml` per domain folder.

Domains are found, not registered: every sub-package of `checks` that holds a `catalogue.toml`, and every package
named by an entry point of the group `ausculte.checks`. Loading the catalogue imports no control code and no
network library.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import importlib.resources
import pkgutil
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

import checks
from checks.model import Context, Judgement, Record, Severity

ENTRY_POINT_GROUP = "ausculte.checks"

ControlFunction = Callable[[Any, Context], "Judgement | list[Judgement]"]


_ID = re.compile(r"[a-z][a-z0-9_]{0,30}")
_PREFIX = re.compile(r"[A-Z][A-Z0-9]{0,15}")
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
RESERVED_IDS = frozenset({"schema", "operator", "structure", "mandate", "network", "limits", "plan", "questions"})
"""Names of the site profile: a domain table could not be told from them."""


class CatalogueError(Exception):
    """A catalogue file is wrong; the message names the file and the entry."""


class Control(Record, frozen=True, kw_only=True):
    """One question an audit asks."""

    id: str
    version: int
    title: str
    """The state that conforms, in French, as a short sentence."""
    why: str
    """Why it matters to an establishment, in French, without jargon."""
    severity: Severity
    check: str
    """`module.function` below the domain's `controls` package."""
    measure: str = ""
    """Id of the measure that repairs it; empty when nothing can be repaired."""
    weight: float = 1.0
    """Exposure of the object concerned, 0.5 to 2.0; enters the priority of the measure."""


class Measure(Record, frozen=True, kw_only=True):
    """One action that repairs one or several controls."""

    id: str
    title: str
    why: str
    steps: tuple[str, ...]
    effort: str
    """XS, S, M, L or XL."""
    days: float
    """Person-days for an establishment of about 80 places."""
    cost: str
    """`none`, `low` (< 1 k€), `medium` (1–10 k€) or `high` (> 10 k€)."""
    who: str
    """`structure`, `prestataire`, `crrc` or `rssi`."""
    prerequisites: tuple[str, ...] = ()
    """Measure ids that must come first."""
    funding: str = ""
    """CRRC market category when the measure can be proposed for funding: `rssi_externe` or `experts_techniques`."""
    references: tuple[str, ...] = ()
    """Public guides, as title or identifier."""


CHECK_OPTIONS = ("vendor", "role")
"""Options of `ausculte check` that only some domains take."""
_ROOMS = (
    "facts",
    "config",
    "collect",
    "read_input",
    "online_input",
    "summary",
    "exhibits",
    "documents",
    "derive",
    "query",
    "proposal",
)
EFFORTS = ("XS", "S", "M", "L", "XL")
COSTS = ("none", "low", "medium", "high")
ACTORS = ("structure", "prestataire", "crrc", "rssi")
FUNDINGS = ("", "rssi_externe", "experts_techniques")


class DomainHeader(Record, frozen=True, kw_only=True):
    """The `[domain]` table of a catalogue: where the rooms of the domain are."""

    id: str
    title: str
    prefix: str
    """First part of its control ids: `AD`, `MAIL`."""
    facts: str
    """`module:Struct` of the facts, below the domain package."""
    facts_version: int
    config: str = ""
    """`module:Struct` of the profile table `[<id>]`; imports no network library."""
    collect: str = ""
    """`module:function(request, network, progress) -> facts`."""
    joins: tuple[str, ...] = ()
    """Domains whose facts and verdicts this one judges together. It collects nothing itself: no `config`, no
    `collect`; `facts` is called with a mapping of domain to its facts, or to a `Gap`, and with all other outcomes."""
    read_input: str = ""
    """`module:function(inputs, options) -> facts | None`: reads what `ausculte check` is given, without network."""
    online_input: str = ""
    """`module:function(inputs, options) -> config`: builds the config of an online `ausculte check`."""
    public_lookup: bool = False
    """An online check without authorisation is possible: the domain then asks public data only."""
    summary: str = ""
    """`module:function(facts) -> {label: value}`: short facts shown at the head of the domain's report page."""
    exhibits: str = ""
    """`module:function(facts) -> (picture, …)`: pure; tables and drawings of `checks.common.exhibits` shown on the
    domain's report page above its verdicts."""
    documents: str = ""
    """`module:function(facts, context) -> (document, …)`: pure; workbooks of `checks.common.documents` written beside
    the report for the structure to fill in."""
    derive: str = ""
    """`module:function(facts) -> derived`: pure, called once per evaluation; controls are then given its result."""
    options: tuple[str, ...] = ()
    """Options of `ausculte check` that `read_input` takes besides the common ones: `vendor`, `role`."""
    query: str = ""
    """`module:function(facts, text) -> answer`: answers `ausculte check --query`; the answer has a `verdict`, a
    French `message` and `details` (a mapping, merged into the JSON answer). Raises `ValueError`, in French."""
    proposal: str = ""
    """`module:function(facts) -> text`: what `ausculte check --rewrite` writes."""


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """A domain as loaded: header, controls, measures, and its package name."""

    header: DomainHeader
    controls: tuple[Control, ...]
    measures: tuple[Measure, ...]
    package: str

    @property
    def id(self) -> str:
        """Short name of the domain, also the name of its facts file."""
        return self.header.id

    def load(self, reference: str) -> Any:
        """Import `module:name` below the domain package and return the object."""
        module, _, name = reference.partition(":")
        return getattr(importlib.import_module(f"{self.package}.{module}"), name)

    def control_function(self, control: Control) -> ControlFunction:
        """Import the function that judges `control`."""
        module, _, name = control.check.rpartition(".")
        function: ControlFunction = getattr(importlib.import_module(f"{self.package}.controls.{module}"), name)
        return function


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be asked and everything that can be repaired."""

    domains: Mapping[str, Domain]
    sha256: str
    """Digest of all catalogue and measure files, recorded in each run."""

    def controls(self) -> Iterator[tuple[Domain, Control]]:
        """All controls, by domain then in file order."""
        for domain in self.domains.values():
            for control in domain.controls:
                yield domain, control

    def control(self, control_id: str) -> Control | None:
        """The control of that id, if any."""
        return next((c for _, c in self.controls() if c.id == control_id), None)

    def measures(self) -> dict[str, Measure]:
        """All measures by id."""
        return {m.id: m for d in self.domains.values() for m in d.measures}


class _CatalogueFile(Record, frozen=True, kw_only=True):
    domain: DomainHeader
    control: tuple[Control, ...] = ()


class _MeasuresFile(Record, frozen=True, kw_only=True):
    measure: tuple[Measure, ...] = ()


def domain_packages() -> list[str]:
    """Names of the packages that are domains: our own folders, then third-party entry points."""
    own = [
        f"checks.{found.name}"
        for found in pkgutil.iter_modules(checks.__path__)
        if found.ispkg and importlib.resources.files(f"checks.{found.name}").joinpath("catalogue.toml").is_file()
    ]
    others = [point.value for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)]
    return sorted(own) + [name for name in sorted(others) if name not in own]


def load_catalogue(packages: list[str] | None = None) -> Catalogue:
    """Read and validate the catalogue of every domain.

    Raises `CatalogueError` when a file is malformed, an id is used twice or a control names an unknown measure.
    """
    domains: dict[str, Domain] = {}
    digest = hashlib.sha256()
    for package in domain_packages() if packages is None else packages:
        domain, raw = _load_domain(package)
        if domain.id in domains:
            raise CatalogueError(f"{package}: domain id {domain.id!r} is already taken")
        domains[domain.id] = domain
        digest.update(raw)
    catalogue = Catalogue(domains=domains, sha256=digest.hexdigest())
    _check_identities(catalogue)
    return catalogue


def _load_domain(package: str) -> tuple[Domain, bytes]:
    try:
        folder = importlib.resources.files(package)
        raw_catalogue = folder.joinpath("catalogue.toml").read_bytes()
        measures_path = folder.joinpath("measures.toml")
        raw_measures = measures_path.read_bytes() if measures_path.is_file() else b""
    except Exception as error:  # importing a package of a third party may raise anything
        raise CatalogueError(f"{package}/catalogue.toml: {type(error).__name__}: {error}") from error
    # tomllib and msgspec raise several kinds of ValueError, and RecursionError on a hostile depth.
    try:
        read = msgspec.convert(tomllib.loads(raw_catalogue.decode()), _CatalogueFile)
        _check_header(read.domain)
    except (ValueError, RecursionError) as error:
        raise CatalogueError(f"{package}/catalogue.toml: {error}") from error
    try:
        measures = msgspec.convert(tomllib.loads(raw_measures.decode()), _MeasuresFile).measure
    except (ValueError, RecursionError) as error:
        raise CatalogueError(f"{package}/measures.toml: {error}") from error
    domain = Domain(header=read.domain, controls=read.control, measures=measures, package=package)
    return domain, raw_catalogue + raw_measures


def _check_header(header: DomainHeader) -> None:
    """Raise `ValueError` when a domain could not be stored, configured or found."""
    if not _ID.fullmatch(header.id) or header.id in RESERVED_IDS:
        raise ValueError(f"domain.id: {header.id!r} is not a free name of small letters, digits and underscores")
    if not _PREFIX.fullmatch(header.prefix):
        raise ValueError(f"domain.prefix: {header.prefix!r} is not a word of capital letters and digits")
    for room in _ROOMS:
        reference = getattr(header, room)
        needed = room == "facts" or (room in ("config", "collect") and not header.joins)
        if not _REFERENCE.fullmatch(reference) and (reference or needed):
            raise ValueError(f"domain.{room}: {reference!r} is not of the form 'module:name'")
    if header.joins and (header.config or header.collect):
        raise ValueError("domain.joins: what joins other domains has no config and no collect")
    for option in header.options:
        if option not in CHECK_OPTIONS:
            raise ValueError(f"domain.options: {option!r} is not an option of the command")
    if header.options and not header.read_input:
        raise ValueError("domain.options: read_input is what takes them")


def _check_identities(catalogue: Catalogue) -> None:
    measures = catalogue.measures()
    if len(measures) != sum(len(d.measures) for d in catalogue.domains.values()):
        raise CatalogueError("a measure id is used twice")
    seen: set[str] = set()
    for domain, control in catalogue.controls():
        if control.id in seen:
            raise CatalogueError(f"control id {control.id} is used twice")
        seen.add(control.id)
        if not control.id.startswith(f"{domain.header.prefix}-"):
            raise CatalogueError(f"control id {control.id} does not start with {domain.header.prefix}-")
        if control.measure and control.measure not in measures:
            raise CatalogueError(f"control {control.id} names the unknown measure {control.measure}")
    for measure in measures.values():
        if measure.effort not in EFFORTS or measure.cost not in COSTS or measure.who not in ACTORS:
            raise CatalogueError(f"measure {measure.id}: effort, cost or who is not in the allowed set")
        if measure.funding not in FUNDINGS:
            raise CatalogueError(f"measure {measure.id}: unknown funding {measure.funding!r}")
        for needed in measure.prerequisites:
            if needed not in measures:
                raise CatalogueError(f"measure {measure.id} needs the unknown measure {needed}")
