"""The corpus settings: what is read, by which recipe it is judged, what counts as a copy, and how much is held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from etymon.corpus.extract import EXTRACTORS
from etymon.corpus.found import Reading
from etymon.recipe import Bytes, Setting

SECTION, CODE_SECTION = Bytes(16 << 10), Bytes(1 << 20)
LARGEST_SECTION = 1 << 26
MINIMUM = Bytes(16)
HELDOUT = Bytes(1_000_000)
AUTO = "auto"
AUTO_WORDS = "auto: as the recipe says"


@dataclass(frozen=True, kw_only=True)
class CorpusSettings:
    """What `etymon.corpus.build` can be told; the defaults need no thought."""

    recipe: Annotated[
        str,
        Setting("the rules that judge: a published set by name, or a TOML file; auto: web for web archives, text else"),
    ] = AUTO
    extractor: Annotated[
        str,
        Setting(f"what finds the main content of a page; {AUTO_WORDS}", choices=(AUTO, *EXTRACTORS)),
    ] = AUTO
    languages: Annotated[
        tuple[str, ...], Setting("languages that are kept, by their codes (en,de); empty: those of the recipe")
    ] = ()
    language_score: Annotated[
        float, Setting("a document whose language is less sure than this is dropped", low=0.0, high=1.0)
    ] = 0.0
    whole_text_language: Annotated[
        bool, Setting("tell the language from the whole text, not from its first 2,000 characters")
    ] = False
    opt_outs: Annotated[bool, Setting("leave out pages that ask not to be used for training")] = True
    personal_data: Annotated[
        str, Setting(f"what becomes of addresses and numbers of people; {AUTO_WORDS}", choices=(AUTO, "mask", "keep"))
    ] = AUTO
    near_duplicates: Annotated[
        str,
        Setting(f"how near duplicates are found; {AUTO_WORDS}", choices=(AUTO, "off", "default", "fineweb")),
    ] = AUTO
    repeated_lines: Annotated[
        str,
        Setting(
            f"what is cut out where many documents share it; {AUTO_WORDS}", choices=(AUTO, "off", "line", "paragraph")
        ),
    ] = AUTO
    repeated_spans: Annotated[
        str, Setting(f"passages that stand earlier are cut out: off, on, or from how many bytes on; {AUTO_WORDS}")
    ] = AUTO
    classifiers: Annotated[
        tuple[str, ...], Setting("classifiers whose scores become columns, by names: quality=ID,toxicity=ID")
    ] = ()
    least_score: Annotated[
        tuple[str, ...], Setting("probability below which a document is dropped, by classifier: quality=0.3")
    ] = ()
    most_score: Annotated[
        tuple[str, ...], Setting("probability above which a document is dropped, by classifier: toxicity=0.9")
    ] = ()
    badwords: Annotated[str, Setting("a file of words, one a line, that drop a page under recipes with that rule")] = ""
    contamination: Annotated[
        str, Setting('JSON lines of {"id", "text"} that no document may hold, such as the items of a test')
    ] = ""
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
