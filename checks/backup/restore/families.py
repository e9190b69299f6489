"""What kind of thing a file is, from its name, and in which stratum of the sample it falls."""

from __future__ import annotations

from typing import Literal, NamedTuple

Family = Literal["documents", "databases", "disk_images", "archives", "images", "other"]

_EXTENSIONS: dict[Family, str] = {
    "databases": (
        "sql dump dmp bak trn mdf ndf ldf sqlite sqlite3 db db3 s3db mdb accdb fdb fbk gbk gdb ibd frm myd myi nsf edb "
        "pgdump pg_dump dbf ldif 4dd hfd fic qvd"
    ),
    "disk_images": "vhd vhdx avhdx vmdk qcow2 qcow vdi img raw iso vma ova vbk vib tib mrimg spf",
    "archives": "zip 7z rar gz tgz bz2 tbz2 xz txz zst tar cab jar war",
    "images": "jpg jpeg png gif tif tiff bmp heic webp dcm svg psd mp4 mov avi mkv mp3 wav m4a",
    "documents": (
        "doc docx docm dot dotx xls xlsx xlsm xlsb ppt pptx pptm odt ods odp odg pdf rtf txt csv md html htm xml json "
        "eml msg pst ost one vsd vsdx pub"
    ),
}
_FAMILY: dict[str, Family] = {extension: family for family, words in _EXTENSIONS.items() for extension in words.split()}
_FRENCH: dict[Family, str] = {
    "documents": "documents",
    "databases": "bases",
    "disk_images": "images disque",
    "archives": "archives",
    "images": "photos et sons",
    "other": "autres",
}
_CLASSES = (
    (0, "vides"),
    (64 << 10, "< 64 Kio"),
    (1 << 20, "< 1 Mio"),
    (16 << 20, "< 16 Mio"),
    (256 << 20, "< 256 Mio"),
)
_LARGEST = "≥ 256 Mio"
_COMPRESSED = frozenset({"gz", "bz2", "xz", "zst", "zip", "7z"})
MAX_EXTENSION = 10
"""Characters; what follows the last dot of a longer one is a part of a name, perhaps of a person."""


class Stratum(NamedTuple):
    """Files of one family and one class of size."""

    family: Family
    rank: int
    """Of its class of size, 0 for empty files."""

    @property
    def label(self) -> str:
        """In French, for the report."""
        return f"{_FRENCH[self.family]} {_CLASSES[self.rank][1] if self.rank < len(_CLASSES) else _LARGEST}"


def extension_of(path: str) -> str:
    """Lower-case extension without its dot; empty when there is none, or when it does not look like one."""
    name = path.replace("\\", "/").rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension) > MAX_EXTENSION or not extension.isascii() or not extension.isalnum():
        return ""
    return extension.lower()


def public_extension(path: str) -> str:
    """The extension when it is one of a known format: the end of any other name may be that of a person."""
    extension = extension_of(path)
    return extension if extension in _FAMILY or extension in _COMPRESSED else ""


def family_of(path: str) -> Family:
    """The family of a file. A compressed dump (`base.sql.gz`) is a dump."""
    extension = extension_of(path)
    family = _FAMILY.get(extension, "other")
    if extension in _COMPRESSED and _FAMILY.get(extension_of(path[: -len(extension) - 1])) == "databases":
        return "databases"
    return family


def stratum_of(path: str, size: int) -> Stratum:
    """The stratum of a file."""
    if size <= 0:
        return Stratum(family_of(path), 0)
    for rank, (limit, _) in enumerate(_CLASSES):
        if size < limit:
            return Stratum(family_of(path), rank)
    return Stratum(family_of(path), len(_CLASSES))


def top_folder(path: str) -> str:
    """The folders that tell one part of the source from another: the first three levels above the file.

    Products write paths from the root of the disk or from the folder saved, so one level would often be one folder.
    """
    parts = path.replace("\\", "/").strip("/").split("/")
    return "/".join(parts[:-1][:3])
