"""Words of `netsh wlan` in English and French, and what they mean.

French texts are compared without accents, case, nor the characters that a wrong code page puts in their place.
"""

from __future__ import annotations

import re
import unicodedata

from checks.wifi.facts import PMF_NONE
from checks.wifi.security import Security

CIPHERS = {
    "none": "",
    "aucun": "",
    "aucune": "",
    "ccmp": "CCMP",
    "aes": "CCMP",
    "tkip": "TKIP",
    "wep": "WEP",
    "wep40": "WEP",
    "wep104": "WEP",
    "wep-40": "WEP",
    "wep-104": "WEP",
    "gcmp": "GCMP",
    "gcmp256": "GCMP-256",
    "gcmp-256": "GCMP-256",
}
_PERSONAL = r"[- ]*(?:personal|personnel|personnelle|psk)"
_ENTERPRISE = r"[- ]*(?:enterprise|entreprise)?"
_AUTHENTICATIONS = (
    (rf"wpa3{_PERSONAL}(?: ?\(h2e\))?|wpa3[- ]?sae", Security(akms=("SAE",), encryption="wpa3")),
    (rf"wpa2{_PERSONAL}", Security(akms=("PSK",), encryption="wpa2")),
    (rf"wpa{_PERSONAL}", Security(akms=("PSK",), encryption="wpa")),
    (
        r"wpa3[- ]*(?:enterprise|entreprise)[- ]*192[- ]*bits?|wpa3ent192",
        Security(akms=("802.1X-SUITE-B-192",), encryption="wpa3"),
    ),
    (r"wpa3[- ]*(?:enterprise|entreprise|ent)", Security(akms=("802.1X-SHA256",), encryption="wpa3")),
    (rf"wpa2{_ENTERPRISE}", Security(akms=("802.1X",), encryption="wpa2")),
    (rf"wpa{_ENTERPRISE}", Security(akms=("802.1X",), encryption="wpa")),
    (r"owe|enhanced open|ouvert ameliore", Security(akms=("OWE",), encryption="owe")),
    (r"open|ouvert|ouverte|ouvrir", Security(encryption="open", pmf=PMF_NONE)),
    (r"shared|partage|partagee", Security(encryption="wep", pmf=PMF_NONE)),
)


def plain(text: str) -> str:
    """Lower case, without accents nor replacement characters, single spaces."""
    flat = "".join(
        character for character in unicodedata.normalize("NFD", text[:200]) if not unicodedata.combining(character)
    )
    return re.sub(r"[\s\xa0]+", " ", flat.replace("\ufffd", "")).strip().lower()


def authentication(text: str) -> Security | None:
    """Security that an authentication names; None when it is not known."""
    word = plain(text)
    return next((security for pattern, security in _AUTHENTICATIONS if re.fullmatch(pattern, word)), None)
