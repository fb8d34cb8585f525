"""Packed rows: a pair of every document, each as if it stood alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_masked import BEGIN, END, END_OF_TEXT, MASK, contains, loader_of, masked, stream_of

from etymon.models import as_tensors, family
from etymon.objectives.masked import PADDING
from etymon.tokens import Batch


def network():
    torch.manual_seed(0)
    kind = family("bert")
    assert kind.build is not None
    shape = {"context": 80, "layers": 2, "width": 32, "heads": 4}
    return kind.build(kind.settings(**shape), MASK).eval()  # special ids are the three behind


def alone(batch: Batch, row: int, number: int) -> Batch:
    """One pair of a packed row as a row of its own."""
    own = batch.documents[row] == number
    arrays = ("ids", "targets", "weights", "segments", "positions")
    cut = {name: getattr(batch, name)[row][own][None] for name in arrays}
    visibility = replace(batch.visibility, within_documents=False)
    return replace(batch, **cut, documents=np.zeros_like(cut["ids"]), visibility=visibility)


def test_the_loss_of_packed_rows_is_that_of_their_pairs_one_by_one() -> None:
    objective, model = masked(packed=True), network()
    batch = objective.batch(loader_of(stream_of(60, length=17)), 0)
    together, weight, _ = objective.loss(model, as_tensors(batch, model.device))
    pieces = [alone(batch, row, n) for row in range(4) for n in range(batch.documents[row].max() + 1)]
    apart = [objective.loss(model, as_tensors(piece, model.device))[:2] for piece in pieces]
    assert len(pieces) >= 12
    assert float(together.detach()) == pytest.approx(sum(float(nats.detach()) for nats, _ in apart), rel=1e-5)
    assert float(weight) == pytest.approx(sum(float(count) for _, count in apart), rel=1e-6)


def test_short_documents_leave_little_padding() -> None:
    loader = loader_of(stream_of(200, length=17))
    filled = {}
    for packed in (False, True):
        objective = masked(packed=packed)
        batches = [objective.batch(loader, step) for step in range(40)]
        read = sum(objective.read(batch) for batch in batches)
        filled[packed] = read / sum(batch.ids.size for batch in batches)
    assert filled[False] < 0.4
    assert filled[True] > 0.85


def test_every_pair_is_of_one_document_or_of_two_and_says_so() -> None:
    stream = stream_of(60, length=17)
    text = [stream.ids[a + 1 : b].tolist() for a, b in zip(stream.starts[:-1], stream.starts[1:], strict=True)]
    loader, objective = loader_of(stream), masked(packed=True, hidden=0.0001)
    labels = []
    for step in range(20):
        batch = objective.batch(loader, step)
        for row in range(4):
            for number in range(batch.documents[row].max() + 1):
                pair = alone(batch, row, number)
                whole = np.where(pair.weights > 0, pair.targets, pair.ids)[0]
                assert batch.ids[row][batch.documents[row] == number][0] == BEGIN
                assert np.array_equal(pair.positions[0], np.arange(len(whole)))
                assert END_OF_TEXT not in whole[1:]
                if not pair.weights[0, 0]:
                    continue  # too short for two segments
                first, second = whole[pair.segments[0] == 0][1:-1].tolist(), whole[pair.segments[0] == 1][:-1].tolist()
                goes_on = any(contains(each, first + second) for each in text)
                assert goes_on == (pair.targets[0, 0] == 0)
                labels.append(int(pair.targets[0, 0]))
            assert (batch.ids[row][batch.documents[row] == PADDING] == END).all()
    assert len(labels) > 150
    assert np.mean(labels) == pytest.approx(0.5, abs=0.12)


def test_packing_is_part_of_what_a_checkpoint_says() -> None:
    assert masked(packed=True).name != masked().name
