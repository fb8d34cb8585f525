"""Names that are safe as parts of a path: of kinds, runs, series and files."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches

from etymon.errors import EtymonError

_NAME = re.compile(r"[A-Za-z0-9._-]{1,96}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KIND = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)


def checked(name: str, what: str) -> str:
    """The name itself, if it is 1 to 96 of the letters A-Z a-z 0-9 . _ - and does not begin with a dot."""
    if is_name(name):
        return name
    raise EtymonError(
        f"{name!r} cannot be the name of {what}.",
        why="names become parts of paths",
        help="use 1 to 96 of the characters A-Z a-z 0-9 . _ - and do not begin with a dot",
    )


def is_name(name: str) -> bool:
    """Whether `checked` lets the name pass."""
    return bool(_NAME.fullmatch(name)) and not name.startswith(".")


def checked_path(name: str, what: str) -> str:
    """Like `checked`, for names that may lie in folders: each part between slashes is checked."""
    for part in name.split("/"):
        checked(part, what)
    return name


def checked_kind(kind: str) -> str:
    """The kind itself, if it is a small letter followed by up to 39 of a-z 0-9 _ -."""
    if _KIND.fullmatch(kind):
        return kind
    raise EtymonError(
        f"{kind!r} cannot be the kind of an artifact.",
        why="kinds become names of folders",
        help="use a small letter followed by up to 39 of the characters a-z 0-9 _ -",
    )


def checked_id(id: str) -> str:
    """The id itself, if it is 64 hex digits."""
    if _ID.fullmatch(id):
        return id
    raise EtymonError(f"{id!r} is not an artifact's id.", why="an id has 64 hex digits", help="give artifact.id")


def nearest(name: str, among: Collection[str]) -> str:
    """`did you mean …?` with up to three near names, or the names there are, or that there are none."""
    near = get_close_matches(name, sorted(among), n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    if among:
        shown = sorted(among)
        return f"there are: {', '.join(shown[:8])}{', …' if len(shown) > 8 else ''}"
    return "there are none yet"
