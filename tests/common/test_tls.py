"""The ClientHello probe against servers of this machine's OpenSSL, and hostile bytes."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from checks.common.tls import (
    HelloError,
    TlsVersion,
    accepted_versions,
    client_hello,
    covers,
    read_certificate,
    read_server_hello,
    server_version,
)
from checks.model import Gap, Reason
from tests.common.servers import Authority, https_server

V = ssl.TLSVersion


def probe(context: ssl.SSLContext) -> tuple[TlsVersion, ...] | Gap:
    async def run():
        async with https_server(context, b"") as port:
            return await accepted_versions(lambda: asyncio.open_connection("127.0.0.1", port), "mx.test", 3)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("minimum", "maximum", "expected"),
    [
        (V.TLSv1_2, V.TLSv1_3, (TlsVersion.TLS1_3, TlsVersion.TLS1_2)),
        (V.TLSv1_3, V.TLSv1_3, (TlsVersion.TLS1_3,)),
        (V.TLSv1_2, V.TLSv1_2, (TlsVersion.TLS1_2,)),
        (V.MINIMUM_SUPPORTED, V.TLSv1_3, (TlsVersion.TLS1_3, TlsVersion.TLS1_2, TlsVersion.TLS1_1, TlsVersion.TLS1_0)),
    ],
)
def test_versions_of_a_real_server(tmp_path: Path, minimum, maximum, expected) -> None:
    assert probe(Authority(tmp_path).context("mx.test", minimum=minimum, maximum=maximum)) == expected


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("only", [V.TLSv1, V.TLSv1_1])
def test_server_that_only_knows_an_old_version(tmp_path: Path, only) -> None:
    found = probe(Authority(tmp_path).context("mx.test", minimum=only, maximum=only))
    assert found == (TlsVersion.TLS1_0 if only is V.TLSv1 else TlsVersion.TLS1_1,)
    assert found[0].obsolete


def talk(reply: bytes, *, hold: bool = False, timeout: float = 2.0):
    async def run():
        async def serve(reader, writer):
            try:
                await reader.read(100)
                writer.write(reply)
                await writer.drain()
                if hold:
                    await reader.read()
            except ConnectionError:
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await accepted_versions(lambda: asyncio.open_connection("127.0.0.1", port), "mx.test", timeout)
        finally:
            server.close()

    return asyncio.run(run())


def hello(version: int) -> bytes:
    body = version.to_bytes(2) + bytes(32) + b"\0" + b"\0\x05\0"
    handshake = b"\x02" + len(body).to_bytes(3) + body
    return b"\x16" + version.to_bytes(2) + len(handshake).to_bytes(2) + handshake


def test_ssl3_is_recognised() -> None:
    assert talk(hello(0x0300)) == (TlsVersion.SSL3,)


def test_refusal_of_everything_is_an_empty_list() -> None:
    assert talk(b"\x15\x03\x01\0\x02\x02\x28") == ()


def test_server_that_does_not_speak_tls_is_a_gap() -> None:
    assert talk(b"220 hello\r\n").reason is Reason.MALFORMED


def test_silence_is_a_gap_not_a_refusal() -> None:
    assert talk(b"", hold=True, timeout=0.2).reason is Reason.TIMEOUT


def test_unreachable_server_is_a_gap() -> None:
    async def run():
        async def refuse():
            raise ConnectionRefusedError

        return await accepted_versions(refuse, "mx.test", 1)

    assert asyncio.run(run()).reason is Reason.UNREACHABLE


@given(st.binary(max_size=300))
def test_any_server_hello_gives_a_version_or_the_declared_error(noise: bytes) -> None:
    for body in (noise, b"\x03\x03" + bytes(32) + noise):
        try:
            assert isinstance(server_version(body), TlsVersion)
        except HelloError:
            continue


@given(st.binary(max_size=300))
def test_any_stream_gives_a_version_a_refusal_or_the_declared_error(noise: bytes) -> None:
    async def run():
        reader = asyncio.StreamReader()
        reader.feed_data(noise)
        reader.feed_eof()
        try:
            return await read_server_hello(reader)
        except HelloError:
            return None

    assert asyncio.run(run()) in (None, *TlsVersion)


@pytest.mark.parametrize("ceiling", list(TlsVersion))
def test_hello_lengths_are_consistent(ceiling: TlsVersion) -> None:
    record = client_hello("mx.test", ceiling)
    assert int.from_bytes(record[3:5]) == len(record) - 5
    assert int.from_bytes(record[6:9]) == len(record) - 9
    assert (b"mx.test" in record) == (ceiling is not TlsVersion.SSL3)


@pytest.mark.parametrize(
    ("names", "host", "expected"),
    [
        (("mx.tilleuls.test",), "MX.tilleuls.test.", True),
        (("*.tilleuls.test",), "mx.tilleuls.test", True),
        (("*.tilleuls.test",), "a.mx.tilleuls.test", False),
        (("*.tilleuls.test",), "tilleuls.test", False),
        (("*.test",), "tilleuls.test", False),
        (("mx*.tilleuls.test",), "mx1.tilleuls.test", False),
        (("mx.tilleuls.test",), "mx.tilleuls.test.evil.net", False),
        (("192.0.2.1",), "192.0.2.1", True),
        ((), "mx.tilleuls.test", False),
    ],
)
def test_names_a_certificate_covers(names: tuple[str, ...], host: str, expected: bool) -> None:
    assert covers(names, host) is expected


def test_certificate_is_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    der = ssl.PEM_cert_to_DER_cert(authority.file.read_text())
    found = read_certificate(der, trusted=False, trust_error="inconnue")
    assert found.subject == "CN=Autorité d'essai"
    assert found.key == "ec secp256r1"
    assert found.names == ()
    with pytest.raises(ValueError, match=r".+"):
        read_certificate(b"noise", trusted=True)


def test_certificate_signed_with_an_unknown_algorithm_is_read(tmp_path: Path) -> None:
    pem = Authority(tmp_path).certificate.public_bytes(Encoding.DER)
    ecdsa_sha256 = bytes.fromhex("2a8648ce3d040302")
    assert pem.count(ecdsa_sha256) == 2
    found = read_certificate(pem.replace(ecdsa_sha256, bytes.fromhex("2a8648ce3d04037f")), trusted=False)
    assert found.signature == "1.2.840.10045.4.3.127"


def test_certificate_with_repeated_extensions_is_the_declared_error(tmp_path: Path) -> None:
    der = Authority(tmp_path).certificate.public_bytes(Encoding.DER)
    basic_constraints, key_usage = bytes.fromhex("0603551d13"), bytes.fromhex("0603551d0f")
    with pytest.raises(ValueError, match="extensions"):
        read_certificate(der.replace(key_usage, basic_constraints), trusted=False)
