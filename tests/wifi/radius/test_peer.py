"""What our own peer says inside the tunnel: published vectors, servers that prove nothing, hostile bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.model import Reason
from checks.wifi.radius import mschap, peer
from checks.wifi.radius.inner import PeapInner, ttls_pap
from tests.wifi.radius import pki
from tests.wifi.radius.fake import Permits, config

# RFC 2759, section 9.2.
USER, PASSWORD = "User", "clientPass"
SERVER = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
HASH = "44EBBA8D5312B8D611474411F56989AE"
RESPONSE = "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"
PROOF = "S=407A5589115FD0D6209F510FE9C04566932CDA56"
RESULT = b"\x21\x80\x03\x00\x02\x00"


def test_the_vectors_of_the_rfc():
    assert mschap.nt_hash(PASSWORD).hex().upper() == HASH
    assert mschap.nt_response(SERVER, PEER, USER.encode(), PASSWORD).hex().upper() == RESPONSE
    assert mschap.authenticator(SERVER, PEER, USER.encode(), PASSWORD, bytes.fromhex(RESPONSE)) == PROOF


def test_the_domain_before_the_name_does_not_count():
    assert mschap.user_of("TILLEULS\\User") == mschap.user_of("User") == b"User"
    assert mschap.user_of("user@tilleuls.test") == b"user@tilleuls.test"


def challenge(value=SERVER, identifier=9):
    return b"\x1a\x01" + bytes([identifier]) + (21 + 4).to_bytes(2) + b"\x10" + value + b"serveur"


def success(proof, identifier=9):
    message = proof.encode() + b" M=OK"
    return b"\x1a\x03" + bytes([identifier]) + (4 + len(message)).to_bytes(2) + message


def result(status):
    body = RESULT + bytes([status])
    return b"\x01\x05" + (4 + len(body)).to_bytes(2) + body


def spoken(inner):
    """Identity and response of a peer, with what a true server would prove."""
    assert inner.answer(b"\x01").answer == b"\x01" + USER.encode()
    said = inner.answer(challenge()).answer
    assert said[:3] == b"\x1a\x02\x09"
    assert said[-len(USER) :] == USER.encode()
    assert int.from_bytes(said[3:5]) == len(said) - 1
    own, response = said[6:22], said[30:54]
    assert response == mschap.nt_response(SERVER, own, USER.encode(), PASSWORD)
    return mschap.authenticator(SERVER, own, USER.encode(), PASSWORD, response)


def test_a_true_server_is_followed_to_the_end():
    inner = PeapInner(USER, PASSWORD, "MSCHAPV2")
    assert inner.answer(success(spoken(inner))).answer == b"\x1a\x03"
    assert inner.server_knew_password is True
    assert inner.answer(result(1)).answer == b"\x02\x05\x00\x0b" + RESULT + b"\x01"


def test_a_server_that_does_not_know_the_password_is_left():
    inner = PeapInner(USER, PASSWORD, "MSCHAPV2")
    spoken(inner)
    assert inner.answer(success("S=" + "0" * 40)).answer == b""
    assert inner.server_knew_password is False
    assert inner.answer(result(1)).answer == b""


def test_an_unearned_success_is_not_acknowledged():
    inner = PeapInner(USER, PASSWORD, "MSCHAPV2")
    assert inner.answer(success(PROOF)).answer == b""
    assert inner.answer(result(1)).answer == b""
    assert inner.answer(result(2)).answer[-1] == 2


@pytest.mark.parametrize(("method", "question"), [("MSCHAPV2", challenge()), ("GTC", b"\x06Mot de passe ?")])
def test_a_password_is_used_once(method, question):
    inner = PeapInner(USER, PASSWORD, method)
    assert inner.answer(question).answer
    assert inner.answer(question).answer == b""


def test_a_refusal_is_acknowledged_and_not_tried_again():
    inner = PeapInner(USER, PASSWORD, "MSCHAPV2")
    spoken(inner)
    assert inner.answer(b"\x1a\x04\x09\x00\x2eE=691 R=1 C=00").answer == b"\x1a\x04"
    assert inner.answer(challenge()).answer == b""


def test_a_weaker_method_is_refused():
    inner = PeapInner(USER, PASSWORD, "MSCHAPV2")
    assert inner.answer(b"\x06Mot de passe ?").answer == b"\x03\x1a"
    assert inner.answer(b"\x04\x10" + bytes(16)).answer == b"\x03\x1a"


@given(st.lists(st.binary(max_size=80), max_size=6), st.sampled_from(["MSCHAPV2", "GTC"]))
def test_any_server_gets_answers_and_at_most_one_password(messages, method):
    inner = PeapInner(USER, PASSWORD, method)
    answers = [inner.answer(message).answer for message in messages]
    heads = b"\x06" if method == "GTC" else b"\x1a\x02"
    assert sum(answer.startswith(heads) for answer in answers) <= 1
    assert inner.server_knew_password is not True


def test_name_and_password_as_attributes():
    found = ttls_pap("é", "secret")
    assert found[:8] == b"\0\0\0\x01\x40\0\0\x0a"
    assert found[8:12] == "é".encode() + bytes(2)
    assert found[12:] == b"\0\0\0\x02\x40\0\0\x18" + b"secret".ljust(16, b"\0")
    assert ttls_pap("a", "")[-16:] == bytes(16)
    assert len(ttls_pap("a", "x" * 17)) == 12 + 8 + 32


def account(tmp_path, **more):
    (tmp_path / "ca.pem").write_bytes(pki.authority().pem)
    values = {"identity": "testeur", "password_from": "env:P", "ca_file": str(tmp_path / "ca.pem")}
    return config(**{**values, "server_name": pki.SERVER_NAME, **more})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"login_inner": "MD5"}, Reason.UNSUPPORTED),
        ({"login_method": "TTLS", "login_inner": "MSCHAPV2"}, Reason.UNSUPPORTED),
        ({"ca_file": "absent.pem"}, Reason.NOT_CONFIGURED),
        ({"login_method": "TLS", "client_certificate": "absent", "client_key_file": "absent"}, Reason.NOT_CONFIGURED),
    ],
)
def test_what_cannot_be_tried_sends_nothing(tmp_path, change, reason):
    network = Permits()
    assert peer.login(account(tmp_path, **change), "s", "p", network).reason is reason
    assert network.asked == []


def test_the_mandate_is_asked_first(tmp_path):
    assert peer.login(account(tmp_path), "s", "p", Permits("hors mandat")).reason is Reason.REFUSED
    assert peer.login(config(), "s", "p", Permits()) is None
