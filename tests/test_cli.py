"""Commands that need neither profile nor network."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from checks.catalogue import load_catalogue


def ausculte(*words, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "agent", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
    )


def test_controls_list_json_has_every_control_with_its_references():
    rows = json.loads(ausculte("controls", "list", "--json").stdout)
    catalogue = load_catalogue()
    assert {row["id"] for row in rows} == {control.id for _, control in catalogue.controls()}
    assert {tuple(row) for row in rows} == {("id", "version", "domain", "title", "severity", "measure", "references")}
    by_id = {row["id"]: row for row in rows}
    assert "anssi-ad:vuln_krbtgt" in by_id["AD-KRB-001"]["references"]
    assert all(":" in reference for row in rows for reference in row["references"])


def test_controls_list_of_one_domain_and_show():
    only = ausculte("controls", "list", "--domain", "messaging").stdout
    assert "MAIL-SPF-003" in only
    assert "AD-" not in only
    shown = ausculte("controls", "show", "AD-KRB-001").stdout
    assert "krbtgt" in shown
    assert "1. " in shown
    assert ausculte("controls", "show", "AD-NOPE-001").returncode == 2


def test_doctor_says_what_to_do_for_everything_that_is_missing(tmp_path):
    done = ausculte("doctor", "-o", tmp_path, "--json")
    findings = json.loads(done.stdout)
    assert {f["what"] for f in findings} >= {"Python", "Horloge", "Disque", "DNS", "nmap", "Capture réseau"}
    assert all(f.get("fix") for f in findings if f["level"] != "ok")
    assert done.returncode == (3 if any(f["level"] == "blocking" for f in findings) else 0)


def test_init_without_prompt_writes_a_profile_and_does_not_overwrite_it(tmp_path):
    words = ["init", "--no-prompt", "-o", tmp_path / "site.toml", "--name", "EHPAD Les Tilleuls", "--authorised-by", "Mme Durand",
             "--ad-server", "dc1.tilleuls.test", "--ad-user", "audit@tilleuls.test", "--mail-domains", "tilleuls.test"]  # fmt: skip
    done = ausculte(*words)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "site.toml").read_text("utf-8")
    assert "[ad]" in text
    assert "[messaging]" in text
    assert ausculte(*words).returncode == 2
    refused = ausculte(
        "init",
        "--no-prompt",
        "-o",
        tmp_path / "bad.toml",
        "--name",
        "X",
        "--authorised-by",
        "Y",
        "--networks",
        "10.0.0",
    )
    assert refused.returncode == 2
    assert "mandate.networks[0]" in refused.stderr
    assert not (tmp_path / "bad.toml").exists()


def test_check_refuses_an_online_target_without_authorisation():
    done = ausculte("check", "ad", "ldaps://dc1.tilleuls.test", "--user", "x", "--password-env", "NOPE")
    assert done.returncode == 2
    assert "--authorised" in done.stderr


def test_check_names_unknown_domains():
    done = ausculte("check", "nope", "x")
    assert done.returncode == 2
    assert "messaging" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["check", "messaging", "tilleuls.test", "--timeout", "0"],
        ["check", "messaging", "tilleuls.test", "--resolver", "ici"],
        ["check", "messaging", "tilleuls.test", "--authorised", "--also", "10.0.0.0/99"],
        ["check", "messaging", "\x1b[2J", "--resolver", "127.0.0.1"],
        ["check", "ad", "ldaps://dc1", "--authorised", "--password-env", "p@ss"],
        ["compare", "nowhere", "nowhere"],
        ["verify", "nowhere"],
        ["evaluate", "/dev/null"],
        ["run", "/dev/null", "-o", "/dev/null/x"],
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_a_usage_error(words, tmp_path):
    done = ausculte(*words, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "interne" not in done.stderr
    assert "\x1b" not in done.stderr
    assert "p@ss" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words", [["--help"], ["controls", "list"], ["controls", "list", "--json"], ["run"], ["doctor"]]
)
def test_a_terminal_without_accents_is_no_reason_to_stop(words):
    done = subprocess.run(
        [sys.executable, "-m", "agent", *words],
        capture_output=True, timeout=60, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode in (0, 2, 3), done.stderr
    if "--json" in words:
        assert "\u00e9" in str(json.loads(done.stdout.decode("utf-8")))


@pytest.mark.parametrize("place", ["/dev/null", "/proc/1/fd/x", "nowhere/deep"])
def test_doctor_never_fails_on_the_folder_it_is_given(place, tmp_path):
    done = ausculte("doctor", "-o", place, "--json", cwd=tmp_path)
    assert done.returncode in (0, 3), done.stderr
    assert len(json.loads(done.stdout)) == 8
