"""Files, folders and archives opened within bounds, and their JSON read without trusting it."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from checks.common.text import clean
from checks.common.textfile import MAX_BYTES, ParseError, decode

MAX_FILES = 500
MAX_TOTAL = 400_000_000
"""Bytes of all files together, once unpacked."""
ENDINGS = (".json", ".clixml", ".xml")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_WHAT = "ce n'est pas du JSON lisible"


class Document(NamedTuple):
    """One file."""

    name: str
    """Base name, harmless to show."""
    path: str
    """Path inside the folder or the archive, with slashes: it may say which address of Graph was read."""
    value: Any


class Opened(NamedTuple):
    """What a list of paths holds."""

    documents: tuple[Document, ...]
    errors: tuple[ParseError, ...]
    """Files that could not be read, one sentence each."""
    ignored: tuple[str, ...]
    """Files of a folder or an archive whose name is not that of an export."""


def opened(paths: Iterable[str | Path]) -> Opened:
    """Read every path: a file, a folder (its files, one level of folders down), or a zip archive.

    A file that cannot be read is an error of the list, not of the whole. Symbolic links inside a folder are ignored.
    """
    documents: list[Document] = []
    errors: list[ParseError] = []
    ignored: list[str] = []
    left = MAX_TOTAL
    for name, read in _files([Path(path) for path in paths], ignored, errors):
        if len(documents) + len(errors) >= MAX_FILES:
            errors.append(ParseError(f"plus de {MAX_FILES} fichiers : le reste n'a pas été lu"))
            break
        base = clean(name.rpartition("/")[2], 120)
        try:
            raw = read()
            left -= len(raw)
            if left < 0:
                errors.append(ParseError(f"plus de {MAX_TOTAL // 1_000_000} Mo : le reste n'a pas été lu", base))
                break
            documents.append(Document(base, clean(name, 400), parsed(base, raw)))
        except ParseError as error:
            errors.append(error)
        except OSError:
            errors.append(ParseError("fichier illisible", base))
    return Opened(tuple(documents), tuple(errors), tuple(ignored))


def parsed(name: str, raw: bytes) -> Any:
    """The JSON of a file. Raises `ParseError` for anything else, however it is made."""
    text = decode(name, raw).text
    if text.lstrip("\ufeff \n\t").startswith("<Objs"):
        raise ParseError("c'est du CLIXML (Export-Clixml) : refaire l'export avec ConvertTo-Json -Depth 10", name)
    try:
        value = json.loads(text.lstrip("\ufeff"), object_pairs_hook=_pairs, parse_constant=lambda _: None)
        return _paired(value) if _HALF.search(text) else value
    except RecursionError:
        raise ParseError("trop d'objets les uns dans les autres", name) from None
    except ValueError:
        raise ParseError(_WHAT, name) from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a name given twice, as ScubaGear does, the first value that says something."""
    found = dict(pairs)
    if len(found) < len(pairs):
        found |= {name: value for name, value in reversed(pairs) if value not in (None, [], {}, "")}
    return found


def _paired(value: Any) -> Any:
    """The same value without half characters, which no file can hold again."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_paired(item) for item in value]
    if isinstance(value, dict):
        return {_paired(name): _paired(item) for name, item in value.items()}
    return value


class _Read:
    """Reads one file when asked, never more than allowed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> bytes:
        with self._path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ParseError(f"fichier trop grand (limite {MAX_BYTES // 1_000_000} Mo)", clean(self._path.name, 120))
        return raw


class _Unpack:
    """Reads one member of an archive, counting what really comes out."""

    def __init__(self, archive: Path, member: str) -> None:
        self._archive = archive
        self._member = member

    def __call__(self) -> bytes:
        name = clean(self._member.rpartition("/")[2], 120)
        try:
            with zipfile.ZipFile(self._archive) as archive, archive.open(self._member) as file:
                raw = file.read(MAX_BYTES + 1)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, KeyError) as error:
            what = "chiffré" if isinstance(error, RuntimeError) else "abîmé"
            raise ParseError(f"élément {what} dans l'archive {clean(self._archive.name, 80)}", name) from None
        except Exception as error:
            # zlib and lzma have errors of their own, which share no class.
            if type(error).__module__ in ("zlib", "_lzma", "lzma"):
                raise ParseError(f"élément abîmé dans l'archive {clean(self._archive.name, 80)}", name) from None
            raise
        if len(raw) > MAX_BYTES:
            raise ParseError(f"élément trop grand (limite {MAX_BYTES // 1_000_000} Mo)", name)
        return raw


def _files(
    paths: list[Path], ignored: list[str], errors: list[ParseError]
) -> Iterator[tuple[str, _Read | _Unpack]]:  # fmt: skip
    for path in paths:
        try:
            if path.is_dir():
                yield from _folder(path, ignored)
            elif zipfile.is_zipfile(path):
                yield from _archive(path, ignored)
            else:
                yield path.name, _Read(path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
            errors.append(ParseError("fichier illisible", clean(path.name, 120)))


def _folder(root: Path, ignored: list[str]) -> Iterator[tuple[str, _Read]]:
    for path in sorted(islice(chain(root.glob("*"), root.glob("*/*")), MAX_FILES * 4)):
        if path.is_symlink() or (path.parent != root and path.parent.is_symlink()) or not path.is_file():
            continue
        if path.suffix.lower() in ENDINGS:
            yield path.relative_to(root).as_posix(), _Read(path)
        else:
            ignored.append(clean(path.name, 120))


def _archive(path: Path, ignored: list[str]) -> Iterator[tuple[str, _Unpack]]:
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if not info.is_dir()]
    for info in members[: MAX_FILES * 4]:
        if info.filename.lower().endswith(ENDINGS):
            yield info.filename, _Unpack(path, info.filename)
        else:
            ignored.append(clean(info.filename.rpartition("/")[2], 120))
