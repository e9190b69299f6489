"""Wait until services answer: `probe.py SPEC.json`, run inside a namespace of the lab.

The specification is `{"timeout": s, "probes": [{"host", "address", "kind", "port", "target"}], "ca", "user",
"password_file", "base"}`. Exits 0 when all answered, 1 with one French line per silent service otherwise.
A real question is asked each time: an open port is not a service.
"""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

STEP = 0.05
"""Seconds between two rounds."""
ATTEMPT = 2.0
"""Seconds one question may take."""


def answers(probe: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Ask one service its question; False when it does not answer as it must."""
    try:
        return _QUESTIONS[probe["kind"]](probe, settings)
    except (OSError, smtplib.SMTPException, subprocess.SubprocessError):
        return False


def _tcp(probe: dict[str, Any], _: dict[str, Any]) -> bool:
    with socket.create_connection((probe["address"], probe["port"]), ATTEMPT):
        return True


def _smtp(probe: dict[str, Any], _: dict[str, Any]) -> bool:
    with smtplib.SMTP(probe["address"], probe["port"], "audit.tilleuls.test", ATTEMPT) as client:
        return client.noop()[0] == 250


def _https(probe: dict[str, Any], settings: dict[str, Any]) -> bool:
    context = ssl.create_default_context(cafile=settings["ca"])
    with (
        socket.create_connection((probe["address"], probe["port"]), ATTEMPT) as raw,
        context.wrap_socket(raw, server_hostname=probe["target"]) as tls,
    ):
        return tls.version() is not None


def _dns(probe: dict[str, Any], _: dict[str, Any]) -> bool:
    command = ["dig", "+short", "+time=1", "+tries=1", f"@{probe['address']}", "-p", str(probe["port"])]
    done = subprocess.run(
        [*command, probe["target"], "SOA"], check=False, capture_output=True, text=True, timeout=ATTEMPT
    )
    return done.returncode == 0 and len(done.stdout.split()) == 7


def _ldap(probe: dict[str, Any], settings: dict[str, Any]) -> bool:
    """Bind as the audit account over TLS, its certificate checked, and read the head of the domain."""
    command = ["ldapsearch", "-LLL", "-x", "-H", f"ldaps://{probe['host']}:{probe['port']}", "-s", "base"]
    command += ["-o", f"nettimeout={int(ATTEMPT)}", "-D", settings["user"], "-y", settings["password_file"]]
    done = subprocess.run(
        [*command, "-b", settings["base"], "objectSid"],
        check=False,
        capture_output=True,
        text=True,
        timeout=2 * ATTEMPT,
        env={"PATH": "/usr/bin:/bin", "LDAPTLS_CACERT": settings["ca"]},
    )
    return done.returncode == 0 and "objectSid::" in done.stdout


_QUESTIONS = {"tcp": _tcp, "smtp": _smtp, "https": _https, "dns": _dns, "ldap": _ldap}


def wait(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask every service until all answer or time is up; return those that never did."""
    deadline = time.monotonic() + settings["timeout"]
    silent = list(settings["probes"])
    while silent:
        silent = [probe for probe in silent if not answers(probe, settings)]
        if time.monotonic() > deadline:
            break
        time.sleep(STEP if silent else 0)
    return silent


def main(path: str) -> int:
    """Wait, then tell which services are silent."""
    silent = wait(json.loads(Path(path).read_text(encoding="utf-8")))
    for probe in silent:
        print(f"{probe['host']} : pas de réponse {probe['kind']} sur le port {probe['port']}")
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
