"""How good a classifier of texts is, and on what it was trained, as lines for the terminal."""

from __future__ import annotations

from etymon.report.numbers import count, fixed
from etymon.report.reading import JsonObject, number, part

MEASURED = {"accuracy": "accuracy at 0.5", "auc": "area under the ROC curve", "calibration_error": "calibration error"}


def classifier_in_words(statistics: JsonObject) -> str:
    """The statistics of a classifier: texts of each label, and what was measured on those held out."""
    lines = [
        f"  {words:<26}{count(number(part(statistics, key), 'with'))} with the label, "
        f"{count(number(part(statistics, key), 'without'))} without"
        for key, words in (("read", "texts read"), ("different", "different texts drawn"), ("held_out", "held out"))
    ]
    for key, words in MEASURED.items():
        found = part(statistics, key)
        mean, low, high = (fixed(number(found, each)) for each in ("mean", "low", "high"))
        lines.append(f"  {words:<26}{mean} (95 %: {low} to {high}, n {count(number(found, 'n'))})")
    return "\n".join(lines)
