"""KenLM beside our n-grams: the same sentences for both, every n-gram compared, and scores of `query`.

KenLM's sentences are lines, as ours are with `sentences="lines"`. The vocabulary of both has one word more that is
never seen, `<unk>`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etymon.models import NgramModel, NgramSettings, estimate_lines, read_arpa, write_arpa
from etymon.models.ngram_arpa import probabilities
from etymon.tokens import Batch


class BadDiscount(Exception):
    """lmplz finds too few n-grams of some count to estimate its discounts from."""


RESERVED = {"<s>", "</s>", "<unk>"}


def kenlm(program: str) -> str | None:
    """The program of KenLM, in the folder ETYMON_KENLM or on the path; None where it is not installed."""
    folder = os.environ.get("ETYMON_KENLM")
    return shutil.which(program, path=folder) if folder else shutil.which(program)


def sentences(text: str, characters: bool = False, words: int | None = None) -> list[list[str]]:
    """The lines of a text as words, or as characters; at most about so many in all. What KenLM reserves is left out."""
    found: list[list[str]] = []
    total = 0
    for line in text.splitlines():
        tokens = list(line.replace(" ", "_").replace("\t", "_")) if characters else line.split()
        found.append([token for token in tokens if token not in RESERVED and not token.isspace() and token != "\0"])
        total += len(tokens) + 1
        if words is not None and total >= words:
            break
    return found


def lmplz(lines: Sequence[Sequence[str]], order: int, arpa: Path, *more: str) -> None:
    """KenLM's model of the sentences."""
    command = [
        str(kenlm("lmplz")),
        "-o",
        str(order),
        "-S",
        "300M",
        "-T",
        str(arpa.parent / "sort"),
        "--arpa",
        str(arpa),
    ]
    text = "\n".join(map(" ".join, lines)) + "\n"
    done = subprocess.run([*command, *more], input=text.encode(), capture_output=True)
    if b"BadDiscountException" in done.stderr:
        raise BadDiscount
    if done.returncode:
        raise RuntimeError(f"{' '.join([*command, *more])}: {done.stderr.decode()[-400:]}")


def query(arpa: Path, lines: Sequence[Sequence[str]]) -> list[float]:
    """log10 of the probability of each word and of each sentence's end, from KenLM's `query`."""
    text = "\n".join(map(" ".join, lines)) + "\n"
    done = subprocess.run([str(kenlm("query")), "-v", "word", str(arpa)], input=text.encode(), capture_output=True)
    found = re.findall(r"\S+=\d+ \d+ (-?[\d.e+-]+)\t", done.stdout.decode())
    return [float(number) for number in found]


LAST = "the-last-new-word"


def closed(lines: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """The sentences and one more, of one word that occurs nowhere else.

    For the last n-gram of each order lmplz puts how often it occurs among its counts of counts, not its adjusted count
    (adjust_counts.cc, "This outputs the last n-grams"). The last n-gram ends in the word that came up last; where that
    word occurs once both counts are 1, and the two programs see the same statistics.
    """
    return [*lines, [LAST]]


def stream(lines: Sequence[Sequence[str]], names: Sequence[str]) -> tuple[np.ndarray, int]:
    """The token stream of the sentences with the numbers that the names have, and end-of-text."""
    numbers = {name: number for number, name in enumerate(names)}
    end = numbers["</s>"]
    unknown = numbers.get("<unk>", -1)
    ids = [end]
    for line in lines:
        ids += [numbers.get(word, unknown) for word in line]
        ids.append(end)
    return np.array(ids, np.int64), end


def by_lines(
    lines: Sequence[Sequence[str]],
    names: Sequence[str],
    order: int,
    prune: tuple[int, ...] = (),
    fallback: tuple[float, ...] = (),
) -> NgramModel:
    """Our model of the same lines: one document, in which a token of its own, a line feed, ends each of them."""
    numbers = {name: number for number, name in enumerate(names)}
    end, feed = numbers["</s>"], len(names)
    ids = [end, *(token for line in lines for token in (*(numbers[word] for word in line), feed)), end]
    settings = NgramSettings(order=order, prune=prune, fallback=fallback, sentences="lines", line_ends=(feed,))
    return estimate_lines(settings, len(names) + 1, np.array(ids), end).lines


def batch(ids: np.ndarray) -> Batch:
    return Batch(ids=ids[None, :-1], targets=ids[None, 1:], weights=np.ones((1, len(ids) - 1)))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Of every n-gram of two models: how many there are, and the largest differences in log10 of p and of the share."""

    grams: int
    p: float
    backoff: float


def compare(ours: NgramModel, theirs: NgramModel) -> Difference:
    """Raises ValueError where one has an n-gram that the other has not."""
    grams, p, backoff = 0, 0.0, 0.0
    for n, (mine, other, own) in enumerate(
        zip(ours.counted.tables, theirs.counted.tables, probabilities(ours), strict=True), start=1
    ):
        if not np.array_equal(mine.keys, other.keys):
            raise ValueError(f"{len(mine.keys)} and {len(other.keys)} {n}-grams are not the same")
        grams += len(own)
        p = max(p, float(np.abs(np.log10(own) - np.log10(other.hits)).max(initial=0)))
        if len(mine.backoffs):
            shares = np.abs(np.log10(mine.backoffs) - np.log10(other.backoffs))
            backoff = max(backoff, float(shares.max(initial=0)))
    return Difference(grams=grams, p=p, backoff=backoff)


def parity(
    lines: Sequence[Sequence[str]], order: int, folder: Path, prune: Sequence[int] = (), fallback: bool = False
) -> tuple[Difference, NgramModel, list[str]]:
    """Both models of the sentences compared; and ours, with its names."""
    arpa = folder / "kenlm.arpa"
    more = [*(["--prune", *map(str, prune)] if prune else []), *(["--discount_fallback"] if fallback else [])]
    lmplz(lines, order, arpa, *more)
    with arpa.open(newline="\n") as file:
        theirs, names = read_arpa(file, str(arpa))
    ours = by_lines(lines, names, order, tuple(prune), (0.5, 1.0, 1.5) if fallback else ())
    return compare(ours, theirs), ours, names


def scored(model: NgramModel, names: Sequence[str], lines: Sequence[Sequence[str]], folder: Path) -> tuple[int, float]:
    """Tokens, and the largest difference in log10 between our score of one and that of KenLM reading our ARPA file."""
    arpa = folder / "ours.arpa"
    arpa.write_text("".join(write_arpa(model, names)))
    theirs = np.array(query(arpa, lines))
    ours = [model.log_probs(batch(stream([line], names)[0])).ravel() / np.log(10) for line in lines]
    return len(theirs), float(np.abs(np.concatenate(ours) - theirs).max())
