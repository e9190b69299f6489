"""Proxmox Backup Server: facts of a healthy server, and of everything that can be wrong with one."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Access, Encryption, Immutability, Integrity
from checks.backup.technologies import pbs
from checks.backup.technologies import pbs_parse as parse
from checks.model import Gap, Reason
from tests.backup.fakes.pbs import SECRET, TOKEN, Pbs, snapshot
from tests.backup.fakes.tls import NOW, Loopback, Reply, serving, tools

NAME = "sauvegarde.tilleuls.test"


@pytest.fixture
def server(tmp_path):
    with serving(Pbs(), tmp_path) as fake:
        yield fake


def config(fake, **changes):
    known = {
        "label": "PBS",
        "technology": "pbs",
        "location": f"https://{NAME}",
        "port": fake.port,
        "user": TOKEN,
        "password_from": "env:PBS",
        "datastore": "depot",
        "fingerprint": fake.fingerprint,
        "place": "siège",
    }
    return RepositoryConfig(**{**known, **changes})


def read(fake, secret=SECRET, **changes):
    found = pbs.read(config(fake, **changes), tools(secrets={"env:PBS": secret}))
    encoded = msgspec.json.encode(found).decode()
    assert secret not in encoded
    assert {method for method, _ in fake.log} <= {"GET"}
    return found


def test_a_healthy_server(server):
    found = read(server)
    assert (found.product, found.version, found.place) == ("Proxmox Backup Server", "3.4-1", "siège")
    assert {point.source for point in found.points} == {"dc01", "dui", "fichiers"}
    newest = {point.source: point for point in parse.latest(found.points)}
    assert newest["dc01"].time == NOW - timedelta(hours=10)
    assert newest["fichiers"].id.startswith("depot:tilleuls/host/fichiers/2026-11-22T02:00:00Z")
    assert found.integrity == Integrity(
        ok=True, depth="full", when=NOW - timedelta(hours=3), detail="3 des 3 derniers points vérifiés"
    )
    assert isinstance(found.encryption, Encryption)
    assert found.encryption.encrypted
    assert found.immutability.lock == "append_only"
    assert found.access.deletes_allowed is False
    assert found.access.mfa is True
    assert found.access.in_production_domain is False
    assert (found.capacity, found.free) == (8 * 10**12, 3 * 10**12)
    assert found.retention == "keep-daily=14, keep-weekly=8"
    assert {job.name: job.last_result for job in found.jobs} == {
        "vérification v-01": "success",
        "synchronisation s-01": "warning",
        "élagage p-01": "none",
    }
    assert found.failures[0].source == "depot:vm/102"
    assert found.settings["sync_jobs"] == 1


def test_the_token_goes_to_a_verified_server_only(server):
    found = read(server, fingerprint="")
    assert isinstance(found.points, Gap)
    assert found.points.reason is Reason.REFUSED
    assert "certificat" in found.points.detail
    assert server.requests == []


def test_gaps_and_limits_are_sentences(server):
    server.broken["/api2/json/access/users"] = Reply(status=403)
    found = read(server)
    assert found.access.detail.endswith(").")
    assert all(limit.endswith(".") for limit in found.limits)


def test_a_wrong_token_is_refused_once(server):
    found = read(server, secret="faux")
    assert found.points.reason is Reason.REFUSED
    assert found.jobs == found.integrity == found.points
    assert len(server.requests) == 1


def test_a_secret_that_is_no_token_is_not_sent(server):
    found = read(server, secret="deux\nlignes")
    assert found.points.reason is Reason.NOT_CONFIGURED
    assert server.requests == []


@pytest.mark.parametrize("user", ["", "audit@pbs", "audit!x", "a@b!c d"])
def test_a_token_is_expected(server, user):
    found = read(server, user=user)
    assert found.points.reason is Reason.NOT_CONFIGURED
    assert server.requests == []


def test_what_the_token_may_not_read_is_the_only_gap(server):
    for path in ("/access/users", "/admin/sync"):
        server.broken[f"/api2/json{path}"] = Reply(status=403)
    found = read(server)
    assert len(found.points) == 4
    assert found.access.reason is Reason.PERMISSION
    assert found.jobs.reason is Reason.PERMISSION
    assert isinstance(found.integrity, Integrity)
    assert found.immutability.lock == "none"


def test_a_declared_access_stands_when_it_cannot_be_read(server):
    server.broken["/api2/json/access/users"] = Reply(status=403)
    found = read(server, mfa=True, in_production_domain=False)
    assert isinstance(found.access, Access)
    assert found.access.mfa is True
    assert found.access.in_production_domain is False


def test_accounts_cut_down_to_the_asking_one_are_not_counted(server):
    server.data["/access/users"] = [{"userid": "audit@pbs"}]
    server.data["/access/acl"] = []
    found = read(server)
    assert found.access.mfa is None
    assert found.access.in_production_domain is None
    assert found.access.administrators is None
    assert found.access.deletes_allowed is None
    assert found.immutability.lock == "none"


@pytest.mark.parametrize("role", ["DatastorePowerUser", "DatastoreAdmin", "Admin"])
def test_an_owner_that_may_prune_deletes(server, role):
    server.data["/access/acl"][0]["roleid"] = role
    found = read(server)
    assert found.access.deletes_allowed is True
    assert found.immutability.lock == "none"


def test_points_of_the_superuser_can_be_deleted_by_it(server):
    for rows in server.snapshots.values():
        for row in rows:
            row["owner"] = "root@pam"
    server.data["/access/acl"].append({"path": "/", "ugid": "root@pam", "roleid": "DatastoreBackup"})
    assert read(server).access.deletes_allowed is True


def test_an_account_of_the_directory_depends_on_it(server):
    server.data["/access/users"].append({"userid": "admin@tilleuls", "enable": True})
    server.data["/access/domains"].append({"realm": "tilleuls", "type": "ad"})
    found = read(server)
    assert found.access.in_production_domain is True
    assert found.access.mfa is False


def test_protected_points_are_not_a_lock(server):
    server.snapshots[""] = [snapshot("101", name="dc01", protected=True)]
    server.data["/access/acl"][0]["roleid"] = "DatastoreAdmin"
    found = read(server)
    assert found.settings["protected_points"] == 1
    assert found.immutability.lock == "none"
    assert found.immutability.covered == 0
    assert "retire" in found.immutability.detail


def test_a_failed_verification_of_the_newest_point(server):
    server.snapshots["tilleuls"] = [snapshot("fichiers", kind="host", state="failed")]
    found = read(server)
    assert found.integrity.ok is False
    assert "fichiers" in found.integrity.detail


def test_an_old_failure_replaced_by_a_good_point(server):
    server.snapshots[""][0]["verification"]["state"] = "failed"
    assert read(server).integrity.ok is True


def test_points_never_verified(server):
    server.snapshots = {"": [snapshot("101", state="")]}
    found = read(server)
    assert isinstance(found.integrity, Gap)
    assert found.integrity.reason is Reason.NOT_CONFIGURED
    assert found.points[0].verified is None
    assert found.points[0].source == "vm/101"


def test_some_points_never_verified(server):
    server.snapshots["tilleuls"] = [snapshot("fichiers", kind="host", state="")]
    assert read(server).integrity.depth == "sample"


@pytest.mark.parametrize("crypt", ["none", "sign-only"])
def test_points_in_clear(server, crypt):
    server.snapshots["tilleuls"] = [snapshot("fichiers", kind="host", crypt=crypt)]
    assert read(server).encryption.encrypted is False


def test_files_listed_by_name_only(server):
    server.snapshots = {"": [{**snapshot("101"), "files": ["drive-scsi0.img.fidx"]}]}
    assert read(server).encryption.reason is Reason.UNSUPPORTED


def test_an_empty_datastore(server):
    server.snapshots = {}
    found = read(server)
    assert found.points == ()
    assert isinstance(found.integrity, Gap)
    assert isinstance(found.encryption, Gap)
    assert isinstance(found.immutability, Immutability)


def test_a_size_the_server_does_not_know(server):
    server.data["/admin/datastore/depot/status"] = {"total": 10, "avail": -1}
    found = read(server)
    assert (found.capacity, found.free) == (10, None)


def test_a_point_of_no_byte(server):
    server.snapshots = {"": [snapshot("101", size=0)]}
    assert read(server).points[0].empty is True


def test_a_namespace_that_cannot_be_read_is_not_a_machine_without_backup(server):
    healthy = server.answer

    def half(request):
        refused = request.path.endswith("/snapshots") and request.query.get("ns")
        return Reply(status=403) if refused else healthy(request)

    server.answer = half
    found = read(server)
    assert isinstance(found.points, Gap)
    assert found.points.reason is Reason.PERMISSION
    assert isinstance(found.integrity, Gap)


def test_a_server_without_namespaces(server):
    server.broken["/api2/json/admin/datastore/depot/namespace"] = Reply(status=404)
    found = read(server)
    assert {point.source for point in found.points} == {"dc01", "dui"}
    assert not any("espaces de noms" in limit for limit in found.limits)


def test_every_datastore_when_none_is_named(server):
    found = read(server, datastore="")
    assert len(found.points) == 4


def test_no_visible_datastore(server):
    server.data["/admin/datastore"] = []
    assert read(server, datastore="").points.reason is Reason.PERMISSION


@pytest.mark.parametrize("name", ["../config", "a/b", "a?b", ""])
def test_the_name_of_a_datastore_never_changes_the_path(server, name):
    server.data["/admin/datastore"] = [{"store": name}]
    found = read(server, datastore=name)
    assert isinstance(found.points, Gap)
    assert {path for _, path in server.log} <= {"/api2/json/version", "/api2/json/admin/datastore"}


def test_a_server_that_breaks_halfway_keeps_what_was_read(server):
    server.broken["/api2/json/admin/verify"] = Reply(drop=True)
    found = read(server)
    assert len(found.points) == 4
    assert found.jobs.reason is Reason.UNREACHABLE
    assert found.access.reason is Reason.UNREACHABLE


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=500), Reason.ERROR),
        (Reply(raw=b"<html>"), Reason.MALFORMED),
        (Reply({"data": {"x": 1}}), Reason.MALFORMED),
        (Reply([1, 2]), Reason.MALFORMED),
        (Reply(None), Reason.MALFORMED),
    ],
)
def test_points_in_another_shape(server, reply, reason):
    server.broken["/api2/json/admin/datastore/depot/snapshots"] = reply
    assert read(server).points.reason is reason


def test_the_mandate_refuses(server):
    network = Loopback(refused=frozenset({NAME}))
    found = pbs.read(config(server), tools(network, {"env:PBS": SECRET}))
    assert found.points.reason is Reason.REFUSED
    assert server.requests == []


def test_a_name_without_address(server):
    found = pbs.read(config(server, location="pbs.absent.test"), tools(secrets={"env:PBS": SECRET}))
    assert found.points.reason is Reason.UNREACHABLE


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
keys = st.sampled_from(
    [
        "backup-time",
        "backup-id",
        "backup-type",
        "files",
        "verification",
        "status",
        "userid",
        "roleid",
        "size",
        "comment",
    ]
)
rows = st.lists(st.dictionaries(keys, anything | st.integers(0, 2**40), max_size=6), max_size=5)


@given(rows)
def test_parsers_accept_any_row(found):
    points = tuple(parse.points(found, "depot", ""))
    parse.integrity(points)
    parse.encryption(points, key_escrow=None)
    parse.jobs("sync", found, "")
    parse.failures(found)
    parse.retention(found, "")
    parse.access(found, found, found, found, frozenset({"a@pbs"}), TOKEN)
    msgspec.json.encode(points)


@given(st.text())
def test_any_upid(text):
    parse.upid_start(text)
