"""Questions to servers that answer as a test tells: odd, silent, false, endless. Nothing here is FreeRADIUS."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.common.tls import TlsVersion
from checks.model import Gap, Reason
from checks.wifi.radius import codec, tlspeer
from checks.wifi.radius.authority import MAX_FILE, Authority, parse_authority, read_authority
from checks.wifi.radius.client import Limits, RadiusClient, RadiusError
from checks.wifi.radius.collect import collect
from checks.wifi.radius.config import METHOD_TYPES, RadiusConfig
from checks.wifi.radius.conversation import MAX_FLIGHT, Conversation, read_step
from checks.wifi.radius.facts import Offer
from checks.wifi.radius.presented import named, says_public
from checks.wifi.radius.probe import probe
from tests.wifi.radius import pki
from tests.wifi.radius.fake import SECRET, Permits, asked, challenge, config, eap, reply, serving

PEAP, MD5, GTC = (METHOD_TYPES[name] for name in ("PEAP", "MD5", "GTC"))
START = b"\x20"


def run(answer, *, network=None, secret=SECRET, **more):
    """Facts of one probe, and the datagrams the server received."""
    with serving(answer) as (port, received):
        facts = probe(config(port, **more), secret.decode(), network or Permits(), lambda *_: None, lambda _: None)
    return facts, received


def offering(*kinds):
    """A server with some methods, the first of which it proposes; it says nothing inside them."""

    def answer(data, number):
        kind, content = asked(data)
        if kind == 0 or (kind == 3 and content[0] not in kinds):
            return [reply(data, codec.REJECT, eap(4, 7))]
        if kind in {1, 3}:
            wanted = kinds[0] if kind == 1 else content[0]
            return [challenge(data, wanted, START if wanted == PEAP else bytes(17))]
        return [reply(data, codec.REJECT, eap(4, 7))]

    return answer


def test_exactly_the_methods_of_the_server():
    facts, received = run(offering(MD5, GTC), methods=("PEAP", "GTC", "MD5"))
    assert facts.offers == (
        Offer(method="MD5", answer="offered", first=True),
        Offer(method="PEAP", answer="refused"),
        Offer(method="GTC", answer="offered"),
    )
    assert facts.proposed == "MD5"
    assert (facts.versions, facts.certificate, facts.tls_method) == (None, None, "")
    assert facts.conversations == 3
    # identity; identity and refusal twice; the request without EAP
    assert facts.packets == len(received) == 6


def test_no_identity_but_the_anonymous_one_is_ever_said():
    _, received = run(offering(MD5, PEAP))
    names = {codec.parse(data).first(codec.USER_NAME) for data in received}
    assert names == {b"anonymous@tilleuls.test"}
    assert {asked(data)[1] for data in received if asked(data)[0] == 1} == names
    assert all(codec.genuine_request(codec.parse(data), SECRET) for data in received[:-1])


def test_the_state_of_the_server_is_given_back():
    _, received = run(offering(MD5, PEAP), methods=("PEAP",))
    states = [codec.parse(data).values(codec.STATE) for data in received]
    assert states[:3] == [(), (), (b"etat",)]


def test_the_network_is_asked_before_anything_is_sent():
    network = Permits("hors mandat")
    facts, received = run(offering(MD5), network=network)
    assert network.asked[0][2] == "radius"
    assert received == []
    assert facts.offers.reason is Reason.REFUSED
    assert "hors mandat" in facts.offers.detail
    assert facts.packets == 0


def test_a_silent_server_is_a_gap_and_gets_few_packets():
    facts, received = run(lambda *_: [], timeout=0.05, retries=2)
    assert facts.offers.reason is Reason.TIMEOUT
    assert facts.certificate == facts.versions == facts.plain == facts.offers
    assert len(received) == facts.packets == 3
    assert len(set(received)) == 1


def test_a_lost_packet_is_sent_again():
    inner = offering(MD5)
    facts, _ = run(lambda data, number: [] if number == 0 else inner(data, number), methods=())
    assert facts.offers == (Offer(method="MD5", answer="offered", first=True),)
    assert facts.packets == 3


def test_answers_made_with_another_secret_are_not_believed():
    facts, _ = run(lambda data, _: [reply(data, codec.ACCEPT, secret=b"autre")], timeout=0.05, retries=0)
    assert facts.offers.reason is Reason.MALFORMED
    assert "secret partagé" in facts.offers.detail
    assert facts.false_answers == 1


def test_a_forged_answer_before_the_true_one_is_dropped():
    inner = offering(MD5)

    def answer(data, number):
        forged = reply(data, codec.ACCEPT, secret=b"autre")
        return [b"", b"\x02\x00\x00\x14", forged, *inner(data, number)]

    facts, _ = run(answer, methods=("GTC",))
    assert [one.answer for one in facts.offers] == ["offered", "refused"]
    assert facts.false_answers >= 3


def test_a_closed_port_says_so():
    with serving(lambda *_: []) as (port, _):
        pass
    facts = probe(config(port), "secret", Permits(), lambda *_: None)
    assert facts.offers.reason is Reason.UNREACHABLE


def test_a_refusal_of_the_identity_is_a_gap():
    facts, _ = run(lambda data, _: [reply(data, codec.REJECT, eap(4, 1))])
    assert facts.offers.reason is Reason.REFUSED
    assert "outer_identity" in facts.offers.detail


def test_a_server_that_lets_anybody_in():
    facts, _ = run(lambda data, _: [reply(data, codec.ACCEPT, eap(3, 1))])
    assert facts.offers == (Offer(method="", answer="accepted", first=True),)
    assert facts.plain.code == "Access-Accept"


def test_a_server_that_insists_on_another_method():
    def answer(data, _):
        return [challenge(data, MD5, bytes(17)) if asked(data)[0] else reply(data, codec.REJECT)]

    facts, _ = run(answer, methods=("GTC",))
    assert facts.offers[1].answer == "other"
    assert "MD5" in facts.offers[1].detail


def test_notifications_and_repeated_identities_are_answered():
    def answer(data, number):
        kind = asked(data)[0]
        return [challenge(data, 2 if number == 0 else 1 if number == 1 else MD5 if kind else 0, b"bonjour")]

    facts, received = run(answer, methods=())
    assert facts.proposed == "MD5"
    assert [asked(data)[0] for data in received[:3]] == [1, 2, 1]


def test_a_server_that_only_notifies_is_left():
    facts, received = run(lambda data, _: [challenge(data, 2, b"encore")])
    assert facts.offers.reason is Reason.MALFORMED
    assert len(received) == 4


@pytest.mark.parametrize(
    "message", [b"", b"\x01", eap(1, 1), eap(2, 1, 4), eap(1, 1, 3), eap(1, 1, 0), b"\x01\x01\x00\xff\x04"]
)
def test_an_unreadable_challenge_is_a_gap(message):
    facts, _ = run(lambda data, _: [reply(data, codec.CHALLENGE, message)])
    assert facts.offers.reason is Reason.MALFORMED


def test_the_budget_leaves_methods_unknown():
    facts, received = run(offering(MD5, GTC), max_packets=4)
    assert len(received) == facts.packets == 4
    answers = {one.method: one.answer for one in facts.offers}
    assert list(answers.values()).count("unknown") == 8
    assert isinstance(facts.plain, Gap)


def test_a_plain_request_is_alone_without_signature():
    facts, received = run(offering(MD5), methods=())
    last = codec.parse(received[-1])
    assert not last.values(codec.MESSAGE_AUTHENTICATOR)
    assert not last.eap
    assert not last.values(2)  # User-Password
    assert (facts.plain.code, facts.plain.signed, facts.plain.signed_first) == ("Access-Reject", True, True)
    assert (facts.signatures.answers, facts.signatures.signed_first) == (1, 1)


def unsigned(data, code, *attributes):
    import hashlib

    request = codec.parse(data)
    body = b"".join(bytes([one.kind, len(one.value) + 2]) + one.value for one in attributes)
    head = bytes([code, request.identifier]) + (20 + len(body)).to_bytes(2)
    return head + hashlib.md5(head + request.authenticator + body + SECRET).digest() + body


def test_answers_without_message_authenticator_are_told():
    def answer(data, _):
        if asked(data)[0]:
            return [unsigned(data, codec.CHALLENGE, *codec.eap_attributes(eap(1, 9, MD5, bytes(17))))]
        return [unsigned(data, codec.REJECT)]

    facts, _ = run(answer, methods=())
    assert (facts.signatures.answers, facts.signatures.signed) == (1, 0)
    assert (facts.plain.code, facts.plain.signed) == ("Access-Reject", False)


@pytest.mark.parametrize("answered", [True, False])
def test_a_server_that_ignores_unsigned_requests(answered):
    """Or every request without EAP, which is not the same thing."""
    inner = offering(MD5)

    def answer(data, number):
        heard = asked(data)[0] or (answered and codec.parse(data).signed)
        return inner(data, number) if heard else []

    facts, received = run(answer, methods=(), timeout=0.05)
    assert (facts.plain.code, facts.plain.answered_signed) == ("", answered)
    assert [codec.parse(data).signed for data in received] == [True, False, False, True] + [True] * (not answered)


def test_an_endless_tls_message_is_stopped():
    def answer(data, number):
        if asked(data)[0] == 1:
            return [challenge(data, PEAP, START)]
        return [challenge(data, PEAP, b"\x40" + bytes(1000), identifier=number % 250)]

    facts, received = run(answer, methods=(), max_packets=600)
    assert facts.versions.reason is Reason.MALFORMED
    assert isinstance(facts.certificate, Gap)
    assert len(received) < 4 * (MAX_FLIGHT // 1000 + 10)


def test_long_data_leaves_in_fragments():
    pieces = []

    def answer(data, _):
        kind, content = asked(data)
        if kind == 1:
            return [challenge(data, PEAP, START)]
        pieces.append(content)
        return [challenge(data, PEAP, b"\x00" if content[0] & 0x40 else b"\x00fin")]

    with serving(answer) as (port, _), RadiusClient("127.0.0.1", port, SECRET, Limits(1, 0, 20, 10)) as client:
        talk = Conversation(client, "anonymous", ())
        _, said = talk.send_tls(talk.begin(), bytes(2500))
    assert [piece[0] for piece in pieces] == [0xC0, 0x40, 0x00]
    assert pieces[0][1:5] == (2500).to_bytes(4)
    assert sum(len(piece) for piece in pieces) == 2500 + 4 + 3
    assert said == b"fin"


def server_hello(version):
    legacy = min(version.wire, 0x0303).to_bytes(2)
    extension = b"\x00\x2b\x00\x02" + version.wire.to_bytes(2)
    tail = len(extension).to_bytes(2) + extension if version is TlsVersion.TLS1_3 else b"\0\0"
    body = legacy + bytes(32) + b"\0" + b"\x13\x01" + b"\0" + tail
    return b"\x16\x03\x03" + (4 + len(body)).to_bytes(2) + b"\x02" + len(body).to_bytes(3) + body


def versions_of(*accepted):
    """What the walk finds on a server that accepts those versions."""

    def answer(data, _):
        kind, content = asked(data)
        if kind == 1:
            return [challenge(data, PEAP, START)]
        hello = content[1:]
        offered = {0x0304} if b"\x00\x2b" in hello else set()
        offered |= set(range(0x0301, int.from_bytes(hello[9:11]) + 1))
        shared = [one for one in accepted if one.wire in offered]
        if not shared:
            return [challenge(data, PEAP, b"\x00\x15\x03\x03\x00\x02\x02\x46")]
        return [challenge(data, PEAP, b"\x00" + server_hello(max(shared, key=lambda one: one.wire)))]

    with serving(answer) as (port, _), RadiusClient("127.0.0.1", port, SECRET, Limits(1, 0, 50, 10)) as client:

        def start():
            talk = Conversation(client, "anonymous", ())
            return talk, talk.begin()

        return tlspeer.accepted_versions(start).accepted


T = TlsVersion


@pytest.mark.parametrize(
    "accepted",
    [
        (T.TLS1_3, T.TLS1_2, T.TLS1_1, T.TLS1_0),
        (T.TLS1_3, T.TLS1_2),
        (T.TLS1_3,),
        (T.TLS1_2,),
        (T.TLS1_2, T.TLS1_1, T.TLS1_0),
        (T.TLS1_1, T.TLS1_0),
        (T.TLS1_0,),
        (),
    ],
)
def test_exactly_the_versions_of_the_server(accepted):
    assert versions_of(*accepted) == tuple(map(str, accepted))


def test_a_version_that_was_not_proposed_is_a_gap():
    def answer(data, _):
        kind, _ = asked(data)
        return [challenge(data, PEAP, START if kind == 1 else b"\x00" + server_hello(T.TLS1_2))]

    with serving(answer) as (port, _), RadiusClient("127.0.0.1", port, SECRET, Limits(1, 0, 50, 10)) as client:

        def start():
            talk = Conversation(client, "anonymous", ())
            return talk, talk.begin()

        assert tlspeer.accepted_versions(start).accepted.reason is Reason.MALFORMED


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_any_server_gives_facts(contents):
    """Whatever it says inside EAP and TLS: facts, within the budget."""

    def answer(data, number):
        kind, _ = asked(data)
        if kind == 1:
            return [challenge(data, PEAP, START)]
        return [challenge(data, PEAP, contents[number % len(contents)])]

    facts, received = run(answer, methods=(), max_packets=40, timeout=0.5)
    assert facts.proposed == "PEAP"
    assert len(received) == facts.packets <= 40
    assert facts.certificate is not None


@given(st.integers(0, 255), st.binary(max_size=60))
def test_any_eap_packet_is_a_step_or_a_gap(code, message):
    try:
        step = read_step(code, message)
    except RadiusError as error:
        step = error.gap
    assert getattr(step, "reason", None) is Reason.MALFORMED or step.asks == (code == codec.CHALLENGE)


def test_a_server_in_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
            one.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with serving(offering(MD5), "::1") as (port, _):
        found = probe(config(port, server="::1", methods=()), SECRET.decode(), Permits(), lambda *_: None)
    assert found.proposed == "MD5"


def test_without_an_account_no_password_is_asked_for():
    asked_for = []
    with serving(offering(MD5)) as (port, _):
        found = collect(
            config(port, methods=()), lambda name: asked_for.append(name) or "x" * 16, Permits(), lambda *_: None
        )
    assert found.login is None
    assert asked_for == ["env:RADIUS"]


def test_a_silent_server_gets_no_login(tmp_path):
    asked_for = []
    with serving(lambda *_: []) as (port, received):
        given = config(port, timeout=0.05, retries=0, **LOGIN)
        found = collect(given, lambda name: asked_for.append(name) or "x" * 16, Permits(), lambda *_: None)
    assert found.login == found.offers
    assert found.login.reason is Reason.TIMEOUT
    assert asked_for == ["env:RADIUS"]
    assert len(received) == 1


# --- names and authorities ---------------------------------------------------------------------------------------


def described(leaf):
    from checks.wifi.capture.eap import describe_chain

    return describe_chain((leaf.der,))


def test_the_name_is_looked_for_where_stations_look():
    ca = pki.authority()
    assert named(described(pki.leaf(ca)), "radius.tilleuls.test")
    assert not named(described(pki.leaf(ca)), "radius.tilleuls.test.pirate.test")
    assert named(described(pki.leaf(ca, names=())), "RADIUS.tilleuls.test.")
    assert not named(described(pki.leaf(ca, names=("*.tilleuls.test",))), "radius.tilleuls.test")
    assert not named(described(pki.leaf(ca, names=("autre.tilleuls.test",))), "radius.tilleuls.test")


def test_an_authority_is_read_in_both_forms(tmp_path):
    ca = pki.authority()
    for content in (ca.pem, ca.der, b"texte\n" + ca.pem + b"suite\n" + pki.authority("AC 2").pem):
        (tmp_path / "ca").write_bytes(content)
        found = read_authority(str(tmp_path / "ca"))
        assert isinstance(found, Authority)
        assert found.subject == "CN=AC Les Tilleuls"
    assert found.pem.count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"bonjour", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", b"\x30" * (MAX_FILE + 1)],
)
def test_what_is_not_an_authority_is_a_gap(tmp_path, content):
    (tmp_path / "ca.pem").write_bytes(content)
    assert read_authority(str(tmp_path / "ca.pem")).reason is Reason.NOT_CONFIGURED
    assert read_authority(str(tmp_path / "absent")).reason is Reason.NOT_CONFIGURED
    assert read_authority(str(tmp_path)).reason is Reason.NOT_CONFIGURED
    assert read_authority("") is None


@given(st.binary(max_size=300))
def test_any_bytes_say_public_or_not(der):
    assert says_public(der) is False


@given(st.binary(max_size=300))
def test_any_content_is_an_authority_or_not(raw):
    assert parse_authority(raw) is None
    parse_authority(b"-----BEGIN CERTIFICATE-----" + raw + b"-----END CERTIFICATE-----")


# --- profile -----------------------------------------------------------------------------------------------------

LOGIN = {"identity": "testeur", "password_from": "env:P", "ca_file": "ca.pem", "server_name": "radius.tilleuls.test"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"server": "pas un nom"}, "adresse ni le nom"),
        ({"server": "a." * 200}, "adresse ni le nom"),
        ({"secret_from": ""}, "secret partagé manque"),
        ({"ssid": "x" * 33}, "SSID"),
        ({"realm": "", "outer_identity": ""}, "realm"),
        ({"realm": "a\nb"}, "contrôle"),
        ({"nas_identifier": ""}, "nas_identifier"),
        ({"methods": ("PEAP", "XYZ")}, "inconnue"),
        ({"methods": ("PEAP", "PEAP")}, "deux fois"),
        ({"login_inner": "CHAP"}, "login_inner"),
        ({"password_from": "env:P"}, "identifiant"),
        ({**LOGIN, "ca_file": ""}, "serveur est vérifié"),
        ({**LOGIN, "server_name": ""}, "serveur est vérifié"),
        ({**LOGIN, "password_from": ""}, "password_from"),
        ({**LOGIN, "login_inner": "PAP"}, "PEAP ne transporte pas PAP"),
        ({**LOGIN, "login_method": "TLS"}, "client_certificate"),
        ({**LOGIN, "outer_identity": "Testeur"}, "compte de personne"),
    ],
)
def test_a_profile_that_could_not_be_tried_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        config(**change)


def test_a_profile_decodes_from_a_table():
    import msgspec

    table = {"server": "radius.tilleuls.test", "secret_from": "env:R", "realm": "tilleuls.test", **LOGIN}
    found = msgspec.convert(table, RadiusConfig)
    assert found.targets() == ("radius.tilleuls.test",)
    assert found.outer == "anonymous@tilleuls.test"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**table, "retries": 3}, RadiusConfig)
