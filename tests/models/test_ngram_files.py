"""An n-gram model comes back from its artifact bit for bit, mapped and not read."""

from __future__ import annotations

import json
import re
from pydoc_data.topics import topics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.models import NgramSettings, estimate_ngram, load, save
from etymon.models.ngram_settings import SMOOTHINGS
from etymon.storage import Store
from etymon.tokens import Batch

END = 5


def stored(store, ids, order):
    model = estimate_ngram(NgramSettings(order=order), 7, np.array(ids), END)
    with store.create("model", {"order": order, "ids": ids}, {}, stage_version=1) as draft:
        save(draft, model)
        return model, draft.seal()


@pytest.mark.parametrize("order", [1, 3, 6])
@pytest.mark.parametrize("ids", [[END], [END, END], [END, 0, END], [END, 0, 1, 0, 1, 2, END, 3, 0, 1, END]])
def test_a_stored_model_says_exactly_what_it_said_before(tmp_path, ids, order):
    model, artifact = stored(Store.at(tmp_path), ids, order)
    again = load(artifact)
    rows = np.array([[END, 0, 1, 0, 6], [0, 1, 2, END, 3]])
    batch = Batch(ids=rows, targets=rows[::-1], weights=np.ones_like(rows))
    assert again.log_probs(batch).tobytes() == model.log_probs(batch).tobytes()
    assert again.next_log_probs(rows)[0].tobytes() == model.next_log_probs(rows)[0].tobytes()
    assert (again.settings, again.vocabulary, again.tokens) == (model.settings, model.vocabulary, model.tokens)
    assert again.counts() == model.counts()


def test_the_tables_of_a_loaded_model_are_memory_maps(tmp_path):
    _, artifact = stored(Store.at(tmp_path), [END, 0, 1, END], 2)
    last = load(artifact).counted.tables[1].last
    assert isinstance(last.base, np.memmap) and not last.flags.writeable


@given(
    st.lists(st.lists(st.integers(0, 4), max_size=30), min_size=1, max_size=5),
    st.sampled_from(SMOOTHINGS),
    st.sampled_from([7, 300, 70_000]),
)
@settings(max_examples=12, deadline=None)
def test_packed_tables_answer_as_those_that_were_counted(tmp_path_factory, texts, smoothing, vocabulary):
    ids = np.array([END, *(token for text in texts for token in (*text, END))])
    model = estimate_ngram(NgramSettings(order=4, smoothing=smoothing), vocabulary, ids, END)
    with Store.at(tmp_path_factory.mktemp("packed")).create("model", {}, {}, stage_version=1) as draft:
        save(draft, model)
        packed = load(draft.seal())
    random = np.random.default_rng(len(ids))
    for n, (table, other) in enumerate(zip(model.counted.tables, packed.counted.tables, strict=True)):
        for column in ("keys", "counts", "totals", "backoffs", "hits"):
            wanted, found = getattr(table, column), getattr(other, column)
            assert (found.dtype, found.tobytes()) == (wanted.dtype, wanted.tobytes())
        below = len(model.counted.tables[n - 1]) if n else 1
        contexts, words = random.integers(-2, below, (5, 40)), random.integers(0, 7, (5, 40))
        assert np.array_equal(table.find(contexts, words, vocabulary), other.find(contexts, words, vocabulary))
        for context in contexts[contexts >= 0][:10].tolist():
            assert table.following(context, vocabulary) == other.following(context, vocabulary)


def test_a_column_of_too_many_values_is_kept_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr("etymon.models.ngram_files.MOST_VALUES", 2)
    monkeypatch.setattr("etymon.models.ngram_files.PIECE", 3)
    model, artifact = stored(Store.at(tmp_path), [END, *range(5), 0, 1, 2, 0, 0, 0, 1, 1, END], 3)
    assert not [name for name in artifact.files if name.startswith("order.1.") and name.endswith("codes")]
    for table, other in zip(model.counted.tables, load(artifact).counted.tables, strict=True):
        assert table.backoffs.tobytes() == other.backoffs.tobytes() and table.counts.tobytes() == other.counts.tobytes()


def test_an_n_gram_of_a_real_text_takes_at_most_twelve_bytes(tmp_path):
    words = re.findall(r"\w+|[^\w\s]", "\n".join(topics.values()))
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words), start=1)}
    ids = np.array([0, *(numbers[word] for word in words), 0])
    model = estimate_ngram(NgramSettings(order=5), len(numbers) + 1, ids, 0)
    with Store.at(tmp_path).create("model", {}, {}, stage_version=1) as draft:
        save(draft, model)
        artifact = draft.seal()
    assert sum(artifact.files.values()) <= 12 * sum(map(len, model.counted.tables))


def test_a_model_in_the_form_before_this_is_refused_with_what_to_do(tmp_path):
    with Store.at(tmp_path).create("model", {}, {}, stage_version=1) as draft:
        draft.write("config.json", json.dumps({"family": "ngram", "settings": {"order": 2}, "vocabulary": 7}).encode())
        draft.write("ngram.json", b'{"backoff": 1.0, "end_of_text": 5, "operations": 1, "tokens": 1, "total": 1}')
        artifact = draft.seal()
    with pytest.raises(EtymonError, match="kept in a form that is not read any more") as told:
        load(artifact)
    assert "form 1" in told.value.why and "once more" in told.value.help


def test_the_files_are_the_same_bytes_every_time(tmp_path):
    ids = [END, 0, 1, 0, 1, 2, END, 3, 0, 1, END]
    (_, first), (_, second) = (stored(Store.at(tmp_path / name), ids, 4) for name in "ab")
    assert first.content_hash == second.content_hash


def test_an_artifact_without_a_model_is_refused(tmp_path):
    with Store.at(tmp_path).create("corpus", {}, {}, stage_version=1) as draft:
        draft.write("documents", b"text")
        artifact = draft.seal()
    with pytest.raises(EtymonError, match="holds no model"):
        load(artifact)
