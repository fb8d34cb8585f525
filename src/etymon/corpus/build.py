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
from etymon.corpus.sources import Source, Sources, digest_of
from etymon.corpus.split import split_documents
from etymon.corpus.walk import find_sources
from etymon.corpus.write import statistics_of, write_tables
from etymon.errors import EtymonError
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
    before = [stamp(source) for source in sources.files]
    recipe = recipe_of(sources, settings, rules, progress)
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
        check_unchanged(sources, before)
        return draft.seal(statistics_of(census, splits, sources, passes.reading))


def stamp(source: Source) -> tuple[int, ...]:
    """What another file of the same name, or new bytes in it, would change; compared, never read as a time."""
    try:
        state = source.path.stat()
    except OSError:
        return ()
    return state.st_ino, state.st_size, state.st_mtime_ns


def check_unchanged(sources: Sources, before: Sequence[tuple[int, ...]]) -> None:
    """Raises EtymonError where a file is not what it was when the corpus got its id from it."""
    for source, then in zip(sources.files, before, strict=True):
        if stamp(source) != then:
            raise EtymonError(
                "a file changed while it was being read", where=str(source.path), help="run the same command again"
            )


def recipe_of(
    sources: Sources, settings: CorpusSettings, rules: Sequence[Rule], progress: Progress = silent
) -> JsonObject:
    """What makes the corpus's id: settings, rules, and the name and digest of every file; no path of this machine."""
    digest = hashlib.sha256()
    done, total = 0, sum(source.size for source in sources.files)
    for source in sources.files:
        digest.update(f"{source.name}\0{source.format}\0{digest_of(source)}\n".encode())
        done += source.size
        progress(done, total, "looking for what is new")
    recipe: JsonObject = {
        "settings": to_json(settings),
        "rules": [rule.to_json() for rule in rules],
        "files": len(sources.files),
        "bytes": total,
        "digest": digest.hexdigest(),
    }
    if any(source.format == "html" for source in sources.files):
        recipe["extractor"] = extractor()
    if embedded := sorted({s.name.split("/")[0] for s in sources.files if s.name.startswith(PYTHON)}):
        recipe["embedded"] = embedded
    return recipe
