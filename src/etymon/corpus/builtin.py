"""The embedded default: text that every Python installation carries, as documentation and as code."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from etymon.corpus.sources import Source, source_at
from etymon.errors import EtymonError

BUILTIN = "builtin:"
PYTHON = "python:"
TESTS = frozenset(("test", "tests", "idle_test", "__pycache__", "site-packages", "dist-packages"))
TOPICS = Path("pydoc_data", "topics.py")


def _modules(library: Path) -> Iterator[Path]:
    """The source files of the standard library's modules, without its tests, in sorted order."""
    for folder, folders, files in os.walk(library):
        top = Path(folder) == library
        folders[:] = sorted(
            name for name in folders if name not in TESTS and (not top or name in sys.stdlib_module_names)
        )
        for name in sorted(files):
            if name.endswith(".py") and (not top or name[:-3] in sys.stdlib_module_names):
                yield Path(folder, name).relative_to(library)


def _module_name(module: Path) -> str:
    parts = module.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def builtin_sources(name: str) -> list[Source]:
    """The sources of builtin:docs (help topics, then each module's docstrings) or builtin:code (each module's source).

    Raises EtymonError for another name, or where Python's standard library lies without its source files."""
    kind = name.removeprefix(BUILTIN)
    if kind not in ("docs", "code"):
        raise EtymonError(f"there is no {name}", help="the embedded texts are builtin:docs and builtin:code")
    library = Path(sysconfig.get_paths()["stdlib"])
    modules = [each for each in _modules(library) if each != TOPICS and (library / each).stat().st_size]
    if not modules:
        raise EtymonError(f"{name} needs the source files of Python's standard library", where=str(library))
    reader = "docstrings" if kind == "docs" else "code"
    sources = [source_at(library / each, f"{PYTHON}{kind}/{_module_name(each)}", reader) for each in modules]
    if kind == "docs" and (library / TOPICS).exists():
        sources.insert(0, source_at(library / TOPICS, f"{PYTHON}docs/topics", "topics"))
    return sources
