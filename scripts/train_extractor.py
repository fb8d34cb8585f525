"""Trains the block extractor again, from the HTML documentation of Debian packages and from made pages.

    mkdir deb && cd deb
    apt-get download debian-handbook installation-guide-amd64 python3.11-doc
    for package in *.deb; do dpkg -x $package unpacked; done
    python scripts/train_extractor.py --packages deb/unpacked [--pages 12000] [--out FILE]

Made pages are templates of this repository filled with sentences of the documentation, in its languages; their truth is
exact. Of the documentation's own pages a sample is used, whose truth follows from how their generators name the parts.
No page of the web is used. Takes about five minutes on one core; the same packages give the same bytes.
"""

from __future__ import annotations

import argparse
import random
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from made_layouts import make_page
from made_pages import EITHER, KEEP
from made_words import LABELS
from torch import nn

from etymon.corpus.extract.blocks import Blocks, blocks
from etymon.corpus.extract.features import FEATURES, Floats, features

WEIGHTS = Path(__file__).parents[1] / "src" / "etymon" / "corpus" / "extract" / "weights.npz"
DOCUMENTATION = (
    ("debian-handbook/html/*/*.html", r'<div class="(?:section|chapter|preface|appendix|book)"', '<ul class="docnav">'),
    ("installation-guide-amd64/*/*.html", r'<div class="(?:sect1|chapter|appendix|book)"', '<div class="navfooter">'),
    ("python3.11/html/*/*.html", r'<div class="body" role="main">', '<div class="sphinxsidebar"'),
)  # fmt: skip
"""Where pages are, where their content begins, and what follows it."""
LONGEST = 150_000  # characters of a documentation page that is trained on
HIDDEN, WIDE, REACH = 32, 16, 2
DROPPED = 0.3  # share of features that a batch does not see: no single name or measure may decide
BATCH = 16  # pages


@dataclass(frozen=True, slots=True)
class Example:
    """One page: features of its blocks, whether each is content, and how much each counts (0: may be either)."""

    seen: Floats
    content: Floats
    weight: Floats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=12_000, help="made pages")
    parser.add_argument("--documentation", type=int, default=300, help="pages of documentation")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=12)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(given.seed)
    chance = random.Random(given.seed)
    found = examples(given.packages / "usr/share/doc", given.pages, given.documentation, chance)
    print(f"{len(found)} pages, {sum(len(each.content) for each in found)} blocks")
    save(train(found, given.epochs, chance), given.out)


def examples(packages: Path, pages: int, documentation: int, chance: random.Random) -> list[Example]:
    """Made pages in the languages of the documentation, half of them in those that have labels, and documentation."""
    sentences = sentences_of(packages / "debian-handbook/html")
    labelled = [language for language in LABELS if language in sentences]
    found: list[Example] = []
    for _ in range(pages):
        language = chance.choice(labelled if chance.random() < 0.6 else sorted(sentences))
        some = chance.sample(sentences[language], min(150, len(sentences[language])))
        found.append(example(make_page(chance, some, language)))
    return found + documented(packages, documentation, chance)


def sentences_of(handbook: Path) -> dict[str, list[str]]:
    """Sentences of each language of the handbook."""
    found: dict[str, set[str]] = {}
    for folder in sorted(handbook.iterdir()):
        for file in sorted(folder.glob("*.html"))[::6]:
            page = blocks(file.read_text("utf-8", "replace"))
            for text, element in zip(page.texts, page.element, strict=True):
                if page.tags[element] in ("p", "div") and len(text) > 80:
                    some = re.split(r"(?<=[.!?。])\s*", text)
                    found.setdefault(folder.name[:2], set()).update(each for each in some if 30 < len(each) < 400)
    return {language: sorted(each) for language, each in found.items() if len(each) > 200}


def documented(packages: Path, count: int, chance: random.Random) -> list[Example]:
    """Documentation pages, some of them without the names of their parts."""
    files = [(file, begin, end) for glob, begin, end in DOCUMENTATION for file in sorted(packages.glob(glob))]
    found: list[Example] = []
    for file, begin, end in chance.sample(files, len(files)):
        html = file.read_text("utf-8", "replace")
        first = re.search(begin, html)
        last = html.rfind(end)
        if len(found) == count:
            break
        if first is None or last < first.start() or len(html) > LONGEST:
            continue
        inside = re.sub(r">(\s*)(?=[^<\s])", rf">\1{KEEP}", html[first.start() : last])
        html = html[: first.start()] + inside + html[last:]
        found.append(example(re.sub(r' class="[^"]*"', "", html) if chance.random() < 0.5 else html))
    return found


def example(html: str) -> Example:
    """A page whose texts tell by KEEP and EITHER what they are; the marks are gone from what is measured."""
    page = blocks(html)
    content = np.array([KEEP in text for text in page.texts], np.float32)
    either = np.array([EITHER in text and KEEP not in text for text in page.texts], np.bool_)
    unmarked(page)
    length = np.array([min(len(text), 400) for text in page.texts], np.float32)
    return Example(features(page), content, np.where(either, 0, np.sqrt(length) / 8).astype(np.float32))


def unmarked(page: Blocks) -> None:
    page.texts = [text.replace(KEEP, "").replace(EITHER, "") or "." for text in page.texts]
    page.linked = [min(linked, len(text)) for linked, text in zip(page.linked, page.texts, strict=True)]


class Network(nn.Module):
    """As `etymon.corpus.extract.learned.scores` has it, on standardised features."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(FEATURES, HIDDEN)
        self.near = nn.Conv1d(HIDDEN, WIDE, 2 * REACH + 1, padding=REACH)
        self.last = nn.Linear(WIDE + HIDDEN, 1)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.first(seen))
        near = torch.relu(self.near(nn.functional.dropout(hidden, 0.1, self.training).T[None]))[0].T
        return self.last(torch.cat([near, hidden], 1))[:, 0]


def train(found: list[Example], epochs: int, chance: random.Random) -> dict[str, Floats]:
    """The weights, with the standardisation of the features worked into the first of them."""
    every = np.concatenate([each.seen for each in found])
    mean, scale = every.mean(0), every.std(0) + 0.1
    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.02)
    batches = len(found) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * batches)
    gap = np.zeros((2 * REACH, FEATURES), np.float32)  # between pages, so that none sees its neighbour
    for epoch in range(epochs):
        chance.shuffle(found)
        total = 0.0
        for at in range(0, batches * BATCH, BATCH):
            some = found[at : at + BATCH]
            seen = np.concatenate([part for each in some for part in ((each.seen - mean) / scale, gap)])
            content, weight = (
                torch.tensor(np.concatenate([part for values in lists for part in (values, gap[:, 0])]))
                for lists in ([each.content for each in some], [each.weight for each in some])
            )
            visible = torch.rand(1, FEATURES) > DROPPED
            odds = network(torch.tensor(seen).clamp(-6, 6) * visible)
            loss = nn.functional.binary_cross_entropy_with_logits(odds, content, weight, reduction="sum") / weight.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / batches:.4f}", flush=True)
    first = network.first.weight.detach().numpy().T / scale[:, None]
    return {
        "first": first,
        "first_bias": network.first.bias.detach().numpy() - mean @ first,
        "near": network.near.weight.detach().numpy().transpose(2, 1, 0),
        "near_bias": network.near.bias.detach().numpy(),
        "last": network.last.weight.detach().numpy()[0],
        "last_bias": network.last.bias.detach().numpy(),
    }


def save(values: dict[str, Floats], file: Path) -> None:
    np.savez(file, allow_pickle=False, **{name: value.astype(np.float16) for name, value in values.items()})
    print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
