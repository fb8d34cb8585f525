"""Classes of characters: as ranges for patterns, and as one table of bits per code point for whole batches."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

(
    SPACE,
    LETTER,
    NUMBER,
    LOWER,
    UPPER,
    PUNCTUATION,
    SYMBOL,
    TERMINAL,
    ENDS_SENTENCE,
    BREAK,
    SPACELESS,
    SYLLABIC,
    UNENDED,
) = (1 << bit for bit in range(13))
"""The bits: white space; a letter; category N; lower and upper case for word splitting, letters without case both;
category P; no word by itself in Gopher's sense; ends a line for FineWeb; ends a sentence; ends a line for Python; of
SPACELESS_SCRIPTS, of SYLLABIC_SCRIPTS, of UNENDED_SCRIPTS."""

Ranges = tuple[tuple[int, int], ...]
ASSIGNED = 0x32000
"""Above are no characters but tags and private use."""


def _ranges(written: str) -> Ranges:
    """Ranges from their usual notation: "21 61D-61F"."""
    bounds = (each.partition("-") for each in written.split())
    return tuple((int(first, 16), int(last or first, 16)) for first, _, last in bounds)


LATIN: Ranges = (
    (0x41, 0x5A), (0x61, 0x7A), (0xC0, 0xD6), (0xD8, 0xF6), (0xF8, 0x1BF), (0x1C4, 0x2AF), (0x1D00, 0x1D25),
    (0x1D6B, 0x1D77), (0x1D79, 0x1D9A), (0x1E00, 0x1EFF), (0x2C60, 0x2C7B), (0x2C7E, 0x2C7F), (0xA722, 0xA787),
    (0xA78B, 0xA7B9), (0xA7FA, 0xA7FA), (0xAB30, 0xAB5A), (0xAB60, 0xAB64), (0xFF21, 0xFF3A), (0xFF41, 0xFF5A),
)  # fmt: skip
GREEK: Ranges = ((0x386, 0x386), (0x388, 0x38A), (0x38C, 0x38C), (0x38E, 0x38F), (0x391, 0x3A9), (0x3AC, 0x3AF),
    (0x3B1, 0x3C9), (0x3CC, 0x3CE))  # fmt: skip
CYRILLIC: Ranges = (
    (0x400, 0x401), (0x403, 0x40A), (0x40C, 0x40D), (0x410, 0x451), (0x453, 0x45A), (0x45C, 0x45D), (0x490, 0x491),
    (0x496, 0x497), (0x4A2, 0x4A3), (0x4AE, 0x4AF), (0x4BA, 0x4BB), (0x4D8, 0x4D9), (0x4E8, 0x4E9),
)  # fmt: skip
CASED: Ranges = (*LATIN, *GREEK, *CYRILLIC)
UNCASED: Ranges = (
    (0x591, 0x5F4), (0x620, 0x64A), (0x66E, 0x6D5), (0x6E5, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8BD), (0x900, 0x97F),
    (0x980, 0x9FF), (0xB80, 0xCFF), (0xD80, 0xDFF), (0x1100, 0x137F), (0x2E80, 0x2FDF), (0x2FF0, 0x30FF),
    (0x31C0, 0x31EF), (0x3200, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0xFB1D, 0xFBB1),
    (0xFBD3, 0xFD3D), (0xFD50, 0xFDC7), (0xFDF0, 0xFDFB), (0xFE30, 0xFE4F), (0xFE70, 0xFEFC), (0x1EE00, 0x1EEBB),
    (0x1F200, 0x1F2FF), (0x20000, 0x2EBEF), (0x2F800, 0x2FA1F),
)  # fmt: skip
"""Blocks whose characters count as letters for word splitting whatever their category, combining marks with them."""

SENTENCE_TERMINALS = _ranges(
    "21 2E 3F 589 61D-61F 6D4 700-702 7F9 837 839 83D-83E 964-965 104A-104B 1362 1367-1368 166E 1735-1736 "
    "17D4-17D6 17D9-17DA 1803 1809 1944-1945 1AA8-1AAB 1B5A-1B5B 1B5E-1B5F 1B7D-1B7E 1C3B-1C3C 1C7E-1C7F "
    "203C-203D 2047-2049 2E2E 2E3C 2E53-2E54 3002 A4FF A60E-A60F A6F3 A6F7 A876-A877 A8CE-A8CF A92F A9C8-A9C9 "
    "AA5D-AA5F AAF0-AAF1 ABEB FE52 FE56-FE57 FF01 FF0E FF1F FF61 10A56-10A57 10F55-10F59 10F86-10F89 11047-11048 "
    "110BE-110C1 11141-11143 111C5-111C6 111CD 111DE-111DF 11238-11239 1123B-1123C 112A9 1144B-1144C 115C2-115C3 "
    "115C9-115D7 11641-11642 1173C-1173E 11944 11946 11A42-11A43 11A9B-11A9C 11C41-11C42 11EF7-11EF8 11F43-11F44 "
    "16A6E-16A6F 16AF5 16B37-16B38 16B44 16E98 1BC9F 1DA88"
)
"""Unicode's property Sentence_Terminal (PropList.txt, version 15)."""

LATER_TERMINALS = _ranges("61D-61E 837-83E 17D4-17DA 1B7D-1B7E 2E53-2E54 10F55-10F89 11944-11946 11EF7-11F44 16E98")
"""Those of them that the rule-based sentence splitter, an older list, does not know."""

LATER_ICONS = _ranges(
    "166D 2B97 2BC9 2BFF 2E50-2E51 32FF FD40-FDCF FDFE-FDFF 1019C 11FD5-11FF1 1CF50-1CFC3 1D1E9-1D1EA 1E14F 1ED2E "
    "1F10D-1F10F 1F16C-1F16F 1F1AD 1F6D5-1F6DF 1F6FA-1F6FF 1F774-1F77F 1F7D9-1F7FF 1F8B0-1F8BB 1F90C-1F90F 1F93F "
    "1F971-1F972 1F977-1F979 1F97B 1F9A3-1F9AF 1F9BA-1F9BF 1F9C3-1F9CF 1FA00-1FA5F 1FA6E-1FBFF"
)
"""Symbols that Unicode has taken in since version 11, which word splitting does not cut off."""

SCRIPTS: dict[str, Ranges] = {
    "Han": _ranges("2E80-2FDF 3005-3007 3400-4DBF 4E00-9FFF F900-FAFF 20000-323AF"),
    "Hiragana": _ranges("3041-309F"),
    "Katakana": _ranges("30A0-30FF 31F0-31FF FF66-FF9F"),
    "Hangul": _ranges("1100-11FF 3130-318F A960-A97F AC00-D7FF"),
    "Thai": _ranges("E00-E7F"),
    "Lao": _ranges("E80-EFF"),
    "Khmer": _ranges("1780-17FF 19E0-19FF"),
    "Myanmar": _ranges("1000-109F A9E0-A9FF AA60-AA7F"),
}
"""The blocks of some scripts (Unicode's Blocks.txt, version 15); of half-width forms the katakana."""

SPACELESS_SCRIPTS = ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
"""Written without spaces between words: the ideographic classes and class SA of Unicode's annex 14 on line breaks."""

SYLLABIC_SCRIPTS = ("Han", "Hiragana", "Katakana", "Hangul")
"""A character is a syllable or a word."""

UNENDED_SCRIPTS = ("Thai", "Lao")
"""Sentences end in a space, or in a full stop at most: Sentence_Terminal has no mark of these scripts."""

ODD_SYMBOLS = "—”％１〈（、━【「」，】；“《„’∶´．–？！：～«〉》）。…►»"
"""What CCNet's list of punctuation holds besides ASCII and control characters, the full-width digit one included."""


def span(ranges: Iterable[tuple[int, int]]) -> Iterable[int]:
    """The code points in some ranges."""
    for first, last in ranges:
        yield from range(first, last + 1)


def merged(codes: Iterable[int]) -> Ranges:
    """Ascending code points as the fewest ranges: long lists make slow patterns."""
    found: list[tuple[int, int]] = []
    for code in codes:
        first = found.pop()[0] if found and found[-1][1] == code - 1 else code
        found.append((first, code))
    return tuple(found)


def pattern(*ranges: Ranges) -> str:
    """Ranges as they stand inside the brackets of a regular expression."""
    return "".join(f"{chr(first)}-{chr(last)}" for each in ranges for first, last in each)


@cache
def categories() -> list[str]:
    """The general category of each code point below ASSIGNED."""
    return [unicodedata.category(chr(code)) for code in range(ASSIGNED)]


def of_category(within: Ranges, *wanted: str) -> Ranges:
    """The characters of some ranges that have one of some categories ("L" for all letters)."""
    table = categories()
    return merged(code for code in span(within) if table[code].startswith(wanted))


@cache
def icons() -> Ranges:
    """Symbols of category So that word splitting cuts off."""
    later = set(span(LATER_ICONS))
    return merged(code for code, each in enumerate(categories()) if each == "So" and code not in later)


@cache
def flags() -> NDArray[np.uint16]:
    """The bits of every code point. [0x110000]"""
    table = np.zeros(0x110000, np.uint16)

    def set_bit(bit: int, codes: Iterable[int]) -> None:
        table[np.fromiter(codes, np.int64)] |= bit

    listed = categories()
    set_bit(SPACE, (code for code in range(ASSIGNED) if chr(code).isspace()))
    set_bit(LETTER, (code for code, each in enumerate(listed) if each[0] == "L"))
    set_bit(NUMBER, (code for code, each in enumerate(listed) if each[0] == "N"))
    set_bit(PUNCTUATION, (code for code, each in enumerate(listed) if each[0] == "P"))
    set_bit(LOWER, (*span(of_category(CASED, "Ll")), *span(UNCASED)))
    set_bit(UPPER, (*span(of_category(CASED, "Lu")), *span(UNCASED)))
    set_bit(TERMINAL, span(SENTENCE_TERMINALS))
    set_bit(ENDS_SENTENCE, set(span(SENTENCE_TERMINALS)) - set(span(LATER_TERMINALS)))
    ascii_symbols = (code for code in range(0x21, 0x7F) if not chr(code).isalnum())
    controls = (code for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x9, 0xA))
    set_bit(SYMBOL, (*ascii_symbols, *controls, *map(ord, ODD_SYMBOLS), *span(SENTENCE_TERMINALS)))
    for bit, scripts in ((SPACELESS, SPACELESS_SCRIPTS), (SYLLABIC, SYLLABIC_SCRIPTS), (UNENDED, UNENDED_SCRIPTS)):
        set_bit(bit, (code for script in scripts for code in span(SCRIPTS[script])))
    set_bit(BREAK, (0xA, 0xB, 0xC, 0xD, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029))
    return table
