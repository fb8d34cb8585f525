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
    """One tensor of ours and where they keep it.

    theirs      under several names if it lies apart there, one below the other, of so many `rows` each; under none if
                they have no place for it: it is zero then
    axes        theirs has these axes of ours, in their order: (1, 0) where they keep a matrix as [in, out]
    shape       and this shape then
    times       what each of theirs is multiplied with to be ours
    """

    ours: str
    theirs: tuple[str, ...]
    rows: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()
    times: tuple[float, ...] = ()

    def apart(self, tensor: Tensor) -> dict[str, Tensor]:
        """Our tensor as they keep it."""
        if not self.theirs:
            assert not tensor.any(), f"{self.ours} would be lost"
            return {}
        tensor = tensor.permute(self.axes) if self.axes else tensor
        tensor = tensor.reshape(self.shape) if self.shape else tensor
        parts = cast("Sequence[Tensor]", tensor.split(self.rows)) if self.rows else (tensor,)
        # Rounded twice, there and back: what came from them is theirs again, to the bit.
        parts = [part / times for part, times in zip(parts, self.times, strict=True)] if self.times else parts
        return dict(zip(self.theirs, parts, strict=True))

    def shapes(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shapes of their tensors, from that of ours."""
        if self.rows:
            return {name: (rows, *shape[1:]) for name, rows in zip(self.theirs, self.rows, strict=True)}
        turned = tuple(shape[axis] for axis in self.axes) or shape
        return dict.fromkeys(self.theirs, self.shape or turned)

    def joined(self, theirs: Mapping[str, Tensor], shape: tuple[int, ...]) -> Tensor:
        """Our tensor of this shape, in float32, from theirs."""
        import torch

        if not self.theirs:
            return torch.zeros(shape)
        parts = [theirs[name].float() for name in self.theirs]
        parts = [part * times for part, times in zip(parts, self.times, strict=True)] if self.times else parts
        whole = torch.cat(parts) if len(parts) > 1 else parts[0]
        if self.axes:
            turned = whole.reshape([shape[axis] for axis in self.axes])
            whole = turned.permute([self.axes.index(axis) for axis in range(len(self.axes))])
        return whole.reshape(shape).contiguous()


def _always(settings: Any) -> bool:
    return True


def _as_it_is(state: Mapping[str, Tensor], settings: Any) -> Mapping[str, Tensor]:
    return state


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One architecture.

    read        a config.json, and the special ids by name -> (settings as JSON, vocabulary). Refuses all that our
                network would compute otherwise
    write       (settings, vocabulary) -> the entries of a config.json. Refuses what theirs cannot say
    rows        settings -> every tensor of ours, each once, and of theirs, each once
    prefix      what their names begin with; files of the network without its head leave it out
    copies      their second name of a tensor -> its first: a file may hold both, and then they must be equal
    constants   the end of a name -> what is no weight, "triangle" (1 where a token sees another), "band" (the same, to
                some distance), "places" (0, 1, 2 …) or "number" (for minus infinity): checked, then left out
    renamed     ends of names that older files have -> the newer ones
    fits        settings -> whether a model of the family is handed on in this way; the first that fits is taken
    moved       (our tensors, settings) -> the same function of the text without what theirs have no place for
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
    fits: Callable[[Any], bool] = _always
    moved: Callable[[Mapping[str, Tensor], Any], Mapping[str, Tensor]] = _as_it_is


def layer_norm(ours: str, theirs: str) -> list[Row]:
    """The two tensors of a norm or of a matrix with an offset."""
    return [Row(f"{ours}.{kind}", (f"{theirs}.{kind}",)) for kind in ("weight", "bias")]


linear = layer_norm


def conv(ours: str, theirs: str) -> list[Row]:
    """A matrix that they keep as [in, out], and its offset."""
    return [Row(f"{ours}.weight", (f"{theirs}.weight",), axes=(1, 0)), Row(f"{ours}.bias", (f"{theirs}.bias",))]
