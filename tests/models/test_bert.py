"""BERT: equal to the published network, and the terms of its pseudo-likelihood hide what they ask for."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import reference
import torch
from random_batches import random_batch
from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models import family
from etymon.models.bert import BERT, BERTSettings
from etymon.tokens import Batch, Mask

VOCABULARY = 41
BLOCK = {
    "attention.out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "mlp.up": "intermediate.dense",
    "mlp.down": "output.dense",
    "mlp_norm": "output.LayerNorm",
}
OUTER = {
    "embed": "bert.embeddings.word_embeddings",
    "positions": "bert.embeddings.position_embeddings",
    "segments": "bert.embeddings.token_type_embeddings",
    "embed_norm": "bert.embeddings.LayerNorm",
    "guess": "cls.predictions.transform.dense",
    "guess_norm": "cls.predictions.transform.LayerNorm",
    "pool": "bert.pooler.dense",
    "relation": "cls.seq_relationship",
}


def small(seed: int = 0, **shape: Any) -> BERT:
    """A small BERT whose special ids are the last of its vocabulary, with weights that hide no mistake."""
    settings = BERTSettings(
        **({"context": 16, "layers": 2, "width": 32, "heads": 4, "mask_id": 38, "begin_id": 39, "end_id": 40} | shape)
    )
    torch.manual_seed(seed)
    network = BERT(settings, VOCABULARY)
    for parameter in network.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    return network.eval()


def as_theirs(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """Our tensor under the names of transformers: q, k and v apart."""
    if name == "offset":
        return {"cls.predictions.bias": tensor}
    *path, kind = name.split(".")
    if path[0] != "blocks":
        return {f"{OUTER[path[0]]}.{kind}": tensor}
    prefix, inner = f"bert.encoder.layer.{path[1]}", ".".join(path[2:])
    if inner == "attention.qkv":
        parts = zip(("query", "key", "value"), tensor.chunk(3), strict=True)
        return {f"{prefix}.attention.self.{part}.{kind}": piece for part, piece in parts}
    return {f"{prefix}.{BLOCK[inner]}.{kind}": tensor}


def peer_of(network: BERT) -> nn.Module:
    """transformers' BertForPreTraining of the same shape with the same weights."""
    transformers = reference.transformers()
    shape = network.settings
    config = transformers.BertConfig(
        vocab_size=VOCABULARY, hidden_size=shape.width, num_hidden_layers=shape.layers,
        num_attention_heads=shape.head_count, intermediate_size=4 * shape.width, max_position_embeddings=shape.context,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, pad_token_id=None,
    )  # fmt: skip
    peer = transformers.BertForPreTraining(config).eval()
    parameters = dict(peer.named_parameters())
    ours = {key: t for name, p in network.named_parameters() for key, t in as_theirs(name, p.data).items()}
    assert ours.keys() == parameters.keys()
    for name, parameter in parameters.items():
        parameter.data.copy_(ours[name])
    return peer


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(10))
def test_logits_hidden_states_and_gradients_are_those_of_transformers(seed: int) -> None:
    draw = random.Random(seed)
    heads = draw.choice([1, 2, 4])
    network = small(seed, layers=draw.choice([1, 2, 3]), heads=heads, width=heads * draw.choice([8, 12]))
    peer = peer_of(network)
    batch = random_batch(2, 16, VOCABULARY, seed=seed, visibility=Mask(causal=False))
    segments = (torch.arange(16) >= draw.randint(1, 15)).long().expand(2, -1)
    batch = Batch(
        ids=batch.ids, targets=batch.targets, weights=batch.weights, segments=segments, visibility=batch.visibility
    )
    heard: dict[str, Tensor] = {}

    def listen(site: str, value: Tensor) -> Tensor:
        return heard.setdefault(site, value)

    logits, related = network.head(network(batch)[0]), network.follows(network.encode(batch)[:, 0])
    network(batch, tap=listen)
    theirs = peer(batch.ids, token_type_ids=segments, output_hidden_states=True)
    torch.testing.assert_close(logits, theirs.prediction_logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(related, theirs.seq_relationship_logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(heard["embed"], theirs.hidden_states[0], atol=1e-5, rtol=1e-5)
    for i in range(network.settings.layers):
        torch.testing.assert_close(heard[f"blocks.{i}.residual"], theirs.hidden_states[i + 1], atol=1e-5, rtol=1e-5)

    labels = torch.tensor([0, 1])
    for tokens, pairs in ((logits, related), (theirs.prediction_logits, theirs.seq_relationship_logits)):
        loss = nn.functional.cross_entropy(tokens.flatten(0, 1), batch.targets.flatten())
        (loss + nn.functional.cross_entropy(pairs, labels)).backward()
    wanted = {name: parameter.grad for name, parameter in peer.named_parameters()}
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None
        for key, gradient in as_theirs(name, parameter.grad).items():
            torch.testing.assert_close(gradient, wanted[key], atol=1e-6, rtol=1e-4)


def test_each_term_of_the_pseudo_likelihood_hides_its_own_token_and_sees_the_others() -> None:
    network = small()
    ids = np.array([[3, 7, 5, 9, 2]])
    batch = Batch(ids=ids, targets=np.array([[7, 5, 9, 2, 11]]), weights=np.ones((1, 5)))
    nats = network.log_probs(batch)
    row = [39, 3, 7, 5, 9, 2, 11, 40]
    for t in range(5):
        hidden = list(row)
        hidden[t + 2] = 38
        tokens = torch.tensor([hidden])
        one = network(Batch(ids=tokens, targets=tokens, weights=tokens, visibility=Mask(causal=False)))[0]
        expected = network.head(one[0, t + 2]).log_softmax(-1)[row[t + 2]]
        assert nats[0, t] == pytest.approx(expected.item(), abs=1e-5)


def test_padding_behind_a_row_changes_nothing_of_what_it_costs() -> None:
    network = small()
    short = Batch(ids=np.array([[3, 7, 5]]), targets=np.array([[7, 5, 9]]), weights=np.ones((1, 3)))
    padded = Batch(
        ids=np.array([[3, 7, 5, 0, 0], [1, 1, 1, 1, 1]]),
        targets=np.array([[7, 5, 9, 0, 0], [1, 1, 1, 1, 1]]),
        weights=np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]),
    )
    nats = network.log_probs(padded)
    np.testing.assert_allclose(nats[0, :3], network.log_probs(short)[0], atol=1e-5)
    assert not nats[0, 3:].any() and nats[1].all()


def test_it_scores_as_many_tokens_as_it_says() -> None:
    network = small()
    ids = np.arange(network.context)[None] % 30
    assert network.log_probs(Batch(ids=ids, targets=ids, weights=np.ones(ids.shape))).shape == (1, 13)


def test_padding_is_seen_by_nobody() -> None:
    network = small()
    ids = torch.tensor([[39, 3, 7, 40, 40, 40], [39, 3, 7, 40, 11, 12]])
    padding = torch.tensor([[0, 0, 0, 0, 1, 1]] * 2)
    mask = Mask(causal=False, within_documents=True)
    encoded = network.encode(Batch(ids=ids, targets=ids, weights=ids, documents=padding, visibility=mask))
    assert torch.equal(encoded[0, :4], encoded[1, :4])


def test_a_hidden_token_behind_the_text_is_what_it_says_of_the_next() -> None:
    network = small()
    whole, _ = network.next_log_probs(np.array([[3, 7, 5]]))
    _, state = network.next_log_probs(np.array([[3, 7]]))
    pieces, _ = network.next_log_probs(np.array([[5]]), state)
    np.testing.assert_allclose(np.exp(whole.astype(float)).sum(), 1, atol=1e-6)
    np.testing.assert_allclose(pieces, whole, atol=1e-6)


def test_every_site_is_heard_in_the_order_that_it_promises() -> None:
    network = small()
    heard: list[str] = []
    batch = random_batch(1, 8, VOCABULARY)

    def listen(site: str, value: Tensor) -> Tensor:
        heard.append(site)
        return value

    network.head(network(batch, tap=listen)[0], tap=listen)
    assert heard == list(network.sites())


def test_special_tokens_lie_behind_a_vocabulary_that_has_none() -> None:
    network = BERT(BERTSettings(layers=1, width=32, heads=2), 20)
    assert network.special == (20, 21, 22)
    assert network.embed.num_embeddings == 23
    assert sum(p.numel() for p in network.parameters()) == family("bert").counts(network.settings, 20, 8).parameters


def test_some_special_ids_but_not_all_are_refused() -> None:
    with pytest.raises(EtymonError, match="all three"):
        BERTSettings(mask_id=3)


def test_a_row_longer_than_its_positions_is_refused() -> None:
    with pytest.raises(EtymonError, match="17 tokens are more"):
        small().encode(random_batch(1, 17, VOCABULARY))
