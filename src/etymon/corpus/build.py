"""Paths to a corpus artifact: read, judge, split, and write documents and decisions in one sealed folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from etymon.corpus.arrow import RecordBatch, pa
from etymon.corpus.builtin import PYTHON
from etymon.corpus.extract import EXTRACTORS, describe
from etymon.corpus.fetch import fetched
from etymon.corpus.judge import Judging
from etymon.corpus.language import check_languages, identifier
from etymon.corpus.passes import UNTRUSTED, Passes, reads_here
from etymon.corpus.prepare import Preparing
from etymon.corpus.read import rows
from etymon.corpus.readers import pdf
from etymon.corpus.readings import Inputs, Working, make_readings
from etymon.corpus.recipes import SUFFIX, Recipe, recipe
from etymon.corpus.repeats import Repeats, passage_bytes, unit_of
from etymon.corpus.rules import rules_with
from etymon.corpus.schema import RECORDS
from etymon.corpus.scores import COLUMN, Scorer, check_scored, places, score_rules, scorers_of
from etymon.corpus.settings import AUTO, CorpusSettings
from etymon.corpus.slices import slices
from etymon.corpus.sources import Sources, check_unchanged, digest_of, stamp
from etymon.corpus.split import split_documents
from etymon.corpus.walk import find_sources
from etymon.corpus.write import statistics_of, write_tables
from etymon.errors import EtymonError
from etymon.progress import Progress, silent
from etymon.recipe import to_json
from etymon.storage import Artifact, JsonObject, Store, is_far

STAGE_VERSION = 6
HERE = Working()
READ_ROWS = 512


def read(
    paths: Sequence[str], settings: CorpusSettings | None = None, *, progress: Progress = silent
) -> Iterator[RecordBatch]:
    """Record batches (schema RECORDS) of everything below `paths`: files, folders, builtin:docs, builtin:code.

    All is read in this process, watched by nobody: pages of strangers are for `build`, which reads them in workers.
    Raises EtymonError where a path is missing or empty; what is wrong inside a file is a row with its fault."""
    settings = settings or CorpusSettings()
    sources = find_sources(paths).files
    total, done = sum(source.size for source in sources), 0
    for slice in slices(sources):
        found = rows(slice, settings.reading(), settings.extractor.replace(AUTO, EXTRACTORS[0]))
        while held := [row.record() for row in islice(found, READ_ROWS)]:
            yield pa.RecordBatch.from_pylist(held, schema=RECORDS)
        done += sum(part.stop - part.start for part in slice)
        progress(done, total, "reading")


def is_small(paths: Sequence[str]) -> bool:
    """Whether everything below `paths` lies here, is trusted, and is little enough to be read in this process, without
    readings. What lies far away is not asked for again."""
    return not any(map(is_far, paths)) and reads_here(find_sources(paths).files)


def build(
    store: Store,
    paths: Sequence[str],
    settings: CorpusSettings | None = None,
    *,
    working: Working = HERE,
    progress: Progress = silent,
    name: str = "",
) -> Artifact:
    """The corpus of everything below `paths`; found again where the same files were built with the same settings.

    `working` says on how many processes, which changes nothing in what comes out. Raises EtymonError where there is too
    little text, saying how much there is and what became of the rest."""
    settings = settings or CorpusSettings()
    plan = _plan(store, paths, settings, progress)
    sources, preparing = plan.sources, plan.preparing
    by_id = replace(settings, classifiers=tuple(f"{scorer.name}={scorer.id}" for scorer in plan.scorers))
    written = recipe_of(sources, plan.inputs.digests, by_id, plan.judging, preparing)
    inputs = {f"classifier {scorer.name}": scorer.id for scorer in plan.scorers}
    if existing := store.find("corpus", written, inputs, stage_version=STAGE_VERSION):
        return existing
    every = replace(working, rank=0, world=1)  # a corpus of one rank's share alone would have lost the rest in silence
    passes = Passes(store, plan.inputs, preparing, plan.judging, every, progress)
    census = passes.judged(settings)
    kept = census.kept()
    splits = split_documents(
        census.keys(kept),
        census.sizes(kept).tolist(),
        validation=settings.validation,
        test=settings.test,
        limit=settings.heldout_bytes,
    )
    with store.create("corpus", written, inputs, stage_version=STAGE_VERSION, name=name) as draft:
        write_tables(draft, passes.batches(), census, splits, preparing.measured)
        check_unchanged(sources.files, plan.inputs.stamps)
        return draft.seal(statistics_of(census, splits, sources, passes.preparing.reading, passes.other_records))


def read_share(
    store: Store,
    paths: Sequence[str],
    settings: CorpusSettings | None = None,
    *,
    working: Working,
    progress: Progress = silent,
) -> tuple[int, int]:
    """Makes the readings that fall to `working.rank` of `working.world` machines that share a store; how many these
    were, and of how many. `build` finds them when all are there, and makes what is missing."""
    plan = _plan(store, paths, settings or CorpusSettings(), progress)
    made = make_readings(store, plan.inputs, plan.preparing, working, progress)
    return len(made), sum(1 for _ in slices(plan.inputs.files))


@dataclass(frozen=True, slots=True)
class _Plan:
    sources: Sources
    inputs: Inputs
    judging: Judging
    preparing: Preparing
    scorers: tuple[Scorer, ...]


def _plan(store: Store, paths: Sequence[str], settings: CorpusSettings, progress: Progress) -> _Plan:
    """Which files are read, what is done to what they hold, and what decides."""
    sources = find_sources(paths, lambda file: fetched(store, file, progress))
    stamps = {source.name: stamp(source) for source in sources.files}
    digests = digests_of(sources, progress)
    chosen = recipe_for(settings, sources)
    scorers = scorers_of(store, settings)
    judging = judging_of(settings, chosen)
    check_scored(judging.rules, scorers)
    preparing = preparing_of(settings, chosen, sources, judging, scorers)
    return _Plan(sources, Inputs(sources.files, digests, stamps), judging, preparing, scorers)


def recipe_for(settings: CorpusSettings, sources: Sources) -> Recipe:
    """The recipe that was asked for; "auto" is "web" where there are web archives, else "text": what
    somebody keeps as files, HTML too, they chose."""
    pages = any(source.format == "web archive" for source in sources.files)
    return recipe(("web" if pages else "text") if settings.recipe == AUTO else settings.recipe)


def judging_of(settings: CorpusSettings, chosen: Recipe) -> Judging:
    """What decides, by a recipe under these settings."""
    near, lines, spans = (
        str(chosen.defaults.get(name, "off")) if asked == AUTO else asked
        for name, asked in (
            ("near_duplicates", settings.near_duplicates),
            ("repeated_lines", settings.repeated_lines),
            ("repeated_spans", settings.repeated_spans),
        )
    )
    return Judging(
        rules=(*rules_with({"minimum_bytes": settings.minimum_bytes}, chosen.rules), *score_rules(settings)),
        languages=check_languages(settings.languages or chosen.languages),
        language_score=settings.language_score or chosen.language_score,
        opt_outs=settings.opt_outs,
        near=near,
        repeats=Repeats(unit_of(lines), passage_bytes(spans), settings.minimum_bytes),
    )


def preparing_of(
    settings: CorpusSettings, chosen: Recipe, sources: Sources, judging: Judging, scorers: Sequence[Scorer]
) -> Preparing:
    """What is done to every document before it is judged."""
    data = settings.personal_data
    measured = [column for column in chosen.columns if not column.startswith(COLUMN)]
    extractor = (chosen.extractor or "resiliparse") if settings.extractor == AUTO else settings.extractor
    return Preparing(
        reading=settings.reading(),
        extractor=_libraries(extractor, frozenset(source.format for source in sources.files)),
        language=identifier(),
        whole_text_language=settings.whole_text_language or bool(chosen.defaults.get("whole_text_language")),
        columns=tuple(dict.fromkeys(("bytes", "characters", *measured))),
        edits=chosen.edits,
        mask=(chosen.defaults.get("personal_data") if data == AUTO else data) == "mask",
        near=judging.near,
        items=settings.contamination,
        items_digest=digest_of_file(settings.contamination, "corpus.contamination"),
        badwords=settings.badwords,
        badwords_digest=digest_of_file(settings.badwords, "corpus.badwords"),
        classifiers=tuple(f"{scorer.name}={scorer.digest}" for scorer in scorers),
        classifiers_at=places(scorers),
    )


def _libraries(extractor: str, formats: frozenset[str]) -> str:
    """The extractor with its version, and whatever else takes files of these formats apart; "" where none is needed."""
    if formats.isdisjoint(UNTRUSTED):
        return ""
    named = [describe(extractor)]
    named += [describe("resiliparse")] if "epub" in formats else []
    named += [pdf.described()] if "pdf" in formats else []
    return " ".join(dict.fromkeys(named))


def digest_of_file(path: str, setting: str) -> str:
    """SHA-256 of a file that a setting names; "" where it names none. Raises EtymonError where it cannot be read."""
    if not path:
        return ""
    try:
        return hashlib.sha256(Path(path).expanduser().read_bytes()).hexdigest()
    except OSError as error:
        raise EtymonError(f"{path} cannot be read", where=setting, why=error.strerror or str(error)) from error


def digests_of(sources: Sources, progress: Progress) -> dict[str, str]:
    """The digest of every file, by its name."""
    done, total = 0, sum(source.size for source in sources.files)
    digests: dict[str, str] = {}
    for source in sources.files:
        digests[source.name] = digest_of(source)
        done += source.size
        progress(done, total, "looking for what is new")
    return digests


def recipe_of(
    sources: Sources, digests: Mapping[str, str], settings: CorpusSettings, judging: Judging, preparing: Preparing
) -> JsonObject:
    """What makes the corpus's id: settings, rules, and the name and digest of every file; no path of this machine."""
    digest = hashlib.sha256()
    for source in sources.files:
        digest.update(f"{source.name}\0{source.format}\0{digests[source.name]}\n".encode())
    named = {"contamination": preparing.items_digest, "badwords": preparing.badwords_digest}
    if settings.recipe.endswith(SUFFIX):
        named["recipe"] = Path(settings.recipe).name  # what the file says is below; where it lies says nothing
    written: JsonObject = {
        "settings": to_json(settings) | named,
        "languages": list(judging.languages),
        "language_score": judging.language_score,
        "opt_outs": judging.opt_outs,
        "preparing": preparing.to_json(),
        "rules": [rule.to_json() for rule in judging.rules],
        "edits": list(preparing.edits),
        "near_duplicates": judging.near,
        "repeats": judging.repeats.to_json(),
        "personal_data": "mask" if preparing.mask else "keep",
        "language": preparing.language,
        "files": len(sources.files),
        "bytes": sum(source.size for source in sources.files),
        "digest": digest.hexdigest(),
    }
    if preparing.extractor:
        written["extractor"] = preparing.extractor
    if embedded := sorted({s.name.split("/")[0] for s in sources.files if s.name.startswith(PYTHON)}):
        written["embedded"] = embedded
    return written
