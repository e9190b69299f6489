"""A console `bconsole` in miniature, and the answers of Bareos and Bacula it may give."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

from tests.backup.fakes.tls import NOW

SECRET = "MotDePasseConsoleFictif"
CONSOLE = """import pathlib, sys
here = pathlib.Path(__file__).parent
(here / "argv").write_text("\\n".join(sys.argv[1:]))
(here / "stdin").write_text(sys.stdin.read())
sys.stdout.write((here / "answer").read_text())
sys.exit(int((here / "code").read_text()))
"""
CONFIGURATION = """#
# Bareos User Agent (or Console) Configuration File
#
Director {{
  Name = bareos-dir
  Port = {port}
  Address = {address}
  Password = "{secret}"
  TLS Enable = yes
}}
"""


def local(**age) -> str:
    return (NOW - timedelta(**age) + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S")


def job(number: int, name="sauvegarde-dc01", client="dc01-fd", status="T", kind="B", level="F", **changes):
    age = changes.pop("age", {"hours": 9})
    return {
        "jobid": str(number),
        "job": f"{name}.2026-11-22_02.00.00_01",
        "name": name,
        "type": kind,
        "level": level,
        "client": client,
        "jobstatus": status,
        "starttime": local(**age),
        "endtime": local(**age),
        "realendtime": local(**age),
        "jobfiles": "1200",
        "jobbytes": "4651943",
        "joberrors": "0",
        "jobmissingfiles": "0",
        "poolname": "Full",
        "fileset": "LinuxAll",
        **changes,
    }


def answer(jobs, volumes=(), pools=(), clients=()) -> str:
    """What the console writes: a greeting, then one document for each command."""
    documents = [
        {"api": 2},
        {"jobs": list(jobs), "meta": {"range": {"filtered": 0}}},
        {"volumes": {"full": list(volumes)}},
        {"pools": list(pools)},
        {"clients": list(clients)},
    ]
    text = (
        "Connecting to Director bareos:9101\n1000 OK: bareos-dir Version: 23.0.1\nEnter a period to cancel a command.\n"
    )
    for result in documents:
        text += json.dumps({"jsonrpc": "2.0", "id": None, "result": result}, indent=2) + "\n"
    return text


def install(folder: Path, text: str, code: int = 0) -> Path:
    """Put the console in a folder of its own; gives its configuration file."""
    folder.mkdir(parents=True, exist_ok=True)
    console = folder / "bconsole"
    (folder / "bconsole.py").write_text(CONSOLE)
    # Through a shell: the first line of a program cannot name an interpreter whose path has a space.
    console.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{folder / "bconsole.py"}" "$@"\n')
    console.chmod(0o755)
    (folder / "answer").write_text(text)
    (folder / "code").write_text(str(code))
    configuration = folder / "bconsole.conf"
    configuration.write_text(CONFIGURATION.format(port=9101, address="bareos.tilleuls.test", secret=SECRET))
    return configuration


BACULA_TABLE = """Using Catalog "MyCatalog"
+-------+-----------------+---------------------+------+-------+----------+---------------+-----------+
| jobid | name            | starttime           | type | level | jobfiles | jobbytes      | jobstatus |
+-------+-----------------+---------------------+------+-------+----------+---------------+-----------+
|    11 | sauvegarde-dc01 | 2026-11-21 02:00:03 | B    | F     |    1,200 | 4,651,943,000 | T         |
|    12 | sauvegarde-dc01 | 2026-11-22 02:00:03 | B    | I     |        0 |             0 | T         |
|    13 | sauvegarde-paie | 2026-11-22 02:10:00 | B    | F     |        0 |             0 | f         |
+-------+-----------------+---------------------+------+-------+----------+---------------+-----------+
"""
BACULA_BLOCKS = """           jobid: 21
             job: sauvegarde-dc01.2026-11-22_02.00.00_03
            name: sauvegarde-dc01
            type: B
           level: F
      clientname: dc01-fd
       jobstatus: T
       starttime: 2026-11-22 02:00:03
         endtime: 2026-11-22 02:10:03
        jobfiles: 1,200
        jobbytes: 4,651,943
       joberrors: 2

           jobid: 22
            name: verification
            type: V
           level: O
       jobstatus: D
         endtime: 2026-11-22 05:10:03
"""
