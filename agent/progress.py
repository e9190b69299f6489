"""Progress on standard error: a live table when a person watches, plain lines otherwise, nothing when quiet."""

from __future__ import annotations

import sys
import threading
from typing import Any

from checks.common.text import clean
from checks.model import Gap


class SilentReporter:
    """Shows nothing."""

    def step(self, domain: str, text: str, done: int, total: int | None) -> None:
        """See `agent.supervisor.Reporter`."""

    def finished(self, domain: str, gap: Gap | None) -> None:
        """See `agent.supervisor.Reporter`."""

    def close(self) -> None:
        """Nothing to restore."""


class PlainReporter(SilentReporter):
    """One line per new step, for logs and screen readers."""

    def __init__(self, titles: dict[str, str]) -> None:
        self._titles = titles
        self._last: dict[str, str] = {}
        self._lock = threading.Lock()

    def step(self, domain: str, text: str, done: int, total: int | None) -> None:  # noqa: ARG002
        """Print the step when its text changes; counts alone do not make a line."""
        with self._lock:
            if self._last.get(domain) != text:
                self._last[domain] = text
                print(f"{self._titles.get(domain, domain)} : {clean(text, 200)}", file=sys.stderr, flush=True)

    def finished(self, domain: str, gap: Gap | None) -> None:
        """Say at once what could not be collected."""
        end = f"NON ÉVALUÉ ({gap.reason}) {clean(gap.detail, 400)}" if gap else "terminé"
        print(f"{self._titles.get(domain, domain)} : {end}", file=sys.stderr, flush=True)


class LiveReporter(SilentReporter):
    """A rich progress table, one row a domain."""

    def __init__(self, titles: dict[str, str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._titles = titles
        self._progress = Progress(
            SpinnerColumn(finished_text="•"),
            TextColumn("[bold]{task.fields[title]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._progress.start()

    def _task(self, domain: str) -> Any:
        with self._lock:
            if domain not in self._tasks:
                title = self._titles.get(domain, domain)
                self._tasks[domain] = self._progress.add_task("", title=title, total=None)
            return self._tasks[domain]

    def step(self, domain: str, text: str, done: int, total: int | None) -> None:
        """Update the row."""
        identity = self._task(domain)
        if total is None:  # a step without a known length must not look finished: `update` would keep the old total
            next(task for task in self._progress.tasks if task.id == identity).total = None
        self._progress.update(identity, description=clean(text, 80), completed=done, total=total)

    def finished(self, domain: str, gap: Gap | None) -> None:
        """Close the row."""
        text = f"NON ÉVALUÉ ({gap.reason}) {clean(gap.detail, 160)}" if gap else "terminé"
        self._progress.update(self._task(domain), description=text, completed=1, total=1)

    def close(self) -> None:
        """Give the terminal back."""
        self._progress.stop()


def make_reporter(titles: dict[str, str], *, quiet: bool) -> SilentReporter:
    """The reporter that fits where standard error goes."""
    if quiet:
        return SilentReporter()
    return LiveReporter(titles) if sys.stderr.isatty() else PlainReporter(titles)
