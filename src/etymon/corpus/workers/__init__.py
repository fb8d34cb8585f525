"""Workers: processes that may be killed by anything, and results that do not depend on them."""

from etymon.corpus.workers.job import Outcome
from etymon.corpus.workers.pool import run_tasks, share
from etymon.corpus.workers.process import Budget

__all__ = ["Budget", "Outcome", "run_tasks", "share"]
