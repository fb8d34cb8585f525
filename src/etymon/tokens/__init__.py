"""The token shard: tokenizer, shards, the stateless loader, and `Batch`."""

from etymon.tokens.batch import Batch, Mask

__all__ = ["Batch", "Mask"]
