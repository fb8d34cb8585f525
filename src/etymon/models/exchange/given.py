"""A foreign `config.json`, read key by key: every key is understood, known to change nothing, or refused by name."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any, NoReturn, cast

from etymon.errors import EtymonError

MOST_BYTES = 1 << 20
"""Of a config.json; published ones have some thousand."""
LARGEST = 1 << 24
"""The highest number that any entry of a shape may have: no published vocabulary, width or context comes near it."""

UNUSED = frozenset(
    ("_name_or_path", "architectures", "bos_token_id", "eos_token_id", "initializer_range", "model_type",
     "pad_token_id", "problem_type", "task_specific_params", "transformers_version", "use_cache", "id2label",
     "label2id", "_attn_implementation", "gradient_checkpointing", "output_past", "is_encoder_decoder")
)  # fmt: skip
"""Keys that say nothing of the mathematics of a trained model: names, first weights, texts before and behind."""
CODE = ("auto_map", "trust_remote_code", "custom_pipelines")


def plain_json(data: bytes, where: str) -> dict[str, Any]:
    """The JSON object in `data`. Raises EtymonError for anything else, a key twice, or a number that is not finite."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a key stands in it twice")
        return found

    def finite(text: str) -> float:
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"{text[:40]} is not a finite number")
        return number

    try:
        value = json.loads(data.decode(), object_pairs_hook=once, parse_float=finite, parse_constant=finite)
    except (ValueError, RecursionError) as error:
        raise EtymonError("This is not sound JSON.", where=where, why=str(error)[:200]) from error
    if not isinstance(value, dict):
        raise EtymonError("This is not a JSON object.", where=where, why=f"it is {type(value).__name__}")
    return cast("dict[str, Any]", value)


class Given:
    """The entries of a config.json; `finish` refuses what nobody asked for."""

    def __init__(self, content: Mapping[str, Any], where: str) -> None:
        self.where = where
        self._content = content
        self._left = set(content) - UNUSED
        for key in CODE:
            if key in content:
                self.refuse(key, "it asks for code that comes with the model, and none is ever run")

    def refuse(self, key: str, why: str) -> NoReturn:
        """Raise EtymonError for the value of a key."""
        shown = repr(self._content.get(key))
        shown = shown if len(shown) <= 60 else shown[:57] + "…"
        raise EtymonError(
            f"This model cannot be taken over: {key[:60]!r} is {shown}.",
            where=self.where,
            why=why,
            help="Etymon takes over only what it computes in the same way; docs/exchange.md lists it",
        )

    def take(self, key: str, otherwise: Any = None) -> Any:
        """The value of a key, whatever it is."""
        self._left.discard(key)
        return self._content.get(key, otherwise)

    def count(self, *keys: str, otherwise: int | None = None) -> int:
        """A whole number from 1 up under the first of these names that is there; all that are must agree."""
        found = {key: self.take(key) for key in keys if self.take(key) is not None}
        for key, value in found.items():
            if type(value) is not int or not 1 <= value <= LARGEST:
                self.refuse(key, f"a whole number from 1 to {LARGEST:,} is needed")
            if value != next(iter(found.values())):
                self.refuse(key, f"{next(iter(found))} says {next(iter(found.values()))}")
        if not found and otherwise is None:
            raise EtymonError(f"The entry {keys[0]!r} is missing.", where=self.where, help="copy the model once more")
        return next(iter(found.values()), otherwise or 0)

    def number(self, key: str, otherwise: float, low: float, high: float) -> float:
        """A number within limits."""
        value = self.take(key, otherwise)
        if type(value) not in (int, float) or not low <= value <= high:
            self.refuse(key, f"a number from {low:g} to {high:g} is needed")
        return float(value)

    def must(self, key: str, allowed: Collection[Any], otherwise: Any, why: str) -> None:
        """Refuse any value but these. `otherwise` is what it means to leave the key out."""
        value = self.take(key, otherwise)
        if not any(type(value) is type(one) and value == one for one in allowed):
            self.refuse(key, why)

    def near(self, key: str, wanted: float, otherwise: float, why: str) -> None:
        """Refuse a number that is not this one up to rounding."""
        value = self.take(key, otherwise)
        if type(value) not in (int, float) or not math.isclose(value, wanted, rel_tol=1e-6):
            self.refuse(key, f"{why} {wanted:g}")

    def finish(self) -> None:
        """Refuse keys that nobody asked for: what they would change is not known."""
        for key in ("dtype", "torch_dtype"):
            self.must(key, (None, "float32", "float16", "bfloat16"), None, "weights of another type of number")
        for key in ("output_attentions", "output_hidden_states", "return_dict", "torchscript", "use_bfloat16"):
            self._left.discard(key)
        self.must("pruned_heads", (None, {}), None, "heads were cut out")
        self.must("chunk_size_feed_forward", (None, 0), None, "it is not known")
        if self._left:
            self.refuse(min(self._left), "it is not known whether this entry changes what the model computes")
