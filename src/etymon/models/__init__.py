"""The language model: every family behind one interface, and what it costs. Importing this room imports no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from etymon.models.exchange import Exported, Imported, export_model, import_model
from etymon.models.family import WITHOUT_TORCH, Counts, Family, families, family
from etymon.models.files import SavedModel, listed, load, save, unfit
from etymon.models.infinity import Infinity, InfinitySettings, fitted_infinity
from etymon.models.infinity_gram import InfinityGram
from etymon.models.language_model import FillsIn, Ids, LanguageModel, LogProbs, State, check_ids
from etymon.models.mixture import CACHE, Mixture, MixtureOfModels, fitted_mixture
from etymon.models.ngram import NgramModel, estimate_ngram, extend_ngram
from etymon.models.ngram_arpa import read_arpa, write_arpa
from etymon.models.ngram_cache import UnigramCache
from etymon.models.ngram_lines import LineModel, estimate_lines
from etymon.models.ngram_settings import NAMES as SMOOTHING_NAMES
from etymon.models.ngram_settings import NgramSettings
from etymon.models.ngram_sparsity import unseen
from etymon.models.parts import PART
from etymon.models.weights import fitted_weights

if TYPE_CHECKING:
    from etymon.models.bert import BERT
    from etymon.models.network import Network, Tap, as_tensors, evaluating
    from etymon.models.transformer import Transformer
    from etymon.models.xlnet import XLNet

NEEDS_TORCH = {
    "BERT": "etymon.models.bert",
    "Network": "etymon.models.network",
    "Tap": "etymon.models.network",
    "Transformer": "etymon.models.transformer",
    "XLNet": "etymon.models.xlnet",
    "as_tensors": "etymon.models.network",
    "evaluating": "etymon.models.network",
}

__all__ = [
    "BERT",
    "CACHE",
    "PART",
    "SMOOTHING_NAMES",
    "WITHOUT_TORCH",
    "Counts",
    "Exported",
    "Family",
    "FillsIn",
    "Ids",
    "Imported",
    "Infinity",
    "InfinityGram",
    "InfinitySettings",
    "LanguageModel",
    "LineModel",
    "LogProbs",
    "Mixture",
    "MixtureOfModels",
    "Network",
    "NgramModel",
    "NgramSettings",
    "SavedModel",
    "State",
    "Tap",
    "Transformer",
    "UnigramCache",
    "XLNet",
    "as_tensors",
    "check_ids",
    "estimate_lines",
    "estimate_ngram",
    "evaluating",
    "export_model",
    "extend_ngram",
    "families",
    "family",
    "fitted_infinity",
    "fitted_mixture",
    "fitted_weights",
    "import_model",
    "listed",
    "load",
    "read_arpa",
    "save",
    "unfit",
    "unseen",
    "write_arpa",
]


def __getattr__(name: str) -> Any:
    """What needs torch is imported when it is first asked for."""
    if name not in NEEDS_TORCH:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(NEEDS_TORCH[name]), name)
