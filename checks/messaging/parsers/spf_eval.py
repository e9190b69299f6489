"""Evaluate a whole SPF policy: who passes, at what cost, with which errors (RFC 7208). Pure.

A receiver evaluates for one sending address; an audit wants all of them. Here `check_host()` runs over sets of
addresses: each mechanism takes its addresses out of those that are left. Terms that depend on each message
(macros, `ptr`) are set apart as unknown. Limits are counted to the end instead of stopping at the first excess,
so that the reader learns how far over the limit the policy is.

The evaluation reads the DNS from a mapping and lists what it lacks: the collector asks, and evaluates again.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterator, Mapping

import msgspec

from checks.common.dns_wire import Status
from checks.messaging.facts import SpfError, SpfEvaluation, SpfNode
from checks.messaging.parsers.addresses import IPV4, IPV6, AddressSet
from checks.messaging.parsers.spf import QUERYING, Problem, SpfSyntaxError, Term, expand, is_spf, parse
from checks.model import Gap, Reason

MAX_LOOKUPS = 10
"""RFC 7208 section 4.6.4."""
MAX_VOID_LOOKUPS = 2
"""RFC 7208 section 4.6.4."""
MAX_MX_NAMES = 10
"""RFC 7208 section 4.6.4: names of one `mx` mechanism."""

COUNTED_LOOKUPS = 60
"""Where counting stops: six times the limit is proof enough, and a hostile zone must not keep us."""

EVALUATED_TERMS = 3000
EVALUATED_GROUPS = 600
"""Where reading stops: a record of 64 kB included sixty times would otherwise keep us for minutes. A group is a run
of literal networks with one qualifier, or one other term. Real policies have a few hundred terms in all."""

HUGE_IPV4 = 1 << 24
"""Addresses. More than a /8 (1/256 of IPv4): the largest mail services publish less than a twentieth of that
(well under a million addresses each), so no list of real senders needs it."""

HUGE_IPV6_PREFIXES = 1 << (64 - 19)
"""/64 networks. More than a /19, the largest usual allocation made to one operator by the RIPE NCC."""

_LITERAL_OF = {IPV4: "ip4", IPV6: "ip6"}
_LITERAL = frozenset(_LITERAL_OF.values())
_ADDRESS_TYPE = {IPV4: "A", IPV6: "AAAA"}


class SpfAnswer(msgspec.Struct, frozen=True):
    """One DNS answer as SPF needs it: TXT and MX values are texts, addresses are in their usual notation."""

    status: Status
    values: tuple[str, ...] = ()
    gap: Gap | None = None


Zone = Mapping[tuple[str, str], SpfAnswer]
"""(name, type) to answer."""


class _Verdict(msgspec.Struct):
    passes: AddressSet
    final: str = ""
    final_domain: str = ""


def _groups(terms: tuple[Term, ...]) -> Iterator[tuple[Term, ...]]:
    """Runs of literal networks that share a qualifier, worked on as one set; other terms alone."""
    for (_, literal), run in itertools.groupby(terms, lambda term: (term.qualifier, term.name in _LITERAL)):
        if literal:
            yield tuple(run)
        else:
            yield from ((term,) for term in run)


class _Evaluator:
    """One pass over the policy for one address family."""

    def __init__(self, zone: Zone, domain: str, version: int) -> None:
        self.zone = zone
        self.sender_domain = domain
        self.version = version
        self.nothing = AddressSet(version)
        self.huge = HUGE_IPV4 if version == IPV4 else HUGE_IPV6_PREFIXES << 64
        self.lookups = 0
        self.voids = 0
        self.terms = 0
        self.groups = 0
        self.nodes: list[SpfNode] = []
        self.errors: dict[SpfError, None] = {}
        self.unknown: dict[SpfError, None] = {}
        self.failures: dict[Gap, None] = {}
        self.missing: set[tuple[str, str]] = set()
        self.wide: dict[str, None] = {}

    def check(self, domain: str, parent: int, via: str, reach: AddressSet, above: tuple[str, ...]) -> _Verdict:
        """`check_host()` for the addresses of `reach`."""
        index = len(self.nodes)
        self.nodes.append(SpfNode(domain=domain, parent=parent, via=via))
        if domain in above:
            return self._unusable(index, Problem.LOOP)
        answer = self._ask(domain, "TXT")
        if answer is None:
            return _Verdict(self.nothing)
        if answer.status is Status.NXDOMAIN:
            return self._unusable(index, Problem.NXDOMAIN)
        records = [text for text in answer.values if is_spf(text)]
        if len(records) != 1:
            return self._unusable(index, Problem.SEVERAL if records else Problem.NONE)
        try:
            terms = parse(records[0])
        except SpfSyntaxError as error:
            return self._unusable(index, Problem.SYNTAX, record=records[0], term=error.term)
        self.nodes[index] = msgspec.structs.replace(
            self.nodes[index],
            record=records[0],
            terms=len(terms),
            lookups=sum(term.name in QUERYING for term in terms),
        )
        return self._run(terms, domain, index, reach, (*above, domain))

    def _unusable(self, index: int, problem: Problem, *, record: str = "", term: str = "") -> _Verdict:
        node = msgspec.structs.replace(self.nodes[index], problem=str(problem), record=record)
        self.nodes[index] = node
        self._error(node.domain, problem, term or node.via)
        return _Verdict(self.nothing)

    def _error(self, domain: str, problem: Problem, term: str = "") -> None:
        self.errors[SpfError(domain=domain, problem=str(problem), term=term)] = None

    def _run(
        self, terms: tuple[Term, ...], domain: str, index: int, reach: AddressSet, above: tuple[str, ...]
    ) -> _Verdict:
        verdict = _Verdict(self.nothing)
        for group in _groups(terms):
            if not reach:
                break  # every address has its result: no receiver ever reads further
            term = group[0]
            self.terms += len(group)
            self.groups += 1
            self.lookups += term.name in QUERYING
            if self._too_long(domain):
                break
            if term.name == "redirect":
                child = self._follow(term, domain, index, reach, above)
                verdict.passes |= child.passes
                verdict.final, verdict.final_domain = child.final, child.final_domain
                break
            matched = reach & self._matches_group(group, domain, index, reach, above)
            if term.qualifier == "+":
                verdict.passes |= matched
            reach -= matched
            if term.name == "all":
                verdict.final, verdict.final_domain = term.qualifier, domain
        return verdict

    def _too_long(self, domain: str) -> bool:
        if self.terms > EVALUATED_TERMS or self.groups > EVALUATED_GROUPS:
            detail = f"La règle SPF de {domain} est trop longue pour être évaluée en entier."
            self.failures[Gap(reason=Reason.UNSUPPORTED, detail=detail)] = None
            return True
        if self.lookups > COUNTED_LOOKUPS:
            detail = f"La règle SPF de {self.sender_domain} fait trop de recherches DNS pour être évaluée en entier."
            self.failures[Gap(reason=Reason.UNSUPPORTED, detail=detail)] = None
            return True
        return False

    def _matches_group(
        self, group: tuple[Term, ...], domain: str, index: int, reach: AddressSet, above: tuple[str, ...]
    ) -> AddressSet:
        parts = [self._matches(term, domain, index, reach, above) for term in group]
        for term, part in zip(group, parts, strict=True):
            if term.qualifier == "+" and term.name != "include" and part.size > self.huge:
                self.wide[f"{domain}: {term.text}"] = None
        return parts[0] if len(parts) == 1 else AddressSet.union_of(self.version, parts)

    def _follow(self, term: Term, domain: str, index: int, reach: AddressSet, above: tuple[str, ...]) -> _Verdict:
        target = expand(term.domain, domain, self.sender_domain)
        if target is None:
            self._cannot_know(domain, Problem.MACRO, term)
            return _Verdict(self.nothing)
        return self.check(target, index, term.text, reach, above)

    def _cannot_know(self, domain: str, problem: Problem, term: Term) -> None:
        self.unknown[SpfError(domain=domain, problem=str(problem), term=term.text)] = None

    def _matches(self, term: Term, domain: str, index: int, reach: AddressSet, above: tuple[str, ...]) -> AddressSet:
        match term.name:
            case "all":
                return AddressSet.everything(self.version)
            case "ip4" | "ip6":
                own = term.name == _LITERAL_OF[self.version]
                return AddressSet(self.version, (term.network,)) if own else self.nothing
            case "include":
                return self._follow(term, domain, index, reach, above).passes
            case "ptr":
                self._cannot_know(domain, Problem.PTR, term)
                return self.nothing
        target = expand(term.domain, domain, self.sender_domain)
        if target is None:
            self._cannot_know(domain, Problem.MACRO, term)
            return self.nothing
        if term.name == "a":
            return self._hosts(target, term)
        return self._exists(target) if term.name == "exists" else self._exchangers(target, domain, term)

    def _exists(self, target: str) -> AddressSet:
        answer = self._ask(target, "A")
        return AddressSet.everything(self.version) if answer and answer.values else self.nothing

    def _exchangers(self, target: str, domain: str, term: Term) -> AddressSet:
        answer = self._ask(target, "MX")
        names = tuple(name for name in answer.values if name) if answer else ()
        if len(names) > MAX_MX_NAMES:
            self._error(domain, Problem.MX_LIMIT, term.text)
            names = names[:MAX_MX_NAMES]
        return AddressSet.union_of(self.version, [self._hosts(name, term) for name in names])

    def _hosts(self, name: str, term: Term) -> AddressSet:
        answer = self._ask(name, _ADDRESS_TYPE[self.version])
        prefix = term.prefix4 if self.version == IPV4 else term.prefix6
        values = answer.values if answer else ()
        return AddressSet.union_of(
            self.version,
            [AddressSet.network(ipaddress.ip_network(f"{value}/{prefix}", strict=False)) for value in values],
        )

    def _ask(self, name: str, kind: str) -> SpfAnswer | None:
        """The answer, counted as void when empty; None when it failed or is not known yet."""
        answer = self.zone.get((name, kind))
        if answer is None:
            self.missing.add((name, kind))
            return None
        if answer.gap is not None:
            self.failures[answer.gap] = None
            return None
        if not answer.values and (name, kind) != (self.sender_domain, "TXT"):
            self.voids += 1
        return answer


def missing_questions(zone: Zone, domain: str) -> set[tuple[str, str]]:
    """What must still be asked before `evaluate` gives a complete answer."""
    return _both(zone, domain)[0]


def evaluate(zone: Zone, domain: str) -> SpfEvaluation:
    """Evaluate the policy of `domain` for every IPv4 and IPv6 address.

    `zone` must hold the answer to each of `missing_questions`; what it lacks is treated as not matching.
    """
    _, four, six, passes4, passes6 = _both(zone, domain)
    errors = {**four.errors, **six.errors}
    lookups = max(four.lookups, six.lookups)
    if lookups > MAX_LOOKUPS:
        errors[SpfError(domain=domain, problem=str(Problem.LOOKUPS), term=str(lookups))] = None
    voids = max(four.voids, six.voids)
    if voids > MAX_VOID_LOOKUPS:
        errors[SpfError(domain=domain, problem=str(Problem.VOIDS), term=str(voids))] = None
    root = passes4 if passes4.final else passes6
    return SpfEvaluation(
        nodes=tuple(six.nodes if len(six.nodes) > len(four.nodes) else four.nodes),
        lookups=lookups,
        void_lookups_ipv4=four.voids,
        void_lookups_ipv6=six.voids,
        errors=tuple(errors),
        unknown=tuple({**four.unknown, **six.unknown}),
        failures=tuple({**four.failures, **six.failures}),
        final=root.final,
        final_domain=root.final_domain,
        ipv4_addresses=passes4.passes.size,
        ipv6_prefixes=-(-passes6.passes.size >> 64),
        widest=(*passes4.passes.widest(5), *passes6.passes.widest(5)),
        wide_terms=tuple({**four.wide, **six.wide}),
    )


def passing(zone: Zone, domain: str, version: int) -> AddressSet:
    """The exact set of addresses of one family that get `pass`, when no error stops the receiver."""
    run = _Evaluator(zone, domain, version)
    return run.check(domain, -1, "", AddressSet.everything(version), ()).passes


def _both(zone: Zone, domain: str) -> tuple[set[tuple[str, str]], _Evaluator, _Evaluator, _Verdict, _Verdict]:
    runs = [_Evaluator(zone, domain, version) for version in (IPV4, IPV6)]
    verdicts = [run.check(domain, -1, "", AddressSet.everything(run.version), ()) for run in runs]
    return runs[0].missing | runs[1].missing, runs[0], runs[1], verdicts[0], verdicts[1]
