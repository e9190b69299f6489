"""A technology of the tests: a restore point is a folder of this machine. And the tools a technology is handed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Point, Repository
from checks.backup.technologies.base import Entry, Tools
from checks.common.programs import Finished, run_program
from checks.model import CollectError, Gap, Reason

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
UNREAD = Gap(reason=Reason.UNSUPPORTED, detail="Sans objet dans ce test.")


class Machine:
    """Runs programs, and keeps their command lines; permits every address."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, ...]] = []

    @property
    def resolvers(self):
        return ()

    def permit(self, host: str, port: int, protocol: str, purpose: str) -> tuple[str, ...]:
        return (host,)

    def run(
        self, command: Sequence[str], purpose: str, *, seconds: float, max_bytes: int, environment: Mapping[str, str]
    ) -> Finished:
        self.commands.append(tuple(command))
        return run_program(command, seconds=seconds, max_bytes=max_bytes, environment=environment)


def tools(secrets: Mapping[str, str] = {}, steps: list[str] | None = None) -> Tools:
    def progress(step: str, done: int = 0, total: int | None = None) -> None:
        if steps is not None:
            steps.append(step)

    return Tools(network=Machine(), secret=lambda name: secrets[name], now=NOW, progress=progress)


def repository(label: str, technology: str, points: tuple[Point, ...] | Gap) -> Repository:
    return Repository(
        label=label,
        technology=technology,
        points=points,
        jobs=UNREAD,
        failures=UNREAD,
        integrity=UNREAD,
        encryption=UNREAD,
        immutability=UNREAD,
        access=UNREAD,
    )


def point(source: Path | str, number: int = 1, time: datetime = NOW, **more) -> Point:
    return Point(id=f"p{number}", source=str(source), time=time, **more)


class Trees:
    """Restores by copying; `damage` changes a file on its way, as a broken repository would."""

    def __init__(
        self,
        damage: Callable[[str, Path], None] | None = None,
        *,
        digests: Mapping[str, str] | None = None,
        folders: bool = True,
        error: Exception | None = None,
    ) -> None:
        self.damage = damage
        self.digests = digests or {}
        self.folders = folders
        self.error = error
        self.asked: list[list[str]] = []
        self.restored_into: list[Path] = []

    def read(self, config: RepositoryConfig, tools: Tools) -> Repository:
        return repository(config.label, config.technology, ())

    def entries(self, config: RepositoryConfig, tools: Tools, point: Point):
        root = Path(point.source)
        if not root.is_dir():
            raise CollectError(Reason.ERROR, "Ce point ne se lit pas.")
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink():
                status = path.stat()
                name = f"/{path.relative_to(root)}"
                yield Entry(
                    path=name,
                    size=status.st_size,
                    modified=datetime.fromtimestamp(status.st_mtime, UTC),
                    digest=self.digests.get(name, ""),
                )

    def restore(
        self, config: RepositoryConfig, tools: Tools, point: Point, paths: Sequence[str], into: Path
    ) -> Mapping[str, Path]:
        self.asked.append(list(paths))
        self.restored_into.append(into)
        if self.error is not None:
            raise self.error
        back = {}
        for path in paths:
            source, target = Path(point.source) / path.lstrip("/"), into / path.lstrip("/")
            if path.endswith("/"):
                if self.folders:
                    shutil.copytree(source, target)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            if self.damage is not None:
                self.damage(path, target)
            if target.exists():
                back[path] = target
        return back
