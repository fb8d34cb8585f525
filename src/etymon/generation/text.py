"""`continue_text` and `stream_text`: from a prompt to readable text, which is never shown with a broken character."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator

from etymon.generation.generate import generate
from etymon.generation.sampling import Sampling
from etymon.models import LanguageModel
from etymon.tokens import Tokenizer


def continue_text(
    model: LanguageModel, tokenizer: Tokenizer, prompt: str, sampling: Sampling, *, request: int = 0
) -> str:
    """What the model writes after `prompt`, without it, until it ends the text or `sampling.max_tokens` is reached."""
    return "".join(stream_text(model, tokenizer, prompt, sampling, request=request))


def stream_text(
    model: LanguageModel, tokenizer: Tokenizer, prompt: str, sampling: Sampling, *, request: int = 0
) -> Iterator[str]:
    """The same text piece by piece as it is written, each piece whole characters.

    The model reads end-of-text and the prompt, as it read every document in training. Bytes of a character are held
    back until it is whole; one that the end cuts off is left out. Bytes that are no UTF-8 become U+FFFD. `request`
    numbers the continuations of one prompt under one seed.
    """
    end = tokenizer.end_of_text
    prompt_ids = [end, *tokenizer.encode(prompt).tolist()]
    decoder = getincrementaldecoder("utf-8")(errors="replace")
    for step in generate(model, [prompt_ids], sampling, stop={end}, requests=[request]):
        token = int(step.tokens[0])
        if token == end:
            return
        if piece := decoder.decode(tokenizer.token_bytes(token)):
            yield piece
