"""What an export of 50 MB costs, vendor by vendor: read or clearly refused, in how long, with how much memory.

Each export is written by `tests/firewall/hostile.py`, then read in a process of its own that may not use more than
2 GB of address space. One line per syntax; the exit code is 1 when one crashes, takes over 60 s or over 1.5 GB.

    python benchmarks/firewall_hostile.py [--megabytes 50] [FORM…]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.firewall import hostile  # noqa: E402 - found beside this file

ADDRESS_SPACE = 2 << 30
SECONDS, MEGABYTES = 60.0, 1500


def write(form: str, size: int, folder: Path) -> list[Path]:
    """An export of at most `size` bytes, all files together."""
    writer = hostile.WRITERS[form]
    sample = 2000
    count = int(size * sample / sum(len(part) for part in writer(hostile.large(sample))))
    parts = writer(hostile.large(count))
    while sum(map(len, parts)) > size:
        count = count * 97 // 100
        parts = writer(hostile.large(count))
    paths = []
    for number, part in enumerate(parts):
        paths.append(folder / f"{form}-{number}")
        paths[-1].write_text(part, encoding="utf-8")
    return paths


def read(paths: list[str]) -> dict[str, object]:
    """Child side: read the files, and say what became of them."""
    from checks.firewall.parsers.registry import parse_files
    from checks.firewall.parsers.source import ParseError, decode

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    start = time.perf_counter()
    try:
        devices = parse_files([decode(Path(path).name, Path(path).read_bytes()) for path in paths])
        said = f"lu, {sum(len(chain.rules) for device in devices for chain in device.chains)} règles"
    except ParseError as refusal:
        said = f"refusé : {refusal}"
    return {
        "said": said,
        "seconds": time.perf_counter() - start,
        "megabytes": peak(),
    }


def peak() -> float:
    """Most memory this program held; `getrusage` would count what the parent held before it started this one."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(form: str, size: int) -> bool:
    """Print the line of one syntax; whether it is within bounds."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write(form, size, Path(folder))
        total = sum(path.stat().st_size for path in paths) / 1e6
        command = [sys.executable, __file__, "--read", *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{form:18} {total:5.1f} Mo  ÉCHEC : {done.stderr.strip().splitlines()[-1:]}", flush=True)
        return False
    found = json.loads(done.stdout)
    within = found["seconds"] <= SECONDS and found["megabytes"] <= MEGABYTES
    figures = f"{found['seconds']:6.1f} s {found['megabytes']:6.0f} Mo"
    print(f"{form:18} {total:5.1f} Mo {figures}  {'' if within else 'HORS LIMITE '}{found['said'][:90]}", flush=True)
    return within


def main() -> int:
    """Measure what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=50)
    parser.add_argument("--read", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("forms", nargs="*", metavar="FORM", default=list(hostile.WRITERS))
    arguments = parser.parse_args()
    if arguments.read:
        print(json.dumps(read(arguments.read)))
        return 0
    within = [measure(form, int(arguments.megabytes * 999_000)) for form in arguments.forms]
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
