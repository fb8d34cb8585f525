"""`build_shards`: every document whole and in its place, and nothing else."""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.corpus import Corpus
from etymon.errors import EtymonError
from etymon.recipe import Count
from etymon.storage import Artifact, Store
from etymon.tokens import Tokenizer, TokenizerSettings, TokenStream, build_shards, open_shards, train_tokenizer
from etymon.tokens.shards import SPLITS, id_type, interleaved, write_split


@pytest.fixture(scope="module")
def trained(store: Store, corpus: Artifact) -> Artifact:
    return train_tokenizer(store, corpus, TokenizerSettings(vocabulary=Count(600)))


@pytest.fixture(scope="module")
def shards(store: Store, corpus: Artifact, trained: Artifact) -> Artifact:
    return build_shards(store, corpus, trained)


@pytest.fixture(scope="module")
def streams(shards: Artifact) -> dict[str, TokenStream]:
    return open_shards(shards)


@pytest.mark.parametrize("split", SPLITS)
def test_every_document_stands_whole_between_two_end_of_texts(
    split: str, corpus: Artifact, trained: Artifact, streams: dict[str, TokenStream]
):
    tokenizer, stream = Tokenizer.open(trained), streams[split]
    documents = list(Corpus.open(corpus).documents(split))
    assert list(stream.documents) == [document.id for document in documents]
    assert list(stream.domains) == [document.domain for document in documents]
    assert stream.bytes.tolist() == [document.bytes for document in documents]
    for document, start, end in zip(documents, stream.starts[:-1], stream.starts[1:], strict=True):
        assert tokenizer.decode(stream.ids[start + 1 : end]) == document.text
    assert np.flatnonzero(stream.ids == tokenizer.end_of_text).tolist() == stream.starts.tolist()
    assert stream.starts[0] == 0 and stream.starts[-1] == len(stream.ids) - 1


def test_statistics_say_what_is_in_each_split(corpus: Artifact, shards: Artifact, streams: dict[str, TokenStream]):
    assert set(shards.statistics["splits"]) == set(SPLITS)
    for split, stream in streams.items():
        said = shards.statistics["splits"][split]
        assert said["documents"] == len(stream.documents) == corpus.statistics["splits"][split]["documents"]
        assert said["bytes"] == stream.bytes.sum() == corpus.statistics["splits"][split]["bytes"]
        assert said["tokens"] == len(stream.ids)
        assert said["bytes_per_token"] == pytest.approx(said["bytes"] / said["tokens"])


def test_the_streams_know_their_vocabulary(shards: Artifact, trained: Artifact, streams: dict[str, TokenStream]):
    tokenizer = Tokenizer.open(trained)
    for stream in streams.values():
        assert (stream.vocabulary, stream.end_of_text) == (tokenizer.vocabulary, tokenizer.end_of_text)
        assert stream.ids.dtype == np.uint16 and not stream.ids.flags.writeable
    assert shards.statistics["tokenizer"] == trained.content_hash
    assert shards.inputs["tokenizer"] == trained.id


def test_the_same_work_is_not_done_twice(store: Store, corpus: Artifact, trained: Artifact, shards: Artifact):
    def told(done: float, total: float | None = None, note: str = "") -> None:
        raise AssertionError("it encodes again")

    assert build_shards(store, corpus, trained, progress=told) == shards


def test_batches_and_encoder_do_not_show_in_the_bytes(
    store: Store, corpus: Artifact, trained: Artifact, shards: Artifact, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "gigatoken", None)
    monkeypatch.setattr("etymon.tokens.shards.BATCH_BYTES", 1000)
    monkeypatch.setattr("etymon.tokens.shards.STAGE_VERSION", 10**6)
    again = build_shards(store, corpus, trained)
    assert again.id != shards.id
    assert again.content_hash == shards.content_hash


def test_damage_is_found_before_a_token_is_read(store: Store, corpus: Artifact, monkeypatch: pytest.MonkeyPatch):
    damaged = build_shards(store, corpus, train_tokenizer(store, corpus, TokenizerSettings(vocabulary=Count(300))))
    with (damaged.path / "train.ids").open("r+b") as file:
        file.seek(1000)
        file.write(b"\x01\x02\x03")
    with pytest.raises(EtymonError, match="damaged"):
        open_shards(damaged)


def test_a_split_without_documents_is_one_end_of_text(store: Store, trained: Artifact):
    tokenizer = Tokenizer.open(trained)
    with store.create("shards", {}, {"tokenizer": trained.id}, stage_version=1) as draft:
        statistics = {split: write_split(draft, split, tokenizer, iter([]), lambda size: None) for split in SPLITS}
        stream = open_shards(draft.seal({"vocabulary": 600, "end_of_text": tokenizer.end_of_text}))["test"]
    assert statistics["test"] == {"documents": 0, "tokens": 1, "bytes": 0, "bytes_per_token": 0}
    assert stream.ids.tolist() == [tokenizer.end_of_text]
    assert (stream.starts.tolist(), list(stream.documents), stream.targets) == ([0], [], 0)


def test_progress_is_told_in_bytes_of_text(store: Store, corpus: Artifact):
    tokenizer = train_tokenizer(store, corpus, TokenizerSettings(vocabulary=Count(270)))
    told: list[tuple[float, float | None]] = []
    build_shards(store, corpus, tokenizer, progress=lambda done, total=None, note="": told.append((done, total)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]


def test_ids_take_two_bytes_where_they_fit():
    assert (id_type(65_536).itemsize, id_type(65_537).itemsize) == (2, 4)


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=6))
def test_interleaving_puts_an_end_of_text_before_each_document(documents: list[list[int]]):
    ids = np.array([id for document in documents for id in document], np.uint32)
    offsets = np.cumsum([0, *map(len, documents)])
    row, starts = interleaved(ids, offsets, 99)
    assert row.tolist() == [id for document in documents for id in [99, *document]]
    assert starts.tolist() == [at for at, id in enumerate(row) if id == 99]


def test_the_layout_of_stage_version_1_does_not_change():
    """Where this fails, raise STAGE_VERSION in shards.py and put the new digest here."""
    row, starts = interleaved(np.arange(7, dtype=np.uint32), np.array([0, 3, 3, 7]), 99)
    digest = hashlib.sha256(row.astype(id_type(100)).tobytes() + starts.astype("<i8").tobytes()).hexdigest()
    assert digest == "838bf5bb1ca5614fed82aedcf8e7dfd6df7edd1effc6e4085fd8a97d7b3adf7a"
