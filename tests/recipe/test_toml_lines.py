"""Reading TOML statement by statement: the values are tomllib's, the lines are right, and no mistake hides another."""

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etymon.recipe.kinds import quoted
from etymon.recipe.toml import read_toml


def tree_of(text: str) -> dict[str, Any]:
    """The nested values that the reader found in a text without mistakes."""
    given, mistakes = read_toml(text, "file", 0)
    assert mistakes == []
    tree: dict[str, Any] = {}
    for each in given:
        place = tree
        for part in each.path[:-1]:
            place = place.setdefault(part, {})
        if each.value == {}:
            place.setdefault(each.path[-1], {})
        else:
            place[each.path[-1]] = each.value
    return tree


def lines_of(text: str) -> dict[str, int]:
    return {".".join(each.path): each.place.line for each in read_toml(text, "file", 0)[0]}


def complaints(text: str) -> list[tuple[int, str]]:
    return [(mistake.place.line, mistake.why) for mistake in read_toml(text, "file", 0)[1]]


HARD = '''\
# a comment with "quotes", [brackets] and = signs
title = "a # b" # not part of it
"quoted.key" = 'it''s'
a.b.c = 1
a . "b" . d = [ 1, # one ]
  2, "]" ]
text = """
[not.a.table]
x = 1 \\""" still text
"""
literal = \'\'\'
y = """2"""\'\'\'
five = """""two quotes at each end"""""
[table] # comment ]
inline = { x = 1, y = [ { z = "}" }, {} ], deep.er = { still = "," } }
  [ table . "sub" ]
  "=" = "="
  when = 1979-05-27T07:32:00Z
empty = {}
'''.replace("'it''s'", "'its'")


def test_every_construction_gives_what_tomllib_gives() -> None:
    assert tree_of(HARD) == tomllib.loads(HARD)
    assert tree_of(HARD.replace("\n", "\r\n")) == tomllib.loads(HARD)


def test_every_key_knows_its_line() -> None:
    lines = lines_of(HARD)
    wanted = {
        "title": 2,
        "a.b.c": 4,
        "a.b.d": 5,
        "text": 7,
        "literal": 11,
        "five": 13,
        "table": 14,
        "table.inline.x": 15,
    }
    assert {key: lines[key] for key in wanted} == wanted
    assert lines["table.inline.deep.er.still"] == 15
    assert (lines["table.sub"], lines["table.sub.when"], lines["table.sub.empty"]) == (16, 18, 19)


def test_a_key_after_a_long_array_inside_of_an_inline_table_knows_its_own_line() -> None:
    assert lines_of('\nt = { a = [\n "x",\n "y"], b = 2 }\n') == {"t": 2, "t.a": 2, "t.b": 4}


keys = st.text(min_size=1, max_size=4) | st.sampled_from(["a", "b", "c-d", "e_1"])
scalars = st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.text(max_size=12) | st.floats(allow_nan=False)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


def key_text(key: str) -> str:
    plain = key.isascii() and key.replace("-", "a").replace("_", "a").isalnum()
    return key if plain else quoted(key)


def value_text(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key_text(key)} = {value_text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",\n # a comment ] with \" and '\n".join(map(value_text, value)) + "\n]"
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else repr(value)


def document(tree: dict[str, Any], headers: bool) -> str:
    """One of the ways to write a tree: with a header for each table, or with dotted keys."""
    lines: list[str] = []
    for key, value in sorted(tree.items(), key=lambda item: isinstance(item[1], dict) and item[1] != {}):
        if isinstance(value, dict) and value and headers:
            lines += [f"[{key_text(key)}] # here", *(f"{key_text(k)} = {value_text(v)}" for k, v in value.items())]
        elif isinstance(value, dict) and value:
            lines += [f"{key_text(key)} . {key_text(k)}={value_text(v)}" for k, v in value.items()]
        else:
            lines.append(f"  {key_text(key)} = {value_text(value)} # there")
    return "\n\n".join(lines)


@given(st.dictionaries(keys, values, max_size=5), st.booleans())
@settings(max_examples=60)
def test_any_document_gives_what_tomllib_gives(tree: dict[str, Any], headers: bool) -> None:
    text = document(tree, headers)
    assert tree_of(text) == tomllib.loads(text)


snippets = st.sampled_from(
    [
        "a = 1\n",
        "[t]\n",
        "[t.u]\n",
        "t.u.v = 2\n",
        "[[t]]\n",
        'b = "',
        '"""',
        "'''",
        "x = [1,\n",
        "]",
        "{",
        "}",
        "=",
        "#",
        *[
            "\n",
            " ",
            "'",
            '"',
            "\\",
            "a.b",
            "é",
            "\r",
            "\x00",
            "1e400",
            "inf",
            "t = {a = 1, a.b = 2}\n",
            "= 3\n",
            "[",
            ",",
        ],
    ]
)


@given(st.lists(snippets, max_size=12).map("".join))
@settings(max_examples=200)
def test_a_text_has_mistakes_just_where_tomllib_refuses_it(text: str) -> None:
    try:
        expected = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assert complaints(text) != []
    else:
        found, mistakes = read_toml(text, "file", 0)
        lists_of_tables = [mistake for mistake in mistakes if mistake.why == "no setting is a list of tables"]
        assert mistakes == lists_of_tables
        assert mistakes or bool(found) == bool(expected)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("a = 1\nb = \nc = 3\n", 2, "invalid value"),
        ("a = 1\nb 2\n", 2, "expected '=' after a key in a key/value pair"),
        ("a = 1\na = 2\n", 2, "a is set twice, first on line 1"),
        ("b = 1\nb = = 2\n", 2, "invalid value"),
        ("a.b = 1\n[c]\n[a.b]\n", 3, "a.b is set twice, first on line 1"),
        ("a.b = 1\na = 2\n", 2, "a is a table already, since line 1"),
        ("a = {b = 1}\na.c = 2\n", 2, "a is set twice, first on line 1"),
        ("[a]\nb = 1\n[c]\n[a]\n", 4, "this table stands twice, first on line 1"),
        ("a = [1,\n2\nb = 3\n", 1, "the [ is never closed"),
        ('a = """\nb = 3\n', 1, 'the """ is never closed'),
        ('a = [\n1,\n2 3]\nb = "', 3, "unclosed array"),
        ('b = "x\n', 1, "unterminated string"),
        ("[[a]]\n", 1, "no setting is a list of tables"),
        ("[a\nb = 1\n", 1, "the [ is never closed"),
        ("a.b = 1\n[a]\nc = 1\n", 2, "cannot declare ('a',) twice"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, why: str) -> None:
    assert (line, why) == complaints(text)[0]


def test_one_broken_statement_does_not_hide_the_others() -> None:
    text = "a = [1,\nb = 2\nb = 3\nc = nope\n[t]\nd = 1 1\n[t]\ne = '''\nf = 1\nf = 2\n"
    assert [line for line, _ in complaints(text)] == [1, 3, 4, 6, 7, 8, 10]


def test_a_key_whose_first_value_is_broken_is_still_set_twice() -> None:
    assert complaints("a = nope\na = 2\n")[1] == (2, "a is set twice, first on line 1")


def test_keys_after_a_broken_statement_are_still_read() -> None:
    given, _ = read_toml("a = [1,\n[t]\nb = 2\n", "file", 0)
    assert [(each.path, each.value) for each in given][1:] == [(("t",), {}), (("t", "b"), 2)]


def test_brackets_without_end_are_a_mistake_and_no_crash() -> None:
    assert "too deep" in complaints("a = " + "[" * 5000 + "]" * 5000)[0][1]
