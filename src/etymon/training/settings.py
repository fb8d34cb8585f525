"""`TrainingSettings`: everything about a training that is not the network, the text or the budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from etymon.errors import EtymonError
from etymon.recipe import Duration, Setting, to_json

MINUTE = Duration(60.0)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How to train. The defaults are for networks of a million to a few ten million parameters."""

    batch_tokens: Annotated[int, Setting("tokens in a step: rows times their length", unit="tokens", low=1)] = 4096
    length: Annotated[int, Setting("tokens in a row of a batch", unit="tokens", low=1)] = 256
    micro_batch: Annotated[
        int | None, Setting("rows that are in memory at once; none: all rows of the step", unit="rows", low=1)
    ] = None
    learning_rate: Annotated[float, Setting("the rate at its highest", low=0)] = 1e-3
    warmup_steps: Annotated[
        int,
        Setting("steps in which the rate rises to its highest; a tenth of all steps at most", unit="steps", low=0),
    ] = 50
    decay: Annotated[
        str, Setting("the shape in which the rate falls at the end", choices=("1-sqrt", "linear", "cosine"))
    ] = "1-sqrt"
    decay_share: Annotated[
        float,
        Setting("share of all steps in which the rate falls; 1 with cosine is the classic", low=0, high=1),
    ] = 0.2
    minimum_rate: Annotated[
        float, Setting("what is left of the rate at the very end, as a share of the highest", low=0, high=1)
    ] = 0.0
    weight_decay: Annotated[float, Setting("AdamW's decay of matrices; vectors do not decay", low=0)] = 0.1
    beta1: Annotated[float, Setting("AdamW's memory of the gradient", low=0, high=0.9999)] = 0.9
    beta2: Annotated[float, Setting("AdamW's memory of the gradient's square", low=0, high=0.999999)] = 0.95
    clip: Annotated[float, Setting("longest gradient (global norm) that is applied as it is", low=1e-9)] = 1.0
    precision: Annotated[
        str, Setting("numbers in products; auto: bf16 on CUDA, else fp32", choices=("auto", "fp32", "bf16"))
    ] = "auto"
    checkpoint_seconds: Annotated[Duration, Setting("a checkpoint to go on from is saved so often", low=0)] = MINUTE
    strict: Annotated[
        bool, Setting("go on only where versions, device, threads and kernels are those that it was begun with")
    ] = False
    snapshots: Annotated[
        int, Setting("weights kept along the way, at steps spaced evenly in their logarithm; none: 0", low=0)
    ] = 16

    def __post_init__(self) -> None:
        if self.batch_tokens % self.length:
            raise EtymonError(
                f"A step of {self.batch_tokens} tokens cannot be cut into rows of {self.length}",
                where="batch_tokens and length",
                help=f"choose batch_tokens as a multiple of {self.length}",
            )

    @property
    def rows(self) -> int:
        """Rows in a step: the `slots` of the loader."""
        return self.batch_tokens // self.length


def what_is_learned(settings: TrainingSettings) -> dict[str, Any]:
    """The settings that the weights depend on, as JSON; how a training is kept safe is not among them."""
    kept_safe_by = ("checkpoint_seconds", "strict")
    return {key: value for key, value in to_json(settings).items() if key not in kept_safe_by}
