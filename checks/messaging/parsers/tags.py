"""The `tag=value; tag=value` syntax shared by DKIM, DMARC, MTA-STS and TLS-RPT (RFC 6376 section 3.2). Pure."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)


class TagError(ValueError):
    """The text is not a list of tags; the message quotes the part that is not one."""


def parse_tags(text: str) -> dict[str, str]:
    """Tags in the order of the record, names in lower case, values stripped.

    Raises `TagError` for a part without `=`, a bad name, or a tag given twice (section 3.2: the list is invalid).
    """
    tags: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals or not _NAME.fullmatch(name):
            raise TagError(part.strip())
        if name in tags:
            raise TagError(f"{name}= deux fois")
        tags[name] = value.strip()
    return tags


def lenient_tags(text: str) -> dict[str, str]:
    """Same, dropping what cannot be read: DMARC ignores faulty tags (RFC 9989 section 4.7). First value kept."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if equals and _NAME.fullmatch(name):
            tags.setdefault(name, value.strip())
    return tags
