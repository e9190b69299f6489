"""Collect the facts of all mail domains, concurrently, through the network it is handed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from checks.common.dns import Answer, DnsClient, NameError_, Status, ascii_name, permitted_resolvers
from checks.common.slots import Slots
from checks.common.suffix import Registrable, load_suffix_list
from checks.messaging.collectors.dkim import collect_dkim
from checks.messaging.collectors.dmarc import collect_dmarc
from checks.messaging.collectors.dnssec import collect_dnssec
from checks.messaging.collectors.hosts import collect_mx
from checks.messaging.collectors.smtp import SmtpSettings, probe
from checks.messaging.collectors.spf import collect_spf
from checks.messaging.collectors.sts import StsSettings, collect_sts, collect_tls_rpt
from checks.messaging.config import MessagingConfig
from checks.messaging.facts import MailDomain, MessagingFacts, MxFacts, SmtpFacts
from checks.model import CollectError, CollectRequest, Gap, MandateRefusedError, Network, Progress, Reason

SERVER_PATIENCE = 0.3
"""Seconds after which a mail server that is slow to answer no longer keeps others from being looked at."""

DNS_PURPOSE = "lire les enregistrements DNS publics de la messagerie"


def collect(request: CollectRequest[MessagingConfig], network: Network, progress: Progress) -> MessagingFacts:
    """Collect the facts of every mail domain.

    Raises `CollectError` when there is no DNS server to ask or a domain name of the profile is impossible;
    everything else that fails is a gap in the facts.
    """
    return asyncio.run(collect_all(request.config, network, progress))


async def collect_all(config: MessagingConfig, network: Network, progress: Progress) -> MessagingFacts:
    """Same as `collect`, for a caller that has an event loop."""
    names = _names(config)
    _check_authorities(config.ca_file)
    try:
        resolvers = permitted_resolvers(network, DNS_PURPOSE)
    except MandateRefusedError as error:
        detail = f"Les serveurs DNS sont hors du périmètre autorisé ({error.target})."
        raise CollectError(Reason.NOT_CONFIGURED, detail) from error
    if not resolvers:
        raise CollectError(Reason.NOT_CONFIGURED, "Aucun serveur DNS n'est connu : impossible d'interroger.")
    async with DnsClient(resolvers, timeout=config.dns_timeout, in_flight=config.dns_in_flight) as dns:
        worker = _Worker(config, network, dns)
        slots = asyncio.Semaphore(config.domain_concurrency)
        done = 0

        async def one(name: str, selectors: tuple[str, ...]) -> MailDomain:
            nonlocal done
            async with slots:
                found = await worker.domain(name, selectors)
            done += 1
            progress(f"Domaine de messagerie {name}", done, len(names))
            return found

        domains = await asyncio.gather(*(one(name, selectors) for name, selectors in names.items()))
        return MessagingFacts(
            domains=tuple(domains),
            resolvers=tuple(address for address, _ in resolvers),
            questions=dns.questions,
        )


def _names(config: MessagingConfig) -> dict[str, tuple[str, ...]]:
    """A-label of each domain to its declared selectors, in the order of the profile."""
    try:
        return {ascii_name(domain): config.selectors_of(domain) for domain in config.domains}
    except NameError_ as error:
        raise CollectError(Reason.MALFORMED, f"Un domaine de messagerie est mal écrit : {error}.") from error


def _check_authorities(ca_file: str) -> None:
    """Refuse a file of authorities that cannot be read: every server would look wrong because of us."""
    if not ca_file:
        return
    try:
        ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        detail = f"Le fichier des autorités de certification « {ca_file} » est absent ou illisible."
        raise CollectError(Reason.NOT_CONFIGURED, detail) from error


class _Worker:
    """What the collection of each domain shares."""

    def __init__(self, config: MessagingConfig, network: Network, dns: DnsClient) -> None:
        self._config = config
        self._network = network
        self._dns = dns
        self._registrable: Registrable = load_suffix_list()
        self._smtp_slots = Slots(config.smtp_concurrency, SERVER_PATIENCE)
        self._smtp: dict[str, asyncio.Task[SmtpFacts]] = {}

    async def domain(self, name: str, selectors: tuple[str, ...]) -> MailDomain:
        """Everything about one domain; what is independent is asked together."""
        dns = self._dns
        sts = StsSettings(
            fetch=self._config.fetch_mta_sts,
            port=self._config.https_port,
            timeout=self._config.connect_timeout,
            ca_file=self._config.ca_file,
        )
        async with asyncio.TaskGroup() as group:
            exists = group.create_task(self._exists(name))
            reception = group.create_task(self._reception(name))
            spf = group.create_task(collect_spf(dns, name, self._registrable))
            dkim = group.create_task(collect_dkim(dns, name, selectors))
            dmarc = group.create_task(collect_dmarc(dns, name, self._registrable))
            mta_sts = group.create_task(collect_sts(dns, self._network, name, sts))
            tls_rpt = group.create_task(collect_tls_rpt(dns, name))
            dnssec = group.create_task(collect_dnssec(dns, name))
        mx, smtp = reception.result()
        return MailDomain(
            name=name,
            exists=exists.result(),
            mx=mx,
            spf=spf.result(),
            dkim=dkim.result(),
            dmarc=dmarc.result(),
            mta_sts=mta_sts.result(),
            tls_rpt=tls_rpt.result(),
            smtp=smtp,
            dnssec=dnssec.result(),
        )

    async def _exists(self, name: str) -> bool | Gap:
        """A domain exists as soon as one question is answered otherwise than by NXDOMAIN."""
        answers = await asyncio.gather(self._dns.ask(name, "MX"), self._dns.ask(name, "TXT"))
        if any(answer.status in (Status.FOUND, Status.NO_DATA) for answer in answers):
            return True
        return _first_gap(answers) or False

    async def _reception(self, name: str) -> tuple[MxFacts | Gap, tuple[SmtpFacts, ...] | Gap]:
        mx = await collect_mx(self._dns, name)
        if isinstance(mx, Gap):
            return mx, mx
        if not self._config.mx_probe and mx.hosts:
            detail = "Les serveurs de messagerie n'ont pas été contactés : connexion non autorisée."
            return mx, Gap(reason=Reason.NOT_CONFIGURED, detail=detail)
        return mx, tuple(await asyncio.gather(*(self._probe_once(host.name, mx) for host in mx.hosts)))

    async def _probe_once(self, host: str, mx: MxFacts) -> SmtpFacts:
        """Several domains often share a server: it is looked at once."""
        task = self._smtp.get(host)
        if task is None:
            task = asyncio.ensure_future(self._probe(host, mx))
            self._smtp[host] = task
        return await task

    async def _probe(self, host: str, mx: MxFacts) -> SmtpFacts:
        settings = SmtpSettings(
            port=self._config.smtp_port,
            helo=self._config.helo,
            timeout=self._config.connect_timeout,
            ca_file=self._config.ca_file,
        )
        exchanger = next(found for found in mx.hosts if found.name == host)
        async with self._smtp_slots.hold():
            return await probe(self._network, exchanger, settings)


def _first_gap(answers: Sequence[Answer]) -> Gap | None:
    return next((gap for answer in answers if (gap := answer.gap()) is not None), None)


def read_input(inputs: Sequence[str], options: Mapping[str, str]) -> MessagingFacts | None:  # noqa: ARG001
    """Facts recorded earlier, when the only input is their JSON file; None for names to be looked up.

    Accepts a bare facts document or the envelope of a run folder. Raises `CollectError` when the file is neither.
    """
    if len(inputs) != 1 or not Path(inputs[0]).is_file():
        return None
    raw = Path(inputs[0]).read_bytes()
    try:
        envelope = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        return msgspec.json.decode(envelope.get("data", raw), type=MessagingFacts)
    except msgspec.DecodeError as error:
        detail = f"{inputs[0]} n'est pas un fichier de faits de messagerie : {error}."
        raise CollectError(Reason.MALFORMED, detail) from error


def online_input(inputs: Sequence[str], options: Mapping[str, str]) -> MessagingConfig:
    """Config of `ausculte check messaging DOMAIN…`.

    Options: `selectors` (comma separated), `ca_file`, and `authorised`, without which only the public DNS is read:
    no connection to mail or web servers. Raises `CollectError` for an impossible value.
    """
    allowed = options.get("authorised", "").lower() in ("yes", "true", "1")
    selectors = tuple(s.strip() for s in options.get("selectors", "").split(",") if s.strip())
    try:
        return MessagingConfig(
            domains=tuple(inputs),
            dkim_selectors=selectors,
            mx_probe=allowed,
            fetch_mta_sts=allowed,
            ca_file=options.get("ca_file", ""),
        )
    except ValueError as error:
        raise CollectError(Reason.MALFORMED, f"Demande impossible : {error}.") from error
