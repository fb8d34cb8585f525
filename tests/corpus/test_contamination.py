"""Test items are found in training text however it is wrapped, and nothing else is."""

from __future__ import annotations

import json
import random
import re
import tarfile
import unicodedata
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus.contamination import Items, contaminated, original_place, read_items
from etymon.corpus.word_grams import folded, words_of
from etymon.errors import EtymonError

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in ("an", "ol", "er", "ish", "u") for c in "aeioubdfgklmnprst"]


def sentence(rng: random.Random, words: int) -> list[str]:
    return rng.choices(WORDS, k=words)


def edited(rng: random.Random, words: list[str], edits: int) -> list[str]:
    """A copy in which words were replaced, added or taken out."""
    copy = list(words)
    for _ in range(edits):
        at = rng.randrange(len(copy))
        copy[at : at + rng.randrange(2)] = [f"new{rng.random()}"] * rng.randrange(2)
    return copy


def planted(rng: random.Random, words: list[str]) -> str:
    """Words inside others, wrapped and with punctuation and capitals at random."""
    around = [*sentence(rng, 60), *words, *sentence(rng, 60)]
    dressed = [
        rng.choice((word, word.upper(), f"“{word},”")) + rng.choice((" ", "\n", " \t ", " -- ")) for word in around
    ]
    return "".join(dressed)


@given(st.integers(0, 10_000), st.integers(8, 80))
def test_every_unedited_item_is_found_however_it_is_wrapped(seed: int, length: int) -> None:
    rng = random.Random(seed)
    item = sentence(rng, length)
    (found,) = contaminated([planted(rng, item)], Items([("a", " ".join(item))]))
    assert any(span.exact and span.share == 1 for span in found)
    span = next(span for span in found if span.share == 1)
    assert re.findall(r"\w+", span.text.lower()) == item


def test_thirteen_words_of_a_long_item_are_enough_and_twelve_are_not() -> None:
    rng = random.Random(1)
    item = sentence(rng, 100)
    items = Items([("a", " ".join(item))])
    assert contaminated([planted(rng, item[40:53])], items)[0][0].share == pytest.approx(0.13)
    assert contaminated([planted(rng, item[40:52])], items) == [[]]


def test_lightly_edited_items_are_found() -> None:
    """One word in ten replaced, added or taken out: at least 95 of 100 are still found."""
    rng = random.Random(2)
    originals = [sentence(rng, rng.randrange(13, 80)) for _ in range(300)]
    items = Items((str(n), " ".join(words)) for n, words in enumerate(originals))
    texts = [planted(rng, edited(rng, words, max(1, len(words) // 10))) for words in originals]
    found = contaminated(texts, items)
    assert sum(any(span.item == str(n) for span in spans) for n, spans in enumerate(found)) >= 285


def test_words_of_an_item_in_another_order_are_not_a_copy() -> None:
    rng = random.Random(3)
    item = sentence(rng, 40)
    assert contaminated([planted(rng, rng.sample(item, 40))], Items([("a", " ".join(item))])) == [[]]


def test_a_run_over_the_end_of_a_text_is_no_copy() -> None:
    item = sentence(random.Random(4), 13)
    items = Items([("a", " ".join(item))])
    assert contaminated([" ".join(item[:7]), " ".join(item[7:])], items) == [[], []]
    assert contaminated(["", " ".join(item)], items)[1][0].exact


def test_each_copy_is_told_once_and_of_the_same_items_the_first_ten() -> None:
    item = " ".join(sentence(random.Random(5), 20))
    (found,) = contaminated([f"{item}. {item}!"], Items([("a", item)]))
    assert [(span.item, span.start) for span in found] == [("a", 0), ("a", len(item) + 2)]
    (many,) = contaminated([item], Items((str(n), item) for n in range(50)))
    assert [span.item for span in many] == [str(n) for n in range(10)]


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ("Der Straßenkehrer ging früh am Morgen nach Hause zurück",
         "der STRASSENKEHRER ging fru\u0308h am Mor\u00adgen\nnach Hause zurück"),
        ("the official final figure of the first office file", "ﬁrst: The oﬃcial ﬁnal ﬁgure of the ﬁrst oﬃce ﬁle."),
        ("春眠不覚暁処処聞啼鳥", "……春眠、不覚暁。処処\n聞啼鳥……"),
        ("एक समय की बात है कि एक राजा था", "पहले एक समय की बात है, कि एक राजा था।"),
    ],
)  # fmt: skip
def test_forms_of_the_same_characters_make_no_difference(item: str, text: str) -> None:
    (found,) = contaminated([text], Items([("a", item)]))
    assert [span.share for span in found] == [1]
    assert (words_of([folded(found[0].text)]).hashes == words_of([folded(item)]).hashes).all()


@given(st.text("aß ﬁé\u00ad\u0301İ한\u1100\u1161", max_size=30))
def test_words_have_one_hash_each_and_stand_where_they_are_said_to(text: str) -> None:
    plain = folded(text)
    words = words_of(["", plain, "x"])
    by_hand = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in plain).split(" ")
    spans = [plain[s:e] for s, e, d in zip(words.starts, words.ends, words.documents, strict=True) if d == 1]
    assert spans == [word for word in by_hand if word]
    hashes = dict(zip(spans, words.hashes.tolist(), strict=False))
    assert len(set(hashes.values())) == len(hashes)
    for start, end in zip(words.starts[:-1].tolist(), words.ends[:-1].tolist(), strict=True):
        first, last = original_place(text, start, end)
        assert plain[start:end] in folded(text[first:last])


def test_items_that_say_too_little_are_named(tmp_path: Path) -> None:
    items = Items([("short", "yes or no"), ("long", " ".join(sentence(random.Random(6), 9)))])
    assert items.too_short == ["short"]
    with pytest.raises(EtymonError, match="no test items"):
        Items([("short", "yes or no")])


def test_items_are_read_from_lines_of_json(tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    words = " ".join(sentence(random.Random(7), 9))
    file.write_text(json.dumps({"id": 7, "text": words}) + "\n\n" + json.dumps({"text": words}) + "\n")
    assert read_items(file).ids == ["7", f"{file}:3"]


@pytest.mark.parametrize(("line", "message"), [("{", "no JSON"), ("[1]", 'no "text"'), ('{"text": 1}', 'no "text"')])
def test_a_line_that_is_no_item_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text('{"text": "a b c"}\n' + line)
    with pytest.raises(EtymonError, match=message) as error:
        read_items(file)
    assert error.value.where == f"{file}:2"


def test_a_file_of_items_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EtymonError, match="cannot be read"):
        read_items(tmp_path / "none.jsonl")


def test_no_question_of_arithmetic_is_found_in_speeches_of_presidents(public_data: Path) -> None:
    """Clean controls: 1,319 questions of GSM8K against 2 MB of speeches that cannot hold them."""
    items = read_items(public_data / "evals" / "reasoning" / "gsm8k_test.jsonl", text="question")
    with tarfile.open(public_data / "text" / "sotu.tar.xz") as archive:
        files = filter(None, (archive.extractfile(member) for member in archive if member.isfile()))
        texts = [file.read().decode() for file in islice(files, 40)]
    assert sum(map(len, texts)) > 500_000
    assert not any(contaminated(texts, items))
