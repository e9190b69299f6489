"""The signed record of a restore test: the test itself, as canonical JSON, under an Ed25519 signature.

Canonical: keys sorted, no space, UTF-8, without `record_sha256` nor `signature`. Anybody checks it from the facts file
with any JSON library and any Ed25519 library.

A key given by the operator tells who signed. Without one, a key is made for the run and forgotten: the signature then
only tells that the record has not changed since, as long as the facts file itself is trusted. The record says which.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from checks.backup.facts import RestoreTest, Signature
from checks.model import CollectError, Reason

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_RAW = 32


class Signer(NamedTuple):
    """A key, and where it comes from."""

    key: Ed25519PrivateKey
    origin: Literal["operator", "ephemeral"]
    salt: bytes
    """Keys the hashes of paths: that of the operator's key when there is one, so that they can be compared between
    tests; else random. Never derived from the password of the repository, which a reader could then try to guess."""

    def ref(self, repository: str, path: str) -> str:
        """Short name of a file: the same for the same path and key, and unknown to who has no key."""
        data = f"{repository}\0{path}".encode("utf-8", "surrogatepass")
        return hmac.new(self.salt, data, hashlib.sha256).hexdigest()[:12]


def signer(secret: str) -> Signer:
    """A signer from the operator's private key: PEM, or base64 of its 32 bytes or of its PKCS#8 form.

    An empty `secret` gives a key made for this run. Raises `CollectError` when the key cannot be read.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not secret:
        return Signer(Ed25519PrivateKey.generate(), "ephemeral", secrets.token_bytes(32))
    key = _load(secret)
    salt = hmac.new(key.private_bytes_raw(), b"ausculte restore test, names of files", hashlib.sha256).digest()
    return Signer(key, "operator", salt)


def _load(secret: str) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    try:
        if secret.lstrip().startswith("-----"):
            key = load_pem_private_key(secret.encode(), None)
        else:
            raw = base64.b64decode(secret, validate=True)
            key = Ed25519PrivateKey.from_private_bytes(raw) if len(raw) == _RAW else load_der_private_key(raw, None)
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm) as error:
        raise _refused() from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _refused()
    return key


def _refused() -> CollectError:
    detail = "La clé de « signing_key_from » n'est pas une clé privée Ed25519 sans mot de passe (PEM ou base64)."
    return CollectError(Reason.MALFORMED, detail)


def canonical(test: RestoreTest) -> bytes:
    """What is signed."""
    return msgspec.json.encode(msgspec.structs.replace(test, record_sha256="", signature=None), order="sorted")


def signed(test: RestoreTest, by: Signer) -> RestoreTest:
    """The same test with its digest and signature."""
    content = canonical(test)
    signature = Signature(
        value=base64.b64encode(by.key.sign(content)).decode(),
        public_key=base64.b64encode(by.key.public_key().public_bytes_raw()).decode(),
        key=by.origin,
    )
    return msgspec.structs.replace(test, record_sha256=hashlib.sha256(content).hexdigest(), signature=signature)


def genuine(test: RestoreTest) -> bool:
    """Whether the record is the one that was signed. Says nothing of who holds the key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if test.signature is None:
        return False
    content = canonical(test)
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(test.signature.public_key, validate=True))
        key.verify(base64.b64decode(test.signature.value, validate=True), content)
    except (ValueError, binascii.Error, InvalidSignature):
        return False
    return hashlib.sha256(content).hexdigest() == test.record_sha256
