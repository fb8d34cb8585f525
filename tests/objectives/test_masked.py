"""Masked tokens and next sentence: the published rates, nothing leaks, and a batch depends on its step alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from etymon.errors import EtymonError
from etymon.models.bert import BERT, BERTSettings
from etymon.models.network import as_tensors
from etymon.objectives import Masked
from etymon.tokens import Loader, TokenStream

WORDS, END_OF_TEXT = 50, 0
MASK, BEGIN, END = 60, 61, 62
CPU = torch.device("cpu")


def stream_of(documents: int = 12, length: int = 90, seed: int = 0) -> TokenStream:
    """Documents of random tokens."""
    generator = np.random.default_rng(seed)
    parts = [np.concatenate([[END_OF_TEXT], generator.integers(1, WORDS, length)]) for _ in range(documents)]
    ids = np.concatenate([*parts, [END_OF_TEXT]])
    starts = np.arange(documents + 1) * (length + 1)
    return TokenStream(
        ids=ids, starts=starts, bytes=np.full(documents, length), documents=[f"d{i}" for i in range(documents)],
        vocabulary=WORDS, end_of_text=END_OF_TEXT,
    )  # fmt: skip


def loader_of(stream: TokenStream, length: int = 64, slots: int = 4) -> Loader:
    return Loader(stream, length=length, slots=slots, seed=5, order="shuffle")


def masked(**settings: object) -> Masked:
    return Masked(special=(MASK, BEGIN, END), vocabulary=WORDS, seed=7, **settings)  # type: ignore[arg-type]


def test_fifteen_percent_are_asked_for_and_of_these_80_10_10() -> None:
    loader, objective = loader_of(stream_of(40)), masked()
    asked = hidden = kept = plain = 0
    for step in range(200):
        batch = objective.batch(loader, step)
        chosen = batch.weights.astype(bool)
        chosen[:, 0] = False
        asked += int(chosen.sum())
        plain += int((~np.isin(batch.ids, (BEGIN, END)) & (batch.documents == 0)).sum())
        hidden += int((batch.ids[chosen] == MASK).sum())
        kept += int((batch.ids[chosen] == batch.targets[chosen]).sum())
        unchosen = ~chosen
        unchosen[:, 0] = False
        assert np.array_equal(batch.ids[unchosen], batch.targets[unchosen])
    assert asked / plain == pytest.approx(0.15, abs=0.005)
    assert hidden / asked == pytest.approx(0.8, abs=0.02)
    assert kept / asked == pytest.approx(0.1 + 0.1 / WORDS, abs=0.02)


def test_pairs_are_real_in_half_of_the_rows_and_of_another_document_in_the_others() -> None:
    stream = stream_of(40)
    text = [stream.ids[a + 1 : b].tolist() for a, b in zip(stream.starts[:-1], stream.starts[1:], strict=True)]
    loader, objective = loader_of(stream), masked(hidden=0.0001)
    elsewhere = rows = 0
    for step in range(60):
        batch = objective.batch(loader, step)
        for row in range(4):
            if not batch.weights[row, 0]:
                continue
            rows += 1
            whole = np.where(batch.weights[row] > 0, batch.targets[row], batch.ids[row])
            first = whole[(batch.segments[row] == 0) & (batch.documents[row] == 0)][1:-1].tolist()
            second = whole[(batch.segments[row] == 1) & (batch.documents[row] == 0)][:-1].tolist()
            found = [i for i, tokens in enumerate(text) if contains(tokens, first)]
            goes_on = any(contains(text[i], first + second) for i in found)
            assert goes_on == (batch.targets[row, 0] == 0)
            if not goes_on:
                elsewhere += 1
                assert any(contains(tokens, second) for i, tokens in enumerate(text) if i not in found)
    assert rows > 150
    assert elsewhere / rows == pytest.approx(0.5, abs=0.12)


def contains(tokens: list[int], part: list[int]) -> bool:
    return any(tokens[i : i + len(part)] == part for i in range(len(tokens) - len(part) + 1))


def test_a_batch_is_a_function_of_its_step_however_its_rows_are_cut() -> None:
    loader, objective = loader_of(stream_of()), masked()
    whole = objective.batch(loader, 3)
    again, part = objective.batch(loader, 3), objective.batch(loader, 3, range(2, 4))
    assert np.array_equal(whole.ids, again.ids)
    assert np.array_equal(whole.ids[2:], part.ids)
    assert np.array_equal(whole.weights[2:], part.weights)
    assert not np.array_equal(whole.ids, objective.batch(loader, 4).ids)


def test_segments_begin_and_end_where_sentences_do() -> None:
    ends, opens = np.zeros(WORDS, np.bool_), np.arange(WORDS) % 2 == 1
    ends[[10, 20, 30, 40]] = True
    stream = stream_of(40)
    begins = {tuple(stream.ids[start + 1 : start + 4].tolist()) for start in stream.starts[:-1]}
    loader, objective = loader_of(stream), masked(sentence_ends=ends, sentence_opens=opens, hidden=0.001)
    pairs = firsts = 0
    for step in range(60):
        batch = objective.batch(loader, step)
        whole = np.where(batch.weights > 0, batch.targets, batch.ids)
        for row in np.flatnonzero(batch.weights[:, 0]).tolist():
            cut = int(np.flatnonzero(batch.segments[row])[0])
            first, second = whole[row, 1 : cut - 1], whole[row, cut : cut + 3]
            assert ends[first[-1]]
            at_start = tuple(second.tolist()) in begins
            assert at_start or opens[second[0]]
            pairs, firsts = pairs + 1, firsts + at_start
    assert pairs > 100 > firsts


def test_text_without_sentences_makes_no_pairs() -> None:
    loader, objective = loader_of(stream_of(40)), masked(sentence_ends=np.zeros(WORDS, np.bool_))
    batch = objective.batch(loader, 0)
    assert not batch.weights[:, 0].any() and not batch.segments.any()
    assert batch.weights.any(axis=1).all()


def test_whole_words_are_hidden_together() -> None:
    begins = np.arange(WORDS) % 2 == 1  # odd tokens begin words, even ones go on
    loader, objective = loader_of(stream_of(40)), masked(word_begins=begins, pairs=False)
    split = 0
    for step in range(30):
        batch = objective.batch(loader, step)
        for targets, weights in zip(batch.targets, batch.weights, strict=True):
            for place in range(2, 65):
                inside = not begins[targets[place]] and targets[place] != END_OF_TEXT != targets[place - 1]
                split += inside and bool(weights[place]) != bool(weights[place - 1])
    assert split == 0


def test_spans_hide_runs_of_tokens() -> None:
    loader = loader_of(stream_of(40))
    runs = {}
    for span in (1, 5):
        chosen = np.concatenate([masked(span=span, pairs=False).batch(loader, s).weights > 0 for s in range(50)])
        starts = (chosen & ~np.pad(chosen, ((0, 0), (1, 0)))[:, :-1]).sum()
        runs[span] = chosen.sum() / starts
    assert runs[1] < 1.3 < 2 < runs[5]


def test_the_network_never_sees_what_it_is_asked_for() -> None:
    """Changing a hidden token's target changes the loss and no logit."""
    loader, objective = loader_of(stream_of()), masked()
    torch.manual_seed(0)
    network = BERT(
        BERTSettings(layers=1, width=32, heads=2, context=67, mask_id=MASK, begin_id=BEGIN, end_id=END), 63
    ).eval()
    batch = as_tensors(objective.batch(loader, 0), CPU)
    hidden = batch.ids == MASK
    other = replace(batch, targets=torch.where(hidden, (batch.targets + 1) % WORDS, batch.targets))
    assert torch.equal(network.encode(batch), network.encode(other))
    first, count, _ = objective.loss(network, batch)
    second, _, _ = objective.loss(network, other)
    assert float(first.detach()) != float(second.detach())
    assert float(count) == pytest.approx(float(batch.weights.sum()))


def test_the_loss_is_that_of_the_whole_head_at_the_hidden_places_and_of_the_pairs() -> None:
    loader, objective = loader_of(stream_of()), masked()
    torch.manual_seed(0)
    network = BERT(
        BERTSettings(layers=1, width=32, heads=2, context=67, mask_id=MASK, begin_id=BEGIN, end_id=END), 63
    ).eval()
    batch = as_tensors(objective.batch(loader, 1), CPU)
    nats, _, _ = objective.loss(network, batch)
    log_probs = network.head(network(batch)[0]).log_softmax(-1)
    tokens = -(log_probs.gather(-1, batch.targets[..., None])[..., 0] * batch.weights)[:, 1:].sum()
    pairs = network.follows(network.encode(batch)[:, 0]).log_softmax(-1)
    related = -(pairs.gather(-1, batch.targets[:, :1])[:, 0] * batch.weights[:, 0]).sum()
    assert float(nats.detach()) == pytest.approx(float((tokens + related).detach()), rel=1e-5)


def test_the_name_tells_trainings_apart() -> None:
    ends = np.zeros(WORDS, np.bool_)
    names = {masked().name, masked(sentence_ends=ends).name, masked(word_begins=~ends).name, masked(span=3).name}
    names.add(masked(sentence_ends=ends, sentence_opens=~ends).name)
    assert len(names) == 5


def test_a_share_that_hides_nothing_or_everything_is_refused() -> None:
    for share in (0.0, 1.0):
        with pytest.raises(EtymonError, match="leaves nothing to learn"):
            masked(hidden=share)
