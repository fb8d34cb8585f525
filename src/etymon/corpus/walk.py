"""Paths to sources: folders walked in sorted order, and what is passed over on purpose named with its reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from etymon.corpus.builtin import BUILTIN, PYTHON, builtin_sources
from etymon.corpus.found import Fault
from etymon.corpus.sources import PassedOver, Source, Sources, readable_name, source_at
from etymon.errors import EtymonError
from etymon.storage import FarFile, address_of, far_files, is_far

PASSED_OVER = frozenset(("__pycache__", "node_modules", "site-packages", "venv", "CVS"))
Fetch = Callable[[FarFile], Source]
"""Brings a file from far away to where it can be read."""


@dataclass(slots=True)
class _Walk:
    """The state of one walk: what was passed over, and the real paths already read, so that links cannot loop."""

    passed_over: list[PassedOver] = field(default_factory=list[PassedOver])
    read: dict[str, str] = field(default_factory=dict[str, str])

    def is_new(self, path: Path, name: str) -> bool:
        """Whether this file or folder was not reached before by another way; else it is passed over."""
        real = name if name.startswith(PYTHON) else os.path.realpath(path)
        if real in self.read:
            self.passed_over.append(PassedOver(name, f"the same as {self.read[real]}, already read"))
            return False
        self.read[real] = name
        return True


def _reason_to_pass_over(entry: os.DirEntry[str]) -> str:
    """Why a folder's entry is not read; "" for one that is."""
    is_folder = os.path.isdir(entry.path)
    if reason := _reason_by_name(entry.name, is_folder):
        return reason
    return "virtual environment" if is_folder and os.path.exists(os.path.join(entry.path, "pyvenv.cfg")) else ""


def _reason_by_name(name: str, is_folder: bool) -> str:
    if name.startswith("."):
        return "hidden folder" if is_folder else "hidden file"
    return "holds no text of its own" if is_folder and name in PASSED_OVER else ""


def _walk_folder(folder: Path, prefix: str, walk: _Walk) -> Iterator[Source]:
    """The files below `folder`, depth first, entries sorted by name."""
    pending = [(folder, prefix)]
    while pending:
        path, name = pending.pop()
        if os.path.isdir(path):
            if walk.is_new(path, name or "."):
                try:
                    entries = sorted(os.scandir(path), key=lambda entry: entry.name, reverse=True)
                except OSError as error:
                    yield Source(path, name, "unknown", fault=Fault("unreadable", 0, 0, error.strerror or str(error)))
                    continue
                for entry in entries:
                    below = f"{name}/{readable_name(entry.name)}" if name else readable_name(entry.name)
                    if reason := _reason_to_pass_over(entry):
                        walk.passed_over.append(PassedOver(below, reason))
                    else:
                        pending.append((Path(entry.path), below))
        elif walk.is_new(path, name):
            yield source_at(path, name)


def _here(given: str) -> str:
    """A path, also where it is given as a URL of this machine."""
    return unquote(urlsplit(given).path) if given.lower().startswith("file://") else given


def _walk_path(given: str, prefix: str, walk: _Walk) -> list[Source]:
    if not given:  # Path("") would be the folder that we are in
        raise EtymonError("an empty path is given", where="PATH", help="name a file or folder; . is the one we are in")
    path = Path(given).expanduser()
    if not os.path.lexists(path):
        raise EtymonError(
            f"there is no file or folder {given}",
            where=str(path.absolute()),
            help="check the spelling; builtin:docs and builtin:code need no file",
        )
    if os.path.isdir(path):
        files = list(_walk_folder(path, prefix, walk))
        if not files and not walk.passed_over:
            raise EtymonError(f"the folder {given} is empty", where=str(path.absolute()), help="put text files into it")
        return files
    name = f"{prefix}/{readable_name(path.name)}" if prefix else readable_name(path.name)
    return [source_at(path, name)] if walk.is_new(path, name) else []


def _walk_far(url: str, walk: _Walk, fetch: Fetch | None) -> Iterator[Source]:
    """The files at a URL, each fetched unless it is passed over; in the order of a folder's."""
    if fetch is None:
        raise EtymonError(
            "a file far away is read from a store",
            where=address_of(url),
            help="build a corpus of it: etymon.corpus.build(store, paths), or etymon corpus build",
        )
    for file in far_files(url):
        *folders, last = file.name.split("/")
        reasons = [_reason_by_name(each, True) for each in folders] + [_reason_by_name(last, False)]
        if reason := next(filter(None, reasons), ""):
            walk.passed_over.append(PassedOver(readable_name(file.name), reason))
        elif file.url in walk.read:  # in memory only: it may hold a signature
            walk.passed_over.append(PassedOver(file.name, f"the same as {walk.read[file.url]}, already read"))
        else:
            walk.read[file.url] = file.name
            yield fetch(file)


def find_sources(paths: Sequence[str], fetch: Fetch | None = None) -> Sources:
    """Every file that `paths` (files, folders, URLs, builtin:docs, builtin:code) lead to, in order, each once.

    Names are relative to the given folder; where a second path would give a name again, its files are headed by that
    path's own name. `fetch` brings what URLs lead to. Raises EtymonError for a missing path, an empty folder, an
    unknown builtin, or no file at all."""
    walk = _Walk()
    files: list[Source] = []
    taken: set[str] = set()
    for given in paths:
        if given.startswith(BUILTIN):
            found = [source for source in builtin_sources(given) if walk.is_new(source.path, source.name)]
        else:
            found = list(_walk_far(given, walk, fetch)) if is_far(given) else _walk_path(_here(given), "", walk)
            path = Path(address_of(given) if is_far(given) else given)
            found = found if taken.isdisjoint(source.name for source in found) else _renamed(found, path, taken)
        found = _distinct(found)
        taken.update(source.name for source in found)
        files += found
    if not files:
        named = ", ".join(sorted(each.path for each in walk.passed_over)[:5])
        raise EtymonError(
            "nothing to read" if paths else "no path was given",
            where=", ".join(address_of(path) if is_far(path) else path for path in paths),
            why=f"everything was passed over: {named}" if named else "",
            help="give a file or folder with text, or builtin:docs",
        )
    return Sources(files, walk.passed_over)


def _distinct(found: list[Source]) -> list[Source]:
    """The sources under names that differ: one may be called as the escapes of another's bytes are."""
    names: set[str] = set()
    distinct: list[Source] = []
    for source in found:
        name, number = source.name, 1
        while name in names:
            number += 1
            name = f"{source.name} ({number})"
        names.add(name)
        distinct.append(replace(source, name=name))
    return distinct


def _renamed(found: list[Source], given: Path, taken: set[str]) -> list[Source]:
    """The sources under names that are still free: headed by the name of their folder, numbered if need be."""
    base = given.resolve()
    stem = readable_name(base.name if base.is_dir() else base.parent.name) or "root"
    number, head = 1, stem
    while not taken.isdisjoint(f"{head}/{source.name}" for source in found):
        number += 1
        head = f"{stem}-{number}"
    return [replace(source, name=f"{head}/{source.name}") for source in found]
