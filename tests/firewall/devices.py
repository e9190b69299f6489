"""A small healthy firewall of the fictional EHPAD Les Tilleuls, and ways to change one thing in it."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import Any

import msgspec

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.facts import (
    DENY,
    FORWARD,
    INPUT,
    PERMIT,
    AddressSet,
    Administrator,
    Chain,
    Device,
    FirewallFacts,
    Interface,
    NamedObject,
    NatRule,
    Rule,
    ServiceSet,
    SourceName,
    Vpn,
)
from checks.firewall.review import review
from checks.model import Context, Gap, Judgement, Reason

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
CONTEXT = Context(now=NOW)
GAP = Gap(reason=Reason.UNSUPPORTED, detail="L'export ne contient pas cette partie.")
NETWORKS = {
    "PRO": "10.1.10.0/24",
    "RESIDENTS": "10.1.20.0/24",
    "VISITEURS": "10.1.30.0/24",
    "BIOMED": "10.1.40.0/24",
    "SAUVEGARDE": "10.1.50.0/24",
    "ADMIN": "10.1.60.0/24",
    "DMZ": "10.1.70.0/24",
}
ANY = "any"


class Builder:
    """Interns sets, as a parser does, and makes rules out of readable text."""

    def __init__(self) -> None:
        self.addresses: list[AddressSet] = [ip.to_fact(ip.ANY, ("any",))]
        self.services: list[ServiceSet] = [svc.to_fact(svc.ANY, ("any",))]

    def address(self, text: str | AddressSet) -> int:
        """`any`, `any4`, a list separated by commas, `?name` for an object that is not resolved."""
        return _intern(self.addresses, text if isinstance(text, AddressSet) else _addresses(text))

    def service(self, text: str | ServiceSet) -> int:
        return _intern(self.services, text if isinstance(text, ServiceSet) else _services(text))

    def rule(
        self,
        ref: str,
        action: str = PERMIT,
        source: str | AddressSet = ANY,
        destination: str | AddressSet = ANY,
        service: str | ServiceSet = ANY,
        **fields: Any,
    ) -> Rule:
        """A logged and commented rule on line 100 + its number, unless said otherwise."""
        base: dict[str, Any] = {
            "line": 100 + int("".join(c for c in ref if c.isdigit()) or 0),
            "name": f"Flux {ref}",
            "comment": "Demandé par la direction, mars 2026",
            "log": True,
            "profiles": ("ips",),
            "hits": 12,
            "hits_since": "2026-01-01",
        }
        return Rule(
            ref=ref,
            action=action,
            source=self.address(source),
            destination=self.address(destination),
            services=self.service(service),
            **base | _zones(fields),
        )


def _zones(fields: dict[str, Any]) -> dict[str, Any]:
    """`frm` and `to` name one zone or several, separated by commas."""
    for short, field in (("frm", "in_zones"), ("to", "out_zones")):
        if short in fields:
            fields[field] = tuple(fields.pop(short).split(","))
    return fields


def _intern(table: list[Any], item: Any) -> int:
    if item not in table:
        table.append(item)
    return table.index(item)


def _addresses(text: str) -> AddressSet:
    if text in ("any", "any4", "any6"):
        return ip.to_fact({"any": ip.ANY, "any4": ip.ANY4, "any6": ip.ANY6}[text], (text,))
    parts = text.split(",")
    sure = ip.from_ranges(part for part in parts if not part.startswith("?"))
    doubts = [ip.unknown(part[1:]) for part in parts if part.startswith("?")]
    return ip.to_fact(ip.join(sure, *doubts), parts)


def _services(text: str) -> ServiceSet:
    parts = text.split(",")
    sure = [svc.parse_service(part) for part in parts if not part.startswith("?")]
    doubts = [svc.unknown(part[1:]) for part in parts if part.startswith("?")]
    return svc.to_fact(svc.join(*sure, *doubts), parts)


def interfaces() -> tuple[Interface, ...]:
    inside = tuple(
        Interface(name=name, line=10 + i, networks=(network,), management=("ping",), management_restricted=False)
        for i, (name, network) in enumerate(NETWORKS.items())
    )
    wan = Interface(name="WAN", line=9, networks=("198.51.100.0/30",), default_route=True, management=())
    admin = msgspec.structs.replace(inside[5], management=("https", "ssh", "ping"), management_restricted=True)
    return (wan, *inside[:5], admin, *inside[6:])


def healthy_rules(build: Builder) -> list[Rule]:
    """What a careful provider would write."""
    return [
        build.rule("1", DENY, "10.1.20.0/24,10.1.30.0/24", "10.0.0.0/8", frm="RESIDENTS,VISITEURS"),
        build.rule(
            "2", PERMIT, "10.1.20.0/24,10.1.30.0/24", "any4", "tcp/80,tcp/443", frm="RESIDENTS,VISITEURS", to="WAN"
        ),
        build.rule("3", PERMIT, "10.1.10.0/24", "any4", "tcp/80,tcp/443", frm="PRO", to="WAN"),
        build.rule("4", PERMIT, "10.1.60.0/24", "10.1.50.10", "tcp/443,tcp/22", frm="ADMIN", to="SAUVEGARDE"),
        build.rule("5", PERMIT, "10.1.10.0/24", "10.1.40.5", "tcp/104", frm="PRO", to="BIOMED"),
        build.rule("6", PERMIT, "any4", "10.1.70.10", "tcp/443", frm="WAN", to="DMZ"),
    ]


def forward(rules: list[Rule], **fields: Any) -> Chain:
    base: dict[str, Any] = {
        "name": "regles",
        "hook": FORWARD,
        "default": DENY,
        "default_line": 200,
        "default_log": True,
    }
    return Chain(rules=tuple(rules), **base | fields)


def to_itself(rules: list[Rule], **fields: Any) -> Chain:
    """Chain of what reaches the firewall itself."""
    base: dict[str, Any] = {"name": "acces", "hook": INPUT, "default": DENY, "default_line": 300, "default_log": True}
    return Chain(rules=tuple(rules), **base | fields)


def device(*rules: Rule, build: Builder | None = None, **fields: Any) -> Device:
    """The healthy firewall; with `rules`, only these; `fields` replace those of the device."""
    build = build or Builder()
    written = list(rules) if rules else healthy_rules(build)
    base: dict[str, Any] = {
        "vendor": "fortigate",
        "name": "fw-tilleuls",
        "product": "FortiGate 60F",
        "firmware": "v7.6.2,build3462",
        "files": (SourceName(name="tilleuls.conf", sha256="00" * 32, lines=900),),
        "interfaces": interfaces(),
        "chains": (forward(written),),
        "administrators": (Administrator(name="m.durand", line=20, mfa=True, restricted=True, full_rights=True),),
        "users": (),
        "vpns": (ipsec(), remote()),
        "ipv6": "off",
        "objects": (
            NamedObject(name="SRV_WEB", kind="address", line=30, content=build.address("10.1.70.10"), used=True),
            NamedObject(name="HTTPS", kind="service", line=31, content=build.service("tcp/443"), used=True),
        ),
    }
    base |= fields
    return Device(addresses=tuple(build.addresses), services=tuple(build.services), **base)


def ipsec(**fields: Any) -> Vpn:
    base: dict[str, Any] = {
        "kind": "ipsec",
        "name": "siege",
        "line": 40,
        "ike_versions": (2,),
        "encryption": ("aes256gcm",),
        "integrity": ("sha256",),
        "dh_groups": (19,),
        "pfs": True,
        "aggressive": False,
        "authentication": "psk",
    }
    return Vpn(**base | fields)


def remote(**fields: Any) -> Vpn:
    base: dict[str, Any] = {
        "kind": "ssl",
        "name": "astreintes",
        "line": 50,
        "remote_access": True,
        "mfa": True,
        "tls_minimum": "tls1.2",
    }
    return Vpn(**base | fields)


def publication(build: Builder, ref: str, destination: str, service: str, to: str, **fields: Any) -> NatRule:
    return NatRule(
        ref=ref,
        line=60,
        kind="destination",
        destination=build.address(destination),
        services=build.service(service),
        to_address=to,
        **fields,
    )


def facts(*devices: Device, roles: dict[str, str] | None = None) -> FirewallFacts:
    return FirewallFacts(devices=devices or (device(),), roles=roles or {})


# --- Judging


def judge(control: str, *devices: Device, roles: dict[str, str] | None = None) -> Judgement:
    """The judgement of one control (`exposure.published`) on the first device, from its facts."""
    module, _, name = control.rpartition(".")
    function = getattr(importlib.import_module(f"checks.firewall.controls.{module}"), name)
    found = function(review(facts(*devices, roles=roles)), CONTEXT)
    assert [one.subject for one in found] == [one.name for one in devices or (device(),)]
    return found[0]
