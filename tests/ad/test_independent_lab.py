"""A second opinion: random accounts in a real directory, judged by the product and by a few lines written apart.

The expected sets are recomputed here from the raw values of the controller's own database, with the public definitions
and none of the product's code. Nested membership is followed upwards (memberOf), the product follows it downwards.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from checks.ad.facts import AdFacts
from checks.evaluate import evaluate_facts
from checks.model import Context, Outcome
from lab import runner
from tests.ad.builders import CATALOGUE
from tests.ad.test_collect_lab import collected
from tests.lab_fixture import unique_name

pytestmark = pytest.mark.lab

SEED = int(os.environ.get("AUSCULTE_INDEPENDENT_SEED", "20261122"))
"""Another seed makes another directory."""
BASE = "DC=tilleuls,DC=test"
USERS = f"CN=Users,{BASE}"
FOREIGN = "S-1-5-21-1111-2222-3333"
DAY = 86_400
EPOCH = 11_644_473_600
SCRIPT = Path(__file__).with_name("independent_seed.py")
PASSWORD_DAYS = (0, 10, 44, 46, 89, 91, 364, 366, 1094, 1096, 2000)
LOGON_DAYS = (None, 1, 89, 91, 179, 181, 364, 366, 900)
CREATED_DAYS = (1, 179, 181, 364, 366, 1500)
CIPHERS = (None, 0, 1, 3, 4, 7, 8, 0x10, 0x18, 0x1C, 0x1F)
USER_BITS = (0x2, 0x20, 0x80, 0x10000, 0x80000, 0x100000, 0x200000, 0x400000, 0x1000000)
SYSTEMS = ("Windows Server 2019 Standard", "Windows Server 2012 R2 Standard", "Windows 11 Professionnel", "Samba", "")
AIMS = ("cifs/dc1.tilleuls.test", "ldap/DC1", "http/web01.tilleuls.test", "krbtgt/TILLEULS", "host/dc10.tilleuls.test")
HISTORY = (f"{FOREIGN}-512", f"{FOREIGN}-1512", "S-1-5-32-544", f"{FOREIGN}-500")

Raw = dict[str, Any]


def filetime(days: float) -> str:
    return str(int((dt.datetime.now(dt.UTC).timestamp() - days * DAY + EPOCH) * 10_000_000))


def made_up(pick: random.Random) -> list[Raw]:
    """Objects to create; the groups first, since accounts enter them."""

    def group(name: str, join: str = "") -> Raw:
        return {"dn": f"CN={name},{USERS}", "class": "group", "add": {"sAMAccountName": name}, "join": join, "set": {}}

    made = [group("ind-admins", f"CN=Domain Admins,{USERS}"), group("ind-niveau2", f"CN=ind-admins,{USERS}")]
    made.append(group("ind-equipe"))
    for number in range(28):
        bits = sum(bit for bit in USER_BITS if pick.random() < 0.25)
        item = common(pick, f"ind-user{number:02d}", "user", f"ind-user{number:02d}", 0x200 | bits)
        privileged = pick.random() < 0.4
        item["join"] = pick.choice(("CN=ind-niveau2", "CN=ind-admins", "CN=Backup Operators")) if privileged else ""
        if item["join"]:
            item["join"] += f",CN=Builtin,{BASE}" if "Backup" in item["join"] else f",{USERS}"
            item["set"] |= {"adminCount": ["1"]} if pick.random() < 0.5 else {}
        elif pick.random() < 0.2:
            name, rid = pick.choice((("Domain Guests", "514"), ("Domain Computers", "515")))
            item["join"], item["set"]["primaryGroupID"] = f"CN={name},{USERS}", [rid]
        made.append(item)
    for number in range(16):
        bits = sum(bit for bit in (0x2, 0x20, 0x80000, 0x1000000) if pick.random() < 0.25)
        item = common(pick, f"IND-PC{number:02d}", "computer", f"IND-PC{number:02d}$", 0x1000 | bits)
        item["set"] |= {"operatingSystem": [system]} if (system := pick.choice(SYSTEMS)) else {}
        made.append(item)
    return made


def common(pick: random.Random, name: str, kind: str, sam: str, uac: int) -> Raw:
    changed, seen, ciphers = pick.choice(PASSWORD_DAYS), pick.choice(LOGON_DAYS), pick.choice(CIPHERS)
    created = dt.datetime.now(dt.UTC) - dt.timedelta(days=pick.choice(CREATED_DAYS))
    values: dict[str, list[str]] = {
        "userAccountControl": [str(uac)],
        "pwdLastSet": [filetime(changed) if changed else "0"],
        "whenCreated": [created.strftime("%Y%m%d%H%M%S.0Z")],
    }
    if seen is not None:
        values["lastLogonTimestamp"] = [filetime(seen)]
    if ciphers is not None:
        values["msDS-SupportedEncryptionTypes"] = [str(ciphers)]
    if pick.random() < 0.3:
        values["servicePrincipalName"] = [f"http/{name.lower()}.tilleuls.test"]
    if pick.random() < 0.25:
        values["msDS-AllowedToDelegateTo"] = [pick.choice(AIMS)]
    if pick.random() < 0.2:
        values["sIDHistory"] = [pick.choice(HISTORY)]
    return {"dn": f"CN={name},{USERS}", "class": kind, "add": {"sAMAccountName": sam}, "join": "", "set": values}


class Account:
    """One account of the raw dump, with the few readings the definitions need."""

    def __init__(self, raw: Raw, domain: str, now: float) -> None:
        self.raw, self.now = raw, now
        self.sid = raw["objectSid"][0]
        self.rid = int(self.sid.rsplit("-", 1)[1])
        self.uac = int(raw["userAccountControl"][0]) & 0xFFFFFFFF
        self.enabled = not self.uac & 2
        classes = raw["objectClass"]
        self.managed = any(name.endswith("ManagedServiceAccount") for name in classes)
        self.trust = bool(self.uac & 0x800)
        self.computer = "computer" in classes and not self.managed and not self.trust
        self.user = not (self.computer or self.managed or self.trust)
        self.group = int(raw["primaryGroupID"][0])
        self.controller = self.group in {516, 521}
        self.system = raw.get("operatingSystem", [""])[0]
        self.server = self.computer and not self.controller and "server" in self.system.lower()
        self.spns = raw.get("servicePrincipalName", [])
        self.ciphers = int(raw["msDS-SupportedEncryptionTypes"][0]) if "msDS-SupportedEncryptionTypes" in raw else None
        self.domain = domain

    def age(self, name: str) -> float | None:
        """Days since a FILETIME; None when absent or 0."""
        value = int(self.raw.get(name, ["0"])[0])
        return (self.now - (value // 10_000_000 - EPOCH)) / DAY if value else None

    def created(self) -> float:
        moment = dt.datetime.strptime(self.raw["whenCreated"][0], "%Y%m%d%H%M%S.0Z").replace(tzinfo=dt.UTC)
        return (self.now - moment.timestamp()) / DAY

    def silent(self, days: int) -> bool:
        """Last seen, or else created, more than `days` ago."""
        seen = self.age("lastLogonTimestamp")
        return (self.created() if seen is None else seen) > days

    def password_over(self, days: int) -> bool:
        changed = self.age("pwdLastSet")
        return changed is not None and changed > days

    def dormant(self) -> bool:
        return (self.age("pwdLastSet") is None or self.password_over(1095)) and self.silent(365)

    def aims(self, names: set[str]) -> bool:
        for spn in self.raw.get("msDS-AllowedToDelegateTo", []):
            service, _, rest = spn.lower().partition("/")
            if service == "krbtgt" or rest.split("/")[0].split(":")[0] in names:
                return True
        return False

    def waiting(self) -> bool:
        """A computer made in advance that nobody ever used."""
        used = "lastLogonTimestamp" in self.raw or int(self.raw.get("logonCount", ["0"])[0])
        return self.computer and self.uac & 0x1020 == 0x1020 and not used

    def expected_group(self) -> set[int]:
        if self.user or self.trust:
            return {513, 514}
        return {516, 521} if self.uac & 0x4002000 else {515}

    def evil_history(self) -> bool:
        evil = {498, 500, 502, 512, 516, 517, 518, 519, 520, 521, 526, 527}
        return any(
            not sid.startswith("S-1-5-21-") or int(sid.rsplit("-", 1)[1]) in evil
            for sid in self.raw.get("sIDHistory", [])
        )


def privileged(accounts: list[Account], groups: list[Raw], domain: str) -> set[str]:
    """SIDs of accounts that reach a privileged group upwards, and of RID 500; not the controllers."""
    by_dn = {group["dn"].lower(): group for group in groups}
    by_sid = {group["objectSid"][0]: group for group in groups}
    top = {f"S-1-5-32-{rid}" for rid in (544, 548, 549, 550, 551)}
    top |= {f"{domain}-{rid}" for rid in (512, 516, 518, 519, 526, 527)}

    def reaches(account: Account) -> bool:
        primary = by_sid.get(f"{domain}-{account.group}")
        waiting = [dn.lower() for dn in account.raw.get("memberOf", [])] + ([primary["dn"].lower()] if primary else [])
        done: set[str] = set()
        while waiting:
            dn = waiting.pop()
            if dn in done or dn not in by_dn:
                continue
            done.add(dn)
            if by_dn[dn]["objectSid"][0] in top:
                return True
            waiting += [above.lower() for above in by_dn[dn].get("memberOf", [])]
        return False

    return {a.sid for a in accounts if not a.controller and (a.rid == 500 or reaches(a))}


class Site:
    """The directory as its own database holds it, and the product's verdicts on what it could read."""

    def __init__(self, raw: Raw, outcomes: list[Outcome], now: float) -> None:
        self.accounts = [Account(item, raw["sid"], now) for item in raw["accounts"]]
        self.privileged = privileged(self.accounts, raw["groups"], raw["sid"])
        self.outcomes = {outcome.control: outcome for outcome in outcomes if outcome.control.startswith("AD-")}
        self.hosts = {"tilleuls.test"}
        for account in self.accounts:
            if account.controller:
                short = account.raw["sAMAccountName"][0].rstrip("$").lower()
                self.hosts |= {short, f"{short}.tilleuls.test"}


def seeded(info: runner.LabInfo, folder: Path, objects: list[Raw]) -> Raw:
    """Write the objects and return what the database holds."""
    private = Path(info.root) / "state" / "dc" / "private"
    settings = folder / "smb.conf"
    role = "active directory domain controller"
    settings.write_text(
        f"[global]\nworkgroup = TILLEULS\nrealm = TILLEULS.TEST\nserver role = {role}\nprivate dir = {private}\n"
    )
    done = subprocess.run(
        ["/usr/bin/python3", "-W", "ignore", str(SCRIPT), str(private / "sam.ldb"), str(settings)],
        input=json.dumps(objects),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    problems = runner.doctor()
    if problems:
        pytest.skip(" ; ".join(problems))
    name = unique_name("indep")
    try:
        info = runner.up(name)
        raw = seeded(info, tmp_path_factory.mktemp("indep"), made_up(random.Random(SEED)))
        facts = msgspec.json.decode(collected(info), type=AdFacts)
        now = dt.datetime.now(dt.UTC)
        yield Site(raw, evaluate_facts(CATALOGUE.domains["ad"], facts, Context(now=now)), now.timestamp())
    finally:
        runner.down(name)


EXPECTED: dict[str, Callable[[Account, Site], object]] = {
    "AD-DLG-001": lambda a, _: a.enabled and a.group != 516 and a.uac & 0x80000,
    "AD-DLG-002": lambda a, s: a.enabled and not a.uac & 0x1000000 and a.aims(s.hosts),
    "AD-DLG-003": lambda a, s: a.enabled and a.uac & 0x1000000 and a.aims(s.hosts),
    "AD-KRB-002": lambda a, s: a.sid in s.privileged and a.uac & 0x400000,
    "AD-KRB-003": lambda a, s: a.enabled and a.sid not in s.privileged and a.uac & 0x400000,
    "AD-KRB-004": lambda a, s: a.enabled and a.user and a.sid in s.privileged and a.spns,
    "AD-KRB-005": lambda a, _: (
        a.enabled and a.user and a.spns and (not (a.ciphers or 0) & 0x18 or a.password_over(365))
    ),
    "AD-KRB-006": lambda a, _: (
        a.enabled
        and not (a.computer or a.trust)
        and a.spns
        and (a.ciphers is None or a.ciphers & 3 or not a.ciphers & 0x18)
    ),
    "AD-KRB-007": lambda a, _: a.uac & 0x200000,
    "AD-PRV-003": lambda a, s: a.enabled and a.sid in s.privileged and a.uac & 0x10000,
    "AD-PRV-004": lambda a, s: a.enabled and a.sid in s.privileged and a.password_over(1095),
    "AD-PRV-006": lambda a, s: a.sid in s.privileged and a.raw.get("adminCount") != ["1"] and a.created() > 1 / 24,
    "AD-PRV-007": lambda a, s: a.sid in s.privileged and a.uac & 0x80,
    "AD-ACC-002": lambda a, _: a.enabled and a.user and a.rid != 500 and a.silent(180),
    "AD-ACC-003": lambda a, _: a.group < 1000 and a.group not in a.expected_group(),
    "AD-ACC-004": lambda a, _: a.group not in a.expected_group(),
    "AD-ACC-006": lambda a, _: a.enabled and not a.trust and a.uac & 0x20 and not a.waiting(),
    "AD-ACC-008": lambda a, _: a.evil_history(),
    "AD-ACC-009": lambda a, _: a.raw.get("sIDHistory"),
    "AD-ACC-012": lambda a, _: a.enabled and not a.controller and a.waiting(),
    "AD-SRV-001": lambda a, _: a.enabled and a.server and a.password_over(90),
    "AD-SRV-002": lambda a, _: a.enabled and a.server and a.password_over(45),
    "AD-SRV-003": lambda a, _: a.enabled and a.server and a.silent(90),
}


@pytest.mark.parametrize("control", EXPECTED)
def test_the_same_accounts_are_pointed_at(site: Site, control: str) -> None:
    wanted = {a.sid for a in site.accounts if EXPECTED[control](a, site)}
    assert wanted, "the random directory should give this control something to find"
    outcome = site.outcomes[control]
    assert outcome.verdict == "fail"
    assert {item.id for item in outcome.affected} == wanted


@pytest.mark.parametrize(
    ("control", "base", "test"),
    [
        ("AD-ACC-001", lambda a: a.enabled and (a.user or a.computer), lambda a: a.dormant()),
        ("AD-ACC-010", lambda a: a.enabled and a.user, lambda a: a.uac & 0x10000),
    ],
)
def test_the_same_shares_are_counted(
    site: Site, control: str, base: Callable[[Account], bool], test: Callable[[Account], object]
) -> None:
    population = [a for a in site.accounts if base(a)]
    wrong = [a for a in population if test(a)]
    limit = {"AD-ACC-001": 25, "AD-ACC-010": 10}[control]
    outcome = site.outcomes[control]
    assert outcome.evidence[0].value.startswith(f"{len(wrong)} sur {len(population)} (")
    assert outcome.verdict == ("fail" if 100 * len(wrong) > limit * len(population) else "pass")


def test_privileged_accounts_are_counted_alike(site: Site) -> None:
    number = sum(not sid.endswith("-500") for sid in site.privileged)
    assert site.outcomes["AD-PRV-001"].evidence[0].value.startswith(f"{number} (")
