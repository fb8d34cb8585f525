"""An n-gram model comes back from its artifact bit for bit, mapped and not read."""

from __future__ import annotations

import numpy as np
import pytest

from etymon.errors import EtymonError
from etymon.models import NgramSettings, estimate_ngram, load, save
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
    keys = load(artifact).counted.tables[1].keys
    assert isinstance(keys.base, np.memmap) and not keys.flags.writeable


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
