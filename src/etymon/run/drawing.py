"""Drawing: which text the steps of a training read, as it is or by a mixture of domains, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from etymon.corpus import Weights
from etymon.tokens import Loader, MixedLoader, Order, TokenStream


def domain_tokens(stream: TokenStream) -> dict[str, int]:
    """The tokens of each domain, the end-of-text before each document among them."""
    if not len(stream.domains):
        return {}
    names, numbers = np.unique(np.asarray(stream.domains), return_inverse=True)
    sizes = np.zeros(len(names), np.int64)
    np.add.at(sizes, numbers, np.diff(stream.starts))
    return dict(zip(names.tolist(), sizes.tolist(), strict=True))


def loader_of(
    stream: TokenStream, *, length: int, rows: int, seed: int, order: Order, shares: Mapping[str, float] | None
) -> Loader:
    """The batches of a training: by `shares` where there are any (a model's recipe keeps them under "mixture"), else of
    the text as it is, in the order that the family wants. Rows of a mixture are drawn, so no state goes on from one
    step to the next."""
    if shares is None:
        return Loader(stream, length=length, slots=rows, seed=seed, order=order)
    return MixedLoader(stream, Weights(shares), length=length, slots=rows, seed=seed)


def never_read(loader: Loader, steps: int) -> list[str]:
    """A sentence on the domains whose share is less than one row of a training, if there are any."""
    if not isinstance(loader, MixedLoader):
        return []
    read = loader.tokens_read(steps)
    none = sorted(domain for domain in loader.mixture if not read.get(domain))
    if not none:
        return []
    share = sum(loader.mixture[domain] for domain in none)
    return [f"{', '.join(none[:3])}{', …' * (len(none) > 3)}: {share:.2%} in all, which is not one row of each"]


def realised_shares(loader: MixedLoader, asked: Weights, steps: int) -> list[dict[str, Any]]:
    """Of each domain: the share asked for, the weight that the limit left it, and the tokens and passes that so many
    steps read."""
    sizes, read = domain_tokens(loader.stream), loader.tokens_read(steps)
    total = sum(read.values()) or 1
    return [
        {
            "domain": domain,
            "asked": share,
            "weight": loader.mixture.get(domain, 0.0),
            "tokens": read.get(domain, 0),
            "share": read.get(domain, 0) / total,
            "epochs": read.get(domain, 0) / sizes[domain],
        }
        for domain, share in sorted(asked.shares.items(), key=lambda each: -each[1])
    ]
