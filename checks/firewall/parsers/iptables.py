"""iptables and ip6tables: `iptables-save`, `ip6tables-save`, `iptables -S`.

Tables other than `filter` are base chains too as soon as one of their rules can drop. A dump of one IP version says
nothing of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from checks.firewall.facts import (
    DENY,
    FORWARD,
    GOTO,
    INPUT,
    JUMP,
    NONE,
    OUTPUT,
    PERMIT,
    RETURN,
    Chain,
    Device,
    Interface,
    NatRule,
    Rule,
)
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.iptables_emit import Cells, with_log
from checks.firewall.parsers.iptables_lines import BUILT_IN, RawChain, RawFile, RawTable, looks_like, read
from checks.firewall.parsers.iptables_match import (
    AFTER,
    BEFORE,
    BEFORE_TRACKING,
    MAYBE_UNTRACKED,
    TRACKED,
    TRACKING_PRIORITY,
)
from checks.firewall.parsers.iptables_names import OPENING_LIMIT
from checks.firewall.parsers.iptables_options import (
    LOG_TARGETS,
    NAT_TARGETS,
    SILENT_TARGETS,
    VERDICTS,
    Reading,
    read_rule,
)
from checks.firewall.parsers.source import ParseError, SourceFile

TITLE = "iptables (iptables-save)"
TOGETHER = True

PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
HOOKS = {
    "INPUT": ((INPUT, 0),),
    "FORWARD": ((FORWARD, 0),),
    "OUTPUT": ((OUTPUT, 0),),
    "PREROUTING": ((FORWARD, BEFORE), (INPUT, BEFORE)),
    "POSTROUTING": ((FORWARD, AFTER), (OUTPUT, AFTER)),
}
_POLICIES = {"ACCEPT": PERMIT, "DROP": DENY}
_UNTRACKED = (
    "Des règles de la table raw retirent du trafic au suivi de connexion : ce trafic est dans l'état « untracked »."
)
_DYNAMIC = ("DOCKER", "KUBE-", "f2b-", "fail2ban-", "ufw-", "CROWDSEC", "cali-", "LIBVIRT_")


def recognise(file: SourceFile) -> bool:
    """A dump that starts with a table, or with the policies that `iptables -S` prints."""
    return looks_like(file.head)


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One device for the dumps that complete each other (IPv4 and IPv6, or table by table)."""
    groups: list[tuple[list[SourceFile], set[tuple[int, str]], list[tuple[RawFile, list[_Note]]]]] = []
    for file in files:
        notes: list[_Note] = []
        raw = read(file, 0, lambda line, text, effect, kept=notes: kept.append((line, text, effect)))  # type: ignore[misc]
        _guess_families(raw, file.name)
        held = [(table.family, table.name) for table in raw.tables]
        if len(set(held)) != len(held):
            again = next(pair[1] for pair in held if held.count(pair) > 1)
            raise ParseError(f"la table {again} figure deux fois : séparer les exports", file.name)
        if not groups or groups[-1][1] & set(held):
            groups.append(([], set(), []))
        groups[-1][0].append(file)
        groups[-1][1].update(held)
        groups[-1][2].append((raw, notes))
    return tuple(_Assembler(group, raws).device() for group, _, raws in groups)


_Note = tuple[int, str, str]


def _guess_families(raw: RawFile, name: str) -> None:
    """Tables without a trace of their IP version take that of the others of the file, or of the name of the file."""
    sure = {table.family for table in raw.tables if table.family_known}
    if len(sure) == 1:
        family = sure.pop()
    else:
        lowered = name.lower()
        family = 6 if any(mark in lowered for mark in ("ip6", "v6", "ipv6")) else 4
    for table in raw.tables:
        if not table.family_known:
            table.family = family


@dataclass
class _State:
    """What is gathered over the tables of a device."""

    chains: list[Chain] = field(default_factory=list)
    nat: list[NatRule] = field(default_factory=list)
    interfaces: dict[str, None] = field(default_factory=dict)
    limits: dict[str, None] = field(default_factory=dict)


class _Assembler:
    def __init__(self, files: Sequence[SourceFile], raws: Sequence[tuple[RawFile, list[_Note]]]) -> None:
        self._files = files
        self._raws = raws
        self._builder = DeviceBuilder("iptables", files)
        self._state = _State()
        self._version = ""

    def device(self) -> Device:
        for number, (raw, notes) in enumerate(self._raws):
            for line, text, effect in notes:
                self._builder.not_understood(line, text, effect, number)
            self._version = self._version or raw.version
            self._foreign(raw, number)
            for table in raw.tables:
                table.file = number
                self._table(table)
        self._coverage()
        state = self._state
        return self._builder.build(
            name=self._files[0].name,
            limits=tuple(state.limits),
            product="netfilter (iptables)",
            firmware=self._version,
            interfaces=tuple(Interface(name=name) for name in state.interfaces if not name.endswith("*")),
            chains=tuple(state.chains),
            nat=tuple(state.nat),
        )

    def _limit(self, text: str) -> None:
        self._state.limits.setdefault(text)

    def _foreign(self, raw: RawFile, number: int) -> None:
        for line in raw.foreign:
            self._builder.not_understood(
                line, "autres tables présentes", "des règles absentes de ce fichier peuvent aussi refuser", number
            )
            self._limit(
                "L'export signale d'autres règles (iptables-legacy ou nftables) qui n'y figurent pas : elles peuvent "
                "refuser ce que celles-ci acceptent."
            )
        if raw.listing:
            self._limit("Sortie d'iptables -S : seule la table filter y figure, et rien ne montre une troncature.")

    def _coverage(self) -> None:
        tables = [table for raw, _ in self._raws for table in raw.tables]
        filtered = {table.family for table in tables if table.name == "filter"}
        if 6 not in filtered:  # noqa: PLR2004
            self._limit(
                "Aucune table filter d'ip6tables n'est fournie : le filtrage de l'IPv6 est inconnu (ni ouvert ni "
                "fermé) ; donner aussi la sortie d'ip6tables-save."
            )
        if 4 not in filtered:  # noqa: PLR2004
            self._limit("Aucune table filter d'iptables n'est fournie : le filtrage de l'IPv4 est inconnu.")
        if not all(table.family_known for table in tables):
            self._limit("La version d'IP d'une table au moins est déduite : rien dans ses règles ne la montre.")
        if any(name.startswith(_DYNAMIC) for table in tables for name in table.chains):
            self._limit(
                "Des chaînes sont tenues par un logiciel (Docker, fail2ban, ufw…) : elles changent sans intervention."
            )
        self._limit("L'export ne date pas le début des compteurs ; les adresses des interfaces n'y figurent pas.")

    def _table(self, table: RawTable) -> None:
        reader = _TableReader(self._builder, table, self._state)
        drafts = {name: reader.chain(chain) for name, chain in table.chains.items()}
        reaching = _can_drop(drafts)
        suffix = " (IPv6)" if table.family == 6 else ""  # noqa: PLR2004
        priority = PRIORITIES.get(table.name, 0)
        for name, draft in drafts.items():
            # A built-in chain of another table that refuses nothing is kept, but no packet needs to cross it here.
            hooks = HOOKS.get(name, ()) if table.name == "filter" or name in reaching else ()
            for hook, shift in hooks or (("", 0),):
                label = reader.label(name) + (f" [{hook}]" if len(hooks) > 1 else "") + suffix
                self._state.chains.append(draft.chain(label, hook, priority + shift if hook else 0))


@dataclass
class _Draft:
    """A chain whose rules are ready."""

    raw: RawChain
    family: int
    rules: tuple[Rule, ...]
    calls: tuple[str, ...]
    """Names, in the table, of the chains its rules call."""
    default_log: bool | None

    @property
    def default(self) -> str:
        return _POLICIES.get(self.raw.policy, PERMIT) if self.raw.name in BUILT_IN else RETURN

    def chain(self, label: str, hook: str, priority: int) -> Chain:
        """The finished chain under a name."""
        known = self.raw.policy in _POLICIES or not hook
        return Chain(
            name=label,
            hook=hook,
            priority=priority,
            families=(self.family,),
            default=self.default,
            default_line=self.raw.line if self.raw.declared else 0,
            default_log=self.default_log if hook else None,
            default_certain=known,
            exact=not self.raw.doubtful,
            why_not_exact=self.raw.doubtful,
            rules=self.rules,
        )


def _can_drop(drafts: dict[str, _Draft]) -> frozenset[str]:
    """Chains whose traffic may be dropped, in them or in one they call."""
    callers: dict[str, list[str]] = {}
    for name, draft in drafts.items():
        for called in draft.calls:
            callers.setdefault(called, []).append(name)
    found = {
        name
        for name, draft in drafts.items()
        if draft.default == DENY or draft.raw.doubtful or any(rule.action == DENY for rule in draft.rules)
    }
    todo = list(found)
    while todo:
        for caller in callers.get(todo.pop(), ()):
            if caller not in found:
                found.add(caller)
                todo.append(caller)
    return frozenset(found)


def _tracking(table: RawTable) -> str:
    """How the rules of a table read connection states: those of `raw` come before connection tracking."""
    if PRIORITIES.get(table.name, 0) >= TRACKING_PRIORITY:
        return TRACKED
    tokens = (rule.tokens for chain in table.chains.values() for rule in chain.rules)
    return MAYBE_UNTRACKED if any("NOTRACK" in one or "--notrack" in one for one in tokens) else BEFORE_TRACKING


class _TableReader:
    """Rules of one table."""

    def __init__(self, builder: DeviceBuilder, table: RawTable, state: _State) -> None:
        self._builder = builder
        self._table = table
        self._state = state
        self._names = frozenset(table.chains)
        self._cells = Cells(builder, table.family)
        self._tracking = _tracking(table)
        self._suffix = " (IPv6)" if table.family == 6 else ""  # noqa: PLR2004

    def label(self, name: str) -> str:
        """Name of a chain among all tables."""
        return name if self._table.name == "filter" else f"{self._table.name}/{name}"

    def chain(self, raw: RawChain) -> _Draft:
        """Read every rule of a chain."""
        rules: list[Rule] = []
        calls: dict[str, None] = {}
        for number, line in enumerate(raw.rules, 1):
            reading = read_rule(line.tokens, self._table.family, self._names, self._tracking)
            if line.hits is not None:
                reading.hits = line.hits
            ref = f"{raw.name} {number}" if self._table.name == "filter" else f"{self._table.name} {raw.name} {number}"
            rules += self._rules(reading, ref, line.line)
            if reading.target in self._names:
                calls.setdefault(reading.target)
        logged = with_log(rules, self._cells.anything)
        return _Draft(raw, self._table.family, tuple(logged[0]), tuple(calls), logged[1])

    def _rules(self, reading: Reading, ref: str, line: int) -> list[Rule]:
        for text in reading.unknown:
            self._builder.not_understood(line, text, f"la règle {ref} peut ne pas s'appliquer", file=self._table.file)
        if reading.flags:
            self._state.limits.setdefault(OPENING_LIMIT)
        found = []
        actions = self._actions(reading, ref, line)
        for product in [one for one in reading.products if not one.impossible] or reading.products[:1]:
            if self._table.name == "nat":
                product = product.in_states(("new",))  # noqa: PLW2901 - translation sees first packets only
            for zone in (*product.in_zones, *product.out_zones):
                self._state.interfaces.setdefault(zone)
            for action, condition in actions:
                found.append(
                    self._cells.rule(
                        product.when(condition) if condition else product,
                        reading.texts,
                        ref=ref,
                        line=line,
                        action=action,
                        file=self._table.file,
                        target=self.label(reading.target) + self._suffix if action in (JUMP, GOTO) else "",
                        schedule=reading.schedule,
                        expires=reading.expires,
                        comment=reading.comment,
                        hits=reading.hits,
                        log=True if reading.target in LOG_TARGETS else None,
                    )
                )
        if self._table.name == "nat" and reading.target in NAT_TARGETS:
            self._translation(reading, ref, line)
        return found

    def _actions(self, reading: Reading, ref: str, line: int) -> tuple[tuple[str, str], ...]:
        """Actions of a rule, each with a condition: two for a target whose decision is not known."""
        target = reading.target
        if target in self._names:
            return ((GOTO if reading.goto else JUMP, ""),)
        if not target or target in SILENT_TARGETS:
            self._note_untracked(reading)
            return ((NONE, ""),)
        if target in VERDICTS and not reading.goto:
            return ((VERDICTS[target], ""),)
        if target in NAT_TARGETS and self._table.name == "nat":
            return ((PERMIT, ""),)
        if target in ("NFQUEUE", "QUEUE"):
            condition = f"décision laissée à un programme ({target})"
        else:
            condition = f"cible non comprise : {target}"
            self._builder.not_understood(
                line, f"-j {target}", f"la règle {ref} peut accepter, refuser ou ne rien décider", self._table.file
            )
        return ((DENY, condition), (PERMIT, condition))

    def _note_untracked(self, reading: Reading) -> None:
        if reading.target == "NOTRACK" or (reading.target == "CT" and "--notrack" in reading.options):
            self._state.limits.setdefault(_UNTRACKED)

    def _translation(self, reading: Reading, ref: str, line: int) -> None:
        options = reading.options
        to = next((options[name] for name in ("--to-destination", "--to-source", "--to") if name in options), "")
        address, to_ports = _split_target(to)
        for product in reading.products:
            if product.impossible:
                continue
            source, destination, services = self._cells.indexes(product, reading.texts)
            self._state.nat.append(
                NatRule(
                    ref=ref,
                    line=line,
                    kind=NAT_TARGETS[reading.target],
                    name=reading.comment,
                    file=self._table.file,
                    in_zones=() if product.in_negated else product.in_zones,
                    source=source,
                    destination=destination,
                    services=services,
                    to_address=address,
                    to_ports=to_ports or options.get("--to-ports", ""),
                    comment=reading.comment,
                )
            )


def _split_target(text: str) -> tuple[str, str]:
    """Address and ports of `192.0.2.1:80`, `192.0.2.1-192.0.2.9:80-90`, `[2001:db8::1]:80`, `:8080`."""
    if text.startswith("["):
        address, _, rest = text[1:].partition("]")
        return address, rest.removeprefix(":")
    if text.count(":") > 1:
        return text, ""
    address, _, ports = text.partition(":")
    return address, ports
