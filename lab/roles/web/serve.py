"""Serve `/.well-known/mta-sts.txt` of each `mta-sts.DOMAIN` over HTTPS: `serve.py CERT KEY FOLDER`.

The folder has one policy file per mail domain, named after it.
"""

from __future__ import annotations

import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_PATH = "/.well-known/mta-sts.txt"


def make_handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    """Return a request handler that answers from `folder`."""
    policies = {f"mta-sts.{path.name}": path.read_bytes() for path in folder.iterdir()}

    class Handler(BaseHTTPRequestHandler):
        """Answers GET for the policies, 404 for the rest."""

        timeout = 10

        def do_GET(self) -> None:
            """Send the policy of the host asked for."""
            host = self.headers.get("Host", "").split(":")[0].lower()
            body = policies.get(host) if self.path == _PATH else None
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

    return Handler


def main(certificate: str, key: str, folder: str) -> None:
    """Serve for ever."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("", 443), make_handler(Path(folder)))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
