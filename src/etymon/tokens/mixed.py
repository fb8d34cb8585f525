"""`MixedLoader`: batches in which each domain has the share that it was given, at every step and after every resume."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etymon.corpus import Weights, even_rows
from etymon.errors import EtymonError
from etymon.tokens.batch import Batch
from etymon.tokens.loader import Loader, Numbers
from etymon.tokens.permutation import keys, mixed, permuted
from etymon.tokens.stream import TokenStream

PERIOD = 1 << 16
"""Rows after which the pattern of domains begins again: shares are whole numbers of 65,536ths, at most 0.0015 % off."""


class Ring:
    """Some documents of a stream, read one after the other and then over again; each brings its end-of-text along."""

    def __init__(self, stream: TokenStream, documents: Sequence[int]) -> None:
        """`documents` are numbers within the stream."""
        numbers = np.asarray(documents, np.int64)
        self._begins = stream.starts[numbers]
        self._ends = np.cumsum(stream.starts[numbers + 1] - self._begins)
        self.targets = int(self._ends[-1])

    def places(self, positions: Numbers) -> Numbers:
        """Where in the stream each position of the ring (0 <= position < targets) stands."""
        which = np.searchsorted(self._ends, positions, side="right")
        return self._begins[which] + positions - np.append(0, self._ends)[which]


class MixedLoader(Loader):
    """A loader whose rows are each of one domain; a pure function of (stream, weights, seed, step), as `Loader` is.

    Which domain a row is of follows from its number alone, by a pattern in which every domain is, up to any row, less
    than one row from its share (`even_rows`). All rows are full and all targets count, so the same holds of targets.
    Inside a domain, an epoch visits windows that begin where its own key says in its own random order; where the length
    does not divide the domain, what is left over (less than a row) is another part in each epoch. A domain shorter than
    a row is repeated within it.
    """

    def __init__(self, stream: TokenStream, weights: Weights, *, length: int, slots: int, seed: int) -> None:
        """Raises EtymonError where the stream has no domains, or none of a domain that has a weight."""
        super().__init__(stream, length=length, slots=slots, seed=seed, order="shuffle")
        members: dict[str, list[int]] = {}
        for number, domain in enumerate(stream.domains):
            members.setdefault(domain, []).append(number)
        self.mixture = dict(weights.shares)
        pattern = even_rows(weights, PERIOD)
        self._names = sorted(set(pattern))
        missing = [name for name in self._names if name not in members]
        if missing:
            known = f"the domains are {', '.join(sorted(members)[:10])}"
            raise EtymonError(
                f"There is no text of the domain {missing[0]}.",
                why=known if members else "the domains are not known: the shards are of an old version",
                help="give weights to domains of this text",
            )
        self._rings = [Ring(stream, members[name]) for name in self._names]
        self._seeds = [_seed_of(seed, name) for name in self._names]
        number_of = {name: number for number, name in enumerate(self._names)}
        self._pattern = np.array([number_of[name] for name in pattern])  # [PERIOD]: the domain of each row
        self._turn = np.zeros(PERIOD, np.int64)  # [PERIOD]: how many rows of its domain came before it
        self._per_period = np.bincount(self._pattern, minlength=len(self._names))
        for number in range(len(self._names)):
            self._turn[self._pattern == number] = np.arange(self._per_period[number])

    def domains_of(self, rows: Numbers) -> list[str]:
        """The domain of each row, rows being counted from the first of step 0."""
        return [self._names[number] for number in self._pattern[rows % PERIOD].tolist()]

    def tokens_read(self, steps: int) -> dict[str, int]:
        """The targets of each domain in the first `steps` steps."""
        periods, rest = divmod(steps * self.slots, PERIOD)
        rows = periods * self._per_period + np.bincount(self._pattern[:rest], minlength=len(self._names))
        return {name: int(count) * self.length for name, count in zip(self._names, rows, strict=True)}

    def _shuffled(self, step: int, rows: Numbers) -> Batch[NDArray[Any]]:
        periods, within = np.divmod(step * self.slots + rows, PERIOD)
        domains = self._pattern[within]
        turns = periods * self._per_period[domains] + self._turn[within]
        places = np.zeros((len(rows), self.length), np.int64)
        present: list[int] = np.unique(domains).tolist()
        for domain in present:
            own = domains == domain
            places[own] = self._windows(self._rings[domain], self._seeds[domain], turns[own])
        everywhere = np.ones(places.shape, np.bool_)
        return self._gathered(places, everywhere, inside=everywhere)

    def _windows(self, ring: Ring, seed: int, turns: Numbers) -> Numbers:
        """Places in the stream [B, T] of the windows whose turn it is."""
        count = max(ring.targets // self.length, 1)
        epochs, indices = np.divmod(turns, count)
        epoch_keys = keys(seed, epochs)
        opening = (mixed(~epoch_keys) % np.uint64(ring.targets)).astype(np.int64)
        begin = opening + permuted(indices, count, epoch_keys) * self.length
        return ring.places((begin[:, None] + np.arange(self.length)) % ring.targets)


def _seed_of(seed: int, domain: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{domain}".encode()).digest()[:8], "little")
