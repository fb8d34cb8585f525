"""Fast measures of whole batches equal the plain ones of single texts."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from etymon.corpus.edits import edit_and_measure
from etymon.corpus.measures import COLUMNS, Beside, measure, page_faults, splitting
from etymon.corpus.measures.batch import Batch
from etymon.corpus.measures.segments import split_segments
from etymon.corpus.measures.splitting import LONGEST_CHUNK, PREFIXES, SUFFIXES, split_chunk
from etymon.corpus.measures.words import split_words
from etymon.corpus.recipes import recipe, recipes
from harness.plain_measures import dclm_measures, measures, words_of

WRITTEN_PIECES = (
    "the be to of and that have with The cannot don't (Dr. U.S. it's it’s a.m. 5km 3,000.5 10-year well-known e-mail "
    "http://a.example/b?c x@y.example … ... . . . ! ? 。 “quoted” (so) [12] # - • * { lorem ipsum :) ;-) C++ and/or "
    "word word, word. naïve Größe Straße слово слово. 中文字 한국어 नमस्ते ไทย ñ é e\u0301 12 12: 7pm 50% $5 €7 ½ ² "
    "\ufffd \u200b \u00ad ‘s 's — – a-b a–b x--y ..a a.B v.v o_O"
)
PIECES = WRITTEN_PIECES.split()
SPACES = (" ", " ", " ", "  ", "\n", "\n", "\n\n", "\n\n\n", "\t", "\r\n", "\r", "\u00a0", "\u2028", "\x0b", "\x85")
WRITTEN = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(SPACES)), max_size=60).map(
    lambda pairs: "".join(piece + space for piece, space in pairs)
)
FEW_WORDS = st.lists(st.sampled_from(["a", "aa", "b", "ab", "a\n", "b.\n\n", "\n"]), max_size=80).map(" ".join)
TEXTS = st.one_of(WRITTEN, FEW_WORDS, st.text(max_size=60), st.text("a.! \n\n", max_size=40))
ALL = sorted(COLUMNS)
PLAIN = [name for name in ALL if name not in page_faults.COLUMNS]
"""What has a plain description; page faults are tested on pages made by kind."""


def row(columns: Mapping[str, np.ndarray], place: int) -> dict[str, float]:
    return {name: float(values[place]) for name, values in columns.items()}


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=5))
@example(["", "\n", " ", "a", "a\n", "\na", "\n\na\n\na\n\n"])
@example(["a. b  .  c.  ", "x.\n\n  y. Z", 'a."  B', "...", ". . ."])
@example(["\ud800 lone", "\x00", "a\x1cb"])
def test_every_column_is_what_the_plain_description_gives(texts: list[str]) -> None:
    found = measure(texts, PLAIN)
    for place, text in enumerate(texts):
        batch = Batch([text])
        spans = split_segments(batch)
        segments = [text[a:b] for a, b in zip(spans.start.tolist(), spans.stop.tolist(), strict=True)]
        expected = measures(text) | dclm_measures(text, segments) | {"badwords": 0}
        assert row(found, place) == pytest.approx(expected), text


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXTS, max_size=6), st.randoms())
def test_a_batch_gives_what_its_texts_give_one_by_one_in_any_order(texts: list[str], random) -> None:
    found = measure(texts, ALL)
    order = list(range(len(texts)))
    random.shuffle(order)
    shuffled = measure([texts[place] for place in order], ALL)
    for number, place in enumerate(order):
        assert row(shuffled, number) == row(found, place) == row(measure([texts[place]], ALL), 0)


@settings(deadline=None)
@given(TEXTS)
def test_words_are_those_of_the_chunks_one_by_one(text: str) -> None:
    spans = split_words(Batch([text])).spans
    assert [text[a:b] for a, b in zip(spans.start.tolist(), spans.stop.tolist(), strict=True)] == words_of(text)


@given(st.text(st.characters(exclude_categories=("Zs", "Zl", "Zp", "Cc")), min_size=1))
def test_the_words_of_a_chunk_make_up_the_chunk(chunk: str) -> None:
    words = split_chunk(chunk)
    assert "".join(words) == chunk
    assert all(words)


@pytest.mark.parametrize(
    ("chunk", "words"),
    [
        ("don't", "do n't"), ("can’t", "ca n’t"), ("cannot", "can not"), ("it's", "it 's"), ("dog's", "dog 's"),
        ("(e.g.", "( e.g."), ("Mr.", "Mr."), ("end.", "end ."), ("U.S.", "U.S."), ("U.S.,", "U.S. ,"),
        ("http://a.example/b?c=d", "http://a.example/b?c=d"), ("a.b@c.example", "a.b@c.example"),
        ("well-known", "well - known"), ("10-year", "10 - year"), ("and/or", "and/or"), ("his/her", "his / her"),
        ("5km", "5 km"), ("$5", "$ 5"), ("3,000.50", "3,000.50"), ("7pm", "7 pm"), ("wait...", "wait ..."),
        ("“So”", "“ So ”"), ("end.New", "end . New"), (":)", ":)"), ("hm:)", "hm :)"), ("words,more", "words , more"),
    ],
)  # fmt: skip
def test_chunks_are_cut_as_the_english_tokenizer_cuts_them(chunk: str, words: str) -> None:
    assert " ".join(split_chunk(chunk)) == words


@settings(deadline=None, max_examples=300)
@given(st.text("aAbsSmkKg019''’.,:;-–/()[\"“”…$€%+=<>@#*_~°éжЖع中ー😀", min_size=1, max_size=9))
def test_any_chunk_is_cut_as_spacy_cuts_it(chunk: str) -> None:
    spacy = pytest.importorskip("spacy", reason="spaCy is no part of the project; the benchmark brings its own")
    assert split_chunk(chunk) == tuple(word.text for word in spacy.blank("en").tokenizer(chunk))


@pytest.mark.parametrize("around", ["", "a", "7", "A", "s", "…", ".", "US", "°C"])
def test_marks_that_are_always_cut_off_are_what_the_patterns_cut_off(
    around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = [f"{a}{around}{b}x{b}{around}{a}" for a in PREFIXES | SUFFIXES for b in ("", "'", "$", "…", "..", "%")]
    quick = list(map(split_chunk, chunks))
    monkeypatch.setattr(splitting, "PREFIXES", frozenset())
    monkeypatch.setattr(splitting, "SUFFIXES", frozenset())
    assert quick == list(map(split_chunk, chunks))


def test_a_chunk_that_is_too_long_for_writing_is_one_word() -> None:
    chunk = "a," * (LONGEST_CHUNK // 2)
    assert len(split_chunk(chunk)) > 1
    assert split_chunk(chunk + "a") == (chunk + "a",)
    assert measure([chunk + "a and more"], ["words"])["words"].tolist() == [3]


@pytest.mark.parametrize("text", ["!" * 100_000, "a." * 50_000, "@" * 100_000, "a@" * 50_000, "." * 100_000])
def test_a_hostile_chunk_takes_time_in_proportion_to_its_length(text: str) -> None:
    begin = time.process_time()
    measure([text], recipe("gopher").columns)
    assert time.process_time() - begin < 20


def test_shares_lie_between_zero_and_one_and_every_column_says_its_unit() -> None:
    found = measure([" ".join(PIECES), "a a a a a a a a a a a a\n" * 20, ""], ALL)
    for name, column in COLUMNS.items():
        assert column.unit and column.meaning
        assert ((found[name] >= column.low) & (found[name] <= column.high)).all(), name


def test_titles_and_links_go_with_their_texts() -> None:
    texts = ["Sorry.", "x" * (1 << 20), "Sorry."]
    found = measure(texts, ["not_found"], beside=Beside(["404 Page not found", "", ""], [0, 0, 0]))
    assert found["not_found"].round(2).tolist() == [0.75, 0.0, 0.0]
    edited = edit_and_measure(
        texts, ["not_found@outer space"], ["outer space"], beside=Beside(["", "", "404"], [0] * 3)
    )
    assert (edited.columns["not_found@outer space"] > 0).tolist() == [False, False, True]


def test_every_recipe_asks_for_columns_that_there_are() -> None:
    for name in recipes():
        assert {column.partition("@")[0] for column in recipe(name).columns} <= {*COLUMNS, "lost_words"}


def test_a_list_of_bad_words_is_the_users(tmp_path) -> None:
    path = tmp_path / "words"
    path.write_text("Darn\nblast it\na**\n", "utf-8")
    texts = ["Oh DARN, blast it!", "darned blasting it", "a** b", "darn darn"]
    assert measure(texts, ["badwords"], str(path))["badwords"].tolist() == [2, 0, 1, 2]
    assert measure(texts, ["badwords"])["badwords"].tolist() == [0, 0, 0, 0]


def test_a_chunk_of_dots_and_marks_is_split_in_time_that_grows_with_its_length() -> None:
    def steps(count: int) -> float:
        begin = time.process_time()
        assert "".join(split_chunk("a" + "..)" * count)) == "a" + "..)" * count
        return time.process_time() - begin

    steps(1000)
    assert steps(30_000) < 20 * (steps(3_000) + 0.01)
