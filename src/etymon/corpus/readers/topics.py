"""Python's own help topics: one document per topic."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from etymon.corpus.found import Broken, Fault, Found, Reading
from etymon.corpus.sources import Source


def read(source: Source, reading: Reading) -> Iterator[Found | Fault]:
    """The topics that `help()` shows, from the dictionary literal in pydoc_data/topics.py; the file is not run."""
    try:
        tree = ast.parse(source.path.read_bytes())
        literal = next(node.value for node in tree.body if isinstance(node, ast.Assign))
        topics: dict[str, str] = ast.literal_eval(literal)
    except (SyntaxError, ValueError, StopIteration) as error:
        raise Broken("bad Python", f"{type(error).__name__}: {error}") from error
    for offset, (name, text) in enumerate(topics.items()):
        yield Found(text, offset, url=f"{source.name}/{name}")
