"""GPT: equal to the published architecture, tappable everywhere, and the same with a cache as without."""

from __future__ import annotations

import pytest
import reference
import torch
from random_batches import random_batch, same, small
from torch import Tensor

from etymon.errors import EtymonError
from etymon.models.gpt import FAMILY, GPT, GPTSettings
from etymon.tokens import Mask

# Our name, the name in transformers' GPT2LMHeadModel; the matrices of its Conv1D are [in, out].
NAMES = {
    "attention_norm": "ln_1",
    "attention.qkv": "attn.c_attn",
    "attention.out": "attn.c_proj",
    "mlp_norm": "ln_2",
    "mlp.up": "mlp.c_fc",
    "mlp.down": "mlp.c_proj",
}


def peer_name(name: str) -> str:
    """The name in GPT2LMHeadModel of one of our parameters."""
    if name.startswith("blocks."):
        _, index, rest = name.split(".", 2)
        inner, kind = rest.rsplit(".", 1)
        return f"transformer.h.{index}.{NAMES[inner]}.{kind}"
    start, kind = name.rsplit(".", 1)
    return "transformer." + {"embed": "wte", "positions": "wpe", "final_norm": "ln_f"}[start] + "." + kind


def peer_of(network: GPT, vocabulary: int) -> torch.nn.Module:
    """transformers' GPT-2 of the same settings with the same weights."""
    transformers = reference.transformers()
    shape = network.settings
    config = transformers.GPT2Config(
        vocab_size=vocabulary,
        n_positions=shape.context,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.head_count,
        bos_token_id=0,
        eos_token_id=0,
        attn_pdrop=0.0,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
    )
    peer = transformers.GPT2LMHeadModel(config).eval()
    parameters = dict(peer.named_parameters())
    ours = {peer_name(name): parameter.data for name, parameter in network.named_parameters()}
    assert ours.keys() == parameters.keys()
    for name, parameter in parameters.items():
        transposed = ".c_" in name and parameter.ndim == 2
        parameter.data.copy_(ours[name].T if transposed else ours[name])
    return peer


@pytest.mark.ci
@pytest.mark.parametrize("seed", range(3))
def test_logits_and_gradients_are_those_of_gpt2_in_transformers(seed: int) -> None:
    shapes = [(1, 16, 2), (2, 32, 4), (3, 48, 3)]
    layers, width, heads = shapes[seed]
    network = small("gpt", vocabulary=37, layers=layers, width=width, heads=heads, seed=seed)
    assert isinstance(network, GPT)
    peer = peer_of(network, 37)
    batch = random_batch(2, 16, 37, seed=seed)
    ours = network.head(network(batch)[0])
    theirs = peer(batch.ids).logits
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    for logits in (ours, theirs):
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten()).backward()
    gradients = dict(peer.named_parameters())
    for name, parameter in network.named_parameters():
        peers = gradients[peer_name(name)].grad
        if ".c_" in peer_name(name) and parameter.ndim == 2:
            peers = peers.T
        torch.testing.assert_close(parameter.grad, peers, atol=1e-5, rtol=0)


def test_a_tap_that_changes_nothing_changes_nothing() -> None:
    network, batch = small("gpt"), random_batch(2, 9, 31)
    torch.testing.assert_close(network(batch)[0], network(batch, tap=same)[0], atol=1e-5, rtol=0)


def test_a_tap_that_names_its_sites_hears_those_alone() -> None:
    network, batch = small("gpt"), random_batch(2, 9, 31)

    class Tap:
        def __init__(self) -> None:
            self.sites = ("blocks.1.mlp.out", "blocks.0.attention.z")
            self.heard: list[str] = []

        def __call__(self, site: str, value: Tensor) -> Tensor:
            self.heard.append(site)
            return value

    tap = Tap()
    hidden = network(batch, tap=tap)[0]
    assert tap.heard == ["blocks.0.attention.z", "blocks.1.mlp.out"]
    assert torch.equal(hidden, network(batch)[0])  # to the bit: the fused attention was left on


def test_shapes_at_the_sites_are_as_described() -> None:
    network, batch = small("gpt"), random_batch(2, 9, 31)
    shapes: dict[str, tuple[int, ...]] = {}

    def listen(site: str, value: Tensor) -> Tensor:
        shapes[site] = tuple(value.shape)
        return value

    network.head(network(batch, tap=listen)[0], tap=listen)
    assert shapes["embed"] == shapes["final"] == shapes["blocks.1.residual"] == (2, 9, 32)
    assert shapes["blocks.0.attention.q"] == shapes["blocks.0.attention.z"] == (2, 4, 9, 8)
    assert shapes["blocks.0.attention.pattern"] == shapes["blocks.0.attention.scores"] == (2, 4, 9, 9)
    assert shapes["blocks.0.attention.out"] == shapes["blocks.0.mlp.in"] == shapes["blocks.0.mlp.out"] == (2, 9, 32)
    assert shapes["blocks.0.mlp.hidden"] == (2, 9, 128)
    assert shapes["logits"] == (2, 9, 31)


def test_a_window_hides_what_lies_further_back() -> None:
    network = small("gpt", layers=1)
    batch = random_batch(1, 12, 31, visibility=Mask(window=4))
    other = random_batch(1, 12, 31, visibility=Mask(window=4))
    other.ids[0, :8] = (other.ids[0, :8] + 1) % 31
    assert torch.equal(network(batch)[0][0, 11], network(other)[0][0, 11])
    assert not torch.equal(network(batch)[0][0, 10], network(other)[0][0, 10])


def test_more_tokens_than_positions_are_refused_with_what_to_do() -> None:
    network = small("gpt")
    with pytest.raises(EtymonError, match="17 tokens are more"):
        network.log_probs(random_batch(1, 17, 31))
    _, state = network.next_log_probs(random_batch(1, 10, 31).ids.numpy())
    with pytest.raises(EtymonError, match="at most the last 16 tokens"):
        network.next_log_probs(random_batch(1, 7, 31).ids.numpy(), state)


def test_fresh_weights_have_the_published_spread() -> None:
    torch.manual_seed(0)
    network = GPT(GPTSettings(width=128, layers=8, heads=4), 512)
    assert network.embed.weight.std().item() == pytest.approx(0.02, rel=0.02)
    block = network.blocks[3]
    assert block.attention.qkv.weight.std().item() == pytest.approx(0.02, rel=0.03)
    assert block.attention.out.weight.std().item() == pytest.approx(0.005, rel=0.03)
    assert block.mlp.down.weight.std().item() == pytest.approx(0.005, rel=0.03)
    assert block.mlp.up.bias.abs().max().item() == 0.0


def test_a_preset_makes_whole_heads_and_nearly_the_wanted_size() -> None:
    for wanted in (5e5, 2e6, 1e7, 3e7, 1e8):
        settings = FAMILY.preset(wanted, 4096)
        assert settings.width % 64 == 0
        assert settings.width // settings.head_count in (32, 64)
        assert FAMILY.counts(settings, 4096, 256).parameters == pytest.approx(wanted, rel=0.35)


def test_heads_must_share_the_width_evenly() -> None:
    with pytest.raises(EtymonError, match="evenly among 5 heads"):
        GPTSettings(width=32, heads=5)


def test_a_band_is_kept_whatever_the_mask_of_the_batch() -> None:
    network, seen = small("gpt3", band=2), dict[str, Tensor]()

    def tap(site: str, value: Tensor) -> Tensor:
        seen[site] = value
        return value

    def nearest(mask: Mask) -> list[int]:
        """How far back the last position sees in the banded block."""
        network(random_batch(1, 12, 31, visibility=mask), tap=tap)
        return (11 - (seen["blocks.1.attention.pattern"][0, 0, -1] > 0).nonzero()[:, 0]).tolist()

    for mask in (Mask(), Mask(window=5), Mask(window=8, stride=3), Mask(window=2, stride=2)):
        assert nearest(mask) == [1, 0]
    assert nearest(Mask(window=1)) == [0]
    with pytest.raises(EtymonError, match="strides"):
        nearest(Mask(window=1, stride=3))
