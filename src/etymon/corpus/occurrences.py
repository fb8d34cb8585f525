"""How often a text stands in the documents of a corpus, and where."""

from __future__ import annotations

from dataclasses import dataclass

from etymon.corpus.corpus import Corpus
from etymon.errors import EtymonError
from etymon.index import Index, build
from etymon.progress import Progress, silent
from etymon.storage import Artifact, Store

AROUND = 60


@dataclass(frozen=True, slots=True)
class Quotation:
    """A place in a kept document: `offset` in UTF-8 bytes of its text, and what stands before and after it."""

    id: str
    url: str
    offset: int
    before: str
    text: str
    after: str


def index_of(store: Store, corpus: Artifact, *, progress: Progress = silent) -> Index:
    """The index of all kept documents of a corpus, built when it is first asked for. `progress` is told bytes."""
    documents = ((document.id, document.text.encode()) for document in Corpus.open(corpus).documents())
    return Index.open(build(store, corpus.name, documents, inputs={"corpus": corpus.id}, progress=progress))


def count_in(store: Store, corpus: Artifact, text: str, *, progress: Progress = silent) -> int:
    """How often the text stands in the kept documents, letter for letter; overlapping places count."""
    return index_of(store, corpus, progress=progress).count(_asked(text))


def find_in(
    store: Store, corpus: Artifact, text: str, limit: int = 20, *, progress: Progress = silent
) -> list[Quotation]:
    """The first `limit` places where the text stands, in the order of documents."""
    if limit < 1:
        raise EtymonError(f"{limit} places were asked for", where="limit", help="ask for at least one")
    index, opened = index_of(store, corpus, progress=progress), Corpus.open(corpus)
    asked = _asked(text)
    found: list[Quotation] = []
    for occurrence in index.find(asked, limit):
        before, after = index.around(occurrence, len(asked), AROUND)
        url = opened.find(occurrence.id)[0].url
        sides = (side.decode(errors="ignore") for side in (before, after))  # a side may begin inside a character
        found.append(Quotation(occurrence.id, url, occurrence.offset, next(sides), text, next(sides)))
    return found


def _asked(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise EtymonError("This text cannot be searched for.", why=str(error), help="give it as UTF-8") from error
