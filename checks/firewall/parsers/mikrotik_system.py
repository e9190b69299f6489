"""RouterOS settings beside the rules: interfaces, services, accounts, VPN."""

from __future__ import annotations

import ipaddress

from checks.firewall.facts import Administrator, Interface, User, Vpn
from checks.firewall.parsers.mikrotik_rsc import Item, Script

SERVICES = {
    "telnet": ("telnet", 23, True), "ftp": ("ftp", 21, True), "www": ("http", 80, True), "ssh": ("ssh", 22, True),
    "www-ssl": ("https", 443, False), "api": ("api", 8728, True), "winbox": ("winbox", 8291, True),
    "api-ssl": ("api-ssl", 8729, True),
}  # fmt: skip
"""Name in RouterOS -> our name, port, and whether a new router has it on (manual, "Services")."""
SNMP_PORT = 161
DH_GROUPS = {
    "modp768": 1, "modp1024": 2, "ec2n155": 3, "ec2n185": 4, "modp1536": 5, "modp2048": 14, "modp3072": 15,
    "modp4096": 16, "modp6144": 17, "modp8192": 18, "ecp256": 19, "ecp384": 20, "ecp521": 21, "x25519": 31,
}  # fmt: skip
CIPHERS = {"aes-128": "aes128", "aes-192": "aes192", "aes-256": "aes256", "aes-128-cbc": "aes128",
           "aes-192-cbc": "aes192", "aes-256-cbc": "aes256", "aes-128-gcm": "aes128gcm", "aes-256-gcm": "aes256gcm",
           "aes-128-ctr": "aes128ctr", "aes-192-ctr": "aes192ctr", "aes-256-ctr": "aes256ctr"}  # fmt: skip
SERVERS = {"pptp-server": "pptp", "l2tp-server": "l2tp", "sstp-server": "ssl", "ovpn-server": "openvpn"}
EXCHANGES = {"ike2": (2,), "main": (1,), "main-l2tp": (1,), "base": (1,), "aggressive": (1,)}


class Listening:
    """One administration service that answers."""

    def __init__(self, name: str, protocol: str, port: int, restricted: bool) -> None:
        self.name = name
        self.protocol = protocol
        self.port = port
        self.restricted = restricted


def services(script: Script) -> list[Listening]:
    """Administration services that are on."""
    settings = {item.get("name"): item for item in script.items("/ip service")}
    found = []
    for name, (label, port, default) in SERVICES.items():
        item = settings.get(name, Item({}, 0, ""))
        on = default if "disabled" not in item.fields else not item.disabled
        text = item.get("port", str(port))
        if on and text.isascii() and text.isdigit():
            found.append(Listening(label, "tcp", int(text[:5]), bool(item.get("address"))))
    if script.setting("/snmp").on("enabled"):
        limited = any(
            item.get("addresses") not in ("", "0.0.0.0/0", "::/0") for item in script.items("/snmp community")
        )
        found.append(Listening("snmp", "udp", SNMP_PORT, limited))
    return found


def interfaces(script: Script) -> list[Interface]:
    """Interfaces that have a name, an address or a place in a list."""
    names: dict[str, Item] = {}
    for path, items in script.tables.items():
        if path.startswith("/interface ") and path.count(" ") == 1 and path != "/interface list":
            for item in items:
                # An Ethernet port keeps its factory name unless it is given another.
                name = item.get("name") or item.get("default-name")
                if name:
                    names.setdefault(name, item)
    networks: dict[str, list[str]] = {}
    for path in ("/ip address", "/ipv6 address"):
        for item in script.items(path):
            name = item.get("interface")
            names.setdefault(name, Item({}, item.line, ""))
            if not item.disabled and (network := _network(item.get("address"))):
                networks.setdefault(name, []).append(network)
    for item in script.items("/interface list member"):
        names.setdefault(item.get("interface"), Item({}, item.line, ""))
    roles = _roles(script)
    exits = _default_routes(script, networks)
    return [
        Interface(
            name=name,
            title=item.get("comment"),
            line=item.line,
            networks=tuple(networks.get(name, ())),
            role=roles.get(name, ""),
            default_route=name in exits,
            enabled=not item.disabled,
        )
        for name, item in names.items()
        if name
    ]


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_interface(text).network)
    except ValueError:
        return ""


def _roles(script: Script) -> dict[str, str]:
    """The factory configuration names its interface lists WAN and LAN."""
    return {
        item.get("interface"): item.get("list").lower()
        for item in script.items("/interface list member")
        if item.get("list") in ("WAN", "LAN") and not item.disabled
    }


def own_addresses(script: Script) -> dict[str, list[tuple[str, str]]]:
    """Of each interface, the addresses of the router and one neighbour's."""
    found: dict[str, list[tuple[str, str]]] = {}
    for path in ("/ip address", "/ipv6 address"):
        for item in script.items(path):
            try:
                one = ipaddress.ip_interface(item.get("address"))
            except ValueError:
                continue
            if item.disabled or one.network.num_addresses < 4:  # noqa: PLR2004 - no neighbour
                continue
            first = one.network.network_address + 1
            neighbour = first if first != one.ip else first + 1
            found.setdefault(item.get("interface"), []).append((str(one.ip), str(neighbour)))
    return found


def _default_routes(script: Script, networks: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    for item in script.items("/ip route"):
        if item.get("dst-address") in ("", "0.0.0.0/0") and not item.disabled:
            found |= _towards(item.get("gateway"), networks)
    found |= {
        item.get("interface")
        for item in script.items("/ip dhcp-client")
        if not item.disabled and item.get("add-default-route", "yes") != "no"
    }
    for path in ("/interface pppoe-client", "/interface lte"):
        found |= {item.get("name") for item in script.items(path) if item.on("add-default-route")}
    return found


def _towards(gateway: str, networks: dict[str, list[str]]) -> set[str]:
    try:
        address = ipaddress.ip_address(gateway)
    except ValueError:
        return {gateway.rpartition("%")[2]}
    return {name for name, texts in networks.items() if any(address in ipaddress.ip_network(one) for one in texts)}


def administrators(script: Script) -> tuple[Administrator, ...]:
    """Accounts of `/user`. Their passwords stay behind."""
    return tuple(
        Administrator(
            name=item.get("name"),
            line=item.line,
            enabled=not item.disabled,
            factory=item.get("name") == "admin",
            full_rights=item.get("group") == "full" if item.get("group") else None,
            restricted=bool(item.get("address")),
        )
        for item in script.items("/user")
        if item.get("name")
    )


def users(script: Script) -> tuple[User, ...]:
    """Accounts of PPP services and of the captive portal."""
    return tuple(
        User(name=item.get("name"), line=item.line, enabled=not item.disabled)
        for path in ("/ppp secret", "/ip hotspot user")
        for item in script.items(path)
        if item.get("name")
    )


def vpns(script: Script) -> tuple[Vpn, ...]:
    """Tunnels and remote access services."""
    found = [
        Vpn(
            kind="wireguard",
            name=item.get("name"),
            line=item.line,
            enabled=not item.disabled,
        )
        for item in script.items("/interface wireguard")
    ]
    for menu, kind in SERVERS.items():
        for item in script.items(f"/interface {menu} server"):
            on = item.on("enabled") or (menu == "ovpn-server" and "name" in item.fields and not item.disabled)
            found.append(
                Vpn(
                    kind=kind,
                    name=item.get("name") or menu,
                    line=item.line,
                    enabled=on,
                    remote_access=True,
                    encryption=tuple(CIPHERS.get(one, one) for one in item.get("cipher").split(",") if one),
                    integrity=tuple(one for one in item.get("auth").split(",") if one) if kind == "openvpn" else (),
                    tls_minimum="1.2" if item.get("tls-version") == "only-1.2" else "",
                    authentication="password",
                )
            )
    return (*found, *_ipsec(script))


def _ipsec(script: Script) -> list[Vpn]:
    profiles = {item.get("name"): item for item in script.items("/ip ipsec profile")}
    proposals = {item.get("name"): item for item in script.items("/ip ipsec proposal")}
    chosen = {item.get("peer"): item.get("proposal") for item in script.items("/ip ipsec policy") if item.get("peer")}
    identities = {item.get("peer"): item for item in script.items("/ip ipsec identity")}
    found = []
    for item in script.items("/ip ipsec peer"):
        name = item.get("name")
        profile = profiles.get(item.get("profile", "default"), Item({}, 0, ""))
        proposal = proposals.get(chosen.get(name) or "default", Item({}, 0, ""))
        identity = identities.get(name)
        pfs = proposal.get("pfs-group")
        exchange = item.get("exchange-mode", "main")
        found.append(
            Vpn(
                kind="ipsec",
                name=name,
                line=item.line,
                enabled=not item.disabled,
                remote_access=item.on("passive") and item.get("address") in ("", "0.0.0.0/0", "::/0"),
                ike_versions=EXCHANGES.get(exchange, ()),
                encryption=_algorithms(profile.get("enc-algorithm"), proposal.get("enc-algorithms")),
                integrity=tuple(
                    dict.fromkeys(
                        one
                        for text in (profile.get("hash-algorithm"), proposal.get("auth-algorithms"))
                        for one in text.split(",")
                        if one and one != "null"
                    )
                ),
                dh_groups=tuple(
                    DH_GROUPS[one]
                    for one in dict.fromkeys([*profile.get("dh-group").split(","), pfs])
                    if one in DH_GROUPS
                ),
                pfs=pfs != "none" if pfs else None,
                aggressive=exchange == "aggressive",
                authentication=_authentication(identity),
            )
        )
    return found


def _algorithms(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(CIPHERS.get(one, one) for text in texts for one in text.split(",") if one))


def _authentication(identity: Item | None) -> str:
    if identity is None:
        return ""
    method = identity.get("auth-method", "pre-shared-key")
    return {"pre-shared-key": "psk", "digital-signature": "certificate", "eap": "password"}.get(method, "")
