from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

import checks.common.undo
from checks.common.undo import Undo

HERE = {"PATH": os.environ["PATH"]}
SAY = [sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write(sys.argv[2])"]


def test_commands_run_at_the_end_the_last_one_first(tmp_path):
    told = []
    with Undo(HERE, told.append) as undo:
        for word in "abc":
            undo.add(*SAY, str(tmp_path / "out"), word)
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out").read_text() == "cba"
    assert undo.failures == []
    assert [command[-1] for command in told] == ["a", "b", "c"]


def test_what_is_forgotten_is_not_done(tmp_path):
    with Undo(HERE, lambda _: None) as undo:
        undo.add(*SAY, str(tmp_path / "out"), "a")
        undo.forget()
        undo.add(*SAY, str(tmp_path / "out"), "b")
    assert (tmp_path / "out").read_text() == "b"


def test_failures_are_told_and_do_not_stop_the_others(tmp_path):
    with Undo(HERE, lambda _: None) as undo:
        undo.add(*SAY, str(tmp_path / "out"), "a")
        undo.add("/nonexistent/iw", "dev")
        undo.add(sys.executable, "-c", "import sys; sys.exit('refusé')")
        undo.add(sys.executable, "-c", "raise SystemExit(7)")
    assert (tmp_path / "out").read_text() == "a"
    assert [said for _, said in undo.failures][:2] == ["code 7", "refusé"]
    assert undo.failures[2][0] == "/nonexistent/iw dev"


def test_a_refused_announcement_promises_nothing(tmp_path):
    def refuse(command):
        raise PermissionError

    with Undo(HERE, refuse) as undo, pytest.raises(PermissionError):
        undo.add(*SAY, str(tmp_path / "out"), "a")
    assert not (tmp_path / "out").exists()


def test_an_error_in_the_block_is_not_hidden(tmp_path):
    def fail():
        with Undo(HERE, lambda _: None) as undo:
            undo.add(*SAY, str(tmp_path / "out"), "a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (tmp_path / "out").read_text() == "a"


def test_a_killed_process_leaves_the_work_to_the_other(tmp_path):
    code = f"""
import os, signal
from checks.common.undo import Undo
undo = Undo({{}}, lambda _: None)
undo.add(*{SAY!r}, {str(tmp_path / "out")!r}, "a")
os.killpg(0, signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], start_new_session=True, timeout=60, check=False)
    assert done.returncode == -9
    for _ in range(1000):
        if (tmp_path / "out").exists() and (tmp_path / "out").read_text():
            break
        time.sleep(0.02)
    assert (tmp_path / "out").read_text() == "a"


def test_half_a_line_is_not_a_command(tmp_path):
    program = [sys.executable, "-I", "-S", checks.common.undo.__file__]
    command = [*SAY, str(tmp_path / "out"), "a"]
    text = f'{json.dumps(command)}\n["/bin/rm", "-r'
    done = subprocess.run(program, input=text, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "known\n[]\n"
    assert (tmp_path / "out").read_text() == "a"
