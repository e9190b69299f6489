"""The main job on real servers: what the agent does when the site resists. Needs the laboratory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import runner

pytestmark = pytest.mark.lab

# What leaves the auditor, less the router solicitations that the kernel sends by itself.
FILTER = "ip or arp or (ip6 and not icmp6)"
AGENT = [sys.executable, "-m", "agent"]


def environment(info, **changes):
    return {**os.environ, **runner.audit_environment(info), **changes}


def ausculte(info, *words, **changes):
    """Run the command line from the auditor's place in the laboratory."""
    argv = runner.exec_argv(info.name, [*AGENT, *map(str, words)])
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=180, env=environment(info, **changes), check=False
    )


def outcomes(parent: Path):
    (path,) = parent.glob("run-*/run.json")
    return json.loads(path.read_text("utf-8"))["outcomes"]


def verdicts(parent: Path):
    return sorted((o["control"], o["subject"], o["verdict"], o.get("reason", "")) for o in outcomes(parent))


@pytest.fixture
def profile(running_lab, tmp_path):
    return running_lab.site_profile(tmp_path / "site.toml", ["tilleuls.test", "sain.test"])


def test_directory_switched_off_is_unreachable_and_mail_is_complete(running_lab, profile, tmp_path):
    runner.stop_host(running_lab.name, "dc")
    try:
        done = ausculte(running_lab, "run", profile, "-o", tmp_path)
    finally:
        runner.start_host(running_lab.name, "dc")
    assert done.returncode == 3, done.stderr
    found = outcomes(tmp_path)
    assert {(o["verdict"], o["reason"]) for o in found if o["domain"] == "ad"} == {("not_assessed", "unreachable")}
    mail = [o for o in found if o["domain"] == "messaging"]
    assert {o["subject"] for o in mail} == {"tilleuls.test", "sain.test"}
    assert {o["verdict"] for o in mail} >= {"pass", "fail"}
    assert not [o for o in mail if o.get("reason") in ("unreachable", "timeout", "error")]


def test_wrong_password_is_tried_once_and_refused(later_lab, tmp_path):
    # Six months later the domain has a lockout policy, and with it a counter of wrong passwords.
    running_lab, profile = later_lab, later_lab.site_profile(tmp_path / "site.toml", ["tilleuls.test"])
    before = bad_passwords(running_lab)
    done = ausculte(running_lab, "run", profile, "-o", tmp_path, "--only", "ad", AUSCULTE_AD_PASSWORD="pas-le-bon")
    assert done.returncode == 3, done.stderr
    found = [o for o in outcomes(tmp_path) if o["domain"] == "ad"]
    assert {(o["verdict"], o["reason"]) for o in found} == {("not_assessed", "refused")}
    assert bad_passwords(running_lab) == before + 1
    assert "pas-le-bon" not in done.stderr + done.stdout
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"pas-le-bon" in p.read_bytes()]


def bad_passwords(info) -> int:
    """badPwdCount of the audit account, read in the database file: a logon to read it would reset it."""
    sam = Path(info.root) / "state" / "dc" / "private" / "sam.ldb"
    done = subprocess.run(
        ["ldbsearch", "-H", f"tdb://{sam}", "(sAMAccountName=audit-ausculte)", "badPwdCount"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("badPwdCount:")]
    return int(lines[0].split()[1]) if lines else 0


@pytest.mark.parametrize("moment", ["run-*/journal.jsonl", "run-*/facts/*.json"])
def test_killed_in_mid_collection_then_resumed_gives_the_uninterrupted_result(running_lab, profile, tmp_path, moment):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert ausculte(running_lab, "run", profile, "-o", whole).returncode == 0
    argv = runner.exec_argv(running_lab.name, [*AGENT, "run", str(profile), "-o", str(cut)])
    process = subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(running_lab), start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list(cut.glob(moment)) and time.monotonic() < deadline:  # the workers started; one of them finished
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)
    assert list(cut.glob(moment))
    assert not list(cut.glob("run-*/report.html"))
    done = ausculte(running_lab, "run", profile, "-o", cut, "--resume")
    assert done.returncode == 0, done.stderr
    assert verdicts(cut) == verdicts(whole)
    (folder,) = cut.glob("run-*")
    assert ausculte(running_lab, "verify", folder).returncode == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('servers = ["dc1.tilleuls.test"]', 'servers = ["198.51.100.1"]'),
        ('servers = ["dc1.tilleuls.test"]', 'servers = ["10.10.0.70"]'),
        ('servers = ["dc1.tilleuls.test"]', 'servers = ["dc.autre.example"]'),
        (
            'domains = ["tilleuls.test", "sain.test"]\nca_file',
            'domains = ["tilleuls.test", "sain.test", "autre.example"]\nca_file',
        ),
    ],
)
def test_target_outside_the_mandate_sends_nothing(running_lab, profile, tmp_path, old, new):
    text = profile.read_text("utf-8").replace(', "198.51.100.0/24"', "")
    assert old in text, text
    profile.write_text(text.replace(old, new), "utf-8")
    capture = tmp_path / "capture.pcap"
    sniffer = subprocess.Popen(
        runner.exec_argv(running_lab.name, ["tcpdump", "-i", "any", "-Q", "out", "-U", "-w", str(capture), FILTER]),
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert b"listening" in sniffer.stderr.readline() + sniffer.stderr.readline()
        done = ausculte(running_lab, "run", profile, "-o", tmp_path)
        time.sleep(0.5)
    finally:
        sniffer.terminate()
        rest = sniffer.communicate(timeout=20)[1]
    assert done.returncode == 5, done.stderr
    assert b"\n0 packets captured" in b"\n" + rest, rest


@pytest.mark.parametrize("lab", ["running_lab", "later_lab"])
def test_check_with_no_authority_to_trust_reads_all_and_reports_the_certificate(request, lab):
    info = request.getfixturevalue(lab)
    done = ausculte(
        info, "check", "ad", "ldaps://dc1.tilleuls.test", "--user", "audit-ausculte@tilleuls.test",
        "--password-env", "AUSCULTE_AD_PASSWORD", "--authorised", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    verdict = {o["control"]: o["verdict"] for o in document["outcomes"]}
    assert verdict["AD-NET-004"] == "fail"
    assert verdict["AD-COL-001"] == "pass"
    assert list(verdict.values()).count("not_assessed") <= 1
    assert {"control", "verdict", "reason", "severity", "affected", "references"} <= document["outcomes"][0].keys()


def test_check_of_mail_domains_asks_public_dns_only_unless_authorised(running_lab):
    quiet = json.loads(ausculte(running_lab, "check", "messaging", "sain.test", "--json").stdout)
    by_control = {o["control"]: o for o in quiet["outcomes"]}
    assert by_control["MAIL-SPF-001"]["verdict"] == "pass"
    assert (by_control["MAIL-TLS-001"]["verdict"], by_control["MAIL-TLS-001"]["reason"]) == (
        "not_assessed",
        "not_configured",
    )
    words = ["check", "messaging", "sain.test", "--json", "--authorised", "--also", "10.30.0.0/24"]
    full = json.loads(ausculte(running_lab, *words).stdout)
    assert {o["control"]: o["verdict"] for o in full["outcomes"]}["MAIL-TLS-001"] == "pass"
