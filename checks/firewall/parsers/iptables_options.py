"""One rule of iptables: its options to products of sets, its target to an action."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.intervals import Intervals, difference
from checks.firewall.algebra.services import ANY_PORT, ICMP_LIKE, PORTED, ServiceError, Services
from checks.firewall.parsers.iptables_match import STATES, TRACKED, Product, ports
from checks.firewall.parsers.iptables_names import ICMP6_TYPES, ICMP_TYPES, OPENING, PORT_NAMES, TCP_FLAGS

SILENT_TARGETS = frozenset({
    "LOG", "ULOG", "NFLOG", "MARK", "CONNMARK", "CT", "NOTRACK", "TRACE", "TCPMSS", "TOS", "DSCP", "TTL", "HL", "SET",
    "CHECKSUM", "CLASSIFY", "CONNSECMARK", "SECMARK", "AUDIT", "TEE", "LED", "RATEEST", "IDLETIMER", "ECN",
    "TCPOPTSTRIP", "HMARK", "ACCOUNT", "FLOWOFFLOAD",
})  # fmt: skip
"""Targets after which the traversal goes on."""
LOG_TARGETS = frozenset({"LOG", "ULOG", "NFLOG"})
NAT_TARGETS: Mapping[str, str] = {
    "DNAT": "destination", "REDIRECT": "destination", "SNAT": "source", "MASQUERADE": "source", "NETMAP": "static",
}  # fmt: skip
VERDICTS: Mapping[str, str] = {"ACCEPT": "permit", "DROP": "deny", "REJECT": "deny", "RETURN": "return"}

EXACT_MODULES = frozenset({
    "comment", "tcp", "udp", "udplite", "sctp", "dccp", "icmp", "icmp6", "icmpv6", "state", "conntrack", "multiport",
    "iprange", "set",
})  # fmt: skip
"""Modules that match nothing by themselves: their options say all, and each is read below."""
MODULES: Mapping[str, str] = {
    "mac": "adresse MAC", "limit": "débit limité", "hashlimit": "débit limité par adresse",
    "recent": "liste d'adresses récentes", "owner": "programme ou utilisateur local", "string": "contenu recherché",
    "addrtype": "type d'adresse", "physdev": "port de pont", "pkttype": "type de trame",
    "connlimit": "nombre de connexions", "connbytes": "volume de la connexion", "connmark": "marque de connexion",
    "mark": "marque du paquet", "length": "longueur du paquet", "ttl": "durée de vie (TTL)",
    "hl": "durée de vie (hop limit)", "tos": "qualité de service (TOS)", "dscp": "qualité de service (DSCP)",
    "u32": "test binaire", "bpf": "test binaire", "statistic": "tirage au hasard", "random": "tirage au hasard",
    "policy": "politique IPsec", "rpfilter": "chemin inverse", "socket": "connexion ouverte sur la machine",
    "helper": "assistant de protocole", "quota": "quota", "realm": "domaine de routage",
    "cgroup": "groupe de processus", "devgroup": "groupe d'interfaces", "cpu": "processeur",
    "ecn": "congestion (ECN)", "esp": "SPI d'ESP", "ah": "SPI d'AH", "dst": "en-tête IPv6 d'options",
    "hbh": "en-tête IPv6 de saut",
    "frag": "fragment IPv6",
    "rt": "en-tête IPv6 de routage", "ipv6header": "en-têtes IPv6", "mh": "mobilité IPv6", "eui64": "adresse EUI-64",
    "tcpmss": "taille de segment", "osf": "système d'exploitation", "cluster": "nœud de grappe", "time": "horaire",
    "connlabel": "étiquette de connexion", "nfacct": "compteur", "rateest": "débit mesuré", "ipcomp": "CPI d'IPComp",
    "unclean": "paquet anormal", "condition": "condition du noyau", "psd": "balayage de ports",
    "layer7": "application", "ndpi": "application", "ipp2p": "application", "web": "application",
}  # fmt: skip
"""Modules that are understood but not evaluated."""

TCP_ALL = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")
_ALIASES: Mapping[str, str] = {
    "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i",
    "--out-interface": "-o", "--protocol": "-p", "--proto": "-p", "--match": "-m", "--jump": "-j", "--goto": "-g",
    "--fragment": "-f", "--ipv4": "-4", "--ipv6": "-6", "--set-counters": "-c", "--source-port": "--sport",
    "--destination-port": "--dport", "--source-ports": "--sports", "--destination-ports": "--dports",
}  # fmt: skip


_KNOWN_OPTION = re.compile(
    "--(?:ct(?:proto|(?:orig|repl)(?:src|dst)(?:port)?|status|expire|dir)|tcp-option|chunk-types|dccp-(?:types|option)|"
    "return-nomatch|update-counters|update-subcounters|(?:packets|bytes)-(?:eq|lt|gt))"
)
"""Options of the exact modules that are understood but not evaluated."""


class _RefusedError(ValueError):
    """An option holds what cannot be read: the rule keeps a condition."""


@dataclass
class Reading:
    """What one rule says."""

    products: list[Product] = field(default_factory=lambda: [Product()])
    target: str = ""
    goto: bool = False
    comment: str = ""
    options: dict[str, str] = field(default_factory=dict)
    """Options of the target."""
    hits: int | None = None
    expires: str = ""
    schedule: str = ""
    texts: dict[str, list[str]] = field(default_factory=dict)
    """What the administrator sees of the source, the destination and the service."""
    unknown: list[str] = field(default_factory=list)
    """Options that were not understood."""
    flags: bool = False
    """TCP flags are tested."""


def read_rule(tokens: Sequence[str], family: int, targets: frozenset[str], tracking: str = TRACKED) -> Reading:
    """The meaning of one rule. `targets`: names of the chains of its table. Never raises."""
    return _RuleReader(tokens, family, targets, tracking).read()


class _RuleReader:
    def __init__(self, tokens: Sequence[str], family: int, chains: frozenset[str], tracking: str) -> None:
        self._tracking = tracking
        self._tokens = tokens
        self._at = 0
        self._family = family
        self._chains = chains
        self._found = Reading()
        self._module = ""
        self._modules: dict[str, list[str]] = {}
        self._flag_tests: list[tuple[bool, str]] = []
        self._protocols: frozenset[int] | None = None
        """Protocols of a positive `-p`."""

    def read(self) -> Reading:
        found = self._found
        found.products = [Product().of_family(self._family)]
        while self._at < len(self._tokens):
            self._option()
        for opening, note in self._flag_tests:
            # Last: what they mean depends on the states that all the rule accepts.
            found.products = [one for product in found.products for one in by_opening(product, opening, note)]
        for module, texts in self._modules.items():
            self._module_condition(module, texts)
        return found

    # Words

    def _more(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        word = self._more()
        self._at += 1
        return word

    def _value(self) -> str:
        if self._at >= len(self._tokens):
            raise _RefusedError
        return self._next()

    def _rest_of_option(self) -> list[str]:
        """Arguments of an option whose number of arguments is not known."""
        words = []
        while self._at < len(self._tokens):
            word = self._more()
            following = self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else ""
            if _is_option(word) or (word == "!" and _is_option(following)):
                break
            words.append(self._next())
        return words

    def _option(self) -> None:
        start = self._at
        word = self._next()
        negated = word == "!"
        if negated:
            word = self._next()
        if word.startswith("--") and "=" in word:
            word, _, value = word.partition("=")
            self._tokens = (*self._tokens[: self._at], value, *self._tokens[self._at :])
        word = _ALIASES.get(word, word)
        plain, handler = _PLAIN.get(word), _NEGATABLE.get(word)
        if handler is None and (plain is None or negated):
            self._other(start, word, negated)
            return
        if handler is not None and self._more() == "!" and word not in ("-f", "--syn"):
            # Before 1.4.3 the mark of negation followed the option.
            negated = not negated
            self._next()
        try:
            if handler is not None:
                handler(self, negated)
            elif plain is not None:
                plain(self)
        except (_RefusedError, AddressError, ServiceError):
            self._not_understood(" ".join(self._tokens[start : self._at]))

    def _other(self, start: int, word: str, negated: bool) -> None:
        """An option of the target, of a module that is not evaluated, or an unknown one."""
        arguments = self._rest_of_option()
        text = " ".join(self._tokens[start : self._at])
        target = self._found.target
        if target and target not in self._chains and target not in ("ACCEPT", "DROP", "RETURN"):
            self._found.options[word] = " ".join(arguments)
        elif self._module in MODULES and word.startswith("--"):
            self._modules[self._module].append(text)
            if self._module == "time" and word == "--datestop" and not negated:
                self._found.expires = " ".join(arguments)
        elif _KNOWN_OPTION.fullmatch(word):
            self._condition(f"suivi de connexion ou détail : {text[:120]}")
        else:
            self._not_understood(text)

    def _not_understood(self, text: str) -> None:
        self._found.unknown.append(text)
        self._condition(f"directive non comprise : {text[:120]}")

    def _condition(self, text: str) -> None:
        self._all(lambda product: product.when(text))

    def _all(self, change: Callable[[Product], Product]) -> None:
        self._found.products = [change(product) for product in self._found.products]

    def _module_condition(self, module: str, texts: list[str]) -> None:
        label = MODULES[module]
        detail = " ".join(texts)
        if module == "time":
            self._found.schedule = detail or label
        self._condition(f"{label} : {detail[:120]}" if detail else label)

    def _see(self, cell: str, text: str, negated: bool) -> None:
        self._found.texts.setdefault(cell, []).append(f"! {text}" if negated else text)

    # General options

    def module(self) -> None:
        self._module = name = self._value()
        if name in EXACT_MODULES:
            return
        if name not in MODULES:
            self._not_understood(f"-m {name}")
            return
        self._modules.setdefault(name, [])

    def source(self, negated: bool) -> None:
        text = self._value()
        self._see("source", text, negated)
        found = self._addresses(text, negated)
        self._all(lambda product: product.from_addresses(found))

    def destination(self, negated: bool) -> None:
        text = self._value()
        self._see("destination", text, negated)
        found = self._addresses(text, negated)
        self._all(lambda product: product.to_addresses(found))

    def _addresses(self, text: str, negated: bool) -> Addresses:
        families = (self._family,)
        sets = []
        for part in text.split(","):
            try:
                family, low, high = ip.parse_range(part)
            except AddressError:
                name = part.partition("/")[0]
                why = "fqdn" if any(letter.isalpha() for letter in name) and ":" not in name else "mask"
                sets.append(ip.unknown(f"{why}:{part}", families=families))
                continue
            if family != self._family:
                self._found.unknown.append(text)
                return ip.unknown(f"absent:{text}", families=families)
            pair = ((low, high),)
            sets.append(Addresses(v4=pair) if family == 4 else Addresses(v6=pair))  # noqa: PLR2004
        found = ip.join(*sets)
        return ip.negate(found, families) if negated else found

    def in_interface(self, negated: bool) -> None:
        self._interface(negated, incoming=True)

    def out_interface(self, negated: bool) -> None:
        self._interface(negated, incoming=False)

    def _interface(self, negated: bool, *, incoming: bool) -> None:
        name = self._value()
        if not name:
            raise _RefusedError
        if name.endswith("+"):
            name = name[:-1] + "*"
        if name == "*":
            if negated:
                self._all(lambda product: product._replace(empty=True))
            return
        if incoming:
            self._all(lambda product: product.from_zones((name,), negated=negated))
        else:
            self._all(lambda product: product.to_zones((name,), negated=negated))

    def protocol(self, negated: bool) -> None:
        text = self._value()
        self._see("services", text, negated)
        if text.lower() in ("all", "0"):
            if negated:
                raise _RefusedError
            return
        number = svc.protocol_number(text)
        found = svc.of(number)
        if negated:
            found = svc.negate(found)
        else:
            self._protocols = frozenset({number})
        self._all(lambda product: product.of_services(found))

    def fragment(self, negated: bool) -> None:
        self._condition("premier fragment ou paquet entier" if negated else "fragment IP suivant")

    def only_four(self) -> None:
        self._only(4)

    def only_six(self) -> None:
        self._only(6)

    def _only(self, family: int) -> None:
        if family != self._family:
            self._all(lambda product: product._replace(empty=True))

    def counters(self) -> None:
        packets = self._value()
        self._value()
        if not (packets.isascii() and packets.isdigit() and len(packets) <= 20):  # noqa: PLR2004
            raise _RefusedError
        self._found.hits = int(packets)

    def jump(self) -> None:
        self._found.target = self._value()

    def goto(self) -> None:
        self._found.target = self._value()
        self._found.goto = True

    def comment(self) -> None:
        self._found.comment = self._value()

    # Ports and ICMP

    def _ported(self) -> frozenset[int]:
        if not self._protocols or not self._protocols <= PORTED:
            raise _RefusedError
        return self._protocols

    def _ports(self, negated: bool, word: str) -> tuple[frozenset[int], Intervals]:
        text = self._value()
        protocols = self._ported()
        self._see("services", f"{word} {text}", negated)
        found = _port_list(text)
        return protocols, difference(ANY_PORT, found) if negated else found

    def source_ports(self, negated: bool) -> None:
        protocols, found = self._ports(negated, "sport")
        self._services(ports(protocols, source=found))

    def destination_ports(self, negated: bool) -> None:
        protocols, found = self._ports(negated, "dport")
        self._services(ports(protocols, found))

    def either_ports(self, negated: bool) -> None:
        protocols, found = self._ports(negated, "port")
        if negated:  # neither the source nor the destination port is listed
            self._services(ports(protocols, found, found))
        else:
            self._services(svc.join(ports(protocols, found), ports(protocols, source=found)))

    def _services(self, found: Services) -> None:
        self._all(lambda product: product.of_services(found))

    def icmp_type(self, negated: bool) -> None:
        self._icmp(1, ICMP_TYPES, negated)

    def icmp6_type(self, negated: bool) -> None:
        self._icmp(58, ICMP6_TYPES, negated)

    def _icmp(self, number: int, names: Mapping[str, tuple[int, int | None]], negated: bool) -> None:
        text = self._value()
        self._see("services", f"type {text}", negated)
        if self._protocols and not self._protocols <= ICMP_LIKE:
            raise _RefusedError
        if text.lower() == "any" or (number == 1 and text == "255"):
            found = svc.of(number)
        else:
            found = _icmp_services(number, text, names)
        if negated:
            found = svc.within(svc.negate(found), (number,))
        self._services(found)

    # State and TCP flags

    def state(self, negated: bool) -> None:
        """States of the connection; DNAT and SNAT are bits beside them, known only for tracked packets."""
        words = [word.strip().lower() for word in self._value().split(",")]
        if any(word not in STATES and word not in ("dnat", "snat") for word in words):
            raise _RefusedError
        plain = [word for word in words if word in STATES]
        translated = [word.upper() for word in words if word not in STATES]
        if self._tracking != TRACKED:
            states = [state for state in STATES if (state in plain) != negated]
            self._all(lambda product: product.before_tracking(states, self._tracking))
            return
        what = f"connexion traduite ({', '.join(translated)})"
        if negated:
            others = [state for state in STATES if state not in plain]
            self._all(lambda product: product.in_states(others))
            if translated:
                self._condition(f"pas de {what}")
            return
        if not translated:
            self._all(lambda product: product.in_states(plain))
            return
        tracked = [state for state in STATES if state not in plain and state not in ("invalid", "untracked")]
        sure = [product.in_states(plain) for product in self._found.products]
        maybe = [product.in_states(tracked).when(what) for product in self._found.products]
        self._found.products = [product for product in (*sure, *maybe) if not product.empty] or maybe

    def syn(self, negated: bool) -> None:
        self._flags(_flags("FIN,SYN,RST,ACK"), OPENING, "--syn", negated)

    def tcp_flags(self, negated: bool) -> None:
        mask, wanted = self._value(), self._value()
        self._flags(_flags(mask), _flags(wanted), f"{mask} {wanted}", negated)

    def _flags(self, mask: int, wanted: int, text: str, negated: bool) -> None:
        """A new connection opens with SYN alone; for other packets the flags are not known."""
        if self._protocols is not None and self._protocols != {svc.PROTOCOLS["tcp"]}:
            raise _RefusedError
        self._found.flags = True
        self._services(svc.of(svc.PROTOCOLS["tcp"]))
        opening = (OPENING & mask == wanted) != negated
        self._flag_tests.append((opening, f"drapeaux TCP : {'! ' if negated else ''}{text}"))

    def match_set(self, negated: bool) -> None:
        name, sides = self._value(), self._value()
        unknown = ip.unknown(f"ipset:{name}", families=(self._family,))
        if sides == "src":
            self._see("source", f"ipset {name}", negated)
            self._all(lambda product: product.from_addresses(unknown))
        elif sides == "dst":
            self._see("destination", f"ipset {name}", negated)
            self._all(lambda product: product.to_addresses(unknown))
        else:
            self._condition(f"ipset {'! ' if negated else ''}{name} ({sides})")


def by_opening(product: Product, opening: bool | None, note: str) -> list[Product]:
    """A product with a test on TCP flags; `opening`: whether SYN alone passes it, None when not known."""
    if opening is None:
        return [product.when(note)]
    if opening:
        others = product.in_states(state for state in STATES if state != "new")
        found = [product.in_states(("new",)), others.when(note)]
        return [one for one in found if not one.empty] or found[1:]
    # What conntrack calls new without being an opening is `invalid` in this model.
    states = {"invalid" if state == "new" else state for state in product.state}
    return [product._replace(state=tuple(state for state in STATES if state in states)).when(note)]


def _is_option(word: str) -> bool:
    return word.startswith("-") and not word[1:2].isdigit() and len(word) > 1


def _flags(text: str) -> int:
    found = 0
    for name in text.upper().split(","):
        if name == "ALL":
            found |= sum(TCP_FLAGS[flag.lower()] for flag in TCP_ALL)
        elif name != "NONE":
            if name.lower() not in TCP_FLAGS:
                raise _RefusedError
            found |= TCP_FLAGS[name.lower()]
    return found


def _port_list(text: str) -> Intervals:
    """`22`, `1024:`, `:1023`, `80,443,8000:8010`, names. Raises `ServiceError`."""
    parts = []
    for part in text.split(","):
        low, colon, high = part.partition(":")
        first, last = (low or "0", high or "65535") if colon else (part, part)
        if not (part and first and last):
            raise ServiceError("no port")
        parts.append(f"{PORT_NAMES.get(first, first)}:{PORT_NAMES.get(last, last)}")
    return svc.parse_ports(",".join(parts))


def _icmp_services(number: int, text: str, names: Mapping[str, tuple[int, int | None]]) -> Services:
    if text in names:
        return svc.icmp(number, *names[text])
    kind, slash, code = text.partition("/")
    return svc.parse_service(f"{number}/{kind}" + (f"/{code}" if slash else ""))


_PLAIN: Mapping[str, Callable[[_RuleReader], None]] = {
    "-m": _RuleReader.module, "-4": _RuleReader.only_four, "-6": _RuleReader.only_six, "-c": _RuleReader.counters,
    "-j": _RuleReader.jump, "-g": _RuleReader.goto, "--comment": _RuleReader.comment,
}  # fmt: skip
_NEGATABLE: Mapping[str, Callable[[_RuleReader, bool], None]] = {
    "-s": _RuleReader.source, "-d": _RuleReader.destination, "-i": _RuleReader.in_interface,
    "-o": _RuleReader.out_interface, "-p": _RuleReader.protocol, "-f": _RuleReader.fragment,
    "--src-range": _RuleReader.source, "--dst-range": _RuleReader.destination,
    "--sport": _RuleReader.source_ports, "--sports": _RuleReader.source_ports,
    "--dport": _RuleReader.destination_ports, "--dports": _RuleReader.destination_ports,
    "--ports": _RuleReader.either_ports, "--port": _RuleReader.either_ports,
    "--icmp-type": _RuleReader.icmp_type, "--icmpv6-type": _RuleReader.icmp6_type,
    "--state": _RuleReader.state, "--ctstate": _RuleReader.state, "--syn": _RuleReader.syn,
    "--tcp-flags": _RuleReader.tcp_flags, "--match-set": _RuleReader.match_set,
}  # fmt: skip
