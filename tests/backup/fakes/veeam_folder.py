"""A folder as Veeam leaves it: full backups, increments, metadata with its escaped document, configuration backup."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from xml.sax.saxutils import escape

from tests.backup.fakes.tls import NOW

NONE = "00000000-0000-0000-0000-000000000000"


def name(machine: str, kind: str, **age) -> str:
    """Veeam writes the server's own time, Paris in winter."""
    local = NOW - timedelta(**age) + timedelta(hours=1)
    return f"{machine}D{local:%Y-%m-%dT%H%M%S}_1A2B.{kind}"


def write(folder: Path, file: str, size: int = 8192, fill: bytes = b"\0", **age) -> Path:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((b"\x0d\0\0\0\x01\0\0\0\x03\0\0\0md5" + fill * size)[:size])
    when = (NOW - timedelta(**(age or {"hours": 9}))).timestamp()
    os.utime(path, (when, when))
    return path


def metadata(job: str, files: list[tuple[str, str, str]], *, machines=("dc01",), corrupted=False, keys=False) -> str:
    """`files`: (identity, file name, link)."""
    links = {identity: f' LinkId="{link}"' if link else "" for identity, _, link in files}
    storages = "".join(
        f'<Storage Id="{identity}" FileName="{file}" CreationTimeUtc="2026-11-22 02:00:00.123" BlockSize="1024" '
        f'State="1" PartialIncrement="False" GfsPeriod="0" CreationMode="0"{links[identity]}>'
        f"<Stats><BackupSize>4096</BackupSize><DataSize>1048576</DataSize></Stats></Storage>"
        for identity, file, _ in files
    )
    vms = "".join(f'<Vm Id="{n}" ObjectId="{n}" VmRef="vm-{n}" DisplayName="{vm}"/>' for n, vm in enumerate(machines))
    inner = (
        f'<Vbm Id="1" JobId="2" JobName="{job}" JobType="0" JobSourceType="0" Platform="0" '
        f'CreationTimeUtc="2026-11-22 02:00:00" FormatVersion="5" BackupCreationTime="2026-10-01 02:00:00"><Hosts/>'
        f"<Storages>{storages}</Storages><JobPoints/><Vms>{vms}</Vms>"
        f'<VmPoints><Pnt Id="p" LinkId="{NONE}" IsCorrupted="{corrupted}"/></VmPoints></Vbm>'
    )
    sets = "<KeySets><KeySet Id='1'/></KeySets>" if keys else "<KeySets/>"
    return (
        f'<?xml version="1.0" encoding="utf-8"?><BackupMeta Version="12"><VmObjects><string>1</string></VmObjects>'
        f"{sets}<Vbm>{escape(inner)}</Vbm></BackupMeta>"
    )


def healthy(root: Path) -> Path:
    """One machine: a full backup, two increments, metadata, and a configuration backup."""
    folder = root / "Quotidienne"
    full, first, second = (
        name("dc01.vm-101", "vbk", days=3, hours=10),
        name("dc01.vm-101", "vib", days=1, hours=10),
        name("dc01.vm-101", "vib", hours=10),
    )
    for file, age in ((full, {"days": 3}), (first, {"days": 1}), (second, {"hours": 9})):
        write(folder, file, **age)
    meta = metadata("Quotidienne", [("a", full, ""), ("b", first, "a"), ("c", second, "b")])
    (folder / "Quotidienne.vbm").write_text(meta, "utf-8")
    write(root, "VeeamConfigBackup/BKP01/BKP01_2026-11-21_10-00-15.bco", days=1)
    return folder
