"""CPU time of `ausculte --help` (target: at most 150 ms), and its ratio to a bare interpreter in the same run.

python benchmarks/startup.py [--runs N]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys

TARGET_MS = 150.0


def cpu_ms(argv: list[str]) -> float:
    """CPU milliseconds (user + system) of one finished child process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    commands = {
        "ausculte --help": [sys.executable, "-m", "agent", "--help"],
        "ausculte controls list": [sys.executable, "-m", "agent", "controls", "list"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    for argv in commands.values():
        cpu_ms(argv)  # warm the file cache
    samples: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, argv in commands.items():
            samples[name].append(cpu_ms(argv))
    bare = statistics.median(samples["python -c pass"])
    for name, values in samples.items():
        median = statistics.median(values)
        spread = f"min {min(values):.1f}, max {max(values):.1f}"
        print(f"{name:<24}{median:7.1f} ms CPU ({spread}), {median / bare:.1f} x bare interpreter")
    print(f"target: ausculte --help <= {TARGET_MS:.0f} ms CPU")


if __name__ == "__main__":
    main()
