"""The collector against a real controller (Samba), from the auditor's place in the lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from checks.ad.facts import AdFacts, LdapsFacts, SmbFacts, Sysvol
from checks.model import Gap
from lab import runner

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]

COLLECT = """
import datetime, json, os, socket, sys
import msgspec
from checks.ad.collect import collect
from checks.ad.config import AdConfig
from checks.model import CollectError, CollectRequest

class Open:
    resolvers = ()
    def permit(self, host, port, protocol, purpose):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(item[4][0] for item in found))
    def connect(self, host, port, protocol, purpose, timeout):
        return socket.create_connection((host, port), timeout)

config = msgspec.convert(json.loads(sys.argv[1]), AdConfig)
request = CollectRequest(config=config, secret=lambda _: os.environ["TEST_PASSWORD"],
                         clock=lambda: datetime.datetime.now(datetime.UTC))
try:
    sys.stdout.buffer.write(msgspec.json.encode(collect(request, Open(), lambda *a, **k: None)))
except CollectError as error:
    print(json.dumps({"reason": error.reason, "detail": error.detail}))
"""


def collected(lab: runner.LabInfo, *, password: str | None = None, **changes) -> bytes:
    """What the collector writes when it runs at the auditor's place."""
    config = {"servers": ["dc1.tilleuls.test"], "user": lab.audit_user, "ca_file": lab.ca_file} | changes
    secret = Path(lab.audit_password_file).read_text("utf-8").strip() if password is None else password
    done = subprocess.run(
        runner.exec_argv(lab.name, [sys.executable, "-c", COLLECT, json.dumps(config)]),
        capture_output=True,
        check=True,
        timeout=120,
        env=os.environ | {"TEST_PASSWORD": secret, "PYTHONPATH": str(ROOT)},
    )
    return done.stdout


@pytest.fixture(scope="module")
def facts(running_lab: runner.LabInfo) -> AdFacts:
    return msgspec.json.decode(collected(running_lab), type=AdFacts)


def test_every_part_is_read_except_what_ordinary_accounts_cannot_see(facts: AdFacts) -> None:
    gaps = {name for name in AdFacts.__struct_fields__ if isinstance(getattr(facts, name), Gap)}
    assert gaps == {"password_settings"}
    assert facts.domain.dns_name == "tilleuls.test"
    assert facts.collection.privileged_reader is False
    assert facts.domain.clock_skew is not None
    assert abs(facts.domain.clock_skew) < 5


def test_group_policy_password_is_seen_and_not_kept(facts: AdFacts) -> None:
    assert isinstance(facts.sysvol, Sysvol)
    assert facts.sysvol.gpp_passwords
    assert b"cpassword=" not in msgspec.json.encode(facts)


def test_network_questions_have_answers(facts: AdFacts) -> None:
    (controller,) = facts.network
    assert isinstance(controller.smb, SmbFacts)
    assert isinstance(controller.smb.smb1, bool)
    assert isinstance(controller.smb.signing_required, bool)
    assert isinstance(controller.ldap_signing_required, bool)
    assert isinstance(controller.ldaps, LdapsFacts)
    assert controller.ldaps.validated


@pytest.mark.parametrize(
    "changes", [{"auth": "ntlm", "security": "signed"}, {"security": "starttls"}, {"page_size": 10}]
)
def test_other_ways_in_give_the_same_directory(
    running_lab: runner.LabInfo, facts: AdFacts, changes: dict[str, object]
) -> None:
    other = msgspec.json.decode(collected(running_lab, **changes), type=AdFacts)
    # pwdLastSet, logonCount and the like may move between two readings; identities may not.
    for name in ("accounts", "groups", "special", "gpos", "templates"):
        ours, theirs = getattr(facts, name), getattr(other, name)
        assert sorted(item.dn for item in ours) == sorted(item.dn for item in theirs), name
    assert other.descriptors == facts.descriptors


def test_wrong_password_is_refused(running_lab: runner.LabInfo) -> None:
    answer = json.loads(collected(running_lab, password="faux-mot-de-passe"))
    assert answer["reason"] == "refused"
    assert "Une seule tentative" in answer["detail"]


def test_certificate_of_an_unknown_authority_gets_no_password(running_lab: runner.LabInfo) -> None:
    answer = json.loads(collected(running_lab, ca_file="", unverified_certificate="refuse"))
    assert answer["reason"] == "refused"
    assert "aucun mot de passe n'a été envoyé" in answer["detail"]
