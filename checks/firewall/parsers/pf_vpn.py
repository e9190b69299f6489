"""VPN services of a pf firewall (pfSense, OPNsense): OpenVPN, IPsec, WireGuard. Keys are never read."""

from __future__ import annotations

from collections.abc import Iterable

from checks.firewall.facts import Vpn
from checks.firewall.parsers.pf_system import is_set
from checks.firewall.parsers.xmltree import Node

_DH_BITS = {"1024": 2, "1536": 5, "2048": 14, "3072": 15, "4096": 16, "6144": 17, "8192": 18}
_DH_NAMES = {
    "modp768": 1, "modp1024": 2, "modp1536": 5, "modp2048": 14, "modp3072": 15, "modp4096": 16, "modp6144": 17,
    "modp8192": 18, "ecp256": 19, "ecp384": 20, "ecp521": 21, "modp1024s160": 22, "modp2048s224": 23,
    "modp2048s256": 24, "ecp192": 25, "ecp224": 26, "ecp224bp": 27, "ecp256bp": 28, "ecp384bp": 29, "ecp512bp": 30,
    "curve25519": 31, "x25519": 31, "curve448": 32, "x448": 32,
}  # fmt: skip
_INTEGRITY = {"md5", "sha1", "sha256", "sha384", "sha512", "sha2_256", "aesxcbc", "aescmac"}


def algorithm(text: str) -> str:
    """`AES-256-GCM` as `aes256gcm`, `hmac_sha256` as `sha256`."""
    name = text.strip().lower()
    name = name.removeprefix("hmac_").removeprefix("hmac-").removeprefix("rsa-")
    name = name.replace("-cbc", "").replace("-", "").replace("_", "")
    return _OTHER_NAMES.get(name, name)


_OTHER_NAMES = {"bf": "blowfish", "desede3": "3des", "cast5": "cast128"}
"""Names OpenVPN gives to ciphers others call otherwise."""


def _names(*texts: str) -> tuple[str, ...]:
    found = (algorithm(part) for text in texts for part in text.replace(":", ",").split(","))
    return tuple(dict.fromkeys(name for name in found if name))


def _groups(texts: Iterable[str]) -> tuple[int, ...]:
    numbers = [int(part) for text in texts for part in text.replace(",", " ").split() if part.isdecimal()]
    return tuple(dict.fromkeys(number for number in numbers if 0 < number < 100))  # noqa: PLR2004


def openvpn(root: Node, *, totp_servers: frozenset[str], presence: bool) -> list[Vpn]:
    """Servers and clients of `<openvpn>`."""
    found = []
    for tag, server in (("openvpn-server", True), ("openvpn-client", False)):
        for node in root.all("openvpn", tag):
            disabled = node.child("disable")
            mode = node.value("mode")
            people = server and mode.startswith("server_")
            authentication = {
                "p2p_shared_key": "psk",
                "server_user": "password",
            }.get(mode, "certificate" if mode else "")
            group = _DH_BITS.get(node.value("dh_length"))
            found.append(
                Vpn(
                    kind="openvpn",
                    name=node.value("description") or f"openvpn {node.value('vpnid')}".strip(),
                    line=node.line,
                    enabled=disabled is None or (not presence and not is_set(disabled)),
                    remote_access=people,
                    encryption=_names(
                        node.value("data_ciphers") or node.value("ncp-ciphers"),
                        node.value("data_ciphers_fallback"),
                        node.value("crypto"),
                    ),
                    integrity=_names(node.value("digest")),
                    dh_groups=(group,) if group else (),
                    authentication=authentication,
                    mfa=_openvpn_mfa(mode, node.value("authmode"), totp_servers) if people else None,
                    tls_minimum=node.value("tls_version_min"),
                )
            )
    return found


def _openvpn_mfa(mode: str, servers: str, totp_servers: frozenset[str]) -> bool | None:
    """One-time codes, or a certificate together with a password."""
    names = {name.strip() for name in servers.split(",") if name.strip()}
    if names and names <= totp_servers:
        return True
    if mode == "server_tls_user":
        return True
    if mode == "server_tls" or not names - {"Local Database"}:
        return False
    return None


def openvpn_instances(root: Node, *, totp_servers: frozenset[str]) -> list[Vpn]:
    """Instances of OPNsense (`<OPNsense><OpenVPN><Instances>`)."""
    found = []
    for node in root.all("OPNsense", "OpenVPN", "Instances", "Instance"):
        server = node.value("role") == "server"
        passwords = bool(node.value("authmode"))
        certificate = node.value("verify_client_cert") != "none"
        mode = "server_tls_user" if passwords and certificate else "server_user" if passwords else "server_tls"
        people = server and (passwords or not node.value("remote"))
        found.append(
            Vpn(
                kind="openvpn",
                name=node.value("description") or f"openvpn {node.value('vpnid')}".strip(),
                line=node.line,
                enabled=node.value("enabled", default="1") != "0",
                remote_access=people,
                encryption=_names(node.value("data-ciphers"), node.value("data-ciphers-fallback")),
                integrity=_names(node.value("auth")),
                authentication="password" if mode == "server_user" else "certificate",
                mfa=_openvpn_mfa(mode, node.value("authmode"), totp_servers) if people else None,
            )
        )
    return found


def ipsec(root: Node, *, presence: bool) -> list[Vpn]:
    """Tunnels of `<ipsec>`: one per phase 1, with what its phases 2 add."""
    phases2: dict[str, list[Node]] = {}
    for child in root.all("ipsec", "phase2"):
        phases2.setdefault(child.value("ikeid"), []).append(child)
    return [
        _tunnel(node, phases2.get(node.value("ikeid"), []), presence=presence) for node in root.all("ipsec", "phase1")
    ]


def _tunnel(node: Node, phases2: list[Node], *, presence: bool) -> Vpn:
    offers = node.all("encryption", "item") or [node]
    disabled = node.child("disabled")
    method = node.value("authentication_method")
    mobile = node.child("mobile") is not None
    encryption = [_cipher(item, "encryption-algorithm") for item in offers]
    encryption += [_cipher_of(option) for child in phases2 for option in child.all("encryption-algorithm-option")]
    hashes = [item.value("hash-algorithm") for item in offers]
    hashes += [option.text for child in phases2 for option in child.all("hash-algorithm-option")]
    pfs = [child.value("pfsgroup") for child in phases2 if child.value("mode") != "transport"]
    return Vpn(
        kind="ipsec",
        name=node.value("descr") or node.value("remote-gateway") or f"ipsec {node.value('ikeid')}",
        line=node.line,
        enabled=disabled is None or (not presence and not is_set(disabled)),
        remote_access=mobile,
        ike_versions={"ikev1": (1,), "ikev2": (2,), "auto": (1, 2), "ike": (1, 2)}.get(node.value("iketype"), ()),
        encryption=_names(*encryption),
        integrity=_names(*hashes),
        dh_groups=_groups([item.value("dhgroup") for item in offers] + [text for text in pfs if text != "0"]),
        pfs=None if not pfs else all(text not in ("", "0", "off") for text in pfs),
        aggressive=node.value("mode") == "aggressive" if node.value("mode") else None,
        authentication=_method(method),
        mfa=True if mobile and "xauth" in method and "rsa" in method else None,
    )


def _cipher(item: Node, tag: str) -> str:
    node = item.child(tag)
    return _cipher_of(node) if node is not None else ""


def _cipher_of(node: Node) -> str:
    """`aes` and `256` as `aes256`; `aes256gcm` and its tag length as `aes256gcm`."""
    name, length = node.value("name"), node.value("keylen")
    if not name:
        return node.text.strip()
    return name if "gcm" in name or not length.isdecimal() else f"{name}{length}"


def _method(text: str) -> str:
    text = text.lower()
    if "psk" in text or "pre_shared" in text:
        return "psk"
    if text.startswith(("eap", "rsa", "cert", "xauth", "hybrid", "ecdsa", "public")) and "mschap" not in text:
        return "certificate" if "radius" not in text else "password"
    return "password" if "mschap" in text else ""


def swanctl(root: Node) -> list[Vpn]:
    """Connections of OPNsense (`<OPNsense><Swanctl>`)."""
    tree = root.at("OPNsense", "Swanctl")
    if tree is None:
        return []
    children: dict[str, list[Node]] = {}
    for child in tree.all("children", "child"):
        children.setdefault(child.value("connection"), []).append(child)
    methods: dict[str, list[str]] = {}
    for side in (*tree.all("locals", "local"), *tree.all("remotes", "remote")):
        methods.setdefault(side.value("connection"), []).append(side.value("auth"))
    found = []
    for node in tree.all("Connections", "Connection"):
        uuid = node.attributes.get("uuid", "")
        phase2 = [child.value("esp_proposals") for child in children.get(uuid, [])]
        encryption, integrity, groups = _proposals([node.value("proposals"), *phase2])
        auth = methods.get(uuid, [])
        found.append(
            Vpn(
                kind="ipsec",
                name=node.value("description") or uuid,
                line=node.line,
                enabled=node.value("enabled", default="1") != "0",
                remote_access=bool(node.value("pools")),
                ike_versions={"0": (1, 2), "1": (1,), "2": (2,)}.get(node.value("version"), ()),
                encryption=encryption,
                integrity=integrity,
                dh_groups=groups,
                pfs=None if not phase2 else all("modp" in text or "ecp" in text or "25519" in text for text in phase2),
                aggressive=node.value("aggressive") == "1",
                authentication=next((_method(text.replace("pubkey", "public")) for text in auth if text), ""),
            )
        )
    return found


def _proposals(texts: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    parts = [part.strip().lower() for text in texts for one in text.split(",") for part in one.split("-")]
    groups = [_DH_NAMES[part] for part in parts if part in _DH_NAMES]
    integrity = [part for part in parts if part in _INTEGRITY]
    ciphers = [
        part for part in parts if part and part not in _DH_NAMES and part not in _INTEGRITY and part != "default"
    ]
    ciphers = [part for part in ciphers if not part.startswith("prf")]
    return tuple(dict.fromkeys(ciphers)), tuple(dict.fromkeys(integrity)), tuple(dict.fromkeys(groups))


def wireguard(nodes: Iterable[Node], *, enabled: bool) -> list[Vpn]:
    """WireGuard tunnels: their cryptography is fixed by the protocol."""
    return [
        Vpn(
            kind="wireguard",
            name=node.value("name") or node.value("descr") or "wireguard",
            line=node.line,
            enabled=enabled and node.value("enabled", default="1") not in ("0", "no"),
            encryption=("chacha20poly1305",),
            integrity=("blake2s",),
            dh_groups=(31,),
            pfs=True,
        )
        for node in nodes
    ]
