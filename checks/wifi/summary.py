"""Short facts shown at the head of the Wi-Fi page of the report."""

from __future__ import annotations

from checks.common.french import count
from checks.wifi.facts import CAPTURE, SCAN, WifiFacts
from checks.wifi.inside.judge import place, sentence
from checks.wifi.live.facts import LiveFacts
from checks.wifi.roles import TITLES, Own, neighbours, own_ssids

_SHOWN = 12
"""SSIDs of the establishment with a line of their own."""


def summary(facts: WifiFacts) -> dict[str, str]:
    """French label to value: one line per SSID of the establishment, then what was read and what it cannot show."""
    every = own_ssids(facts)
    lines = {f"Réseau « {one.ssid} »": _own(one) for one in every[:_SHOWN]}
    if len(every) > _SHOWN:
        lines["Autres réseaux de l'établissement"] = str(len(every) - _SHOWN)
    lines |= {f"Essai depuis « {place(one)} »": sentence(one) for one in facts.inside}
    around = {network.ssid for network in neighbours(facts) if network.ssid}
    lines["Réseaux voisins ou non déclarés"] = str(len(around))
    lines["Sources"] = _sources(facts)
    if facts.live:
        lines["Écoute sur place"] = _heard(facts.live)
    if facts.attacks:
        ours = {network.bssid for one in every for network in one.networks}
        mine = sum(sign.bssid in ours for sign in facts.attacks)
        lines["Signes d'attaque du protocole"] = f"{len(facts.attacks)}, dont {mine} sur vos réseaux"
    if facts.unreadable:
        lines["Éléments illisibles"] = str(len(facts.unreadable))
    limits = [*facts.limits]
    if facts.truncated:
        limits.append("Des données ont été coupées : ce qui n'apparaît pas existe peut-être.")
    if limits:
        lines["Ce que les données ne montrent pas"] = " ".join(dict.fromkeys(limits))
    return lines


def _own(one: Own) -> str:
    """`résidents (déduit du nom), 2 bornes, 1 hors inventaire, 1 réglage exporté`."""
    role = TITLES.get(one.role, "usage inconnu") + (" (déduit du nom)" if one.guessed and one.role else "")
    radios = {network.bssid for network in one.networks if network.source in (CAPTURE, SCAN)}
    parts = [role, count(len(radios), "borne") if radios else "aucune borne entendue"]
    if one.strangers:
        parts.append(f"{len({network.bssid for network in one.strangers})} hors inventaire")
    if one.configurations:
        parts.append(count(len(one.configurations), "réglage exporté"))
    return ", ".join(parts)


def _heard(live: LiveFacts) -> str:
    """`12 réseaux listés par iw, 24 000 trames en 60 s sur wlan0`, or why not."""
    parts = []
    if step := live.scan:
        told = f"{count(step.networks, 'réseau listé', 'réseaux listés')} par {step.tool}"
        parts.append(f"pas de relevé ({step.gap.detail})" if step.gap else told)
    if step := live.capture:
        told = f"{count(step.frames, 'trame')} en {step.seconds:.0f} s sur {step.interface}"
        parts.append(f"pas d'écoute ({step.gap.detail})" if step.gap and not step.frames else told)
    return ", ".join(parts)


def _sources(facts: WifiFacts) -> str:
    """`2 captures (1 200 trames), 1 relevé, 1 export`."""
    scans = {network.file for network in facts.networks if network.source == SCAN}
    exports = {one.file for one in facts.configurations}
    frames = sum(file.frames for file in facts.files)
    parts = [
        f"{count(len(facts.files), 'capture')} ({count(frames, 'trame')})" if facts.files else "",
        count(len(scans), "relevé") if scans else "",
        count(len(exports), "export") if exports else "",
    ]
    return ", ".join(part for part in parts if part) or "aucune"
