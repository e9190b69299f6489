"""How an authentication server is named in judgements."""

from __future__ import annotations

from checks.wifi.radius.facts import RadiusFacts


def place(facts: RadiusFacts) -> str:
    """Subject of the judgements: the SSID and the server that lets people in."""
    server = f"serveur RADIUS {facts.server}"
    return f"{facts.ssid} ({server})" if facts.ssid else server
