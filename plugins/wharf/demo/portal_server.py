"""A small web server for the portal's folder, on this machine only."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from wharf.demo.airflow_plan import free_port
from wharf.demo.receivers import HOST, Served
from wharf.portal.pages import POLICY


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {  # noqa: RUF012 - the base class keeps it so
        **SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        ".gz": "application/octet-stream",
    }

    def end_headers(self) -> None:
        """Send the portal's policy with every answer."""
        self.send_header("Content-Security-Policy", f"{POLICY}; frame-ancestors 'self'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def list_directory(self, path: object) -> None:
        """Show no listings: what is not linked is not offered."""
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet."""


class PortalServer(Served):
    """Serves a folder on 127.0.0.1, from `with` to its end."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        handler = partial(_Handler, directory=str(folder))
        super().__init__(ThreadingHTTPServer((HOST, free_port(port)), handler))

    @property
    def url(self) -> str:
        """The portal's address."""
        return f"{self.address}/"
