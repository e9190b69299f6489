"""The spine from outside: the command line, on a third-party domain that can be told to misbehave."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from agent import journal, supervisor
from agent.mandate import MandateGuard
from agent.profile import Limits, Mandate
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
        ("fork", "", "error"),
        ("import", "", "unsupported"),
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


def test_hostile_output_of_a_worker_is_bounded_and_cleaned(place):
    done = ausculte(place, "run", acme.profile(place, acme='behaviour = "flood"'), "-o", place)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr) < 2000
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_worker_and_resumes_to_a_whole_result(place, number):
    marker = place / "marker"
    path = acme.profile(place, acme=f'behaviour = "hang_once"\nmarker = {json.dumps(str(marker))}')
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "run", str(path), "-o", str(place)],
        env=environment(place), cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(marker)
    busy = ausculte(place, "run", path, "-o", place, "--resume")
    assert busy.returncode == 2
    assert "en cours" in busy.stderr
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "--resume" in said
    folder = only_run(place)
    assert not list((folder / "facts").iterdir())
    assert not [p for p in folder.rglob("*") if p.name.endswith(".part")]
    assert ausculte(place, "run", path, "-o", place, "--resume").returncode == 0
    assert acme_outcomes(only_run(place))["ACME-A-001"]["verdict"] == "pass"


def wait_for(path):
    deadline = time.monotonic() + 20
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert path.exists()


def test_the_end_of_the_hours_stops_a_running_collection(tmp_path):
    """The clock leaves the mandate while the worker holds a connection open: nothing else would stop it."""
    now = dt.datetime.now(dt.UTC)
    clock = iter([now, now, now + dt.timedelta(days=9)])
    mandate = Mandate(
        authorised_by="x", signed_on=now.date(), valid_from=now.date() - dt.timedelta(days=1),
        valid_to=now.date() + dt.timedelta(days=1), emergency_contact="x",
    )  # fmt: skip
    watch = supervisor._Watch(Limits(), MandateGuard(mandate), lambda: next(clock), threading.Event())
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    watch.run(process)
    assert process.wait(10) == -signal.SIGKILL
    assert watch.gap.reason == "refused"
    assert "valable" in watch.gap.detail


def test_what_is_written_is_for_the_auditor_only(place):
    ausculte(place, "run", acme.profile(place), "-o", place / "audits", umask=0o022)
    folder = only_run(place / "audits")
    modes = {p.relative_to(folder).as_posix(): p.stat().st_mode & 0o077 for p in [folder, *folder.rglob("*")]}
    assert set(modes.values()) == {0}, modes


def test_a_code_folder_where_the_person_stands_is_not_imported_by_workers(place):
    trap = place / "trap"
    for name in ("agent", "checks"):
        (trap / name).mkdir(parents=True)
        (trap / name / "__init__.py").write_text("raise SystemExit('trapped')")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "agent", "run", str(acme.profile(place)), "-o", str(place)],
        capture_output=True, text=True, timeout=60, env=environment(place), cwd=trap, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_exit_code_survives_a_reader_that_leaves(place):
    path = acme.profile(place, acme='behaviour = "unreachable"')
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "run", str(path), "-o", str(place), "--json", "--quiet"],
        env=environment(place), cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 3
    assert said == b""


def test_facts_of_a_newer_version_are_unsupported_not_guessed(place):
    ausculte(place, "run", acme.profile(place), "-o", place)
    facts = only_run(place) / "facts" / "acme.json"
    facts.write_text(facts.read_text("utf-8").replace('"facts_version":1', '"facts_version":2'), "utf-8")
    done = ausculte(place, "evaluate", only_run(place), "--json")
    outcomes = [o for o in json.loads(done.stdout)["outcomes"] if o["domain"] == "acme"]
    assert {o["reason"] for o in outcomes} == {"unsupported"}


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 200_000, b"\xff" * 50, b'{"schema":"ausculte/facts"}'])
def test_facts_that_cannot_be_read_are_missing_never_conform(place, content):
    ausculte(place, "run", acme.profile(place), "-o", place)
    (only_run(place) / "facts" / "acme.json").write_bytes(content)
    done = ausculte(place, "evaluate", only_run(place), "--json")
    outcomes = [o for o in json.loads(done.stdout)["outcomes"] if o["domain"] == "acme"]
    assert {(o["verdict"], o["reason"]) for o in outcomes} == {("not_assessed", "error")}


@pytest.mark.parametrize("change", ["added", "verdict", "profile", "journal"])
def test_verify_finds_every_kind_of_change(place, change):
    ausculte(place, "run", acme.profile(place), "-o", place)
    folder = only_run(place)
    if change == "added":
        (folder / "facts" / "ad.json").write_bytes((folder / "facts" / "acme.json").read_bytes())
    elif change == "verdict":
        text = folder.joinpath("run.json").read_text("utf-8")
        assert "Le compteur est pair." in text
        folder.joinpath("run.json").write_text(text.replace("Le compteur est pair.", "Tout va bien."), "utf-8")
    elif change == "profile":
        folder.joinpath("site.toml").write_text("schema = 1\n", "utf-8")
    else:
        journal.Journal(folder / "journal.jsonl", "ad", lambda: dt.datetime.now(dt.UTC)).append("permit", "10.0.0.1")
    done = ausculte(place, "verify", folder)
    assert done.returncode == 3, done.stdout
    assert "ALTÉRÉ" in done.stdout


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('id = "acme"', 'id = "../acme"'),
        ('id = "acme"', 'id = "mandate"'),
        ('id = "acme"', 'id = "ad"'),
        ('facts = "rooms:AcmeFacts"', 'facts = "rooms"'),
        ('severity = "high"', 'severity = "awful"'),
        ('id = "ACME-A-002"', 'id = "ACME-A-001"'),
        ('title = "Acme"', "title = "),
        ('config = "rooms:AcmeConfig"', 'config = "nowhere:AcmeConfig"'),
    ],
)
def test_a_malformed_third_party_catalogue_is_a_sentence(place, old, new):
    path = acme.profile(place)
    catalogue = place / "site" / "acme_checks" / "catalogue.toml"
    text = catalogue.read_text("utf-8")
    assert old in text
    catalogue.write_text(text.replace(old, new), "utf-8")
    done = ausculte(place, "run", path, "-o", place)
    assert done.returncode == 2
    assert "catalogue de contrôles incorrect" in done.stderr
    assert "acme" in done.stderr.casefold() or "ad" in done.stderr


def test_a_control_that_returns_no_judgement_is_an_error_outcome(place):
    rooms = place / "site" / "acme_checks" / "controls" / "parity.py"
    rooms.write_text(rooms.read_text("utf-8").replace('raise RuntimeError("secret hunter2")', "return None"), "utf-8")
    ausculte(place, "run", acme.profile(place), "-o", place)
    assert acme_outcomes(only_run(place))["ACME-A-002"]["reason"] == "error"


def test_a_domain_that_is_gone_keeps_its_recorded_verdicts_and_says_so(place):
    ausculte(place, "run", acme.profile(place), "-o", place)
    folder = only_run(place)
    (place / "site" / "acme-1.0.dist-info" / "entry_points.txt").write_text("")
    done = ausculte(place, "evaluate", folder, "--json")
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert {o["control"]: o["verdict"] for o in run["outcomes"]}["ACME-A-001"] == "pass"
    assert any("acme" in note for note in run["notes"])
    assert ausculte(place, "report", folder).returncode == 0


def test_only_the_secrets_of_the_domains_to_collect_are_asked_for(place):
    extra = '[ad]\nservers = ["127.0.0.1"]\nuser = "x"\npassword_from = "env:NOT_THERE"'
    path = acme.profile(place, extra=extra)
    assert ausculte(place, "run", path, "-o", place, "--only", "acme").returncode == 0


def test_no_worker_inherits_the_secret_of_another_domain(place):
    extra = '[ad]\nservers = ["127.0.0.1"]\nuser = "x"\npassword_from = "env:ACME_PASSWORD"'
    path = acme.profile(place, acme='behaviour = "environment"', extra=extra)
    assert ausculte(place, "run", path, "-o", place, "--only", "acme").returncode == 0
    assert json.loads((only_run(place) / "facts" / "acme.json").read_text("utf-8"))["data"] == {"number": 2}


def test_a_worker_ends_when_its_work_ends(place):
    """Not a second later: the thread that watches the parent must not hold the interpreter back."""
    done = ausculte(place, "run", acme.profile(place), "-o", place, "--json", "--quiet")
    mandate = json.loads(done.stdout)["mandate"]
    worker = subprocess.Popen(
        [sys.executable, "-m", "agent.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(place)
    )
    job = {
        "domain": "acme", "packages": ["acme_checks"], "config": {}, "secrets": {}, "resolvers": [], "memory_mib": 1024,
        "mandate": mandate,
        "facts_path": str(place / "f.json"), "journal_path": str(place / "j.jsonl"),
    }  # fmt: skip
    worker.stdin.write(json.dumps(job).encode() + b"\n")
    worker.stdin.flush()
    said = worker.stdout.read()
    silent = time.monotonic()
    assert b"finished" in said
    assert worker.wait(10) == 0
    assert time.monotonic() - silent < 0.8
    worker.stdin.close()
    worker.stdout.close()


def test_resume_keeps_finished_domains(place):
    marker = place / "marker"
    path = acme.profile(place, acme=f"marker = {json.dumps(str(marker))}")
    assert ausculte(place, "run", path, "-o", place).returncode == 0
    folder = only_run(place)
    (folder / "run.json").unlink()
    assert ausculte(place, "run", path, "-o", place, "--resume").returncode == 0
    assert marker.read_text() == "x"
    assert only_run(place) == folder


@pytest.mark.parametrize("command", ["run", "evaluate"])
def test_halves_of_files_left_by_a_killed_process_are_removed(place, command):
    path = acme.profile(place)
    assert ausculte(place, "run", path, "-o", place).returncode == 0
    folder = only_run(place)
    (folder / "run.json").unlink()
    halves = [folder / "facts" / ".acme.json.x1y2.part", folder / ".plan.xlsx.part"]
    for half in halves:
        half.write_text("{")
    argv = ["run", path, "-o", place, "--resume"] if command == "run" else ["evaluate", folder]
    assert ausculte(place, *argv).returncode == 0
    assert not any(half.exists() for half in halves)
    done = ausculte(place, "verify", folder)
    assert done.returncode == 0, done.stdout


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
