"""The signed record: anybody checks it, nobody changes it unseen, and it says what its key is worth."""

from __future__ import annotations

import base64
import hashlib
import json

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from checks.backup.facts import RestoreTest, RtoEstimate, Sampled, Timing, Unopened
from checks.backup.restore.record import genuine, signed, signer
from checks.model import CollectError
from tests.backup.restore.trees import NOW

TEST = RestoreTest(
    repository="Sauvegarde é",
    technology="restic",
    point="abc",
    source="srv-fichiers",
    point_time=NOW,
    started=NOW,
    finished=NOW.replace(microsecond=123456),
    seed=2**61,
    strata=(Sampled(stratum="documents < 1 Mio", population=10, drawn=2, bytes=300),),
    expected=2,
    restored=2,
    opened=1,
    problems=(Unopened(ref="0" * 12, extension="pdf", size=5, problem="short", detail="PDF sans sa fin"),),
    rto=RtoEstimate(
        seconds=1234.5,
        low=0.001,
        high=1e15,
        bytes=2**50,
        files=3,
        base_seconds=0.0,
        bytes_per_second=123456789.1,
        timings=(Timing(bytes=1, files=1, seconds=0.333, selected=1),),
    ),
    wiped=True,
)


def keys():
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode()
    der = key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
    return key, (pem, base64.b64encode(der).decode(), base64.b64encode(key.private_bytes_raw()).decode())


def test_every_form_of_the_operator_key_gives_the_same_signature():
    key, forms = keys()
    records = [signed(TEST, signer(secret)) for secret in forms]
    assert records[0] == records[1] == records[2]
    assert records[0].signature.key == "operator"
    assert records[0].signature.public_key == base64.b64encode(key.public_key().public_bytes_raw()).decode()
    assert genuine(records[0])


def test_without_a_key_one_is_made_and_the_record_says_so():
    first, second = signed(TEST, signer("")), signed(TEST, signer(""))
    assert first.signature.key == "ephemeral"
    assert genuine(first)
    assert first.signature.public_key != second.signature.public_key


def test_anybody_checks_it_from_the_facts_with_a_plain_json_library():
    written = json.loads(msgspec.json.encode(signed(TEST, signer(""))))
    signature, digest = written.pop("signature"), written.pop("record_sha256")
    content = json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature["public_key"]))
    key.verify(base64.b64decode(signature["value"]), content)
    assert hashlib.sha256(content).hexdigest() == digest
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature["value"]), content.replace(b'"opened":1', b'"opened":2'))


@pytest.mark.parametrize("change", [{"opened": 2}, {"wiped": False}, {"problems": ()}, {"record_sha256": "0" * 64}])
def test_a_changed_record_is_not_genuine(change):
    assert not genuine(msgspec.structs.replace(signed(TEST, signer("")), **change))


def test_a_record_survives_being_written_and_read():
    record = signed(TEST, signer(""))
    assert genuine(msgspec.json.decode(msgspec.json.encode(record), type=RestoreTest))


def test_no_signature_or_nonsense_is_not_genuine():
    assert not genuine(TEST)
    record = signed(TEST, signer(""))
    for change in ({"value": "!!"}, {"public_key": "AAAA"}, {"public_key": "é"}):
        assert not genuine(
            msgspec.structs.replace(record, signature=msgspec.structs.replace(record.signature, **change))
        )


def test_a_key_of_another_kind_or_nonsense_is_refused_without_being_shown():
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    )
    for secret in (other.decode(), "-----BEGIN nothing", "n'importe quoi", "QUJD", keys()[1][0][:60]):
        with pytest.raises(CollectError, match="signing_key_from") as refused:
            signer(secret)
        assert secret not in str(refused.value)


def test_a_key_with_a_password_is_refused():
    protected = Ed25519PrivateKey.generate().private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"x")
    )
    with pytest.raises(CollectError, match="sans mot de passe"):
        signer(protected.decode())


def test_names_of_files_are_the_same_with_the_same_key_only():
    _, forms = keys()
    by = signer(forms[0])
    assert by.ref("a", "/x") == signer(forms[2]).ref("a", "/x")
    assert len({by.ref("a", "/x"), by.ref("b", "/x"), by.ref("a", "/y"), signer("").ref("a", "/x")}) == 4
    assert len(by.ref("a", "/x\udcff")) == 12
