"""A Python module's documentation: its docstrings, each headed by the qualified name of what it documents."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator

from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.sources import Source

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """One document per module, from its source text: nothing is imported or run. A bare module gives an empty text."""
    try:
        with tokenize.open(source.path) as stream:
            tree = ast.parse(stream.read())
    except (SyntaxError, ValueError, RecursionError) as error:
        raise Broken("bad Python", str(error)) from error
    module = source.name.rpartition("/")[2]
    parts = [f"{name}\n\n{text.strip()}\n" for name, text in _docstrings(tree, module) if text.strip()]
    yield Found("\n\n".join(parts), 0)


def _docstrings(node: ast.Module | Documented, name: str) -> Iterator[tuple[str, str]]:
    yield name, ast.get_docstring(node) or ""
    for child in node.body:
        if isinstance(child, Documented):
            yield from _docstrings(child, f"{name}.{child.name}")
