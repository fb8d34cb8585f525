"""What has been chosen: the given values, judged one by one against the tree of settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from etymon.recipe.kinds import NONE, TEXT, Form, WrongValue, spoken_type
from etymon.recipe.mistakes import Mistake, Place, did_you_mean
from etymon.recipe.toml import UNREADABLE, Given
from etymon.recipe.tree import Leaf, Path, Table, entries, find, suggestion


@dataclass(frozen=True)
class Choice:
    """The value of a setting and where it comes from."""

    value: Any
    place: Place


@dataclass
class Choices:
    """What has been chosen so far, by path, and all mistakes.

    `named` are the tables that somebody named, `absent` those set to none, `unreadable` the settings that were given
    something that is no value for them. `whole` is where to send people about what is nowhere to be found.
    """

    cls: type[Any]
    whole: Place
    chosen: dict[Path, Choice] = field(default_factory=dict[Path, Choice])
    named: dict[Path, Place] = field(default_factory=dict[Path, Place])
    absent: set[Path] = field(default_factory=set[Path])
    unreadable: set[Path] = field(default_factory=set[Path])
    mistakes: list[Mistake] = field(default_factory=list[Mistake])

    def take(self, given: Given, form: Form) -> None:
        """Judge one given value and keep it, in place of what was chosen for the same key before."""
        known = next((n for n in range(len(given.path), 0, -1) if find(self.cls, given.path[:n])), 0)
        entry = find(self.cls, given.path[:known])
        if isinstance(entry, Leaf):
            if known < len(given.path) or given.value == {}:
                self._refuse_table(given, known, entry)
            else:
                self._take_leaf(given, entry, form)
        elif known < len(given.path):
            self._refuse_unknown(given, known)
        elif isinstance(entry, Table) and given.value is not UNREADABLE:
            self._take_table(given, entry)

    def wrong(self, place: Place, subject: str, why: str, help: str = "") -> None:
        """Note a mistake, once."""
        mistake = Mistake(place, subject, why, help)
        if mistake not in self.mistakes:
            self.mistakes.append(mistake)

    def _refuse_unknown(self, given: Given, known: int) -> None:
        """One mistake for a header or inline table that is not known, not one for each key in it."""
        part, help = given.path[known], suggestion(self.cls, given.path, known)
        if given.header_place and known < len(given.header):
            self.wrong(given.header_place, f"[{'.'.join(given.header)}]", f"there is no table {part!r}", help)
        elif known + 1 < len(given.path) or given.value == {}:
            self.wrong(given.place, ".".join(given.path[: known + 1]), f"there is no table {part!r}", help)
        else:
            self.wrong(given.place, given.written, f"there is no setting {part!r}", help)

    def _refuse_table(self, given: Given, known: int, leaf: Leaf) -> None:
        key = ".".join(given.path[:known])
        place, subject = given.place, key
        if given.header_place and known <= len(given.header):
            place, subject = given.header_place, f"[{'.'.join(given.header)}]"
        self.unreadable.add(given.path[:known])
        self.wrong(place, subject, "a value is wanted, this is a table", f"{key} takes {leaf.wanted}")

    def _take_table(self, given: Given, table: Table) -> None:
        if given.value == {}:
            self._name(given.path, given.place)
        elif table.optional and given.value in (NONE, None):
            self.absent.add(given.path)
            self.chosen = {path: each for path, each in self.chosen.items() if path[: len(given.path)] != given.path}
        else:
            key = ".".join(given.path)
            why = f"a table is wanted, this is {spoken_type(given.value)}"
            names = ", ".join(f"{key}.{name}" for name in entries(table.type))
            self.wrong(given.place, given.written, why, f"its settings are {names}")

    def _name(self, path: Path, place: Place) -> None:
        """A table is there because it, or something in it, is named."""
        for depth in range(1, len(path) + 1):
            self.named.setdefault(path[:depth], place)
            self.absent.discard(path[:depth])

    def _take_leaf(self, given: Given, leaf: Leaf, form: Form) -> None:
        self._name(given.path[:-1], given.place)
        self.chosen.pop(given.path, None)
        self.unreadable.add(given.path)
        if given.value is UNREADABLE:
            return
        try:
            value = _value(leaf, given.value, form)
        except WrongValue as wrong:
            hint = wrong.help and f"{wrong.help}{'' if wrong.help.endswith('?') else ';'} "
            self.wrong(given.place, given.written, wrong.why, f"{hint}it takes {leaf.wanted}")
            return
        self.unreadable.discard(given.path)
        self.chosen[given.path] = Choice(value, given.place)


def _value(leaf: Leaf, given: object, form: Form) -> Any:
    """The value of a setting; raises `WrongValue` where it is not of its kind or not allowed."""
    if leaf.optional and given is None:
        return None
    if leaf.optional and given == NONE:
        if form != "python":
            return None
        if leaf.kind is TEXT:
            raise WrongValue(f"the word {NONE} stands for no value here, so it cannot be a value")
    value = leaf.kind.read(given, form)
    why = leaf.setting.refusal(value, leaf.kind.spell)
    if why:
        raise WrongValue(why, _near_choice(leaf, value))
    return value


def _near_choice(leaf: Leaf, value: Any) -> str:
    known = [choice for choice in leaf.setting.choices if isinstance(choice, str)]
    words = cast(tuple[Any, ...], value) if isinstance(value, tuple) else (value,)
    return next((did_you_mean(word, known) for word in words if isinstance(word, str) and word not in known), "")
