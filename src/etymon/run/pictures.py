"""The pictures of the generations, computed from the models of a run within their share of its budget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etymon.run.budget import PICTURES_SHARE
from etymon.run.effective_context import context_part
from etymon.run.generations import generations_part
from etymon.run.job import Job
from etymon.run.sparsity import sparsity_part
from etymon.run.text import Text
from etymon.storage import Artifact


def pictures_of(
    job: Job, text: Text, models: Mapping[str, Artifact], heldout_bytes: int, validation_bytes: int
) -> dict[str, Any]:
    """Their data: functions of the models, the text and the budget alone, so that a resumed run draws the same."""
    share = PICTURES_SHARE / 2
    with job.phase("pictures", "comparing the generations") as progress:
        generations = generations_part(text, models, validation_bytes)
        progress(1, 3)
        sparsity = sparsity_part(job, text, models, heldout_bytes, share)
        progress(2, 3)
        context = context_part(job, text, models, heldout_bytes, share)
        progress(3, 3)
    return {"generations": generations, "sparsity": sparsity, "context": context}
