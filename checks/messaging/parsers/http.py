"""Reads one small HTTP/1.1 response held in memory. Pure."""

from __future__ import annotations

import re

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")


class HttpError(ValueError):
    """The bytes are not a complete HTTP response."""


def parse_response(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case, first value kept) and body. Raises `HttpError`."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    found = _STATUS.match(head + b"\r\n")
    if not separator or found is None:
        raise HttpError("no complete header")
    headers: dict[str, str] = {}
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.decode("latin-1").partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return int(found[1]), headers, _dechunk(body)
    length = headers.get("content-length")
    if length is not None:
        if not re.fullmatch(r"\d{1,9}", length, re.ASCII) or len(body) < int(length):
            raise HttpError("body cut short")
        body = body[: int(length)]
    return int(found[1]), headers, body


def is_complete(raw: bytes | bytearray) -> bool:
    """True when the whole body that the headers announce has arrived: nothing more is worth waiting for."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    if not separator:
        return False
    length = re.search(rb"\r\ncontent-length:[ \t]*(\d{1,9})[ \t]*(?:\r\n|\Z)", head, re.IGNORECASE)
    if length is not None:
        return len(body) >= int(length[1])
    chunked = re.search(rb"\r\ntransfer-encoding:[ \t]*chunked", head, re.IGNORECASE)
    return chunked is not None and body.endswith(b"0\r\n\r\n")


def _dechunk(body: bytes) -> bytes:
    parts: list[bytes] = []
    while True:
        size_text, separator, body = body.partition(b"\r\n")
        size_text = size_text.partition(b";")[0].strip()
        if not separator or not re.fullmatch(rb"[0-9a-fA-F]{1,7}", size_text):
            raise HttpError("bad chunk")
        size = int(size_text, 16)
        if size == 0:
            return b"".join(parts)
        if len(body) < size + 2:
            raise HttpError("body cut short")
        parts.append(body[:size])
        body = body[size + 2 :]
