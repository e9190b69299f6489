"""Firmware and understanding of the export: base facts and one change."""

from __future__ import annotations

from datetime import date

import pytest

from checks.firewall.facts import NotUnderstood
from checks.firewall.firmware import life, table, version
from checks.firewall.parsers.registry import VENDORS
from checks.model import Reason, Severity, Verdict
from tests.firewall.devices import device, judge

P, F, NS = Verdict.PASS, Verdict.FAIL, Verdict.NOT_ASSESSED
FIRMWARE = "upkeep.supported_firmware"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("v7.0.12,build0523", "7.0.12"),
        ("FGT60F-7.0.12-FW-build0523", "7.0.12"),
        ("FortiOS v6.4", "6.4"),
        ("OPNsense 24.7_5", "24.7"),
        ("4.3.17", "4.3.17"),
        ("7.10.2 (stable)", "7.10.2"),
        ("", ""),
        ("inconnue", ""),
        ("12", ""),
    ],
)
def test_version_is_found_in_the_text_of_the_export(text: str, number: str) -> None:
    assert version(text) == number


@pytest.mark.parametrize(
    ("vendor", "firmware", "release"),
    [
        ("fortigate", "v7.0.12", "7.0"),
        ("stormshield", "3.9.1", "3"),
        ("stormshield", "3.11.2", "3.11"),
        ("mikrotik", "7.10.2", "7.10"),
        ("mikrotik", "7.1.5", "7.1"),
        ("paloalto", "10.1.3-h1", "10.1"),
        ("opnsense", "24.7.5", "24.7"),
    ],
)
def test_longest_release_wins(vendor: str, firmware: str, release: str) -> None:
    found = life(vendor, firmware)
    assert found is not None
    assert found.release == release


@pytest.mark.parametrize(("vendor", "firmware"), [("fortigate", "9.9.1"), ("fortigate", ""), ("iptables", "1.8.9")])
def test_version_out_of_the_table_is_not_known(vendor: str, firmware: str) -> None:
    assert life(vendor, firmware) is None


def test_table_holds_known_vendors_and_real_dates() -> None:
    assert {product.vendor for product in table().product} <= set(VENDORS)
    ends = [end for product in table().product for end in product.releases.values() if end not in ("", "past")]
    assert all(date.fromisoformat(end) for end in ends)
    assert date.fromisoformat(table().source.date) <= date(2026, 11, 22)


def test_firmware_without_correction_for_less_than_a_year_fails() -> None:
    found = judge(FIRMWARE, device(firmware="v7.2.9"))  # ended 30/09/2026
    assert found.verdict is F
    assert found.message == "FortiOS 7.2 n'est plus corrigé par son éditeur depuis le 30/09/2026."
    assert found.severity is None
    assert found.affected[0].ref == "v7.2.9"
    assert "2026-08-22" in found.evidence[0].value


def test_firmware_without_correction_for_more_than_a_year_is_critical() -> None:
    assert judge(FIRMWARE, device(firmware="v7.0.12")).severity is Severity.CRITICAL


def test_firmware_still_corrected_conforms_and_says_until_when() -> None:
    found = judge(FIRMWARE, device(firmware="v7.4.1"))
    assert (found.verdict, found.message) == (P, "FortiOS 7.4 est corrigé par son éditeur jusqu'au 11/11/2028.")


def test_firmware_without_announced_end_conforms() -> None:
    found = judge(FIRMWARE, device(vendor="stormshield", firmware="4.8.2"))
    assert (found.verdict, found.message) == (P, "Stormshield SNS 4.8 est encore corrigé par son éditeur.")


def test_firmware_that_ended_on_an_unknown_day_fails() -> None:
    found = judge(FIRMWARE, device(vendor="mikrotik", firmware="6.48.6"))
    assert (found.verdict, found.message) == (F, "RouterOS 6.48 n'est plus corrigé par son éditeur.")


@pytest.mark.parametrize(
    "fields", [{"firmware": ""}, {"firmware": "9.9.1"}, {"vendor": "pfsense", "firmware": "2.7.2"}]
)
def test_unknown_firmware_is_not_assessed(fields: dict[str, str]) -> None:
    found = judge(FIRMWARE, device(**fields))
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)


# --- Understanding


def test_directive_that_matters_fails_and_is_listed_first() -> None:
    directives = (
        NotUnderstood(line=5, text="set couleur 3", effect="aucun sur le filtrage"),
        NotUnderstood(line=80, text="set match-ztna 1", effect="la règle 4 devient incertaine"),
    )
    found = judge("upkeep.understood", device(not_understood=directives))
    assert found.verdict is F
    assert found.severity is Severity.LOW
    assert found.message == "1 directive n'a pas été comprise : ce qui en dépend reste indéterminé."
    assert [(item.line, item.label) for item in found.affected] == [(80, "set match-ztna 1"), (5, "set couleur 3")]
    assert found.affected[0].detail == "tilleuls.conf, ligne 80 ; effet : la règle 4 devient incertaine"


def test_harmless_directives_are_listed_as_information() -> None:
    directives = (NotUnderstood(line=5, text="set couleur 3", effect="aucun sur le filtrage"),)
    found = judge("upkeep.understood", device(not_understood=directives))
    assert (found.verdict, found.severity) == (F, None)
    assert found.message == "1 directive n'a pas été comprise, sans effet sur le filtrage."


def test_whole_export_understood_conforms() -> None:
    assert judge("upkeep.understood", device()).verdict is P
