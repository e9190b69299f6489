from __future__ import annotations

import os
import subprocess
import sys

import pytest

from checks.common.traceless import traceless

DISSECT = "from checks.wifi.capture.dissect import dissect; print(dissect(b'\\x80' + bytes(60)))"


def home_after(folder, code, *, shell):
    """What a program leaves in a new home."""
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "HOME": str(folder), "SHELL": shell},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, sorted(path.name for path in folder.rglob("*"))


def test_scapy_leaves_nothing_in_the_home(tmp_path):
    pytest.importorskip("scapy", reason="scapy is optional")
    said, left = home_after(tmp_path / "home", DISSECT, shell="/bin/bash")
    assert said.startswith("scapy : ")
    assert left == []


def test_the_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    seen = {}

    def inside():
        with traceless():
            seen.update(os.environ)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        inside()
    assert seen["XDG_CACHE_HOME"].startswith(os.devnull)
    assert seen["XDG_CONFIG_HOME"].startswith(os.devnull)
    assert os.environ["XDG_CACHE_HOME"] == "/somewhere"
    assert "XDG_CONFIG_HOME" not in os.environ
