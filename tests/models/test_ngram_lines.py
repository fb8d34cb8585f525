"""n-grams of lines: those of each line as a document of its own, with a share for each way in which lines end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ngram import batch_of
from test_ngram_mixture import read_as_scored

from etymon.errors import EtymonError
from etymon.models import LineModel, NgramModel, NgramSettings, estimate_lines, estimate_ngram, family, load, save
from etymon.storage import Store

FEED, RETURN, END, VOCABULARY = 1, 3, 4, 7
"""Two tokens that end a line among the words 0, 2, 5, 6."""

words = st.sampled_from([0, 2, 5])
lines = st.lists(words, max_size=5)
texts = st.lists(st.lists(st.tuples(lines, st.sampled_from([FEED, RETURN])), max_size=4), min_size=1, max_size=4)
BY_LINE = {"sentences": "lines", "line_ends": (FEED, RETURN)}


def stream_of(documents) -> np.ndarray:
    return np.array(
        [END, *(t for lines in documents for t in (*(t for line, end in lines for t in (*line, end)), END))]
    )


def lines_of(documents) -> np.ndarray:
    """The same, each line a document in the vocabulary without the tokens that end lines; an empty document too."""
    number = {0: 0, 2: 1, END: 2, 5: 3, 6: 4}
    ended = [line if lines else [] for lines in documents for line, _ in (lines or [([], FEED)])]
    return np.array([2, *(t for line in ended for t in (*(number[t] for t in line), 2))])


@given(texts, st.integers(1, 4), st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 6]), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_lines_are_counted_as_documents_of_their_own(documents, order, row):
    model = estimate_lines(NgramSettings(order=order, **BY_LINE), VOCABULARY, stream_of(documents), END)
    alone = estimate_ngram(NgramSettings(order=order), VOCABULARY - 2, lines_of(documents), 2)
    for mine, other in zip(model.lines.counted.tables, alone.counted.tables, strict=True):
        assert mine.keys.tolist() == other.keys.tolist() and mine.counts.tolist() == other.counts.tolist()
    targets = [*row[1:], END]
    scored = read_as_scored(model, row, targets)
    fold = np.array([0, 2, 1, 2, 2, 3, 4])
    plain = alone.log_probs(batch_of(fold[row].tolist(), fold[targets].tolist()))[0]
    ends = [t for lines in documents for t in (*(end for _, end in lines), END)]
    for target, mine, other in zip(targets, scored, plain, strict=True):
        share = (ends.count(target) + 1) / (len(ends) + 3) if target in (FEED, RETURN, END) else 1
        assert np.exp(mine) == pytest.approx(np.exp(other) * share, abs=1e-12)


def test_no_n_gram_reaches_across_a_line_and_one_does_within_a_document():
    text = np.array([END, *[0, 2, FEED, 5, 6, FEED] * 3, END])
    model = estimate_lines(NgramSettings(order=3, sentences="lines", line_ends=(FEED,)), VOCABULARY, text, END)
    within = estimate_ngram(NgramSettings(order=3), VOCABULARY, text, END)
    seen = set(zip(text, text[1:], text[2:], strict=False))
    assert len(within.counted.tables[2].keys) == len(seen) and len(model.lines.counted.tables[2].keys) == 4
    after_first, after_second = (
        model.log_probs(batch_of([END, *a, FEED], [*a, FEED, 0]))[0, -1] for a in ([0, 2], [5, 6])
    )
    assert after_first == after_second  # what stood in the line before is forgotten


def test_a_model_of_lines_opens_again_with_the_same_bits(tmp_path):
    text = np.array([END, 0, 2, FEED, FEED, 5, RETURN, END, 6, END])
    kind = family("ngram")
    assert kind.estimate is not None
    model = kind.estimate(NgramSettings(order=3, **BY_LINE), VOCABULARY, text, END, lambda *_: None)
    with Store.at(tmp_path).create("model", {}, {}, stage_version=1) as draft:
        save(draft, model)
        again = load(draft.seal())
    assert isinstance(model, LineModel) and isinstance(again, LineModel) and again.endings == [2, 2, 1]
    batch = batch_of(text[:-1].tolist(), text[1:].tolist())
    assert again.log_probs(batch).tobytes() == model.log_probs(batch).tobytes()
    assert again.counts(1) == model.counts(1) and again.sites() == model.sites()
    assert kind.title_with({"sentences": "lines"}).endswith(", of lines)")


def test_models_of_documents_are_what_they_were():
    kind = family("ngram")
    assert kind.estimate is not None
    assert isinstance(kind.estimate(NgramSettings(order=2), 3, np.array([2, 0, 2]), 2, lambda *_: None), NgramModel)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"sentences": "lines"}, "No token ends a line"),
        ({"line_ends": (1,)}, "would do nothing"),
        ({"sentences": "lines", "line_ends": (9,)}, "outside the vocabulary"),
    ],
)
def test_settings_that_cannot_be_kept_to_are_refused(given, says):
    kind = family("ngram")
    assert kind.estimate is not None
    with pytest.raises(EtymonError, match=says):
        kind.estimate(NgramSettings(order=2, **given), 5, np.array([4, 0, 4]), 4, lambda *_: None)
    with pytest.raises(EtymonError, match="estimate_lines"):
        estimate_ngram(NgramSettings(**BY_LINE), VOCABULARY, np.array([END, END]), END)
