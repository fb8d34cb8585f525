"""The score: what a model makes of text that it has not seen."""

from etymon.evaluation.comparison import by_domain, paired_difference
from etymon.evaluation.compression import compression_floor
from etymon.evaluation.likelihood import bits_per_byte

__all__ = ["bits_per_byte", "by_domain", "compression_floor", "paired_difference"]
