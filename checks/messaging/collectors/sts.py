"""MTA-STS and TLS-RPT: the DNS records, and the policy file over HTTPS (RFC 8461 section 3.3)."""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus

import msgspec

from checks.common.dns import DnsClient
from checks.common.text import clean
from checks.messaging.collectors.hosts import addresses_of
from checks.messaging.facts import StsFacts, StsPolicy, TlsRptFacts
from checks.messaging.parsers.http import HttpError, is_complete, parse_response
from checks.messaging.parsers.transport import is_sts, is_tls_rpt
from checks.model import Gap, MandateRefusedError, Network, Reason

MAX_BYTES = 80 * 1024
"""64 kB of policy, which RFC 8461 section 3.2 suggests as a limit, plus headers."""
PURPOSE = "lire la politique MTA-STS"


class StsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to fetch the policy."""

    fetch: bool
    port: int
    timeout: float
    """Seconds for the whole exchange."""
    ca_file: str = ""


async def collect_tls_rpt(dns: DnsClient, domain: str) -> TlsRptFacts | Gap:
    """The TLS-RPT records."""
    answer = await dns.ask(f"_smtp._tls.{domain}", "TXT")
    return answer.gap() or TlsRptFacts(records=tuple(text for text in answer.texts() if is_tls_rpt(text)))


async def collect_sts(dns: DnsClient, network: Network, domain: str, settings: StsSettings) -> StsFacts | Gap:
    """The MTA-STS record, and its policy when there is one."""
    answer = await dns.ask(f"_mta-sts.{domain}", "TXT")
    gap = answer.gap()
    if gap is not None:
        return gap
    records = tuple(text for text in answer.texts() if is_sts(text))
    if not records:
        return StsFacts(records=())
    if not settings.fetch:
        detail = f"La politique MTA-STS de {domain} n'a pas été lue : connexion non autorisée."
        return StsFacts(records=records, policy=Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
    return StsFacts(records=records, policy=await _fetch(dns, network, f"mta-sts.{domain}", settings))


async def _fetch(dns: DnsClient, network: Network, host: str, settings: StsSettings) -> StsPolicy | Gap:
    addresses, _ = await addresses_of(dns, host)
    if isinstance(addresses, Gap):
        return addresses
    if not addresses:
        return StsPolicy(status=0, problem=f"le nom {host} n'a pas d'adresse")
    try:
        allowed = network.permit_resolved(host, addresses, settings.port, "https", PURPOSE)
        if not allowed:
            raise MandateRefusedError(host, "aucune adresse autorisée")  # noqa: TRY301 - the same answer as a refusal
        async with asyncio.timeout(settings.timeout):
            raw = await _get(network, host, allowed[0], settings)
        return _read(raw, host)
    except MandateRefusedError:
        detail = f"{host} est hors du périmètre autorisé : la politique MTA-STS n'a pas été lue."
        return Gap(reason=Reason.NOT_CONFIGURED, detail=detail)
    except ssl.SSLCertVerificationError as error:
        words = clean(error.verify_message or str(error), 150)
        return StsPolicy(status=0, problem=f"le certificat de {host} n'est pas valide ({words})")
    except TimeoutError:
        return Gap(reason=Reason.TIMEOUT, detail=f"{host} n'a pas répondu dans le délai (HTTPS).")
    except ssl.SSLError as error:
        words = clean(error.reason or type(error).__name__, 100)
        return Gap(reason=Reason.UNSUPPORTED, detail=f"La négociation TLS avec {host} a échoué ({words}).")
    except OSError as error:
        detail = f"{host} est injoignable en HTTPS ({type(error).__name__})."
        return Gap(reason=Reason.UNREACHABLE, detail=detail)


async def _get(network: Network, host: str, address: str, settings: StsSettings) -> bytes:
    """The raw response, at most `MAX_BYTES`. Raises `OSError`, `ssl.SSLError` included."""
    context = ssl.create_default_context(cafile=settings.ca_file or None)
    reader, writer = await network.open(address, settings.port, "https", PURPOSE, settings.timeout)
    try:
        await writer.start_tls(context, server_hostname=host)
        request = f"GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        received = bytearray()
        while len(received) <= MAX_BYTES and not is_complete(received) and (part := await reader.read(MAX_BYTES)):
            received += part
        return bytes(received)
    finally:
        writer.transport.abort()  # everything was read; a polite close would wait for a peer that may never answer


def _read(raw: bytes, host: str) -> StsPolicy | Gap:
    if len(raw) > MAX_BYTES:
        return StsPolicy(status=0, problem="le fichier dépasse 64 ko")
    try:
        status, headers, body = parse_response(raw)
    except HttpError:
        return Gap(reason=Reason.MALFORMED, detail=f"La réponse HTTPS de {host} est incomplète ou illisible.")
    kind = clean(headers.get("content-type", ""), 100)
    if status != HTTPStatus.OK:
        return StsPolicy(status=status, content_type=kind, problem=f"le serveur répond {status} au lieu de 200")
    if kind and kind.partition(";")[0].strip().lower() != "text/plain":  # RFC 8461 section 3.2
        problem = f"le fichier est servi comme « {kind} » au lieu de « text/plain »"
        return StsPolicy(status=status, content_type=kind, problem=problem)
    return StsPolicy(status=status, content_type=kind, text=body.decode("utf-8", "replace"))
