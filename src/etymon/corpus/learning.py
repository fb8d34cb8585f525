"""Labelled texts, or two corpora, to a classifier in the store, measured on texts that it has not seen."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from etymon.corpus.classifier import LEAST, Classifier, train
from etymon.corpus.classifier_report import report
from etymon.corpus.corpus import Corpus
from etymon.corpus.duplicates import normalised
from etymon.corpus.labelled import Fields, labelled, labelled_sources
from etymon.corpus.scores import KIND, WEIGHTS_FILE
from etymon.corpus.sources import check_unchanged, digest_of, stamp
from etymon.errors import EtymonError
from etymon.progress import Progress, silent
from etymon.storage import Artifact, JsonObject, Store

STAGE_VERSION = 1
YES = ("1", "true", "yes")
HELD_OUT = 0.2
"""Share of the different texts of each label that only measure."""
MOST = 20_000
LONGEST = 20_000
"""Characters of a text that are learned from; what is scored later is never cut."""
NEEDED = 2 * LEAST
"""Different texts of each label: a fifth of them measures, and training wants its own least of the rest."""
LABELS_NAMED = 8


@dataclass(frozen=True, slots=True)
class Learning:
    """How a classifier is trained: at most `most` different texts of each label, drawn, held out and calibrated by
    `seed`; of labelled texts `labels` are those that count as yes, all others as no."""

    most: int = MOST
    seed: int = 0
    labels: tuple[str, ...] = YES
    fields: Fields = field(default_factory=Fields)

    def __post_init__(self) -> None:
        if self.most < NEEDED:
            raise EtymonError(f"{self.most} texts of each label are too few", where="--most", help=f"{NEEDED} or more")
        if self.seed < 0:
            raise EtymonError(f"{self.seed} is no seed", where="--seed", help="0 or more")


@dataclass(slots=True)
class _Drawn:
    """Of all texts the `most` different ones whose hashes come first: a random part, the same in any order of reading.
    Texts that differ in white space alone, or behind what is learned from, are one."""

    most: int
    seed: int
    read: int = 0
    blank: int = 0
    _texts: dict[bytes, str] = field(default_factory=dict[bytes, str])

    def add(self, text: str) -> None:
        self.read += 1
        text = text[:LONGEST]
        said = normalised(text)
        if not said:
            self.blank += 1
            return
        key = hashlib.blake2b(said.encode(), digest_size=16, key=str(self.seed).encode()[:64]).digest()
        self._texts.setdefault(key, text)
        if len(self._texts) > 2 * self.most:
            self._texts = self.texts

    @property
    def texts(self) -> dict[bytes, str]:
        """The texts by their hashes, in the order of these."""
        return {key: self._texts[key] for key in sorted(self._texts)[: self.most]}


def train_on_files(
    store: Store, paths: Sequence[str], how: Learning, *, name: str = "", progress: Progress = silent
) -> Artifact:
    """The classifier of labelled texts: JSON lines or tables. Raises EtymonError where they cannot be learned from."""
    sources = labelled_sources(paths)
    stamps = {source.name: stamp(source) for source in sources}
    recipe: JsonObject = {
        "files": [[source.format, digest_of(source)] for source in sources],
        "fields": {"text": how.fields.text, "label": how.fields.label},
        "labels": list(how.labels),
        "most": how.most,
        "seed": how.seed,
    }
    if found := store.find(KIND, recipe, {}, stage_version=STAGE_VERSION):
        return found
    seen: Counter[str] = Counter()
    yes, no = _Drawn(how.most, how.seed), _Drawn(how.most, how.seed)
    for source in sources:
        for text, label in labelled(source, how.fields):
            seen[label] += 1
            (yes if label in how.labels else no).add(text)
        progress(sum(seen.values()), None, "reading labelled texts")
    _check_labels(seen, how, ", ".join(str(source.path) for source in sources[:3]))
    classifier, told = _learn(yes, no, how, progress)
    check_unchanged(sources, stamps)
    return _seal(store, recipe, {}, name, classifier, {"labels": dict(seen.most_common(LABELS_NAMED)), **told})


def train_on_corpora(
    store: Store, good: Artifact, bad: Artifact, how: Learning, *, name: str = "", progress: Progress = silent
) -> Artifact:
    """The classifier that tells the documents of one corpus from those of another, by their train splits."""
    recipe: JsonObject = {"most": how.most, "seed": how.seed}
    inputs = {"good": good.id, "bad": bad.id}
    if good.id == bad.id:
        raise EtymonError("the good and the bad corpus are the same", where=good.label, help="name two corpora")
    if found := store.find(KIND, recipe, inputs, stage_version=STAGE_VERSION):
        return found
    sides: list[_Drawn] = []
    for corpus in (good, bad):
        drawn = _Drawn(how.most, how.seed)
        for number, text in enumerate(Corpus.open(corpus).texts("train")):
            drawn.add(text)
            progress(number, None, "reading documents")
        sides.append(drawn)
    classifier, told = _learn(sides[0], sides[1], how, progress)
    return _seal(store, recipe, inputs, name, classifier, told)


def _check_labels(seen: Mapping[str, int], how: Learning, where: str) -> None:
    """Whether there are texts with the label and texts without it."""
    have = ", ".join(f"{label or '(nothing)'} ({count:,})" for label, count in Counter(seen).most_common(LABELS_NAMED))
    wanted = " or ".join(how.labels)
    if not seen:
        raise EtymonError("there are no labelled texts", where=where)
    if not any(label in how.labels for label in seen):
        help = "say which label is the one to find with --label"
        raise EtymonError(f"no text has the label {wanted}", where=where, why=f"the labels are {have}", help=help)
    if all(label in how.labels for label in seen):
        why, help = f"the labels are {have}", "give texts of both kinds"
        raise EtymonError(f"every text has the label {wanted}", where=where, why=why, help=help)


def _learn(yes: _Drawn, no: _Drawn, how: Learning, progress: Progress) -> tuple[Classifier, JsonObject]:
    sides = (yes.texts, no.texts)
    if min(map(len, sides)) < NEEDED:
        raise EtymonError(
            f"a classifier needs {NEEDED} different texts of each label",
            why=f"there are {len(sides[0]):,} with the label and {len(sides[1]):,} without",
            help="give more texts",
        )
    held = {key for side in sides for key in list(side)[: int(HELD_OUT * len(side))]}
    seen, seen_labels = _split(sides, held, wanted=False)
    unseen, labels = _split(sides, held, wanted=True)
    classifier = train(seen, seen_labels, seed=how.seed, progress=progress)
    protocol = f"{len(unseen)} texts that it was not trained on, drawn by seed {how.seed}"
    found = report(classifier.scores(unseen), labels, seed=how.seed, protocol=protocol)
    told: JsonObject = {
        "read": {"with": yes.read, "without": no.read, "blank": yes.blank + no.blank},
        "different": {"with": len(sides[0]), "without": len(sides[1])},
        "held_out": {"with": sum(labels), "without": len(labels) - sum(labels)},
        "accuracy": found.accuracy.as_json(),
        "auc": found.auc.as_json(),
        "calibration_error": found.calibration_error.as_json(),
        "protocol": protocol,
        "digest": _digest(sides),
    }
    return classifier, told


def _split(sides: Iterable[Mapping[bytes, str]], held: set[bytes], *, wanted: bool) -> tuple[list[str], list[bool]]:
    """The texts that are held out, or the others; a text under both labels is on one side with both."""
    pairs = [
        (text, label)
        for side, label in zip(sides, (True, False), strict=True)
        for key, text in side.items()
        if (key in held) == wanted
    ]
    return [text for text, _ in pairs], [label for _, label in pairs]


def _digest(sides: Iterable[Mapping[bytes, str]]) -> str:
    """SHA-256 over the hashes of all texts of both labels: the data that was learned from and measured on."""
    digest = hashlib.sha256()
    for side in sides:
        digest.update(len(side).to_bytes(8, "big"))
        for key in side:
            digest.update(key)
    return digest.hexdigest()


def _seal(
    store: Store, recipe: JsonObject, inputs: Mapping[str, str], name: str, classifier: Classifier, told: JsonObject
) -> Artifact:
    from safetensors.numpy import save

    with store.create(KIND, recipe, inputs, stage_version=STAGE_VERSION, name=name) as draft:
        draft.write(WEIGHTS_FILE, save(classifier.to_arrays()))
        return draft.seal(told)
