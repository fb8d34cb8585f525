"""Recipe files: TOML read statement by statement, so that every mistake is found and every key knows its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from etymon.recipe.mistakes import Mistake, Place
from etymon.recipe.tree import Path


class _Unreadable:
    """Stands for the value of a key whose value is not TOML; the mistake is told, the key counts as given."""

    def __repr__(self) -> str:
        return "UNREADABLE"


UNREADABLE = _Unreadable()


@dataclass(frozen=True)
class Given:
    """One setting as somebody gave it: path, value, the text that says so, and where.

    A table that is named (a header, an inline table) is given too, with {} as value. `header` is the path of the
    header above it and `header_place` where that stands, so that a wrong header is told once and not for each key.
    """

    path: Path
    value: object
    written: str
    place: Place
    header: Path = ()
    header_place: Place | None = None


_TOKEN = re.compile(
    r'''(?P<text>"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*+"{3,5}|"""|"(?:[^"\\\n]|\\[^\n])*+"|"[^\n]*+)'''
    r"""|(?P<literal>'''(?:[^']|'{1,2}(?!'))*+'{3,5}|'''|'[^'\n]*+'|'[^\n]*+)"""
    r"""|(?P<comment>\#[^\n]*+)|(?P<open>[\[{])|(?P<close>[\]}])|(?P<mark>[=,\n])|(?P<other>[^"'#\[\]{}=,\n]++)"""
)
_STATEMENT_START = re.compile(r"^[ \t]*(?:\[{1,2}[^\[\]\n=,]*\]{1,2}[ \t]*(?:#.*)?$|[\w.\"'-]+[ \t]*=)", re.MULTILINE)
_BEFORE_KEY = re.compile(r"(?:\s|#[^\n]*\n)*")
_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    depth: int  # brackets open before it


def _tokens(text: str, start: int = 0) -> Iterator[_Token]:
    depth = 0
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup or ""
        depth -= kind == "close"
        yield _Token(kind, match.group(), match.start(), depth)
        depth += kind == "open"


class _Statement(NamedTuple):
    text: str
    line: int
    unclosed: str  # the bracket or quotes that never close, or ""


def _statements(text: str) -> Iterator[_Statement]:
    """The statements of a file: each ends at the first line end outside of brackets and long strings."""
    start = 0
    while start < len(text):
        end, unclosed = _statement_end(text, start)
        line = text.count("\n", 0, start) + 1
        if unclosed:  # go on at the next line that looks like a statement
            first_line = text.find("\n", start)
            again = _STATEMENT_START.search(text, first_line) if first_line >= 0 else None
            end = again.start() - 1 if again else len(text)
        yield _Statement(text[start:end], line, unclosed)
        start = end + 1


def _statement_end(text: str, start: int) -> tuple[int, str]:
    opened: list[str] = []
    for token in _tokens(text, start):
        if token.text in ('"""', "'''"):
            return len(text), token.text
        if token.kind == "open":
            opened.append(token.text)
        elif token.kind == "close" and opened:
            opened.pop()
        elif token.text == "\n" and not opened:
            return token.start, ""
    return len(text), opened[0] if opened else ""


def read_toml(text: str, source: str, rank: int) -> tuple[list[Given], list[Mistake]]:
    """Every setting and every mistake of a file. What tomllib would refuse never comes back without a mistake."""
    reader = _Reader(source, rank)
    for statement in _statements(text.replace("\r\n", "\n")):
        reader.read(statement)
    if not reader.mistakes:
        reader.judge(text)
    return reader.given, reader.mistakes


def read_inline_table(path: Path, text: str, place: Place) -> tuple[list[Given], list[Mistake]]:
    """A table given as one word, `models.gpt={layers = 4}`."""
    reader = _Reader(place.source, place.rank)
    refusal, _ = _refusal(_Statement(f"table = {text}", 0, ""))
    if refusal:
        return [], [Mistake(place, f"{'.'.join(path)}={text}", refusal, "a table is written {key = value, ...}")]
    reader.take_value(path, text, 0)
    return reader.given, reader.mistakes


@dataclass
class _Reader:
    """What is known of a file so far. `header` is None below one that is refused: its keys are nobody's."""

    source: str
    rank: int
    given: list[Given] = field(default_factory=list[Given])
    mistakes: list[Mistake] = field(default_factory=list[Mistake])
    header: Path | None = ()
    header_place: Place | None = None
    headers: dict[Path, int] = field(default_factory=dict[Path, int])
    values: dict[Path, int] = field(default_factory=dict[Path, int])
    tables: dict[Path, int] = field(default_factory=dict[Path, int])

    def read(self, statement: _Statement) -> None:
        """Take one statement in: a header, a key with its value, or nothing but a comment."""
        solid = [token for token in _tokens(statement.text) if token.kind != "comment" and token.text.strip()]
        if not solid:
            return
        body = statement.text[solid[0].start : solid[-1].start + len(solid[-1].text)].strip()
        refusal, line = _refusal(statement)
        if solid[0].text == "[":
            self._take_header(body, line, refusal)
        elif refusal:
            self._take_unreadable(body, line, refusal)
        elif self.header is not None:
            self._take_pair(self.header, body, line)

    def judge(self, text: str) -> None:
        """Ask tomllib about the whole: there are rules between statements that only it knows."""
        try:
            tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            why, line = _told(error)
            subject = text.split("\n")[line - 1].strip() if line else "the end of the file"
            self._wrong(line or text.count("\n") + 1, subject, why)

    def take_value(self, path: Path, text: str, line: int) -> None:
        """Take in the value of a key, which is known to be TOML; an inline table gives each of its keys in turn."""
        written = f"{'.'.join(path)} = {text}"
        if not text.startswith("{"):
            self._give(path, tomllib.loads(f"value = {text}")["value"], written, line)
            return
        self._give(path, {}, written, line)
        for offset, piece in _pieces(text):
            self._take_pair(path, piece, line + text.count("\n", 0, offset))

    def _take_header(self, body: str, line: int, refusal: str) -> None:
        body = body.split("\n")[0]
        path = _path_of_header(f"{body.split(']')[0]}]" if refusal else body)
        self.header, self.header_place = path, Place(self.rank, line, self.source)
        if refusal:
            self._wrong(line, body, refusal)
        elif body.startswith("[["):
            self._wrong(line, body, "no setting is a list of tables", "a table is written [name]")
        elif path in self.headers:
            self._wrong(line, body, f"this table stands twice, first on line {self.headers[path]}")
        elif path and self._overwrites(path, body, line):
            self.header = None
        elif path:
            self.headers[path] = line
            self._note_tables(path, line)
            self._give(path, {}, body, line)

    def _take_unreadable(self, body: str, line: int, refusal: str) -> None:
        key, equals, value = body.partition("=")
        path = _path_of_key(key.strip()) if equals else None
        word = value.strip()
        help = ""
        if path and re.fullmatch(r"[^\"'\[\]{}\n]+", word):
            help = f"write {word.lower()}" if word in ("True", "False") else f'text stands in quotes: "{word}"'
        self._wrong(line, body.split("\n")[0], refusal, help)
        if path and self.header is not None:
            self.values.setdefault((*self.header, *path), line)
            self._give((*self.header, *path), UNREADABLE, body, line)

    def _take_pair(self, prefix: Path, text: str, line: int) -> None:
        equals = next(token for token in _tokens(text) if token.text == "=" and token.depth == 0)
        path = _path_of_key(text[: equals.start].strip())
        assert path is not None, "a pair that tomllib took has a key"
        full = (*prefix, *path)
        if not self._overwrites(full, text, line):
            self._note_tables(full[:-1], line)
            self.take_value(full, text[equals.start + 1 :].strip(), line)
            self.values[full] = line  # only now: an inline table is open to its own keys, and to no later ones

    def _overwrites(self, path: Path, text: str, line: int) -> bool:
        """Whether something already stands where this should go; then that is a mistake."""
        taken = [part for depth in range(1, len(path) + 1) if (part := path[:depth]) in self.values]
        if taken:
            why = f"{'.'.join(taken[0])} is set twice, first on line {self.values[taken[0]]}"
        elif path in self.tables and not text.startswith("["):
            why = f"{'.'.join(path)} is a table already, since line {self.tables[path]}"
        else:
            return False
        self._wrong(line, text, why)
        return True

    def _note_tables(self, path: Path, line: int) -> None:
        for depth in range(1, len(path) + 1):
            if path[:depth] not in self.values:
                self.tables.setdefault(path[:depth], line)

    def _give(self, path: Path, value: Any, written: str, line: int) -> None:
        place = Place(self.rank, line, self.source)
        self.given.append(Given(path, value, written, place, self.header or (), self.header_place))

    def _wrong(self, line: int, subject: str, why: str, help: str = "") -> None:
        self.mistakes.append(Mistake(Place(self.rank, line, self.source), subject, why, help))


def _told(error: Exception) -> tuple[str, int]:
    """What tomllib says is wrong, and the line; 0 where that is the end of the text."""
    if isinstance(error, RecursionError):
        return "brackets stand too deep inside each other", 1
    found = _POSITION.search(str(error))
    why = _POSITION.sub("", str(error))
    return why[:1].lower() + why[1:], int(found.group(1) or 0) if found else 1


def _refusal(statement: _Statement) -> tuple[str, int]:
    """Why tomllib does not take a statement, empty if it does, and the line of the file that is to blame."""
    if statement.unclosed:
        return f"the {statement.unclosed} is never closed", statement.line
    try:
        tomllib.loads(statement.text)
    except (ValueError, RecursionError) as error:
        why, line = _told(error)
        return why, statement.line + max(line - 1, 0)
    return "", statement.line


def _path_of_key(key: str) -> Path | None:
    """The parts of a dotted key, quotes and all; None where it is not a key."""
    try:
        return _only_path(tomllib.loads(f"{key} = 0"))
    except ValueError:
        return None


def _path_of_header(header: str) -> Path | None:
    try:
        return _only_path(tomllib.loads(header))
    except ValueError:
        return None


def _only_path(tree: Any) -> Path:
    """The path to the one leaf of a tree without branches; `[[name]]` gives a list of one."""
    if isinstance(tree, list):
        return _only_path(tree[0])
    if not isinstance(tree, dict) or not tree:
        return ()
    name, inner = next(iter(cast(dict[str, Any], tree).items()))
    return (name, *_only_path(inner))


def _pieces(table: str) -> Iterator[tuple[int, str]]:
    """The `key = value` pieces of an inline table with their offsets."""
    start = 1
    for token in _tokens(table):
        at_end = token.depth == 0 and token.kind == "close"
        if at_end or (token.text == "," and token.depth == 1):
            piece = table[start : token.start]
            before = _BEFORE_KEY.match(piece)
            indent = before.end() if before else 0
            if piece[indent:]:
                yield start + indent, piece[indent:].strip()
            start = token.start + 1
