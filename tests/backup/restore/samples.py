"""Small files of each format, made with the standard library or by hand: fictional, and right until a test breaks them."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from checks.backup.restore.formats.disks import crc32c

SENTENCE = "EHPAD Les Tilleuls, plan de soins de Mme Fictive, née le 1er avril\n"
MYSQL = f"-- MySQL dump 10.13  Distrib 8.0\nINSERT INTO t VALUES ('{SENTENCE}');\n-- Dump completed on 2026-11-01\n"
POSTGRES = f"--\n-- PostgreSQL database dump\n--\n{SENTENCE}--\n-- PostgreSQL database dump complete\n--\n\n"


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, SENTENCE * 200)
    return buffer.getvalue()


def sqlite(folder: Path) -> bytes:
    path = folder / "made.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE soins (texte TEXT)")
    database.execute("CREATE INDEX i ON soins (texte)")
    database.executemany("INSERT INTO soins VALUES (?)", [(f"{number} {SENTENCE}",) for number in range(2000)])
    database.commit()
    database.close()
    return path.read_bytes()


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(3):
            info = tarfile.TarInfo(f"f{number}")
            info.size = 2000
            archive.addfile(info, io.BytesIO(b"x" * 2000))
    return buffer.getvalue()


def pdf() -> bytes:
    body = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" + b"% filler\n" * 800
    return body + b"xref\n0 1\n0000000000 65535 f \ntrailer\n<<>>\nstartxref\n%d\n%%%%EOF\n" % len(body)


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x" * 500) + chunk(b"IEND", b"")


def vhdx() -> bytes:
    def part(signature: bytes, size: int, body: bytes = b"") -> bytes:
        data = bytearray((signature + bytes(4) + body).ljust(size, b"\0"))
        data[4:8] = struct.pack("<I", crc32c(bytes(data)))
        return bytes(data)

    regions = struct.pack("<II", 1, 0) + bytes(16) + struct.pack("<QII", 1 << 19, 1 << 18, 1)
    image = bytearray(1 << 20)
    for place, data in (
        (0, b"vhdxfile"),
        (64 << 10, part(b"head", 4096)),
        (128 << 10, part(b"head", 4096)),
        (192 << 10, part(b"regi", 64 << 10, regions)),
        (256 << 10, part(b"regi", 64 << 10, regions)),
    ):
        image[place : place + len(data)] = data
    return bytes(image[: (1 << 19) + (1 << 18)])


def vhd() -> bytes:
    footer = bytearray(b"conectix" + bytes(range(100)).ljust(504, b"\0"))
    footer[64:68] = bytes(4)
    footer[64:68] = struct.pack(">I", ~sum(footer) & 0xFFFFFFFF)
    return b"\x33" * 4096 + bytes(footer)


def vmdk() -> bytes:
    header = bytearray(b"KDMV" + struct.pack("<II", 1, 3)).ljust(512, b"\0")
    header[56:64] = struct.pack("<Q", 4)
    header[73:77] = b"\n \r\n"
    return bytes(header) + bytes(4096)


def qcow2() -> bytes:
    header = struct.pack(">4sIQIIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 1 << 20, 0, 16, 1 << 16)
    return header.ljust((1 << 16) + 128, b"\0")


def iso() -> bytes:
    descriptor = bytearray(b"\x01CD001\x01".ljust(2048, b"\0"))
    descriptor[80:84] = struct.pack("<I", 60)
    return bytes(32 << 10) + bytes(descriptor) + bytes(60 * 2048 - (32 << 10) - 2048)


def seven() -> bytes:
    header = b"\x01\x04\x06" * 5
    start = struct.pack("<QQI", 100, len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start + b"x" * 100 + header


def ole() -> bytes:
    header = bytearray(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\0"))
    struct.pack_into("<HHHH", header, 24, 0x3E, 3, 0xFFFE, 9)
    struct.pack_into("<II", header, 44, 1, 3)
    return bytes(header) + bytes(512 * 4)


def pg_custom() -> bytes:
    return b"PGDMP\x01\x0e\x00\x04\x08\x01" + bytes(500)


def every(folder: Path) -> dict[str, bytes]:
    """A right file for each format that is checked, by its name."""
    text = (SENTENCE * 100).encode()
    return {
        "a.docx": zipped("[Content_Types].xml", "word/document.xml"),
        "a.odt": zipped("mimetype", "content.xml"),
        "a.zip": zipped("x", "y"),
        "a.sqlite": sqlite(folder),
        "a.pdf": pdf(),
        "a.png": png(),
        "a.jpg": b"\xff\xd8\xff\xe0" + b"x" * 5000 + b"\xff\xd9",
        "a.gif": b"GIF89a" + b"x" * 500 + b";",
        "a.gz": gzip.compress(text),
        "a.sql.gz": gzip.compress(MYSQL.encode()),
        "a.bz2": bz2.compress(text),
        "a.xz": lzma.compress(text),
        "a.tar": tar(),
        "a.7z": seven(),
        "a.vhdx": vhdx(),
        "a.vhd": vhd(),
        "a.vmdk": vmdk(),
        "a.qcow2": qcow2(),
        "a.iso": iso(),
        "a.doc": ole(),
        "a.rtf": b"{\\rtf1 " + text + b"}",
        "a.sql": MYSQL.encode(),
        "b.sql": POSTGRES.encode(),
        "a.dump": pg_custom(),
        "a.bak": b"TAPE" + bytes(8000),
        "a.accdb": b"\0\1\0\0Standard ACE DB\0\2" + bytes(8192 - 21),
        "a.xml": f"<?xml version='1.0'?><a>{SENTENCE * 50}</a>".encode(),
        "a.json": json.dumps({"texte": SENTENCE * 50}).encode(),
        "a.txt": text,
        "latin.csv": (SENTENCE * 50).encode("cp1252"),
        "wide.txt": (SENTENCE * 50).encode("utf-16"),
    }
