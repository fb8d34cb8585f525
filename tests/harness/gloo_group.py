"""A group of ranks made of torch's own processes (gloo): what a training on several machines hands to the storage."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from etymon.storage.ranks import RankLost


class GlooGroup:
    """Values travel by all-gather. When it fails, gloo does not say whose fault it is, so the ranks that live sign a
    list in the store through which they met; those missing on it after `patience` seconds are lost."""

    def __init__(self, rank: int, size: int, store: dist.Store, patience: float) -> None:
        self.rank, self.size = rank, size
        self._store, self._patience = store, timedelta(seconds=patience)
        self._lost: list[int] = []
        meeting = dist.PrefixStore("gloo", store)
        dist.init_process_group("gloo", store=meeting, rank=rank, world_size=size, timeout=self._patience)

    def gather(self, value: dict[str, Any]) -> list[dict[str, Any]]:
        if self._lost:
            raise RankLost(self._lost, "no answer")
        try:
            return [json.loads(data) for data in self._all_gather(json.dumps(value).encode())]
        except RuntimeError as error:
            self._lost = self._missing()
            raise RankLost(self._lost, "no answer") from error

    def _all_gather(self, data: bytes) -> list[bytes]:
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(lengths, torch.tensor([len(data)]))
        longest = int(max(lengths))
        padded = torch.frombuffer(bytearray(data.ljust(longest)), dtype=torch.uint8)
        found = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(found, padded)
        return [bytes(one[: int(length)].tolist()) for one, length in zip(found, lengths, strict=True)]

    def _missing(self) -> list[int]:
        self._store.set(f"lives/{self.rank}", "")
        missing: list[int] = []
        for rank in range(self.size):
            try:  # the others may themselves wait as long for the lost ones before they sign
                self._store.wait([f"lives/{rank}"], self._patience * 2)
            except RuntimeError:
                missing.append(rank)
        return missing
