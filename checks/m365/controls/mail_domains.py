"""SPF, DKIM and DMARC of the domains of the tenant, by the few rules of the reference.

The messaging domain of the audit judges them in depth. Here it is enough to tell whether mail of this tenant can be
forged, with what the DNS and Exchange say. Domains that Microsoft runs (`onmicrosoft.com`) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from checks.common.french import count, listed
from checks.m365.controls.seen import Seen, Unclear, judged, sentence
from checks.m365.views import values
from checks.m365.views.values import Row
from checks.model import Affected, Context, Evidence, Gap, Judgement, Reason, Severity

MAX_LOOKUPS = 10
"""RFC 7208 section 4.6.4."""
_MICROSOFT = ".onmicrosoft.com"
_ALL = re.compile(r"(?:^|\s)([-+~?]?)all\s*$", re.IGNORECASE)
_TAG = re.compile(r"(?:^|;)\s*([a-z]{1,8})\s*=\s*([^;]*)", re.IGNORECASE)

Fault = tuple[str, bool]
"""What is wrong in words, and whether it is only a step away from what is expected."""


def _each(seen: Seen, what: str, judge: Callable[[Row, Seen], list[Fault]], good: str, bad: str) -> Judgement:
    """Judge one property of each domain read in the DNS; a domain that did not answer is a doubt."""
    rows = [row for row in seen.rows("mail_dns", "domain", what) if not values.word(row, "domain").endswith(_MICROSOFT)]
    if not rows:
        return seen.not_applicable("Le locataire n'a aucun domaine de messagerie à lui.")
    found: list[tuple[str, list[Fault]]] = []
    for row in rows:
        if row[what] is None:
            failures = (
                listed(values.texts(row, "failures")) or f"Le DNS n'a pas répondu pour {values.text(row, 'domain')}."
            )
            seen.doubt(Gap(reason=Reason.TIMEOUT, detail=failures))
            continue
        found.append((values.text(row, "domain"), judge(row, seen)))
    evidence = tuple(_published(seen, row, what) for row in rows[:10])
    wrong = [(domain, faults) for domain, faults in found if faults]
    if wrong:
        light = all(step for _, faults in wrong for _, step in faults)
        affected = (
            Affected(id=domain, label=domain, kind=what, detail=sentence(listed(words for words, _ in faults)))
            for domain, faults in wrong
        )
        message = f"{bad} : {listed(domain for domain, _ in wrong)}."
        return seen.failed(message, *evidence, affected=affected, severity=Severity.LOW if light else None)
    return seen.passed(f"{good} ({count(len(found), 'domaine')}).", *evidence)


def _published(seen: Seen, row: Row, what: str) -> Evidence:
    published = listed(values.texts(row, what)) or ("pas de réponse" if row[what] is None else "rien")
    return seen.proof("mail_dns", f"{values.text(row, 'domain')} : {published}")


@judged
def spf(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when each domain publishes one SPF policy that ends with `-all` and needs at most ten lookups.

    `~all` is a lighter fault: a forged message is then only doubtful.
    """
    good = "Chaque domaine dit quels serveurs envoient en son nom"
    if any("spf_lookups" not in row for row in seen.rows("mail_dns", "domain")):
        good += ", sans que cet export dise combien de recherches DNS il faut"
    return _each(seen, "spf", _spf, good, "Des faux messages peuvent partir en votre nom, faute de règle SPF stricte")


def _spf(row: Row, seen: Seen) -> list[Fault]:
    records = values.texts(row, "spf")
    if len(records) != 1:
        return [("pas de règle SPF" if not records else f"{len(records)} règles SPF, donc aucune valable", False)]
    found: list[Fault] = []
    final = row.get("spf_all")
    if "spf_all" not in row:  # an import that did not follow the policy
        match = _ALL.search(records[0])
        final = (match[1] or "+") if match else None
    if final is None:
        seen.doubt(
            Gap(
                reason=Reason.UNSUPPORTED,
                detail=f"La fin de la règle SPF de {values.text(row, 'domain')} n'est pas connue.",
            )
        )
    elif final == "~":
        found.append(("se termine par ~all au lieu de -all", True))
    elif final != "-":
        found.append(
            (f"laisse tout le monde envoyer ({final}all)" if final else "ne dit rien des autres expéditeurs", False)
        )
    lookups = values.number(row, "spf_lookups")
    if lookups is None:
        if "spf_lookups" in row:
            seen.doubt(
                Gap(
                    reason=Reason.TIMEOUT,
                    detail=f"La règle SPF de {values.text(row, 'domain')} n'a pas pu être suivie en entier.",
                )
            )
    elif lookups > MAX_LOOKUPS:
        found.append((f"demande {lookups} recherches DNS au lieu de {MAX_LOOKUPS} au plus", False))
    return found


@judged
def dmarc(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when each domain, or the one above, asks to reject all forged mail; quarantine is a lighter fault."""
    return _each(
        seen,
        "dmarc",
        _dmarc,
        "Chaque domaine demande le rejet des faux messages",
        "Les faux messages écrits en votre nom ne sont pas tous refusés (DMARC)",
    )


def _dmarc(row: Row, seen: Seen) -> list[Fault]:  # noqa: ARG001 - the signature of `_each`
    records = values.texts(row, "dmarc")
    if len(records) != 1:
        return [("pas de règle DMARC" if not records else f"{len(records)} règles DMARC, donc aucune valable", False)]
    tags = tags_of(records[0])
    inherited = values.word(row, "dmarc_at") not in ("", values.word(row, "domain"))
    policy = (tags.get("sp") if inherited else None) or tags.get("p", "")
    percent = tags.get("pct", "100")
    if policy not in ("reject", "quarantine"):
        return [(f"ne fait qu'observer (p={policy or 'absent'})", False)]
    found: list[Fault] = []
    if policy == "quarantine":
        found.append(("met en quarantaine au lieu de rejeter", True))
    if percent != "100":
        found.append((f"ne vaut que pour {percent} % des messages", True))
    return found


def tags_of(record: str) -> dict[str, str]:
    """The tags of a DMARC record, names and values in small letters; the first of a name wins."""
    found: dict[str, str] = {}
    for name, value in _TAG.findall(record):
        found.setdefault(name.lower(), value.strip().lower())
    return found


@judged
def dmarc_reports(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when each domain asks for aggregate reports (MS.EXO.4.4).

    Failure reports, that the baseline also wants, may hold whole messages: they are not asked of a health structure.
    """

    def judge(row: Row, _: Seen) -> list[Fault]:
        records = values.texts(row, "dmarc")
        asked = len(records) == 1 and "mailto:" in tags_of(records[0]).get("rua", "")
        return [] if asked else [("ne demande aucun rapport (rua)", False)]

    return _each(
        seen, "dmarc", judge, "Chaque domaine reçoit les rapports DMARC", "Personne ne reçoit les rapports DMARC de"
    )


@judged
def dkim(seen: Seen, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when Exchange signs the mail of each domain of the house, with keys it finds valid in the DNS."""
    accepted = seen.maybe("accepted_domains", "DomainName")
    names = (
        seen.facts.tenant.domains
        if isinstance(accepted, Gap)
        else tuple(values.text(row, "DomainName") for row in accepted)
    )
    own = sorted({name.lower() for name in names if name and not name.lower().endswith(_MICROSOFT)})
    rows = {values.word(row, "Domain"): row for row in seen.rows("dkim", "Domain", "Enabled")}
    if not own and not names:
        raise Unclear(Gap(reason=Reason.NOT_CONFIGURED, detail="Les domaines de l'établissement ne sont pas connus."))
    if not own:
        return seen.not_applicable("Le locataire n'a aucun domaine de messagerie à lui.")
    wrong: list[tuple[str, str]] = []
    for domain in own:
        row = rows.get(domain)
        if row is None:
            seen.lacking("dkim")
            wrong.append((domain, "pas de signature préparée"))
        elif not values.flag(row, "Enabled"):
            wrong.append((domain, "signature désactivée"))
        elif values.word(row, "Status") not in ("valid", ""):
            wrong.append((domain, f"clés non publiées dans le DNS (état {values.text(row, 'Status')})"))
        elif "Status" not in row:
            seen.doubt(seen.unreadable("dkim", "Status"))
    evidence = tuple(seen.shown("dkim", rows[name], "Domain", "Enabled", "Status") for name in own if name in rows)
    if not evidence:
        evidence = (seen.proof("dkim", "aucun domaine de l'établissement"),)
    if wrong:
        affected = (Affected(id=domain, label=domain, kind="dkim", detail=sentence(words)) for domain, words in wrong)
        message = (
            f"Les messages de {listed(name for name, _ in wrong)} ne sont pas signés : un faux ne s'en distingue pas."
        )
        return seen.failed(message, *evidence, affected=affected)
    return seen.passed(f"Les messages de {listed(own)} sont signés.", *evidence)
