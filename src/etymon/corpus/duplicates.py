"""Exact duplicates: documents that say the same after normalisation; the first one read is kept."""

from __future__ import annotations

import hashlib
import unicodedata


def normalised(text: str) -> str:
    """Canonically composed (NFC), every run of white space one space, none at the ends."""
    folded = " ".join(text.split())
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


def content_key(text: str) -> bytes:
    """16 bytes of SHA-256 over the normalised text: equal for copies, on every machine and in every run."""
    return hashlib.sha256(normalised(text).encode()).digest()[:16]
