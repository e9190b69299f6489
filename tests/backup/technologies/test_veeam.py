"""Veeam Backup & Replication: what its REST API tells, and what stays unknown without the right to read it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup.config import RepositoryConfig
from checks.backup.facts import Access, Encryption
from checks.backup.technologies import veeam
from checks.backup.technologies import veeam_parse as parse
from checks.backup.technologies import veeam_rules as rules
from checks.model import Gap, Reason
from tests.backup.fakes import veeam as fake
from tests.backup.fakes.tls import NOW, Loopback, Reply, serving, tools

NAME = "sauvegarde.tilleuls.test"
POSTS = {"/api/oauth2/token", "/api/oauth2/logout"}


@pytest.fixture
def server(tmp_path):
    with serving(fake.Veeam(), tmp_path) as made:
        yield made


def config(server, **changes):
    known = {
        "label": "Veeam",
        "technology": "veeam",
        "location": NAME,
        "port": server.port,
        "user": fake.USER,
        "password_from": "env:VEEAM",
        "fingerprint": server.fingerprint,
    }
    return RepositoryConfig(**{**known, **changes})


def read(server, **changes):
    found = veeam.read(config(server, **changes), tools(secrets={"env:VEEAM": fake.PASSWORD}))
    encoded = msgspec.json.encode(found).decode()
    assert fake.PASSWORD not in encoded
    assert fake.ACCESS_TOKEN not in encoded
    assert {path for method, path in server.log if method != "GET"} <= POSTS
    assert sum(path == "/api/oauth2/token" for _, path in server.log) <= 1
    return found


def test_a_healthy_server(server):
    found = read(server)
    assert found.version == "13.0.0.4967"
    assert {point.source for point in found.points} == {"dc01", "dui"}
    assert max(point.time for point in found.points).replace(microsecond=0) == NOW - timedelta(hours=10)
    assert found.immutability.lock == "immutable_days"
    assert (found.immutability.covered, found.immutability.looked_at, found.immutability.days) == (2, 2, 14)
    assert isinstance(found.encryption, Encryption)
    assert found.encryption.encrypted is True
    assert found.access == Access(
        in_production_domain=True, mfa=True, detail="d'après l'analyseur de sécurité de Veeam"
    )
    assert found.own_configuration_saved is True
    assert found.capacity == 1500 * 2**30
    jobs = {job.name: job for job in found.jobs}
    assert jobs["Quotidienne"].last_result == "success"
    assert jobs["Quotidienne"].schedule == "chaque jour à 22:00"
    assert jobs["Quotidienne"].notified is True
    assert jobs["Copie"].last_result == "warning"
    assert jobs["Postes"].enabled is False
    assert found.failures[0].what == "BackupJob: Snapshot creation failed"
    kept = dict(found.settings)
    assert kept["mfa_console"] is True
    assert kept["not_in_production_domain"] is False
    assert kept["smb1_disabled"] is False
    assert (kept["analyzer_rules"], kept["analyzer_violations"]) == (6, 2)
    assert (kept["analyzer_suppressed"], kept["analyzer_unable"]) == (1, 1)
    assert "password_loss_protection" not in kept
    assert "backup_copies" not in kept
    assert kept["copy_jobs"] == 1
    assert kept["config_backup_age_days"] == 1


def test_the_session_is_closed(server):
    read(server)
    assert server.log[-1] == ("POST", "/api/oauth2/logout")


@pytest.mark.parametrize("revision", ["1.3-rev0", "1.2-rev1", "1.1-rev0"])
def test_the_newest_common_revision_is_used_and_the_password_given_once(server, revision):
    server.revisions = {revision}
    assert len(read(server).points) == 4
    signed = [one for one in server.requests if one.path == "/api/oauth2/token"]
    assert [one.headers["x-api-version"] for one in signed] == [revision]


def test_a_revision_that_ends_in_an_error_is_passed_over(server):
    healthy = server.answer

    def answer(request):
        return Reply(status=500) if request.headers.get("x-api-version") == "1.3-rev0" else healthy(request)

    server.answer = answer
    assert len(read(server).points) == 4
    server.broken["/api/v1/serverTime"] = Reply(status=500)
    server.requests.clear()
    assert read(server).points.reason is Reason.ERROR
    assert "/api/oauth2/token" not in [path for _, path in server.log]


def test_no_known_revision(server):
    server.revisions = set()
    found = read(server)
    assert found.points.reason is Reason.UNSUPPORTED
    assert all(path == "/api/v1/serverTime" for _, path in server.log)


def test_a_wrong_password_is_given_once(server):
    server.password = "autre"
    found = read(server)
    assert found.points.reason is Reason.REFUSED
    assert [path for _, path in server.log].count("/api/oauth2/token") == 1


def test_the_password_goes_to_a_verified_server_only(server):
    found = read(server, fingerprint="")
    assert found.points.reason is Reason.REFUSED
    assert server.requests == []


def test_an_older_server_has_another_path_for_points(server):
    server.lists["/api/v1/objectRestorePoints"] = server.lists.pop("/api/v1/restorePoints")
    assert len(read(server).points) == 4


def test_many_points_are_read_page_by_page(server):
    server.page = 7
    server.lists["/api/v1/restorePoints"] = [fake.point(f"vm{n}", "b-1", hours=n + 1) for n in range(40)]
    found = read(server)
    assert len(found.points) == 40
    assert found.limits == ()


def test_a_missing_page_is_not_a_shorter_list(server):
    healthy = server.answer
    server.page = 2

    def broken(request):
        second = request.path == "/api/v1/restorePoints" and request.query.get("skip") == "2"
        return Reply(status=500) if second else healthy(request)

    server.answer = broken
    found = read(server)
    assert found.points.reason is Reason.ERROR
    assert isinstance(found.immutability, Gap)


def test_a_viewer_leaves_gaps_where_it_may_not_read(server):
    for path in (
        "/api/v1/securityAnalyzer/bestPractices",
        "/api/v1/generalOptions/emailSettings",
        "/api/v1/configBackup",
    ):
        server.broken[path] = Reply(status=403)
    found = read(server)
    assert len(found.points) == 4
    assert found.access.reason is Reason.PERMISSION
    assert found.own_configuration_saved.reason is Reason.PERMISSION
    assert "mfa_console" not in found.settings
    assert "email_notifications" not in found.settings
    assert found.immutability.lock == "immutable_days"


def test_declared_access_stands_when_the_analyzer_cannot_be_read(server):
    server.broken["/api/v1/securityAnalyzer/bestPractices"] = Reply(status=403)
    found = read(server, mfa=False)
    assert found.access.mfa is False


def test_states_of_jobs_that_the_server_cannot_give(server):
    server.broken["/api/v1/jobs/states"] = Reply(status=500)
    found = read(server)
    assert found.jobs.reason is Reason.ERROR
    assert isinstance(found.encryption, Encryption)


def test_a_session_that_expires_keeps_what_was_read(server):
    server.broken["/api/v1/sessions"] = Reply(status=401)
    found = read(server)
    assert len(found.points) == 4
    assert found.failures.reason is Reason.REFUSED
    assert found.jobs.reason is Reason.REFUSED


def test_only_one_repository(server):
    found = read(server, datastore="Objet")
    assert [point.source for point in found.points] == ["dui"]
    assert found.immutability.days == 30
    assert found.capacity is None
    assert found.address.endswith("/Objet")


def test_a_repository_the_server_does_not_know(server):
    assert read(server, datastore="Autre").points.reason is Reason.NOT_CONFIGURED


def test_points_out_of_the_immutable_period_are_not_covered(server):
    server.lists["/api/v1/restorePoints"] = [fake.point("dc01", "b-1", days=14), fake.point("dui", "b-1", days=13)]
    found = read(server)
    assert (found.immutability.covered, found.immutability.looked_at) == (1, 2)


def test_no_immutable_repository(server):
    server.lists["/api/v1/backupInfrastructure/repositories"] = [{"id": fake.HARD, "name": "D", "type": "WinLocal"}]
    found = read(server)
    assert found.immutability.lock == "none"
    assert found.immutability.covered == 0


def test_buckets_whose_lock_a_key_lifts(server):
    server.lists["/api/v1/securityAnalyzer/bestPractices"].append(
        {"id": "9", "bestPractice": "OsBucketsInComplianceMode", "status": "Violation"}
    )
    assert read(server, datastore="Objet").immutability.lock == "governance"
    server.requests.clear()
    assert read(server, datastore="Durci").immutability.lock == "immutable_days"


def test_a_job_in_clear(server):
    server.lists["/api/v1/jobs"].append(fake.settings("j-2", encrypted=False))
    assert read(server).encryption.encrypted is False


def test_settings_that_say_nothing_of_encryption(server):
    server.lists["/api/v1/jobs"] = [{"id": "j-1", "storage": {}}]
    assert read(server).encryption.reason is Reason.UNSUPPORTED


def test_infected_points_are_failures(server):
    server.lists["/api/v1/restorePoints"].append(fake.point("paie", "b-1", malware="Infected", hours=2))
    found = read(server)
    assert found.settings["malware_infected"] == 1
    assert any("infecté" in failure.what and failure.source == "paie" for failure in found.failures)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"isEnabled": False}, False),
        ({"lastSuccessfulBackup": {}}, False),
        ({"lastSuccessfulBackup": None}, False),
        ({}, True),
    ],
)
def test_the_configuration_of_the_server(server, change, expected):
    server.objects["/api/v1/configBackup"].update(change)
    assert read(server).own_configuration_saved is expected


def test_the_configuration_kept_on_the_server_itself(server):
    server.lists["/api/v1/securityAnalyzer/bestPractices"][5]["status"] = "Violation"
    assert read(server).own_configuration_saved is False


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(raw=b"{"), Reason.MALFORMED),
        (Reply({"data": 3}), Reason.MALFORMED),
        (Reply([]), Reason.MALFORMED),
        (Reply(status=302, headers={"Location": "/"}), Reason.REFUSED),
        (Reply(drop=True), Reason.UNREACHABLE),
    ],
)
def test_points_in_another_shape(server, reply, reason):
    server.broken["/api/v1/restorePoints"] = reply
    assert read(server).points.reason is reason


def test_a_token_in_another_shape(server):
    server.broken["/api/oauth2/token"] = Reply({"access_token": 3})
    assert read(server).points.reason is Reason.MALFORMED


def test_the_mandate_refuses(server):
    network = Loopback(refused=frozenset({NAME}))
    found = veeam.read(config(server), tools(network, {"env:VEEAM": fake.PASSWORD}))
    assert found.points.reason is Reason.REFUSED
    assert server.requests == []


@pytest.mark.parametrize(
    ("rule", "ours"),
    [
        ("SMB1ProtocolDisabled", "smb1_disabled"),
        ("Remote Desktop Service (TermService) should be disabled", "rdp_disabled"),
        ("MFA for the backup console should be enabled", "mfa_console"),
        ("Immutable or offline (air gapped) media should be used", "immutable_or_offline"),
        ("Password loss protection should be enabled", "password_loss_protection"),
        ("Hardened repositories should not be hosted in virtual machines", "hardened_not_virtual"),
        ("Une règle inconnue", ""),
    ],
)
def test_names_of_rules(rule, ours):
    assert rules.name_of(rule) == ours


@pytest.mark.parametrize("ours", rules.RULES)
def test_each_rule_is_recognised_by_its_identifier(ours):
    assert rules.name_of(rules.RULES[ours][0]) == ours


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = (
    *("id", "name", "creationTime", "backupId", "storage", "schedule", "bucket", "repository", "result", "status"),
    *("bestPractice", "isEnabled", "lastSuccessfulBackup", "capacityGB", "malwareStatus", "lastRun", "encryption"),
)
keys = st.sampled_from(KEYS)
rows = st.lists(st.dictionaries(keys, anything, max_size=6), max_size=4)


@settings(max_examples=60)
@given(rows)
def test_parsers_accept_any_row(found):
    stores = parse.stores(found)
    parse.points(found)
    parse.malware(found)
    parse.jobs(found, found, notified=None)
    parse.copies(found)
    parse.encryption(found, key_escrow=None)
    parse.failures(found)
    parse.immutability(found, {"": ""}, stores, {}, NOW)
    parse.space(found, frozenset({""}))
    rules.settings(found)
    for row in found:
        parse.own_configuration(row, {}, NOW)
        parse.schedule(row)
