"""`Job`: the main job, text in and a report on three language models out, as one readable order of phases."""

from __future__ import annotations

import hashlib
import os
import shlex
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from etymon.errors import EtymonError, Interrupted
from etymon.progress import Progress
from etymon.recipe import load, sources, to_json, to_toml
from etymon.run.budget import Budget, BudgetClock
from etymon.run.narrator import Narrator
from etymon.run.presets import Preset
from etymon.run.settings import (
    check_families,
    check_going_on,
    check_mixed,
    check_parts,
    check_used,
    only_families,
    settings_type,
    tokenizer_of,
)
from etymon.run.torch_wait import torch_is_there
from etymon.storage import Artifact, Run, Store, address_of, is_far

FINISHED, STOPPED, FAILED = "finished", "stopped", "failed"
"""The events with which a start ends, where it is not killed."""


HIDDEN = " (sha256 "
"""What follows the address of a path of which a part may be a secret: the digest of the whole."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for: the texts, the budget, a name, settings of their own, and a model to go on from."""

    paths: tuple[str, ...]
    budget: Budget
    name: str
    overrides: tuple[str, ...] = ()
    recipes: tuple[Path, ...] = ()
    initial: str | None = None
    store: str | None = None
    """The store as the user named it; None: the one that the environment names."""

    @property
    def account(self) -> list[str]:
        """What the time used is counted for: another text or another budget begins anew."""
        return [*map(noted, self.paths), str(self.budget)]

    @property
    def texts(self) -> str:
        """The paths for people, of addresses only what holds no secret."""
        return ", ".join(address_of(path) if is_far(path) else path for path in self.paths)

    @property
    def command(self) -> str:
        """The command line that asks for the same again, and so goes on with it; what an address hides is left open."""
        words = ["run", *map(left_open, self.paths), "--budget", str(self.budget), "--name", self.name]
        for path in self.recipes:
            words += ["--recipe", str(path)]
        for option, value in (("--from", self.initial), ("--store", self.store)):
            words += [option, value] if value else []
        return f"{etymon_command()} {shlex.join([*words, *self.overrides])}"


@dataclass
class Job:
    """What the phases of one run share. Everything that must survive is in `run` and `store`, not here.

    `there` are the inode numbers of the artifacts that this start found: what is not among them was made since.
    """

    request: Request
    store: Store
    run: Run
    narrator: Narrator
    stop_requested: Callable[[], bool]
    clock: BudgetClock
    there: frozenset[int]
    preset: Preset = field(default_factory=Preset)
    skipped: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def settings(self) -> Any:
        """The recipe as it stands: defaults, then presets, then recipe files, then `key=value` words.

        Raises EtymonError for what is wrong in it, or would do nothing in this run.
        """
        kind = settings_type(torch_is_there())
        files, overrides, base = self.request.recipes, self.request.overrides, self.preset.values
        loaded = load(kind, files=files, overrides=overrides, base=base)
        given, names = sources(kind, files=files, overrides=overrides, base=base), loaded.families
        if self.request.initial is not None:
            model = self.store.open(self.request.initial)
            check_going_on(loaded, given, model, tokenizer_of(self.store, model))
            names = (str(model.recipe["family"]),)
        check_families(names, with_networks=torch_is_there())
        check_used(given, names)
        check_mixed(loaded.mixture, given, names)
        check_parts(loaded, names)
        return only_families(loaded, names)

    def given(self) -> dict[str, Any]:
        """The settings that the user set, by dotted key; all else follows from presets and defaults."""
        kind = settings_type(torch_is_there())
        files, overrides = self.request.recipes, self.request.overrides
        values = flatten(to_json(load(kind, files=files, overrides=overrides)))
        return {key: values[key] for key in sources(kind, files=files, overrides=overrides) if key in values}

    def add_preset(self, preset: Preset) -> None:
        """Let settings follow from what is known by now; what the user set stays as set. Written to recipe.toml."""
        self.preset = self.preset | preset
        settings = self.settings()
        flat = flatten(to_json(settings))
        reasons = {key: why for key, why in self.preset.reasons.items() if flat.get(key) == self.preset.values[key]}
        self.run.write("recipe.toml", to_toml(settings, reasons).encode())

    @contextmanager
    def phase(self, name: str, title: str, *, saves_itself: bool = False) -> Generator[Progress]:
        """A stretch of work: shown with a progress bar, interruptible, its seconds entered in the journal.

        `saves_itself`: it answers a request to stop by itself, after saving what it has.
        """
        begin = self.clock.spent
        with self.narrator.phase(title) as shown:

            def progress(done: float, total: float | None = None, note: str = "") -> None:
                if not saves_itself:
                    self.stop_if_asked()
                shown(done, total, note)

            self.stop_if_asked()
            try:
                yield progress
            except BaseException as error:
                with suppress(EtymonError):  # a disk that fails refuses this too; the first error is the one to tell
                    self._journal_seconds(name, begin)
                if isinstance(error, Interrupted):
                    raise Interrupted(error.what, help=f"`{self.request.command}` goes on from there") from error
                raise
            self._journal_seconds(name, begin)

    def _journal_seconds(self, phase: str, begin: float) -> None:
        self.run.journal.append("phase", phase=phase, seconds=round(self.clock.spent - begin, 3))

    def stop_if_asked(self) -> None:
        """Between two pieces of work: what is finished is kept, so there is nothing to save."""
        if self.stop_requested():
            raise Interrupted("everything finished so far is kept", help=f"`{self.request.command}` goes on")

    def keep(self, role: str, artifact: Artifact) -> Artifact:
        """Enter an artifact as this run's, and say where it was there already."""
        self.run.record(role, artifact.id)
        if artifact.path.stat().st_ino in self.there:
            self.narrator.say(
                f"{role}: reused {artifact.kind} {artifact.id[:12]}, nothing that it depends on has changed"
            )
        return artifact

    def skip(self, what: str, why: str) -> None:
        """Name something that is left out."""
        self.skipped.append({"what": what, "why": why})
        self.narrator.warn(f"left out: {what}: {why}")


def start(
    request: Request,
    store: Store,
    narrator: Narrator,
    stop_requested: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Job:
    """A job on the run folder of that name; the caller holds the run's lock."""
    run = store.run(request.name)
    events = run.journal.events()
    if not events and (run.artifacts() or run.series()):
        narrator.warn(f"the journal of the run {run.name} is lost: what it told of the time before is gone")
    spent = sum(phases_since(events, request.account).values())
    run.journal.append("start", command=request.command, account=request.account)
    job = Job(
        request=request,
        store=store,
        run=run,
        narrator=narrator,
        stop_requested=stop_requested,
        clock=BudgetClock(spent, clock),
        there=frozenset(path.stat().st_ino for path in store.folders().values()),
    )
    if request.initial is not None and store.open(request.initial).kind == "model":
        tokenizer_of(store, store.open(request.initial))
        job.request = replace(request, initial=initial_id(job, request.initial))
        run.record("initial", str(job.request.initial))  # kept by `gc` also while there is no model that refers to it
    return job


def etymon_command() -> str:
    """How the user calls etymon: a program that starts it for them says so in ETYMON_COMMAND."""
    return os.environ.get("ETYMON_COMMAND", "etymon")


def command_here(command: str, store: Store) -> str:
    """A command that a journal tells of, for this store: since then it may have been moved, copied or pulled."""
    words = shlex.split(command)
    if "--store" in words:
        at = words.index("--store")
        del words[at : at + 2]
    return shlex.join(words) + store_option(store)


def store_option(store: Store) -> str:
    """The option that names this store on a command line; "" where it is the one that is meant anyway."""
    try:
        meant = Store.at(create=False).root == store.root
    except EtymonError:
        meant = False
    return "" if meant else f" --store {shlex.quote(str(store.root))}"


def phases_since(events: list[dict[str, Any]], account: list[str]) -> dict[str, float]:
    """Seconds by phase on the account of one request: its paths and budget, since it was last finished."""
    spent: dict[str, float] = {}
    for event in events:
        if event["event"] == FINISHED or (event["event"] == "start" and event["account"] != account):
            spent = {}
        elif event["event"] == "phase":
            spent[event["phase"]] = spent.get(event["phase"], 0.0) + event["seconds"]
    return spent


def initial_id(job: Job, reference: str) -> str:
    """The id of the model to go on from. "latest" and RUN/FAMILY lead elsewhere once this run has made its own model,
    and the run must still go on from where it began."""
    key = {"from": reference, "paths": [noted(path) for path in job.request.paths], "budget": str(job.request.budget)}
    return frozen(job, "goes on from", key, lambda: {"id": job.store.open(reference).id})["id"]


def noted(path: str) -> str:
    """A path as it may be written down: of an address that may hold a signature, what is no secret and a digest."""
    address = address_of(path) if is_far(path) else path
    return path if address == path else f"{address}{HIDDEN}{hashlib.sha256(path.encode()).hexdigest()})"


def left_open(path: str) -> str:
    """A path in a command that may be seen: the user fills in what was hidden."""
    return f"{address_of(path)}?…" if noted(path) != path else path


def is_hidden(path: str) -> bool:
    """Whether a path was written down without a part of it, so that nothing can be read from it again."""
    return is_far(path) and HIDDEN in path


def frozen(job: Job, event: str, key: dict[str, Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A decision that depends on the moment (a measured rate, the time left), taken once and read back ever after.

    `key` is what it was taken for: another key is another decision. It lives in the run's journal.
    """
    for entry in reversed(job.run.journal.events()):
        if entry["event"] == event and entry["key"] == key:
            return entry["decision"]
    decision = make()
    job.run.journal.append(event, key=key, decision=decision)
    return decision


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= flatten(cast("dict[str, Any]", value), f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def no_text() -> EtymonError:
    """There is nothing to train on."""
    return EtymonError("no text is named", where="PATH", help="name files or folders: etymon run my-texts")
