"""Minimal pairs: scores are those worked out by hand, ties count half, and what is no BLiMP is refused."""

from __future__ import annotations

import json
import zipfile
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.evaluation import MinimalPair, agreement_pairs, minimal_pairs, read_blimp, sentence_scores
from etymon.tokens import END_OF_TEXT, Tokenizer
from etymon.tokens.vocabulary import assemble

BYTES = Tokenizer(assemble([], limit=257, special=[END_OF_TEXT]))
TABLE = np.log(np.random.default_rng(0).dirichlet(np.ones(257), size=257))
NOUNS = [("letter", "letters"), ("house", "houses"), ("lady", "ladies"), ("ship", "ships"), ("son", "sons")]


class Bigram:
    """p(next | last token)."""

    family, vocabulary, context = "bigram", 257, None

    def log_probs(self, batch):
        return TABLE[batch.ids, batch.targets]

    def next_log_probs(self, ids, state=None):
        return TABLE[ids[:, -1]], None

    def sites(self):
        return []


class Neighbours:
    """Guesses a hidden token from the one to its right."""

    family, vocabulary, context = "neighbours", 257, 80

    def hidden_log_probs(self, ids, places):
        right = np.minimum(places + 1, ids.shape[1] - 1)
        return TABLE[ids[np.arange(len(ids)), right]]


SENTENCES = st.lists(st.text(st.characters(codec="ascii"), min_size=1, max_size=30), min_size=1, max_size=8)


@settings(deadline=None, max_examples=50)
@given(sentences=SENTENCES, batch_tokens=st.integers(1, 200))
def test_a_sentence_costs_what_the_chain_rule_says_however_they_are_put_together(sentences, batch_tokens) -> None:
    scores = sentence_scores(Bigram(), BYTES, sentences, batch_tokens=batch_tokens)
    for sentence, score in zip(sentences, scores, strict=True):
        ids = [BYTES.end_of_text, *BYTES.encode(sentence)]
        assert score == pytest.approx(sum(TABLE[a, b] for a, b in pairwise(ids)))


@settings(deadline=None, max_examples=50)
@given(sentences=SENTENCES, batch_tokens=st.integers(1, 200))
def test_a_pseudo_likelihood_hides_each_token_alone(sentences, batch_tokens) -> None:
    scores = sentence_scores(Neighbours(), BYTES, sentences, batch_tokens=batch_tokens)
    for sentence, score in zip(sentences, scores, strict=True):
        ids = BYTES.encode(sentence)
        right = [*ids[1:], ids[-1]]
        assert score == pytest.approx(sum(TABLE[b, a] for a, b in zip(ids, right, strict=True)))


def test_each_group_has_its_share_and_ties_count_half() -> None:
    scores = sentence_scores(Bigram(), BYTES, ["ab", "ba"])
    better, worse = ("ab", "ba") if scores[0] > scores[1] else ("ba", "ab")
    pairs = [
        MinimalPair(good=better, bad=worse, group="easy", name="1"),
        MinimalPair(good=better, bad=worse, group="mixed", name="2"),
        MinimalPair(good=worse, bad=better, group="mixed", name="3"),
        MinimalPair(good=better, bad=better, group="mixed", name="4"),
    ]
    found = minimal_pairs(Bigram(), BYTES, pairs)
    assert list(found) == ["easy", "mixed"]
    assert found["easy"].mean == 1
    assert list(found["mixed"].values) == [1, 0, 0.5]
    assert found["mixed"].mean == 0.5
    assert found["mixed"].low < 0.5 < found["mixed"].high
    assert found["mixed"].n == 3
    assert "behind end-of-text" in found["mixed"].protocol
    assert "pseudo-log-likelihood" in minimal_pairs(Neighbours(), BYTES, pairs)["mixed"].protocol


def blimp(folder, rows):
    file = folder / "BLiMP.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data/second.jsonl", "\n".join(json.dumps(row) for row in rows))
        archive.writestr("data/first.jsonl", "\n".join(json.dumps({**row, "UID": "first"}) for row in rows))
        archive.writestr("__MACOSX/data/._first.jsonl", b"\x00\xff")
    return file


ROW = {"sentence_good": "He is.", "sentence_bad": "He are.", "linguistics_term": "agreement", "UID": "u", "pairID": "0"}


def test_blimp_is_read_paradigm_by_paradigm(tmp_path) -> None:
    file = blimp(tmp_path, [ROW, {**ROW, "pairID": "1"}])
    pairs = read_blimp(file)
    assert [pair.name for pair in pairs] == ["first/0", "first/1", "u/0", "u/1"]
    assert pairs[0] == MinimalPair(good="He is.", bad="He are.", group="agreement", name="first/0")
    assert [pair.name for pair in read_blimp(file, each=1)] == ["first/0", "u/0"]


def test_what_is_no_blimp_and_what_does_not_fit_is_refused(tmp_path) -> None:
    (tmp_path / "text").write_text("no archive")
    without_a_field = blimp(tmp_path, [{"UID": "u"}])
    for file in (tmp_path / "text", tmp_path / "absent", without_a_field):
        with pytest.raises(EtymonError, match="no archive of minimal pairs"):
            read_blimp(file)
    with pytest.raises(EtymonError, match="no minimal pairs to judge"):
        minimal_pairs(Bigram(), BYTES, [])
    with pytest.raises(EtymonError, match="does not fit"):
        sentence_scores(Neighbours(), BYTES, ["a" * 81])
    with pytest.raises(EtymonError, match="is empty"):
        sentence_scores(Neighbours(), BYTES, [""])
    other = Bigram()
    other.vocabulary = 300
    with pytest.raises(EtymonError, match="do not belong together"):
        minimal_pairs(other, BYTES, agreement_pairs(NOUNS, nouns_between=(0,), each=2))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_pairs_of_agreement_differ_in_the_verb_alone_and_favour_no_number(count) -> None:
    pairs = agreement_pairs(NOUNS, nouns_between=(count,), each=40)
    assert len(pairs) == (80 if count else 40)
    number = {word: plural for pair in NOUNS for plural, word in enumerate(pair)}
    verbs = {"is": 0, "was": 0, "has": 0, "are": 1, "were": 1, "have": 1}
    plural_subjects = 0
    for pair in pairs:
        good, bad = pair.good.split(), pair.bad.split()
        different = [at for at, (a, b) in enumerate(zip(good, bad, strict=True)) if a != b]
        assert different == [2 + 3 * count]
        nouns = [number[word] for word in good if word in number]
        assert pair.group.startswith(f"{3 * count} words")
        assert verbs[good[different[0]]] == nouns[0] != verbs[bad[different[0]]]
        assert set(nouns[1:]) <= {nouns[0] ^ int("the other" in pair.group)}
        plural_subjects += nouns[0]
    assert plural_subjects * 2 == len(pairs)
    assert pairs == agreement_pairs(NOUNS, nouns_between=(count,), each=40)
    assert pairs != agreement_pairs(NOUNS, nouns_between=(count,), each=40, seed=1)


def test_pairs_of_agreement_from_too_little_are_refused() -> None:
    with pytest.raises(EtymonError, match="two nouns or more"):
        agreement_pairs(NOUNS[:1])
    with pytest.raises(EtymonError, match="two nouns or more"):
        agreement_pairs(NOUNS, each=3)
    with pytest.raises(EtymonError, match="4 nouns between"):
        agreement_pairs(NOUNS[:4], nouns_between=(4,))
