"""SPF: who may send mail in the name of the domain? RFC 7208."""

from __future__ import annotations

from collections.abc import Callable

from checks.common.french import choose, count, listed
from checks.messaging.controls.common import each_domain, txt
from checks.messaging.facts import MailDomain, SpfError, SpfEvaluation, SpfFacts
from checks.messaging.parsers.spf import Problem
from checks.messaging.parsers.spf_eval import (
    HUGE_IPV4,
    HUGE_IPV6_PREFIXES,
    MAX_LOOKUPS,
    MAX_VOID_LOOKUPS,
)
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Reason,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

HALF_IPV4 = 1 << 31
HALF_IPV6_PREFIXES = 1 << 63

_WORDS = {
    Problem.SYNTAX: "erreur d'écriture",
    Problem.NONE: "renvoi vers un domaine sans SPF",
    Problem.NXDOMAIN: "renvoi vers un domaine inexistant",
    Problem.SEVERAL: "renvoi vers un domaine qui a plusieurs SPF",
    Problem.LOOP: "renvoi en boucle",
    Problem.MX_LIMIT: "plus de 10 serveurs derrière un seul « mx »",
}


@each_domain
def single_record(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms with exactly one record: none protects nothing, several are an error (RFC 7208 section 4.5)."""
    spf = domain.spf
    if isinstance(spf, Gap):
        return not_assessed(domain.name, spf)
    evidence = txt(domain.name, spf.records or spf.lookalikes)
    if not spf.records:
        near = " Un texte ressemblant existe, mais il est mal écrit et donc ignoré." if spf.lookalikes else ""
        message = (
            f"N'importe qui peut envoyer du courrier au nom de {domain.name} : aucune règle SPF n'est publiée.{near}"
        )
        return failed(domain.name, message, *evidence)
    if len(spf.records) > 1:
        message = f"{domain.name} publie {len(spf.records)} règles SPF : les destinataires les ignorent toutes."
        return failed(domain.name, message, *evidence)
    return passed(domain.name, f"{domain.name} publie une règle SPF, et une seule.", *evidence)


def _evaluated(judge: Callable[[MailDomain, SpfFacts, SpfEvaluation], Judgement]) -> Callable[..., list[Judgement]]:
    """Judge the evaluation, once it is known that there is one."""

    def one(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
        if isinstance(domain.spf, Gap):
            return not_assessed(domain.name, domain.spf)
        if domain.spf.evaluation is None:
            why = f"{domain.name} n'a pas une règle SPF unique à évaluer (voir MAIL-SPF-001)."
            return not_applicable(domain.name, why)
        return judge(domain, domain.spf, domain.spf.evaluation)

    one.__doc__ = judge.__doc__
    return each_domain(one)


def _describe(error: SpfError) -> str:
    if error.problem == Problem.LOOKUPS:
        return f"{count(int(error.term), 'recherche')} DNS au lieu de {MAX_LOOKUPS} au plus"
    if error.problem == Problem.VOIDS:
        return f"{count(int(error.term), 'recherche')} DNS sans réponse au lieu de {MAX_VOID_LOOKUPS} au plus"
    where = f" ({error.term})" if error.term else ""
    return f"{_WORDS[Problem(error.problem)]} dans {error.domain}{where}"


@_evaluated
def evaluates(domain: MailDomain, spf: SpfFacts, found: SpfEvaluation) -> Judgement:
    """Conforms without permanent error: syntax, 10 lookups, 2 void lookups (RFC 7208 sections 4.6 and 4.6.4)."""
    counts = Evidence(
        value=f"{count(found.lookups, 'recherche')} DNS, {found.void_lookups_ipv4} sans réponse "
        f"({found.void_lookups_ipv6} en IPv6)",
        source=f"évaluation SPF complète de {domain.name}",
    )
    evidence = (*txt(domain.name, spf.records), counts)
    if found.errors:
        only_ipv6 = (
            all(error.problem == Problem.VOIDS for error in found.errors)
            and found.void_lookups_ipv4 <= MAX_VOID_LOOKUPS
        )
        message = f"La règle SPF de {domain.name} est en erreur, les destinataires peuvent l'ignorer : "
        message += listed(map(_describe, found.errors)) + (" (expéditeurs en IPv6 seulement)." if only_ipv6 else ".")
        affected = tuple(
            Affected(id=f"{error.domain} {error.problem}", label=error.domain, detail=_describe(error))
            for error in found.errors
        )
        severity = Severity.LOW if only_ipv6 else None
        return failed(domain.name, message, *evidence, affected=affected, severity=severity)
    if found.failures:
        return not_assessed(domain.name, found.failures[0])
    message = f"La règle SPF de {domain.name} s'évalue sans erreur ({count(found.lookups, 'recherche')} DNS "
    message += f"sur {MAX_LOOKUPS} permises)."
    return passed(domain.name, message, *evidence)


@_evaluated
def not_open(domain: MailDomain, spf: SpfFacts, found: SpfEvaluation) -> Judgement:
    """Conforms when the addresses allowed to send are at most a /8 of IPv4 and a /19 of IPv6.

    The set is exact: `+all`, halves of the Internet side by side or an include of an open record all count for
    what they allow. Thresholds are explained where they are defined, in `parsers.spf_eval`.
    """
    size = Evidence(
        value=f"{count(found.ipv4_addresses, 'adresse')} IPv4 et {count(found.ipv6_prefixes, 'réseau', 'réseaux')} "
        f"IPv6 /64 ; "
        f"les plus larges : {listed(found.widest) or 'aucun'}",
        source=f"évaluation SPF complète de {domain.name}",
    )
    evidence = (*txt(domain.name, spf.records), size)
    if found.ipv4_addresses > HUGE_IPV4 or found.ipv6_prefixes > HUGE_IPV6_PREFIXES:
        everyone = found.ipv4_addresses >= HALF_IPV4 or found.ipv6_prefixes >= HALF_IPV6_PREFIXES
        affected = tuple(Affected(id=term, label=term) for term in found.wide_terms)
        if everyone:
            message = (
                f"N'importe qui peut envoyer du courrier au nom de {domain.name} : "
                "sa règle SPF autorise (presque) tout Internet."
            )
            return failed(domain.name, message, *evidence, affected=affected)
        message = (
            f"La règle SPF de {domain.name} autorise {count(found.ipv4_addresses, 'adresse')} IPv4 et "
            f"{count(found.ipv6_prefixes, 'réseau', 'réseaux')} IPv6 "
            "à envoyer en son nom, bien plus qu'aucun fournisseur de messagerie n'en utilise."
        )
        return failed(domain.name, message, *evidence, affected=affected, severity=Severity.HIGH)
    if found.failures:
        return not_assessed(domain.name, found.failures[0])
    macros = [item.term for item in found.unknown if item.problem == Problem.MACRO]
    if macros:
        detail = (
            f"La règle SPF de {domain.name} dépend de chaque message ({listed(macros)}) : "
            "son étendue ne peut pas être calculée."
        )
        return not_assessed(domain.name, Gap(reason=Reason.UNSUPPORTED, detail=detail))
    message = (
        f"La règle SPF de {domain.name} ne laisse envoyer que des expéditeurs choisis : "
        f"{count(found.ipv4_addresses, 'adresse')} IPv4, {count(found.ipv6_prefixes, 'réseau', 'réseaux')} IPv6."
    )
    return passed(domain.name, message, *evidence)


_FINAL_WORDS = {
    "": "ne dit rien des autres expéditeurs (pas de « all »)",
    "?": "ne se prononce pas sur les autres expéditeurs (« ?all »)",
    "+": "accepte tous les autres expéditeurs (« +all »)",
}


@_evaluated
def final_policy(domain: MailDomain, spf: SpfFacts, found: SpfEvaluation) -> Judgement:
    """Conforms when the policy ends with `-all` or `~all`, `redirect` followed (RFC 7208 section 5.1)."""
    evidence = txt(domain.name, spf.records)
    if found.final in ("-", "~"):
        where = f" (dans {found.final_domain})" if found.final_domain != domain.name else ""
        message = f"La règle SPF de {domain.name} écarte les autres expéditeurs : « {found.final}all »{where}."
        return passed(domain.name, message, *evidence)
    if not found.final and found.failures:
        return not_assessed(domain.name, found.failures[0])
    words = _FINAL_WORDS[found.final]
    if not found.final and found.errors:
        words = f"s'arrête sur une erreur ({_describe(found.errors[0])}) et ne dit rien des autres expéditeurs"
    message = f"La règle SPF de {domain.name} {words} : un faux courrier n'est pas signalé."
    return failed(domain.name, message, *evidence)


@_evaluated
def no_dangling_include(domain: MailDomain, spf: SpfFacts, found: SpfEvaluation) -> Judgement:
    """Conforms when no `include` or `redirect` leads to a name that does not exist.

    Critical when the registrable domain itself does not exist: whoever buys it may send for the establishment.
    """
    dangling = [node for node in found.nodes if node.problem == Problem.NXDOMAIN]
    evidence = txt(domain.name, spf.records)
    if not dangling:
        if found.failures:
            return not_assessed(domain.name, found.failures[0])
        return passed(domain.name, f"Tous les renvois SPF de {domain.name} mènent à des domaines existants.", *evidence)
    names = listed(node.domain for node in dangling)
    evidence += tuple(Evidence(value="NXDOMAIN", source=f"DNS TXT {node.domain}") for node in dangling)
    affected = tuple(Affected(id=node.domain, label=node.domain, detail=node.via) for node in dangling)
    free = {node.domain for node in dangling if node.registrable_missing is True}
    if free:
        message = (
            f"La règle SPF de {domain.name} fait confiance à {listed(sorted(free))}, "
            f"{choose(len(free), 'domaine libre', 'domaines libres')} à l'achat : celui qui le réserve "
            "pourra écrire au nom de l'établissement."
        )
        return failed(domain.name, message, *evidence, affected=affected, severity=Severity.CRITICAL)
    missing = choose(len({node.domain for node in dangling}), "qui n'existe pas", "qui n'existent pas")
    message = f"La règle SPF de {domain.name} renvoie vers {names}, {missing}."
    return failed(domain.name, message, *evidence, affected=affected)
