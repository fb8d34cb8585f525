"""The findings beside the pictures of the generations: what was expected, what was measured, who beats whom."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, cast

from etymon.report.numbers import count, counted, fixed, in_words, work
from etymon.report.reading import JsonObject, Measured, measured, number, part, rows, text
from etymon.report.sentences import short_names

COUNTS = "table operations"
PSEUDO = "pseudo-likelihood"


def add_findings(data: dict[str, Any]) -> None:
    """Put what each picture shows, in sentences, beside its numbers."""
    says: dict[str, Callable[[JsonObject], list[str]]] = {
        "generations": generations_findings,
        "sparsity": sparsity_findings,
        "context": context_findings,
    }
    for name, say in says.items():
        if data.get(name):
            cast("dict[str, Any]", data[name])["findings"] = say(data)


def names_of(data: JsonObject) -> dict[str, str]:
    """What each family of the page is called in a sentence."""
    models = rows(data, "models")
    titles = [text(model, "title") or text(model, "family") for model in models]
    return dict(zip([text(model, "family") for model in models], short_names(titles), strict=True))


# ---------------------------------------------------------------- generations


def generations_findings(data: JsonObject) -> list[str]:
    """What publication would lead one to expect and what was measured; every network against what only counts."""
    families, names = rows(part(data, "generations"), "families"), names_of(data)
    likely = [row for row in families if text(row, "measure") != PSEUDO and rows(row, "points")]
    counting = [row for row in likely if text(row, "work") == COUNTS]
    networks = [row for row in likely if text(row, "work") != COUNTS]
    told = [_in_order(likely, names)]
    told += [_rivals(data, a, b, names) for a in counting for b in networks]
    told += [_apart(row, names) for row in families if text(row, "measure") == PSEUDO and rows(row, "points")]
    return [sentence for sentence in told if sentence]


def _end(row: JsonObject) -> float:
    return number(rows(row, "points")[-1], "bits_per_byte") or 0.0


def _in_order(families: list[JsonObject], names: dict[str, str]) -> str:
    """Expectation and measurement side by side, the oldest generation first."""
    if len(families) < 2:
        return ""
    dated = [f"{names.get(text(row, 'family'), text(row, 'family'))} {_year(row)}".strip() for row in families]
    ends = [_end(row) for row in families]
    falls = all(later < earlier for earlier, later in pairwise(ends))
    verdict = "as expected" if falls else "not in that order at this compute"
    measured_ends = in_words([_end_in_words(row) for row in families])
    return (
        "Expected, given enough compute: each generation needs fewer bits per byte than the one before it "
        f"({', '.join(dated)}). Measured at the end of each training, with 95 % intervals: {measured_ends}: {verdict}."
    )


def _end_in_words(row: JsonObject) -> str:
    last = rows(row, "points")[-1]
    low, high = number(last, "low"), number(last, "high")
    return _measured_words(Measured(mean=_end(row), low=low, high=high, n=None), "")


def _year(row: JsonObject) -> str:
    year = number(row, "year")
    return "" if year is None else f"{year:.0f}"


def _rivals(data: JsonObject, counting: JsonObject, network: JsonObject, names: dict[str, str]) -> str:
    """What counts against what learns by gradient, on the held-out documents of the comparison, whichever wins."""
    a, b = text(counting, "family"), text(network, "family")
    row = next((row for row in rows(data, "differences") if {text(row, "a"), text(row, "b")} == {a, b}), None)
    gap = measured(row) if row is not None else None
    if row is None or gap is None:
        return ""
    sign = 1 if text(row, "a") == a else -1
    counted_with = work(number(rows(counting, "points")[-1], "flops"), COUNTS)
    learned_with = work(number(rows(network, "points")[-1], "flops"))
    first = f"The {names.get(a, a)}, counted once with {counted_with}"
    second = f"the {names.get(b, b)} after {learned_with}"
    if gap.low is None or gap.high is None:
        return f"{first}, and {second} lie {fixed(abs(gap.mean))} bits per byte apart; one document gives no interval."
    if gap.low <= 0 <= gap.high:
        return f"{first}, and {second}: no difference is shown ({fixed(sign * gap.mean)}, {_interval(gap, sign)})."
    verb = "beats" if sign * gap.mean < 0 else "is beaten by"
    margin = "fewer" if sign * gap.mean < 0 else "more"
    crossing = "" if sign * gap.mean < 0 else _crossing(counting, network)
    return f"{first}, {verb} {second}: {fixed(abs(gap.mean))} bits per byte {margin} ({_interval(gap, 0)}).{crossing}"


def _interval(gap: Measured, sign: int) -> str:
    """The interval of a difference: turned with its sign, or of its size where `sign` is 0."""
    assert gap.low is not None
    assert gap.high is not None
    low, high = sorted((abs(gap.low), abs(gap.high)) if sign == 0 else (sign * gap.low, sign * gap.high))
    documents = f", {counted(gap.n, 'held-out document')}" if gap.n else ""
    return f"95 % interval {fixed(low)} to {fixed(high)}{documents}"


def _crossing(counting: JsonObject, network: JsonObject) -> str:
    """Where the curve first passed the line of what only counts."""
    line = _end(counting)
    passed = [point for point in rows(network, "points") if (number(point, "bits_per_byte") or line) < line]
    return f" It was passed at or before {work(number(passed[0], 'flops'))}." if passed else ""


def _apart(row: JsonObject, names: dict[str, str]) -> str:
    name = names.get(text(row, "family"), text(row, "family"))
    return (
        f"The {name} is drawn apart: it sees both sides of a token, so that its {fixed(_end(row), 2)} bits per byte "
        "are of a pseudo-likelihood, which is no probability of the text and is compared with no other number here."
    )


# ---------------------------------------------------------------- sparsity


def sparsity_findings(data: JsonObject) -> list[str]:
    """What was never seen, what that means for plain counting, and which smoothing makes the most of it."""
    sparsity = part(data, "sparsity")
    amounts = rows(sparsity, "amounts")
    if not amounts:
        return []
    titles = {text(row, "smoothing"): text(row, "title") for row in rows(sparsity, "smoothings")}
    first, last = amounts[0], amounts[-1]
    found = [_never_seen(sparsity, first, last), _smoothings(titles, last)]
    if len(amounts) > 1:
        found.append(_amounts(titles, first, last))
    return [sentence for sentence in found if sentence]


def _never_seen(sparsity: JsonObject, first: JsonObject, last: JsonObject) -> str:
    grams = rows(last, "unseen")
    if not grams:
        return ""
    longest, before = grams[-1], rows(first, "unseen")[-1]
    order, tokens = number(longest, "order") or 0, counted(number(last, "tokens") or 0, "token")
    less = f", after {count(number(first, 'tokens'))} {_percent(before)}" if first is not last else ""
    documents = counted(number(sparsity, "documents") or 0, "held-out document")
    share = _percent(longest)
    return (
        f"Of the {order:.0f}-grams in {documents}, {share} were never seen in {tokens} "
        f"({_percent_interval(longest)}){less}; of single tokens, {_percent(grams[0])}. Maximum likelihood gives each "
        "of them probability 0 and so has an infinite perplexity: without smoothing an n-gram is no model of new text."
    )


def _percent(row: JsonObject) -> str:
    return f"{100 * (number(row, 'mean') or 0):.1f} %"


def _percent_interval(row: JsonObject) -> str:
    low, high = number(row, "low"), number(row, "high")
    return "no interval" if low is None or high is None else f"95 % interval {100 * low:.1f} to {100 * high:.1f} %"


def _smoothings(titles: dict[str, str], last: JsonObject) -> str:
    """The best smoothing against the second, expectation first."""
    gap = part(last, "difference")
    found, best, second = measured(gap), text(gap, "a"), text(gap, "b")
    result = measured(part(part(last, "bits_per_byte"), best))
    if found is None or result is None:
        return ""
    verdict = f"{titles.get(best, best)} needs {fixed(result.mean)} bits per byte, {fixed(abs(found.mean))} fewer than "
    verdict += f"{titles.get(second, second)}"
    if found.low is not None and found.high is not None:
        shown = found.high < 0
        verdict += f" ({_interval(found, 0 if shown else 1)}{'' if shown else ': no difference is shown'})"
    else:
        verdict += " (one document gives no interval)"
    return f"Expected (Chen and Goodman 1999): modified Kneser-Ney needs the fewest. Measured: {verdict}."


def _amounts(titles: dict[str, str], first: JsonObject, last: JsonObject) -> str:
    best = text(part(last, "difference"), "a")
    less, more = (measured(part(part(amount, "bits_per_byte"), best)) for amount in (first, last))
    if less is None or more is None:
        return ""
    amounts = f"From {count(number(first, 'tokens'))} to {count(number(last, 'tokens'))} tokens"
    return f"{amounts}, {titles.get(best, best)} goes from {_measured_words(less)} to {_measured_words(more)}."


def _measured_words(result: Measured, interval: str = "95 % interval ") -> str:
    if result.low is None or result.high is None:
        return fixed(result.mean, 2)
    return f"{fixed(result.mean, 2)} ({interval}{fixed(result.low, 2)} to {fixed(result.high, 2)})"


# ---------------------------------------------------------------- effective context


def context_findings(data: JsonObject) -> list[str]:
    """How far back each family still gains, and what its construction or its literature leads one to expect."""
    names = names_of(data)
    families = [row for row in rows(part(data, "context"), "families") if len(rows(row, "points")) > 1]
    return [sentence for row in families if (sentence := _gains(row, names))]


def _gains(row: JsonObject, names: dict[str, str]) -> str:
    points, name = rows(row, "points"), names.get(text(row, "family"), text(row, "family"))
    first, last = points[0], points[-1]
    furthest = counted(number(last, "context") or 0, "token")
    order = number(row, "order")
    if order is not None:
        return _flat(points, name, int(order))
    gained = measured(part(first, "more"))
    interval = "" if gained is None or gained.low is None else f" ({_interval(gained, 1)})"
    more = 0.0 if gained is None else gained.mean
    gains = f"With 1 token in view the {name} needs {fixed(more)} bits per byte more than with {furthest}{interval}"
    if gained is None or gained.low is None:
        return f"{gains}; one document gives no interval."
    costly = [place for place, point in enumerate(points) if _costs_more(point)]
    reach = points[costly[-1] + 1] if costly else first  # a shorter context may be too uncertain to be told from all
    at = counted(number(reach, "context") or 0, "token")
    if reach is last:
        return f"{gains}, and with half of those still more than with all: it uses at least {furthest}."
    return f"{gains}; from {at} on no further gain is shown."


def _costs_more(point: JsonObject) -> bool:
    """Whether this context is shown to cost more than the longest: its interval lies above zero."""
    gap = measured(part(point, "more"))
    return gap is not None and gap.low is not None and gap.low > 0


def _flat(points: list[JsonObject], name: str, order: int) -> str:
    beyond = [point for point in points if (number(point, "context") or 0) >= order - 1]
    if len(beyond) < 2:
        return ""
    values = {number(point, "mean") for point in beyond}
    verdict = "exactly so" if len(values) == 1 else "not so, which is a fault"
    return (
        f"Expected of the {name}, of order {order}: nothing changes beyond {counted(order - 1, 'token')}, for it "
        f"sees no further. Measured from {counted(number(beyond[0], 'context') or 0, 'token')} on: {verdict}."
    )
