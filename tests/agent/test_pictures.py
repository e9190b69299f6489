"""Pictures of a domain go from recorded facts to the page, the workbook and the terminal."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import openpyxl
import pytest

from checks.catalogue import load_catalogue
from checks.evaluate import domain_exhibits, read_facts
from checks.model import FactsFile
from reports.domain_exhibits import sheet_names, sheet_rows
from tests.reports.pages import read

RECORDED = Path(__file__).parents[2] / "lab" / "recorded" / "as_found"
HOSTAPD = """
interface=wlan0
ssid=Tilleuls-Residents
hw_mode=g
channel=6
wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase=phrase-fictive-de-vingt-six
"""


def ausculte(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    parent = tmp_path_factory.mktemp("audit")
    shutil.copytree(RECORDED, parent / "run-as_found")
    done = ausculte(parent, "evaluate", str(parent), "--note", "essai")
    assert (parent / "run-as_found" / "report.html").is_file(), done.stderr
    return parent / "run-as_found"


def test_a_recorded_audit_shows_its_pictures_in_the_page_and_the_workbook(audit: Path) -> None:
    domain = load_catalogue().domains["wifi"]
    file = msgspec.json.decode((audit / "facts" / "wifi.json").read_bytes(), type=FactsFile)
    facts, gap = read_facts(domain, file)
    assert gap is None
    wanted = domain_exhibits(domain, facts)
    assert len(wanted) >= 3
    page = read((audit / "report.html").read_text("utf-8"))
    captions = [node.full_text for node in page.all("figcaption")]
    assert [caption for caption in captions if caption in {one.title for one in wanted}] == [
        one.title for one in wanted
    ]
    book = openpyxl.load_workbook(audit / "plan.xlsx")
    for name, exhibit in zip(sheet_names({"wifi": wanted})["wifi"], wanted, strict=True):
        # Numbers go on from the pictures of the domains before, and may take one more letter of the title.
        start = name.partition(". ")[2][:-1]
        sheets = [book[one] for one in book.sheetnames if one.partition(". ")[2].startswith(start)]
        assert 1 + len(sheet_rows(exhibit)[1]) in {sheet.max_row for sheet in sheets}
