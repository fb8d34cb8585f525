"""Two encoders of byte-level BPE: the fast one where it is installed and agrees with the reference, else that one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from etymon.tokens.vocabulary import Vocabulary

Ids = NDArray[np.uint32]
Offsets = NDArray[np.int64]

SAMPLE_BYTES = 65536

SAMPLE = "\n".join(
    (
        "It's the 3rd of 12,345 tests:\tthey'll say \"don't\", I'VE, we'd\r\n\r",
        "    def f(x):\n\t\treturn x**2  # ∑ é e\u0301 naïve straße ŒUVRE  \n\n\n",
        " \u00a0\u2028\u3000日本語のテキスト、한국어 العربية ١٢٣ हिन्दी ½ ² Ⅻ \U0001f469\u200d\U0001f467",
        "<|endoftext|> \x00\x1f\x7f\ufeff\ufffd =====----- \v\f\x85" + "a" * 90 + " " * 40 + "end  ",
    )
)
"""Where pre-tokenizers have gone apart: contractions, digits, runs of space, line ends, scripts, marks, controls."""


class Encoder(Protocol):
    """Turns texts into the ids of ordinary tokens; no text can give a special one."""

    name: str

    def encode(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        """All ids one after the other, and offsets [len(texts) + 1] between which those of each text lie.

        Raises TypeError for a text with a lone surrogate.
        """
        ...


class ReferenceEncoder:
    """Hugging Face `tokenizers`: what the file format means is what it does."""

    name = "tokenizers"

    def __init__(self, vocabulary: Vocabulary) -> None:
        library: Any = import_module("tokenizers")
        self._tokenizer: Any = library.Tokenizer.from_str(vocabulary.ordinary)

    def encode(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        rows = [np.array(row.ids, np.uint32) for row in self._tokenizer.encode_batch_fast(list(texts))]
        return _joined(rows)


class FastEncoder:
    """gigatoken: the same ids some fifty times as fast."""

    name = "gigatoken"

    def __init__(self, vocabulary: Vocabulary) -> None:
        library: Any = import_module("gigatoken")
        self._tokenizer: Any = library.Tokenizer.from_json(vocabulary.ordinary)

    def encode(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        if len(texts) == 1:  # the way of batches through awkward arrays costs a tenth of a millisecond
            ids: Ids = self._tokenizer.encode(texts[0])
            return ids, np.array([0, len(ids)], np.int64)
        if not texts:
            return np.zeros(0, np.uint32), np.zeros(1, np.int64)
        found: Any = self._tokenizer.encode_batch(list(texts))
        if isinstance(found, list):  # gigatoken gives lists where it cannot load awkward, for want of memory, say
            return _joined([np.asarray(row, np.uint32) for row in cast("list[Any]", found)])
        layout: Any = found.layout.to_ListOffsetArray64(True)
        offsets = np.asarray(layout.offsets.data)
        return np.asarray(layout.content.data)[: offsets[-1]], offsets


def _joined(rows: Sequence[Ids]) -> tuple[Ids, Offsets]:
    """The ids of all texts in a row, and where each begins and the last ends."""
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=offsets[1:])
    return np.concatenate([np.zeros(0, np.uint32), *rows]), offsets


def best_encoder(vocabulary: Vocabulary) -> Encoder:
    """gigatoken if it is installed, knows this kind of tokenizer and gives the reference's ids on a sample."""
    reference = ReferenceEncoder(vocabulary)
    try:
        fast = FastEncoder(vocabulary)
    except ImportError:
        return reference
    except (RuntimeError, ValueError) as error:
        why = str(error).split("\n")[0]
        warnings.warn(f"Encoding goes the slow way: gigatoken does not know this tokenizer ({why}).", stacklevel=2)
        return reference
    sample = _sample(vocabulary)
    if agree(fast, reference, sample):
        return fast
    warnings.warn("Encoding goes the slow way: gigatoken's ids differ from those of tokenizers.", stacklevel=2)
    return reference


def agree(one: Encoder, other: Encoder, texts: Sequence[str]) -> bool:
    """Whether two encoders give the same ids."""
    return all(np.array_equal(a, b) for a, b in zip(one.encode(texts), other.encode(texts), strict=True))


def _sample(vocabulary: Vocabulary) -> list[str]:
    """The hard cases, and the vocabulary's own tokens in a row, so that its merges are tried."""
    joined = b" ".join(vocabulary.tokens) + b"".join(vocabulary.tokens)
    return [SAMPLE, *SAMPLE.splitlines(), "", joined.decode(errors="replace")[:SAMPLE_BYTES]]
