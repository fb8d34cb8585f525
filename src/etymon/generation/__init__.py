"""The sampler: how a language model's probabilities become text."""

from etymon.generation.generate import ENDED, Step, generate
from etymon.generation.sampling import Sampling, choose
from etymon.generation.text import continue_text, stream_text

__all__ = ["ENDED", "Sampling", "Step", "choose", "continue_text", "generate", "stream_text"]
