"""Frameworks as data: one TOML file per framework maps its requirements to control ids.

A control does not know the frameworks; adding a framework is adding a file to `reports/frameworks/`:

    [framework]
    scheme = "anssi-hygiene"        # short name, used in references: `anssi-hygiene:24`
    title = "…"                     # French
    [[requirement]]
    id = "24"
    title = "…"                     # our wording, French
    controls = ["MAIL-SPF-001"]     # empty when no control covers it

A requirement may exist at several levels (ANSSI directory checkpoints): its identity is then (id, level).
"""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Mapping
from importlib.resources.abc import Traversable

import msgspec

from checks.model import Record

_SCHEME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CONTROL_ID = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)+")


class FrameworkError(Exception):
    """A framework file is wrong; the message names the file and the entry."""


class Requirement(Record, frozen=True):
    """One line of a framework."""

    id: str
    title: str
    controls: tuple[str, ...] = ()
    """Controls that together show whether the requirement is met; empty when none covers it."""
    level: int | None = None
    """Maturity level that failing it denies (ANSSI directory checkpoints)."""
    group: str = ""
    """Chapter, theme or domain of the requirement."""
    priority: int | None = None
    """Rank the framework itself gives, 1 first."""
    note: str = ""


class FrameworkHeader(Record, frozen=True):
    """Identity and provenance of a framework."""

    scheme: str
    title: str
    edition: str = ""
    publisher: str = ""
    source: str = ""
    licence: str = ""
    note: str = ""
    """What the reader must know about this mapping, in French."""


class Framework(Record, frozen=True):
    """A framework file as read."""

    framework: FrameworkHeader
    requirement: tuple[Requirement, ...]

    @property
    def scheme(self) -> str:
        """Short name used in references."""
        return self.framework.scheme

    def controls(self) -> set[str]:
        """Every control id the framework names."""
        return {control for requirement in self.requirement for control in requirement.controls}


class Frameworks(msgspec.Struct, frozen=True):
    """All frameworks, by scheme, with the reverse index."""

    by_scheme: Mapping[str, Framework]
    references: Mapping[str, tuple[str, ...]]
    """Control id -> `scheme:id`, in file order, without repeats."""

    def references_of(self, control_id: str) -> list[str]:
        """The requirements a control contributes to, as `scheme:id`."""
        return list(self.references.get(control_id, ()))

    def controls(self) -> set[str]:
        """Every control id named by any framework."""
        return set(self.references)


def load_frameworks(folder: Traversable | None = None) -> Frameworks:
    """Read every `*.toml` of `folder` (ours by default). Raises `FrameworkError` on the first wrong file."""
    where = importlib.resources.files("reports").joinpath("frameworks") if folder is None else folder
    files = sorted((f for f in where.iterdir() if f.name.endswith(".toml")), key=lambda found: found.name)
    return assemble([parse_framework(file.read_text(encoding="utf-8"), file.name) for file in files])


def parse_framework(text: str, name: str) -> Framework:
    """Parse and validate one framework file; `name` only serves the error messages."""
    try:
        framework = msgspec.convert(tomllib.loads(text), Framework)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise FrameworkError(f"{name}: {error}") from error
    if not _SCHEME.fullmatch(framework.scheme):
        raise FrameworkError(f"{name}: scheme {framework.scheme!r} is not lower-case words joined by hyphens")
    if not framework.requirement:
        raise FrameworkError(f"{name}: no requirement")
    seen: set[tuple[str, int | None]] = set()
    for requirement in framework.requirement:
        identity = (requirement.id, requirement.level)
        if identity in seen:
            raise FrameworkError(f"{name}: requirement {requirement.id} is written twice")
        seen.add(identity)
        _check_requirement(requirement, name)
    return framework


def _check_requirement(requirement: Requirement, name: str) -> None:
    if not requirement.id.strip() or not requirement.title.strip():
        raise FrameworkError(f"{name}: a requirement has an empty id or title")
    if len(set(requirement.controls)) != len(requirement.controls):
        raise FrameworkError(f"{name}: requirement {requirement.id} names a control twice")
    for control in requirement.controls:
        if not _CONTROL_ID.fullmatch(control):
            raise FrameworkError(f"{name}: requirement {requirement.id}: {control!r} is not a control id")


def assemble(files: list[Framework]) -> Frameworks:
    """Index frameworks by scheme and by control. Raises `FrameworkError` when a scheme is used twice."""
    by_scheme: dict[str, Framework] = {}
    references: dict[str, list[str]] = {}
    for framework in files:
        if framework.scheme in by_scheme:
            raise FrameworkError(f"scheme {framework.scheme!r} is used by two files")
        by_scheme[framework.scheme] = framework
        for requirement in framework.requirement:
            reference = f"{framework.scheme}:{requirement.id}"
            for control in requirement.controls:
                known = references.setdefault(control, [])
                if reference not in known:
                    known.append(reference)
    return Frameworks(by_scheme, {control: tuple(found) for control, found in references.items()})
