"""Ruckus ZoneDirector and Unleashed: `show wlan all` (or `show config`).

Labels are those of a published ZoneDirector 10 output (`NAME = …` under `WLAN Service:`); not checked on Unleashed.
The passphrase is shown in clear by these commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from checks.common.textfile import SourceFile
from checks.wifi.exports.common import on, pmf_of, protected, vlan_of
from checks.wifi.exports.details import WlanDetails
from checks.wifi.exports.keys import NO_KEY, Keys
from checks.wifi.facts import WlanConfig
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security

TITLE = "Ruckus ZoneDirector / Unleashed"

_FIELD = re.compile(r"\s+(\S[^=]{0,60}?)\s*=\s?(.*)")
_CIPHERS = {"aes": ("CCMP",), "tkip": ("TKIP",), "auto": ("CCMP", "TKIP"), "aes-gcmp256": ("GCMP-256",)}
_ENCRYPTIONS: dict[str, tuple[str, bool, bool]] = {
    "wpa": ("old", True, False),
    "wpa2": ("old", False, True),
    "wpa-mixed": ("old", True, True),
    "wpa3": ("new", False, True),
    "wpa23-mixed": ("both", False, True),
    "wpa2/wpa3-mixed": ("both", False, True),
    "owe": ("owe", False, True),
}
"""Generation of the key management, WPA part, RSN part."""


class _Wlan(NamedTuple):
    line: int
    fields: dict[str, str]

    def get(self, *names: str) -> str:
        return next((self.fields[name] for name in names if name in self.fields), "")


def recognise(file: SourceFile) -> bool:
    """WLAN services as the CLI shows them."""
    return re.search(r"(?m)^\s*WLAN Service:\s*$", file.text) is not None and "SSID =" in file.text


def parse(file: SourceFile, keys: Keys) -> Imported:
    """SSIDs of a controller. Raises `ParseError` when there is none."""
    desk = Desk(file, "ruckus")
    for wlan in _wlans(file):
        _add(wlan, desk, keys)
    found = desk.done()
    if not found.configurations:
        raise desk.refuse("aucun WLAN dans cette sortie Ruckus")
    desk.limit("Cette sortie Ruckus ne donne ni BSSID ni version des bornes.")
    return desk.done()


def _wlans(file: SourceFile) -> Iterator[_Wlan]:
    current: _Wlan | None = None
    inside = False
    for number, line in enumerate(file.lines, 1):
        if re.fullmatch(r"\s*WLAN Service:\s*", line):
            inside = True
        elif inside and (found := _FIELD.fullmatch(line[:500])):
            name = found[1].strip().lower()
            if name == "name":
                if current is not None:
                    yield current
                current = _Wlan(number, {})
            if current is not None:
                current.fields.setdefault(name, found[2].strip())
        elif inside and line[:1].strip() and current is not None:
            # Another table, or the prompt.
            yield current
            current, inside = None, False
    if current is not None:
        yield current


def _add(wlan: _Wlan, desk: Desk, keys: Keys) -> None:
    ssid = wlan.get("ssid") or wlan.get("name")
    security = _security(wlan, desk)
    personal = any(akm in PERSONAL_AKMS for akm in security.akms)
    texts = [wlan.get("passphrase"), wlan.get("sae passphrase", "wpa3 passphrase")]
    key = keys.weakest(texts, ssid) if personal else NO_KEY
    isolation = [on(wlan.get(name)) for name in ("isolation per ap", "isolation across ap", "client isolation")]
    kind = wlan.get("type").lower()
    web = on(wlan.get("web authentication"))
    closed = on(wlan.get("closed system"))
    portal = kind if kind.startswith(("guest", "hotspot")) else "web-auth" if web else "" if web is False else None
    config = WlanConfig(
        ssid=ssid,
        file=desk.name,
        product=desk.product,
        line=wlan.line,
        encryption=security.encryption,
        akms=security.akms,
        pmf=security.pmf,
        psk_bits=key.bits,
        psk_length=key.length,
        psk_group=key.group,
        enterprise=security.enterprise,
        vlan=vlan_of(wlan.get("vlan-id", "vlan")),
        isolation=True if True in isolation else False if False in isolation else None,
        portal=portal,
        wps=False,
        hidden=closed,
    )
    details = WlanDetails(
        ssid=ssid,
        file=config.file,
        line=config.line,
        profile="" if wlan.get("name") == ssid else wlan.get("name"),
        pairwise=security.pairwise,
        guest=kind.startswith("guest") if kind else None,
        individual_keys=on(wlan.get("dynamic psk")) is True,
        dynamic_vlan=on(wlan.get("dynamic vlan")),
    )
    desk.configuration(config, details)


def _security(wlan: _Wlan, desk: Desk) -> Security:
    encryption = wlan.get("encryption").lower()
    authentication = wlan.get("authentication").lower()
    if encryption == "none":
        return OPEN
    if encryption.startswith("wep"):
        return WEP
    known = _ENCRYPTIONS.get(encryption)
    ciphers = _CIPHERS.get(wlan.get("algorithm").lower() or "aes")
    if (
        known is None
        or ciphers is None
        or authentication
        not in {"open", "802.1x-eap", "802.1x", "mac-auth", "mac address", "802.1x-eap-macauth", "shared"}
    ):
        desk.not_understood(wlan.line, f"Encryption {encryption[:40]}", "le chiffrement de ce réseau est inconnu")
        return Security()
    generation, wpa, rsn = known
    old, new = ("802.1X", "802.1X-SHA256") if authentication.startswith("802.1x") else ("PSK", "SAE")
    akms = {"old": (old,), "new": (new,), "both": (old, new), "owe": ("OWE",)}[generation]
    pmf = pmf_of(wlan.get("802.11w mfp", "mfp", "802.11w"))
    return protected(akms, ciphers, pmf=pmf, wpa=wpa, rsn=rsn)
