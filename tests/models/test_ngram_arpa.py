"""ARPA files: what is written says what the model says, what is read scores as written, and broken lines are named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ngram import END, VOCABULARY, batch_of, contexts, documents, english_like, orders, stream_of

from etymon.errors import EtymonError
from etymon.models import NgramSettings, estimate_ngram, load, read_arpa, save, write_arpa
from etymon.storage import Store

NAMES = ["a", "b", "c", "d", "é\u00a0\u2028x", "</s>", "<unk>"]
FITTING = ["modified-kneser-ney", "kneser-ney", "witten-bell", "katz"]


def model_of(texts, order, smoothing="modified-kneser-ney", **more):
    return estimate_ngram(NgramSettings(order=order, smoothing=smoothing, **more), VOCABULARY, stream_of(texts), END)


def written(model, names=NAMES):
    return "".join(write_arpa(model, names))


def read(text):
    return read_arpa(text.split("\n"), "model.arpa")


@pytest.mark.parametrize("smoothing", FITTING)
@given(texts=documents, order=orders, row=contexts, targets=st.lists(st.integers(0, 6), min_size=8, max_size=8))
@settings(max_examples=40, deadline=None)
def test_a_model_that_was_written_and_read_says_what_it_said(smoothing, texts, order, row, targets):
    model = model_of(texts, order, smoothing)
    again, names = read(written(model))
    assert names == NAMES and again.settings.order == order and again.settings.smoothing == "imported"
    batch = batch_of(row, targets[: len(row)])
    np.testing.assert_allclose(again.log_probs(batch), model.log_probs(batch), atol=1e-7)
    both = [each.next_log_probs(np.array([row]))[0] for each in (model, again)]
    np.testing.assert_allclose(both[1], both[0], atol=1e-7)


@given(texts=documents, order=orders, smoothing=st.sampled_from(FITTING))
@settings(max_examples=40, deadline=None)
def test_reading_and_writing_again_changes_no_line(texts, order, smoothing):
    text = written(model_of(texts, order, smoothing))
    again, names = read(text)
    assert written(again, names) == text


def test_a_pruned_model_is_written_as_it_is():
    model = estimate_ngram(NgramSettings(order=4, prune=(0, 0, 1)), 42, stream_of(english_like(2, 900), 41), 41)
    again, _ = read(written(model, [*(f"w{i}" for i in range(41)), "</s>"]))
    text = [41, *english_like(3, 300)[0]]
    batch = batch_of(text[:-1], text[1:])
    np.testing.assert_allclose(again.log_probs(batch), model.log_probs(batch), atol=1e-7)


def test_an_imported_model_comes_back_from_its_artifact(tmp_path):
    model, _ = read(written(model_of([[0, 1, 2], [0, 1, 3]], 3)))
    with Store.at(tmp_path).create("model", {}, {}, stage_version=1) as draft:
        save(draft, model)
        again = load(draft.seal())
    batch = batch_of([END, 0, 1], [0, 1, 4])
    assert again.log_probs(batch).tobytes() == model.log_probs(batch).tobytes()


BY_HAND = """\\data\\
ngram 1=4
ngram 2=3

\\1-grams:
-0.5\ta\t-0.25
-99\t<s>\t-0.125
-1\t</s>
-2\tb\t0

\\2-grams:
-0.0625\t<s> a
-0.375\ta </s>
-0.75\ta b

\\end\\
"""


def test_a_file_written_by_hand_is_scored_as_its_numbers_say():
    model, names = read(BY_HAND)
    assert names == ["a", "</s>", "b"]
    a, end, b = range(3)
    found = model.log_probs(batch_of([end, a, b, a, end], [a, b, a, end, b]))[0] / np.log(10)
    # <s> a, a b, then b a backs off from b (0), a </s>, and <s> b backs off from <s>.
    np.testing.assert_allclose(found, [-0.0625, -0.75, -0.5, -0.375, -0.125 - 2], atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("-0.5\ta", "x\ta", 6, "'x' is no number"),
        ("-0.5\ta", "0.5\ta", 6, "no log10 of a probability"),
        ("-0.5\ta", "nan\ta", 6, "no log10 of a probability"),
        ("-2\tb\t0", "-2\tb\tinf", 9, "no log10 of a share"),
        ("-2\tb\t0", "-2\tb\t0\t0", 9, "holds 4 fields"),
        ("-2\tb\t0", "-2\ta\t0", 9, "'a' stands twice"),
        ("-1\t</s>\n", "-1\tc\n", 11, "</s> is not among the 1-grams"),
        ("ngram 1=4", "ngram 1=5", 11, "There are 4 1-grams"),
        ("ngram 2=3", "ngram 3=3", 3, "does not say how many 2-grams"),
        ("\\2-grams:", "\\3-grams:", 11, "stands where"),
        ("a b\n", "a c\n", 14, "'c' is not among the 1-grams"),
        ("a b\n", "a </s>\n", 14, "This 2-gram stands twice"),
        ("a b\n", "a <s>\n", 14, "<s> can only begin"),
        ("a b\n", "a\n", 14, "holds 2 fields"),
        ("\\end\\\n", "", 16, "ends too early"),
    ],
)
def test_a_broken_line_is_named(old, new, line, says):
    with pytest.raises(EtymonError) as told:
        read(BY_HAND.replace(old, new, 1))
    assert f"model.arpa:{line}\n" in f"{told.value}\n" and says in str(told.value)


def test_a_context_that_is_missing_is_named():
    text = written(model_of([[0, 1, 2]], 3)).split("\n")
    gone = next(i for i, line in enumerate(text) if line.split("\t")[1:2] == ["a b"])
    text[gone] = text[gone].replace("a b", "b a")
    with pytest.raises(EtymonError, match="context of this 3-gram is not among the 2-grams"):
        read("\n".join(text))


@pytest.mark.parametrize("smoothing", ["maximum-likelihood", "add-k"])
def test_what_is_no_back_off_model_is_refused(smoothing):
    with pytest.raises(EtymonError, match="fits in no ARPA file"):
        written(model_of([[0, 1]], 2, smoothing))


@pytest.mark.parametrize("wrong", ["a b", "", "<s>", "\t"])
def test_names_that_cannot_stand_in_a_file_are_refused(wrong):
    with pytest.raises(EtymonError, match="cannot be a word of an ARPA file"):
        written(model_of([[0, 1]], 2), [wrong, *NAMES[1:]])
    with pytest.raises(EtymonError, match="do not fit the model"):
        written(model_of([[0, 1]], 2), ["a", "a", *NAMES[2:]])
