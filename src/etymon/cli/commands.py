"""The commands: each takes the parsed words, calls the rooms, and prints for people or for machines."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from etymon.cli.run_command import demo, run
from etymon.cli.words import split_prompt, split_settings
from etymon.errors import EtymonError
from etymon.storage import Artifact, Store

__all__ = ["demo", "run"]


def _store(options: Namespace, *, create: bool = False) -> Store:
    """The store that a command looks at; only one that puts something into it makes it."""
    return Store.at(options.store, create=create)


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False)
    print()


def _answer(options: Namespace, value: Any, text: str) -> int:
    """The same answer for machines or for people."""
    if options.json:
        _print_json(value)
    else:
        from etymon.cli.terminal import safe

        print(safe(text))
    return 0


def ls(options: Namespace) -> int:
    store = _store(options)
    artifacts = store.artifacts(options.kind)
    rows = [{"id": a.id, "kind": a.kind, "name": a.name, "created": a.created} for a in artifacts]
    runs = [{"name": run.name, "artifacts": run.artifacts()} for run in store.runs()]
    lines = [f"{row['kind']:<12} {row['id'][:12]}  {row['created'][:19]}  {row['name']}" for row in rows]
    lines += [f"run          {run['name']}  ({len(run['artifacts'])} artifacts)" for run in runs if not options.kind]
    return _answer(
        options,
        {"artifacts": rows, "runs": runs},
        "\n".join(lines) or f"{store.root} holds no {options.kind or 'artifact'}",
    )


def show(options: Namespace) -> int:
    artifact = _store(options).open(options.reference)
    value = describe(artifact)
    lines = [f"{artifact.kind} {artifact.id}", f"  name      {artifact.name}", f"  created   {artifact.created}"]
    lines += [f"  from      {role} {id[:12]}" for role, id in artifact.inputs.items()]
    lines += [f"  file      {name} ({size:,} bytes)" for name, size in artifact.files.items()]
    lines.append("  recipe    " + json.dumps(artifact.recipe, indent=2).replace("\n", "\n  "))
    told = {key: number for key, number in artifact.statistics.items() if key != "marks"}
    lines.append("  statistics " + json.dumps(told, indent=2).replace("\n", "\n  "))
    return _answer(options, value, "\n".join(lines))


def describe(artifact: Artifact) -> dict[str, Any]:
    """Everything that a manifest tells."""
    keys = ("id", "kind", "name", "created", "recipe", "inputs", "stage_version", "statistics", "files", "content_hash")
    return {key: getattr(artifact, key) for key in keys} | {"path": str(artifact.path)}


def lineage(options: Namespace) -> int:
    if (options.reference is None) == (options.uses is None):
        raise EtymonError(
            "lineage is asked of one artifact or of one document",
            where="command line",
            help="`etymon lineage ARTIFACT`, or `etymon lineage --uses ID|URL|PATH`",
        )
    store = _store(options)
    if options.uses is not None:
        from etymon.run import uses_of

        found = uses_of(store, options.uses)
        return _answer(options, found.as_json(), found.in_words())
    artifact = store.open(options.reference)
    above, below = store.lineage(artifact), store.uses(artifact)
    value = {
        "id": artifact.id,
        "made_from": [{"id": a.id, "kind": a.kind, "name": a.name} for a in above],
        "used_by": [{"id": a.id, "kind": a.kind, "name": a.name} for a in below],
    }
    lines = [f"{artifact.kind} {artifact.id[:12]} {artifact.name}"]
    lines += [f"  made from {a.kind:<12} {a.id[:12]} {a.name}" for a in above]
    lines += [f"  used by   {a.kind:<12} {a.id[:12]} {a.name}" for a in below]
    return _answer(options, value, "\n".join(lines))


def verify(options: Namespace) -> int:
    from etymon.cli.terminal import narrator

    store = _store(options)
    if options.reference:
        count, damages = 1, store.open(options.reference).verify()
    else:
        count = len(store.folders())
        with narrator(options.json).phase("reading every byte") as progress:
            damages = store.verify(progress=progress)
    lines = [str(damage) for damage in damages]
    value = {"checked": count, "damage": lines, "damages": [damage.as_json() for damage in damages]}
    helps = ["", "`etymon repair` puts right what it can; `etymon repair --dry-run` says what"] if damages else []
    _answer(options, value, "\n".join([*lines, *helps]) or f"{count} checked, every byte as written")
    return 1 if damages else 0


def repair(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.run import repair_store

    result = repair_store(
        _store(options),
        options.reference,
        [Path(copy).expanduser() for copy in options.copies],
        narrator(options.json),
        retrain=options.retrain,
        dry_run=options.dry_run,
    )
    verb = "would be repaired" if options.dry_run else "repaired"
    lines = [f"{verb}: {each}" for each in result.mended]
    for damage in result.left:
        lines += [f"not repaired: {damage}", f"  help: {damage.as_json()['remedy']}"]
    value = {
        "repaired": [each.as_json() for each in result.mended],
        "left": [damage.as_json() for damage in result.left],
        "dry_run": options.dry_run,
    }
    _answer(options, value, "\n".join(lines) or "nothing to repair: every byte is as written")
    return 1 if result.left else 0


def rm(options: Namespace) -> int:
    store = _store(options)
    gone, refers = store.remove_run(options.run, dry_run=options.dry_run)
    size = sum(gone.values())
    verb = "would be removed" if options.dry_run else "removed"
    lines = [f"{verb}: run {options.run}, {len(gone)} files of {size:,} bytes"]
    lines += [f"  {part}" for part in sorted({name.split("/")[0] for name in gone})]
    lines += [f"still there: {role} {id[:12]}" for role, id in refers.items()]
    lines += ["`etymon gc` removes those of them that nothing else refers to"] if refers else []
    value = {"run": options.run, "files": gone, "bytes": size, "refers_to": refers, "dry_run": options.dry_run}
    return _answer(options, value, "\n".join(lines))


def push(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.storage import Remote

    store, remote = _store(options), Remote(options.url)
    with narrator(options.json).phase("pushing") as progress:
        if options.reference in [run.name for run in store.runs()]:
            run = store.run(options.reference)
            with run.lock():
                generation = remote.push_run(run, check=options.check, progress=progress)
            value = {"run": run.name, "generation": generation, "url": remote.where}
            return _answer(options, value, f"run {run.name} is in {remote.where} as generation {generation}")
        artifact = store.open(options.reference)
        pushed = remote.push(store, artifact, alone=options.alone, check=options.check, progress=progress)
    lines = [f"pushed: {label}" for label in pushed] or [f"{artifact.label} is in {remote.where} already"]
    return _answer(options, {"id": artifact.id, "pushed": pushed, "url": remote.where}, "\n".join(lines))


def pull(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.storage import Remote

    store, remote = _store(options, create=True), Remote(options.url)
    with narrator(options.json).phase("pulling") as progress:
        if options.generation is not None or options.reference in remote.runs():
            run = remote.pull_run(store, options.reference, generation=options.generation, progress=progress)
            return _answer(options, {"run": run.name, "path": str(run.path)}, f"run {run.name} is in {run.path}")
        artifact = remote.pull(store, options.reference, progress=progress)
    return _answer(options, {"id": artifact.id, "path": str(artifact.path)}, f"{artifact.label} is in {artifact.path}")


def import_(options: Namespace) -> int:
    from etymon.models import import_model

    store = _store(options, create=True)
    tokenizer = _tokenizer(store, options.tokenizer) if options.tokenizer else None
    taken = import_model(store, options.folder, name=options.name, tokenizer=tokenizer)
    lines = [
        f"model {taken.model.id[:12]}: a {taken.architecture} of {taken.parameters:,} parameters, "
        f"{taken.vocabulary:,} kinds of token",
        f"without a tokenizer: {taken.without}" if taken.tokenizer is None else f"tokenizer {taken.tokenizer.id[:12]}",
    ]
    return _answer(options, taken.as_json(), "\n".join(lines))


def export(options: Namespace) -> int:
    from etymon.models import export_model

    store = _store(options)
    given = export_model(store, store.open(options.reference), options.folder)
    lines = [f"{given.architecture} in {given.path}"]
    lines += [f"  {name} ({size:,} bytes)" for name, size in given.files.items()]
    return _answer(options, given.as_json(), "\n".join(lines))


def gc(options: Namespace) -> int:
    removed = _store(options).gc(keep=options.keep, dry_run=options.dry_run)
    value = {"removed": [a.id for a in removed], "dry_run": options.dry_run}
    verb = "would be removed" if options.dry_run else "removed"
    lines = [f"{verb}: {a.kind} {a.id[:12]} {a.name}" for a in removed]
    return _answer(options, value, "\n".join(lines) or "nothing to remove: everything is referred to")


def doctor(options: Namespace) -> int:
    from etymon.run import diagnose

    checks = diagnose(options.store)
    lines = [f"{'ok ' if check.ok else 'NOT'} {check.name}: {check.text}" for check in checks]
    value = [{"name": check.name, "ok": check.ok, "text": check.text} for check in checks]
    _answer(options, {"checks": value}, "\n".join(lines))
    return 0 if all(check.ok for check in checks) else 1


def why(options: Namespace) -> int:
    from etymon.corpus import Corpus

    explanation = Corpus.open(_corpus(_store(options), options.corpus)).explain(options.document)
    return _answer(options, explanation.as_json(), explanation.in_words())


def _corpus(store: Store, reference: str) -> Artifact:
    """A corpus by reference; "latest" is the newest; of a model, shards or run, the corpus that it was made from."""
    if reference == "latest":
        corpora = store.artifacts("corpus")
        if not corpora:
            raise EtymonError(
                "there is no corpus in this store",
                where=str(store.root),
                help="`etymon run PATH` or `etymon corpus build PATH`",
            )
        return max(corpora, key=lambda artifact: artifact.created)
    artifact = store.open(reference)
    for each in [artifact, *store.lineage(artifact)]:
        if each.kind == "corpus":
            return each
    raise EtymonError(
        f"{reference} is a {artifact.kind} that no corpus led to", help="`etymon ls --kind corpus` lists them"
    )


def corpus_build(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.run import build_corpus, read_corpus_share, working_with

    paths, settings = split_settings(options.words)
    teller = narrator(options.json)
    working = working_with(options.workers, options.backend, options.rank, options.world)
    store = _store(options, create=True)
    if working.world > 1:
        made, total = read_corpus_share(store, paths, settings, options.recipe, teller, working)
        text = (
            f"{made} of {total} readings are there; when all ranks are done, the same command without --rank joins them"
        )
        return _answer(options, {"readings": made, "of": total}, text)
    corpus = build_corpus(store, paths, settings, options.recipe, teller, working)
    value = {"id": corpus.id, "documents": corpus.statistics["documents"]}
    return _answer(options, value, f"corpus {corpus.id[:12]}")


def ablate(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.report import ablation_in_words
    from etymon.run import ablate_recipes, working_with

    paths, settings = split_settings(options.words)
    found = ablate_recipes(
        _store(options, create=True),
        (options.a, options.b),
        paths,
        settings,
        narrator(options.json),
        working_with(options.workers, "local", 0, 1),
        trusted=options.trusted,
        families=[name for name in options.models.split(",") if name],
        budget=options.budget,
        seeds=options.seeds,
    )
    value = found.as_json() | {"recipes": [options.a, options.b]}
    return _answer(options, value, "\n" + ablation_in_words(value, options.a, options.b))


def corpus_report(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.report import balance_in_words, corpus_in_words
    from etymon.run import balance_of, trained_on

    store = _store(options)
    corpus = _corpus(store, options.reference)
    with narrator(options.json).phase("looking at the text") as progress:
        balance = balance_of(store, corpus, trained_on(store, corpus), progress=progress)
    value = {"id": corpus.id} | corpus.statistics | {"balance": balance}
    return _answer(options, value, f"{corpus_in_words(corpus.statistics)}\n\n{balance_in_words(balance)}")


def corpus_decisions(options: Namespace) -> int:
    from etymon.corpus import Corpus

    corpus = Corpus.open(_corpus(_store(options), options.reference))
    texts = corpus.texts()  # of what was kept, in the order of the decisions, so that one at a time is held
    for decision in corpus.decisions():
        row = decision.as_json()
        kept = options.text and decision.outcome == "kept"
        _print_json(row | {"text": next(texts)} if kept else row)
    return 0


def corpus_count(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.corpus import count_in

    store = _store(options)
    with narrator(options.json).phase("indexing the corpus") as progress:
        count = count_in(store, _corpus(store, options.reference), _passage(options), progress=progress)
    return _answer(options, {"text": options.text, "count": count}, f"{count:,}")


def corpus_find(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.corpus import find_in

    store = _store(options)
    with narrator(options.json).phase("indexing the corpus") as progress:
        corpus = _corpus(store, options.reference)
        found = find_in(store, corpus, _passage(options), options.limit, progress=progress)
    value = {"text": options.text, "places": [asdict(each) for each in found]}
    lines = [f"{each.url} ({each.id}), byte {each.offset:,}\n    {_quoted(each)!r}" for each in found]
    return _answer(options, value, "\n".join(lines) or "it stands in no kept document")


def _quoted(found: Any) -> str:
    return found.before + found.text + found.after


def _passage(options: Namespace) -> str:
    if not options.text:
        raise EtymonError("there is nothing to look for", where="TEXT", help="give a passage as it stands")
    return options.text


def classifier_train(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.corpus import Fields, Learning, train_on_corpora, train_on_files

    corpora = [each for each in (options.good, options.bad) if each is not None]
    if bool(options.files) == bool(corpora) or len(corpora) == 1:
        raise EtymonError(
            "a classifier is trained on labelled files or on two corpora",
            where="command line",
            help="`etymon classifier train FILE…`, or `etymon classifier train --good CORPUS --bad CORPUS`",
        )
    how = Learning(options.most, options.seed, fields=Fields(options.text_field, options.label_field))
    how = replace(how, labels=tuple(options.labels)) if options.labels else how
    store = _store(options, create=True)
    with narrator(options.json).phase("training the classifier") as progress:
        if corpora:
            good, bad = (_corpus(store, each) for each in corpora)
            classifier = train_on_corpora(store, good, bad, how, name=options.name, progress=progress)
        else:
            classifier = train_on_files(store, options.files, how, name=options.name, progress=progress)
    return _told_classifier(options, classifier)


def classifier_show(options: Namespace) -> int:
    from etymon.corpus import find_classifier

    return _told_classifier(options, find_classifier(_store(options), options.reference))


def _told_classifier(options: Namespace, artifact: Artifact) -> int:
    from etymon.report import classifier_in_words

    value = {"id": artifact.id, "name": artifact.name} | artifact.statistics
    text = f"classifier {artifact.id[:12]} {artifact.name}".rstrip()
    return _answer(options, value, f"{text}\n{classifier_in_words(artifact.statistics)}")


def mixture_fit(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.run import fit_weights

    store = _store(options)
    fitted = fit_weights(store, _corpus(store, options.reference), options.words, narrator(options.json))
    return _answer(options, fitted.as_json(), fitted.in_words())


def tokenizer_train(options: Namespace) -> int:
    from etymon.cli.terminal import narrator
    from etymon.run import build_tokenizer

    paths, settings = split_settings(options.words)
    tokenizer = build_tokenizer(_store(options, create=True), paths, settings, options.recipe, narrator(options.json))
    value = {"id": tokenizer.id, "statistics": tokenizer.statistics}
    return _answer(options, value, f"tokenizer {tokenizer.id[:12]}: {tokenizer.path}")


def _tokenizer(store: Store, reference: str) -> Artifact:
    """A tokenizer, or that of a model."""
    artifact = store.open(reference)
    found = next((a for a in [artifact, *store.lineage(artifact)] if a.kind == "tokenizer"), None)
    if found is None:
        raise EtymonError(f"{reference} has no tokenizer", help="`etymon ls --kind tokenizer` lists them")
    return found


def tokenizer_show(options: Namespace) -> int:
    from etymon.tokens import Tokenizer

    found = _tokenizer(_store(options), options.reference)
    tokenizer = Tokenizer.open(found)
    entries = [tokenizer.token_bytes(id).decode(errors="backslashreplace") for id in range(tokenizer.vocabulary)]
    lines = [f"tokenizer {found.id[:12]}: {tokenizer.vocabulary:,} tokens"]
    lines += [f"{id:>7} {entry!r}" for id, entry in enumerate(entries)]
    return _answer(options, {"id": found.id, "vocabulary": tokenizer.vocabulary, "tokens": entries}, "\n".join(lines))


def generate(options: Namespace) -> int:
    from etymon.run import write_on

    prompt, settings = split_prompt(options.words)
    text = write_on(_store(options), options.reference, prompt, settings)
    return _answer(options, {"prompt": prompt, "text": text}, prompt + text)


def trace(options: Namespace) -> int:
    from etymon.run import trace_passages

    store = _store(options)
    model = store.open(options.reference)
    value = trace_passages(_corpus(store, model.id), options.text)
    lines = [
        f"{span['text']!r}\n    {span['document']['url']} ({span['document']['source']['file']}, record at "
        f"{span['document']['source']['offset']:,}), {span['decision']['outcome']}"
        for span in value["spans"]
    ]
    return _answer(options, value, "\n".join(lines) or "no passage of 12 bytes or more stands in the training text")


def recipe_explain(options: Namespace) -> int:
    from etymon.recipe import explain, keys
    from etymon.run import settings_type, torch_is_there

    kind = settings_type(torch_is_there())
    wanted = [key for key in keys(kind) if not options.key or key == options.key or key.startswith(options.key + ".")]
    wanted = wanted or [options.key]
    return _answer(
        options, {key: explain(kind, key) for key in wanted}, "\n\n".join(explain(kind, key) for key in wanted)
    )


def recipe_diff(options: Namespace) -> int:
    from etymon.recipe import diff, load
    from etymon.run import settings_type, torch_is_there

    kind = settings_type(torch_is_there())
    first, second = (load(kind, files=[_recipe_file(options, each)]) for each in (options.first, options.second))
    found = diff(first, second)
    value = [{"key": each.key, "first": each.a, "second": each.b} for each in found]
    text = "\n".join(f"{each.key}: {each.a} -> {each.b}" for each in found)
    return _answer(options, {"differences": value}, text or "the two recipes say the same")


def _recipe_file(options: Namespace, reference: str) -> Path:
    """A TOML file, or the resolved recipe of a run of that name."""
    if Path(reference).is_file():
        return Path(reference)
    store = _store(options)
    runs = {run.name: run.path / "recipe.toml" for run in store.runs() if run.exists("recipe.toml")}
    if reference in runs:
        store.run(reference).read("recipe.toml")  # where the disk cannot give it, that is told as what it is
        return runs[reference]
    near = get_close_matches(reference, runs, n=1)
    raise EtymonError(
        f"there is neither a file nor a run {reference}",
        where=f"runs of {store.root}",
        help=f"did you mean {near[0]}?" if near else f"the runs are: {', '.join(runs) or 'none yet'}",
    )


def recipe_schema(options: Namespace) -> int:
    from etymon.recipe import schema
    from etymon.run import settings_type, torch_is_there

    del options
    _print_json(schema(settings_type(torch_is_there())))
    return 0
