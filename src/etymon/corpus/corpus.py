"""A corpus as one reads it: its documents, and the answer to why a document is in it or not."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from itertools import accumulate, groupby
from typing import Any

from etymon.corpus.arrow import pa, pq
from etymon.corpus.explain import Explanation, explain
from etymon.corpus.lookup import rows_by_file, rows_by_id, rows_by_url
from etymon.corpus.schema import SPLITS, Decision, Document
from etymon.corpus.sources import readable_name
from etymon.corpus.write import DECISIONS_FILE, DOCUMENTS_FILE
from etymon.errors import EtymonError
from etymon.storage import Artifact

ROWS = 1024
LEAST_PREFIX = 6
HEXADECIMAL = frozenset("0123456789abcdef")
MOST_FOUND = 10_000
"""Rows of one file that an answer looks at."""
MOST_SEARCHED = 64 << 20
"""Bytes of decisions up to which all names are looked through for one like a name that is not known."""


class Corpus:
    """A sealed corpus. Every block read from the disk is verified by the artifact."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact

    @classmethod
    def open(cls, artifact: Artifact) -> Corpus:
        """The corpus in an artifact. Raises EtymonError where the artifact is of another kind."""
        if artifact.kind != "corpus":
            raise EtymonError(f"{artifact.id[:16]} is a {artifact.kind}, not a corpus", where=str(artifact.path))
        return cls(artifact)

    def _rows(self, file: str, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        with self.artifact.open(file) as stream:
            for batch in _parquet(stream).iter_batches(ROWS, columns=columns, use_threads=False):
                yield from batch.to_pylist()

    def documents(self, split: str | None = None) -> Iterator[Document]:
        """The kept documents of a split ("train", "validation", "test"; None: all), in the order of reading."""
        _check_split(split)
        for row in self._rows(DOCUMENTS_FILE):
            if split is None or row["split"] == split:
                yield Document(**row)

    def texts(self, split: str | None = None) -> Iterator[str]:
        """The texts of a split, in the order of reading."""
        _check_split(split)
        for row in self._rows(DOCUMENTS_FILE, ["text", "split"]):
            if split is None or row["split"] == split:
                yield row["text"]

    def scattered(self, groups: int) -> Iterator[Document]:
        """The kept documents of so many groups of rows, chosen by hash; of all where there are no more."""
        with self.artifact.open(DOCUMENTS_FILE) as stream:
            file = _parquet(stream)
            every = range(file.metadata.num_row_groups)
            chosen = sorted(every, key=lambda group: hashlib.blake2b(b"%d" % group, digest_size=8).digest())[:groups]
            for group in sorted(chosen):
                for row in file.read_row_group(group, use_threads=False).to_pylist():
                    yield Document(**row)

    def decision_batches(self, columns: list[str]) -> Iterator[Any]:
        """Some columns of the decisions, as record batches."""
        with self.artifact.open(DECISIONS_FILE) as stream:
            file = _parquet(stream)
            there = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(1 << 14, columns=there, use_threads=False):
                for name in columns:
                    if name not in there:
                        batch = batch.append_column(name, pa.nulls(batch.num_rows, pa.string()))
                yield batch

    def splits(self) -> dict[str, str]:
        """The split of each kept document, by id."""
        return {row["id"]: row["split"] for row in self._rows(DOCUMENTS_FILE, ["id", "split"])}

    def text_bytes(self, split: str = "train") -> tuple[list[bytes], list[str]]:
        """The texts of a split as UTF-8 and their ids: what `etymon.index.PassageIndex` takes."""
        _check_split(split)
        rows = [row for row in self._rows(DOCUMENTS_FILE, ["id", "text", "split"]) if row["split"] == split]
        return [row["text"].encode() for row in rows], [row["id"] for row in rows]

    def decisions(self) -> Iterator[Decision]:
        """One decision for every document read, in the order of reading."""
        words = self._thresholds()
        for row in self._rows(DECISIONS_FILE):
            yield _decision(row, words)

    def find(self, reference: str) -> list[Decision]:
        """The decisions on all documents that a reference leads to: an id or its first 6 or more digits, a url, or the
        path of a file. Raises EtymonError where it leads to none, naming what is near."""
        reference = readable_name(reference)
        for rows, is_one in self._ways(reference):
            if found := [row for row in self._at(rows) if is_one(row)]:
                words = self._thresholds()
                return [_decision(row, words, alike=len(found) - 1) for row in found]
        raise self._unknown(reference)

    def _ways(self, reference: str) -> Iterator[tuple[list[int], Callable[[dict[str, Any]], bool]]]:
        """The rows that a reference may lead to as an id, as an address and as a file, each with what makes it sure:
        the rows are found by hashes."""
        prefix, file = reference.lower(), reference.replace("\\", "/").removeprefix("./")
        if len(prefix) >= LEAST_PREFIX and set(prefix) <= HEXADECIMAL:
            yield rows_by_id(self.artifact, prefix, MOST_FOUND), lambda row: row["id"].startswith(prefix)
        yield rows_by_url(self.artifact, reference, MOST_FOUND), lambda row: row["url"] == reference
        yield rows_by_file(self.artifact, file, MOST_FOUND), lambda row: _is_file(row["source_file"], file)

    def _at(self, rows: list[int]) -> Iterator[dict[str, Any]]:
        """The decisions in some rows, ascending; only the row groups that hold them are read."""
        if not rows:
            return
        with self.artifact.open(DECISIONS_FILE) as stream:
            file = _parquet(stream)
            sizes = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
            starts = list(accumulate(sizes, initial=0))
            for group, wanted in groupby(rows, key=lambda row: bisect_right(starts, row) - 1):
                places = pa.array([row - starts[group] for row in wanted])
                yield from file.read_row_group(group, use_threads=False).take(places).to_pylist()

    def why(self, reference: str) -> Decision:
        """What became of a document and why: the first decision that `find` gives, `alike` counting the others.

        Raises EtymonError for an unknown reference, and for an id prefix that several documents share."""
        found = self.find(reference)
        ids = {each.id for each in found}
        if len(ids) > 1 and all(id.startswith(reference.lower()) for id in ids):
            raise EtymonError(
                f"{len(ids)} documents have an id that begins with {reference}",
                why=", ".join(sorted(ids)[:5]),
                help="give more digits",
            )
        return found[0]

    def _thresholds(self) -> dict[str, str]:
        rules: list[dict[str, Any]] = self.artifact.recipe["rules"]
        return {rule["name"]: f"{rule['column']} {rule['op']} {rule['threshold']:g}" for rule in rules}

    def explain(self, reference: str) -> Explanation:
        """The decision that `why` gives, with every rule's value, threshold and margin."""
        return explain(self.why(reference), self.artifact.recipe["rules"])

    def _unknown(self, reference: str) -> EtymonError:
        for each in self.artifact.statistics["passed_over"]:
            if f"/{reference}/".find(f"/{each['path']}/") >= 0:
                return EtymonError(f"{reference} was not read", why=f"{each['path']} was passed over: {each['reason']}")
        near: list[str] = []
        if self.artifact.files[DECISIONS_FILE] <= MOST_SEARCHED:
            names = {row[name] for row in self._rows(DECISIONS_FILE, ["url", "source_file"]) for name in row}
            near = _near(reference, sorted(names))
        return EtymonError(
            f"no document was read from {reference}",
            where=str(self.artifact.path),
            help=f"did you mean {' or '.join(near)}?" if near else "give an id, a url or the path of a file",
        )


def _parquet(stream: Any) -> Any:
    """A Parquet file behind a Python stream, read by this thread alone: a thread of pyarrow's that still holds the
    stream while Python ends aborts the process (one `etymon why` in ten did, on a busy machine)."""
    return pq.ParquetFile(pa.PythonFile(stream, mode="r"), pre_buffer=False)


def _check_split(split: str | None) -> None:
    if split is not None and split not in SPLITS:
        raise EtymonError(f"there is no split {split}", help=f"the splits are {', '.join(SPLITS)}")


def _is_file(name: str, wanted: str) -> bool:
    """Whether a name is the file at `wanted`: the same, or one the end of the other (a path given in full, or only a
    file's own name)."""
    return name == wanted or name.endswith(f"/{wanted}") or wanted.endswith(f"/{name}")


def _near(reference: str, names: list[str]) -> list[str]:
    """Up to three names like the reference, by the whole name or by its last part."""
    by_last = {name.rpartition("/")[2]: name for name in reversed(names)}
    close = get_close_matches(reference, names, n=3, cutoff=0.6)
    close += [by_last[last] for last in get_close_matches(reference.rpartition("/")[2], list(by_last), n=3, cutoff=0.6)]
    return list(dict.fromkeys(close))[:3]


def _decision(row: dict[str, Any], thresholds: dict[str, str], alike: int = 0) -> Decision:
    values = json.loads(row["values"])
    dropped = row["outcome"] == "dropped"
    threshold = thresholds.get(row["rule"], "") if dropped else ""
    return Decision(**{**row, "values": values}, threshold=threshold, alike=alike)
