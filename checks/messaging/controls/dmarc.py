"""DMARC: what do receivers do with forged mail? RFC 9989 for new receivers, RFC 7489 for old ones."""

from __future__ import annotations

from collections.abc import Callable

from checks.common.french import listed
from checks.messaging.controls.common import each_domain, txt
from checks.messaging.facts import MailDomain
from checks.messaging.parsers.dmarc import (
    FULL_PCT,
    DmarcRecord,
    Policy,
    new_receiver_policy,
    old_receiver_policy,
    parse_record,
)
from checks.model import (
    Affected,
    Context,
    Evidence,
    Gap,
    Judgement,
    Severity,
    failed,
    not_applicable,
    not_assessed,
    passed,
)

_WORDS = {"none": "laisser passer", "quarantine": "mettre en indésirable", "reject": "refuser"}


def _evidence(domain: MailDomain, policy: Policy) -> tuple[Evidence, ...]:
    if policy.record is not None:
        return txt(f"_dmarc.{policy.source}", (policy.record.text,))
    return tuple(
        found
        for step in domain.dmarc.walk
        if not isinstance(step.records, Gap)
        for found in txt(f"_dmarc.{step.domain}", step.records or step.lookalikes)
    )


@each_domain
def valid_record(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when the tree walk finds one record that receivers can use (RFC 9989 sections 4.7 and 4.10)."""
    policy = new_receiver_policy(domain.dmarc.walk)
    evidence = _evidence(domain, policy)
    if policy.gap is not None:
        return not_assessed(domain.name, policy.gap)
    if policy.several:
        message = (
            f"_dmarc.{policy.several} porte plusieurs enregistrements DMARC : les destinataires les ignorent tous."
        )
        return failed(domain.name, message, *evidence)
    if policy.record is None:
        near = any(step.lookalikes for step in domain.dmarc.walk[:1])
        more = " Un texte ressemblant existe, mais il est mal écrit et donc ignoré." if near else ""
        message = (
            f"{domain.name} n'a pas de règle DMARC : rien ne dit aux destinataires d'écarter les faux courriers.{more}"
        )
        return failed(domain.name, message, *evidence)
    if policy.record.bad_policy:
        wrong = listed(policy.record.bad_tags) or "p= absent"
        message = f"La règle DMARC de {policy.source} est mal écrite ({wrong}) : elle ne protège pas."
        return failed(domain.name, message, *evidence)
    where = "" if policy.source == domain.name else f", héritée de {policy.source}"
    return passed(domain.name, f"{domain.name} a une règle DMARC valide{where}.", *evidence)


def _with_record(
    judge: Callable[[MailDomain, Policy, DmarcRecord], Judgement],
) -> Callable[..., list[Judgement]]:
    """Judge the record that applies, once it is known that there is one."""

    def one(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
        policy = new_receiver_policy(domain.dmarc.walk)
        if policy.gap is not None:
            return not_assessed(domain.name, policy.gap)
        if policy.record is None or not policy.record.usable:
            why = f"{domain.name} n'a pas de règle DMARC utilisable (voir MAIL-DMARC-001)."
            return not_applicable(domain.name, why)
        return judge(domain, policy, policy.record)

    one.__doc__ = judge.__doc__
    return each_domain(one)


@each_domain
def enforcing_policy(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when forged mail from the domain is to be quarantined or rejected."""
    policy = new_receiver_policy(domain.dmarc.walk)
    if policy.gap is not None:
        return not_assessed(domain.name, policy.gap)
    evidence = _evidence(domain, policy)
    if policy.applied in ("quarantine", "reject"):
        message = (
            f"Les destinataires ont pour consigne de {_WORDS[policy.applied]} les faux courriers de {domain.name}."
        )
        return passed(domain.name, message, *evidence)
    if policy.applied == "none":
        message = f"La règle DMARC de {domain.name} ne fait qu'observer (p=none) : les faux courriers arrivent."
    else:
        message = f"Les faux courriers au nom de {domain.name} arrivent : aucune consigne DMARC ne s'applique."
    return failed(domain.name, message, *evidence)


@_with_record
def subdomains_protected(domain: MailDomain, policy: Policy, record: DmarcRecord) -> Judgement:
    """Conforms when forged mail from any subdomain, existing or not, is quarantined or rejected (sp, np)."""
    if policy.hidden is not None:
        return not_assessed(domain.name, policy.hidden)
    above = record
    if policy.organisation != policy.source:
        # RFC 9989: `sp` and `np` only count in the record of the organisational domain.
        steps = {step.domain: step.records for step in domain.dmarc.walk}
        found = steps.get(policy.organisation, ())
        if isinstance(found, Gap):
            return not_assessed(domain.name, found)
        above = parse_record(found[0]) if len(found) == 1 else record
    existing, missing = above.subdomain_policy, above.missing_subdomain_policy
    evidence = txt(f"_dmarc.{policy.organisation}", (above.text,))
    open_to = [words for words, applied in (("existants", existing), ("inventés", missing)) if applied == "none"]
    if open_to:
        message = (
            f"Un faux courrier envoyé depuis un sous-domaine de {domain.name} arrive : "
            f"sous-domaines {' et '.join(open_to)} non protégés."
        )
        return failed(domain.name, message, *evidence)
    message = f"Les sous-domaines de {domain.name} sont protégés (existants : {existing}, inventés : {missing})."
    return passed(domain.name, message, *evidence)


@_with_record
def reports_requested(domain: MailDomain, policy: Policy, record: DmarcRecord) -> Judgement:
    """Conforms when aggregate reports go to at least one mailbox and no outside mailbox has failed to agree."""
    evidence = _evidence(domain, policy)
    reports = domain.dmarc.reports
    if not record.rua:
        message = (
            f"Personne n'est prévenu des faux courriers au nom de {domain.name} : "
            "aucun rapport DMARC n'est demandé (rua)."
        )
        return failed(domain.name, message, *evidence)
    usable = [report for report in reports if report.domain]
    refused = [report for report in usable if report.authorised is False]
    evidence += tuple(
        Evidence(
            value="accord publié" if report.authorised is True else "pas d'accord publié",
            source=f"DNS TXT {policy.source}._report._dmarc.{report.domain}",
        )
        for report in usable
        if report.external and not isinstance(report.authorised, Gap)
    )
    if len(usable) == len(refused) or refused:
        affected = tuple(Affected(id=report.uri, label=report.uri) for report in refused)
        lost = len(usable) == len(refused)
        outcome = "aucun rapport n'arrive" if lost else "une partie des rapports se perd"
        why = "adresse inutilisable" if not usable else f"{listed(r.domain for r in refused)} n'a pas donné son accord"
        message = f"Les rapports DMARC de {domain.name} sont demandés, mais {outcome} : {why}."
        return failed(domain.name, message, *evidence, affected=affected, severity=None if lost else Severity.LOW)
    gap = next((report.authorised for report in usable if isinstance(report.authorised, Gap)), None)
    if gap is not None:
        return not_assessed(domain.name, gap)
    message = f"Les rapports DMARC de {domain.name} sont envoyés à {listed(r.domain for r in usable)}."
    return passed(domain.name, message, *evidence)


@_with_record
def applies_to_all(domain: MailDomain, policy: Policy, record: DmarcRecord) -> Judgement:
    """Conforms when the policy holds for all messages and for all receivers, old and new.

    New receivers read `t` and walk the tree (RFC 9989); old ones read `pct` and the public suffix list (RFC 7489).
    """
    evidence = _evidence(domain, policy)
    if policy.applied == "none":
        return not_applicable(domain.name, f"La règle DMARC de {domain.name} n'écarte rien (voir MAIL-DMARC-002).")
    old = old_receiver_policy(domain.dmarc.walk, domain.dmarc.old_organisation)
    if old.gap is not None:
        return not_assessed(domain.name, old.gap)
    faults: list[str] = []
    if record.testing:
        faults.append("elle est en mode test (t=y)")
    if record.pct < FULL_PCT:
        faults.append(f"elle ne vise que {record.pct} % des messages chez les anciens destinataires (pct)")
    if old.applied in ("", "none") or not record.p_second:
        faults.append("les destinataires qui suivent encore l'ancienne norme ne l'appliquent pas")
    if faults:
        message = f"La règle DMARC de {domain.name} ne vaut pas pour tous : {listed(faults)}."
        return failed(domain.name, message, *evidence)
    message = f"La règle DMARC de {domain.name} vaut pour tous les messages, chez tous les destinataires."
    return passed(domain.name, message, *evidence)
