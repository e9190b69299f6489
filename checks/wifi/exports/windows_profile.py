"""Windows wireless profiles: XML of `netsh wlan export profile`, or of a group policy.

Schemas WLAN_profile v1 to v5 (Microsoft, "WLAN_profile Schema Elements"), OneX, EapHost, MsPeap, EapTtls, EapTls. A
password in clear (`protected` false) is measured and forgotten. « Verify the server's identity » is off when
`PerformServerValidation` is false; a validation without named authority accepts every authority of the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks.common.textfile import SourceFile
from checks.common.xmltree import Node, parse_xml
from checks.wifi.exports.clients import CA_NONE, CA_PINNED, CA_SYSTEM, WITH_CERTIFICATE, ClientProfile
from checks.wifi.exports.common import on, protected
from checks.wifi.exports.keys import NO_KEY, Keys
from checks.wifi.facts import PMF_REQUIRED
from checks.wifi.imported import Desk, Imported
from checks.wifi.security import OPEN, WEP, Security

TITLE = "profil Wi-Fi Windows (XML)"

_AUTHENTICATIONS: dict[str, tuple[tuple[str, ...], bool, str]] = {
    "WPA": (("802.1X",), True, ""),
    "WPAPSK": (("PSK",), True, ""),
    "WPA2": (("802.1X",), False, ""),
    "WPA2PSK": (("PSK",), False, ""),
    "WPA3SAE": (("SAE",), False, PMF_REQUIRED),
    "WPA3": (("802.1X-SUITE-B-192",), False, PMF_REQUIRED),
    "WPA3ENT192": (("802.1X-SUITE-B-192",), False, PMF_REQUIRED),
    "WPA3ENT": (("802.1X-SHA256",), False, PMF_REQUIRED),
    "OWE": (("OWE",), False, PMF_REQUIRED),
}
_CIPHERS = {
    "AES": ("CCMP",),
    "TKIP": ("TKIP",),
    "GCMP256": ("GCMP-256",),
    "GCMP": ("GCMP",),
    "none": (),
    "WEP": ("WEP",),
}
_EAP = {"13": "TLS", "21": "TTLS", "25": "PEAP", "26": "MSCHAPV2", "43": "FAST", "55": "TEAP", "17": "LEAP", "4": "MD5"}
_INNER = {
    "PAPAuthentication": "PAP",
    "CHAPAuthentication": "CHAP",
    "MSCHAPAuthentication": "MSCHAP",
    "MSCHAPv2Authentication": "MSCHAPV2",
}


def recognise(file: SourceFile) -> bool:
    """The root element of a profile, whatever its namespace prefix."""
    return re.search(r"<(?:\w+:)?WLANProfile\b", file.head) is not None


def parse(file: SourceFile, keys: Keys) -> Imported:
    """The profile. Raises `ParseError` when it is malformed or has no SSID."""
    desk = Desk(file, "windows_profile")
    root = parse_xml(file)
    profiles = [node for node in _walk(root) if _local(node) == "WLANProfile"]
    for profile in profiles:
        _add(profile, desk, keys)
    found = desk.done()
    if not found.clients:
        raise desk.refuse("aucun SSID dans ce profil Windows")
    return found


def _walk(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(one.children))


_NESTED = frozenset({"Eap", "EapHostConfig", "Phase2Authentication", "InnerEapOptional"})


def _outer(config: Node) -> Node:
    """The settings of the tunnel alone: what is inside it checks a server too, and comes first in the document."""
    top = next((node for node in _walk(config) if _local(node) in {"EapType", "EapTtls", "EapTeap"}), config)
    copy = Node(top.tag, top.attributes, top.line)
    waiting = [(top, copy)]
    while waiting:
        source, target = waiting.pop()
        target.text = source.text
        for child in source.children:
            if _local(child) not in _NESTED:
                twin = Node(child.tag, child.attributes, child.line)
                target.children.append(twin)
                waiting.append((child, twin))
    return copy


def _local(node: Node) -> str:
    """Name of an element without its namespace prefix."""
    return node.tag.rpartition(":")[2]


def _values(node: Node, name: str) -> list[str]:
    return [one.text.strip() for one in _walk(node) if _local(one) == name]


def _value(node: Node, name: str) -> str:
    return next(iter(_values(node, name)), "")


def _named(node: Node, name: str) -> list[Node]:
    return [one for one in _walk(node) if _local(one) == name]


def _add(profile: Node, desk: Desk, keys: Keys) -> None:
    config = next(iter(_named(profile, "SSIDConfig")), None)
    ssids = [_value(one, "name") or _from_hex(_value(one, "hex")) for one in _named(config, "SSID")] if config else []
    security = _security(profile, desk)
    shared = next(iter(_named(profile, "sharedKey")), None)
    material = _value(shared, "keyMaterial") if shared is not None else ""
    readable = shared is not None and on(_value(shared, "protected")) is False
    if material and not readable:
        desk.limit("Le mot de passe du profil Windows est chiffré par la machine : sa solidité n'est pas connue.")
    mode = _value(profile, "connectionMode")
    for ssid in dict.fromkeys(ssid for ssid in ssids if ssid):
        key = keys.passphrase(material, ssid) if readable and security.akms else NO_KEY
        eap = _eap(profile, desk)
        desk.client(
            ClientProfile(
                ssid=ssid,
                file=desk.name,
                product=desk.product,
                line=profile.line,
                encryption=security.encryption,
                akms=security.akms,
                pmf=security.pmf,
                enterprise=True if on(_value(profile, "useOneX")) else security.enterprise,
                eap=eap.methods,
                inner=eap.inner,
                ca=eap.ca,
                server_names=eap.names,
                user_may_accept=eap.prompt,
                identity_in_clear=eap.identity,
                automatic={"auto": True, "manual": False}.get(mode),
                hidden=on(_value(config, "nonBroadcast")) if config and _value(config, "nonBroadcast") else None,
                password_stored=bool(material) if shared is not None else None,
                psk_bits=key.bits,
                psk_length=key.length,
                psk_group=key.group,
            )
        )


def _from_hex(text: str) -> str:
    return (
        bytes.fromhex(text).decode("utf-8", "backslashreplace")
        if re.fullmatch(r"(?:[0-9A-Fa-f]{2}){1,32}", text)
        else ""
    )


def _security(profile: Node, desk: Desk) -> Security:
    authentication, cipher = _value(profile, "authentication"), _value(profile, "encryption")
    if authentication in {"open", "shared"}:
        return WEP if cipher == "WEP" else OPEN
    known, ciphers = _AUTHENTICATIONS.get(authentication), _CIPHERS.get(cipher)
    if known is None or ciphers is None:
        what = f"authentication {authentication[:40]} {cipher[:20]}"
        desk.not_understood(profile.line, what, "la sécurité de ce profil est inconnue")
        return Security()
    akms, old, pmf = known
    if authentication == "WPA3SAE" and on(_value(profile, "transitionMode")):
        return protected(("PSK", "SAE"), ciphers)
    return protected(akms, ciphers, pmf=pmf, wpa=old, rsn=not old)


class _Eap:
    """What the profile says of the authentication server."""

    def __init__(self) -> None:
        self.methods: tuple[str, ...] = ()
        self.inner: tuple[str, ...] = ()
        self.ca = ""
        self.names: tuple[str, ...] | None = None
        self.prompt: bool | None = None
        self.identity: bool | None = None


def _eap(profile: Node, desk: Desk) -> _Eap:
    found = _Eap()
    host = next(iter(_named(profile, "EapHostConfig")), None)
    if host is None:
        return found
    outer = next(iter(_named(host, "EapMethod")), host)
    number = _value(outer, "Type")
    method = _EAP.get(number)
    if method is None:
        desk.not_understood(host.line, f"EAP {number[:10]}", "la méthode d'authentification est inconnue")
        return found
    found.methods = (method,)
    found.inner = tuple(dict.fromkeys([*_inner(host, method)]))
    config = next(iter(_named(host, "Config")), None)
    if config is None:
        if _named(host, "ConfigBlob"):
            desk.limit("La configuration EAP de ce profil Windows est en binaire (ConfigBlob) : elle n'est pas lue.")
        return found
    tunnel = _outer(config)
    if method in WITH_CERTIFICATE:
        _validation(tunnel, found)
    found.identity = _identity(tunnel, method)
    return found


def _inner(host: Node, method: str) -> Iterator[str]:
    """Methods inside the tunnel: nested `Type` numbers of PEAP, named elements of TTLS."""
    for node in _walk(host):
        name = _local(node)
        if name in _INNER:
            yield _INNER[name]
        elif name == "Type" and _EAP.get(node.text.strip()) not in {None, method}:
            yield _EAP[node.text.strip()]


def _validation(config: Node, found: _Eap) -> None:
    """What the tunnel checks of the server."""
    validation = next(iter(_named(config, "ServerValidation")), None)
    performs = _value(config, "PerformServerValidation")
    if validation is None or on(performs) is False:
        found.ca = CA_NONE
        found.names = ()
        found.prompt = None
        return
    hashes = [
        text
        for name in ("TrustedRootCA", "TrustedRootCAHash", "IssuerHash")
        for text in _values(validation, name)
        if text
    ]
    found.ca = CA_PINNED if hashes else CA_SYSTEM
    accepts = _value(config, "AcceptServerName")
    names = tuple(name.strip() for name in _value(validation, "ServerNames").split(";") if name.strip())
    found.names = () if accepts and on(accepts) is False else names[:50]
    silent = on(_value(validation, "DisableUserPromptForServerValidation") or _value(validation, "DisablePrompt"))
    found.prompt = None if silent is None else not silent


def _identity(config: Node, method: str) -> bool | None:
    """Whether the outer identity is the real one; TLS always sends it before TLS 1.3."""
    if method == "TLS":
        return True
    privacy = [*_named(config, "IdentityPrivacy"), *_named(config, "Phase1Identity")]
    if not privacy:
        return True
    enabled = on(_value(privacy[0], "EnableIdentityPrivacy") or _value(privacy[0], "IdentityPrivacy"))
    return None if enabled is None else not enabled
