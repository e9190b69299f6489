"""How programs are run: what they are given, what they cannot see, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checks.backup.technologies.command import MAX_OUTPUT, Answer, find, program, search_path
from checks.common.programs import Finished
from checks.model import CollectError, MandateRefusedError, Reason
from tests.backup.technologies.peers import Bench, tools


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A program of our own, found on the search path."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f".{os.pathsep}{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def write(body: str) -> str:
        file, code = tmp_path / "bin" / "essai", tmp_path / "essai.py"
        code.write_text(body)
        # Through a shell: the first line of a program cannot name an interpreter whose path has a space.
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{code}" "$@"\n')
        file.chmod(0o755)
        return "essai"

    return write


def test_a_program_sees_nothing_of_our_environment_but_what_it_is_given(script, monkeypatch):
    monkeypatch.setenv("AUTRE_SECRET", "ne-doit-pas-passer")
    monkeypatch.setenv("RESTIC_PASSWORD_COMMAND", "id")
    monkeypatch.setenv("HTTPS_PROXY", "http://ailleurs")
    name = script("import os, json; os.environ.pop('PWD', None); print(json.dumps(dict(os.environ)))")
    with program(
        name, tools(Bench()), settings={"A": "b"}, secrets={"MOT": "de-passe"}, private={"CACHE": "c"}
    ) as found:
        answer = found.run(["x"], "essai")
        folder = found.folder
    import json

    seen = json.loads(answer.out)
    assert set(seen) - {"LC_CTYPE"} == {"PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "LC_ALL", "TZ", "A", "MOT", "CACHE"}
    assert seen["CACHE"] == str(folder / "c")
    assert seen["TZ"] == "UTC"
    assert not folder.exists()


def test_only_absolute_folders_are_searched(script):
    script("")
    assert all(Path(folder).is_absolute() for folder in search_path().split(os.pathsep))
    assert Path(find("essai")).is_absolute()


def test_a_program_that_is_not_installed_is_unsupported():
    with pytest.raises(CollectError) as caught, program("absent-de-partout", tools(Bench())):
        pass
    assert caught.value.reason is Reason.UNSUPPORTED
    assert "n'est pas installé" in caught.value.detail


def test_a_secret_among_the_arguments_is_a_fault_of_ours(script):
    bench = Bench()
    with (
        program(script("pass"), tools(bench), secrets={"MOT": "de-passe"}) as found,
        pytest.raises(ValueError, match="secret"),
    ):
        found.run(["--password=de-passe"], "essai")
    assert bench.commands == []


def test_a_secret_does_not_come_back_in_a_message(script):
    name = script("import os, sys; sys.exit('Fatal: refus de ' + os.environ['MOT'] + '\\x1b[2J')")
    with program(name, tools(Bench()), secrets={"MOT": "de-passe"}) as found:
        answer = found.run([], "essai")
    assert "de-passe" not in answer.err
    assert answer.why == "Fatal: refus de ***\ufffd[2J"


def test_listed_arguments_are_handed_over_by_a_file_that_goes_away(script):
    names = [b"-rf", b"avec espace", b"ligne\nsuite", b"\xff\xfe", b"'\"$(id)"]
    bench = Bench()
    with program(script("import sys, os; print([os.fsencode(a) for a in sys.argv[1:]])"), tools(bench)) as found:
        answer = found.run(["verbe"], "essai", listed=names)
        assert list(found.folder.iterdir()) == []
    assert answer.out.decode().strip() == repr([b"verbe", *names])
    assert not any("espace" in word for word in bench.commands[0])


def test_a_program_runs_in_the_folder_it_is_given(script, tmp_path):
    with program(script("import os; print(os.getcwd())"), tools(Bench())) as found:
        assert found.run([], "essai", folder=tmp_path).out.decode().strip() == str(tmp_path)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), Reason.TIMEOUT),
        (MandateRefusedError("x", "hors des heures"), Reason.REFUSED),
        (PermissionError(13, "no"), Reason.ERROR),
    ],
)
def test_what_keeps_a_program_from_answering_has_its_reason(script, error, reason):
    def fail(_):
        raise error

    with (
        program(script("pass"), tools(Bench(answers=fail)), within=None) as found,
        pytest.raises(CollectError) as caught,
    ):
        found.run([], "essai", listed=[b"x"])
    assert caught.value.reason is reason


def test_a_network_that_starts_no_program_is_unsupported(script):
    class Deaf:
        pass

    with pytest.raises(CollectError) as caught, program(script("pass"), tools(Deaf())):
        pass
    assert caught.value.reason is Reason.UNSUPPORTED


def test_an_answer_cut_short_says_so(script):
    with program(script("print('x' * 100_000)"), tools(Bench())) as found:
        answer = found.run([], "essai", max_bytes=1000)
    assert answer.cut
    assert len(answer.out) == 1000
    assert MAX_OUTPUT < 1 << 30


@pytest.mark.parametrize(
    ("err", "why"),
    [
        ("bruit\nFatal: la raison\nsuite\n", "Fatal: la raison"),
        ("une\ndeux\n", "deux"),
        ("", "code 3"),
        ("x" * 1000, "x" * 299 + "…"),
    ],
)
def test_the_reason_of_a_failure_is_one_short_line(err, why):
    assert Answer(3, b"", err, cut=False).why == why


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends a child with its parent")
def test_a_program_ends_with_the_worker_that_is_killed(script, tmp_path):
    """A restore that goes on after its worker would leave personal data behind."""
    mark = tmp_path / "pid"
    name = script(f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)")
    code = f"""
from checks.backup.technologies.command import program
from tests.backup.technologies.peers import Bench, tools
with program({name!r}, tools(Bench())) as found:
    found.run([], "essai", seconds=600, listed=[b"x"])
"""
    here = {**os.environ, "TMPDIR": str(tmp_path)}  # nobody is left to remove its private folder
    worker = subprocess.Popen(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], env=here, start_new_session=True
    )
    try:
        child = wait_for(lambda: mark.read_text() if mark.exists() else "")
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        wait_for(lambda: not alive(int(child)))
    finally:
        if worker.poll() is None:
            worker.kill()
            worker.wait()


def wait_for(condition):
    for _ in range(600):
        if found := condition():
            return found
        time.sleep(0.05)
    pytest.fail("it never happened")


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_finished_is_what_the_machine_gives(script):
    with program(script("pass"), tools(Bench(answers=lambda _: Finished(7, b"o", b"e" * 65_536, cut=True)))) as found:
        answer = found.run([], "essai")
    assert (answer.code, answer.out, answer.cut, answer.err_cut) == (7, b"o", True, True)
