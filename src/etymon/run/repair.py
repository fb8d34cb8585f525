"""Repairing a store with all that a run knows: damaged blocks are also made once more, by the stage that made them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from etymon.corpus import CorpusSettings, build
from etymon.errors import EtymonError
from etymon.evaluation import score
from etymon.models import Family, family, load, save
from etymon.progress import Progress
from etymon.recipe import from_json, to_json
from etymon.recipe import load as load_settings
from etymon.run.combining import put_together
from etymon.run.drawing import loader_of
from etymon.run.job import command_here, is_hidden
from etymon.run.learning import ids_to_count
from etymon.run.measuring import MEASUREMENT_VERSION
from etymon.run.narrator import Narrator
from etymon.run.settings import settings_type
from etymon.run.torch_wait import torch_is_there
from etymon.storage import Artifact, Damaged, Remake, Repair, Run, Scratch, Store, Unmade, Work, is_far, repair
from etymon.tokens import (
    Tokenizer,
    TokenizerSettings,
    TokenStream,
    build_shards,
    open_shards,
    train_tokenizer,
)

BUILTIN = "builtin:"
NO_TEXT = "the text that it was read from was not found"
CONFIG = "config.json"
"""The file of a model that holds nothing that was learned."""


def repair_store(
    store: Store, reference: str | None, copies: Sequence[Path], narrator: Narrator, *, retrain: bool, dry_run: bool
) -> Repair:
    """Puts right what is damaged in a store, or in one artifact and what it was made from; see `storage.repair`.

    `copies`: other stores, folders of one artifact, or text that a corpus was read from. `retrain`: networks, too, are
    made once more, where that gives the same bits.
    """
    for copy in copies:
        if not copy.exists():
            raise EtymonError(
                f"there is no file or folder {copy}", where="--from", help="name a store, a folder or a file of text"
            )
    remake: dict[str, Remake] = {
        "corpus": partial(again_corpus, store, copies),
        "tokenizer": again_tokenizer,
        "shards": again_shards,
        "model": again_model,
        "measurement": again_measurement,
    }
    with narrator.phase("repairing") as progress:
        return repair(
            store,
            reference,
            copies=copies,
            remake=remake,
            works=partial(known_work, store),
            remedies=partial(command_for, store),
            refusals=partial(why_not, store, copies, retrain),
            dry_run=dry_run,
            progress=progress,
        )


def texts(store: Store, copies: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    """The paths that text was, or may have been, read from: those given, then those of all runs, as they were named and
    from the folder that the store lies in."""
    yield from ((str(copy),) for copy in copies)
    for paths in dict.fromkeys(each for run in store.runs() for each in paths_read(run)):
        yield paths
        yield tuple(
            path if path.startswith(BUILTIN) or is_far(path) else str(store.root.parent / path) for path in paths
        )


def paths_read(run: Run) -> list[tuple[str, ...]]:
    """The paths of each start of a run, the last first; without those of which a part was not written down."""
    accounts = [tuple(event["account"][:-1]) for event in reversed(starts(run))]
    return [paths for paths in accounts if not any(map(is_hidden, paths))]


def starts(run: Run) -> list[dict[str, Any]]:
    """The starts that the journal of a run tells of; none where it is damaged."""
    try:
        return [event for event in run.journal.events() if event["event"] == "start"]
    except Damaged:
        return []


def command_for(store: Store, kind: str, id: str) -> str:
    """The command that made an artifact, if a run did; `id` or the beginning of it."""
    for run in store.runs():
        try:
            ids = run.artifacts().values()
        except Damaged:
            continue
        begun = starts(run)
        if begun and any(each.startswith(id) for each in ids):
            return f"`{command_here(begun[-1]['command'], store)}` makes the {kind} anew"
    return ""


def known_work(store: Store, kind: str, id: str) -> Work | None:
    """What a run that refers to a corpus, a tokenizer or shards knows of how these were made; `id` or its beginning."""
    for run in store.runs():
        try:
            roles = run.artifacts()
            if kind not in ("corpus", "tokenizer", "shards") or not roles.get(kind, "").startswith(id):
                continue
            settings = load_settings(settings_type(torch_is_there()), files=[run.path / "recipe.toml"])
        except EtymonError:
            continue
        recipe = {
            "corpus": {"settings": to_json(settings.corpus)},
            "tokenizer": to_json(settings.tokenizer),
            "shards": {},
        }
        above = {"corpus": (), "tokenizer": ("corpus",), "shards": ("corpus", "tokenizer")}[kind]
        if all(role in roles for role in above):
            return Work(kind, recipe[kind], {role: roles[role] for role in above}, 0, {})
    return None


def why_not(store: Store, copies: Sequence[Path], retrain: bool, work: Work) -> str:
    """Why something cannot be made once more, where that is known without trying; else ""."""
    if "imported" in work.recipe:
        return "it came from another program; import it once more, or name a copy with --from"
    if work.kind == "corpus":
        known = list(texts(store, copies))
        lost = known and not any(map(are_there, known))
        return f"{NO_TEXT}; name it with --from (there is no {', '.join(known[-1])})" if lost else ""
    if (
        work.kind != "model"
        or family(str(work.recipe["family"])).learns != "gradients"
        or work.wanted == frozenset({CONFIG})
    ):
        return ""
    if work.recipe["seconds"] is not None and not work.statistics["left_out"]:
        return "it was trained for a time, and what a time is enough for is never the same to the bit"
    return "" if retrain else "a network is trained once more only where --retrain asks for it"


def are_there(paths: tuple[str, ...]) -> bool:
    """Whether there is a file or a folder for each of the paths that text was read from."""
    return bool(paths) and all(path.startswith(BUILTIN) or Path(path).expanduser().exists() for path in paths)


def again_corpus(store: Store, copies: Sequence[Path], scratch: Scratch, work: Work, progress: Progress) -> Artifact:
    """The corpus, where the text that it was read from is still there and unchanged."""
    settings = from_json(CorpusSettings, work.recipe["settings"])
    told = "no run says where it was read from"
    for each in dict.fromkeys(texts(store, copies)):
        try:
            return build(scratch, each, settings, progress=progress)
        except Unmade:
            told = f"{', '.join(each)} has changed since, or is other text"
        except EtymonError as error:
            told = told if "has changed" in told else error.what
    raise Unmade(f"{NO_TEXT}; name it with --from", why=told)


def again_tokenizer(scratch: Scratch, work: Work, progress: Progress) -> Artifact:
    """The tokenizer, learned from its corpus."""
    corpus = scratch.open(work.inputs["corpus"])
    return train_tokenizer(scratch, corpus, from_json(TokenizerSettings, work.recipe), progress=progress)


def again_shards(scratch: Scratch, work: Work, progress: Progress) -> Artifact:
    """The shards of a corpus and a tokenizer."""
    corpus, tokenizer = scratch.open(work.inputs["corpus"]), scratch.open(work.inputs["tokenizer"])
    return build_shards(scratch, corpus, tokenizer, progress=progress)


def again_model(scratch: Scratch, work: Work, progress: Progress) -> Artifact:
    """The model: counted again, or trained again."""
    kind = family(str(work.recipe["family"]))
    scratch.find("model", work.recipe, work.inputs, stage_version=kind.version)
    if kind.learns == "gradients":
        return again_network(scratch, work, progress)
    if kind.learns == "parts":
        return sealed(scratch, work, put_together(scratch, work.recipe, work.inputs, progress=progress))
    assert kind.estimate is not None, f"{kind.name} learns from counts"
    shards = scratch.open(work.inputs["shards"])
    vocabulary, end_of_text = int(shards.statistics["vocabulary"]), int(shards.statistics["end_of_text"])
    settings = from_json(kind.settings, work.recipe["settings"])
    steps, ids = scratch.run("again").steps("counting"), ids_to_count(scratch, work.inputs)
    model = kind.estimate(settings, vocabulary, ids, end_of_text, progress, steps)
    return sealed(scratch, work, model)


def again_network(scratch: Scratch, work: Work, progress: Progress) -> Artifact:
    """The network, trained for as many steps."""
    from etymon.training import seeded

    kind = family(str(work.recipe["family"]))
    assert kind.build is not None, f"{kind.name} learns by gradient"
    stream = open_shards(scratch.open(work.inputs["shards"]))["train"]
    with seeded(int(work.recipe["seed"]), kind.name, "weights"):
        network: Any = kind.build(from_json(kind.settings, work.recipe["settings"]), stream.vocabulary)
    if work.wanted == frozenset({CONFIG}):
        return sealed(scratch, work, network)  # its weights are not asked for
    if "initial" in work.inputs:
        initial: Any = load(scratch.open(work.inputs["initial"]))
        network.load_state_dict(initial.state_dict())
    train_again(scratch, work, kind, network, stream, progress)
    return sealed(scratch, work, network.cpu())


def train_again(
    scratch: Scratch, work: Work, kind: Family, network: Any, stream: TokenStream, progress: Progress
) -> None:
    """As many steps as it was trained for, from first weights that are in the network already."""
    from etymon.objectives import SETTINGS, objective_for
    from etymon.training import TrainingSettings, train

    asking = SETTINGS.get(kind.objective)
    own = from_json(asking, work.recipe["objective"]) if asking else None
    tokenizer = Tokenizer.open(scratch.open(work.inputs["tokenizer"]))
    seed, training = int(work.recipe["seed"]), from_json(TrainingSettings, work.recipe["training"])
    train(
        network,
        objective_for(kind, own, network.settings, tokenizer, seed),
        loader_of(
            stream,
            length=training.length,
            rows=training.rows,
            seed=seed,
            order=kind.order,
            shares=work.recipe.get("mixture"),
        ),
        training,
        scratch.run("again"),
        network.family,
        seed=seed,
        device=str(work.recipe["device"]),
        steps=int(work.statistics["steps"]),
        progress=progress,
    )


def sealed(scratch: Scratch, work: Work, model: Any) -> Artifact:
    """The model's files in the scratch place."""
    with scratch.create("model", work.recipe, work.inputs, stage_version=work.stage_version) as draft:
        save(draft, model)
        return draft.seal()


def again_measurement(scratch: Scratch, work: Work, progress: Progress) -> Artifact:
    """The measurement of a model on the documents that were held out."""
    scratch.find("measurement", work.recipe, work.inputs, stage_version=MEASUREMENT_VERSION)
    artifact, split = scratch.open(work.inputs["model"]), str(work.recipe["split"])
    model: Any = load(artifact)
    if family(model.family).learns == "gradients":
        from etymon.training import choose_device

        model = model.to(choose_device(str(artifact.recipe["device"])))
    stream = open_shards(scratch.open(work.inputs["shards"]))[split]
    most, reads = int(work.recipe["max_bytes"]), work.recipe.get("reads")
    result = score(model, stream, split=split, max_bytes=most, reads=reads, progress=progress)
    with scratch.create("measurement", work.recipe, work.inputs, stage_version=work.stage_version) as draft:
        draft.write("result.json", json.dumps(asdict(result)).encode())
        return draft.seal()
