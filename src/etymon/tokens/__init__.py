"""The token shard: tokenizer, shards, the stateless loader, and `Batch`."""

from etymon.tokens.adopted import adopt_tokenizer, foreign_tokenizer
from etymon.tokens.batch import Batch, Mask
from etymon.tokens.loader import Loader, Order
from etymon.tokens.mixed import MixedLoader
from etymon.tokens.settings import TokenizerSettings
from etymon.tokens.shards import build_shards, open_shards
from etymon.tokens.stream import TokenStream
from etymon.tokens.tokenizer import Tokenizer
from etymon.tokens.training import train_tokenizer
from etymon.tokens.vocabulary import ALPHABET, END_OF_TEXT
from etymon.tokens.words import WordTokenizer, word_tokenizer

__all__ = [
    "ALPHABET",
    "END_OF_TEXT",
    "Batch",
    "Loader",
    "Mask",
    "MixedLoader",
    "Order",
    "TokenStream",
    "Tokenizer",
    "TokenizerSettings",
    "WordTokenizer",
    "adopt_tokenizer",
    "build_shards",
    "foreign_tokenizer",
    "open_shards",
    "train_tokenizer",
    "word_tokenizer",
]
