"""Asking a corpus about its documents."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from etymon.corpus import Corpus, CorpusSettings, build
from etymon.corpus.explain import explain
from etymon.corpus.schema import Decision
from etymon.errors import EtymonError
from etymon.storage import Store

Folder = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture
def corpus(store: Store, folder: Folder) -> Corpus:
    files = {f"letters/{n}.txt": f"Letter {n} tells of the {n}th day at sea and of nothing else." for n in range(40)}
    root = folder({**files, "copy.txt": files["letters/3.txt"], "tiny.txt": "x", "bad.txt": b"\0", ".git/HEAD": "ref"})
    return Corpus.open(build(store, [str(root)]))


def test_a_kept_document_is_found_by_id_prefix_name_and_path(corpus: Corpus) -> None:
    decision = corpus.why("letters/4.txt")
    assert decision.outcome == "kept"
    assert corpus.why(decision.id) == corpus.why(decision.id[:8]) == corpus.why("/home/me/data/letters/4.txt")
    assert decision.values["bytes"] == decision.bytes > 16
    assert corpus.why("39.txt").source_file == "letters/39.txt"


def test_a_copy_names_what_it_copies(corpus: Corpus) -> None:
    copy, first = corpus.why("letters/3.txt"), corpus.why("copy.txt")
    dropped, kept = (copy, first) if copy.outcome == "dropped" else (first, copy)
    assert (dropped.rule, dropped.duplicate_of, kept.outcome) == ("exact duplicate", kept.id, "kept")
    assert kept.id in dropped.in_words()


def test_a_dropped_document_tells_rule_value_and_threshold(corpus: Corpus) -> None:
    decision = corpus.why("tiny.txt")
    assert (decision.outcome, decision.rule, decision.threshold) == ("dropped", "too short", "bytes < 16")
    assert decision.values == {"bytes": 1, "characters": 1, "replaced": 0.0}
    assert "dropped: too short (bytes < 16)" in decision.in_words()


def test_a_file_that_could_not_be_read_tells_its_fault(corpus: Corpus) -> None:
    decision = corpus.why("bad.txt")
    assert (decision.outcome, decision.rule, decision.values) == ("quarantined", "binary", {"detail": "1 NUL bytes"})


def test_a_decision_for_machines_has_the_promised_keys(corpus: Corpus) -> None:
    row = corpus.why("tiny.txt").as_json()
    assert {"id", "url", "outcome", "rule", "values", "language", "source"} <= row.keys()
    assert row["source"] == {"file": "tiny.txt", "offset": 0}


def test_an_unknown_name_is_told_with_what_is_near(corpus: Corpus) -> None:
    with pytest.raises(EtymonError, match=r"no document was read from leters/3\.txt") as caught:
        corpus.why("leters/3.txt")
    assert "letters/3.txt" in caught.value.help


@pytest.mark.parametrize("reference", ["x\udcff", "letters/\udcff\ud800.txt"])
def test_a_name_that_is_no_unicode_is_told_like_any_other(corpus: Corpus, reference: str) -> None:
    with pytest.raises(EtymonError, match="no document was read from") as caught:
        corpus.why(reference)
    assert str(caught.value).encode()


def test_files_whose_names_are_no_unicode_are_read_and_found(store: Store, folder: Folder) -> None:
    root = folder({f"{n}.txt": f"Letter {n} tells of the {n}th day at sea and of nothing else." for n in range(40)})
    odd = [os.fsdecode(name) for name in (b"\xff.txt", b"\xfe.txt")]
    for name in odd:
        (root / name).write_text(f"What stands in this file, {name!r}, stands in no other one of all these files.")
    corpus = Corpus.open(build(store, [str(root)]))
    assert [corpus.why(name).source_file for name in odd] == ["%FF.txt", "%FE.txt"]
    assert corpus.why("%FF.txt").outcome == "kept"


def test_a_near_copy_says_only_nearly_the_same(store: Store, folder: Folder) -> None:
    words = "the river ran past an old mill where the miller kept his grain and counted what the carts had brought"
    story = " ".join(f"Day {n}: {words}." for n in range(12))
    files = {"a.txt": story, "b.txt": story + " At last it rained."}
    files |= {f"{n}.txt": f"Letter {n} tells of the {n}th day at sea and of nothing else." for n in range(40)}
    corpus = Corpus.open(build(store, [str(folder(files))], CorpusSettings(near_duplicates="default")))
    copy = corpus.why("b.txt")
    assert copy.rule == "near duplicate"
    assert f"it says nearly the same as document {copy.duplicate_of}" in copy.in_words()


def test_what_was_passed_over_is_told_as_such(corpus: Corpus) -> None:
    with pytest.raises(EtymonError, match="was not read") as caught:
        corpus.why(".git/HEAD")
    assert ".git was passed over: hidden folder" in caught.value.why


def test_an_id_prefix_of_several_documents_asks_for_more(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etymon.corpus.corpus.LEAST_PREFIX", 1)
    first = next(d.id[0] for d in corpus.decisions() if sum(e.id[0] == d.id[0] for e in corpus.decisions()) > 1)
    with pytest.raises(EtymonError, match=f"documents have an id that begins with {first}"):
        corpus.why(first)


def test_sections_of_one_file_answer_together(store: Store, folder: Folder) -> None:
    text = "\n\n".join(f"Chapter {n}. It was the {n}th of May, and it rained." for n in range(60))
    corpus = Corpus.open(build(store, [str(folder({"book.txt": text}))]))
    found = corpus.find("book.txt")
    assert corpus.why("book.txt").alike == len(found) - 1 > 10
    assert [each.source_offset for each in found] == sorted(each.source_offset for each in found)
    assert "more documents answer" in found[0].in_words()


def test_texts_and_their_bytes_go_together_by_split(corpus: Corpus) -> None:
    texts, ids = corpus.text_bytes("train")
    documents = list(corpus.documents("train"))
    assert ids == [document.id for document in documents]
    assert texts == [text.encode() for text in corpus.texts("train")]
    assert sum(len(list(corpus.texts(split))) for split in ("train", "validation", "test")) == len(list(corpus.texts()))


def test_another_split_or_another_kind_of_artifact_is_refused(corpus: Corpus, store: Store) -> None:
    with pytest.raises(EtymonError, match="there is no split dev"):
        next(corpus.documents("dev"))
    with store.create("tokenizer", {}, {}, stage_version=1) as draft:
        other = draft.seal()
    with pytest.raises(EtymonError, match="not a corpus"):
        Corpus.open(other)


def test_asking_leaves_no_thread_behind_that_could_abort_the_process_at_its_end(corpus: Corpus) -> None:
    script = (
        "import os, sys\n"
        "from etymon.corpus import Corpus\n"
        "from etymon.storage import Store\n"
        "threads = lambda: len(os.listdir('/proc/self/task'))\n"
        "before = threads()\n"
        "opened = Corpus.open(Store.at(sys.argv[1]).open(sys.argv[2]))\n"
        "assert opened.why('letters/4.txt').outcome == 'kept'\n"
        "assert list(opened.decisions()) and list(opened.documents())\n"
        "print(threads() - before)\n"
    )
    store = str(corpus.artifact.path.parent.parent)
    words = [sys.executable, "-c", script, store, corpus.artifact.id]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def dropped(rule: str, values: dict[str, float]) -> Decision:
    """A decision of that rule on these values."""
    return Decision("1", "u", "dropped", rule, values, "en", "d", "unknown", "f", 0, 9, "")


def test_what_would_have_kept_a_document_says_on_which_side_of_the_threshold() -> None:
    values = {"characters": 9, "lorem_ipsum": 1.0}
    decision = dropped("lorem ipsum", values)
    rules = [{"name": "lorem ipsum", "column": "lorem_ipsum", "op": ">=", "threshold": 1.0}]
    assert explain(decision, rules).kept_if == ("lorem ipsum: threshold 1 moved beyond to 1 (by 0)",)


def test_a_record_without_text_is_not_explained_by_rules_on_text() -> None:
    values = {"characters": 0, "words": 0.0}
    decision = dropped("revisit", values)
    rules = [{"name": "too few words", "column": "words", "op": "<", "threshold": 50}]
    assert explain(decision, rules).kept_if == ("no revisit",)
