"""Named phenomena of language, each one documented counter of a text: what a corpus has much or little of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NOT_REGULAR = "been|done|given|made|seen|taken|known|found|built|written|shown|held|kept|left|lost|sent|told|used"
_BE = "am|is|are|was|were|be|been|being"


@dataclass(frozen=True)
class Phenomenon:
    """A pattern whose matches are counted; `about` says what it finds and what it misses, `english` whether it only
    means something in English."""

    about: str
    pattern: re.Pattern[str]
    english: bool = True


def _any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.I | re.M)


PHENOMENA: Mapping[str, Phenomenon] = {
    "questions": Phenomenon("question marks, several in a row counting once", re.compile(r"[?？؟]+"), english=False),
    "quotations": Phenomenon(
        "stretches of 2 to 500 characters in double or angle quotation marks",
        re.compile(r"\"[^\"\n]{2,500}\"|“[^”\n]{2,500}”|«[^»\n]{2,500}»|„[^“\n]{2,500}“"),
        english=False,
    ),
    "numbers": Phenomenon("numbers in digits, with separators", re.compile(r"\b\d+(?:[.,:]\d+)*\b"), english=False),
    "lists": Phenomenon(
        "lines that begin with a bullet or a number", re.compile(r"^\s*(?:[-*•●]|\d+[.)])\s", re.M), english=False
    ),
    "code": Phenomenon(
        "lines that end in a brace, bracket or semicolon, or hold a call or an assignment",
        re.compile(r"^.*(?:[{};]|\w\(.*\)|\w\s=\s\w.*)\s*$", re.M),
        english=False,
    ),
    "negation": Phenomenon(
        "not, n't, no, never, none, nothing, nobody, nor",
        _any_case(r"\b(?:not|no|never|none|nothing|nobody|nor)\b|n['’]t\b"),
    ),
    "past tense": Phenomenon(
        "was, were, had, did, said, and words in -ed (participles too)",
        _any_case(r"\b(?:was|were|had|did|said|went|\w{3,}ed)\b"),
    ),
    "passive": Phenomenon(
        "a form of to be, and within two words one in -ed or a frequent irregular participle",
        _any_case(rf"\b(?:{_BE})\s+(?:\w+\s+){{0,2}}?(?:\w{{3,}}ed|{_NOT_REGULAR})\b"),
    ),
    "first person": Phenomenon(
        "I, me, my, mine, we, us, our, ours", re.compile(r"\bI\b|\b(?i:me|my|mine|myself|we|our|ours)\b|\bus\b")
    ),
    "second person": Phenomenon("you, your, yours, yourself", _any_case(r"\b(?:you|your|yours|yourself|yourselves)\b")),
    "comparison": Phenomenon("than, more, most, less, least", _any_case(r"\b(?:than|more|most|less|least)\b")),
    "condition": Phenomenon("if, unless, otherwise, whether", _any_case(r"\b(?:if|unless|otherwise|whether)\b")),
}


def count_phenomena(text: str) -> dict[str, int]:
    """How often each phenomenon stands in a text."""
    return {name: sum(1 for _ in each.pattern.finditer(text)) for name, each in PHENOMENA.items()}
