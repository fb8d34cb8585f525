"""Reads report data that may lack any part of itself: absent and malformed members read as empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

JsonObject = dict[str, Any]
LARGEST = 1e60


def part(data: Mapping[str, Any], name: str) -> JsonObject:
    """The object under `name`, empty where there is none."""
    value = data.get(name)
    return cast(JsonObject, value) if isinstance(value, dict) else {}


def rows(data: Mapping[str, Any], name: str) -> list[JsonObject]:
    """The objects of the list under `name`; members that are no objects are no rows."""
    value = data.get(name)
    members = cast(list[Any], value) if isinstance(value, list) else []
    return [cast(JsonObject, member) for member in members if isinstance(member, dict)]


def number(data: Mapping[str, Any], name: str) -> float | None:
    """The number under `name`, else None; the comparison also turns away nan, inf and what no quantity comes near."""
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return value


def text(data: Mapping[str, Any], name: str) -> str:
    """The string under `name`, else the empty string."""
    value = data.get(name)
    return value if isinstance(value, str) else ""


def strings(data: Mapping[str, Any], name: str) -> list[str]:
    """The strings of the list under `name`."""
    value = data.get(name)
    members = cast(list[Any], value) if isinstance(value, list) else []
    return [member for member in members if isinstance(member, str) and member]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A mean with the bounds of its 95 % interval, where there are any, over `n` documents."""

    mean: float
    low: float | None
    high: float | None
    n: float | None


def measured(result: Mapping[str, Any]) -> Measured | None:
    """The numbers of {"mean", "low", "high", "n"}; None where nothing was measured."""
    mean, low, high = (number(result, name) for name in ("mean", "low", "high"))
    if mean is None:
        return None
    return Measured(mean=mean, low=low, high=high, n=number(result, "n"))


def is_pseudo(model: JsonObject) -> bool:
    """Whether a model's bits per byte are of a pseudo-likelihood, which is compared with no probability."""
    return text(model, "measure") == "pseudo-likelihood"
