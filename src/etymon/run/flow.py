"""The order of a run: text, then each family of models, then the measuring, then the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etymon.errors import EtymonError, Interrupted
from etymon.models import WITHOUT_TORCH, family
from etymon.run.budget import DATA_SHARE, Division
from etymon.run.combining import combine_all
from etymon.run.job import FAILED, FINISHED, STOPPED, Job, Request, no_text, start
from etymon.run.learning import learn_by_gradient, learn_from_counts
from etymon.run.measuring import measure
from etymon.run.narrator import Narrator, Silent
from etymon.run.presets import Preset, families_preset, sampling_preset
from etymon.run.reporting import write_report
from etymon.run.text import Text, prepare
from etymon.run.torch_wait import torch_is_installing, torch_is_there, wait_for_torch
from etymon.storage import Artifact, Store

# Read at each of the n-gram's marks, which come before the budget is divided.
FIRST_VALIDATION_BYTES = 65_536


@dataclass(frozen=True)
class Outcome:
    """What a run gives back: the report as data, where it lies, and the models by family."""

    run: str
    report: Path
    data: dict[str, Any]
    corpus: Artifact
    models: dict[str, Artifact]

    def as_json(self) -> dict[str, Any]:
        """The answer of `etymon run --json`."""
        keys = ("family", "id", "parameters", "tokens", "flops", "measure", "bits_per_byte")
        rows = [{key: row[key] for key in keys} for row in self.data["models"]]
        return {"run": self.run, "corpus": self.corpus.id, "report": str(self.report), "models": rows}


def run_job(
    request: Request,
    store: Store,
    narrator: Narrator | None = None,
    stop_requested: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Text to models to report, within the budget. Started again, it goes on where it was; finished work is reused.

    Raises EtymonError for what the user can put right, and Interrupted (exit code 75) when `stop_requested` says so:
    the state is saved and the same request goes on.
    """
    if not request.paths:
        raise no_text()
    narrator = narrator or Silent()
    with store.run(request.name).lock():
        job = start(request, store, narrator, stop_requested, clock)
        try:
            return _work(job)
        except EtymonError as error:
            with suppress(EtymonError):  # the error that is on its way is the one to tell, also where the disk is full
                job.run.journal.append(STOPPED if isinstance(error, Interrupted) else FAILED, text=error.what)
            raise


def _work(job: Job) -> Outcome:
    """The phases in their order."""
    request = job.request
    if torch_is_installing() and sets_networks(request):
        # Only with torch there can the settings of a network be checked, and mistakes should come first.
        wait_for_networks(job)
    names = chosen_families(job)
    begin = job.clock.spent
    text = prepare(job)
    warn_if_data_was_slow(job, job.clock.spent - begin)
    counted = [name for name in names if learns(name) == "counts"]
    combined = [name for name in names if learns(name) == "parts"]
    networks = [name for name in names if name not in (*counted, *combined)]
    if networks and torch_is_there():
        from etymon.run.network import check_mixture

        check_mixture(job, text)
    models = {name: learn_from_counts(job, name, text, FIRST_VALIDATION_BYTES) for name in counted}
    job.stop_if_asked()
    division = divide_rest(job, text, networks, len(combined))
    for name in division[1]:
        models[name] = learn_by_gradient(job, name, text, division[0])
    models |= combine_all(job, combined, text, models, division[0].validation_bytes)
    measured = {name: measure(job, name, model, text, division[0].heldout_bytes) for name, model in models.items()}
    data = write_report(job, text, models, measured, division[0])
    job.run.journal.append(FINISHED, text="the report is written")
    return Outcome(request.name, job.run.path / "report.html", data, text.corpus, models)


def sets_networks(request: Request) -> bool:
    """Whether the user sets something about models or trainings, which may be about networks."""
    return bool(request.recipes) or any(word.startswith(("models.", "training.")) for word in request.overrides)


def learns(name: str) -> str:
    """How a family learns, found without importing torch where the family's module needs it."""
    return family(name).learns if name in WITHOUT_TORCH or torch_is_there() else "gradients"


def chosen_families(job: Job) -> tuple[str, ...]:
    """The families of the recipe; going on from a model means its family, with the settings that it has."""
    if job.request.initial is None:
        job.add_preset(sampling_preset() | families_preset(job.request.budget))
        return job.settings().families
    model = job.store.open(job.request.initial)
    if model.kind != "model":
        raise EtymonError(
            f"{job.request.initial} is a {model.kind}, not a model to go on from",
            where="--from",
            help="`etymon ls --kind model` lists the models of this store",
        )
    name = str(model.recipe["family"])
    values = {f"models.{name}.{key}": value for key, value in model.recipe["settings"].items()}
    reason = f"as in the model {model.id[:12]} that the run goes on from"
    values["families"] = (name,)
    job.add_preset(sampling_preset())
    job.add_preset(Preset(values, dict.fromkeys(values, reason)))
    return (name,)


def divide_rest(job: Job, text: Text, networks: list[str], combined: int) -> tuple[Division, list[str]]:
    """What is left of the budget, divided, and the networks that can be trained here."""
    if networks and not wait_for_networks(job, networks):
        networks = []
    if not networks:
        heldout = int(text.streams["test"].bytes.sum())
        return Division(None, None, FIRST_VALIDATION_BYTES, heldout, 0), []
    from etymon.run.network import prepare_networks

    return prepare_networks(job, text, networks, combined), networks


def wait_for_networks(job: Job, names: list[str] | None = None) -> bool:
    """Whether torch is there, after waiting for it where it is being installed; the wait is not the run's time."""
    try:
        with job.clock.not_counted():
            wait_for_torch(job.narrator, job.stop_requested)
    except EtymonError as error:
        if names is None or names == list(job.settings().families) or error.exit_code != 1:
            raise
        job.skip(", ".join(names), f"{error.what} ({error.why})")
        return False
    return True


def warn_if_data_was_slow(job: Job, took: float) -> None:
    """The data's share of a budget in time is a bound that is told when it is broken."""
    seconds = job.request.budget.seconds
    if seconds is not None and took > DATA_SHARE * seconds:
        job.narrator.warn(
            f"reading and preparing the text took {took:.0f} s, more than {DATA_SHARE:.0%} of the budget: "
            f"training gets what is left"
        )
