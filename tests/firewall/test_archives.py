from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.firewall.archives import is_archive, members
from checks.firewall.parsers.source import MAX_BYTES, ParseError

FILES = {"Entities.xml": b"<Configuration/>", "sous/dossier/règles.txt": "Règle".encode()}


def zipped(files=FILES, **options) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        archive.mkdir("sous")
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files=FILES, mode: str = "w", *extra: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in extra:
            archive.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize("raw", [zipped(), tarred(), tarred(mode="w:gz")], ids=["zip", "tar", "tgz"])
def test_every_file_is_read_under_its_last_name(raw):
    assert is_archive(raw)
    assert members("export", raw) == [("Entities.xml", b"<Configuration/>"), ("règles.txt", "Règle".encode())]


def test_a_compressed_file_is_read_without_its_suffix():
    raw = gzip.compress(b"<pfsense/>")
    assert is_archive(raw)
    assert members("config.xml.gz", raw) == [("config.xml", b"<pfsense/>")]


@pytest.mark.parametrize("raw", [b"", b"PK", b"<xml/>", b"config system global\n" * 30])
def test_a_plain_file_is_no_archive(raw):
    assert not is_archive(raw)


def test_names_that_lead_elsewhere_are_only_names():
    names = ["../../etc/passwd", "/etc/shadow", "C:\\Windows\\hosts", ".."]
    assert [name for name, _ in members("a.tar", tarred(dict.fromkeys(names, b"x")))] == [
        "passwd",
        "shadow",
        "hosts",
        "..",
    ]


def test_links_and_devices_are_not_followed():
    link, hard, device = (tarfile.TarInfo(name) for name in ("lien", "dur", "disque"))
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "Entities.xml"
    device.type = tarfile.BLKTYPE
    found = members("a.tar", tarred({"Entities.xml": b"x"}, "w", link, hard, device))
    assert found == [("Entities.xml", b"x")]


@pytest.mark.parametrize("pack", [zipped, lambda files: tarred(files, "w:gz")], ids=["zip", "tgz"])
def test_a_bomb_is_refused_without_being_unpacked_whole(pack):
    bomb = pack({"a": b"\0" * (MAX_BYTES + 1)})
    assert len(bomb) < MAX_BYTES // 100
    with pytest.raises(ParseError, match="trop grande une fois ouverte"):
        members("bombe", bomb)


def test_the_whole_archive_has_a_bound_too():
    part = b"\0" * (MAX_BYTES // 2)
    assert len(members("a.zip", zipped({f"{n}": part for n in range(8)}))) == 8
    for raw in (zipped({f"{n}": part for n in range(9)}), gzip.compress(part * 9, 1)):
        with pytest.raises(ParseError, match="200 Mo en tout"):
            members("a", raw)


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
def test_the_number_of_members_has_a_bound(pack):
    assert len(members("a", pack({f"{n}.txt": b"" for n in range(1990)}))) == 1990
    with pytest.raises(ParseError, match="2000 fichiers"):
        members("a", pack({f"{n}.txt": b"" for n in range(2001)}))


def test_a_password_is_said():
    raw = bytearray(zipped({"a": b"x"}))
    place = 0
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        while (place := raw.find(mark, place)) >= 0:
            raw[place + offset] |= 1
            place += 4
        place = 0
    with pytest.raises(ParseError, match="mot de passe"):
        members("a.zip", bytes(raw))


@pytest.mark.parametrize("raw", [zipped(), tarred(), tarred(mode="w:gz")], ids=["zip", "tar", "tgz"])
def test_a_cut_archive_is_refused_or_has_all_its_files(raw):
    whole = members("a", raw)
    refused = 0
    for size in range(1, len(raw), max(1, len(raw) // 200)):
        try:
            found = members("a", raw[:size])
        except ParseError:
            refused += 1
        else:
            assert found == whole[: len(found)]
    assert refused > 0


@settings(max_examples=300, deadline=None)
@given(
    raw=st.sampled_from([zipped(), tarred(), tarred(mode="w:gz"), gzip.compress(b"a" * 50)]),
    places=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=12),
)
def test_a_forged_archive_never_crashes(raw, places):
    forged = bytearray(raw)
    for place, value in places:
        forged[place % len(forged)] = value
    try:
        found = members("a", bytes(forged))
    except ParseError:
        return
    assert all(isinstance(content, bytes) and "/" not in name for name, content in found)
