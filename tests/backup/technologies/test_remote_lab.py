"""Repositories behind a real ssh server and a real S3 protocol, in namespaces and on ports of their own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from checks.backup.facts import Repository
from checks.backup.technologies import restic
from checks.model import Gap, Reason
from tests.backup.technologies.peers import PASSWORD, Bench, repository, run, tools, write_corpus

pytestmark = pytest.mark.lab

# A network and mounts of its own: keys, known machines and configuration of ssh are those of the test.
INSIDE = """
set -e
ip link set lo up
mount -t tmpfs tmpfs /etc/ssh
mount -t tmpfs tmpfs /run
mkdir -p /run/sshd
ssh-keygen -q -t ed25519 -N '' -f hote
ssh-keygen -q -t ed25519 -N '' -f cle
cp cle.pub autorises
printf '[nas.tilleuls.test]:2222 %s\n' "$(cut -d' ' -f1,2 hote.pub)" > /etc/ssh/ssh_known_hosts
printf 'Host *\n  IdentityFile %s/cle\n  ProxyCommand touch %s/detourne\n' "$PWD" "$PWD" > /etc/ssh/ssh_config
cat > sshd_config <<FIN
ListenAddress 127.0.0.1:2222
HostKey $PWD/hote
AuthorizedKeysFile $PWD/autorises
PidFile $PWD/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
FIN
/usr/sbin/sshd -f sshd_config
trap 'kill "$(cat sshd.pid)"' EXIT
"$1" -c "$2" "$3" "$4"
"""
READ = """
import sys, msgspec
from checks.backup.technologies.registry import technology
from tests.backup.technologies.peers import Bench, repository, tools

class Nas(Bench):
    def permit(self, host, port, protocol, purpose):
        self.permitted.append((host, port, protocol))
        assert host in ("nas.tilleuls.test", "inconnu.tilleuls.test")
        return ("127.0.0.1",)
    def connect(self, host, port, protocol, purpose, timeout):
        import socket
        return socket.create_connection((*self.permit(host, port, protocol, purpose), port), timeout)

found = technology(sys.argv[1]).read(repository(sys.argv[1], sys.argv[2]), tools(Nas()))
print("facts " + msgspec.json.encode(found).decode())
"""
SSH = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/usr/sbin/sshd").exists(), reason="needs root and openssh-server"
)


def through_ssh(tmp_path, technology: str, location: str) -> Repository:
    script = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", INSIDE, "sh"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    environment.pop("SSH_AUTH_SOCK", None)
    done = subprocess.run(
        [*script, sys.executable, READ, technology, location],
        cwd=tmp_path, env=environment, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "detourne").exists(), "the configuration of the person led ssh elsewhere"
    return msgspec.json.decode(done.stdout.rpartition("facts ")[2], type=Repository)


def digests(root: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(root.rglob("*")) if path.is_file()
    }


@SSH
@pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
def test_restic_over_sftp(tmp_path):
    write_corpus(tmp_path / "partage")
    run(["restic", "-r", "depot", "--no-cache", "-q", "init"], tmp_path, RESTIC_PASSWORD=PASSWORD)
    run(["restic", "-r", "depot", "--no-cache", "-q", "backup", "partage"], tmp_path, RESTIC_PASSWORD=PASSWORD)
    before = digests(tmp_path / "depot")
    found = through_ssh(tmp_path, "restic", f"sftp://root@nas.tilleuls.test:2222/{tmp_path}/depot")
    assert len(found.points) == 1, found.points
    assert (found.integrity.ok, found.integrity.depth) == (True, "sample")
    assert found.encryption.transport is True
    assert found.immutability.lock == "none"
    assert found.access.deletes_allowed is True
    assert digests(tmp_path / "depot") == before


@SSH
@pytest.mark.skipif(shutil.which("borg") is None, reason="borgbackup is not installed")
def test_borg_over_ssh_is_read_and_never_checked(tmp_path):
    write_corpus(tmp_path / "partage")
    run(["borg", "init", "-e", "repokey", "depot"], tmp_path, BORG_PASSPHRASE=PASSWORD)
    run(["borg", "create", "depot::fichiers", "partage"], tmp_path, BORG_PASSPHRASE=PASSWORD)
    before = digests(tmp_path / "depot")
    found = through_ssh(tmp_path, "borg", f"ssh://root@nas.tilleuls.test:2222/{tmp_path}/depot")
    assert [point.id for point in found.points] == ["fichiers"]
    assert found.points[0].files == 13
    assert isinstance(found.integrity, Gap)
    assert "écrit dans le dépôt" in found.integrity.detail
    assert found.encryption.encrypted
    assert isinstance(found.immutability, Gap)
    assert digests(tmp_path / "depot") == before


@SSH
@pytest.mark.skipif(shutil.which("borg") is None, reason="borgbackup is not installed")
def test_a_server_whose_key_is_not_known_is_refused(tmp_path):
    found = through_ssh(tmp_path, "borg", f"ssh://root@inconnu.tilleuls.test:2222/{tmp_path}/depot")
    assert found.points.reason is Reason.REFUSED
    assert "Host key verification failed" in found.points.detail


@pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")
def test_restic_over_s3(tmp_path):
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        location = f"s3:http://{host}:{port}/godet/depot"
        keys = {"AWS_ACCESS_KEY_ID": "AKTEST", "AWS_SECRET_ACCESS_KEY": PASSWORD, "RESTIC_PASSWORD": PASSWORD}
        write_corpus(tmp_path / "partage")
        run(["restic", "-r", location, "--no-cache", "-q", "init"], tmp_path, **keys)
        run(["restic", "-r", location, "--no-cache", "-q", "backup", "partage"], tmp_path, **keys)
        bench = Bench()
        config = repository("restic", location, access_id="AKTEST", storage_secret_from="env:Y")
        found = restic.read(config, tools(bench))
        missing = restic.read(repository("restic", location), tools(bench))
    finally:
        server.stop()
    assert len(found.points) == 1, found.points
    assert found.integrity.ok is True
    assert found.encryption.transport is False
    assert isinstance(found.immutability, Gap)
    assert set(bench.permitted) == {(host, port, "s3")}
    assert not any(PASSWORD in word for command in bench.commands for word in command)
    assert missing.points.reason is Reason.NOT_CONFIGURED
