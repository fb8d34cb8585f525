"""Near duplicates: signatures of word 5-grams, buckets of those that share a band, and pairs that are compared."""

from etymon.corpus.near.copies import Copies, find_copies
from etymon.corpus.near.settings import PRESETS, NearSettings
from etymon.corpus.near.shingles import Words, jaccard, shingles, signatures

__all__ = ["PRESETS", "Copies", "NearSettings", "Words", "find_copies", "jaccard", "shingles", "signatures"]
