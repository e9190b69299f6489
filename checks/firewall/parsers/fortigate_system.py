"""What a FortiGate answers and who runs it: administration, accounts, VPN. Never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_network

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.services import ServiceError, Services
from checks.firewall.facts import DENY, INPUT, PERMIT, Administrator, Chain, Rule, User, Vpn
from checks.firewall.parsers.fortigate_objects import V4, V6, enabled, value, values
from checks.firewall.parsers.fortigate_policies import Context
from checks.firewall.parsers.fortigate_text import Block, Setting
from checks.firewall.parsers.fortigate_zones import Port

FACTORY = "admin"
_SUPER = {"super_admin": True, "super_admin_readonly": False, "prof_admin": False}
_TRUST4 = re.compile(r"trusthost\d{1,2}")
_TRUST6 = re.compile(r"ip6-trusthost\d{1,2}")
_FIXED = {"ping": "icmp/8 icmp6/128", "snmp": "udp/161", "fgfm": "tcp/541"}
_PORTS = {"https": ("admin-sport", "443"), "http": ("admin-port", "80"), "ssh": ("admin-ssh-port", "22"),
          "telnet": ("admin-telnet-port", "23")}  # fmt: skip
_ADMIN_SERVICES = ("https", "http", "ssh", "telnet", "snmp", "ping", "fgfm")
_TRUSTED = frozenset({"https", "http", "ssh", "telnet", "snmp", "ping"})
"""Services that `trusthost` limits."""
_GROUP = re.compile(r"[0-9]{1,3}")
_REMOTE_USERS = frozenset({"radius", "ldap", "tacacs+", "tacacs"})


# --- Administrators


def administrators(tables: Block) -> tuple[Administrator, ...]:
    """Accounts and API keys that administer the firewall."""
    found = [_administrator(entry) for entry in tables.table("system admin").entries.values()]
    for entry in tables.table("system api-user").entries.values():
        hosts = entry.table("trusthost").entries
        settings = entry.settings()
        found.append(
            Administrator(
                name=entry.name,
                line=entry.line,
                full_rights=_SUPER.get(value(settings, "accprofile")),
                restricted=bool(hosts),
            )
        )
    return tuple(found)


def _administrator(entry: Block) -> Administrator:
    settings = entry.settings()
    factor = value(settings, "two-factor", "disable")
    elsewhere = enabled(settings, "remote-auth") or enabled(settings, "peer-auth")
    return Administrator(
        name=entry.name,
        line=entry.line,
        factory=entry.name == FACTORY,
        full_rights=_SUPER.get(value(settings, "accprofile")),
        mfa=True if factor != "disable" else None if elsewhere else False,
        restricted=bool(_trusted(settings, _TRUST4) or _trusted(settings, _TRUST6)),
    )


def _trusted(settings: Mapping[str, Setting], pattern: re.Pattern[str]) -> list[str]:
    """Networks an account may come from; empty when it may come from anywhere."""
    found: list[str] = []
    for key, one in settings.items():
        if pattern.fullmatch(key) and one.values:
            try:
                network = ip_network("/".join(one.values[:2]), strict=False)
            except ValueError:
                continue
            if not network.prefixlen:
                return []
            found.append(str(network))
    return found


def trusted_sources(table: Block) -> Addresses | None:
    """Where administration may come from; None when one account at least may come from anywhere."""
    accounts = [entry.settings() for entry in table.entries.values()]
    if not accounts or not all(_trusted(one, _TRUST4) or _trusted(one, _TRUST6) for one in accounts):
        return None
    four = [network for one in accounts for network in _trusted(one, _TRUST4)]
    six = [network for one in accounts for network in _trusted(one, _TRUST6)]
    known = ip.from_ranges((*four, *six))
    # Restricting one IP version only leaves the other in doubt.
    doubt4 = () if all(_trusted(one, _TRUST4) for one in accounts) else ip.ALL4
    doubt6 = () if all(_trusted(one, _TRUST6) for one in accounts) else ip.ALL6
    return ip.join(known, Addresses(maybe4=doubt4, maybe6=doubt6))


def users(table: Block) -> tuple[User, ...]:
    """Accounts kept on the firewall for VPN or portals."""
    return tuple(_user(entry) for entry in table.entries.values())


def _user(entry: Block) -> User:
    settings = entry.settings()
    factor = value(settings, "two-factor", "disable")
    remote = value(settings, "type", "password") in _REMOTE_USERS
    return User(
        name=entry.name,
        line=entry.line,
        enabled=enabled(settings, "status", True),
        mfa=True if factor != "disable" else None if remote else False,
    )


# --- What the firewall answers


def management_chain(
    context: Context, ports: Mapping[str, Port], tables: Block, shared: Block, local_in: Chain | None
) -> Chain:
    """Automatic rules: administration allowed on each interface, VPN services, then refusal of administration."""
    settings = shared.table("system global").settings()
    trusted = trusted_sources(shared.table("system admin"))
    rules = [
        rule
        for port in ports.values()
        if port.enabled
        for family, access in ((V4, port.access4), (V6, port.access6))
        for service in access
        for rule in _access(context, port, family, service, settings, trusted)
    ]
    rules += _vpn_rules(context, tables)
    if local_in is not None:
        rules += [_accepted(rule) for rule in local_in.rules if rule.action == PERMIT and rule.enabled]
    refused = svc.join(*(service_of(service, settings) for service in _ADMIN_SERVICES))
    rules.append(
        Rule(
            ref="allowaccess (refus)",
            line=0,
            action=DENY,
            source=context.builder.any_address,
            destination=context.builder.any_address,
            services=context.builder.service(refused, _ADMIN_SERVICES),
            automatic=True,
        )
    )
    return Chain(name="allowaccess", hook=INPUT, priority=10, default=DENY, default_certain=False, rules=tuple(rules))


def service_of(name: str, settings: Mapping[str, Setting]) -> Services:
    """Ports of one administration service."""
    if name in _PORTS:
        key, default = _PORTS[name]
        try:
            return svc.of(6, svc.parse_ports(value(settings, key, default)))
        except ServiceError:
            return svc.unknown(f"port:{name}", protocols=(6,))
    if name in _FIXED:
        return svc.join(*(svc.parse_service(word) for word in _FIXED[name].split()))
    return svc.unknown(f"allowaccess:{name}", protocols=(6, 17))


def _access(
    context: Context,
    port: Port,
    family: int,
    service: str,
    settings: Mapping[str, Setting],
    trusted: Addresses | None,
) -> Iterator[Rule]:
    everywhere = ip.ANY4 if family == V4 else ip.ANY6
    limited = trusted is not None and service in _TRUSTED
    source = ip.only(trusted, family) if limited and trusted is not None else everywhere
    doubt = ["hôtes SNMP autorisés"] if service == "snmp" else []
    yield _automatic(
        context,
        f"{port.name} allowaccess {service}",
        port.line,
        port.name,
        source,
        service_of(service, settings),
        doubt,
    )


def _automatic(
    context: Context, ref: str, line: int, interface: str, source: Addresses, content: Services, doubt: list[str]
) -> Rule:
    shared = [f"interface : {interface}"] if context.zones.shared(interface) else []
    return Rule(
        ref=ref,
        line=line,
        action=PERMIT,
        source=context.builder.address(source),
        destination=context.builder.any_address,
        services=context.builder.service(content),
        in_zones=(context.zones.label(interface),),
        conditions=(*doubt, *shared),
        automatic=True,
    )


def _accepted(rule: Rule) -> Rule:
    """A local-in acceptance opens nothing that `allowaccess` closes, as far as the documentation says: a doubt."""
    fields = {name: getattr(rule, name) for name in rule.__struct_fields__}
    why = (*rule.conditions, "accepté par local-in-policy sans allowaccess : effet non documenté")
    return Rule(**{**fields, "automatic": True, "conditions": why})


def _vpn_rules(context: Context, tables: Block) -> Iterator[Rule]:
    ike = svc.join(svc.parse_service("udp/500"), svc.parse_service("udp/4500"), svc.parse_service("esp"))
    for path in ("vpn ipsec phase1-interface", "vpn ipsec phase1"):
        for entry in tables.table(path).entries.values():
            settings = entry.settings()
            interface = value(settings, "interface")
            if interface:
                source = _peer(settings)
                yield _automatic(context, f"IPsec {entry.name}", entry.line, interface, source, ike, [])
    portal = tables.table("vpn ssl settings")
    settings = portal.settings()
    if not ssl_enabled(settings):
        return
    try:
        content = svc.of(6, svc.parse_ports(value(settings, "port", "10443")))
    except ServiceError:
        content = svc.unknown("port:ssl-vpn", protocols=(6,))
    names = tuple(name for name in values(settings, "source-address") if name != "all")
    source = ip.ANY
    if names:
        source = context.objects.addresses4.resolve_all(names)
        source = ip.negate(source, (V4,)) if enabled(settings, "source-address-negate") else source
        source = ip.join(source, ip.unknown("source-address6", families=(V6,)))
    for interface in values(settings, "source-interface"):
        line = settings["source-interface"].line
        for name in context.zones.expand((interface,)) or ("",):
            rule = _automatic(context, "SSL-VPN", line, name, source, content, [])
            yield rule if name else _everywhere(rule)


def _everywhere(rule: Rule) -> Rule:
    fields = {name: getattr(rule, name) for name in rule.__struct_fields__}
    return Rule(**{**fields, "in_zones": ()})


def _peer(settings: Mapping[str, Setting]) -> Addresses:
    if value(settings, "type", "static") == "static":
        try:
            return ip.from_ranges((value(settings, "remote-gw") or value(settings, "remote-gw6"),))
        except AddressError:
            return ip.ANY
    return ip.ANY


# --- VPN


def ssl_enabled(settings: Mapping[str, Setting]) -> bool:
    """The SSL portal listens somewhere."""
    return bool(values(settings, "source-interface")) and enabled(settings, "status", True)


def vpns(tables: Block, version: tuple[int, int, int] | None) -> tuple[Vpn, ...]:
    """Tunnels and portals."""
    found: list[Vpn] = []
    for first, second in (("phase1-interface", "phase2-interface"), ("phase1", "phase2")):
        phases2 = [entry.settings() for entry in tables.table(f"vpn ipsec {second}").entries.values()]
        by_name: dict[str, list[Mapping[str, Setting]]] = {}
        for settings in phases2:
            by_name.setdefault(value(settings, "phase1name"), []).append(settings)
        tunnels = tables.table(f"vpn ipsec {first}").entries.values()
        found += [_ipsec(entry, by_name.get(entry.name, []), version) for entry in tunnels]
    portal = tables.table("vpn ssl settings")
    if portal.commands:
        found.append(_ssl(tables, portal))
    for kind in ("l2tp", "pptp"):
        table = tables.table(f"vpn {kind}")
        settings = table.settings()
        if enabled(settings, "status"):
            found.append(Vpn(kind=kind, name=kind.upper(), line=table.line, remote_access=True))
    return tuple(found)


def _ipsec(entry: Block, phases2: list[Mapping[str, Setting]], version: tuple[int, int, int] | None) -> Vpn:
    settings = entry.settings()
    both = (settings, *phases2)
    offers = [word for one in both for word in values(one, "proposal")]
    groups = [word for one in both for word in values(one, "dhgrp")]
    method = value(settings, "authmethod", "psk")
    ike = value(settings, "ike-version", "" if version is None else "1")
    dynamic = value(settings, "type", "static") == "dynamic"
    people = enabled(settings, "mode-cfg") or value(settings, "xauthtype", "disable") != "disable"
    people = people or enabled(settings, "eap") or value(settings, "wizard-type").startswith("dialup")
    pfs = {enabled(one, "pfs", True) for one in phases2}
    return Vpn(
        kind="ipsec",
        name=entry.name,
        line=entry.line,
        enabled=value(settings, "status", "enable") != "disable",
        remote_access=dynamic and people,
        ike_versions=(int(ike),) if ike in ("1", "2") else (),
        encryption=tuple(dict.fromkeys(offer.partition("-")[0].lower() for offer in offers)),
        integrity=tuple(dict.fromkeys(_integrity(offer) for offer in offers if "-" in offer)),
        dh_groups=tuple(sorted({int(word) for word in groups if _GROUP.fullmatch(word)})),
        pfs=pfs == {True} if pfs else None,
        aggressive=value(settings, "mode", "main") == "aggressive",
        authentication="certificate" if method in ("signature", "rsa-signature") else "psk",
    )


def _integrity(offer: str) -> str:
    return offer.partition("-")[2].lower().removeprefix("prf")


def _ssl(tables: Block, portal: Block) -> Vpn:
    settings = portal.settings()
    minimum = value(settings, "ssl-min-proto-ver")
    if not minimum:
        on = [key for key in ("tlsv1-0", "tlsv1-1", "tlsv1-2") if enabled(settings, key)]
        minimum = on[0] if on else ""
    return Vpn(
        kind="ssl",
        name="SSL-VPN",
        line=portal.line,
        enabled=ssl_enabled(settings),
        remote_access=True,
        authentication="certificate" if enabled(settings, "reqclientcert") else "password",
        mfa=_ssl_mfa(tables, portal),
        tls_minimum=re.sub(r"^tlsv?(\d)-(\d)$", r"TLS \1.\2", minimum),
    )


def _ssl_mfa(tables: Block, portal: Block) -> bool | None:
    """Second factor of the people the portal lets in: False as soon as one local account has none."""
    groups = tables.table("user group").entries
    people: set[str] = set()
    for rule in portal.table("authentication-rule").entries.values():
        settings = rule.settings()
        people.update(values(settings, "users"))
        for group in values(settings, "groups"):
            if group in groups:
                people.update(values(groups[group].settings(), "member"))
    local = {user.name: user for user in users(tables.table("user local"))}
    factors = [local[name].mfa if name in local else None for name in sorted(people)]
    if False in factors:
        return False
    return True if factors and None not in factors else None
