"""Learning merges: what of the text trainers see, and that both trainers learn the same."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.tokens.merges import LONGEST_RUN, LONGEST_TOKEN, learn, learn_with_tokenizers, training_text
from etymon.tokens.vocabulary import spelled_bytes

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def learned_from(text: str, file: Path, tokens: int = 500) -> list[bytes]:
    file.write_bytes(b"".join(training_text([text])))
    return [spelled_bytes(left + right) for left, right in learn(file, tokens)]


def test_gigabpe_and_tokenizers_learn_the_same_merges(text_file: Path):
    pytest.importorskip("gigabpe", reason="gigabpe is not installed")
    reference = learn_with_tokenizers(text_file, 800)
    assert len(reference) >= 800
    assert learn(text_file, 800)[: len(reference)] == reference


def test_without_gigabpe_the_reference_learns(text_file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gigabpe", None)
    assert learn(text_file, 50) == learn_with_tokenizers(text_file, 50)


def test_learning_twice_gives_the_same(text_file: Path):
    assert learn(text_file, 300) == learn(text_file, 300, threads=1)


def test_a_line_end_is_learned_together_with_what_follows_it(tmp_path: Path):
    learned = learned_from("if x:\n\n    y = 1\n" * 30, tmp_path / "text")
    assert b"\n\n   " in learned  # the last space belongs to the word after it


def test_no_token_joins_two_digits(tmp_path: Path):
    learned = learned_from("in 1984 and 1985, version 3.11.11 costs 1000 " * 50, tmp_path / "text")
    assert b" 1" in learned and b" version" in learned
    assert not [token for token in learned if re.search(rb"[0-9]{2}", token)]


def test_no_token_is_longer_than_the_limit(tmp_path: Path):
    learned = learned_from("a" * 5000 + " " + "-" * 5000, tmp_path / "text")
    assert max(map(len, learned)) <= LONGEST_TOKEN


def test_what_occurs_once_is_not_learned(tmp_path: Path):
    assert learned_from("xyzzy plugh", tmp_path / "text") == []


@given(st.lists(TEXT, max_size=5))
def test_training_text_is_utf8_with_one_line_for_each_document(texts: list[str]):
    joined = b"".join(training_text(texts)).decode()
    assert joined.count("\n") == len(texts) + sum(text.rstrip().count("\v") for text in texts)


@given(TEXT)
def test_training_text_is_the_text_but_for_line_ends_and_digits(text: str):
    swapped = text.rstrip().translate(str.maketrans("\n\v", "\v\n"))
    assert b"".join(training_text([text])).decode() == re.sub("([0-9])[0-9]+", r"\1", swapped) + "\n"


@given(unit=st.sampled_from(["a", "é", "日", " ", "\u00a0", "<|", "\t\n"]), times=st.integers(0, 3 * LONGEST_RUN))
def test_long_runs_are_cut_between_characters(unit: str, times: int):
    chunk = b"".join(training_text(["x y" + unit * times + "z"]))
    runs = [len(run) for run in re.findall(rb"[^\x00-\x20]+|[\x00-\x20]+", chunk)]
    assert max(runs) <= LONGEST_RUN
    assert chunk.decode().startswith("x y")


@pytest.mark.parametrize("unit", ["ab", " ", "\n", "日"])
def test_a_word_of_a_million_characters_is_learned_from_in_no_time(unit: str, tmp_path: Path):
    begin = time.process_time()
    learned_from(f"one {unit * (1_000_000 // len(unit))} two", tmp_path / "text", tokens=1000)
    assert time.process_time() - begin < 2
