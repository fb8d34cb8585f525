"""A pseudo-likelihood is what hiding one token at a time says, on a sample of known size, and is named so."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiny_streams import VOCABULARY, Bigram, stream_of

from etymon.errors import EtymonError
from etymon.evaluation import bits_per_byte, pseudo_bits_per_byte, score
from etymon.models import family
from etymon.statistics import Result

torch = pytest.importorskip("torch", reason="networks need torch")

CONTEXT = 16
DOCUMENTS = [np.random.default_rng(number).integers(0, 4, size).tolist() for number, size in enumerate((40, 7, 1, 16))]


def bert():
    torch.manual_seed(0)
    kind = family("bert")
    return kind.build(kind.settings(layers=2, width=16, heads=2, context=CONTEXT + 3), VOCABULARY).eval()


def nats_one_by_one(model, document: list[int]) -> float:
    """Each token hidden in a row of its own: begin, the tokens around it, end; all logits, one pass after the other."""
    mask, begin, end = model.special
    length, total = min(len(document), CONTEXT), 0.0
    for place, token in enumerate(document):
        start = min(max(place - length // 2, 0), len(document) - length)
        row = [begin, *document[start : start + length], end]
        row[place - start + 1] = mask
        ids = torch.tensor([row])
        with torch.no_grad():
            x = model.embed(ids) + model.positions(torch.arange(len(row))) + model.segments(torch.zeros_like(ids))
            x = model.embed_norm(x)
            for block in model.blocks:
                x = block(x, batch_of(ids), torch.arange(len(row)), None)
            logits = model.head(model.guesses(x))[0, place - start + 1, :VOCABULARY]
        total -= float(logits.double().log_softmax(-1)[token])
    return total


def batch_of(ids):
    from etymon.tokens import Batch, Mask

    return Batch(ids=ids, targets=ids, weights=ids, visibility=Mask(causal=False))


@pytest.mark.parametrize("batch_tokens", [1, 50, 16_384])
def test_all_tokens_cost_what_hiding_one_after_the_other_says(batch_tokens: int) -> None:
    model = bert()
    result = pseudo_bits_per_byte(model, stream_of(DOCUMENTS), reads=None, batch_tokens=batch_tokens)
    expected = [nats_one_by_one(model, document) / math.log(2) for document in DOCUMENTS]
    np.testing.assert_allclose(result.values, expected, rtol=1e-6)
    assert result.details["tokens"] == result.details["of"] == sum(map(len, DOCUMENTS))
    assert "all tokens" in result.protocol


def sampled(seed: int = 0, reads: float = 2.0) -> Result:
    return pseudo_bits_per_byte(bert(), stream_of(DOCUMENTS), reads=reads, seed=seed)


def test_a_sample_is_told_drawn_by_its_seed_and_of_every_document() -> None:
    result = sampled()
    # 2 readings: of 40 tokens in windows of 18, 4; of 7 in 9, 2; of 1, 1; of 16 in 18, 2
    assert (result.details["tokens"], result.details["of"], result.n) == (9, 64, 4)
    assert "9 of 64 tokens, drawn evenly by seed 0" in result.protocol
    assert sampled() == result
    assert sampled(seed=1).values != result.values
    assert all(value > 0 for value in result.values)
    assert result.low < result.mean < result.high


def test_samples_are_right_on_average() -> None:
    whole = pseudo_bits_per_byte(bert(), stream_of(DOCUMENTS), reads=None)
    model, stream = bert(), stream_of(DOCUMENTS)
    means = np.array([pseudo_bits_per_byte(model, stream, reads=2, seed=seed).mean for seed in range(40)])
    assert abs(means.mean() - whole.mean) < 4 * means.std() / math.sqrt(len(means))
    assert means.std() > 0


def test_it_is_named_so_and_its_documents_are_those_of_the_others() -> None:
    stream = stream_of(DOCUMENTS)
    pseudo, plain = score(bert(), stream, max_bytes=60), score(Bigram(), stream, max_bytes=60)
    assert (pseudo.name, plain.name) == ("pseudo_bits_per_byte", "bits_per_byte")
    assert pseudo.unit == "pseudo bits per byte"
    assert pseudo.protocol.startswith("pseudo-likelihood, no probability of the text")
    assert pseudo.items == plain.items and list(pseudo.weights) == list(plain.weights)


def test_a_model_that_sees_both_sides_is_given_no_bits_per_byte() -> None:
    with pytest.raises(EtymonError, match="A bert has no bits per byte"):
        bits_per_byte(bert(), stream_of(DOCUMENTS))


def test_text_of_another_tokenizer_is_refused() -> None:
    kind = family("bert")
    assert kind.build is not None
    other = kind.build(kind.settings(layers=1, width=16, heads=2, context=19), VOCABULARY + 1)
    with pytest.raises(EtymonError, match="different tokenizers"):
        pseudo_bits_per_byte(other, stream_of(DOCUMENTS))
