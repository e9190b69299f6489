"""The spine from outside: the command line, on a third-party domain that can be told to misbehave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.agent import acme


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "un dossier avec espaces"
    folder.mkdir()
    acme.install(folder / "site")
    return folder


def environment(place):
    return {**os.environ, "PYTHONPATH": str(place / "site"), "ACME_PASSWORD": "hunter2"}


def ausculte(place, *words, **options):
    return subprocess.run(
        [sys.executable, "-m", "agent", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(place),
        cwd=place,
        check=False,
        **options,
    )


def only_run(place):
    (folder,) = place.glob("run-*")
    return folder


def acme_outcomes(folder):
    run = json.loads((folder / "run.json").read_text("utf-8"))
    return {o["control"]: o for o in run["outcomes"] if o["domain"] == "acme"}


def test_whole_run_writes_everything_and_exits_zero(place):
    path = acme.profile(place, acme='behaviour = "print"')
    done = ausculte(place, "run", path, "-o", place)
    assert done.returncode == 0, done.stderr
    folder = only_run(place)
    assert folder.name.startswith("run-ehpad-les-tilleuls-")
    for name in ("run.json", "report.html", "plan.xlsx", "journal.jsonl", "facts/acme.json", "site.toml"):
        assert (folder / name).stat().st_size > 0, name
    assert not list(folder.rglob("*.part"))
    outcomes = acme_outcomes(folder)
    assert outcomes["ACME-A-001"]["verdict"] == "pass"
    assert "noise" not in done.stdout
    verified = ausculte(place, "verify", folder)
    assert verified.returncode == 0, verified.stdout


def test_a_control_that_crashes_is_an_outcome_without_its_message(place):
    ausculte(place, "run", acme.profile(place), "-o", place)
    crashed = acme_outcomes(only_run(place))["ACME-A-002"]
    assert (crashed["verdict"], crashed["reason"]) == ("not_assessed", "error")
    assert "hunter2" not in json.dumps(crashed)


@pytest.mark.parametrize(
    ("behaviour", "extra", "reason"),
    [
        ("unreachable", "", "unreachable"),
        ("hang", "[limits]\ndomain_seconds = 2", "timeout"),
        ("memory", "[limits]\nmemory_mib = 1024", "error"),
        ("segv", "", "error"),
        ("raise", "", "error"),
        ("elsewhere", "", "refused"),
    ],
)
def test_a_domain_that_fails_is_not_assessed_and_exit_is_three(place, behaviour, extra, reason):
    path = acme.profile(place, acme=f'behaviour = "{behaviour}"\npassword_from = "env:ACME_PASSWORD"', extra=extra)
    done = ausculte(place, "run", path, "-o", place)
    assert done.returncode == 3, done.stderr
    folder = only_run(place)
    assert {(o["verdict"], o["reason"]) for o in acme_outcomes(folder).values()} == {("not_assessed", reason)}
    everything = (
        b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file()) + done.stderr.encode() + done.stdout.encode()
    )
    assert b"hunter2" not in everything


def test_domains_that_were_not_asked_are_not_configured_and_do_not_change_the_exit_code(place):
    done = ausculte(place, "run", acme.profile(place), "-o", place, "--json")
    assert done.returncode == 0
    others = [o for o in json.loads(done.stdout)["outcomes"] if o["domain"] != "acme"]
    assert others
    assert {o["reason"] for o in others} == {"not_configured"}


def test_worker_does_not_inherit_the_variable_that_holds_the_secret(place):
    path = acme.profile(place, acme='behaviour = "environment"\npassword_from = "env:ACME_PASSWORD"')
    ausculte(place, "run", path, "-o", place)
    facts = json.loads((only_run(place) / "facts" / "acme.json").read_text("utf-8"))
    assert facts["data"] == {"number": 2}


def test_fail_on_gives_four_only_when_the_severity_is_reached(place):
    path = acme.profile(place)
    ausculte(place, "run", path, "-o", place)
    folder = only_run(place)
    facts = folder / "facts" / "acme.json"
    facts.write_text(facts.read_text("utf-8").replace('"number":2', '"number":3'), "utf-8")
    assert ausculte(place, "verify", folder).returncode == 3
    (folder / "run.json").unlink()
    judged = ausculte(place, "evaluate", folder)
    assert acme_outcomes(folder)["ACME-A-001"]["verdict"] == "fail", judged.stderr
    fresh = place / "fresh"
    fresh.mkdir()
    assert ausculte(place, "run", path, "-o", fresh, "--fail-on", "high").returncode == 0


@pytest.mark.parametrize(
    ("acme_table", "mandate"),
    [
        ('host = "127.0.0.9"', ""),
        ('host = "dc.evil.example"', ""),
        ("", '[[mandate.excluded]]\nnetwork = "127.0.0.0/8"\nwhy = "appel malade"'),
        ("", 'hours = "00:00-00:00"'),
    ],
)
def test_target_outside_the_mandate_is_refused_with_five_before_any_secret_is_read(place, acme_table, mandate):
    if "hours" in mandate and time.strftime("%H:%M") == "00:00":
        pytest.skip("midnight is the one minute these hours allow")
    path = acme.profile(place, acme=f'{acme_table}\npassword_from = "env:NOT_THERE"', mandate=mandate)
    done = ausculte(place, "run", path, "-o", place)
    assert done.returncode == 5, done.stderr
    assert "mandat" in done.stderr
    journal = [json.loads(line) for line in (only_run(place) / "journal.jsonl").read_text("utf-8").splitlines()]
    assert [entry["action"] for entry in journal] == ["refuse"]
    assert not (only_run(place) / "run.json").exists()


def test_profile_error_and_missing_secret_are_usage_errors(place):
    path = acme.profile(place, acme="behavior = 'ok'")
    done = ausculte(place, "run", path, "-o", place)
    assert done.returncode == 2
    assert "acme.behavior" in done.stderr
    assert "ligne" in done.stderr
    path = acme.profile(place, acme="password_from = 'env:NOT_THERE'")
    done = ausculte(place, "run", path, "-o", place)
    assert done.returncode == 2
    assert "NOT_THERE" in done.stderr


@pytest.mark.parametrize("delay", [0.15, 0.6, 1.2])
def test_killed_run_resumes_to_the_same_result(place, delay):
    marker = place / "marker"
    path = acme.profile(place, acme=f'behaviour = "hang_once"\nmarker = {json.dumps(str(marker))}')
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "run", str(path), "-o", str(place)],
        env=environment(place),
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(delay)
    deadline = time.monotonic() + 20
    while delay > 1 and not marker.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    if marker.exists():
        marker.write_text("xx")
    else:
        marker.write_text("x")
    done = ausculte(place, "run", path, "-o", place, "--resume")
    assert done.returncode == 0, done.stderr
    folder = only_run(place)
    assert acme_outcomes(folder)["ACME-A-001"]["verdict"] == "pass"
    assert ausculte(place, "verify", folder).returncode == 0
    workers = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(place) not in workers


def test_resume_keeps_finished_domains(place):
    marker = place / "marker"
    path = acme.profile(place, acme=f"marker = {json.dumps(str(marker))}")
    assert ausculte(place, "run", path, "-o", place).returncode == 0
    folder = only_run(place)
    (folder / "run.json").unlink()
    assert ausculte(place, "run", path, "-o", place, "--resume").returncode == 0
    assert marker.read_text() == "x"
    assert only_run(place) == folder


def test_compare_and_rerun(place):
    path = acme.profile(place)
    ausculte(place, "run", path, "-o", place)
    first = only_run(place)
    second = place / "six mois"
    done = ausculte(place, "rerun", first, "-o", second)
    assert done.returncode == 0, done.stderr
    facts = first / "facts" / "acme.json"
    facts.write_text(facts.read_text("utf-8").replace('"number":2', '"number":3'), "utf-8")
    compared = ausculte(place, "compare", first, second, "--json")
    assert compared.returncode == 0, compared.stderr
    findings = {f["control"]: f["change"] for f in json.loads(compared.stdout)["findings"]}
    assert findings["ACME-A-001"] == "corrected"
    page = ausculte(place, "compare", first, second)
    assert page.returncode == 0
    assert (only_run(second) / "comparison.html").stat().st_size > 1000
