"""Every control on real exports: one judgement per firewall, no crash, objects that can be told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.firewall.collect import read_input
from checks.firewall.review import review
from checks.model import CollectError, Verdict
from tests import corpus
from tests.firewall.devices import CONTEXT
from tests.firewall.test_controls_catalogue import CONTROLS, function_of

FOLDER = corpus.CORPUS / "firewall"
LARGE = 100_000
"""Bytes: what is longer is measured elsewhere."""
FILES = sorted(
    path
    for path in FOLDER.glob("*/*")
    if path.is_file() and path.name != "NOTE.md" and (path.stat().st_size < LARGE or path.parent.name == "fortigate")
)

PARTS = frozenset({"groups.json", "networks.json", "zones.json"})
"""UniFi files that complete the rules and hold none."""


@pytest.mark.corpus
@pytest.mark.skipif(not FILES, reason="third-party files are not here")
@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.name}" for path in FILES])
def test_real_export_is_judged_by_every_control(path: Path) -> None:
    if path.name in PARTS:
        with pytest.raises(CollectError):
            read_input([str(path)], {})
        return
    given = review(read_input([str(path)], {}))
    names = [one.device.name for one in given.devices]
    assert names
    for control in CONTROLS:
        found = function_of(control)(given, CONTEXT)
        assert [one.subject for one in found] == names
        for one in found:
            assert len({item.id for item in one.affected}) == len(one.affected)
            assert all(item.id and item.label and item.detail for item in one.affected)
            assert (one.verdict is Verdict.FAIL) == bool(one.affected)
