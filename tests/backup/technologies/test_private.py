"""Private folders: closed to others, gone afterwards, also after a kill."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from checks.backup.technologies.private import private_folder

HOLD = """
import sys, time
from pathlib import Path
from checks.backup.technologies.private import private_folder
with private_folder(Path(sys.argv[1])) as folder:
    (folder / "lien").symlink_to(sys.argv[2])
    print(folder, flush=True)
    time.sleep(600)
"""


def test_a_private_folder_is_closed_and_goes_away(tmp_path):
    with private_folder(tmp_path) as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        assert list(folder.iterdir()) == []
        (folder / "a").write_text("a")
    assert list(tmp_path.iterdir()) == []


def test_it_goes_away_after_a_failure_too(tmp_path):
    with pytest.raises(RuntimeError), private_folder(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_what_a_killed_process_left_is_removed_by_the_next_one_and_what_serves_is_not(tmp_path):
    outside = tmp_path / "depot"
    outside.mkdir()
    (outside / "segment").write_text("précieux")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    (temporary / "ausculte-prive-dautrui").mkdir()
    command = [sys.executable, "-c", HOLD, str(temporary), str(outside)]
    owner = subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True)
    try:
        left = Path(owner.stdout.readline().strip())
        with private_folder(temporary):
            assert left.is_dir(), "its owner still uses it"
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert left.is_dir()
        with private_folder(temporary):
            assert not left.parent.exists()
    finally:
        if owner.poll() is None:
            owner.kill()
            owner.wait()
        owner.stdout.close()
    assert (outside / "segment").read_text() == "précieux", "a link is removed, never what it leads to"
    assert [path.name for path in temporary.iterdir()] == ["ausculte-prive-dautrui"]
