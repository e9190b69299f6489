"""The JSON client: who it speaks to, what it sends before knowing, and where it stops."""

from __future__ import annotations

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.backup.config import RepositoryConfig
from checks.backup.technologies import http_values as values
from checks.backup.technologies.http import Client, server_of
from checks.backup.technologies.http_tls import ApiError
from checks.model import Reason
from tests.backup.fakes.tls import Fake, Loopback, Reply, serving

NAME = "sauvegarde.tilleuls.test"


class Echo(Fake):
    def answer(self, request):
        return {"path": request.path, "query": request.query}


@pytest.fixture
def echo(tmp_path):
    with serving(Echo(), tmp_path) as fake:
        yield fake


def client(fake, *, network=None, ca=True, pin="", **limits):
    config = RepositoryConfig(
        label="essai",
        technology="pbs",
        location=f"https://{NAME}",
        port=fake.port,
        ca_file=fake.ca_file if ca else "",
        fingerprint=pin,
    )
    limits = {"step_seconds": 5.0, "answer_seconds": 10.0, **limits}
    return Client(server_of(config, 8007), network or Loopback(), purpose="essai", **limits)


def refused(fake, path="/x", **options) -> ApiError:
    with client(fake, **options) as made, pytest.raises(ApiError) as caught:
        made.get(path)
    return caught.value


def test_an_authority_vouches_for_the_server(echo):
    with client(echo) as made:
        assert made.get("/a", {"q": "é&"}) == {"path": "/a", "query": {"q": "é&"}}
        assert made.get("/b") == {"path": "/b", "query": {}}
    assert echo.requests[0].headers["host"] == f"{NAME}:{echo.port}"


def test_the_mandate_is_asked_before_any_socket(echo):
    network = Loopback(refused=frozenset({NAME}))
    problem = refused(echo, network=network)
    assert problem.reason is Reason.REFUSED
    assert "mandat" in problem.detail
    assert network.asked == [(NAME, echo.port, "https")]
    assert echo.requests == []


def test_without_authority_nothing_is_sent(echo):
    problem = refused(echo, ca=False)
    assert problem.reason is Reason.REFUSED
    assert "aucun mot de passe n'a été envoyé" in problem.detail
    assert echo.requests == []


def test_a_pinned_certificate_is_enough_in_any_usual_writing(echo):
    pin = ":".join(echo.fingerprint[i : i + 2] for i in range(0, 64, 2)).upper()
    with client(echo, ca=False, pin=pin) as made:
        assert made.get("/a")["path"] == "/a"


def test_another_certificate_than_the_pinned_one_gets_nothing(echo):
    problem = refused(echo, pin="00" * 32)
    assert problem.reason is Reason.REFUSED
    assert echo.fingerprint in problem.detail
    assert echo.requests == []


@pytest.mark.parametrize(("names", "days", "words"), [(("autre.test",), 90, "au nom"), ((NAME,), -3, "expiré")])
def test_a_wrong_name_or_an_expired_certificate_gets_nothing(tmp_path, names, days, words):
    with serving(Echo(), tmp_path, names=names, days=days) as fake:
        problem = refused(fake)
        assert words in problem.detail
        assert fake.requests == []


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=401), Reason.REFUSED),
        (Reply(status=403), Reason.PERMISSION),
        (Reply(status=404), Reason.UNSUPPORTED),
        (Reply(status=500), Reason.ERROR),
        (Reply(status=503, raw=b"<html>"), Reason.ERROR),
        (Reply(status=302, headers={"Location": "https://ailleurs.test/"}), Reason.REFUSED),
        (Reply(raw=b"{"), Reason.MALFORMED),
        (Reply(raw=b"\xff\xfe"), Reason.MALFORMED),
        (Reply(raw=b"[" * 200_000), Reason.MALFORMED),
        (Reply(drop=True), Reason.UNREACHABLE),
    ],
)
def test_each_bad_answer_has_its_reason(echo, reply, reason):
    echo.broken["/x"] = reply
    problem = refused(echo)
    assert problem.reason is reason
    assert problem.gap.detail.startswith(NAME)


def test_a_redirection_is_not_followed(echo):
    echo.broken["/x"] = Reply(status=302, headers={"Location": f"https://{NAME}:{echo.port}/y"})
    refused(echo)
    assert echo.log == [("GET", "/x")]


def test_a_silent_answer_ends(echo):
    echo.broken["/x"] = Reply(raw=b"{", hang=True)
    assert refused(echo, step_seconds=0.2).reason is Reason.TIMEOUT


def test_an_answer_byte_by_byte_ends(tmp_path, echo):
    """Each byte comes before the silence limit: only the limit of the whole answer stops it."""

    class Slow(Echo):
        def answer(self, request):
            return Reply(raw=b"1", drip=True)

    with serving(Slow(), tmp_path) as fake:
        assert refused(fake, step_seconds=5.0, answer_seconds=0.3).reason is Reason.TIMEOUT


def test_a_large_answer_is_cut(echo):
    echo.broken["/x"] = Reply({"x": "y" * 5000})
    problem = refused(echo, max_body=4000)
    assert problem.reason is Reason.MALFORMED
    assert "trop grande" in problem.detail


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        fake = Echo()
        fake.port = taken.getsockname()[1]
        assert refused(fake, ca=False).reason is Reason.UNREACHABLE


def test_what_answers_is_not_tls():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet():
            connection, _ = server.accept()
            with connection:
                connection.recv(1)
                connection.sendall(b"220 mx.tilleuls.test ESMTP\r\n")
                connection.recv(4096)

        thread = threading.Thread(target=greet)
        thread.start()
        fake = Echo()
        fake.port = server.getsockname()[1]
        assert refused(fake, ca=False).reason is Reason.UNREACHABLE
        thread.join()


def test_a_refused_sign_in_is_never_sent_twice(echo):
    echo.broken["/token"] = Reply(status=401)
    with client(echo) as made:
        for _ in range(3):
            with pytest.raises(ApiError):
                made.sign_in("/token", {"password": "s3cret"})
    assert echo.log == [("POST", "/token")]


def test_a_lost_sign_in_is_never_sent_twice(echo):
    echo.broken["/token"] = Reply(drop=True)
    with client(echo) as made:
        made.get("/a")
        with pytest.raises(ApiError):
            made.sign_in("/token", {"password": "s3cret"})
    assert echo.log == [("GET", "/a"), ("POST", "/token")]


def test_a_connection_the_server_closed_is_opened_again_once(echo):
    class Closing(Echo):
        def answer(self, request):
            return Reply({"ok": True}, headers={"Connection": "close"} if request.path == "/a" else {})

    echo.answer = Closing().answer
    with client(echo) as made:
        assert made.get("/a") == {"ok": True}
        assert made.get("/b") == {"ok": True}
        echo.broken["/c"] = Reply(drop=True)
        with pytest.raises(ApiError):
            made.get("/c")
    assert [path for _, path in echo.log] == ["/a", "/b", "/c", "/c"]


def test_errors_never_repeat_what_the_server_wrote(echo):
    echo.broken["/x"] = Reply({"message": "mot de passe s3cret"}, status=500)
    assert "s3cret" not in refused(echo).detail


def config(location, **extra):
    return RepositoryConfig(label="essai", technology="pbs", location=location, **extra)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("pbs.tilleuls.test", ("pbs.tilleuls.test", 8007)),
        ("pbs.tilleuls.test:18007", ("pbs.tilleuls.test", 18007)),
        ("https://10.0.0.5", ("10.0.0.5", 8007)),
        ("https://[2001:db8::5]:9000/", ("2001:db8::5", 9000)),
    ],
)
def test_where_the_server_is(location, expected):
    assert server_of(config(location), 8007)[:2] == expected


@pytest.mark.parametrize(
    ("location", "extra", "reason"),
    [
        ("http://pbs.tilleuls.test", {}, Reason.REFUSED),
        ("https://u:p@pbs.tilleuls.test", {}, Reason.NOT_CONFIGURED),
        ("https://", {}, Reason.NOT_CONFIGURED),
        ("https://[", {}, Reason.NOT_CONFIGURED),
        ("https://h:999999", {}, Reason.NOT_CONFIGURED),
        ("pbs.tilleuls.test", {"fingerprint": "ab:cd"}, Reason.NOT_CONFIGURED),
        ("pbs.tilleuls.test", {"fingerprint": "z" * 64}, Reason.NOT_CONFIGURED),
    ],
)
def test_where_the_server_cannot_be(location, extra, reason):
    with pytest.raises(ApiError) as caught:
        server_of(config(location, **extra), 8007)
    assert caught.value.reason is reason


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(anything, st.text())
def test_readers_of_values_never_raise(value, key):
    for reader in (values.whole, values.real, values.flag, values.epoch, values.moment, values.rows, values.names):
        reader(value)
        reader({key: value}, key)
        reader(value, key, key)
    values.text(value)
    for found in (values.epoch(value), values.moment(value)):
        assert found is None or found.utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-21T23:30:00.1234567+01:00", "2026-11-21T22:30:00.123456+00:00"),
        ("2026-11-21T22:30:00Z", "2026-11-21T22:30:00+00:00"),
        ("2026-11-21T22:30:00.5", "2026-11-21T22:30:00.500000+00:00"),
        ("0001-01-01T00:00:00", None),
        ("1970-01-01T00:00:00Z", None),
        ("", None),
        ("hier", None),
    ],
)
def test_moments(written, expected):
    found = values.iso(written)
    assert (found.isoformat() if found else None) == expected
