"""Text that every Python carries, and a tokenizer learned from it."""

from __future__ import annotations

import argparse
import inspect
import json
import textwrap
from pathlib import Path

import pytest
from hypothesis import settings

from etymon.corpus import CorpusSettings, build
from etymon.storage import Artifact, Store
from etymon.tokens import END_OF_TEXT, Tokenizer
from etymon.tokens.encoders import ReferenceEncoder
from etymon.tokens.merges import learn, training_text
from etymon.tokens.vocabulary import assemble, parse

FOREIGN = "naïve straße, ŒUVRE; 日本語のテキスト; हिन्दी العربية 한국어 \U0001f469\u200d\U0001f467 in 1984 12,345.67\r\n"

settings.register_profile("no deadline", deadline=None)  # the first example of a law pays for loading libraries
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return [inspect.getsource(argparse), inspect.getsource(textwrap), FOREIGN * 20, "\n\n\n  leading and trailing \n\n"]


@pytest.fixture(scope="session")
def text_file(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("text") / "text"
    file.write_bytes(b"".join(training_text(texts)))
    return file


@pytest.fixture(scope="session")
def tokenizer_json(text_file: Path) -> bytes:
    return assemble(learn(text_file, 800), limit=1024, special=[END_OF_TEXT, "<|user|>"])


@pytest.fixture(scope="session")
def tokenizer(tokenizer_json: bytes) -> Tokenizer:
    return Tokenizer(tokenizer_json)


@pytest.fixture(scope="session")
def reference(tokenizer_json: bytes) -> ReferenceEncoder:
    return ReferenceEncoder(parse(tokenizer_json))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.at(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def corpus(store: Store, texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """About 150 documents: paragraphs of the texts, and two that would break a careless tokenizer or layout."""
    paragraphs = [part for text in texts for part in text.split("\n\n") if len(part) > 100]
    paragraphs += [
        f"A document that says {END_OF_TEXT} in its midst." * 3,
        "tab\tnul\0 cr\r\n line separator\u2028 end" * 3,
    ]
    file = tmp_path_factory.mktemp("corpus") / "documents.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in paragraphs), encoding="utf-8")
    return build(store, [str(file)], CorpusSettings(validation=0.2, test=0.1))
