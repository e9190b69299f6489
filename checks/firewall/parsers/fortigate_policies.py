"""Policies of a FortiGate: what crosses it and what it answers, as chains of rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.services import Services
from checks.firewall.facts import DENY, FORWARD, INPUT, NOT_TRANSLATED, PERMIT, Chain, NatRule, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.fortigate_objects import (
    OFF,
    UNKNOWN_OFF,
    V4,
    V6,
    Objects,
    Vip,
    common,
    enabled,
    value,
    values,
)
from checks.firewall.parsers.fortigate_text import Block, Setting
from checks.firewall.parsers.fortigate_zones import Zones

MATCH_VIP_BY_DEFAULT = (7, 2, 3)
"""From this version a refusal also stops published traffic unless it says otherwise."""
LONE_INTRAZONE = (7, 4, 4)
"""From this version a zone of one interface honours `intrazone allow`."""

_DECIDING = frozenset({
    "srcintf", "dstintf", "intf", "srcaddr", "dstaddr", "srcaddr6", "dstaddr6", "srcaddr4", "dstaddr4", "service",
    "action", "status", "schedule", "name", "comments", "comment", "global-label", "uuid", "logtraffic", "match-vip",
    "match-vip-only", "srcaddr-negate", "dstaddr-negate", "srcaddr6-negate", "dstaddr6-negate", "service-negate",
    "policy-expiry", "policy-expiry-date", "policy-expiry-date-utc", "utm-status", "profile-type", "profile-group",
})  # fmt: skip
_INTERNET = re.compile(r"internet-service6?(-src)?(-name|-id|-group|-custom|-custom-group|-fortiguard)?")
_INTERNET_NEGATE = re.compile(r"internet-service6?(-src)?-negate")
_PROFILES = {
    "av-profile": "antivirus", "webfilter-profile": "filtrage web", "dnsfilter-profile": "filtrage DNS",
    "ips-sensor": "IPS", "application-list": "contrôle applicatif", "dlp-sensor": "DLP", "dlp-profile": "DLP",
    "file-filter-profile": "filtrage de fichiers", "emailfilter-profile": "filtrage de courriel",
    "spamfilter-profile": "filtrage de courriel", "waf-profile": "WAF", "icap-profile": "ICAP",
    "voip-profile": "VoIP", "ips-voip-filter": "VoIP", "videofilter-profile": "filtrage vidéo",
    "ssh-filter-profile": "SSH", "casb-profile": "CASB", "virtual-patch-profile": "correctifs virtuels",
    "cifs-profile": "CIFS", "sctp-filter-profile": "SCTP", "telemetry-profile": "télémétrie",
    "diameter-filter-profile": "Diameter", "gtp-profile": "GTP", "mms-profile": "MMS",
}  # fmt: skip
_CONDITIONS = {
    "users": "utilisateurs", "groups": "groupes", "fsso-groups": "groupes FSSO", "devices": "équipements",
    "application": "applications", "app-category": "catégories d'applications", "app-group": "groupes d'applications",
    "url-category": "catégories d'URL", "src-vendor-mac": "constructeurs de matériel", "vlan-filter": "VLAN",
    "ztna-ems-tag": "étiquettes ZTNA", "ztna-ems-tag-secondary": "étiquettes ZTNA", "ztna-geo-tag": "étiquettes ZTNA",
    "rtp-addr": "adresses RTP", "network-service-dynamic": "services réseau dynamiques",
    "network-service-src-dynamic": "services réseau dynamiques", "sgt": "étiquettes SGT",
    "reputation-minimum": "réputation minimale", "reputation-minimum6": "réputation minimale",
    "identity-based": "authentification", "nat46": "traduction NAT46", "nat64": "traduction NAT64",
    "ha-mgmt-intf-only": "interface d'administration HA", "endpoint-compliance": "conformité du poste",
    "pcp-inbound": "PCP",
}  # fmt: skip
_NEUTRAL_TEXT = """
    anti-replay auth-cert auth-path auth-portal auth-redirect-addr auto-asic-offload best-route block-notification
    captive-portal-exempt capture-packet cgn-eif cgn-eim cgn-log-server-grp cgn-resource-quota cgn-session-quota
    custom-log-fields decrypted-traffic-mirror delay-tcp-npu-session deep-inspection-options diffserv-copy
    diffserv-forward diffserv-reverse diffservcode-forward diffservcode-rev disclaimer dsri dynamic-shaping eif-check
    eif-learn email-collect fall-through-unauthenticated fec firewall-session-dirty fixedport fsso fsso-agent-for-ntlm
    geoip-anycast geoip-match http-policy-redirect identity-based-route inbound
    inspection-mode internet-service-enable ippool label learning-mode log log-http-transaction
    logtraffic-app logtraffic-start log-unmatched-traffic nat natinbound natip natoutbound np-acceleration
    np-accelation ntlm ntlm-enabled-browsers ntlm-guest outbound passive-wan-health-measurement pcp-outbound
    pcp-poolname per-ip-shaper permit-any-host permit-stun-host pfcp-profile policy-behaviour-type policyid poolname
    poolname6 port-preserve port-random profile-protocol-options radius-ip-auth-bypass radius-mac-auth-bypass
    redirect-url replacemsg-group replacemsg-override-group reputation-direction reputation-direction6 rsso rtp-nat
    scan-botnet-connections schedule-timeout send-deny-packet session-ttl sgt-check spam-profile ssh-policy-redirect
    ssl-mirror ssl-mirror-intf ssl-ssh-profile sslvpn-auth sslvpn-ccert sslvpn-cipher tags tcp-mss-receiver
    tcp-mss-sender tcp-reset tcp-session-without-syn tcp-timeout-pid timeout-send-rst tos tos-mask tos-negate
    traffic-shaper traffic-shaper-reverse udp-timeout-pid uuid-idx virtual-patch vlan-cos-fwd
    vlan-cos-rev vpntunnel wanopt wanopt-detection wanopt-passive-opt wanopt-peer wanopt-profile wccp webcache
    webcache-https webproxy-forward-server webproxy-profile wsso ztna-device-ownership ztna-ems-tag-negate
    ztna-policy-redirect ztna-status ztna-tags-match-logic
"""
_NEUTRAL = frozenset(_NEUTRAL_TEXT.split())
"""What a policy also does, without changing which packets it matches nor their fate."""
_ACTIONS = {"accept": PERMIT, "ipsec": PERMIT, "ssl-vpn": PERMIT, "learn": PERMIT, "deny": DENY}
_EXPIRY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}:\d{2}))?")


class Context(NamedTuple):
    """What the rules of one virtual domain are read with."""

    builder: DeviceBuilder
    objects: Objects
    zones: Zones
    version: tuple[int, int, int] | None
    central_nat: bool
    homes: Mapping[str, Addresses] = {}
    """Zone to the networks directly behind it; empty when other routes may decide."""
    cited: frozenset[str] | None = None
    """Published addresses that an enabled policy names: the others translate nothing. None before they are known."""

    def report(self, line: int, text: str, effect: str) -> None:
        """Record a line that is not understood."""
        self.builder.not_understood(line, text, effect)

    @property
    def has_vips(self) -> bool:
        """Some address is published."""
        return any(self.objects.vips.values())


class Cell(NamedTuple):
    """One address cell of a policy."""

    content: Addresses
    names: tuple[str, ...]


# --- What a policy demands beside addresses


def conditions(context: Context, entry: Block, settings: Mapping[str, Setting]) -> tuple[str, ...]:
    """Demands this model does not evaluate, and lines that are not understood."""
    found: list[str] = []
    for key, label in _CONDITIONS.items():
        words = [word for word in values(settings, key) if word not in OFF]
        if words and not (key == "sgt" and not enabled(settings, "sgt-check")):
            found.append(label if words == ["enable"] else f"{label} : {', '.join(words)}")
    if value(settings, "tos-mask", "0x00") not in OFF:
        found.append(f"ToS {value(settings, 'tos', '0x00')} masque {value(settings, 'tos-mask')}")
    return (*dict.fromkeys(found), *_strange(context, entry, settings))


def _strange(context: Context, entry: Block, settings: Mapping[str, Setting]) -> Iterator[str]:
    where = f"la politique {entry.name}"
    for command in entry.unknown():
        context.report(command.line, " ".join((command.key, *command.values)), f"portée de {where}")
        yield f"directive non comprise : {command.key}"
    for path, table in entry.tables.items():
        context.report(table.line, f"config {path}", f"portée de {where}")
        yield f"directive non comprise : config {path}"
    for key, one in settings.items():
        if key in _DECIDING or key in _NEUTRAL or key in _PROFILES or key in _CONDITIONS:
            continue
        if _INTERNET.fullmatch(key) or _INTERNET_NEGATE.fullmatch(key):
            continue
        text = " ".join((key, *one.values))
        if OFF.issuperset(one.values):
            if key not in context.objects.seen_off:
                context.objects.seen_off.add(key)
                context.report(one.line, text, UNKNOWN_OFF)
            continue
        context.report(one.line, text, f"portée de {where}")
        yield f"directive non comprise : {key}"


# --- Addresses


def _resolve(context: Context, names: tuple[str, ...], family: int, *, negated: bool) -> Addresses:
    found = context.objects.addresses(family).resolve_all(names) if names else ip.NOTHING
    if not negated or not names:
        return ip.only(found, family)
    if not found:
        return ip.unknown(f"vide:{', '.join(names)}", families=(family,))
    return ip.negate(found, (family,))


def _internet(settings: Mapping[str, Setting], prefix: str) -> tuple[str, ...] | None:
    """Names of the Internet services that replace addresses; None when they do not."""
    if not enabled(settings, prefix):
        return None
    kinds = ("-name", "-id", "-group", "-custom", "-custom-group", "-fortiguard")
    return tuple(word for kind in kinds for word in values(settings, prefix + kind))


def _side(
    context: Context, settings: Mapping[str, Setting], side: str, family6: bool
) -> tuple[list[Addresses], list[str]]:
    """Plain addresses of one side (`src` or `dst`) in both IP versions, published ones left out."""
    parts: list[Addresses] = []
    names: list[str] = []
    for family, key in _keys(settings, f"{side}addr", family6):
        prefix = ("internet-service" if family == V4 else "internet-service6") + ("-src" if side == "src" else "")
        internet = _internet(settings, prefix)
        if internet is not None:
            parts.append(ip.unknown(*(f"internet-service:{name}" for name in internet), families=(family,)))
            names += internet or ("internet-service",)
            continue
        negated = enabled(settings, f"{key}-negate")
        cell = values(settings, key)
        if side == "dst" and not negated:
            cell = tuple(name for name in cell if not context.objects.vips_of(name, family))
        if cell:
            parts.append(_resolve(context, cell, family, negated=negated))
            names += [f"sauf {name}" for name in cell] if negated else cell
    return parts, names


def _keys(settings: Mapping[str, Setting], base: str, family6: bool) -> tuple[tuple[int, str], ...]:
    """Which setting holds which IP version: one table per version before 6.4, one for both since."""
    if family6:
        return ((V6, base),)
    four = f"{base}4" if f"{base}4" in settings else base
    return ((V4, four), (V6, f"{base}6"))


def source(context: Context, settings: Mapping[str, Setting], family6: bool) -> Cell:
    """Where the traffic comes from."""
    parts, names = _side(context, settings, "src", family6)
    if not parts:
        return Cell(ip.unknown("absent:srcaddr"), ())
    return Cell(ip.join(*parts), tuple(names))


def destination(context: Context, settings: Mapping[str, Setting], family6: bool) -> Addresses:
    """Where the traffic goes, published addresses left out."""
    parts, _ = _side(context, settings, "dst", family6)
    return ip.join(*parts) if parts else ip.unknown("absent:dstaddr")


def published(context: Context, settings: Mapping[str, Setting], family6: bool) -> tuple[list[Vip], list[str]]:
    """Published addresses of the destination cell, and its words for them."""
    vips: list[Vip] = []
    names: list[str] = []
    for family, key in _keys(settings, "dstaddr", family6):
        if enabled(settings, f"{key}-negate"):
            continue
        for name in values(settings, key):
            found = context.objects.vips_of(name, family)
            vips += found
            names += [name] if found else []
    return vips, names


def services(context: Context, settings: Mapping[str, Setting]) -> tuple[Services, tuple[str, ...]]:
    """What may pass."""
    internet = [one for six in ("", "6") if (one := _internet(settings, f"internet-service{six}")) is not None]
    names = values(settings, "service")
    if internet and not names:
        words = [f"internet-service:{name}" for one in internet for name in one] or ["internet-service"]
        return svc.unknown(*words), tuple(words)
    if not names:
        return svc.unknown("absent:service"), ()
    found = context.objects.services.resolve_all(names)
    if enabled(settings, "service-negate"):
        found = svc.negate(found) if found else svc.unknown(f"vide:{', '.join(names)}")
        names = tuple(f"sauf {name}" for name in names)
    return found, names


# --- One policy


def _profiles(settings: Mapping[str, Setting]) -> tuple[str, ...]:
    if not enabled(settings, "utm-status"):
        return ()
    if value(settings, "profile-type") == "group" or "profile-group" in settings:
        return tuple(f"groupe : {name}" for name in values(settings, "profile-group"))
    return tuple(f"{label} : {name}" for key, label in _PROFILES.items() for name in values(settings, key) if name)


def _expires(settings: Mapping[str, Setting]) -> str:
    if not enabled(settings, "policy-expiry"):
        return ""
    text = " ".join(values(settings, "policy-expiry-date-utc") or values(settings, "policy-expiry-date"))
    found = _EXPIRY.fullmatch(text)
    return f"{found[1]}T{found[2] or '00:00:00'}" if found else ""


def _timed(context: Context, settings: Mapping[str, Setting]) -> tuple[str, str, tuple[str, ...]]:
    """Name of the time table, end of validity, conditions."""
    name = value(settings, "schedule")
    expires = _expires(settings)
    if not name:
        return "", expires, ()
    schedule = context.objects.schedules.get(name)
    if schedule is None:
        return name, expires, (f"horaire : {name} (absent de l'export)",)
    if schedule.permanent:
        return "", expires, ()
    return name, min(filter(None, (expires, schedule.expires)), default=""), (schedule.text,)


def _zones(context: Context, settings: Mapping[str, Setting], key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Zones of one side, and the condition when the export does not say which."""
    names = values(settings, key)
    if not names:
        return (), (f"{key} absent de l'export",)
    return context.zones.expand(names), ()


def _action(context: Context, entry: Block, settings: Mapping[str, Setting]) -> tuple[str, tuple[str, ...]]:
    text = value(settings, "action", "deny")
    action = _ACTIONS.get(text)
    if action is None:
        context.report(settings["action"].line, f"action {text}", f"effet de la politique {entry.name}")
        return PERMIT, (f"action non comprise : {text}",)
    return action, (("session SSL-VPN",) if text == "ssl-vpn" else ())


def _rule_fields(context: Context, entry: Block, settings: Mapping[str, Setting]) -> dict[str, Any]:
    """What the rules of one policy share."""
    action, why = _action(context, entry, settings)
    schedule, expires, timed = _timed(context, settings)
    content, names = services(context, settings)
    return {
        "ref": entry.name,
        "line": entry.line,
        "action": action,
        "name": value(settings, "name"),
        "enabled": enabled(settings, "status", True),
        "services": context.builder.service(content, names),
        "schedule": schedule,
        "expires": expires,
        "log": value(settings, "logtraffic", "utm") == "all",
        "comment": value(settings, "comments") or value(settings, "comment"),
        "conditions": (*why, *timed, *conditions(context, entry, settings)),
    }


def policy_rules(context: Context, entry: Block, section: str, family6: bool) -> list[Rule]:
    """The rules one policy becomes: plain traffic, then published addresses."""
    settings = entry.settings()
    fields = _rule_fields(context, entry, settings)
    fields["in_zones"], absent_in = _zones(context, settings, "srcintf")
    fields["out_zones"], absent_out = _zones(context, settings, "dstintf")
    fields["conditions"] = (*fields["conditions"], *absent_in, *absent_out)
    fields["section"] = section
    fields["profiles"] = _profiles(settings) if fields["action"] == PERMIT else None
    cell = source(context, settings, family6)
    fields["source"] = context.builder.address(cell.content, cell.names)
    parts, names = _side(context, settings, "dst", family6)
    vips, vip_names = published(context, settings, family6)
    rules: list[Rule] = []
    if parts or not vips:
        content = ip.join(*parts) if parts else ip.unknown("absent:dstaddr")
        destination = context.builder.address(content, names)
        rules += _plain(context, settings, {**fields, "destination": destination})
    for group in _alike(vips):
        inside = common(cell.content, group[0].source) if group[0].filtered else cell.content
        fields["source"] = context.builder.address(inside, cell.names)
        destination = context.builder.address(ip.join(*(vip.mapped for vip in group)), vip_names)
        translated = tuple(dict.fromkeys(vip.name for vip in group))
        rules.append(Rule(**fields, destination=destination, translated=translated))
    return rules


def _alike(vips: list[Vip]) -> list[list[Vip]]:
    """Published addresses together, those that filter their sources apart."""
    free = [vip for vip in vips if not vip.filtered]
    return [*([free] if free else []), *([vip] for vip in vips if vip.filtered)]


def _plain(context: Context, settings: Mapping[str, Setting], fields: dict[str, Any]) -> list[Rule]:
    """Rules of a policy whose destination is not published: does it also see published traffic?"""
    if context.central_nat or not context.has_vips:
        return [Rule(**fields)]
    everything = tuple(dict.fromkeys(name for vips in context.objects.vips.values() for name in vips))
    if enabled(settings, "match-vip-only"):
        return [Rule(**fields, translated=everything)]
    said = value(settings, "match-vip")
    if not said and fields["action"] == DENY and context.version is not None:
        said = "enable" if context.version >= MATCH_VIP_BY_DEFAULT else "disable"
    if said == "enable":
        seen = tuple(name for name in everything if _may_see(context, fields, name))
        return [Rule(**fields, translated=() if seen == everything else (NOT_TRANSLATED, *seen))]
    plain = Rule(**fields, translated=(NOT_TRANSLATED,))
    if said or fields["action"] == PERMIT:
        return [plain]
    doubt = (*fields["conditions"], "match-vip : valeur par défaut inconnue sans la version")
    return [plain, Rule(**{**fields, "conditions": doubt, "automatic": True}, translated=everything)]


def _may_see(context: Context, fields: Mapping[str, Any], name: str) -> bool:
    """The traffic of a published address may enter and leave by the interfaces of the policy."""
    if context.cited is not None and name not in context.cited:
        return False
    for vips in context.objects.vips.values():
        vip = vips.get(name)
        if vip is None or not vip.enabled:
            continue
        entry = context.zones.label(vip.interface) if vip.interface else ""
        enters = not fields["in_zones"] or not entry or entry in fields["in_zones"]
        behind = {zone for zone, networks in context.homes.items() if common(vip.mapped, networks)}
        if enters and (not fields["out_zones"] or len(behind) != 1 or behind & set(fields["out_zones"])):
            return True
    return False


# --- Chains


def forward_chain(context: Context, table: Block, families: tuple[int, ...], log_default: bool | None) -> Chain:
    """One table of policies."""
    rules: list[Rule] = []
    section = ""
    family6 = families == (V6,)
    for entry in table.entries.values():
        section = value(entry.settings(), "global-label") or section
        rules += policy_rules(context, entry, section, family6)
    rules += _intrazone(context)
    return Chain(
        name=table.name.removeprefix("firewall "),
        hook=FORWARD,
        families=families,
        default=DENY,
        default_log=log_default,
        rules=tuple(rules),
    )


def _intrazone(context: Context) -> Iterator[Rule]:
    """What passes between the interfaces of one zone when no policy decided."""
    builder = context.builder
    for zone in context.zones.described:
        if not zone.intrazone_line:
            continue
        doubt: tuple[str, ...] = ()
        if len(zone.members) < 2:  # noqa: PLR2004 - a zone of one interface
            if context.version is not None and context.version < LONE_INTRAZONE:
                continue
            doubt = () if context.version else ("zone d'une seule interface : dépend de la version",)
        inside = context.zones.expand((zone.name,))
        yield Rule(
            ref=f"intrazone {zone.name}",
            line=zone.intrazone_line,
            action=PERMIT,
            source=builder.any_address,
            destination=builder.any_address,
            services=builder.any_service,
            in_zones=inside,
            out_zones=inside,
            conditions=doubt,
            log=False,
            automatic=True,
        )


def local_in_chain(context: Context, table: Block, family: int) -> Chain:
    """Policies for what reaches the firewall itself: what they do not refuse is then up to `allowaccess`."""
    return Chain(
        name=table.name.removeprefix("firewall "),
        hook=INPUT,
        families=(family,),
        default=PERMIT,
        rules=tuple(local_in_rule(context, entry, family) for entry in table.entries.values()),
    )


def local_in_rule(context: Context, entry: Block, family: int) -> Rule:
    """One `local-in-policy`."""
    settings = entry.settings()
    fields = _rule_fields(context, entry, settings)
    zones, absent = _zones(context, settings, "intf")
    cell = source(context, settings, family == V6)
    parts, names = _side(context, settings, "dst", family == V6)
    content = ip.join(*parts) if parts else ip.unknown("absent:dstaddr")
    said = value(settings, "logtraffic")
    return Rule(
        **{
            **fields,
            "conditions": (*fields["conditions"], *absent),
            "log": None if not said else said not in OFF,
        },
        in_zones=zones,
        source=context.builder.address(cell.content, cell.names),
        destination=context.builder.address(content, names),
    )


# --- Translation


def vip_rules(context: Context, cited: Iterable[str]) -> Iterator[NatRule]:
    """One translation per published address."""
    wanted = set(cited)
    for vips in context.objects.vips.values():
        for vip in vips.values():
            yield NatRule(
                ref=vip.name,
                line=vip.line,
                kind="destination",
                name=vip.name,
                enabled=vip.enabled and (context.central_nat or vip.name in wanted),
                in_zones=(context.zones.label(vip.interface),) if vip.interface else (),
                source=context.builder.address(vip.source),
                destination=context.builder.address(vip.external, (vip.name,)),
                services=context.builder.service(vip.services),
                to_address=vip.to_address,
                to_ports=vip.to_ports,
                comment=vip.comment,
            )


def source_nat_rules(context: Context, table: Block) -> Iterator[NatRule]:
    """Central source translations."""
    for entry in table.entries.values():
        settings = entry.settings()
        zones = context.zones.expand(values(settings, "srcintf")) if values(settings, "srcintf") else ()
        yield NatRule(
            ref=entry.name,
            line=entry.line,
            kind="source",
            enabled=enabled(settings, "status", True) and enabled(settings, "nat", True),
            in_zones=zones,
            source=context.builder.address(_resolve(context, values(settings, "orig-addr"), V4, negated=False)),
            destination=context.builder.address(_resolve(context, values(settings, "dst-addr"), V4, negated=False)),
            services=context.builder.any_service,
            to_address=", ".join(values(settings, "nat-ippool")),
            comment=value(settings, "comments"),
        )
