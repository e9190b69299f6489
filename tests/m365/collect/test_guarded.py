"""In a worker, every socket of Microsoft's libraries goes where the mandate says, and no name is resolved behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from checks.m365.resources import RESOURCES
from tests.m365.collect.base import house
from tests.m365.fakes.tls import application_certificate

ROOT = Path(__file__).parents[3]
WORKER = """
import datetime as dt, json, sys
from pathlib import Path
import msgspec
from agent.journal import Journal
from agent.mandate import MandateGuard
from agent.network import GuardedNetwork, install_audit_hook
from agent.profile import Mandate
from checks.m365.collect import collect
from checks.m365.config import M365Config
from checks.m365.facts import Rows
from checks.model import CollectError, CollectRequest, MandateRefusedError

job = json.loads(sys.stdin.read())
now = lambda: dt.datetime.now(dt.UTC)
day = now().astimezone().date()
mandate = Mandate(authorised_by="x", signed_on=day, valid_from=day, valid_to=day, emergency_contact="06",
                  networks=tuple(job["networks"]), tenants=tuple(job["tenants"]))
network = GuardedNetwork(MandateGuard(mandate), Journal(Path(job["journal"]), "m365", now), (), now)
request = CollectRequest(config=msgspec.convert(job["config"], M365Config), secret=lambda _: job["secret"], clock=now)
install_audit_hook(network)
try:
    facts = collect(request, network, lambda *_: None)
except (CollectError, MandateRefusedError) as error:
    print(json.dumps({"error": type(error).__name__ + ": " + str(error)}))
else:
    network.close()
    rows = {name: len(found.rows) for name, found in facts.readings.items() if isinstance(found, Rows)}
    modules = [name for name in ("msgraph.generated", "aiohttp") if name in sys.modules]
    print(json.dumps({"rows": rows, "refused": [str(error) for error in network.refused], "modules": modules}))
"""


def work(fake, tenant, tmp_path: Path, *, networks=("127.0.0.1/32",), **config) -> tuple[dict, list[dict]]:
    """Collect in a process of its own; gives the outcome and the journal."""
    journal = tmp_path / "journal.jsonl"
    job = {
        "config": fake.profile(tenant, by_name=False, **config), "secret": tenant.secret, "journal": str(journal),
        "networks": list(networks), "tenants": [tenant.id],
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WORKER], input=json.dumps(job), capture_output=True, text=True, cwd=ROOT,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), [json.loads(line) for line in journal.read_text().splitlines()]


@pytest.mark.parametrize("sign_in", ["certificate", "device_code"])
def test_a_worker_reads_a_tenant_and_its_journal_tells_where_it_went(fake, tmp_path, sign_in):
    tenant = house(fake, "premium")
    more = {}
    if sign_in == "certificate":
        file, tenant.certificate = application_certificate(tmp_path)
        more = {"certificate_file": str(file), "secret_from": ""}
    found, journal = work(fake, tenant, tmp_path, sign_in=sign_in, **more)
    assert found["refused"] == []
    assert found["modules"] == []
    assert found["rows"]["users"] == 13
    assert found["rows"]["teams_meeting"] == 1
    assert found["rows"]["mailboxes"] == 10
    assert len(found["rows"]) > len(RESOURCES) / 2
    permitted = {(entry["target"], entry["port"]) for entry in journal if entry["action"] == "permit"}
    assert permitted == {("127.0.0.1", port) for port in fake.ports.values()}
    assert not any(entry["action"] == "refuse" for entry in journal)
    text = json.dumps(journal)
    assert tenant.secret not in text
    assert not any(token in text for token in fake.tokens.given)


def test_a_worker_whose_mandate_does_not_cover_the_services_sends_nothing(fake, tmp_path):
    found, journal = work(fake, house(fake, "premium"), tmp_path, networks=("192.0.2.0/24",))
    assert "MandateRefusedError" in found["error"]
    assert fake.log == []
    assert any(entry["action"] == "refuse" for entry in journal)
