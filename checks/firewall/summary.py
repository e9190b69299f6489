"""Short facts shown at the head of the firewall page of the report."""

from __future__ import annotations

from checks.common.french import count
from checks.firewall.facts import DENY, PERMIT, Device, FirewallFacts


def summary(facts: FirewallFacts) -> dict[str, str]:
    """French label to value: one line per firewall, then what the whole review could not see."""
    lines = {f"Pare-feu {device.name}": _device(device) for device in facts.devices}
    unread = sum(len(device.not_understood) for device in facts.devices)
    limits = dict.fromkeys(limit for device in facts.devices for limit in device.limits)
    lines["Directives non comprises"] = str(unread)
    if limits:
        lines["Ce que les exports ne montrent pas"] = " ".join(limits)
    return lines


def _device(device: Device) -> str:
    """`FortiGate 60F, version 7.6.2, 9 interfaces, 41 règles actives sur 44, 3 publications (tilleuls.conf)`."""
    # One written rule may live in several chains, or be several there.
    rules = {
        (rule.file, rule.line, rule.ref): rule.enabled
        for chain in device.chains
        for rule in chain.rules
        if rule.action in (PERMIT, DENY) and not rule.automatic
    }
    active = sum(rules.values())
    parts = [device.product or device.vendor]
    if device.firmware:
        parts.append(f"version {device.firmware}")
    parts.append(count(len(device.interfaces), "interface"))
    parts.append(f"{count(active, 'règle active', 'règles actives')} sur {len(rules)}")
    published = sum(one.enabled and one.kind in ("destination", "static") for one in device.nat)
    if published:
        parts.append(count(published, "publication"))
    names = ", ".join(file.name for file in device.files)
    return ", ".join(parts) + (f" ({names})" if names else "")
