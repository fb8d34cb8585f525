"""`adopt_tokenizer`: a foreign `tokenizer.json`, if it loses nothing, becomes an artifact like one of ours."""

from __future__ import annotations

import hashlib

from etymon.errors import EtymonError
from etymon.storage import Artifact, Store
from etymon.tokens.tokenizer import FILE, Tokenizer

STAGE_VERSION = 1


def foreign_tokenizer(data: bytes) -> Tokenizer:
    """The tokenizer in a `tokenizer.json` of others, tried out. Raises EtymonError where it cannot be used."""
    try:
        tokenizer = Tokenizer(data)
        spelled = b"".join(tokenizer.token_bytes(id) for id in tokenizer.encode("A text, tried out."))
    except EtymonError:
        raise
    except BaseException as error:  # another program wrote it: it may be wrong in any way, up to a panic of Rust's
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        why = f"{type(error).__name__}: {error}"[:200]
        raise EtymonError(
            "This tokenizer cannot be read.", why=why, help="use a byte-level BPE such as GPT-2's"
        ) from error
    if spelled != b"A text, tried out.":
        raise EtymonError("This tokenizer would change the text that it reads.", why="a text does not come back")
    return tokenizer


def adopt_tokenizer(store: Store, data: bytes) -> Artifact:
    """The artifact of kind "tokenizer" with these bytes, made now or found in the store."""
    tokenizer = foreign_tokenizer(data)
    recipe = {"imported": hashlib.sha256(data).hexdigest(), "vocabulary": tokenizer.vocabulary}
    found = store.find("tokenizer", recipe, {}, stage_version=STAGE_VERSION)
    if found is not None:
        return found
    with store.create("tokenizer", recipe, {}, stage_version=STAGE_VERSION) as draft:
        draft.write(FILE, data)
        return draft.seal({"vocabulary": tokenizer.vocabulary, "special": tokenizer.special})
