"""Disk images: VHDX, VHD, VMDK, qcow2, ISO 9660. Headers with their checksums, and where they say things are."""

from __future__ import annotations

import struct

from checks.backup.restore.formats.base import CutError, DamagedError, Subject

_KIB = 1 << 10
_VHDX_HEADERS = (64 * _KIB, 128 * _KIB)
_VHDX_REGIONS = (192 * _KIB, 256 * _KIB)
_MAX_REGIONS = 2047
"""[MS-VHDX] 2.2.3.1."""
_POLYNOMIAL = 0x82F63B78
"""CRC-32C, reflected."""


def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C of a few KiB (RFC 3720, appendix B.4); only used on headers."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def check_vhdx(subject: Subject) -> None:
    """One of the two headers, with its checksum, and one of the two region tables ([MS-VHDX] 2.2)."""
    if subject.size < _VHDX_REGIONS[1] + 64 * _KIB:
        raise CutError("disque VHDX plus court que ses en-têtes")
    if not any(_vhdx_part(subject.read(place, 4 * _KIB), b"head") for place in _VHDX_HEADERS):
        raise DamagedError("disque VHDX : aucun en-tête correct")
    tables = [table for place in _VHDX_REGIONS if _vhdx_part(table := subject.read(place, 64 * _KIB), b"regi")]
    if not tables:
        raise DamagedError("disque VHDX : aucune table de régions correcte")
    count = min(struct.unpack_from("<I", tables[0], 8)[0], _MAX_REGIONS)
    for number in range(count):
        offset, length = struct.unpack_from("<QI", tables[0], 16 + 32 * number + 16)
        if offset + length > subject.size:
            raise CutError("disque VHDX sans sa fin")


def _vhdx_part(data: bytes, signature: bytes) -> bool:
    if data[:4] != signature:
        return False
    wanted: int = struct.unpack_from("<I", data, 4)[0]
    return crc32c(data[:4] + bytes(4) + data[8:]) == wanted


def check_vhd(subject: Subject) -> None:
    """The footer of the last 512 bytes, with its checksum (Microsoft VHD specification 1.0)."""
    footer = subject.tail(512)
    if len(footer) < 512 or footer[:8] != b"conectix":  # noqa: PLR2004 - one sector
        raise CutError("disque VHD sans sa fin")
    wanted = struct.unpack_from(">I", footer, 64)[0]
    if ~sum(footer[:64] + footer[68:]) & 0xFFFFFFFF != wanted:
        raise DamagedError("disque VHD : fin endommagée")


def check_vmdk(subject: Subject) -> None:
    """The header of a hosted sparse extent (Virtual Disk Format 5.0): line ends not translated, directory inside."""
    if len(subject.head) < 512:  # noqa: PLR2004 - one sector
        raise CutError("disque VMDK plus court que son en-tête")
    if subject.head[73:77] != b"\n \r\n":
        raise DamagedError("disque VMDK : en-tête endommagé")
    directory = struct.unpack_from("<Q", subject.head, 56)[0]
    at_end = 0xFFFFFFFFFFFFFFFF
    if directory != at_end and directory * 512 > subject.size:
        raise CutError("disque VMDK sans sa fin")


def check_vmdk_descriptor(subject: Subject) -> None:
    """The text file that names the extents."""
    if b"createType" not in subject.head:
        raise DamagedError("descripteur VMDK incomplet")


def check_qcow2(subject: Subject) -> None:
    """Version, size of a cluster, and an L1 table inside the file (QEMU, docs/interop/qcow2)."""
    if len(subject.head) < 72:  # noqa: PLR2004 - header of version 2
        raise CutError("disque qcow2 plus court que son en-tête")
    version = struct.unpack_from(">I", subject.head, 4)[0]
    cluster_bits = struct.unpack_from(">I", subject.head, 20)[0]
    entries, table = struct.unpack_from(">IQ", subject.head, 36)
    if version not in (2, 3) or not 9 <= cluster_bits <= 21 or table % (1 << cluster_bits):  # noqa: PLR2004 - bounds of the format
        raise DamagedError("disque qcow2 : en-tête endommagé")
    if table + entries * 8 > subject.size:
        raise CutError("disque qcow2 sans sa fin")


def check_iso(subject: Subject) -> None:
    """The primary volume descriptor, and as many blocks as it says (ECMA-119)."""
    descriptor = subject.read(32 * _KIB, 2 * _KIB)
    if len(descriptor) < 2 * _KIB:
        raise CutError("image ISO sans sa fin")
    if descriptor[1:6] != b"CD001":
        raise DamagedError("image ISO : en-tête endommagé")
    if descriptor[0] == 1 and struct.unpack_from("<I", descriptor, 80)[0] * 2048 > subject.size:
        raise CutError("image ISO sans sa fin")
