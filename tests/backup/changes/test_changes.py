"""What an encryption leaves between two points is found, and what looks like it is not taken for it."""

from __future__ import annotations

import os
import random
import shutil
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.backup.changes import catalogues, heads
from checks.backup.changes.judge import finding, formats_lost, replaced_share
from checks.backup.changes.run import by_source, change_signs
from checks.backup.config import BackupConfig, RepositoryConfig, RestoreSettings
from checks.backup.facts import ChangeSign
from checks.backup.restore.scratch import PREFIX
from checks.backup.technologies.base import Entry
from checks.model import CollectError, Gap, Reason
from tests.backup.restore import samples
from tests.backup.restore.trees import NOW, Trees, point, repository, tools

LABEL = "Fichiers"
DRAW = random.Random(11)
KINDS = {
    "docx": samples.zipped("[Content_Types].xml", "word/document.xml"),
    "pdf": samples.pdf(),
    "csv": (samples.SENTENCE * 300).encode(),
    "jpg": b"\xff\xd8\xff\xe0" + DRAW.randbytes(20_000) + b"\xff\xd9",
    "log": (samples.SENTENCE * 300).encode(),
}


def office(root: Path, number: int = 200) -> None:
    """A share of an establishment."""
    for one in range(number):
        extension = list(KINDS)[one % len(KINDS)]
        path = root / f"service{one % 4}" / f"f{one}.{extension}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(KINDS[extension])
        stamp(path, 10)


def stamp(path: Path, days: float) -> None:
    moment = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


@pytest.fixture
def site(tmp_path):
    (tmp_path / "scratch").mkdir()
    office(tmp_path / "before")
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    return tmp_path


def go(site, *, labels=(LABEL,), technology=None, points=None, read=None):
    config = BackupConfig(
        repositories=(RepositoryConfig(label=LABEL, technology="rsync", location=str(site / "repository")),),
        restore=RestoreSettings(scratch=str(site / "scratch")),
    )
    technology = technology or Sources({"p1": site / "before", "p2": site / "after"})
    points = points or (point("partage", 1, NOW - timedelta(days=1)), point("partage", 2, NOW))
    read = (repository(LABEL, "rsync", points),) if read is None else read
    found = change_signs(config, read, labels, tools(), find=lambda _: technology)
    assert list((site / "scratch").glob(f"{PREFIX}*")) == []
    return found


class Sources(Trees):
    """Points of one source, each a folder of its own."""

    def __init__(self, folders, **more):
        super().__init__(**more)
        self.of = folders

    def entries(self, config, tools, point):
        return super().entries(config, tools, self._there(point))

    def restore(self, config, tools, point, paths, into):
        return super().restore(config, tools, self._there(point), paths, into)

    def _there(self, one):
        return point(self.of[one.id], 1, one.time)


def one(found) -> ChangeSign:
    assert found.limits == ()
    (sign,) = found.signs
    return sign


def encrypt(path: Path, suffix: str) -> None:
    path.write_bytes(DRAW.randbytes(path.stat().st_size + 512))
    if suffix:
        path.rename(path.with_name(path.name + suffix))


# ----------------------------------------------------------------------------------------------- encryptions


@pytest.mark.parametrize("suffix", [".lockbit", ""])
def test_an_encryption_is_found(site, suffix):
    for path in files(site / "after"):
        encrypt(path, suffix)
    sign = one(go(site))
    assert finding(sign) == "encryption"
    assert sign.files_before == 200
    assert sign.suffix == suffix.lstrip(".")
    assert sign.renamed == (200 if suffix else 0)
    assert formats_lost(sign)
    assert sign.entropy_before < 6
    assert sign.entropy_after > 7.9
    assert 0 < sign.looked_into <= heads.LOOKED


def test_random_names_are_found(site):
    for number, path in enumerate(files(site / "after")):
        path.write_bytes(DRAW.randbytes(20_000))
        path.rename(path.with_name(f"{number:08x}.a1b2c3"))
    sign = one(go(site))
    assert (sign.suffix, sign.suffix_files) == ("a1b2c3", 200)
    assert finding(sign) == "encryption"


def test_a_quarter_encrypted_is_found_and_a_fifth_is_not(site):
    for path in files(site / "after")[:40]:
        encrypt(path, ".locked")
    assert finding(one(go(site))) == "none"
    for path in files(site / "after")[100:101]:
        encrypt(path, ".locked")
    assert finding(one(go(site))) == "encryption"


def test_only_compressed_files_lose_their_formats(site):
    for root in ("before", "after"):
        for path in files(site / root):
            if path.suffix not in {".docx", ".jpg", ".pdf"}:
                path.unlink()
    for path in files(site / "after"):
        encrypt(path, "")
    sign = one(go(site))
    assert sign.entropy_after is None
    assert finding(sign) == "encryption"


def test_beginnings_alone_encrypted_are_suspect(site):
    """Some encrypt the first bytes only: formats are lost, and most of what follows still has its order."""
    for path in files(site / "after"):
        data = bytearray(path.read_bytes())
        data[:2048] = DRAW.randbytes(2048)
        path.write_bytes(bytes(data))
        stamp(path, 0)
    sign = one(go(site))
    assert formats_lost(sign)
    assert finding(sign) == "suspect"


def test_without_permission_the_catalogue_alone_speaks(site):
    for path in files(site / "after"):
        encrypt(path, ".lockbit")
    technology = Sources({"p1": site / "before", "p2": site / "after"})
    sign = one(go(site, labels=(), technology=technology))
    assert technology.asked == []
    assert (sign.looked_into, sign.entropy_after) == (0, None)
    assert finding(sign) == "suspect"


# ----------------------------------------------------------------------------------------- ordinary changes


def photos(site):
    for number in range(500):
        path = site / "after" / "fete" / f"IMG_{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(KINDS["jpg"])


def upgrade(site):
    """A program replaced: most files change, some go, others come with unknown suffixes."""
    for root, version in (("before", b"\x01"), ("after", b"\x02")):
        for number in range(400):
            path = site / root / "logiciel" / f"module{number}.dll"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"MZ" + version * 9000 + DRAW.randbytes(3000))
    for number in range(60):
        (site / "after" / "logiciel" / f"module{number}.dll").unlink()
        (site / "after" / "logiciel" / f"data{number}.pak2").write_bytes(bytes(9000) + DRAW.randbytes(9000))


def year_end(site):
    for path in files(site / "after"):
        target = site / "after" / "archives" / "2025" / path.relative_to(site / "after")
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)


def renamed_folder(site):
    (site / "after" / "service0").rename(site / "after" / "pôle soins")


def touched(site):
    for path in files(site / "after"):
        stamp(path, 0)


def upgrade_of_every_name(site):
    upgrade(site)
    for path in files(site / "after" / "logiciel"):
        path.rename(path.with_suffix(".v2x"))


def cleaned(site):
    for path in files(site / "after")[:150]:
        path.unlink()


def converted(site):
    """Old documents converted to a newer format, all together."""
    for root in ("before", "after"):
        for path in files(site / root):
            if path.suffix == ".pdf":
                path.write_bytes(samples.ole())
                path.rename(path.with_suffix(".doc"))
    for path in files(site / "after"):
        if path.suffix == ".doc":
            path.write_bytes(KINDS["docx"])
            path.rename(path.with_suffix(".docx"))


def logs_compressed(site):
    import gzip

    for path in files(site / "after"):
        if path.suffix in {".log", ".csv"}:
            path.write_bytes(gzip.compress(path.read_bytes()))
            path.rename(path.with_name(path.name + ".gz"))


@pytest.mark.parametrize(
    "change",
    [
        photos,
        upgrade,
        upgrade_of_every_name,
        year_end,
        renamed_folder,
        touched,
        cleaned,
        converted,
        logs_compressed,
        lambda _: None,
    ],
)
def test_ordinary_changes_are_not_an_encryption(site, change):
    change(site)
    assert finding(one(go(site))) == "none"


def test_figures_of_a_move(site):
    year_end(site)
    sign = one(go(site))
    assert (sign.added, sign.removed, sign.moved, sign.changed) == (200, 200, 200, 0)
    assert replaced_share(sign) == 0


# ------------------------------------------------------------------------------------------------- readings


def test_the_usual_share_needs_four_points(site):
    folders = {}
    for number in range(5):
        folders[f"p{number}"] = site / f"d{number}"
        shutil.copytree(site / "before", folders[f"p{number}"])
        for path in files(folders[f"p{number}"])[: number * 10]:
            stamp(path, -number)
    days = {number: point("partage", number, NOW - timedelta(days=5 - number)) for number in range(5)}
    sign = one(go(site, technology=Sources(folders), points=tuple(days.values())))
    assert sign.daily_median == pytest.approx(0.1)
    assert replaced_share(sign) == pytest.approx(0.2)
    sign = one(go(site, technology=Sources(folders), points=tuple(days[number] for number in range(3))))
    assert sign.daily_median is None


def test_what_cannot_be_compared_is_said(site):
    class Broken(Sources):
        def entries(self, config, tools, point):
            raise CollectError(Reason.REFUSED, "Mot de passe refusé.")

    found = go(site, technology=Broken({}))
    assert found.signs == ()
    assert "Mot de passe refusé" in found.limits[0]


def test_files_that_cannot_be_looked_into_leave_the_catalogue(site):
    for path in files(site / "after"):
        encrypt(path, ".lockbit")
    broken = Sources(
        {"p1": site / "before", "p2": site / "after"}, error=CollectError(Reason.ERROR, "Dépôt endommagé.")
    )
    found = go(site, technology=broken)
    assert "Dépôt endommagé" in found.limits[0]
    assert finding(found.signs[0]) == "suspect"


@pytest.mark.parametrize(
    "read",
    [(), (repository("Autre", "rsync", ()),), (repository(LABEL, "rsync", Gap(reason=Reason.ERROR, detail="x")),)],
)
def test_nothing_to_compare(site, read):
    assert go(site, read=read) == ((), ())


def test_one_point_is_not_compared_and_empty_points_are_left_out():
    points = [point("a", 1), point("b", 2), point("b", 3, NOW - timedelta(days=1), empty=True)]
    assert by_source(points) == {}


def test_too_many_files_are_refused(monkeypatch):
    monkeypatch.setattr(catalogues, "MAX_ENTRIES", 3)
    entries = [Entry(path=f"/{number}", size=1) for number in range(4)]
    assert len(catalogues.read(entries[:3]).states) == 3
    with pytest.raises(CollectError, match="Plus de 3"):
        catalogues.read(entries)


def test_no_name_of_a_person_becomes_a_suffix():
    entries = [Entry(path=f"/rh/M. Dupont{number}", size=number, modified=NOW) for number in range(100)]
    difference, _ = catalogues.compare(catalogues.read([]), entries)
    assert difference.suffix == ""


paths = st.lists(
    st.builds(
        Entry,
        path=st.text("abc./\\é\udcff", max_size=8),
        size=st.integers(0, 3),
        modified=st.sampled_from([None, NOW]),
    ),
    max_size=30,
    unique_by=lambda entry: entry.path,
)


@settings(max_examples=200, deadline=None)
@given(before=paths, after=paths)
def test_counts_are_those_of_sets(before, after):
    difference, later = catalogues.compare(catalogues.read(before), after)
    old, new = {entry.path: entry for entry in before}, {entry.path: entry for entry in after}
    assert difference.removed == len(old.keys() - new.keys())
    assert difference.added == len(new.keys() - old.keys())
    assert difference.changed == sum(old[path] != new[path] for path in old.keys() & new.keys())
    assert 0 <= difference.moved <= min(difference.added, difference.removed)
    assert later.states == catalogues.read(after).states
    sign = ChangeSign(
        repository="r", source="s", before=NOW, after=NOW, files_before=len(before), removed=difference.removed,
        added=difference.added, changed=difference.changed, moved=difference.moved,
    )  # fmt: skip
    assert 0 <= replaced_share(sign) <= 1


# ----------------------------------------------------------------------------------------------- thresholds

CLEAR = ChangeSign(
    repository="r", source="s", before=NOW, after=NOW, files_before=100, removed=0, added=0, changed=21,
    magic_known=10, magic_lost=5, looked_into=10, entropy_after=7.91,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "encryption"),
        ({"changed": 20}, "none"),
        ({"magic_lost": 4}, "none"),
        ({"magic_lost": 4, "suffix": "locked", "suffix_files": 11}, "encryption"),
        ({"magic_lost": 4, "suffix": "locked", "suffix_files": 10}, "none"),
        ({"magic_lost": 4, "suffix": "locked", "suffix_files": 11, "entropy_after": 7.9}, "none"),
        ({"magic_known": 4, "magic_lost": 4}, "none"),
        ({"entropy_after": 7.9}, "suspect"),
        ({"entropy_after": None}, "encryption"),
        ({"entropy_after": None, "magic_lost": 0, "suffix": "locked", "suffix_files": 11}, "suspect"),
        ({"changed": 0, "removed": 21, "added": 21}, "encryption"),
        ({"changed": 0, "removed": 21, "added": 21, "moved": 1}, "none"),
        ({"changed": 0, "removed": 90}, "none"),
        ({"changed": 0, "added": 900}, "none"),
        ({"files_before": 19, "changed": 19}, "none"),
        ({"files_before": 20, "changed": 20}, "encryption"),
        ({"files_before": 0, "changed": 0}, "none"),
    ],
)
def test_thresholds(change, expected):
    assert finding(msgspec.structs.replace(CLEAR, **change)) == expected
