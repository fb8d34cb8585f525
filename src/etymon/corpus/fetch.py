"""A file far away, fetched once into the store as an artifact by its address and version, and read from there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import xxhash

from etymon.corpus.sources import Source, format_of, readable_name
from etymon.progress import Progress
from etymon.storage import Artifact, FarFile, Store, changed

FETCH_VERSION = 1
KIND = "download"
SUFFIXES = re.compile(r"(?:\.[A-Za-z0-9_-]{1,12}){1,2}$", re.ASCII)
"""The end of a name that tells format and compression; readers look at that of the file that they open."""


def fetched(store: Store, file: FarFile, progress: Progress) -> Source:
    """The source that a file far away is: its own bytes under its own name, as if it had lain here.

    Of a server that tells no version the bytes are read a first time for their digest, which then is the version."""
    version = file.version or f"xxh3 {_digest(file, progress)}"
    ending = SUFFIXES.search(file.name)
    local = f"data{ending[0] if ending else ''}"
    artifact = _download(store, file, version, local, progress)
    name = readable_name(file.name)
    kind, codec = format_of(name)
    return Source(artifact.path / local, name, kind, codec, size=artifact.files[local])


def _download(store: Store, file: FarFile, version: str, local: str, progress: Progress) -> Artifact:
    """The artifact that holds the file's bytes: the one that is there, if it is sound, else a new one."""
    # What a URL says after "?" may be a signature, which must not be written down; two files may differ in it alone.
    address = xxhash.xxh3_128_hexdigest(file.url.encode())
    recipe = {"url": file.where, "address": address, "version": version, "name": local}
    found = store.find(KIND, recipe, {}, stage_version=FETCH_VERSION)
    if found is not None and not found.verify():
        return found
    hasher = xxhash.xxh3_128()
    with store.create(KIND, recipe, {}, stage_version=FETCH_VERSION) as draft:
        with draft.writer(local) as into:
            for chunk in _counted(file, progress):
                hasher.update(chunk)
                into.write(chunk)
        if not file.version and version != f"xxh3 {hasher.hexdigest()}":
            raise changed(file.where, "its bytes were others when they came a second time")
        return draft.seal()


def _digest(file: FarFile, progress: Progress) -> str:
    hasher = xxhash.xxh3_128()
    for chunk in _counted(file, progress):
        hasher.update(chunk)
    return hasher.hexdigest()


def _counted(file: FarFile, progress: Progress) -> Iterator[bytes]:
    done = 0
    for chunk in file.chunks():
        yield chunk
        done += len(chunk)
        progress(done, max(file.size or 0, done), "fetching")
