"""A controller on loopback: answers LDAP the way a test says, and counts what it is asked."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from checks.ad.transport import ber
from checks.ad.transport.ber import MalformedMessage
from checks.ad.transport.directory import MessageReader
from checks.model import MandateRefusedError

Handler = Callable[[int, int, bytes], bytes]
"""message id, operation tag, whole message -> bytes to send; empty bytes send nothing."""


UNBIND = 0x42


class OpenNetwork:
    """A network that permits loopback and remembers what was asked."""

    resolvers = ()

    def __init__(self, refused: frozenset[str] = frozenset()) -> None:
        self.asked: list[tuple[str, int, str]] = []
        self._refused = refused

    def permit(self, host: str, port: int, protocol: str, purpose: str) -> tuple[str, ...]:
        if host in self._refused:
            raise MandateRefusedError(host, "hors du mandat")
        if host.endswith(".invalid"):
            raise OSError("Name or service not known")
        self.asked.append((host, port, protocol))
        return ("127.0.0.1",)

    def permit_resolved(
        self, name: str, addresses: tuple[str, ...], port: int, protocol: str, purpose: str
    ) -> tuple[str, ...]:
        return addresses

    def connect(self, host: str, port: int, protocol: str, purpose: str, timeout: float) -> socket.socket:
        (address,) = self.permit(host, port, protocol, purpose)
        return socket.create_connection((address, port), timeout)

    async def open(self, host: str, port: int, protocol: str, purpose: str, timeout: float) -> Any:
        raise OSError("not used")


class Identity(NamedTuple):
    """Files of a certificate, and its SHA-256."""

    certificate: Path
    key: Path
    sha256: str


def make_identity(folder: Path, name: str, *, expired: bool = False) -> Identity:
    """A self-signed certificate for `name` and 127.0.0.1, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    start = now - dt.timedelta(days=400 if expired else 1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / f"{name}.pem", folder / f"{name}.key"
    cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return Identity(cert_path, key_path, certificate.fingerprint(hashes.SHA256()).hex())


class FakeDc:
    """Serves one handler on a loopback port until closed."""

    def __init__(self, handler: Handler, identity: Identity | None = None) -> None:
        self._handler = handler
        self._context: ssl.SSLContext | None = None
        if identity is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(identity.certificate, identity.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.binds: list[bytes] = []
        self.searches: list[bytes] = []
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, MalformedMessage):
            try:
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                    self._open.append(connection)
                self._answer(connection)
            finally:
                connection.close()

    def _answer(self, connection: socket.socket) -> None:
        reader = MessageReader(connection, lambda: float("inf"))
        while True:
            data = reader.next()
            message_id, tag, _, _ = ber.operation(data)
            if tag == ber.BIND_REQUEST:
                self.binds.append(data)
            elif tag == ber.SEARCH_REQUEST:
                self.searches.append(data)
            elif tag == UNBIND:
                return
            answer = self._handler(message_id, tag, data)
            if answer:
                connection.sendall(answer)
