"""References: the words by which a person names an artifact, found in a store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from etymon.errors import EtymonError
from etymon.storage import names
from etymon.storage.artifact import SHORT, Artifact, is_artifact

if TYPE_CHECKING:
    from etymon.storage.store import Store

LATEST = "latest"
_ID = re.compile(r"(?:([a-z][a-z0-9_-]{0,39})-)?([0-9a-f]{6,64})", re.ASCII)
_TOO_SHORT = re.compile(r"[0-9a-f]{1,5}", re.ASCII)


def resolve(store: Store, reference: str | Path) -> Artifact:
    """The one artifact that is meant; EtymonError with the near names where there is none, or more than one."""
    if is_artifact(Path(reference)):
        return Artifact(Path(reference).absolute())
    text = str(reference)
    if text == LATEST:
        return _latest(store)
    by_id = _ID.fullmatch(text)
    if by_id:
        return _by_id(store, text, by_id[1], by_id[2])
    if isinstance(reference, str) and "/" in text and not text.startswith(("/", ".", "~")):
        return _of_run(store, text)
    if _TOO_SHORT.fullmatch(text):
        raise EtymonError(f"{text!r} is too short to name an artifact.", help="give at least 6 digits of its id")
    raise _unknown(store, text)


def _latest(store: Store) -> Artifact:
    models = store.artifacts("model")
    if not models:
        raise EtymonError(
            "There is no model yet.", where=str(store.root), help="`etymon demo` or `etymon run` makes one"
        )
    return models[-1]


def _by_id(store: Store, text: str, kind: str | None, digits: str) -> Artifact:
    paths = [
        path
        for start, path in store.folders().items()
        if start.startswith(digits[:SHORT]) and kind in (None, path.name[: -SHORT - 1])
    ]
    if len(paths) > 1:
        raise EtymonError(
            f"{text!r} is the beginning of more than one id.",
            where=str(store.root),
            why=", ".join(path.name for path in paths),
            help="give more digits",
        )
    if paths:
        found = Artifact.stored(paths[0])
        if found.id.startswith(digits):
            return found
    raise _unknown(store, text)


def _of_run(store: Store, text: str) -> Artifact:
    run_name, _, role = text.partition("/")
    runs = {run.name: run for run in store.runs()}
    if run_name not in runs:
        raise EtymonError(
            f"There is no run {run_name!r}.", where=str(store.root), help=names.nearest(run_name, runs.keys())
        )
    roles = runs[run_name].artifacts()
    id = roles.get(f"model/{role}") or roles.get(role)
    if id is None:
        near = {known.removeprefix("model/") for known in roles}
        raise EtymonError(
            f"The run {run_name} has no {role!r}.", where=str(runs[run_name].path), help=names.nearest(role, near)
        )
    return _by_id(store, text, None, id)


def _unknown(store: Store, text: str) -> EtymonError:
    near = {LATEST, *(path.name for path in store.folders().values())}
    near |= {
        f"{run.name}/{role.removeprefix('model/')}" for run in store.runs() for role in run.artifacts() if "/" in role
    }
    return EtymonError(f"There is no artifact {text!r}.", where=str(store.root), help=names.nearest(text, near))
