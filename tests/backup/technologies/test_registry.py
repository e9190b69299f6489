"""Every technology of the profile has its module, imported when it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from checks.backup.technologies.registry import MODULES, NAMES, is_restorable, restorable, technology

PRESENT = [name for name in NAMES if find_spec(MODULES[name]) is not None]


@pytest.mark.parametrize("name", PRESENT)
def test_a_module_reads_and_says_truly_whether_it_restores(name):
    module = technology(name)
    assert callable(module.read)
    gives_files = callable(getattr(module, "entries", None)) and callable(getattr(module, "restore", None))
    assert is_restorable(name) == gives_files
    assert (restorable(name) is module) == gives_files


def test_most_technologies_are_here():
    assert {"restic", "borg", "rsync", "zfs", "btrfs", "kopia", "duplicati"} <= set(PRESENT)


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError):
        technology("bandes")


def test_the_registry_imports_no_technology():
    code = "import sys, checks.backup.technologies.registry; print([m for m in sys.modules if m.endswith(('.restic', '.pbs', '.s3'))])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
