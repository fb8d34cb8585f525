"""ARPA files in and out of a store: tokens come back as they were, words stay words, hostile files are refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from test_ngram_arpa import BY_HAND

from etymon.errors import EtymonError
from etymon.generation import Sampling, continue_text
from etymon.models import NgramSettings, estimate_ngram, export_model, import_model, load, save
from etymon.storage import Artifact, Store
from etymon.tokens import END_OF_TEXT, Batch, Tokenizer, adopt_tokenizer
from etymon.tokens.vocabulary import ALPHABET, assemble

TEXT = "a <s> of <unk> and </s>, then <UNK>.\n\n\tthe end\u00e9 <s>"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


def hostile_tokenizer(store: Store) -> Artifact:
    """Bytes, the words that ARPA files and KenLM give a meaning, and a special token beside end-of-text."""
    merges: list[tuple[str, str]] = []
    for word in ("<s>", "</s>", "<unk>", "<UNK>", "\u0120a"):
        for cut in range(1, len(word)):
            merges.append((word[:cut], word[cut]))
    return adopt_tokenizer(store, assemble(merges, limit=400, special=[END_OF_TEXT, "<|pad|>"]))


def ngram_of(store: Store, tokens: Artifact, order: int = 3) -> Artifact:
    """A model of the store that has read a text with every trap in it."""
    tokenizer = Tokenizer.open(tokens)
    end = tokenizer.end_of_text
    stream = np.array([end, *tokenizer.encode(TEXT), end, *tokenizer.encode("a the <s> a"), end])
    model = estimate_ngram(NgramSettings(order=order), tokenizer.vocabulary, stream, end)
    with store.create("model", {"family": "ngram"}, {"tokenizer": tokens.id}, stage_version=1) as draft:
        save(draft, model)
        return draft.seal()


def batch_of(tokens: Artifact) -> Batch:
    tokenizer = Tokenizer.open(tokens)
    ids = np.array([[tokenizer.end_of_text, *tokenizer.encode(TEXT + " a new <s> text"), tokenizer.end_of_text]])
    return Batch(ids=ids[:, :-1], targets=ids[:, 1:], weights=np.ones((1, ids.shape[1] - 1)))


@pytest.mark.parametrize("ending", [".arpa", ".arpa.gz"])
def test_tokens_go_out_and_come_back_as_they_were(store: Store, tmp_path: Path, ending: str) -> None:
    tokens = hostile_tokenizer(store)
    model = ngram_of(store, tokens)
    given = export_model(store, model, tmp_path / f"out{ending}")
    assert given.path.stat().st_size == given.files[f"out{ending}"] and given.architecture == "ARPA 3-gram"
    taken = import_model(store, given.path, tokenizer=tokens)
    assert taken.tokenizer == tokens and taken.model.inputs == {"tokenizer": tokens.id}
    batch = batch_of(tokens)
    np.testing.assert_allclose(load(taken.model).log_probs(batch), load(model).log_probs(batch), atol=1e-7)
    again = export_model(store, taken.model, tmp_path / f"again{ending}")
    assert again.path.read_bytes() == given.path.read_bytes()
    assert import_model(store, again.path, tokenizer=tokens).model.id == taken.model.id
    assert store.verify() == []


def test_what_is_compressed_is_the_same_model(store: Store, tmp_path: Path) -> None:
    tokens = hostile_tokenizer(store)
    model = ngram_of(store, tokens)
    plain, packed = (export_model(store, model, tmp_path / name).path for name in ("a.arpa", "a.arpa.gz"))
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    first, second = (import_model(store, path, tokenizer=tokens).model.id for path in (plain, packed))
    assert first == second


def test_words_become_a_tokenizer_of_words_and_the_model_writes_them(store: Store, tmp_path: Path) -> None:
    (tmp_path / "words.arpa").write_text(BY_HAND)
    taken = import_model(store, tmp_path / "words.arpa", name="mine")
    assert taken.tokenizer is not None and taken.model.name == "mine"
    tokenizer = Tokenizer.open(taken.tokenizer)
    assert [tokenizer.vocabulary, tokenizer.encode("b  a\n").tolist()] == [3, [2, 0]]
    assert tokenizer.decode([2, 0]) == " b a"
    model = load(taken.model)
    batch = Batch(ids=np.array([[1, 0]]), targets=np.array([[0, 2]]), weights=np.ones((1, 2)))
    np.testing.assert_allclose(model.log_probs(batch) / np.log(10), [[-0.0625, -0.75]], atol=1e-12)
    assert set(continue_text(model, tokenizer, "a", Sampling(max_tokens=4)).split()) <= {"a", "b"}
    given = export_model(store, taken.model, tmp_path / "out.arpa")
    assert import_model(store, given.path).tokenizer == taken.tokenizer
    with pytest.raises(EtymonError, match="'c' is no word of this model"):
        tokenizer.encode("a c")
    known = import_model(store, _written(tmp_path, BY_HAND.replace("\tb\t0", "\t<unk>\t0").replace("a b", "a <unk>")))
    assert known.tokenizer is not None
    assert Tokenizer.open(known.tokenizer).encode("a c").tolist() == [0, 2]


def _written(folder: Path, text: str | bytes, name: str = "given.arpa") -> Path:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder / name


def test_tokens_that_a_file_does_not_know_share_its_unknown_word(store: Store, tmp_path: Path) -> None:
    tokens = adopt_tokenizer(store, assemble([], limit=257, special=[END_OF_TEXT]))
    file = _written(tmp_path, BY_HAND.replace("\tb\t0", "\t<unk>\t0").replace("-0.75\ta b\n", "").replace("2=3", "2=2"))
    model = load(import_model(store, file, tokenizer=tokens).model)
    p = np.exp(model.next_log_probs(np.array([[256]]))[0])[0]
    assert p[ord("a")] == pytest.approx(10**-0.0625)
    unknown = np.delete(p, [ord("a"), 256])
    np.testing.assert_allclose(unknown, 10.0 ** (-2 - 0.125) / 255)
    with pytest.raises(EtymonError, match="254 tokens have no probability"):
        import_model(store, _written(tmp_path, BY_HAND), tokenizer=tokens)
    with pytest.raises(EtymonError, match="'wörd' is no token of the tokenizer"):
        import_model(store, _written(tmp_path, BY_HAND.replace("\tb", "\twörd")), tokenizer=tokens)


def test_tokens_without_their_tokenizer_are_not_taken_for_words(store: Store, tmp_path: Path) -> None:
    given = export_model(store, ngram_of(store, hostile_tokenizer(store), 1), tmp_path / "out.arpa")
    with pytest.raises(EtymonError, match="--tokenizer MODEL"):
        import_model(store, given.path)
    assert len(ALPHABET) == 256 and len(store.artifacts("model")) == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04 no model\n" * 50, "has no \\data\\"),
        (BY_HAND.replace("a b", "a \xff").encode("latin-1"), "given.arpa:14"),
        (b"\\data\\\nngram 1=99999999999999999999\n\n\\1-grams:\n-1\ta\n", "ends too early"),
        (b"\\data\\\nngram 1=1\n\n\\1-grams:\n" + b"-1\ta\n" * 9, "given.arpa:6"),
        (b"\\data\\\n" + b"ngram 1=1\n" * 9, "does not say how many 2-grams"),
        (b"\\data\\\nngram 1=1\n\n\\1-grams:\n-1\t" + b"a" * 70_000 + b"\n", "This line is too long"),
        (BY_HAND.replace("-0.5\ta", "-0.5e999\ta").encode(), "no log10 of a probability"),
        (BY_HAND.replace("-0.5\ta\t-0.25", "-0.5\ta\t400").encode(), "no log10 of a share"),
        (BY_HAND.replace("a b", "a\0b").encode(), "holds 2 fields"),
    ],
)
def test_what_is_no_model_is_refused_and_nothing_is_kept(store: Store, tmp_path: Path, data: bytes, says: str) -> None:
    for name, content in (("given.arpa", data), ("given.arpa.gz", gzip.compress(data))):
        with pytest.raises(EtymonError) as told:
            import_model(store, _written(tmp_path, content, name))
        assert says.replace("given.arpa", name) in str(told.value)
    assert store.artifacts() == []


def test_a_compressed_file_that_was_cut_is_refused(store: Store, tmp_path: Path) -> None:
    packed = gzip.compress(BY_HAND.encode())
    for wrong in (packed[:-9], b"no gzip at all", packed[:30] + bytes([packed[30] ^ 255]) + packed[31:]):
        with pytest.raises(EtymonError) as told:
            import_model(store, _written(tmp_path, wrong, "given.arpa.gz"))
        assert "given.arpa.gz" in str(told.value)


def test_there_is_nothing_to_overwrite_and_no_half_file(store: Store, tmp_path: Path) -> None:
    tokens = hostile_tokenizer(store)
    model = ngram_of(store, tokens)
    with pytest.raises(EtymonError, match="something in this place"):
        export_model(store, model, _written(tmp_path, "mine"))
    assert (tmp_path / "given.arpa").read_text() == "mine"
    tokenizer = Tokenizer.open(tokens)
    settings = NgramSettings(order=2, smoothing="add-k")
    end = tokenizer.end_of_text
    unfit = estimate_ngram(settings, tokenizer.vocabulary, np.array([end, 1, end]), end)
    with store.create("model", {"family": "ngram", "k": 1}, {"tokenizer": tokens.id}, stage_version=1) as draft:
        save(draft, unfit)
        artifact = draft.seal()
    with pytest.raises(EtymonError, match="fits in no ARPA file"):
        export_model(store, artifact, tmp_path / "new" / "out.arpa")
    assert list((tmp_path / "new").iterdir()) == []
