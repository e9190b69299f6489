"""`--help` is instant: no heavy library is imported for it, nor for listing controls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[1])

HEAVY = (
    "scapy",
    "impacket",
    "msgraph",
    "ldap3",
    "rich",
    "dns",
    "cryptography",
    "jinja2",
    "xlsxwriter",
    "nmap",
    "asyncio",
)

PROBE = """
import sys, json, contextlib, io
from agent.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    try:
        main({words!r})
    except SystemExit:
        pass
print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})))
"""


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["controls", "list"]])
def test_no_heavy_import(words):
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(words=words)], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "argparse" in loaded
    assert not loaded & set(HEAVY[:5]), loaded & set(HEAVY)
    if words != ["controls", "list"]:
        assert not loaded & set(HEAVY), loaded & set(HEAVY)


def test_help_speaks_french_and_names_every_command():
    done = subprocess.run(
        [sys.executable, "-m", "agent", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "usage : ausculte" in done.stdout
    assert "show this help" not in done.stdout
    for command in ("init", "run", "compare", "check", "controls", "doctor", "lab", "verify"):
        assert command in done.stdout


def test_unknown_argument_is_a_french_usage_error():
    done = subprocess.run(
        [sys.executable, "-m", "agent", "compare"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "arguments obligatoires" in done.stderr


def test_without_a_profile_the_person_is_told_how_to_make_one(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "agent", "run"],
        capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ROOT},
    )  # fmt: skip
    assert done.returncode == 2
    assert "ausculte init" in done.stderr
    assert not any(tmp_path.iterdir())
