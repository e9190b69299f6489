"""Foreign text is hostile: strip what could drive a terminal, forge a line or hide characters."""

from __future__ import annotations

import re
import unicodedata

MAX_TEXT = 4000
"""Characters kept of one foreign text; longer ones are cut with an ellipsis."""

# C0 and C1 controls, bidirectional marks, overrides and isolates, characters without width, line and paragraph
# separators, annotations, tags.
_HOSTILE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_COMPOSED = 4
"""Characters that may become one when normalised: what lies beyond `limit` times that need not be looked at."""


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Return `text` normalised (NFC), on one line, without control or bidirectional characters, cut at `limit`."""
    head = text[: limit * _COMPOSED]
    flat = _HOSTILE.sub(lambda found: " " if found[0] in "\t\n\r\u2028\u2029" else "\ufffd", head)
    flat = unicodedata.normalize("NFC", flat)
    return flat if len(flat) <= limit and len(head) == len(text) else flat[: limit - 1] + "…"
