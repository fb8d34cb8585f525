"""The main job as a task for `harness.kills`: text that it runs on, the places it goes through, and what it leaves."""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from harness.kills import EVENTS, SEALED, STEP, End, Killer, Target, Watch

FAMILIES = ("ngram", "lstm", "gpt")
BUDGET = "4e8FLOP"
NAME = "killed"
TASK = "harness.whole_job:job"
COMMAND = "harness.whole_job:command"
IMPORTS = ("torch", "etymon.run.network", "etymon.run.flow", "etymon.cli.run_command", "harness.whole_job:warm")

WORDS = [
    "the",
    "small",
    "model",
    "reads",
    "a",
    "long",
    "text",
    "and",
    "counts",
    "what",
    "follows",
    "each",
    "word",
    "so",
    "that",
    "it",
    "may",
    "write",
    "on",
    "from",
    "there",
]
SMALL = (
    "sampling.max_tokens=8",
    "tokenizer.vocabulary=300",
    "models.lstm.width=16",
    "models.lstm.layers=1",
    "models.gpt.width=16",
    "models.gpt.layers=1",
    "models.gpt.heads=2",
    *(f"training.{name}.batch_tokens=256" for name in FAMILIES[1:]),
    *(f"training.{name}.length=64" for name in FAMILIES[1:]),
    *(f"training.{name}.snapshots=5" for name in FAMILIES[1:]),
)
PHASES = (
    "corpus",
    "tokenizer",
    "shards",
    "learn ngram",
    "train lstm",
    "train gpt",
    *(f"measure {name}" for name in FAMILIES),
    "report",
)
TRAININGS = ("train lstm", "train gpt")
PICTURES = "pictures"
"""The phase before the report, which keeps nothing: it can be struck at any time, and does what it did again."""
PARTS = ("save", "snapshot", "mark", "backward")
NAMED = 5
"""Changes of the disk within a seal up to the rename that gives the artifact its name: four are made before it."""
PLACES = ("start", *(f"{phase}{part}" for phase in PHASES for part in ("", ": seal", ": sealed")))
"""In the order of the job: a phase, the sealing of what it made, and what comes after that; within trainings PARTS."""
ALL_PARTS = tuple(f"{training}: {part}" for training in TRAININGS for part in PARTS)


def warm() -> None:
    """What every attempt would do again in its first half second, done once by the server."""
    import torch

    from etymon.run import settings_type

    torch.set_num_threads(1)
    settings_type(True)
    settings_type(True, FAMILIES)
    network = torch.nn.Linear(8, 8)
    network(torch.zeros(4, 8)).sum().backward()
    with contextlib.suppress(ImportError):
        importlib.import_module("awkward")  # gigatoken's, which it imports when it is first used
    metadata.entry_points = functools.cache(metadata.entry_points)  # read from the disk 155 times in a job


def make_text(folder: Path) -> Path:
    """Twelve documents in four files, about 20 kB."""
    folder.mkdir()
    for number in range(4):
        draw = random.Random(number)
        texts = [f"{' '.join(draw.choices(WORDS, k=80))} ({number}.{text})." for text in range(9)]
        (folder / f"{number}.txt").write_text("\n\n".join(texts))
    return folder


def arguments(store: Path, text: Path, *settings: str, checkpoint_seconds: float = 0.0) -> dict[str, Any]:
    """What the task `job` takes."""
    often = [f"training.{name}.checkpoint_seconds={checkpoint_seconds}s" for name in FAMILIES[1:]]
    return {"store": str(store), "text": str(text), "settings": [*SMALL, *often, *settings]}


def job(watch: Watch, *, store: str, text: str, settings: list[str], budget: str = BUDGET) -> None:
    """The main job as a library call."""
    from etymon.run import Budget, Request, Silent, run_job
    from etymon.storage import Store

    observe(watch)
    request = Request(paths=(text,), budget=Budget.parse(budget), name=NAME, overrides=tuple(settings))
    run_job(request, Store.at(store), Silent())


FORGOTTEN = ("memory of the optimizer", "state of the lanes", "rows to drop", "count of tokens")


def forgetful_job(watch: Watch, *, lost: str, **what: Any) -> None:
    """The main job with a fault planted: after a kill, one of `FORGOTTEN` is not what it was."""
    from etymon.storage import Metrics
    from etymon.training import checkpoint
    from etymon.training.optimizer import AdamW
    from etymon.training.record import Record

    memory, load, resume = AdamW.memory, checkpoint.load_training, Record.resume
    assert lost in FORGOTTEN
    if lost == "memory of the optimizer":
        AdamW.memory = lambda self: {name: tensor.clone() for name, tensor in memory(self).items()}
    elif lost == "state of the lanes":
        checkpoint.load_training = lambda *words: load(*words) and None
    elif lost == "rows to drop":
        Metrics.rewind = lambda self, *words: None
    else:
        Record.resume = lambda self, horizon: replace(at := resume(self, horizon), tokens=at.tokens + at.step)
    job(watch, **what)


def command(watch: Watch, *, seldom: bool = False, **what: Any) -> int:
    """The main job as `etymon run`; gives its exit code. `seldom`: no checkpoint is saved because it is due."""
    from etymon.cli import main
    from etymon.training.record import Record

    observe(watch)
    if seldom:
        Record.save_if_due = lambda self, position: None
    place = ["--budget", BUDGET, "--name", NAME, "--store", what["store"], "--no-open"]
    return main(["run", what["text"], *place, *what["settings"]])


def observe(watch: Watch) -> None:
    """Let the watch see where this process is in the job. For a process of its own: nothing is taken back."""
    from etymon.run.job import Job
    from etymon.run.marks import Marks
    from etymon.storage import commit
    from etymon.storage.checkpoints import Checkpoints
    from etymon.storage.draft import Draft
    from etymon.storage.journal import Journal
    from etymon.training.step import Gradients

    commit.fault = watch.changes
    Job.phase = _phases(watch, Job.phase)
    Checkpoints.save = _part(watch, "save", Checkpoints.save, lambda saved: watch.told(STEP, saved.step))
    Checkpoints.snapshot = _part(watch, "snapshot", Checkpoints.snapshot)
    Marks.look = _part(watch, "mark", Marks.look)
    Draft.seal = _sealing(watch, Draft.seal)
    Journal.append = _telling(watch, Journal.append)
    Gradients.of = _backward(watch, Gradients.of)


def _phases(watch: Watch, phase: Callable[..., Any]) -> Any:
    @contextlib.contextmanager
    def watched(self: Any, name: str, *rest: Any, **keywords: Any) -> Generator[Any]:
        watch.enter(name)
        watch.told(STEP, -1)  # of this training
        with phase(self, name, *rest, **keywords) as progress:
            yield progress

    return watched


def _part(watch: Watch, part: str, method: Callable[..., Any], then: Callable[[Any], None] = lambda made: None) -> Any:
    def watched(*words: Any, **keywords: Any) -> Any:
        with watch.within(part):
            made = method(*words, **keywords)
        then(made)
        return made

    return watched


def _sealing(watch: Watch, seal: Callable[..., Any]) -> Any:
    def watched(*words: Any, **keywords: Any) -> Any:
        phase = watch.place.partition(": ")[0]
        watch.enter(f"{phase}: seal")
        made = seal(*words, **keywords)
        watch.told(SEALED)
        watch.enter(f"{phase}: sealed")
        return made

    return watched


def _telling(watch: Watch, append: Callable[..., Any]) -> Any:
    def watched(*words: Any, **keywords: Any) -> None:
        append(*words, **keywords)
        watch.told(EVENTS)

    return watched


def _backward(watch: Watch, of: Callable[..., Any]) -> Any:
    def watched(self: Any, step: int, state: Any) -> Any:
        with watch.within("backward"):
            if watch.in_the_middle():
                parameters = list(self.network.parameters())
                parameters[step % len(parameters)].register_post_accumulate_grad_hook(lambda _: watch.middle())
            return of(self, step, state)

    return watched


@dataclass(frozen=True)
class Undisturbed:
    """A job that nothing disturbed: what it left, and by which seconds and changes of the disk it went."""

    picture: dict[str, Any]
    times: dict[str, float]
    places: dict[str, int]


def undisturbed(root: Path, text: Path, *settings: str) -> Undisturbed:
    """Run the job once, in a server of its own, so that not even the order of sets is what it is for the others."""
    from etymon.storage import Store

    with Killer(imports=IMPORTS) as server:
        end = server.attempt(TASK, arguments(root, text, *settings))
    assert (end.signal, end.code) == (0, 0), end.printed
    times = dict.fromkeys((*PHASES, PICTURES), 0.0)
    for event in Store.at(root, create=False).run(NAME).journal.events():
        if event["event"] == "phase":
            times[event["phase"]] += event["seconds"]
    return Undisturbed(picture(root), times, end.places)


def round_of_kills(seed: int, whole: Undisturbed, extra: int = 8) -> list[Target]:
    """Kills for one store in the order of the job, so that each place is struck at least once whatever the rest does:
    an attempt is never let past the place after its target. Even seeds strike before a sealed name is in place and
    once more after the seal, odd ones within the seal when the name is there already. `extra`: so many kills more, by a
    signal from outside after a random time of a random phase.
    """
    draw, times, places = random.Random(seed), whole.times, whole.places
    timed = draw.choices(PHASES, weights=[times[phase] for phase in PHASES], k=extra)
    targets = [Target("start", operation=draw.randint(1, places["start"]))]
    for phase in PHASES:
        training = phase in TRAININGS
        if phase == "report":
            targets.append(Target(PICTURES, seconds=draw.uniform(0, times[PICTURES])))
        for part in draw.sample(PARTS, len(PARTS)) if training else ():
            targets.append(_within_training(draw, f"{phase}: {part}", places))
        # Few in a training, so that it is not over before it was struck.
        targets.append(Target(phase, operation=draw.randint(1, 2 if training else places[phase])))
        targets += [Target(phase, seconds=draw.uniform(0, times[phase])) for one in timed if one == phase]
        if seed % 2:
            targets.append(Target(f"{phase}: seal", operation=draw.randint(NAMED + 1, NAMED + 2)))
        else:
            targets.append(Target(f"{phase}: seal", operation=draw.randint(1, NAMED)))
            targets.append(Target(f"{phase}: sealed", operation=draw.randint(1, places[f"{phase}: sealed"])))
    return targets


def places_struck_by(targets: list[Target]) -> set[str]:
    """Where a round of kills is sure to have struck."""
    return {target.place for target in targets if target.seconds is None}


def _within_training(draw: random.Random, place: str, places: dict[str, int]) -> Target:
    if place.endswith("backward"):
        return Target(place, entry=draw.randint(1, 3))
    return Target(place, operation=draw.randint(1, max(places[place] // 5, 1)))


class Seen:
    """What was acknowledged so far in one store, and whether it is still there after each kill."""

    def __init__(self, store: Path) -> None:
        self._root = store
        self._events: list[dict[str, Any]] = []
        self._artifacts: set[str] = set()

    def check(self, end: End) -> None:
        """Raises AssertionError where anything acknowledged is lost, or anything is damaged."""
        from etymon.storage import Store

        if not (self._root / "store.json").exists():
            assert end.events == end.sealed == 0
            return
        store = Store.at(self._root, create=False)
        run = store.run(NAME)
        events = run.journal.events()
        assert events[: len(self._events)] == self._events, "an event of an earlier attempt is gone"
        assert len(events) - len(self._events) - end.events in (0, 1), "an acknowledged event is gone"
        artifacts = {artifact.label for artifact in store.artifacts()}
        assert artifacts >= self._artifacts and len(artifacts) >= end.sealed, "a sealed artifact is gone"
        assert run.holder() is None
        if end.step >= 0 and end.place in (*TRAININGS, *ALL_PARTS):
            newest = [run.checkpoints(path.name).latest() for path in (run.path / "checkpoints").iterdir()]
            assert any(found is not None and found.step >= end.step for found in newest), "a checkpoint is gone"
        assert store.verify() == []
        self._events, self._artifacts = events, artifacts


def kill_until_done(
    killer: Killer, what: dict[str, Any], targets: list[Target], after: Callable[[End], None] = lambda end: None
) -> list[End]:
    """Attempt after attempt on one store, one target each, then without; gives the kills. `after` looks at each."""
    ends: list[End] = []
    for target in targets:
        end = killer.attempt(TASK, what, target, order=PLACES)
        assert end.killed, f"{target} was not met: {end}"
        after(end)
        ends.append(end)
    last = killer.attempt(TASK, what)
    assert (last.signal, last.code) == (0, 0), last.printed
    return ends


def differences(root: Path, whole: Undisturbed) -> list[str]:
    """The parts of the picture that differ from the undisturbed job's, and what was left lying about."""
    found = picture(root)
    parts = [part for part in found.keys() | whole.picture.keys() if found.get(part) != whole.picture.get(part)]
    return [*sorted(parts), *leftovers(root)]


def picture(root: Path) -> dict[str, Any]:
    """All that a finished job leaves, less times: two jobs of the same request have equal pictures."""
    from etymon.storage import Store

    store = Store.at(root, create=False)
    run = store.run(NAME)
    return {
        "artifacts": {artifact.label: _artifact(artifact) for artifact in store.artifacts()},
        "roles": run.artifacts(),
        "metrics": [_timeless(row) for row in run.metrics.rows()],
        "marks": [(row["series"], row["step"]) for row in run.metrics.rows() if row["series"].endswith("/marks")],
        "snapshots": _snapshots(run),
        "decisions": [event["decision"] for event in run.journal.events() if "decision" in event],
        "ended": sorted({event["series"] for event in run.journal.events() if event["event"] == "training ends"}),
        "recipe": run.read("recipe.toml"),
        "report": _timeless(json.loads(run.read("report.json"))),
        "page": b"</html>" in run.read("report.html"),
    }


TIMES = {"seconds", "observing_seconds", "tokens_per_second", "created", "time", "share", "events", "facts"}
STARTS = {"starts", "resumed"}


def _timeless(value: Any) -> Any:
    """JSON without its fields that are times, speeds, or tell of stops and starts."""
    if isinstance(value, dict):
        return {key: _timeless(each) for key, each in value.items() if key not in TIMES | STARTS}
    return [_timeless(each) for each in value] if isinstance(value, list) else value


def _artifact(artifact: Any) -> dict[str, Any]:
    """Its ids, hashes of its bytes, and what it says of itself; a report's bytes hold times."""
    facts = {"id": artifact.id, "inputs": artifact.inputs, "statistics": _timeless(artifact.statistics)}
    if artifact.kind == "report":
        return facts | {"report": _timeless(artifact.read_json("report.json"))}
    return facts | {"content": artifact.content_hash, "records": dict(artifact.records)}


def _snapshots(run: Any) -> dict[str, Any]:
    folder = run.path / "checkpoints"
    series = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    return {
        name: [(each.step, each.about, dict(each.records)) for each in run.checkpoints(name).snapshots()]
        for name in series
    }


def leftovers(root: Path) -> list[str]:
    """What should not be in a store once the job is done and `gc` was called: hidden names, rolling checkpoints."""
    from etymon.storage import Store

    store = Store.at(root, create=False)
    store.gc()
    hidden = [path for path in root.rglob(".*") if path.name != ".gc.lock"]
    rolling = list(root.glob("runs/*/checkpoints/*/step-*"))
    return sorted(str(path.relative_to(root)) for path in [*hidden, *rolling])
