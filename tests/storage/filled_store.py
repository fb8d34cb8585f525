"""Short ways to fill a store in tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etymon.storage import Artifact, Store


def sealed(
    store: Store, kind: str = "corpus", files: Mapping[str, bytes] | None = None, *made_from: Artifact, **recipe: Any
) -> Artifact:
    """An artifact with these files, made from these others."""
    inputs = {f"input{number}": artifact.id for number, artifact in enumerate(made_from)}
    with store.create(kind, recipe, inputs, stage_version=1) as draft:
        for name, data in (files or {"data.bin": b"data"}).items():
            draft.write(name, data)
        return draft.seal()
