"""Does a free text of the directory look like a note of a password? French and English wording."""

from __future__ import annotations

import re

# The word, a separator (or "est", "is"), then something that is not a plain sentence word.
_MARK = re.compile(
    r"(?<![^\W_])(?:mdp|mots?\s+de\s+passe?|passwords?|passwd|pwd|pass(?:word)?|code(?:\s+(?:secret|d['’]acc[eè]s|pin))?)"
    r"\s*(?::|=|->|→|\best\b|\bis\b)\s*(?:de\s+)?(\S{3,})",
    re.IGNORECASE,
)
# People also write no separator ("mdp Tilleuls2019"): then only a word of letters and digits is a value.
_PLAIN = re.compile(
    r"(?<![^\W_])(?:mdp|mots?\s+de\s+passe?|password|passwd|pwd)\s+(?=\S*\d)(?=\S*[^\W\d_])(\S{6,})",
    re.IGNORECASE,
)
_HOLLOW = re.compile(
    r"(?:non|aucun|inconnu|voir|dans|chez|demander|n/?a|none|never|to|stored|coffre|keepass|vault|\*+|x+|[?.…]+)",
    re.IGNORECASE,
)


def looks_like_secret(text: str) -> bool:
    """True when the text names a password and a value follows; "mdp : voir coffre" is not one."""
    if _PLAIN.search(text):
        return True
    found = _MARK.search(text)
    while found:
        if not _HOLLOW.fullmatch(found[1].strip(".,;()")):
            return True
        found = _MARK.search(text, found.end())
    return False
