"""Small servers on loopback for the tests: DNS, SMTP with STARTTLS, HTTPS; and an open Network in front of them."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from checks.model import MandateRefusedError

Zone = Mapping[tuple[str, str], "list[str] | str"]
"""(name, type) to records in zone file notation, or one of SERVFAIL, REFUSED, TIMEOUT, GARBAGE, FORMERR, REFERRAL, or
`CNAME target` for an alias that the server leaves there.

A name with no key at all does not exist, unless another key ends with it. `*.name` answers names that do not exist.
"""

FAILURES = ("SERVFAIL", "REFUSED", "FORMERR")


class OpenNetwork:
    """A Network that allows everything but `refused`, and remembers what was asked."""

    def __init__(self, resolvers: tuple[tuple[str, int], ...], refused: frozenset[str] = frozenset()) -> None:
        self.resolvers = resolvers
        self.refused = refused
        self.asked: list[tuple[str, int, str]] = []

    def permit(self, host: str, port: int, protocol: str, purpose: str) -> tuple[str, ...]:
        self.asked.append((host, port, protocol))
        if host in self.refused:
            raise MandateRefusedError(host, "hors mandat")
        return (host,)

    def permit_resolved(
        self, name: str, addresses: tuple[str, ...], port: int, protocol: str, purpose: str
    ) -> tuple[str, ...]:
        self.permit(name, port, protocol, purpose)
        return addresses

    def connect(self, host: str, port: int, protocol: str, purpose: str, timeout: float):
        raise AssertionError("this domain only uses asynchronous connections")

    async def open(self, host: str, port: int, protocol: str, purpose: str, timeout: float):
        self.permit(host, port, protocol, purpose)
        async with asyncio.timeout(timeout):
            return await asyncio.open_connection(host, port)


class DnsAnswers:
    """Turns a query into a reply by looking in a zone."""

    def __init__(self, zone: Zone, *, lower_case: bool = False) -> None:
        self.zone = zone
        self.lower_case = lower_case
        self.questions: list[tuple[str, str, str]] = []
        self.names = {name for name, _ in zone}

    def reply(self, wire: bytes, transport: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.questions.append((name, kind, transport))
        records = self._find(name, kind)
        if records == "TIMEOUT":
            return None
        if records == "GARBAGE":
            return wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + wire[12 : 12 + _question_size(wire)] + b"\xff\xff\xff"
        response = dns.message.make_response(query, recursion_available=True)
        if records == "REFERRAL":
            self._refer(response, name)
        elif isinstance(records, str) and records.startswith("CNAME "):
            response.flags &= ~dns.flags.RA
            owner = dns.name.from_text(name)
            rrset = response.find_rrset(response.answer, owner, dns.rdataclass.IN, dns.rdatatype.CNAME, create=True)
            rrset.add(dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.CNAME, records[6:]), 60)
        elif isinstance(records, str) and records in FAILURES:
            response.set_rcode(dns.rcode.from_text(records))
        else:
            self._fill(response, name, kind, records)
        if self.lower_case:
            response.question[0].name = dns.name.from_text(name)
        packed = response.to_wire(max_size=65535)
        if transport == "udp" and len(packed) > 1232:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            return short.to_wire()
        return packed

    def _refer(self, response: dns.message.Message, name: str) -> None:
        """What an authoritative server says of a zone that it delegates."""
        response.flags &= ~(dns.flags.AA | dns.flags.RA)
        owner = dns.name.from_text(name)
        kind = dns.rdatatype.NS
        rrset = response.find_rrset(response.authority, owner, dns.rdataclass.IN, kind, create=True)
        rrset.add(dns.rdata.from_text(dns.rdataclass.IN, kind, "ns.ailleurs.test."), 60)

    def _find(self, name: str, kind: str):
        for candidate in (name, "*." + name.partition(".")[2]):
            if (candidate, kind) in self.zone:
                return self.zone[candidate, kind]
            if (candidate, "CNAME") in self.zone:
                return self.zone[candidate, "CNAME"]
            if candidate in self.names:
                return []
        return [] if any(known.endswith("." + name) for known in self.names) else None

    def _fill(self, response: dns.message.Message, name: str, kind: str, records) -> None:
        for _ in range(10):
            if records is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
                return
            aliased = (name, kind) not in self.zone and (name, "CNAME") in self.zone
            rdtype = dns.rdatatype.CNAME if aliased else dns.rdatatype.from_text(kind)
            owner = dns.name.from_text(name)
            for text in records:
                rrset = response.find_rrset(response.answer, owner, dns.rdataclass.IN, rdtype, create=True)
                rrset.add(dns.rdata.from_text(dns.rdataclass.IN, rdtype, text), 60)
            if not aliased:
                return
            name = records[0].rstrip(".").lower()
            records = self._find(name, kind)
            if isinstance(records, str):
                response.set_rcode(dns.rcode.SERVFAIL)
                return


def _question_size(wire: bytes) -> int:
    return wire.index(b"\0", 12) + 5 - 12


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answers: DnsAnswers) -> None:
        self.answers = answers

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        if (reply := self.answers.reply(data, "udp")) is not None:
            self.transport.sendto(reply, addr)


@asynccontextmanager
async def dns_server(
    zone: Zone, *, tcp: bool = True, lower_case: bool = False
) -> AsyncIterator[tuple[int, DnsAnswers]]:
    """A DNS server on 127.0.0.1; gives its port, for UDP and (when `tcp`) TCP."""
    answers = DnsAnswers(zone, lower_case=lower_case)

    async def serve(reader, writer):
        try:
            size = int.from_bytes(await reader.readexactly(2))
            reply = answers.reply(await reader.readexactly(size), "tcp")
            if reply is not None:
                writer.write(len(reply).to_bytes(2) + reply)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server, transport, port = await tcp_and_udp(serve, lambda: _Datagrams(answers))
    if not tcp:
        server.close()
    try:
        yield port, answers
    finally:
        transport.close()
        server.close()


async def tcp_and_udp(serve, protocol) -> tuple[asyncio.Server, asyncio.DatagramTransport, int]:
    """A TCP server and a UDP endpoint on one port of the loopback, whatever other tests hold."""
    loop = asyncio.get_running_loop()
    for _ in range(50):
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            transport, _ = await loop.create_datagram_endpoint(protocol, local_addr=("127.0.0.1", port))
        except OSError:
            server.close()
            continue
        return server, transport, port
    raise OSError("no port is free for both TCP and UDP")


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Autorité d'essai")])
        self.certificate = (
            self._builder(self.name, self.key, 365)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .add_extension(_usage(signing=True), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.file = folder / "ca.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key, days: int) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        start = now - dt.timedelta(days=400 if days < 0 else 1)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(now + dt.timedelta(days=days))
        )

    def context(self, *names: str, days: int = 90, minimum=None, maximum=None) -> ssl.SSLContext:
        """A server context with a certificate for `names`, valid `days` more days (negative: expired)."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        found = (
            self._builder(subject, key, days)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{names[0].replace('*', 'star')}.{days}.pem"
        path.write_bytes(
            found.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = minimum or ssl.TLSVersion.TLSv1_2
        if maximum is not None:
            context.maximum_version = maximum
        return context


def _usage(*, signing: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signing,
        crl_sign=signing,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


@asynccontextmanager
async def smtp_server(
    context: ssl.SSLContext | None, *, banner: str = "220 mx.example ESMTP", silent: bool = False
) -> AsyncIterator[tuple[int, list[str]]]:
    """An SMTP server that knows EHLO, STARTTLS and QUIT; gives its port and the commands it received."""
    commands: list[str] = []

    async def serve(reader, writer):
        try:
            if silent:
                await reader.read()
                return
            writer.write(banner.encode() + b"\r\n")
            while line := await reader.readline():
                command = line.decode("latin-1").strip().upper()
                commands.append(command)
                if command.startswith("EHLO"):
                    extra = b"250-STARTTLS\r\n" if context else b""
                    writer.write(b"250-mx.example\r\n" + extra + b"250 8BITMIME\r\n")
                elif command == "STARTTLS" and context:
                    writer.write(b"220 go ahead\r\n")
                    await writer.drain()
                    await writer.start_tls(context)
                elif command == "QUIT":
                    writer.write(b"221 bye\r\n")
                    return
                else:
                    writer.write(b"500 what\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], commands
    finally:
        server.close()


@asynccontextmanager
async def https_server(context: ssl.SSLContext, response: bytes) -> AsyncIterator[int]:
    """An HTTPS server that always gives the same bytes."""

    async def serve(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def loopback(address: str) -> bool:
    """Guard for tests: they must not leave the machine."""
    return ipaddress.ip_address(address).is_loopback
