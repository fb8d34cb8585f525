"""`WordTokenizer`: words between spaces, for models of other programs that know a list of words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from etymon.errors import EtymonError
from etymon.storage import Artifact, Store
from etymon.tokens.encoders import Ids, Offsets
from etymon.tokens.tokenizer import Tokenizer
from etymon.tokens.vocabulary import END_OF_TEXT

WORDS = "words.json"
END, UNKNOWN = "</s>", "<unk>"
STAGE_VERSION = 1


class WordTokenizer(Tokenizer):
    """Each word between spaces is a token; spaces themselves are not kept. A word that is not in the list is `<unk>`
    where the list has that, else refused. So text does not come back as it went in, and bits per byte say less of it
    than they seem to: what an unknown word is costs nothing here.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """`names`: each word once, `</s>` for end-of-text among them."""
        self._names = list(names)
        self._numbers = {name: number for number, name in enumerate(names)}
        self.vocabulary = len(names)
        self.end_of_text = self._numbers[END]
        self.special = {END_OF_TEXT: self.end_of_text}
        self._tokens = [f" {name}".encode() for name in names]

    def encode_joined(self, texts: Sequence[str]) -> tuple[Ids, Offsets]:
        rows = [[self._number(word) for word in text.split()] for text in texts]
        offsets = np.cumsum([0, *map(len, rows)])
        return np.array([number for row in rows for number in row], np.uint32), offsets

    def names(self) -> Sequence[str]:
        return self._names

    def _number(self, word: str) -> int:
        number = self._numbers.get(word, self._numbers.get(UNKNOWN))
        if number is None or number == self.end_of_text:
            why = "the model reads words of its own list, and it has no <unk> for others"
            raise EtymonError(f"{word!r} is no word of this model.", why=why, help="write with words that it knows")
        return number


def word_tokenizer(store: Store, names: Sequence[str]) -> Artifact:
    """The artifact of kind "tokenizer" with these words, made now or found in the store."""
    data = json.dumps(list(names), ensure_ascii=False).encode(errors="surrogatepass")
    recipe = {"words": hashlib.sha256(data).hexdigest(), "vocabulary": len(names)}
    found = store.find("tokenizer", recipe, {}, stage_version=STAGE_VERSION)
    if found is not None:
        return found
    with store.create("tokenizer", recipe, {}, stage_version=STAGE_VERSION) as draft:
        draft.write(WORDS, data)
        return draft.seal({"vocabulary": len(names), "special": {END_OF_TEXT: list(names).index(END)}})
