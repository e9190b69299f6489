"""Times the collection of a directory against ldapsearch, ldapdomaindump and bloodhound.py, in one run.

Every tool reads the same controller over LDAPS with the same account, as a whole process, in turn, several rounds;
medians are compared. Ours runs twice: the directory alone (all partitions, up to the facts file on disk), which is what
the peers do, and the complete collection (SYSVOL and network questions as well). ldapsearch only asks for the domain
partition, with the same attributes, page size and descriptors. ldapdomaindump is run as its users run it (every output)
and, for information, with its JSON output alone.

    AUSCULTE_AD_PASSWORD=… python benchmarks/ad_collect.py --host dc1.tilleuls.test \
        --user audit-ausculte@tilleuls.test --ca ca.pem [--rounds 3] [--peer-python VENV/bin/python]

A peer that is not installed is said to be absent, never skipped in silence. Passwords go through the environment or
a private file, never through the arguments of a process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {"ldapsearch": 1.6, "ldapdomaindump": 8.0, "bloodhound": 10.0}
MAX_RSS_MIB = 150
WHOLE, LDAP_ONLY = "ausculte", "ausculte (LDAP only)"
TIME_LIMIT = 900

OURS = """
import datetime, os, socket, sys, tempfile
from pathlib import Path
import msgspec
from checks.ad.collect import collect
from checks.ad.config import AdConfig
from checks.model import FACTS_SCHEMA, CollectRequest, FactsFile

class Open:
    resolvers = ()
    def permit(self, host, port, protocol, purpose):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(item[4][0] for item in found))
    def permit_resolved(self, name, addresses, port, protocol, purpose):
        return addresses
    def connect(self, host, port, protocol, purpose, timeout):
        return socket.create_connection((host, port), timeout)

def now():
    return datetime.datetime.now(datetime.UTC)

host, user, ca, whole, target = sys.argv[1:6]
extra = {} if whole == "whole" else {"sysvol": False, "smb": False, "ldap_probes": False}
config = AdConfig(servers=(host,), user=user, ca_file=ca, **extra)
started = now()
request = CollectRequest(config=config, secret=lambda _: os.environ["BENCH_PASSWORD"], clock=now)
facts = collect(request, Open(), lambda step, done=0, total=None: None)
envelope = FactsFile(schema=FACTS_SCHEMA, domain="ad", facts_version=1, tool_version="bench", started=started,
                     finished=now(), targets=(host,), data=msgspec.Raw(msgspec.json.encode(facts)))
Path(target).write_bytes(msgspec.json.encode(envelope))
print(facts.collection.objects, len(facts.accounts), len(facts.groups))
"""

LDAPDOMAINDUMP = """
import os, sys
from ldapdomaindump import main
host, user, folder, *only = sys.argv[1:]
name, _, domain = user.partition("@")
login = domain.partition(".")[0].upper() + chr(92) + name
sys.argv = ["ldapdomaindump", "-u", login, "-p", os.environ["BENCH_PASSWORD"], "-at", "SIMPLE", "-o", folder,
            *only, f"ldaps://{host}"]
main()
"""

# bloodhound.py only knows NTLM (Sicily) and Kerberos binds, which Samba does not take from it: its connections are
# made with a simple bind instead. Nothing else of the tool is changed.
BLOODHOUND = """
import os, sys
import ldap3
import bloodhound, bloodhound.ad.authentication as authentication
host, user, resolver, folder = sys.argv[1:5]
name, _, domain = user.partition("@")
original = authentication.Connection
def simple(server, user=None, password=None, authentication=None, **kept):
    return original(server, user=f"{name}@{domain}", password=password, authentication=ldap3.SIMPLE, **kept)
authentication.Connection = simple
os.chdir(folder)
sys.argv = ["bloodhound-python", "-u", name, "-p", os.environ["BENCH_PASSWORD"], "-d", domain, "-dc", host,
            "-c", "DCOnly", "--zip", "--use-ldaps", "--auth-method", "ntlm", "-ns", resolver]
bloodhound.main()
"""


class Sample(NamedTuple):
    """One process: seconds, CPU seconds, peak memory, size of what it wrote."""

    seconds: float
    cpu: float
    rss_mib: float
    written: int


class Tool(NamedTuple):
    """A command and where it writes; `missing` says why it cannot run."""

    name: str
    command: Callable[[Path], list[str]]
    missing: str = ""


def run_once(tool: Tool, environment: dict[str, str]) -> Sample:
    """Run a tool in a fresh folder; raises `RuntimeError` when it fails."""
    with tempfile.TemporaryDirectory(prefix="bench-ad-") as temporary:
        folder = Path(temporary)
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            started = time.perf_counter()
            process = subprocess.Popen(
                tool.command(folder), stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment
            )
            try:
                _, status, usage = os.wait4(process.pid, 0)
            except BaseException:
                process.kill()
                raise
            seconds = time.perf_counter() - started
        if os.waitstatus_to_exitcode(status) != 0:
            said = "".join((folder / name).read_text(errors="replace") for name in ("stdout", "stderr"))
            raise RuntimeError(f"{tool.name} failed: {' '.join(said.strip().splitlines()[-1:])[:200]}")
        written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return Sample(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, written)


def tools(options: argparse.Namespace, password_file: Path) -> list[Tool]:
    """The tools to compare, ours first."""
    from checks.ad.readers.domain import DOMAIN_ATTRIBUTES

    python, peer = sys.executable, options.peer_python or sys.executable
    base = ",".join(f"DC={part}" for part in options.user.partition("@")[2].split("."))

    def ours(whole: str) -> Callable[[Path], list[str]]:
        return lambda folder: [
            *(python, "-c", OURS, options.host, options.user, options.ca, whole),
            str(folder / "facts.json"),
        ]

    def ldapdomaindump(*only: str) -> Callable[[Path], list[str]]:
        return lambda folder: [peer, "-c", LDAPDOMAINDUMP, options.host, options.user, str(folder), *only]

    def ldapsearch(_: Path) -> list[str]:
        return [
            *("timeout", str(TIME_LIMIT), "ldapsearch", "-x", "-LLL", "-H", f"ldaps://{options.host}"),
            *("-D", options.user, "-y", str(password_file), "-b", base),
            *("-E", "pr=1000/noprompt", "-E", "!1.2.840.113556.1.4.801=::MAMCAQc=", "(objectClass=*)"),
            *DOMAIN_ATTRIBUTES,
            "nTSecurityDescriptor",
        ]

    return [
        Tool(WHOLE, ours("whole")),
        Tool(LDAP_ONLY, ours("ldap")),
        Tool("ldapsearch", ldapsearch, "" if shutil.which("ldapsearch") else "ldapsearch is not installed"),
        Tool("ldapdomaindump", ldapdomaindump(), absent(peer, "ldapdomaindump")),
        Tool(
            "ldapdomaindump (JSON)",
            ldapdomaindump("--no-html", "--no-grep"),
            absent(peer, "ldapdomaindump"),
        ),
        Tool(
            "bloodhound",
            lambda folder: [
                *(peer, "-c", BLOODHOUND, options.host, options.user),
                *(options.resolver, str(folder)),
            ],
            absent(peer, "bloodhound"),
        ),
    ]


def absent(python: str, module: str) -> str:
    """Why a peer cannot run; empty when it can."""
    found = subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False)
    return "" if found.returncode == 0 else f"{module} is not installed for {python} (extra: bench)"


def measure(options: argparse.Namespace, password: str) -> tuple[dict[str, list[Sample]], dict[str, str]]:
    """Rounds of every tool in turn, and why some have no sample."""
    environment = os.environ | {
        "BENCH_PASSWORD": password,
        "PYTHONPATH": str(ROOT),
        "LDAPTLS_CACERT": options.ca,
    }
    with tempfile.TemporaryDirectory(prefix="bench-ad-") as temporary:
        password_file = Path(temporary) / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        listed = tools(options, password_file)
        problems = {tool.name: tool.missing for tool in listed if tool.missing}
        samples: dict[str, list[Sample]] = {}
        for number in range(options.rounds):
            for tool in listed:
                if tool.name in problems:
                    continue
                try:
                    sample = run_once(tool, environment)
                except RuntimeError as error:
                    problems[tool.name] = str(error)
                    continue
                samples.setdefault(tool.name, []).append(sample)
                print(f"round {number + 1}: {tool.name:22s} {sample.seconds:7.2f} s", file=sys.stderr, flush=True)
    return samples, problems


def verdicts(samples: dict[str, list[Sample]]) -> dict[str, dict[str, float | bool | str]]:
    """Ratios of medians and whether each holds its limit.

    The limits are those of reading the directory, from bind to facts on disk: the peers only speak LDAP. The same
    ratios for our whole collection, SYSVOL and network questions included, are printed beside them.
    """
    median = {name: statistics.median(s.seconds for s in found) for name, found in samples.items()}
    memory = max(s.rss_mib for s in samples[WHOLE])
    found: dict[str, dict[str, float | bool | str]] = {
        "peak memory (MiB)": {"value": memory, "limit": MAX_RSS_MIB, "holds": memory <= MAX_RSS_MIB, "whole": memory}
    }
    for peer in ("ldapsearch", "ldapdomaindump", "bloodhound"):
        if peer not in median:
            continue
        own, whole, limit = median[LDAP_ONLY], median[WHOLE], LIMITS[peer]
        if peer == "ldapsearch":
            ratio, name, all_included = own / median[peer], f"times {peer}", whole / median[peer]
        else:
            ratio, name, all_included = median[peer] / own, f"faster than {peer}", median[peer] / whole
        holds = ratio <= limit if peer == "ldapsearch" else ratio >= limit
        found[name] = {"value": ratio, "limit": limit, "holds": holds, "whole": all_included}
    return found


def main() -> int:
    """Measure, print, and fail when a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", required=True)
    parser.add_argument("--user", required=True, help="account@domain")
    parser.add_argument("--password-env", default="AUSCULTE_AD_PASSWORD")
    parser.add_argument("--ca", required=True, help="PEM file of the authority")
    parser.add_argument("--resolver", default="", help="DNS server for bloodhound.py; default: the host")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-python", default="", help="interpreter that has ldapdomaindump and bloodhound")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if not options.resolver:
        import socket

        options.resolver = socket.gethostbyname(options.host)
    samples, problems = measure(options, os.environ[options.password_env])
    if WHOLE not in samples or LDAP_ONLY not in samples:
        print(problems.get(WHOLE) or problems.get(LDAP_ONLY, "no sample"), file=sys.stderr)
        return 1
    found = verdicts(samples)
    if options.json:
        print(json.dumps({"samples": samples, "problems": problems, "verdicts": found}, indent=1))
    else:
        show(samples, problems, found)
    return 0 if all(item["holds"] for item in found.values()) else 1


def show(
    samples: dict[str, list[Sample]], problems: dict[str, str], found: dict[str, dict[str, float | bool | str]]
) -> None:
    """Print the table of medians and the ratios."""
    print(f"{'':24s} {'wall s':>8s} {'min–max':>15s} {'CPU s':>7s} {'RSS MiB':>8s} {'written MiB':>12s}")
    for name, listed in samples.items():
        walls = sorted(s.seconds for s in listed)
        print(
            f"{name:24s} {statistics.median(walls):8.2f} {f'{walls[0]:.2f}–{walls[-1]:.2f}':>15s} "
            f"{statistics.median(s.cpu for s in listed):7.2f} {max(s.rss_mib for s in listed):8.0f} "
            f"{statistics.median(s.written for s in listed) / 2**20:12.1f}"
        )
    for name, why in problems.items():
        print(f"{name:24s} not measured: {why}")
    for name, item in found.items():
        mark = "ok" if item["holds"] else "MISSED"
        print(
            f"{name:24s} {item['value']:8.2f}   limit {item['limit']:g}   {mark:6s}   everything: {item['whole']:.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
