"""The document: read from whatever holds text, judged by rules that are data, split, and accounted for one by one."""

from etymon.corpus.build import build, read
from etymon.corpus.corpus import Corpus
from etymon.corpus.schema import DECISIONS, DOCUMENTS, RECORDS, Decision, Document
from etymon.corpus.settings import CorpusSettings

__all__ = [
    "DECISIONS",
    "DOCUMENTS",
    "RECORDS",
    "Corpus",
    "CorpusSettings",
    "Decision",
    "Document",
    "build",
    "read",
]
