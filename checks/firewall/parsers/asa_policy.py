"""The access rules of a Cisco ASA as chains.

A packet through the firewall crosses three base chains and each must permit it:

1. security levels: interfaces of one level, or one interface twice, need `same-security-traffic`, whatever the lists;
2. what comes in: the list bound to the interface, then the global list, then the implicit deny; an interface without
   any list lets traffic go to lower levels;
3. what goes out: the list bound to the interface of exit, if there is one.

References: Cisco ASA Firewall CLI Configuration Guide, "Access Rules" (implicit permits and deny, order of interface
and global rules, management access rules) and "Interfaces" (security levels, `same-security-traffic`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.services import Services
from checks.firewall.facts import DENY, FORWARD, INPUT, PERMIT, RETURN, Chain, Rule
from checks.firewall.parsers.asa_acl import Ace, AceReader, unread
from checks.firewall.parsers.asa_blocks import Line
from checks.firewall.parsers.asa_config import Config, Group, Manage, Zone
from checks.firewall.parsers.asa_objects import AsaError, Words, icmp_type, services_of
from checks.firewall.parsers.source import ParseError, SourceFile

BOTH = (4, 6)
_SHOWN = -1
"""Stands for the IP version of lists that come from `show access-list`."""
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_PORTS = {"ssh": 22, "telnet": 23, "http": 443, "snmp": 161}
_UNSURE_ORDER = "une entrée de la liste {acl} n'a pas été comprise (ligne {line}) : elle peut autoriser ou refuser"


class Policy:
    """Reads the lists, then builds the chains."""

    def __init__(self, config: Config, file: SourceFile, *, split: bool) -> None:
        self._config = config
        self._builder = config.builder
        self._file = file
        self._split = split
        """IPv4 and IPv6 have separate lists (before 9.0)."""
        self._reader = AceReader(config.tables, logging=config.logging)
        self._aces: dict[tuple[str, int], tuple[Ace, ...]] = {}
        self._expiry = {name: _expiry(lines) for name, lines in config.ranges.items()}
        for name, family in config.acls:
            if family >= 0 or (name, 0) not in config.acls:
                key = (name, max(family, 0))
                self._aces[key] = tuple(self._entries(name, family))

    def _entries(self, acl: str, family: int) -> Iterator[Ace]:
        lines = self._config.acls[acl, family]
        remarks: list[str] = []
        rank = 0
        for line in lines:
            rank += 1
            words = line.words
            if family == _SHOWN:
                rank = int(words[3])
            kind = next((word for word in words[2:6] if word in _KINDS), "")
            if kind == "remark":
                at = words.index("remark")
                remarks.append(" ".join(words[at + 1 :]))
                continue
            comment = " ".join(remarks)[:4000]
            remarks = []
            if kind in ("ethertype", "webtype"):
                effect = (
                    "liste EtherType : trames qui ne sont pas de l'IP, non étudiées"
                    if kind == "ethertype"
                    else "liste du portail VPN sans client : sans effet sur les règles du pare-feu"
                )
                self._config.flag(line, effect)
                continue
            yield self._entry(acl, rank, line, comment, family)

    def _entry(self, acl: str, rank: int, line: Line, comment: str, family: int) -> Ace:
        forced = family if family == 6 else 4 if self._split and family == 0 else 0  # noqa: PLR2004
        try:
            return self._reader.entry(acl, rank, line, comment, max(forced, 0))
        except (AsaError, AddressError):
            if line.number >= self._last_line and not self._file.text.endswith("\n"):
                raise ParseError("fichier coupé au milieu d'une commande", self._file.name, line.number) from None
            self._config.flag(line, "règle indéterminée : elle peut s'appliquer à tout trafic, ou ne pas s'appliquer")
            return unread(acl, rank, line, comment)

    @property
    def _last_line(self) -> int:
        return self._file.text.count("\n") + 1

    def chains(self) -> tuple[Chain, ...]:
        """Every chain, those of lists that nothing applies included."""
        found: list[Chain] = []
        families = ((4,), (6,)) if self._split else (BOTH,)
        for family in families:
            suffix = " (IPv6)" if family == (6,) and self._split else ""
            levels, outward = self._levels(family, suffix), self._outward(family, suffix)
            if levels.rules:
                found.append(levels)
            found.append(self._inward(family, suffix))
            if outward.rules:
                found.append(outward)
            if self._config.zones:
                found += self._to_the_box(family, suffix)
        return (*found, *self._unbound())

    def _bound(self, side: str, families: tuple[int, ...]) -> dict[str, list[Group]]:
        """Lists applied on a side, with where."""
        found: dict[str, list[Group]] = {}
        for group in self._config.groups:
            if group.side == side and self._concerns(group.acl, families):
                found.setdefault(group.acl, []).append(group)
        return found

    def _concerns(self, acl: str, families: tuple[int, ...]) -> bool:
        if not self._split:
            return True
        if (acl, 6) in self._aces:
            return families == (6,)
        return families == (4,)

    def _list(self, acl: str) -> tuple[Ace, ...] | None:
        found = self._aces.get((acl, 0))
        return found if found is not None else self._aces.get((acl, 6))

    def _rule(self, ace: Ace, *, zones_in: Sequence[str] = (), zones_out: Sequence[str] = ()) -> Rule | None:
        if not ace.action:
            return None
        return Rule(
            ref=f"{ace.acl} line {ace.rank}",
            line=ace.line,
            action=ace.action,
            source=self._builder.address(ace.source, ace.source_names),
            destination=self._builder.address(ace.destination, ace.destination_names),
            services=self._builder.service(ace.services, ace.service_names),
            name=ace.acl,
            enabled=ace.enabled,
            in_zones=tuple(zones_in),
            out_zones=tuple(zones_out),
            conditions=ace.conditions,
            schedule=ace.schedule,
            expires=self._expiry.get(ace.schedule, ""),
            log=ace.log,
            comment=ace.comment,
            hits=self._config.hits.get((ace.acl, ace.rank)),
            section=ace.acl,
        )

    def _automatic(
        self,
        name: str,
        action: str,
        *,
        line: int = 0,
        zones_in: Iterable[str] = (),
        zones_out: Iterable[str] = (),
        source: tuple[Addresses, str] | None = None,
        services: tuple[Services, str] | None = None,
        conditions: tuple[str, ...] = (),
    ) -> Rule:
        return Rule(
            ref="automatique",
            name=name,
            line=line,
            action=action,
            source=self._builder.address(source[0], (source[1],)) if source else self._builder.any_address,
            destination=self._builder.any_address,
            services=self._builder.service(services[0], (services[1],)) if services else self._builder.any_service,
            in_zones=tuple(zones_in),
            out_zones=tuple(zones_out),
            conditions=conditions,
            automatic=True,
        )

    def _rules_of(
        self, bound: dict[str, list[Group]], *, inward: bool, doubts: list[str], whole: bool = False
    ) -> Iterator[Rule]:
        """The entries of the lists applied on one side."""
        for acl, groups in bound.items():
            zones = () if whole else tuple(dict.fromkeys(group.interface for group in groups))
            aces = self._list(acl)
            if aces is None:
                line = groups[0].line
                self._builder.not_understood(
                    line,
                    f"access-group {acl}",
                    "la liste d'accès n'est pas dans l'export : ce qu'elle autorise est inconnu",
                )
                name = f"liste d'accès {acl} absente de l'export"
                condition = (f"liste d'accès absente : {acl}",)
                yield self._automatic(
                    name, PERMIT, line=line, zones_in=zones if inward else (), zones_out=() if inward else zones,
                    conditions=condition,
                )  # fmt: skip
                continue
            for ace in aces:
                rule = self._rule(ace, zones_in=zones if inward else (), zones_out=() if inward else zones)
                if rule is None:
                    doubts.append(_UNSURE_ORDER.format(acl=acl, line=ace.line))
                else:
                    yield rule

    def _levels(self, families: tuple[int, ...], suffix: str) -> Chain:
        """What security levels refuse whatever the lists say."""
        rules: list[Rule] = []
        config = self._config
        for zone in config.zones:
            if zone.management_only:
                name = f"{zone.name} : interface d'administration, rien ne la traverse"
                rules.append(self._automatic(name, DENY, line=zone.line, zones_in=(zone.name,)))
                rules.append(self._automatic(name, DENY, line=zone.line, zones_out=(zone.name,)))
        condition = ("les interfaces ne sont pas de la même zone de trafic",) if config.zone_members else ()
        if not config.same_intra:
            for zone in config.zones:
                name = "même interface en entrée et en sortie (same-security-traffic absent)"
                rules.append(self._automatic(name, DENY, zones_in=(zone.name,), zones_out=(zone.name,)))
        if not config.same_inter:
            for zone in config.zones:
                peers = [
                    other.name for other in config.zones if other is not zone and zone.level is not None
                    and other.level == zone.level
                ]  # fmt: skip
                if peers:
                    name = "même niveau de sécurité (same-security-traffic absent)"
                    rules.append(
                        self._automatic(
                            name, DENY, line=zone.line, zones_in=(zone.name,), zones_out=peers, conditions=condition
                        )
                    )
        return Chain(
            name=f"niveaux de sécurité{suffix}", hook=FORWARD, priority=0, families=families, default=PERMIT,
            rules=tuple(rules), exact=not config.bridges,
            why_not_exact="les interfaces d'un pont (bridge-group) suivent d'autres règles" if config.bridges else "",
        )  # fmt: skip

    def _inward(self, families: tuple[int, ...], suffix: str) -> Chain:
        config = self._config
        doubts: list[str] = []
        bound = self._bound("in", families)
        everywhere = self._bound("global", families)
        rules = list(self._per_user())
        rules += self._vpn_bypass(outward=False)
        rules += self._rules_of(bound, inward=True, doubts=doubts)
        rules += self._rules_of(everywhere, inward=True, doubts=doubts, whole=True)
        taken = tuple(dict.fromkeys(group.interface for groups in bound.values() for group in groups))
        if taken and not config.zones and not everywhere:
            # Nothing is known of the other interfaces: the default of the chain is then uncertain.
            rules.append(self._automatic("refus implicite en fin de liste", DENY, zones_in=taken))
        if not everywhere:
            rules += self._implicit_permits(frozenset(taken))
        if not config.zones and not config.groups:
            rules += self._loose_lists()
        return Chain(
            name=f"accès entrants{suffix}",
            hook=FORWARD,
            priority=10,
            families=families,
            default=DENY,
            default_log=None,
            default_certain=bool(everywhere or config.zones),
            exact=not doubts and not config.bridges,
            why_not_exact=" ; ".join(doubts[:3])
            or ("les listes d'un pont (bridge-group) s'ajoutent à celles de ses membres" if config.bridges else ""),
            rules=tuple(rules),
        )

    def _loose_lists(self) -> Iterator[Rule]:
        """Lists of a file that does not say where they apply: each alone, at the entry of a zone of its name."""
        for (acl, _family), aces in self._aces.items():
            for ace in aces:
                rule = self._rule(ace, zones_in=(acl,))
                if rule is not None:
                    yield rule

    def _per_user(self) -> Iterator[Rule]:
        """Lists downloaded for an authenticated user replace those of the interface."""
        if not self._config.cut_through:
            return
        for group in self._config.groups:
            if group.per_user:
                for action in (PERMIT, DENY):
                    yield self._automatic(
                        "liste d'accès propre à un utilisateur (per-user-override)", action, line=group.line,
                        zones_in=(group.interface,), conditions=("liste d'accès téléchargée pour l'utilisateur",),
                    )  # fmt: skip

    def _vpn_bypass(self, *, outward: bool) -> Iterator[Rule]:
        """Traffic that comes out of a VPN skips the lists of interfaces, unless `no sysopt connection permit-vpn`."""
        config = self._config
        if not config.permit_vpn:
            return
        for zone, source, line in self._vpn_entries():
            yield self._automatic(
                "sysopt connection permit-vpn", PERMIT, line=config.permit_vpn_line or line,
                zones_in=(zone,) if zone else (), source=(source, "réseaux du VPN"),
                conditions=("trafic déchiffré par le VPN" + (", liste de sortie" if outward else ""),),
            )  # fmt: skip

    def _vpn_entries(self) -> Iterator[tuple[str, Addresses, int]]:
        """Interface, remote addresses and line of each VPN that ends on the firewall."""
        config = self._config
        matched: dict[str, list[str]] = {}
        ends: list[tuple[str, str, int]] = []
        remote = False
        for block in config.crypto:
            words = block.head.words
            if words[:2] == ("crypto", "map") and len(words) > 4 and words[3] == "interface":  # noqa: PLR2004
                ends.append((words[2], words[4], block.head.number))
            elif words[:2] == ("crypto", "map") and words[4:6] == ("match", "address") and len(words) > 6:  # noqa: PLR2004
                matched.setdefault(words[2], []).append(words[6])
            elif words[:2] == ("crypto", "map") and "dynamic" in words[4:]:
                matched.setdefault(words[2], [])
                remote = True
        for name, zone, line in ends:
            for acl in matched.get(name, ()):
                yield zone, self._remote_side(acl), line
        portals = [
            (line.words[1], line.number) for block in config.webvpn for line in block.body
            if line.words[0] == "enable" and len(line.words) > 1
        ]  # fmt: skip
        people = portals + ([(zone, line) for _, zone, line in ends] if remote else [])
        for zone, line in dict.fromkeys(people):
            source = ip.join(*config.pools.values()) if config.pools else ip.unknown("clients VPN sans plage déclarée")
            yield zone, source, line

    def _remote_side(self, acl: str) -> Addresses:
        """Addresses at the far end of a tunnel: the destinations of its list."""
        aces = self._list(acl)
        if not aces:
            return ip.unknown(f"absent:{acl}")
        return ip.join(*(ace.destination for ace in aces))

    def _implicit_permits(self, taken: frozenset[str]) -> Iterator[Rule]:
        """Interfaces without a list: towards lower levels, and equal ones when that is permitted."""
        config = self._config
        for zone in config.zones:
            if zone.name in taken:
                continue
            lower = [other.name for other in config.zones if self._goes_down(zone, other)]
            if lower:
                name = f"niveau {zone.level} : vers les niveaux inférieurs, aucune liste sur {zone.name}"
                yield self._automatic(name, PERMIT, line=zone.line, zones_in=(zone.name,), zones_out=lower)
            unsure = [
                other.name for other in config.zones
                if other is not zone and (zone.level is None or other.level is None)
            ]  # fmt: skip
            if unsure:
                yield self._automatic(
                    "niveau de sécurité absent de l'export", PERMIT, line=zone.line, zones_in=(zone.name,),
                    zones_out=unsure, conditions=("niveau de sécurité inconnu",),
                )  # fmt: skip

    def _goes_down(self, zone: Zone, other: Zone) -> bool:
        if zone.level is None or other.level is None:
            return False
        if other is zone:
            return bool(self._config.same_intra)
        return other.level < zone.level or (other.level == zone.level and bool(self._config.same_inter))

    def _outward(self, families: tuple[int, ...], suffix: str) -> Chain:
        doubts: list[str] = []
        bound = self._bound("out", families)
        rules: list[Rule] = []
        if bound:
            rules = list(self._vpn_bypass(outward=True))
            rules += self._rules_of(bound, inward=False, doubts=doubts)
            taken = tuple(dict.fromkeys(group.interface for groups in bound.values() for group in groups))
            rules.append(self._automatic("refus implicite en fin de liste", DENY, zones_out=taken))
        return Chain(
            name=f"accès sortants{suffix}", hook=FORWARD, priority=20, families=families, default=PERMIT,
            exact=not doubts, why_not_exact=" ; ".join(doubts[:3]), rules=tuple(rules),
        )  # fmt: skip

    def _to_the_box(self, families: tuple[int, ...], suffix: str) -> Iterator[Chain]:
        """What reaches the firewall itself: `control-plane` lists, then the services it answers."""
        managed = list(self._management(families))
        doubts: list[str] = []
        bound = self._bound("control-plane", families)
        if bound:
            # The ssh, http and telnet commands have precedence over these lists, which have no implicit deny.
            rules = [*managed, *self._rules_of(bound, inward=True, doubts=doubts)]
            yield Chain(
                name=f"control-plane{suffix}", hook=INPUT, priority=0, families=families, default=PERMIT,
                exact=not doubts, why_not_exact=" ; ".join(doubts[:3]), rules=tuple(rules),
            )  # fmt: skip
        yield Chain(
            name=f"services de l'équipement{suffix}", hook=INPUT, priority=10, families=families, default=DENY,
            default_certain=False, rules=(*managed, *self._icmp(), *self._snmp(families), *self._vpn_services()),
        )  # fmt: skip

    def _management(self, families: tuple[int, ...]) -> Iterator[Rule]:
        lowest = min((zone.level for zone in self._config.zones if zone.level is not None), default=None)
        levels = {zone.name: zone.level for zone in self._config.zones}
        for entry in self._config.manage:
            if entry.service == "snmp" or (entry.service == "http" and not self._config.http_enabled):
                continue
            conditions: tuple[str, ...] = ()
            if entry.service == "telnet" and lowest is not None and levels.get(entry.interface) == lowest:
                conditions = ("telnet par un VPN seulement, sur l'interface de plus bas niveau",)
            yield self._manage_rule(entry, 6, conditions, families)

    def _manage_rule(
        self, entry: Manage, protocol: int, conditions: tuple[str, ...], families: tuple[int, ...]
    ) -> Rule:
        port = self._port(entry)
        source = entry.source if families == BOTH else ip.only(entry.source, families[0])
        shown = "https" if entry.service == "http" else entry.service
        return self._automatic(
            f"administration : {shown}", PERMIT, line=entry.line,
            zones_in=(entry.interface,) if entry.interface else (), source=(source, entry.name),
            services=(svc.of(protocol, ((port, port),)), shown), conditions=conditions,
        )  # fmt: skip

    def _port(self, entry: Manage) -> int:
        return self._config.http_port if entry.service == "http" else _PORTS[entry.service]

    def _snmp(self, families: tuple[int, ...]) -> Iterator[Rule]:
        for entry in self._config.manage:
            if entry.service == "snmp":
                yield self._manage_rule(entry, 17, (), families)

    def _icmp(self) -> Iterator[Rule]:
        """`icmp permit|deny` lines: an interface with one refuses the rest, an interface without answers all."""
        named: set[str] = set()
        for line in self._config.icmp:
            words = Words(line.words[1:])
            action = PERMIT if words.next() == "permit" else DENY
            zone = line.words[-1]
            named.add(zone)
            try:
                source, shown = self._icmp_source(words)
                kind = icmp_type(words.next(), 1) if words.peek(1) else None
            except (AsaError, AddressError):
                self._config.flag(line, "ICMP vers le pare-feu indéterminé")
                continue
            yield self._automatic(
                "icmp vers le pare-feu", action, line=line.number, zones_in=(zone,), source=(source, shown),
                services=(services_of((1,), kind), "icmp"),
            )  # fmt: skip
        others = [zone.name for zone in self._config.zones if zone.name not in named]
        if others:
            both = svc.join(svc.of(1), svc.of(58))
            yield self._automatic("icmp vers le pare-feu, par défaut", PERMIT, zones_in=others, services=(both, "icmp"))

    def _icmp_source(self, words: Words) -> tuple[Addresses, str]:
        word = words.next()
        if word == "any":
            return ip.ANY4, word
        if word == "host":
            name = words.next()
            return self._config.address(name, ""), name
        mask = words.next()
        return self._config.address(word, mask), f"{word} {mask}"

    def _vpn_services(self) -> Iterator[Rule]:
        """Ports of the VPN services that are switched on."""
        ike = svc.join(svc.of(17, ((500, 500), (4500, 4500))), svc.of(50))
        seen: set[str] = set()
        for block in self._config.crypto:
            words = block.head.words
            at = words.index("enable") + 1 if "enable" in words[1:3] else len(words)
            if at < len(words) and words[at] not in seen:
                seen.add(words[at])
                yield self._automatic(
                    "VPN IPsec", PERMIT, line=block.head.number, zones_in=(words[at],), services=(ike, "ike, esp")
                )
        port = self._config.webvpn_port
        for block in self._config.webvpn:
            for line in block.body:
                if line.words[0] == "enable" and len(line.words) > 1:
                    both = svc.join(svc.of(6, ((port, port),)), svc.of(17, ((port, port),)))
                    yield self._automatic(
                        "portail VPN SSL", PERMIT, line=line.number, zones_in=(line.words[1],), services=(both, "https")
                    )

    def _unbound(self) -> Iterator[Chain]:
        """Lists that no `access-group` applies: they serve a VPN, a translation, a class, or nothing."""
        applied = {group.acl for group in self._config.groups}
        if not self._config.zones and not self._config.groups:
            return
        for (acl, family), aces in self._aces.items():
            if acl in applied:
                continue
            rules = tuple(rule for rule in map(self._rule, aces) if rule is not None)
            exact = len(rules) == len(aces)
            yield Chain(
                name=f"{acl} (non appliquée)" + (" (IPv6)" if family == 6 else ""),  # noqa: PLR2004
                default=RETURN, rules=rules, exact=exact,
                why_not_exact="" if exact else "une entrée n'a pas été comprise",
            )  # fmt: skip


_KINDS = frozenset(("remark", "ethertype", "webtype", "extended", "standard", "permit", "deny"))


def _expiry(lines: Sequence[Line]) -> str:
    """End of an absolute time range: `absolute [start HH:MM D MONTH Y] end HH:MM D MONTH Y`."""
    for line in lines:
        if line.words[0] != "absolute" or "end" not in line.words:
            continue
        at = line.words.index("end")
        clock, *date = line.words[at + 1 : at + 5]
        if len(date) == 3 and date[1].lower() in _MONTHS and date[0].isdecimal() and re.fullmatch(r"\d{4}", date[2]):  # noqa: PLR2004
            month = _MONTHS.index(date[1].lower()) + 1
            hour = clock if re.fullmatch(r"\d\d:\d\d", clock) else "23:59"
            return f"{date[2]}-{month:02}-{int(date[0][:2]):02}T{hour}:00"
    return ""
