"""Weights that others trained and published, downloaded on demand: what they say here is what they say elsewhere."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import published_weights
import pytest
import reference
import torch
from random_batches import random_batch
from torch import Tensor

from etymon.errors import EtymonError
from etymon.models import BERT, Imported, Network, export_model, family, import_model, load
from etymon.models.recurrent import LSTM
from etymon.storage import Store
from etymon.tokens import Batch, Mask, Tokenizer

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("ETYMON_SHARED_DATA", ROOT.parent / "shared" / "data")) / "text"
Weights = tuple[dict[str, Tensor], dict[str, int]]
LICENSE = (ROOT / "LICENSE").read_text()
"""A text that every checkout has, always the same."""

WIKITEXT, TITLES = SHARED / "wikitext2.valid.tokens", SHARED / "reddit_rarepuppers_politics_2000.txt"

pytestmark = pytest.mark.ci


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("published")


@pytest.fixture(scope="module")
def smollm2(home: Path) -> Imported:
    folder = published_weights.smollm2(home / "smollm2")
    return import_model(Store.at(home / "store"), folder)


def tokenizer(taken: Imported) -> Tokenizer:
    """The one that came along."""
    assert taken.tokenizer is not None, taken.without
    return Tokenizer.open(taken.tokenizer)


def row(ids: np.ndarray) -> Batch[np.ndarray]:
    """One row that asks for every token but the first."""
    inside = ids.astype(np.int64)[None]
    return Batch(ids=inside[:, :-1], targets=inside[:, 1:], weights=np.ones((1, len(ids) - 1), np.float32))


def bits_per_byte(network: Network, tokens: Tokenizer, ids: np.ndarray) -> float:
    """Bits of all tokens but the first, over the bytes of all."""
    nats = -float(network.log_probs(row(ids)).sum(dtype=np.float64))
    return nats / math.log(2) / len(tokens.decode_bytes(ids))


def test_smollm2_computes_here_what_it_computes_in_transformers(smollm2: Imported, home: Path) -> None:
    assert (smollm2.architecture, smollm2.parameters, smollm2.vocabulary) == ("LlamaForCausalLM", 134_515_008, 49_152)
    ids = tokenizer(smollm2).encode(LICENSE)
    assert tokenizer(smollm2).decode(ids) == LICENSE
    with pytest.raises(EtymonError, match="0x04"):  # SmolLM2 knows no such byte
        tokenizer(smollm2).encode("end of transmission: \x04")
    network = load(smollm2.model)
    assert isinstance(network, Network)
    ids = ids[:96]
    transformers = reference.transformers()
    read_there = transformers.PreTrainedTokenizerFast(tokenizer_file=str(home / "smollm2" / "tokenizer.json"))
    assert read_there(LICENSE)["input_ids"][:96] == ids.tolist()
    peer = transformers.LlamaForCausalLM.from_pretrained(home / "smollm2").eval()
    inside = torch.from_numpy(ids.astype(np.int64))[None]
    with torch.no_grad():
        ours = network.head(network(Batch(ids=inside, targets=inside, weights=inside.float()))[0]).log_softmax(-1)
        theirs = peer(inside).logits.log_softmax(-1)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-5)  # logits reach 40, over 30 blocks of float32
    assert bits_per_byte(network, tokenizer(smollm2), ids) == pytest.approx(0.8877, abs=0.0005)


@pytest.mark.slow
def test_smollm2_goes_out_as_it_came(smollm2: Imported, home: Path) -> None:
    store = Store.at(home / "store")
    export_model(store, smollm2.model, home / "out")
    again = import_model(store, home / "out")
    assert again.model.read("model.safetensors") == smollm2.model.read("model.safetensors")
    assert again.tokenizer is not None and again.tokenizer.id == smollm2.model.inputs["tokenizer"]


@pytest.mark.skipif(not WIKITEXT.exists(), reason=f"WikiText-2 is not at {WIKITEXT}; set ETYMON_SHARED_DATA")
def test_smollm2_has_the_bits_per_byte_on_wikitext2_that_others_measure(smollm2: Imported) -> None:
    network, tokens = load(smollm2.model), tokenizer(smollm2)
    assert isinstance(network, Network)
    ids = tokens.encode(WIKITEXT.read_text()[:20_000])[:512]
    assert bits_per_byte(network, tokens, ids) == pytest.approx(1.034, abs=0.0005)


def test_every_hidden_state_of_minilm_is_that_of_transformers(home: Path) -> None:
    taken = import_model(Store.at(home / "store"), published_weights.minilm(home / "minilm"))
    assert taken.architecture == "BertModel" and taken.tokenizer is None and "WordPiece" in taken.without
    network = load(taken.model)
    assert isinstance(network, BERT)
    with pytest.raises(EtymonError, match="without the heads of a BertForPreTraining"):
        network.next_log_probs(np.zeros((1, 3), np.int64))
    transformers = reference.transformers()
    peer = transformers.BertModel.from_pretrained(home / "minilm").eval()
    text = transformers.PreTrainedTokenizerFast(tokenizer_file=str(home / "minilm" / "tokenizer.json"))
    ids = torch.tensor(text(LICENSE, add_special_tokens=False)["input_ids"][:127])[None]
    segments = (torch.arange(127) >= 60).long()[None]
    batch = replace(random_batch(1, 127, 37, visibility=Mask(causal=False)), ids=ids, segments=segments)
    heard: dict[str, Tensor] = {}
    with torch.no_grad():
        encoded = network.encode(batch, tap=lambda site, value: heard.setdefault(site, value))
        theirs = peer(ids, token_type_ids=segments, output_hidden_states=True)
    ours = [heard["embed"], *(heard[f"blocks.{i}.residual"] for i in range(6))]
    for one, other in zip(ours, theirs.hidden_states, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(network.pooled(encoded[:, 0]), theirs.pooler_output, atol=1e-5, rtol=1e-5)


@dataclass
class Heard:
    """A tap that keeps what some sites say."""

    sites: Sequence[str]
    values: dict[str, list[Tensor]] = field(default_factory=dict[str, list[Tensor]])

    def __call__(self, site: str, value: Tensor) -> Tensor:
        self.values.setdefault(site, []).append(value)
        return value


LAYERS, WIDTH, EMBEDDED, STEPS = 2, 128, 100, 40
"""textgenrnn: its embedding is narrower than its layers, so ours is filled up with zeros."""
FUSED = Heard(("embed", "blocks.0.out", "blocks.1.out"))
EXPLICIT = Heard(("embed", "blocks.0.hidden", "blocks.1.hidden"))


class TextGenRNN:
    """Its two layers are our LSTM; behind them each step is weighted, and the mean of 40 guesses the next character.

    `unpacked`: whether the matrices are turned from the layout of cuDNN, in which Keras keeps those of CuDNNLSTM."""

    def __init__(self, weights: dict[str, Tensor], *, unpacked: bool = True) -> None:
        made = family("lstm")
        self.weights = weights
        vocabulary = len(weights["embedding.embeddings"])
        network = made.build(made.settings(layers=LAYERS, width=WIDTH, tied=False), vocabulary)
        assert isinstance(network, LSTM)
        state = {name: torch.zeros_like(tensor) for name, tensor in network.state_dict().items()}
        state["embed.weight"][:, :EMBEDDED] = weights["embedding.embeddings"]
        for i in range(LAYERS):
            into, back = weights[f"rnn_{i + 1}.kernel"], weights[f"rnn_{i + 1}.recurrent_kernel"]  # [in, 4 D]
            if unpacked:
                into, back = (torch.cat([_unpacked(gate) for gate in matrix.chunk(4, 1)], 1) for matrix in (into, back))
            state[f"blocks.{i}.weight_ih_l0"][:, : len(into)] = into.T  # gates i, f, c, o in both
            state[f"blocks.{i}.weight_hh_l0"][:] = back.T
            state[f"blocks.{i}.bias_ih_l0"][:], state[f"blocks.{i}.bias_hh_l0"][:] = weights[f"rnn_{i + 1}.bias"].chunk(
                2
            )
        network.load_state_dict(state)
        self.network = network.eval()

    def log_probs(self, windows: Tensor, tap: Heard) -> Tensor:
        """[N, V] behind windows [N, 40]."""
        tap.values.clear()
        self.network(Batch(ids=windows, targets=windows, weights=windows.float()), tap=tap)
        embedded, *layers = (torch.cat(tap.values[site], 1) for site in tap.sites)
        x = torch.cat([embedded[..., :EMBEDDED], *layers], -1)
        pattern = (x @ self.weights["attention.attention_W"]).softmax(1)  # [N, 40, 1]
        mean = (x * pattern).sum(1)
        return (mean @ self.weights["output.kernel"] + self.weights["output.bias"]).log_softmax(-1)

    def bits_per_character(self, titles: Sequence[str], ids: dict[str, int], tap: Heard = FUSED) -> float:
        """Of the first 80 characters of each title and what ends it; 0 is before, behind and for what is unknown."""
        windows: list[list[int]] = []
        wanted: list[int] = []
        for title in titles:
            text = [0, *(ids.get(character, 0) for character in title[:80]), 0]
            for place in range(1, len(text)):
                seen = text[max(0, place - STEPS) : place]
                windows.append([0] * (STEPS - len(seen)) + seen)
                wanted.append(text[place])
        with torch.no_grad():
            found = torch.cat([self.log_probs(part, tap) for part in torch.tensor(windows).split(512)])
        return -float(found[torch.arange(len(wanted)), wanted].double().mean()) / math.log(2)


def _unpacked(gate: Tensor) -> Tensor:
    """A matrix [in, D] of one gate, which cuDNN keeps as [D, in] in the same memory."""
    return gate.reshape(gate.shape[::-1]).T


@pytest.fixture(scope="module")
def textgenrnn(home: Path) -> Weights:
    return published_weights.textgenrnn(home)


LINES = [line.strip() for line in LICENSE.splitlines() if len(line.strip()) > 20][:40]


def test_textgenrnn_guesses_lines_that_every_checkout_has(textgenrnn: Weights) -> None:
    weights, ids = textgenrnn
    model = TextGenRNN(weights)
    assert model.bits_per_character(LINES, ids) == pytest.approx(3.0976, abs=0.001)


def test_textgenrnn_is_the_same_step_by_step(textgenrnn: Weights) -> None:
    weights, ids = textgenrnn
    windows = torch.tensor([[ids.get(character, 0) for character in line[:STEPS].ljust(STEPS)] for line in LINES])
    model = TextGenRNN(weights)
    with torch.no_grad():
        torch.testing.assert_close(
            model.log_probs(windows, EXPLICIT), model.log_probs(windows, FUSED), atol=1e-5, rtol=1e-5
        )


def test_matrices_taken_as_they_lie_there_are_wrong_and_show_it(
    textgenrnn: Weights,
) -> None:
    weights, ids = textgenrnn
    assert TextGenRNN(weights, unpacked=False).bits_per_character(LINES[:5], ids) > 40


NO_TITLES = f"datasets/{TITLES.name} of github.com/minimaxir/textgenrnn is not at {TITLES}"


@pytest.mark.skipif(not TITLES.exists(), reason=NO_TITLES)
def test_textgenrnn_has_the_bits_per_character_on_titles_that_others_measure(textgenrnn: Weights) -> None:
    titles = [line.strip().strip('"') for line in TITLES.read_text().splitlines()[1:41]]
    weights, ids = textgenrnn
    assert TextGenRNN(weights).bits_per_character(titles, ids) == pytest.approx(2.733, abs=0.001)
    assert TextGenRNN(weights, unpacked=False).bits_per_character(titles, ids) == pytest.approx(68.06, abs=0.05)
