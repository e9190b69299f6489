"""What the parsers of exports share: JSON, numbers, suites, and records of one SSID built in one place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from checks.common.textfile import SourceFile
from checks.wifi.facts import EXPORT, PMF_CAPABLE, PMF_NONE, PMF_REQUIRED, Network, Suites, WlanConfig
from checks.wifi.imported import Desk
from checks.wifi.security import OPEN, Security, oui_of, secured

MAX_DEPTH = 40
"""Nesting of a JSON export."""
MAX_VLAN = 4094

Json = dict[str, Any]


def json_of(file: SourceFile, desk: Desk) -> Any:
    """The value of a JSON file. Raises `ParseError` when it is cut short, malformed or too deep."""
    try:
        return json.loads(file.text)
    except json.JSONDecodeError as error:
        raise desk.refuse("JSON incomplet ou mal formé", error.lineno) from None
    except RecursionError:
        raise desk.refuse("JSON trop profond") from None
    except ValueError:
        raise desk.refuse("JSON avec un nombre démesuré") from None


def looks_json(file: SourceFile, *names: str) -> bool:
    """JSON that mentions all of some property names near its beginning."""
    head = file.head
    return head.lstrip()[:1] in {"[", "{"} and all(f'"{name}"' in head for name in names)


def objects(value: Any, depth: int = 0) -> Iterator[Json]:
    """Every JSON object inside a value, outer ones first."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from objects(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from objects(one, depth + 1)


def text_of(record: Json, *names: str) -> str:
    """First of some properties that is a text or a number, as text."""
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
    return ""


def flag_of(record: Json, name: str) -> bool | None:
    """A property that is true or false; None when it is absent or is something else."""
    value = record.get(name)
    return value if isinstance(value, bool) else None


def inside(record: Json, name: str) -> Json:
    """A nested object; empty when it is absent."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def listed(record: Json, name: str) -> list[Json]:
    """Objects of a nested list; empty when it is absent."""
    value = record.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def vlan_of(value: object) -> int | None:
    """A VLAN number from 1 to 4094; None for anything else."""
    text = str(value).strip() if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(MAX_VLAN)):
        return None
    number = int(text)
    return number if 1 <= number <= MAX_VLAN else None


def on(text: str) -> bool | None:
    """Yes or no, in the words of products; None for anything else."""
    word = text.strip().strip("'\"").lower()
    if word in {"1", "yes", "true", "on", "enable", "enabled"}:
        return True
    return False if word in {"0", "no", "false", "off", "disable", "disabled", "none"} else None


def protected(
    akms: Sequence[str],
    ciphers: Sequence[str] = (),
    *,
    pmf: str = "",
    wpa: bool = False,
    rsn: bool = True,
    group: str = "",
) -> Security:
    """Security of a network with these key managements: in its RSN part, its WPA part, or both.

    The WPA part only has what existed then: PSK and 802.1X.
    """
    old = tuple(akm for akm in akms if akm in {"PSK", "802.1X"})
    ciphers = tuple(dict.fromkeys(ciphers))
    new = Suites(akms=tuple(dict.fromkeys(akms)), pairwise=ciphers, group=group, pmf=pmf) if rsn else None
    first = Suites(akms=old, pairwise=ciphers, group=group) if wpa else None
    if new is None and first is None:
        return OPEN
    return secured(new, first, pmf=PMF_NONE)


def pmf_of(text: str) -> str:
    """Protection of management frames in the words of products; empty when not known."""
    word = text.strip().lower()
    if word in {"2", "required", "mandatory", "require"}:
        return PMF_REQUIRED
    if word in {"1", "optional", "capable", "enabled"}:
        return PMF_CAPABLE
    return PMF_NONE if word in {"0", "disabled", "disable", "none", "off"} else ""


def network_of(
    config: WlanConfig, security: Security, bssid: str, *, band: str = "", channel: int | None = None
) -> Network:
    """The network that an access point announces for a configured SSID, as far as the export tells."""
    return Network(
        bssid=bssid,
        ssid=config.ssid,
        hidden=bool(config.hidden),
        akms=security.akms,
        pairwise=security.pairwise,
        group=security.group,
        pmf=security.pmf,
        wps={True: "configured", False: "absent"}.get(config.wps, "") if config.wps is not None else "",
        locked=False,
        privacy=security.encryption != "open",
        encryption=security.encryption,
        source=EXPORT,
        band=band,
        channel=channel,
        rsn=security.rsn,
        wpa=security.wpa,
        oui=oui_of(bssid),
        file=config.file,
    )
