"""The JSON Schema of `run.json`, generated from the model. Committed beside this file; a test fails when it drifts.

`python -m checks.schema` writes it again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from checks.model import RUN_SCHEMA, RUN_SCHEMA_VERSION, FactsFile, Run

FOLDER = Path(__file__).parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """File name -> JSON Schema (draft 2020-12)."""
    return {
        "run.schema.json": {
            "$schema": DIALECT,
            "$id": f"urn:ausculte:run:{RUN_SCHEMA_VERSION}",
            "title": f"{RUN_SCHEMA} {RUN_SCHEMA_VERSION}",
            **msgspec.json.schema(Run),
        },
        "facts.schema.json": {
            "$schema": DIALECT,
            "$id": "urn:ausculte:facts:1",
            "title": "ausculte/facts (envelope; `data` depends on the domain)",
            **msgspec.json.schema(FactsFile),
        },
    }


def render(schema: dict[str, Any]) -> str:
    """The committed form: sorted, indented, one final newline."""
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write() -> None:
    """Write every schema file."""
    FOLDER.mkdir(exist_ok=True)
    for name, schema in schemas().items():
        (FOLDER / name).write_text(render(schema), "utf-8")


if __name__ == "__main__":
    write()
