"""What goes wrong with backups, from the real product to the verdict: one audit by the command line, in its worker."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.backup import cases

pytestmark = [
    pytest.mark.skipif(
        not (shutil.which("restic") and shutil.which("borg")), reason="restic or borg is not installed on this machine"
    ),
    pytest.mark.lab,
]
HERE = "machine"
"""Stands for the name of this machine, that borg writes in its archives."""
TABLE = [
    # the repositories where nothing is wrong
    ("sain", "BKP-COV-009", "pass", None),
    ("sain", "BKP-INT-001", "pass", None),
    ("sain", "BKP-RES-006", "pass", None),
    ("sain / srv-dui", "BKP-RST-002", "pass", None),
    ("sain / srv-dui", "BKP-RAN-001", "pass", None),
    (f"borg-sain / {HERE}", "BKP-RST-002", "pass", None),
    ("borg-sain", "BKP-RES-006", "pass", None),
    # a byte flipped in the data: the product's own check sees nothing, the restore does
    ("octet", "BKP-INT-001", "pass", None),
    ("octet", "BKP-INT-003", "fail", "low"),
    ("octet / srv-dui", "BKP-RST-002", "fail", "critical"),
    (f"borg-abime / {HERE}", "BKP-RST-002", "fail", "critical"),
    # a pack that is gone
    ("paquet", "BKP-INT-001", "fail", "critical"),
    # a backup that was killed
    ("delaisse", "BKP-RES-006", "fail", "medium"),
    ("borg-abime", "BKP-RES-006", "fail", "medium"),
    # the wrong key is never an absent backup
    ("fausse-cle", "BKP-COV-009", "not_assessed", "refused"),
    ("fausse-cle", "BKP-RES-006", "not_assessed", "refused"),
    ("borg-fausse-cle", "BKP-COV-009", "not_assessed", "refused"),
    ("Paie", "BKP-FRS-001", "not_assessed", "refused"),
    # a success that holds nothing, a last good point two months old
    ("delaisse", "BKP-RES-001", "fail", "critical"),
    ("delaisse", "BKP-FRS-003", "fail", "critical"),
    ("wib-vide", "BKP-RES-001", "fail", "critical"),
    # files encrypted by an intruder, saved as usual
    ("chiffre / srv-dui", "BKP-RAN-001", "fail", "critical"),
    ("chiffre / srv-dui", "BKP-RST-002", "fail", "critical"),
    # a lock that a privileged key lifts, and one that nobody does
    ("gouvernance", "BKP-IMM-002", "fail", "low"),
    ("conformite", "BKP-IMM-002", "pass", None),
    ("conformite", "BKP-IMM-003", "pass", None),
    ("site", "BKP-IMM-001", "pass", None),
    # what Veeam and Windows leave on a share
    ("vbm", "BKP-COV-009", "pass", None),
    ("vbm", "BKP-INT-001", "pass", None),
    ("wib", "BKP-COV-009", "pass", None),
    ("wib", "BKP-RES-001", "pass", None),
    # the consoles
    ("pbs", "BKP-COV-009", "pass", None),
    ("pbs", "BKP-INT-001", "fail", "critical"),
    ("pbs", "BKP-ACC-001", "pass", None),
    ("veeam", "BKP-COV-009", "pass", None),
    ("veeam", "BKP-ACC-001", "fail", "critical"),
    ("veeam", "BKP-CFG-001", "fail", "medium"),
    ("veeam", "BKP-RAN-003", "fail", "critical"),
    # nothing restored stays
    ("site", "BKP-RST-006", "pass", None),
]


class Audited:
    """The folder of the audit, and where it restored."""

    def __init__(self, run: Path, scratch: Path) -> None:
        self.run, self.scratch = run, scratch
        outcomes = json.loads((run / "run.json").read_text("utf-8"))["outcomes"]
        self.outcomes: dict[tuple[str, str], dict[str, Any]] = {
            (one["subject"], one["control"]): one for one in outcomes
        }


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    root = tmp_path_factory.mktemp("cas")
    scratch = root / "scratch"
    scratch.mkdir()
    with cases.house(root) as profile:
        done = cases.audit(profile, scratch_root=scratch)
    assert done.returncode == 0, done.stderr
    (run,) = (root / "audits").glob("run-*")
    return Audited(run, scratch)


@pytest.mark.parametrize(("subject", "control", "verdict", "more"), TABLE)
def test_case(audited: Audited, subject: str, control: str, verdict: str, more: str | None) -> None:
    subject = subject.replace(HERE, cases.machine())
    found = audited.outcomes[subject, control]
    assert found["verdict"] == verdict, found["message"]
    assert found.get("reason" if verdict == "not_assessed" else "severity") == more or verdict == "pass"


def test_nothing_restored_is_left_and_no_name_nor_secret_leaves(audited: Audited) -> None:
    assert list(audited.scratch.iterdir()) == []
    for path in audited.run.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert cases.MARK.encode() not in content, path.name
            for secret in set(cases.SECRETS.values()):
                assert secret.encode() not in content, path.name
