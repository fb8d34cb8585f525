"""Paths to a corpus artifact: read, judge, split, and write documents and decisions in one sealed folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from etymon.corpus.arrow import RecordBatch
from etymon.corpus.builtin import PYTHON
from etymon.corpus.passes import Passes
from etymon.corpus.read import read_sources
from etymon.corpus.readers.html import extractor
from etymon.corpus.rules import Rule, rules_with
from etymon.corpus.settings import CorpusSettings
from etymon.corpus.sources import Sources, digest_of
from etymon.corpus.split import split_documents
from etymon.corpus.walk import find_sources
from etymon.corpus.write import statistics_of, write_tables
from etymon.progress import Progress, silent
from etymon.recipe import to_json
from etymon.storage import Artifact, JsonObject, Store

STAGE_VERSION = 1


def read(
    paths: Sequence[str], settings: CorpusSettings | None = None, *, progress: Progress = silent
) -> Iterator[RecordBatch]:
    """Record batches (schema RECORDS) of everything below `paths`: files, folders, builtin:docs, builtin:code.

    Raises EtymonError where a path is missing or empty; what is wrong inside a file is a row with its fault."""
    reading = (settings or CorpusSettings()).reading()
    yield from read_sources(find_sources(paths).files, reading, progress=progress)


def build(
    store: Store,
    paths: Sequence[str],
    settings: CorpusSettings | None = None,
    *,
    progress: Progress = silent,
    name: str = "",
) -> Artifact:
    """The corpus of everything below `paths`; found again where the same files were built with the same settings.

    Raises EtymonError where there is too little text, saying how much there is and what became of the rest."""
    settings = settings or CorpusSettings()
    sources = find_sources(paths)
    rules = rules_with({"minimum_bytes": settings.minimum_bytes})
    recipe = recipe_of(sources, settings, rules)
    if existing := store.find("corpus", recipe, {}, stage_version=STAGE_VERSION):
        return existing
    passes = Passes(sources, rules, progress)
    census = passes.judged(settings)
    splits = split_documents(
        census.keys,
        census.sizes,
        validation=settings.validation,
        test=settings.test,
        limit=settings.heldout_bytes,
    )
    with store.create("corpus", recipe, {}, stage_version=STAGE_VERSION, name=name) as draft:
        write_tables(draft, passes.batches(), census, splits)
        return draft.seal(statistics_of(census, splits, sources, passes.reading))


def recipe_of(sources: Sources, settings: CorpusSettings, rules: Sequence[Rule]) -> JsonObject:
    """What makes the corpus's id: settings, rules, and the name and digest of every file; no path of this machine."""
    digest = hashlib.sha256()
    for source in sources.files:
        digest.update(f"{source.name}\0{source.format}\0{digest_of(source)}\n".encode())
    recipe: JsonObject = {
        "settings": to_json(settings),
        "rules": [rule.to_json() for rule in rules],
        "files": len(sources.files),
        "bytes": sum(source.size for source in sources.files),
        "digest": digest.hexdigest(),
    }
    if any(source.format == "html" for source in sources.files):
        recipe["extractor"] = extractor()
    if embedded := sorted({s.name.split("/")[0] for s in sources.files if s.name.startswith(PYTHON)}):
        recipe["embedded"] = embedded
    return recipe
