"""The gPLink attribute: which policies a container applies, and how."""

from __future__ import annotations

import re

from checks.ad.facts import GpoLink

_LINK = re.compile(r"\[LDAP://([^\[\]]{1,4000}?);([0-9]{1,10})\]", re.IGNORECASE)
_DISABLED = 0x1
_ENFORCED = 0x2
MAX_LINKS = 4096


class MalformedLink(ValueError):  # noqa: N818 - named after what it says of the value
    """The text is not a list of `[LDAP://dn;options]`."""


def parse_gplink(text: str, container: str) -> tuple[GpoLink, ...]:
    """Links in the order they are written; Windows applies the last first.

    A single blank is the directory's way to write "no link". Raises `MalformedLink`.
    """
    links: list[GpoLink] = []
    position = 0
    body = text.strip()
    for found in _LINK.finditer(body):
        if found.start() != position or len(links) >= MAX_LINKS:
            break
        options = int(found[2])
        links.append(
            GpoLink(
                container=container,
                gpo=found[1],
                disabled=bool(options & _DISABLED),
                enforced=bool(options & _ENFORCED),
            )
        )
        position = found.end()
    if position != len(body):
        raise MalformedLink(f"unexpected text at {position}")
    return tuple(links)
