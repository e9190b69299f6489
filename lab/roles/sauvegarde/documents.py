"""Write the files of the establishment that are backed up: fictional, of several kinds, the same every time.

Usage: documents.py FOLDER GENERATION. Each generation changes a few files, as a working day does.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import zipfile
from pathlib import Path

SERVICES = ("soins", "administration", "hebergement", "animation")
NOTES = 24
"""Text files of each service."""


def write(folder: Path, generation: int) -> None:
    """Fill `folder` with the state of one day."""
    for service in SERVICES:
        place = folder / service
        place.mkdir(parents=True, exist_ok=True)
        for number in range(NOTES):
            # A file keeps its content until the day it is worked on.
            day = generation if number % 8 == generation % 8 else 0
            words = random.Random(f"{service}-{number}-{day}")
            lines = [" ".join(_word(words) for _ in range(9)) for _ in range(40)]
            _keep(place / f"note-{number:02d}.txt", ("\n".join(lines) + "\n").encode())
        if generation > 1:
            continue
        with zipfile.ZipFile(place / "compte-rendu.docx", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("word/document.xml", f"<w:document>{service} {generation}</w:document>" * 200)
            archive.writestr("[Content_Types].xml", "<Types/>")
    _database(folder / "soins" / "transmissions.sqlite", generation)


def _keep(path: Path, content: bytes) -> None:
    """Leave alone a file that already holds this: its date does not change either."""
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)


def _word(words: random.Random) -> str:
    return "".join(words.choice("aeioulrstndmpc") for _ in range(words.randint(3, 9)))


def _database(path: Path, generation: int) -> None:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE transmission (numero INTEGER PRIMARY KEY, texte TEXT)")
        words = random.Random(7)
        rows = [(number, " ".join(_word(words) for _ in range(12))) for number in range(400 + generation)]
        base.executemany("INSERT INTO transmission VALUES (?, ?)", rows)
    base.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
