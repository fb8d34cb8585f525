"""`etymon run` and `etymon demo`: the main job, told as it goes."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import webbrowser
from argparse import Namespace
from pathlib import Path
from typing import Any

from etymon.cli.signals import StopRequests
from etymon.cli.terminal import narrator, safe
from etymon.cli.words import split_settings
from etymon.run import Budget, Outcome, Request, etymon_command, run_job
from etymon.storage import Store, address_of, is_far

DEMO_PATHS = ("builtin:docs",)
DEMO_PROMPT = "Return a new"
DEMO_WORDS = """\
Etymon trains three generations of language model on text that this computer already has: the documentation of
Python's standard library. An n-gram counts, an LSTM and a GPT learn by gradient; all are measured on the same held-out
documents.
It takes about {budget}; Ctrl-C saves, and the same command goes on."""


def demo(options: Namespace) -> int:
    """The main job on the embedded default."""
    told = narrator(options.json)
    told.say(DEMO_WORDS.format(budget=options.budget))
    request = Request(
        paths=DEMO_PATHS,
        budget=Budget.parse(options.budget),
        name=options.name,
        overrides=demo_settings(options.settings),
        recipes=tuple(Path(path) for path in options.recipe),
        store=options.store,
    )
    return _run(request, options)


def demo_settings(words: list[str]) -> tuple[str, ...]:
    """The user's settings, and a prompt that suits the text where they give none."""
    prompt = [] if any(word.startswith("prompt=") for word in words) else [f"prompt={DEMO_PROMPT}"]
    return (*words, *prompt)


def run(options: Namespace) -> int:
    """The main job on the user's own text."""
    paths, settings = split_settings(options.words)
    request = Request(
        paths=tuple(paths),
        budget=Budget.parse(options.budget),
        name=options.name or name_from(paths),
        overrides=tuple(settings),
        recipes=tuple(Path(path) for path in options.recipe),
        store=options.store,
        initial=options.initial,
    )
    return _run(request, options)


def name_from(paths: list[str]) -> str:
    """A run is called after the first path when nobody names it: "texts/austen/" -> "austen"."""
    first = paths[0] if paths else "run"
    first = address_of(first) if is_far(first) else first  # without a signature
    last = Path(first).resolve().name if not first.startswith("builtin:") else first.replace(":", "-")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.")[:96] or "run"


def _run(request: Request, options: Namespace) -> int:
    told = narrator(options.json)
    outcome = run_job(request, Store.at(options.store), told, StopRequests())
    if options.json:
        json.dump(outcome.as_json(), sys.stdout)
        print()
        return 0
    for line in closing(outcome, options.store):
        print(safe(line))
    if not options.no_open and sys.stdout.isatty() and has_desktop():
        webbrowser.open(outcome.report.resolve().as_uri())
    return 0


def closing(outcome: Outcome, store: str | None) -> list[str]:
    """The end of a run: the findings, the table, where the words come from, the report, and what to try next."""
    from etymon.report import terminal_table

    lines = ["", *outcome.data["summary"], "", terminal_table(outcome.data)]
    if "sources" in outcome.data:
        lines += ["", *sources(outcome.data["sources"])]
    lines += ["", f"The report: {outcome.report}", "", "Three commands to try next:"]
    return lines + [f"  {command}" for command in next_commands(outcome, store)]


def sources(part: dict[str, Any]) -> list[str]:
    """One sentence of the best model, and the documents in which its longest passages stand."""
    lines = [
        f"The {part['family']} writes on: {part['prompt']}{part['text']}",
        "Its longest passages in the training text:",
    ]
    longest = sorted(part["spans"], key=lambda span: span["start"] - span["end"])[:3]
    lines += [f"  {span['text']!r} from {span['document']['url']}" for span in longest]
    return lines if longest else [*lines, "  none of 12 bytes or more: it is put together anew"]


def next_commands(outcome: Outcome, store: str | None) -> list[str]:
    """What a newcomer does next, with names that exist in this store."""
    where = f" --store {shlex.quote(store)}" if store else ""
    best = [row["family"] for row in outcome.data["models"] if row["best"]]
    spans = outcome.data.get("sources", {}).get("spans")
    corpus = f"{outcome.run}/corpus"
    ask = f"why {spans[0]['document']['id']} --corpus {corpus}" if spans else f"corpus report {corpus}"
    etymon = etymon_command()
    # A run of nothing but models that fill in has none that could write.
    write = f'generate {outcome.run}/{best[0]} "The " temperature=0.7' if best else "ls --kind model"
    return [
        f"{etymon} {write}{where}",
        f"{etymon} {ask}{where}",
        f"{etymon} run YOUR-FOLDER --budget 10m{where}",
    ]


def has_desktop() -> bool:
    """Whether there is a screen on which a browser can open."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
