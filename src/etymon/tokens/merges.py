"""Learning the merges of byte-level BPE: the text as trainers read it, and two trainers that give the same merges."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.tokens.vocabulary import ALPHABET, BYTES, Merge

Learner = Callable[[Path, int], list[Merge]]
"""(file of `training_text`, how many different tokens to make at most) -> merges, the most frequent first."""

CHUNK_BYTES = 4 << 20
LONGEST_TOKEN = 64
"""Bytes. Without a limit a megabyte of one letter becomes a handful of tokens of a hundred thousand letters each."""

LONGEST_RUN = 1000
"""Bytes of a run without (or of nothing but) white space that are learned from; trainers are quadratic in it."""

LEAST_PAIRS = 2
"""How often a pair must occur: what was seen once is no pattern."""

_SWAP_LINES = bytes.maketrans(b"\n\v", b"\v\n")
_LONG_RUN = re.compile(rb"([^\x00-\x20]{%d})[^\x00-\x20]+|([\x00-\x20]{%d})[\x00-\x20]+" % (LONGEST_RUN, LONGEST_RUN))


def training_text(texts: Iterable[str]) -> Iterator[bytes]:
    """The documents as a file that a trainer can learn from, in chunks of about `CHUNK_BYTES`, one document a line.

    Three changes, for learning only:
    - Line feed and vertical tab change places. Trainers read line by line, so they would never see a line feed beside
      what follows it and never learn a line's indentation or an empty line: on Python source that costs 8 % more
      tokens. The merges are changed back.
    - Of a run of digits only the first stays. So no token joins two digits, and a number is read digit by digit: with
      a few thousand ids, whether "1984" is one token or three is chance, and arithmetic on such pieces is hard to
      learn. It costs 0.7 % more tokens, and no encoder needs to know of it.
    - Of a run of more than `LONGEST_RUN` characters with no white space, or of nothing else, only the beginning stays.
    """
    lines: list[bytes] = []
    pending = 0
    for text in texts:
        lines.append(text.rstrip().encode().translate(_SWAP_LINES))
        pending += len(lines[-1])
        if pending >= CHUNK_BYTES:
            yield _shortened(b"\n".join(lines) + b"\n")
            lines, pending = [], 0
    if lines:
        yield _shortened(b"\n".join(lines) + b"\n")


def _shortened(chunk: bytes) -> bytes:
    codes = np.frombuffer(chunk, np.uint8)
    digit = (codes - ord("0")) < 10  # bytes below "0" wrap around to large numbers
    repeated = np.zeros(len(codes), np.bool_)
    np.logical_and(digit[1:], digit[:-1], out=repeated[1:])
    codes = codes[~repeated]
    if not _may_have_long_run(codes):
        return codes.tobytes()
    cut = _LONG_RUN.sub(rb"\1\2", codes.tobytes())
    return cut.decode(errors="ignore").encode()  # the cut may have gone through a character


def _may_have_long_run(codes: NDArray[np.uint8]) -> bool:
    """Whether some stretch of half the limit has no white space or nothing else: every longer run holds a whole one."""
    stretch = LONGEST_RUN // 2
    spaces = np.count_nonzero((codes <= ord(" "))[: len(codes) // stretch * stretch].reshape(-1, stretch), axis=1)
    return bool(((spaces == 0) | (spaces == stretch)).any())


def learn(text: Path, tokens: int, *, threads: int | None = None) -> list[Merge]:
    """Merges for at most `tokens` new tokens from a file of `training_text`, by gigabpe where it is installed.

    `threads` is for gigabpe; None takes all cores. Fewer merges come back where the text has no more pairs.
    """
    try:
        gigabpe: Any = import_module("gigabpe")
    except ImportError:
        return learn_with_tokenizers(text, tokens)
    _, merges = gigabpe.train_bpe(
        [str(text)],
        BYTES + tokens,  # it counts only the bytes that occur, so this asks for enough; `assemble` drops what is over
        special_tokens=[],
        min_frequency=LEAST_PAIRS,
        max_token_length=LONGEST_TOKEN,
        pretokenizer="bytelevel",
        threads=threads,
    )
    return _changed_back(merges)


def learn_with_tokenizers(text: Path, tokens: int) -> list[Merge]:
    """The same merges as `learn`, by the reference implementation, an order of magnitude slower."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=BYTES + tokens,
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=LEAST_PAIRS,
        max_token_length=LONGEST_TOKEN,
        show_progress=False,
    )
    tokenizer.train([str(text)], trainer)
    return _changed_back(json.loads(tokenizer.to_str())["model"]["merges"])


def _changed_back(merges: Iterable[Iterable[str]]) -> list[Merge]:
    """The merges with line feed and vertical tab in their places again; no spelling has a space or a line end."""
    feed, tab = ALPHABET[ord("\n")], ALPHABET[ord("\v")]
    spelled = "\n".join(map(" ".join, merges))
    swapped = spelled.replace(feed, "\0").replace(tab, feed).replace("\0", tab)
    pairs = (merge.split(" ") for merge in swapped.splitlines())
    return [(left, right) for left, right in pairs]
