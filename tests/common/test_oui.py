"""Makers of equipment: the three forms of list, blocks of every size, what tells nothing, hostile files."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.common import oui
from checks.common.oui import makers

IEEE = """OUI/MA-L                                                    Organization\r
company_id                                                  Organization\r
                                                            Address\r
\r
00-11-22   (hex)\t\tTilleuls Réseaux SA\r
001122     (base 16)\t\tTilleuls Réseaux SA\r
\t\t\t\t1 rue des Tilleuls\r
\r
00-55-DA   (hex)\t\tIEEE Registration Authority\r
0055DA     (base 16)\t\tIEEE Registration Authority\r
A0-B1-C4   (hex)\t\tPrivate\r
"""
WIRESHARK = """# a comment
00:11:22\tTilleulsRes\tTilleuls Réseaux SA
00:55:DA\tIEEERegi\tIEEE Registration Authority
00:55:DA:00:00:00/28\tChene\tChêne Électronique
00:55:DA:00:10:00/36\tHetre\tHêtre et Fils
"""
NMAP = """# Comment
001122 Tilleuls Réseaux
0055DA IEEE Registration Authority
0055DA0 Chêne
"""
LISTS = {"oui.txt": IEEE, "manuf": WIRESHARK, "nmap-mac-prefixes": NMAP}


@pytest.fixture
def listed(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [path]

    return write


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("address", ["00:11:22:33:44:55", "00-11-22-AA-BB-CC", "0011.2233.4455", "001122aabbcc"])
def test_maker_of_an_address_however_it_is_written(listed, name, address):
    found = makers([address], listed(name, LISTS[name]))
    assert found[address].startswith("Tilleuls Réseaux")


def test_smaller_blocks_win(listed):
    paths = listed("manuf", WIRESHARK)
    assert makers(["00:55:da:00:0f:01", "00:55:da:00:10:01", "00:55:da:80:00:01"], paths) == {
        "00:55:da:00:0f:01": "Chêne Électronique",
        "00:55:da:00:10:01": "Hêtre et Fils",
    }
    assert makers(["00:55:da:00:0f:01"], listed("nmap", NMAP)) == {"00:55:da:00:0f:01": "Chêne"}
    assert makers(["00:55:da:00:0f:01", "a0:b1:c4:00:00:01"], listed("oui.txt", IEEE)) == {}


@pytest.mark.parametrize(
    "address",
    ["02:11:22:33:44:55", "01:11:22:33:44:55", "", "00:11:22", "Tilleuls", "00:11:22:33:44:55:66", "000000000000"],
)
def test_what_is_no_address_of_a_maker(listed, address):
    assert makers([address], listed("manuf", WIRESHARK + "02:11:22\tX\tX\n01:11:22\tY\tY\n00:00:00\tZ\tZ\n")) == {}


def test_first_list_that_can_be_read_is_used(listed, tmp_path):
    paths = [tmp_path / "absent", tmp_path, *listed("a", WIRESHARK), *listed("b", "001122 Autre\n")]
    assert makers(["00:11:22:00:00:01"], paths) == {"00:11:22:00:00:01": "Tilleuls Réseaux SA"}
    assert makers(["00:11:22:00:00:01"], []) == {}
    assert makers([], paths) == {}


def test_size_and_names_are_bounded(listed, monkeypatch):
    long = listed("manuf", "00:11:22\tX\t" + "long " * 5000 + "\n")
    assert len(makers(["00:11:22:00:00:01"], long)["00:11:22:00:00:01"]) == oui.MAX_NAME
    monkeypatch.setattr(oui, "MAX_BYTES", 100)
    assert makers(["00:11:22:00:00:01"], listed("far", "#" * 98 + "\n\n\n\n" + WIRESHARK)) == {}


def test_names_are_inert(listed):
    found = makers(["00:11:22:00:00:01"], listed("manuf", "00:11:22\tX\tA\x1b[31m\u202eB\n"))
    assert found == {"00:11:22:00:00:01": "A\ufffd[31m\ufffdB"}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(WIRESHARK.encode().split(b"\n"))), max_size=8))
def test_any_list(listed, lines):
    found = makers(["00:11:22:00:00:01", "00:55:da:00:10:01"], listed("manuf", b"\n".join(lines)))
    assert all(0 < len(name) <= oui.MAX_NAME for name in found.values())


def test_lists_of_this_machine_agree():
    address = "00:00:0c:00:00:01"
    found = [makers([address], [path]).get(address, "") for path in oui.PATHS if path.is_file()]
    if not found:
        pytest.skip("no list of makers is installed here")
    assert all(name.lower().startswith("cisco") for name in found)
