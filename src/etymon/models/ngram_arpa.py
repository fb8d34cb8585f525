"""ARPA files: the text form in which other programs (KenLM, SRILM) keep n-gram models, written and read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.errors import EtymonError
from etymon.models.ngram import NgramModel
from etymon.models.ngram_settings import IMPORTED, NgramSettings
from etymon.models.ngram_tables import Counted, Floats, Indices, Table

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
"""How ARPA files spell our end-of-text: where it stands before a document, and where it is predicted; and the word for
all words that a model does not know."""

NEVER = -99.0
"""log10 of the probability of `<s>`, which is never predicted."""

MOST = 300.0
"""How far a log10 may be from 0: numbers of 64 bits hold 1e-300 and 1e300, and not much beyond."""

PIECE = 1 << 16  # lines made at a time


def write_arpa(model: NgramModel, names: Sequence[str]) -> Iterator[str]:
    """The lines of the ARPA file of a model; `names` spells every token of its vocabulary.

    Probabilities and back-off shares are written as log10 with nine digits. Raises EtymonError where a name cannot
    stand in such a file, and for smoothings that are none of back-off (maximum likelihood, add-k).
    """
    _check_names(names, model)
    tables, order = model.counted.tables, model.settings.order
    yield "\\data\\\n"
    for n, table in enumerate(tables, start=1):
        yield f"ngram {n}={len(table.keys) + (n == 1)}\n"
    grams = np.arange(model.vocabulary)[:, None]
    for n, p in enumerate(probabilities(model), start=1):
        yield f"\n\\{n}-grams:\n"
        table = tables[n - 1]
        if n > 1:
            context, word = np.divmod(table.keys, np.uint64(model.vocabulary))
            grams = np.concatenate([grams[context.astype(np.int64)], word.astype(np.int64)[:, None]], axis=1)
        backoffs = np.log10(table.backoffs) if n < order else None
        yield from _lines(grams, np.log10(p), backoffs, names, model.end_of_text)
    yield "\n\\end\\\n"


def probabilities(model: NgramModel) -> Iterator[Floats]:
    """For orders 1, 2, ...: p(w | h) of every n-gram hw of the table, in its order."""
    tables, vocabulary = model.counted.tables, model.vocabulary
    if model.settings.smoothing in ("maximum-likelihood", "add-k"):
        raise EtymonError(
            f"A model with smoothing={model.settings.smoothing} fits in no ARPA file",
            why="such a file has one share for all words never seen after a context, to go by the shorter context",
            help="choose another models.ngram.smoothing",
        )
    p = np.exp(model.unigrams())
    yield p
    suffixes: Indices = np.zeros(
        vocabulary, np.int64
    )  # the row of each n-gram without its first token, one order below
    for n, table in enumerate(tables[1:], start=2):
        context, word = (part.astype(np.int64) for part in np.divmod(table.keys, np.uint64(vocabulary)))
        suffixes = word if n == 2 else tables[n - 2].find(suffixes[context], word, vocabulary)
        hits = model.hits(n)
        p = hits if model.counted.mixing == "back off" else hits + tables[n - 2].backoffs[context] * p[suffixes]
        yield p


def _check_names(names: Sequence[str], model: NgramModel) -> None:
    others = [name for token, name in enumerate(names) if token != model.end_of_text]
    wrong = next((name for name in others if not name or re.search(r"[ \t\r\n\0]", name) or name in (BEGIN, END)), None)
    if wrong is not None:
        raise EtymonError(f"{wrong!r} cannot be a word of an ARPA file", why="it is empty, has a space in it or is <s>")
    if len(names) != model.vocabulary or len(set(others)) != len(others):
        raise EtymonError(
            "These names do not fit the model",
            why=f"there are {len(names)}, {len(set(names))} different, for a vocabulary of {model.vocabulary}",
        )


def _lines(
    grams: NDArray[Any], p: Floats, backoffs: Floats | None, names: Sequence[str], end_of_text: int
) -> Iterator[str]:
    before, last = list(names), list(names)
    before[end_of_text], last[end_of_text] = BEGIN, END
    unigrams = grams.shape[1] == 1
    for at in range(0, len(p), PIECE):
        lines: list[str] = []
        rows: list[list[int]] = grams[at : at + PIECE].tolist()
        shares: list[float] | None = None if backoffs is None else backoffs[at : at + PIECE].tolist()
        for i, (row, log10) in enumerate(zip(rows, p[at : at + PIECE].tolist(), strict=True)):
            words = " ".join([*(before[token] for token in row[:-1]), last[row[-1]]])
            ends = row[-1] == end_of_text
            if shares is None:
                lines.append(f"{log10:.9g}\t{words}\n")
            else:  # nothing follows </s>: what our table has there belongs to <s>
                lines.append(f"{log10:.9g}\t{words}\t{0 if ends else shares[i]:.9g}\n")
            if unigrams and ends:
                lines.append(f"{NEVER:g}\t{BEGIN}" + ("\n" if shares is None else f"\t{shares[i]:.9g}\n"))
        yield "".join(lines)


def read_arpa(
    lines: Iterable[str], source: str = "ARPA file", names: Sequence[str] = ()
) -> tuple[NgramModel, list[str]]:
    """The model of an ARPA file and the names of its tokens; `<s>` and `</s>` become one end-of-text.

    `lines` end with a line feed and nothing else ends one: open the file with `newline="\\n"`. With `names`, which
    spell the tokens of a tokenizer and call its end-of-text `</s>`, tokens have the numbers that they have there; those
    that the file does not know share the probability of its `<unk>` evenly. Raises EtymonError that names the line at
    fault.
    """
    reader = _Reader(enumerate(lines, start=1), source)
    sizes = reader.sizes()
    words = _Words.of(names)
    tables: list[Table] = []
    for n in range(1, len(sizes) + 1):
        found = reader.grams(n, len(sizes), sizes[n - 1], words)
        tables.append(_unigrams(found, words, reader) if n == 1 else _table(n, found, tables, words, reader))
    reader.ends()
    for n in range(len(tables) - 1):
        tables[n] = _as_contexts(tables[n], tables[n + 1], len(words.names))
    tables[-1] = replace(tables[-1], totals=np.empty(0, np.uint32), backoffs=np.empty(0))
    counted = Counted(
        tables=tables, discounts=np.zeros((len(tables), 1)), total=1, backoff=1.0, operations=0, mixing="back off"
    )
    settings = NgramSettings(order=len(tables), smoothing=IMPORTED)
    return NgramModel(settings, len(words.names), words.end_of_text, 0, counted), words.names


@dataclass
class _Words:
    """Numbers for words, in the order in which they come, or as they are `given`; both ends of a sentence have the
    same. `<unk>` is no word where the words are given, but stands for those that do not come."""

    numbers: dict[str, int] = field(default_factory=dict[str, int])
    names: list[str] = field(default_factory=list[str])
    given: Mapping[str, int] | None = None

    @classmethod
    def of(cls, names: Sequence[str]) -> _Words:
        if not names:
            return cls()
        given = {name: number for number, name in enumerate(names)}
        return cls(names=list(names), given=given | {BEGIN: given[END], UNKNOWN: len(names)})

    @property
    def end_of_text(self) -> int:
        return self.numbers[END]

    def add(self, word: str) -> bool:
        """Whether the word is new."""
        if word in self.numbers:
            return False
        if self.given is not None:
            self.numbers[word] = self.given[word]
            return True
        twin = {BEGIN: END, END: BEGIN}.get(word, word)
        self.numbers[word] = self.numbers.get(twin, len(self.names))
        if self.numbers[word] == len(self.names):
            self.names.append(END if twin != word else word)
        return True


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What stands in one section: token ids [G, n], log10 of p and of the back-off share, and the lines."""

    ids: Indices
    log10: Floats
    backoffs: Floats
    lines: Indices


class _Reader:
    """Line after line; every fault is told with the number of its line."""

    def __init__(self, lines: Iterator[tuple[int, str]], source: str) -> None:
        self._lines, self._source = lines, source
        self._number, self._line = 0, ""

    def refusal(self, what: str, why: str = "", line: int | None = None) -> EtymonError:
        return EtymonError(what, where=f"{self._source}:{self._number if line is None else line}", why=why)

    def sizes(self) -> list[int]:
        """How many n-grams of each order the head promises."""
        while self._next("\\data\\") != "\\data\\":
            pass
        sizes: list[int] = []
        while (line := self._next()).startswith("ngram "):
            match = re.fullmatch(r"ngram +(\d+) *= *(\d+)", line)
            if match is None or int(match[1]) != len(sizes) + 1:
                raise self.refusal(f"{line!r} does not say how many {len(sizes) + 1}-grams there are")
            sizes.append(int(match[2]))
        if not 1 <= len(sizes) <= 8:
            raise self.refusal(f"A model of order {len(sizes)} cannot be read", "orders 1 to 8 can")
        return sizes

    def grams(self, n: int, order: int, size: int, words: _Words) -> _Found:
        """The section of one order."""
        if self._line != f"\\{n}-grams:":
            raise self.refusal(f"{self._line!r} stands where \\{n}-grams: should")
        ids: list[list[int]] = []
        numbers: list[tuple[float, float, int]] = []
        while not (line := self._next()).startswith("\\"):
            if len(ids) == size:
                raise self.refusal(f"There are more {n}-grams than {size}", "the head promises no more")
            log10, *rest = re.split(r"[ \t]+", line)
            if len(rest) not in ((n,) if n == order else (n, n + 1)):
                raise self.refusal(
                    f"This line holds {len(rest) + 1} fields", f"a {n}-gram has a number, {n} words and a number"
                )
            p = self._log10(log10, highest=0)
            backoff = self._log10(rest[n]) if len(rest) > n else 0.0
            ids.append(self._ids(rest[:n], words))
            numbers.append((p, backoff, self._number))
        if len(ids) != size:
            raise self.refusal(f"There are {len(ids)} {n}-grams", f"the head promises {size}")
        columns = np.array(numbers, np.float64).reshape(-1, 3)
        return _Found(
            ids=np.array(ids, np.int64).reshape(-1, n),
            log10=columns[:, 0],
            backoffs=columns[:, 1],
            lines=columns[:, 2].astype(np.int64),
        )

    def ends(self) -> None:
        if self._line != "\\end\\":
            raise self.refusal(f"{self._line!r} stands where \\end\\ should")

    def _next(self, awaited: str = "\\end\\") -> str:
        """The next line that is not empty."""
        for number, line in self._lines:
            self._number, self._line = number, line.strip(" \t\r\n")
            if self._line:
                return self._line
        raise self.refusal("The file ends too early", f"it has no {awaited}" if self._number else "it is empty")

    def _log10(self, text: str, highest: float = MOST) -> float:
        try:
            number = float(text)
        except ValueError:
            raise self.refusal(f"{text!r} is no number") from None
        if not -MOST <= number <= highest:
            raise self.refusal(
                f"{text} is no log10 of a probability" if highest == 0 else f"{text} is no log10 of a share"
            )
        return number

    def _ids(self, grams: Sequence[str], words: _Words) -> list[int]:
        if len(grams) == 1 and words.given is not None and grams[0] not in words.given:
            raise self.refusal(f"{grams[0]!r} is no token of the tokenizer", "the file is of another one, or of words")
        if len(grams) == 1 and not words.add(grams[0]):
            raise self.refusal(f"{grams[0]!r} stands twice among the 1-grams")
        if len(grams) > 1 and words.given is not None and UNKNOWN in grams:
            raise self.refusal(f"{UNKNOWN} is within this {len(grams)}-gram", "it is no token of the tokenizer")
        if len(grams) > 1 and (BEGIN in grams[1:] or END in grams[:-1]):
            raise self.refusal("<s> can only begin an n-gram and </s> only end it")
        try:
            return [words.numbers[word] for word in grams]
        except KeyError as missing:
            raise self.refusal(f"{missing.args[0]!r} is not among the 1-grams") from None


def _unigrams(found: _Found, words: _Words, reader: _Reader) -> Table:
    """p of `</s>` and the back-off share of `<s>` make one row."""
    for name in (BEGIN, END):
        if name not in words.numbers:
            raise reader.refusal(f"{name} is not among the 1-grams")
    spelled = list(words.numbers)  # in the order of the lines
    begins, ends = spelled.index(BEGIN), spelled.index(END)
    backoffs = found.backoffs.copy()
    backoffs[ends] = backoffs[begins]
    rows = np.delete(np.arange(len(spelled)), begins)
    size = len(words.names)
    log10, shares = np.full(size + 1, np.nan), np.zeros(size + 1)  # one row more for `<unk>` where it is no word
    log10[found.ids[rows, 0]], shares[found.ids[rows, 0]] = found.log10[rows], backoffs[rows]
    missing = np.flatnonzero(np.isnan(log10[:size]))
    if len(missing) and np.isnan(log10[size]):
        name = words.names[int(missing[0])]
        why = f"{name!r} and {len(missing) - 1:,} more of the tokenizer are not there, nor <unk> in their place"
        raise reader.refusal(f"{len(missing):,} tokens have no probability", why)
    log10[missing] = log10[size] - np.log10(max(len(missing), 1))
    return _row_by_row(np.arange(size, dtype=np.uint64), log10[:size], shares[:size])


def _table(n: int, found: _Found, tables: Sequence[Table], words: _Words, reader: _Reader) -> Table:
    """The n-grams in the order of (context, word)."""
    vocabulary = len(words.names)
    context = found.ids[:, 0]
    for m in range(2, n):
        context = tables[m - 1].find(context, found.ids[:, m - 1], vocabulary)
    if (context < 0).any():
        line = int(found.lines[np.argmax(context < 0)])
        raise reader.refusal(f"The context of this {n}-gram is not among the {n - 1}-grams", line=line)
    keys = context.astype(np.uint64) * np.uint64(vocabulary) + found.ids[:, -1].astype(np.uint64)
    rows = np.argsort(keys, kind="stable")
    twice = np.flatnonzero(np.diff(keys[rows]) == 0)
    if len(twice):
        raise reader.refusal(f"This {n}-gram stands twice", line=int(found.lines[rows[twice[0] + 1]]))
    return _row_by_row(keys[rows], found.log10[rows], found.backoffs[rows])


def _row_by_row(keys: NDArray[np.uint64], log10: Floats, backoffs: Floats) -> Table:
    nothing = np.zeros(len(keys), np.uint32)
    return Table(keys=keys, counts=nothing, totals=nothing, backoffs=10.0**backoffs, hits=10.0**log10)


def _as_contexts(table: Table, longer: Table, vocabulary: int) -> Table:
    """The table with, as totals, how many words are known to follow each of its n-grams."""
    followed = np.bincount((longer.keys // np.uint64(vocabulary)).astype(np.int64), minlength=len(table.keys))
    return replace(table, totals=followed.astype(np.uint32))
