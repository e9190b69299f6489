"""Which program gave the list, and why none did. Programs are scripts of the test, which run for real."""

from __future__ import annotations

import msgspec
import pytest

from checks.common.programs import Finished
from checks.model import Gap, Reason
from checks.wifi.live.scan import NMCLI_COLUMNS, scan
from checks.wifi.live.tools import interfaces, refusal
from tests.wifi.live.machine import Bench, fails, prints
from tests.wifi.test_scans import IW, NETSH_EN, NETSH_FR, WPA_CLI

NMCLI = """BSSID:                                  02:00:00:AA:00:01
SSID:                                   Tilleuls-Pro
SSID-HEX:                               54696C6C65756C732D50726F
MODE:                                   Infra
CHAN:                                   1
FREQ:                                   2412 MHz
SIGNAL:                                 84
SECURITY:                               WPA2 WPA3
WPA-FLAGS:                              (none)
RSN-FLAGS:                              pair_ccmp group_ccmp psk sae
BSSID:                                  02:00:00:AA:00:02
SSID:                                   Chambre 3 é
SSID-HEX:                               4368616D627265203320C3A9
MODE:                                   Infra
CHAN:                                   36
FREQ:                                   5180 MHz
SIGNAL:                                 40
SECURITY:                               --
WPA-FLAGS:                              (none)
RSN-FLAGS:                              (none)
"""
NETWORKS = 3000
DENIED = fails("command failed: Operation not permitted (-1)", 255)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.device("eth0", wireless=False)
    made.device("wlan0")
    made.device("wlan1")
    return made


def ran(bench):
    return [" ".join(command) for command in bench.machine.commands]


def test_wireless_interfaces_only_in_a_stable_order(bench):
    (bench.net / "wlan1/phy80211").rmdir()
    (bench.net / "wlan1/wireless").mkdir()
    (bench.net / "-o").mkdir()
    (bench.net / "-o/wireless").mkdir()
    assert interfaces(bench.tools) == ("wlan0", "wlan1")


def test_a_passive_search_by_iw_is_enough(bench):
    bench.says("iw", IW)
    bench.says("nmcli", NMCLI)
    said, step = scan(bench.tools)
    assert ran(bench) == ["iw dev wlan0 scan passive"]
    assert (step.interface, step.tool, step.command) == ("wlan0", "iw", "iw dev wlan0 scan passive")
    assert (step.networks, step.cached, step.gap) == (len(said.networks), False, None)
    assert said.networks[0].ssid == "Tilleuls-Pro"
    assert said.networks[0].file == "iw dev wlan0 scan passive"
    assert said.limits == ()


def test_programs_get_little_environment_and_english_words(bench):
    bench.says("iw", IW)
    scan(bench.tools)
    assert bench.machine.environments == [{"PATH": str(bench.bin), "LC_ALL": "C.UTF-8"}]


def test_the_interface_of_the_profile_is_used(bench):
    bench.says("iw", IW)
    assert scan(bench.tools, "wlan1").step.interface == "wlan1"
    assert ran(bench) == ["iw dev wlan1 scan passive"]


def test_without_rights_the_memory_of_the_kernel_is_read_and_said(bench):
    bench.program("iw", ("*passive", DENIED), ("*dump", prints(IW)))
    said, step = scan(bench.tools)
    assert ran(bench) == ["iw dev wlan0 scan passive", "iw dev wlan0 scan dump"]
    assert (step.cached, step.networks) == (True, 5)
    assert any("« iw dev wlan0 scan dump »" in limit and "en mémoire" in limit for limit in said.limits)
    assert any("droits d'administration" in limit for limit in said.limits)


def test_an_empty_memory_proves_nothing_and_the_next_program_is_asked(bench):
    bench.program("iw", ("*passive", DENIED), ("*dump", "true"))
    bench.says("nmcli", NMCLI)
    said, step = scan(bench.tools)
    assert (step.tool, step.cached, step.networks) == ("nmcli", True, 2)
    assert ran(bench)[-1] == f"nmcli -m multiline -f {NMCLI_COLUMNS} device wifi list ifname wlan0 --rescan no"
    assert [network.ssid for network in said.networks] == ["Tilleuls-Pro", "Chambre 3 é"]
    assert said.networks[0].akms == ("PSK", "SAE")


def test_a_fresh_search_that_finds_nothing_is_an_answer(bench):
    bench.says("iw", "")
    said, step = scan(bench.tools)
    assert (step.networks, step.gap, step.cached) == (0, None, False)
    assert said.networks == ()
    assert ran(bench) == ["iw dev wlan0 scan passive"]


def test_wpa_supplicant_comes_last(bench):
    bench.program("nmcli", ("*", fails("Error: NetworkManager is not running.", 8)))
    bench.says("wpa_cli", WPA_CLI)
    said, step = scan(bench.tools)
    assert (step.tool, step.command) == ("wpa_cli", "wpa_cli -i wlan0 scan_results")
    assert len(said.networks) == 6
    assert any("rescan = true" in limit for limit in said.limits)


def test_the_header_alone_of_wpa_cli_is_an_empty_memory(bench):
    bench.says("wpa_cli", WPA_CLI.split("\n")[0] + "\n")
    gap = scan(bench.tools).step.gap
    assert gap.reason is Reason.UNREACHABLE
    assert "wpa_cli : aucun réseau en mémoire" in gap.detail


def test_nothing_is_sent_unless_the_profile_asks(bench):
    bench.program("nmcli", ("*no", "true"), ("*yes", prints(NMCLI)))
    quiet = scan(bench.tools)
    assert quiet.step.gap.reason is Reason.UNREACHABLE
    assert not any(command.endswith("yes") for command in ran(bench))
    said, step = scan(bench.tools, rescan=True)
    assert (step.tool, step.cached, step.networks) == ("nmcli", False, 2)
    assert any("a émis" in limit for limit in said.limits)


def test_with_rescan_a_fresh_list_is_preferred_to_a_memory(bench):
    bench.program("iw", ("*passive", DENIED), ("*dump", prints(IW)))
    bench.says("nmcli", NMCLI)
    assert scan(bench.tools, rescan=True).step.command.endswith("--rescan yes")
    assert ran(bench)[0] == "iw dev wlan0 scan passive"


def test_no_adapter(tmp_path):
    bench = Bench(tmp_path)
    bench.says("iw", IW)
    said, step = scan(bench.tools)
    assert ran(bench) == []
    assert step.gap == Gap(reason=Reason.UNSUPPORTED, detail="Cette machine n'a pas d'adaptateur Wi-Fi.")
    assert said.limits == ("Réseaux visibles d'ici non relevés. Cette machine n'a pas d'adaptateur Wi-Fi.",)
    assert said.networks == ()


def test_no_program(bench):
    gap = scan(bench.tools).step.gap
    assert gap.reason is Reason.UNSUPPORTED
    for name in ("iw", "nmcli", "wpa_cli"):
        assert f"{name} : programme absent" in gap.detail


def test_refusals_are_all_told_and_the_most_telling_reason_kept(bench):
    bench.program("iw", ("*passive", DENIED), ("*dump", fails("command failed: No such device (-19)", 237)))
    bench.program(
        "wpa_cli", ("*", fails("Failed to connect to non-global ctrl_ifname: wlan0  error: Permission denied"))
    )
    gap = scan(bench.tools).step.gap
    assert gap.reason is Reason.PERMISSION
    assert gap.detail.startswith("Aucun relevé possible avec wlan0 : iw : droits insuffisants (« command failed")
    assert "pas d'adaptateur Wi-Fi utilisable" in gap.detail
    assert "nmcli : programme absent" in gap.detail


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("command failed: Operation not permitted (-1)", Reason.PERMISSION),
        ("Error: Scanning not allowed: not authorized to perform this operation", Reason.PERMISSION),
        ("command failed: Device or resource busy (-16)", Reason.REFUSED),
        ("command failed: Network is down (-100)", Reason.UNREACHABLE),
        ("nl80211 not found.", Reason.UNSUPPORTED),
        ("command failed: No such device (-19)", Reason.UNSUPPORTED),
        ("command failed: Operation not supported (-95)", Reason.UNSUPPORTED),
        ("Error: NetworkManager is not running.", Reason.UNSUPPORTED),
        ("Error: Device 'wlan0' not found.", Reason.UNSUPPORTED),
        ("Failed to connect to non-global ctrl_ifname: wlan0  error: No such file or directory", Reason.UNSUPPORTED),
        ("Failed to connect to non-global ctrl_ifname: wlan0  error: Permission denied", Reason.PERMISSION),
        ("There is no wireless interface on the system.", Reason.UNSUPPORTED),
        ("Il n'y a aucune interface sans fil sur le système.", Reason.UNSUPPORTED),
        ("The Wireless AutoConfig Service (wlansvc) is not running.", Reason.UNSUPPORTED),
        ("Network shell commands need location permission to access WLAN information.", Reason.PERMISSION),
        ("boum", Reason.ERROR),
        ("", Reason.ERROR),
    ],
)
def test_reason_of_what_programs_say(said, reason):
    assert refusal("iw", Finished(1, b"", said.encode())).reason is reason
    assert refusal("iw", Finished(1, said.encode(), b"\n")).reason is reason


def test_what_a_program_says_is_cut_and_made_harmless():
    detail = refusal("iw", Finished(1, b"", b"\x1b[2J" + b"x" * 100_000 + b"\xff")).detail
    assert "\x1b" not in detail
    assert len(detail) < 300


def test_a_program_that_hangs(bench):
    bench.machine.patience = 1
    bench.program("iw", ("*", "exec sleep 600"))
    assert "iw : pas de réponse" in scan(bench.tools).step.gap.detail


def test_every_program_hangs(bench):
    bench.machine.patience = 1
    bench.program("wpa_cli", ("*", "exec sleep 600"))
    gap = scan(bench.tools).step.gap
    assert gap.reason is Reason.TIMEOUT
    assert "wpa_cli : pas de réponse" in gap.detail


def test_a_program_that_cannot_be_started(bench):
    bench.says("iw", IW)
    (bench.bin / "iw").write_bytes(b"\x7fELF" + bytes(60))
    gap = scan(bench.tools).step.gap
    assert gap.reason is Reason.ERROR
    assert "lancement impossible" in gap.detail


def test_a_huge_answer_is_cut_and_said(bench, tmp_path):
    huge = tmp_path / "huge.txt"
    block = IW.split("BSS ")[1] + "\tunknown: " + "00 " * 1000 + "\n"
    with huge.open("w") as file:
        for number in range(NETWORKS):
            file.write(f"BSS 02:00:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}" + block[17:])
    assert huge.stat().st_size > 8_000_000
    bench.program("iw", ("*", f"cat {huge}"))
    said, step = scan(bench.tools)
    assert step.gap is None
    assert any("8 Mo" in limit for limit in said.limits)
    assert said.networks[-1].incomplete
    assert not any(network.incomplete for network in said.networks[:-1])


def test_an_endless_answer_without_meaning(bench):
    bench.program("iw", ("*", "yes garbage"))
    gap = scan(bench.tools).step.gap
    assert gap.reason is Reason.MALFORMED
    assert "réponse non comprise" in gap.detail


def test_binary_answers(bench):
    bench.program("iw", ("*", "printf 'BSS \\000\\377'"))
    assert scan(bench.tools).step.gap.reason is Reason.MALFORMED


def test_localised_words_of_nmcli_are_still_read(bench):
    bench.says("nmcli", NMCLI.replace("SECURITY", "SÉCURITÉ").replace("CHAN", "CANAL"))
    said, _ = scan(bench.tools)
    assert [network.encryption for network in said.networks] == ["wpa2-wpa3", "open"]


@pytest.mark.parametrize("text", [NETSH_EN, NETSH_FR])
def test_windows(tmp_path, text):
    bench = Bench(tmp_path, windows=True)
    (tmp_path / "out.txt").write_bytes(text.encode("cp850", "replace"))
    bench.program("netsh", ("*networks*", f"cat {tmp_path / 'out.txt'}"))
    said, step = scan(bench.tools)
    assert ran(bench)[-1] == "netsh.exe wlan show networks mode=bssid"
    assert step.command == "netsh wlan show networks mode=bssid"
    assert (step.tool, step.cached) == ("netsh", True)
    assert step.networks == len(said.networks) > 0
    assert any("en mémoire" in limit for limit in said.limits)


def test_windows_interface_with_a_space(tmp_path):
    bench = Bench(tmp_path, windows=True)
    bench.says("netsh", NETSH_EN)
    step = scan(bench.tools, "Wi-Fi 2").step
    assert bench.machine.commands == [("netsh.exe", "wlan", "show", "networks", "mode=bssid", "interface=Wi-Fi 2")]
    assert step.command == 'netsh wlan show networks mode=bssid "interface=Wi-Fi 2"'


@pytest.mark.parametrize(("label", "name"), [("Name", "Wi-Fi"), ("Nom", "Réseau sans fil 2")])
def test_windows_lists_its_interfaces(tmp_path, label, name):
    bench = Bench(tmp_path, windows=True)
    (tmp_path / "out.txt").write_bytes(
        f"\r\nIl existe 1 interface :\r\n\r\n    {label}                   : {name}\r\n"
        f"    Description            : Adaptateur\r\n    Profil : {label} : piège\r\n".encode("cp850")
    )
    bench.program("netsh", ("*interfaces", f"cat {tmp_path / 'out.txt'}"))
    assert interfaces(bench.tools) == (name,)


def test_windows_that_hides_its_networks(tmp_path):
    bench = Bench(tmp_path, windows=True)
    bench.program(
        "netsh", ("*", "echo Network shell commands need location permission to access WLAN information.; exit 1")
    )
    gap = scan(bench.tools).step.gap
    assert gap.reason is Reason.PERMISSION
    assert "netsh" in gap.detail


def test_facts_survive_writing(bench):
    bench.says("iw", IW)
    _, step = scan(bench.tools)
    assert msgspec.json.decode(msgspec.json.encode(step), type=type(step)) == step
