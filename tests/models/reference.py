"""The independent implementation that ours is held against."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest


def transformers(module: str = "") -> Any:
    """The package transformers, or one of its modules; without it a test fails in CI and is skipped elsewhere."""
    if find_spec("transformers") is None:
        told = "transformers, the reference, is not installed (the extra ci)"
        pytest.fail(told) if os.environ.get("CI") == "true" else pytest.skip(told)
    return import_module(f"transformers.{module}" if module else "transformers")
