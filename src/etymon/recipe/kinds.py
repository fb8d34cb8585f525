"""The kinds of value a setting can have: how each is read from TOML, from a word and from Python, and written."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from numbers import Integral, Real
from typing import Any, Literal, cast

from etymon.recipe import units
from etymon.recipe.mistakes import shortened

JsonObject = dict[str, Any]
Form = Literal["toml", "text", "python"]
NONE = "none"  # how the absence of an optional value is written: TOML has no null
_64_BITS = 2**63


class WrongValue(Exception):
    """A value that is not of the kind wanted: `why` it is not, and what would `help`."""

    def __init__(self, why: str, help: str = "") -> None:
        super().__init__(why)
        self.why, self.help = why, help


@dataclass(frozen=True)
class Kind:
    """One kind of value. The three readers raise `WrongValue`; reading back what `to_toml` wrote gives it again."""

    title: str
    from_toml: Callable[[object], Any]
    """From what a TOML parser gives."""
    from_text: Callable[[str], Any]
    """From a word of the command line."""
    from_python: Callable[[object], Any]
    """From Python or JSON, where units are left out."""
    to_toml: Callable[[Any], str]
    spell: Callable[[Any], str]
    """A number of this kind (of an element, for a list) in words: 60 -> "1m" for a duration."""
    schema: JsonObject

    def read(self, value: Any, form: Form) -> Any:
        """The value, given as TOML's parser, a word of the command line, or Python has it."""
        readers = {"toml": self.from_toml, "text": self.from_text, "python": self.from_python}
        return readers[form](value)


def spoken_type(value: object) -> str:
    """What a reader of TOML would call this value."""
    names: list[tuple[type[Any] | tuple[type[Any], ...], str]] = [
        (bool, "true or false"),
        (Integral, "a whole number"),
        (Real, "a decimal number"),
        (str, "text"),
        ((list, tuple), "a list"),
        (dict, "a table"),
        ((date, time), "a date or time"),
        (type(None), "null"),
    ]
    return next((name for kinds, name in names if isinstance(value, kinds)), type(value).__name__)


def _wrong_type(wanted: str, value: object, help: str = "") -> WrongValue:
    return WrongValue(f"{wanted} is wanted, this is {spoken_type(value)}", help)


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        unquote = "leave out the quotes" if isinstance(value, str) and value.strip().lstrip("+-").isdigit() else ""
        raise _wrong_type("a whole number", value, unquote)
    number = int(value)
    if not -_64_BITS <= number < _64_BITS:
        raise WrongValue("it does not fit into 64 bits")
    return number


def _whole_from_text(text: str) -> int:
    try:
        number = int(text)
    except ValueError as error:
        raise WrongValue("a whole number is wanted") from error
    return _whole(number)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _wrong_type("a number", value, "leave out the quotes" if isinstance(value, str) else "")
    try:
        number = float(value)
    except OverflowError as error:
        raise WrongValue("it is too large for a floating-point number") from error
    if not math.isfinite(number):
        raise WrongValue("it is not a finite number")
    return number


def _number_from_text(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise WrongValue("a number is wanted") from error
    return _number(number)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type("true or false", value)
    return value


def _truth_from_text(text: str) -> bool:
    if text not in ("true", "false"):
        raise WrongValue("true or false is wanted")
    return text == "true"


def _text(value: object) -> str:
    if not isinstance(value, str):
        simple = isinstance(value, Real | date | time)
        raise _wrong_type("text", value, f"put it in quotes: {quoted(_as_written(value))}" if simple else "")
    return value


def _text_from_text(text: str) -> str:
    """As it stands; where it is a TOML string in its quotes, what stands in them."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return _text(_toml_value(text))
    return text


def _toml_value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError) as error:
        raise WrongValue(f"it is not TOML: {str(error).split(' (at')[0]}") from error


def quoted(text: str) -> str:
    """A TOML basic string. JSON's escapes are TOML's; beyond JSON, TOML wants the delete character escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _as_written(value: object) -> str:
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


WHOLE = Kind("a whole number", _whole, _whole_from_text, _whole, str, str, {"type": "integer"})
NUMBER = Kind("a number", _number, _number_from_text, _number, repr, repr, {"type": "number"})
TRUTH = Kind("true or false", _truth, _truth_from_text, _truth, _as_written, str, {"type": "boolean"})
TEXT = Kind("text", _text, _text_from_text, _text, quoted, str, {"type": "string"})


def _amount(
    unit: units.Unit, parse: Callable[[str], Any], plain: Callable[[object], Any], spell: Callable[[Any], str]
) -> Kind:
    """The kind of an amount with a unit: a text with its unit, or a bare number where one has a meaning."""

    def from_text(text: str) -> Any:
        try:
            return parse(text)
        except units.UnitError as error:
            raise WrongValue(error.why) from error

    def from_python(value: object) -> Any:
        if isinstance(value, str):
            return from_text(value)
        if isinstance(value, bool) or not isinstance(value, Real):
            raise _wrong_type(unit.noun, value)
        if value < 0:
            raise WrongValue("it is negative")
        return plain(value)

    def from_toml(value: object) -> Any:
        if unit.bare or isinstance(value, bool) or not isinstance(value, Real):
            return from_python(value)
        raise WrongValue("the unit is missing")

    number: JsonObject = {"type": "integer" if unit.whole else "number"}
    schema: JsonObject = {"anyOf": [number, {"type": "string", "pattern": r"^\s*[0-9]"}]}

    def to_toml(value: Any) -> str:
        text = spell(value)
        return text if text.isdigit() and unit.bare else quoted(text)

    return Kind(f"{unit.noun}, {unit.written}", from_toml, from_text, from_python, to_toml, spell, schema)


DURATION = _amount(units.DURATION, units.parse_duration, _number, units.format_duration)
BYTES = _amount(units.BYTES, units.parse_bytes, _whole, units.format_bytes)
COUNT = _amount(units.COUNT, units.parse_count, _whole, units.format_count)
FLOPS = _amount(units.FLOPS, units.parse_flops, _number, units.format_flops)

KINDS: dict[object, Kind] = {
    int: WHOLE,
    float: NUMBER,
    bool: TRUTH,
    str: TEXT,
    units.Duration: DURATION,
    units.Bytes: BYTES,
    units.Count: COUNT,
    units.Flops: FLOPS,
}


def list_of(element: Kind) -> Kind:
    """A list, a tuple in Python; on the command line the elements stand between commas."""

    def each(read: Callable[[Any], Any], values: object) -> tuple[Any, ...]:
        if not isinstance(values, list | tuple):
            raise _wrong_type("a list", values, f"put it in brackets: [{shortened(_as_written(values))}]")
        return tuple(_element(read, value) for value in cast(tuple[Any, ...], values))

    def from_text(text: str) -> tuple[Any, ...]:
        if text.startswith("["):
            return each(element.from_toml, _toml_value(text))
        return tuple(_element(element.from_text, word.strip()) for word in text.split(",")) if text.strip() else ()

    return Kind(
        f"a list, each element {element.title}",
        lambda value: each(element.from_toml, value),
        from_text,
        lambda value: each(element.from_python, value),
        lambda values: f"[{', '.join(element.to_toml(value) for value in values)}]",
        element.spell,
        {"type": "array", "items": element.schema},
    )


def _element(read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except WrongValue as wrong:
        raise WrongValue(f"element {_as_written(value)}: {wrong.why}", wrong.help) from wrong
