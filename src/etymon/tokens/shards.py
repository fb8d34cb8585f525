"""`build_shards` and `open_shards`: a corpus as token ids on disk, one `TokenStream` for each split."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus import Corpus, Document
from etymon.progress import Progress, silent
from etymon.storage import Artifact, Draft, Store
from etymon.tokens.stream import TokenStream
from etymon.tokens.tokenizer import Tokenizer

STAGE_VERSION = 2
SPLITS = ("train", "validation", "test")

BATCH_BYTES = 4 << 20
"""Text that is encoded at a time: enough to keep all cores busy, and the bound of the memory used."""


def build_shards(store: Store, corpus: Artifact, tokenizer: Artifact, *, progress: Progress = silent) -> Artifact:
    """The artifact of kind "shards" for a corpus and a tokenizer, made now or found in the store.

    Files of each split, little-endian: SPLIT.ids (uint16, or uint32 for more than 65,536 ids), SPLIT.starts and
    SPLIT.bytes (int64), SPLIT.documents.json and SPLIT.domains.json; see `TokenStream` for what they hold. statistics:
    `vocabulary`, `end_of_text`, `tokenizer` (content hash), and under `splits` the documents, tokens (end-of-texts
    included), bytes and bytes per token of each. Memory does not grow with the corpus. `progress` is told bytes.
    """
    inputs = {"corpus": corpus.id, "tokenizer": tokenizer.id}
    found = store.find("shards", {}, inputs, stage_version=STAGE_VERSION)
    if found is not None:
        return found
    opened = Tokenizer.open(tokenizer)
    total = sum(int(sizes["bytes"]) for sizes in corpus.statistics["splits"].values())
    done = 0

    def told(size: int) -> None:
        progress(done + size, total, "turning text into tokens")

    splits: dict[str, Any] = {}
    with store.create("shards", {}, inputs, stage_version=STAGE_VERSION) as draft:
        for split in SPLITS:
            splits[split] = write_split(draft, split, opened, Corpus.open(corpus).documents(split), told)
            done += splits[split]["bytes"]
        return draft.seal(
            {
                "vocabulary": opened.vocabulary,
                "end_of_text": opened.end_of_text,
                "tokenizer": tokenizer.content_hash,
                "splits": splits,
            }
        )


def open_shards(artifact: Artifact) -> dict[str, TokenStream]:
    """The streams of an artifact of kind "shards" by split, mapped from disk; every byte is verified once first."""
    vocabulary = int(artifact.statistics["vocabulary"])
    return {
        split: TokenStream(
            ids=artifact.map(f"{split}.ids", id_type(vocabulary)),
            starts=artifact.map(f"{split}.starts", np.dtype("<i8")),
            bytes=artifact.map(f"{split}.bytes", np.dtype("<i8")),
            documents=artifact.read_json(f"{split}.documents.json"),
            vocabulary=vocabulary,
            end_of_text=int(artifact.statistics["end_of_text"]),
            domains=artifact.read_json(name) if (name := f"{split}.domains.json") in artifact.files else (),
        )
        for split in SPLITS
    }


def id_type(vocabulary: int) -> np.dtype[Any]:
    """The smallest type of integer in which every id fits."""
    return np.dtype("<u2" if vocabulary <= 1 << 16 else "<u4")


def batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """The documents in lists of about `BATCH_BYTES` of text."""
    batch: list[Document] = []
    pending = 0
    for document in documents:
        batch.append(document)
        pending += document.bytes
        if pending >= BATCH_BYTES:
            yield batch
            batch, pending = [], 0
    if batch:
        yield batch


def interleaved(
    ids: NDArray[np.uint32], offsets: NDArray[np.int64], end_of_text: int
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The ids [n] of D documents, each with an end-of-text before it [n + D], and where those stand [D]."""
    starts = offsets[:-1] + np.arange(len(offsets) - 1)
    out = np.full(len(ids) + len(starts), end_of_text, np.uint32)
    text = np.ones(len(out), np.bool_)
    text[starts] = False
    out[text] = ids
    return out, starts


def listed(names: list[str], *, first: bool) -> bytes:
    """A piece of a JSON list, which is opened with the first piece and left open."""
    return (("[" if first else ", ") + json.dumps(names, ensure_ascii=False)[1:-1]).encode()


def write_split(
    draft: Draft, split: str, tokenizer: Tokenizer, documents: Iterator[Document], told: Callable[[int], None]
) -> dict[str, Any]:
    """Writes the five files of one split side by side, batch by batch, and gives its statistics."""
    kind, position = id_type(tokenizer.vocabulary), np.dtype("<i8")
    counted = tokens = size = 0
    with (
        draft.writer(f"{split}.ids") as ids,
        draft.writer(f"{split}.starts") as starts,
        draft.writer(f"{split}.bytes") as sizes,
        draft.writer(f"{split}.documents.json") as names,
        draft.writer(f"{split}.domains.json") as domains,
    ):
        for batch in batches(documents):
            encoded, offsets = tokenizer.encode_joined([document.text for document in batch])
            row, begins = interleaved(encoded, offsets, tokenizer.end_of_text)
            ids.write(row.astype(kind).tobytes())
            starts.write((tokens + begins).astype(position).tobytes())
            sizes.write(np.array([document.bytes for document in batch], position).tobytes())
            names.write(listed([document.id for document in batch], first=not counted))
            domains.write(listed([document.domain for document in batch], first=not counted))
            counted, tokens = counted + len(batch), tokens + len(row)
            size += sum(document.bytes for document in batch)
            told(size)
        ids.write(np.array([tokenizer.end_of_text], kind).tobytes())
        starts.write(np.array([tokens], position).tobytes())
        for file in (names, domains):
            file.write(b"]" if counted else b"[]")
    tokens += 1
    return {"documents": counted, "tokens": tokens, "bytes": size, "bytes_per_token": size / tokens}
