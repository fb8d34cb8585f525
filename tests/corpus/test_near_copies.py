"""Near duplicates: what is dropped is like what stays, the stated one stays, and partitions do not matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from etymon.corpus.near import PRESETS, Copies, NearSettings, Words, find_copies, jaccard, shingles, signatures
from etymon.corpus.near.clusters import clusters
from etymon.corpus.near.edges import ends, find_edges

SMALL = NearSettings(bands=4, rows=2, threshold=0.7, verify=True)
PUBLISHED = NearSettings(bands=4, rows=2, threshold=0.0, verify=False)
FORMS = NDArray[np.int64]


def nothing(wanted: NDArray[np.bool_]) -> Iterable[tuple[int, Words]]:
    raise AssertionError("without verification no text is read again")


def copies_of(texts: list[str], how: NearSettings = PRESETS["default"], batch: int = 100, **more: object) -> Copies:
    def signed() -> Iterator[NDArray[np.uint32]]:
        for start in range(0, len(texts), batch):
            yield signatures(texts[start : start + batch], how)

    def shingled(wanted: NDArray[np.bool_]) -> Iterator[tuple[int, Words]]:
        for number in np.flatnonzero(wanted).tolist():
            yield number, shingles([texts[number]])[0]

    return find_copies(len(texts), signed(), how, shingled if how.verify else nothing, **more)


def words_of(random: np.random.Generator, count: int) -> list[str]:
    """Words that nobody else has."""
    return [f"w{number}" for number in random.integers(0, 10**12, count)]


def windows(random: np.random.Generator, count: int, step: int, length: int = 200) -> list[str]:
    """Texts of which each begins `step` words after the one before: neighbours are alike, the ends are not."""
    words = words_of(random, count * step + length)
    return [" ".join(words[place * step : place * step + length]) for place in range(count)]


def family(random: np.random.Generator, size: int, changed: int, length: int = 300) -> list[str]:
    """A text and copies of it in which some of the last words are others."""
    words = words_of(random, length - changed)
    return [" ".join([*words, *words_of(random, changed)]) for _ in range(size)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 50), st.integers(1, 40), st.sampled_from([SMALL, PUBLISHED]))
def test_batches_and_partitions_do_not_change_the_result(
    seed: int, batch: int, partition: int, how: NearSettings
) -> None:
    random = np.random.default_rng(seed)
    texts = [*windows(random, 12, 30, 60), *family(random, 5, 9, 60), "", "few words"]
    texts = [texts[number] for number in random.permutation(len(texts))]
    one, two = copies_of(texts, how), copies_of(texts, how, batch, partition=partition)
    assert np.array_equal(one.partners, two.partners)
    assert np.array_equal(one.similarities, two.similarities)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_what_is_dropped_is_like_a_document_that_stays(seed: int, preferred: bool) -> None:
    random = np.random.default_rng(seed)
    texts = [*windows(random, 10, 20), *family(random, 4, 20), *family(random, 3, 120)]
    preference = random.integers(0, 3, len(texts)) if preferred else None
    copies = copies_of(texts, preference=preference)
    sets = shingles(texts)
    for number, partner in enumerate(copies.partners.tolist()):
        assert copies.partners[partner] == partner
        if partner != number:
            assert copies.similarities[number] == jaccard(sets[number], sets[partner]) >= 0.7
            if preference is None:
                assert partner < number
            else:
                assert (-preference[partner], partner) < (-preference[number], number)


def test_the_preferred_copy_stays_and_the_first_of_equals() -> None:
    texts = family(np.random.default_rng(1), 5, 10)
    assert copies_of(texts).partners.tolist() == [0] * 5
    assert copies_of(texts, preference=np.array([0, 1, 2, 2, 0])).partners.tolist() == [2] * 5
    lengths = np.array([1.5, 0.5, 9.5, -1.0, 0.0])
    assert copies_of(texts, PRESETS["fineweb"], preference=lengths).partners.tolist() == [2] * 5


def test_a_chain_is_one_cluster_as_published_but_verified_nobody_goes_without_a_like() -> None:
    texts = windows(np.random.default_rng(2), 40, 10)
    published, verified = copies_of(texts, PRESETS["fineweb"]), copies_of(texts)
    sets = shingles(texts)
    assert set(published.partners.tolist()) == {0}
    assert jaccard(sets[0], sets[-1]) == 0.0 == published.similarities[-1]
    kept = np.flatnonzero(verified.partners == np.arange(40))
    assert len(kept) >= 8
    assert (np.diff(kept) > 2).all()


def test_an_unverified_similarity_is_an_estimate_of_the_true_one() -> None:
    texts = family(np.random.default_rng(3), 2, 20)
    copies = copies_of(texts, NearSettings(bands=400, rows=4, threshold=0.0, verify=False))
    assert copies.similarities[1] == pytest.approx(jaccard(*shingles(texts)), abs=0.03)


def test_texts_without_words_are_nobodys_copies() -> None:
    for how in PRESETS.values():
        copies = copies_of(["", "", "four words are few", "four words are few"], how)
        assert copies.partners.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("how", PRESETS.values(), ids=PRESETS)
def test_an_empty_corpus_has_no_copies(how: NearSettings) -> None:
    assert len(copies_of([], how).partners) == 0


def test_one_bucket_of_all_documents_costs_two_pairs_a_document() -> None:
    count = 200_000
    keys = np.full(count, 7, np.uint64)
    edges = find_edges([keys, keys, keys], partition=1000)
    earlier, later = ends(edges)
    assert len(edges) == 2 * count - 3
    assert (earlier < later).all()
    assert not clusters(count, edges).any()


@given(st.lists(st.lists(st.integers(0, 6), min_size=25, max_size=25), min_size=1, max_size=4), st.integers(1, 30))
def test_clusters_are_the_connected_components_of_shared_keys(bands: list[list[int]], partition: int) -> None:
    edges = find_edges([np.array(keys, np.uint64) for keys in bands], partition)
    expected = list(range(25))
    for _ in range(25):
        for keys in bands:
            for a in range(25):
                for b in range(25):
                    if keys[a] == keys[b] != 0:
                        expected[a] = expected[b] = min(expected[a], expected[b])
    assert clusters(25, edges).tolist() == expected


def test_a_long_chain_in_any_order_is_one_cluster() -> None:
    order = np.random.default_rng(4).permutation(20_000).astype(np.uint64)
    low, high = np.minimum(order[1:], order[:-1]), np.maximum(order[1:], order[:-1])
    assert not clusters(20_000, high << np.uint64(32) | low).any()


@pytest.mark.parametrize(("how", "least"), [("default", 0.99), ("fineweb", 0.0)])
def test_planted_copies_are_found_as_often_as_the_formula_says(how: str, least: float) -> None:
    random = np.random.default_rng(5)
    pairs = [family(random, 2, int(changed)) for changed in random.integers(10, 51, 400)]
    copies = copies_of([text for pair in pairs for text in pair], PRESETS[how])
    alike = np.array([jaccard(*shingles(pair)) for pair in pairs])
    chances = PRESETS[how].chance(alike)
    found = copies.partners[1::2] == np.arange(0, 800, 2)
    asked = alike >= max(PRESETS[how].threshold, 0.5)
    spread = (chances * (1 - chances))[asked].sum() ** 0.5
    assert abs(found[asked].sum() - chances[asked].sum()) <= 5 * spread + 1
    assert found[asked].mean() >= least
    assert not (found & (alike < PRESETS[how].threshold)).any()
