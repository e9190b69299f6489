"""Foreign text is hostile: strip what could drive a terminal, forge a line or hide characters."""

from __future__ import annotations

import re
import unicodedata

MAX_TEXT = 4000
"""Characters kept of one foreign text; longer ones are cut with an ellipsis."""

# C0 and C1 controls, bidirectional overrides and isolates, zero-width characters, line and paragraph separators.
_HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` normalised (NFC), on one line, without control or bidirectional characters, cut at `limit`."""
    flat = _HOSTILE.sub(lambda found: " " if found[0] in "\t\n\r\u2028\u2029" else "\ufffd", text)
    flat = unicodedata.normalize("NFC", flat)
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
