"""The comparison as a table for the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from etymon.report import terminal_table

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parent / "example.json").read_text(encoding="utf-8"))


def test_every_model_has_a_line_with_its_size_its_work_and_its_interval() -> None:
    line = next(line for line in terminal_table(EXAMPLE).splitlines() if line.startswith("LSTM"))
    assert line.split("  ") and line.split() == [
        *("LSTM", "2.1", "M", "14.7", "M", "185", "TFLOP", "1.707", "1.688", "to", "1.728"),
    ]


def test_work_that_is_not_flop_keeps_its_name() -> None:
    assert "566 M table operations" in terminal_table(EXAMPLE)


def test_the_columns_are_aligned() -> None:
    lines = terminal_table(EXAMPLE).splitlines()
    end = lines[0].index("bits per byte") + len("bits per byte")
    assert all(line[end - 1] in "0123456789-e" and line[end : end + 1].strip() == "" for line in lines)


def test_the_floors_stand_beneath_the_models() -> None:
    lines = terminal_table(EXAMPLE).splitlines()
    assert lines[-2].split() == ["bz2", "2.214"]
    assert lines[-1].split() == ["xz", "2.067"]
    assert set(lines[-3]) <= set("- ")


def test_what_was_not_measured_is_a_dash() -> None:
    assert terminal_table({"models": [{"family": "gpt"}]}).splitlines()[-1].split() == ["gpt", *"\u2013" * 4]


def test_there_is_no_table_without_models() -> None:
    assert terminal_table({"floors": EXAMPLE["floors"]}) == ""
