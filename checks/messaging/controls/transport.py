"""MTA-STS, TLS-RPT, STARTTLS: does incoming mail travel encrypted, to the right server?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from checks.common.french import choose, count, listed
from checks.common.tls import Certificate, covers
from checks.messaging.controls.common import each_domain, first_gap, hosts, receives_nothing, txt
from checks.messaging.facts import MailDomain, SmtpFacts, StsPolicy
from checks.messaging.parsers.transport import (
    Sts,
    StsError,
    mx_matches,
    parse_policy,
    sts_id,
    tls_rpt_addresses,
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

MIN_MAX_AGE = 86400
"""Seconds. RFC 8461 section 3.2 wants weeks; below a day the memory of senders protects nothing."""


def _url(domain: MailDomain) -> str:
    return f"https://mta-sts.{domain.name}/.well-known/mta-sts.txt"


def _receiving(judge: Callable[[MailDomain, Context], Judgement]) -> Callable[..., list[Judgement]]:
    """Judge only domains that receive mail."""

    def one(domain: MailDomain, context: Context) -> Judgement:
        why = receives_nothing(domain)
        return not_applicable(domain.name, why) if why else judge(domain, context)

    one.__doc__ = judge.__doc__
    return each_domain(one)


def _usable_policy(policy: StsPolicy) -> Sts:
    """The policy as senders apply it. Raises `StsError`."""
    if policy.problem:
        raise StsError(policy.problem)
    return parse_policy(policy.text)


@_receiving
def sts_enforced(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms with one record and a readable policy in mode « enforce » kept a day or more (RFC 8461)."""
    sts = domain.mta_sts
    if isinstance(sts, Gap):
        return not_assessed(domain.name, sts)
    evidence = txt(f"_mta-sts.{domain.name}", sts.records)
    if not sts.records:
        message = f"{domain.name} n'exige pas que le courrier lui arrive chiffré : pas de règle MTA-STS."
        return failed(domain.name, message, *evidence)
    if len(sts.records) > 1:
        return failed(domain.name, f"{domain.name} publie plusieurs règles MTA-STS : elles sont ignorées.", *evidence)
    if isinstance(sts.policy, Gap):
        return not_assessed(domain.name, sts.policy)
    try:
        sts_id(sts.records[0])
        found = _usable_policy(sts.policy or StsPolicy(status=0, problem="elle n'a pas été lue"))
    except StsError as error:
        return failed(domain.name, f"La règle MTA-STS de {domain.name} est inutilisable : {error}.", *evidence)
    evidence += (Evidence(value=f"mode {found.mode}, max_age {found.max_age}", source=_url(domain)),)
    if found.mode != "enforce":
        message = f"La règle MTA-STS de {domain.name} est en mode « {found.mode} » : le chiffrement n'est pas exigé."
        return failed(domain.name, message, *evidence)
    if found.max_age < MIN_MAX_AGE:
        kept = count(found.max_age, "seconde")
        message = f"La règle MTA-STS de {domain.name} est oubliée au bout de {kept} : moins d'un jour."
        return failed(domain.name, message, *evidence, severity=Severity.LOW)
    return passed(domain.name, f"{domain.name} exige que le courrier lui arrive chiffré (MTA-STS).", *evidence)


@_receiving
def sts_matches_mx(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every MX is named by the policy; graver when it is enforced, for mail is then refused."""
    sts, mx = domain.mta_sts, domain.mx
    gap = first_gap((sts, mx)) or (first_gap((sts.policy,)) if not isinstance(sts, Gap) else None)
    if gap is not None or isinstance(sts, Gap) or isinstance(mx, Gap):
        return not_assessed(domain.name, gap or Gap(reason=Reason.ERROR, detail="Fait manquant."))
    if not isinstance(sts.policy, StsPolicy):
        return not_applicable(domain.name, f"{domain.name} n'a pas de règle MTA-STS (voir MAIL-STS-001).")
    try:
        policy = _usable_policy(sts.policy)
    except StsError:
        return not_applicable(domain.name, f"La règle MTA-STS de {domain.name} est inutilisable (voir MAIL-STS-001).")
    if policy.mode == "none":
        return not_applicable(domain.name, f"La règle MTA-STS de {domain.name} est désactivée (mode none).")
    evidence = (
        Evidence(value=f"serveurs permis : {listed(policy.mx)}", source=_url(domain)),
        Evidence(value=listed(host.name for host in mx.hosts) or "aucun", source=f"DNS MX {domain.name}"),
    )
    names = [host.name for host in mx.hosts] or [domain.name]
    outside = [name for name in names if not mx_matches(policy.mx, name)]
    if outside:
        enforced = policy.mode == "enforce"
        outcome = "du courrier est refusé" if enforced else "du courrier sera refusé quand elle sera appliquée"
        message = f"La règle MTA-STS de {domain.name} oublie {listed(outside)} : {outcome}."
        severity = None if enforced else Severity.LOW
        return failed(domain.name, message, *evidence, affected=hosts(outside), severity=severity)
    return passed(domain.name, f"La règle MTA-STS de {domain.name} cite tous ses serveurs de messagerie.", *evidence)


@_receiving
def tls_reports(domain: MailDomain, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms with one TLS-RPT record that has a usable address (RFC 8460 section 3)."""
    rpt = domain.tls_rpt
    if isinstance(rpt, Gap):
        return not_assessed(domain.name, rpt)
    evidence = txt(f"_smtp._tls.{domain.name}", rpt.records)
    if len(rpt.records) == 1 and tls_rpt_addresses(rpt.records[0]):
        return passed(domain.name, f"Les échecs de chiffrement vers {domain.name} sont signalés (TLS-RPT).", *evidence)
    why = (
        "aucun rapport TLS-RPT n'est demandé"
        if not rpt.records
        else "plusieurs enregistrements TLS-RPT s'annulent"
        if len(rpt.records) > 1
        else "l'adresse des rapports TLS-RPT est inutilisable"
    )
    message = f"Personne n'est prévenu quand le courrier vers {domain.name} ne peut pas être chiffré : {why}."
    return failed(domain.name, message, *evidence)


def _servers(
    judge: Callable[[MailDomain, tuple[SmtpFacts, ...], Context], Judgement],
) -> Callable[..., list[Judgement]]:
    """Judge the mail servers, once it is known which they are."""

    def one(domain: MailDomain, context: Context) -> Judgement:
        if isinstance(domain.smtp, Gap):
            return not_assessed(domain.name, domain.smtp)
        if not domain.smtp:
            return not_applicable(domain.name, f"{domain.name} n'annonce aucun serveur de messagerie.")
        return judge(domain, domain.smtp, context)

    one.__doc__ = judge.__doc__
    return _receiving(one)


def _source(server: SmtpFacts) -> str:
    return f"SMTP {server.host} [{server.address}]" if server.address else f"SMTP {server.host}"


@_servers
def starttls_offered(domain: MailDomain, servers: tuple[SmtpFacts, ...], context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when each MX offers STARTTLS (RFC 3207)."""
    without = [server for server in servers if server.offered is False]
    evidence = tuple(
        Evidence(value="STARTTLS proposé" if server.offered else "STARTTLS absent", source=_source(server))
        for server in servers
        if not isinstance(server.offered, Gap)
    )
    if without:
        names = [server.host for server in without]
        message = (
            f"Le courrier vers {domain.name} voyage en clair : {listed(names)} "
            f"ne {choose(len(names), 'propose', 'proposent')} pas le chiffrement."
        )
        return failed(domain.name, message, *evidence, affected=hosts(names))
    gap = first_gap(server.offered for server in servers)
    if gap is not None:
        return not_assessed(domain.name, gap)
    all_of_them = choose(len(servers), "Le serveur", f"Les {len(servers)} serveurs")
    offer = choose(len(servers), "propose", "proposent")
    return passed(domain.name, f"{all_of_them} de messagerie de {domain.name} {offer} le chiffrement.", *evidence)


def _certificate_fault(server: SmtpFacts, found: Certificate, now: datetime) -> str:
    if _time(found.not_after) < now:
        return f"certificat expiré depuis le {_time(found.not_after):%d/%m/%Y}"
    if _time(found.not_before) > now:
        return "certificat pas encore valable"
    if not covers(found.names, server.host):
        return f"certificat fait pour un autre nom ({listed(found.names) or 'aucun nom'})"
    return "" if found.trusted else f"certificat d'une autorité inconnue ({found.trust_error})"


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


@_servers
def certificate_valid(domain: MailDomain, servers: tuple[SmtpFacts, ...], context: Context) -> Judgement:
    """Conforms when the certificate of each MX is current, bears its name and comes from a known authority."""
    found = [(server, server.certificate) for server in servers if isinstance(server.certificate, Certificate)]
    evidence = tuple(
        Evidence(
            value=f"{listed(certificate.names) or certificate.subject}, émis par {certificate.issuer}, jusqu'au "
            f"{certificate.not_after}, {certificate.key}, vérifié avec : {certificate.trust_store}",
            source=_source(server),
        )
        for server, certificate in found
    )
    faults = {
        server.host: fault
        for server, certificate in found
        if (fault := _certificate_fault(server, certificate, context.now))
    }
    if faults:
        words = listed(f"{host} ({fault})" for host, fault in faults.items())
        message = f"Rien ne prouve que le courrier vers {domain.name} arrive au bon serveur : {words}."
        affected = tuple(Affected(id=host, label=host, detail=fault) for host, fault in faults.items())
        return failed(domain.name, message, *evidence, affected=affected)
    gap = first_gap(server.certificate for server in servers)
    if gap is not None:
        return not_assessed(domain.name, gap)
    if not found:
        return not_applicable(
            domain.name, f"Aucun serveur de {domain.name} ne propose le chiffrement (voir MAIL-TLS-001)."
        )
    return passed(domain.name, f"Les certificats des serveurs de {domain.name} sont valables.", *evidence)


@_servers
def no_obsolete_tls(domain: MailDomain, servers: tuple[SmtpFacts, ...], context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no MX accepts less than TLS 1.2 (RFC 8996; ANSSI, recommandations TLS)."""
    offering = [server for server in servers if server.offered is not False]
    if not offering:
        return not_applicable(
            domain.name, f"Aucun serveur de {domain.name} ne propose le chiffrement (voir MAIL-TLS-001)."
        )
    evidence = tuple(
        Evidence(value=f"versions acceptées : {listed(server.versions)}", source=_source(server))
        for server in offering
        if not isinstance(server.versions, Gap)
    )
    old = {
        server.host: listed(version for version in server.versions if version.obsolete)
        for server in offering
        if not isinstance(server.versions, Gap) and any(version.obsolete for version in server.versions)
    }
    if old:
        words = listed(f"{host} ({versions})" for host, versions in old.items())
        message = f"Des serveurs de {domain.name} acceptent un chiffrement dépassé : {words}."
        affected = tuple(Affected(id=host, label=host, detail=versions) for host, versions in old.items())
        return failed(domain.name, message, *evidence, affected=affected)
    gap = first_gap(server.versions for server in offering)
    if gap is None and any(server.versions == () for server in offering):
        detail = f"Un serveur de {domain.name} propose le chiffrement mais n'accepte aucune version de TLS."
        gap = Gap(reason=Reason.MALFORMED, detail=detail)
    if gap is not None:
        return not_assessed(domain.name, gap)
    return passed(domain.name, f"Les serveurs de {domain.name} n'acceptent que TLS 1.2 et plus récent.", *evidence)
