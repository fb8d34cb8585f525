"""The findings of a run as sentences, the same in the terminal, in the report and in answers for machines."""

from __future__ import annotations

import re
from dataclasses import dataclass

from etymon.report.numbers import count, counted, fixed, in_words
from etymon.report.reading import JsonObject, Measured, is_pseudo, measured, number, part, rows, text

NAMED_SKIPS = 3


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A model with what it was measured to need."""

    family: str
    name: str
    result: Measured


def standings(data: JsonObject) -> list[Standing]:
    """The models that give probabilities and were measured, the one that needs the fewest bits per byte first."""
    models = [model for model in rows(data, "models") if not is_pseudo(model)]
    names = short_names([text(model, "title") or text(model, "family") for model in models])
    results = [measured(part(model, "bits_per_byte")) for model in models]
    found = [
        Standing(family=text(model, "family"), name=name, result=result)
        for model, name, result in zip(models, names, results, strict=True)
        if result is not None
    ]
    return sorted(found, key=lambda standing: standing.result.mean)


def short_names(titles: list[str]) -> list[str]:
    """Titles without the remark in brackets at their end, unless that would make two of them equal."""
    short = [re.sub(r" *\([^()]*\)$", "", title) or title for title in titles]
    return short if len(set(short)) == len(titles) else titles


def summary_sentences(data: JsonObject) -> list[str]:
    """What a reader should know first, the main finding in the first sentence.

    `data` is the report's data; parts that are absent give no sentence. A difference is called one only where its
    95 % interval leaves zero out.
    """
    models = standings(data)
    found = [
        _comparison(models),
        _difference(data, models),
        _counting(data, models),
        _floors(data, models),
        _documents(data),
        _skipped(data),
    ]
    return [sentence for sentence in found if sentence]


def _comparison(models: list[Standing]) -> str:
    if not models:
        return ""
    documents = {model.result.n for model in models}
    n = documents.pop() if len(documents) == 1 else None
    where = f"On {counted(n, 'held-out document')}" if n else "On held-out text"
    first, *others = models
    if not others:
        return f"{where} the {first.name} needs {fixed(first.result.mean, 2)} bits per byte{_interval(first.result)}."
    decimals = _telling_decimals([model.result.mean for model in models])
    needs = [f"the {model.name} {fixed(model.result.mean, decimals)}" for model in others]
    lead = f"{where} the {first.name} needs {fixed(first.result.mean, decimals)} bits per byte"
    return f"{lead}, {in_words(needs)}."


def _telling_decimals(means: list[float]) -> int:
    """Two decimals, or three where two would show different means as the same number."""
    return 2 if len({fixed(mean, 2) for mean in means}) == len(set(means)) else 3


def _interval(result: Measured) -> str:
    if result.low is None or result.high is None:
        return ""
    return f" (95 % interval {fixed(result.low, 2)} to {fixed(result.high, 2)})"


def _difference(data: JsonObject, models: list[Standing]) -> str:
    """The best model against the second best, if that pair was measured on the same documents."""
    if len(models) < 2:
        return ""
    best, second = models[:2]
    for row in rows(data, "differences"):
        result = measured(row)
        if {text(row, "a"), text(row, "b")} != {best.family, second.family} or result is None:
            continue
        if result.low is None or result.high is None:
            continue
        gap = f"{fixed(abs(result.mean))} bits per byte"
        low, high = sorted((abs(result.low), abs(result.high)))
        if result.low <= 0 <= result.high:
            return (
                f"Between the {best.name} and the {second.name} no difference is shown: {gap}, "
                "and the 95 % interval holds zero."
            )
        return (
            f"On the same documents the {best.name} needs {gap} fewer than the {second.name} "
            f"(95 % interval {fixed(low)} to {fixed(high)})."
        )
    return ""


def _counting(data: JsonObject, models: list[Standing]) -> str:
    """Where an n-gram does better than every network, that is said, also where neither is the best."""
    kinds = {text(model, "family"): text(model, "flops_kind") for model in rows(data, "models")}
    counted_first = next((model for model in models if kinds[model.family] == "table operations"), None)
    network = next((model for model in models if kinds[model.family] == "FLOP"), None)
    if counted_first is None or network is None:
        return ""
    if {counted_first.family, network.family} == {model.family for model in models[:2]}:
        return ""  # it is said already
    for row in rows(data, "differences"):
        result = measured(row)
        if {text(row, "a"), text(row, "b")} != {counted_first.family, network.family} or result is None:
            continue
        if result.low is None or result.high is None or result.low <= 0 <= result.high:
            continue
        if counted_first.result.mean < network.result.mean:
            low, high = sorted((abs(result.low), abs(result.high)))
            gap = f"{fixed(abs(result.mean))} bits per byte"
            return (
                f"Counting does better than training here: the {counted_first.name} needs {gap} fewer than the "
                f"{network.name} (95 % interval {fixed(low)} to {fixed(high)})."
            )
    return ""


def _floors(data: JsonObject, models: list[Standing]) -> str:
    """How the models stand to the best general compressor."""
    floors = [(number(floor, "bits_per_byte"), text(floor, "name")) for floor in rows(data, "floors")]
    measured_floors = sorted((value, name) for value, name in floors if value is not None)
    if not measured_floors or not models:
        return ""
    value, name = measured_floors[0]
    below = [model for model in models if model.result.mean < value]
    compressor = f"the general compressor {name}, which needs {fixed(value, 2)}"
    if len(below) == len(models):
        who = f"The {below[0].name} does" if len(models) == 1 else f"All {len(models)} models do"
        return f"{who} better than {compressor}."
    if not below:
        return f"No model does better than {compressor}."
    above = in_words([f"the {model.name}" for model in models if model not in below])
    verb = "does" if len(models) - len(below) == 1 else "do"
    return f"{above[0].upper()}{above[1:]} {verb} not reach {compressor}."


def _documents(data: JsonObject) -> str:
    documents = part(part(data, "corpus"), "documents")
    read, kept = number(documents, "in"), number(documents, "kept")
    if read is None or kept is None:
        return ""
    lost = [
        (sum(number(counts, name) or 0 for name in counts), verb)
        for counts, verb in ((part(documents, "dropped"), "dropped"), (part(documents, "quarantined"), "quarantined"))
    ]
    fates = [f"{count(kept)} were kept", *(f"{count(total)} {verb}" for total, verb in lost if total)]
    return f"Of {counted(read, 'document')} read, {in_words(fates)}."


def _skipped(data: JsonObject) -> str:
    """The first skipped things with their reasons, and how many more there are."""
    named = [
        f"{text(row, 'what')} ({text(row, 'why')})" if text(row, "why") else text(row, "what")
        for row in rows(data, "skipped")
        if text(row, "what")
    ]
    more = len(named) - NAMED_SKIPS
    shown = named if more <= 0 else [*named[:NAMED_SKIPS], f"{more} more"]
    return f"Skipped: {in_words(shown)}." if named else ""
