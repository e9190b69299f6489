"""Facts of the firewall domain: the one model that every vendor's export becomes.

What an object holds is three-valued. `ranges` (or `services`) is certain; `maybe` may also belong to it (an FQDN, a
country, a group whose content is not in the export). A rule may hide another one only with what is certain, and is
hidden only when all that it may match is covered: an object we could not resolve never proves a rule dead.

Values are text a person can read (`10.20.0.0/24`, `tcp/443`), and line numbers are those of the file, so that a
reviewer can check a finding against the export.
"""

from __future__ import annotations

from collections.abc import Mapping

from checks.model import Gap, Record

FORWARD, INPUT, OUTPUT = "forward", "input", "output"
"""Hooks: through the firewall, to the firewall itself, from the firewall itself."""

PERMIT, DENY = "permit", "deny"
"""Actions that decide."""

JUMP, GOTO, RETURN, NONE = "jump", "goto", "return", "none"
"""Actions that do not: call a chain, leave for a chain, go back to the caller, go on (log, count, mark)."""

NOT_TRANSLATED = "-"
"""Name, in `Rule.translated`, of the traffic whose destination no published address translated."""


class AddressSet(Record, frozen=True, kw_only=True):
    """The addresses a rule's cell holds. IPv4 and IPv6 together; `0.0.0.0/0` and `::/0` for any."""

    names: tuple[str, ...] = ()
    """What the administrator sees in the cell, in order."""
    ranges: tuple[str, ...] = ()
    """Certain members: `10.0.0.0/24`, `10.0.0.1`, `10.0.0.5-10.0.0.9`, `2001:db8::/32`; sorted, disjoint."""
    maybe: tuple[str, ...] = ()
    """Other addresses that may belong; disjoint from `ranges`."""
    unresolved: tuple[str, ...] = ()
    """Objects whose content is not known, and why: `fqdn:update.example`, `geo:RU`, `absent:GRP_X`."""


class ServiceSet(Record, frozen=True, kw_only=True):
    """The services a rule's cell holds.

    A service is `PROTOCOL[/PORTS][@SOURCE PORTS]`: `tcp/443`, `udp/5000-5010`, `tcp/80@1024-65535`, `icmp`,
    `icmp/8` (type), `icmp/9-255` (types), `icmp/3/4` (type and code), `icmp6/128`, `47` (protocol number), `any`.
    """

    names: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    maybe: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()


class Rule(Record, frozen=True, kw_only=True):
    """One line of a chain, in evaluation order."""

    ref: str
    """Identity in the export: policy id, uuid, rule number. What the administrator looks for."""
    line: int
    """First line of the rule in its file, from 1; 0 for a rule the product adds by itself."""
    action: str
    """`permit`, `deny`, `jump`, `goto`, `return` or `none` (does not decide)."""
    source: int
    """Index in `Device.addresses`."""
    destination: int
    services: int
    """Index in `Device.services`."""
    name: str = ""
    file: int = 0
    """Index in `Device.files`."""
    target: str = ""
    """Chain called by `jump` and `goto`."""
    enabled: bool = True
    in_zones: tuple[str, ...] = ()
    """Zones or interfaces the traffic comes from; empty for any. A name that ends with `*` stands for a prefix."""
    in_negated: bool = False
    """Every zone except those of `in_zones`."""
    out_zones: tuple[str, ...] = ()
    out_negated: bool = False
    state: tuple[str, ...] = ()
    """Connection states among `new`, `established`, `related`, `invalid`, `untracked`; empty for any."""
    translated: tuple[str, ...] = ()
    """Published addresses (VIP) the traffic must have come through, `-` for none; empty when it does not matter."""
    conditions: tuple[str, ...] = ()
    """What the rule also demands and this model does not evaluate (user, application, schedule, unknown match), in
    short French: `utilisateur : grp_soins`. With one of them, the rule may not match at all."""
    schedule: str = ""
    """Name of the time table, when there is one that is not permanent."""
    expires: str = ""
    """ISO 8601 date or date-time after which the rule no longer works."""
    log: bool | None = None
    """None when the export does not say."""
    comment: str = ""
    profiles: tuple[str, ...] | None = None
    """Inspection profiles applied (antivirus, IPS…); None when the product has none or the export does not say."""
    hits: int | None = None
    hits_since: str = ""
    """ISO 8601 start of the counter, without which zero hit means nothing."""
    section: str = ""
    automatic: bool = False
    """Added by the product, not written by the administrator; decides like another but is never blamed."""


class Chain(Record, frozen=True, kw_only=True):
    """An ordered list of rules: the first that matches and decides wins."""

    name: str
    hook: str = ""
    """`forward`, `input` or `output` for a chain the traffic enters by itself; empty for one that rules call."""
    priority: int = 0
    """Chains of one hook are crossed in this order, and each must permit."""
    families: tuple[int, ...] = (4, 6)
    """IP versions that enter this chain."""
    default: str = RETURN
    """What happens at the end: `permit`, `deny`, or `return` for a called chain."""
    default_line: int = 0
    default_log: bool | None = None
    default_certain: bool = True
    """False when the export does not show the default and it can be changed on the product."""
    exact: bool = True
    """False when the order of evaluation or the set of rules is not certain: nothing is then proved about them."""
    why_not_exact: str = ""
    rules: tuple[Rule, ...] = ()


class NatRule(Record, frozen=True, kw_only=True):
    """One translation."""

    ref: str
    line: int
    kind: str
    """`destination` (publication, port forward), `source` or `static` (both ways)."""
    name: str = ""
    file: int = 0
    enabled: bool = True
    in_zones: tuple[str, ...] = ()
    source: int = 0
    """Index in `Device.addresses`, before translation."""
    destination: int = 0
    services: int = 0
    to_address: str = ""
    """Address or range after translation; empty when it stays the same or is not known."""
    to_ports: str = ""
    """Ports after translation; empty when they stay the same."""
    permits: bool = False
    """The traffic passes without any filter rule."""
    comment: str = ""


class Interface(Record, frozen=True, kw_only=True):
    """One interface or zone, named as in the rules."""

    name: str
    title: str = ""
    """Alias or description given by the administrator."""
    line: int = 0
    members: tuple[str, ...] = ()
    """Physical interfaces of a zone."""
    networks: tuple[str, ...] = ()
    """Networks directly behind it, in CIDR form."""
    role: str = ""
    """`wan`, `lan`, `dmz`, `vpn`, when the export says so."""
    default_route: bool = False
    """The default route goes through it."""
    management: tuple[str, ...] | None = None
    """Administration services the firewall answers on it: `https`, `ssh`, `telnet`, `http`, `snmp`, `ping`.
    None when the export does not say."""
    management_restricted: bool | None = None
    """Administration is limited to some source addresses."""
    enabled: bool = True


class Administrator(Record, frozen=True, kw_only=True):
    """One account that administers the firewall. Never its password, nor a hash."""

    name: str
    line: int = 0
    enabled: bool = True
    factory: bool = False
    """The account the product is delivered with."""
    full_rights: bool | None = None
    mfa: bool | None = None
    """Second factor; None when the export does not say."""
    restricted: bool | None = None
    """May log in only from some addresses."""


class User(Record, frozen=True, kw_only=True):
    """One account stored in the firewall for VPN or portal."""

    name: str
    line: int = 0
    enabled: bool = True
    mfa: bool | None = None


class Vpn(Record, frozen=True, kw_only=True):
    """One VPN service or tunnel."""

    kind: str
    """`ipsec`, `ssl`, `openvpn`, `wireguard`, `pptp`, `l2tp`."""
    name: str
    line: int = 0
    enabled: bool = True
    remote_access: bool = False
    """People connect to it, as opposed to a tunnel between sites."""
    ike_versions: tuple[int, ...] = ()
    encryption: tuple[str, ...] = ()
    """Lower-case algorithm names as offered: `aes128`, `aes256gcm`, `3des`, `des`, `null`."""
    integrity: tuple[str, ...] = ()
    """`md5`, `sha1`, `sha256`…"""
    dh_groups: tuple[int, ...] = ()
    """IANA Diffie-Hellman group numbers."""
    pfs: bool | None = None
    aggressive: bool | None = None
    authentication: str = ""
    """`psk`, `certificate`, `password`, or empty when the export does not say."""
    mfa: bool | None = None
    tls_minimum: str = ""


class NamedObject(Record, frozen=True, kw_only=True):
    """One address or service object the administrator named."""

    name: str
    kind: str
    """`address`, `address-group`, `service`, `service-group`."""
    line: int = 0
    file: int = 0
    content: int
    """Index in `Device.addresses` or `Device.services`."""
    used: bool = False
    """Named by an enabled or disabled rule, a NAT rule or a group."""


class NotUnderstood(Record, frozen=True, kw_only=True):
    """A directive the parser does not know. Never silently ignored."""

    line: int
    text: str
    """The directive, secrets removed, cut to 200 characters."""
    effect: str
    """What it makes undetermined, in French; `aucun sur le filtrage` when it cannot matter."""
    file: int = 0


class SourceName(Record, frozen=True, kw_only=True):
    """One file that was read."""

    name: str
    """Base name only: paths say nothing about the firewall."""
    sha256: str
    lines: int


class Device(Record, frozen=True, kw_only=True):
    """One firewall (or one virtual firewall of it)."""

    vendor: str
    """Parser id: `fortigate`, `stormshield`, `pfsense`, `opnsense`, `sophos`, `watchguard`, `paloalto`, `asa`,
    `checkpoint`, `mikrotik`, `unifi`, `iptables`, `nftables`, `windows`."""
    name: str
    """Host name, virtual domain included; the file name when the export holds none."""
    product: str = ""
    firmware: str = ""
    """Version text as the export shows it; empty when it does not."""
    files: tuple[SourceName, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    chains: tuple[Chain, ...] = ()
    nat: tuple[NatRule, ...] = ()
    addresses: tuple[AddressSet, ...] = ()
    services: tuple[ServiceSet, ...] = ()
    objects: tuple[NamedObject, ...] = ()
    administrators: tuple[Administrator, ...] | Gap = ()
    users: tuple[User, ...] | Gap = ()
    vpns: tuple[Vpn, ...] | Gap = ()
    ipv6: str = ""
    """`off` when the product drops or does not route all IPv6, `on` when it handles it, empty when not known."""
    not_understood: tuple[NotUnderstood, ...] = ()
    limits: tuple[str, ...] = ()
    """What this export cannot show (French sentences): implicit rules, hit counters, central management…"""


class FirewallFacts(Record, frozen=True, kw_only=True):
    """Everything known of the firewalls of a site."""

    devices: tuple[Device, ...] = ()
    roles: Mapping[str, str] = {}
    """Zone name to its role, as the site profile declares it: `wan`, `pro`, `resident`, `guest`, `biomedical`,
    `backup`, `admin`, `dmz`, `vpn`, `voice`, `iot`."""
