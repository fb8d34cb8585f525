"""`Layout`: how one architecture of Hugging Face keeps what one of our families keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from etymon.models.exchange.given import Given

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Row:
    """One tensor of ours and where they keep it: under several names if it lies apart there (one below the other, of
    so many rows each), and `flipped` if they keep the matrix as [in, out]."""

    ours: str
    theirs: tuple[str, ...]
    flipped: bool = False
    rows: tuple[int, ...] = ()

    def apart(self, tensor: Tensor) -> dict[str, Tensor]:
        """Our tensor as they keep it."""
        if self.rows:
            parts = cast("Sequence[Tensor]", tensor.split(self.rows))
            return dict(zip(self.theirs, parts, strict=True))
        return {self.theirs[0]: tensor.T if self.flipped else tensor}

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shapes of their tensors, from that of ours."""
        if self.rows:
            return {name: (rows, *shape[1:]) for name, rows in zip(self.theirs, self.rows, strict=True)}
        return {self.theirs[0]: shape[::-1] if self.flipped else shape}

    def joined(self, theirs: Mapping[str, Tensor]) -> Tensor:
        """Our tensor from theirs."""
        import torch

        parts = [theirs[name] for name in self.theirs]
        whole = torch.cat(parts) if len(parts) > 1 else parts[0]
        return (whole.T if self.flipped else whole).contiguous()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One architecture.

    read        a config.json, and the special ids by name -> (settings as JSON, vocabulary). Refuses all that our
                network would compute otherwise
    write       (settings, vocabulary) -> the entries of a config.json. Refuses what theirs cannot say
    rows        settings -> every tensor of ours, each once, and of theirs, each once
    prefix      what their names begin with; files of the network without its head leave it out
    copies      their second name of a tensor -> its first: a file may hold both, and then they must be equal
    constants   the end of a name -> what is no weight, "triangle" (1 where a token sees another), "places" (0, 1, 2 …)
                or "number" (what stands for minus infinity): checked, and then left out
    renamed     ends of names that older files have -> the newer ones
    """

    architecture: str
    model_type: str
    family: str
    read: Callable[[Given, Mapping[str, Any]], tuple[dict[str, Any], int]]
    write: Callable[[Any, int], dict[str, Any]]
    rows: Callable[[Any], Sequence[Row]]
    prefix: str = ""
    copies: Mapping[str, str] = field(default_factory=dict[str, str])
    constants: Mapping[str, str] = field(default_factory=dict[str, str])
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])


def layer_norm(ours: str, theirs: str) -> list[Row]:
    """The two tensors of a norm or of a matrix with an offset."""
    return [Row(f"{ours}.{kind}", (f"{theirs}.{kind}",)) for kind in ("weight", "bias")]


linear = layer_norm


def conv(ours: str, theirs: str) -> list[Row]:
    """A matrix that they keep as [in, out], and its offset."""
    return [Row(f"{ours}.weight", (f"{theirs}.weight",), flipped=True), Row(f"{ours}.bias", (f"{theirs}.bias",))]
