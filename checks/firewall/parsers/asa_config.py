"""A Cisco ASA configuration sorted by subject: what the other modules translate."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.services import TOP_PORT
from checks.firewall.parsers.asa_acl import hits_of
from checks.firewall.parsers.asa_blocks import Block, Line
from checks.firewall.parsers.asa_objects import Tables
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import ParseError

MAX_ZONES = 2000
"""Named interfaces; the largest models have 1,024 VLANs."""
UNKNOWN_EFFECT = "commande non étudiée : son effet sur le filtrage n'est pas connu"


class Zone(NamedTuple):
    """One named interface."""

    name: str
    line: int
    port: str
    """Physical or virtual port that carries it."""
    title: str
    level: int | None
    networks: tuple[str, ...]
    own: Addresses
    enabled: bool
    management_only: bool
    default_route: bool
    ipv6: bool


class Group(NamedTuple):
    """One `access-group`."""

    acl: str
    line: int
    side: str
    """`in`, `out`, `global` or `control-plane`."""
    interface: str
    per_user: bool


class Manage(NamedTuple):
    """One `ssh`, `telnet`, `http`, `snmp-server host` or `icmp` line."""

    service: str
    line: int
    source: Addresses
    name: str
    interface: str
    restricted: bool


class Config:
    """What the commands say, before the rules are made."""

    def __init__(self, builder: DeviceBuilder, tables: Tables) -> None:
        self.builder = builder
        self.tables = tables
        self.hostname = ""
        self.complete = False
        """The file is a whole configuration, not a few access lists."""
        self.zones: list[Zone] = []
        self.acls: dict[tuple[str, int], list[Line]] = {}
        """Commands of each list, by name and IP version (0 for a list of both)."""
        self.hits: dict[tuple[str, int], int] = {}
        self.groups: list[Group] = []
        self.same_inter = 0
        """Line of `same-security-traffic permit inter-interface`, 0 when absent."""
        self.same_intra = 0
        self.permit_vpn = True
        self.permit_vpn_line = 0
        self.cut_through = 0
        self.logging: bool | None = None
        self.logging_line = 0
        self.ranges: dict[str, tuple[Line, ...]] = {}
        self.manage: list[Manage] = []
        self.icmp: list[Line] = []
        self.http_enabled = 0
        self.http_port = 443
        self.webvpn_port = 443
        self.nat: list[tuple[str, Line]] = []
        """Translations: name of the object they belong to, empty for manual ones."""
        self.pools: dict[str, Addresses] = {}
        self.crypto: list[Block] = []
        self.tunnel_groups: list[Block] = []
        self.group_policies: list[Block] = []
        self.webvpn: list[Block] = []
        self.tls = ""
        self.users: list[Block] = []
        self.limits: list[str] = []
        self.routed_defaults: set[str] = set()
        self.zone_members = False
        self.bridges = False
        self._raw_interfaces: list[Block] = []

    def read(self, blocks: list[Block]) -> None:
        """Sort every command."""
        handlers = self._handlers()
        for block in blocks:
            words = block.head.words
            handler = handlers.get(words[0])
            if handler is not None:
                handler(block)
            elif words[0] not in _HARMLESS and not words[0].startswith("Cryptochecksum:"):
                self.builder.not_understood(block.head.number, block.head.text, UNKNOWN_EFFECT)
        for block in self._raw_interfaces:
            self._zone(block)
        if self.logging is None and self.complete:
            self.logging = False

    def _handlers(self) -> dict[str, Callable[[Block], None]]:
        """Who reads which command."""
        return {
            "ASA": self._on_version,
            "PIX": self._on_version,
            "FWSM": self._on_version,
            "hostname": self._on_hostname,
            "name": self._on_name,
            "object": self._on_object,
            "object-group": self._on_group,
            "interface": self._on_interface,
            "access-list": self._on_access_list,
            "ipv6": self._on_ipv6,
            "access-group": self._on_access_group,
            "same-security-traffic": self._on_same_security,
            "sysopt": self._on_sysopt,
            "no": self._on_no,
            "logging": self._on_logging,
            "time-range": self._on_time_range,
            "http": self._on_manage,
            "ssh": self._on_manage,
            "telnet": self._on_manage,
            "snmp-server": self._on_snmp,
            "icmp": self._on_icmp,
            "nat": self._on_nat,
            "static": self._on_nat,
            "global": self._on_nat,
            "ip": self._on_pool,
            "crypto": self._on_crypto,
            "isakmp": self._on_crypto,
            "tunnel-group": self._on_tunnel_group,
            "group-policy": self._on_group_policy,
            "webvpn": self._on_webvpn,
            "ssl": self._on_ssl,
            "username": self._on_username,
            "aaa": self._on_aaa,
            "route": self._on_route,
            "firewall": self._on_firewall,
            **dict.fromkeys(_FILTERING, self._on_filtering),
        }

    def flag(self, line: Line, effect: str) -> None:
        """Record a command whose effect is not modelled."""
        self.builder.not_understood(line.number, line.text, effect)

    def address(self, base: str, mask: str) -> Addresses:
        """A network given by an address (or its name) and a mask. Raises `AddressError`."""
        base = self.tables.names.get(base, base)
        return ip.from_ranges((f"{base}/{mask}" if mask else base,))

    def _on_version(self, _block: Block) -> None:
        self.complete = True

    def _on_hostname(self, block: Block) -> None:
        if len(block.head.words) > 1:
            self.hostname = block.head.words[1]

    def _on_name(self, block: Block) -> None:
        self.tables.read_name(block.head)

    def _on_object(self, block: Block) -> None:
        self.tables.read_object(block)
        words = block.head.words
        if len(words) > 2 and words[1] == "network":  # noqa: PLR2004
            self.nat += [(words[2], line) for line in block.body if line.words[0] == "nat"]

    def _on_group(self, block: Block) -> None:
        self.tables.read_group(block)

    def _on_interface(self, block: Block) -> None:
        self._raw_interfaces.append(block)
        for line in block.body:
            if line.words[0] == "zone-member":
                self.zone_members = True
            elif line.words[0] == "bridge-group":
                self.bridges = True

    def _zone(self, block: Block) -> None:
        found = {line.words[0]: line for line in block.body}
        nameif = found.get("nameif")
        if nameif is None or len(nameif.words) < 2:  # noqa: PLR2004
            return
        self.complete = True
        name = nameif.words[1]
        networks: list[str] = []
        own: list[Addresses] = []
        dynamic = ipv6 = route = False
        for line in block.body:
            words = line.words
            if words[:2] == ("ip", "address") or words[:2] == ("ipv6", "address"):
                ipv6 = ipv6 or words[0] == "ipv6"
                dynamic, route = self._interface_address(line, networks, own, dynamic), route or "setroute" in words
            elif words[0] == "ipv6":
                ipv6 = True
        if dynamic or not own:
            own.append(ip.unknown(f"interface:{name}"))
        level = found.get("security-level")
        number = level.words[1] if level is not None and len(level.words) > 1 else ""
        description = found.get("description")
        zone = Zone(
            name=name,
            line=block.head.number,
            port=" ".join(block.head.words[1:]),
            title=" ".join(description.words[1:]) if description else "",
            level=int(number) if number.isdecimal() and len(number) <= 3 else None,  # noqa: PLR2004
            networks=tuple(networks),
            own=ip.join(*own),
            enabled="shutdown" not in found,
            management_only="management-only" in found,
            default_route=route or name in self.routed_defaults,
            ipv6=ipv6,
        )
        self.zones.append(zone)
        if len(self.zones) > MAX_ZONES:
            raise ParseError("trop d'interfaces", line=zone.line)
        self.tables.interfaces[name] = zone.own

    def _interface_address(self, line: Line, networks: list[str], own: list[Addresses], dynamic: bool) -> bool:
        words = line.words
        if len(words) > 2 and words[2] in ("dhcp", "pppoe", "autoconfig"):  # noqa: PLR2004
            return True
        try:
            if words[0] == "ipv6":
                address = words[2].partition("/")[0]
                network = ip.from_ranges((words[2],))
            else:
                address = self.tables.names.get(words[2], words[2])
                network = ip.from_ranges((f"{address}/{words[3]}",))
            own.append(ip.from_ranges((address,)))
        except (AddressError, IndexError):
            self.flag(line, "adresse de l'interface indéterminée")
            return True
        networks.extend(ip.to_fact(network).ranges)
        return dynamic

    def _on_access_list(self, block: Block) -> None:
        for line in (block.head, *block.body):
            words = line.words
            if words[0] != "access-list":
                continue
            if len(words) < 3 or words[1] in ("cached", "deny-flow-max", "alert-interval") or words[1].endswith(";"):  # noqa: PLR2004
                continue
            if words[2] == "line" and len(words) > 3 and words[3].isdecimal() and len(words[3]) <= 9:  # noqa: PLR2004
                self._counted(line, top=line is block.head)
            else:
                self.acls.setdefault((words[1], 0), []).append(line)

    def _counted(self, line: Line, *, top: bool) -> None:
        """One line of `show access-list`: the indented ones detail the groups of the line above them."""
        key = (line.words[1], int(line.words[3]))
        hits = hits_of(line.text)
        if top:
            self.acls.setdefault((line.words[1], -1), []).append(line)
            if hits is not None:
                self.hits[key] = hits
        elif hits is not None and not self._has_own_count(key):
            self.hits[key] = self.hits.get(key, 0) + hits

    def _has_own_count(self, key: tuple[str, int]) -> bool:
        shown = self.acls.get((key[0], -1), ())
        return any(int(line.words[3]) == key[1] and hits_of(line.text) is not None for line in shown[-1:])

    def _on_ipv6(self, block: Block) -> None:
        words = block.head.words
        if len(words) > 3 and words[1] == "access-list":  # noqa: PLR2004
            line = block.head._replace(words=words[1:])
            self.acls.setdefault((words[2], 6), []).append(line)

    def _on_access_group(self, block: Block) -> None:
        words = block.head.words
        number = block.head.number
        if len(words) == 3 and words[2] == "global":  # noqa: PLR2004
            self.groups.append(Group(words[1], number, "global", "", per_user=False))
        elif len(words) >= 5 and words[2] in ("in", "out") and words[3] == "interface":  # noqa: PLR2004
            extra = words[5:]
            side = "control-plane" if "control-plane" in extra else words[2]
            self.groups.append(Group(words[1], number, side, words[4], "per-user-override" in extra))
        else:
            self.flag(block.head, "liste d'accès peut-être appliquée sans que cette analyse le sache")

    def _on_same_security(self, block: Block) -> None:
        if block.head.words[-1] == "inter-interface":
            self.same_inter = block.head.number
        elif block.head.words[-1] == "intra-interface":
            self.same_intra = block.head.number

    def _on_sysopt(self, block: Block) -> None:
        if block.head.words[1:3] in (("connection", "permit-vpn"), ("connection", "permit-ipsec")):
            self.permit_vpn_line = block.head.number

    def _on_no(self, block: Block) -> None:
        if block.head.words[1:4] in (("sysopt", "connection", "permit-vpn"), ("sysopt", "connection", "permit-ipsec")):
            self.permit_vpn, self.permit_vpn_line = False, block.head.number

    def _on_logging(self, block: Block) -> None:
        if block.head.words[1:] == ("enable",) or block.head.words[1:] == ("on",):
            self.logging, self.logging_line = True, block.head.number

    def _on_time_range(self, block: Block) -> None:
        if len(block.head.words) > 1:
            self.ranges[block.head.words[1]] = block.body

    def _on_manage(self, block: Block) -> None:
        words = block.head.words
        if words[:3] == ("http", "server", "enable"):
            self.http_enabled = block.head.number
            self.http_port = _port(words[3:4], self.http_port)
            return
        if len(words) < 3 or words[1] in _MANAGE_SETTINGS:  # noqa: PLR2004
            return
        mask = "" if "/" in words[1] else words[2]
        interface = words[2] if "/" in words[1] else (words[3] if len(words) > 3 else "")  # noqa: PLR2004
        try:
            source = self.address(words[1], mask)
        except AddressError:
            self.flag(block.head, "accès d'administration indéterminé")
            return
        restricted = source not in (ip.ANY4, ip.ANY6)
        shown = " ".join(words[1:3]) if mask else words[1]
        self.manage.append(Manage(words[0], block.head.number, source, shown, interface, restricted))

    def _on_snmp(self, block: Block) -> None:
        words = block.head.words
        if len(words) < 4 or words[1] != "host" or "trap" in words[4:]:  # noqa: PLR2004
            return
        try:
            source = self.address(words[3], "")
        except AddressError:
            # A name the export does not hold. The rest of the line may carry a community: it is not quoted.
            self.builder.not_understood(block.head.number, " ".join(words[:4]), "interrogation SNMP indéterminée")
            return
        self.manage.append(Manage("snmp", block.head.number, source, words[3], words[2], restricted=True))

    def _on_icmp(self, block: Block) -> None:
        if len(block.head.words) > 3 and block.head.words[1] in ("permit", "deny"):  # noqa: PLR2004
            self.icmp.append(block.head)

    def _on_nat(self, block: Block) -> None:
        self.nat.append(("", block.head))

    def _on_pool(self, block: Block) -> None:
        words = block.head.words
        if len(words) > 4 and words[1:3] == ("local", "pool"):  # noqa: PLR2004
            try:
                self.pools[words[3]] = ip.from_ranges((words[4].partition("/")[0],))
            except AddressError:
                self.flag(block.head, "adresses des clients VPN indéterminées")
        elif words[1:2] == ("audit",):
            self.flag(block.head, "des paquets peuvent être jetés par cette fonction, non évaluée")

    def _on_crypto(self, block: Block) -> None:
        self.crypto.append(block)

    def _on_tunnel_group(self, block: Block) -> None:
        self.tunnel_groups.append(block)

    def _on_group_policy(self, block: Block) -> None:
        self.group_policies.append(block)

    def _on_webvpn(self, block: Block) -> None:
        self.webvpn.append(block)
        for line in block.body:
            if line.words[0] == "port":
                self.webvpn_port = _port(line.words[1:2], self.webvpn_port)

    def _on_ssl(self, block: Block) -> None:
        if len(block.head.words) > 2 and block.head.words[1] == "server-version":  # noqa: PLR2004
            self.tls = block.head.words[2]

    def _on_username(self, block: Block) -> None:
        self.users.append(block)

    def _on_aaa(self, block: Block) -> None:
        words = block.head.words
        if words[1:3] in (("authentication", "match"), ("authentication", "include"), ("authorization", "match"),
                          ("authorization", "include")):  # fmt: skip
            self.cut_through = block.head.number
            self.flag(block.head, "des règles exigent une authentification préalable que cette analyse n'évalue pas")

    def _on_route(self, block: Block) -> None:
        words = block.head.words
        if words[0] == "route" and len(words) > 3 and words[2] in ("0.0.0.0", "0") and words[3] in ("0.0.0.0", "0"):  # noqa: PLR2004
            self.routed_defaults.add(words[1])

    def _on_filtering(self, block: Block) -> None:
        self.flag(block.head, _FILTERING[block.head.words[0]])

    def _on_firewall(self, block: Block) -> None:
        if block.head.words[1:] == ("transparent",):
            self.limits.append(
                "Le pare-feu est en mode transparent : les trames qui ne sont pas de l'IP (listes EtherType, ARP) ne "
                "sont pas étudiées."
            )


def _port(words: tuple[str, ...], default: int) -> int:
    word = words[0] if words else ""
    return int(word) if word.isdecimal() and len(word) <= 5 and 0 < int(word) <= TOP_PORT else default  # noqa: PLR2004


_MANAGE_SETTINGS = frozenset(
    (
        "server", "timeout", "version", "scopy", "key-exchange", "cipher", "stricthostkeycheck", "pubkey-chain",
        "redirect", "authentication-certificate", "username-from-certificate", "stack", "disconnect", "login-history",
    )
)  # fmt: skip

_FILTERING = {
    "established": "autorise des connexions de retour que cette analyse n'évalue pas",
    "filter": "des pages ou des contenus peuvent être refusés par cette fonction, non évaluée",
    "url-server": "des pages peuvent être refusées par un serveur de filtrage, non évalué",
    "dynamic-filter": "le filtre de réseaux de zombies peut refuser du trafic, non évalué",
    "shun": "adresse bloquée provisoirement, non évalué",
    "mac-list": "exempte des équipements de l'authentification, non évalué",
    "policy-route": "route imposée : l'interface de sortie n'est pas évaluée",
    "cts": "groupes de sécurité TrustSec : leur contenu n'est pas dans l'export",
    "context": "contexte virtuel : sa configuration est dans un autre fichier, à fournir aussi",
    "zone": "zone de trafic : les interfaces membres échangent le trafic de mêmes connexions, non évalué",
}

_HARMLESS = frozenset(
    (
        "aaa-server", "alias", "app-agent", "arp", "asdm", "asp", "auth-prompt", "auto-update", "banner",
        "boot", "call-home", "checkheaps", "class-map", "clear", "client-update", "clock", "cluster",
        "command-alias", "compression", "config-register", "configure", "console", "coredump", "ddns",
        "dhcp-client", "dhcpd", "dhcprelay", "dns", "dns-guard", "domain-name", "dynamic-access-policy-record",
        "enable", "enrollment", "exit", "failover", "fips", "fixup", "flow-export", "flow-offload", "fragment",
        "ftp", "ftp-map", "gtp-map", "hpm", "hw-module", "igmp", "imap4s", "jumbo-frame", "key", "l2tp", "ldap",
        "license", "logout", "mac-address", "mac-address-table", "management-access", "media-termination",
        "memory", "mfib", "monitor-interface", "mount", "mroute", "mtu", "multicast-routing", "names", "ntp",
        "num-vpn-sessions", "object-group-search", "packet-tracer", "pager", "passwd", "password",
        "password-policy", "phone-proxy", "pim", "policy-list", "policy-map", "pop3s", "prefix-list",
        "priority-queue", "privilege", "prompt", "quit", "quota", "regex", "rest-api", "route-map", "router",
        "scansafe", "scp", "service", "service-module", "service-policy", "setup", "sla", "smart-tunnel",
        "smtp-server", "smtps", "snmp-map", "snmp", "speed", "ssl-encryption", "standby", "subnet",
        "sunrpc-server", "tcp-map", "terminal", "tftp-server", "threat-detection", "timeout", "tls-proxy",
        "track", "tunnel", "uc-ime", "unix-auth", "user-identity", "user-statistics", "virtual", "vpdn",
        "vpn-addr-assign", "vpn-load-balancing", "vpn-sessiondb", "vpnclient", "vpnsetup", "wccp", "write",
        "xlate", "zonelabs-integrity", "NGFW", "end", "crashinfo", "lacp", "mode", "resource", "admin-context",
        "mac", "vlan", "snort", "event",
    )
)  # fmt: skip
"""Commands without effect on what is permitted or denied to a new connection, as far as access rules go."""
