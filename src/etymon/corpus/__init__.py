"""The document: read from whatever holds text, judged by rules that are data, split, and accounted for one by one."""

from etymon.corpus.audit import Beside, audit, compare_audits
from etymon.corpus.balance import figures
from etymon.corpus.build import build, is_small, read, read_share
from etymon.corpus.corpus import Corpus
from etymon.corpus.explain import Check, Explanation
from etymon.corpus.genre import genre_of
from etymon.corpus.labelled import Fields
from etymon.corpus.learning import Learning, train_on_corpora, train_on_files
from etymon.corpus.mixing import Weights, even_rows, limited, order, realised, weights_by_hand, weights_by_temperature
from etymon.corpus.occurrences import Quotation, count_in, find_in
from etymon.corpus.readings import Working
from etymon.corpus.recipes import recipe, recipes
from etymon.corpus.sample import Piece, kept_sample, mixed_sample, read_sample, readings_of, shares_read
from etymon.corpus.schema import DECISIONS, DOCUMENTS, RECORDS, Decision, Document
from etymon.corpus.scores import classifier_in, find_classifier
from etymon.corpus.settings import CorpusSettings
from etymon.corpus.weighing import MixtureSettings, allowed_weights, asked_weights, weights_in_words

__all__ = [
    "DECISIONS",
    "DOCUMENTS",
    "RECORDS",
    "Beside",
    "Check",
    "Corpus",
    "CorpusSettings",
    "Decision",
    "Document",
    "Explanation",
    "Fields",
    "Learning",
    "MixtureSettings",
    "Piece",
    "Quotation",
    "Weights",
    "Working",
    "allowed_weights",
    "asked_weights",
    "audit",
    "build",
    "classifier_in",
    "compare_audits",
    "count_in",
    "even_rows",
    "figures",
    "find_classifier",
    "find_in",
    "genre_of",
    "is_small",
    "kept_sample",
    "limited",
    "mixed_sample",
    "order",
    "read",
    "read_sample",
    "read_share",
    "readings_of",
    "realised",
    "recipe",
    "recipes",
    "shares_read",
    "train_on_corpora",
    "train_on_files",
    "weights_by_hand",
    "weights_by_temperature",
    "weights_in_words",
]
