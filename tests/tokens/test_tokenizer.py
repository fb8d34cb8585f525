"""The tokenizer loses nothing, knows no special token in a text, and is the reference's equal whatever encodes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.tokens import END_OF_TEXT, Tokenizer
from etymon.tokens import encoders as encoders_module
from etymon.tokens.encoders import ReferenceEncoder, agree, best_encoder
from etymon.tokens.vocabulary import parse

PIECES = [
    "the",
    " self",
    "\n    ",
    "\r\n",
    "1984",
    "'s",
    "日本",
    "é",
    "\u0301",
    "\u2028",
    " ",
    "\t",
    END_OF_TEXT,
    "<|",
    "\0",
]
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=20).map("".join),
)


@given(text=TEXTS)
def test_text_comes_back_as_it_went_in(tokenizer: Tokenizer, text: str):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(
    data=st.one_of(
        st.binary(max_size=80),
        st.lists(
            st.sampled_from([b"\xff", b"\xe6\x97", b"the", b"\xc0\x80", b"\xed\xa0\x80", "é".encode()]), max_size=12
        ).map(b"".join),
    )
)
def test_any_bytes_come_back_as_they_went_in(tokenizer: Tokenizer, data: bytes):
    ids = tokenizer.encode_bytes(data)
    assert tokenizer.decode_bytes(ids) == data
    assert tokenizer.decode_bytes(ids.tolist()) == data


@given(text=TEXTS)
def test_bytes_that_are_text_have_the_ids_of_the_text(tokenizer: Tokenizer, text: str):
    assert np.array_equal(tokenizer.encode_bytes(text.encode()), tokenizer.encode(text))


@given(text=TEXTS)
def test_no_text_encodes_to_a_special_token(tokenizer: Tokenizer, text: str):
    ids = tokenizer.encode(f"{text}{END_OF_TEXT}{text}<|user|>")
    assert not set(ids.tolist()) & {tokenizer.end_of_text, tokenizer.special["<|user|>"]}


@given(texts=st.lists(TEXTS, max_size=6))
def test_a_batch_gives_what_each_text_gives_alone(tokenizer: Tokenizer, texts: list[str]):
    batch = tokenizer.encode_batch(texts)
    assert [row.tolist() for row in batch] == [tokenizer.encode(text).tolist() for text in texts]
    assert all(row.dtype == np.uint32 for row in batch)


@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_the_encoder_gives_the_ids_of_the_reference(
    tokenizer: Tokenizer, reference: ReferenceEncoder, texts: list[str]
):
    assert agree(tokenizer.encoder, reference, texts)


def test_gigatoken_is_used_and_agrees_on_a_megabyte(
    tokenizer: Tokenizer, reference: ReferenceEncoder, texts: list[str]
):
    pytest.importorskip("gigatoken", reason="gigatoken is not installed")
    assert tokenizer.encoder.name == "gigatoken"
    assert agree(tokenizer.encoder, reference, texts * 8)


def test_special_tokens_have_ids_of_their_own_at_the_end(tokenizer: Tokenizer):
    assert tokenizer.vocabulary == 1024
    assert tokenizer.special == {END_OF_TEXT: 1022, "<|user|>": 1023}
    assert tokenizer.end_of_text == 1022
    assert tokenizer.decode([ord("a"), 1022]) == "a<|endoftext|>"


def test_a_number_is_read_digit_by_digit(tokenizer: Tokenizer):
    tokens = [tokenizer.token_bytes(int(id)) for id in tokenizer.encode("in 1984")]
    assert tokens[-4:] == [b" 1", b"9", b"8", b"4"]


def test_bytes_that_are_no_text_are_shown_as_replacement_characters(tokenizer: Tokenizer):
    assert tokenizer.decode(tokenizer.encode_bytes(b"a\xffb")) == "a\ufffdb"


@pytest.mark.parametrize("unit", ["a", "ab", " ", "\n", "日"])
def test_a_word_of_a_million_characters_takes_linear_time(tokenizer: Tokenizer, unit: str):
    def seconds(times: int) -> float:
        text = unit * times
        begin = time.process_time()
        ids = tokenizer.encode(text)
        spent = time.process_time() - begin
        assert text.encode().startswith(tokenizer.decode_bytes(ids[:1000]))
        return spent

    seconds(1000)
    assert seconds(1_000_000 // len(unit)) < 40 * max(seconds(100_000 // len(unit)), 0.01)


@pytest.mark.parametrize("number", [-1, 1024, 2**40])
def test_a_number_that_is_no_token_is_refused(tokenizer: Tokenizer, number: int):
    with pytest.raises(EtymonError, match=f"{number} is no token"):
        tokenizer.decode([number])


@pytest.mark.parametrize("broken", [["a\ud800b"], ["fine", "a\udfffb"]], ids=["alone", "in a batch"])
def test_half_a_surrogate_pair_is_refused_in_words(tokenizer: Tokenizer, broken: list[str]):
    with pytest.raises(EtymonError, match="cannot be encoded") as caught:
        tokenizer.encode_batch(broken)
    assert "position 1" in caught.value.why


def test_a_tokenizer_without_end_of_text_is_refused(tokenizer_json: bytes):
    with pytest.raises(EtymonError, match="no special token"):
        Tokenizer(tokenizer_json.replace(b'"<|endoftext|>"', b'"<|other|>"'))


def test_without_gigatoken_the_reference_encodes_silently(tokenizer_json: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "gigatoken", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert best_encoder(parse(tokenizer_json)).name == "tokenizers"


def test_a_fast_encoder_that_differs_is_not_used_and_that_is_said(
    tokenizer_json: bytes, monkeypatch: pytest.MonkeyPatch
):
    class Wrong(ReferenceEncoder):
        name = "wrong"

        def encode(self, texts):
            ids, offsets = super().encode(texts)
            return ids + (ids == ord("1")), offsets

    monkeypatch.setattr(encoders_module, "FastEncoder", Wrong)
    with pytest.warns(UserWarning, match="ids differ"):
        assert best_encoder(parse(tokenizer_json)).name == "tokenizers"


def test_a_kind_of_tokenizer_that_gigatoken_does_not_know_goes_the_slow_way(tokenizer_json: bytes):
    pytest.importorskip("gigatoken", reason="gigatoken is not installed")
    content = json.loads(tokenizer_json)
    words = {"type": "Split", "pattern": {"Regex": r"\s+|\S+"}, "behavior": "Isolated", "invert": False}
    as_bytes = content["pre_tokenizer"] | {"use_regex": False}
    content["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [words, as_bytes]}
    other = Tokenizer(json.dumps(content).encode())
    with pytest.warns(UserWarning, match="does not know"):
        ids = other.encode("def f(x):\n  return x")
    assert other.decode(ids) == "def f(x):\n  return x"


WITHOUT_AWKWARD = """
import sys
sys.modules["awkward"] = None  # as where there is no memory left to load it
import numpy as np
from etymon.tokens.encoders import FastEncoder, ReferenceEncoder, agree
from etymon.tokens.vocabulary import END_OF_TEXT, assemble, parse
vocabulary = parse(assemble([("t", "h"), ("th", "e")], limit=300, special=[END_OF_TEXT]))
fast, texts = FastEncoder(vocabulary), ["the cat", "", "then"]
assert isinstance(fast._tokenizer.encode_batch(texts), list)
assert agree(fast, ReferenceEncoder(vocabulary), texts)
print(fast.encode(texts)[1].tolist())
"""


def test_the_fast_encoder_gives_the_same_ids_where_it_can_only_make_lists() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_AWKWARD], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[0, 5, 5, 7]"
