"""The sampler: how a language model's probabilities become text."""

from etymon.generation.beam import Hypothesis, beam_search
from etymon.generation.blanks import fill_blanks
from etymon.generation.generate import ENDED, Step, generate
from etymon.generation.sampling import Sampling, choose
from etymon.generation.text import continue_text, stream_text

__all__ = [
    "ENDED",
    "Hypothesis",
    "Sampling",
    "Step",
    "beam_search",
    "choose",
    "continue_text",
    "fill_blanks",
    "generate",
    "stream_text",
]
