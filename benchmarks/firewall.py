"""How fast firewall rule sets are examined, beside the shade check of aerleon, in one run on one core.

Synthetic policies with object groups (`firewall_policies.py`), parsing excluded, each in its own process so that its
peak memory is its own:

- rules never reached, with their smallest blocking sets: 1,000, 10,000 and 50,000 rules;
- every anomaly on 10,000 rules; the same with every interface `any`;
- a hostile policy of 10,000 rules, and how many questions were left as "undetermined: budget reached";
- aerleon's shade check on 2,000 rules (its parsing taken off), and what it finds of what we find;
- with `--dump FILE`, a real export from file to findings, controls included.

aerleon lives in its own virtual environment, made in the cache folder at the first run.

    python benchmarks/firewall.py [--quick] [--no-aerleon] [--dump FILE] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

AERLEON = "aerleon==1.18.0"
AERLEON_RULES = 2_000
AERLEON_RATIO = 100
DUMP_SECONDS = 5.0


class Case(NamedTuple):
    """One figure."""

    title: str
    shape: str
    """`zones`, `any` or `hostile`."""
    rules: int
    everything: bool
    """All anomalies, not only rules that are never reached."""
    seconds: float
    """Target."""
    megabytes: int = 500
    slow: bool = False


CASES = (
    Case("1 000 règles, règles jamais atteintes", "zones", 1_000, False, 0.2),
    Case("10 000 règles, règles jamais atteintes", "zones", 10_000, False, 2.0),
    Case("50 000 règles, règles jamais atteintes", "zones", 50_000, False, 20.0, slow=True),
    Case("10 000 règles, toutes les anomalies", "zones", 10_000, True, 10.0),
    Case("10 000 règles sans interface, toutes les anomalies", "any", 10_000, True, 10.0),
    Case("10 000 règles hostiles, règles jamais atteintes", "hostile", 10_000, False, 15.0, slow=True),
)


def policy(shape: str, rules: int) -> Any:
    """A synthetic device."""
    from firewall_policies import crossed, realistic

    makers: dict[str, Callable[[], Any]] = {
        "zones": lambda: realistic(rules),
        "any": lambda: realistic(rules, zones=False),
        "hostile": lambda: crossed(rules),
    }
    return makers[shape]()


def measure(shape: str, rules: int, everything: bool) -> dict[str, Any]:
    """Child side of one case: CPU and wall seconds of the examination, peak memory, what was found."""
    from checks.firewall.algebra.rules import device_anomalies

    device = policy(shape, rules)
    start, cpu = time.perf_counter(), time.process_time()
    found = device_anomalies(device, pairs=everything)
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "kinds": Counter(f"{anomaly.kind} {anomaly.direction}".strip() for anomaly in found),
        "budget": sum(anomaly.why == "budget" for anomaly in found),
        "dead": [anomaly.rule.ref for anomaly in found if anomaly.kind in ("shadowed", "redundant")
                 and anomaly.direction != "downward"],
        "unions": sum(len(anomaly.related) > 1 for anomaly in found if anomaly.kind in ("shadowed", "redundant")
                      and anomaly.direction != "downward"),
    }  # fmt: skip


def child(*arguments: str, python: Path | str = sys.executable) -> dict[str, Any]:
    """Run this file in another process and read its last line."""
    done = subprocess.run([python, __file__, *arguments], check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


# ------------------------------------------------------------------------------------------------------ aerleon


def aerleon_python() -> Path:
    """Python of the environment that holds aerleon; made on the first run."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ausculte-bench" / "aerleon"
    python = cache / "bin" / "python"
    if not (cache / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", cache], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", AERLEON], check=True)
        (cache / "ready").touch()
    return python


def as_aerleon_sees(rules: int) -> dict[str, Any]:
    """The policy without interfaces, as named networks, named services and terms."""
    from checks.firewall.facts import Device

    device: Device = policy("any", rules)
    networks = [f"NET{number} = {' '.join(_cidrs(fact.ranges))}" for number, fact in enumerate(device.addresses)]
    services = [f"SRV{number} = {' '.join(_ports(fact.services))}" for number, fact in enumerate(device.services)]
    terms = []
    for rule in device.chains[0].rules:
        lines = [
            f"  {side}-address:: NET{number}"
            for side, number in (("source", rule.source), ("destination", rule.destination))
            if "0.0.0.0/0" not in device.addresses[number].ranges
        ]
        if "any" not in device.services[rule.services].services:
            protocols = sorted({text.partition("/")[0] for text in device.services[rule.services].services})
            lines += [f"  destination-port:: SRV{rule.services}", f"  protocol:: {' '.join(protocols)}"]
        lines.append(f"  action:: {'accept' if rule.action == 'permit' else 'deny'}")
        terms.append(f"term t{rule.ref} {{\n" + "\n".join(lines) + "\n}\n")
    return {
        "networks": networks,
        "services": services,
        "policy": "header {\n  target:: cisco bench\n}\n" + "".join(terms),
    }


def _cidrs(ranges: tuple[str, ...]) -> list[str]:
    import ipaddress

    found: list[str] = []
    for text in ranges:
        low, dash, high = text.partition("-")
        if not dash:
            found.append(text)
        else:
            ends = ipaddress.IPv4Address(low), ipaddress.IPv4Address(high)
            found += [str(network) for network in ipaddress.summarize_address_range(*ends)]
    return found


def _ports(services: tuple[str, ...]) -> list[str]:
    found = []
    for text in services:
        protocol, _, ports = text.partition("/")
        found.append(f"{ports or '0-65535'}/{protocol}" if protocol in ("tcp", "udp") else "0-65535/tcp")
    return found


def run_aerleon(path: str) -> dict[str, Any]:
    """Child side, in aerleon's environment: seconds with and without the shade check, and what it says."""
    import logging
    import re

    from aerleon.lib import naming  # type: ignore[import-not-found]
    from aerleon.lib import policy as aerleon_policy

    given = json.loads(Path(path).read_text())
    definitions = naming.Naming()
    definitions.ParseNetworkList(given["networks"])
    definitions.ParseServiceList(given["services"])
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger = logging.getLogger()
    logger.addHandler(Listener())
    logger.setLevel(logging.WARNING)
    figures = {}
    for name, check in (("plain", False), ("checked", True)):
        start = time.perf_counter()
        aerleon_policy.ParsePolicy(given["policy"], definitions, shade_check=check)
        figures[name] = time.perf_counter() - start
    shaded = {found[1] for text in said if (found := re.search(r"t(\d+) is shaded by", text))}
    return {"seconds": figures["checked"] - figures["plain"], "shaded": sorted(shaded)}


def compare_with_aerleon() -> dict[str, Any]:
    """The same policy for both, in the same run."""
    ours = child("--case", "any", str(AERLEON_RULES), "0")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.json"
        path.write_text(json.dumps(as_aerleon_sees(AERLEON_RULES)))
        theirs = child("--as-aerleon", str(path), python=aerleon_python())
    dead = set(ours["dead"])
    return {
        "ours_seconds": ours["seconds"],
        "aerleon_seconds": theirs["seconds"],
        "ratio": theirs["seconds"] / ours["seconds"],
        "ours": len(dead),
        "unions": ours["unions"],
        "aerleon": len(theirs["shaded"]),
        "only_ours": len(dead - set(theirs["shaded"])),
        "only_aerleon": len(set(theirs["shaded"]) - dead),
    }


# --------------------------------------------------------------------------------------------------------- dump


def measure_dump(path: str) -> dict[str, Any]:
    """Child side: a real export, from the file to the verdicts."""
    from datetime import UTC, datetime

    from checks.catalogue import load_catalogue
    from checks.evaluate import evaluate_facts
    from checks.firewall.collect import read_input
    from checks.model import Context

    start = time.perf_counter()
    facts = read_input([path], {})
    if facts is None:
        raise SystemExit(f"{path}: not a firewall export")
    outcomes = evaluate_facts(load_catalogue().domains["firewall"], facts, Context(now=datetime.now(UTC)))
    return {
        "seconds": time.perf_counter() - start,
        "rules": sum(len(chain.rules) for device in facts.devices for chain in device.chains),
        "outcomes": Counter(str(outcome.verdict) for outcome in outcomes),
    }


# --------------------------------------------------------------------------------------------------------- main


def main() -> int:
    """Print one line a figure; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the two longest cases")
    parser.add_argument("--no-aerleon", action="store_true")
    parser.add_argument("--dump", metavar="FILE", help="a real export")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--as-aerleon", help=argparse.SUPPRESS)
    parser.add_argument("--measure-dump", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        shape, rules, everything = options.case
        print(json.dumps(measure(shape, int(rules), everything == "1")))
        return 0
    if options.as_aerleon:
        print(json.dumps(run_aerleon(options.as_aerleon)))
        return 0
    if options.measure_dump:
        print(json.dumps(measure_dump(options.measure_dump)))
        return 0
    return report(options)


def report(options: argparse.Namespace) -> int:
    """Run everything, print, and tell whether every target is met."""
    results: dict[str, Any] = {}
    missed = 0
    for case in CASES:
        if options.quick and case.slow:
            continue
        found = child("--case", case.shape, str(case.rules), "1" if case.everything else "0")
        met = found["seconds"] <= case.seconds and found["megabytes"] <= case.megabytes
        missed += not met
        kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(found["kinds"].items()))
        print(
            f"{'ok    ' if met else 'MISSED'} {case.title} : {found['seconds']:.2f} s (cible {case.seconds:g}), "
            f"{found['megabytes']:.0f} Mo (cible {case.megabytes}), budget atteint {found['budget']} fois ; {kinds}"
        )
        results[case.title] = {key: found[key] for key in ("seconds", "cpu_seconds", "megabytes", "kinds", "budget")}
    if not options.no_aerleon:
        found = compare_with_aerleon()
        met = found["ratio"] >= AERLEON_RATIO
        missed += not met
        print(
            f"{'ok    ' if met else 'MISSED'} aerleon, {AERLEON_RULES} règles : {found['aerleon_seconds']:.1f} s "
            f"contre {found['ours_seconds']:.3f} s, rapport {found['ratio']:.0f} (cible {AERLEON_RATIO}) ; jamais "
            f"atteintes : {found['ours']} dont {found['unions']} par union, aerleon {found['aerleon']} ; "
            f"vues de nous seuls {found['only_ours']}, d'aerleon seul {found['only_aerleon']}"
        )
        results["aerleon"] = found
    if options.dump:
        found = child("--measure-dump", options.dump)
        met = found["seconds"] <= DUMP_SECONDS
        missed += not met
        print(
            f"{'ok    ' if met else 'MISSED'} export réel : {found['rules']} règles, du fichier aux verdicts en "
            f"{found['seconds']:.2f} s (cible {DUMP_SECONDS:g}) ; {found['outcomes']}"
        )
        results["dump"] = found
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1, ensure_ascii=False))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
