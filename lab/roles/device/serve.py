"""A device that only accepts connections on some ports: a printer, a resident's computer, a server on the Internet.

Usage: serve.py PORT…; `LAB_REDIRECT` is where port 80 sends a browser, as a welcome portal does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

HTTP = 80
PATIENCE = 5.0
"""Seconds a visitor has to say something."""


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a browser when there is somewhere to send it; close any other connection."""
    place = os.environ.get("LAB_REDIRECT", "")
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
        if place and writer.get_extra_info("sockname")[1] == HTTP:
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            writer.write(f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()


async def main() -> None:
    """Listen until the end."""
    for port in map(int, sys.argv[1:]):
        await asyncio.start_server(serve, "0.0.0.0", port)
    await asyncio.Event().wait()


asyncio.run(main())
