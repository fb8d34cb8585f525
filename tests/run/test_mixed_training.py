"""Training on a mixture: asked shares are the realised ones, after every stop too, and what cannot be had is told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from small_runs import Heard, paragraphs, run

from etymon.errors import EtymonError, Interrupted
from etymon.run.balance import balance_of, trained_on
from etymon.run.drawing import domain_tokens, loader_of
from etymon.run.uses import read_by
from etymon.storage import Artifact, Store
from etymon.tokens import open_shards
from harness import whole_job
from harness.kills import Killer, Target

TINY = (
    "tokenizer.vocabulary=300",
    "sampling.max_tokens=8",
    "models.gpt.width=16",
    "models.gpt.layers=1",
    "models.gpt.heads=2",
    "training.gpt.length=8",
    "training.gpt.batch_tokens=64",
    "training.gpt.snapshots=3",
)
WEIGHTS = {"small": 0.6, "middle": 0.3, "large": 0.1}
BUDGET, OFTEN = "7e8FLOP", "training.gpt.checkpoint_seconds=0s"
BY_HAND = "mixture.weights=small=0.6,middle=0.3,large=0.1"


def make_domains(folder: Path) -> Path:
    """Three domains, 1 : 3 : 9 in size."""
    for seed, (name, size) in enumerate({"small": 12, "middle": 36, "large": 108}.items()):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            (folder / name / f"{number}.txt").write_text(paragraphs(size // 3, 10 * seed + number))
    return folder


@pytest.fixture(scope="module")
def domains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_domains(tmp_path_factory.mktemp("domains") / "text")


def trained(store: Store, text: Path, *settings: str, budget: str = BUDGET, heard: Heard | None = None) -> Artifact:
    return run(store, text, *TINY, *settings, families="gpt", budget=budget, narrator=heard).models["gpt"]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory, domains: Path) -> tuple[Store, Artifact]:
    store = Store.at(tmp_path_factory.mktemp("mixed") / "store")
    return store, trained(store, domains, BY_HAND)


def counted(store: Store, model: Artifact) -> Counter[str]:
    """The targets of each domain in the batches of the model's training, by the documents that they are of."""
    stream, training = open_shards(store.open(model.inputs["shards"]))["train"], model.recipe["training"]
    rows = training["batch_tokens"] // training["length"]
    loader = loader_of(
        stream,
        length=training["length"],
        rows=rows,
        seed=model.recipe["seed"],
        order="shuffle",
        shares=model.recipe.get("mixture"),
    )
    read = Counter[str]()
    for step in range(model.statistics["steps"]):
        batch = loader.batch(step)
        read.update(stream.domains[number] for number in batch.documents[batch.weights > 0].tolist())
    return read


def saved(store: Store, count: int) -> Callable[[], bool]:
    seen = set[str]()

    def stop() -> bool:
        seen.update(path.name for path in store.root.glob("runs/small/checkpoints/*/step-*"))
        return len(seen) >= count

    return stop


def test_realised_shares_are_within_a_thousandth_of_those_asked_for(mixed: tuple[Store, Artifact]) -> None:
    store, model = mixed
    read = counted(store, model)
    assert read.total() == model.statistics["tokens"] >= 1000 * 8
    told = {row["domain"]: row for row in model.statistics["mixture"]["domains"]}
    sizes = domain_tokens(open_shards(store.open(model.inputs["shards"]))["train"])
    for domain, share in WEIGHTS.items():
        assert read[domain] / read.total() == pytest.approx(share, abs=0.001)
        assert told[domain]["asked"] == told[domain]["weight"] == pytest.approx(share)
        assert told[domain]["tokens"] == read[domain]
        assert told[domain]["epochs"] == pytest.approx(read[domain] / sizes[domain])
    assert model.statistics["mixture"]["told"] == []


def test_the_report_shows_what_was_read_kept_and_trained_on(mixed: tuple[Store, Artifact]) -> None:
    store, model = mixed
    sides = json.loads((store.root / "runs/small/report.json").read_text())["balance"]["sides"]
    assert [side["title"] for side in sides] == ["as read", "kept", "as trained (gpt)"]
    assert sides[1]["domains"]["large"] > 0.6 and sides[0]["sample"]["documents"] > 0
    assert sides[2]["domains"] == pytest.approx(WEIGHTS, abs=0.001)
    assert sides[2]["mixture"] == model.statistics["mixture"]["domains"]
    corpus = store.open(store.open(model.inputs["shards"]).inputs["corpus"])
    again = balance_of(store, corpus, trained_on(store, corpus))["sides"]
    assert [side["title"] for side in again] == ["as read", "kept", "as trained (small/gpt)"]
    assert again[1] == sides[1]
    for row in again[2]["audit"]:
        assert 0 <= row["low"] <= row["mean"] <= row["high"] and row["n"] == again[2]["sample"]["documents"]


def test_a_stopped_training_on_a_mixture_ends_in_the_same_bits_and_shares(
    mixed: tuple[Store, Artifact], domains: Path, tmp_path: Path
) -> None:
    store = Store.at(tmp_path / "store")
    for count in (2, 3):
        with pytest.raises(Interrupted):
            run(
                store, domains, *TINY, BY_HAND, OFTEN, families="gpt", budget=BUDGET, stop_requested=saved(store, count)
            )
    model = trained(store, domains, BY_HAND)
    assert (model.id, model.content_hash) == (mixed[1].id, mixed[1].content_hash)
    assert model.statistics["mixture"] == mixed[1].statistics["mixture"]
    read = counted(store, model)
    assert all(read[domain] / read.total() == pytest.approx(share, abs=0.001) for domain, share in WEIGHTS.items())


@pytest.mark.ci
def test_a_killed_training_on_a_mixture_ends_in_the_same_bits(domains: Path, tmp_path: Path) -> None:
    settings = ("families=lstm,gpt", BY_HAND)
    targets = [Target("train gpt: backward", entry=7), Target("train gpt: save", operation=30)]
    with Killer(imports=whole_job.IMPORTS) as killer:
        models: list[dict[str, Artifact]] = []
        for name, struck in (("killed", targets), ("alone", [])):
            root = tmp_path / name
            words = whole_job.arguments(root, domains, *settings)
            ends = whole_job.kill_until_done(killer, words, struck, whole_job.Seen(root).check)
            assert len(ends) == len(struck)
            models.append({model.name: model for model in Store.at(root).artifacts("model")})
    killed, alone = ({name: (each.id, each.content_hash) for name, each in made.items()} for made in models)
    assert killed == alone and len(killed) == 2
    assert all(model.recipe["mixture"] == pytest.approx(WEIGHTS) for model in models[0].values())


def test_the_weights_are_part_of_a_models_recipe_and_nothing_changes_without_any(
    mixed: tuple[Store, Artifact], domains: Path
) -> None:
    store, model = mixed
    assert model.recipe["mixture"] == pytest.approx(WEIGHTS)
    plain = trained(store, domains)
    assert plain.id != model.id
    assert "mixture" not in plain.recipe and "mixture" not in plain.statistics
    assert {key: value for key, value in model.recipe.items() if key != "mixture"} == plain.recipe


def test_a_temperature_gives_small_domains_more(store: Store, domains: Path) -> None:
    model = trained(store, domains, "mixture.temperature=2", budget="5e7FLOP")
    sizes = domain_tokens(open_shards(store.open(model.inputs["shards"]))["train"])
    total = sum(size**0.5 for size in sizes.values())
    assert model.recipe["mixture"] == pytest.approx({name: size**0.5 / total for name, size in sizes.items()})


def test_what_a_domain_cannot_give_is_read_of_the_others_and_told(mixed: tuple[Store, Artifact], domains: Path) -> None:
    store, free = mixed
    most = round({row["domain"]: row["epochs"] for row in free.statistics["mixture"]["domains"]}["small"] / 2, 1)
    heard = Heard()
    settings = (*TINY, BY_HAND, f"mixture.most_epochs={most}")
    outcome = run(store, domains, *settings, families="gpt", name="limited", budget=BUDGET, narrator=heard)
    model = outcome.models["gpt"]
    rows = {row["domain"]: row for row in model.statistics["mixture"]["domains"]}
    assert rows["small"]["weight"] < 0.4 < rows["small"]["asked"]
    assert 0.95 * most < rows["small"]["epochs"] < 1.02 * most
    assert rows["middle"]["weight"] / rows["large"]["weight"] == pytest.approx(3)
    (told,) = model.statistics["mixture"]["told"]
    assert told.startswith("small: 60.00% was asked for and") and f"{most:g} times all of its text" in told
    assert any(told in line for line in heard.said)
    assert [told in event["text"] for event in outcome.data["events"] if event["event"] == "mixture"] == [True]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["mixture.weights=small=1,nowhere=1"], "no text of the domain nowhere"),
        (["mixture.weights=small=-1,middle=1"], "small=-1"),
        (["mixture.weights=small=0,middle=0"], "every domain 0"),
        (["mixture.weights=small"], "DOMAIN=NUMBER"),
        (["mixture.weights=small=1,small=2"], "names small twice"),
        ([BY_HAND, "mixture.temperature=2"], "cannot both"),
        (["mixture.weights=small=1", "mixture.most_epochs=1"], "text is too short"),
    ],
)
def test_what_cannot_be_mixed_is_refused_before_anything_is_trained(
    settings: list[str], says: str, domains: Path, tmp_path: Path
) -> None:
    store = Store.at(tmp_path / "store")
    with pytest.raises(EtymonError) as refusal:
        trained(store, domains, *settings)
    assert says in str(refusal.value)
    assert store.artifacts("model") == []


def test_a_mixture_of_an_ngram_alone_would_do_nothing_and_is_refused(store: Store, domains: Path) -> None:
    with pytest.raises(EtymonError, match=r"mixture\.weights is set, but no network is trained"):
        run(store, domains, BY_HAND, families="ngram")


def test_a_document_of_a_domain_without_a_share_was_not_read(store: Store, domains: Path) -> None:
    model = trained(store, domains, "mixture.weights=large=1", budget="5e7FLOP")
    shards = store.open(model.inputs["shards"])
    stream = open_shards(shards)["train"]
    of = {
        name: [id for id, domain in zip(stream.documents, stream.domains, strict=True) if domain == name]
        for name in WEIGHTS
    }
    assert read_by(model, shards, of["small"])[0] == 0
    assert len(of["large"]) * 0.5 < read_by(model, shards, of["large"])[0] <= len(of["large"])
