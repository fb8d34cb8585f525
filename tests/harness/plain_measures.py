"""Every measure once more, as slowly and plainly as its published description reads: what the fast ones must equal."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from etymon.corpus.measures.splitting import split_chunk
from etymon.corpus.measures.unicode import ENDS_SENTENCE, SPACELESS, SYLLABIC, SYMBOL, TERMINAL, UNENDED, flags

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}
SCRIPT_BITS = {"spaceless": SPACELESS, "syllabic": SYLLABIC, "unended": UNENDED}
ELLIPSES = ("...", "…")


def has(character: str, bit: int) -> bool:
    return bool(flags()[ord(character)] & bit)


def words_of(text: str) -> list[str]:
    return [word for chunk in text.split() for word in split_chunk(chunk)]


def share(above: float, below: float) -> float:
    return above / below if below else 0.0


def again(parts: list[str]) -> tuple[int, int]:
    """How many parts were there before, and their characters."""
    seen: set[str] = set()
    repeats = [part for part in parts if part in seen or seen.add(part)]
    return len(repeats), sum(map(len, repeats))


def top_gram(words: list[str], n: int, text: str) -> float:
    grams = [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]
    if not grams:
        return 0.0
    gram, count = Counter(grams).most_common(1)[0]
    return len(gram) * count / len(text)


def duplicate_grams(words: list[str], n: int, text: str) -> float:
    seen: set[str] = set()
    place = total = 0
    while place + n <= len(words):
        gram = "".join(words[place : place + n])
        if gram in seen:
            total += len(gram)
            place += n
        else:
            seen.add(gram)
            place += 1
    return share(total, len(text))


def sentences(line: str) -> int:
    """spaCy's splitter over words and over runs of white space that are more than the blank behind a word."""
    words: list[str] = []
    for run in re.finditer(r"\s+|\S+", line):
        piece = run.group()
        if piece.isspace():
            piece = piece[1:] if run.start() and piece[0] == " " else piece
            words += [piece] if piece else []
        else:
            words += split_chunk(piece)
    count, ended = bool(line.strip()), False
    for word in words:
        ends = len(word) == 1 and has(word, ENDS_SENTENCE)
        if ended and not ends and not all(unicodedata.category(c).startswith("P") for c in word):
            count, ended = count + 1, False
        ended = ended or ends
    return int(count)


def measures(text: str) -> dict[str, float]:
    """What Gopher, C4 and FineWeb look at."""
    words = words_of(text)
    real = [word for word in words if not all(has(c, SYMBOL) for c in word)]
    paragraphs, lines = re.split(r"\n{2,}", text.strip()), re.split(r"\n+", text)
    split = text.splitlines()
    full = [line for line in text.split("\n") if line.strip()]
    seen = "".join(text.split())
    ends = [has(line[-1], TERMINAL) for line in full]
    columns: dict[str, float] = {
        "bytes": len(text.encode("utf-8", "surrogatepass")),
        "characters": len(text),
        "replaced": round(share(text.count("\ufffd"), len(text)), 6),
        **{name: share(sum(has(c, bit) for c in seen), len(seen)) for name, bit in SCRIPT_BITS.items()},
        "tokens": len(words),
        "words": len(real),
        "mean_word_length": share(sum(map(len, real)), len(real)),
        "hashes_per_word": share(text.count("#"), len(words)),
        "ellipses_per_word": share(sum(map(text.count, ELLIPSES)), len(words)),
        "newlines_per_word": share(text.count("\n"), len(words)),
        "alphabetic_words": share(sum(any(c.isalpha() for c in word) for word in words), len(words)),
        "stop_words": len(STOP_WORDS & set(words)),
        "bullet_lines": share(sum(line.lstrip().startswith(("•", "-")) for line in split), len(split)),
        "ellipsis_lines": share(sum(line.rstrip().endswith(ELLIPSES) for line in split), len(split)),
        "lines": len(full),
        "terminal_lines": share(sum(ends), len(full)),
        "short_lines": share(sum(len(line) <= 30 for line in full), len(full)),
        "repeated_line_characters": share(again(full)[1], len(text.replace("\n", ""))),
        "duplicate_lines": again(lines)[0] / len(lines),
        "duplicate_line_characters": share(again(lines)[1], len(text)),
        "duplicate_paragraphs": again(paragraphs)[0] / len(paragraphs),
        "duplicate_paragraph_characters": share(again(paragraphs)[1], len(text)),
        "sentences": sum(map(sentences, split)),
        "curly_brackets": text.count("{"),
        "lorem_ipsum": text.lower().count("lorem ipsum"),
    }
    columns |= {f"top_{n}gram": top_gram(words, n, text) for n in (2, 3, 4)}
    return columns | {f"duplicate_{n}grams": duplicate_grams(words, n, text) for n in range(5, 11)}


def all_occurrences(parts: list[str]) -> tuple[float, float]:
    counts = Counter(parts)
    recurring = [part for part in parts if counts[part] > 1]
    return share(len(recurring), len(parts)), share(sum(map(len, recurring)), sum(map(len, parts)))


def dclm_measures(text: str, segments: list[str]) -> dict[str, float]:
    """What DCLM looks at; `segments` are the text's Unicode words."""
    words = text.split()
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    paragraphs = [part.strip() for part in re.split("\n\n", text) if part.strip()]
    symbols = sum(map(text.count, ("#", "...", ". . .", "…")))
    columns: dict[str, float] = {
        "spoken_words": sum(word[0].isalnum() for word in re.split("[ \n\r\t\v\f\0]+", text) if word),
        "spaced_word_length": share(sum(map(len, words)), len(words)),
        "symbols_per_spaced_word": share(symbols, len(words)),
        "spaced_words_without_letters": share(sum(not any(c.isalpha() for c in w) for w in words), len(words)),
        "stop_word_count": sum(word.lower() in STOP_WORDS for word in words),
        "starred_lines": share(sum(line.startswith(("●", "•", "*", "-")) for line in lines), len(lines)),
        "trailing_lines": share(sum(line.endswith((*ELLIPSES, ". . .")) for line in lines), len(lines)),
    }
    columns["recurring_lines"], columns["recurring_line_characters"] = all_occurrences(lines)
    columns["recurring_paragraphs"], columns["recurring_paragraph_characters"] = all_occurrences(paragraphs)
    total = sum(map(len, segments))
    for n in range(2, 11):
        grams = [tuple(segments[i : i + n]) for i in range(len(segments) - n + 1)]
        counts = Counter(grams)
        most = max(counts.values(), default=0)
        if n <= 4:
            longest = max((sum(map(len, gram)) for gram, count in counts.items() if count == most), default=0)
            columns[f"main_{n}gram"] = share(longest * most, total) if most > 1 else 0.0
        else:
            covered = {i + k for i, gram in enumerate(grams) if counts[gram] > 1 for k in range(n)}
            columns[f"recurring_{n}grams"] = share(sum(len(segments[i]) for i in covered), total)
    return columns
