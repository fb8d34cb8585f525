"""Families are found by name, without importing what is not asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from etymon.errors import EtymonError
from etymon.models import NgramSettings, families, family
from etymon.models.family import ENTRY_POINTS


def with_entry_point(monkeypatch, name, value):
    point = metadata.EntryPoint(name=name, value=value, group=ENTRY_POINTS)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point])


def test_every_generation_is_listed_in_the_order_of_time():
    expected = ["ngram", "rnn", "lstm", "gru", "gpt1", "gpt", "gpt3", "palm", "llama", "bert", "xlnet"]
    assert list(families())[: len(expected)] == expected


def test_listing_families_and_counting_n_grams_imports_no_torch():
    program = (
        "import sys, numpy as np; from etymon.models import NgramSettings, families, family; list(families());"
        "m = family('ngram').estimate(NgramSettings(order=2), 3, np.array([2, 0, 1, 2]), 2, lambda *_: None);"
        "m.next_log_probs(np.array([[0]])); print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_an_unknown_family_is_told_with_the_nearest_name():
    with pytest.raises(EtymonError) as told:
        family("ngrams")
    assert "did you mean ngram?" in str(told.value)


def test_another_package_may_add_a_family(monkeypatch):
    with_entry_point(monkeypatch, "mine", "etymon.models.ngram:FAMILY")
    assert family("mine").title.startswith("n-gram")


def test_an_entry_point_that_names_no_family_is_refused(monkeypatch):
    with_entry_point(monkeypatch, "mine", "etymon.models.ngram:NgramModel")
    with pytest.raises(EtymonError, match="is not a Family"):
        family("mine")


def test_two_packages_may_not_claim_one_name(monkeypatch):
    with_entry_point(monkeypatch, "ngram", "elsewhere:FAMILY")
    with pytest.raises(EtymonError, match="Two installed packages"):
        families()


def test_a_family_whose_package_is_not_installed_says_which_to_install(monkeypatch):
    with_entry_point(monkeypatch, "mine", "no_such_package.model:FAMILY")
    with pytest.raises(EtymonError, match="needs the package no_such_package"):
        family("mine")


def test_the_order_of_an_n_gram_preset_follows_from_the_kind_of_token():
    preset = family("ngram").preset
    assert (preset(1e6, 257).order, preset(1e6, 4096).order) == (7, 5)


def test_the_counts_of_an_n_gram_family_bound_what_a_text_can_give():
    counts = family("ngram").counts(NgramSettings(order=3), 10, 50)
    assert counts.parameters == 10 + 50 + 50 + 1 + 10 + 50
