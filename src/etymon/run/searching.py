"""Where a passage stands in a corpus: counted and found by an index that is built when first asked."""

from __future__ import annotations

from typing import Any

from etymon.corpus import Corpus
from etymon.errors import EtymonError
from etymon.index import Index
from etymon.index import build as build_index
from etymon.run.narrator import Narrator
from etymon.run.sources import context
from etymon.storage import Artifact, Store


def index_of(store: Store, corpus: Artifact, narrator: Narrator) -> Index:
    """The index over the kept documents of a corpus, of all splits; made once."""
    documents = ((document.id, document.text.encode()) for document in Corpus.open(corpus).documents())
    with narrator.phase("indexing the corpus") as progress:
        made = build_index(store, corpus.name, documents, inputs={"corpus": corpus.id}, progress=progress)
    return Index.open(made)


def count_passage(store: Store, corpus: Artifact, text: str, narrator: Narrator) -> dict[str, Any]:
    """How often a passage stands in a corpus, overlapping ones too."""
    return {"corpus": corpus.id, "text": text, "count": index_of(store, corpus, narrator).count(_asked(text))}


def find_passage(store: Store, corpus: Artifact, text: str, limit: int, narrator: Narrator) -> dict[str, Any]:
    """Up to `limit` places of a passage: the document, the byte in its text, and what stands around it."""
    index, query = index_of(store, corpus, narrator), _asked(text)
    found = index.find(query, limit)
    wanted = {index.id(each.document) for each in found}
    documents = {each.id: each for each in Corpus.open(corpus).documents() if each.id in wanted}
    places = [
        {
            "document": {
                "id": document.id,
                "url": document.url,
                "source": {"file": document.source_file, "offset": document.source_offset},
                "split": document.split,
            },
            "offset": each.offset,
            "context": context(document.text, each.offset, len(query)),
        }
        for each in found
        for document in [documents[index.id(each.document)]]
    ]
    return {"corpus": corpus.id, "text": text, "count": index.count(query), "places": places}


def _asked(text: str) -> bytes:
    if not text:
        raise EtymonError("there is nothing to look for", where="TEXT", help="give a passage")
    return text.encode()
