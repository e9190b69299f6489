"""Where a repository is, read from its location: the machine to ask the mandate about, never a credential."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.technologies import borg, restic
from checks.backup.technologies.locations import (
    borg_place,
    home,
    is_folder,
    reach,
    restic_place,
    ssh_options,
    with_credentials,
)
from checks.model import CollectError, Reason
from tests.backup.technologies.peers import Bench, repository, tools


@pytest.mark.parametrize(
    ("location", "kind", "host", "port", "secure", "address"),
    [
        ("/srv/depot", "local", "", 0, True, "/srv/depot"),
        ("local:/srv/depot", "local", "", 0, True, "/srv/depot"),
        ("sftp:root@nas.tilleuls.test:/srv/depot", "sftp", "nas.tilleuls.test", 22, True, "sftp://nas.tilleuls.test:22/srv/depot"),
        ("sftp:nas:depot", "sftp", "nas", 22, True, "sftp://nas:22/depot"),
        ("sftp://root@[fd00::1]:2222//srv/depot", "sftp", "fd00::1", 2222, True, "sftp://[fd00::1]:2222/srv/depot"),
        ("rest:https://moi:secret@copies.tilleuls.test:8000/a", "rest", "copies.tilleuls.test", 8000, True, "rest://copies.tilleuls.test:8000/a"),
        ("rest:http://copies.tilleuls.test/a", "rest", "copies.tilleuls.test", 80, False, "rest://copies.tilleuls.test:80/a"),
        ("s3:https://s3.tilleuls.test/godet/a", "s3", "s3.tilleuls.test", 443, True, "s3://s3.tilleuls.test:443/godet/a"),
        ("s3:http://127.0.0.1:9000/godet", "s3", "127.0.0.1", 9000, False, "s3://127.0.0.1:9000/godet"),
        ("s3:s3.amazonaws.com/godet", "s3", "s3.amazonaws.com", 443, True, "s3://s3.amazonaws.com:443/godet"),
        ("s3://s3.amazonaws.com/godet", "s3", "s3.amazonaws.com", 443, True, "s3://s3.amazonaws.com:443/godet"),
    ],
)  # fmt: skip
def test_locations_of_restic(location, kind, host, port, secure, address):
    place = restic_place(location)
    assert (place.kind, place.host, place.port, place.secure, place.address) == (kind, host, port, secure, address)
    assert "secret" not in place.address


@pytest.mark.parametrize(
    ("location", "kind", "host", "port", "user"),
    [
        ("/srv/depot", "local", "", 0, ""),
        ("./depot", "local", "", 0, ""),
        ("file:///srv/depot", "local", "", 0, ""),
        ("ssh://borg@nas.tilleuls.test:2222/./depot", "ssh", "nas.tilleuls.test", 2222, "borg"),
        ("borg@nas.tilleuls.test:depot", "ssh", "nas.tilleuls.test", 22, "borg"),
        ("nas:/srv/depot", "ssh", "nas", 22, ""),
    ],
)
def test_locations_of_borg(location, kind, host, port, user):
    place = borg_place(location)
    assert (place.kind, place.host, place.port, place.user) == (kind, host, port, user)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("b2:godet:depot", Reason.UNSUPPORTED),
        ("rclone:nuage:depot", Reason.UNSUPPORTED),
        ("azure:conteneur:/", Reason.UNSUPPORTED),
        ("rest:https://", Reason.NOT_CONFIGURED),
        ("rest:https://hote:port/", Reason.NOT_CONFIGURED),
        ("s3:https://[/x", Reason.NOT_CONFIGURED),
        ("sftp:-oProxyCommand=id:/x", Reason.NOT_CONFIGURED),
        ("sftp://-oProxyCommand=id/x", Reason.NOT_CONFIGURED),
        ("sftp:depot", Reason.NOT_CONFIGURED),
    ],
)
def test_a_location_nobody_can_be_asked_about_starts_nothing(location, reason):
    bench = Bench()
    found = restic.read(repository("restic", location), tools(bench))
    if found.points.reason is not Reason.UNSUPPORTED or "installé" not in found.points.detail:
        assert found.points.reason is reason
    assert bench.commands == []
    assert bench.permitted == []


@pytest.mark.parametrize(
    ("module", "location"),
    [
        (restic, "sftp:root@nas.tilleuls.test:/srv/depot"),
        (restic, "rest:https://moi:motdepasse@nas.tilleuls.test/"),
        (restic, "s3:https://nas.tilleuls.test/godet"),
        (borg, "ssh://borg@nas.tilleuls.test/./depot"),
    ],
)
def test_a_machine_outside_the_mandate_is_not_reached(module, location):
    bench = Bench(refused=("nas.tilleuls.test",))
    found = module.read(repository(module.__name__.rpartition(".")[2], location), tools(bench))
    assert found.points.reason in (Reason.REFUSED, Reason.UNSUPPORTED)
    assert bench.commands == []
    assert "motdepasse" not in str(found)


def test_a_closed_port_is_told_at_once_and_no_program_is_started():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    bench = Bench()
    with pytest.raises(CollectError) as caught:
        reach(restic_place(f"rest:http://127.0.0.1:{port}/"), tools(bench), "essai")
    assert caught.value.reason is Reason.UNREACHABLE
    assert bench.permitted[0] == ("127.0.0.1", port, "rest")


def test_ssh_is_held_to_the_machine_that_was_permitted():
    options = ssh_options(borg_place("ssh://borg@nas.tilleuls.test:2222/x"), ("192.0.2.7",))
    assert set(options[::2]) == {"-o"}
    told = dict(option.split("=", 1) for option in options[1::2])
    assert told["HostName"] == "192.0.2.7"
    assert told["HostKeyAlias"] == "[nas.tilleuls.test]:2222"
    assert (told["ProxyCommand"], told["ProxyJump"], told["BatchMode"], told["StrictHostKeyChecking"]) == (
        "none",
        "none",
        "yes",
        "yes",
    )


def test_credentials_of_a_url_replace_those_it_had():
    made = with_credentials("https://ancien:vieux@nas.tilleuls.test:8000/a?b", "m@i", "p:/w")
    assert made == "https://m%40i:p%3A%2Fw@nas.tilleuls.test:8000/a?b"


@given(st.text(alphabet="sftprest3b2:/@[].-\n é%0", max_size=40), st.sampled_from([restic_place, borg_place]))
def test_any_location_gives_a_place_or_a_refusal(text, read):
    try:
        place = read(text)
    except CollectError:
        return
    assert place.kind == "local" or place.host
    assert not place.host.startswith("-")
    assert "\n" not in place.address


def test_a_folder_nobody_may_reach_is_not_there(tmp_path, monkeypatch):
    assert is_folder(tmp_path)
    assert not is_folder(tmp_path / "absent")
    assert not is_folder("a\0b")
    assert not is_folder("/proc/1/cwd/x" * 600), "a name too long for the system"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a right to lose")
def test_a_closed_folder_is_a_gap_and_not_a_crash(tmp_path):
    """Read as somebody else: the readings only run here as that person."""
    (tmp_path / "ferme" / "depot").mkdir(parents=True)
    (tmp_path / "ferme").chmod(0o700)
    code = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from checks.backup.technologies.registry import technology
from tests.backup.technologies.peers import Bench, repository, tools
modules = [(name, technology(name)) for name in ("restic", "borg", "rsync", "btrfs")]
os.setgroups([]); os.setgid(65534); os.setuid(65534)
print([str(module.read(repository(name, {str(tmp_path / "ferme" / "depot")!r}), tools(Bench())).points.reason) for name, module in modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd="/", check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert set(ast.literal_eval(done.stdout)) <= {"unreachable", "unsupported"}
