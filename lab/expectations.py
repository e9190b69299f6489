"""The answer key of the lab: which verdict every control must reach, and how a run differs from it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from lab.paths import CODE


class Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One expected verdict."""

    control: str
    subject: str
    verdict: str
    reason: str = ""
    """Only for `not_assessed`."""
    affected: tuple[str, ...] = ()
    """Labels of the objects concerned, in any order; empty when the finding is not about objects."""


def expected(state: str) -> tuple[Expectation, ...]:
    """Read `expected/STATE.toml`."""
    text = (CODE / "expected" / f"{state}.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["expect"], tuple[Expectation, ...])


def differences(
    wanted: Iterable[Expectation],
    outcomes: Iterable[Mapping[str, Any]],
    subjects: Iterable[str] | None = None,
) -> list[str]:
    """Return one line per difference between the key and the outcomes of a run (as in `run.json`).

    An expectation without outcome and an outcome nobody expects are differences too. `subjects` limits the
    comparison when the audit looked at a part of the site.
    """
    kept = None if subjects is None else set(subjects)
    key = {(e.control, e.subject): e for e in wanted if kept is None or e.subject in kept}
    found = {(o["control"], o["subject"]): o for o in outcomes}
    lines = [f"{control} {subject}: no outcome" for control, subject in sorted(key.keys() - found.keys())]
    lines += [f"{control} {subject}: nobody expects it" for control, subject in sorted(found.keys() - key.keys())]
    for pair in sorted(key.keys() & found.keys()):
        lines += [f"{pair[0]} {pair[1]}: {text}" for text in _differs(key[pair], found[pair])]
    return lines


def _differs(wanted: Expectation, outcome: Mapping[str, Any]) -> list[str]:
    if outcome["verdict"] != wanted.verdict:
        reason = outcome.get("reason") or outcome.get("message", "")
        return [f"{outcome['verdict']} ({reason}) instead of {wanted.verdict}"]
    if wanted.reason and outcome.get("reason") != wanted.reason:
        return [f"reason {outcome.get('reason')!r} instead of {wanted.reason!r}"]
    labels = sorted(item["label"] for item in outcome.get("affected", ()))
    if wanted.affected and labels != sorted(wanted.affected):
        return [f"affected {labels} instead of {sorted(wanted.affected)}"]
    return []
