"""Real captures of third parties: read without exception, and equal to what tshark says of the same bytes."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections import Counter, defaultdict

import pytest

from checks.wifi.capture.suites import akm_name
from tests import corpus
from tests.wifi.reading import SALT

FOLDER = corpus.CORPUS / "wifi"
FILES = sorted(path for path in FOLDER.glob("*") if path.suffix != ".md") if FOLDER.is_dir() else []
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FILES, reason="third-party captures are not here"),
]
with_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
EACH = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
CUT_SHORT = {"aircrack-ng__pmkid-not-recognized.cap", "scapy__bad_rsn_parsing_overrides_ssid.pcap"}
SNAPPED = {"tcpdump__ieee802.11_parse_elements_oobr.pcap", "tcpdump__radiotap-heapoverflow.pcap"}


def facts_of(path):
    from checks.wifi.capture.reader import read_captures

    return read_captures([path], salt=SALT)


FIELDS = (
    *("wlan.fc.type_subtype", "wlan.fc.version", "wlan.bssid", "wlan.ssid", "wlan.rsn.akms.type"),
    *("wlan.rsn.capabilities.mfpr", "wlan.rsn.capabilities.mfpc", "wlan.fixed.capabilities.privacy"),
    *("wlan.rsn.pcs.type", "wlan.rsn.gcs.type", "wlan.ds.current_channel", "wps.wifi_protected_setup_state"),
    *(
        "wlan_rsna_eapol.keydes.msgnr",
        "eapol.type",
        "eap.code",
        "eap.type",
        "eap.identity",
        "tls.handshake.certificate",
    ),
    "_ws.malformed",
)
CIPHERS = {1: "WEP-40", 2: "TKIP", 4: "CCMP", 5: "WEP-104", 8: "GCMP", 9: "GCMP-256", 10: "CCMP-256"}


@functools.cache
def tshark(path):
    """One dictionary per frame: field to the tuple of its values."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=/t", "-E", "aggregator=;"]
    command += [part for field in FIELDS for part in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in {0, 2}, done.stderr  # 2: the file is cut short, and what was read is given
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return [dict(zip(FIELDS, (tuple(cell.split(";")) if cell else () for cell in row), strict=True)) for row in rows]


@EACH
def test_read_without_exception(path):
    facts = facts_of(path)
    assert facts.files[0].truncated == (path.name in CUT_SHORT)
    assert facts.truncated == (path.name in CUT_SHORT | SNAPPED)


@with_tshark
@EACH
def test_as_many_frames_of_each_kind(path):
    facts = facts_of(path)
    file, rows = facts.files[0], tshark(path)
    assert file.frames == len(rows)
    named = {"beacon": 0x08, "probe response": 0x05, "probe request": 0x04, "deauthentication": 0x0C, "ack": 0x1D}
    named |= {"qos data": 0x28, "data": 0x20, "association request": 0x00, "authentication": 0x0B}
    kinds = Counter(row["wlan.fc.type_subtype"][0] for row in rows if set(row["wlan.fc.version"]) == {"0"})
    for name, number in named.items():
        count = facts.frames.get(name, 0)
        assert count <= kinds[f"0x{number:04x}"] <= count + file.damaged


def text(value):
    return "" if value == "<MISSING>" else bytes.fromhex(value).strip(b"\0").decode("utf-8", "backslashreplace")


def announced(path):
    """Beacons and probe responses by BSSID."""
    seen = defaultdict(list)
    for row in tshark(path):
        if row["wlan.fc.type_subtype"] in {("0x0005",), ("0x0008",)} and row["wlan.bssid"]:
            seen[row["wlan.bssid"][0]].append(row)
    return seen


@with_tshark
@EACH
def test_networks_equal_those_of_tshark(path):
    seen = announced(path)
    found = {network.bssid: network for network in facts_of(path).networks}
    assert set(seen) - set(found) == {address for address in seen if int(address[:2], 16) & 1}
    for address, network in found.items():
        theirs = seen[address]
        names = {text(row["wlan.ssid"][0]) for row in theirs if row["wlan.ssid"]} - {""}
        assert {network.ssid, *network.other_ssids} >= names
        assert network.beacons + network.responses <= len(theirs)
        if not (network.variants or network.incomplete):
            assert network.beacons == sum(row["wlan.fc.type_subtype"] == ("0x0008",) for row in theirs)
            compare(network, theirs)


def compare(network, theirs):
    """Settings that never changed: one frame of tshark's tells them all, WPS and channel aside."""
    row = next((row for row in theirs if not row["_ws.malformed"]), theirs[0])
    rsn = network.rsn
    assert network.privacy == (row["wlan.fixed.capabilities.privacy"][0] in {"1", "True"})
    akms = tuple(dict.fromkeys(akm_name(b"\x00\x0f\xac" + bytes([int(n)])) for n in row["wlan.rsn.akms.type"]))
    assert (rsn.akms if rsn else ()) == akms
    assert (rsn.pairwise if rsn else ()) == tuple(CIPHERS[int(number)] for number in row["wlan.rsn.pcs.type"])
    assert ((rsn.group,) if rsn else ()) == tuple(CIPHERS[int(number)] for number in row["wlan.rsn.gcs.type"])
    required, capable = (row[f"wlan.rsn.capabilities.{bit}"] in {("1",), ("True",)} for bit in ("mfpr", "mfpc"))
    assert network.pmf == ("required" if required else "capable" if capable else "none")
    channels = {row["wlan.ds.current_channel"][0] for row in theirs if row["wlan.ds.current_channel"]}
    assert not channels or str(network.channel) in channels
    states = {"0x01": "unconfigured", "0x02": "configured"}
    wps = {states[state] for row in theirs for state in row["wps.wifi_protected_setup_state"] if state in states}
    assert ({network.wps} - {"absent"}) == wps


@with_tshark
@EACH
def test_key_messages_equal_those_of_tshark(path):
    expected = defaultdict(set)
    for row in tshark(path):
        if row["wlan_rsna_eapol.keydes.msgnr"]:
            expected[row["wlan.bssid"][0]].add(int(row["wlan_rsna_eapol.keydes.msgnr"][0]))
    ours = defaultdict(set)
    for shake in facts_of(path).handshakes:
        ours[shake.bssid].update(shake.messages)
    assert {address: numbers for address, numbers in ours.items() if numbers} == expected


@with_tshark
@EACH
def test_eap_equals_that_of_tshark(path):
    sessions = facts_of(path).eap
    rows = [row for row in tshark(path) if row["eap.code"] and row["eapol.type"]]
    answers = [row for row in rows if row["eap.code"][0] == "2"]
    methods = {int(row["eap.type"][0]) for row in answers if int(row["eap.type"][0]) > 3}
    numbers = {"TLS": 13, "LEAP": 17, "TTLS": 21, "PEAP": 25, "MD5": 4}
    assert {numbers[name] for session in sessions for name in session.methods} == methods
    in_clear = [name for row in answers for name in row["eap.identity"] if not name.startswith("anonymous")]
    assert any(session.identity_in_clear for session in sessions) == bool(in_clear)
    shown = any(row["tls.handshake.certificate"] for row in rows)
    assert any(hasattr(session.certificate, "sha256") for session in sessions) == shown


KNOWN = {
    "aircrack-ng__wpa3-psk.pcap": ("WPA3-Network", "wpa3", ("SAE",), "required", False),
    "aircrack-ng__wpa-psk-linksys.cap": ("linksys", "wpa", ("PSK",), "none", True),
    "aircrack-ng__wpa2-psk-linksys.cap": ("linksys", "wpa2", ("PSK",), "none", True),
    "aircrack-ng__test-pmkid.pcap": ("WLAN-771698", "wpa-wpa2", ("PSK",), "none", True),
    "wireshark__wpa-Induction.pcap.gz": ("Coherer", "wpa-wpa2", ("PSK",), "none", True),
    "wireshark__wpa2-psk-mfp.pcapng.gz": ("Wireshark-pmf", "wpa2", ("PSK-SHA256",), "required", True),
    "scapy__bad_rsn_parsing_overrides_ssid.pcap": ("ROUTE-821E295", "wpa2", ("PSK",), "capable", None),
}


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_of_some_captures(name):
    facts = facts_of(FOLDER / name)
    network = facts.networks[0]
    exposed = any(shake.offline_attack for shake in facts.handshakes) if facts.handshakes else None
    assert (network.ssid, network.encryption, network.akms, network.pmf, exposed) == KNOWN[name]


@pytest.mark.parametrize(
    ("name", "method", "clear"),
    [("peap", "PEAP", False), ("peap_exposed", "PEAP", True), ("ttls", "TTLS", False), ("tls", "TLS", True)],
)
def test_authentications_of_the_laboratory(name, method, clear):
    (session,) = facts_of(FOLDER / f"lab__{name}.pcapng").eap
    assert (session.methods, session.identity_in_clear, session.outcome) == ((method,), clear, "success")
    assert session.certificate.names == ("radius.esms.test",)


def test_the_deauthentication_flood_is_counted():
    (flood,) = facts_of(FOLDER / "aircrack-ng__pmkid-not-recognized.cap").deauthentications
    assert flood.frames >= 6153
    assert flood.peak > 100


ATTACKS = {
    "krackattacks-scripts__example-tptk-attack.pcapng": ("forged-message", "likely", (99, 101)),
    "fragattacks__linux-plain-fromap.pcapng": ("clear-fragment", "likely", (83, 84)),
    "fragattacks__eapol-amsdu_BP-fromap.pcapng": ("eapol-aggregate", "likely", (43, 44)),
}


@EACH
def test_attacks_are_seen_where_they_are_and_nowhere_else(path):
    found = [
        (sign.kind, sign.certainty, tuple(packet.number for packet in sign.packets)) for sign in facts_of(path).attacks
    ]
    assert found == ([ATTACKS[path.name]] if path.name in ATTACKS else [])
