"""The main job on text far away: it ends in a report, goes on, and writes no secret part of an address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_runs import LITTLE, Heard, paragraphs

from etymon.errors import Interrupted
from etymon.run import Budget, Outcome, Request, run_job
from etymon.run.repair import paths_read, texts
from etymon.storage import Store
from harness.web_server import WebServer, serving_web

SECRET = "X-Amz-Signature=SECRETSIG123"


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serving_web() as server:
        server.files["/a/small.txt"] = paragraphs(10, 1).encode()
        yield server


def run_far(store: Store, *paths: str, heard: Heard | None = None, stops: int | None = None) -> Outcome:
    """The main job, which is asked to stop at the question of that number."""
    asked = iter(range(1_000_000))
    request = Request(paths=paths, budget=Budget.parse(LITTLE), name="far", overrides=("families=ngram",))
    return run_job(request, store, heard or Heard(), lambda: next(asked) == stops)


def holds(store: Store, secret: str) -> list[Path]:
    """The files of a store in whose name or bytes a secret is."""
    files = [path for path in store.root.rglob("*") if path.is_file()]
    assert len(files) > 10
    return [path for path in files if secret in str(path) or secret.encode() in path.read_bytes()]


def test_a_run_on_an_address_ends_in_a_report(store: Store, web: WebServer, tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text(paragraphs(4, 2) + "\n\n" + paragraphs(1, 3))
    (tmp_path / "copy.txt").write_text((tmp_path / "here.txt").read_text())
    here = [str(tmp_path / name) for name in ("here.txt", "copy.txt")]
    outcome = run_far(store, f"{web.url}/a/small.txt", *here)
    assert list(outcome.models) == ["ngram"]
    assert outcome.data["balance"]["sides"][0]["why"].startswith("the text of what was dropped is not at hand")
    asked = len(web.seen)
    heard = Heard()
    assert run_far(store, f"{web.url}/a/small.txt", *here, heard=heard).corpus.id == outcome.corpus.id
    assert "corpus" in heard.reused and len(web.seen) == asked + 1  # for the version alone
    assert paths_read(store.run("far"))[0] == (f"{web.url}/a/small.txt", *here)


def test_no_file_of_a_run_holds_what_an_address_hides(store: Store, web: WebServer) -> None:
    url = f"{web.url}/a/small.txt"
    with pytest.raises(Interrupted) as stopped:
        run_far(store, f"{url}?{SECRET}", stops=4)
    outcome = run_far(store, f"{url}?{SECRET}")
    assert ("GET", f"/a/small.txt?{SECRET}") in web.seen
    assert holds(store, "SECRETSIG123") == []
    assert "SECRETSIG123" not in f"{stopped.value}{stopped.value.help}"
    assert any(f"{url}?…" in event["text"] for event in outcome.data["events"] if event["event"] == "start")
    assert any(path.name == "events.jsonl" for path in holds(store, url))


def test_another_signature_is_another_account_and_none_is_read_again_for_a_repair(
    store: Store, web: WebServer, tmp_path: Path
) -> None:
    url = f"{web.url}/a/small.txt"
    budget = Budget.parse(LITTLE)
    plain, one, two = (
        Request(paths=(path,), budget=budget, name="far").account for path in (url, f"{url}?a=1", f"{url}?a=2")
    )
    assert plain == [url, str(budget)] and len({plain[0], one[0], two[0]}) == 3
    run_far(store, f"{url}?{SECRET}")
    assert paths_read(store.run("far")) == [] and list(texts(store, [tmp_path])) == [(str(tmp_path),)]
