"""What became of the documents of a corpus, as plain text for the terminal: the funnel, each rule, near misses."""

from __future__ import annotations

from collections.abc import Iterator

from etymon.report.reading import JsonObject, number, part, rows, text

SHOWN = 70
"""Characters of a document that are shown beside its name."""


def corpus_in_words(statistics: JsonObject) -> str:
    """The statistics of a corpus: documents in and out, every rule with what it takes alone, and for each rule that
    takes something the documents closest to its threshold on either side."""
    parts = (_funnel(part(statistics, "documents")), _cut(statistics), _groups(statistics), _rules(statistics))
    return "\n".join(line for each in parts for line in each)


def _funnel(documents: JsonObject) -> Iterator[str]:
    yield f"{_count(documents, 'in')} documents read"
    yield f"{_count(documents, 'kept')} kept"
    for kind in ("dropped", "quarantined"):
        counted = part(documents, kind)
        for reason in sorted(counted, key=lambda each: -(number(counted, each) or 0)):
            yield f"{_count(counted, reason)} {kind}: {reason}"


def _cut(statistics: JsonObject) -> Iterator[str]:
    counted = part(part(statistics, "bytes"), "cut")
    for what in counted:
        yield f"{_count(counted, what)} bytes cut out of documents that were kept: {what}"
    if apart := number(part(statistics, "repeats"), "passage_bytes_apart"):
        yield f"{int(apart):>10,} bytes were only compared in parts: passages that stand there may have stayed"


def _groups(statistics: JsonObject) -> Iterator[str]:
    for kind in ("domains", "languages"):
        groups = part(statistics, kind)
        for name in groups:
            yield f"{_count(part(groups, name), 'bytes')} bytes in {kind[:-1]} {name}"
    for kind, count in part(statistics, "other_records").items():
        yield f"{count:>10,} records about the crawl: {kind}"


def _rules(statistics: JsonObject) -> Iterator[str]:
    taking = [rule for rule in rows(statistics, "rules") if number(rule, "holds")]
    if not taking:
        return
    yield ""
    yield f"{'holds for':>10} {'alone':>10}  rule"
    for rule in taking:
        words = f"{text(rule, 'column')} {text(rule, 'op')} {number(rule, 'threshold'):g}"
        words += f" unless {unless}" if (unless := text(rule, "unless")) else ""
        yield f"{_count(rule, 'holds')} {_count(rule, 'alone')}  {text(rule, 'rule')} ({words})"
        for side in ("dropped", "kept"):
            for near in rows(rule, f"nearest_{side}")[:1]:
                begin = " ".join(text(near, "text").split())[:SHOWN]
                yield f"{'':>23} closest {side}, {number(near, 'value'):g}: {text(near, 'url')} {begin!r}"


def _count(values: JsonObject, name: str) -> str:
    return f"{int(number(values, name) or 0):>10,}"
