"""The tables of a corpus: what was read, the documents kept, and one decision for every document read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from etymon.corpus.arrow import pa
from etymon.corpus.verdicts import NEAR_DUPLICATE

SPLITS = ("train", "validation", "test")

# What `read` yields. `fault` is null for text that could be read; `detail` says more about a fault.
RECORDS = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("text", pa.string()),
        ("language", pa.string()),
        ("domain", pa.string()),
        ("genre", pa.string()),
        ("source_file", pa.string()),
        ("source_offset", pa.int64()),
        ("bytes", pa.int64()),
        ("fault", pa.string()),
        ("detail", pa.string()),
    ]
)

# What is known of every document before any is judged: the columns of RECORDS, and besides
# `skipped`        what a record is instead of a page
# `opt_out`        the wish not to be used that was found
# `language_score` how sure its language is, `mixed` whether windows of it disagree
# `removed`        characters that each edit took out, `masked` what masks replaced (JSON)
# `contamination`  the spans of test items found in it (JSON)
# `key`            of its content, `signature` for near duplicates
# The measures of the recipe follow, as doubles, each under `value_name` of its own.
PREPARED = [
    *RECORDS,
    pa.field("skipped", pa.string()),
    pa.field("opt_out", pa.string()),
    pa.field("language_score", pa.float64()),
    pa.field("mixed", pa.bool_()),
    pa.field("removed", pa.string()),
    pa.field("masked", pa.string()),
    pa.field("contamination", pa.string()),
    pa.field("key", pa.binary(16)),
    pa.field("signature", pa.binary()),
]


def value_name(measure: str) -> str:
    """The column of a prepared batch that holds a measure: "bytes" of the text is not "bytes" of the record."""
    return f"value.{measure}"


# documents.parquet. `bytes` are the UTF-8 bytes of `text`; `source_offset` is in bytes (of the decompressed stream
# where the file is compressed, and including a byte order mark), in rows for Parquet, in topics for the help topics. In
# web archives in gzip members it is where the member begins in the file, plus the decompressed bytes before it there.
DOCUMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("text", pa.string()),
        ("language", pa.string()),
        ("domain", pa.string()),
        ("genre", pa.string()),
        ("source_file", pa.string()),
        ("source_offset", pa.int64()),
        ("split", pa.string()),
        ("bytes", pa.int64()),
    ]
)

# decisions.parquet: one row per document read, in the order of reading. `rule` is the rule that dropped it or the fault
# that kept it from being read ("" where it was kept); `values` is a JSON object of everything that was measured.
DECISIONS = pa.schema(
    [
        ("id", pa.string()),
        ("url", pa.string()),
        ("outcome", pa.string()),
        ("rule", pa.string()),
        ("values", pa.string()),
        ("language", pa.string()),
        ("domain", pa.string()),
        ("genre", pa.string()),
        ("source_file", pa.string()),
        ("source_offset", pa.int64()),
        ("bytes", pa.int64()),
        ("duplicate_of", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Document:
    """One kept document: a row of documents.parquet."""

    id: str
    url: str
    text: str
    language: str
    domain: str
    genre: str
    source_file: str
    source_offset: int
    split: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of one document read: a row of decisions.parquet.

    `outcome` is kept, dropped or quarantined; `threshold` is the rule in words ("bytes < 16"), "" where no rule with a
    threshold decided; `alike` counts the other documents that the same question leads to (sections of one file)."""

    id: str
    url: str
    outcome: str
    rule: str
    values: dict[str, Any]
    language: str
    domain: str
    genre: str
    source_file: str
    source_offset: int
    bytes: int
    duplicate_of: str
    threshold: str = ""
    alike: int = 0

    def as_json(self) -> dict[str, Any]:
        """The decision as one line for machines: the columns of the table, file and offset under "source"."""
        row = asdict(self)
        source = {"file": row.pop("source_file"), "offset": row.pop("source_offset")}
        return {"id": row.pop("id"), "url": row.pop("url"), **row, "source": source}

    def in_words(self) -> str:
        """The decision for people: outcome and reason, where the document lies, what was measured."""
        lines = [f"{self.url} was {self.outcome}{self._reason()}"]
        kind = f"language {self.language}, domain {self.domain}, genre {self.genre}"
        lines.append(f"  document {self.id}, {self.bytes:,} bytes, {kind}")
        lines.append(f"  read from {self.source_file} at offset {self.source_offset:,}")
        lines += [f"  {name}: {value}" for name, value in self.values.items()]
        if self.alike:
            lines.append(f"  {self.alike:,} more documents answer to the same name")
        return "\n".join(lines)

    def _reason(self) -> str:
        if self.duplicate_of:
            nearly = "nearly " if self.rule == NEAR_DUPLICATE else ""
            return f": it says {nearly}the same as document {self.duplicate_of}, which was read before it"
        if self.rule:
            return f": {self.rule}{f' ({self.threshold})' if self.threshold else ''}"
        return ""
