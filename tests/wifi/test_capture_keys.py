"""Key handshakes and EAP: what was captured, what it exposes, and who said who they are."""

from __future__ import annotations

import datetime as dt
import json

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from checks.model import Gap
from checks.wifi.capture.names import Pseudonyms
from checks.wifi.certificate import EapCertificate
from tests.wifi import frames as f
from tests.wifi.reading import SALT, only, read

BEACON = f.beacon(b"Pro", f.rsn())
STATION = Pseudonyms(SALT).station(f.STA)


def shake(tmp_path, *packets, seconds=None):
    return only(read(tmp_path, f.pcap(packets, seconds=seconds)).handshakes)


@pytest.mark.parametrize("akm", [2, 4, 6, 19, 20])
def test_a_shared_password_can_be_tried_on_two_messages(tmp_path, akm):
    found = shake(tmp_path, f.beacon(b"Pro", f.rsn((akm,))), *f.handshake(akm, numbers=(1, 2)))
    assert (found.messages, found.offline_attack, found.client) == ((1, 2), True, STATION)
    assert [packet.number for packet in found.packets] == [2, 3]
    assert "messages 1 et 2" in found.reason


@pytest.mark.parametrize(
    ("akm", "word"),
    [(8, "SAE"), (9, "SAE"), (24, "SAE"), (25, "SAE"), (18, "OWE"), (1, "802.1X"), (5, "802.1X"), (12, "802.1X")],
)
def test_other_keys_cannot_be_tried_offline(tmp_path, akm, word):
    packets = f.handshake(akm, key_data=f.pmkid(), descriptor=0)
    found = shake(tmp_path, f.beacon(b"Pro", f.rsn((akm,))), *packets)
    assert (found.messages, found.offline_attack) == ((1, 2, 3, 4), False)
    assert found.pmkid
    assert word in found.reason


def test_what_the_station_chose_counts_on_a_network_that_offers_both(tmp_path):
    mixed = f.beacon(b"Pro", f.rsn((2, 8), capabilities=0x80))
    assert shake(tmp_path, mixed, *f.handshake(8, descriptor=0)).offline_attack is False
    assert shake(tmp_path, mixed, *f.handshake(2)).offline_attack is True
    asked = f.association(b"Pro", f.rsn((8,), capabilities=0xC0))
    found = shake(tmp_path, mixed, asked, *f.handshake(8, numbers=(1, 3), descriptor=0))
    assert (found.akm, found.offline_attack) == ("SAE", False)


@pytest.mark.parametrize(("descriptor", "akm", "verdict"), [(2, "PSK", True), (0, "SAE", False), (3, "", None)])
def test_without_the_choice_the_key_descriptor_tells(tmp_path, descriptor, akm, verdict):
    """3 fits neither PSK nor SAE: the AKM is then not known, and what a PMKID exposes neither."""
    mixed = f.beacon(b"Pro", f.rsn((2, 8)))
    found = shake(tmp_path, mixed, f.data(f.key(1, key_data=f.pmkid(), descriptor=descriptor)))
    assert (found.akm, found.offline_attack) == (akm, verdict)


def test_without_beacon_nor_choice_the_exposure_is_not_known(tmp_path):
    found = shake(tmp_path, f.data(f.key(1, key_data=f.pmkid())))
    assert (found.akm, found.offline_attack, found.pmkid) == ("", None, True)
    assert "indéterminée" in found.reason


def test_a_pmkid_is_enough_for_a_shared_password(tmp_path):
    found = shake(tmp_path, BEACON, f.data(f.key(1, key_data=f.pmkid())))
    assert (found.messages, found.offline_attack, found.pmkid) == ((1,), True, True)
    zero = shake(tmp_path, BEACON, f.data(f.key(1, key_data=f.pmkid(bytes(16)))))
    assert (zero.offline_attack, zero.pmkid) == (False, False)


def test_a_pmkid_in_an_association_request(tmp_path):
    asked = f.association(b"Pro", f.rsn(pmkids=[bytes([7]) * 16]))
    found = shake(tmp_path, BEACON, asked)
    assert (found.messages, found.pmkid, found.offline_attack) == ((), True, True)


@pytest.mark.parametrize(
    ("numbers", "exposed"),
    [((1,), False), ((2,), False), ((3,), False), ((4,), False), ((1, 3), False), ((2, 4), False), ((3, 4), False),
     ((1, 4), False), ((2, 3), True), ((1, 2), True)],
)  # fmt: skip
def test_which_messages_are_enough(tmp_path, numbers, exposed):
    asked = f.association(b"Pro", f.rsn())
    found = shake(tmp_path, BEACON, asked, *f.handshake(numbers=numbers))
    assert (found.messages, found.offline_attack) == (numbers, exposed)


def test_a_fourth_message_with_a_nonce_is_enough(tmp_path):
    last = f.data(f.key(4, replay=2, nonce=f.SNONCE), up=True)
    third = f.data(f.key(3, replay=2, key_data=b"\xaa" * 8))
    assert shake(tmp_path, BEACON, third, last).offline_attack is True


def test_messages_of_two_exchanges_do_not_pair(tmp_path):
    first = f.data(f.key(1, replay=5))
    second = f.data(f.key(2, replay=6, key_data=f.rsn()), up=True)
    assert shake(tmp_path, BEACON, first, second).offline_attack is False
    far = f.handshake(numbers=(1, 2))
    assert shake(tmp_path, BEACON, *far, seconds=[100, 100, 160]).offline_attack is False
    assert shake(tmp_path, BEACON, *far, seconds=[100, 100, 103]).offline_attack is True


def test_retries_are_counted_once(tmp_path):
    packets = [packet for packet in f.handshake() for _ in range(3)]
    found = shake(tmp_path, BEACON, *packets)
    assert (found.messages, found.retries, found.exchanges) == ((1, 2, 3, 4), 8, 1)
    again = f.data(f.key(1, replay=1, nonce=bytes([8]) * 32))
    assert shake(tmp_path, BEACON, *packets, again).exchanges == 2


def test_wpa_of_2003(tmp_path):
    packets = [
        f.data(f.key(1, wpa_key=True, descriptor=1)),
        f.data(f.key(2, wpa_key=True, descriptor=1, key_data=f.wpa()), up=True),
        f.data(f.key(3, replay=2, wpa_key=True, descriptor=1, key_data=f.wpa())),
        f.data(f.key(4, replay=2, wpa_key=True, descriptor=1), up=True),
    ]
    found = shake(tmp_path, f.beacon(b"Pro", f.wpa()), *packets)
    assert (found.akm, found.messages, found.offline_attack) == ("PSK", (1, 2, 3, 4), True)


@pytest.mark.parametrize("size", [0, 16, 24])
def test_the_size_of_the_mic_depends_on_the_akm(tmp_path, size):
    message = f.data(f.key(2, key_data=f.rsn((12,)), descriptor=0, mic_size=size), up=True)
    found = shake(tmp_path, BEACON, message)
    assert (found.akm, found.messages) == ("802.1X-SUITE-B-192", (2,))


SHAPES = [{}, {"qos": True}, {"qos": True, "order": True}, {"wds": True}, {"wds": True, "qos": True}]


@pytest.mark.parametrize("shape", SHAPES)
def test_headers_of_every_length(tmp_path, shape):
    found = shake(tmp_path, BEACON, f.data(f.key(1, key_data=f.pmkid()), **shape))
    assert found.messages == (1,)


def test_a_key_message_in_an_aggregate_and_behind_a_bridge_tunnel(tmp_path):
    inner = f.SNAP + f.key(1, key_data=f.pmkid())
    aggregate = f.STA + f.AP + len(inner).to_bytes(2) + inner
    assert shake(tmp_path, BEACON, f.data(aggregate, qos=True, snap=b"")).messages == (1,)
    tunnel = f.data(f.key(1, key_data=f.pmkid()), snap=bytes.fromhex("aaaa030000f8"))
    assert shake(tmp_path, BEACON, tunnel).messages == (1,)


def test_protected_or_truncated_messages_prove_nothing(tmp_path):
    hidden = f.data(f.key(1, key_data=f.pmkid()), protected=True)
    assert read(tmp_path, f.pcap([BEACON, hidden])).handshakes == ()
    cut = f.data(f.key(2, key_data=f.rsn()), up=True)[:-10]
    facts = read(tmp_path, f.pcap([BEACON, cut]))
    assert facts.handshakes == ()
    assert "coupé" in only(facts.unreadable).what


def test_group_and_wep_keys_are_not_handshakes(tmp_path):
    group = f.key(3, key_data=b"x" * 8)
    group = group[:7] + (0x1382 & ~8).to_bytes(2) + group[9:]
    wep = f.eapol(3, b"\x01" + bytes(100))
    assert read(tmp_path, f.pcap([BEACON, f.data(group), f.data(wep)])).handshakes == ()


def test_associations_tell_the_key_really_used(tmp_path):
    traffic = [f.data(b"\0" * 20, protected=True)] * 3 + [f.data(b"\x08\0abcd", up=True)]
    asked = f.association(b"Pro", f.rsn((6,), capabilities=0x80), again=True)
    facts = read(tmp_path, f.pcap([BEACON, asked, *traffic]))
    found = only(facts.associations)
    assert (found.akm, found.pmf, found.pairwise, found.ssid) == ("PSK-SHA256", "capable", "CCMP", "Pro")
    assert (found.protected, found.clear, found.client, found.random_address) == (3, 1, STATION, True)
    assert found.packet.number == 2


# --- EAP


def certificate(name="radius.tilleuls.test"):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + dt.timedelta(days=30))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def vector(content, size):
    return len(content).to_bytes(size) + content


def record(kind, content):
    return bytes([kind]) + b"\x03\x03" + vector(content, 2)


def message(kind, content):
    return bytes([kind]) + vector(content, 3)


def server_hello(version=0x0303, extensions=b""):
    return message(2, version.to_bytes(2) + bytes(32) + b"\0" + b"\xc0\x2b" + b"\0" + vector(extensions, 2))


def flight(*certificates):
    chain = b"".join(vector(der, 3) for der in certificates)
    return record(22, server_hello() + message(11, vector(chain, 3)) + message(14, b""))


def fragments(content, size=200, kind=25, first=3):
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    for number, piece in enumerate(pieces):
        flags = (0x80 if number == 0 else 0) | (0x40 if number < len(pieces) - 1 else 0)
        head = bytes([flags]) + (len(content).to_bytes(4) if number == 0 else b"")
        yield f.data(f.eap(1, first + number, kind, head + piece))
        yield f.data(f.eap(2, first + number, kind, b"\0"), up=True)


def conversation(identity=b"infirmiere", kind=25, content=None, end=3):
    yield f.data(f.eap(1, 1, 1))
    yield f.data(f.eap(2, 1, 1, identity), up=True)
    yield f.data(f.eap(1, 2, kind, b"\x20"))
    yield f.data(f.eap(2, 2, kind, b"\0"), up=True)
    yield from fragments(flight(certificate()) if content is None else content, kind=kind)
    yield f.data(f.eap(end, 90))


def session(tmp_path, *packets):
    return only(read(tmp_path, f.pcap(packets)).eap)


def test_peap_seen_from_outside(tmp_path):
    found = session(tmp_path, *conversation())
    assert (found.methods, found.identity_in_clear, found.tls, found.outcome) == (("PEAP",), True, "TLS 1.2", "success")
    assert isinstance(found.certificate, EapCertificate)
    assert found.certificate.names == ("radius.tilleuls.test",)
    assert (found.certificate.self_issued, found.certificate.chain) == (True, 1)
    assert [packet.number for packet in found.packets] == [1, 2]


@pytest.mark.parametrize(
    ("identity", "clear", "realm"),
    [
        (b"infirmiere", True, ""),
        (b"infirmiere@tilleuls.test", True, "tilleuls.test"),
        (b"anonymous@tilleuls.test", False, "tilleuls.test"),
        (b"Anonymous", False, ""),
        (b"@tilleuls.test", False, "tilleuls.test"),
        (b"", False, ""),
        (b"host/poste1.tilleuls.test", True, ""),
        (b"\xff\xfe", True, ""),
    ],
)
def test_who_is_anonymous(tmp_path, identity, clear, realm):
    found = session(tmp_path, *conversation(identity))
    assert (found.identity_in_clear, found.realm, bool(found.identity)) == (clear, realm, clear)


def test_fragments_sent_twice_count_once(tmp_path):
    packets = [packet for packet in conversation() for _ in range(2)]
    assert isinstance(session(tmp_path, *packets).certificate, EapCertificate)


def test_tls_1_3_hides_the_certificate(tmp_path):
    content = record(22, server_hello(extensions=b"\0\x2b\0\x02\x03\x04")) + record(20, b"\x01") + record(23, b"x" * 40)
    found = session(tmp_path, *conversation(content=content))
    assert found.tls == "TLS 1.3"
    assert isinstance(found.certificate, Gap)
    assert "TLS 1.3" in found.certificate.detail


@pytest.mark.parametrize(
    "content", [b"", b"\x16\x03\x03\xff\xff", record(22, server_hello()), record(22, b"\x0b\0\0\x06\0\0\x03\0\0\x00")]
)
def test_a_certificate_that_was_not_seen_is_a_gap(tmp_path, content):
    assert isinstance(session(tmp_path, *conversation(content=content or b"\0")).certificate, Gap)


def test_a_certificate_that_is_not_one(tmp_path):
    found = session(tmp_path, *conversation(content=flight(b"\x30\x03abc")))
    assert isinstance(found.certificate, Gap)
    assert "illisible" in found.certificate.detail


def test_a_method_refused_and_the_one_wanted(tmp_path):
    packets = [
        f.data(f.eap(1, 1, 1)),
        f.data(f.eap(2, 1, 1, b"@tilleuls.test"), up=True),
        f.data(f.eap(1, 2, 25, b"\x20")),
        f.data(f.eap(2, 2, 3, b"\x15"), up=True),
        f.data(f.eap(1, 3, 21, b"\x20")),
        f.data(f.eap(2, 3, 21, b"\0"), up=True),
        f.data(f.eap(4, 4)),
    ]
    found = session(tmp_path, *packets)
    assert (found.methods, found.offered, found.wanted, found.outcome) == (("TTLS",), ("PEAP",), ("TTLS",), "failure")


@pytest.mark.parametrize(
    ("kind", "name"), [(4, "MD5"), (6, "GTC"), (13, "TLS"), (43, "FAST"), (55, "TEAP"), (99, "99")]
)
def test_names_of_methods(tmp_path, kind, name):
    packets = [f.data(f.eap(1, 2, kind, b"\x20")), f.data(f.eap(2, 2, kind, b"\0"), up=True)]
    assert session(tmp_path, *packets).methods == (name,)


def test_wps_enrolment_is_an_expanded_method(tmp_path):
    content = bytes.fromhex("00372a00000001") + b"\x01\0"
    packets = [f.data(f.eap(1, 2, 254, content)), f.data(f.eap(2, 2, 254, content), up=True)]
    assert session(tmp_path, *packets).methods == ("WSC",)


def test_leap_names_the_person_in_its_answer(tmp_path):
    asked = f.data(f.eap(1, 2, 17, b"\x01\0\x08" + bytes(8) + b"cadre"))
    answer = f.data(f.eap(2, 2, 17, b"\x01\0\x18" + bytes(24) + b"cadre"), up=True)
    found = session(tmp_path, asked, answer)
    assert (found.methods, found.identity_in_clear) == (("LEAP",), True)


def test_802_1x_on_a_cable(tmp_path):
    group = bytes.fromhex("0180c2000003")

    def wired(sender, payload):
        return group + sender + payload

    packets = [
        wired(f.STA, f.eapol(1, b"")),
        wired(f.AP, f.eap(1, 1, 1)),
        wired(f.STA, f.eap(2, 1, 1, b"poste1")),
        wired(f.AP, f.eap(1, 2, 13, b"\x20")),
        wired(f.STA, f.eap(2, 2, 13, b"\0")),
        wired(f.AP, f.eap(3, 3)),
        group + f.AP + b"\x08\x00" + bytes(40),
    ]
    found = only(read(tmp_path, f.pcap(packets, f.ETHERNET)).eap)
    assert (found.bssid, found.client) == ("00:11:22:00:00:01", STATION)
    assert (found.methods, found.identity_in_clear, found.outcome) == (("TLS",), True, "success")


# --- people


def test_nothing_in_the_facts_says_who_it_was(tmp_path):
    packets = [BEACON, f.association(b"Pro", f.rsn()), *f.handshake(), *conversation(b"infirmiere@tilleuls.test")]
    packets += [f.probe(b"Maison Dupont"), f.probe(b"Pro"), f.deauthentication(receiver=f.STA)]
    facts = read(tmp_path, f.pcap(packets))
    text = msgspec.json.encode(facts).decode()
    for secret in ("infirmiere", "Dupont", f.STA.hex(":"), f.STA.hex(), SALT.hex()):
        assert secret not in text
    assert STATION in text
    other = msgspec.json.encode(read(tmp_path, f.pcap(packets), salt=bytes(32))).decode()
    assert STATION not in other
    assert json.loads(text)["networks"][0]["bssid"] == "00:11:22:00:00:01"
