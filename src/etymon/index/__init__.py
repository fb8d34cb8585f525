"""The occurrence: where in the training documents a passage stands."""

from etymon.index.passages import Passage, PassageIndex

__all__ = ["Passage", "PassageIndex"]
