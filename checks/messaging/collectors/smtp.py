"""STARTTLS of one MX host: offered, versions, certificate. A few short connections, one after the other."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from checks.common.text import clean
from checks.common.tls import Certificate, Streams, accepted_versions, read_certificate
from checks.messaging.facts import MailExchanger, SmtpFacts
from checks.model import Gap, MandateRefusedError, Network, Reason

MAX_REPLY_LINES = 100
VERSION_LIMITS = 2
"""Time limits granted to the five connections that look for TLS versions together. With two for the certificate, one
server costs at most four time limits, however slowly it answers."""
CODE_DIGITS = 3
PURPOSE = "regarder le chiffrement du serveur de messagerie (STARTTLS)"


class SmtpError(Exception):
    """The server did not say what the protocol expects; `gap` tells the reader."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.gap = Gap(reason=reason, detail=detail)


class SmtpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to connect."""

    port: int
    helo: str
    timeout: float
    """Seconds for one connection, from SYN to close."""
    ca_file: str = ""

    @property
    def trust_store(self) -> str:
        """What the report says about the authorities that were trusted."""
        return self.ca_file or "autorités de la machine d'audit"

    def context(self, *, verify: bool) -> ssl.SSLContext:
        """Client context that accepts any version and key size: what is weak is reported, not refused."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.set_ciphers("ALL:@SECLEVEL=0")
        if not verify:
            context.verify_mode = ssl.CERT_NONE
        elif self.ca_file:
            context.load_verify_locations(self.ca_file)
        else:
            context.load_default_certs()
        return context


async def probe(network: Network, exchanger: MailExchanger, settings: SmtpSettings) -> SmtpFacts:
    """Look at one MX host, at the first of its addresses that the mandate allows."""
    host = exchanger.name
    if isinstance(exchanger.addresses, Gap):
        return _unknown(host, exchanger.addresses)
    if not exchanger.addresses:
        gap = Gap(reason=Reason.UNREACHABLE, detail=f"{host} n'a aucune adresse IP : impossible de s'y connecter.")
        return _unknown(host, gap)
    try:
        allowed = network.permit_resolved(host, exchanger.addresses, settings.port, "smtp", PURPOSE)
        if not allowed:
            raise MandateRefusedError(host, "aucune adresse autorisée")  # noqa: TRY301 - the same answer as a refusal
        return await _probe_address(network, host, allowed[0], settings)
    except MandateRefusedError:
        detail = f"{host} est hors du périmètre autorisé : aucune connexion n'a été faite."
        return _unknown(host, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))
    except SmtpError as error:
        return _unknown(host, error.gap)


def _unknown(host: str, gap: Gap) -> SmtpFacts:
    return SmtpFacts(host=host, offered=gap, versions=gap, certificate=gap)


async def _probe_address(network: Network, host: str, address: str, settings: SmtpSettings) -> SmtpFacts:
    certificate = await _certificate(network, host, address, settings)
    if certificate is None:
        return SmtpFacts(host=host, address=address, offered=False)

    async def streams_in_tls() -> Streams:
        reader, writer, extensions = await _greet(network, host, address, settings)
        try:
            if "STARTTLS" not in extensions:
                raise ConnectionAbortedError("STARTTLS no longer offered")  # noqa: TRY301 - closed below
            await _command(reader, writer, host, "STARTTLS", 220)
        except BaseException:
            writer.close()
            raise
        return reader, writer

    try:
        async with asyncio.timeout(VERSION_LIMITS * settings.timeout):
            versions = await accepted_versions(streams_in_tls, host, settings.timeout)
    except SmtpError as error:
        versions = error.gap
    except TimeoutError:
        detail = f"{host} répond trop lentement : ses versions de TLS n'ont pas toutes été vues."
        versions = Gap(reason=Reason.TIMEOUT, detail=detail)
    return SmtpFacts(host=host, address=address, offered=True, versions=versions, certificate=certificate)


async def _certificate(network: Network, host: str, address: str, settings: SmtpSettings) -> Certificate | Gap | None:
    """The certificate, verified when possible, else read without verification; None when STARTTLS is not offered.

    Raises `SmtpError` when the dialogue fails before STARTTLS.
    """
    trust_error = ""
    try:
        der = await _handshake(network, host, address, settings, verify=True)
    except ssl.SSLCertVerificationError as error:
        trust_error = clean(error.verify_message or str(error), 200)
        try:
            der = await _handshake(network, host, address, settings, verify=False)
        except (SmtpError, OSError) as second:
            return _handshake_gap(host, second)
    except OSError as error:
        return _handshake_gap(host, error)
    if der is None:
        return None
    try:
        return read_certificate(der, trusted=not trust_error, trust_error=trust_error, trust_store=settings.trust_store)
    except ValueError:
        return Gap(reason=Reason.MALFORMED, detail=f"Le certificat de {host} est illisible.")


def _handshake_gap(host: str, error: Exception) -> Gap:
    if isinstance(error, SmtpError):
        return error.gap
    if isinstance(error, ssl.SSLError):
        words = clean(error.reason or type(error).__name__, 100)
        return Gap(reason=Reason.UNSUPPORTED, detail=f"La négociation TLS avec {host} a échoué ({words}).")
    return Gap(reason=Reason.UNREACHABLE, detail=f"{host} a coupé la connexion pendant la négociation TLS.")


async def _handshake(
    network: Network, host: str, address: str, settings: SmtpSettings, *, verify: bool
) -> bytes | None:
    """DER of the server certificate; None when STARTTLS is not offered.

    Raises `SmtpError`, `ssl.SSLError` or another `OSError`.
    """
    async with _session(network, host, address, settings) as (reader, writer, extensions):
        if "STARTTLS" not in extensions:
            writer.write(b"QUIT\r\n")
            return None
        await _command(reader, writer, host, "STARTTLS", 220)
        context = settings.context(verify=verify)
        await writer.start_tls(context, server_hostname=host, ssl_handshake_timeout=settings.timeout)
        der: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        if der is None:
            raise ssl.SSLError(0, "no certificate")
        writer.write(b"QUIT\r\n")
        return der


@asynccontextmanager
async def _session(
    network: Network, host: str, address: str, settings: SmtpSettings
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, frozenset[str]]]:
    """A greeted connection, closed afterwards. The whole of it is bounded by the time limit."""
    try:
        async with asyncio.timeout(settings.timeout):
            reader, writer, extensions = await _greet(network, host, address, settings)
            try:
                yield reader, writer, extensions
            except BaseException:
                writer.transport.abort()  # closing politely would wait for a peer that does not play the game
                raise
            writer.close()
    except TimeoutError as error:
        detail = f"{host} (port {settings.port}) n'a pas répondu dans le délai."
        raise SmtpError(Reason.TIMEOUT, detail) from error


async def _greet(
    network: Network, host: str, address: str, settings: SmtpSettings
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, frozenset[str]]:
    """Connect, read the banner, say EHLO; return the streams and the extensions announced."""
    try:
        reader, writer = await network.open(address, settings.port, "smtp", PURPOSE, settings.timeout)
    except MandateRefusedError:
        raise
    except TimeoutError as error:
        raise SmtpError(Reason.TIMEOUT, f"{host} (port {settings.port}) n'a pas répondu dans le délai.") from error
    except OSError as error:
        detail = f"{host} (port {settings.port}) est injoignable ({type(error).__name__})."
        raise SmtpError(Reason.UNREACHABLE, detail) from error
    try:
        await _reply(reader, host, 220)
        lines = await _command(reader, writer, host, f"EHLO {settings.helo}", 250)
    except BaseException:
        writer.close()
        raise
    return reader, writer, frozenset(words[0].upper() for line in lines[1:] if (words := line.split()))


async def _command(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, command: str, expected: int
) -> list[str]:
    writer.write(command.encode() + b"\r\n")
    return await _reply(reader, host, expected)


async def _reply(reader: asyncio.StreamReader, host: str, expected: int) -> list[str]:
    """Lines of one reply, without code. Raises `SmtpError` for another code, noise, or a connection that ends."""
    lines: list[str] = []
    while len(lines) < MAX_REPLY_LINES:
        try:
            raw = await reader.readline()
        except (ValueError, ConnectionError) as error:
            raise SmtpError(Reason.MALFORMED, f"{host} répond autre chose que du SMTP.") from error
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not raw:
            raise SmtpError(Reason.UNREACHABLE, f"{host} a fermé la connexion.")
        if not (len(line) >= CODE_DIGITS and line[:3].isascii() and line[:3].isdigit()):
            raise SmtpError(Reason.MALFORMED, f"{host} répond autre chose que du SMTP.")
        lines.append(line[4:])
        if line[3:4] != "-":
            if int(line[:3]) != expected:
                raise SmtpError(Reason.REFUSED, f"{host} a refusé le dialogue : « {clean(line, 150)} ».")
            return lines
    raise SmtpError(Reason.MALFORMED, f"{host} envoie une réponse sans fin.")
