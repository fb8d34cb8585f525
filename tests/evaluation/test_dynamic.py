"""Dynamic evaluation: scored before learned from, the network left as it was, and better on text that has shifted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_streams import VOCABULARY, stream_of

from etymon.errors import EtymonError
from etymon.evaluation import bits_per_byte, dynamic_bits_per_byte
from etymon.evaluation.dynamic import _Reader
from etymon.models import family

torch = pytest.importorskip("torch", reason="networks need torch")


def network(name="lstm", **settings):
    torch.manual_seed(0)
    kind = family(name)
    return kind.build(kind.settings(**{"layers": 1, "width": 16} | settings), VOCABULARY)


def some_documents(lengths=(50, 23, 7), seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 4, length).tolist() for length in lengths]


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("restart", [True, False])
def test_without_steps_it_is_the_score_itself(name, restart):
    model, stream = network(name), stream_of(some_documents())
    static, dynamic = bits_per_byte(model, stream), dynamic_bits_per_byte(model, stream, rate=0.0, restart=restart)
    np.testing.assert_allclose(dynamic.values, static.values, rtol=1e-5)
    np.testing.assert_array_equal(dynamic.weights, static.weights)
    assert dynamic.items == static.items
    assert dynamic.protocol.startswith(static.protocol)


@pytest.mark.parametrize("segment", [1, 5, 20])
def test_what_comes_later_changes_nothing_that_was_scored_before_it(segment):
    (document,) = some_documents((60,))
    ids = np.array([4, *document, 4])
    for changed in (25, 41, 60):
        other = ids.copy()
        other[changed:] = (other[changed:] + 1 + np.arange(len(ids) - changed) % 3) % 4
        costs = [_Reader(network(), 0.5, 0.01).costs(each, segment) for each in (ids, other)]
        whole = (changed - 1) // segment  # segments whose targets all lie before the change
        assert costs[0][:whole] == costs[1][:whole]
        assert costs[0][whole:] != costs[1][whole:]


def test_each_segment_costs_what_the_weights_before_it_say():
    ids = np.array([4, *some_documents((24,))[0]])
    model, reader = network(), _Reader(network(), 0.5, 0.1)
    costs = reader.costs(ids, 6)
    weights, first, state = list(model.parameters()), [w.detach().clone() for w in model.parameters()], None
    for number, cost in enumerate(costs):
        part = torch.from_numpy(ids[number * 6 : number * 6 + 7])[None]
        state = model.start(1) if state is None else tuple(memory.detach() for memory in state)
        hidden, state = model(replace_ids(part), state=state)
        loss = -model.head(hidden[0]).log_softmax(-1).gather(-1, part[0, 1:, None]).mean()
        assert cost == pytest.approx(float(loss.detach()) * 6, rel=1e-5)
        for weight, start, gradient in zip(weights, first, torch.autograd.grad(loss, weights), strict=True):
            weight.data = 0.9 * (weight.data - 0.5 * gradient) + 0.1 * start


def replace_ids(part):
    from etymon.tokens import Batch

    return Batch(ids=part[:, :-1], targets=part[:, 1:], weights=torch.ones_like(part[:, 1:]))


def test_the_network_stays_as_it_is():
    model = network(dropout=0.5).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = [dynamic_bits_per_byte(model, stream_of(some_documents()), rate=0.5).values for _ in range(2)]
    assert found[0] == found[1]
    assert model.training and all(weight.grad is None for weight in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_documents_are_apart_unless_the_weights_are_carried_on():
    model, documents = network(), some_documents()
    apart = [dynamic_bits_per_byte(model, stream_of([each]), rate=0.5).values[0] for each in documents]
    together = dynamic_bits_per_byte(model, stream_of(documents), rate=0.5)
    np.testing.assert_allclose(together.values, apart, rtol=1e-6)
    carried = dynamic_bits_per_byte(model, stream_of(documents), rate=0.5, restart=False)
    assert carried.values[0] == together.values[0] and carried.values[1] != together.values[1]


def test_text_that_has_shifted_costs_less():
    model, stream = network(), stream_of([[0, 1, 2, 3] * 100])
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    learned = torch.tensor([4] + [3, 2, 1, 0] * 20)[None]
    for _ in range(60):
        hidden, _ = model(replace_ids(learned))
        loss = torch.nn.functional.cross_entropy(model.head(hidden[0]), learned[0, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    static, dynamic = bits_per_byte(model, stream), dynamic_bits_per_byte(model, stream, rate=0.2)
    assert dynamic.mean < 0.7 * static.mean


def test_what_carries_no_state_or_makes_no_sense_is_refused():
    stream = stream_of(some_documents())
    kind = family("gpt")
    with pytest.raises(EtymonError, match="reads on"):
        dynamic_bits_per_byte(kind.build(kind.settings(width=16, heads=2), VOCABULARY), stream, rate=0.1)
    for wrong in ({"segment": 0}, {"rate": -1.0}, {"decay": 2.0}):
        with pytest.raises(EtymonError, match="A segment has a token"):
            dynamic_bits_per_byte(network(), stream, **{"rate": 0.1} | wrong)
    with pytest.raises(EtymonError, match="different tokenizers"):
        dynamic_bits_per_byte(network(), replace(stream, vocabulary=6), rate=0.1)
