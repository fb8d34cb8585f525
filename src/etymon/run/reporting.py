"""Reporting: what a run found, gathered from its artifacts and its journal into one report."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, cast

import etymon
from etymon.corpus import Corpus, is_small, read
from etymon.evaluation import by_domain, compression_floor, paired_difference
from etymon.models import family, load
from etymon.recipe import schema, to_json
from etymon.report import add_findings, duration, render, summary_sentences
from etymon.run.balance import balance_of
from etymon.run.budget import Division
from etymon.run.job import Job, flatten, phases_since
from etymon.run.keeping import keeping_part
from etymon.run.measuring import LIKELIHOOD, measure_of, on_device, result_of
from etymon.run.pictures import pictures_of
from etymon.run.sources import best_sentence
from etymon.run.text import Text, named_files
from etymon.storage import Artifact

REPORT_VERSION = 2


def write_report(
    job: Job, text: Text, models: dict[str, Artifact], measured: dict[str, Artifact], division: Division
) -> dict[str, Any]:
    """Gather, render and keep the report: an artifact, and report.json and report.html in the run's folder."""
    pictures = pictures_of(job, text, models, division.heldout_bytes, division.validation_bytes)
    with job.phase("report", "writing the report"):
        data = gather(job, text, models, measured, pictures)
        page = render(data).encode()
        encoded = json.dumps(data, indent=1).encode()
        inputs = {f"measurement/{name}": artifact.id for name, artifact in measured.items()}
        inputs["corpus"] = text.corpus.id
        recipe = {"run": job.request.name, "settings": to_json(job.settings())}
        with job.store.create("report", recipe, inputs, stage_version=REPORT_VERSION, name=job.request.name) as draft:
            draft.write("report.json", encoded)
            draft.write("report.html", page)
            job.run.record("report", draft.seal().id)
        job.run.write("report.json", encoded)
        job.run.write("report.html", page)
    return data


def gather(
    job: Job, text: Text, models: dict[str, Artifact], measured: dict[str, Artifact], pictures: dict[str, Any]
) -> dict[str, Any]:
    """The report as data, in the shape that `etymon.report` draws."""
    rows = [model_row(name, model, measured[name], text) for name, model in models.items()]
    ranked = [row for row in rows if row["measure"] == LIKELIHOOD]
    best = min(ranked, key=lambda row: row["bits_per_byte"]["mean"]) if ranked else None
    if best is not None:
        best["best"] = True
    settings = job.settings()
    data: dict[str, Any] = {
        "title": f"{job.request.name}: language models of {job.request.texts}",
        "run": job.request.name,
        "version": etymon.__version__,
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        "facts": facts(job, text),
        "models": rows,
        "floors": floors(job, text, measured),
        "differences": differences(measured),
        # What is put together of others does not learn, and its weights were fitted to the documents of the curves.
        "curves": [
            {"family": name, "points": points(model)}
            for name, model in models.items()
            if family(name).learns != "parts"
        ],
        "samples": [sample for name, model in models.items() for sample in samples(name, model)],
        **pictures,
        "corpus": corpus_part(text),
        "balance": balance_part(job, text, models),
        "tokenizer": tokenizer_part(text),
        "time": time_part(job),
        "keeping": keeping_part(job, models),
        "skipped": job.skipped,
        "events": events_part(job),
        "lineage": lineage_part(job, measured),
        "recipe": recipe_part(job),
        "recipe_toml": job.run.read("recipe.toml").decode(),
        "protocols": [{"name": name, "protocol": result_of(artifact).protocol} for name, artifact in measured.items()],
    }
    if best is not None:
        winner = models[best["family"]]
        prompt = settings.prompt or winner.statistics["prompt"]
        job.stop_if_asked()
        data["sources"] = best_sentence(on_device(job, load(winner)), best["family"], prompt, text, settings.sampling)
    add_findings(data)
    data["summary"] = summary_sentences(data)
    return data


def model_row(name: str, model: Artifact, measured: Artifact, text: Text) -> dict[str, Any]:
    """One line of the table."""
    kind = family(name)
    spent = model.statistics
    return {
        "family": name,
        "title": kind.title_with(model.read_json("config.json")["settings"]),
        "id": model.id,
        "parameters": spent["parameters"],
        "tokens": spent["tokens"],
        "flops": spent["flops"],
        "flops_kind": flops_kind(kind.learns),
        "seconds": spent["seconds"],
        "measure": measure_of(name),
        "bits_per_byte": result_of(measured).as_json(),
        "by_domain": domain_rows(measured, text),
        "best": False,
    }


def flops_kind(learns: str) -> str:
    """What a model's work is counted in: of a mixture, the FLOPs and table operations of its parts together."""
    kinds = {"gradients": "FLOP", "counts": "table operations", "parts": "operations of its parts"}
    return kinds[learns]


def domain_rows(measured: Artifact, text: Text) -> list[dict[str, Any]]:
    """The same measurement for the documents of each domain; of one domain alone there is nothing to add."""
    domains = {document.id: document.domain for document in Corpus.open(text.corpus).documents("test")}
    results = by_domain(result_of(measured), domains)
    return [{"domain": domain} | result.as_json() for domain, result in results.items()] if len(results) > 1 else []


def facts(job: Job, text: Text) -> list[dict[str, str]]:
    """What was run, for the head of the report."""
    statistics = text.corpus.statistics
    return [
        {"label": "text", "value": job.request.texts},
        {"label": "documents kept", "value": f"{statistics['documents']['kept']:,}"},
        {"label": "text kept", "value": f"{statistics['bytes']['kept'] / 1e6:,.2f} MB"},
        {"label": "budget", "value": str(job.request.budget)},
        {"label": "time used", "value": duration(job.clock.spent)},
    ]


def floors(job: Job, text: Text, measured: dict[str, Artifact]) -> list[dict[str, Any]]:
    """What general compressors need for the same held-out documents, with nothing learned before."""
    if not measured:
        return []
    job.stop_if_asked()
    wanted = set(result_of(next(iter(measured.values()))).items)
    texts = [d.text.encode() for d in Corpus.open(text.corpus).documents("test") if d.id in wanted]
    return [{"name": name, "bits_per_byte": bits} for name, bits in compression_floor(texts).items()]


def differences(measured: dict[str, Artifact]) -> list[dict[str, Any]]:
    """Every pair of models that give probabilities, on the same documents: bits per byte of a less those of b."""
    names = [name for name in measured if measure_of(name) == LIKELIHOOD]
    found: list[dict[str, Any]] = []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            difference = paired_difference(result_of(measured[a]), result_of(measured[b]))
            found.append({"a": a, "b": b} | difference.as_json())
    return found


def points(model: Artifact) -> list[dict[str, Any]]:
    """The learning curve, from the marks that the training left."""
    wanted = ("step", "tokens", "flops", "seconds", "bits_per_byte", "low", "high", "n")
    return [{key: mark[key] for key in wanted} for mark in model.statistics["marks"]]


def samples(name: str, model: Artifact) -> list[dict[str, Any]]:
    """What the model wrote at each mark."""
    prompt = model.statistics["prompt"]
    return [
        {"family": name, "step": mark["step"], "tokens": mark["tokens"], "prompt": prompt, "text": mark["sample"]}
        for mark in model.statistics["marks"]
    ]


def corpus_part(text: Text) -> dict[str, Any]:
    """The funnel, domains and splits."""
    statistics = text.corpus.statistics
    splits = [
        {"split": split, "documents": counted["documents"], "bytes": counted["bytes"], "tokens": counted["tokens"]}
        for split, counted in text.shards.statistics["splits"].items()
    ]
    domains = [{"domain": domain} | counted for domain, counted in statistics["domains"].items()]
    return {
        "documents": statistics["documents"],
        "bytes": statistics["bytes"],
        "domains": domains,
        "languages": [{"language": name} | counted for name, counted in statistics["languages"].items()],
        "rules": [rule for rule in statistics["rules"] if rule["holds"]],
        "other_records": statistics["other_records"],
        "splits": splits,
        "named": named_files(text.corpus),
    }


def balance_part(job: Job, text: Text, models: dict[str, Artifact]) -> dict[str, Any]:
    """The text before and after curation and as it was trained on; small trusted text is read once more for it."""
    job.stop_if_asked()
    records = read(job.request.paths, job.settings().corpus) if is_small(job.request.paths) else None
    return balance_of(job.store, text.corpus, models, records=records)


def tokenizer_part(text: Text) -> dict[str, Any]:
    """The vocabulary and how much text a token holds."""
    train = text.shards.statistics["splits"]["train"]
    return {"vocabulary": text.tokenizer.vocabulary, "bytes_per_token": train["bytes"] / max(train["tokens"], 1)}


def time_part(job: Job) -> list[dict[str, Any]]:
    """Where the time of this request went, over all its starts; `Job.clock` counts the same."""
    spent = phases_since(job.run.journal.events(), job.request.account)
    total = sum(spent.values()) or 1.0
    return [{"phase": phase, "seconds": seconds, "share": seconds / total} for phase, seconds in spent.items()]


def events_part(job: Job) -> list[dict[str, Any]]:
    """What else the journal holds: starts, stops, decisions, damage."""
    return [
        {"time": event.get("time", ""), "event": event["event"], "text": said(event)}
        for event in job.run.journal.events()
        if event["event"] != "phase"
    ]


def said(event: dict[str, Any]) -> str:
    """What an event says in words: its text, the command of a start, else of which training and which step it is."""
    of = [str(event["series"])] if "series" in event else []
    step = [f"step {event['step']:,}"] if "step" in event else []
    return event.get("text", event.get("command", ", ".join([*of, *step])))


def lineage_part(job: Job, measured: dict[str, Artifact]) -> list[dict[str, Any]]:
    """Every artifact that the measurements descend from."""
    chain: dict[str, Artifact] = {}
    for artifact in measured.values():
        for ancestor in [artifact, *job.store.lineage(artifact)]:
            chain[ancestor.id] = ancestor
    return [
        {"id": each.id, "kind": each.kind, "name": each.name, "inputs": list(each.inputs.values())}
        for each in chain.values()
    ]


def recipe_part(job: Job) -> list[dict[str, Any]]:
    """Every setting with its value and the reason for it."""
    settings = job.settings()
    kind = cast("type[Any]", type(settings))
    helps = descriptions(schema(kind))
    defaults = flatten(to_json(kind()))
    rows: list[dict[str, Any]] = []
    for key, value in flatten(to_json(settings)).items():
        preset = key in job.preset.values and job.preset.values[key] == value
        rows.append(
            {
                "key": key,
                "value": value,
                "help": helps[key],
                "reason": job.preset.reasons.get(key, "") if preset else "",
                "default": value == defaults.get(key),
            }
        )
    return rows


def descriptions(schema: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """What each setting of a JSON Schema is, by its dotted key."""
    found: dict[str, str] = {}
    for name, entry in schema["properties"].items():
        if "properties" in entry:
            found |= descriptions(entry, f"{prefix}{name}.")
        else:
            found[prefix + name] = entry["description"]
    return found
