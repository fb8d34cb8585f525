"""The main job as a whole: what it makes of text, what it makes again, and what it goes on with."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_runs import Heard, paragraphs, run

from etymon.corpus import Corpus
from etymon.errors import EtymonError, Interrupted
from etymon.models import load
from etymon.run import Outcome
from etymon.storage import Artifact, Store

Three = tuple[Store, Outcome, Heard]
FAMILIES = ("ngram", "lstm", "gpt")


def fill_with_many_kinds(folder: Path) -> set[str]:
    """A folder as people have them; the names of all files in it."""
    rows = paragraphs(6, 5).split("\n\n")
    (folder / "sub").mkdir(parents=True)
    (folder / "novel.txt").write_text(paragraphs(8, 1))
    (folder / "notes.md").write_text("# Notes\n\n" + paragraphs(3, 2))
    (folder / "sub" / "page.html").write_text(f"<html><body><main><p>{rows[0] * 3}</p></main></body></html>")
    (folder / "lines.jsonl").write_text("\n".join([*(json.dumps({"text": row}) for row in rows), '{"text": "cut']))
    (folder / "table.csv").write_text("id,text\n" + "".join(f"{n},{row[::-1]}\n" for n, row in enumerate(rows)))
    pq.write_table(pa.table({"text": [row.upper() for row in rows], "n": [1] * len(rows)}), folder / "rows.parquet")
    (folder / "code.py").write_text("def one():\n    return 1  # the smallest function there is\n")
    (folder / "old.txt.gz").write_bytes(gzip.compress(paragraphs(3, 3).encode()))
    (folder / "cut.txt.gz").write_bytes(gzip.compress(paragraphs(9, 4).encode())[:-20])
    (folder / "sub" / "copy.txt").write_text((folder / "novel.txt").read_text())
    (folder / "tiny.txt").write_text("short")
    (folder / "empty.txt").write_text("")
    (folder / "picture.png").write_bytes(bytes(range(256)) * 4)
    (folder / "bundle.zip").write_bytes(b"PK\3\4" + bytes(40))
    (folder / ".hidden.txt").write_text(paragraphs(2, 6))
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_folder_of_many_kinds_of_files_runs_and_accounts_for_each(store: Store, tmp_path: Path) -> None:
    names = fill_with_many_kinds(tmp_path / "mixed")
    outcome = run(store, tmp_path / "mixed")
    decisions = list(Corpus.open(outcome.corpus).decisions())
    passed_over = {each["path"] for each in outcome.corpus.statistics["passed_over"]}
    assert {decision.source_file for decision in decisions} | passed_over == names
    assert passed_over == {".hidden.txt"}

    by_file = {decision.source_file: decision for decision in decisions}
    assert by_file["tiny.txt"].rule == "too short" and by_file["sub/copy.txt"].rule == "exact duplicate"
    quarantined = {decision.source_file for decision in decisions if decision.outcome == "quarantined"}
    assert quarantined == {"lines.jsonl", "cut.txt.gz", "empty.txt", "picture.png", "bundle.zip"}
    kept = {decision.source_file for decision in decisions if decision.outcome == "kept"}
    assert {"novel.txt", "notes.md", "table.csv", "rows.parquet", "code.py", "old.txt.gz", "lines.jsonl"} <= kept
    assert conserved(outcome.data["corpus"]["documents"]) and conserved(outcome.data["corpus"]["bytes"])
    assert len(decisions) == outcome.data["corpus"]["documents"]["in"]


def conserved(counts: dict[str, Any]) -> bool:
    """in = kept + dropped + quarantined."""
    return counts["in"] == counts["kept"] + sum(counts["dropped"].values()) + sum(counts["quarantined"].values())


def test_two_kilobytes_are_enough_for_all_three_families(three: Three) -> None:
    store, outcome, _ = three
    assert tuple(outcome.models) == FAMILIES
    assert all(row["bits_per_byte"]["mean"] > 0 for row in outcome.data["models"])
    assert store.verify() == []
    assert outcome.report.read_text().startswith("<!doctype html>")


def test_the_report_is_conserved_and_is_what_the_run_gives_back(three: Three) -> None:
    _, outcome, _ = three
    report = json.loads((outcome.report.parent / "report.json").read_bytes())
    assert report == json.loads(json.dumps(outcome.data))
    assert conserved(report["corpus"]["documents"]) and conserved(report["corpus"]["bytes"])
    splits = report["corpus"]["splits"]
    assert sum(split["documents"] for split in splits) == report["corpus"]["documents"]["kept"]
    assert sum(split["bytes"] for split in splits) == report["corpus"]["bytes"]["kept"]
    assert [row["family"] for row in report["models"]] == list(FAMILIES)
    assert sum(row["best"] for row in report["models"]) == 1


def test_all_families_are_measured_on_the_same_documents(three: Three) -> None:
    store, outcome, _ = three
    results = [store.open(f"small/measurement/{name}").read_json("result.json") for name in FAMILIES]
    assert all(result["items"] == results[0]["items"] for result in results)
    test_documents = [document.id for document in Corpus.open(outcome.corpus).documents("test")]
    assert results[0]["items"] == test_documents


def test_every_artifact_of_a_run_descends_from_its_corpus(three: Three) -> None:
    store, outcome, _ = three
    for artifact in store.artifacts():
        assert artifact == outcome.corpus or outcome.corpus in store.lineage(artifact)


def test_a_budget_of_arithmetic_gives_the_same_bytes_in_a_fresh_store(three: Three, store: Store, text: Path) -> None:
    _, outcome, _ = three
    again = run(store, text, families="ngram,lstm,gpt")
    assert again.corpus == outcome.corpus
    for name in FAMILIES:
        assert again.models[name].id == outcome.models[name].id
        assert again.models[name].content_hash == outcome.models[name].content_hash
    assert [row["bits_per_byte"] for row in again.data["models"]] == [
        row["bits_per_byte"] for row in outcome.data["models"]
    ]


def test_the_same_request_again_reuses_everything_and_says_so(three: Three, text: Path) -> None:
    store, outcome, _ = three
    before, heard = store.artifacts(), Heard()
    again = run(store, text, families="ngram,lstm,gpt", narrator=heard)
    roles = {"corpus", "tokenizer", "shards"} | {
        f"{kind}/{name}" for kind in ("model", "measurement") for name in FAMILIES
    }
    assert heard.reused == roles
    assert again.models == outcome.models
    assert store.artifacts() == before


@pytest.mark.parametrize(
    ("setting", "reused"),
    [
        ("sampling.temperature=0.5", {"corpus", "tokenizer", "shards", "model/ngram", "measurement/ngram"}),
        ("prompt=The model", {"corpus", "tokenizer", "shards", "model/ngram", "measurement/ngram"}),
        ("models.ngram.order=3", {"corpus", "tokenizer", "shards"}),
        ("seed=7", {"corpus", "tokenizer", "shards"}),
        ("tokenizer.vocabulary=270", {"corpus"}),
        ("corpus.minimum_bytes=30", set[str]()),
    ],
)
def test_a_changed_setting_makes_again_only_what_depends_on_it(
    store: Store, text: Path, setting: str, reused: set[str]
) -> None:
    run(store, text)
    heard = Heard()
    run(store, text, setting, narrator=heard)
    assert heard.reused == reused


def test_a_changed_file_makes_a_new_corpus_and_a_touched_one_does_not(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text(paragraphs(10, 1))
    first = run(store, path)
    path.touch()
    assert run(store, path).corpus == first.corpus
    path.write_text(paragraphs(11, 1))
    heard = Heard()
    assert run(store, path, narrator=heard).corpus != first.corpus
    assert heard.reused == set()
    assert store.open(first.corpus.id).verify() == []


@pytest.fixture
def new_text(tmp_path: Path) -> Path:
    """Text that nobody has read before."""
    path = tmp_path / "new.txt"
    path.write_text(paragraphs(8, 2).replace("model", "ocean").replace("text", "ship"))
    return path


@pytest.mark.parametrize("name", ["lstm", "gpt"])
def test_a_run_that_goes_on_starts_from_the_weights_and_the_tokenizer_of_the_earlier_model(
    three: Three, new_text: Path, name: str
) -> None:
    store, outcome, _ = three
    earlier = outcome.models[name]
    still = run(store, new_text, f"training.{name}.learning_rate=0", name=f"still-{name}", initial=f"small/{name}")
    assert tuple(still.models) == (name,)
    assert still.models[name].inputs["initial"] == earlier.id
    assert still.models[name].inputs["tokenizer"] == earlier.inputs["tokenizer"]
    assert weights(still.models[name]) == weights(earlier)  # it learned nothing, at a rate of nothing

    moved = run(store, new_text, name=f"moved-{name}", initial=earlier.id)
    assert weights(moved.models[name]) != weights(earlier)
    assert bits(moved) < bits(still)


def weights(model: Artifact) -> bytes:
    """The weights of a network as they lie on the disk."""
    return model.read("model.safetensors")


def bits(outcome: Outcome) -> float:
    """Bits per byte of the only model."""
    [row] = outcome.data["models"]
    return row["bits_per_byte"]["mean"]


def test_an_ngram_that_goes_on_counts_all_that_was_read_before(store: Store, text: Path, new_text: Path) -> None:
    first = run(store, text, name="first").models["ngram"]
    second = run(store, new_text, name="second", initial="first/ngram").models["ngram"]
    third = run(store, text, name="third", initial="second/ngram").models["ngram"]
    read = [int(model.statistics["tokens"]) for model in (first, second, third)]
    assert read[0] < read[1] < read[2]
    assert read[2] == read[1] + read[0] - 1  # the end-of-text between two streams is one


def test_going_on_from_the_latest_model_means_the_same_one_when_started_again(
    store: Store, text: Path, new_text: Path
) -> None:
    run(store, text, name="first")
    heard = Heard()
    once = run(store, new_text, name="second", initial="latest")
    twice = run(store, new_text, name="second", initial="latest", narrator=heard)
    assert once.models == twice.models
    assert "model/ngram" in heard.reused


@pytest.mark.parametrize(
    ("setting", "says"),
    [("families=lstm", "families"), ("models.gpt.width=128", "width"), ("tokenizer.vocabulary=300", "vocabulary")],
)
def test_what_an_earlier_model_has_decided_cannot_be_set(three: Three, new_text: Path, setting: str, says: str) -> None:
    store, _, _ = three
    with pytest.raises(EtymonError, match=says) as caught:
        run(store, new_text, setting, name="refused", initial="small/gpt")
    assert caught.value.where == "command line" and "--from" in caught.value.help


def test_a_run_stopped_again_and_again_ends_in_the_same_bytes(three: Three, store: Store, text: Path) -> None:
    _, whole, _ = three
    for stop in (
        Answers(2),
        Answers(24),
        learned(store, "lstm", 3),
        learned(store, "lstm", 4),
        learned(store, "gpt", 2),
    ):
        with pytest.raises(Interrupted) as stopped:
            run(store, text, families="ngram,lstm,gpt", stop_requested=stop)
        assert stopped.value.exit_code == 75
        assert "`etymon run" in stopped.value.help and "--name small" in stopped.value.help
    with pytest.raises(Interrupted):
        run(store, text, families="ngram,lstm,gpt", stop_requested=lambda: store.artifacts("measurement") != [])
    resumed = run(store, text, families="ngram,lstm,gpt")
    for name in FAMILIES:
        assert resumed.models[name].content_hash == whole.models[name].content_hash
    assert store.verify() == []


class Answers:
    """No, until it was asked often enough."""

    def __init__(self, questions: int) -> None:
        self.left = questions

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def learned(store: Store, name: str, steps: int) -> Callable[[], bool]:
    """Yes, once that family has done so many steps."""

    def answer() -> bool:
        rows = store.run("small").metrics.rows()
        return any(row["step"] >= steps and "loss" in row and row["series"].startswith(f"{name}-") for row in rows)

    return answer


def test_a_run_that_was_stopped_counts_the_time_that_it_took(store: Store, text: Path) -> None:
    with pytest.raises(Interrupted):
        run(store, text, families="lstm", stop_requested=learned(store, "lstm", 2))
    phases = [event for event in store.run("small").journal.events() if event["event"] == "phase"]
    assert phases[-1]["phase"] == "train lstm" and phases[-1]["seconds"] > 0


def test_the_recipe_that_was_used_says_why_each_value_was_chosen(three: Three) -> None:
    store, outcome, _ = three
    recipe = store.run("small").read("recipe.toml").decode()
    assert recipe == outcome.data["recipe_toml"]
    assert 'families = ["ngram", "lstm", "gpt"]' in recipe and "# Why: " in recipe
    assert "[models.rnn]" not in recipe
    assert load(outcome.models["lstm"]).family == "lstm"


def test_what_a_kill_left_of_counting_with_other_settings_is_gone_once_it_is_counted(store: Store, text: Path) -> None:
    for work in ("ngram-0123456789ab", "other-0123456789ab"):
        with store.run("small").steps(work).begin("1.run-0") as folder:
            folder.write("keys", b"of other settings")
    run(store, text, families="ngram")
    assert store.run("small").steps("ngram-0123456789ab").find("1.run-0") is None
    assert [path.name for path in (store.run("small").path / ".steps").iterdir()] == ["other-0123456789ab"]
