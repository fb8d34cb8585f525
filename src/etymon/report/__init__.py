"""The report room: data in, words out: one self-contained page, a table for the terminal, the findings as sentences."""

from etymon.report.ablation import ablation_in_words
from etymon.report.balance import balance_in_words
from etymon.report.classifier import classifier_in_words
from etymon.report.corpus import corpus_in_words
from etymon.report.generations import add_findings
from etymon.report.numbers import duration
from etymon.report.page import render
from etymon.report.sentences import summary_sentences
from etymon.report.terminal import terminal_table

__all__ = [
    "ablation_in_words",
    "add_findings",
    "balance_in_words",
    "classifier_in_words",
    "corpus_in_words",
    "duration",
    "render",
    "summary_sentences",
    "terminal_table",
]
