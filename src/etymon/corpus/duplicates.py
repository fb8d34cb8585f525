"""Exact duplicates: documents that say the same after normalisation; the first one read is kept."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence


def normalised(text: str) -> str:
    """Canonically composed (NFC), every run of white space one space, none at the ends."""
    folded = " ".join(text.split())
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


def content_key(text: str) -> bytes:
    """16 bytes of SHA-256 over the normalised text: equal for copies, on every machine and in every run."""
    return hashlib.sha256(normalised(text).encode()).digest()[:16]


class Duplicates:
    """The documents kept so far, by content."""

    def __init__(self) -> None:
        self._first: dict[bytes, str] = {}

    def partners(self, keys: Sequence[bytes], ids: Sequence[str], candidate: Sequence[bool]) -> list[str]:
        """For each document the id of an earlier kept one that says the same, or "". Only candidates are kept, so only
        they can be anybody's partner."""
        return [
            partner if partner != id else ""
            for key, id, wanted in zip(keys, ids, candidate, strict=True)
            for partner in [self._first.setdefault(key, id) if wanted else ""]
        ]
