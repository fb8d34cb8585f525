"""Files far away that are read: listed, told apart by version, and given as bytes that go on after a broken line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPResponse, InvalidURL
from typing import Any, cast
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, build_opener

from etymon.errors import EtymonError
from etymon.storage import bucket
from etymon.storage.bucket import LIBRARIES, NetworkFault, file_system, is_lasting, persist, shown
from etymon.storage.redirects import WEB, Redirects

PIECE = 8 << 20
CHUNK = 1 << 20
FIRST_PATIENCE = 10.0
"""Seconds for which a web server is asked again before it was ever reached: the address may be mistyped."""
SILENCE = 60.0
"""Seconds without a byte after which a connection counts as broken."""
WORTH_ANOTHER_TRY = frozenset((408, 425, 429))
"""The answers of 4xx that may be others a moment later; those of 5xx may, too."""
VERSIONS = ("etag", "md5hash", "lastmodified", "last-modified", "last_modified", "mtime", "updated", "created")
"""Under which names, in lower case, file systems tell what another content would change; the surest first."""

GZIP = ("gzip", "x-gzip")
GZIP_ENDINGS = (".gz", ".tgz")

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class FarFile:
    """A file by its URL, which may hold a signature (`where` holds none). `name` is its path below the URL that was
    given, `size` its bytes (None: the server does not say), `version` what another content would change ("": the server
    tells nothing of that kind). `stream` begins to give its bytes."""

    url: str
    name: str
    size: int | None
    version: str
    stream: Callable[[], Iterator[bytes]]

    @property
    def where(self) -> str:
        """Its address for people."""
        return address_of(self.url)

    def chunks(self) -> Iterator[bytes]:
        """All its bytes. Where a connection breaks it goes on. Raises NetworkFault where that does not help, and
        EtymonError where the file is not what it was when it was listed."""
        done = 0
        for chunk in self.stream():
            done += len(chunk)
            yield chunk
        if self.size not in (None, done):
            raise changed(self.where, f"it had {self.size:,} bytes, and {done:,} came")


def is_far(path: str) -> bool:
    """Whether a path is a URL; file:// is none, as it leads to this machine."""
    return bool(_URL.match(path)) and not path.lower().startswith("file://")


def address_of(url: str) -> str:
    """A URL for people and for what is written down: without what follows its first ? or #, a name or a password."""
    return shown(re.split(r"[?#]", url, maxsplit=1)[0])


def far_files(url: str) -> list[FarFile]:
    """The file at a URL, or all below a folder of a bucket, in the order of their names. Asks nothing but that."""
    scheme = urlsplit(url).scheme.lower()
    if scheme not in WEB and scheme not in LIBRARIES:
        raise EtymonError(
            f"{scheme}:// cannot be read.",
            where=address_of(url),
            help=f"there are {', '.join(f'{each}://' for each in (*WEB, *LIBRARIES))}, and paths",
        )
    if "@" in urlsplit(url).netloc:
        raise EtymonError(
            "A password in an address would be seen by everyone who sees the command.",
            where=address_of(url),
            help="leave it out, and put it where the library of the bucket looks for it: its variables or its file",
        )
    if scheme in WEB and re.search(r"[\x00-\x20\x7f]", url):
        raise EtymonError(
            "An address holds a space or a control character.",
            where=address_of(url),
            help="write it as the address bar of a browser copies it: a space is %20",
        )
    return [_page(url)] if scheme in WEB else _in_bucket(url, scheme)


def changed(where: str, why: str) -> EtymonError:
    """A file became another one while it was read."""
    return EtymonError("A file far away changed while it was being read.", where=where, why=why, help=AGAIN)


AGAIN = "run the same command again; what has arrived whole is kept"


def _missing(where: str, why: str = "") -> EtymonError:
    return EtymonError("There is no such file or folder.", where=where, why=why, help="check the spelling")


# Buckets


def _in_bucket(url: str, scheme: str) -> list[FarFile]:
    where = address_of(url).rstrip("/")
    system = file_system(scheme, where)
    root = str(system._strip_protocol(url)).rstrip("/")
    listed = _asked(lambda: _listed(system, root), where)
    if not listed:
        raise _missing(where)
    found: list[FarFile] = []
    for path, about in sorted(listed.items(), key=lambda each: each[0].split("/")):
        name = path[len(root) + 1 :] if path != root else path.rpartition("/")[2]
        address = f"{scheme}://{path.lstrip('/')}"
        size = int(about["size"])
        version = _version(_mark(about), size)
        found.append(FarFile(address, name, size, version, _pieces(system, path, address, size, version)))
    return found


def _listed(system: Any, root: str) -> dict[str, Mapping[str, Any]]:
    system.invalidate_cache()
    with suppress(FileNotFoundError):
        about = system.info(root)
        if about["type"] == "file":
            return {root: about}
        below: dict[str, Mapping[str, Any]] = system.find(root, detail=True)
        return {path: each for path, each in below.items() if each["type"] == "file"}
    return {}


def _mark(about: Mapping[str, Any]) -> str:
    """The surest thing that is told of a file beside its size; "" where there is none."""
    lower = {str(name).lower(): value for name, value in about.items()}
    return next((f"{name} {_plain(lower[name])}" for name in VERSIONS if lower.get(name)), "")


def _version(mark: str, size: int | None) -> str:
    """What a file is told by: its mark and, where it is known, its size. A size alone is none."""
    return f"{mark}, {size} bytes" if mark and size is not None else mark


def _plain(value: Any) -> Any:
    """A time as a number: one and the same file system gives it now as this, now as a date."""
    return value.timestamp() if hasattr(value, "timestamp") else value


def _pieces(system: Any, path: str, address: str, size: int, version: str) -> Callable[[], Iterator[bytes]]:
    def stream() -> Iterator[bytes]:
        for start in range(0, size, PIECE):
            end = min(start + PIECE, size)
            piece = _asked(lambda start=start, end=end: _piece(system, path, start, end), address)
            yield piece
        about = _asked(lambda: system.info(path), address)
        now = _version(_mark(about), int(about["size"]))
        if now != version:
            raise changed(address, f"{version} became {now}")

    return stream


def _piece(system: Any, path: str, start: int, end: int) -> bytes:
    system.invalidate_cache()
    piece = bytes(system.cat_file(path, start=start, end=end))
    if len(piece) != end - start:
        raise ConnectionError(f"{len(piece):,} of {end - start:,} bytes came")
    return piece


def _asked(ask: Callable[[], Any], where: str, patience: float | None = None) -> Any:
    """The answer of a bucket or a server, asked again until `patience` ends."""
    try:
        return persist(ask, _is_lasting, patience and min(patience, bucket.PATIENCE))
    except EtymonError:
        raise
    except Exception as error:
        if isinstance(error, FileNotFoundError) or getattr(error, "code", None) in (404, 410):
            raise _missing(where, shown(str(error))) from None
        raise NetworkFault(
            "A file far away cannot be read.",
            where=where,
            why=shown(f"{type(error).__name__}: {error}"),
            help="see that the address, your credentials and the network are right, then " + AGAIN,
        ) from None  # its own text may hold a signed address


def _is_lasting(error: Exception) -> bool:
    if isinstance(error, HTTPError):
        return error.code < 500 and error.code not in WORTH_ANOTHER_TRY
    return isinstance(error, EtymonError | InvalidURL) or is_lasting(error)


# Web servers


def _page(url: str) -> FarFile:
    headers: Message = _asked(lambda: _headers(url), address_of(url), FIRST_PATIENCE)
    parts = urlsplit(url)
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]).replace("/", "_") or str(parts.hostname)
    if headers.get_content_type() == "text/html" and not name.lower().endswith((".html", ".htm", ".xhtml")):
        name += ".html"
    _check_encoding(headers, url, name)
    size, mark = _size(headers), _mark(dict(headers.items()))
    return FarFile(url, name, size, _version(mark, size), lambda: _Answer(url, name, size, mark).chunks())


def _headers(url: str) -> Message:
    """What a server says about a file; some answer only to whoever wants the whole."""
    try:
        with _opened(url, method="HEAD") as answer:
            return answer.headers
    except HTTPError as error:
        if error.code not in (403, 405, 501):
            raise
    with _opened(url) as answer:
        return answer.headers


def _size(headers: Message, start: int = 0) -> int | None:
    """The bytes of the whole file, where an answer that begins at `start` tells them."""
    _, _, whole = headers.get("Content-Range", "").rpartition("/")
    if start and whole.isdecimal():
        return int(whole)
    said = headers.get("Content-Length", "")
    return start + int(said) if said.isdecimal() else None


def _check_encoding(headers: Message, url: str, name: str) -> None:
    """Refuses bytes that are compressed though they were asked for as they are. Servers also say gzip of a file that
    lies there compressed and whose name says so."""
    encoding = headers.get("Content-Encoding", "").strip().lower() or "identity"
    if encoding != "identity" and (encoding not in GZIP or not name.lower().endswith(GZIP_ENDINGS)):
        raise EtymonError(
            f"The server sends this file compressed ({encoding}), though it was asked not to.",
            where=address_of(url),
            why="what was stored under its name would be another file",
            help="download it with a browser or curl --compressed, and name that file",
        )


def _opened(url: str, *, method: str = "GET", start: int = 0) -> HTTPResponse:
    words = {"User-Agent": "etymon", "Accept-Encoding": "identity"}
    if start:
        words["Range"] = f"bytes={start}-"
    request = Request(url, headers=words, method=method)
    return cast(HTTPResponse, build_opener(Redirects).open(request, timeout=SILENCE))


class _Answer:
    """The bytes of a file on a web server, over as many connections as it takes."""

    def __init__(self, url: str, name: str, size: int | None, mark: str) -> None:
        self._url, self._name = url, name
        self._size: int | None = size
        self._mark: str = mark
        self._open: HTTPResponse | None = None
        self._done = 0

    def chunks(self) -> Iterator[bytes]:
        """All of them; each is waited for as long as a request to a bucket."""
        try:
            while chunk := _asked(self._next, address_of(self._url)):
                self._done += len(chunk)
                yield chunk
        finally:
            self._close()

    def _next(self) -> bytes:
        """The next bytes; none at the end."""
        try:
            self._open = self._open or self._from(self._done)
            chunk = self._open.read(CHUNK)
            if not chunk and self._size is not None and self._done < self._size:
                raise ConnectionError(f"it broke after {self._done:,} of {self._size:,} bytes")
        except BaseException:
            self._close()
            raise
        return chunk

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def _from(self, start: int) -> HTTPResponse:
        """A connection that goes on at a byte: most servers can begin there, of others what was read comes again."""
        answer = _opened(self._url, start=start)
        try:
            self._check(answer, start)
            if start and answer.status != 206:
                left = start
                while left and (again := answer.read(min(left, CHUNK))):
                    left -= len(again)
                if left:
                    raise ConnectionError(f"it broke again before byte {start:,}")
        except BaseException:
            answer.close()
            raise
        return answer

    def _check(self, answer: HTTPResponse, start: int) -> None:
        """Raises where what comes is not the file that was listed. A size that is told only now is held to from now on,
        and so is a mark: not every server says with the list what it says with the bytes."""
        headers, part = answer.headers, answer.status == 206
        if part and not headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise ConnectionError(f"asked for byte {start:,}, it sent {headers.get('Content-Range')}")
        _check_encoding(headers, self._url, self._name)
        mark, size = _mark(dict(headers.items())), _size(headers, start if part else 0)
        if (self._mark and mark != self._mark) or (None not in (size, self._size) and size != self._size):
            raise changed(address_of(self._url), f"{self._known} became {_version(mark, size) or f'{size} bytes'}")
        self._mark, self._size = mark, self._size if size is None else size

    @property
    def _known(self) -> str:
        return _version(self._mark, self._size) or f"{self._size} bytes"
