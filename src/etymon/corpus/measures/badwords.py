"""Words that somebody does not want in any page: a list of their own, one word or phrase a line; none is shipped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError

WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class BadWords:
    """A list: the phrases between characters that are no word's (C4's rule), and the words that can begin one."""

    pattern: re.Pattern[str]
    firsts: frozenset[str]
    odd: bool

    def count(self, text: str) -> int:
        """How often a phrase of the list stands in a text, in any case."""
        lower = text.lower()
        if not self.odd and self.firsts.isdisjoint(WORD.findall(lower)):
            return 0  # three times faster than the pattern, and nearly always enough
        return sum(1 for _ in self.pattern.finditer(lower))


def read_badwords(path: str) -> BadWords:
    """The list in a file. Raises EtymonError where it cannot be read or holds no word."""
    try:
        found = Path(path).expanduser().stat()
    except OSError as cause:
        raise EtymonError("the list of bad words cannot be read", where=path, why=str(cause)) from cause
    return _read(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1)
def _read(path: str, modified: int, size: int) -> BadWords:
    """The list as it was at that time: a file that has changed since is another one."""
    try:
        lines = Path(path).expanduser().read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise EtymonError("the list of bad words cannot be read", where=path, why=str(cause)) from cause
    phrases = sorted({line.strip().lower() for line in lines if line.strip()}, key=len, reverse=True)
    if not phrases:
        raise EtymonError("the list of bad words is empty", where=path, help="one word or phrase a line")
    firsts = [WORD.match(phrase) for phrase in phrases]
    pattern = re.compile(rf"(?:\W|^)(?:{'|'.join(map(re.escape, phrases))})(?=\W|$)")
    return BadWords(pattern, frozenset(each.group() for each in firsts if each), None in firsts)


def count_badwords(texts: Sequence[str], path: str) -> NDArray[np.int64]:
    """How often phrases of the list in a file stand in each text; 0 everywhere without a file."""
    if not path:
        return np.zeros(len(texts), np.int64)
    listed = read_badwords(path)
    return np.fromiter(map(listed.count, texts), np.int64, len(texts))
