"""The answer key: a whole audit of the laboratory gives exactly the verdicts that were reasoned from its seeds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lab import runner

pytestmark = pytest.mark.lab

EXPECTED = Path(__file__).parents[2] / "lab" / "expected"


def audit(info, folder: Path, *words: str) -> Path:
    """Audit the laboratory with the command line; returns the run folder."""
    profile = info.site_profile(folder / "site.toml")
    from_a_room(info, profile)
    argv = runner.exec_argv(
        info.name,
        [sys.executable, "-m", "agent", "run", str(profile), "-o", str(folder), "--restore-sample", "--quiet", *words],
    )
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **runner.audit_environment(info)},
    )
    assert done.returncode == 0, done.stderr
    (run,) = folder.glob("run-*")
    return run


def from_a_room(info, profile: Path) -> None:
    """Collect Wi-Fi from the network of the residents, where the profile will look for it."""
    argv = [sys.executable, "-m", "agent", "collect", str(profile), "--only", "wifi", "--quiet"]
    done = subprocess.run(
        runner.exec_argv(info.name, [*argv, "-o", str(runner.room_folder(profile))], "tablette"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def found_run(running_lab, tmp_path_factory):
    return audit(running_lab, tmp_path_factory.mktemp("found"))


@pytest.fixture(scope="session")
def later_run(later_lab, found_run, tmp_path_factory):
    return audit(later_lab, tmp_path_factory.mktemp("later"), "--against", str(found_run))


def outcomes(run: Path):
    found = json.loads((run / "run.json").read_text("utf-8"))["outcomes"]
    rows = {(o["control"], o["subject"]): o for o in found}
    assert len(rows) == len(found)
    return rows


def expectations(state: str):
    rows = tomllib.loads((EXPECTED / f"{state}.toml").read_text("utf-8"))["expect"]
    return {(row["control"], row["subject"]): row for row in rows}


@pytest.mark.parametrize("state", ["as_found", "six_months"])
def test_every_verdict_is_the_expected_one_and_nothing_is_silent(request, state):
    run = request.getfixturevalue("found_run" if state == "as_found" else "later_run")
    got, wanted = outcomes(run), expectations(state)
    assert got.keys() == wanted.keys()
    differences = []
    for key, row in wanted.items():
        outcome = got[key]
        if outcome["verdict"] != row["verdict"]:
            differences.append(f"{key}: expected {row['verdict']}, got {outcome['verdict']}: {outcome['message']}")
        elif row.get("reason") and row["verdict"] == "not_assessed" and outcome["reason"] != row["reason"]:
            differences.append(f"{key}: expected reason {row['reason']}, got {outcome['reason']}")
        if "affected" in row:
            labels = {item["label"] for item in outcome.get("affected", [])}
            if labels != set(row["affected"]):
                differences.append(f"{key}: expected {sorted(row['affected'])}, got {sorted(labels)}")
    assert not differences, "\n".join(differences)


def test_failures_carry_evidence_that_a_reviewer_can_verify(found_run):
    failures = [o for o in outcomes(found_run).values() if o["verdict"] == "fail"]
    assert len(failures) > 100
    for outcome in failures:
        assert outcome.get("evidence"), outcome["control"]
        for item in outcome["evidence"]:
            assert item["source"], outcome["control"]
            assert item["time"], outcome["control"]


def test_comparison_on_real_servers(found_run, later_run):
    done = subprocess.run(
        [sys.executable, "-m", "agent", "compare", str(found_run), str(later_run), "--json"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = {(f["control"], f["subject"]): f["change"] for f in json.loads(done.stdout)["findings"]}
    before, after = expectations("as_found"), expectations("six_months")
    for key in before.keys() & after.keys():
        pair = (before[key]["verdict"], after[key]["verdict"])
        if pair == ("fail", "pass"):
            assert found[key] == "corrected", key
        elif pair == ("fail", "fail"):
            assert found[key] == "persistent", key
        elif pair == ("pass", "fail"):
            assert found[key] == "new", key
        elif pair[1] == "not_assessed" and pair[0] != "not_assessed":
            assert found[key] == "no_longer_assessed", key
    changes = list(found.values())
    assert changes.count("corrected") >= 5
    assert changes.count("persistent") >= 5
    assert "new" in changes


def test_no_secret_is_written_anywhere(running_lab, found_run):
    secret = running_lab.audit_password.encode()
    assert len(secret) > 8
    for path in found_run.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path
