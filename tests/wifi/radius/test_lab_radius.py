"""Real servers and stations: FreeRADIUS, hostapd on a cable, wpa_supplicant and eapol_test, in places of the test's own."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes

from checks.common.textfile import SourceFile
from checks.model import Context, Gap, Reason, Severity, Verdict
from checks.wifi.capture.reader import read_captures
from checks.wifi.exports import wpa_supplicant
from checks.wifi.exports.clients import exposed_to_evil_twin
from checks.wifi.exports.keys import Keys
from checks.wifi.radius import attempt, codec, eapol, judge, judge_certificate, peer
from checks.wifi.radius.config import METHOD_TYPES, RadiusConfig
from checks.wifi.radius.facts import LoginResult, RadiusFacts
from checks.wifi.radius.probe import probe
from tests.wifi.radius import pki
from tests.wifi.radius.fake import Permits
from tests.wifi.radius.freeradius import PASSWORD, SECRET, USER, materials, need, running
from tests.wifi.radius.wired import AP_MAC, RADIUS_PORT, SSID, authenticating, cable
from tests.wifi.reading import SALT, only

pytestmark = pytest.mark.lab

NOW = dt.datetime.now(dt.UTC)
CONTEXT = Context(now=NOW)
NAMES = {"peap": "PEAP", "ttls": "TTLS", "tls": "TLS", "md5": "MD5", "gtc": "GTC", "mschapv2": "MSCHAPV2"}
NAMES |= {"fast": "FAST", "pwd": "PWD"}


@pytest.fixture(scope="module")
def pair():
    return materials()


def config(folder, port, ca=None, **more):
    values = {
        "server": "127.0.0.1",
        "port": port,
        "secret_from": "env:RADIUS",
        "realm": "tilleuls.test",
        "ssid": SSID,
        "server_name": pki.SERVER_NAME,
        "timeout": 1.0,
        "retries": 1,
        "pause": 0,
        **more,
    }
    if ca is not None:
        (folder / "ca.pem").write_bytes(ca.pem)
        values.setdefault("ca_file", str(folder / "ca.pem"))
    return RadiusConfig(**values)


def questioned(folder, server, ca=None, **more):
    network = Permits()
    found = probe(config(folder, server.port, ca, **more), SECRET, network, lambda *_: None)
    assert network.asked == [("127.0.0.1", server.port, "radius")]
    assert SECRET not in msgspec.json.encode(found).decode()
    return found


def verdict(control, found):
    return only(control(found, CONTEXT)).verdict


# --- questions without a password --------------------------------------------------------------------------------

SERVERS = [
    (("peap", "ttls", "tls"), ("1.2", "1.2"), "no", ("TLS 1.2",)),
    (("tls",), ("1.3", "1.3"), "yes", ("TLS 1.3",)),
    (("md5", "gtc", "mschapv2", "peap"), ("1.0", "1.2"), "no", ("TLS 1.2", "TLS 1.1", "TLS 1.0")),
    (("ttls", "fast", "pwd"), ("1.2", "1.3"), "no", ("TLS 1.3", "TLS 1.2")),
    (("gtc", "tls"), ("1.0", "1.1"), "yes", ("TLS 1.1", "TLS 1.0")),
    (("md5",), ("1.2", "1.2"), "no", None),
]


@pytest.mark.parametrize(
    ("methods", "limits", "require", "versions"), SERVERS, ids=lambda value: "-".join(value or ("none",))
)
def test_exactly_what_the_server_is_configured_with(tmp_path, pair, methods, limits, require, versions):
    ca, leaf = pair
    with running(tmp_path / "fr", leaf, ca, methods=methods, versions=limits, require=require) as server:
        found = questioned(tmp_path, server, ca)
        rejected = server.logins("Login incorrect")
        assert not server.logins("Login OK")
    assert {one.method for one in found.offers if one.answer == "offered"} == {NAMES[name] for name in methods}
    assert {one.answer for one in found.offers} <= {"offered", "refused"}
    assert {one.method for one in found.offers} == set(METHOD_TYPES)
    assert found.proposed == NAMES[methods[0]]
    assert found.versions == versions
    if versions:
        assert found.certificate.certificate.sha256 == leaf.certificate.fingerprint(hashes.SHA256()).hex()
        assert found.certificate.tls == ("TLS 1.3" if versions == ("TLS 1.3",) else min(versions[0], "TLS 1.2"))
        assert (found.certificate.trusted, found.certificate.name_matches, found.certificate.public) == (
            True,
            True,
            False,
        )
    else:
        assert found.certificate is None
    assert found.signatures.answers == found.signatures.signed > 0
    assert found.plain.code == ("" if require == "yes" else "Access-Reject")
    assert found.plain.answered_signed is (True if require == "yes" else None)
    assert found.false_answers == 0
    weak = bool({"md5", "gtc", "mschapv2"} & set(methods))
    assert verdict(judge.methods, found) == (Verdict.FAIL if weak else Verdict.PASS)
    # Debian 12 has FreeRADIUS 3.2.1, which does not sign the refusal of a request without EAP.
    assert verdict(judge.signed_answers, found) == (Verdict.PASS if require == "yes" else Verdict.FAIL)
    old = versions is not None and "TLS 1.0" in versions
    expected = Verdict.NOT_APPLICABLE if versions is None else Verdict.FAIL if old else Verdict.PASS
    assert verdict(judge.tls_versions, found) == expected
    assert all("anonymous@tilleuls.test" in line for line in rejected)


def chains():
    ca = pki.authority()
    middle_key = pki.authority("AC intermédiaire")
    middle = pki.Pair(
        middle_key.key,
        pki.builder("AC intermédiaire", "AC Les Tilleuls", middle_key.key, 20, 30)
        .add_extension(pki.x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ca.key, hashes.SHA256()),
    )
    certificate = judge_certificate
    yield "another authority", ca, [pki.leaf(pki.authority("AC pirate"))], {certificate.chain: Verdict.FAIL}
    alone = {certificate.chain: Verdict.FAIL, certificate.authority: Verdict.FAIL}
    yield "self-signed", ca, [pki.leaf(None)], alone
    yield "another name", ca, [pki.leaf(ca, "imprimante.tilleuls.test")], {certificate.name: Verdict.FAIL}
    yield "any name", ca, [pki.leaf(ca, names=("*.tilleuls.test",))], {certificate.name: Verdict.FAIL}
    yield "a name in the subject only", ca, [pki.leaf(ca, names=())], {}
    yield "soon over", ca, [pki.leaf(ca, days=40)], {certificate.dates: Verdict.FAIL}
    yield "over", ca, [pki.leaf(ca, days=-2)], {certificate.dates: Verdict.FAIL}
    yield "short key", ca, [pki.leaf(ca, rsa_bits=1024)], {certificate.strength: Verdict.FAIL}
    yield "for stations", ca, [pki.leaf(ca, usage="client")], {certificate.chain: Verdict.FAIL}
    yield "an intermediate that ends first", ca, [pki.leaf(middle), middle], {certificate.dates: Verdict.FAIL}


@pytest.mark.parametrize(("ca", "chain", "faults"), [pytest.param(*case[1:], id=case[0]) for case in chains()])
def test_what_is_wrong_with_a_certificate_and_only_that(tmp_path, ca, chain, faults):
    with running(tmp_path / "fr", chain, ca, methods=("peap",)) as server:
        found = questioned(tmp_path, server, ca, methods=("PEAP",))
    for control in (
        judge_certificate.chain,
        judge_certificate.name,
        judge_certificate.dates,
        judge_certificate.strength,
        judge_certificate.authority,
    ):
        assert verdict(control, found) == faults.get(control, Verdict.PASS), control.__name__


@pytest.mark.parametrize(
    ("policy", "in_store", "public"),
    [
        ("2.23.140.1.2.1", True, True),
        ("2.23.140.1.2.1", False, False),
        ("1.3.6.1.4.1.99999.1", True, False),
        ("", True, False),
    ],
)
def test_a_public_authority_is_told_from_ours_installed_on_this_machine(
    tmp_path, pair, monkeypatch, policy, in_store, public
):
    ca, _ = pair
    (tmp_path / "store.pem").write_bytes((ca if in_store else pki.authority("AC autre")).pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "store.pem"))
    with running(tmp_path / "fr", pki.leaf(ca, policy=policy), ca, methods=("peap",)) as server:
        found = questioned(tmp_path, server, ca, methods=("PEAP",))
    assert found.certificate.public is public
    assert verdict(judge_certificate.authority, found) is (Verdict.FAIL if public else Verdict.PASS)


def test_a_certificate_in_many_fragments(tmp_path, pair):
    ca, _ = pair
    chain = [pki.leaf(ca, rsa_bits=4096), *(pki.authority(f"AC {number}") for number in range(6))]
    with running(tmp_path / "fr", chain, ca, methods=("ttls",), fragment=200) as server:
        found = questioned(tmp_path, server, ca, methods=("TTLS",))
    assert found.certificate.certificate.chain >= 7
    assert found.certificate.trusted
    assert found.packets > 40


def test_another_secret_is_a_gap_and_sends_two_packets(tmp_path, pair):
    ca, leaf = pair
    with running(tmp_path / "fr", leaf, ca, methods=("peap",)) as server:
        found = probe(config(tmp_path, server.port, timeout=0.3), "autre secret", Permits(), lambda *_: None)
        assert "invalid Message-Authenticator" in server.log()
    assert found.offers.reason is Reason.TIMEOUT
    assert found.packets == 2


@pytest.mark.parametrize("methods", ["PEAP,TTLS,TLS", "TTLS,MD5,GTC,MSCHAPV2"])
def test_another_make_of_server(tmp_path, pair, methods):
    """The server inside hostapd, which shares no code with FreeRADIUS: nothing here may be true of one only."""
    ca, leaf = pair
    with authenticating(tmp_path / "hostapd", leaf, ca, methods) as server:
        found = questioned(tmp_path, server, ca, timeout=0.5)
        if "PEAP" in methods:
            done = logged_in("ausculte", tmp_path, server, ca)
            refused = logged_in("ausculte", tmp_path, server, ca, password="Mauvais-2026")
            assert (done.success, done.server_knew_password, refused.success) == (True, True, False)
    assert {one.method for one in found.offers if one.answer == "offered"} == set(methods.split(","))
    assert {one.answer for one in found.offers} == {"offered", "refused"}
    assert found.proposed == methods.split(",")[0]
    assert found.versions == ("TLS 1.2",)
    assert found.certificate.certificate.sha256 == leaf.certificate.fingerprint(hashes.SHA256()).hex()
    assert found.certificate.trusted is True
    # It ignores what has no EAP, signed or not: that says nothing of signatures.
    assert (found.plain.code, found.plain.answered_signed) == ("", False)
    assert verdict(judge.signed_answers, found) is Verdict.NOT_ASSESSED


# --- in a worker, behind mandate and journal, with packets counted -----------------------------------------------

WORKER = """
import datetime as dt, sys
from pathlib import Path
import msgspec
from agent.journal import Journal
from agent.mandate import MandateGuard
from agent.network import GuardedNetwork, install_audit_hook
from agent.profile import Mandate
from checks.wifi.radius.collect import collect
from checks.wifi.radius.config import RadiusConfig

today = dt.date.today()
mandate = Mandate(
    authorised_by="Direction", signed_on=today, valid_from=today, valid_to=today, emergency_contact="astreinte",
    networks=(sys.argv[4],),
)
config = msgspec.json.decode(sys.argv[1], type=RadiusConfig)
secrets = dict(zip(("env:RADIUS", "env:P"), sys.stdin.read().split()))
clock = lambda: dt.datetime.now(dt.UTC)
guarded = GuardedNetwork(MandateGuard(mandate, ()), Journal(Path(sys.argv[2]), "wifi", clock), (), clock)
install_audit_hook(guarded)
facts = collect(config, secrets.__getitem__, guarded, lambda *_: None)
guarded.close()
Path(sys.argv[3]).write_bytes(msgspec.json.encode(facts))
"""
SERVER_ADDRESS = "10.10.0.5"


@pytest.mark.parametrize(("network", "allowed"), [("10.10.0.0/24", True), ("10.20.0.0/24", False)])
def test_in_a_worker_every_packet_is_permitted_and_counted(tmp_path, pair, network, allowed):
    ca, leaf = pair
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    with (
        cable(tmp_path, own_address=SERVER_ADDRESS) as wire,
        wire.server(tmp_path / "fr", leaf, ca, methods=("peap", "ttls"), address=SERVER_ADDRESS) as server,
        wire.recording("lo") as recorded,
    ):
        asked = config(tmp_path, RADIUS_PORT, ca, server=SERVER_ADDRESS, identity=USER, password_from="env:P")
        argv = [sys.executable, "-c", WORKER, msgspec.json.encode(asked).decode()]
        argv += [str(tmp_path / "journal.jsonl"), str(tmp_path / "facts.json"), network]
        subprocess.run(
            ["ip", "netns", "exec", wire.switch, *argv], check=True, timeout=60, input=f"{SECRET} {PASSWORD}", text=True
        )
        logged = server.logins("Login OK")
    found = msgspec.json.decode((tmp_path / "facts.json").read_bytes(), type=RadiusFacts)
    requests, _ = radius_packets(recorded)
    journal = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    if allowed:
        assert found.versions == ("TLS 1.2",)
        counts = [(line["target"], line["count"]) for line in journal if line["protocol"] == "udp sendto"]
        assert counts == [(SERVER_ADDRESS, found.packets + found.login.requests)]
        assert len(requests) == found.packets + found.login.requests
        # A worker may not start a program: our own peer logs in, once.
        assert (found.login.success, found.login.program) == (True, "ausculte")
        assert len([line for line in logged if "TLS tunnel" not in line]) == 1
    else:
        assert found.packets == len(requests) == len(logged) == 0
        assert found.offers.reason is found.login.reason is Reason.REFUSED


def radius_packets(path):
    """Requests and answers of a capture of Ethernet frames, read without the code under test."""
    raw, at, requests, answers = path.read_bytes(), 24, [], []
    while at + 16 <= len(raw):
        size = int.from_bytes(raw[at + 8 : at + 12], "little")
        frame = raw[at + 16 : at + 16 + size]
        at += 16 + size
        if frame[12:14] == b"\x08\x00" and frame[23] == 17:
            payload = frame[14 + 4 * (frame[14] & 15) + 8 :]
            (requests if payload[0] == codec.REQUEST else answers).append(payload)
    return requests, answers


# --- one login ---------------------------------------------------------------------------------------------------


PROGRAMS = {"eapol_test": eapol.login, "ausculte": peer.login}
both = pytest.mark.parametrize("program", PROGRAMS)


def logged_in(program, folder, server, ca, password=PASSWORD, **more):
    if program == "eapol_test":
        need(program)
    network = Permits()
    asked = config(folder, server.port, ca, **{"identity": USER, "password_from": "env:P", **more})
    found = PROGRAMS[program](asked, SECRET, password, network)
    assert network.asked == [("127.0.0.1", server.port, "radius")]
    assert password not in repr(found)
    assert found.program == program
    return found


@both
def test_logins_that_work(tmp_path, pair, program):
    ca, leaf = pair
    station = pki.leaf(ca, "poste1.tilleuls.test", usage="client")
    (tmp_path / "poste.pem").write_bytes(station.pem)
    (tmp_path / "poste.key").write_bytes(station.key_pem)
    files = {"client_certificate": str(tmp_path / "poste.pem"), "client_key_file": str(tmp_path / "poste.key")}
    with running(tmp_path / "fr", leaf, ca, methods=("peap", "ttls", "tls")) as server:
        done = [
            logged_in(program, tmp_path, server, ca),
            logged_in(program, tmp_path, server, ca, login_inner="GTC"),
            logged_in(program, tmp_path, server, ca, login_method="TTLS", login_inner="PAP"),
            *([logged_in(program, tmp_path, server, ca, login_method="TTLS")] if program == "eapol_test" else []),
            logged_in(
                program,
                tmp_path,
                server,
                ca,
                login_method="TLS",
                identity="poste1",
                password_from="",
                password="inutile",
                **files,
            ),
        ]
        outer = [line for line in server.logins("Login OK") if "TLS tunnel" not in line]
    knew = [True, None, None, True, None] if program == "eapol_test" else [True, None, None, None]
    assert [(one.success, one.server_checked, one.tls) for one in done] == [(True, True, "TLS 1.2")] * len(knew)
    assert [one.server_knew_password for one in done] == knew
    assert len(outer) == len(knew)
    assert verdict(judge.login, RadiusFacts(server="x", port=1, offers=(), login=done[0])) is Verdict.PASS


@both
def test_a_wrong_password_is_tried_once(tmp_path, pair, program):
    ca, leaf = pair
    with running(tmp_path / "fr", leaf, ca, methods=("peap", "ttls")) as server:
        found = logged_in(program, tmp_path, server, ca, password="Mauvais-2026")
        refused = [line for line in server.logins("Login incorrect") if f"[{USER}]" in line]
    assert (found.success, found.server_checked, found.certificate_error) == (False, True, "")
    assert found.requests <= 10
    assert len(refused) == 1
    assert found.retransmissions == 0
    assert verdict(judge.login, RadiusFacts(server="x", port=1, offers=(), login=found)) is Verdict.FAIL


@both
@pytest.mark.parametrize("change", ["authority", "name", "wildcard"])
def test_a_server_that_is_not_the_declared_one_gets_no_password(tmp_path, pair, change, program):
    ca, leaf = pair
    more = {"server_name": "autre.tilleuls.test"} if change == "name" else {}
    declared = pki.authority("AC attendue") if change == "authority" else ca
    leaf = pki.leaf(ca, names=("*.tilleuls.test",)) if change == "wildcard" else leaf
    with running(tmp_path / "fr", leaf, ca, methods=("ttls",), goodpass="yes") as server:
        found = logged_in(program, tmp_path, server, declared, login_method="TTLS", login_inner="PAP", **more)
        assert f"[{USER}" not in server.log()
    assert isinstance(found, LoginResult)
    assert (found.success, found.server_checked) == (False, False)
    assert found.certificate_error


@both
def test_a_silent_server_is_a_gap(tmp_path, pair, program):
    ca, leaf = pair
    with running(tmp_path / "fr", leaf, ca, methods=("peap",)) as server:
        if program == "eapol_test":
            need(program)
        asked = config(tmp_path, server.port, ca, identity=USER, password_from="env:P", timeout=0.5, retries=0)
        found = PROGRAMS[program](asked, "autre secret", PASSWORD, Permits())
        assert not server.logins("Login")
    assert isinstance(found, Gap)
    assert found.reason is Reason.TIMEOUT


# --- stations on a cable -----------------------------------------------------------------------------------------


def profile(ca="", name="", method="TTLS", inner="PAP", identity=USER, more=""):
    lines = [
        "ap_scan=0",
        "network={",
        f'ssid="{SSID}"',
        "key_mgmt=IEEE8021X",
        f"eap={method}",
        f'identity="{identity}"',
        more or f'anonymous_identity="anonymous@tilleuls.test"\npassword="{PASSWORD}"\nphase2="auth={inner}"',
        f'ca_cert="{ca}"' if ca else "",
        f'domain_match="{name}"' if name else "",
        "}",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def exposed(text):
    """What our reader of profiles says of this very one."""
    file = SourceFile(name="wpa_supplicant.conf", text=text, sha256="")
    return exposed_to_evil_twin(only(wpa_supplicant.parse(file, Keys()).clients))


def test_what_a_capture_shows_is_what_was_configured(tmp_path, pair):
    """PEAP, TTLS and TLS on the cable, and the same exchanges between the switch and its server."""
    ca, leaf = pair
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    station = pki.leaf(ca, "poste1.tilleuls.test", usage="client")
    (tmp_path / "poste.pem").write_bytes(station.pem)
    (tmp_path / "poste.key").write_bytes(station.key_pem)
    own = f'client_cert="{tmp_path}/poste.pem"\nprivate_key="{tmp_path}/poste.key"'
    authority = str(tmp_path / "ca.pem")
    cases = {
        "PEAP": (profile(authority, pki.SERVER_NAME, "PEAP", "MSCHAPV2"), False),
        "TTLS": (profile(authority, pki.SERVER_NAME), False),
        "TLS": (profile(authority, pki.SERVER_NAME, "TLS", identity="poste1", more=own), True),
    }
    with cable(tmp_path) as wire, wire.server(tmp_path / "fr", leaf, ca, methods=("peap", "ttls", "tls")):
        for method, (text, in_clear) in cases.items():
            with wire.recording("port") as on_cable, wire.recording("lo") as to_server:
                joined, said = wire.join(text)
            assert joined, said
            for path in (on_cable, to_server):
                facts = read_captures([path], salt=SALT)
                session = only(facts.eap)
                assert method in session.methods
                assert session.identity_in_clear is in_clear
                assert session.realm == ("" if in_clear else "tilleuls.test")
                assert session.bssid == AP_MAC
                assert (session.tls, session.outcome) == ("TLS 1.2", "success")
                assert session.certificate.sha256 == leaf.certificate.fingerprint(hashes.SHA256()).hex()
                assert session.certificate.names == (pki.SERVER_NAME,)
            requests, answers = radius_packets(to_server)
            assert len(requests) == len(answers) > 3
            assert PASSWORD.encode() not in on_cable.read_bytes() + to_server.read_bytes()


def test_an_evil_twin_gets_the_password_of_exactly_the_profiles_said_exposed(tmp_path, pair):
    """Two false servers: one with an authority of its own, one with a certificate of the place, made for a printer."""
    ca, _ = pair
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    pirate = pki.authority("AC pirate")
    twins = {"pirate": (pirate, pki.leaf(pirate)), "printer": (ca, pki.leaf(ca, "imprimante.tilleuls.test"))}
    authority = str(tmp_path / "ca.pem")
    profiles = {
        "nothing": profile(),
        "authority": profile(authority),
        "both": profile(authority, pki.SERVER_NAME),
    }
    caught = {}
    anybody = {"users": "DEFAULT Auth-Type := Accept", "goodpass": "yes", "methods": ("ttls",)}
    with cable(tmp_path) as wire:
        for twin, (its_ca, leaf) in twins.items():
            with wire.server(tmp_path / twin, leaf, its_ca, **anybody) as server:
                for name, text in profiles.items():
                    before = server.log().count(PASSWORD)
                    joined, _ = wire.join(text)
                    caught[twin, name] = server.log().count(PASSWORD) > before
                    assert joined == caught[twin, name]
    assert caught == {
        ("pirate", "nothing"): True,
        ("pirate", "authority"): False,
        ("pirate", "both"): False,
        ("printer", "nothing"): True,
        ("printer", "authority"): True,
        ("printer", "both"): False,
    }
    for name, text in profiles.items():
        assert exposed(text) == any(caught[twin, name] for twin in twins), name


def test_the_second_program_is_tried_only_when_the_first_sent_nothing(tmp_path, pair, monkeypatch):
    ca, leaf = pair
    need("eapol_test")
    with running(tmp_path / "fr", leaf, ca, methods=("peap",)) as server:
        asked = config(tmp_path, server.port, ca, identity=USER, password_from="env:P")
        refused = attempt.login(asked, SECRET, "Mauvais-2026", Permits())
        assert (refused.program, refused.success) == ("eapol_test", False)
        assert len([line for line in server.logins("Login incorrect") if f"[{USER}]" in line]) == 1
        monkeypatch.setenv("PATH", str(tmp_path))
        done = attempt.login(asked, SECRET, PASSWORD, Permits())
        assert (done.program, done.success) == ("ausculte", True)
        other = config(tmp_path, server.port, ca, identity=USER, password_from="env:P", login_method="TTLS")
        assert attempt.login(other, SECRET, PASSWORD, Permits()).reason is Reason.UNSUPPORTED


def test_soon_is_lighter_than_over(tmp_path, pair):
    ca, _ = pair
    with running(tmp_path / "fr", pki.leaf(ca, days=40), ca, methods=("peap",)) as server:
        found = questioned(tmp_path, server, ca, methods=("PEAP",))
    assert only(judge_certificate.dates(found, CONTEXT)).severity is Severity.LOW
