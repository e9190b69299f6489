"""An S3 bucket: a lock is what its objects carry, not what the bucket announces."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Encryption
from checks.backup.technologies import s3, s3_transport
from checks.backup.technologies import s3_parse as parse
from checks.backup.technologies.http import Client
from checks.backup.technologies.http_tls import ApiError
from checks.backup.technologies.s3_transport import place_of
from checks.model import CollectError, Gap, Reason
from tests.backup.fakes import s3 as fake
from tests.backup.fakes.tls import Fake, Loopback, Reply, tools
from tests.backup.fakes.tls import serving as serving_tls

pytest.importorskip("boto3", reason="boto3 is not installed")
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def store():
    with fake.serving() as found:
        yield found


def config(port, bucket, prefix="", scheme="http", **changes):
    known = {
        "label": "S3",
        "technology": "s3",
        # The server takes the first label of a name for a bucket: it is asked by its address.
        "location": f"s3:{scheme}://{fake.NAME if scheme == 'https' else '127.0.0.1'}:{port}/{bucket}/{prefix}".rstrip(
            "/"
        ),
        "access_id": fake.ACCESS,
        "storage_secret_from": "env:S3",
    }
    return RepositoryConfig(**{**known, **changes})


def opened(network=None):
    return tools(network, {"env:S3": fake.SECRET}, NOW)


def read(store, bucket, prefix="", **changes):
    found = s3.read(config(store.port, bucket, prefix, **changes), opened())
    encoded = msgspec.json.encode(found).decode()
    assert fake.SECRET not in encoded
    assert fake.ACCESS not in encoded
    return found


def test_compliance_retention_is_immutable(store):
    bucket = store.bucket(lock=True, default=("COMPLIANCE", 30))
    for day in (19, 20, 21):
        store.put(bucket, f"dui/dui_2026-11-{day}.dump.gpg")
    found = read(store, bucket)
    lock = found.immutability
    assert (lock.lock, lock.proof, lock.days, lock.covered, lock.looked_at) == ("compliance", "configured", 30, 3, 3)
    assert [point.source for point in found.points] == ["dui/dui"] * 3
    assert all(point.locked and point.encrypted for point in found.points)
    assert all(NOW < point.protected_until < NOW + timedelta(days=31) for point in found.points)
    assert found.settings["versioning"] == "enabled"
    assert found.settings["object_lock"] is True
    assert found.address == f"127.0.0.1:{store.port}/{bucket}"
    assert "en clair" in found.limits[0]


def test_governance_retention_is_lifted_by_a_privileged_key(store):
    bucket = store.bucket(lock=True, default=("GOVERNANCE", 30))
    store.put(bucket, "a.vbk")
    found = read(store, bucket)
    assert found.immutability.lock == "governance"
    assert "clé privilégiée" in found.immutability.detail
    assert found.points[0].protected_until is None
    assert found.points[0].locked is True


def test_one_governance_object_among_compliance_ones(store):
    bucket = store.bucket(lock=True, default=("COMPLIANCE", 30))
    store.put(bucket, "a")
    store.put(bucket, "b", mode="GOVERNANCE", until=NOW + timedelta(days=5))
    found = read(store, bucket)
    assert found.immutability.lock == "governance"
    assert found.immutability.covered == 2


def test_a_lock_without_retention_protects_nothing(store):
    bucket = store.bucket(lock=True)
    store.put(bucket, "a")
    found = read(store, bucket)
    assert found.settings["object_lock"] is True
    assert found.immutability.lock == "none"
    assert found.immutability.covered == 0
    assert "alors que le verrouillage" in found.immutability.detail


def test_a_legal_hold_is_lifted_by_a_privileged_key(store):
    bucket = store.bucket(lock=True)
    store.put(bucket, "a", ObjectLockLegalHoldStatus="ON")
    assert read(store, bucket).immutability.lock == "governance"


def test_no_lock_at_all(store):
    bucket = store.bucket()
    store.put(bucket, "a")
    found = read(store, bucket)
    assert found.immutability.lock == "none"
    assert found.settings["versioning"] == "off"
    assert found.settings["object_lock"] is False
    assert found.points[0].locked is False


def test_suspended_versions(store):
    bucket = store.bucket(versioning="Suspended")
    store.put(bucket, "a")
    found = read(store, bucket)
    assert found.settings["versioning"] == "suspended"
    assert "suspendues" in found.immutability.detail


def test_an_expired_retention_no_longer_protects(store):
    bucket = store.bucket(lock=True, default=("COMPLIANCE", 1))
    store.put(bucket, "a")
    later = tools(None, {"env:S3": fake.SECRET}, NOW + timedelta(days=3))
    found = s3.read(config(store.port, bucket), later)
    assert found.immutability.lock == "none"
    assert found.immutability.covered == 0
    assert "terminée" in found.immutability.detail
    assert found.points[0].locked is False


def test_the_end_of_a_retention_is_not_a_protection(store):
    item = parse.Item("a", 1, NOW)
    at = parse.Head(item, "COMPLIANCE", NOW, hold=False, encryption="", sha256="")
    assert parse.protection(at, NOW) == "expired"
    assert parse.protection(at._replace(until=NOW + timedelta(seconds=1)), NOW) == "compliance"


def test_mfa_delete_counts_as_append_only():
    head = parse.Head(parse.Item("a", 1, NOW), "", None, hold=False, encryption="", sha256="")
    found = parse.immutability((head,), {}, {"Status": "Enabled", "MFADelete": "Enabled"}, NOW, None)
    assert found.lock == "append_only"


def test_an_empty_bucket(store):
    found = read(store, store.bucket())
    assert found.points == ()
    assert found.immutability.reason is Reason.NOT_CONFIGURED


def test_a_bucket_that_does_not_exist(store):
    found = read(store, "absent-du-stockage")
    assert found.points.reason is Reason.NOT_CONFIGURED
    assert found.points.detail.startswith("Ce compartiment n'existe pas")


def test_a_repository_of_restic_gives_its_points_elsewhere(store):
    bucket = store.bucket(lock=True, default=("COMPLIANCE", 7))
    for key in ("config", "keys/1", "data/00/1", "index/1", "snapshots/1"):
        store.put(bucket, f"depot/{key}")
    found = read(store, bucket, "depot")
    assert found.points.reason is Reason.UNSUPPORTED
    assert "restic" in found.points.detail
    assert found.settings["engine"] == "restic"
    assert found.immutability.lock == "compliance"


def test_encryption_by_the_store(store):
    bucket = store.bucket()
    store.put(bucket, "a", ServerSideEncryption="AES256")
    found = read(store, bucket)
    assert isinstance(found.encryption, Encryption)
    assert found.encryption.encrypted is True
    assert found.encryption.transport is False


def test_no_encryption_seen():
    head = parse.Head(parse.Item("a.dump", 1, NOW), "", None, hold=False, encryption="", sha256="")
    found = parse.encryption((head,), {}, "", tls=True, key_escrow=None)
    assert found.encrypted is False
    assert parse.encryption((head,), {}, "restic", tls=True, key_escrow=None).reason is Reason.UNSUPPORTED


def test_lifecycle_is_the_retention(store):
    bucket = store.bucket(versioning="Enabled")
    store.client.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "x",
                    "Status": "Enabled",
                    "Filter": {"Prefix": ""},
                    "Expiration": {"Days": 90},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                },
                {"ID": "y", "Status": "Disabled", "Filter": {"Prefix": "z"}, "Expiration": {"Days": 1}},
            ]
        },
    )
    assert read(store, bucket).retention == "objets supprimés après 90 j ; anciennes versions supprimées après 30 j"


def test_deleted_and_old_versions_are_not_points(store):
    bucket = store.bucket(versioning="Enabled")
    store.put(bucket, "a", b"1")
    store.put(bucket, "a", b"12")
    store.put(bucket, "b", b"1")
    store.client.delete_object(Bucket=bucket, Key="b")
    found = read(store, bucket)
    assert [(point.paths, point.size) for point in found.points] == [(("a",), 2)]


def test_a_copy_of_no_byte(store):
    bucket = store.bucket()
    store.put(bucket, "a", b"")
    assert read(store, bucket).points[0].empty is True


def test_a_long_listing_is_read_page_by_page(store, monkeypatch):
    monkeypatch.setattr(s3, "PAGE", 3)
    monkeypatch.setattr(s3, "LOOKED_AT", 2)
    bucket = store.bucket(versioning="Enabled")
    for number in range(8):
        store.put(bucket, f"copie-{number}")
    found = read(store, bucket)
    assert len(found.points) == 8
    assert found.immutability.looked_at == 2
    monkeypatch.setattr(s3, "MAX_PAGES", 2)
    assert any("s'arrête" in limit for limit in read(store, bucket).limits)


def test_a_wrong_key_is_tried_once(tmp_path):
    server = Answers({"*": Reply(raw=error("InvalidAccessKeyId"), status=403)})
    with serving_tls(server, tmp_path, names=(fake.NAME,)):
        found = s3.read(config(server.port, "copies", scheme="https", ca_file=server.ca_file), opened())
    assert found.points.reason is Reason.REFUSED
    assert found.immutability == found.points
    assert len(server.requests) == 1


class Answers(Fake):
    """A store that answers by its table only."""

    def __init__(self, broken):
        super().__init__()
        self.broken = broken

    def answer(self, request):
        return Reply(raw=error("AccessDenied"), status=403)


def error(code):
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{fake.SECRET}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(raw=error("AccessDenied"), status=403), Reason.PERMISSION),
        (Reply(raw=error("InternalError"), status=500), Reason.ERROR),
        (Reply(raw=error("SlowDown"), status=503), Reason.ERROR),
        (Reply(raw=b"<a", status=200), Reason.ERROR),
        (Reply(raw=b"<html><body>Bienvenue</body></html>", status=200), Reason.MALFORMED),
        (Reply(raw=b"<ListVersionsResult><Name>autre</Name></ListVersionsResult>", status=200), Reason.MALFORMED),
        (Reply(raw=b"", status=500), Reason.ERROR),
        (Reply(raw=b"", status=301, headers={"Location": "https://ailleurs.test/"}), Reason.ERROR),
        (Reply(drop=True), Reason.UNREACHABLE),
    ],
)
def test_each_bad_answer_has_its_reason(tmp_path, reply, reason):
    server = Answers({"*": reply})
    with serving_tls(server, tmp_path, names=(fake.NAME,)):
        found = s3.read(config(server.port, "copies", scheme="https", fingerprint=server.fingerprint), opened())
    assert isinstance(found.points, Gap)
    assert found.points.reason is reason
    assert isinstance(found.immutability, Gap)
    assert fake.SECRET not in msgspec.json.encode(found).decode()
    assert {method for method, _ in server.log} <= {"GET", "HEAD"}
    assert all(path.startswith("/copies") for _, path in server.log)


def test_a_redirection_to_another_region_stays_here(tmp_path):
    body = (
        b"<?xml version='1.0'?><Error><Code>PermanentRedirect</Code><Bucket>copies</Bucket>"
        b"<Endpoint>s3.eu-west-3.amazonaws.com</Endpoint></Error>"
    )
    server = Answers({"*": Reply(raw=body, status=301, headers={"x-amz-bucket-region": "eu-west-3"})})
    network = Loopback()
    with serving_tls(server, tmp_path, names=(fake.NAME,)):
        found = s3.read(config(server.port, "copies", scheme="https", ca_file=server.ca_file), opened(network))
    assert isinstance(found.points, Gap)
    assert {host for host, _, _ in network.asked} == {fake.NAME}


def test_the_transport_only_reads_and_only_here(tmp_path):
    server = Answers({})
    with serving_tls(server, tmp_path, names=(fake.NAME,)):
        where = config(server.port, "copies", scheme="https", ca_file=server.ca_file)
        with s3._opened(where, opened(), place_of(where)) as bucket:
            for call in (bucket.client.delete_object, bucket.client.put_object):
                with pytest.raises(ApiError, match="seule la lecture"):
                    call(Bucket="copies", Key="a")
        with Client(place_of(where).server, Loopback(), purpose="essai") as client:
            transport = s3_transport._Transport(client)
            for url in ("https://ailleurs.test/copies", f"http://{fake.NAME}:{server.port}/", f"https://{fake.NAME}/"):
                with pytest.raises(ApiError, match="renvoi"):
                    transport(SimpleNamespace(url=url, method="GET", headers={}))
    assert server.requests == []


def test_without_authority_nothing_is_sent(tmp_path):
    server = Answers({})
    with serving_tls(server, tmp_path, names=(fake.NAME,)):
        found = s3.read(config(server.port, "copies", scheme="https"), opened())
    assert found.points.reason is Reason.REFUSED
    assert server.requests == []


def test_the_mandate_refuses(store):
    network = Loopback(refused=frozenset({"127.0.0.1"}))
    found = s3.read(config(store.port, "copies"), opened(network))
    assert found.points.reason is Reason.REFUSED
    assert "mandat" in found.points.detail


def test_a_key_without_its_halves(store):
    for changes in ({"access_id": ""}, {"storage_secret_from": ""}):
        assert read(store, "copies", **changes).points.reason is Reason.NOT_CONFIGURED


def test_objects_whose_protection_cannot_be_read_are_not_judged(store, monkeypatch):
    bucket = store.bucket(lock=True, default=("COMPLIANCE", 30))
    store.put(bucket, "a")
    genuine = s3.Bucket.ask

    def ask(self, operation, **parameters):
        if operation == "head_object":
            return Gap(reason=Reason.PERMISSION, detail="refusé")
        return genuine(self, operation, **parameters)

    monkeypatch.setattr(s3.Bucket, "ask", ask)
    found = read(store, bucket)
    assert found.immutability == Gap(reason=Reason.PERMISSION, detail="refusé.")
    assert found.points[0].locked is None


# --- restoring ------------------------------------------------------------------------------------------------------


def test_an_object_comes_back_whole(store, tmp_path):
    bucket = store.bucket(versioning="Enabled")
    body = b"donnees " * 400_000
    store.put(bucket, "bases/dui_2026-11-21.dump", body, ChecksumAlgorithm="SHA256")
    point = read(store, bucket).points[0]
    where = config(store.port, bucket)
    (entry,) = s3.entries(where, opened(), point)
    assert entry.size == len(body)
    assert entry.digest == f"sha256:{hashlib.sha256(body).hexdigest()}"
    back = s3.restore(where, opened(), point, [entry.path], tmp_path)
    assert back[entry.path].read_bytes() == body
    assert back[entry.path].parent == tmp_path
    assert back[entry.path].suffix == ".dump"


def test_the_version_of_the_point_comes_back(store, tmp_path):
    bucket = store.bucket(versioning="Enabled")
    store.put(bucket, "a", b"avant")
    point = read(store, bucket).points[0]
    store.put(bucket, "a", b"apres")
    back = s3.restore(config(store.port, bucket), opened(), point, ["a"], tmp_path)
    assert back["a"].read_bytes() == b"avant"


@pytest.mark.parametrize("key", ["../../evil", "/etc/passwd", "a/../../b", "-rf", "a b"])
def test_a_restored_object_stays_in_the_folder(store, tmp_path, key):
    bucket = store.bucket()
    store.put(bucket, key)
    point = read(store, bucket).points[0]
    back = s3.restore(config(store.port, bucket), opened(), point, [key], tmp_path)
    assert [path.parent for path in back.values()] == [tmp_path]


def test_an_object_with_a_hostile_name_is_shown_cleaned_and_not_restored(store, tmp_path):
    bucket = store.bucket()
    store.put(bucket, "nom\u202eexe")
    point = read(store, bucket).points[0]
    assert "\u202e" not in msgspec.json.encode(point).decode()
    with pytest.raises(CollectError):
        s3.entries(config(store.port, bucket), opened(), point)


def test_an_object_gone_since(store, tmp_path):
    bucket = store.bucket()
    store.put(bucket, "a")
    point = read(store, bucket).points[0]
    store.client.delete_object(Bucket=bucket, Key="a")
    with pytest.raises(CollectError):
        s3.restore(config(store.port, bucket), opened(), point, ["a"], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(raw=b"change", headers={"ETag": '"9a0364b9e99bb480dd25e1f0284c8555"'}),
        Reply(raw=b"change", headers={"x-amz-checksum-sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}),
        Reply(raw=b"coupe", drip=False, hang=True),
    ],
)
def test_a_damaged_or_cut_object_is_not_handed_over(tmp_path, reply, monkeypatch):
    monkeypatch.setattr(s3, "RESTORE_SECONDS", 0.3)
    server = Answers({"/copies/a": reply})
    point = parse.points({}, [parse.Item("a", 6, NOW)], "", NOW)[0]
    into = tmp_path / "into"
    into.mkdir()
    with serving_tls(server, tmp_path, names=(fake.NAME,)):
        where = config(server.port, "copies", scheme="https", ca_file=server.ca_file)
        assert s3.restore(where, opened(), point, ["a"], into) == {}
    assert list(into.iterdir()) == []


# --- parsing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("dui/dui_2026-11-21.dump.gz", "dui/dui"),
        ("dui/dui_20261121T0230Z.dump", "dui/dui"),
        ("serveur.tar", "serveur"),
        ("2026-11-21.tar", "2026-11-21.tar"),
        ("paie/2026-11-21.tar", "paie"),
        ("AD-2026.11.21_02-30-00.zip", "AD"),
    ],
)
def test_what_an_object_saves(key, expected):
    assert parse.source(key, "") == expected


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("s3:https://s3.gra.io.cloud.ovh.net/copies/depot", ("s3.gra.io.cloud.ovh.net", 443, "copies", "depot", "gra")),
        ("s3:https://s3.fr-par.scw.cloud/copies", ("s3.fr-par.scw.cloud", 443, "copies", "", "fr-par")),
        ("s3:https://s3.eu-west-3.amazonaws.com/c-1/", ("s3.eu-west-3.amazonaws.com", 443, "c-1", "", "eu-west-3")),
        ("https://minio.tilleuls.test:9000/copies", ("minio.tilleuls.test", 9000, "copies", "", "us-east-1")),
        ("minio.tilleuls.test/copies/a/b", ("minio.tilleuls.test", 443, "copies", "a/b", "us-east-1")),
    ],
)
def test_where_a_bucket_is(location, expected):
    place = place_of(RepositoryConfig(label="S3", technology="s3", location=location))
    assert (place.server.host, place.server.port, place.bucket, place.prefix, place.region) == expected


@pytest.mark.parametrize(
    "location", ["s3:", "s3:https://h", "s3:https://h/..", "s3:https://u:p@h/copies", "https://[/x"]
)
def test_where_a_bucket_cannot_be(location):
    with pytest.raises(ApiError):
        place_of(RepositoryConfig(label="S3", technology="s3", location=location))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
)
answers = st.dictionaries(
    st.sampled_from(["Versions", "Contents", "Rules", "ObjectLockMode", "ChecksumSHA256", "PolicyStatus", "Status"]),
    anything | st.lists(st.dictionaries(st.sampled_from(["Key", "Size", "LastModified", "IsLatest"]), anything)),
)


@settings(max_examples=60)
@given(answers)
def test_parsers_accept_any_answer(answer):
    item = parse.Item("a", 1, NOW)
    for versions in (True, False):
        parse.items(answer, versions=versions)
    head = parse.head(item, answer)
    parse.immutability((head,), answer, answer, NOW, None)
    parse.encryption((head,), answer, "", tls=True, key_escrow=None)
    parse.retention(answer)
    parse.public(answer, answer)


@given(st.text(min_size=1, max_size=60), st.text(max_size=20))
def test_any_key_has_a_source(key, prefix):
    assert isinstance(parse.source(key, prefix), str)
