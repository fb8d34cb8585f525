"""What a family learns from is chosen in one place, by its settings and the bytes of tokens; and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from etymon.corpus import CorpusSettings, build
from etymon.errors import EtymonError
from etymon.models import family
from etymon.models.network import as_tensors
from etymon.objectives import (
    Masked,
    MaskedSettings,
    NextToken,
    Objective,
    Permutation,
    PermutationSettings,
    objective_for,
    step_flops,
)
from etymon.objectives.borders import sentence_ends, sentence_opens, word_begins
from etymon.storage import Store
from etymon.tokens import Loader, Tokenizer, TokenizerSettings, TokenStream, build_shards, open_shards, train_tokenizer

REPOSITORY = Path(__file__).parents[2]
LENGTH = 60


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokenizer, TokenStream]:
    """The pages of this project, which are English prose, and their tokenizer."""
    store = Store.at(tmp_path_factory.mktemp("text") / "store")
    corpus = build(store, [str(REPOSITORY / "docs")], CorpusSettings())
    tokenizer = train_tokenizer(store, corpus, TokenizerSettings(vocabulary=600))
    return Tokenizer.open(tokenizer), open_shards(build_shards(store, corpus, tokenizer))["train"]


def chosen(name: str, settings: Any, tokenizer: Tokenizer, **shape: Any) -> Objective:
    kind = family(name)
    return objective_for(kind, settings, kind.settings(**shape), tokenizer, 3)


def test_each_family_has_its_own(text: tuple[Tokenizer, TokenStream]) -> None:
    tokenizer, _ = text
    assert isinstance(chosen("gpt", None, tokenizer), NextToken)
    permuted = chosen("xlnet", PermutationSettings(predicted=0.5, span=2), tokenizer)
    assert permuted == Permutation(seed=3, predicted=0.5, span=2)
    masked = chosen("bert", MaskedSettings(hidden=0.3, whole_words=True, pairs=False), tokenizer)
    assert isinstance(masked, Masked) and masked.word_begins is not None and masked.sentence_ends is None
    assert masked.special == (tokenizer.vocabulary, tokenizer.vocabulary + 1, tokenizer.vocabulary + 2)
    names = {chosen("bert", MaskedSettings(span=span), tokenizer).name for span in (1, 3)}
    assert len(names) == 2


def test_special_tokens_are_no_tokens_of_text(text: tuple[Tokenizer, TokenStream]) -> None:
    tokenizer, _ = text
    for ids, why in (((5, 6, 7), "5 is no special token"), ((tokenizer.end_of_text, 600, 601), "no special token")):
        with pytest.raises(EtymonError, match="cannot be used") as error:
            chosen("bert", MaskedSettings(), tokenizer, mask_id=ids[0], begin_id=ids[1], end_id=ids[2])
        assert why in str(error.value.why)
    with pytest.raises(EtymonError, match="cannot be used"):
        chosen("bert", MaskedSettings(), tokenizer, mask_id=600, begin_id=600, end_id=601)


def test_the_second_segment_of_a_pair_begins_a_sentence_of_the_text(text: tuple[Tokenizer, TokenStream]) -> None:
    tokenizer, stream = text
    objective = chosen("bert", MaskedSettings(hidden=0.01), tokenizer)
    loader = Loader(stream, length=96, slots=16, seed=1, order="shuffle")
    documents = [
        tokenizer.decode(stream.ids[begin + 1 : end])
        for begin, end in zip(stream.starts[:-1], stream.starts[1:], strict=True)
    ]
    kinds = {0: 0, 1: 0}
    for step in range(4):
        batch = objective.batch(loader, step)
        assert batch.segments is not None and batch.documents is not None
        whole = np.where(batch.weights > 0, batch.targets, batch.ids)
        for row in np.flatnonzero(batch.weights[:, 0]).tolist():
            length, cut = int((batch.documents[row] == 0).sum()), int(np.flatnonzero(batch.segments[row])[0])
            first = tokenizer.decode(whole[row, 1 : cut - 1])
            second = tokenizer.decode(whole[row, cut : length - 1])
            assert first.rstrip().endswith((".", "!", "?", '"', "'", ")", "]")) or first.endswith("\n")
            places = [(document, document.find(second.strip("\ufffd"))) for document in documents]
            found = [(document, place) for document, place in places if place >= 0]
            assert found and (second[0].isspace() or any(place == 0 for _, place in found))
            kinds[int(batch.targets[row, 0])] += 1
    assert min(kinds.values()) >= 10


def test_words_and_sentences_follow_from_the_bytes_of_tokens(text: tuple[Tokenizer, TokenStream]) -> None:
    tokenizer, _ = text
    said = [tokenizer.token_bytes(id) for id in range(tokenizer.vocabulary)]
    begins, ends, opens = word_begins(tokenizer), sentence_ends(tokenizer), sentence_opens(tokenizer)
    for token, begin, end, open_ in ((b".", 1, 1, 0), (b" the", 1, 0, 1), (b"ing", 0, 0, 0), (b"\n", 1, 0, 1)):
        number = said.index(token)
        assert (begins[number], ends[number], opens[number]) == (begin, end, open_), token
    assert not ends[tokenizer.end_of_text]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gpt", None),
        ("bert", MaskedSettings(pairs=False)),
        ("bert", MaskedSettings(hidden=0.5)),
        ("xlnet", PermutationSettings()),
        ("xlnet", PermutationSettings(predicted=1)),
    ],
)
def test_a_step_costs_what_torch_counts(
    name: str, settings: Any, text: tuple[Tokenizer, TokenStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer, stream = text

    def add_product(so_far: torch.Tensor, gradient: torch.Tensor, hidden: torch.Tensor) -> None:
        so_far += gradient.t() @ hidden

    monkeypatch.setattr("etymon.objectives.cross_entropy._add_product", add_product)  # torch counts no `addmm_`
    kind, rows = family(name), 1 if name == "xlnet" else 4  # the rows of an XLNet share a table, counted for each
    shape = kind.settings(layers=2, width=32, heads=2, context=LENGTH + kind.edges)
    objective = objective_for(kind, settings, shape, tokenizer, 3)
    assert kind.build is not None
    network = kind.build(shape, tokenizer.vocabulary)
    batch = objective.batch(Loader(stream, length=LENGTH, slots=rows, seed=1, order="shuffle"), 0)
    with FlopCounterMode(display=False) as counted, sdpa_kernel(SDPBackend.MATH):
        nats, _, _ = objective.loss(network, as_tensors(batch, torch.device("cpu")))
        nats.backward()
    expected = step_flops(objective, network.counts, rows, LENGTH)
    # Shares are rounded to whole tokens in each row, and the head for pairs is not counted.
    assert counted.get_total_flops() == pytest.approx(expected, rel=1e-12 if name == "gpt" else 0.03)
