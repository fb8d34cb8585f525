"""Hypothesis strategies: recipes with any values that settings may have."""

from __future__ import annotations

from example_recipe import Models, Network, Probing, Recipe, Training
from hypothesis import strategies as st

finite = {"allow_nan": False, "allow_infinity": False}
heads = st.integers(1, 64)
networks = heads.flatmap(
    lambda h: st.builds(
        Network,
        layers=st.integers(1, 96),
        heads=st.just(h),
        width=st.integers(1, 1000).map(lambda n: n * h),
        dropout=st.floats(0, 1, exclude_max=True),
    )
)
trainings = st.builds(
    Training,
    learning_rate=st.floats(0, exclude_min=True, **finite),
    optimizer=st.sampled_from(["adamw", "muon"]),
    batch=st.integers(1, 2**63 - 1),
    memory=st.integers(1 << 20, 2**63 - 1),
    compute=st.none() | st.floats(1, 1e307),
    strict=st.booleans(),
)
probings = st.builds(
    Probing,
    every=st.floats(1, 1e307) | st.integers(1, 10**8).map(float),
    note=st.none() | st.text().filter("none".__ne__),
)
recipes = st.builds(
    Recipe,
    seed=st.integers(0, 2**63 - 1),
    budget=st.floats(60, 30 * 86_400) | st.integers(60, 30 * 86_400).map(float),
    families=st.lists(st.sampled_from(["ngram", "gpt", "lstm"])).map(tuple),
    sizes=st.lists(st.integers(1, 2**63 - 1), max_size=3).map(tuple),
    prompt=st.text(),
    training=trainings,
    probing=st.none() | probings,
    models=st.builds(Models, gpt=networks, lstm=networks),
)
