"""The chunks that English word splitting treats by name: contractions, abbreviations, times and emoticons.

They follow what spaCy documents of its English tokenizer (spacy.io/usage/linguistic-features#tokenization), which the
published pipelines count words with; written here as the regularities behind them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product

PRONOUNS = ("i", "you", "he", "she", "it", "we", "they")
ENDINGS_OF_PRONOUNS = {
    "'ll": PRONOUNS, "'ll 've": PRONOUNS, "'d": PRONOUNS, "'d 've": PRONOUNS,
    "'ve": ("i", "you", "we", "they"), "'re": ("you", "we", "they"), "'s": ("he", "she", "it"),
    "'m": ("i",), "'m a": ("i",),
}  # fmt: skip
QUESTIONS = ("who", "what", "when", "where", "why", "how", "there")
ENDINGS_OF_QUESTIONS = {
    "'s": (*QUESTIONS, "that", "this"), "'ll": (*QUESTIONS, "that", "this", "these", "those"),
    "'ll 've": (*QUESTIONS, "that", "this", "these", "those"), "'re": (*QUESTIONS, "these", "those"),
    "'ve": (*QUESTIONS, "these", "those"), "'d": (*QUESTIONS, "that", "this", "these", "those"),
    "'d 've": (*QUESTIONS, "that", "this", "these", "those"),
}  # fmt: skip
NEGATED_WITH_HAVE = "ca could do does did had may might must need ought sha should wo would"
NEGATED = "ai are is was were have has dare"
FOLLOWED_BY_HAVE = "could might must should would"
WORDS_OF_THEIR_OWN = "ill its hell shell shed were well whore"
"""Contractions without apostrophe that are words by themselves, and stay whole."""

IRREGULAR = (
    "y' all", "y all", "how 'd 'y", "How 'd 'y", "not 've", "not ve", "Not 've", "Not ve", "can not", "Can not",
    "gon na", "Gon na", "got ta", "Got ta", "let 's", "Let 's", "c'm on", "C'm on",
)  # fmt: skip
WITH_APOSTROPHE = "'s 'S ‘s ‘S 're 'd 'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout ma'am Ma'am o'clock O'clock"
SHORTENED = "doin goin nothin nuthin ol somethin lovin havin"
MONTHS = "Jan. Feb. Mar. Apr. Jun. Jul. Aug. Sep. Sept. Oct. Nov. Dec."
STATES = (
    "Ak. Ala. Ariz. Ark. Calif. Colo. Conn. Del. Fla. Ga. Ia. Id. Ill. Ind. Kan. Kans. Ky. La. Mass. Md. Mich. Minn. "
    "Miss. Mo. Mont. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Okla. Ore. Pa. S.C. Tenn. Va. Wash. Wis. D.C."
)
TITLES = "Adm. Dr. Gen. Gov. Jr. Messrs. Mr. Mrs. Ms. Ph.D. Prof. Rep. Rev. Sen. St. Mt."
OTHERS = "Bros. co. Co. Corp. Inc. Ltd. a.m. p.m. e.g. E.g. E.G. i.e. I.e. I.E. vs. v.s. and/or w/o C++ em 'em ll 'll"
MARKS = "— \\t \\n ' '' \\\") <space> nuff 'nuff"
KEPT_WHOLE = " ".join((WITH_APOSTROPHE, MONTHS, STATES, TITLES, OTHERS, MARKS)).split()


SINGLE_SMILEYS = (
    "=) (= [= =] =[ =( =/ =| =3 =D ]= (-8 :o) (o: :1 :() >:( >:o :') :'-) :'( :'-( xD XD xDD XDD ^_^ ^__^ ^___^ >.< "
    ">.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V @_@ <3 <33 <333 </3 0_o o_0 0_0 0.0 o.0 0.o (^_^) (-_-) (._.) (>_<) "
    "(*_*) (¬_¬)"
)


def _smileys() -> Iterator[str]:
    """Eyes, perhaps a nose, and a mouth, from left to right; some also from right to left."""
    yield from (f":{nose}{mouth}" for nose, mouth in product(("", "-"), (")", "))", ")))", "(", "((", "(((", "]", "}")))
    yield from (f"{eyes}{nose}{mouth}" for eyes, nose, mouth in product((":",), ("", "-"), "/|PpOo0*3>XxD"))
    yield from (f"{mouth}{nose}{eyes}" for mouth, nose, eyes in product("([", ("", "-"), (":",)))
    yield from (f"{mouth}{nose}{eyes}" for mouth, nose, eyes in product(")", ("", "-"), (":",)))
    yield from (f";{nose}{mouth}" for nose, mouth in product(("", "-"), ")D"))
    yield from (f"({nose};" for nose in ("", "-"))
    yield from (f"8{nose}{mouth}" for nose, mouth in product(("", "-"), ")D"))
    yield from SINGLE_SMILEYS.split()
    yield from (f"{left}{mouth}{right}" for left, mouth, right in product("oO", "_.", "oO"))


def _contractions() -> Iterator[str]:
    """Parts joined by blanks, in lower case."""
    for endings in (ENDINGS_OF_PRONOUNS, ENDINGS_OF_QUESTIONS):
        yield from (f"{word} {ending}" for ending, words in endings.items() for word in words)
    yield from (f"{verb} n't" for verb in f"{NEGATED} {NEGATED_WITH_HAVE}".split())
    yield from (f"{verb} n't 've" for verb in NEGATED_WITH_HAVE.split())
    yield from (f"{verb} 've" for verb in FOLLOWED_BY_HAVE.split())


@cache
def exceptions() -> dict[str, tuple[str, ...]]:
    """The words that each exceptional chunk is made of."""
    parts: list[str] = []
    for each in _contractions():
        parts += [form for shape in (each, each[0].upper() + each[1:]) for form in (shape, shape.replace("'", ""))]
    table = {"".join(each): each for each in (tuple(part.split()) for part in parts)}
    for word in WORDS_OF_THEIR_OWN.split():
        table.pop(word, None)
        table.pop(word.title(), None)
    table |= {"".join(words): words for words in (tuple(each.split()) for each in IRREGULAR)}
    shortened = [form for word in SHORTENED.split() for form in (word, word.title())]
    whole = [*KEPT_WHOLE, *shortened, *(f"{word}'" for word in shortened), *_smileys()]
    whole += [f"{letter}." for letter in "abcdefghijklmnopqrstuvwxyzäöü"]
    table |= {each: (each,) for each in whole}
    table |= {f"{hour}{half}": (str(hour), half) for hour in range(1, 13) for half in ("am", "a.m.", "pm", "p.m.")}
    table |= {f"°{unit}.": ("°", unit, ".") for unit in "cfkCFK"}
    curly = {key.replace("'", "’"): tuple(word.replace("'", "’") for word in words) for key, words in table.items()}
    return curly | table
