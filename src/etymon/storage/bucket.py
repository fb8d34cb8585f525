"""A bucket: bytes under keys, far away or in a folder, where a key can be given only once; asked until it answers."""

from __future__ import annotations

import random
import re
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from etymon.errors import EtymonError
from etymon.storage import commit, lock

PATIENCE = 120.0
"""Seconds for which one request is tried again and again. A transfer of many requests may take any time."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0

LIBRARIES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "az": "adlfs",
    "memory": "fsspec",
}
"""The kinds of bucket whose fsspec library leaves "only if the key is not there" to the bucket. With the others it
looks first and writes then, so that of two who push at once each may believe that it was the first."""
_LASTING = ("NoCredentials", "PartialCredentials", "ProfileNotFound", "UnauthorizedSSOToken", "ParamValidation")
"""Parts of the names of errors that no repetition puts right."""

T = TypeVar("T")
S = TypeVar("S")


class NetworkFault(EtymonError):
    """A bucket did not do what it was asked for; what was there before, here and there, is whole."""

    exit_code = 74


class Bucket(Protocol):
    """Keys are paths with slashes. What `put` gave True for lasts and is seen by everyone at once."""

    where: str
    """What to call it in words; holds no secret."""
    at_once: int
    """How many requests are best under way at the same time."""

    def put(self, key: str, data: bytes) -> bool:
        """Puts bytes where nothing is; False where something is already. Of many at once exactly one gets True."""
        ...

    def replace(self, key: str, data: bytes) -> None:
        """Puts bytes, whatever is there."""
        ...

    def get(self, key: str) -> bytes | None:
        """All bytes of a key, None where there is none."""
        ...

    def sizes(self, folder: str) -> dict[str, int]:
        """Every key below a folder, which ends in a slash, and its bytes."""
        ...

    def remove(self, key: str) -> None:
        """Removes a key, or nothing where there is none."""
        ...


def bucket(url: str) -> Bucket:
    """The bucket at a URL (s3://NAME/FOLDER, file:///PATH and so on) or the folder at a path. Asks it nothing yet."""
    if "://" not in url:
        return _Folder(Path(url).expanduser().absolute())
    parts = urlsplit(url)
    if parts.scheme in ("file", "local"):
        return _Folder(Path(parts.path).absolute())
    if parts.scheme not in LIBRARIES:
        raise EtymonError(
            f"A store cannot be pushed to {parts.scheme}://.",
            where=shown(url),
            why="this kind of file system does not promise that a name is given only once",
            help=f"use one of {', '.join(f'{scheme}://' for scheme in LIBRARIES)}, file:// or a path",
        )
    if ":" in parts.netloc:  # no bucket has a port; a secret with a slash in it is not seen as a password
        raise EtymonError(
            "A password in an address would be seen by everyone who sees the command.",
            where=shown(url),
            help=f"leave it out, and put it where {LIBRARIES[parts.scheme]} looks for it: its variables or its file",
        )
    return _Far(url, parts.scheme)


def shown(text: str) -> str:
    """A URL, or words that may hold some, without names, passwords and signatures."""
    # A secret may hold slashes: between a colon and an @ they do not end it.
    return re.sub(r"\?[^\s'\"]+", "", re.sub(r"://([^/@\s]*|[^/@\s:]*:[^@\s]*)@", "://", text))


def ahead(at_once: int, act: Callable[[S], T], items: Iterable[S]) -> Generator[T]:
    """`act` of each item, in order, with at most `at_once` of them under way, so that memory stays bounded."""
    with ThreadPoolExecutor(at_once) as pool:
        running: deque[Future[T]] = deque()
        try:
            for item in items:
                if len(running) == at_once:
                    yield running.popleft().result()
                running.append(pool.submit(act, item))
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()


def persist(ask: Callable[[], T], lasting: Callable[[Exception], bool], patience: float | None = None) -> T:
    """Asks again, after growing pauses of random length, until there is an answer, a lasting error, or `patience` ends;
    then the last error is raised."""
    deadline = time.monotonic() + (PATIENCE if patience is None else patience)
    pause = _FIRST_PAUSE
    while True:
        try:
            return ask()
        except Exception as error:
            if lasting(error) or time.monotonic() + pause > deadline:
                raise
        time.sleep(random.uniform(pause / 2, pause))  # or all who were refused at once would come again at once
        pause = min(pause * 2, _LONGEST_PAUSE)


class _Folder:
    """A bucket in a folder of this machine or of a network disk, written as all that lasts is written."""

    at_once = 1

    def __init__(self, root: Path) -> None:
        self.where = str(root)
        self._root = root

    def put(self, key: str, data: bytes) -> bool:
        return persist(lambda: self._put(self._root / key, data), lambda error: not isinstance(error, lock.Held))

    def _put(self, path: Path, data: bytes) -> bool:
        with lock.locked(self._root / ".lock", "This folder"):
            if path.exists():
                return False
            commit.replace_file(path, data)
            return True

    def replace(self, key: str, data: bytes) -> None:
        commit.replace_file(self._root / key, data)

    def get(self, key: str) -> bytes | None:
        path = self._root / key
        with commit.telling(path):
            if not path.exists():
                return None
            commit.sync_folder(path.parent)  # what is found counts as put, though its putter may have been killed
            return path.read_bytes()

    def sizes(self, folder: str) -> dict[str, int]:
        there = self._root / folder
        with commit.telling(there):
            if there.is_dir():
                commit.sync_folder(there)  # as in `get`
            paths = [path for path in there.rglob("*") if path.name[0] != "." and path.is_file()]
            return {path.relative_to(self._root).as_posix(): path.stat().st_size for path in paths}

    def remove(self, key: str) -> None:
        commit.remove_file(self._root / key)


class _Far:
    """A bucket behind fsspec."""

    def __init__(self, url: str, scheme: str) -> None:
        self.where = shown(url).rstrip("/")
        self.at_once = 1 if scheme == "memory" else 4
        self._system = file_system(scheme, self.where)
        self._root = str(self._system._strip_protocol(url.partition("?")[0])).rstrip("/")

    def put(self, key: str, data: bytes) -> bool:
        def ask() -> bool:
            try:
                self._system.pipe_file(self._path(key), data, mode="create")
            except Exception as error:
                if _is_there_already(error):
                    return False
                raise
            return True

        return self._persist(key, ask)

    def replace(self, key: str, data: bytes) -> None:
        self._persist(key, lambda: self._system.pipe_file(self._path(key), data))

    def get(self, key: str) -> bytes | None:
        def ask() -> bytes | None:
            try:
                return bytes(self._system.cat_file(self._path(key)))
            except FileNotFoundError:
                return None

        return self._persist(key, ask)

    def sizes(self, folder: str) -> dict[str, int]:
        def ask() -> dict[str, int]:
            self._system.invalidate_cache()
            try:
                found: dict[str, Any] = self._system.find(self._path(folder), detail=True)
            except FileNotFoundError:
                return {}
            return {path[len(self._root) + 1 :]: int(about["size"]) for path, about in found.items()}

        return self._persist(folder, ask)

    def remove(self, key: str) -> None:
        def ask() -> None:
            try:
                self._system.rm_file(self._path(key))
            except FileNotFoundError:
                return

        self._persist(key, ask)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _persist(self, key: str, ask: Callable[[], T]) -> T:
        try:
            return persist(ask, is_lasting)
        except Exception as error:
            raise _fault(error, f"{self.where}/{key}") from None  # its own text may hold a signed address


def file_system(scheme: str, where: str) -> Any:
    """fsspec's file system, without its caches and its own repetitions: ours have one deadline for all."""
    library = LIBRARIES[scheme]
    try:
        import fsspec

        options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
        if library == "s3fs":
            options["config_kwargs"] = {"retries": {"total_max_attempts": 1}}
        system: Any = fsspec.filesystem(scheme, **options)
    except ImportError as error:
        raise EtymonError(
            f"{scheme}:// needs the library {library}, which is not installed.",
            where=where,
            why=str(error),
            help=f"python -m pip install {library}",
        ) from error
    except Exception as error:  # some ask for credentials at once
        raise _fault(error, where) from None
    if library == "s3fs":
        system.retries = 1
    return system


def _fault(error: Exception, where: str) -> NetworkFault:
    return NetworkFault(
        "The bucket refused." if is_lasting(error) else "The bucket cannot be reached.",
        where=where,
        why=shown(f"{type(error).__name__}: {error}"),
        help="see that the address, your credentials and the network are right, then run the same command again; it "
        "goes on where it stopped",
    )


def _is_there_already(error: BaseException) -> bool:
    """Whether a bucket refused a key because it is given already; libraries tell it in several ways."""
    answer: Any = getattr(error, "response", None)  # of botocore, a dict
    status: Any = answer["ResponseMetadata"].get("HTTPStatusCode") if hasattr(answer, "keys") else None
    if isinstance(error, FileExistsError) or 412 in (status, getattr(error, "code", None)):
        return True
    return error.__cause__ is not None and _is_there_already(error.__cause__)


def is_lasting(error: Exception) -> bool:
    lasting = (PermissionError, FileNotFoundError, NotADirectoryError, ImportError, TypeError, ValueError)
    return isinstance(error, lasting) or any(part in type(error).__name__ for part in _LASTING)
