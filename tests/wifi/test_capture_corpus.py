"""Real captures of third parties: read without exception, and equal to what tshark says of the same bytes."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections import Counter, defaultdict

import msgspec
import pytest

from checks.wifi.capture import link
from checks.wifi.capture.attacks import body_of, packet_number
from checks.wifi.capture.files import CaptureSource
from checks.wifi.capture.packets import walker_for
from checks.wifi.capture.suites import akm_name
from checks.wifi.collect import read_input
from checks.wifi.controls.attacks import no_sign
from tests import corpus
from tests.wifi.reading import SALT
from tests.wifi.sites import CONTEXT

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


@functools.cache
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
    "radius.code",
    *("tls.handshake.type", "tls.handshake.version", "wlan.country_info.code", "wps.ap_setup_locked"),
    "_ws.malformed",
)
CIPHERS = {1: "WEP-40", 2: "TKIP", 4: "CCMP", 5: "WEP-104", 8: "GCMP", 9: "GCMP-256", 10: "CCMP-256"}


@functools.cache
def tshark(path):
    """One dictionary per frame: field to the tuple of its values."""
    command = [
        "tshark",
        "-n",
        "-d",
        "udp.port==18120,radius",
        "-r",
        str(path),
        "-T",
        "fields",
        "-E",
        "separator=/t",
        "-E",
        "aggregator=;",
    ]
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
    rows = [row for row in tshark(path) if row["eap.code"] and (row["eapol.type"] or row["radius.code"])]
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


LAB = {
    # methods, refused first, wanted instead, identity in clear, realm, certificate of the station in clear
    "peap": (("PEAP",), (), (), False, "esms.test", False),
    "peap_exposed": (("PEAP",), (), (), True, "", False),
    "ttls": (("TTLS",), ("PEAP",), ("TTLS",), False, "esms.test", False),
    "tls": (("TLS",), ("PEAP",), ("TLS",), True, "", True),
}


@pytest.mark.parametrize("name", LAB)
def test_authentications_of_the_laboratory(name):
    facts = facts_of(FOLDER / f"lab__{name}.pcapng")
    (session,) = facts.eap
    assert (
        session.methods, session.offered, session.wanted, session.identity_in_clear, session.realm,
        session.client_certificate,
    ) == LAB[name]  # fmt: skip
    assert bool(session.identity) is session.identity_in_clear
    assert (session.tls, session.outcome) == ("TLS 1.2", "success")
    shown = session.certificate
    assert (shown.names, shown.chain, shown.self_issued) == (("radius.esms.test",), 2, False)
    assert ("ESMS Lab CA" in shown.issuer, "radius.esms.test" in shown.subject) == (True, True)
    assert (shown.not_before, shown.not_after) == ("2026-11-22T00:40:13Z", "2027-06-10T00:40:13Z")
    assert b"infirmiere" not in msgspec.json.encode(facts)
    assert b"poste1" not in msgspec.json.encode(facts)
    assert (facts.files[0].links, facts.networks, facts.truncated) == (("ethernet",), (), False)


# --- What the list of captures and the names of the files state


def listed():
    """Name, size and start of the SHA-256 of each capture, as the list says."""
    rows = [line.split("|") for line in (FOLDER / "README.md").read_text("utf-8").splitlines() if line.count("|") > 7]
    return {row[1].strip(): (int(row[6]), row[7].strip()) for row in rows[2:]}


def test_every_capture_is_the_one_that_the_list_describes():
    stated = listed()
    assert set(stated) == {path.name for path in FILES}
    for path in FILES:
        file = facts_of(path).files[0]
        assert (file.size, file.sha256[:16]) == stated[path.name], path.name
        assert file.compressed == (path.suffix == ".gz")
        assert file.format == ("pcapng" if ".pcapng" in path.name or "tdls" in path.name else "pcap")


STATED = {
    # link, encryption, AKMs, pairwise ciphers, group cipher, PMF, WPS and its version of the first network
    "aircrack-ng__wep.open.system.authentication.cap": ("ieee802.11", "wep", (), (), "", "none", "absent", ""),
    "aircrack-ng__wep.shared.key.authentication.cap": ("ieee802.11", "wep", (), (), "", "none", "absent", ""),
    "aircrack-ng__wpa-psk-linksys.cap": ("ieee802.11", "wpa", ("PSK",), ("TKIP",), "TKIP", "none", "absent", ""),
    "aircrack-ng__wpa2-psk-linksys.cap": ("ieee802.11", "wpa2", ("PSK",), ("CCMP",), "CCMP", "none", "absent", ""),
    "aircrack-ng__wpa.cap": ("prism", "wpa", ("PSK",), ("TKIP",), "TKIP", "none", "absent", ""),
    "aircrack-ng__wpa3-psk.pcap": ("radiotap", "wpa3", ("SAE",), ("CCMP",), "CCMP", "required", "absent", ""),
    "aircrack-ng__wps2.0.pcap": ("ieee802.11", "wpa-wpa2", ("PSK",), ("CCMP",), "CCMP", "none", "configured", "2.0"),
    "aircrack-ng__pmkid-not-recognized.cap": (
        "ieee802.11", "wpa2-wpa3", ("PSK", "SAE"), ("CCMP",), "CCMP", "capable", "configured", "2.0",
    ),
    "wireshark__wpa2-psk-mfp.pcapng.gz": (
        "radiotap", "wpa2", ("PSK-SHA256",), ("CCMP",), "CCMP", "required", "absent", "",
    ),
    "wireshark__wpa2-ft-psk.pcapng.gz": ("radiotap", "wpa2", ("FT-PSK",), ("CCMP",), "CCMP", "none", "absent", ""),
    "wireshark__wpa2-psk-ccmp-tkip.pcapng.gz": ("radiotap", "wpa2", ("PSK",), ("CCMP",), "TKIP", "none", "absent", ""),
    "wireshark__wpa-ccmp-256.pcapng.gz": (
        "radiotap", "wpa2", ("PSK",), ("CCMP-256",), "CCMP-256", "none", "absent", "",
    ),
    "fragattacks__linux-plain-fromap.pcapng": ("radiotap", "wpa2", ("PSK",), ("CCMP",), "CCMP", "none", "absent", ""),
    "krackattacks-scripts__example-tptk-attack.pcapng": (
        "radiotap", "wpa2", ("PSK",), ("CCMP", "TKIP"), "TKIP", "none", "absent", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STATED)
def test_what_the_name_of_a_capture_states(name):
    facts = facts_of(FOLDER / name)
    one = facts.networks[0]
    assert (
        facts.files[0].links[0], one.encryption, one.akms, one.pairwise, one.group, one.pmf, one.wps, one.wps_version,
    ) == STATED[name]  # fmt: skip


def handshake_of(name, number=0):
    found = facts_of(FOLDER / name).handshakes[number]
    return found.akm, found.messages, found.offline_attack, found.pmkid


@pytest.mark.parametrize(
    ("name", "number", "stated"),
    [
        ("aircrack-ng__wpa.cap", 0, ("PSK", (1, 2, 3, 4), True, False)),
        ("aircrack-ng__MOM1.cap", 0, ("PSK", (1, 2, 4), True, True)),
        ("aircrack-ng__test23.pcap", 0, ("PSK", (2, 3), True, False)),
        ("aircrack-ng__test-pmkid.pcap", 0, ("PSK", (1,), True, True)),
        ("aircrack-ng__wpa3-psk.pcap", 0, ("SAE", (1, 2, 3, 4), False, True)),
        ("wifite2__handshake_not_exists.cap", 0, ("PSK", (1,), False, False)),
        ("wireshark__wpa-eap-tls.pcap.gz", 0, ("802.1X", (1, 2, 3, 4), False, True)),
        ("wireshark__wpa2-ft-psk.pcapng.gz", 0, ("FT-PSK", (1, 2, 3, 4), True, False)),
        ("wireshark__wpa-test-decode-tdls.pcap.gz", 0, ("PSK", (1, 2, 3, 4), True, True)),
        ("wireshark__wpa-test-decode-tdls.pcap.gz", 1, ("PSK", (1, 2, 3, 4), True, True)),
    ],
)
def test_handshakes_that_names_state(name, number, stated):
    assert handshake_of(name, number) == stated


def test_stations_of_new_generations():
    """WPA3 of Wi-Fi 7 with a key management that older tools do not name, and OWE in 6 GHz by a random address."""
    (pixel,) = facts_of(FOLDER / "wlanpi-profiler__Pixel8_Android16.pcapng").associations
    assert (pixel.akm, pixel.pairwise, pixel.pmf) == ("FT-SAE-EXT", "GCMP-256", "required")
    name = "wlanpi-profiler__SamsungS21Ultra5G_SM-G998U_Android11_6GHz_Rando_Anon.pcap"
    (samsung,) = facts_of(FOLDER / name).associations
    assert (samsung.akm, samsung.pmf, samsung.random_address) == ("OWE", "required", True)


def test_other_statements():
    leap = facts_of(FOLDER / "asleap__leap.dump").eap
    assert [(session.methods, session.identity_in_clear) for session in leap] == [(("LEAP",), True)]
    eap_tls = facts_of(FOLDER / "wireshark__wpa-eap-tls.pcap.gz").eap[0]
    assert (eap_tls.methods, eap_tls.tls, eap_tls.outcome) == (("TLS",), "TLS 1.0", "success")
    (chinese,) = facts_of(FOLDER / "aircrack-ng__Chinese-SSID-Name.pcap").networks
    assert bytes.fromhex(chinese.ssid_hex).decode("gb18030") == "测试"
    sixty = facts_of(FOLDER / "aircrack-ng__80211ad_beacon.pcap")
    assert (sixty.networks, sixty.frames) == ((), {"dmg beacon": 1})
    bridge = facts_of(FOLDER / "aircrack-ng__capture_wds-01.cap")
    assert (bridge.networks[0].ssid, bridge.networks[0].band) == ("test1", "5")
    overflow = facts_of(FOLDER / "tcpdump__radiotap-heapoverflow.pcap")
    assert (overflow.networks, overflow.files[0].damaged, overflow.files[0].cut) == ((), 1, 1)
    outside = facts_of(FOLDER / "tcpdump__ieee802.11_parse_elements_oobr.pcap")
    assert (outside.networks[0].encryption, len(outside.unreadable)) == ("unknown", 1)
    crash = facts_of(FOLDER / "aircrack-ng__wpaclean_crash.pcap")
    assert (crash.files[0].links, crash.files[0].frames, crash.networks) == (("prism",), 1, ())
    assert facts_of(FOLDER / "aircrack-ng__floatingpoint_exception.pcap").networks == ()
    (vendors,) = facts_of(FOLDER / "libwifi__beacons_with_221.pcap").networks
    assert (vendors.ssid, vendors.beacons, vendors.encryption) == ("libwifi-beacon", 50, "open")
    (deauth,) = facts_of(FOLDER / "libwifi__deauth.pcap").deauthentications
    assert (deauth.frames, deauth.broadcast, deauth.reasons) == (50, 0, (36,))


@with_tshark
@EACH
def test_departures_equal_those_of_tshark(path):
    """Deauthentications and disassociations under each BSSID, and how many are protected."""
    leaving = {"0x000a", "0x000c"}
    rows = [row for row in tshark(path) if leaving & set(row["wlan.fc.type_subtype"]) and row["wlan.bssid"]]
    theirs = Counter(row["wlan.bssid"][0] for row in rows)
    facts = facts_of(path)
    ours = {one.bssid: one.frames for one in facts.deauthentications if not one.bssid.startswith("sta-")}
    hidden = sum(one.frames for one in facts.deauthentications if one.bssid.startswith("sta-"))
    assert set(ours) <= set(theirs)
    assert sum(ours.values()) + hidden == sum(theirs.values())
    assert all(theirs[bssid] == frames for bssid, frames in ours.items())


@with_tshark
@EACH
def test_tls_and_end_of_authentications_equal_those_of_tshark(path):
    if "radius" in path.name:
        pytest.skip("EAP inside RADIUS has tests of its own")
    rows = [row for row in tshark(path) if row["eap.code"] and row["eapol.type"]]
    sessions = facts_of(path).eap
    hellos = [row for row in rows if "2" in row["tls.handshake.type"]]
    versions = {"0x0301": "TLS 1.0", "0x0302": "TLS 1.1", "0x0303": "TLS 1.2"}
    theirs = {versions[version] for row in hellos for version in row["tls.handshake.version"]}
    assert {session.tls for session in sessions} - {""} == theirs
    ends = {{"3": "success", "4": "failure"}[row["eap.code"][0]] for row in rows if row["eap.code"][0] in {"3", "4"}}
    assert {session.outcome for session in sessions} - {""} == ends
    shown = any(row["eap.code"][0] == "2" and "11" in row["tls.handshake.type"] for row in rows)
    assert any(session.client_certificate for session in sessions) == shown
    realms = {name.partition("@")[2] for row in rows for name in row["eap.identity"]} - {""}
    assert {session.realm for session in sessions} - {""} == realms


@with_tshark
@EACH
def test_country_and_wps_equal_those_of_tshark(path):
    seen = announced(path)
    for network in facts_of(path).networks:
        rows = seen[network.bssid]
        countries = {row["wlan.country_info.code"][0] for row in rows if row["wlan.country_info.code"]}
        assert not countries or network.country in countries
        locked = {value for row in rows for value in row["wps.ap_setup_locked"]}
        assert not network.locked or locked & {"1", "True", "0x01"}
        assert {network.hidden} == {True} or network.ssid


def test_the_deauthentication_flood_is_counted():
    (flood,) = facts_of(FOLDER / "aircrack-ng__pmkid-not-recognized.cap").deauthentications
    assert flood.frames == 6182
    assert facts_of(FOLDER / "aircrack-ng__pmkid-not-recognized.cap").frames["deauthentication"] == 6153
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


@pytest.mark.parametrize(
    ("name", "ssid", "verdict"),
    [
        ("krackattacks-scripts__example-tptk-attack.pcapng", "simulnet", "fail"),
        ("fragattacks__linux-plain-fromap.pcapng", "testnetwork", "fail"),
        ("fragattacks__eapol-amsdu_BP-fromap.pcapng", "testnetwork", "fail"),
        ("aircrack-ng__wpa2-psk-linksys.cap", "linksys", "pass"),
        ("wireshark__wpa-Induction.pcap.gz", "Coherer", "pass"),
        ("wireshark__wpa2-psk-mfp.pcapng.gz", "Wireshark-pmf", "pass"),
        ("aircrack-ng__wps2.0.pcap", "WLAN_666", "not_assessed"),
        ("aircrack-ng__pmkid-not-recognized.cap", "WML", "not_assessed"),
        ("tcpdump__ieee802.11_exthdr.pcap", "omus", "not_applicable"),
    ],
)
def test_attacks_are_judged_from_end_to_end(name, ssid, verdict):
    facts = read_input([str(FOLDER / name)], {"role": f"{ssid}=pro"})
    assert [(one.subject, str(one.verdict)) for one in no_sign(facts, CONTEXT)] == [(ssid, verdict)]


@with_tshark
@pytest.mark.parametrize(
    "name",
    [
        *ATTACKS,
        "aircrack-ng__wpa2-psk-linksys.cap",
        "wireshark__wpa-ccmp-256.pcapng.gz",
        "wireshark__wpa-Induction.pcap.gz",
    ],
)
def test_packet_numbers_equal_those_of_tshark(name):
    """Each encrypted unicast frame: the number that would betray a reinstalled key is read where tshark reads it."""
    fields = ["-e", "frame.number", "-e", "wlan.ccmp.extiv"]
    command = ["tshark", "-n", "-r", str(FOLDER / name), "-Y", "wlan.ccmp.extiv", "-T", "fields", *fields]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    theirs = {int(number): int(value, 16) for number, value in (line.split() for line in done.stdout.splitlines())}
    source, walker, ours, number = CaptureSource(FOLDER / name), None, {}, 0
    for piece in source.chunks():
        walker = walker or walker_for(piece)
        for batch in walker.feed(piece):
            reader = link.READERS[batch.interface.link]
            for start, end in zip(batch.starts, batch.ends, strict=True):
                number += 1
                if number in theirs:
                    at = start + reader(batch.data, start, end).length
                    ours[number] = packet_number(batch.data, body_of(batch.data, at), end)
    assert theirs
    assert ours == theirs
