"""The learned extractor: a small network over a page's blocks, in their order, tells content from what is around it.

`scripts/train_extractor.py` makes its weights again, from made pages and the HTML documentation of Debian packages.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from etymon.corpus.extract.blocks import Blocks, blocks
from etymon.corpus.extract.features import Floats, features

CELLS = ("td", "th")
SHARE = 0.7
"""The main element is the smallest that holds this share of the characters in blocks that are content by their odds."""
INSIDE, OUTSIDE = -1.0, 4.0
"""Log odds from which a block inside and outside the main element is kept: teasers, comments and legal notices read
like content, and the place is what tells them from it."""


@dataclass(frozen=True, slots=True)
class Weights:
    """The network's weights: `first` [features, hidden] looks at one block, `near` [2k + 1, hidden, wide] at it and its
    k neighbours on each side, `last` [wide + hidden] weighs both; `digest` names them."""

    first: Floats
    first_bias: Floats
    near: Floats
    near_bias: Floats
    last: Floats
    last_bias: Floats
    digest: str


@cache
def weights() -> Weights:
    """The weights that come with the package."""
    data = files("etymon.corpus.extract").joinpath("weights.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        values = {name: arrays[name].astype(np.float32) for name in arrays.files}
    return Weights(**values, digest=hashlib.sha256(data).hexdigest()[:12])


def scores(seen: Floats, given: Weights) -> Floats:
    """Log odds of every block, by its features [blocks, features], that it is content [blocks]."""
    hidden = np.maximum(seen @ given.first + given.first_bias, 0)
    reach = len(given.near) // 2
    padded = np.pad(hidden, ((reach, reach), (0, 0)))
    near = given.near_bias + sum(
        padded[shift : shift + len(hidden)] @ kernel for shift, kernel in enumerate(given.near)
    )
    return np.concatenate([np.maximum(near, 0), hidden], axis=1) @ given.last + given.last_bias


def main_content(html: str) -> str:
    """A page's content: a line for each block, list items marked with "- ", cells of one table row parted by tabs."""
    page = blocks(html)
    if not page.texts:
        return ""
    return as_text(page, chosen(page, scores(features(page), weights())))


def chosen(page: Blocks, odds: Floats) -> list[bool]:
    """Which blocks are kept: by their log odds [blocks], inside the main element sooner than outside."""
    sizes = np.array([len(text) for text in page.texts])
    before = np.concatenate([[0], np.cumsum(sizes * (odds > 0))])
    first, last = np.array(page.first), np.array(page.last)
    holding = np.flatnonzero(before[last] - before[first] >= max(SHARE * before[-1], 1))
    if not len(holding):
        return (odds > INSIDE).tolist()
    main = holding[np.argmin((last - first)[holding])]
    order = np.arange(len(sizes))
    inside = (order >= first[main]) & (order < last[main])
    return (odds > np.where(inside, INSIDE, OUTSIDE)).tolist()


def as_text(page: Blocks, kept: list[bool]) -> str:
    """The text of those blocks that are kept."""
    lines: list[str] = []
    last_row = -1
    begun: set[int] = set()  # list items of which a block has been kept
    for text, element, keep in zip(page.texts, page.element, kept, strict=True):
        if not keep:
            continue
        tag = page.tags[element]
        row = page.parent[element] if tag in CELLS else -1
        if row >= 0 and row == last_row:
            lines[-1] += f"\t{text}"
        elif tag == "li" and element not in begun:
            begun.add(element)
            lines.append(f"- {text}")
        else:
            lines.append(text)
        last_row = row
    return "\n".join(lines)
