"""The head and its loss in pieces: to a millionth what the whole would give, with a piece's memory."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from etymon.objectives import cross_entropy as module_under_test
from etymon.objectives import summed_cross_entropy


def example(
    count: int, vocabulary: int, with_offset: bool, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor | None, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(count, 12, generator=generator)
    matrix = torch.randn(vocabulary, 12, generator=generator)
    offset = torch.randn(vocabulary, generator=generator) if with_offset else None
    return hidden, matrix, offset, torch.randint(0, vocabulary, (count,), generator=generator)


def plain(hidden: Tensor, matrix: Tensor, offset: Tensor | None, targets: Tensor, weights: Tensor) -> Tensor:
    """The same loss as torch has it, over all logits at once."""
    return (F.cross_entropy(F.linear(hidden, matrix, offset), targets, reduction="none") * weights).sum()


@settings(deadline=None, max_examples=30)
@given(
    count=st.integers(1, 200),
    vocabulary=st.integers(2, 40),
    with_offset=st.booleans(),
    scale=st.floats(0.1, 10),
    seed=st.integers(0, 99),
)
def test_loss_and_gradients_are_those_of_the_plain_cross_entropy(
    count: int, vocabulary: int, with_offset: bool, scale: float, seed: int
) -> None:
    hidden, matrix, offset, targets = example(count, vocabulary, with_offset, seed)
    weights = torch.rand(count, generator=torch.Generator().manual_seed(seed))
    results = []
    for loss in (plain, summed_cross_entropy):
        inputs = [x.clone().double().float().requires_grad_() for x in (hidden, matrix, offset) if x is not None]
        value = loss(inputs[0], inputs[1], inputs[2] if with_offset else None, targets, weights) / count
        results.append((value.detach(), torch.autograd.grad(value * scale, inputs)))
    torch.testing.assert_close(results[0][0], results[1][0], atol=1e-6, rtol=1e-6)
    for expected, got in zip(results[0][1], results[1][1], strict=True):
        torch.testing.assert_close(got, expected, atol=1e-6 * scale, rtol=1e-5)


@pytest.mark.parametrize("gradients", [True, False])
def test_pieces_add_up_to_the_whole(monkeypatch: pytest.MonkeyPatch, gradients: bool) -> None:
    hidden, matrix, offset, targets = example(200, 30, True)
    weights = torch.ones(200)
    matrix.requires_grad_(gradients)
    whole = plain(hidden, matrix, offset, targets, weights)
    monkeypatch.setitem(module_under_test.LOGITS, "cpu", (1, 512))  # as small as pieces get: 64 rows
    torch.testing.assert_close(summed_cross_entropy(hidden, matrix, offset, targets, weights), whole)


def test_a_target_that_weighs_nothing_has_no_part_in_loss_or_gradient() -> None:
    hidden, matrix, _, targets = example(6, 9, False)
    weights = torch.tensor([1.0, 0, 1, 1, 0, 1])
    hidden.requires_grad_()
    loss = summed_cross_entropy(hidden, matrix, None, targets, weights)
    loss.backward()
    kept = weights.bool()
    torch.testing.assert_close(loss.detach(), plain(hidden[kept], matrix, None, targets[kept], weights[kept]).detach())
    assert hidden.grad is not None
    assert (hidden.grad[~kept] == 0).all() and (hidden.grad[kept] != 0).all()


def test_the_softmax_is_in_fp32_under_autocast() -> None:
    hidden, matrix, offset, targets = example(8, 50, True)
    matrix.requires_grad_()
    rounded = F.linear(hidden.bfloat16(), matrix.detach().bfloat16(), offset.bfloat16())  # type: ignore[union-attr]
    expected = F.cross_entropy(rounded.float(), targets, reduction="sum")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = summed_cross_entropy(hidden, matrix, offset, targets, torch.ones(8))
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss.detach(), expected, atol=1e-5, rtol=1e-6)
    loss.backward()
    assert matrix.grad is not None and matrix.grad.dtype == torch.float32


def test_the_gradient_is_taken_once() -> None:
    hidden, matrix, _, targets = example(4, 5, False)
    hidden.requires_grad_()
    loss = summed_cross_entropy(hidden, matrix, None, targets, torch.ones(4))
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="taken already"):
        loss.backward()


def test_all_logits_are_never_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden, matrix, _, targets = example(640, 30, False)
    matrix.requires_grad_()
    monkeypatch.setitem(module_under_test.LOGITS, "cpu", (1, 512))
    sizes: list[int] = []
    linear = F.linear

    def watched(*arguments: Tensor) -> Tensor:
        logits = linear(*arguments)
        sizes.append(logits.shape[0])
        return logits

    monkeypatch.setattr(module_under_test.F, "linear", watched)
    summed_cross_entropy(hidden, matrix, None, targets, torch.ones(640)).backward()
    assert sizes == [64] * 10


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200, 640])
def test_pieces_are_even(count: int) -> None:
    rows = module_under_test._even_rows(count, 64)
    pieces = [min(rows, count - begin) for begin in range(0, count, rows)]
    assert len(pieces) == -(-count // 64) and max(pieces) <= 64
    assert max(pieces) - min(pieces) < len(pieces)
