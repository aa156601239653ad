"""A small web server for tests: it serves parts of files, and can misbehave in the ways that servers do."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class AssetServer:
    """What is served, how, and what was asked.

    Attributes
    ----------
    files
        Path -> content.
    status
        An answer for everything, in place of the files, e.g. 500.
    cut
        Send only this many bytes of what was announced, then close the connection.
    stalled
        Send nothing of the body until the server stops.
    ranges
        Whether ``Range`` headers are honoured.
    announce
        Whether the length is announced.
    requests, sent
        How many requests came, and how many bytes of bodies went out.
    """

    files: dict[str, bytes]
    status: int | None = None
    cut: int | None = None
    stalled: bool = False
    ranges: bool = True
    announce: bool = True
    requests: int = 0
    sent: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    body_begun: threading.Event = field(default_factory=threading.Event)
    url: str = ""


@contextlib.contextmanager
def serving(files: dict[str, bytes]) -> Iterator[AssetServer]:
    """Serve files on a free port of this machine until the block ends."""
    server = AssetServer(files)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests += 1
            content = server.files.get(self.path.lstrip("/"))
            if server.status or content is None:
                return self.send_error(server.status or 404)
            wanted = self.headers.get("Range") if server.ranges else None
            first, last = _range(wanted, len(content)) if wanted else (0, len(content) - 1)
            body = content[first : last + 1]
            self.send_response(206 if wanted else 200)
            if wanted:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            if server.announce:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if server.stalled:
                self.wfile.write(body[:1000])
                self.wfile.flush()
                server.body_begun.set()
                server.stopped.wait(30)
                return
            self.wfile.write(body[: server.cut])
            server.sent += len(body[: server.cut])

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        http.shutdown()
        http.server_close()
        thread.join()


def _range(header: str, size: int) -> tuple[int, int]:
    start, _, end = header.removeprefix("bytes=").partition("-")
    if not start:  # the last so many bytes
        return max(0, size - int(end)), size - 1
    return int(start), min(int(end), size - 1) if end else size - 1
