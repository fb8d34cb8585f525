"""Preparing: rows to documents with all that is known of each before any is judged; a pure function of a slice."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from etymon.corpus.arrow import RecordBatch, Schema, pa
from etymon.corpus.contamination import Items, contaminated, read_items
from etymon.corpus.duplicates import content_key
from etymon.corpus.edits import edit_and_measure
from etymon.corpus.found import Found, Reading
from etymon.corpus.genre import UNKNOWN as NO_GENRE
from etymon.corpus.genre import genre_of
from etymon.corpus.language import UNKNOWN, Told, tell
from etymon.corpus.measures import Beside
from etymon.corpus.near import PRESETS, signatures
from etymon.corpus.optouts import opted_out
from etymon.corpus.privacy import Masked, mask
from etymon.corpus.read import NOTHING, At, Row, Skip, rows
from etymon.corpus.schema import PREPARED, value_name
from etymon.corpus.scores import COLUMN, scored_genre, scores
from etymon.corpus.slices import Slice
from etymon.errors import EtymonError

BATCH_ROWS = 512
BATCH_BYTES = 2 << 20
"""Of text: what is hardest to measure takes some seconds a megabyte, and a batch has the time of one record."""
NO_KEY = bytes(16)
BOOKKEEPING = frozenset(("request", "warcinfo", "arcinfo", "metadata", "wat", "dns", "whois"))
"""Records of an archive that are about the crawl itself."""


@dataclass(frozen=True, slots=True)
class Preparing:
    """What is done to every record; no threshold is in it, so that a changed one reads nothing anew.

    `extractor` finds the main content and `language` tells the language, each named with its version ("none": nothing
    does); `columns` are measured and `edits` made; `near` are the settings of signatures ("off": none). `items` is the
    file of what no document may hold, `badwords` that of words to count ("": none); their digests are their content.
    `classifiers` score every document, each a name and the digest of its bytes; `classifiers_at` is where they lie."""

    reading: Reading
    extractor: str
    language: str
    whole_text_language: bool
    columns: tuple[str, ...]
    edits: tuple[str, ...]
    mask: bool
    near: str
    items: str
    items_digest: str
    badwords: str
    badwords_digest: str
    classifiers: tuple[str, ...] = ()
    classifiers_at: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a part of a reading's recipe; the places of files on this machine do not belong to it."""
        return {name: value for name, value in asdict(self).items() if name not in self.places}

    @classmethod
    def from_json(cls, value: dict[str, Any], places: dict[str, str]) -> Preparing:
        """What `to_json` gave, with the `places` of the files on this machine."""
        lists = {name: tuple(value[name]) for name in ("columns", "edits", "classifiers")}
        given: dict[str, Any] = {**value, **lists, **places, "reading": Reading(**value["reading"])}
        return cls(**given)

    @property
    def places(self) -> dict[str, str]:
        """Where the files lie that settings name."""
        return {"items": self.items, "badwords": self.badwords, "classifiers_at": self.classifiers_at}

    @property
    def measured(self) -> tuple[str, ...]:
        """The columns of numbers: what is measured, and the score of each classifier."""
        return (*self.columns, *(COLUMN + each.partition("=")[0] for each in self.classifiers))

    @property
    def schema(self) -> Schema:
        """The columns of a prepared batch."""
        return pa.schema([*PREPARED, *(pa.field(value_name(name), pa.float64()) for name in self.measured)])


def prepared(
    slice: Slice,
    how: Preparing,
    *,
    others: Counter[str] | None = None,
    skip: Skip = NOTHING,
    at: At = lambda number: None,
) -> Iterator[RecordBatch]:
    """The documents of a slice as batches, in order; `skip` and `at` as in `etymon.corpus.read.rows`.

    Records about the crawl itself are no documents: they are counted by name in `others`."""
    others = Counter() if others is None else others
    extractor = how.extractor.partition(" ")[0]
    found = rows(slice, how.reading, extractor, skip=skip, at=at)
    for group, heaviest in _groups(_documents(found, others)):
        at(heaviest.step)  # a batch has its own time, and the record with most text answers for it
        yield prepare(group, how)


def _documents(found: Iterable[Row], others: Counter[str]) -> Iterator[Row]:
    for row in found:
        if row.skipped in BOOKKEEPING:
            others[row.skipped] += 1
        else:
            yield row


def _groups(found: Iterable[Row]) -> Iterator[tuple[list[Row], Row]]:
    """Rows in batches of bounded size, each with the row that has most text; what is larger than a batch is alone."""
    held: list[tuple[int, Row]] = []
    volume = 0
    for row in found:
        size = row.size if isinstance(row.found, Found) else 0
        if held and (len(held) >= BATCH_ROWS or volume + size > BATCH_BYTES):
            yield _group(held)
            held, volume = [], 0
        held.append((size, row))
        volume += size
    if held:
        yield _group(held)


def _group(held: list[tuple[int, Row]]) -> tuple[list[Row], Row]:
    return [row for _, row in held], max(held, key=lambda each: each[0])[1]


def prepare(group: Sequence[Row], how: Preparing) -> RecordBatch:
    """One batch: language, edits, masks, measures, keys and signatures of its rows."""
    check_content(how.badwords, how.badwords_digest)
    pages = [row.page for row in group]
    beside = Beside([page.title if page else "" for page in pages], [page.links if page else 0 for page in pages])
    worked = edit_and_measure([row.text for row in group], how.columns, how.edits, how.badwords, beside)
    documents = [_document(*each, how) for each in zip(group, worked.texts, worked.removed, strict=True)]
    for document, spans in zip(documents, _items_in(documents, how.items, how.items_digest), strict=True):
        document["contamination"] = spans
    columns: dict[str, list[Any]] = {name: [each[name] for each in documents] for name in documents[0]}
    texts: list[str] = columns["text"]
    scored = scores(texts, how.classifiers_at)
    columns["genre"] = [_genre(each, scored_genre(scored, row)) for row, each in enumerate(documents)]
    columns["key"] = [content_key(text) if text else NO_KEY for text in texts]
    columns["signature"] = _signatures(texts, how)
    for name, values in (worked.columns | scored).items():
        columns[value_name(name)] = values.tolist()
    return pa.RecordBatch.from_pydict(columns, schema=how.schema)


def _document(row: Row, text: str, removed: dict[str, int], how: Preparing) -> dict[str, Any]:
    """A row by the columns that need no other row; `text` is what edits have left of its own, `removed` the characters
    that each took."""
    record = row.record()
    told = tell(text, whole=how.whole_text_language) if text and how.language != "none" else Told(UNKNOWN, 0.0, False)
    record["language"] = told.code if told.code != UNKNOWN else record["language"]
    masked = mask(text) if how.mask and text else Masked(text)
    text = masked.text
    facts = row.found.facts if isinstance(row.found, Found) else ()
    return record | {
        "text": text,
        "bytes": len(text.encode()) if isinstance(row.found, Found) else record["bytes"],
        "skipped": row.skipped,
        "opt_out": opted_out(facts, row.page.robots if row.page else ""),
        "language_score": told.score,
        "mixed": told.mixed,
        "removed": json.dumps(removed, sort_keys=True) if removed else "",
        "masked": json.dumps(masked.counts, sort_keys=True) if masked.counts else "",
    }


def _genre(document: Mapping[str, Any], scored: str) -> str:
    """What the record says of itself, else what a classifier is sure of, else what address, domain and words tell."""
    if document["genre"] != NO_GENRE:
        return document["genre"]
    return scored or genre_of(document["text"], document["url"], document["domain"])


def _signatures(texts: Sequence[str], how: Preparing) -> list[bytes]:
    if how.near == "off":
        return [b""] * len(texts)
    return [row.tobytes() for row in signatures(texts, PRESETS[how.near])]


def _items_in(documents: Sequence[dict[str, Any]], path: str, digest: str) -> list[str]:
    """The spans of test items in each text, as JSON; "" where there are none."""
    if not path:
        return [""] * len(documents)
    spans = contaminated([document["text"] for document in documents], _items(path, digest))
    return [json.dumps([asdict(each) for each in found], ensure_ascii=False) if found else "" for found in spans]


@cache
def _items(path: str, digest: str) -> Items:
    check_content(path, digest)
    return read_items(Path(path).expanduser())


@cache
def check_content(path: str, digest: str) -> None:
    """Raises EtymonError where a file that a setting names holds something else than what the corpus is to be made
    with: a result under the digest of other bytes would be found again for ever."""
    if path and hashlib.sha256(Path(path).expanduser().read_bytes()).hexdigest() != digest:
        raise EtymonError(
            "a file changed while it was being read",
            where=path,
            help="run the same command again: what was read stays, and what changed is read anew",
        )
