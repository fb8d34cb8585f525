"""XLNet: equal to the published network in both streams, no token sees itself, and left to right is the chain rule."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import reference
import torch
from random_batches import random_batch, same
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from etymon.errors import EtymonError
from etymon.models import family
from etymon.models.xlnet import XLNet, XLNetSettings
from etymon.tokens import Batch, Mask

VOCABULARY = 41
PERMUTED = Mask(permuted=True)
LINEAR = {"q": "q", "k": "k", "v": "v", "out": "o", "distance": "r"}
BIASES = {"content_bias": "r_w_bias", "distance_bias": "r_r_bias", "segment_bias": "r_s_bias"}
BLOCK = {
    "attention_norm": "rel_attn.layer_norm",
    "mlp.up": "ff.layer_1",
    "mlp.down": "ff.layer_2",
    "mlp_norm": "ff.layer_norm",
}
OUTER = {
    "embed.weight": "transformer.word_embedding.weight",
    "asking": "transformer.mask_emb",
    "offset": "lm_loss.bias",
}


def small(seed: int = 0, **shape: Any) -> XLNet:
    """A small XLNet with weights that hide no mistake."""
    torch.manual_seed(seed)
    network = XLNet(XLNetSettings(**({"context": 16, "layers": 2, "width": 32, "heads": 4} | shape)), VOCABULARY)
    for parameter in network.parameters():
        parameter.data.add_(torch.randn_like(parameter), alpha=0.1)
    return network.eval()


def as_theirs(name: str, tensor: Tensor, heads: int) -> tuple[str, Tensor]:
    """Our tensor under the name of transformers, in its shape."""
    if name in OUTER:
        return OUTER[name], tensor.view(1, 1, -1) if name == "asking" else tensor
    _, number, *path = name.split(".")
    prefix, kind = f"transformer.layer.{number}.", path[-1]
    if path[0] != "attention":
        return f"{prefix}{BLOCK['.'.join(path[:-1])]}.{kind}", tensor
    if path[1] == "segments":
        return f"{prefix}rel_attn.seg_embed", tensor.permute(2, 0, 1)
    if path[1] in BIASES:
        return f"{prefix}rel_attn.{BIASES[path[1]]}", tensor[:, 0]
    matrix = tensor if path[1] == "out" else tensor.T  # theirs [D, H, d]: from D to heads, or, for o, the way back
    return f"{prefix}rel_attn.{LINEAR[path[1]]}", matrix.unflatten(-1, (heads, -1))


def peer_of(network: XLNet) -> nn.Module:
    """transformers' XLNetLMHeadModel of the same shape with the same weights."""
    transformers = reference.transformers()
    shape = network.settings
    config = transformers.XLNetConfig(
        vocab_size=VOCABULARY, d_model=shape.width, n_layer=shape.layers, n_head=shape.head_count,
        d_inner=4 * shape.width, ff_activation="gelu", dropout=0.0, mem_len=shape.memory, pad_token_id=None,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    peer = transformers.XLNetLMHeadModel(config).eval()
    parameters = dict(peer.named_parameters())
    ours = dict(as_theirs(name, p.data, shape.head_count) for name, p in network.named_parameters())
    assert ours.keys() == parameters.keys()
    for name, parameter in parameters.items():
        parameter.data.copy_(ours[name])
    return peer


def drawn(seed: int) -> tuple[XLNet, Batch[Tensor], random.Random]:
    """A network of a random shape, and a batch of two segments and a random order. At least two tokens are given: where
    a query sees nothing, transformers shows it everything."""
    draw = random.Random(seed)
    heads, length = draw.choice([1, 2, 4]), draw.randint(3, 14)
    network = small(seed, layers=draw.choice([1, 2, 3]), heads=heads, width=heads * draw.choice([8, 12]))
    batch = random_batch(2, length, VOCABULARY, seed=seed)
    segments = (torch.arange(length) >= draw.randint(1, length - 1)).long().expand(2, -1)
    ranks = torch.rand(2, length, generator=torch.Generator().manual_seed(seed)).argsort(-1)
    ranks = torch.where(ranks < draw.randint(2, length - 1), -1, ranks)
    return network, replace(batch, segments=segments, ranks=ranks, visibility=PERMUTED), draw


def perm_mask(ranks: Tensor) -> Tensor:
    """1 where i may not see j, as the published code makes it."""
    seen = ranks[:, None, :] <= ranks[:, :, None]
    return 1 - (seen & ~torch.eye(ranks.shape[1], dtype=torch.bool)).float()


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def check_gradients(network: XLNet, peer: nn.Module, ours: Tensor, theirs: Tensor) -> None:
    """The gradients of a cross-entropy of both logits are the same for every parameter that has one."""
    wanted = torch.randint(VOCABULARY, ours.shape[:-1], generator=torch.Generator().manual_seed(1)).flatten()
    for logits in (ours, theirs):
        nn.functional.cross_entropy(logits.flatten(0, 1), wanted).backward()
    gradients = {name: parameter.grad for name, parameter in peer.named_parameters()}
    compared = 0
    for name, parameter in network.named_parameters():
        if parameter.grad is None:
            assert name == "asking" or "segment" in name
            continue
        key, gradient = as_theirs(name, parameter.grad, network.settings.head_count)
        torch.testing.assert_close(gradient, gradients[key], atol=1e-6, rtol=1e-4)
        compared += 1
    assert compared >= 13 * network.settings.layers


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(10))
def test_the_content_stream_alone_is_that_of_transformers(seed: int) -> None:
    network, batch, draw = drawn(seed)
    peer = peer_of(network)
    segments = batch.segments if draw.random() < 0.7 else None
    logits = network.head(network.encode(replace(batch, segments=segments, visibility=Mask(causal=False)))[0])
    theirs = peer(batch.ids, token_type_ids=segments)
    close(logits, theirs.logits)
    check_gradients(network, peer, logits, theirs.logits)


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(12))
def test_both_streams_are_those_of_transformers(seed: int) -> None:
    network, batch, draw = drawn(seed)
    peer = peer_of(network)
    length = batch.ids.shape[1]
    asked = torch.stack([torch.tensor(draw.sample(range(length), min(length, 4))) for _ in range(2)])
    heard: dict[str, Tensor] = {}
    logits = network.head(network(batch, asked=asked)[0])
    network(batch, tap=lambda site, value: heard.setdefault(site, value))
    theirs = peer(
        batch.ids, token_type_ids=batch.segments, perm_mask=perm_mask(batch.ranks),
        target_mapping=nn.functional.one_hot(asked, length).float(), output_hidden_states=True,
    )  # fmt: skip
    close(logits, theirs.logits)
    close(heard["embed"], theirs.hidden_states[0])
    rows = torch.arange(2)[:, None]
    for i in range(network.settings.layers):
        content, queries = theirs.hidden_states[2 * i + 2 : 2 * i + 4]
        close(heard[f"blocks.{i}.residual"], content)
        close(heard[f"blocks.{i}.query.residual"][rows, asked], queries)
    check_gradients(network, peer, logits, theirs.logits)


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(10))
def test_behind_a_memory_both_streams_are_those_of_transformers(seed: int) -> None:
    network, batch, draw = drawn(seed)
    peer = peer_of(network)
    length, earlier = batch.ids.shape[1], draw.randint(1, 9)
    before = random_batch(2, earlier, VOCABULARY, seed=seed + 99, visibility=Mask(causal=False))
    _, memory = network.encode(before, state=network.start(2))
    assert memory is not None
    mems = peer(before.ids, use_mems=True).mems
    for ours, theirs in zip(memory, mems, strict=True):
        close(ours, theirs.transpose(0, 1))
        assert not ours.requires_grad
    hidden, after = network(batch, state=memory)
    answer = peer(
        batch.ids, token_type_ids=batch.segments, perm_mask=perm_mask(batch.ranks), mems=mems, use_mems=True,
        target_mapping=torch.eye(length).expand(2, -1, -1),
    )  # fmt: skip
    logits = network.head(hidden)
    close(logits, answer.logits)
    assert after is not None
    for ours, theirs in zip(after, answer.mems, strict=True):
        close(ours, theirs.transpose(0, 1))
    check_gradients(network, peer, logits, answer.logits)


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(10))
def test_left_to_right_is_what_transformers_says_of_each_token_from_those_before(seed: int) -> None:
    network, batch, _ = drawn(seed)
    peer = peer_of(network)
    text = replace(batch, targets=batch.ids.roll(-1, 1), segments=None, ranks=None, visibility=Mask())
    text = Batch(ids=text.ids[:, :-1].numpy(), targets=text.targets[:, :-1].numpy(), weights=text.weights[:, :-1])
    nats = network.log_probs(text)
    length = batch.ids.shape[1]
    theirs = peer(
        batch.ids, perm_mask=perm_mask(torch.arange(length).expand(2, -1)),
        target_mapping=torch.eye(length)[1:].expand(2, -1, -1),
    ).logits.log_softmax(-1)  # fmt: skip
    expected = theirs.gather(-1, batch.ids[:, 1:, None])[..., 0]
    np.testing.assert_allclose(nats, expected.detach().numpy(), atol=1e-5)


def test_the_probabilities_of_all_next_tokens_sum_to_one_and_are_those_of_log_probs() -> None:
    network = small()
    ids = np.array([[3, 7, 5, 9]])
    following, _ = network.next_log_probs(ids)
    assert np.exp(following.astype(float)).sum() == pytest.approx(1, abs=1e-6)
    one_by_one = [
        network.log_probs(Batch(ids=ids, targets=np.array([[0, 0, 0, token]]), weights=np.ones((1, 4))))[0, -1]
        for token in range(VOCABULARY)
    ]
    np.testing.assert_allclose(one_by_one, following[0], atol=1e-5)


def test_reading_piece_by_piece_says_the_same_as_reading_at_once() -> None:
    network = small()
    ids = np.array([[3, 7, 5, 9, 2, 11]])
    whole, _ = network.next_log_probs(ids)
    state = None
    for begin, end in ((0, 2), (2, 3), (3, 6)):
        pieces, state = network.next_log_probs(ids[:, begin:end], state)
    np.testing.assert_allclose(pieces, whole, atol=1e-5)


def test_a_memory_has_no_more_than_it_is_set_to() -> None:
    network = small(memory=3)
    _, state = network.next_log_probs(np.array([[3, 7]]))
    assert [kept.shape for kept in state] == [(1, 2, 32)] * 2
    _, state = network.next_log_probs(np.array([[5, 9]]), state)
    assert [kept.shape for kept in state] == [(1, 3, 32)] * 2


@pytest.mark.parametrize("seed", range(20))
def test_no_logit_changes_with_a_token_that_it_must_not_see(seed: int) -> None:
    """Also the first of the order, which sees nothing at all; exactly, not nearly. What is given all others see, and it
    itself through those that are given as well."""
    network = small(seed)
    length = 9
    ranks = torch.rand(1, length, generator=torch.Generator().manual_seed(seed)).argsort(-1)
    if seed % 2:
        ranks = torch.where(ranks < 4, -1, ranks)
    ids = random_batch(1, length, VOCABULARY, seed=seed).ids
    batch = Batch(ids=ids, targets=ids, weights=ids, ranks=ranks, visibility=PERMUTED)
    before = network(batch)[0]
    for place in range(length):
        changed = ids.clone()
        changed[0, place] = (ids[0, place] + 1) % VOCABULARY
        after = network(replace(batch, ids=changed))[0]
        blind = (ranks[0] < ranks[0, place]) | (torch.arange(length) == place) & (ranks[0] >= 0)
        assert torch.equal(after[0, blind], before[0, blind])
        assert (after[0, ~blind] != before[0, ~blind]).any(-1).all()


def test_queries_that_see_to_both_sides_are_refused() -> None:
    with pytest.raises(EtymonError, match="in no order"):
        small()(random_batch(1, 5, VOCABULARY, visibility=Mask(causal=False)))


def test_who_sees_nothing_has_gradients_without_nan() -> None:
    network = small()
    batch = random_batch(1, 5, VOCABULARY, visibility=PERMUTED)
    network.head(network(replace(batch, ranks=torch.tensor([[2, 0, 1, 4, 3]])))[0]).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_every_site_is_heard_in_the_order_that_it_promises() -> None:
    network = small()
    heard: list[str] = []

    def listen(site: str, value: Tensor) -> Tensor:
        heard.append(site)
        return value

    batch = random_batch(1, 8, VOCABULARY)
    network.head(network(batch, tap=listen)[0], tap=listen)
    assert heard == list(network.sites())
    torch.testing.assert_close(network(batch, tap=same)[0], network(batch)[0])


@pytest.mark.parametrize(("width", "layers", "length"), [(16, 1, 1), (32, 3, 7), (48, 2, 9)])
def test_counts_are_exact(width: int, layers: int, length: int) -> None:
    kind = family("xlnet")
    shape = XLNetSettings(width=width, layers=layers, heads=2, context=64)
    counts = kind.counts(shape, 23, length)
    with torch.device("meta"):
        network = XLNet(shape, 23)
        ids = torch.zeros(1, length, dtype=torch.int64)
    assert counts.parameters == sum(parameter.numel() for parameter in network.parameters())
    with FlopCounterMode(display=False) as flops:
        logits = network.head(network(Batch(ids=ids, targets=ids, weights=ids))[0])
        forward = flops.get_total_flops()
        logits.sum().backward()
    assert counts.forward_flops_per_token * length == forward
    assert counts.training_flops_per_token * length == flops.get_total_flops()
