"""The run: the main job and its single steps. Put together here, and nowhere else, from all other rooms."""

from etymon.run.ablation import Ablation, Comparison, ablate
from etymon.run.balance import balance_of, trained_on
from etymon.run.budget import Budget
from etymon.run.byte_models import SmallModel
from etymon.run.doctor import Check, diagnose
from etymon.run.flow import Outcome, run_job
from etymon.run.job import Request, etymon_command
from etymon.run.mixture import FittedMixture, fit_mixture
from etymon.run.narrator import Narrator, Silent
from etymon.run.repair import repair_store
from etymon.run.settings import settings_type
from etymon.run.sources import trace_passages
from etymon.run.steps import build_corpus, build_tokenizer, fit_weights, read_corpus_share, working_with, write_on
from etymon.run.torch_wait import torch_is_there
from etymon.run.two_recipes import ablate_recipes
from etymon.run.uses import Uses, uses_of

__all__ = [
    "Ablation",
    "Budget",
    "Check",
    "Comparison",
    "FittedMixture",
    "Narrator",
    "Outcome",
    "Request",
    "Silent",
    "SmallModel",
    "Uses",
    "ablate",
    "ablate_recipes",
    "balance_of",
    "build_corpus",
    "build_tokenizer",
    "diagnose",
    "etymon_command",
    "fit_mixture",
    "fit_weights",
    "read_corpus_share",
    "repair_store",
    "run_job",
    "settings_type",
    "torch_is_there",
    "trace_passages",
    "trained_on",
    "uses_of",
    "working_with",
    "write_on",
]
