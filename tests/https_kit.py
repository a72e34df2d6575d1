"""A server of files over https, as an owner of the operator would allow one."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import trustme

AUTHORITY = "ca.pem"
"""The file, in the folder that is named, with the certificate to trust."""


@contextmanager
def serving(
    folder: Path, files: Mapping[str, bytes], leads: Mapping[str, str] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Serve files by their path, and redirects; yields the address and the paths asked for."""
    authority, asked = trustme.CA(), list[str]()
    authority.cert_pem.write_to_path(folder / AUTHORITY)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path in (leads or {}):
                self.send_response(302)
                self.send_header("Location", (leads or {})[self.path])
                self.end_headers()
                return
            self.send_response(200 if self.path in files else 404)
            self.end_headers()
            self.wfile.write(files.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
