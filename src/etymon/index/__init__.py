"""The occurrence: where in the training documents a passage stands."""

from etymon.index.build import build
from etymon.index.opened import Following, Index, Matches, Occurrence
from etymon.index.passages import Passage, PassageIndex
from etymon.index.suffixes import suffix_array

__all__ = ["Following", "Index", "Matches", "Occurrence", "Passage", "PassageIndex", "build", "suffix_array"]
