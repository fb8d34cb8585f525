"""`train_tokenizer`: the tokenizer of a corpus, learned from its train split alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import xxhash

from etymon.corpus import Corpus
from etymon.errors import EtymonError
from etymon.progress import Progress, silent
from etymon.recipe import to_json
from etymon.storage import Artifact, Store
from etymon.tokens.merges import learn, training_text
from etymon.tokens.settings import TokenizerSettings
from etymon.tokens.tokenizer import FILE, Tokenizer
from etymon.tokens.vocabulary import BYTES, END_OF_TEXT, assemble

STAGE_VERSION = 1


def train_tokenizer(
    store: Store, corpus: Artifact, settings: TokenizerSettings, *, progress: Progress = silent
) -> Artifact:
    """The artifact of kind "tokenizer" for a corpus, made now or found in the store.

    statistics: `vocabulary`, and `asked`, which is larger where the text has too few patterns; `special` (id by name);
    `learned_from`, the documents and bytes of the train split that were read. `progress` is told bytes.
    """
    special = _special_names(settings)
    recipe, inputs = to_json(settings), {"corpus": corpus.id}
    found = store.find("tokenizer", recipe, inputs, stage_version=STAGE_VERSION)
    if found is not None:
        return found
    sample = _Sample(corpus, limit=settings.learn_from, progress=progress)
    with store.create("scratch", recipe, inputs, stage_version=STAGE_VERSION) as scratch:  # never sealed: trainers
        scratch.write("text", training_text(sample.texts()))  # read files, and only the storage room writes them
        progress(sample.bytes, sample.bytes, "learning which pieces belong together")
        merges = learn(scratch.path / "text", settings.vocabulary - BYTES - len(special))
    data = assemble(merges, limit=settings.vocabulary, special=special)
    tokenizer = Tokenizer(data)
    with store.create("tokenizer", recipe, inputs, stage_version=STAGE_VERSION) as draft:
        draft.write(FILE, data)
        return draft.seal(
            {
                "vocabulary": tokenizer.vocabulary,
                "asked": int(settings.vocabulary),
                "special": tokenizer.special,
                "learned_from": {"documents": sample.documents, "bytes": sample.bytes},
            }
        )


def _special_names(settings: TokenizerSettings) -> list[str]:
    """End-of-text and the names asked for: all different, and leaving room for the bytes."""
    names = [END_OF_TEXT, *settings.special]
    if len(set(names)) < len(names) or "" in names:
        raise EtymonError(
            "A special token is named twice or has no name.",
            where="tokenizer.special",
            why=f"{END_OF_TEXT} is always there",
            help="give each another name",
        )
    if settings.vocabulary < BYTES + len(names):
        raise EtymonError(
            f"A vocabulary of {settings.vocabulary} is too small.",
            where="tokenizer.vocabulary",
            why=f"the {BYTES} bytes and {len(names)} special tokens need one id each",
            help=f"ask for at least {BYTES + len(names)}",
        )
    return names


@dataclass
class _Sample:
    """The documents of the train split to learn from; `documents` and `bytes` count those that were given out.

    Where the split is larger than `limit` bytes, each document is in or out by the hash of its id: a random part of
    about that size, the same every time.
    """

    corpus: Artifact
    limit: int
    progress: Progress
    documents: int = 0
    bytes: int = 0

    def texts(self) -> Iterator[str]:
        size = int(self.corpus.statistics["splits"]["train"]["bytes"])
        below = 2**64 * self.limit // max(size, self.limit)
        for document in Corpus.open(self.corpus).documents("train"):
            if xxhash.xxh64_intdigest(document.id.encode()) < below:
                self.documents += 1
                self.bytes += document.bytes
                self.progress(self.bytes, min(size, self.limit), "reading text for the tokenizer")
                yield document.text
