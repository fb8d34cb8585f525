"""Web archives (WARC, ARC, WET): their containers, records and HTTP answers, each of which may be damaged."""

from etymon.corpus.archive.charset import decoded
from etymon.corpus.archive.http import Answer, answer_in
from etymon.corpus.archive.records import Record, cuts, records

__all__ = ["Answer", "Record", "answer_in", "cuts", "decoded", "records"]
