"""Captures, scans and exports given together, and facts recorded earlier."""

from __future__ import annotations

import gzip
import struct
from datetime import UTC, datetime

import msgspec
import pytest

from checks.model import CollectError, CollectRequest, Reason
from checks.wifi.collect import collect, read_input
from checks.wifi.config import WifiConfig
from checks.wifi.facts import WifiFacts
from checks.wifi.live.config import LiveConfig
from checks.wifi.summary import summary
from tests.wifi.live.machine import FakeMachine

HOSTAPD = """interface=wlan0
bssid=02:00:00:00:01:00
ssid=Tilleuls-Pro
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=motdepasse2019
"""
LINKTYPE_80211 = 105


def beacon(ssid: bytes = b"Tilleuls-Residents", bssid: bytes = bytes.fromhex("020000000200")) -> bytes:
    """An open network."""
    header = struct.pack("<HH6s6s6sH", 0x0080, 0, b"\xff" * 6, bssid, bssid, 0)
    return header + struct.pack("<QHH", 0, 100, 0x0001) + bytes([0, len(ssid)]) + ssid + b"\x03\x01\x06"


def pcap(*frames: bytes) -> bytes:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINKTYPE_80211)
    records = [struct.pack("<IIII", 1_750_000_000 + n, 0, len(f), len(f)) + f for n, f in enumerate(frames)]
    return head + b"".join(records)


@pytest.fixture
def files(tmp_path):
    capture = tmp_path / "air.pcap.gz"
    capture.write_bytes(gzip.compress(pcap(beacon())))
    export = tmp_path / "hostapd.conf"
    export.write_text(HOSTAPD)
    return capture, export


def asked(config: WifiConfig) -> CollectRequest[WifiConfig]:
    return CollectRequest(config=config, secret=lambda _: "", clock=lambda: datetime.now(UTC))


def test_captures_and_exports_are_read_together(files):
    capture, export = files
    config = WifiConfig(
        capture_files=(str(capture),),
        export_files=(str(export),),
        ssids={"Tilleuls-Pro": "pro"},
        access_points=("02-00-00-00-01-00",),
    )
    facts = collect(asked(config), None, lambda *_: None)
    assert [(one.ssid, one.encryption) for one in facts.networks if one.source == "capture"] == [
        ("Tilleuls-Residents", "open")
    ]
    (configured,) = facts.configurations
    assert (configured.ssid, configured.product) == ("Tilleuls-Pro", "hostapd")
    assert configured.psk_bits is not None
    assert facts.roles == {"Tilleuls-Pro": "pro"}
    assert facts.declared_bssids == ("02:00:00:00:01:00",)
    assert b"motdepasse2019" not in msgspec.json.encode(facts)


def test_folder_of_captures_and_check_input_give_the_same_networks(files, tmp_path):
    capture, export = files
    (tmp_path / ".cache").write_bytes(b"x")
    by_name = read_input([str(capture), str(export)], {"role": "Tilleuls-Pro=pro\n"})
    by_folder = read_input([str(tmp_path)], {})
    assert by_name.networks == by_folder.networks
    assert by_name.roles == {"Tilleuls-Pro": "pro"}
    apart = tmp_path / "air"
    apart.mkdir()
    (apart / "a.pcap").write_bytes(pcap(beacon()))
    found = collect(asked(WifiConfig(captures_dir=(str(apart),))), None, lambda *_: None)
    assert len(found.networks) == 1


def test_recorded_facts_are_read_again_with_new_roles(files, tmp_path):
    first = read_input([str(files[0])], {"role": "A=pro"})
    path = tmp_path / "facts.json"
    path.write_bytes(msgspec.json.encode(first))
    again = read_input([str(path)], {"role": "Tilleuls-Residents=resident"})
    assert again.roles == {"A": "pro", "Tilleuls-Residents": "resident"}
    assert msgspec.structs.replace(again, roles={}) == msgspec.structs.replace(first, roles={})
    document = msgspec.json.decode(msgspec.json.encode(first))
    document["networks"] = 3
    path.write_bytes(msgspec.json.encode(document))
    with pytest.raises(CollectError, match="faits Wi-Fi"):
        read_input([str(path)], {})


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "vide"), (b"bonjour", "inconnu"), (b"\0\1\2\3", "pas du texte"), (b"\x1f\x8bnot gzip", "pas une capture")],
)
def test_what_is_neither_a_capture_nor_an_export_is_refused(tmp_path, content, said):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(CollectError, match=said) as caught:
        read_input([str(path)], {})
    assert caught.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("name", ["absent.pcap", "folder-without-file"])
def test_absent_inputs_are_named(tmp_path, name):
    (tmp_path / "folder-without-file").mkdir()
    with pytest.raises(CollectError, match=name) as caught:
        read_input([str(tmp_path / name)], {})
    assert caught.value.reason is Reason.NOT_CONFIGURED


NOISE = {
    "vide.conf": b"",
    "note.txt": b"bonjour",
    "binaire.bin": b"\0\1\2\3",
    "fausse.gz": b"\x1f\x8bnot gzip",
}


@pytest.mark.parametrize("name", ["vide.conf", "note.txt", "binaire.bin"])
def test_a_bad_file_of_the_profile_is_told_and_the_others_are_read(files, tmp_path, name):
    capture, export = files
    bad = tmp_path / name
    bad.write_bytes(NOISE[name])
    absent = tmp_path / "absent.pcap"
    config = WifiConfig(capture_files=(str(absent), str(capture)), export_files=(str(bad), str(export)))
    facts = collect(asked(config), None, lambda *_: None)
    assert (len(facts.networks), len(facts.configurations)) == (2, 1)
    assert [one.file for one in facts.unreadable] == ["absent.pcap", name]
    assert all(one.what for one in facts.unreadable)
    assert sum(limit.startswith("Fichier non lu : ") for limit in facts.limits) == 2


def test_a_profile_whose_files_are_all_bad_is_refused(tmp_path):
    (tmp_path / "vide.conf").write_bytes(b"")
    config = WifiConfig(capture_files=(str(tmp_path / "absent.pcap"),), export_files=(str(tmp_path / "vide.conf"),))
    with pytest.raises(CollectError, match=r"absent\.pcap"):
        collect(asked(config), None, lambda *_: None)


def test_a_bad_file_found_in_a_folder_is_told_but_not_one_that_is_named(files, tmp_path):
    for name, content in NOISE.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "lien.conf").symlink_to(tmp_path / "nulle-part")
    facts = read_input([str(tmp_path)], {})
    assert (len(facts.networks), len(facts.configurations)) == (2, 1)
    assert sorted(one.file for one in facts.unreadable) == sorted([*NOISE, "lien.conf"])
    for name in ("vide.conf", "note.txt", "binaire.bin"):
        with pytest.raises(CollectError):
            read_input([str(files[0]), str(tmp_path / name)], {})
        with pytest.raises(CollectError):
            read_input([str(tmp_path), str(tmp_path / name)], {})


def test_a_folder_without_anything_readable_is_refused(tmp_path):
    (tmp_path / "note.txt").write_bytes(b"bonjour")
    with pytest.raises(CollectError, match="inconnu") as caught:
        read_input([str(tmp_path)], {})
    assert caught.value.reason is Reason.MALFORMED


def test_many_bad_files_are_all_listed_and_some_are_told(files, tmp_path):
    for number in range(30):
        (tmp_path / f"{number}.txt").write_bytes(b"bonjour")
    facts = read_input([str(tmp_path)], {})
    assert len(facts.unreadable) == 30
    assert sum(limit.startswith("Fichier non lu") for limit in facts.limits) == 20


def test_what_anybody_knows_of_the_place_weakens_a_password(tmp_path):
    export = tmp_path / "hostapd.conf"
    export.write_text(HOSTAPD.replace("motdepasse2019", "Bellerive42"))
    config = WifiConfig(export_files=(str(export),))
    bits = []
    for place in ((), ("Résidence Bellerive",)):
        request = msgspec.structs.replace(asked(config), place=place)
        bits.append(collect(request, None, lambda *_: None).configurations[0].psk_bits)
    assert bits[1] < bits[0]


def test_nothing_to_read_is_said():
    with pytest.raises(CollectError) as caught:
        collect(asked(WifiConfig(ssids={"A": "pro"})), None, lambda *_: None)
    assert caught.value.reason is Reason.NOT_CONFIGURED


@pytest.mark.parametrize("role", ["Tilleuls", "=pro", "Tilleuls=chef"])
def test_impossible_role_is_refused(files, role):
    with pytest.raises(CollectError, match="--role"):
        read_input([str(files[0])], {"role": role})


def test_pseudonyms_change_with_each_reading(tmp_path):
    client = bytes.fromhex("0a1122334455")
    bssid = bytes.fromhex("020000000200")
    request = struct.pack("<HH6s6s6sH", 0x0000, 0, bssid, client, bssid, 0) + struct.pack("<HH", 1, 10)
    request += bytes([0, 18]) + b"Tilleuls-Residents"
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap(beacon(), request))
    first, second = (read_input([str(path)], {}) for _ in range(2))
    assert isinstance(first, WifiFacts)
    assert len(first.associations) == 1
    assert first.associations[0].client != second.associations[0].client
    assert "0a:11:22:33:44:55" not in msgspec.json.encode(first).decode()


class Listener:
    """A machine without any radio."""

    resolvers = ()

    def __init__(self):
        self.machine = FakeMachine()


def test_what_is_heard_on_the_spot_joins_the_files(files):
    capture, _ = files
    config = WifiConfig(capture_files=(str(capture),), live=LiveConfig(interface="radio9"))
    facts = collect(asked(config), Listener(), lambda *_: None)
    assert [network.ssid for network in facts.networks] == ["Tilleuls-Residents"]
    assert facts.live.scan.gap is not None
    assert summary(facts)["Écoute sur place"].startswith("pas de relevé (")


def test_a_place_where_nothing_can_be_heard_is_collected_and_said():
    facts = collect(asked(WifiConfig(live=LiveConfig(interface="radio9"))), Listener(), lambda *_: None)
    assert facts.networks == ()
    assert facts.live.scan.gap is not None
    assert facts.live.capture is None


def test_nothing_is_heard_when_nobody_asks(files):
    facts = collect(asked(WifiConfig(capture_files=(str(files[0]),))), None, lambda *_: None)
    assert facts.live is None
    assert "Écoute sur place" not in summary(facts)


# --- Outside the walls


def outside(tmp_path, *frames: bytes, **more) -> WifiFacts:
    street = tmp_path / "parking.pcap"
    street.write_bytes(pcap(*frames))
    config = WifiConfig(outside_files=(str(street),), ssids={"Tilleuls-Residents": "pro"}, **more)
    return collect(asked(config), None, lambda *_: None)


def test_what_is_received_in_the_street_is_kept_apart(tmp_path):
    """It is no network of the place where the audit listens."""
    facts = outside(tmp_path, beacon())
    assert facts.networks == ()
    assert [(one.ssid, one.bssid, one.file) for one in facts.outside] == [
        ("Tilleuls-Residents", "02:00:00:00:02:00", "parking.pcap")
    ]


def test_a_measurement_in_the_street_that_cannot_be_read_is_a_gap(tmp_path, files):
    config = WifiConfig(outside_files=(str(tmp_path / "absent.pcap"),), export_files=(str(files[1]),))
    facts = collect(asked(config), None, lambda *_: None)
    assert facts.outside.reason == Reason.NOT_CONFIGURED
    assert len(facts.configurations) == 1


def test_nobody_measured_in_the_street(files):
    assert collect(asked(WifiConfig(export_files=(str(files[1]),))), None, lambda *_: None).outside is None
