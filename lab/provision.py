"""Make the directory and the keys of a lab, or take them from the cache.

The cache key holds everything that decides the result, and the day: every age in the directory is relative to the
moment it was seeded, so yesterday's pack would drift.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from lab import hosts, pki
from lab.description import Site
from lab.paths import CACHE_ROOT, CODE

_PARTS = ("state/dc", "shared/pki", "shared/dkim")
_KEPT_SECONDS = 36 * 3600
"""Older packs can no longer be asked for."""


@dataclass(frozen=True)
class Bulk:
    """Anonymous population added for benchmarks."""

    users: int
    computers: int
    groups: int


def samba_version() -> str:
    """Return what `samba --version` says."""
    done = subprocess.run(["samba", "--version"], check=True, capture_output=True, text=True, timeout=20)
    return done.stdout.strip()


def cache_key(state: str, bulk: Bulk | None, version: str, today: datetime) -> str:
    """Return the key of a provisioned state: 32 hex digits."""
    digest = hashlib.sha256()
    sources = [
        CODE / "site.toml",
        *(CODE / name for name in ("pki.py", "description.py", "provision.py")),
        *sorted((CODE / "seed").glob("*.py")),
        *sorted((CODE / "roles" / "dc").glob("*.sh")),
    ]
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    decided = {"state": state, "bulk": asdict(bulk) if bulk else None, "samba": version}
    digest.update(json.dumps(decided, sort_keys=True).encode())
    digest.update(today.strftime("%Y-%m-%d").encode())
    return digest.hexdigest()[:32]


def provide(site: Site, layout: hosts.Layout, state: str, bulk: Bulk | None) -> bool:
    """Put the directory, certificates and keys in place; True when they came from the cache."""
    pack = CACHE_ROOT / f"{cache_key(state, bulk, samba_version(), datetime.now(UTC))}.tar.zst"
    if pack.is_file() and _unpack(pack, layout.root):
        return True
    pki.make_certificates(site, layout.shared / "pki")
    pki.make_dkim_keys(site, layout.shared / "dkim")
    plan = {
        "functions": site.seed_plan(state),
        "bulk": asdict(bulk) if bulk else None,
        "audit_account": site.structure.audit_account,
    }
    (layout.shared / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    hosts.prepare(site, layout, "dc")
    _pack(pack, layout.root)
    return False


def _unpack(pack: Path, root: Path) -> bool:
    """Unpack into `root`; a damaged pack is thrown away and False returned."""
    done = subprocess.run(
        ["tar", "--xattrs", "--xattrs-include=*", "--zstd", "-xf", str(pack), "-C", str(root)],
        check=False,
        capture_output=True,
        timeout=300,
    )
    if done.returncode:
        pack.unlink(missing_ok=True)
        for part in _PARTS:
            subprocess.run(["rm", "-rf", str(root / part)], check=True, timeout=60)
    return done.returncode == 0


def _pack(pack: Path, root: Path) -> None:
    """Pack atomically (the directory is stopped), and drop the packs of other days."""
    CACHE_ROOT.mkdir(parents=True, exist_ok=True)
    CACHE_ROOT.chmod(0o700)
    unfinished = pack.with_suffix(f".{os.getpid()}.part")
    subprocess.run(
        ["tar", "--xattrs", "--xattrs-include=*", "--zstd", "-cf", str(unfinished), "-C", str(root), *_PARTS],
        check=True,
        capture_output=True,
        timeout=600,
    )
    unfinished.rename(pack)
    for other in CACHE_ROOT.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if time.time() - other.stat().st_mtime > _KEPT_SECONDS:
                other.unlink()
