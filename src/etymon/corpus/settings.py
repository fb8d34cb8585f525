"""The corpus settings: how text is cut, what is too little, and how much is held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from etymon.corpus.found import Reading
from etymon.recipe import Bytes, Setting

SECTION, CODE_SECTION = Bytes(16 << 10), Bytes(1 << 20)
LARGEST_SECTION = 1 << 26
MINIMUM = Bytes(16)
HELDOUT = Bytes(1_000_000)


@dataclass(frozen=True, kw_only=True)
class CorpusSettings:
    """What `etymon.corpus.build` can be told; the defaults need no thought."""

    section_bytes: Annotated[
        Bytes,
        Setting("a text file longer than this is cut into sections at blank lines", low=64, high=LARGEST_SECTION),
    ] = SECTION
    code_bytes: Annotated[
        Bytes, Setting("a file of source code longer than this is cut likewise", low=64, high=LARGEST_SECTION)
    ] = CODE_SECTION
    minimum_bytes: Annotated[Bytes, Setting("a shorter document is dropped as too short", low=0)] = MINIMUM
    validation: Annotated[float, Setting("share of the documents held out for validation", low=0.0, high=0.3)] = 0.05
    test: Annotated[float, Setting("share of the documents held out for the test", low=0.0, high=0.3)] = 0.05
    heldout_bytes: Annotated[
        Bytes, Setting("most text in each held-out split, so that measuring stays cheap", low=1)
    ] = HELDOUT
    text_field: Annotated[
        str, Setting('field or column that holds the text; "": text, content or body, in tables else the longest')
    ] = ""

    def reading(self, finer: int | None = None) -> Reading:
        """How the readers are to cut: by these settings, or everything at `finer` bytes where that is less."""
        if finer is None:
            return Reading(self.section_bytes, self.code_bytes, None, self.text_field)
        return Reading(min(finer, self.section_bytes), min(finer, self.code_bytes), finer, self.text_field)
