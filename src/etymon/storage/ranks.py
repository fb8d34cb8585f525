"""The ranks of one job: processes that save one checkpoint together, so that all of them have it or none."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from etymon.errors import EtymonError
from etymon.storage.canonical import JsonObject, canonical


class Group(Protocol):
    """The processes of a job, numbered from 0, that exchange small JSON objects. Whoever starts them makes it.

    The group owns the deadline: where a rank died, stands still or left, `gather` raises RankLost, which names it, on
    all ranks that are still there, and so does every later call. One group serves one thread of each rank.
    """

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def gather(self, value: JsonObject) -> list[JsonObject]:
        """The values of all ranks, by rank, once every rank has called it."""
        ...


class _Alone:
    """The group of a job of one process."""

    rank, size = 0, 1

    def gather(self, value: JsonObject) -> list[JsonObject]:
        return [value]


ALONE: Group = _Alone()


class RankFault(EtymonError):
    """Common work that failed on some ranks: the same words on all of them. `ranks` are those at fault."""

    def __init__(
        self, what: str, ranks: Collection[int], *, where: str = "", why: str = "", help: str = "", exit_code: int = 1
    ) -> None:
        super().__init__(what, where=where, why=why, help=help)
        self.ranks = sorted(ranks)
        self.exit_code = exit_code


class RankLost(RankFault):
    """Ranks that died, stand still or left; a group raises it."""

    def __init__(self, ranks: Collection[int], why: str) -> None:
        super().__init__(
            f"{named(ranks)} no longer answer{'s' if len(ranks) == 1 else ''}.",
            ranks,
            why=why,
            help="what was saved before is whole; start all ranks again, and they go on from there",
        )


def named(ranks: Collection[int]) -> str:
    """ "Rank 2", "Ranks 0, 1 and 3" """
    numbers = [str(rank) for rank in sorted(ranks)]
    if len(numbers) == 1:
        return f"Rank {numbers[0]}"
    return f"Ranks {', '.join(numbers[:-1])} and {numbers[-1]}"


def rank_file(group: Group, name: str) -> str:
    """The name, in a checkpoint, of this rank's file `name`. A job of one process keeps the name as it is."""
    return name if group.size == 1 else f"{rank_prefix(group.rank)}{name}"


def rank_prefix(rank: int) -> str:
    return f"rank-{rank:03d}."


def together(group: Group, doing: str, act: Callable[[], JsonObject | None]) -> list[JsonObject]:
    """One step of common work: what `act` gave on each rank. Where it failed on any, the same RankFault on all.

    `doing` completes "Rank 2 failed while …"; it also shows when ranks are not at the same step. A process alone
    simply acts: its own error is the clearest.
    """
    if group.size == 1:
        return [act() or {}]
    cause: Exception | None = None
    try:
        mine: JsonObject = {"doing": doing, "gave": act() or {}}
    except Exception as error:
        cause, mine = error, {"doing": doing, "failed": _words(error)}
    found = group.gather(mine)
    _check_same(found, "doing", "working together")
    failed = {rank: one["failed"] for rank, one in enumerate(found) if "failed" in one}
    if failed:
        first = failed[min(failed)]
        raise RankFault(
            f"{named(failed)} failed while {doing}.",
            failed,
            where=first["where"],
            why=f"{first['what']} {first['why']}".rstrip(),
            help=first["help"] or "put the cause right, then start all ranks again",
            exit_code=first["exit_code"],
        ) from cause
    return [one["gave"] for one in found]


def _words(error: Exception) -> JsonObject:
    if isinstance(error, EtymonError):
        told = {"what": error.what, "where": error.where, "why": error.why, "help": error.help}
        return {**told, "exit_code": error.exit_code}
    return {"what": f"{type(error).__name__}: {error}", "where": "", "why": "", "help": "", "exit_code": 1}


def check_alike(found: Sequence[JsonObject], what: Collection[str], doing: str) -> None:
    """Raises RankFault, the same on all ranks, unless they all gave the same under each name of `what`."""
    for key in what:
        _check_same(found, key, doing)


def _check_same(found: Sequence[JsonObject], key: str, doing: str) -> None:
    """The odd ones are those that differ from most; of two halves, from the one with the lowest rank."""
    values = [str(one.get(key)) for one in found]
    usual = Counter(values).most_common(1)[0][0]
    odd = [rank for rank, value in enumerate(values) if value != usual]
    if odd:
        raise RankFault(
            f"{named(odd)} differ{'s' if len(odd) == 1 else ''} from the others while {doing}.",
            odd,
            why=f"{key}: {values[odd[0]]} instead of {usual}",
            help="start all ranks with the same code, recipe and data; what was saved before is whole",
        )


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical(value)).hexdigest()
