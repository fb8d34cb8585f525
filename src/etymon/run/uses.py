"""Uses: what has seen a document, and how, from the store alone; and what must go for the document to be gone."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from etymon.corpus import Corpus, Decision
from etymon.errors import EtymonError
from etymon.models import PART, family
from etymon.run.drawing import loader_of
from etymon.run.job import command_here, etymon_command, store_option
from etymon.run.repair import paths_read
from etymon.storage import Artifact, Damaged, Run, Store, pushed_to
from etymon.tokens import open_shards

SPLITS = {
    "train": "in the text to learn from",
    "validation": "held out, to be measured on while a model learns",
    "test": "held out, to be measured on at the end",
}
SHOWN = 10
DIGITS = 12
NOTHING = "it, but nothing of its text is in here"


@dataclass
class Seen:
    """What one corpus has of the documents that were asked for: the decisions on them, and the split of each text that
    it holds, by document (of a copy, the split of the document that was kept). `elsewhere`: other files with the same
    text."""

    corpus: Artifact
    decisions: list[Decision]
    splits: dict[str, str]
    elsewhere: list[str]

    def of(self, split: str) -> list[str]:
        """The documents whose text is in a split."""
        return [id for id, there in self.splits.items() if there == split]


@dataclass
class Uses:
    """What has seen the documents that a question leads to. The `how` of an artifact is one of: holds, learned, tokens,
    counted, trained, measured, quotes, made from (nothing of the text itself), unknown; `exact` false: that or less."""

    question: str
    seen: list[Seen]
    artifacts: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    unknown: list[str]
    unfinished: list[str]
    remedy: list[str]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        documents = [
            {
                "id": each.id,
                "url": each.url,
                "corpus": seen.corpus.id,
                "outcome": each.outcome,
                "rule": each.rule,
                "duplicate_of": each.duplicate_of,
                "split": seen.splits.get(each.duplicate_of or each.id, ""),
                "elsewhere": seen.elsewhere,
                "source": {"file": each.source_file, "offset": each.source_offset},
            }
            for seen in self.seen
            for each in seen.decisions
        ]
        parts = ("artifacts", "runs", "unknown", "unfinished", "remedy")
        return {"question": self.question, "documents": documents, **{part: getattr(self, part) for part in parts}}

    def in_words(self) -> str:
        """For people."""
        lines: list[str] = []
        for seen in self.seen:
            count = len(seen.decisions)
            lines.append(f"{self.question}: {count:,} document{'s' * (count != 1)} in corpus {seen.corpus.id[:12]}")
            lines += [f"  {text}" for text in fates(seen)]
        lines += ["", "What has seen it:"]
        lines += [f"  {each['kind']:<12} {each['id'][:12]}  {each['text']}" for each in self.artifacts]
        lines += [f"  {'run':<12} {each['name']}  {each['text']}" for each in self.runs]
        if self.unknown:
            lines += ["", "What cannot be known:", *(f"  {text}" for text in self.unknown)]
        if self.unfinished:
            lines += ["", "Unfinished work that may hold text of it (`etymon gc` removes it):"]
            lines += [f"  {path}" for path in self.unfinished]
        return "\n".join([*lines, "", "To have it gone:", *(f"  {step}" for step in self.remedy)])


def fates(seen: Seen) -> list[str]:
    """What became of the documents, one line each, or counted where there are many."""

    def fate(each: Decision) -> str:
        if each.duplicate_of:
            text = f"says the same as {each.duplicate_of}, which was kept: its text is"
            return f"{text} {SPLITS[seen.splits[each.duplicate_of]]}" if each.duplicate_of in seen.splits else text
        if each.outcome == "kept":
            return SPLITS[seen.splits[each.id]]
        return f"{each.outcome}: {each.rule}: read, but in no text"

    if len(seen.decisions) <= SHOWN:
        return [f"{each.id}  {each.url}: {fate(each)}" for each in seen.decisions]
    counted = Counter("a copy of one that was kept" if each.duplicate_of else fate(each) for each in seen.decisions)
    return [f"{count:,} {text}" for text, count in counted.most_common()]


def uses_of(store: Store, question: str) -> Uses:
    """What has seen a document (its id or the beginning of it, its url) or those of a file or folder of text.

    Raises EtymonError, with near names, where no corpus of the store has read it.
    """
    there, unknown = readable(store)
    seen, untold = find(store, there, question)
    touched = descended(there, {each.corpus.id for each in seen})
    artifacts = [tell(there, each, seen) for each in touched.values()]
    runs, of_runs = tell_runs(store, there, touched, {each["id"] for each in artifacts if each["documents"]})
    unknown += untold + of_runs
    if not seen:
        raise not_read(store, question, there, unknown)
    left = [str(path) for path in unfinished(store)]
    return Uses(question, seen, artifacts, runs, unknown, left, steps_to_remove(store, question, seen, touched, runs))


def readable(store: Store) -> tuple[dict[str, Artifact], list[str]]:
    """All artifacts that can be opened by id, oldest first; in words those that cannot, or whose inputs are gone."""
    there: dict[str, Artifact] = {}
    unknown: list[str] = []
    for path in store.folders().values():
        try:
            artifact = Artifact.stored(path)
        except Damaged as error:
            unknown.append(f"{path.name}: its manifest is damaged ({error.damage.why})")
            continue
        there[artifact.id] = artifact
    for artifact in there.values():
        for role, id in artifact.inputs.items():
            if id not in there:
                unknown.append(f"{artifact.label} {artifact.name}: its {role} {id[:DIGITS]} is not in this store")
    return dict(sorted(there.items(), key=lambda each: each[1].created)), unknown


def find(store: Store, there: dict[str, Artifact], question: str) -> tuple[list[Seen], list[str]]:
    """What each corpus has of what is asked for, and in words the corpora that cannot be asked."""
    seen: list[Seen] = []
    unknown: list[str] = []
    for artifact in there.values():
        if artifact.kind != "corpus":
            continue
        try:
            decisions = decisions_on(store, Corpus.open(artifact), question)
            if decisions:
                wanted = {each.duplicate_of or each.id for each in decisions}
                splits = {id: split for id, split in Corpus.open(artifact).splits().items() if id in wanted}
                asked = {each.id for each in decisions}
                same = [each for each in Corpus.open(artifact).decisions() if {each.id, each.duplicate_of} & wanted]
                files = dict.fromkeys(each.source_file for each in same if each.id not in asked)
                seen.append(Seen(artifact, decisions, splits, list(files)))
        except Damaged as error:
            unknown.append(f"{artifact.label}: it is damaged and cannot be asked ({error.damage.file})")
    return seen, unknown


def decisions_on(store: Store, corpus: Corpus, question: str) -> list[Decision]:
    """The decisions on a document, on all of a file, or on all of a folder."""
    try:
        return corpus.find(question)
    except Damaged:
        raise
    except EtymonError:
        whole = is_all_of(store, corpus.artifact, question)
        parts = [part for part in Path(question).parts if part not in ("/", ".", "..")]
        below = tuple("/".join(parts[first:]) + "/" for first in range(len(parts)))
        return [each for each in corpus.decisions() if whole or each.source_file.startswith(below)]


def is_all_of(store: Store, corpus: Artifact, question: str) -> bool:
    """Whether a run has read this corpus from that path, and from no other."""
    asked = {question.rstrip("/"), str(Path(question).resolve())}
    for run in store.runs():
        try:
            mine = corpus.id in run.artifacts().values()
        except Damaged:
            continue
        for paths in paths_read(run) if mine else ():
            if len(paths) == 1 and asked & {paths[0].rstrip("/"), str((store.root.parent / paths[0]).resolve())}:
                return True
    return False


def not_read(store: Store, question: str, there: dict[str, Artifact], unknown: list[str]) -> EtymonError:
    """No corpus has read it: near names, and what cannot be known."""
    near: list[str] = []
    for artifact in there.values():
        if artifact.kind == "corpus":
            try:
                Corpus.open(artifact).find(question)
            except EtymonError as error:
                near += [error.help] if error.help.startswith("did you mean") else []
    untold = [*unknown, *(f"{path} is unfinished work (`etymon gc` removes it)" for path in unfinished(store))]
    return EtymonError(
        f"no corpus of this store has read {question}",
        where=str(store.root),
        why=f"what cannot be known: {'; '.join(untold)}" if untold else "",
        help="; ".join(dict.fromkeys(near)) or "give an id, a url, or the path of a file or folder as it was read",
    )


def unfinished(store: Store) -> list[Path]:
    """Drafts, and folders on their way out; none can say what text it holds."""
    found = [*store.root.glob(".*"), *(store.root / "artifacts").glob(".*"), *(store.root / "runs").glob(".*")]
    return sorted(path for path in found if path.is_dir())


def descended(there: dict[str, Artifact], corpora: set[str]) -> dict[str, Artifact]:
    """These corpora and all that was made from them, by id, in the order of making."""
    found: set[str] = set()
    grown = corpora
    while grown:
        found |= grown
        grown = {id for id, each in there.items() if id not in found and found & set(each.inputs.values())}
    return {id: each for id, each in there.items() if id in found}


def ancestors(there: dict[str, Artifact], artifact: Artifact) -> set[str]:
    """The ids of an artifact and of all that it was made from; not of what the classifiers of a corpus were trained on:
    of that text nothing is in the corpus, they only chose."""
    found: set[str] = set()
    ends = [artifact.id]
    while ends:
        id = ends.pop()
        if id not in found:
            found.add(id)
            chooses = id in there and there[id].kind == "classifier" and id != artifact.id
            ends += there[id].inputs.values() if id in there and not chooses else ()
    return found


# How an artifact has seen the documents


@dataclass(frozen=True)
class How:
    """One way in which an artifact has seen documents: a word for machines, how many, in words, and if exactly so."""

    how: str
    documents: int
    text: str
    exact: bool = True


def tell(there: dict[str, Artifact], artifact: Artifact, seen: list[Seen]) -> dict[str, Any]:
    """One artifact: every way in which it has seen the documents, the nearest first."""
    above = ancestors(there, artifact)
    mine = [each for each in seen if each.corpus.id in above]
    try:
        ways = [way for way in ways_of(there, artifact, mine) if way.documents]
    except Damaged as error:
        why = f"is damaged ({error.damage.file}) and cannot say what it has seen"
        ways = [How("unknown", sum(len(each.splits) for each in mine), why, exact=False)]
    if not ways and not mine:
        ways = [How("chosen by", 0, "its documents were chosen by a classifier that was trained on text of it")]
    ways = ways or [
        How("made from", 0, f"{'has' if artifact.kind == 'corpus' else 'made from what has'} read {NOTHING}")
    ]
    return {
        "id": artifact.id,
        "kind": artifact.kind,
        "name": artifact.name,
        "how": ways[0].how,
        "documents": ways[0].documents,
        "exact": ways[0].exact,
        "ways": [vars(way) for way in ways],
        "text": "; ".join([*([artifact.name] if artifact.name else []), *(way.text for way in ways)]),
    }


def ways_of(there: dict[str, Artifact], artifact: Artifact, seen: list[Seen]) -> Iterator[How]:
    """The ways of one kind of artifact."""
    one = sum(len(each.decisions) for each in seen) == 1

    def of(count: int) -> str:
        return "it" if one else f"{count:,} document{'s' * (count != 1)} of it"

    train = [id for each in seen for id in each.of("train")]
    texts = sum(len(each.splits) for each in seen)
    if artifact.kind == "corpus":
        yield How("holds", texts, f"holds the text of {of(texts)}")
    elif artifact.kind == "classifier":
        yield How("learned", len(train), f"learned at most from {of(len(train))}", exact=False)
    elif artifact.kind == "tokenizer":
        yield learned(artifact, seen, len(train), of(len(train)))
    elif artifact.kind == "shards":
        yield How("tokens", texts, f"holds the tokens of {of(texts)}")
    elif artifact.kind == "index":
        split = artifact.recipe.get("split")  # of one that was built from Python nobody knows which documents it holds
        held = train if split == "train" else [id for each in seen for id in each.splits]
        what = "text" if artifact.recipe["unit"] == "bytes" else "tokens"
        at_most = "" if split == "train" else " (at most)"
        yield How("tokens", len(held), f"holds the {what} of {of(len(held))}{at_most}", exact=not at_most)
    elif artifact.kind == "model":
        yield from ways_of_model(there, artifact, seen, of)
    elif artifact.kind == "measurement":
        items = set(artifact.read_json("result.json")["items"])
        count = sum(id in items for each in seen for id in each.splits)
        yield How("measured", count, f"measured on {of(count)}")
    elif artifact.kind == "report":
        spans = artifact.read_json("report.json").get("sources", {}).get("spans", [])
        quoted = Counter(span["document"]["id"] for span in spans)
        count = sum(quoted[id] > 0 for each in seen for id in each.splits)
        passages = sum(quoted[id] for each in seen for id in each.splits)
        yield How("quotes", count, f"quotes {passages:,} passage{'s' * (passages != 1)} of {of(count)}")
    if artifact.kind in ("measurement", "report") and train:
        yield How("made from", len(train), f"tells of what was learned from {of(len(train))}")


def learned(tokenizer: Artifact, seen: list[Seen], count: int, what: str) -> How:
    """A tokenizer learns from all of the train split, or from a random part of it."""
    split = sum(int(each.corpus.statistics["splits"]["train"]["documents"]) for each in seen)
    exact = tokenizer.statistics["learned_from"]["documents"] == split
    part = "" if exact else " (at most: it was learned from a random part of the text)"
    return How("learned", count, f"learned from {what}{part}", exact)


def ways_of_model(
    there: dict[str, Artifact], model: Artifact, seen: list[Seen], of: Callable[[int], str]
) -> Iterator[How]:
    """What a model was trained on, what it was measured on as it learned, and what it goes on from."""
    shards = there.get(model.inputs.get("shards", ""))
    own = [each for each in seen if shards is not None and each.corpus.id == shards.inputs["corpus"]]
    train = [id for each in own for id in each.of("train")]
    held = sum(len(each.of("validation")) for each in own)
    if any(role.startswith(PART) for role in model.inputs):
        yield How("made from", len(train), f"put together of what was made from {of(len(train))}")
        if not model.recipe["settings"].get("weights"):
            yield How("learned", held, f"its weights follow from {of(held)} (at most)", exact=False)
            return
    elif shards is not None and "steps" in model.statistics:
        count, exact = read_by(model, shards, train)
        unread = (
            f"; the training ended before it came to the other {len(train) - count:,}" if count < len(train) else ""
        )
        yield How("trained", count, f"trained on {of(count)}{'' if exact else ' (at most)'}{unread}", exact)
        if train and not count:
            yield How("made from", len(train), f"never came to {of(len(train))}: the training ended before")
    else:
        yield How("counted", len(train), f"its counts include {of(len(train))}")
    yield How("measured", held, f"measured on {of(held)} (at most) while it learned", exact=False)
    initial = there.get(model.inputs.get("initial", ""))
    if initial is not None:
        above = ancestors(there, initial)
        before = [
            way for way in ways_of_model(there, initial, [s for s in seen if s.corpus.id in above], of) if way.documents
        ]
        for way in before:
            yield replace(
                way, text=f"goes on from model {initial.id[:DIGITS]}, which was {way.text.removeprefix('was ')}"
            )


def read_by(model: Artifact, shards: Artifact, documents: list[str]) -> tuple[int, bool]:
    """How many of these training documents a network has read, and whether that is exact. Which tokens a step reads
    follows from the seed and its number alone, so a training that ended within the first pass can be asked."""
    if not documents:
        return 0, True
    recipe, steps = model.recipe, int(model.statistics["steps"])
    try:
        length, tokens = int(recipe["training"]["length"]), int(recipe["training"]["batch_tokens"])
        kind = family(str(recipe["family"]))
        stream = open_shards(shards)["train"]
        rows, seed, shares = tokens // length, int(recipe["seed"]), recipe.get("mixture")
        loader = loader_of(stream, length=length, rows=rows, seed=seed, order=kind.order, shares=shares)
    except (ImportError, KeyError, EtymonError):
        return len(documents), False
    asked = set(documents)
    numbers = {number for number, id in enumerate(stream.documents) if id in asked}
    if shares is not None:  # a domain without a share is not read
        numbers = {number for number in numbers if stream.domains[number] in shares}
    if kind.objective == "masked":  # a pair may have its second segment from any document, and not all of a row is read
        return len(numbers), False
    if steps > loader.steps_per_epoch:  # of a mixture, a pass may leave out a few tokens of a domain
        return len(numbers), shares is None
    unread = set(numbers)
    for step in range(steps):
        batch = loader.batch(step)
        unread -= set(np.unique(batch.documents[batch.weights > 0]).tolist())  # pyright: ignore
        if not unread:
            break
    return len(numbers) - len(unread), True


# Runs, and what to do


def tell_runs(
    store: Store, there: dict[str, Artifact], touched: dict[str, Artifact], saw: set[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The runs that refer to what was made from the documents, or keep states of it; in words what is unknown.

    `saw`: the ids of what has seen the text itself."""
    rows: list[dict[str, Any]] = []
    unknown: list[str] = []
    for run in store.runs():
        try:
            roles, events = run.artifacts(), run.journal.events()
        except Damaged as error:
            unknown.append(f"run {run.name}: its {error.damage.file} is damaged (`etymon repair`)")
            continue
        shards = {event["key"]["shards"] for event in events if event["event"] == "budget divided"}
        used = {*roles.values(), *shards}
        trainings = list(trainings_of(run, there, saw, refers=bool(used & saw)))
        gone = sorted(id[:DIGITS] for id in used - there.keys())
        if used & touched.keys() or any(each["how"] for each in trainings):
            row = tell_run(run, roles, touched, [each for each in trainings if each["how"]], events)
            try:
                copies = pushed_to(run)
            except EtymonError as error:
                copies = []
                unknown.append(f"run {run.name}: where it was pushed to ({error.where} is damaged)")
            rows.append({**row, "copies": copies})
        elif gone:
            parts = "journal, metrics and snapshots" if trainings else "journal and metrics"
            unknown.append(
                f"run {run.name}: {', '.join(gone)} are not in this store, so nobody can say what its {parts} are of "
                f"(`etymon rm {run.name}` removes them)"
            )
    return rows, unknown


def trainings_of(run: Run, there: dict[str, Artifact], saw: set[str], *, refers: bool) -> Iterator[dict[str, Any]]:
    """The trainings of which a run keeps states. The name of each ends in the id of the model that it makes; while that
    is not there, it may have seen what the run refers to."""
    folder = run.path / "checkpoints"
    for series in run.series():
        states = [path for path in (folder / series).rglob("step-*") if path.is_dir()]
        digits = series.rpartition("-")[2]
        model = next((each for each in there.values() if each.kind == "model" and each.id.startswith(digits)), None)
        how = "at most" if model is None and refers else "trained" if model is not None and model.id in saw else ""
        if states:
            yield {"series": series, "states": len(states), "model": model.id if model else "", "how": how}


def tell_run(
    run: Run, roles: dict[str, str], touched: dict[str, Artifact], trainings: list[dict[str, Any]], events: list[Any]
) -> dict[str, Any]:
    """One run."""
    holder = run.holder()
    parts = ["at work now"] if holder else []
    parts.append("its journal, metrics and report")
    for each in trainings:
        sure = "" if each["how"] == "trained" else " (at most: it has not ended)"
        parts.append(f"{each['states']} states of {each['series']}, trained on it{sure}")
    starts = [event for event in events if event["event"] == "start"]
    return {
        "name": run.name,
        "began": starts[0]["time"] if starts else "",
        "working": holder is not None,
        "refers_to": {role: id for role, id in roles.items() if id in touched},
        "trainings": trainings,
        "command": starts[-1]["command"] if starts else "",
        "text": "; ".join(parts),
    }


def steps_to_remove(
    store: Store, question: str, seen: list[Seen], touched: dict[str, Artifact], runs: list[dict[str, Any]]
) -> list[str]:
    """What the user does to have all of it gone, and to see that it is."""
    etymon, where = etymon_command(), store_option(store)
    files = list(dict.fromkeys(each.source_file for one in seen for each in one.decisions))
    named = ", ".join(files[:3]) + (f" and {len(files) - 3:,} more" if len(files) > 3 else "")
    keep = "".join(f" --keep {each.label}" for each in unused_otherwise(store, touched))
    same = sorted({file for one in seen for file in one.elsewhere})
    too = f"; the same text stands in {', '.join(same[:3])}{', …' * (len(same) > 3)}" if same else ""
    steps = [f"take it out of the text that is read ({named}{too})"]
    for run in runs:
        steps += [f"stop the run {run['name']}"] if run["working"] else []
        steps += [f"remove the copies of the run {run['name']}, and of what it made, from {at}" for at in run["copies"]]
        steps.append(f"{etymon} rm {shlex.quote(run['name'])}{where}")
    steps.append(f"{etymon} gc{keep}{where}")
    steps.append(f"{etymon} lineage --uses {shlex.quote(question)}{where}    (says then that no corpus has read it)")
    in_turn = sorted(runs, key=lambda run: run["began"])  # one may go on from a model of another
    return steps + [
        f"{command_here(run['command'], store)}    (makes the run {run['name']} anew, without it)"
        for run in in_turn
        if run["command"]
    ]


def unused_otherwise(store: Store, touched: dict[str, Artifact]) -> list[Artifact]:
    """What `gc` would remove besides, though it has nothing of the documents; of it, what nothing else is made from."""
    try:
        unused = [each for each in store.gc(dry_run=True) if each.id not in touched]
    except EtymonError:
        return []
    inputs = {id for each in unused for id in each.inputs.values()}
    return [each for each in unused if each.id not in inputs]
