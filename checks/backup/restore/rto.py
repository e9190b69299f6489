"""How long a full restore would take: a model fitted on timed restores of different sizes.

    T = a + b·bytes + c·files + d·(paths asked for - 1)

`a` is what every restore costs (the program starts, opens the repository, reads its index), `b` and `c` what each byte
and file cost. `d` is what the search of each path asked for costs: restoring 400 chosen files is slower, for each
file, than restoring everything, and without that term the estimate would be several times too long. A full restore
asks for one path.

Coefficients are not negative (a restore does not get faster with more files), fitted by least squares of the relative
error: a second matters on a short restore and not on a long one. Four unknowns at most: every subset of the terms is
solved and the best one without a negative value is the answer, which is exactly what non-negative least squares asks.

The interval is a judgement, not a confidence level. It widens with the misfit of the model, and with the distance
between what was restored and what would be: by a factor 1.5 at least, and up to 4 for a thousand times more.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

from checks.backup.facts import RtoEstimate, Timing
from checks.model import Gap, Reason

MIN_TIMINGS = 3
NARROWEST = 1.5
"""Least factor between the estimate and each bound: the place of a real restore is never the one of the test."""
WIDEST = 10.0
PER_DECADE = 0.35
"""How much of the factor each ten times more than the largest timed restore adds."""
MISFIT = 2.0
"""Residuals, in standard deviations, that the bounds hold."""
_FLOOR = 0.05
"""Seconds: a shorter restore is timed with no better precision."""
EXCLUDED = (
    "la remise en route des serveurs, des machines virtuelles et des logiciels, la vérification par les utilisateurs",
    "la remise en état ou le remplacement du matériel, et l'analyse qui précède une restauration après une attaque",
    "la différence entre ce poste et la machine qui recevra vraiment les données (disque, processeur, réseau)",
    "le ralentissement du dépôt quand plusieurs restaurations tournent ensemble",
)
"""What the figure does not hold."""


def estimate(
    timings: Sequence[Timing],
    *,
    total_bytes: int,
    total_files: int,
    human_seconds: float = 0.0,
    link_bytes_per_second: float | None = None,
) -> RtoEstimate | Gap:
    """Time of a full restore, with its interval; a `Gap` when the timings cannot tell.

    Sizes are bytes once restored, times are seconds.
    """
    usable = fastest(one for one in timings if one.files > 0 and one.seconds > 0 and math.isfinite(one.seconds))
    if len(usable) < MIN_TIMINGS or len({(one.bytes, one.files) for one in usable}) < MIN_TIMINGS:
        detail = (
            f"Il faut {MIN_TIMINGS} restaurations chronométrées de tailles différentes pour estimer une durée "
            f"(faites : {len(usable)})."
        )
        return Gap(reason=Reason.UNSUPPORTED, detail=detail)
    if total_files <= 0:
        return Gap(reason=Reason.UNSUPPORTED, detail="Le nombre de fichiers à restaurer n'est pas connu.")
    base, per_byte, per_file, per_path = fit(usable)
    machine = base + per_byte * total_bytes + per_file * total_files
    # What was measured to take some time cannot take less for more of it.
    machine = max(
        machine,
        *(
            one.seconds - per_path * max(0, one.selected - 1)
            for one in usable
            if _within(one, total_bytes, total_files)
        ),
        0.0,
    )
    factor = spread(usable, (base, per_byte, per_file, per_path), total_bytes, total_files)
    floor = total_bytes / link_bytes_per_second if link_bytes_per_second else 0.0
    return RtoEstimate(
        seconds=round(max(machine, floor) + human_seconds, 3),
        low=round(max(machine / factor, floor) + human_seconds, 3),
        high=round(max(machine * factor, floor) + human_seconds, 3),
        bytes=total_bytes,
        files=total_files,
        base_seconds=round(base, 3),
        bytes_per_second=round(1 / per_byte, 1) if per_byte > 0 else None,
        files_per_second=round(1 / per_file, 3) if per_file > 0 else None,
        link_bytes_per_second=link_bytes_per_second,
        human_seconds=human_seconds,
        timings=tuple(timings),
        excluded=EXCLUDED,
    )


def fastest(timings: Iterable[Timing]) -> list[Timing]:
    """Of restores of the same files, the fastest: what slowed the other down was something else on the machine."""
    found: dict[tuple[int, int, int], Timing] = {}
    for one in timings:
        known = found.setdefault((one.bytes, one.files, one.selected), one)
        if one.seconds < known.seconds:
            found[one.bytes, one.files, one.selected] = one
    return list(found.values())


def _within(one: Timing, total_bytes: int, total_files: int) -> bool:
    return one.bytes <= total_bytes and one.files <= total_files


def fit(timings: Sequence[Timing]) -> tuple[float, float, float, float]:
    """The four coefficients, none negative; seconds, seconds a byte, a file, a path."""
    rows = [_row(one) for one in timings]
    times = [one.seconds for one in timings]
    weights = [1 / max(one.seconds, _FLOOR) for one in timings]
    # Scaled, so that bytes and files weigh the same in the arithmetic.
    scales = [max(abs(row[column]) for row in rows) or 1.0 for column in range(4)]
    scaled = [
        [value / scale * weight for value, scale in zip(row, scales, strict=True)]
        for row, weight in zip(rows, weights, strict=True)
    ]
    wanted = [time * weight for time, weight in zip(times, weights, strict=True)]
    best, best_error = [0.0] * 4, math.inf
    for size in range(1, 5):
        for columns in itertools.combinations(range(4), size):
            found = _least_squares([[row[column] for column in columns] for row in scaled], wanted)
            if found is None or min(found) < 0:
                continue
            full = [0.0] * 4
            for column, value in zip(columns, found, strict=True):
                full[column] = value
            error = sum(
                (sum(a * b for a, b in zip(row, full, strict=True)) - value) ** 2
                for row, value in zip(scaled, wanted, strict=True)
            )
            if error < best_error * (1 - 1e-9):
                best, best_error = full, error
    base, per_byte, per_file, per_path = (value / scale for value, scale in zip(best, scales, strict=True))
    return base, per_byte, per_file, per_path


def _row(one: Timing) -> tuple[float, float, float, float]:
    return 1.0, float(one.bytes), float(one.files), float(max(0, one.selected - 1))


def _least_squares(rows: list[list[float]], wanted: list[float]) -> list[float] | None:
    """Solve the normal equations by elimination; None when the columns do not tell each other apart."""
    size = len(rows[0])
    matrix = [
        [sum(row[i] * row[j] for row in rows) for j in range(size)]
        + [sum(row[i] * value for row, value in zip(rows, wanted, strict=True))]
        for i in range(size)
    ]
    largest = max(abs(matrix[i][i]) for i in range(size))
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(matrix[row][column]))
        if abs(matrix[pivot][column]) <= largest * 1e-10:
            return None
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        for row in range(size):
            if row != column:
                ratio = matrix[row][column] / matrix[column][column]
                matrix[row] = [a - ratio * b for a, b in zip(matrix[row], matrix[column], strict=True)]
    return [matrix[i][size] / matrix[i][i] for i in range(size)]


def spread(timings: Sequence[Timing], coefficients: Sequence[float], total_bytes: int, total_files: int) -> float:
    """Factor between the estimate and each bound of its interval; see the module."""
    errors = []
    for one in timings:
        expected = sum(a * b for a, b in zip(_row(one), coefficients, strict=True))
        errors.append((expected - one.seconds) / max(one.seconds, _FLOOR))
    freedom = max(1, len(timings) - sum(1 for value in coefficients if value > 0))
    deviation = math.sqrt(sum(error * error for error in errors) / freedom)
    ratios = (
        total_bytes / max(1, *(one.bytes for one in timings)),
        total_files / max(1, *(one.files for one in timings)),
    )
    decades = max(0.0, math.log10(max(1.0, *ratios)))
    return min(WIDEST, NARROWEST * (1 + PER_DECADE * decades) * (1 + MISFIT * deviation))
