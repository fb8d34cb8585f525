"""The score: what a model makes of text that it has not seen."""

from etymon.evaluation.agreement import agreement_pairs
from etymon.evaluation.comparison import by_domain, paired_difference
from etymon.evaluation.compression import compression_floor
from etymon.evaluation.dynamic import dynamic_bits_per_byte
from etymon.evaluation.effective_context import Glances, bits_by_context, glances
from etymon.evaluation.gradient_flow import gradient_by_distance
from etymon.evaluation.likelihood import bits_per_byte, chosen_documents, scored_tokens
from etymon.evaluation.minimal_pairs import MinimalPair, minimal_pairs, read_blimp, sentence_scores
from etymon.evaluation.pseudo import READS, pseudo_bits_per_byte, score

__all__ = [
    "READS",
    "Glances",
    "MinimalPair",
    "agreement_pairs",
    "bits_by_context",
    "bits_per_byte",
    "by_domain",
    "chosen_documents",
    "compression_floor",
    "dynamic_bits_per_byte",
    "glances",
    "gradient_by_distance",
    "minimal_pairs",
    "paired_difference",
    "pseudo_bits_per_byte",
    "read_blimp",
    "score",
    "scored_tokens",
    "sentence_scores",
]
