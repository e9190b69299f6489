"""How close the estimated time of a full restore is to the true one, with real restic and borg repositories.

Makes three corpora of different shapes, backs each up with restic and with borg on this machine, runs the restore
test of the agent on a sample bounded far below the corpus, then restores everything for real and compares. The human
steps are set to zero: they are declared and not measured. Target: the ratio is between 0.5 and 2.

The true restore uses the program's own command for everything, as a person would; it is made `--repeat` times, half
of them before the test and half after, and the median counts. All are printed: when they differ by more than half, the
machine was busy with something else and the ratio says nothing.

    python benchmarks/backup_restore.py [--scale 1.0] [--repeat 3] [--tool restic] [--corpus small] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from checks.backup.config import BackupConfig, RepositoryConfig, RestoreSettings
from checks.backup.facts import Repository, RtoEstimate
from checks.backup.restore.run import restore_tests
from checks.backup.technologies.base import Tools
from checks.backup.technologies.registry import technology
from checks.common.programs import Finished, run_program

PASSWORD = "only-for-this-benchmark"
TARGET = 2.0
WORDS = ("soin", "repas", "toilette", "kiné", "médecin", "famille", "visite", "traitement", "chute", "transmission")


# ------------------------------------------------------------------------------------------------------ corpora


def text(draw: random.Random, size: int) -> bytes:
    words = " ".join(draw.choices(WORDS, k=size // 6 + 1))
    return words.encode()[:size]


def small_files(root: Path, draw: random.Random, scale: float) -> None:
    """20,000 small texts in 100 folders of 10 services: a share of documents."""
    for number in range(int(20_000 * scale)):
        folder = root / f"service{number % 10}" / f"dossier{number % 100}"
        folder.mkdir(parents=True, exist_ok=True)
        size = min(200_000, int(draw.lognormvariate(8.5, 1.0)))
        (folder / f"note{number}.txt").write_bytes(text(draw, size) if number % 2 else draw.randbytes(size))


def huge_files(root: Path, draw: random.Random, scale: float) -> None:
    """12 files of 40 to 250 MB that do not compress: disk images and dumps."""
    for number in range(12):
        folder = root / f"serveur{number % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"disque{number}.vhdx").open("wb") as file:
            for _ in range(max(1, int((40 + number * 19) * scale))):
                file.write(draw.randbytes(1_000_000))


def mixed(root: Path, draw: random.Random, scale: float) -> None:
    """4,000 files of all sizes, a third of them copies of others, half of them compressible."""
    made: list[Path] = []
    for number in range(int(4000 * scale)):
        folder = root / f"commun{number % 7}" / f"annee{number % 23}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"f{number}.{('docx', 'pdf', 'xlsx', 'jpg', 'csv')[number % 5]}"
        if made and number % 3 == 0:
            shutil.copyfile(draw.choice(made), path)
            continue
        size = min(60_000_000, int(draw.lognormvariate(11, 1.8)))
        path.write_bytes(draw.randbytes(size) if number % 2 else text(draw, size))
        made.append(path)


CORPORA = {"small": small_files, "huge": huge_files, "mixed": mixed}


# -------------------------------------------------------------------------------------------------------- tools


class Machine:
    """The door of a worker, without a mandate: everything here is on this machine."""

    resolvers: tuple[tuple[str, int], ...] = ()

    def permit(self, host: str, *_: object) -> tuple[str, ...]:
        return (host,)

    def run(
        self, command: Sequence[str], _: str, *, seconds: float, max_bytes: int, environment: Mapping[str, str]
    ) -> Finished:
        return run_program(command, seconds=seconds, max_bytes=max_bytes, environment=environment)


def call(*command: str | Path, cwd: Path | None = None) -> float:
    """Run a program; seconds it took."""
    environment = {
        **os.environ,
        "RESTIC_PASSWORD": PASSWORD,
        "BORG_PASSPHRASE": PASSWORD,
        "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
    }
    begun = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, capture_output=True, cwd=cwd, env=environment)
    return time.perf_counter() - begun


def back_up(tool: str, repository: Path, corpus: Path) -> None:
    if tool == "restic":
        call("restic", "-r", repository, "init")
        call("restic", "-r", repository, "backup", corpus)
    else:
        call("borg", "init", "-e", "repokey-blake2", repository)
        call("borg", "create", f"{repository}::a", corpus)


def full_restore(tool: str, repository: Path, target: Path) -> float:
    """Everything, as a person would ask for it; seconds."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    if tool == "restic":
        return call("restic", "-r", repository, "restore", "latest", "--target", target, "--verify")
    return call("borg", "extract", f"{repository}::a", cwd=target)


# --------------------------------------------------------------------------------------------------------- main


def one(tool: str, name: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    corpus, repository = folder / name, folder / f"{name}-{tool}"
    back_up(tool, repository, corpus)
    settings = RepositoryConfig(label=name, technology=tool, location=str(repository), password_from="env:X")
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    config = BackupConfig(
        repositories=(settings,),
        restore=RestoreSettings(scratch=str(scratch), human_minutes=0, max_mib=arguments.max_mib, seed=arguments.seed),
    )
    tools = Tools(
        network=Machine(),
        secret=lambda _: PASSWORD,
        now=datetime.now(UTC),
        progress=lambda *_: None,
    )
    read: Repository = technology(tool).read(settings, tools)
    # Before and after: on a machine that is busy with something else, neither side is favoured.
    truths = [full_restore(tool, repository, folder / "target") for _ in range(arguments.repeat // 2)]
    begun = time.perf_counter()
    (test,) = restore_tests(config, (read,), (name,), tools)
    took = time.perf_counter() - begun
    truths += [full_restore(tool, repository, folder / "target") for _ in range(arguments.repeat - len(truths))]
    shutil.rmtree(folder / "target")
    shutil.rmtree(repository)
    truth = statistics.median(truths)
    if not isinstance(test.rto, RtoEstimate):
        raise SystemExit(f"{tool} {name}: no estimate ({test.rto.detail}; {test.gap})")
    return {
        "tool": tool,
        "corpus": name,
        "files": test.population,
        "bytes": test.population_bytes,
        "mib": round((test.population_bytes or 0) / (1 << 20)),
        "sample_files": test.restored,
        "sample_mib": round(test.bytes / (1 << 20)),
        "problems": len(test.problems),
        "test_seconds": round(took, 1),
        "estimate": round(test.rto.seconds, 1),
        "low": round(test.rto.low, 1),
        "high": round(test.rto.high, 1),
        "truth": round(truth, 1),
        "truths": [round(value, 1) for value in truths],
        "ratio": round(test.rto.seconds / truth, 2),
        "timings": [[one.bytes, one.files, one.seconds, one.selected] for one in test.rto.timings],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--max-mib", type=int, default=256)
    parser.add_argument("--tool", choices=("restic", "borg"))
    parser.add_argument("--corpus", choices=sorted(CORPORA))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="ausculte-bench-") as name:
        folder = Path(name)
        for corpus in [arguments.corpus] if arguments.corpus else CORPORA:
            (folder / corpus).mkdir()
            CORPORA[corpus](folder / corpus, random.Random(arguments.seed), arguments.scale)
            for tool in [arguments.tool] if arguments.tool else ("restic", "borg"):
                row = one(tool, corpus, folder, arguments)
                rows.append(row)
                print(
                    f"{tool:6} {corpus:6} {row['files']:>6} files {row['mib']:>5} MiB, "
                    f"sample {row['sample_files']} files {row['sample_mib']} MiB: "
                    f"estimate {row['estimate']} s [{row['low']} - {row['high']}], "
                    f"truth {row['truth']} s {row['truths']}, ratio {row['ratio']}, test {row['test_seconds']} s",
                    flush=True,
                )
            shutil.rmtree(folder / corpus)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    worst = max(max(row["ratio"], 1 / row["ratio"]) for row in rows)
    if busy := [f"{row['tool']} {row['corpus']}" for row in rows if max(row["truths"]) > 1.5 * min(row["truths"])]:
        print(f"busy machine, to be measured again: {', '.join(busy)}")
    print(f"worst factor {worst:.2f}, target {TARGET}")
    return 0 if worst <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
