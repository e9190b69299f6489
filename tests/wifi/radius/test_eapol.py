"""The one login: what leaves this process, what the relay lets through, what an output proves."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.model import Gap, Reason
from checks.wifi.radius import codec, eapol
from checks.wifi.radius.codec import Attribute
from checks.wifi.radius.eapol import configuration, login, read_result
from checks.wifi.radius.facts import LoginResult
from checks.wifi.radius.nas import nas_attributes
from checks.wifi.radius.relay import Relay
from tests.wifi.radius import pki
from tests.wifi.radius.fake import SECRET, Permits, challenge, config, eap, reply, serving

OWN = b"secret de passage"
PASSWORD = 'mot"de passe}\n'
IDENTITY = "testeur"


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(pki.authority().pem)

    def made(port=1812, **more):
        values = {"identity": IDENTITY, "password_from": "env:P", "ca_file": str(path), "server_name": pki.SERVER_NAME}
        return config(port, **{**values, **more})

    return made


# --- what leaves this process ------------------------------------------------------------------------------------


def started(given, network=None):
    """What the program would be started with, and what came of it when that is refused."""
    calls = []

    def start(argv, **options):
        (descriptor,) = options["pass_fds"]
        calls.append((argv, options, os.pread(descriptor, 10_000, 0).decode()))
        raise PermissionError("a worker may not start a program")

    found = login(
        given, SECRET.decode(), PASSWORD, network or Permits(), find=lambda _: "/usr/bin/eapol_test", start=start
    )
    return found, calls


def test_no_secret_on_the_command_line_nor_in_the_environment(declared, monkeypatch):
    monkeypatch.setenv("RADIUS", SECRET.decode())
    found, [(argv, options, text)] = started(declared())
    assert found.reason is Reason.PERMISSION
    assert options["env"] == {"LC_ALL": "C"}
    assert argv[argv.index("-c") + 1] == f"/proc/self/fd/{options['pass_fds'][0]}"
    assert argv[argv.index("-a") + 1] == "127.0.0.1"
    for hidden in (SECRET.decode(), PASSWORD, PASSWORD.encode().hex(), IDENTITY):
        assert hidden not in " ".join(argv)
    assert SECRET.decode() not in text
    assert len(argv[argv.index("-s") + 1]) == 48


def test_the_secret_of_passage_is_new_each_time(declared):
    tokens = {argv[argv.index("-s") + 1] for _ in range(3) for argv, _, _ in started(declared())[1]}
    assert len(tokens) == 3


def test_no_descriptor_nor_socket_is_left_open(declared):
    before = len(list(Path("/proc/self/fd").iterdir()))
    started(declared())
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_no_character_can_end_a_value(declared):
    text = configuration(declared(), PASSWORD)
    assert text.count("}") == text.count("{") == 1
    assert PASSWORD not in text
    assert f"password={PASSWORD.encode().hex()}" in text.splitlines()
    assert all(part.isalnum() for line in text.splitlines()[1:-1] for part in line.split("=")[1:] if "WPA" not in line)


@given(st.text(max_size=50))
def test_any_password_gives_one_line(password):
    given = config(identity=IDENTITY, password_from="env:P", ca_file="ca.pem", server_name=pki.SERVER_NAME)
    assert len(configuration(given, password.encode("utf-8", "ignore").decode()).splitlines()) == 11


def test_nothing_is_tried_without_an_account(declared):
    assert login(config(), "s", "", Permits(), find=lambda _: "x") is None


def test_the_program_may_be_absent(declared):
    network = Permits()
    found = login(declared(), "s", "p", network, find=lambda _: None)
    assert found.reason is Reason.UNSUPPORTED
    assert network.asked == []


def test_the_mandate_is_asked_first(declared):
    found, calls = started(declared(), network=Permits("hors mandat"))
    assert (found.reason, calls) == (Reason.REFUSED, [])


def test_files_that_cannot_be_read_are_told(declared, tmp_path):
    absent = str(tmp_path / "absent.pem")
    assert started(declared(ca_file=absent))[0].reason is Reason.NOT_CONFIGURED
    files = {"client_certificate": absent, "client_key_file": absent}
    assert started(declared(login_method="TLS", **files))[0].reason is Reason.NOT_CONFIGURED


# --- what an output proves ---------------------------------------------------------------------------------------

TUNNEL = "SSL: Using TLS version TLSv1.2\nEAP-PEAP: TLS done, proceed to Phase 2\n"
BAD = "CTRL-EVENT-EAP-TLS-CERT-ERROR reason=10 depth=0 subject='/CN=x' err='Domain mismatch'\n"


def relayed(answers=5, final=codec.ACCEPT):
    return SimpleNamespace(answers=answers, final=final, requests=9, retransmissions=0)


@pytest.mark.parametrize(
    ("said", "code", "relay", "expected"),
    [
        (TUNNEL + eapol._PROVED[0] + "\nSUCCESS\n", 0, relayed(), (True, True, True, "TLS 1.2", "")),
        (TUNNEL + "SUCCESS\n", 0, relayed(), (True, True, None, "TLS 1.2", "")),
        (TUNNEL + "SUCCESS\n", 252, relayed(), (False, True, None, "TLS 1.2", "")),
        (TUNNEL + "FAILURE\n", 252, relayed(final=codec.REJECT), (False, True, None, "TLS 1.2", "")),
        (
            TUNNEL + "EAP-MSCHAPV2: Invalid authenticator response in success request\nFAILURE\n",
            252,
            relayed(),
            (False, True, False, "TLS 1.2", ""),
        ),
        (BAD + "FAILURE\n", 252, relayed(final=0), (False, False, None, "", "Domain mismatch")),
        ("FAILURE\n", 252, relayed(final=codec.REJECT), (False, False, None, "", "")),
        ("", 0, relayed(), (False, False, None, "", "")),
    ],
)
def test_what_an_output_proves(declared, said, code, relay, expected):
    found = read_result(declared(), said, code, relay)
    assert isinstance(found, LoginResult)
    assert (
        found.success,
        found.server_checked,
        found.server_knew_password,
        found.tls,
        found.certificate_error,
    ) == expected


@pytest.mark.parametrize("relay", [relayed(0, 0), relayed(3, 0)])
def test_a_server_that_stops_answering_is_a_gap(declared, relay):
    found = read_result(declared(), TUNNEL + "FAILURE\n", 252, relay)
    assert isinstance(found, Gap)
    assert found.reason is Reason.TIMEOUT


# --- the relay ---------------------------------------------------------------------------------------------------


class Asker:
    """Stands for eapol_test."""

    def __init__(self, port):
        self._place = "127.0.0.1", port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.3)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, identifier, *attributes, secret=OWN, raw=None):
        """The request that was sent, and the answer that came back, or None."""
        sent = raw or codec.build_request(identifier, attributes, secret)
        self.socket.sendto(sent, self._place)
        try:
            answer = codec.parse(self.socket.recv(5000))
        except TimeoutError:
            return sent, None
        proof = codec.check_response(answer, sent[4:20], OWN)
        assert proof.genuine
        assert proof.message_authenticator
        return sent, answer


def relaying(port):
    upstream = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    upstream.connect(("127.0.0.1", port))
    return Relay(upstream, SECRET, OWN, nas_attributes(config()))


HELLO = (
    Attribute(codec.USER_NAME, b"anonymous"),
    Attribute(codec.NAS_IP_ADDRESS, bytes(4)),
    *codec.eap_attributes(eap(2, 1, 1, b"x")),
)
KEY = Attribute(codec.VENDOR, (311).to_bytes(4) + b"\x11\x22" + bytes(32))


def steps(data, _):
    """A challenge, then access with session keys."""
    packet = codec.parse(data)
    assert codec.genuine_request(packet, SECRET)
    if packet.first(codec.STATE) is None:
        return [challenge(data, 25, b"\x20")]
    return [reply(data, codec.ACCEPT, eap(3, 2), KEY, Attribute(codec.TUNNEL_PASSWORD, b"\x80\x00x"))]


def test_both_sides_see_signatures_of_their_own_secret():
    with serving(steps) as (port, received), relaying(port) as relay, Asker(relay.port) as asker:
        sent, first = asker.ask(1, *HELLO)
        _, last = asker.ask(2, *HELLO, Attribute(codec.STATE, b"etat"))
    assert (first.code, first.first(codec.STATE)) == (codec.CHALLENGE, b"etat")
    assert first.eap == eap(1, 7, 25, b"\x20")
    assert (last.code, last.eap) == (codec.ACCEPT, eap(3, 2))
    assert not last.values(codec.VENDOR)
    assert not last.values(codec.TUNNEL_PASSWORD)
    there = codec.parse(received[0])
    assert there.first(codec.USER_NAME) == b"anonymous"
    assert there.values(codec.NAS_IDENTIFIER) == (b"ausculte",)
    assert not there.values(codec.NAS_IP_ADDRESS)
    assert there.raw != sent
    assert (relay.requests, relay.answers, relay.final, relay.dropped) == (2, 2, codec.ACCEPT, 0)


def test_a_second_authentication_is_not_let_through():
    with serving(steps) as (port, received), relaying(port) as relay, Asker(relay.port) as asker:
        asker.ask(1, *HELLO)
        assert asker.ask(2, *HELLO)[1] is None  # again from the beginning
        asker.ask(3, *HELLO, Attribute(codec.STATE, b"etat"))
        assert asker.ask(4, *HELLO, Attribute(codec.STATE, b"etat"))[1] is None  # after the end
    assert len(received) == relay.requests == 2
    assert relay.dropped == 2


def test_another_sender_or_another_secret_is_not_let_through():
    with serving(steps) as (port, received), relaying(port) as relay, Asker(relay.port) as asker:
        assert asker.ask(1, *HELLO, secret=SECRET)[1] is None
        assert asker.ask(1, raw=b"bonjour")[1] is None
        asker.ask(1, *HELLO)
        with Asker(relay.port) as other:
            assert other.ask(2, *HELLO, Attribute(codec.STATE, b"etat"))[1] is None
    assert len(received) == 1


def test_the_same_request_twice_gets_the_same_answer_without_the_server():
    with serving(steps) as (port, received), relaying(port) as relay, Asker(relay.port) as asker:
        sent, first = asker.ask(1, *HELLO)
        _, again = asker.ask(1, raw=sent)
        assert again == first
    assert len(received) == 1
    assert relay.retransmissions == 0


def test_a_lost_request_is_sent_again_unchanged():
    with (
        serving(lambda data, number: [] if number == 0 else steps(data, number)) as (port, received),
        relaying(port) as relay,
        Asker(relay.port) as asker,
    ):
        sent, nothing = asker.ask(1, *HELLO)
        assert nothing is None
        assert asker.ask(1, raw=sent)[1].code == codec.CHALLENGE
    assert received[0] == received[1]
    assert (relay.requests, relay.retransmissions) == (2, 1)


def test_false_answers_are_not_relayed():
    with (
        serving(lambda data, _: [reply(data, codec.ACCEPT, secret=b"autre"), b"x"]) as (port, _),
        relaying(port) as relay,
        Asker(relay.port) as asker,
    ):
        assert asker.ask(1, *HELLO)[1] is None
    assert (relay.answers, relay.final, relay.dropped) == (0, 0, 2)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_datagram_is_dropped_and_the_true_one_passes(datagrams):
    with (
        serving(lambda data, _: [*datagrams, *steps(data, 0)]) as (port, received),
        relaying(port) as relay,
        Asker(relay.port) as asker,
    ):
        for raw in datagrams:
            asker.socket.sendto(raw, ("127.0.0.1", relay.port))
        assert asker.ask(1, *HELLO)[1].code == codec.CHALLENGE
    assert len(received) == relay.answers == 1
