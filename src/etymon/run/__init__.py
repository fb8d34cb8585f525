"""The run: the main job and its single steps. Put together here, and nowhere else, from all other rooms."""

from etymon.run.budget import Budget
from etymon.run.doctor import Check, diagnose
from etymon.run.flow import Outcome, run_job
from etymon.run.job import Request, etymon_command
from etymon.run.narrator import Narrator, Silent
from etymon.run.settings import settings_type
from etymon.run.sources import trace_passages
from etymon.run.steps import build_corpus, build_tokenizer, write_on
from etymon.run.torch_wait import torch_is_there

__all__ = [
    "Budget",
    "Check",
    "Narrator",
    "Outcome",
    "Request",
    "Silent",
    "build_corpus",
    "build_tokenizer",
    "diagnose",
    "etymon_command",
    "run_job",
    "settings_type",
    "torch_is_there",
    "trace_passages",
    "write_on",
]
