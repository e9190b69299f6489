"""`journal.jsonl`: append-only, hash-chained record of every network action of a run.

One JSON object a line. `hash` is the SHA-256 of the line without it, keys sorted, compact separators; `prev` is
the hash of the line before (64 zeros first). Several processes append to one chain under a file lock.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from agent.files import lock
from checks.common.text import clean

GENESIS = "0" * 64
_TAIL = 1 << 16
"""Bytes read from the end to find the last entry; an entry is far smaller (texts are cut)."""


class JournalError(Exception):
    """The journal cannot be continued; French message."""


class JournalProblem(msgspec.Struct, frozen=True):
    """Where the chain breaks: 1-based line and a French sentence."""

    line: int
    detail: str


class Journal:
    """Appends entries; safe between processes."""

    def __init__(self, path: Path, domain: str, clock: Callable[[], dt.datetime]) -> None:
        self._path = path
        self._domain = domain
        self._clock = clock

    def append(
        self,
        action: str,
        target: str = "",
        port: int = 0,
        protocol: str = "",
        purpose: str = "",
        count: int = 1,
    ) -> None:
        """Write one entry. `action`: `permit`, `refuse`, `count`, `start`, `end`, `repair`."""
        entry: dict[str, Any] = {
            "time": self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "domain": self._domain,
            "action": action,
            "target": clean(target, 300),
            "port": port,
            "protocol": protocol,
            "purpose": clean(purpose, 300),
            "count": count,
        }
        with _locked(self._path) as file:
            _set_aside(file, self._path)  # another worker may have died in the middle of its line
            seq, prev = _last(file)
            entry["seq"] = seq + 1
            entry["prev"] = prev
            entry["hash"] = entry_hash(entry)
            file.seek(0, os.SEEK_END)
            file.write(_canonical(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def repair(path: Path) -> bool:
    """Set aside what a crash left after the last whole entry, so that the chain can go on; True when there was.

    The bytes are kept in `journal.truncated` beside the journal: nothing is thrown away.
    """
    if not path.exists():
        return False
    with _locked(path) as file:
        return _set_aside(file, path)


def _set_aside(file: BinaryIO, path: Path) -> bool:
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _TAIL)
    file.seek(start)
    tail = file.read()
    keep = len(tail)
    while keep and not _is_entry(tail[:keep]):
        keep = tail.rfind(b"\n", 0, keep - 1) + 1
    if keep == len(tail):
        return False
    if not keep and start:  # not one entry in all that: this is no crash, and nothing may be cut on a guess
        raise JournalError(f"{path} : la fin du journal est illisible ; relancez sans --resume")
    with path.with_name("journal.truncated").open("ab") as aside:
        aside.write(tail[keep:] + b"\n")
    file.truncate(start + keep)
    return True


def _is_entry(content: bytes) -> bool:
    """Whether `content` ends with a whole entry."""
    if not content.endswith(b"\n"):
        return False
    try:
        entry = json.loads(content[:-1].rpartition(b"\n")[2])
        return isinstance(entry["seq"], int) and isinstance(entry["hash"], str)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def verify(path: Path, expected_entries: int = 0, expected_head: str = "") -> JournalProblem | None:
    """Check the whole chain; None when it is intact.

    With the count and head recorded in `run.json`, a journal cut after the run is detected too.
    """
    prev, seq = GENESIS, 0
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        return JournalProblem(0, f"le journal ne peut pas être lu ({error.strerror})")
    if lines.pop() != b"":
        return JournalProblem(len(lines) + 1, "la dernière ligne est incomplète")
    head_at_end = GENESIS
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            return JournalProblem(number, "cette ligne n'est pas une entrée de journal")
        if not isinstance(entry, dict) or entry.get("prev") != prev or entry.get("seq") != seq + 1:
            return JournalProblem(number, "cette entrée ne suit pas la précédente (entrée supprimée ou déplacée)")
        if entry.get("hash") != entry_hash(entry) or _canonical(entry) != line:
            return JournalProblem(number, "cette entrée a été modifiée")
        prev, seq = entry["hash"], entry["seq"]
        if seq == expected_entries:
            head_at_end = prev
    if expected_entries and seq < expected_entries:
        return JournalProblem(seq, f"il manque des entrées : {expected_entries} étaient présentes à la fin de l'audit")
    if expected_head and seq > expected_entries:
        return JournalProblem(expected_entries + 1, "des entrées ont été ajoutées après la fin de l'audit")
    if expected_head and head_at_end != expected_head:
        return JournalProblem(expected_entries, "le journal n'est pas celui de cet audit")
    return None


def head(path: Path) -> tuple[int, str]:
    """Number of entries and hash of the last one."""
    if not path.exists():
        return 0, GENESIS
    with path.open("rb") as file:
        return _last(file)


class TargetCount(msgspec.Struct, frozen=True, kw_only=True):
    """What one target received, and what was refused towards it."""

    target: str
    protocol: str
    """Protocols announced for it, as short words."""
    actions: int
    """Connections opened and datagrams sent."""
    refused: int


def summary(path: Path) -> list[TargetCount]:
    """Network actions by target, for the report. Lines that are not entries are skipped: `verify` reports them."""
    labels: dict[tuple[str, int], str] = {}
    protocols: dict[tuple[str, int], set[str]] = {}
    actions: Counter[tuple[str, int]] = Counter()
    refused: Counter[tuple[str, int]] = Counter()
    for entry in _entries(path):
        # A permit names its target as «name (address)»; a count only knows the address the socket used.
        address = re.sub(r".* \(([^()]+)\)$", r"\1", entry["target"])
        key = (address, entry["port"])
        if entry["action"] == "permit":
            labels[key] = entry["target"]
            protocols.setdefault(key, set()).add(entry["protocol"])
            actions.setdefault(key, 0)
        elif entry["action"] == "count":
            actions[key] += entry["count"]
        elif entry["action"] == "refuse":
            labels.setdefault(key, entry["target"])
            refused[key] += 1
    return [
        TargetCount(
            target=f"{labels.get(key, key[0])}" + (f", port {key[1]}" if key[1] else ""),
            protocol=", ".join(sorted(protocols.get(key, ()))) or "–",
            actions=actions[key],
            refused=refused[key],
        )
        for key in sorted(actions.keys() | refused.keys())
    ]


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
            entry_ok = {"target", "port", "action", "protocol", "count"} <= entry.keys()
        except (ValueError, AttributeError):
            continue
        if entry_ok:
            yield entry


def entry_hash(entry: dict[str, Any]) -> str:
    """SHA-256 of the canonical form of an entry without its `hash`."""
    return hashlib.sha256(_canonical({k: v for k, v in entry.items() if k != "hash"})).hexdigest()


def _canonical(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _last(file: BinaryIO) -> tuple[int, str]:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL))
    lines = file.read().rstrip(b"\n").rsplit(b"\n", 1)
    if not lines[-1]:
        return 0, GENESIS
    try:
        entry = json.loads(lines[-1])
        return int(entry["seq"]), str(entry["hash"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise JournalError("la fin du journal est illisible") from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for reading and appending, alone among processes."""
    with path.open("a+b") as file:
        lock(file, wait=True)
        yield file  # closing the file releases the lock
