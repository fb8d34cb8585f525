"""A bucket service of the S3 kind on this machine, in memory, which fails on demand and counts what it is asked for.

It knows what an S3 client needs to keep objects: PUT (with If-None-Match), GET (with Range), HEAD, DELETE and listing,
page by page. It checks no signatures. With `server.fault` a test sees each request and decides what goes wrong.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Generator
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

Fault = Literal["busy", "cut before", "cut after", "cut within"]
"""Answered with 503; the connection ends before anything is done, after it was done and before it is answered, or amid
the bytes of the body."""


class S3Server(ThreadingHTTPServer):
    """`objects`: "BUCKET/KEY" -> bytes. `seen`: method and key of each request. `keeps_promise`: it heeds
    If-None-Match."""

    daemon_threads = True

    def __init__(self, *buckets: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.buckets = set(buckets)
        self.objects: dict[str, bytes] = {}
        self.seen: list[tuple[str, str]] = []
        self.put_first: list[str] = []
        """The keys that were put where nothing was, in order."""
        self.fault: Callable[[int, str, str], Fault | None] = lambda number, method, key: None
        self.keeps_promise = True
        self.page = 1000
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client finds the service by."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "not-to-be-shown",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed leaves broken connections; they are no news."""


@contextlib.contextmanager
def serving(*buckets: str) -> Generator[S3Server]:
    """A service with these buckets, for the body."""
    server = S3Server(*buckets)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Cut(Exception):
    """The connection is to end now."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: S3Server

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        path = unquote(parts.path).lstrip("/")
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        with self.server.lock:
            number = len(self.server.seen)
            self.server.seen.append((self.command, path))
        self.broken = self.server.fault(number, self.command, path)
        try:
            body = self._body()
            if self.broken == "cut before":
                raise _Cut
            if self.broken == "busy":
                self._error(503, "SlowDown", "Please reduce your request rate.")
            elif path.split("/")[0] not in self.server.buckets:
                self._error(404, "NoSuchBucket", "The specified bucket does not exist")
            elif "list-type" in self.query:
                self._list(path.rstrip("/"))
            else:
                getattr(self, f"_{self.command.lower()}")(path, body)
        except _Cut:
            self.close_connection = True

    do_GET = do_PUT = do_HEAD = do_DELETE = _handle

    def _body(self) -> bytes:
        length = int(self.headers.get("Content-Length", 0))
        if self.broken == "cut within" and length:
            self.rfile.read(length // 2)
            raise _Cut
        data = self.rfile.read(length)
        if len(data) < length:  # whoever sent it was killed; a service keeps nothing of that
            raise _Cut
        return _dechunked(data) if "aws-chunked" in self.headers.get("Content-Encoding", "") else data

    def _put(self, path: str, body: bytes) -> None:
        with self.server.lock:
            there = path in self.server.objects
            refused = there and self.headers.get("If-None-Match") == "*" and self.server.keeps_promise
            if not refused:
                self.server.objects[path] = body
                self.server.put_first += [] if there else [path]
        if refused:
            self._error(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        else:
            self._answer(200, b"", ETag=f'"{md5(body).hexdigest()}"')

    def _get(self, path: str, body: bytes) -> None:
        data = self.server.objects.get(path)
        if data is None:
            self._error(404, "NoSuchKey", "The specified key does not exist.")
            return
        about = {"ETag": f'"{md5(data).hexdigest()}"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        wanted = self.headers.get("Range")
        if wanted is None:
            self._answer(200, data, **about)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(data)), len(data) - 1)
        about["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        self._answer(206, data[start : end + 1], **about)

    _head = _get

    def _delete(self, path: str, body: bytes) -> None:
        with self.server.lock:
            self.server.objects.pop(path, None)
        self._answer(204, b"")

    def _list(self, bucket: str) -> None:
        """One page: the keys under a prefix, and in place of those beyond a delimiter their common beginnings."""
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        with self.server.lock:
            keys = sorted(key[len(bucket) + 1 :] for key in self.server.objects if key.startswith(f"{bucket}/"))
        names: dict[str, bool] = {}
        for key in (key for key in keys if key.startswith(prefix)):
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            names[key if end < 0 else key[: end + 1]] = end < 0
        after = unquote(self.query.get("continuation-token", ""))
        left = sorted(name for name in names if name > after)
        page = left[: self.server.page]
        items = [self._item(bucket, name) if names[name] else _common(name) for name in page]
        more = len(left) > len(page)
        token = f"<NextContinuationToken>{quote(page[-1])}</NextContinuationToken>" if more else ""
        text = (
            f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{''.join(items)}"
        )
        self._answer(200, f"<ListBucketResult>{text}</ListBucketResult>".encode())

    def _item(self, bucket: str, key: str) -> str:
        data = self.server.objects.get(f"{bucket}/{key}", b"")
        when = "<LastModified>2026-01-01T00:00:00.000Z</LastModified><StorageClass>STANDARD</StorageClass>"
        tag = f"<ETag>&quot;{md5(data).hexdigest()}&quot;</ETag>"
        return f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>{tag}{when}</Contents>"

    def _error(self, status: int, code: str, message: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        if self.broken == "cut after":
            raise _Cut
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.broken == "cut within":
            self.wfile.write(body[: len(body) // 2])
            raise _Cut
        self.wfile.write(body)


def _common(prefix: str) -> str:
    return f"<CommonPrefixes><Prefix>{escape(prefix)}</Prefix></CommonPrefixes>"


def _dechunked(data: bytes) -> bytes:
    """The body of an upload that came as chunks, each after its length in hexadecimal digits."""
    whole = b""
    while data:
        head, _, rest = data.partition(b"\r\n")
        length = int(head.split(b";")[0], 16)
        if not length:
            break
        whole, data = whole + rest[:length], rest[length + 2 :]
    return whole
