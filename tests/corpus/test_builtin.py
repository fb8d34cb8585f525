"""The embedded default."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from etymon.corpus import Corpus, build
from etymon.corpus.builtin import builtin_sources
from etymon.corpus.found import Found, Reading
from etymon.corpus.read import rows
from etymon.corpus.slices import Part
from etymon.corpus.sources import Source
from etymon.errors import EtymonError
from etymon.storage import Store


def source(name: str) -> Source:
    return next(each for each in builtin_sources("builtin:docs") if each.name == name)


def texts(source: Source) -> list[Found]:
    found = rows((Part(source, 0, source.size),), Reading(), "resiliparse")
    return [row.found for row in found if isinstance(row.found, Found)]


def test_a_module_gives_its_docstrings_under_qualified_names() -> None:
    (found,) = texts(source("python:docs/json.decoder"))
    assert found.text.startswith("json.decoder\n\nImplementation of JSONDecoder\n")
    assert "\n\njson.decoder.JSONDecoder.raw_decode\n\nDecode a JSON document" in found.text


def test_nothing_is_imported_to_be_read() -> None:
    before = set(sys.modules)
    texts(source("python:docs/turtle"))
    texts(source("python:docs/this"))
    assert set(sys.modules) - before <= {"etymon.corpus.readers.docstrings"}


def test_the_help_topics_are_documents_of_their_own() -> None:
    found = {each.url: each.text for each in texts(source("python:docs/topics"))}
    assert "assert" in found["python:docs/topics/assert"]
    assert len(found) > 50


def test_modules_come_in_a_stable_order_without_tests() -> None:
    names = [each.name for each in builtin_sources("builtin:code")]
    assert names == [each.name for each in builtin_sources("builtin:code")]
    assert max(Counter(names).values()) == 1
    assert {"python:code/json.decoder", "python:code/os", "python:code/json"} <= set(names)
    assert not [name for name in names if ".tests." in name or ".idle_test" in name or "site-packages" in name]
    assert "python:code/pydoc_data.topics" not in names


def test_an_unknown_builtin_names_the_two_there_are() -> None:
    with pytest.raises(EtymonError, match="there is no builtin:books") as caught:
        builtin_sources("builtin:books")
    assert "builtin:docs" in caught.value.help


def test_both_builtins_make_one_corpus_of_two_domains(store: Store) -> None:
    artifact = build(store, ["builtin:docs", "builtin:code"])
    domains = artifact.statistics["domains"]
    assert set(domains) == {"docs", "code"}
    assert domains["docs"]["bytes"] > 1_500_000
    assert domains["code"]["bytes"] > 8_000_000
    assert artifact.statistics["documents"]["quarantined"] == {}
    assert max(each["bytes"] for name, each in artifact.statistics["splits"].items() if name != "train") <= 1_000_000
    assert Corpus.open(artifact).why("python:code/json.decoder").outcome == "kept"
