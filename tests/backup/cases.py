"""A fictional house with one repository per way a backup goes wrong, made with the real products and the fakes.

Every repository is damaged as life does it: a byte flipped in a pack, a pack removed, a backup killed while it writes.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.backup.fakes import pbs, s3, tls, veeam, veeam_folder, windows
from tests.backup.technologies.peers import PASSWORD, flip, run

RESTIC = {"RESTIC_PASSWORD": PASSWORD}
BORG = {"BORG_PASSPHRASE": PASSWORD, "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
SECRETS = {
    "CLE": PASSWORD,
    "FAUSSE": "une-autre-phrase",
    "S3": s3.SECRET,
    "PBS": pbs.SECRET,
    "VEEAM": veeam.PASSWORD,
}
MARK = "MARIE-TILLEULS-1934"
"""What the files of the house hold, and that must be nowhere afterwards."""
RESTORED = ("sain", "octet", "chiffre", "borg-sain", "borg-abime")
FAKES = (pbs, veeam, veeam_folder, windows)


def machine() -> str:
    """Name of this machine, as borg writes it."""
    return os.uname().nodename


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def corpus(folder: Path) -> Path:
    """Forty files of a nursing home: notes, documents that are archives, one database dump."""
    draw = random.Random(5)
    for number in range(36):
        path = folder / "dossiers" / f"{MARK}-{number:02}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{MARK} transmission {number} " + "le resident va bien. " * draw.randint(20, 300))
    for number in range(6):
        with zipfile.ZipFile(folder / f"plan-{number}.docx", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr("word/document.xml", f"<w>{MARK}</w>" + os.urandom(9000).hex())
    (folder / "gros.bin").write_bytes(os.urandom(900_000))
    return folder


def encrypted(folder: Path) -> None:
    """What a ransomware leaves: every file replaced by bytes without order, with a suffix of its own."""
    for path in [one for one in folder.rglob("*") if one.is_file()]:
        path.with_name(path.name + ".tilleul").write_bytes(os.urandom(max(9000, path.stat().st_size)))
        path.unlink()


def restic(root: Path, depot: str, *words: str) -> str:
    return run(["restic", "-r", str(root / depot), "--no-cache", "-q", *words], root, **RESTIC)


def save(root: Path, depot: str, folder: str, hours: float, host: str = "srv-dui") -> None:
    at = (now() - timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S")
    restic(root, depot, "backup", "--host", host, "--time", at, folder)


def borg(root: Path, depot: str, name: str, folder: str, hours: float) -> None:
    at = (now() - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S")
    run(["borg", "create", "--timestamp", at, f"{root / depot}::{name}", folder], root, **BORG)


def killed(root: Path, command: list[str], lock: Path, **environment: str) -> None:
    """Start a backup that reads a pipe, and kill it once its lock is there."""
    child = subprocess.Popen(
        command,
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(root), "LC_ALL": "C.UTF-8", **environment},
    )
    for _ in range(1200):
        if lock.is_dir() and any(lock.iterdir()):
            break
        assert child.poll() is None, "the backup ended before its lock was seen"
        time.sleep(0.05)
    else:
        raise AssertionError("no lock was made")
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert child.stdin is not None
    child.stdin.close()


def restic_depots(root: Path) -> None:
    corpus(root / "live")
    shutil.copytree(root / "live", root / "apres")
    encrypted(root / "apres")
    (root / "vide").mkdir()
    restic(root, "sain", "init")
    save(root, "sain", "live", 6)
    for name in ("octet", "paquet", "chiffre"):
        shutil.copytree(root / "sain", root / name)
    save(root, "sain", "live", 2)
    (root / "x").mkdir()
    (root / "apres").rename(root / "x" / "live")
    at = (now() - timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S")
    words = ["restic", "-r", str(root / "chiffre"), "--no-cache", "-q", "backup", "--host", "srv-dui", "--time", at]
    run([*words, "live"], root / "x", **RESTIC)
    restic(root, "delaisse", "init")
    save(root, "delaisse", "live", 61 * 24, "srv-paie")
    save(root, "delaisse", "vide", 2, "srv-vide")
    for name in ("octet", "paquet"):
        largest = max((p for p in (root / name / "data").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
        if name == "octet":
            flip(largest, largest.stat().st_size // 2)
        else:
            largest.parent.chmod(0o700)
            largest.unlink()
    depot = root / "delaisse"
    command = ["restic", "-r", str(depot), "--no-cache", "-q", "backup", "--host", "srv-paie", "--stdin"]
    killed(root, command, depot / "locks", **RESTIC)


def borg_depots(root: Path) -> None:
    run(["borg", "init", "-e", "repokey", str(root / "borg-sain")], root, **BORG)
    borg(root, "borg-sain", "un", "live", 6)
    depot = root / "borg-abime"
    shutil.copytree(root / "borg-sain", depot)
    largest = max((p for p in (depot / "data").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    flip(largest, largest.stat().st_size // 2)
    moved = {**BORG, "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes"}
    killed(root, ["borg", "create", f"{depot}::trois", "-"], depot / "lock.exclusive", **moved)


def folders(root: Path) -> None:
    veeam_folder.healthy(root / "vbm")
    windows.image(root / "wib")
    windows.image(root / "wib-vide", content=b"")


@contextmanager
def house(root: Path) -> Iterator[Path]:
    """The profile of the house; its servers answer as long as the context is open."""
    restic_depots(root)
    borg_depots(root)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for fake in FAKES:
            patch.setattr(fake, "NOW", now())
        folders(root)
        bucket = stack.enter_context(s3.serving())
        governed, strict = (
            bucket.bucket(lock=True, default=("GOVERNANCE", 30)),
            bucket.bucket(lock=True, default=("COMPLIANCE", 30)),
        )
        for name in (governed, strict):
            bucket.put(name, f"dui/dui_{now():%Y-%m-%d}.dump.gpg", os.urandom(5000))
        proxmox, server = pbs.Pbs(), veeam.Veeam()
        proxmox.snapshots[""].append(pbs.snapshot("103", name="paie", state="failed", hours=9))
        server.lists["/api/v1/restorePoints"].append(veeam.point("compta", "b-1", malware="Infected", hours=9))
        for number, fake in enumerate((proxmox, server)):
            place = root / f"tls{number}"
            place.mkdir()
            stack.enter_context(tls.serving(fake, place))
        profile = root / "site.toml"
        profile.write_text(_profile(root, bucket, governed, strict, proxmox, server), "utf-8")
        yield profile


def _profile(root: Path, bucket: s3.Store, governed: str, strict: str, proxmox: pbs.Pbs, server: veeam.Veeam) -> str:
    today = now().date()
    head = f"""
[structure]
name = "EHPAD Les Tilleuls"
[mandate]
authorised_by = "Isabelle Lambert"
signed_on = {today - timedelta(days=2)}
valid_from = {today - timedelta(days=1)}
valid_to = {today + timedelta(days=2)}
emergency_contact = "astreinte technique, poste 12"
networks = ["127.0.0.0/8"]
restore_tests = [{", ".join(f'"{name}"' for name in RESTORED)}]
[backup]
production_places = ["Local technique"]
[backup.restore]
seed = 7
max_files = 20
max_timing_files = 0
[[backup.system]]
label = "Dossier de l'usager"
kind = "care_records"
sources = ["srv-dui"]
rpo_hours = 24
[[backup.system]]
label = "Paie"
sources = ["srv-paie"]
rpo_hours = 24
"""
    disk = {"medium": "nas", "place": "Bâtiment B", "check_percent": 0}
    key = {"password_from": "env:CLE"}
    found: list[tuple[str, str, Mapping[str, Any]]] = [
        (name, "restic", {"location": root / name, **key, **disk})
        for name in ("sain", "octet", "paquet", "chiffre", "delaisse")
    ]
    found.append(("fausse-cle", "restic", {"location": root / "sain", "password_from": "env:FAUSSE", **disk}))
    found += [(name, "borg", {"location": root / name, **key, **disk}) for name in ("borg-sain", "borg-abime")]
    found.append(("borg-fausse-cle", "borg", {"location": root / "borg-sain", "password_from": "env:FAUSSE", **disk}))
    found.append(("vbm", "veeam_files", {"location": root / "vbm"}))
    found += [(name, "windows_backup", {"location": root / name}) for name in ("wib", "wib-vide")]
    base = f"s3:http://127.0.0.1:{bucket.port}"
    s3_key = {"access_id": s3.ACCESS, "storage_secret_from": "env:S3"}
    found += [
        (label, "s3", {"location": f"{base}/{name}", **s3_key})
        for label, name in (("gouvernance", governed), ("conformite", strict))
    ]
    user: Mapping[str, Any] = {"user": pbs.TOKEN, "password_from": "env:PBS", "datastore": "depot"}
    found.append(("pbs", "pbs", {"location": "https://127.0.0.1", **user, **_tls(proxmox)}))
    found.append(
        (
            "veeam",
            "veeam",
            {"location": "127.0.0.1", "user": veeam.USER, "password_from": "env:VEEAM", **_tls(server)},
        )
    )
    return head + "\n".join(_table(label, technology, more) for label, technology, more in found)


def _tls(fake: tls.Fake) -> Mapping[str, Any]:
    return {"port": fake.port, "fingerprint": fake.fingerprint}


def _table(label: str, technology: str, more: Mapping[str, Any]) -> str:
    rows = [f"{key} = {value if isinstance(value, int) else _quoted(str(value))}" for key, value in more.items()]
    return "\n".join(["[[backup.repository]]", f'label = "{label}"', f'technology = "{technology}"', *rows, ""])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def audit(profile: Path, *words: str, scratch_root: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does, in the real worker."""
    return subprocess.run(
        [sys.executable, "-m", "agent", "run", str(profile), "-o", str(profile.parent / "audits"), "--only", "backup",
         "--restore-sample", "--no-prompt", "--quiet", *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **SECRETS, "TMPDIR": str(scratch_root or tempfile.gettempdir())},
    )  # fmt: skip
