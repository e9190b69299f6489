"""Contrast of the palette, from the style sheet itself. WCAG 2.2, success criteria 1.4.3 and 1.4.11."""

from __future__ import annotations

import importlib.resources
import re

import pytest

TONES = ("critical", "high", "medium", "low", "info", "pass", "fail", "not_assessed", "not_applicable", "accent")


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, WCAG 2.2 definition."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def palettes() -> dict[str, dict[str, str]]:
    style = importlib.resources.files("reports").joinpath("templates", "style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root\s*\{([^}]*)\}", style)
    found = [dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block)) for block in blocks]
    light, dark, printed = found
    return {"light": light, "dark": {**light, **dark}, "print": {**light, **printed}}


def test_contrast_knows_the_extremes() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


PAIRS = [
    *((tone, f"{tone}-soft") for tone in TONES),
    *(("paper", tone) for tone in TONES),
    *(("ink", ground) for ground in ("paper", "panel", "fail-soft", "not_assessed-soft", "accent-soft")),
    *(("muted", ground) for ground in ("paper", "panel")),
    *(("ink", f"tone-{n}") for n in range(4)),
    ("on-accent", "accent"),
    ("accent", "paper"),
    ("accent", "panel"),
]


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_reaches_aa(scheme: str, text: str, ground: str) -> None:
    palette = palettes()[scheme]
    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "panel"])
def test_focus_ring_and_chart_colours_stand_out(scheme: str, ground: str) -> None:
    palette = palettes()[scheme]
    for tone in ("focus", *TONES):
        assert contrast(palette[tone], palette[ground]) >= 3
