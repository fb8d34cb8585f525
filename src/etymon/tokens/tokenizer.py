"""`Tokenizer`: text to ids and back, losing nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import SupportsIndex

import numpy as np

from etymon.errors import EtymonError
from etymon.storage import Artifact
from etymon.tokens.encoders import Encoder, Ids, Offsets, best_encoder
from etymon.tokens.vocabulary import ALPHABET, END_OF_TEXT, parse

FILE = "tokenizer.json"

_UNDECODABLE = re.compile("([\udc80-\udcff]+)")
"""What `surrogateescape` (PEP 383) makes of bytes that are not UTF-8: byte b becomes U+DC00 + b."""


class Tokenizer:
    """Byte-level BPE. Every string and every byte sequence has ids, and they decode to exactly what went in; where an
    adopted tokenizer lacks a byte, what holds it is refused and never left out.

    `vocabulary` is the number of ids, special ones included. `special` gives the id of each special token by name and
    `end_of_text` that of the one between documents. No text encodes to a special id, however it is spelled: the
    characters "<|endoftext|>" in a document are ordinary ones.
    """

    def __init__(self, data: bytes) -> None:
        """From the bytes of a `tokenizer.json`. Raises EtymonError for one that would change the text."""
        self._parts = parse(data)
        self._tokens = self._parts.tokens
        self._lacking = self._parts.lacking
        self.vocabulary = len(self._tokens)
        self.special = dict(self._parts.special)
        if END_OF_TEXT not in self.special:
            raise EtymonError(
                f"This tokenizer has no special token {END_OF_TEXT}.",
                why="documents are told apart by it",
                help="train one with `etymon tokenizer train`",
            )
        self.end_of_text = self.special[END_OF_TEXT]

    @classmethod
    def open(cls, artifact: Artifact) -> Tokenizer:
        """The tokenizer of an artifact of kind "tokenizer": byte-level BPE, or the words of an imported n-gram."""
        if FILE not in artifact.files:
            from etymon.tokens.words import WORDS, WordTokenizer  # it is made from this class

            return WordTokenizer(artifact.read_json(WORDS))
        return cls(artifact.read(FILE))

    @cached_property
    def encoder(self) -> Encoder:
        """What does the encoding, chosen and compared with the reference at the first use."""
        return best_encoder(self._parts)

    @cached_property
    def _id_of_byte(self) -> Ids:
        special = self.special.values()
        ids = {token: number for number, token in enumerate(self._tokens) if number not in special}
        return np.array([ids.get(bytes([byte]), 0) for byte in range(256)], np.uint32)  # those it lacks are not asked

    def encode(self, text: str) -> Ids:
        """The ids [n] of a text. Raises EtymonError for half a surrogate pair, which is no character."""
        return self.encode_joined([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each of many texts, which is faster than one at a time."""
        ids, offsets = self.encode_joined(texts)
        return [ids[start:end] for start, end in pairwise(offsets)]

    def encode_joined(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        """The ids of all texts in one row, and offsets [len(texts) + 1] between which those of each text lie."""
        try:
            if self._lacking:
                for text in texts:
                    self._check_bytes(text.encode())
            return self.encoder.encode(texts)
        except (TypeError, UnicodeEncodeError):
            for text in texts:
                _check_characters(text)
            raise

    def _check_bytes(self, data: bytes) -> None:
        """The encoders would leave out a byte without a token, and say nothing."""
        if len(data.translate(None, self._lacking)) < len(data):
            found = next(byte for byte in data if byte in self._lacking)
            raise EtymonError(
                "This text cannot be encoded.",
                why=f"it holds the byte 0x{found:02x}, for which this tokenizer has no token",
                help="leave that character out of the text, or train a tokenizer of your own: it has all bytes",
            )

    def encode_bytes(self, data: bytes) -> Ids:
        """The ids of any bytes: stretches of UTF-8 as text, what lies between them byte by byte."""
        self._check_bytes(data)
        pieces = _UNDECODABLE.split(data.decode(errors="surrogateescape"))
        ids = self.encode_batch(pieces[::2])
        for number, piece in enumerate(pieces[1::2]):
            raw = np.frombuffer(piece.encode(errors="surrogateescape"), np.uint8)
            ids[number] = np.concatenate([ids[number], self._id_of_byte[raw]])
        return np.concatenate(ids)

    def decode(self, ids: Iterable[SupportsIndex]) -> str:
        """The text of `ids`; bytes that are not UTF-8 become U+FFFD. Special tokens show their names."""
        return self.decode_bytes(ids).decode(errors="replace")

    def decode_bytes(self, ids: Iterable[SupportsIndex]) -> bytes:
        """The bytes of `ids`. Raises EtymonError for a number that is no id."""
        numbers = ids.tolist() if isinstance(ids, np.ndarray) else [number.__index__() for number in ids]
        return b"".join(map(self.token_bytes, numbers))

    def names(self) -> Sequence[str]:
        """[V]: each token as one visible word without spaces, its bytes spelled as in `tokenizer.json`; special tokens
        by their names."""
        special = {id: name for name, id in self.special.items()}
        spelled = ("".join(ALPHABET[byte] for byte in token) for token in self._tokens)
        return [special.get(id, name) for id, name in enumerate(spelled)]

    def token_bytes(self, id: int) -> bytes:
        """The bytes of one token. Raises EtymonError for a number that is no id."""
        if 0 <= id < self.vocabulary:
            return self._tokens[id]
        raise EtymonError(f"{id} is no token.", why=f"the ids of this tokenizer are 0 to {self.vocabulary - 1}")


def _check_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise EtymonError(
            "This text cannot be encoded.",
            why=f"position {error.start} holds {text[error.start]!a}, half of a surrogate pair",
            help="read the text with errors='replace', or give its bytes to `encode_bytes`",
        ) from error
