"""Whatever a product answers, a reading ends with facts that can be written: gaps at worst, never an exception."""

from __future__ import annotations

import random

import msgspec
import pytest

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Repository
from checks.backup.technologies import bareos, pbs, s3, synology, veeam
from checks.backup.technologies.record import unread
from checks.backup.technologies.s3_transport import place_of
from tests.backup.fakes import bareos as bareos_fake
from tests.backup.fakes import pbs as pbs_fake
from tests.backup.fakes import synology as synology_fake
from tests.backup.fakes import veeam as veeam_fake
from tests.backup.fakes.mutation import Stub, spoiled
from tests.backup.fakes.tls import NOW, tools

ROUNDS = 150


def config(technology, **more):
    return RepositoryConfig(label="essai", technology=technology, location="serveur", user="u@pbs!j", **more)


def written(found: Repository) -> None:
    """The facts survive being written and read again."""
    raw = msgspec.json.encode(found)
    assert msgspec.json.decode(raw, type=Repository) == found
    assert b"\\u001b" not in raw


@pytest.mark.parametrize("seed", range(3))
def test_pbs(seed):
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        server = pbs_fake.Pbs()

        def answer(path, query, server=server):
            path = path.removeprefix("/api2/json")
            rows = (
                server.snapshots.get(query.get("ns", ""), []) if path.endswith("/snapshots") else server.data.get(path)
            )
            return spoiled({"data": rows}, dice)

        written(pbs._read(config("pbs", datastore="depot"), tools(), Stub(answer)))


@pytest.mark.parametrize("seed", range(3))
def test_veeam(seed):
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        server = veeam_fake.Veeam()

        def answer(path, query, server=server):
            rows = server.lists.get(path)
            known = server.objects.get(path) if rows is None else {"data": rows, "pagination": {"total": len(rows)}}
            return spoiled(known, dice) if not int(query.get("skip", 0)) else {"data": [], "pagination": {"total": 0}}

        written(veeam._read(config("veeam"), tools(), Stub(answer)))


@pytest.mark.parametrize("seed", range(3))
def test_synology(seed):
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        server = synology_fake.Nas()

        def answer(path, query, server=server):
            return spoiled({"data": server.data.get(f"{query['api']}.{query['method']}"), "success": True}, dice)

        written(synology._read(config("synology"), tools(), synology._Nas(Stub(answer), server.known, "sid")))


@pytest.mark.parametrize("seed", range(3))
def test_bareos(seed):
    dice = random.Random(seed)
    jobs = [bareos_fake.job(n, kind=kind) for n, kind in enumerate("BBCVR")]
    volumes, pools = [{"mediaid": "1", "volstatus": "Full"}], [{"poolid": "1", "name": "F", "volretention": "86400"}]
    for _ in range(ROUNDS):
        text = bareos_fake.answer(spoiled(jobs, dice), spoiled(volumes, dice) or [], spoiled(pools, dice) or [])
        written(bareos._describe(config("bareos"), text, "serveur"))


S3 = {
    "get_bucket_versioning": {"Status": "Enabled", "MFADelete": "Disabled"},
    "list_object_versions": {
        "Name": "copies",
        "IsTruncated": False,
        "Versions": [
            {"Key": "dui/dui_2026-11-21.dump", "Size": 5, "LastModified": NOW, "IsLatest": True, "VersionId": "v"},
            {"Key": "paie.dump", "Size": 7, "LastModified": NOW, "IsLatest": True, "VersionId": "null", "ETag": '"a"'},
        ],
    },
    "head_object": {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": NOW, "ServerSideEncryption": "AES256"},
    "get_object_lock_configuration": {
        "ObjectLockConfiguration": {
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 2}},
        }
    },
    "get_bucket_encryption": {"ServerSideEncryptionConfiguration": {"Rules": [{"x": {"SSEAlgorithm": "AES256"}}]}},
    "get_bucket_policy_status": {"PolicyStatus": {"IsPublic": False}},
    "get_public_access_block": {"PublicAccessBlockConfiguration": {"BlockPublicPolicy": True}},
    "get_bucket_replication": {"ReplicationConfiguration": {"Rules": [{}]}},
    "get_bucket_lifecycle_configuration": {"Rules": [{"Status": "Enabled", "Expiration": {"Days": 9}}]},
}


class Bucket:
    """Answers of a store, spoiled."""

    lost = None

    def __init__(self, dice):
        self.dice = dice

    def ask(self, operation, **_):
        made = spoiled(S3.get(operation, {}), self.dice)
        return made if isinstance(made, dict) else {}


@pytest.mark.parametrize("seed", range(3))
def test_s3(seed):
    dice = random.Random(seed)
    where = RepositoryConfig(label="essai", technology="s3", location="s3:https://stockage.tilleuls.test/copies")
    for _ in range(ROUNDS):
        written(s3._read(where, tools(), place_of(where), Bucket(dice)))


def test_an_empty_repository_is_written():
    from checks.model import Gap, Reason

    written(unread(config("pbs"), Gap(reason=Reason.ERROR, detail="rien")))
