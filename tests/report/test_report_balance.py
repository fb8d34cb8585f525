"""The balance of a text for the terminal: a column for each side, intervals where there are any, limits in words."""

from __future__ import annotations

import json
from pathlib import Path

from etymon.report import balance_in_words

EXAMPLE = json.loads((Path(__file__).parent / "example.json").read_text())["balance"]


def line(told: str, name: str) -> str:
    return next(each for each in told.splitlines() if each.startswith(name))


def test_each_side_has_its_column():
    told = balance_in_words(EXAMPLE)
    assert told.splitlines()[0].split("  ")[-1].strip() == EXAMPLE["sides"][-1]["title"]
    assert line(told, "docs").count("%") == len(EXAMPLE["sides"])
    shares = [side["domains"]["docs"] for side in EXAMPLE["sides"]]
    assert line(told, "docs").split()[1:] == [f"{share:.2%}" for share in shares]


def test_rates_have_their_intervals_and_limits_stand_at_the_end():
    told = balance_in_words(EXAMPLE)
    row = EXAMPLE["sides"][1]["sample"]["phenomena"]["negation"]
    assert f"{row['per_1000_words']:.1f} [{row['low']:.1f}, {row['high']:.1f}]" in line(told, "negation")
    assert told.endswith(EXAMPLE["limits"][-1])


def test_a_side_that_was_not_looked_at_says_why():
    sides = [{"side": "read", "title": "as read", "domains": {"a": 1.0}, "why": "it is gone"}]
    told = balance_in_words({"sides": sides})
    assert told.endswith("it is gone") and "100.00%" in line(told, "a")


def test_nothing_to_tell_is_no_error():
    assert "domains" in balance_in_words({})
