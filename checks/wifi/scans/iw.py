r"""`iw dev wlan0 scan`: every network with its RSN and WPA elements.

Format of `iw` 5.x and 6.x as its `scan.c` prints it, checked on published outputs: suites unknown to the installed
version are printed by selector (`00-0f-ac:24`), an SSID escapes every byte that is not plain ASCII (`\xc3\xa9`), a
6 GHz network has neither DS nor HT element.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from checks.common.textfile import SourceFile
from checks.wifi.capture.link import channel_of
from checks.wifi.exports.keys import Keys
from checks.wifi.facts import (
    PMF_CAPABLE,
    PMF_NONE,
    PMF_REQUIRED,
    SCAN,
    WPS_ABSENT,
    WPS_CONFIGURED,
    WPS_UNCONFIGURED,
    WPS_UNREADABLE,
    Network,
    OweTransition,
    Suites,
)
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import akm_of, cipher_of, mac_of, oui_of, secured, ssid_of, unescape

TITLE = "iw scan"

_BSS = re.compile(r"BSS ([0-9a-fA-F:]{17})\b.*")
_SECTION = re.compile(r"\t([A-Za-z][\w ./()-]{0,60}):(.*)")
_AKMS = {
    "ieee 802.1x": "802.1X",
    "psk": "PSK",
    "ft/ieee 802.1x": "FT-802.1X",
    "ft/psk": "FT-PSK",
    "ieee 802.1x/sha-256": "802.1X-SHA256",
    "psk/sha-256": "PSK-SHA256",
    "tdls/tpk": "TDLS",
    "sae": "SAE",
    "ft/sae": "FT-SAE",
    "ieee 802.1x/suite-b": "802.1X-SUITE-B",
    "ieee 802.1x/suite-b-192": "802.1X-SUITE-B-192",
    "ft/ieee 802.1x/sha-384": "FT-802.1X-SUITE-B-192",
    "fils/sha-256": "FILS-SHA256",
    "fils/sha-384": "FILS-SHA384",
    "ft/fils/sha-256": "FT-FILS-SHA256",
    "ft/fils/sha-384": "FT-FILS-SHA384",
    "owe": "OWE",
    "sae-ext-key": "SAE-EXT",
    "ft/sae-ext-key": "FT-SAE-EXT",
}
_CIPHERS = {
    "use group cipher suite": "USE-GROUP",
    "wep-40": "WEP-40",
    "wep-104": "WEP-104",
    "tkip": "TKIP",
    "ccmp": "CCMP",
    "aes-128-cmac": "BIP-CMAC-128",
    "no-group": "GROUP-NOT-ALLOWED",
    "gcmp": "GCMP",
    "gcmp-256": "GCMP-256",
}
_SELECTOR = r"[0-9a-f]{2}-[0-9a-f]{2}-[0-9a-f]{2}:\d{1,3}"
_AKM_WORDS = re.compile(
    "|".join([*sorted(map(re.escape, _AKMS), key=len, reverse=True), _SELECTOR, r"\S+"]), re.IGNORECASE
)
_CIPHER_WORDS = re.compile(
    "|".join([*sorted(map(re.escape, _CIPHERS), key=len, reverse=True), _SELECTOR, r"\S+"]), re.IGNORECASE
)
_GENERATIONS = (("EHT", "be"), ("HE", "ax"), ("VHT", "ac"), ("HT", "n"))


class _Section(NamedTuple):
    line: int
    value: str
    items: dict[str, str]
    """Sub-items `* Name: value`, names in lower case; the first of each."""


class _Bss(NamedTuple):
    bssid: str
    line: int
    sections: dict[str, _Section]

    def value(self, name: str) -> str:
        found = self.sections.get(name)
        return found.value.strip() if found else ""


def recognise(file: SourceFile) -> bool:
    """Begins networks the way `iw` does."""
    return re.search(r"(?m)^BSS [0-9a-fA-F:]{17}\s?\(on \S+\)", file.head) is not None


def parse(file: SourceFile, keys: Keys) -> Imported:  # noqa: ARG001 - one shape for every parser
    """Networks of a scan. Raises `ParseError` when there is none."""
    desk = Desk(file, "iw")
    blocks = list(_blocks(file))
    for bss in blocks:
        cut = bss is blocks[-1] and not file.text.endswith("\n")
        if cut:
            desk.not_understood(bss.line, bss.bssid, "le fichier s'arrête au milieu de ce réseau")
        desk.network(_network(bss, desk, cut=cut))
    found = desk.done()
    if not found.networks:
        raise desk.refuse("aucun réseau dans cette sortie de « iw scan »")
    return found


def _blocks(file: SourceFile) -> Iterator[_Bss]:
    current: _Bss | None = None
    section: _Section | None = None
    for number, line in enumerate(file.lines, 1):
        if (begins := _BSS.match(line)) and mac_of(begins[1]):
            if current is not None:
                yield current
            current, section = _Bss(mac_of(begins[1]), number, {}), None
        elif current is None:
            continue
        elif found := _SECTION.match(line):
            section = _Section(number, found[2], {})
            # A vendor element may appear several times, and a probe response repeats the elements of the beacon.
            current.sections.setdefault(found[1], section)
            _item(section, found[2])
        elif section is not None:
            _item(section, line)
    if current is not None:
        yield current


def _item(section: _Section, text: str) -> None:
    name, colon, value = text.strip().removeprefix("*").partition(":")
    if colon:
        section.items.setdefault(name.strip().lower(), value.strip())


def _network(bss: _Bss, desk: Desk, *, cut: bool) -> Network:
    raw = unescape(bss.sections["SSID"].value.removeprefix(" ")) if "SSID" in bss.sections else b""
    hidden = not raw.strip(b"\0")
    ssid, ssid_hex = ("", "") if hidden else ssid_of(raw)
    privacy = "Privacy" in bss.value("capability").split()
    # Without its capabilities, or when the file stops there, what is not shown may exist.
    incomplete = cut or "capability" not in bss.sections
    security = secured(
        _rsn(bss, desk), _wpa(bss), privacy=privacy, pmf="" if incomplete else PMF_NONE, damaged=incomplete
    )
    band, channel = _place(bss)
    wps, locked = _wps(bss) if "WPS" in bss.sections or not incomplete else ("", False)
    owe = bss.sections.get("OWE Transition Mode")
    items = bss.sections["WPS"].items if "WPS" in bss.sections else {}
    return Network(
        bssid=bss.bssid,
        ssid=ssid,
        ssid_hex=ssid_hex,
        hidden=hidden,
        akms=security.akms,
        pairwise=security.pairwise,
        group=security.group,
        pmf=security.pmf,
        wps=wps,
        locked=locked,
        privacy=privacy,
        encryption=security.encryption,
        source=SCAN,
        band=band,
        channel=channel,
        rsn=security.rsn,
        wpa=security.wpa,
        group_management=security.rsn.group_management if security.rsn else "",
        owe_transition=_owe(owe) if owe else None,
        wps_version=items.get("version2") or items.get("version", "").split(",")[0],
        wps_methods=tuple(word.strip().lower() for word in items.get("config methods", "").split(",") if word.strip()),
        wps_device=" ".join(filter(None, (items.get("manufacturer", ""), items.get("model", "")))),
        oui=oui_of(bss.bssid),
        country=bss.value("Country")[:2],
        mode="ad-hoc" if "IBSS" in bss.value("capability").split() else "mesh" if "MESH ID" in bss.sections else "",
        generation=next((name for start, name in _GENERATIONS if f"{start} capabilities" in bss.sections), ""),
        strongest=_signal(bss.value("signal")),
        incomplete=incomplete,
        file=desk.name,
    )


def _rsn(bss: _Bss, desk: Desk) -> Suites | None:
    section = bss.sections.get("RSN")
    if section is None:
        return None
    akms = _names(section, "authentication suites", akm=True)
    if not akms:
        desk.not_understood(section.line, "RSN", "la gestion des clés de ce réseau est incomplète")
    flags = section.items.get("capabilities", "").split()
    return Suites(
        akms=akms,
        pairwise=_names(section, "pairwise ciphers", akm=False),
        group=next(iter(_names(section, "group cipher", akm=False)), ""),
        group_management=next(iter(_names(section, "group mgmt cipher suite", akm=False)), ""),
        pmf=PMF_REQUIRED if "MFP-required" in flags else PMF_CAPABLE if "MFP-capable" in flags else PMF_NONE,
    )


def _wpa(bss: _Bss) -> Suites | None:
    section = bss.sections.get("WPA")
    if section is None:
        return None
    return Suites(
        akms=_names(section, "authentication suites", akm=True),
        pairwise=_names(section, "pairwise ciphers", akm=False),
        group=next(iter(_names(section, "group cipher", akm=False)), ""),
    )


def _names(section: _Section, item: str, *, akm: bool) -> tuple[str, ...]:
    text = section.items.get(item, "")[:2000]
    if akm:
        return tuple(dict.fromkeys(akm_of(word, _AKMS) for word in _AKM_WORDS.findall(text)))
    return tuple(dict.fromkeys(cipher_of(word, _CIPHERS) for word in _CIPHER_WORDS.findall(text)))


def _wps(bss: _Bss) -> tuple[str, bool]:
    section = bss.sections.get("WPS")
    if section is None:
        return WPS_ABSENT, False
    state = section.items.get("wi-fi protected setup state", "")[:1]
    locked = section.items.get("ap setup locked", "0x00") not in {"0x00", "0"}
    return {"1": WPS_UNCONFIGURED, "2": WPS_CONFIGURED}.get(state, WPS_UNREADABLE), locked


def _owe(section: _Section) -> OweTransition:
    ssid, _ = ssid_of(unescape(section.items.get("ssid", "")))
    return OweTransition(bssid=mac_of(section.items.get("bssid", "")), ssid=ssid)


def _place(bss: _Bss) -> tuple[str, int | None]:
    found = re.fullmatch(r"(\d{4,6})(?:\.\d+)?", bss.value("freq"))
    band, channel = channel_of(int(found[1])) if found else ("", None)
    announced = re.fullmatch(r"channel (\d{1,3})", bss.value("DS Parameter set"))
    return band, int(announced[1]) if announced else channel


def _signal(text: str) -> int | None:
    found = re.fullmatch(r"(-?\d{1,3})(?:\.\d+)? dBm", text)
    return int(found[1]) if found else None
