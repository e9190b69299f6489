"""`wpa_supplicant.conf`: networks that a Linux station knows.

Fields and defaults are those of the commented `wpa_supplicant.conf` of version 2.10. Without `ca_cert` (or
`ca_path`), the certificate of the server is not checked at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from checks.common.textfile import SourceFile
from checks.wifi.exports.clients import CA_NONE, CA_PINNED, CA_SYSTEM, TUNNELLED, WITH_CERTIFICATE, ClientProfile
from checks.wifi.exports.common import pmf_of, protected
from checks.wifi.exports.hostapd import AKMS
from checks.wifi.exports.keys import NO_KEY, Key, Keys, raw_key
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, PERSONAL_AKMS, WEP, Security, akm_of, ssid_of, unescape

TITLE = "wpa_supplicant.conf"

_FIELD = re.compile(r"\s*(\w+)\s*=\s*(.*)")
NAME_CHECKS = ("domain_match", "domain_suffix_match", "altsubject_match", "subject_match")
"""Checks of the name of the server, shared with NetworkManager (with dashes there)."""
SYSTEM_STORES = frozenset({"/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"})
"""Bundles of every authority: nothing is named."""


class _Network(NamedTuple):
    line: int
    values: dict[str, str]
    closed: bool = True

    def text(self, name: str) -> str:
        """A value without its quotes."""
        value = self.values.get(name, "")
        return value[1:-1] if len(value) > 1 and value[0] == '"' and value[-1] == '"' else value


def recognise(file: SourceFile) -> bool:
    """Blocks `network={`."""
    return re.search(r"(?m)^\s*network\s*=\s*\{", file.head) is not None


def parse(file: SourceFile, keys: Keys) -> Imported:
    """Networks of a station. Raises `ParseError` when there is none, or when a block does not end."""
    desk = Desk(file, "wpa_supplicant")
    pmf = _global_pmf(file)
    for network in _networks(file, desk):
        _add(network, pmf, desk, keys)
    found = desk.done()
    if not found.clients:
        raise desk.refuse("aucun réseau dans ce fichier wpa_supplicant")
    return found


def _global_pmf(file: SourceFile) -> str:
    found = re.search(r"(?m)^pmf=([0-2])\s*$", file.text)
    return found[1] if found else "0"


def _networks(file: SourceFile, desk: Desk) -> Iterator[_Network]:
    current: _Network | None = None
    for number, line in enumerate(file.lines, 1):
        if line.lstrip().startswith("#"):
            continue
        if re.fullmatch(r"\s*network\s*=\s*\{\s*", line):
            if current is not None:
                raise desk.refuse("un bloc « network » n'est pas fermé", current.line)
            current = _Network(number, {})
        elif current is not None and line.strip() == "}":
            yield current
            current = None
        elif current is not None and (found := _FIELD.fullmatch(line)):
            current.values[found[1]] = found[2].rstrip()
    if current is not None:
        raise desk.refuse("fichier incomplet : un bloc « network » n'est pas fermé", current.line)


def _add(network: _Network, pmf: str, desk: Desk, keys: Keys) -> None:
    ssid = _ssid(network)
    if not ssid:
        desk.not_understood(network.line, "network", "ce réseau n'a pas de SSID")
        return
    security = _security(network, pmf, desk)
    key, stored = _key(network, security, ssid, keys)
    methods = tuple(word.upper() for word in network.values.get("eap", "").split())
    enterprise = security.enterprise
    names = tuple(text for name in NAME_CHECKS for text in re.split(r"[;,]", network.text(name)) if text.strip())
    certificate = enterprise and (not methods or set(methods) & WITH_CERTIFICATE)
    anonymous = network.text("anonymous_identity")
    tunnelled = bool(set(methods) & TUNNELLED)
    desk.client(
        ClientProfile(
            ssid=ssid,
            file=desk.name,
            product=desk.product,
            line=network.line,
            encryption=security.encryption,
            akms=security.akms,
            pmf=security.pmf,
            enterprise=enterprise,
            eap=methods,
            inner=inner_methods(network.text("phase2")),
            ca=authority_of(network.text("ca_cert"), network.text("ca_path")) if certificate else "",
            server_names=names if certificate else None,
            user_may_accept=False if certificate else None,
            identity_in_clear=identity_in_clear(anonymous, network.text("identity"), tunnelled=tunnelled)
            if enterprise
            else None,
            automatic=network.values.get("disabled", "0") != "1",
            hidden=network.values.get("scan_ssid", "0") == "1",
            password_stored=stored,
            psk_bits=key.bits,
            psk_length=key.length,
            psk_group=key.group,
        )
    )


def authority_of(certificate: str, folder: str) -> str:
    """Which authorities are accepted, by the certificate file and folder that a profile names."""
    if certificate and certificate not in SYSTEM_STORES:
        return CA_PINNED
    return CA_SYSTEM if certificate or folder else CA_NONE


def identity_in_clear(anonymous: str, identity: str, *, tunnelled: bool) -> bool | None:
    """Whether the real identity is sent before the tunnel; None when the profile holds no identity at all."""
    if tunnelled and anonymous:
        return anonymous == identity
    return True if identity or not tunnelled else None


def inner_methods(text: str) -> tuple[str, ...]:
    """Methods of the second phase: `auth=MSCHAPV2`, `autheap=…`, or bare names."""
    return tuple(dict.fromkeys(word.rpartition("=")[2].upper() for word in text.split()))


def _ssid(network: _Network) -> str:
    value = network.values.get("ssid", "")
    if value.startswith('P"'):
        return ssid_of(unescape(value[2:].removesuffix('"')))[0]
    if re.fullmatch(r"(?:[0-9a-fA-F]{2}){1,32}", value):
        return ssid_of(bytes.fromhex(value))[0]
    return network.text("ssid")


def _security(network: _Network, pmf: str, desk: Desk) -> Security:
    words = network.values.get("key_mgmt", "WPA-PSK WPA-EAP").split()
    if words == ["NONE"]:
        return WEP if any(re.fullmatch(r"wep_key\d", name) for name in network.values) else OPEN
    akms = []
    for word in words:
        if word.lower() not in AKMS and word != "IEEE8021X":
            desk.not_understood(network.line, f"key_mgmt {word[:40]}", "la gestion des clés est incomplète")
        akms.append("802.1X" if word == "IEEE8021X" else akm_of(word, AKMS))
    # Without `key_mgmt` both families are tried; the one that has no secret cannot be used.
    if "key_mgmt" not in network.values:
        akms = ["802.1X"] if "eap" in network.values or "identity" in network.values else ["PSK"]
    protocols = network.values.get("proto", "WPA RSN").split()
    ciphers = network.values.get("pairwise", "CCMP").split()
    return protected(
        akms,
        ciphers,
        pmf=pmf_of(network.values.get("ieee80211w", pmf)),
        wpa="WPA" in protocols and "proto" in network.values,
        rsn="RSN" in protocols or "WPA2" in protocols,
    )


def _key(network: _Network, security: Security, ssid: str, keys: Keys) -> tuple[Key, bool]:
    """Measure of the password, and whether a usable secret is in the file."""
    password = network.values.get("password", "")
    stored = bool(network.values.get("psk") or network.values.get("sae_password")) or (
        bool(password) and not password.startswith("ext:")
    )
    if not any(akm in PERSONAL_AKMS for akm in security.akms):
        return NO_KEY, stored
    value = network.values.get("psk", "")
    texts = [value if raw_key(value) else network.text("psk"), network.text("sae_password")]
    return keys.weakest([text for text in texts if not text.startswith("ext:")], ssid), stored
