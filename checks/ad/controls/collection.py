"""Whether the reading account saw enough of the domain for the other verdicts to mean something."""

from __future__ import annotations

from checks.ad import windows
from checks.ad.directory import directory, is_forest_root
from checks.ad.facts import AdFacts
from checks.model import Affected, Context, Evidence, Gap, Judgement, failed, not_assessed, passed


def critical_objects(facts: AdFacts, context: Context) -> Judgement:
    """The reading account sees AdminSDHolder, krbtgt, Administrator and the three administration groups.

    Absence is a filtered reading, not a flaw. RIDs 518 and 519 only exist in the root domain of the forest.
    """
    del context
    index = directory(facts)
    subject = facts.domain.dns_name
    absent: list[Affected] = []
    gap = index.accounts.gap or index.groups.gap
    for rid, label in ((windows.ADMINISTRATOR, "Administrateur"), (windows.KRBTGT, "krbtgt")):
        if index.accounts.gap is None and index.account(rid) is None:
            absent.append(Affected(id=index.sid(rid), label=label, detail="compte invisible"))
    groups = [(windows.DOMAIN_ADMINS, "Admins du domaine")]
    if is_forest_root(facts):
        groups.append((windows.SCHEMA_ADMINS, "Administrateurs du schéma"))
        groups.append((windows.ENTERPRISE_ADMINS, "Administrateurs de l'entreprise"))
    for rid, label in groups:
        if index.groups.gap is None and index.group(rid) is None:
            absent.append(Affected(id=index.sid(rid), label=label, detail="groupe invisible"))
    if isinstance(facts.special, Gap):
        gap = gap or facts.special
    elif not any(item.role == "adminsdholder" for item in facts.special):
        dn = f"CN=AdminSDHolder,CN=System,{facts.domain.dn}"
        absent.append(Affected(id=dn, label="AdminSDHolder", detail="objet invisible"))
    evidence = Evidence(
        value=f"{len(absent)} objet(s) absent(s), {facts.collection.objects} objets lus",
        source="objectSid, CN=AdminSDHolder,CN=System",
    )
    if absent:
        text = "Le compte de lecture ne voit pas des objets essentiels : les autres résultats sont incomplets."
        return failed(subject, text, evidence, affected=tuple(absent))
    if gap is not None:
        return not_assessed(subject, gap)
    return passed(subject, "Les objets essentiels du domaine ont été lus.", evidence)
