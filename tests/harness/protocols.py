"""Every protocol of storage, each a small piece of work that may crash anywhere, and a command that counts losses.

    PYTHONPATH=tests python -m harness.protocols --states 20000 --json

A new protocol is a function `work(root, told)` that does its work, or what is left of it, in the store `root / "store"`
and tells each state that may be found after a crash (`told.moment()`), and that a part must not be lost any more
(`told.acknowledge(PART, …)`; parts are named as in `shown`). `of_store(work)` in `PROTOCOLS` makes it one. What is no
store gives its own `shown` and `wrong`; see `crash_states.Protocol`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest import mock

from etymon.storage import Artifact, Checkpoint, Checkpoints, Damaged, Run, Store, commit
from etymon.storage.remote import Remote
from harness.crash_states import DAMAGED, Bench, Counts, Protocol, Told, View
from harness.groups import in_turn

TEXT = {"one.bin": bytes(range(200)), "two.bin": b"two", "none": b""}
"""Files of several blocks, of one, and of none."""


def _store(root: Path) -> Store:
    return Store.at(root / "store")


def _seal(store: Store, kind: str, files: Mapping[str, bytes], *made_from: Artifact) -> Artifact:
    inputs = {f"input{number}": artifact.id for number, artifact in enumerate(made_from)}
    with store.create(kind, {}, inputs, stage_version=1) as draft:
        for name, data in files.items():
            draft.write(name, data)
        return draft.seal()


def _found(store: Store, kind: str, files: Mapping[str, bytes], *made_from: Artifact) -> Artifact:
    """The artifact, from the store if it is there."""
    inputs = {f"input{number}": artifact.id for number, artifact in enumerate(made_from)}
    return store.find(kind, {}, inputs, stage_version=1) or _seal(store, kind, files, *made_from)


# What a reader sees


def shown(root: Path) -> View:
    """The parts of a store: "store", "KIND-DIGITS", and of each run "RUN/roles", "RUN/events", "RUN/metrics",
    "RUN/FILE", "RUN/SERIES" (the newest good checkpoint) and "RUN/SERIES/snapshots"."""
    store = Store(root / "store")
    view: dict[str, Hashable] = {}
    if (store.root / "store.json").exists():
        view["store"] = (store.root / "store.json").read_bytes()
    for path in store.folders().values():
        view[path.name] = _whole(lambda path=path: _files(Artifact.stored(path)))
    for run in store.runs():
        view.update(_of_run(run))
    return {part: value for part, value in view.items() if value not in (None, ())}


def _of_run(run: Run) -> View:
    view = {
        f"{run.name}/roles": _whole(lambda: tuple(sorted(run.artifacts().items()))),
        f"{run.name}/events": _whole(lambda: _events(run)),
        f"{run.name}/metrics": _whole(lambda: tuple(json.dumps(row, sort_keys=True) for row in run.metrics.rows())),
    }
    for path in run.path.iterdir():
        if (
            path.is_file()
            and path.name[0] != "."
            and path.name not in ("artifacts.json", "lock")
            and path.suffix != ".jsonl"
        ):
            view[f"{run.name}/{path.name}"] = path.read_bytes()
    for folder in sorted((run.path / "checkpoints").iterdir()) if (run.path / "checkpoints").exists() else ():
        series = Checkpoints(folder, f"{run.name}/{folder.name}", sync=lambda: None, tell=lambda event, **about: None)
        view[f"{run.name}/{folder.name}"] = _newest(series)
        view[f"{run.name}/{folder.name}/snapshots"] = _whole(lambda series=series: _all(series.snapshots()))
    return view


def _newest(series: Checkpoints) -> Hashable:
    found = series.newest_good()
    return found and _state(found)


def _all(snapshots: list[Checkpoint]) -> Hashable:
    return tuple(map(_state, snapshots))


def _state(found: Checkpoint) -> Hashable:
    return found.step, json.dumps(found.about), _files(found)


def _files(sealed: Artifact | Checkpoint) -> Hashable:
    return tuple((name, sealed.read(name)) for name in sorted(sealed.files))


def _events(run: Run) -> Hashable:
    """What was told, without the times; that a torn tail was cut is told as often as it happens."""
    own = ("time", "sequence")
    events = [event for event in run.journal.events() if not event["event"].endswith(" tail cut")]
    return tuple(json.dumps({key: event[key] for key in sorted(event) if key not in own}) for event in events)


def _whole(look: Callable[[], Hashable]) -> Hashable:
    try:
        return look()
    except Damaged:
        return DAMAGED


def wrong(root: Path) -> list[str]:
    """Damage, and what leads nowhere: an artifact without its inputs, a role without its artifact."""
    store = Store(root / "store")
    damages = list(map(str, store.verify()))
    if damages:
        return damages
    there = {artifact.id: artifact for artifact in store.artifacts()}
    needed = {id for artifact in there.values() for id in artifact.inputs.values()}
    needed |= {id for run in store.runs() for id in run.artifacts().values()}
    return [f"{id} is not there" for id in needed - set(there)]


def _nothing(root: Path) -> None:
    """Nothing is there before."""


def _empty(root: Path) -> None:
    _store(root)


def of_store(
    work: Callable[[Path, Told], None], *, given: Callable[[Path], None] = _empty, **more: Callable[..., None]
) -> Protocol:
    """The protocol of a piece of work in a store, named as its function is."""
    name = work.__name__.strip("_").replace("_", " ")
    return Protocol(name, work, shown=shown, wrong=wrong, given=given, **more)


# Artifacts


def making_a_store(root: Path, told: Told) -> None:
    """A store that another process has made lasts once something is in it."""
    there = (root / "store").exists()
    store = _store(root)
    told.acknowledge(*([] if there else ["store"]))
    store.run("demo").write("note.txt", b"note")
    told.acknowledge("store", "demo/note.txt")


def sealing(root: Path, told: Told) -> None:
    store = _store(root)
    text = _found(store, "corpus", TEXT)
    told.acknowledge(text.label)
    model = _found(store, "model", {"weights": bytes(130)}, text)
    told.acknowledge(model.label)


def sealing_the_same_twice(root: Path, told: Told) -> None:
    """Two who do the same work at once; the second gets what the first has made."""
    store = _store(root)
    with store.create("corpus", {}, {}, stage_version=1) as one, store.create("corpus", {}, {}, stage_version=1) as two:
        for draft in (one, two):
            draft.write("text", TEXT["one.bin"])
        for draft in (one, two):
            told.acknowledge(draft.seal().label)


def sealing_beside_one_that_is_killed(root: Path, told: Told) -> None:
    """Two who do the same work at once; the first is killed before the name of what it has sealed is safe."""
    store = _store(root)
    with store.create("corpus", {}, {}, stage_version=1) as one, store.create("corpus", {}, {}, stage_version=1) as two:
        for draft in (one, two):
            draft.write("text", TEXT["one.bin"])
        with _killed_after_the_rename():
            one.seal()
        told.moment()
        told.acknowledge(two.seal().label)


class _KilledError(BaseException):
    """Nothing is tidied up after it."""


@contextlib.contextmanager
def _killed_after_the_rename() -> Generator[None]:
    heard, renamed = commit.fault, False

    def fault(operation: commit.Operation) -> None:
        nonlocal renamed
        if renamed:
            raise _KilledError
        renamed = operation.name == "rename"
        if heard is not None:
            heard(operation)

    with mock.patch.object(commit, "fault", fault), contextlib.suppress(_KilledError):
        yield


def sealing_over_damage(root: Path, told: Told) -> None:
    told.acknowledge(_seal(_store(root), "corpus", TEXT).label)


def _damaged(root: Path) -> None:
    made = _seal(_store(root), "corpus", TEXT)
    (made.path / "two.bin").write_bytes(b"twO")


def abandoning_a_draft(root: Path, told: Told) -> None:
    store = _store(root)
    with store.create("corpus", {}, {}, stage_version=1) as draft:
        draft.write("text", TEXT["one.bin"])
    told.moment()
    told.acknowledge(_seal(store, "tokenizer", {"merges": b"merges"}).label)


def collecting_garbage(root: Path, told: Told) -> None:
    store = _store(root)
    unused = [artifact.label for artifact in store.artifacts() if artifact.kind != "corpus"]
    store.gc()
    told.acknowledge(*unused)


def _with_unused(root: Path) -> None:
    store = _store(root)
    text = _seal(store, "corpus", TEXT)
    store.run("demo").record("corpus", text.id)
    shards = _seal(store, "shards", {"ids": bytes(70)}, text)
    _seal(store, "model", {"weights": b"weights"}, shards)


def _nothing_hidden(root: Path) -> None:
    hidden = [path.name for path in (root / "store" / "artifacts").iterdir() if path.name.startswith(".")]
    assert hidden == []


# A run


def recording_artifacts(root: Path, told: Told) -> None:
    store = _store(root)
    run = store.run("demo")
    for role, kind in (("corpus", "corpus"), ("model/gpt", "model"), ("corpus", "tokenizer")):
        run.record(role, _found(store, kind, {"data": kind.encode()}).id)
        told.acknowledge("demo/roles")


def writing_a_file(root: Path, told: Told) -> None:
    run = _store(root).run("demo")
    for version in range(1, 4):
        run.write("report.html", b"report %d" % version * 40)
        told.acknowledge("demo/report.html")


def journal(root: Path, told: Told) -> None:
    run = _store(root).run("demo")
    for number in range(len(_events(run)), 5):
        run.journal.append("event", number=number, text="x" * 20 * number)
        told.acknowledge("demo/events")


def journal_with_a_torn_tail(root: Path, told: Told) -> None:
    run = _store(root).run("demo")
    for number in range(len(_events(run)), 4):
        run.journal.append("event", number=number)
        told.acknowledge("demo/events")


def _torn(root: Path) -> None:
    run = _store(root).run("demo")
    for number in range(2):
        run.journal.append("event", number=number)
    run.journal.close()
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(
            b'{"check":"01234567","length":100,"record":{"event":"event","number":\0\0\0\0\0\0\0\0\0\0\0\0,"text":"'
            + b"x" * 60
            + b'"}}\n'
        )


def metrics(root: Path, told: Told) -> None:
    """Rows that are synced, dropped back to the second, and appended anew."""
    rows = _store(root).run("demo").metrics
    rows.rewind("gpt", 2)
    told.moment()
    for step in range(len(rows.rows()) + 1, 5):
        rows.append({"series": "gpt", "step": step, "loss": 1 / step})
        told.moment()
    rows.sync()
    told.acknowledge("demo/metrics")
    rows.rewind("gpt", 2)
    told.acknowledge("demo/metrics")
    rows.append({"series": "gpt", "step": 3, "loss": 0.5})
    rows.sync()
    told.acknowledge("demo/metrics")


def _checkpoint(step: int, version: str = "") -> dict[str, bytes]:
    return {"weights": b"weights %d%s" % (step, version.encode()) * 9, "optimizer": b"%d%s" % (step, version.encode())}


def saving_checkpoints(root: Path, told: Told) -> None:
    """A run that trains: rows of metrics, a checkpoint, and so on from the newest good one."""
    run = _store(root).run("demo")
    found = run.checkpoints("gpt").latest()
    begun = found.step if found else 0
    run.metrics.rewind("gpt", begun)
    told.moment()
    for step in range(begun + 1, 5):
        run.metrics.append({"series": "gpt", "step": step, "loss": 1 / step})
        run.checkpoints("gpt").save(step, _checkpoint(step), {"step": step})
        told.acknowledge("demo/gpt", "demo/metrics")


def saving_by_two_ranks(root: Path, told: Told) -> None:
    """Two processes that train together and save each its part, an operation of the one after one of the other."""
    series = _store(root).run("demo").checkpoints("gpt")
    found = series.newest_good()
    for step in range(found.step + 1 if found else 1, 4):
        in_turn(2, lambda group, step=step: series.save(step, _checkpoint(step, f" of {group.rank}"), {}, group=group))
        told.acknowledge("demo/gpt")


def _rows_of_each_step(view: View) -> None:
    """A checkpoint that counts has the metrics of all steps up to it."""
    newest: Any = view.get("demo/gpt")
    rows: Any = view.get("demo/metrics", ())
    assert newest is None or len(rows) >= newest[0]


def rewinding(root: Path, told: Told) -> None:
    """A run that goes back to before its newest checkpoint and gets there anew."""
    series = _store(root).run("demo").checkpoints("gpt")
    found = series.latest()
    if found is None or found.read("optimizer") != _checkpoint(2, "again")["optimizer"]:
        series.rewind(1)
        told.acknowledge("demo/gpt")
        series.save(2, _checkpoint(2, "again"), {})
        told.acknowledge("demo/gpt")


def clearing(root: Path, told: Told) -> None:
    _store(root).run("demo").checkpoints("gpt").clear()
    told.acknowledge("demo/gpt")


def _two_checkpoints(root: Path) -> None:
    for step in (1, 2):
        _store(root).run("demo").checkpoints("gpt").save(step, _checkpoint(step), {})


def replacing_a_checkpoint(root: Path, told: Told) -> None:
    series = _store(root).run("demo").checkpoints("gpt")
    series.save(2, _checkpoint(2, "again"), {})
    told.acknowledge("demo/gpt")


def taking_snapshots(root: Path, told: Told) -> None:
    series = _store(root).run("demo").checkpoints("gpt")
    for step in (1, 2):
        series.snapshot(step, _checkpoint(step), {})
        told.acknowledge("demo/gpt/snapshots")


def replacing_a_snapshot(root: Path, told: Told) -> None:
    series = _store(root).run("demo").checkpoints("gpt")
    series.snapshot(1, _checkpoint(1, "again"), {})
    told.acknowledge("demo/gpt/snapshots")


def _snapshot(root: Path) -> None:
    _store(root).run("demo").checkpoints("gpt").snapshot(1, _checkpoint(1), {})


def pushing_and_pulling(root: Path, told: Told) -> None:
    """A model and what it was made from go to a folder that serves as bucket, and from there into another store."""
    model = _store(root).artifacts("model")[0]
    labels = [model.label, *(artifact.label for artifact in _store(root).lineage(model))]
    remote = Remote(str(root / "bucket"))
    remote.push(_store(root), model)
    told.acknowledge(*(f"bucket/{label}" for label in labels))
    remote.pull(Store.at(root / "other" / "store"), model.label)
    told.acknowledge(*(f"other/{label}" for label in labels))


def _shown_in_all_three(root: Path) -> View:
    """The parts of the store, "bucket/KIND-DIGITS" where a manifest is (that its files are, a pull tells), and
    "other/PART"."""
    view = {**shown(root), **{f"other/{part}": value for part, value in shown(root / "other").items()}}
    if (root / "bucket").exists():
        view.update({f"bucket/{label}": True for label in Remote(str(root / "bucket")).artifacts()})
    return view


def a_whole_run(root: Path, told: Told) -> None:
    """Something of all of it, one after the other, as the main job does."""
    store = _store(root)
    told.moment()
    run = store.run("demo")
    text = _found(store, "corpus", TEXT)
    told.acknowledge("store", text.label)
    run.record("corpus", text.id)
    told.acknowledge("demo/roles")
    series = run.checkpoints("gpt")
    found = series.latest()
    begun = found.step if found else 0
    run.metrics.rewind("gpt", begun)
    told.moment()
    for step in range(1, 4):
        if step > begun:
            run.metrics.append({"series": "gpt", "step": step, "loss": 1 / step})
            series.save(step, _checkpoint(step), {})
            told.acknowledge("demo/gpt", "demo/metrics")
        if step not in {event["step"] for event in run.journal.events() if event["event"] == "saved"}:
            run.journal.append("saved", step=step)
            told.acknowledge("demo/events")
    run.write("report.html", b"report" * 30)
    told.acknowledge("demo/report.html")
    series.snapshot(3, {"weights": b"3"}, {})
    told.acknowledge("demo/gpt/snapshots")
    model = _found(store, "model", {"weights": b"3" * 130}, text)
    told.acknowledge(model.label)
    run.record("model/gpt", model.id)
    told.acknowledge("demo/roles")
    store.gc()


PROTOCOLS = [
    of_store(making_a_store, given=_nothing),
    of_store(sealing),
    of_store(sealing_the_same_twice),
    of_store(sealing_beside_one_that_is_killed),
    of_store(sealing_over_damage, given=_damaged),
    of_store(abandoning_a_draft),
    of_store(collecting_garbage, given=_with_unused, ended=_nothing_hidden),
    of_store(recording_artifacts),
    of_store(writing_a_file),
    of_store(journal),
    of_store(journal_with_a_torn_tail, given=_torn),
    of_store(metrics),
    of_store(saving_checkpoints, check=_rows_of_each_step),
    of_store(saving_by_two_ranks),
    of_store(rewinding, given=_two_checkpoints),
    of_store(clearing, given=_two_checkpoints),
    of_store(replacing_a_checkpoint, given=_two_checkpoints),
    of_store(taking_snapshots),
    of_store(replacing_a_snapshot, given=_snapshot),
    replace(
        of_store(pushing_and_pulling, given=_with_unused),
        shown=_shown_in_all_three,
        wrong=lambda root: wrong(root) + wrong(root / "other"),
    ),
    of_store(a_whole_run, given=_nothing),
]


def count(states: int, *, seed: int = 0, protocols: list[Protocol] = PROTOCOLS) -> dict[str, Counts]:
    """Tries so many states, the same number of each protocol (the first ones one more)."""
    counts: dict[str, Counts] = {}
    for number, protocol in enumerate(protocols):
        share = states // len(protocols) + (number < states % len(protocols))
        with Bench(protocol, seed) as bench:
            counts[protocol.name] = bench.run(share)
    return counts


def main() -> None:
    """Prints a table, or with --json one object: protocol -> counts and seconds, and "total"."""
    parser = argparse.ArgumentParser(prog="python -m harness.protocols", description=__doc__.splitlines()[0])
    parser.add_argument("--states", type=int, default=20_000, help="how many states in all (default: 20000)")
    parser.add_argument("--seed", type=int, default=0, help="which states: other seeds find others")
    parser.add_argument("--only", metavar="WORD", default="", help="only protocols whose name holds this word")
    parser.add_argument("--json", action="store_true", help="one object instead of a table")
    given = parser.parse_args()
    chosen = [protocol for protocol in PROTOCOLS if given.only in protocol.name]
    result: dict[str, dict[str, float]] = {}
    for number, protocol in enumerate(chosen):
        share = given.states // len(chosen) + (number < given.states % len(chosen))
        begun = time.perf_counter()
        counts = count(share, seed=given.seed, protocols=[protocol])[protocol.name]
        result[protocol.name] = {**asdict(counts), "seconds": round(time.perf_counter() - begun, 2)}
    total = {key: sum(one[key] for one in result.values()) for key in next(iter(result.values()))}
    result["total"] = {**total, "seconds": round(total["seconds"], 2)}
    if given.json:
        print(json.dumps(result))
        return
    print(f"{'protocol':26}" + "".join(f"{key:>12}" for key in total))
    for name, one in result.items():
        print(f"{name:26}" + "".join(f"{value:12}" for value in one.values()))


if __name__ == "__main__":
    main()
