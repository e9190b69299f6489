"""Attack chains: what must go wrong, step by step, for a disaster that directors can picture.

A step is open when one of its controls fails, closed when all that apply conform, unknown otherwise. A chain with
every step open can be walked today; one closed step cuts it. Steps are our reading of how ransomware reaches small
establishments; they name controls, and no official text.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from checks.model import Outcome, Verdict


class State(StrEnum):
    """Of one step."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class Step(NamedTuple):
    """One thing the attacker must manage, and the controls that say whether they would."""

    title: str
    """Infinitive, as it follows « il faut »."""
    controls: tuple[str, ...]


class Chain(NamedTuple):
    """A way to a disaster."""

    title: str
    steps: tuple[Step, ...]


class Walked(NamedTuple):
    """One step with what the audit found of it."""

    step: Step
    state: State
    failures: tuple[Outcome, ...]
    """What opens it."""
    seen: int
    """Controls of the step that were judged."""


_DIRECTORY = Step(
    "prendre le contrôle de l'annuaire",
    (
        "AD-NET-001", "AD-NET-002", "AD-NET-003", "AD-KRB-002", "AD-KRB-003", "AD-KRB-004", "AD-KRB-005", "AD-GPO-001",
        "AD-DLG-001", "AD-DLG-004", "AD-PKI-001", "AD-ACC-011", "AD-ACC-012",
    ),
)  # fmt: skip
_NO_WAY_BACK = Step(
    "rendre les sauvegardes inutilisables",
    ("BKP-IMM-001", "BKP-ACC-001", "BKP-ACC-004", "FW-SEG-003"),
)

CAR_PARK = Chain(
    "du parking à l'arrêt de l'établissement",
    (
        Step(
            "entrer sur le Wi-Fi professionnel depuis le parking",
            ("WIFI-PRO-001", "WIFI-WPS-001", "WIFI-EAP-001", "WIFI-EAP-005", "WIFI-RES-001", "WIFI-RAD-001"),
        ),
        _DIRECTORY,
        _NO_WAY_BACK,
    ),
)
ROOM = Chain(
    "d'une chambre au dossier des usagers",
    (
        Step(
            "sortir du Wi-Fi des résidents vers le réseau professionnel",
            ("WIFI-SEG-001", "WIFI-SEG-002", "WIFI-SEG-003", "WIFI-SEG-010", "WIFI-RES-001", "FW-SEG-001"),
        ),
        _DIRECTORY,
    ),
)
INTERNET = Chain(
    "d'Internet à l'arrêt de l'établissement",
    (
        Step(
            "entrer par ce qui répond sur Internet",
            ("FW-EXP-001", "FW-EXP-003", "FW-EXP-005", "FW-VPN-001", "FW-FIR-001"),
        ),
        _DIRECTORY,
        _NO_WAY_BACK,
    ),
)
MAIL = Chain(
    "d'un faux courriel à l'arrêt de l'établissement",
    (
        Step(
            "écrire aux agents au nom de l'établissement",
            ("MAIL-SPF-001", "MAIL-SPF-003", "MAIL-DMARC-001", "MAIL-DMARC-002"),
        ),
        _DIRECTORY,
        _NO_WAY_BACK,
    ),
)
CHAINS = (CAR_PARK, ROOM, INTERNET, MAIL)


def walk(chain: Chain, outcomes: Iterable[Outcome]) -> tuple[Walked, ...]:
    """The state of each step, from the verdicts of its controls on every subject."""
    by_control: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_control.setdefault(outcome.control, []).append(outcome)
    return tuple(
        _state(step, [one for name in step.controls for one in by_control.get(name, ())]) for step in chain.steps
    )


def _state(step: Step, found: list[Outcome]) -> Walked:
    """Closed needs every control that applies to conform: a control that was not assessed may hide the open one."""
    failures = tuple(one for one in found if one.verdict is Verdict.FAIL)
    passes = sum(one.verdict is Verdict.PASS for one in found)
    judged = {one.control for one in found if one.verdict is not Verdict.NOT_ASSESSED}
    unsure = any(one.verdict is Verdict.NOT_ASSESSED for one in found) or judged != set(step.controls)
    if failures:
        return Walked(step, State.OPEN, failures, len(judged))
    if passes and not unsure:
        return Walked(step, State.CLOSED, (), len(judged))
    return Walked(step, State.UNKNOWN, (), len(judged))
