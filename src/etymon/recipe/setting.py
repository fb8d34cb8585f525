"""`Setting`: what one field of a settings dataclass says about itself: help, unit, limits, choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import cast


@dataclass(frozen=True)
class Setting:
    """Stands beside the type of a field: `rate: Annotated[float, Setting("peak learning rate", low=0)] = 3e-4`.

    `low` and `high` are the least and the greatest value allowed (of the number itself: seconds for a `Duration`),
    or the bounds just not allowed where `exclusive_low` or `exclusive_high` is set. `choices` are all values there
    are; for a list, of each element. `added`: it came when artifacts without it were kept already, and its default is
    what they have; `identity` leaves it out there, so that their ids stay. `outcome` is False where it changes no byte
    of what is made, only what the making takes; `identity` leaves it out always.
    """

    help: str
    _: KW_ONLY
    unit: str = ""
    low: float | None = None
    high: float | None = None
    exclusive_low: bool = False
    exclusive_high: bool = False
    choices: tuple[str | int | float, ...] = ()
    added: bool = False
    outcome: bool = True

    def __post_init__(self) -> None:
        if not self.help.strip():
            raise ValueError("a setting says what it is: its help is empty")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"no value is at least {self.low} and at most {self.high}")

    def refusal(self, value: object, spell: Callable[[float], str] = str) -> str:
        """Why this value (or element of a list) is not allowed; empty if it is."""
        if isinstance(value, tuple):
            elements = cast(tuple[object, ...], value)
            return next((why for element in elements if (why := self.refusal(element, spell))), "")
        if self.choices and value not in self.choices:
            return f"{value} is not one of the choices"
        if isinstance(value, bool) or not isinstance(value, int | float):
            return ""
        if self.low is not None and (value < self.low or (self.exclusive_low and value == self.low)):
            return f"it must be {self._lower(spell)}"
        if self.high is not None and (value > self.high or (self.exclusive_high and value == self.high)):
            return f"it must be {self._upper(spell)}"
        return ""

    def limits(self, spell: Callable[[float], str] = str) -> str:
        """The values allowed, in words; empty where all are. `spell` writes a number in the setting's own way."""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        return " and ".join(part for part in (self._lower(spell), self._upper(spell)) if part)

    def _lower(self, spell: Callable[[float], str]) -> str:
        if self.low is None:
            return ""
        return f"{'above' if self.exclusive_low else 'at least'} {spell(self.low)}"

    def _upper(self, spell: Callable[[float], str]) -> str:
        if self.high is None:
            return ""
        return f"{'below' if self.exclusive_high else 'at most'} {spell(self.high)}"
