"""A web server on this machine that gives files from memory and breaks off where it is told to."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class WebServer(ThreadingHTTPServer):
    """`files`: path -> bytes. `seen`: method and path of each request. `cut(number, method)` says after how many bytes
    of its body an answer breaks off (None: never); `status(number, method)` what is answered instead of the file."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.seen: list[tuple[str, str]] = []
        self.cut: Callable[[int, str], int | None] = lambda number, method: None
        self.status: Callable[[int, str], int] = lambda number, method: 200
        self.before: Callable[[int, str], None] = lambda number, method: None
        """Called before a request is answered: here a test changes a file."""
        self.ranges = self.tags = True
        self.moved: dict[str, str] = {}
        """Path -> address that it redirects to."""
        self.headers: Callable[[str, dict[str, str]], dict[str, str]] = lambda method, about: about
        """What is said of the file instead, by method; a length that is not said ends with the connection."""
        self.media_type = "application/octet-stream"
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def gets(self) -> int:
        """How often bytes were asked for."""
        return sum(method == "GET" for method, _ in self.seen)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


@contextlib.contextmanager
def serving_web() -> Generator[WebServer]:
    """A server for the body."""
    server = WebServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: WebServer

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def _handle(self) -> None:
        server, path = self.server, urlsplit(self.path).path
        with server.lock:
            number = len(server.seen)
            server.seen.append((self.command, self.path))
            server.before(number, self.command)
        if path in server.moved:
            self._answer(302, b"", {"Location": server.moved[path]})
            return
        data, status = server.files.get(path), server.status(number, self.command)
        if data is None or status != 200:
            self._answer(404 if data is None else status, b"", {})
            return
        about = {"Content-Type": server.media_type}
        about |= {"ETag": f'"{md5(data).hexdigest()}"'} if server.tags else {}
        wanted = self.headers.get("Range")
        if wanted and server.ranges:
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            about["Content-Range"] = f"bytes {first}-{len(data) - 1}/{len(data)}"
            self._answer(206, data[first:], about, server.cut(number, self.command))
        else:
            self._answer(200, data, about, server.cut(number, self.command))

    do_GET = do_HEAD = _handle

    def _answer(self, status: int, body: bytes, about: dict[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        said = self.server.headers(self.command, {"Content-Length": str(len(body)), **about})
        for name, value in said.items():
            self.send_header(name, value)
        self.close_connection = self.close_connection or "content-length" not in {name.lower() for name in said}
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        self.close_connection = self.close_connection or cut is not None
