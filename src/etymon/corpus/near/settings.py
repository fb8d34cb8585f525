"""What counts as a near duplicate, under two names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NearSettings:
    """Two documents are compared where all `rows` hashes of one of `bands` bands agree.

    With `verify` they are copies where the Jaccard similarity of their sets of word 5-grams, computed exactly, reaches
    `threshold`; without, a shared band is enough, as in the published recipe."""

    bands: int
    rows: int
    threshold: float
    verify: bool

    @property
    def hashes(self) -> int:
        """Numbers in a signature."""
        return self.bands * self.rows

    def chance(self, similarity: float) -> float:
        """The chance that two documents of a Jaccard similarity are compared: 1 - (1 - s^rows)^bands (Leskovec et al.,
        Mining of Massive Datasets, section 3.4)."""
        return 1.0 - (1.0 - similarity**self.rows) ** self.bands


PRESETS = {
    # 0.997 of the pairs at similarity 0.7 are compared, and what is compared in vain costs a look.
    "default": NearSettings(bands=31, rows=5, threshold=0.7, verify=True),
    # FineWeb (Penedo et al. 2024, section 3.4): 112 hashes in 14 bands of 8, clusters of whatever shares a band.
    "fineweb": NearSettings(bands=14, rows=8, threshold=0.0, verify=False),
}
