"""The format of `tokenizer.json`: byte-level BPE as Hugging Face `tokenizers` writes it, made and read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etymon.errors import EtymonError

END_OF_TEXT = "<|endoftext|>"
"""The special token between documents; it opens and closes each of them."""

BYTES = 256

NEEDED = frozenset((*b"\t\n\r", *range(0x20, 0x7F), *range(0x80, 0xC0), *range(0xC2, 0xF1)))
"""Bytes without which a tokenizer is of no use: all of UTF-8 but control characters and planes that stand empty."""

Merge = tuple[str, str]
"""Two tokens, spelled in `ALPHABET`, that become one."""


def _alphabet() -> str:
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(BYTES) if byte not in shown]
    spelled = {byte: chr(byte) for byte in shown} | {byte: chr(BYTES + n) for n, byte in enumerate(hidden)}
    return "".join(spelled[byte] for byte in range(BYTES))


ALPHABET = _alphabet()
"""The visible character that stands for each byte in the file: the table of GPT-2 (Radford et al. 2019)."""

_BYTE_OF = {character: byte for byte, character in enumerate(ALPHABET)}


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What a `tokenizer.json` holds. tokens [V]: the bytes of each id. special: id by name. ordinary: the same file
    without its special tokens, so that an encoder built from it cannot read one into a text. lacking: the bytes that
    have no token; ours has all, SmolLM2's for one has no 0x04."""

    tokens: Sequence[bytes]
    special: Mapping[str, int]
    ordinary: str
    lacking: bytes


def assemble(merges: Sequence[Merge], *, limit: int, special: Sequence[str]) -> bytes:
    """The `tokenizer.json` of at most `limit` ids: the 256 bytes under their own values, merges, special tokens.

    Merges past the limit are left out. Special names come last, in the order given, and are no part of the model, so
    no merge can produce them.
    """
    ids = {character: byte for byte, character in enumerate(ALPHABET)}
    kept: list[Merge] = []
    for left, right in merges:
        token = left + right
        if token not in ids:  # two pairs may spell the same one
            if len(ids) >= limit - len(special):
                break
            ids[token] = len(ids)
        kept.append((left, right))
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(name, len(ids) + number) for number, name in enumerate(special)],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": ids,
            "merges": kept,
        },
    }
    return json.dumps(content, ensure_ascii=False).encode()


def _added_token(name: str, number: int) -> dict[str, Any]:
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": number, "content": name, **flags}


def parse(data: bytes) -> Vocabulary:
    """The vocabulary of a `tokenizer.json`, ours or another's, if it is a byte-level BPE that loses nothing.

    Raises EtymonError where it is not one: text would not come back as it went in.
    """
    content = json.loads(data)
    _check_lossless(content)
    special = {str(token["content"]): int(token["id"]) for token in content["added_tokens"]}
    model_ids: dict[str, int] = {name: n for name, n in content["model"]["vocab"].items() if name not in special}
    tokens: dict[int, bytes] = {number: spelled_bytes(name) for name, number in model_ids.items()}
    tokens |= {number: name.encode() for name, number in special.items()}
    lacking = bytes(byte for byte in range(BYTES) if ALPHABET[byte] not in model_ids)
    missing = NEEDED.intersection(lacking)
    names = len(model_ids) + len(special)
    if missing or sorted(tokens) != list(range(names)):
        gap = "its ids are not 0, 1, 2, … without a gap" if len(tokens) == names else "two of its tokens have one id"
        why = f"{len(missing)} of the {len(NEEDED)} bytes of ordinary text have no token" if missing else gap
        raise EtymonError("This tokenizer cannot be used.", why=why, help="train one with `etymon tokenizer train`")
    content["added_tokens"], content["model"]["vocab"] = [], model_ids
    ordinary = json.dumps(content, ensure_ascii=False)
    by_id = [tokens[number] for number in range(len(tokens))]
    return Vocabulary(tokens=by_id, special=special, ordinary=ordinary, lacking=lacking)


def _check_lossless(content: dict[str, Any]) -> None:
    steps = _steps(content["pre_tokenizer"] or {})
    added: list[dict[str, Any]] = content["added_tokens"]
    model = content["model"].get("type", "BPE")
    behind: dict[str, Any] = content.get("post_processor") or {}
    faults: dict[str, bool] = {
        f"its model is {model}, not BPE": model != "BPE",
        "it normalises the text": content["normalizer"] is not None,
        "its tokens are not bytes": [step.get("type") for step in steps][-1:] != ["ByteLevel"],
        "it drops parts of the text": not all(map(_keeps_all, steps)),
        "it puts a space before the text": any(step.get("add_prefix_space", False) for step in steps),
        "it cuts or fills up the text": bool(content.get("truncation") or content.get("padding")),
        "it puts tokens around the text": behind.get("type", "ByteLevel") != "ByteLevel",
        "it drops pieces at random": bool(content["model"].get("dropout")),
        "tokens beside its model stand for text": any(token.get("special") is False for token in added),
    }
    for why, found in faults.items():
        if found:
            what = "This tokenizer would change the text that it reads."
            raise EtymonError(what, why=why, help="use a byte-level BPE such as GPT-2's")


CUTS = ("Split", "Punctuation", "Digits", "UnicodeScripts", "ByteLevel")
"""The steps that cut a text and change nothing, unless they remove what they find."""


def _steps(pre_tokenizer: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps of a pre-tokenizer one after the other, those of sequences within sequences too."""
    if "pretokenizers" not in pre_tokenizer:
        return [pre_tokenizer]
    return [step for part in pre_tokenizer["pretokenizers"] for step in _steps(part)]


def _keeps_all(step: dict[str, Any]) -> bool:
    return step.get("type") in CUTS and step.get("behavior") != "Removed"


def spelled_bytes(spelled: str) -> bytes:
    """The bytes that a token spelled in `ALPHABET` stands for."""
    return bytes(_BYTE_OF[character] for character in spelled)
