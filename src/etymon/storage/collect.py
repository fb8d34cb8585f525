"""Collecting garbage: what a run leads to is kept, with all that it was made from; the rest may go, and whole runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from etymon.errors import EtymonError
from etymon.storage import commit, lock, names
from etymon.storage.artifact import Artifact
from etymon.storage.blocks import Damaged
from etymon.storage.draft import DRAFT, LOCK

if TYPE_CHECKING:
    from etymon.storage.store import Store

REPAIR_LOCK = ".repair.lock"
SCRATCH = ".scratch-"
"""How the name of a folder in the store's root begins in which a repair makes something once more."""
PULL_LOCK = ".pull.lock"
"""How the name of the lock ends, beside the runs, that is held while one is pulled: its artifacts come before it."""
REPLACED = "replaced"
"""Why a repair sets a damaged artifact aside; until the mended one has its name, this is the artifact."""
_REMOVED = "removed"
_LOCK = ".gc.lock"
_WHAT = "The collecting of this store's garbage"
_LEFT = (".damaged-", ".unused-")
_PATIENCE = 60.0


def wait(root: Path) -> None:
    """Waits while garbage is collected. Runs and drafts call it once their own lock is held: of the two, one sees the
    other, so nothing that they are about to use is removed."""
    lock.wait_free(root / _LOCK, _WHAT, seconds=_PATIENCE)


def collect(store: Store, keep: Collection[str], *, dry_run: bool) -> list[Artifact]:
    """Removes (or with `dry_run` only names) the artifacts that nothing leads to, made ones before what they were made
    from, so that a kill on the way leaves no artifact without its inputs. Raises Damaged where a manifest or a run's
    artifacts.json cannot be trusted to say what it leads to, and EtymonError while a run is being written or pulled."""
    if dry_run:
        return _unused(store, keep)
    with lock.locked(store.root / _LOCK, _WHAT):
        _check_idle(store)
        put_back(store)
        unused = _unused(store, keep)
        for artifact in unused:
            commit.remove_folder(commit.set_aside(artifact.path, "unused"))
        _sweep(store)
    return unused


def remove_run(store: Store, name: str, *, dry_run: bool) -> tuple[dict[str, int], dict[str, str]]:
    """Removes a run with its journal, metrics, checkpoints, snapshots and report, in one step. Gives its files with
    their bytes, and role -> id of what it referred to, which stays until garbage is collected.

    Raises EtymonError where there is no such run, and Held while it is being written.
    """
    run = store.run(name)
    if not run.path.exists():
        near = names.nearest(name, [other.name for other in store.runs()])
        raise EtymonError(f"There is no run {name!r}.", where=str(store.root), help=near)
    with nullcontext() if dry_run else run.lock():
        files = {str(path.relative_to(run.path)): path.stat().st_size for path in _files(run.path)}
        try:
            refers = run.artifacts()
        except Damaged:
            refers = dict[str, str]()  # a list that cannot be trusted must not keep the run from going
        aside = run.path if dry_run else commit.set_aside(run.path, _REMOVED)
    if not dry_run:
        commit.remove_folder(aside)
    return files, refers


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")


def put_back(store: Store) -> None:
    """Gives an artifact its name again that a repair had set aside when it was killed."""
    for path in _entries(store.root / "artifacts"):
        name = path.name.removeprefix(f".{REPLACED}-").rpartition("-")[0]
        if path.name.startswith(f".{REPLACED}-") and not path.with_name(name).exists():
            commit.rename(path, path.with_name(name))


def _unused(store: Store, keep: Collection[str]) -> list[Artifact]:
    in_drafts = _of_drafts(store)  # first: one sealed from now on is among the artifacts, with its inputs kept here
    artifacts = {artifact.id: artifact for artifact in store.artifacts()}
    kept = _closure({*_of_runs(store), *(store.open(one).id for one in keep), *in_drafts}, artifacts)
    return [artifact for artifact in _made_first(artifacts) if artifact.id not in kept]


def _of_runs(store: Store) -> set[str]:
    return {id for run in store.runs() for id in run.artifacts().values()}


def _of_drafts(store: Store) -> set[str]:
    """The inputs of drafts that are being written now."""
    leases = [lock.holder(path) or {} for path in _entries(store.root / "artifacts") if path.name.endswith(LOCK)]
    return {str(id) for lease in leases for id in lease.get("inputs", ())}


def _closure(roots: Iterable[str], artifacts: Mapping[str, Artifact]) -> set[str]:
    """The ids that are led to: the roots and all that they were made from."""
    found: set[str] = set()
    open_ends = list(roots)
    while open_ends:
        id = open_ends.pop()
        if id not in found:
            found.add(id)
            open_ends += artifacts[id].inputs.values() if id in artifacts else ()
    return found


def _made_first(artifacts: Mapping[str, Artifact]) -> list[Artifact]:
    """All artifacts, each before those it was made from."""
    ordered: dict[str, Artifact] = {}
    for artifact in artifacts.values():
        open_ends = [artifact]
        while open_ends:
            waiting = [artifacts[id] for id in open_ends[-1].inputs.values() if id in artifacts and id not in ordered]
            if waiting:
                open_ends += waiting
            else:
                last = open_ends.pop()
                ordered[last.id] = last
    return list(reversed(ordered.values()))


def _check_idle(store: Store) -> None:
    """A run at work, or on its way here, may be about to refer to an artifact that nothing refers to yet."""
    pulled = [path for path in _entries(store.root / "runs") if path.name.endswith(PULL_LOCK)]
    works = [
        *((f"The run {run.name} is being written", run.path, run.holder()) for run in store.runs()),
        *(("A run is being pulled", path, lock.holder(path)) for path in pulled),
        ("This store is being repaired", store.root, lock.holder(store.root / REPAIR_LOCK)),
    ]
    for what, where, holder in works:
        if holder is not None:
            raise EtymonError(
                f"{what}; nothing was removed.",
                where=str(where),
                why=f"host {holder.get('host', '?')}, pid {holder.get('pid', '?')}",
                help="wait until that ends, then collect again",
            )


def _sweep(store: Store) -> None:
    """Removes what kills left: dead drafts, folders half removed or half pulled, temporary files of runs (none is at
    work now)."""
    artifacts = _entries(store.root / "artifacts")
    above = (*_entries(store.root), *_entries(store.root / "runs"))
    left = [path for path in artifacts if path.name.startswith((*_LEFT, f".{REPLACED}-"))]
    commit.remove_left(left + [path for path in above if path.name.startswith((SCRATCH, DRAFT, f".{_REMOVED}-"))])
    for path in artifacts:
        if path.name.startswith(DRAFT):
            _remove_if_dead(path.with_name(path.name.removesuffix(LOCK)))
    for path in sorted(store.root.glob(".*.tmp")):
        commit.remove_file(path)
    for run in store.runs():
        for path in sorted(run.path.rglob(".*.tmp")):
            commit.remove_file(path)


def _remove_if_dead(draft: Path) -> None:
    try:
        taken = lock.Lock(draft.with_name(draft.name + LOCK), "This draft")
    except lock.Held:
        return  # its writer lives
    try:
        commit.remove_folder(draft)
    finally:
        taken.release(remove=True)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.exists() else []
