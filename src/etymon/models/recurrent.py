"""Recurrent networks: the RNN (Elman 1990), the LSTM (Gers et al. 2000) and the GRU (Cho et al. 2014)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from etymon.errors import EtymonError
from etymon.models.counts import WIDTHS, nearest
from etymon.models.family import Counts, Family
from etymon.models.network import Network, State, Tap, hears, visit, within
from etymon.recipe import Setting
from etymon.tokens import Batch, Mask


@dataclass(frozen=True, kw_only=True)
class RecurrentSettings:
    """The shape of a recurrent network."""

    layers: Annotated[int, Setting("recurrent layers, one above the other", low=1)] = 2
    width: Annotated[int, Setting("numbers in the embedding and in each layer's hidden value", low=1)] = 512
    tied: Annotated[bool, Setting("the head's matrix is the embedding (Press and Wolf 2017)")] = True
    dropout: Annotated[
        float, Setting("share of values dropped below, between and above the layers in training", low=0, high=0.9)
    ] = 0.0
    # The regularisation of AWD-LSTM (Merity et al. 2018, arXiv 1708.02182), each part off by default.
    embedding_dropout: Annotated[
        float, Setting("share of the vocabulary whose embedding is zero for a batch", low=0, high=0.9, added=True)
    ] = 0.0
    input_dropout: Annotated[
        float, Setting("share of the embedding's numbers dropped below, one mask a row", low=0, high=0.9, added=True)
    ] = 0.0
    between_dropout: Annotated[
        float, Setting("share of numbers dropped between layers, one mask a row and layer", low=0, high=0.9, added=True)
    ] = 0.0
    output_dropout: Annotated[
        float, Setting("share of numbers dropped above the top layer, one mask a row", low=0, high=0.9, added=True)
    ] = 0.0
    weight_dropout: Annotated[
        float, Setting("share of hidden-to-hidden weights dropped, once for a batch", low=0, high=0.9, added=True)
    ] = 0.0
    activation_penalty: Annotated[
        float, Setting("times the mean square of the top layer's dropped output, in the loss (AR)", low=0, added=True)
    ] = 0.0
    change_penalty: Annotated[
        float, Setting("times the mean square of its change from step to step, in the loss (TAR)", low=0, added=True)
    ] = 0.0
    layer_norm: Annotated[
        bool, Setting("what one layer hands to the next is normalised (Ba et al. 2016)", added=True)
    ] = False

    def __post_init__(self) -> None:
        for name in ("between_dropout", "layer_norm"):
            if self.layers == 1 and getattr(self, name):
                raise EtymonError(
                    f"{name} would do nothing in a network of one layer",
                    why="it stands between one layer and the next",
                    help="leave it out, or give two layers or more",
                )


@dataclass(frozen=True, kw_only=True)
class RNNSettings(RecurrentSettings):
    """The shape of the plain recurrent network."""

    activation: Annotated[str, Setting("what bends the sum", choices=("tanh", "relu"), added=True)] = "tanh"


class Recurrent(Network):
    """L layers of one kind of cell between embedding and head.

    The state is what each layer remembers, layer 0 first: hidden [B, D], and for the LSTM also cell [B, D].
    """

    gates: ClassVar[int]  # blocks of D rows in a layer's matrices
    memories: ClassVar[int] = 1  # tensors that a layer remembers
    cell_sites: ClassVar[Sequence[str]]

    def __init__(self, settings: RecurrentSettings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        self.settings: RecurrentSettings
        width = settings.width
        self.embed = nn.Embedding(vocabulary, width)
        self.drop = nn.Dropout(settings.dropout)
        self.blocks = nn.ModuleList(self.kernel(width) for _ in range(settings.layers))
        between = settings.layers - 1 if settings.layer_norm else 0
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(between))
        self.drop_rows = (settings.input_dropout, *[settings.between_dropout] * (settings.layers - 1))
        self.unembed = None if settings.tied else nn.Parameter(torch.empty(vocabulary, width))
        self.offset = nn.Parameter(torch.zeros(vocabulary))
        # U(-0.1, 0.1): Zaremba et al. 2014 (arXiv 1409.2329); the layers keep U(-1, 1)/sqrt(D).
        for matrix in (self.embed.weight, self.unembed):
            if matrix is not None:
                nn.init.uniform_(matrix, -0.1, 0.1)

    @property
    def output(self) -> tuple[Tensor, Tensor | None]:
        """The embedding if tied, else a matrix of its own; and the offset."""
        return self.embed.weight if self.unembed is None else self.unembed, self.offset

    def forward(
        self, batch: Batch[Tensor], *, tap: Tap | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Hidden values [B, T, D] of the top layer, and what every layer remembers behind the last token."""
        if batch.visibility != Mask():
            raise EtymonError("A recurrent network sees everything to the left", help="give it a plain mask")
        state = self.start(batch.ids.shape[0]) if state is None else state
        x = self.drop(visit(tap, "embed", self._embedded(batch.ids)))
        after: list[Tensor] = []
        for i, block in enumerate(self._layers()):
            x = self._drop_in_rows(x, self.drop_rows[i])
            before = state[i * self.memories : (i + 1) * self.memories]
            w_h = F.dropout(block.get_parameter("weight_hh_l0"), self.settings.weight_dropout, self.training)
            if hears(tap, *(f"blocks.{i}.{site}" for site in self.cell_sites)):
                x, memory = self._explicit(block, w_h, x, before, within(tap, f"blocks.{i}."))
            else:
                x, memory = self._fused(block, w_h, x, before)
            x = self.norms[i](x) if i < len(self.norms) else x
            x = self.drop(visit(tap, f"blocks.{i}.out", x) if tap is not None else x)
            after += memory
        return visit(tap, "final", self._drop_in_rows(x, self.settings.output_dropout)), tuple(after)

    def _embedded(self, ids: Tensor) -> Tensor:
        """Embeddings [B, T, D]; in training those of a share of the vocabulary are zero wherever they stand."""
        share, x = self.settings.embedding_dropout, self.embed(ids)
        if not self.training or not share:
            return x
        return x * F.dropout(x.new_ones(self.vocabulary), share)[ids][..., None]

    def _drop_in_rows(self, x: Tensor, share: float) -> Tensor:
        """In training the same numbers are dropped at all steps of a row (Gal and Ghahramani 2016)."""
        return x * F.dropout(torch.ones_like(x[:, :1]), share) if self.training and share else x

    def _layers(self) -> list[nn.RNNBase]:
        return [cast(nn.RNNBase, block) for block in self.blocks]

    def _fused(self, block: nn.RNNBase, w_h: Tensor, x: Tensor, before: State) -> tuple[Tensor, State]:
        """One layer over all T steps in torch's own kernel."""
        first = tuple(memory[None].contiguous() for memory in before)
        if w_h is block.get_parameter("weight_hh_l0"):
            x, last = block(x, first if self.memories > 1 else first[0])
            return x, tuple(memory[0] for memory in (last if self.memories > 1 else (last,)))
        (w_x, _, *offsets), *_ = block.all_weights
        x, *after = self.function(x, first, [w_x, w_h, *offsets])
        return x, tuple(memory[0] for memory in after)

    def _explicit(
        self, block: nn.RNNBase, w_h: Tensor, x: Tensor, memory: State, tap: Tap | None
    ) -> tuple[Tensor, State]:
        """The same layer step by step, as the papers write it; the tap is called at every step with [B, 1, D]."""
        (w_x, _, b_x, b_h), *_ = block.all_weights
        from_input = F.linear(x, w_x, b_x)  # [B, T, gates D], all steps at once
        outputs: list[Tensor] = []
        for step in from_input.unbind(1):
            from_hidden = F.linear(memory[0], w_h, b_h)  # [B, gates D]
            memory = self.step(step, from_hidden, memory, partial(_visit_step, tap))
            outputs.append(memory[0])
        return torch.stack(outputs).transpose(0, 1), memory  # laid out as the kernel does, so that dropout draws alike

    def kernel(self, width: int) -> nn.RNNBase:
        """A layer with fresh weights."""
        raise TypeError(f"{type(self).__name__} has no layer")

    def function(self, x: Tensor, first: State, weights: list[Tensor]) -> tuple[Tensor, ...]:
        """The layer's kernel as a function of weights that are not its own: output, and what it remembers."""
        raise TypeError(f"{type(self).__name__} has no kernel")

    def step(self, x: Tensor, h: Tensor, memory: State, at: Callable[[str, Tensor], Tensor]) -> State:
        """The memory after one step, given W_x x + b_x and W_h h + b_h [B, gates D]; `at` is the tap."""
        raise TypeError(f"{type(self).__name__} has no equation for a step")

    @property
    def penalised(self) -> Sequence[str]:
        """The top layer's output before and after dropout, if a penalty is set."""
        wanted = self.settings.activation_penalty or self.settings.change_penalty
        return (f"blocks.{self.settings.layers - 1}.out", "final") if wanted else ()

    def penalty(self, heard: Mapping[str, Tensor]) -> Tensor:
        """a mean_d h'^2 + b mean_d (h_t - h_{t-1})^2 at each position, h' being h after dropout; Merity et al. 2017
        (arXiv 1708.01009). The first step of a batch has no change."""
        h, dropped = (heard[site] for site in self.penalised)
        change = F.pad((h[:, 1:] - h[:, :-1]).square().mean(-1), (1, 0))
        return self.settings.activation_penalty * dropped.square().mean(-1) + self.settings.change_penalty * change

    def start(self, rows: int) -> State:
        """Zeros."""
        return (self.offset.new_zeros(rows, self.settings.width),) * (self.settings.layers * self.memories)

    def sites(self) -> Sequence[str]:
        """embed, the sites of each layer's cells and what it hands on, final, logits."""
        inner = [f"blocks.{i}.{site}" for i in range(self.settings.layers) for site in (*self.cell_sites, "out")]
        return ["embed", *inner, "final", "logits"]

    def counts(self, length: int) -> Counts:
        """Parameters and FLOPs for windows of `length` tokens."""
        return counts(self.gates, self.settings, self.vocabulary, length)


def _visit_step(tap: Tap | None, site: str, value: Tensor) -> Tensor:
    return value if tap is None else visit(tap, site, value[:, None])[:, 0]


class RNN(Recurrent):
    """h = tanh(W_x x + W_h h + b), or max(0, ...) in its place."""

    family, gates, cell_sites = "rnn", 1, ("hidden",)

    @property
    def _activation(self) -> str:
        return cast(RNNSettings, self.settings).activation

    def kernel(self, width: int) -> nn.RNNBase:
        """torch's RNN."""
        return nn.RNN(width, width, nonlinearity=self._activation, batch_first=True)

    def function(self, x: Tensor, first: State, weights: list[Tensor]) -> tuple[Tensor, ...]:
        """torch's RNN as a function."""
        of = torch.rnn_tanh if self._activation == "tanh" else torch.rnn_relu
        return of(x, first[0], weights, True, 1, 0.0, self.training, False, True)

    def step(self, x: Tensor, h: Tensor, memory: State, at: Callable[[str, Tensor], Tensor]) -> State:
        """One step; see the class."""
        bend = torch.tanh if self._activation == "tanh" else torch.relu
        return (at("hidden", bend(x + h)),)


class LSTM(Recurrent):
    """i, f, o = sigmoid(...), g = tanh(...); c = f c + i g; h = o tanh(c)."""

    family, gates, memories = "lstm", 4, 2
    cell_sites = ("gate.input", "gate.forget", "gate.cell", "gate.output", "cell", "hidden")

    def __init__(self, settings: RecurrentSettings, vocabulary: int) -> None:
        super().__init__(settings, vocabulary)
        for block in self._layers():  # forget gates begin open: Jozefowicz et al. 2015
            nn.init.ones_(block.get_parameter("bias_ih_l0").data[settings.width : 2 * settings.width])
            nn.init.zeros_(block.get_parameter("bias_hh_l0").data[settings.width : 2 * settings.width])

    def kernel(self, width: int) -> nn.RNNBase:
        """torch's LSTM."""
        return nn.LSTM(width, width, batch_first=True)

    def function(self, x: Tensor, first: State, weights: list[Tensor]) -> tuple[Tensor, ...]:
        """torch's LSTM as a function."""
        return torch.lstm(x, first, weights, True, 1, 0.0, self.training, False, True)

    def step(self, x: Tensor, h: Tensor, memory: State, at: Callable[[str, Tensor], Tensor]) -> State:
        """One step; see the class."""
        i, f, g, o = (x + h).chunk(4, -1)
        i, f = at("gate.input", i.sigmoid()), at("gate.forget", f.sigmoid())
        g, o = at("gate.cell", g.tanh()), at("gate.output", o.sigmoid())
        c = at("cell", f * memory[1] + i * g)
        return at("hidden", o * c.tanh()), c


class GRU(Recurrent):
    """r, z = sigmoid(...); n = tanh(W_x x + b_x + r (W_h h + b_h)); h = (1 - z) n + z h."""

    family, gates = "gru", 3
    cell_sites = ("gate.reset", "gate.update", "gate.cell", "hidden")

    def kernel(self, width: int) -> nn.RNNBase:
        """torch's GRU."""
        return nn.GRU(width, width, batch_first=True)

    def function(self, x: Tensor, first: State, weights: list[Tensor]) -> tuple[Tensor, ...]:
        """torch's GRU as a function."""
        return torch.gru(x, first[0], weights, True, 1, 0.0, self.training, False, True)

    def step(self, x: Tensor, h: Tensor, memory: State, at: Callable[[str, Tensor], Tensor]) -> State:
        """One step; see the class."""
        (r_x, z_x, n_x), (r_h, z_h, n_h) = x.chunk(3, -1), h.chunk(3, -1)
        r, z = at("gate.reset", (r_x + r_h).sigmoid()), at("gate.update", (z_x + z_h).sigmoid())
        n = at("gate.cell", (n_x + r * n_h).tanh())
        return (at("hidden", n + z * (memory[0] - n)),)


def counts(gates: int, settings: RecurrentSettings, vocabulary: int, length: int) -> Counts:
    """Exact size and cost of a network whose layers hold two matrices [gates D, D] and two offsets."""
    width, layers = settings.width, settings.layers
    embedding, matrix = vocabulary * width, gates * width * width
    head = embedding  # multiplications in the head for one token
    forward = 2 * (layers * 2 * matrix + head)
    normed = 2 * width * (layers - 1) if settings.layer_norm else 0
    # Backward doubles that again twice, but the first step of a window has no earlier step to send a gradient to.
    unsent = 2 * layers * matrix / length
    return Counts(
        parameters=embedding * (1 if settings.tied else 2)
        + vocabulary
        + layers * (2 * matrix + 2 * gates * width)
        + normed,
        embedding_parameters=embedding,
        length=length,
        forward_flops_per_token=forward,
        training_flops_per_token=3 * forward - unsent,
    )


def preset(
    settings: type[RecurrentSettings], gates: int, parameters_wanted: float, vocabulary: int
) -> RecurrentSettings:
    """The network of about that many parameters. One dial, the width.

    Two layers are enough up to a few ten million parameters (Melis et al. 2018, arXiv 1707.05589), and each one more
    is T more steps that must wait for each other.
    """
    candidates = (settings(width=width) for width in WIDTHS)
    return nearest(parameters_wanted, candidates, lambda s: counts(gates, s, vocabulary, 1).parameters)


def _family(
    network: type[Recurrent], title: str, year: int, settings: type[RecurrentSettings] = RecurrentSettings
) -> Family:
    return Family(
        name=network.family,
        title=title,
        settings=settings,
        learns="gradients",
        order="stream",
        year=year,
        build=network,
        preset=partial(preset, settings, network.gates),
        counts=partial(counts, network.gates),
    )


def _rnn_title(settings: Mapping[str, Any]) -> str:
    return "RNN (ReLU)" if settings.get("activation") == "relu" else "RNN (tanh)"


RNN_FAMILY = replace(_family(RNN, "RNN (tanh)", 1990, RNNSettings), titles=_rnn_title)
LSTM_FAMILY = _family(LSTM, "LSTM", 1997)
GRU_FAMILY = _family(GRU, "GRU", 2014)
