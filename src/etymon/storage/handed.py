"""Plain files handed out of the store, for other programs: a folder of them or one, there whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from etymon.errors import EtymonError
from etymon.storage import commit


def hand_out(folder: str | Path, files: Mapping[str, commit.Buffer]) -> Path:
    """Writes files into a folder that is not there yet, or empty; gives its absolute path.

    They are written aside and renamed into place, so that a fault or a kill leaves no half of them there."""
    path = Path(folder).absolute()
    with commit.telling(path):
        taken = path.is_symlink() or (path.exists() and not path.is_dir()) or (path.is_dir() and any(path.iterdir()))
    if taken or path.name in ("", ".."):
        raise EtymonError("There is something in this place already.", where=str(path), help="name a new folder")
    commit.make_folder(path.parent)
    aside = path.with_name(f".{path.name[:50]}-{commit.token()}")  # as long as the name may be, this is no longer
    try:
        commit.make_folder(aside)
        for name, data in files.items():
            _write(aside / name, [data])
        commit.sync_folder(aside)
        commit.rename(aside, path)
    except BaseException:
        with contextlib.suppress(EtymonError):
            commit.remove_folder(aside)
        raise
    return path


def hand_out_file(file: str | Path, pieces: Iterable[commit.Buffer]) -> Path:
    """Writes one file that is not there yet, piece after piece as they are made; gives its absolute path."""
    path = Path(file).absolute()
    with commit.telling(path):
        taken = path.is_symlink() or path.exists()
    if taken:
        raise EtymonError("There is something in this place already.", where=str(path), help="name a new file")
    commit.make_folder(path.parent)
    aside = path.with_name(f".{path.name[:50]}-{commit.token()}")
    try:
        _write(aside, pieces)
        commit.rename(aside, path)
    except BaseException:
        with contextlib.suppress(EtymonError):
            commit.remove_file(aside)
        raise
    return path


def _write(path: Path, pieces: Iterable[commit.Buffer]) -> None:
    opened = commit.OpenFile.create(path)
    written = 0
    try:
        for piece in pieces:
            opened.write(piece)
            written += memoryview(piece).nbytes
        opened.sync(needed=written)
    finally:
        opened.close()
