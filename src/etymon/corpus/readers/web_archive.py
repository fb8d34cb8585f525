"""Web archives: a page or text per record; everything else told by name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from etymon.corpus.archive import Answer, Record, answer_in, cuts, decoded, records
from etymon.corpus.archive.http import Undecodable
from etymon.corpus.found import Fault, Found, Reading, Skipped
from etymon.corpus.optouts import HEADERS
from etymon.corpus.sources import Source

PAGE_TYPES = frozenset(("text/html", "application/xhtml+xml"))
KEPT_HEADERS = (*HEADERS, "content-language", "last-modified")
SNIFFED = frozenset(("", "application/octet-stream", "unknown/unknown", "no-type", "text/unknown"))
OTHERS = frozenset(("warcinfo", "arcinfo", "request", "metadata", "revisit", "continuation"))
SCHEMES = frozenset(("dns", "ftp", "urn", "whois", "metadata", "screenshot"))
MEDIA_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,80}", re.ASCII)
HTML_BEGINS = (b"<!doctype html", b"<html", b"<head", b"<body")


def read(source: Source, reading: Reading) -> Iterator[Found | Fault | Skipped]:
    """What each record of a file holds."""
    return read_slice(source, 0, source.size)


def slices(source: Source, size: int) -> list[tuple[int, int]]:
    """The file in stretches of about `size` bytes, each for `read_slice`."""
    return cuts(source, size)


def read_slice(source: Source, start: int, stop: int) -> Iterator[Found | Fault | Skipped]:
    """What the records hold whose containers begin in bytes [start, stop) of the file."""
    for record in records(source, start, stop):
        yield record if isinstance(record, Fault) else _found(record)


def _found(record: Record) -> Found | Fault | Skipped:
    if record.kind == "conversion":
        return _conversion(record)
    if record.kind == "metadata" and "json" in record.fields.get("content-type", ""):
        return _skipped(record, "wat")
    if record.kind not in ("response", "resource"):
        return _skipped(record, record.kind if record.kind in OTHERS else "unknown")
    if not record.url.lower().startswith(("http:", "https:", "file:")):
        scheme = record.url.partition(":")[0].lower()
        return _skipped(record, scheme if scheme in SCHEMES else "no web address")
    if record.kind == "resource":
        return _page(record, Answer(200, {"content-type": record.fields.get("content-type", "")}, record.body))
    try:
        answer = answer_in(record.body)
    except Undecodable as error:
        return Fault("undecodable body", record.offset, len(record.body), str(error), record.url)
    if answer.status >= 300 or 0 < answer.status < 200:
        return _skipped(record, f"http status {answer.status}")
    return _page(record, answer)


def _skipped(record: Record, kind: str) -> Skipped:
    return Skipped(kind, record.offset, len(record.body), record.url)


def _conversion(record: Record) -> Found | Skipped:
    if not record.fields.get("content-type", "text/plain").startswith("text/plain"):
        return _skipped(record, "not a page: conversion")
    languages = record.fields.get("warc-identified-content-language", "")
    facts = (("date", record.fields.get("warc-date", "")),)
    text = record.body.decode("utf-8", "replace")
    return Found(text, record.offset, url=record.url, language=languages.partition(",")[0], facts=facts)


def _page(record: Record, answer: Answer) -> Found | Skipped:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not answer.body.strip():
        return _skipped(record, "empty body")
    if kind in SNIFFED:
        kind = "text/html" if answer.body[:1024].lstrip().lower().startswith(HTML_BEGINS) else kind or "no type"
    if kind not in PAGE_TYPES and kind != "text/plain":
        return _skipped(record, f"not a page: {kind if MEDIA_TYPE.fullmatch(kind) else 'no media type'}")
    text = decoded(answer.body, answer.headers.get("content-type", ""))
    facts = [(name, answer.headers[name]) for name in KEPT_HEADERS if name in answer.headers]
    facts += [("date", record.fields.get("warc-date", "")), ("status", str(answer.status))]
    plain = kind == "text/plain"
    return Found(text if plain else "", record.offset, url=record.url, html="" if plain else text, facts=tuple(facts))
