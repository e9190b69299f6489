"""Files of third parties: they are not part of the project, tests over them run where they are."""

from __future__ import annotations

import os
from pathlib import Path

CORPUS = Path(os.environ.get("AUSCULTE_CORPUS") or Path(__file__).parents[2] / "shared" / "data")
"""Folder of captures and configuration exports: beside the checkout, or named by `AUSCULTE_CORPUS`."""
