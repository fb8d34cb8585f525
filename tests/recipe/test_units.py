"""Amounts in words: what is read, what is refused and why, and that writing is the exact inverse of reading."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etymon.errors import EtymonError
from etymon.recipe import UnitError, parse_bytes, parse_count, parse_duration, parse_flops
from etymon.recipe.units import format_bytes, format_count, format_duration, format_flops


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m", 600),
        ("1h30m", 5400),
        ("90s", 90),
        ("2h", 7200),
        ("1.1h", 3960),
        (" 2 days ", 172_800),
        ("1w 2d", 777_600),
        ("1 hour 5 min", 3900),
        ("500ms", 0.5),
        ("1e3s", 1000),
        ("0s", 0),
    ],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("64 MiB", 64 << 20),
        ("2GB", 2_000_000_000),
        ("4096", 4096),
        ("1 kB", 1000),
        ("1KB", 1000),
        ("1.5KiB", 1536),
        ("7 bytes", 7),
        ("1 TiB", 1 << 40),
    ],
)
def test_bytes_know_thousands_from_1024s(text: str, number: int) -> None:
    assert parse_bytes(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("4k", 4000),
        ("3e6", 3_000_000),
        ("1_000", 1000),
        ("2M", 2_000_000),
        ("1.5B", 1_500_000_000),
        ("2 million", 2_000_000),
    ],
)
def test_counts_are_whole_numbers(text: str, number: int) -> None:
    assert parse_count(text) == number
    assert isinstance(parse_count(text), int)


@pytest.mark.parametrize(
    ("text", "operations"),
    [("1e15 FLOP", 1e15), ("3 PFLOP", 3e15), ("1e15FLOP", 1e15), ("2 GFLOPs", 2e9), ("1e21", 1e21), ("1EFLOP", 1e18)],
)
def test_operations_are_an_amount(text: str, operations: float) -> None:
    assert parse_flops(text) == operations


@pytest.mark.parametrize(
    ("parse", "text", "why"),
    [
        (parse_duration, "10 parsecs", "there is no unit 'parsecs'"),
        (parse_duration, "10 minuts", "did you mean 'minutes'"),
        (parse_duration, "90", "the unit is missing"),
        (parse_duration, "10M", "minutes or months"),
        (parse_duration, "30m1h", "larger units stand first"),
        (parse_duration, "1h1h", "each once"),
        (parse_duration, "-5m", "negative"),
        (parse_duration, "", "not a number followed by its unit"),
        (parse_duration, "soon", "not a number followed by its unit"),
        (parse_duration, "nan s", "not a number followed by its unit"),
        (parse_duration, "1e400s", "too large"),
        (parse_duration, "1e999999999999999999999s", "too large"),
        (parse_bytes, "64M", "may mean MB"),
        (parse_bytes, "64 Mb", "are bits"),
        (parse_bytes, "0.5 B", "not a whole number"),
        (parse_bytes, "1e8 TB", "too large"),
        (parse_bytes, "1 GB 2 MB", "more than one"),
        (parse_count, "1.5", "not a whole number"),
        (parse_count, "2m", "thousandths or millions"),
        (parse_count, "5G", "written B"),
        (parse_count, "1e40", "too large"),
        (parse_flops, "3 PFLOPS", "that is a rate"),
        (parse_flops, "3 TFLOP/s", "that is a rate"),
        (parse_flops, "3 PFLIP", "did you mean 'PFLOP'"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_reason_and_how_to_write_it(
    parse: Callable[[str], float], text: str, why: str
) -> None:
    with pytest.raises(UnitError) as caught:
        parse(text)
    assert why in caught.value.why
    assert caught.value.help.startswith("write it like")
    assert isinstance(caught.value, EtymonError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        (format_duration(5400), "1h30m"),
        (format_duration(90_061), "1d1h1m1s"),
        (format_duration(0.25), "0.25s"),
        (format_duration(0), "0s"),
        (format_bytes(64 << 20), "64 MiB"),
        (format_bytes(2_000_000), "2 MB"),
        (format_bytes(1001), "1001 B"),
        (format_count(1_500_000), "1.5M"),
        (format_count(4096), "4096"),
        (format_count(10_000), "10k"),
        (format_flops(3e15), "3 PFLOP"),
        (format_flops(1.25e18), "1.25 EFLOP"),
        (format_flops(0), "0 FLOP"),
    ],
)
def test_amounts_are_written_short(spelled: str, expected: str) -> None:
    assert spelled == expected


@given(st.floats(0, 1e307))
def test_a_written_duration_reads_back_exactly(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(0, 10**12).map(float))
def test_a_written_duration_of_whole_seconds_reads_back_exactly(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(0, 2**63 - 1))
def test_written_bytes_and_counts_read_back_exactly(number: int) -> None:
    assert parse_bytes(format_bytes(number)) == number
    assert parse_count(format_count(number)) == number


@given(st.floats(0, 1e307))
def test_written_operations_read_back_exactly(operations: float) -> None:
    assert parse_flops(format_flops(operations)) == operations


@given(st.text())
def test_any_text_is_an_amount_or_refused_in_words(text: str) -> None:
    for parse in (parse_duration, parse_bytes, parse_count, parse_flops):
        try:
            assert parse(text) >= 0
        except UnitError as error:
            assert error.why
