"""Mixing: how much of each domain is read, and in what order, so that the shares hold wherever the reading stops."""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from etymon.errors import EtymonError

MOST_EPOCHS = 4.0
"""How often a text may be read while a repetition still teaches almost as much as new text (Muennighoff et al. 2023,
arXiv 2305.16264)."""


@dataclass(frozen=True)
class Weights:
    """The share of each domain, above 0 and adding up to 1. `told` has one sentence for every share that is not what
    was asked for."""

    shares: Mapping[str, float]
    told: tuple[str, ...] = field(default=())


def weights_by_hand(asked: Mapping[str, float], sizes: Mapping[str, int]) -> Weights:
    """The shares in proportion to `asked`; domains that are not named are not read. `sizes`: bytes of each domain.

    Raises EtymonError for a domain that the corpus lacks, a negative or infinite weight, and where all weights are 0.
    """
    for domain, weight in asked.items():
        if not sizes.get(domain):
            known = ", ".join(sorted(sizes)[:10])
            raise EtymonError(f"There is no text of the domain {domain}.", why=f"the domains are {known}")
        if not (math.isfinite(weight) and weight >= 0):
            raise EtymonError(
                f"A domain cannot have the weight {weight}.", where=domain, help="give a number from 0 up"
            )
    return Weights(_shares(asked))


def weights_by_temperature(sizes: Mapping[str, int], temperature: float) -> Weights:
    """Shares in proportion to bytes^(1 / temperature): 1 leaves them as they are, above 1 small domains get more
    (Conneau et al. 2020, arXiv 1911.02116, section 3.1, whose alpha is 1 / temperature), infinity makes all equal."""
    if not temperature > 0:
        raise EtymonError(
            f"A temperature of {temperature} says nothing.", help="give a number above 0; 1 changes nothing"
        )
    logs = {domain: math.log(size) / temperature for domain, size in sizes.items() if size > 0}
    highest = max(logs.values(), default=0.0)
    return Weights(_shares({domain: math.exp(log - highest) for domain, log in logs.items()}))


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(weights.values())
    if not total > 0:
        raise EtymonError("No domain has a weight above 0.", help="give at least one domain some weight")
    return {domain: weight / total for domain, weight in sorted(weights.items()) if weight > 0}


def limited(weights: Weights, sizes: Mapping[str, int], budget: float, most_epochs: float = MOST_EPOCHS) -> Weights:
    """The weights with no domain read more than `most_epochs` times in a budget of so many bytes (or tokens, where
    `sizes` are in tokens). What a domain cannot use goes to the others in proportion to their own weights.

    Raises EtymonError where all weighted domains together are too small for the budget.
    """
    room = {domain: most_epochs * sizes.get(domain, 0) / budget for domain in weights.shares}
    if math.fsum(room.values()) < 1 - 1e-9:
        raise EtymonError(
            f"The text is too short: {most_epochs:g} times all of it is {math.fsum(room.values()):.0%} of the budget.",
            help="give more text, a smaller budget, or allow more repetitions",
        )
    shares, full = dict(weights.shares), dict[str, float]()
    while True:
        left = 1.0 - math.fsum(full.values())
        open_weight = math.fsum(share for domain, share in weights.shares.items() if domain not in full)
        shares = {
            domain: full.get(domain, share * left / (open_weight or 1)) for domain, share in weights.shares.items()
        }
        over = {domain: room[domain] for domain in shares if shares[domain] > room[domain] and domain not in full}
        if not over:
            break
        full |= over
    told = [
        f"{domain}: {weights.shares[domain]:.2%} was asked for and {full[domain]:.2%} can be had, "
        f"which is {most_epochs:g} times all of its text"
        for domain in sorted(full)
    ]
    return Weights(_shares(shares), (*weights.told, *told))


def order(
    sizes: Sequence[int], domains: Sequence[str], weights: Weights, *, seed: int, budget: float, start: int = 0
) -> Iterator[int]:
    """The documents to read, by their numbers, until `budget` bytes (or tokens: whatever `sizes` are in) are reached;
    from the `start`-th on. A pure function of its arguments, so a reading that goes on at `start` is the same reading.

    Next is always a document of the domain that is furthest behind, the one with the least read / share (stride
    scheduling, Waldspurger and Weihl 1995); inside a domain, documents come in an order that the seed draws, a new
    one for each pass. With S the size of the largest document and D domains, at every point of the reading a domain has
    had at most S more than its share and at most (D - 1) S less; so the realised shares are within S / budget above
    and (D - 1) S / budget below what was asked. Empty documents are not read.
    """
    members: dict[str, list[int]] = {domain: [] for domain in weights.shares}
    for number, (size, domain) in enumerate(zip(sizes, domains, strict=True)):
        if size > 0 and domain in members:
            members[domain].append(number)
    for domain, own in members.items():
        if not own:
            raise EtymonError(f"There is no text of the domain {domain}.", help="leave it out of the weights")
    reading = {domain: _passes(own, domain, seed) for domain, own in members.items()}
    read = dict.fromkeys(members, 0)
    behind = [(0.0, domain) for domain in sorted(members)]
    total, number = 0, 0
    while total < budget:
        _, domain = behind[0]
        document = next(reading[domain])
        read[domain] += sizes[document]
        total += sizes[document]
        heapq.heapreplace(behind, (read[domain] / weights.shares[domain], domain))
        if number >= start:
            yield document
        number += 1


def _passes(documents: Sequence[int], domain: str, seed: int) -> Iterator[int]:
    """The documents over and over, each pass in an order of its own."""
    number = 0
    while True:
        prefix = hashlib.sha256(f"{seed}/{domain}/{number}".encode()).digest()
        yield from sorted(documents, key=lambda each: hashlib.sha256(prefix + each.to_bytes(8, "little")).digest())
        number += 1


def realised(documents: Sequence[int], sizes: Sequence[int], domains: Sequence[str]) -> dict[str, float]:
    """The share of each domain in what was read, by size."""
    totals: dict[str, int] = {}
    for document in documents:
        totals[domains[document]] = totals.get(domains[document], 0) + sizes[document]
    whole = sum(totals.values())
    return {domain: size / whole for domain, size in sorted(totals.items())}


def even_rows(weights: Weights, period: int) -> list[str]:
    """Which domain each of `period` rows is of, spread as evenly as can be; then the pattern begins again.

    A domain has the nearest whole number of rows (largest remainders). Row t goes to the domain whose next turn must be
    soonest, among those whose turn may be now; turn j of a domain with w rows has its place from floor(j period / w) to
    ceil((j + 1) period / w). Such places can always be met (Baruah et al. 1996, proportionate progress), so up to any
    row each domain is less than one row from its share.
    """
    counts = _whole_numbers(weights.shares, period)
    waiting = [(0, -(-period // count), domain, 0) for domain, count in sorted(counts.items())]
    heapq.heapify(waiting)
    ready: list[tuple[int, str, int]] = []
    rows: list[str] = []
    for row in range(period):
        while waiting and waiting[0][0] <= row:
            _, deadline, domain, turn = heapq.heappop(waiting)
            heapq.heappush(ready, (deadline, domain, turn))
        _, domain, turn = heapq.heappop(ready)
        rows.append(domain)
        count, following = counts[domain], turn + 1
        if following < count:
            item = (following * period // count, -(-(following + 1) * period // count), domain, following)
            heapq.heappush(waiting, item)
    return rows


def _whole_numbers(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """`total` in whole numbers in proportion to the shares, by largest remainders; those that get none are left out."""
    counts = {domain: int(share * total) for domain, share in shares.items()}
    short = total - sum(counts.values())
    for domain in sorted(shares, key=lambda each: (counts[each] - shares[each] * total, each))[:short]:
        counts[domain] += 1
    return {domain: count for domain, count in counts.items() if count}
