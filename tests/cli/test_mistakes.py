"""Mistakes on the command line: each gets one message that says what, where, why or how to put it right."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import etymon
from planted import COMMAND_LINE, RECIPES, REFERENCES, SETTINGS, TEXTS, Mistake, json_lines

from etymon.storage import Store

TABLE = [*SETTINGS, *COMMAND_LINE, *TEXTS, *RECIPES, *REFERENCES]


@pytest.mark.parametrize("mistake", TABLE, ids=[mistake.name for mistake in TABLE])
def test_a_mistake_gets_one_message_and_harms_nothing(
    mistake: Mistake, shared: Store, text: Path, tmp_path: Path
) -> None:
    mistake.plant(tmp_path)
    ids = {artifact.kind: artifact.id[:12] for artifact in shared.artifacts()}
    places = {"text": text, "here": tmp_path, **ids}
    mistake.check(etymon(*mistake.words(**places)), **places)


def test_the_table_is_long_enough_and_names_each_mistake_once() -> None:
    names = [mistake.name for mistake in TABLE]
    assert len(names) == len(set(names)) >= 40


def test_a_broken_line_among_good_ones_is_told_with_its_number_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json_lines(broken=11))
    said = etymon("corpus", "build", tmp_path / "a.jsonl", "--store", tmp_path / "store")
    assert said.code == 0 and said.err == ""
    assert "30 of 31 documents kept" in said.out
    assert "a.jsonl: bad JSON line (line 12," in said.out


def test_an_empty_prompt_is_no_mistake(shared: Store) -> None:
    said = etymon("generate", "tiny/ngram", "", "max_tokens=5")
    assert (said.code, said.err) == (0, "")
    assert said.out.strip()


def test_a_word_that_only_looks_like_a_setting_is_a_prompt(shared: Store) -> None:
    said = etymon("generate", "tiny/ngram", "x=", "max_tokens=5")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("x=")


def test_looking_at_a_store_that_is_not_there_does_not_make_one(tmp_path: Path) -> None:
    for command in ("ls", "verify", "gc"):
        assert etymon(command, "--store", tmp_path / "store").code == 1
    assert not (tmp_path / "store").exists()
