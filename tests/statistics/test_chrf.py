"""chrF: the numbers of sacrebleu, and what its definition promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.statistics import chrf, chrf_counts, chrf_of

SACREBLEU = [
    (['"yes" naïve '], ['"yes" va and mat mat sat'], 18.779203966388504),
    (
        ["a sat sat a", "naïve light: cat", '"yes" on light:'],
        ["a there sat a", "naïve light: cat", '"yes" a light:'],
        67.0774528066389,
    ),
    (
        ["mat on — said,", "va there be ", "ça ça"],
        ["mat on on said,", 'and cat be "yes" ça', "ça ça"],
        30.445777952608395,
    ),
    (["", ""], ["and a", "mat"], 0.0),
    (["été and"], ["été and"], 100.0),
]
"""What `sacrebleu.metrics.CHRF().corpus_score` of sacrebleu 2.6.0 says of made sentences."""
TEXTS = st.text(alphabet="abcé \n", max_size=12)


@pytest.mark.parametrize(("hypotheses", "references", "score"), SACREBLEU)
def test_the_score_is_that_of_sacrebleu(hypotheses: list[str], references: list[str], score: float) -> None:
    assert chrf(hypotheses, references) == pytest.approx(score, abs=1e-9)


@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_a_text_is_wholly_like_itself_and_not_at_all_like_another_alphabet(texts: list[str]) -> None:
    written = any("".join(text.split()) for text in texts)
    assert chrf(texts, texts) == pytest.approx(100.0 if written else 0.0)
    assert chrf(texts, ["xyz" for _ in texts]) == 0.0


@given(hypothesis=TEXTS, reference=TEXTS)
def test_scores_lie_between_0_and_100_and_white_space_does_not_count(hypothesis: str, reference: str) -> None:
    score = chrf([hypothesis], [reference])
    assert 0 <= score <= 100
    assert chrf([" ".join(hypothesis)], [reference]) == score


@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_counts_of_texts_add_up_to_those_of_a_list(pairs: list[tuple[str, str]]) -> None:
    counts = np.sum([chrf_counts(*pair) for pair in pairs], axis=0)
    assert chrf_of(counts) == chrf(*([side[i] for side in pairs] for i in (0, 1)))


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(EtymonError, match="2 texts"):
        chrf(["a", "b"], ["a"])
