from __future__ import annotations

import socket
from pathlib import Path

import pytest

from checks.ad.config import AdConfig
from checks.ad.transport import ber
from checks.ad.transport.ber import Query
from checks.ad.transport.directory import Directory, LdapResultError
from checks.ad.transport.session import ntlm_account, open_session
from checks.model import CollectError, MandateRefusedError, Reason
from tests.ad import wire
from tests.ad.fake_dc import FakeDc, Identity, OpenNetwork, make_identity

USER = "audit@tilleuls.test"
PASSWORD = "Épreuve-2026!"
AD_REFUSAL = "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {}, v4563"


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("pki"), "dc1.tilleuls.test")


def answering(code: int = 0, message: str = ""):
    def handler(message_id: int, tag: int, _: bytes) -> bytes:
        if tag == ber.BIND_REQUEST:
            return wire.bind_answer(message_id, code, message)
        return wire.entry(message_id, "CN=a", {"cn": [b"a"]}) + wire.done(message_id)

    return handler


def config(dc: FakeDc, identity: Identity | None = None, **changes) -> AdConfig:
    settings = {
        "servers": ("dc1.tilleuls.test",),
        "user": USER,
        "ldaps_port": dc.port,
        "ldap_port": dc.port,
        "ca_file": str(identity.certificate) if identity else "",
        "connect_timeout": 3.0,
        "read_timeout": 3.0,
    }
    return AdConfig(**(settings | changes))


def refused(dc: FakeDc, settings: AdConfig, password: str = PASSWORD) -> CollectError:
    with pytest.raises(CollectError) as caught:
        open_session(settings, password, OpenNetwork())
    return caught.value


def test_bind_then_read_inside_validated_tls(identity: Identity) -> None:
    with FakeDc(answering(), identity) as dc:
        session = open_session(config(dc, identity), PASSWORD, OpenNetwork())
        assert [entry.dn for entry in session.directory.search(Query("DC=x", ("cn",)))] == ["CN=a"]
        assert session.certificate == identity.sha256
        session.directory.close()
    assert len(dc.binds) == 1
    assert PASSWORD.encode() in dc.binds[0]


def test_permission_is_asked_before_connecting(identity: Identity) -> None:
    with FakeDc(answering(), identity) as dc:
        with pytest.raises(MandateRefusedError):
            open_session(config(dc, identity), PASSWORD, OpenNetwork(frozenset({"dc1.tilleuls.test"})))
        assert dc.connections == 0


def test_unknown_authority_gets_no_password(identity: Identity) -> None:
    with FakeDc(answering(), identity) as dc:
        error = refused(dc, config(dc, unverified_certificate="refuse"))
    assert error.reason is Reason.REFUSED
    assert identity.sha256 in error.detail
    assert dc.binds == []


def test_unknown_authority_with_nothing_to_check_against_falls_back_on_ntlm_never_on_the_password(
    identity: Identity,
) -> None:
    with FakeDc(answering(), identity) as dc:
        error = refused(dc, config(dc))  # the fake controller speaks TLS on both ports: NTLM gets no answer
    assert "NTLM" in error.detail
    assert PASSWORD.encode() not in b"".join(repr(bind).encode() for bind in dc.binds)
    assert dc.binds == []


def test_wrong_name_gets_no_password(identity: Identity) -> None:
    with FakeDc(answering(), identity) as dc:
        error = refused(dc, config(dc, identity, servers=("autre.tilleuls.test",)))
    assert "n'est pas au nom de ce serveur" in error.detail
    assert dc.binds == []


def test_expired_certificate_gets_no_password(tmp_path: Path) -> None:
    old = make_identity(tmp_path, "dc1.tilleuls.test", expired=True)
    with FakeDc(answering(), old) as dc:
        assert "a expiré" in refused(dc, config(dc, old)).detail
    assert dc.binds == []


def test_pinned_certificate_is_accepted(identity: Identity) -> None:
    with FakeDc(answering(), identity) as dc:
        session = open_session(config(dc, pin_sha256=(identity.sha256.upper(),)), PASSWORD, OpenNetwork())
        session.directory.close()
    assert len(dc.binds) == 1


def test_another_pin_is_not(identity: Identity) -> None:
    with FakeDc(answering(), identity) as dc:
        assert refused(dc, config(dc, pin_sha256=("0" * 64,))).reason is Reason.REFUSED
    assert dc.binds == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("52e", "le nom ou le mot de passe est faux"),
        ("525", "n'existe pas"),
        ("52f", "restriction"),
        ("530", "à cette heure"),
        ("531", "depuis ce poste"),
        ("532", "a expiré"),
        ("533", "désactivé"),
        ("701", "le compte a expiré"),
        ("773", "doit être changé"),
        ("775", "verrouillé"),
        ("80090346", "channel binding"),
    ],
)
def test_refused_account_is_tried_once_and_explained(identity: Identity, data: str, sentence: str) -> None:
    with FakeDc(answering(49, AD_REFUSAL.format(data)), identity) as dc:
        error = refused(dc, config(dc, identity, servers=("dc1.tilleuls.test", "127.0.0.1")))
    assert error.reason is Reason.REFUSED
    assert sentence in error.detail
    assert len(dc.binds) == 1, "a wrong password is never tried again, on any controller"
    assert PASSWORD not in error.detail


def test_samba_refusal_without_data(identity: Identity) -> None:
    with FakeDc(answering(49, "Simple Bind Failed: NT_STATUS_LOGON_FAILURE"), identity) as dc:
        assert "le nom ou le mot de passe est faux" in refused(dc, config(dc, identity)).detail


@pytest.mark.parametrize(
    ("code", "reason", "sentence"),
    [
        (8, Reason.REFUSED, "signée ou chiffrée"),
        (10, Reason.UNSUPPORTED, "renvoi"),
        (51, Reason.UNREACHABLE, "occupé"),
        (53, Reason.REFUSED, "code LDAP 53"),
    ],
)
def test_other_answers_to_the_bind(identity: Identity, code: int, reason: Reason, sentence: str) -> None:
    with FakeDc(answering(code), identity) as dc:
        error = refused(dc, config(dc, identity))
    assert (error.reason, len(dc.binds)) == (reason, 1)
    assert sentence in error.detail


def test_empty_password_is_not_sent(identity: Identity) -> None:
    with FakeDc(answering(), identity) as dc:
        assert refused(dc, config(dc, identity), password="").reason is Reason.NOT_CONFIGURED
        assert dc.connections == 0


@pytest.mark.parametrize(
    "changes",
    [{"security": "signed"}, {"auth": "ntlm"}, {"auth": "kerberos"}, {"auth": "kerberos", "security": "signed"}],
)
def test_combinations_that_are_not_offered_send_nothing(identity: Identity, changes: dict[str, str]) -> None:
    with FakeDc(answering(), identity) as dc:
        assert refused(dc, config(dc, identity, **changes)).reason in {
            Reason.UNSUPPORTED,
            Reason.NOT_CONFIGURED,
        }
        assert dc.connections == 0


def test_closed_port_is_unreachable_and_the_next_server_is_used(identity: Identity) -> None:
    with FakeDc(answering(), identity) as dc:
        settings = config(dc, identity, servers=("absent.invalid", "dc1.tilleuls.test"))
        session = open_session(settings, PASSWORD, OpenNetwork())
        session.directory.close()
        assert session.server == "dc1.tilleuls.test"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = refused(dc, config(dc, identity, ldaps_port=port))
    assert error.reason is Reason.UNREACHABLE
    assert "injoignable" in error.detail


def test_port_without_tls_is_told(identity: Identity) -> None:
    def plain(message_id: int, tag: int, data: bytes) -> bytes:
        return b""

    with FakeDc(plain) as dc:
        error = refused(dc, config(dc, identity, read_timeout=0.5))
    assert error.reason in {Reason.TIMEOUT, Reason.UNREACHABLE}
    assert dc.binds == []


def test_server_that_hangs_at_the_bind_is_a_timeout(identity: Identity) -> None:
    with FakeDc(lambda *_: b"", identity) as dc:
        error = refused(dc, config(dc, identity, read_timeout=0.4))
    assert error.reason is Reason.TIMEOUT
    assert len(dc.binds) == 1


def test_server_that_hangs_while_reading_is_a_timeout(identity: Identity) -> None:
    def handler(message_id: int, tag: int, data: bytes) -> bytes:
        return wire.bind_answer(message_id) if tag == ber.BIND_REQUEST else b""

    with FakeDc(handler, identity) as dc:
        session = open_session(config(dc, identity, read_timeout=0.4), PASSWORD, OpenNetwork())
        with pytest.raises(TimeoutError):
            list(session.directory.search(Query("DC=x", ("cn",))))
        session.directory.close()


def test_starttls_protects_the_bind(identity: Identity) -> None:
    # The fake speaks TLS from the first byte, so the clear StartTLS request must fail without any password sent.
    with FakeDc(answering(), identity) as dc:
        refused(dc, config(dc, identity, security="starttls", read_timeout=1.0))
    assert dc.binds == []


def test_size_limit_is_raised_to_the_reader(identity: Identity) -> None:
    def handler(message_id: int, tag: int, data: bytes) -> bytes:
        if tag == ber.BIND_REQUEST:
            return wire.bind_answer(message_id)
        return wire.entry(message_id, "CN=a", {}) + wire.done(message_id, 4, "Size limit exceeded")

    with FakeDc(handler, identity) as dc:
        session = open_session(config(dc, identity), PASSWORD, OpenNetwork())
        with pytest.raises(LdapResultError):
            list(session.directory.search(Query("DC=x", ("cn",))))
        session.directory.close()


def test_forms_of_an_ntlm_account() -> None:
    assert ntlm_account("audit@tilleuls.test", "x") == ("audit", "tilleuls.test", "x")
    assert ntlm_account("TILLEULS\\audit", "x") == ("audit", "TILLEULS", "x")
    assert ntlm_account("CN=audit,DC=tilleuls,DC=test", "x") is None
    assert ntlm_account("audit", "x") is None


def test_ntlm_refused_at_the_first_step_is_not_retried() -> None:
    with FakeDc(answering(49, AD_REFUSAL.format("52e"))) as dc:
        settings = config(dc, auth="ntlm", security="signed", servers=("dc1.tilleuls.test", "dc2.tilleuls.test"))
        assert refused(dc, settings).reason is Reason.REFUSED
    assert len(dc.binds) == 1
    assert PASSWORD.encode("utf-16-le") not in dc.binds[0]


def test_ntlm_challenge_that_is_garbage_is_an_error_not_a_crash() -> None:
    def handler(message_id: int, tag: int, data: bytes) -> bytes:
        return wire.bind_answer(message_id, 14, credentials=b"\xa1\x03\x30\x01\x00")

    with FakeDc(handler) as dc:
        error = refused(dc, config(dc, auth="ntlm", security="signed"))
    assert error.reason is Reason.UNREACHABLE


def test_directory_close_never_fails() -> None:
    left, right = socket.socketpair()
    right.close()
    left.close()
    directory = Directory(left)
    directory.close()
    with pytest.raises(OSError, match=r"Bad file descriptor|connection"):
        directory.read("", ("cn",))
