"""NetworkManager keyfiles (`*.nmconnection`): networks that a Linux station knows.

Keys are those of `nm-settings-keyfile(5)` and of the setting descriptions of NetworkManager 1.4x. Without `ca-cert`
nor `system-ca-certs=true`, the certificate of the server is not checked.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from checks.common.textfile import SourceFile
from checks.wifi.exports.clients import CA_SYSTEM, TUNNELLED, WITH_CERTIFICATE, ClientProfile
from checks.wifi.exports.common import on, pmf_of, protected
from checks.wifi.exports.keys import NO_KEY, Keys
from checks.wifi.exports.wpa_supplicant import NAME_CHECKS, authority_of, identity_in_clear, inner_methods
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security

TITLE = "NetworkManager (nmconnection)"

_AKMS = {
    "wpa-psk": ("PSK",),
    "sae": ("SAE",),
    "owe": ("OWE",),
    "wpa-eap": ("802.1X",),
    "wpa-eap-suite-b-192": ("802.1X-SUITE-B-192",),
}
_PMF = {"1": "disabled", "2": "optional", "3": "required"}
"""`pmf`: 0 lets NetworkManager decide."""
_AGENT_OWNED = 1
"""Bit of `*-flags`: the secret is kept by the user's session, not in the file."""


class _Profile(NamedTuple):
    sections: dict[str, dict[str, str]]
    lines: dict[str, int]

    def get(self, section: str, name: str) -> str:
        return self.sections.get(section, {}).get(name, "")


def recognise(file: SourceFile) -> bool:
    """A connection with a Wi-Fi section."""
    head = file.head
    return re.search(r"(?m)^\[(?:wifi|802-11-wireless)\]\s*$", head) is not None and "[connection]" in head


def parse(file: SourceFile, keys: Keys) -> Imported:
    """The connection. Raises `ParseError` when it has no SSID."""
    desk = Desk(file, "networkmanager")
    profile = _read(file, desk)
    wifi = "wifi" if "wifi" in profile.sections else "802-11-wireless"
    ssid = _ssid(profile.get(wifi, "ssid"))
    if not ssid:
        raise desk.refuse("aucun SSID dans cette connexion NetworkManager")
    security = _security(profile, desk)
    area = _area(profile)
    personal = any(akm in PERSONAL_AKMS for akm in security.akms)
    key = keys.passphrase(profile.get(area, "psk"), ssid) if personal else NO_KEY
    methods = tuple(word.upper() for word in re.split(r"[;,]", profile.get("802-1x", "eap")) if word)
    enterprise = security.enterprise
    certificate = bool(enterprise) and (not methods or bool(set(methods) & WITH_CERTIFICATE))
    tunnelled = bool(set(methods) & TUNNELLED)
    desk.client(
        ClientProfile(
            ssid=ssid,
            file=desk.name,
            product=desk.product,
            line=profile.lines.get(wifi, 0),
            encryption=security.encryption,
            akms=security.akms,
            pmf=security.pmf,
            enterprise=enterprise,
            eap=methods,
            inner=inner_methods(" ".join(profile.get("802-1x", name) for name in ("phase2-auth", "phase2-autheap"))),
            ca=_authority(profile) if certificate else "",
            server_names=_names(profile) if certificate else None,
            user_may_accept=False if certificate else None,
            identity_in_clear=identity_in_clear(
                profile.get("802-1x", "anonymous-identity"), profile.get("802-1x", "identity"), tunnelled=tunnelled
            )
            if enterprise
            else None,
            automatic=on(profile.get("connection", "autoconnect") or "true"),
            hidden=on(profile.get(wifi, "hidden") or "false"),
            password_stored=_stored(profile, area),
            psk_bits=key.bits,
            psk_length=key.length,
            psk_group=key.group,
        )
    )
    return desk.done()


def _read(file: SourceFile, desk: Desk) -> _Profile:
    sections: dict[str, dict[str, str]] = {}
    lines: dict[str, int] = {}
    section = ""
    for number, line in enumerate(file.lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if head := re.fullmatch(r"\[([\w.-]+)\]", text):
            section = head[1]
            sections.setdefault(section, {})
            lines.setdefault(section, number)
        elif (found := re.fullmatch(r"([\w.-]+)\s*=\s*(.*)", text)) and section:
            sections[section][found[1]] = found[2]
        else:
            desk.not_understood(number, f"ligne {number}", "cette ligne n'est pas comprise : fichier abîmé ?")
    return _Profile(sections, lines)


def _ssid(text: str) -> str:
    r"""An SSID: text, or a list of byte values (`84;105;`) when it is not text. `\;` and `\\` are escapes."""
    if re.fullmatch(r"(?:\d{1,3};){1,32}", text) and all(int(byte) < 256 for byte in text.split(";")[:-1]):  # noqa: PLR2004
        return bytes(int(byte) for byte in text.split(";")[:-1]).decode("utf-8", "backslashreplace")
    return re.sub(r"\\(.)", r"\1", text)


def _area(profile: _Profile) -> str:
    return "wifi-security" if "wifi-security" in profile.sections else "802-11-wireless-security"


def _security(profile: _Profile, desk: Desk) -> Security:
    area = _area(profile)
    if area not in profile.sections:
        return OPEN
    kind = profile.get(area, "key-mgmt")
    if kind in {"none", "ieee8021x"}:
        return WEP
    akms = _AKMS.get(kind)
    if akms is None:
        desk.not_understood(
            profile.lines.get(area, 0), f"key-mgmt {kind[:40]}", "la sécurité de ce profil est inconnue"
        )
        return Security()
    protocols = [word for word in profile.get(area, "proto").split(";") if word]
    ciphers = [word.upper() for word in profile.get(area, "pairwise").split(";") if word]
    return protected(
        akms,
        ciphers,
        pmf=pmf_of(_PMF.get(profile.get(area, "pmf"), "")),
        wpa="wpa" in protocols,
        rsn=not protocols or "rsn" in protocols,
    )


def _authority(profile: _Profile) -> str:
    if on(profile.get("802-1x", "system-ca-certs") or "false"):
        return CA_SYSTEM
    certificate = profile.get("802-1x", "ca-cert").removeprefix("file://")
    return authority_of(certificate, profile.get("802-1x", "ca-path"))


def _names(profile: _Profile) -> tuple[str, ...]:
    texts = [profile.get("802-1x", name.replace("_", "-")) for name in (*NAME_CHECKS, "altsubject_matches")]
    return tuple(name.strip() for text in texts for name in re.split(r"[;,]", text) if name.strip())


def _stored(profile: _Profile, area: str) -> bool:
    """A secret that whoever reads the file can use."""
    for section, name in ((area, "psk"), ("802-1x", "password"), (area, "wep-key0")):
        flags = profile.get(section, f"{name}-flags")
        owned = flags.isdecimal() and int(flags[:4]) & _AGENT_OWNED
        if profile.get(section, name) and not owned:
            return True
    return False
