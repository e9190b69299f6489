"""A third-party domain, installed the way a third party would: a package and an entry point, no edit of ours."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

CATALOGUE = """
[domain]
id = "acme"
title = "Acme"
prefix = "ACME"
facts = "rooms:AcmeFacts"
facts_version = 1
config = "rooms:AcmeConfig"
collect = "rooms:collect"

[[control]]
id = "ACME-A-001"
version = 1
title = "Le compteur est pair"
why = "Parce que."
severity = "high"
check = "parity.even"

[[control]]
id = "ACME-A-002"
version = 1
title = "Le contrôle tient debout"
why = "Parce que."
severity = "low"
check = "parity.crash"
"""

ROOMS = """
from __future__ import annotations
import ctypes, os, socket, time
from checks.model import CollectError, Gap, Reason, Record

class AcmeConfig(Record, frozen=True, kw_only=True):
    behaviour: str = "ok"
    host: str = "127.0.0.1"
    port: int = 1
    password_from: str = ""
    marker: str = ""
    def targets(self):
        return (self.host,)

class AcmeFacts(Record, frozen=True, kw_only=True):
    number: int | Gap
    seen: str = ""

def collect(request, network, progress):
    config = request.config
    progress("au travail")
    if config.marker:
        with open(config.marker, "a") as file:
            file.write("x")
    if config.behaviour == "hang":
        time.sleep(600)
    if config.behaviour == "hang_once" and len(open(config.marker).read()) == 1:
        time.sleep(600)
    if config.behaviour == "memory":
        kept = bytearray(4 << 30)
    if config.behaviour == "segv":
        ctypes.string_at(0)
    if config.behaviour == "raise":
        raise RuntimeError("secret " + request.secret(config.password_from))
    if config.behaviour == "unreachable":
        raise CollectError(Reason.UNREACHABLE, "Le serveur ne répond pas.")
    if config.behaviour == "elsewhere":
        socket.create_connection(("192.0.2.1", 80), 1)
    if config.behaviour == "flood":
        for _ in range(300):
            os.write(1, b"x" * 32768)
        progress("z" * 5_000_000)
        progress("\\x1b[2J [bold]")
    if config.behaviour == "fork":
        os.fork() or time.sleep(600)
    if config.behaviour == "import":
        import there_is_no_such_module
    if config.behaviour == "print":
        print("noise on stdout"); os.write(1, b"more noise\\n")
    if config.behaviour == "environment":
        return AcmeFacts(number=2, seen=",".join(v for v in os.environ.values() if v == "hunter2"))
    return AcmeFacts(number=2)
"""

PARITY = """
from checks.model import Evidence, Gap, failed, not_assessed, passed

def even(facts, context):
    if isinstance(facts.number, Gap):
        return not_assessed("acme", facts.number)
    if facts.number % 2:
        return failed("acme", "Le compteur est impair.", Evidence(value=str(facts.number), source="acme"))
    return passed("acme", "Le compteur est pair.", Evidence(value=str(facts.number), source="acme"))

def crash(facts, context):
    raise RuntimeError("secret hunter2")
"""


def install(folder: Path) -> Path:
    """Write the package and its metadata; put `folder` on PYTHONPATH to install it."""
    package = folder / "acme_checks"
    (package / "controls").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "catalogue.toml").write_text(CATALOGUE, "utf-8")
    (package / "rooms.py").write_text(ROOMS, "utf-8")
    (package / "controls" / "__init__.py").write_text("")
    (package / "controls" / "parity.py").write_text(PARITY, "utf-8")
    info = folder / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ausculte.checks]\nacme = acme_checks\n")
    return folder


def profile(folder: Path, *, acme: str = "", mandate: str = "", extra: str = "") -> Path:
    """A site profile that only asks for the Acme domain on the loopback."""
    today = dt.datetime.now().astimezone().date()
    path = folder / "site.toml"
    path.write_text(
        f"""
schema = 1
[structure]
name = "EHPAD Les Tilleuls"
[mandate]
authorised_by = "Mme Durand"
signed_on = {today}
valid_from = {today - dt.timedelta(days=1)}
valid_to = {today + dt.timedelta(days=1)}
emergency_contact = "06"
networks = ["127.0.0.1"]
{mandate}
{extra}
[acme]
{acme}
""",
        "utf-8",
    )
    return path
