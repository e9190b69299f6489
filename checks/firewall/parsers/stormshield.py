"""Stormshield SNS: filter slots, CLI answers (CONFIG FILTER EXPLICIT/IMPLICIT), CSV exports, object bases.

Order of evaluation, from the vendor's documentation: implicit rules, then the global policy (`deleg` hands over to
the local one), then the local policy; the first rule that passes, blocks or resets decides, what no rule describes is
rejected without a log. Rules see addresses before any translation.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.facts import DENY, FORWARD, INPUT, JUMP, PERMIT, RETURN, Chain, Device, Interface, NatRule, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import ParseError, SourceFile
from checks.firewall.parsers.stormshield_files import Export, RuleList, Setting, recognised
from checks.firewall.parsers.stormshield_objects import Objects
from checks.firewall.parsers.stormshield_rules import GLOBAL, IMPLICIT, LOCAL, RuleReader
from checks.model import Gap, Reason

TITLE = "Stormshield SNS"
TOGETHER = True

NAMES = {IMPLICIT: "Règles implicites", GLOBAL: "Politique globale", LOCAL: "Politique locale"}
IDENT = 113
NO_IMPLICIT = (
    "Les règles implicites ne sont pas dans l'export (CONFIG FILTER IMPLICIT) : elles passent avant la politique et "
    "ouvrent ou ferment des services du pare-feu lui-même."
)
NO_GLOBAL = (
    "La politique globale n'est pas dans l'export (CONFIG FILTER EXPLICIT … global=1) : si elle existe, elle passe "
    "avant la politique locale."
)
NO_LOCAL = "La politique locale n'est pas dans l'export : ce que la politique globale délègue n'est pas jugé."
NO_OBJECTS = (
    "La base d'objets n'est pas dans l'export : les noms d'objets ne sont pas résolus. Joindre l'export CSV du menu "
    "Objets ou la sortie de CONFIG OBJECT LIST."
)
NO_COUNTERS = "Les compteurs de règles n'indiquent pas depuis quand ils comptent."
NO_MONITOR = "La sortie de MONITOR FILTER n'est pas lue : joindre plutôt CONFIG FILTER EXPLICIT et IMPLICIT."
NO_MEMBERS = "Des groupes sont cités sans leurs membres : joindre l'export CSV de la base d'objets."
PARTIAL_OBJECTS = "La liste d'objets est coupée par l'équipement : la demander page par page (start=)."
ACTIVE_SLOT = "L'export ne dit pas si ce slot est le slot actif."


def recognise(file: SourceFile) -> bool:
    """A filter slot, an answer of the CLI, a CSV export or an object base of SNS."""
    return recognised(file)


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """The one firewall the files describe. Raises `ParseError`."""
    builder = DeviceBuilder("stormshield", files)
    objects = Objects(builder)
    export = Export(builder, objects)
    for index, file in enumerate(files):
        export.read(file, index)
    interfaces = [_interface(setting, objects) for setting in export.interfaces]
    rules = {scope: _merged(export.lists, scope, nat=False) for scope in (IMPLICIT, GLOBAL, LOCAL)}
    translations = [one for scope in (GLOBAL, LOCAL) if (one := _merged(export.lists, scope, nat=True)) is not None]
    if rules[LOCAL] is None and rules[GLOBAL] is None:
        raise ParseError(
            "aucune règle de filtrage : joindre le slot actif ou la sortie de CONFIG FILTER EXPLICIT",
            files[0].name if files else "",
        )
    reader = RuleReader(builder, objects)
    chains = [_chain(found, reader) for found in rules.values() if found is not None]
    chains += _bases(rules, reader, builder)
    nat = _translations(translations, rules, reader)
    known = {one.name for one in interfaces}
    seen = {zone for chain in chains for rule in chain.rules for zone in (*rule.in_zones, *rule.out_zones)}
    interfaces += [Interface(name=name) for name in sorted(seen - known)]
    objects.record()
    return (
        builder.build(
            name=export.properties.get("systemname", "") or (files[0].name if files else ""),
            product=" ".join(part for part in ("Stormshield SNS", export.properties.get("model", "")) if part),
            firmware=export.properties.get("version", ""),
            limits=_limits(export, rules),
            interfaces=tuple(interfaces),
            chains=tuple(chains),
            nat=nat,
            administrators=_gap("les administrateurs"),
            users=_gap("les comptes locaux"),
            vpns=_gap("les VPN"),
        ),
    )


def _gap(what: str) -> Gap:
    return Gap(reason=Reason.UNSUPPORTED, detail=f"L'export des règles Stormshield ne contient pas {what}.")


def _merged(lists: Sequence[RuleList], scope: str, *, nat: bool) -> RuleList | None:
    """The pages of one list. Raises `ParseError` when two lists claim the same place."""
    found = [one for one in lists if one.scope == scope and one.nat is nat]
    if not found:
        return None
    merged = found[0]
    for page in found[1:]:
        if not page.rules:
            continue
        last = merged.rules[-1].position if merged.rules else 0
        if merged.rules and (not last or page.rules[0].position != last + 1):
            raise ParseError(
                f"deux listes pour la même politique ({NAMES[scope].lower()}) : ne donner que le slot actif, et "
                "CONFIG FILTER EXPLICIT … global=1 pour la politique globale"
            )
        merged = merged._replace(rules=[*merged.rules, *page.rules])
    return merged


def _chain(found: RuleList, reader: RuleReader) -> Chain:
    reader.unknown_action = False
    rules = tuple(reader.rule(raw, found.scope) for raw in found.rules if "separator" not in raw.tokens)
    why = ""
    if reader.unknown_action:
        why = "une ligne de la liste n'est pas comprise"
    positions = [raw.position for raw in found.rules if raw.position]
    if found.scope != IMPLICIT and positions and positions != list(range(1, len(positions) + 1)):
        why = "la liste est un extrait : des lignes manquent"
    return Chain(name=_name(found), default=RETURN, rules=rules, exact=not why, why_not_exact=why)


def _name(found: RuleList) -> str:
    slot = f" (slot {found.name})" if found.name else ""
    return f"{NAMES[found.scope]}{slot}"


def _bases(rules: dict[str, RuleList | None], reader: RuleReader, builder: DeviceBuilder) -> list[Chain]:
    """What traffic crosses: the same policies for what goes through the firewall and for what is meant for it."""
    jumps = tuple(
        Rule(
            ref=_name(found),
            line=0,
            action=JUMP,
            target=_name(found),
            source=builder.any_address,
            destination=builder.any_address,
            services=builder.any_service,
            automatic=True,
        )
        for found in (rules[scope] for scope in (IMPLICIT, GLOBAL, LOCAL))
        if found is not None
    )
    whole = rules[LOCAL] is not None
    bases = []
    for name, hook in (("Filtrage", FORWARD), ("Filtrage vers le pare-feu", INPUT)):
        implicit = () if rules[IMPLICIT] is not None else _unseen(hook, reader)
        bases.append(
            Chain(
                name=name,
                hook=hook,
                default=DENY,
                default_log=False,
                default_certain=whole,
                rules=(*implicit, *jumps),
            )
        )
    return bases


def _unseen(hook: str, reader: RuleReader) -> tuple[Rule, ...]:
    """Implicit rules that may exist: services of the firewall are opened, ident requests are reset."""
    text = "règles implicites absentes de l'export"
    ident = reader.doubtful("implicite ident", text, ip.ANY, DENY, svc.of(6, ((IDENT, IDENT),)))
    if hook == FORWARD:
        return (ident,)
    return (ident, reader.doubtful("implicite", text, ip.ANY, PERMIT, svc.ANY))


def _translations(
    tables: Sequence[RuleList], rules: dict[str, RuleList | None], reader: RuleReader
) -> tuple[NatRule, ...]:
    for table in tables:
        for raw in table.rules:
            if "separator" not in raw.tokens:
                reader.check_nat(raw)
    filters = [found for scope, found in rules.items() if found is not None and scope != IMPLICIT]
    return tuple(
        one
        for table in (*tables, *filters)
        for raw in table.rules
        if "separator" not in raw.tokens
        for one in reader.nat(raw)
    )


def _interface(setting: Setting, objects: Objects) -> Interface:
    name, address, mask, line, file = setting
    networks: tuple[str, ...] = ()
    try:
        network = ipaddress.ip_interface(f"{address}/{mask}").network
    except ValueError:
        network = None
    if network is not None:
        networks = (str(network),)
        objects.add("host", f"Firewall_{name}", {"ip": address}, line=line, file=file)
        objects.add(
            "network", f"Network_{name}", {"ip": str(network.network_address), "mask": mask}, line=line, file=file
        )
    return Interface(name=name, line=line, networks=networks)


def _limits(export: Export, rules: dict[str, RuleList | None]) -> list[str]:
    found = []
    if rules[IMPLICIT] is None:
        found.append(NO_IMPLICIT)
    if rules[GLOBAL] is None:
        found.append(NO_GLOBAL)
    local = rules[LOCAL]
    if local is None:
        found.append(NO_LOCAL)
    elif not local.name:
        found.append(ACTIVE_SLOT)
    if not export.objects.defined:
        found.append(NO_OBJECTS)
    if export.objects.group_without_members:
        found.append(NO_MEMBERS)
    if export.partial_objects:
        found.append(PARTIAL_OBJECTS)
    if export.monitor:
        found.append(NO_MONITOR)
    if any(raw.hits is not None for one in rules.values() if one is not None for raw in one.rules):
        found.append(NO_COUNTERS)
    return found
