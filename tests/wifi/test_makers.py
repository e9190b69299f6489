"""Makers added to networks from a list of address blocks."""

from __future__ import annotations

from checks.wifi.makers import with_makers
from tests.wifi.sites import PRO, PRO_5, RES_5, STRANGER, network


def test_only_what_no_element_says_is_added(tmp_path):
    path = tmp_path / "manuf"
    path.write_text("00:11:22\tTil\tTilleuls Réseaux\n", "utf-8")
    seen = [
        network(PRO_5, PRO),
        network(RES_5, PRO, vendor="Maker of the beacon"),
        network(STRANGER, PRO),
        network("", PRO),
        network("a0:b1:c2:d3:e4:f5", PRO),
    ]
    found = with_makers(seen, [path])
    assert [one.vendor for one in found] == ["Tilleuls Réseaux", "Maker of the beacon", "", "", ""]
    assert with_makers(seen, []) == tuple(seen)
