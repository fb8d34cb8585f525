"""What repeats across documents is cut out of them, and nothing else is; what was cut is told, to the last byte."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from etymon.corpus import Corpus, CorpusSettings, Working, build
from etymon.corpus.duplicates import content_key
from etymon.corpus.lines import normalised
from etymon.corpus.repeats import MOST_DOCUMENTS
from etymon.corpus.split import split_documents
from etymon.errors import EtymonError
from etymon.recipe import Bytes
from etymon.storage import Artifact, Store

Folder = Callable[[Mapping[str, str | bytes]], Path]
WORDS = [
    "alder",
    "birch",
    "cedar",
    "elder",
    "fir",
    "hazel",
    "larch",
    "maple",
    "oak",
    "pine",
    "yew",
    "über",
    "木",
    "лес",
]
MENU = "Home | Products | About us"
PASSAGE = (
    "Whoever walked along the river in those years met the miller's daughter, who sold apples by the bridge and knew "
)
PASSAGE += (
    "the name of every boat that came up with the tide, the colour of its sails, and whom its master owed money to."
)
LINES = CorpusSettings(repeated_lines="line")
SPANS = CorpusSettings(repeated_spans="on")
BOTH = CorpusSettings(repeated_lines="line", repeated_spans="on")


def story(number: int, size: int = 90) -> str:
    rng = random.Random(number)
    return "\n".join(" ".join(rng.choices(WORDS, k=9)) + f" {number}." for _ in range(size // 9))


def documents_with_repeats() -> dict[str, str]:
    """Forty stories by name: a menu in 30 of them, a passage in the middle of lines of 4, two short ones that are
    nothing but a menu and a passage, and two that differ in their menus alone."""
    texts = {f"{number:02}": story(number) for number in range(40)}
    for number in range(30):
        texts[f"{number:02}"] = f"{MENU}\n{texts[f'{number:02}']}"
    for number in (5, 17, 33, 39):
        half = len(texts[f"{number:02}"]) // 2
        texts[f"{number:02}"] = f"{texts[f'{number:02}'][:half]} so {PASSAGE} and {texts[f'{number:02}'][half:]}"
    return texts | {
        "90": f"{MENU}\nshort but read.",
        "91": f"{PASSAGE} End.",
        "92": f"HOME | products | ABOUT us!\n{story(3)}",
    }


@pytest.fixture
def lines_of(folder: Folder) -> Callable[[Mapping[str, str]], Path]:
    """Writes documents by name as JSON lines, in some files."""

    def write(texts: Mapping[str, str]) -> Path:
        rows = [json.dumps({"text": text, "url": f"u:{name}"}) for name, text in sorted(texts.items())]
        return folder({f"{start:02}.jsonl": "\n".join(rows[start : start + 9]) for start in range(0, len(rows), 9)})

    return write


def told(corpus: Corpus) -> dict[str, tuple[str, str, dict[str, int]]]:
    return {
        each.url[2:]: (each.outcome, each.rule, each.values.get("removed_characters", {}))
        for each in corpus.decisions()
    }


def texts_of(corpus: Corpus) -> dict[str, str]:
    return {each.url[2:]: each.text for each in corpus.documents()}


def check_sums(artifact: Artifact) -> None:
    """Kept, cut, dropped and quarantined add up, and documents, decisions and splits agree on sizes."""
    corpus, counts = Corpus.open(artifact), artifact.statistics["bytes"]
    gone = sum(sum(counts[part].values()) for part in ("cut", "dropped", "quarantined"))
    assert counts["in"] == counts["kept"] + gone
    kept = list(corpus.documents())
    assert counts["kept"] == sum(len(each.text.encode()) for each in kept)
    assert [each.bytes for each in kept] == [len(each.text.encode()) for each in kept]
    decided = {each.id: each for each in corpus.decisions()}
    for each in kept:
        decision = decided[each.id]
        assert (decision.bytes, decision.values["bytes"], decision.values["characters"]) == (
            each.bytes, each.bytes, len(each.text),
        )  # fmt: skip
    keys = [content_key(each.text) for each in kept]
    assert len(set(keys)) == len(keys)
    sizes = [each.bytes for each in kept]
    splits = split_documents(keys, sizes, validation=0.05, test=0.05, limit=CorpusSettings().heldout_bytes)
    assert [each.split for each in kept] == splits
    assert sum(each["bytes"] for each in artifact.statistics["splits"].values()) == counts["kept"]


def test_a_line_of_many_documents_goes_from_all_of_them(store: Store, lines_of) -> None:
    texts = documents_with_repeats()
    artifact = build(store, [str(lines_of(texts))], LINES)
    corpus = Corpus.open(artifact)
    check_sums(artifact)
    assert all(normalised(MENU) not in normalised(text) for text in texts_of(corpus).values())
    for number in range(30):
        outcome, _, removed = told(corpus)[f"{number:02}"]
        assert (outcome, removed) == ("kept", {"repeated lines": len(MENU) + 1})
        assert texts_of(corpus)[f"{number:02}"] == texts[f"{number:02}"].removeprefix(f"{MENU}\n")
    assert texts_of(corpus)["35"] == texts["35"]
    assert told(corpus)["35"] == ("kept", "", {})
    assert artifact.statistics["bytes"]["cut"] == {"repeated lines": 30 * (len(MENU) + 1)}


def test_what_is_left_with_little_is_dropped_for_that_and_what_then_is_a_copy_as_a_copy(store: Store, lines_of) -> None:
    corpus = Corpus.open(build(store, [str(lines_of(documents_with_repeats()))], LINES))
    assert told(corpus)["90"] == ("dropped", "mostly repeated lines", {"repeated lines": len(MENU) + 1})
    why = corpus.explain("u:90")
    assert why.decision.bytes == len(f"{MENU}\nshort but read.")
    assert "corpus.repeated_lines=off" in why.in_words()
    assert "'repeated lines': 27" in why.in_words()
    copy = corpus.why("u:92")
    assert (copy.rule, copy.duplicate_of) == ("exact duplicate", corpus.why("u:03").id)


def test_a_passage_stays_where_it_is_read_first(store: Store, lines_of) -> None:
    texts = documents_with_repeats()
    artifact = build(store, [str(lines_of(texts))], SPANS)
    corpus = Corpus.open(artifact)
    check_sums(artifact)
    left = texts_of(corpus)
    assert [name for name, text in left.items() if PASSAGE in text] == ["05"]
    for name in ("17", "33", "39"):
        before, after = texts[name].split(PASSAGE)
        assert left[name].split() == before.removesuffix(" so ").split() + after.removeprefix(" and ").split()
        assert told(corpus)[name][2]["repeated spans"] == len(texts[name]) - len(left[name]) >= len(PASSAGE)
    assert told(corpus)["91"][:2] == ("dropped", "mostly repeated spans")
    assert "corpus.repeated_spans=off" in corpus.explain("u:91").in_words()
    assert artifact.statistics["repeats"] == {"passage_parts": 1, "passage_bytes_apart": 0}


def test_no_document_goes_with_the_only_copy_of_a_passage_that_was_cut_elsewhere(store: Store, lines_of) -> None:
    shared, passage = story(70, 200), " ".join(story(71, 50).split())
    texts = {f"{number:02}": story(number, 200) for number in range(60)} | {
        "90": shared,
        "91": f"{shared} {passage}",
        "92": f"{story(72, 200)} {passage} {story(73, 200)}",
    }
    asked = CorpusSettings(repeated_spans="200", minimum_bytes=Bytes(1000))
    corpus = Corpus.open(build(store, [str(lines_of(texts))], asked))
    assert "repeated spans" in told(corpus)["92"][2]
    assert [name for name, text in texts_of(corpus).items() if passage[20:-20] in text] == ["91"]


def test_which_copy_stays_follows_the_names_of_the_files_and_lines_follow_nothing(store: Store, lines_of) -> None:
    texts = documents_with_repeats()
    del texts["92"]  # of exact copies the first one read is kept
    turned = {f"{99 - int(name):02}": text for name, text in texts.items()}
    first = texts_of(Corpus.open(build(store, [str(lines_of(texts))], LINES)))
    second = texts_of(Corpus.open(build(store, [str(lines_of(turned))], LINES)))
    assert {f"{99 - int(name):02}": text for name, text in first.items()} == second
    passage = texts_of(Corpus.open(build(store, [str(lines_of(turned))], SPANS)))
    assert [name for name, text in passage.items() if PASSAGE in text] == ["08"]
    assert "06" not in passage


@pytest.mark.parametrize(("workers", "slice_bytes"), [(1, 4000), pytest.param(2, 1, marks=pytest.mark.ci)])
def test_workers_and_slices_change_nothing(
    tmp_path: Path, store: Store, lines_of, monkeypatch: pytest.MonkeyPatch, workers: int, slice_bytes: int
) -> None:
    root = lines_of(documents_with_repeats())
    here = build(store, [str(root)], BOTH)
    check_sums(here)
    monkeypatch.setattr("etymon.corpus.passes.HERE_BYTES", 0)
    monkeypatch.setattr("etymon.corpus.slices.SLICE_BYTES", slice_bytes)
    other = build(Store.at(tmp_path / "other"), [str(root)], BOTH, working=Working(workers))
    assert other.id == here.id
    assert list(Corpus.open(other).decisions()) == list(Corpus.open(here).decisions())
    assert list(Corpus.open(other).documents()) == list(Corpus.open(here).documents())
    assert {name: value for name, value in other.statistics.items() if name != "repeats"} == {
        name: value for name, value in here.statistics.items() if name != "repeats"
    }


def test_off_is_off_and_a_length_that_cannot_be_is_refused(store: Store, lines_of) -> None:
    root = lines_of(documents_with_repeats())
    plain = build(store, [str(root)], CorpusSettings())
    assert "cut" not in plain.statistics["bytes"]
    assert plain.recipe["repeats"] == {"lines": "off", "passage": 0}
    longer = Corpus.open(build(store, [str(root)], CorpusSettings(repeated_spans="300")))
    assert sum(PASSAGE in text for text in texts_of(longer).values()) == 5
    for wrong in ("19", "many", "-5"):
        with pytest.raises(EtymonError, match="cannot be found"):
            build(store, [str(root)], CorpusSettings(repeated_spans=wrong))


def test_a_line_of_as_many_documents_as_may_share_it_stays(store: Store, lines_of) -> None:
    others = {f"{number:02}": story(number) for number in range(20, 60)}
    texts = others | {f"{number:02}": f"{MENU}\n{story(number)}" for number in range(MOST_DOCUMENTS)}
    corpus = Corpus.open(build(store, [str(lines_of(texts))], LINES))
    assert texts_of(corpus) == texts
    texts["19"] = f"{MENU}\n{story(19)}"
    assert MENU not in "".join(texts_of(Corpus.open(build(store, [str(lines_of(texts))], LINES))).values())
