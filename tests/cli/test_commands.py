"""What each command answers: words for people, one JSON value for machines, nothing else on standard output."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command_line import Said, etymon

from etymon.storage import Store


def machine(*words: str | Path) -> Any:
    """The JSON value that a command prints, and nothing but it."""
    said = etymon(*words, "--json")
    assert said.code == 0, said
    return json.loads(said.out)


def people(*words: str | Path) -> str:
    """What a command tells people: plain lines, and nothing on standard error."""
    said = etymon(*words)
    assert (said.code, said.err) == (0, ""), said
    assert not any(mark in said.out for mark in "\x1b\r\b")
    return said.out


def keys(value: dict[str, Any], *names: str) -> bool:
    """Whether an object has exactly these keys."""
    return set(value) == set(names)


@pytest.fixture
def again(shared: Store, text: Path) -> Said:
    """The finished run, started once more for machines."""
    return etymon("run", text, "--name", "tiny", "--budget", "60s", "families=ngram", "--json")


def test_run_answers_machines_with_corpus_report_and_models(again: Said, shared: Store) -> None:
    assert again.code == 0
    answer = json.loads(again.out)
    assert keys(answer, "run", "corpus", "report", "models")
    assert answer["run"] == "tiny" and answer["corpus"] == shared.open("tiny/corpus").id
    assert Path(answer["report"]).read_text().startswith("<!doctype html>")
    [model] = answer["models"]
    assert keys(model, "family", "id", "parameters", "tokens", "flops", "bits_per_byte", "measure")
    assert model["measure"] == "likelihood"
    assert (model["family"], model["id"]) == ("ngram", shared.open("tiny/ngram").id)
    assert keys(model["bits_per_byte"], "mean", "low", "high", "n")
    measured = model["bits_per_byte"]
    assert 0 < measured["low"] <= measured["mean"] <= measured["high"] and measured["n"] >= 3


def test_run_tells_its_course_on_standard_error_where_standard_output_is_a_machines(again: Said) -> None:
    assert "documents kept" in again.err and "reused model" in again.err
    assert again.out.count("\n") == 1


def test_run_ends_for_people_with_findings_report_and_commands_that_work(shared: Store, text: Path) -> None:
    told = people("run", text, "--name", "tiny", "--budget", "60s", "families=ngram")
    assert "bits per byte" in told and "bz2" in told
    assert f"The report: {shared.root}/runs/tiny/report.html" in told
    commands = told.partition("Three commands to try next:")[2].strip().splitlines()
    assert len(commands) == 3 and all(command.split()[0] == "etymon" for command in commands)
    for command in commands[:2]:
        words = command.replace('"', "").split()[1:]
        assert etymon(*words).code == 0, command


def test_corpus_build_answers_with_id_and_the_funnel(tmp_path: Path, text: Path) -> None:
    said = etymon("corpus", "build", text, "--json", "--store", tmp_path / "store")
    answer = json.loads(said.out)
    assert said.code == 0 and keys(answer, "id", "documents")
    documents = answer["documents"]
    assert keys(documents, "in", "kept", "dropped", "quarantined")
    assert documents["in"] == documents["kept"] + sum(documents["dropped"].values()) + sum(
        documents["quarantined"].values()
    )
    assert "documents kept" in said.err
    assert f"corpus {answer['id'][:12]}" in people("corpus", "build", text, "--store", tmp_path / "store")


def test_corpus_decisions_are_one_line_of_json_for_each_document_read(shared: Store) -> None:
    lines = people("corpus", "decisions", "tiny/corpus", "--jsonl", "--text").splitlines()
    decisions = [json.loads(line) for line in lines]
    assert len(decisions) == shared.open("tiny/corpus").statistics["documents"]["in"]
    for decision in decisions:
        assert {"id", "url", "outcome", "rule", "values", "language", "source", "text"} <= set(decision)
        assert keys(decision["source"], "file", "offset")
        assert decision["values"]["bytes"] == len(decision["text"].encode())
    assert "text" not in json.loads(people("corpus", "decisions", "tiny/corpus").splitlines()[0])


def test_corpus_report_tells_the_funnel(shared: Store) -> None:
    answer = machine("corpus", "report", "tiny/corpus")
    assert {"id", "documents", "bytes", "domains", "splits"} <= set(answer)
    told = people("corpus", "report", "tiny/ngram")
    assert f"{answer['documents']['in']:,} documents read" in told and "bytes in domain text" in told


def test_trace_finds_passages_with_document_source_and_decision(shared: Store, text: Path) -> None:
    words = (text / "one.txt").read_text()[:80]
    answer = machine("trace", "tiny/ngram", words)
    assert {"text", "spans"} <= set(answer) and answer["text"] == words
    span = answer["spans"][0]
    assert {"text", "document", "decision"} <= set(span)
    assert {"id", "url", "source"} <= set(span["document"]) and keys(span["document"]["source"], "file", "offset")
    assert keys(span["decision"], "outcome", "rule") and span["decision"]["outcome"] == "kept"
    assert span["text"] == words[span["start"] : span["end"]]
    assert "one.txt" in people("trace", "tiny/ngram", words)
    assert "no passage" in people("trace", "tiny/ngram", "Zyx!")


def test_every_traced_document_has_its_reason(shared: Store, text: Path) -> None:
    span = machine("trace", "latest", (text / "two.txt").read_text()[:80])["spans"][0]
    answer = machine("why", span["document"]["id"])
    assert (answer["url"], answer["outcome"], answer["source"]["file"]) == ("two.txt", "kept", "two.txt")
    assert "was kept" in people("why", span["document"]["id"])
    assert "two.txt was kept" in people("why", text / "two.txt", "--corpus", "tiny/ngram")


@pytest.mark.parametrize("made_from_it", ["tiny/corpus", "tiny/tokenizer", "tiny/shards", "tiny/report", "tiny/ngram"])
def test_questions_about_text_may_be_asked_of_all_that_was_made_from_it(shared: Store, made_from_it: str) -> None:
    assert machine("why", "one.txt", "--corpus", made_from_it)["outcome"] == "kept"
    assert {"text", "spans"} <= set(machine("trace", made_from_it, "Zyx!"))
    assert machine("corpus", "report", made_from_it)["id"] == shared.open("tiny/corpus").id


def test_generate_gives_prompt_and_text_and_the_same_for_the_same_seed(shared: Store) -> None:
    words = ("generate", "latest", "The model", "max_tokens=12", "seed=3", "temperature=0.7")
    answer = machine(*words)
    assert keys(answer, "prompt", "text") and answer["prompt"] == "The model" and answer["text"]
    assert machine(*words) == answer
    assert people(*words) == f"The model{answer['text']}\n"


def test_words_and_options_may_stand_in_any_order(shared: Store) -> None:
    first = machine("generate", "latest", "The", "max_tokens=5")
    assert machine("generate", "--store", shared.root, "latest", "max_tokens=5", "The") == first


def test_ls_lists_artifacts_and_runs(shared: Store) -> None:
    answer = machine("ls")
    assert keys(answer, "artifacts", "runs")
    assert [run["name"] for run in answer["runs"] if run["artifacts"]] == ["tiny"]
    assert all(keys(row, "id", "kind", "name", "created") for row in answer["artifacts"])
    told = people("ls")
    assert all(row["id"][:12] in told for row in answer["artifacts"]) and "run          tiny" in told
    [model] = machine("ls", "--kind", "model")["artifacts"]
    assert model["id"] == shared.open("tiny/ngram").id


def test_ls_of_a_store_without_any_says_so(tmp_path: Path) -> None:
    store = Store.at(tmp_path / "store")
    assert people("ls", "--store", store.root) == f"{store.root} holds no artifact\n"
    assert people("ls", "--kind", "model", "--store", store.root) == f"{store.root} holds no model\n"


def test_show_tells_everything_that_a_manifest_says(shared: Store) -> None:
    answer = machine("show", "tiny/ngram")
    assert {"id", "kind", "name", "created", "recipe", "inputs", "statistics", "files", "path"} <= set(answer)
    told = people("show", answer["id"][:8])
    assert all(name in told for name in answer["files"]) and '"family": "ngram"' in told


def test_lineage_tells_what_a_model_is_made_from_and_what_is_made_from_it(shared: Store) -> None:
    answer = machine("lineage", "tiny/ngram")
    assert keys(answer, "id", "made_from", "used_by")
    assert {row["kind"] for row in answer["made_from"]} == {"shards", "tokenizer", "corpus"}
    assert {"measurement", "report"} <= {row["kind"] for row in answer["used_by"]}
    assert "made from corpus" in people("lineage", "tiny/ngram")


def test_verify_counts_what_it_read(shared: Store) -> None:
    answer = machine("verify")
    assert answer == {"checked": len(shared.artifacts()), "damage": [], "damages": []}
    assert "every byte as written" in people("verify", "latest")


def test_gc_removes_only_what_nothing_refers_to(finished: Path, text: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(finished, store)
    extra = json.loads(etymon("tokenizer", "train", text, "tokenizer.vocabulary=300", "--json", "--store", store).out)
    before = {artifact.id for artifact in Store.at(store).artifacts()}
    assert machine("gc", "--keep", extra["id"], "--store", store)["removed"] == []
    assert machine("gc", "--dry-run", "--store", store) == {"removed": [extra["id"]], "dry_run": True}
    assert f"removed: tokenizer {extra['id'][:12]}" in people("gc", "--store", store)
    assert {artifact.id for artifact in Store.at(store).artifacts()} == before - {extra["id"]}
    assert people("gc", "--store", store) == "nothing to remove: everything is referred to\n"


def test_doctor_looks_at_the_installation_and_changes_nothing(shared: Store, tmp_path: Path) -> None:
    checks = machine("doctor")["checks"]
    assert {"python", "numpy", "store", "disk"} <= {check["name"] for check in checks}
    assert all(keys(check, "name", "ok", "text") and check["ok"] for check in checks)
    assert "not there yet" in people("doctor", "--store", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_doctor_tells_of_a_store_that_is_not_sound(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_text("nonsense")
    said = etymon("doctor", "--store", tmp_path)
    assert said.code == 1 and "NOT store" in said.out


def test_tokenizer_shows_its_vocabulary(shared: Store) -> None:
    answer = machine("tokenizer", "show", "tiny/ngram")
    assert keys(answer, "id", "vocabulary", "tokens") and len(answer["tokens"]) == answer["vocabulary"]
    assert " text" in answer["tokens"]
    assert f"{answer['vocabulary']:,} tokens" in people("tokenizer", "show", "tiny/tokenizer")


def test_recipe_explains_every_setting(shared: Store) -> None:
    answer = machine("recipe", "explain")
    assert {"seed", "families", "tokenizer.vocabulary", "models.ngram.order"} <= set(answer)
    told = people("recipe", "explain", "models.ngram")
    assert "models.ngram.order" in told and "limits   at least 1" in told and "default  5" in told


def test_recipe_diff_names_what_two_recipes_differ_in(shared: Store, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('seed = 5\nfamilies = ["ngram"]\n')
    (tmp_path / "b.toml").write_text('families = ["ngram"]\n')
    differences = machine("recipe", "diff", tmp_path / "a.toml", tmp_path / "b.toml")["differences"]
    assert differences == [{"key": "seed", "first": 5, "second": 0}]
    assert people("recipe", "diff", tmp_path / "a.toml", tmp_path / "b.toml") == "seed: 5 -> 0\n"
    assert people("recipe", "diff", "tiny", "tiny") == "the two recipes say the same\n"


def test_recipe_schema_is_a_json_schema(shared: Store) -> None:
    schema = json.loads(people("recipe", "schema"))
    assert schema["$schema"].startswith("https://json-schema.org/") and "families" in schema["properties"]


def test_the_resolved_recipe_of_a_run_gives_the_same_artifacts_again(shared: Store, text: Path) -> None:
    recipe = shared.root / "runs" / "tiny" / "recipe.toml"
    said = etymon("run", text, "--name", "tiny", "--budget", "60s", "--recipe", recipe, "--json")
    assert said.code == 0, said
    assert json.loads(said.out)["models"][0]["id"] == shared.open("tiny/ngram").id
