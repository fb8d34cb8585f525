"""`tokenizer.json`: others can read it, and what would lose text is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Reference

from etymon.errors import EtymonError
from etymon.tokens import Tokenizer
from etymon.tokens.vocabulary import ALPHABET, END_OF_TEXT, assemble, parse, spelled_bytes


def test_the_alphabet_is_that_of_gpt2():
    from tokenizers.pre_tokenizers import ByteLevel

    assert sorted(ALPHABET) == sorted(ByteLevel.alphabet())
    assert spelled_bytes("ĠtheĊ") == b" the\n"


def test_the_file_is_read_by_hugging_face_tokenizers(tokenizer_json: bytes, tmp_path: Path):
    (tmp_path / "tokenizer.json").write_bytes(tokenizer_json)
    reference = Reference.from_file(str(tmp_path / "tokenizer.json"))
    assert reference.get_vocab_size() == 1024
    assert reference.token_to_id(END_OF_TEXT) == 1022
    assert reference.encode("a<|endoftext|>b").ids == [ord("a"), 1022, ord("b")]
    assert reference.decode(reference.encode("def f(x): # naïve").ids) == "def f(x): # naïve"


def test_every_byte_has_its_own_value_as_id():
    parts = parse(assemble([], limit=257, special=[END_OF_TEXT]))
    assert parts.tokens[:256] == [bytes([byte]) for byte in range(256)]
    assert parts.special == {END_OF_TEXT: 256}


def test_merges_past_the_limit_are_left_out_and_special_tokens_come_last():
    parts = parse(assemble([("a", "b"), ("c", "d"), ("e", "f")], limit=260, special=["<one>", "<two>"]))
    assert parts.tokens[256:] == [b"ab", b"cd", b"<one>", b"<two>"]


def test_two_merges_that_spell_the_same_token_share_its_id():
    merges = [("a", "b"), ("b", "c"), ("ab", "c"), ("a", "bc"), ("d", "e")]
    parts = parse(assemble(merges, limit=261, special=[END_OF_TEXT]))
    assert parts.tokens[256:] == [b"ab", b"bc", b"abc", b"de", END_OF_TEXT.encode()]
    assert len(json.loads(parts.ordinary)["model"]["merges"]) == 5


def changed(data: bytes, **entries: object) -> bytes:
    return json.dumps(json.loads(data) | entries).encode()


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"normalizer": {"type": "NFC"}}, "normalises"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "not bytes"),
        ({"pre_tokenizer": None}, "not bytes"),
        ({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}}, "a space before"),
        ({"model": {"type": "WordPiece", "vocab": {}}}, "WordPiece, not BPE"),
        ({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "added_tokens": []}, "208 of the 209 bytes"),
        ({"added_tokens": [{"content": "<x>", "id": 3000}]}, "without a gap"),
    ],
)
def test_a_tokenizer_that_would_lose_text_is_refused(tokenizer_json: bytes, entries: dict[str, object], why: str):
    with pytest.raises(EtymonError) as caught:
        parse(changed(tokenizer_json, **entries))
    assert why in caught.value.why


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def steps(*before: object) -> dict[str, object]:
    return {"type": "Sequence", "pretokenizers": [*before, BYTE_LEVEL]}


def split(behavior: str) -> dict[str, object]:
    return {"type": "Split", "pattern": {"String": "\n"}, "behavior": behavior, "invert": False}


@pytest.mark.parametrize(
    "step",
    [
        split("Removed"),
        steps(split("Removed")),
        {"type": "CharDelimiterSplit", "delimiter": "#"},
        {"type": "Punctuation", "behavior": "Removed"},
        {"type": "Metaspace", "replacement": "x", "prepend_scheme": "never", "split": True},
        {"type": "Whitespace"},
    ],
    ids=str,
)
def test_a_step_that_removes_what_it_finds_is_refused(tokenizer_json: bytes, step: dict[str, object]):
    with pytest.raises(EtymonError) as caught:
        parse(changed(tokenizer_json, pre_tokenizer=steps(step)))
    assert "drops parts of the text" in caught.value.why


@pytest.mark.parametrize(
    "step", [split("Isolated"), split("MergedWithNext"), {"type": "Digits", "individual_digits": True}], ids=str
)
def test_a_step_that_only_cuts_is_taken(tokenizer_json: bytes, step: dict[str, object]):
    assert len(parse(changed(tokenizer_json, pre_tokenizer=steps(step))).tokens) == 1024


def test_two_tokens_of_one_id_and_added_tokens_for_plain_text_are_refused(tokenizer_json: bytes):
    added = json.loads(tokenizer_json)["added_tokens"]
    for more, why in (
        ({"id": ord("A"), "content": "<x>", "special": True}, "two of its tokens have one id"),
        ({"id": 1024, "content": "  ", "special": False}, "tokens beside its model stand for text"),
    ):
        with pytest.raises(EtymonError) as caught:
            parse(changed(tokenizer_json, added_tokens=[*added, more]))
        assert why in caught.value.why


def test_a_tokenizer_without_tokens_for_control_characters_refuses_texts_that_hold_them(tokenizer_json: bytes):
    content = json.loads(tokenizer_json)
    vocabulary = content["model"]["vocab"]
    vocabulary["neveraword"] = vocabulary.pop(ALPHABET[4])
    tokenizer = Tokenizer(json.dumps(content).encode())
    assert tokenizer.decode(tokenizer.encode("All else is read: ü.")) == "All else is read: ü."
    for ask in (lambda: tokenizer.encode("a\x04b"), lambda: tokenizer.encode_bytes(b"\xff\x04")):
        with pytest.raises(EtymonError, match="byte 0x04"):
            ask()
    assert tokenizer.encode_bytes(b"\xff").size == 1
