"""nftables: `nft list ruleset` (with or without `-a`), `nft -j list ruleset`, and configuration files.

Every base chain of a hook must accept; a verdict map or a set of concatenations becomes several rules that share
their reference and their line. What changes while the firewall works (dynamic sets, rates, queues) is not resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from checks.firewall.facts import (
    DENY,
    FORWARD,
    GOTO,
    INPUT,
    JUMP,
    OUTPUT,
    PERMIT,
    RETURN,
    Chain,
    Device,
    Interface,
    NatRule,
    Rule,
)
from checks.firewall.parsers import nft_json, nft_text
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.iptables_emit import Cells, with_log
from checks.firewall.parsers.iptables_match import (
    AFTER,
    BEFORE,
    BEFORE_TRACKING,
    MAYBE_UNTRACKED,
    TRACKED,
    TRACKING_PRIORITY,
)
from checks.firewall.parsers.iptables_names import OPENING_LIMIT
from checks.firewall.parsers.nft_model import NftChain, NftRule, NftRuleset, NftTable, Note
from checks.firewall.parsers.nft_rules import Translated, called_by, translate
from checks.firewall.parsers.source import MAX_OBJECTS, ParseError, SourceFile

TITLE = "nftables (nft list ruleset)"
TOGETHER = True

HOOKS = {
    "input": ((INPUT, 0),),
    "forward": ((FORWARD, 0),),
    "output": ((OUTPUT, 0),),
    "prerouting": ((FORWARD, BEFORE), (INPUT, BEFORE)),
    "postrouting": ((FORWARD, AFTER), (OUTPUT, AFTER)),
}
_TEXT = re.compile(
    r"^[ \t]*(?:table[ \t]+(?:(?:ip6?|inet|arp|bridge|netdev)[ \t]+)?[\w.-]+[ \t]*\{"
    r"|(?:add|create|insert)[ \t]+(?:table|chain|rule|set|map|element)[ \t]+(?:ip6?|inet|arp|bridge|netdev)\b"
    r"|flush[ \t]+ruleset\b)"
    r"|\A#!/\S*/nft\b",
    re.MULTILINE,
)
_INCLUDE = re.compile(r'^[ \t]*include[ \t]+"([^"\n]+)"', re.MULTILINE)


def recognise(file: SourceFile) -> bool:
    """A table block, commands that fill one, or the JSON of `nft -j`."""
    return nft_json.looks_like(file.head) or bool(_TEXT.search(file.head))


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One device a file; a file that another includes is part of it."""
    by_name = {file.name: file for file in files}
    included = {
        name
        for file in files
        if not nft_json.looks_like(file.head)
        for path in _INCLUDE.findall(file.text)
        if (name := path.rsplit("/", 1)[-1]) in by_name and name != file.name
    }
    roots = [file for file in files if file.name not in included] or list(files[:1])
    return tuple(_device(root, by_name) for root in roots)


def _device(root: SourceFile, by_name: dict[str, SourceFile]) -> Device:
    ruleset = NftRuleset()
    notes: list[tuple[str, int, str, str]] = []
    parts = [root]

    def note_in(name: str) -> Note:
        if name not in [part.name for part in parts]:
            parts.append(by_name[name])
        return lambda line, text, effect: notes.append((name, line, text, effect))

    configuration = False
    if nft_json.looks_like(root.head):
        nft_json.read(root, ruleset, note_in(root.name))
    else:
        context = nft_text.Context(ruleset, by_name, note_in, open=[root.name])
        nft_text.read(root, context)
        configuration = context.configuration or bool(context.variables)
    if not ruleset.tables and not configuration and not nft_json.looks_like(root.head):
        raise ParseError("aucune table : ce n'est pas un jeu de règles nftables", root.name)
    builder = DeviceBuilder("nftables", parts)
    names = [part.name for part in parts]
    for name, line, text, effect in notes:
        builder.not_understood(line, text, effect, names.index(name))
    return _Assembler(builder, ruleset, root, configuration=configuration).device()


class _Assembler:
    def __init__(self, builder: DeviceBuilder, ruleset: NftRuleset, root: SourceFile, *, configuration: bool) -> None:
        self._builder = builder
        self._ruleset = ruleset
        self._root = root
        self._configuration = configuration
        self._chains: list[Chain] = []
        self._nat: list[NatRule] = []
        self._interfaces: dict[str, None] = {}
        self._limits: dict[str, None] = {}
        self._rules = 0

    def device(self) -> Device:
        for table in self._ruleset.tables.values():
            self._sets(table)
            if table.families:
                self._table(table)
            else:
                self._limits.setdefault(
                    f"La table {table.family} {table.name} n'est pas analysée : elle peut refuser avant celles-ci."
                )
        self._open_families()
        if self._configuration:
            self._limits.setdefault("Fichier de configuration : rien ne prouve que ces règles sont celles en vigueur.")
        if self._ruleset.doubtful:
            self._limits.setdefault(f"Le jeu de règles n'est pas complet : {self._ruleset.doubtful}.")
        self._limits.setdefault(
            "L'export ne date pas le début des compteurs ; les adresses des interfaces n'y figurent pas."
        )
        return self._builder.build(
            name=self._root.name,
            limits=tuple(self._limits),
            product="nftables",
            firmware=self._ruleset.version,
            interfaces=tuple(Interface(name=name) for name in self._interfaces if not name.endswith("*")),
            chains=tuple(self._chains),
            nat=tuple(self._nat),
        )

    def _sets(self, table: NftTable) -> None:
        """A set that a configuration leaves empty is filled while the firewall works."""
        for found in table.sets.values():
            found.listed = found.listed or not self._configuration
        for chain in table.chains.values():
            for rule in chain.rules:
                for statement in rule.expr:
                    change = statement.get("set") if isinstance(statement, dict) else None
                    name = str(change.get("set", "")).removeprefix("@") if isinstance(change, dict) else ""
                    if name in table.sets:
                        table.sets[name].updated = True

    def _table(self, table: NftTable) -> None:
        if table.dormant:
            self._limits.setdefault(f"La table {table.family} {table.name} est inactive (dormant).")
        self._tracked_chains(table)
        self._early_chains(table)

    def _tracked_chains(self, table: NftTable) -> None:
        reader = _TableReader(self._builder, table, self._interfaces, self._limits)
        chains = {name: chain for name, chain in table.chains.items() if not _is_early(chain)}
        read = {name: reader.chain(chain) for name, chain in chains.items()}
        self._bounded(read)
        self._nat += reader.nat
        refusing = _refusing(chains, {name: rules for name, (rules, _) in read.items()}, reader)
        for name, chain in chains.items():
            hooks = () if table.dormant else HOOKS.get(chain.hook, ())
            if chain.hook and not HOOKS.get(chain.hook):
                self._limits.setdefault(f"Le point d'entrée {chain.hook} de {reader.label(name)} n'est pas analysé.")
            if name not in refusing and (chain.kind == "nat" or chain.hook in ("prerouting", "postrouting")):
                hooks = ()
            self._add(table, chain, reader, hooks, read[name])

    def _early_chains(self, table: NftTable) -> None:
        """Chains crossed before connection tracking, with their own reading of those they call."""
        early = [name for name, chain in table.chains.items() if _is_early(chain)]
        if not early:
            return
        tracking = MAYBE_UNTRACKED if self._untracks() else BEFORE_TRACKING
        reader = _TableReader(self._builder, table, self._interfaces, self._limits, tracking)
        chains = {name: table.chains[name] for name in _reachable(early, table)}
        read = {name: reader.chain(chain) for name, chain in chains.items()}
        self._bounded(read)
        refusing = _refusing(chains, {name: rules for name, (rules, _) in read.items()}, reader)
        for name, chain in chains.items():
            hooks = HOOKS.get(chain.hook, ()) if name in refusing and not table.dormant else ()
            self._add(table, chain, reader, hooks, read[name])

    def _bounded(self, read: dict[str, tuple[list[Rule], bool | None]]) -> None:
        self._rules += sum(len(rules) for rules, _ in read.values())
        if self._rules > MAX_OBJECTS:
            raise ParseError("trop de règles une fois les ensembles développés", self._root.name)

    def _untracks(self) -> bool:
        return any(
            isinstance(statement, dict) and "notrack" in statement
            for table in self._ruleset.tables.values()
            for chain in table.chains.values()
            for rule in chain.rules
            for statement in rule.expr
        )

    def _add(
        self,
        table: NftTable,
        chain: NftChain,
        reader: _TableReader,
        hooks: tuple[tuple[str, int], ...],
        read: tuple[list[Rule], bool | None],
    ) -> None:
        for hook, shift in hooks or (("", 0),):
            label = reader.target(chain.name) + (f" [{hook}]" if len(hooks) > 1 else "")
            self._chains.append(self._finished(table, chain, label, hook, shift, read))

    def _finished(
        self,
        table: NftTable,
        chain: NftChain,
        label: str,
        hook: str,
        shift: int,
        read: tuple[list[Rule], bool | None],
    ) -> Chain:
        doubt = chain.doubtful or self._ruleset.doubtful
        policies = {"accept": PERMIT, "drop": DENY}
        return Chain(
            name=label,
            hook=hook,
            priority=chain.priority + shift if hook else 0,
            families=table.families,
            default=policies.get(chain.policy, PERMIT) if chain.hook else RETURN,
            default_line=(chain.policy_line or chain.line) if chain.hook else 0,
            default_log=read[1] if hook else None,
            default_certain=not chain.hook or chain.policy in policies,
            exact=not doubt,
            why_not_exact=doubt,
            rules=tuple(read[0]),
        )

    def _open_families(self) -> None:
        """An IP version that no chain of a hook filters, while the other is filtered, goes through."""
        for hook, what in ((FORWARD, "traversant"), (INPUT, "vers le pare-feu")):
            filtered = {family for chain in self._chains if chain.hook == hook for family in chain.families}
            for family in {4, 6} - filtered if filtered else ():
                self._chains.append(
                    Chain(
                        name=f"IPv{family} {hook} (aucune chaîne)",
                        hook=hook,
                        families=(family,),
                        default=PERMIT,
                        default_certain=not self._ruleset.doubtful and not self._configuration,
                    )
                )
                self._limits.setdefault(
                    f"Aucune chaîne ne filtre l'IPv{family} {what} : il passe, si l'export est complet "
                    "(nft list ruleset) et si aucun iptables-legacy ne filtre à côté."
                )


def _is_early(chain: NftChain) -> bool:
    """Connection states are not known yet in it."""
    return chain.hook in ("prerouting", "output") and chain.priority < TRACKING_PRIORITY


def _reachable(start: list[str], table: NftTable) -> Iterable[str]:
    """Chains and those they call, in the order they are met."""
    found = dict.fromkeys(start)
    todo = list(start)
    while todo:
        for rule in table.chains[todo.pop()].rules:
            for name in called_by(rule, table):
                if name not in found:
                    found[name] = None
                    todo.append(name)
    return found


def _refusing(chains: dict[str, NftChain], rules: dict[str, list[Rule]], reader: _TableReader) -> frozenset[str]:
    """Chains whose traffic may be refused, in them or in one they call."""
    callers: dict[str, set[str]] = {}
    for name, found in rules.items():
        for rule in found:
            if rule.target:
                callers.setdefault(reader.named(rule.target), set()).add(name)
    refusing = {
        name
        for name, chain in chains.items()
        if chain.policy == "drop" or chain.doubtful or any(rule.action == DENY for rule in rules[name])
    }
    todo = list(refusing)
    while todo:
        for caller in callers.get(todo.pop(), ()):
            if caller not in refusing:
                refusing.add(caller)
                todo.append(caller)
    return frozenset(refusing)


class _TableReader:
    """Rules of one table."""

    def __init__(
        self,
        builder: DeviceBuilder,
        table: NftTable,
        interfaces: dict[str, None],
        limits: dict[str, None],
        tracking: str = TRACKED,
    ) -> None:
        self._tracking = tracking
        self._early = "" if tracking == TRACKED else " [avant le suivi]"
        self._builder = builder
        self._table = table
        self._interfaces = interfaces
        self._limits = limits
        self._cells = Cells(builder, table.families[0] if len(table.families) == 1 else 0)
        self._prefix = f"{table.family} {table.name} "
        self.nat: list[NatRule] = []

    def label(self, name: str) -> str:
        """Name of a chain among all tables."""
        return self._prefix + name

    def target(self, name: str) -> str:
        """Name of a chain as it is read here: before connection tracking, called chains are read apart."""
        return self.label(name) + ("" if self._table.chains[name].hook else self._early)

    def named(self, target: str) -> str:
        """The inverse, for a called chain."""
        return target.removeprefix(self._prefix).removesuffix(self._early)

    def chain(self, chain: NftChain) -> tuple[list[Rule], bool | None]:
        """Read every rule of a chain, and whether what reaches its end is logged."""
        found: list[Rule] = []
        for number, rule in enumerate(chain.rules, 1):
            where = f"{self.label(chain.name)} "
            ref = where + (f"handle {rule.handle}" if rule.handle is not None else str(number))
            found += self._rule(rule, ref, chain)
        return with_log(found, self._cells.anything)

    def _rule(self, rule: NftRule, ref: str, chain: NftChain) -> Iterable[Rule]:
        read = translate(rule, self._table, self._tracking)
        for text in read.unknown:
            self._builder.not_understood(rule.line, text, f"la règle {ref} peut ne pas s'appliquer")
        if read.flags:
            self._limits.setdefault(OPENING_LIMIT)
        if read.untracked:
            self._limits.setdefault(
                "Des règles retirent du trafic au suivi de connexion (notrack) : il est dans l'état « untracked »."
            )
        if read.nat is not None:
            self._translation(read, rule, ref)
        possible = [outcome for outcome in read.outcomes if not outcome.product.impossible]
        for outcome in possible or read.outcomes[:1]:
            product = outcome.product
            if chain.kind == "nat":
                product = product.in_states(("new",))
            for zone in (*product.in_zones, *product.out_zones):
                self._interfaces.setdefault(zone)
            yield self._cells.rule(
                product,
                read.texts,
                ref=ref,
                line=rule.line,
                action=outcome.action,
                target=self.target(outcome.target) if outcome.action in (JUMP, GOTO) else "",
                comment=rule.comment,
                hits=read.hits,
                log=True if read.log else None,
            )

    def _translation(self, read: Translated, rule: NftRule, ref: str) -> None:
        kind, address, port = read.nat or ("", "", "")
        for product in read.matched:
            if product.impossible:
                continue
            source, destination, services = self._cells.indexes(product, read.texts)
            self.nat.append(
                NatRule(
                    ref=ref,
                    line=rule.line,
                    kind=kind,
                    name=rule.comment,
                    in_zones=() if product.in_negated else product.in_zones,
                    source=source,
                    destination=destination,
                    services=services,
                    to_address=address,
                    to_ports=port,
                    comment=rule.comment,
                )
            )
