"""How a run was kept safe: its starts and how each ended, what trainings went on from, and what was found damaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from etymon.run.job import FAILED, FINISHED, STOPPED, Job
from etymon.storage import Artifact

_CUT = {"journal tail cut": "events.jsonl", "metrics tail cut": "metrics.jsonl"}
_ENDS = {FINISHED: "finished", STOPPED: "stopped as asked", FAILED: "stopped by a fault"}


def keeping_part(job: Job, models: Mapping[str, Artifact]) -> dict[str, Any]:
    """The part of the report: starts, trainings that were interrupted, damage, and what can be verified."""
    events = job.run.journal.events()
    networks = {name: model for name, model in models.items() if "lineages" in model.statistics}
    damages = [damage(event) for event in events if event["event"] in ("checkpoint damaged", "snapshot damaged")]
    damages += [cut(event) for event in events if event["event"] in _CUT]
    return {
        "starts": starts(events),
        "trainings": [training(name, model, events) for name, model in networks.items()],
        "damaged": list({each["what"]: each for each in damages}.values()),
        "hashed": hashed(job),
    }


def starts(events: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each start with how it ended. One that left no word was killed, or the power went."""
    found: list[dict[str, str]] = []
    for event in events:
        if event["event"] == "start":
            if found and not found[-1]["ended"]:
                found[-1]["ended"] = "ended without a word: killed, or a loss of power"
            found.append({"time": event["time"], "ended": ""})
        elif found and event["event"] in _ENDS:
            why = f": {event['text']}" if event["event"] == FAILED else ""
            found[-1]["ended"] = _ENDS[event["event"]] + why
    if found and not found[-1]["ended"]:
        found[-1]["ended"] = "wrote this report"
    return found


def training(name: str, model: Artifact, events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The steps from which one model's training went on, and where its numerics changed. `timed`: by the clock, which
    gives each training, stopped or not, another number of steps."""
    from etymon.training import differences

    lineages = model.statistics["lineages"]
    resumed = [
        event["step"]
        for event in events
        if event["event"] == "training resumes" and str(event["series"]).endswith(f"-{model.id[:12]}")
    ]
    changes = [
        {"step": now["step"], "text": ", ".join(differences(before["numerics"], now["numerics"]))}
        for before, now in pairwise(lineages)
    ]
    timed = model.recipe["seconds"] is not None
    steps = model.statistics["steps"]
    return {"family": name, "steps": steps, "timed": timed, "resumed": resumed, "changes": changes}


def damage(event: Mapping[str, Any]) -> dict[str, str]:
    """What was found damaged and left out."""
    block = "" if event["block"] is None else f", block {event['block']}"
    return {"time": event["time"], "what": f"{event['checkpoint']}: {event['file']}{block}", "why": event["why"]}


def cut(event: Mapping[str, Any]) -> dict[str, str]:
    """What was cut off the end of the journal or the metrics."""
    what = f"{_CUT[event['event']]}: {event['bytes']:,} bytes at its end"
    return {"time": event["time"], "what": what, "why": "not written to the end: a kill, or a loss of power"}


def hashed(job: Job) -> dict[str, int]:
    """The artifacts that the run leads to, all that they are made from, and their files and blocks; not a report, which
    an earlier start may have left."""
    chain: dict[str, Artifact] = {}
    for id in (id for role, id in job.run.artifacts().items() if role != "report"):
        made = job.store.open(id)
        chain |= {artifact.id: artifact for artifact in (made, *job.store.lineage(made))}
    records = [record for artifact in chain.values() for record in artifact.records.values()]
    return {
        "artifacts": len(chain),
        "files": len(records),
        "bytes": sum(record.size for record in records),
        "blocks": sum(len(record.blocks) for record in records),
    }
