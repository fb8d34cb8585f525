"""Why a document is in a corpus or not: every rule with value, threshold and margin, and what would have kept it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from etymon.corpus.repeats import MOSTLY_LINES, MOSTLY_SPANS
from etymon.corpus.rules import OPERATIONS, conditions
from etymon.corpus.schema import Decision
from etymon.corpus.verdicts import DROPPED, EXACT_DUPLICATE, KEPT, NEAR_DUPLICATE, QUARANTINED

WORDS_OF_SWITCHES = {
    EXACT_DUPLICATE: "reading this copy before the other one: the first one read is kept",
    NEAR_DUPLICATE: "corpus.near_duplicates=off, or reading this copy before the other one",
    MOSTLY_LINES: "corpus.repeated_lines=off: what it shares with many documents was cut, and too little was left",
    MOSTLY_SPANS: "corpus.repeated_spans=off: what stands in earlier documents was cut, and too little was left",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One rule held against one document. `margin` is how far the value is from the threshold, in the rule's own unit:
    above zero where the rule drops the document, below where it does not. `exempt` says why the rule does not apply to
    it ("spaceless > 0.3, here 0.9"), "" where it does."""

    rule: str
    column: str
    op: str
    threshold: float
    value: float
    margin: float
    drops: bool
    source: str
    exempt: str = ""

    @property
    def words(self) -> str:
        """The check as one line."""
        if self.exempt:
            return f"does not apply: {self.rule} ({self.column} {self.op} {self.threshold:g}), as {self.exempt}"
        sign = "drops" if self.drops else "passes"
        return f"{sign}: {self.rule} ({self.column} {self.op} {self.threshold:g}), here {self.value:g}"


def checks(values: Mapping[str, Any], rules: Iterable[Mapping[str, Any]]) -> list[Check]:
    """Every rule of a corpus against the values of one document; rules on what was not measured are left out."""
    found: list[Check] = []
    for rule in rules:
        value = values.get(rule["column"])
        if isinstance(value, int | float):
            number, threshold, op = float(value), float(rule["threshold"]), str(rule["op"])
            distance = number - threshold if op.startswith(">") else threshold - number
            exempt = _exempt(values, str(rule.get("unless", "")))
            drops = bool(OPERATIONS[op](number, threshold)) and not exempt
            source = str(rule.get("source", ""))
            found.append(Check(rule["name"], rule["column"], op, threshold, number, distance, drops, source, exempt))
    return found


def _exempt(values: Mapping[str, Any], unless: str) -> str:
    """Why a rule does not apply to a document; "" where it does."""
    for each in conditions(unless):
        value = float(values[each.column])
        if each.holds(value):
            return f"{each.words}, here {value:g}"
    return ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with all that led to it."""

    decision: Decision
    checks: tuple[Check, ...]
    kept_if: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The decision for machines, with "rules" and "kept_if" besides."""
        return self.decision.as_json() | {"rules": [asdict(each) for each in self.checks], "kept_if": self.kept_if}

    def in_words(self) -> str:
        """The decision for people: what, where, every rule (those that drop first), and what would have kept it."""
        ordered = sorted(self.checks, key=lambda each: not each.drops)
        lines = [self.decision.in_words(), *(f"  {each.words}" for each in ordered)]
        if self.kept_if:
            lines += ["  it would have been kept with all of:", *(f"    {each}" for each in self.kept_if)]
        return "\n".join(lines)


def explain(decision: Decision, rules: Iterable[Mapping[str, Any]]) -> Explanation:
    """The explanation of a decision under the rules of its corpus."""
    found = checks(decision.values, rules)
    return Explanation(decision, tuple(found), tuple(_kept_if(decision, found)))


def _kept_if(decision: Decision, found: Iterable[Check]) -> Iterable[str]:
    """What would have to be otherwise for the document to be kept; nothing for one that was."""
    if decision.outcome == KEPT:
        return
    dropping = [each for each in found if each.drops]
    if not decision.values.get("characters"):
        dropping = []  # where there is no text, what rules say of it means nothing
    for each in dropping:
        beyond = "beyond " if each.op.endswith("=") else ""
        yield f"{each.rule}: threshold {each.threshold:g} moved {beyond}to {each.value:g} (by {abs(each.margin):g})"
    if decision.outcome == QUARANTINED:
        yield f"a readable record: {decision.rule}"
    elif decision.rule in WORDS_OF_SWITCHES:
        yield WORDS_OF_SWITCHES[decision.rule]
    elif decision.outcome == DROPPED and decision.rule not in {each.rule for each in dropping}:
        yield f"no {decision.rule}"
